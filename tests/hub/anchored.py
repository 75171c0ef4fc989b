"""A network anchor for tests, and what its keys say."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from jisr_hub import log
from jisr_hub.authority.attesting import draft
from jisr_hub.ports import Change, Told
from jisr_protocol import anchor, identifiers, statement
from jisr_protocol.anchor import Anchor
from jisr_protocol.keys import SigningKey
from jisr_protocol.statement import Statement
from tests.hub.author import Author
from tests.hub.hub_in_memory import MemoryHub
from tests.reader.publisher import seeded


class Network:
    """An anchor of three keys, of which two have to sign."""

    def __init__(self, label: str = "network") -> None:
        self.keys = [SigningKey(seeded(label, "anchor", n)) for n in range(3)]
        self.file = anchor.write_file(
            [key.public for key in self.keys],
            name=label,
            threshold=2,
            created="2026-01-01T00:00:00Z",
            salt=identifiers.new_salt(seeded(label, "anchor salt")),
        )
        self.anchor: Anchor = anchor.parse_file(self.file)

    def says(
        self,
        hub: str,
        at: datetime,
        *,
        n: int = 1,
        days: float = 365,
        signers: tuple[int, ...] = (0, 1),
        **members: Any,
    ) -> list[Statement]:
        """What it says of a hub, once for each signing key."""
        members = {"expires": identifiers.to_instant(at + timedelta(days=days)), **members}
        return [self._write(number, statement.HUB, hub, at, n, members) for number in signers]

    def withdraws(self, hub: str, at: datetime, *, n: int = 2) -> list[Statement]:
        return [
            self._write(number, statement.WITHDRAWAL, hub, at, n, {"of": statement.HUB, "reason": "left the network"})
            for number in (0, 2)
        ]

    def _write(self, number: int, type: str, hub: str, at: datetime, n: int, members: dict[str, Any]) -> Statement:
        return statement.write(
            self.keys[number],
            type,
            id=str(uuid.UUID(bytes=seeded(type, hub, n)[:16], version=4)),
            by=self.anchor.id,
            subject=hub,
            n=n,
            issued=identifiers.to_instant(at),
            **members,
        )


async def put_in(hub: MemoryHub, said: list[Statement]) -> None:
    """Put an anchor's word into a hub's own feed, as its operator does."""
    told = [Told(one, one.claimed_kid) for one in said]
    change = Change(identifiers.to_instant(hub.clock()), [draft(one) for one in said], (), told=told)
    await hub.ledger.store(change, log.number)


def names_home(author: Author, home: str, at: datetime, *, n: int = 1) -> Statement:
    """Append the author's own word about its home hub to its public feed."""
    said = statement.write(
        author.writer.key,
        statement.HOME,
        id=str(uuid.UUID(bytes=seeded(author.label, "home", n)[:16], version=4)),
        by=author.id,
        subject=author.id,
        n=n,
        issued=identifiers.to_instant(at),
        home=home,
    )
    author.add(said.envelope)
    return said
