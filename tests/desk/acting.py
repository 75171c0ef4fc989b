"""A hub whose people act, on any database: an author with records is admitted, another node waits to be let in.

async with acting_world(place) as world:
    await world.do("hold", world.subject("one"), "a wrong number", days=3)
    await world.undo(1)
    await world.view()                      all that is shown: entries, holds, blocks, nodes, requests, words
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from jisr_hub.authority.admissions import Admissions, Request
from jisr_hub.desk.acts import Actor, Acts, By, Done
from jisr_hub.desk.bench import Bench
from jisr_hub.desk.chain import Line, Proof, Row, Wanted
from jisr_hub.desk.roles import RIGHTS, Right, Role
from jisr_hub.storage import journal
from jisr_hub.storage.admissions import SqlAdmissions
from jisr_hub.storage.doubles import SqlDoubles
from jisr_hub.storage.journal import SqlBlocks, SqlJournal
from jisr_hub.storage.sources import SqlSources
from jisr_protocol import keys
from jisr_protocol.constraints import Constraints
from tests.curation.curated import CuratedHub, curated_hub, key_of
from tests.hub.author import Author
from tests.hub.test_erasure import erasures_of

AT = "2026-08-30T08:00:00Z"
QUOTA = {"per_hour": 100_000, "per_day": 100_000}


def actor(role: Role = Role.OPERATOR, *, name: str = "", fresh: bool = True, by: By = By.PAGE) -> Actor:
    return Actor(name or f"the-{role.value}", role, fresh, by)


class ActingWorld:
    def __init__(self, hub: CuratedHub, *, second_person: bool = False) -> None:
        self.hub, self.accounts = hub, [Role.OPERATOR, Role.OPERATOR, Role.CURATOR, Role.AUDITOR]
        self.store = SqlAdmissions(hub.ledger.database)
        self.journal, self.blocks = SqlJournal(hub.ledger.database), SqlBlocks(hub.ledger.database)
        self.bench = Bench(
            hub.hub, erasures_of(hub), Admissions(hub.hub, self.store, hub.clock, **QUOTA), self.store, hub.curation,
            hub.saying, self.blocks, hub._draw, "en", "https://hub.example", **QUOTA,
            sources=SqlSources(hub.ledger), doubles=SqlDoubles(hub.ledger, hub.identity.id),
        )  # fmt: skip
        self.acts = Acts(
            self.journal, hub.identity, hub.clock, hub._draw, self.bench, second_person=second_person, able=self._able
        )
        self.author, self.stranger = Author("dar"), Author("the one who waits")

    async def begin(self) -> ActingWorld:
        for label in ("one", "two", "three"):
            self.author.put(label)
        await self.hub.admit(self.author)
        await self.hub.push(self.author)
        ring = self.stranger.writer.ring
        asks = Request(ring.id, "دار الجسر", "192.0.2.0/24", AT, keys.write_file(ring))
        assert await self.store.put(asks, most=9, of_one_source=9)
        return self

    async def _able(self, right: Right) -> int:
        return sum(right in RIGHTS[role] for role in self.accounts)

    def subject(self, label: str) -> str:
        return "/".join(key_of(self.author, label))

    async def do(
        self, kind: str, subject: str = "", reason: str = "", who: Actor | None = None, **members: Any
    ) -> Done:
        return await self.acts.do(who or actor(), kind, subject, reason, **members)

    async def undo(self, n: int, reason: str = "", who: Actor | None = None) -> Done:
        return await self.acts.undo(who or actor(), n, reason)

    async def lines(self, **wanted: Any) -> list[Line]:
        """Newest first."""
        return await self.journal.lines(Wanted(**wanted))

    async def rows(self) -> list[Row]:
        async with self.hub.ledger.database.reading() as connection:
            return [row async for part in journal.rows_of(connection) for row in part]

    async def faults(self) -> list[str]:
        """What the proof of the audit log says."""
        proof = Proof(self.hub.identity.ring)
        return [fault for row in await self.rows() for fault in proof.take(row)]

    async def view(self) -> dict[str, Any]:
        """All that acts change, without when and by which number it was said."""
        hub, ledger = self.hub, self.hub.ledger
        nodes = {}
        for member in await ledger.members():
            told = await ledger.told([member.node])
            standing, _ = await hub.hub.attesting.standing(member, told, hub.clock())
            bounds = standing.constraints if standing is not None and standing.holds else Constraints()
            holds = standing is not None and standing.holds
            nodes[member.node] = (member.name, member.per_hour, member.per_day, holds, bounds.to_value())
        entries = {
            name: msgspec.to_builtins(entry) | {"remarks": [], "fields": {
                field: (one.shown.value, [other.value for other in one.others]) for field, one in entry.fields.items()
            }}
            for name, entry in (await hub.entries()).items()
        }  # fmt: skip
        keys_ = [(self.author.id, target) for target in ("*", *(key_of(self.author, x)[1] for x in ("one", "two")))]
        return {
            "live": {key for key in await hub.live() if key[0] != hub.id},
            "entries": entries,
            "holds": await ledger.holds(keys_),
            "blocks": [(one.node, one.target, one.until, one.note) for one in await self.blocks.all()],
            "nodes": nodes,
            "requests": [msgspec.to_builtins(one) for one in await self.store.requests()],
            "voices": {k: v for k, v in (await hub.curation.decisions()).items() if v == "accept"},
            "words": sorted((w.predicate, w.subjects) for w in await hub.curation.said()),
            "followers": [(one.hub, one.name) for one in await ledger.followers()],
        }


@contextlib.asynccontextmanager
async def acting_world(place: Path | str, **options: Any) -> AsyncIterator[ActingWorld]:
    async with curated_hub(place, attests=True) as hub:
        yield await ActingWorld(hub, **options).begin()
