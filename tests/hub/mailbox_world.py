"""Mailboxes over a database, whose nodes are known and whose clock is set by hand."""

from __future__ import annotations

import base64
import itertools
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jisr_hub.mailbox.carrying import Mailboxes
from jisr_hub.ports import Member
from jisr_hub.storage.mailbox import SqlPost
from jisr_hub.storage.sql import SqlLedger
from jisr_node import identity
from jisr_node.identity import Birth, RandomBytes
from jisr_protocol import sealed
from jisr_protocol.keys import KeyRing
from jisr_protocol.reader import sealing
from jisr_protocol.refusal import Refusal
from tests.reader.publisher import seeded

NOW = datetime(2026, 6, 2, 12, tzinfo=UTC)
HERE = "jisr:" + "h" * 52
ELSEWHERE = "jisr:" + "e" * 52
CANARY = "canary-zitouna-nightingale"


def drawing(label: str) -> RandomBytes:
    """Bytes that follow from a label, other ones each time."""
    times = itertools.count()
    return lambda count: seeded(label, next(times))[:count]


async def refusal_in(leaving: Awaitable[object], *, whole: bool = False) -> str:
    """The rule under which something was refused, or the whole sentence."""
    try:
        await leaving
    except Refusal as refusal:
        return str(refusal) if whole else refusal.rule
    return ""


class Nodes:
    """Who is known here: a member, its home, its keys."""

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}
        self.keys: dict[str, KeyRing] = {}

    def add(self, label: str, home: str = HERE) -> Birth:
        born = identity.create(drawing(label), NOW)
        self.members[born.identity.id] = Member(born.identity.id, label, "", 1, 1, "", home)
        self.keys[born.identity.id] = born.identity.ring
        return born

    async def member(self, node: str) -> Member | None:
        return self.members.get(node)

    async def rings(self, nodes: Sequence[str]) -> dict[str, KeyRing]:
        return {node: self.keys[node] for node in nodes if node in self.keys}


class World:
    """One hub's mailboxes."""

    def __init__(self, post: Any) -> None:
        self.post, self.nodes, self.now = post, Nodes(), NOW
        self.boxes = self.opened()

    def opened(self) -> Mailboxes:
        """As after a restart."""

        async def address_of(hub: str) -> str:
            return "https://elsewhere.example" if hub == ELSEWHERE else ""

        return Mailboxes(HERE, self.nodes, self.post, lambda: self.now, address_of)


def letter(born: Birth, text: str = CANARY, number: int = 1) -> bytes:
    """A message to this node, sealed."""
    plain = sealed.write(
        id=f"00000000-0000-4000-8000-{number:012d}",
        to=born.identity.id,
        sent=NOW,
        text=text,
        reply="+31 20 000 0000",
        sender={"kind": "person"},
    )
    return sealing.seal(plain, born.identity.ring)


def opened(born: Birth, raw: bytes, now: datetime = NOW) -> sealed.Message:
    """The message again, by the node's own key."""
    plain = sealing.unseal(sealed.parse(raw), [born.identity.key.opening])
    return sealed.read(plain, to=born.identity.id, now=now)


@asynccontextmanager
async def world_over(place: Path | str) -> AsyncIterator[tuple[World, SqlLedger]]:
    ledger = await SqlLedger.open(place, new_epoch="1-aaaaaaaa")
    try:
        yield World(SqlPost(ledger.database)), ledger
    finally:
        await ledger.close()


def forms(text: str) -> list[bytes]:
    """How a text may stand in bytes: as it is, in base64 at each offset, in hexadecimal, escaped."""
    raw = text.encode()
    spelled = [base64.b64encode(b"\0" * shift + raw)[4:-4] for shift in range(3)]
    return [raw, raw.hex().encode(), *spelled]
