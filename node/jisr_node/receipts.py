"""Who has confirmed this node's erasures: acks that the home hub holds, each verified under its own hub's keys.

The home hub's ack names the hubs that follow it, theirs the ones below them (`awaits`), so the whole way down is shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from jisr_protocol import ack as acks
from jisr_protocol import entry, keys, notice_call
from jisr_protocol.ack import Ack
from jisr_protocol.limits import ACK_HOURS
from jisr_protocol.refusal import Refusal

from .ports import Store


@dataclass(frozen=True, slots=True)
class Said:
    """A notice of this node: its digest, action, targets, and when it was signed."""

    digest: str
    action: str
    ids: tuple[str, ...]
    issued: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What hubs say about one notice: hub → outcome, and those that have not said anything, in time or late."""

    said: Said
    confirmed: dict[str, str]
    overdue: tuple[str, ...]
    waited_for: tuple[str, ...]


def notices(store: Store) -> list[Said]:
    """The notices in this node's feeds, each once, oldest first."""
    found: dict[str, Said] = {}
    for feed in store.feeds():
        for line in store.lines(feed.name, 0, feed.size):
            if line.op in ("erase", "hold", "unhold"):
                said = entry.parse(line.raw)
                value = said.thing.value if said.thing is not None else {}
                ids = () if value["ids"] == "*" else tuple(value["ids"])
                found[said.digest or ""] = Said(said.digest or "", said.op, ids, value["issued"])
    return sorted(found.values(), key=lambda one: one.issued)


def read(said: Said, home: str, raw: bytes | None, now: datetime) -> Confirmed:
    """What the home hub answered comes to; None when it does not hold the notice yet. Only what verifies counts."""
    heard = {ack.by: ack for ack in _verified(said, raw, now)} if raw is not None else {}
    asked, todo = {home}, [home]
    while todo:
        own = heard.get(todo.pop())
        for hub in own.awaits if own is not None else ():
            if hub not in asked:
                asked.add(hub)
                todo.append(hub)
    silent = tuple(sorted(asked - heard.keys()))
    late = now > datetime.fromisoformat(said.issued) + timedelta(hours=ACK_HOURS)
    outcomes = {hub: ack.outcome for hub, ack in sorted(heard.items())}
    return Confirmed(said, outcomes, silent if late else (), () if late else silent)


def _verified(said: Said, raw: bytes, now: datetime) -> Iterable[Ack]:
    call = notice_call.parse(raw)
    rings = {}
    for chain in call.chains:
        try:
            ring = keys.fold(chain)
            rings[ring.id] = ring
        except Refusal:
            continue
    for thing in call.said:
        try:
            ack = acks.parse(thing)
            if ack.notice == said.digest and ack.by in rings:
                yield acks.verified(ack, rings[ack.by], now=now)
        except Refusal:
            continue
