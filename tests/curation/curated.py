"""A hub in SQL whose operator curates, for tests.

async with curated_hub(place) as hub:                         a file, or a PostgreSQL address
    await hub.say("same_as", author, "one", "two")
    await hub.shown()                                         the names that entries have, `one+two` for what is one
    await hub.index()                                         the rows of the index
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from jisr_hub.curation.merging import Entry
from jisr_hub.curation.saying import Saying
from jisr_hub.curation.words import Word
from jisr_hub.ports import Key
from jisr_hub.storage import tables as t
from jisr_hub.storage.curation import ACCEPT, SqlCuration
from jisr_hub.storage.sql import SqlLedger
from jisr_protocol import identifiers
from tests.hub.author import Author, record_id
from tests.hub.hub_in_memory import MemoryHub
from tests.reader.publisher import seeded

EPOCH = "1-hhhhhhha"


class CuratedHub(MemoryHub):
    def __init__(self, label: str, ledger: SqlLedger, **options: Any) -> None:
        super().__init__(label, ledger=ledger, **options)
        self.curation = SqlCuration(ledger, self.id)
        self._drawn = 0
        self.saying = Saying(self.hub, self.curation.words, self._draw)

    def _draw(self, count: int) -> bytes:
        self._drawn += 1
        return seeded(self.id, "said", self._drawn)[:count]

    @property
    def today(self) -> str:
        return identifiers.to_instant(self.clock())[:10]

    async def say(self, predicate: str, author: Author, *labels: str, **members: Any) -> Word:
        if predicate in ("suppressed", "disputed"):
            members = {"reason": {"en": {"origin": "author", "value": "seen on the spot"}}, **members}
        return await self.saying.say(predicate, [key_of(author, label) for label in labels], **members)

    async def accept(self, other: MemoryHub, decision: str = ACCEPT) -> None:
        await self.curation.decide(other.id, decision, identifiers.to_instant(self.clock()))

    async def entries(self) -> dict[str, Entry]:
        """The merged directory as it is shown, after what is new was followed."""
        await self.curation.follow(self.today)
        return {one.address: one async for part in self.curation.entries(self.today) for one in part}

    async def shown(self, author: Author, *labels: str) -> set[str]:
        names = {key_of(author, label): label for label in labels}
        found = await self.entries()
        return {"+".join(sorted(names[one.node, one.id] for one in entry.records)) for entry in found.values()}

    async def index(self) -> dict[str, set[tuple[Any, ...]]]:
        """What stands in the index; where the log was read to is no part of it."""
        tables = (t.word, t.word_about, t.merged)
        return {table.name: {tuple(row) for row in await self.ledger.rows(sa.select(table))} for table in tables}


def key_of(author: Author, label: str) -> Key:
    return author.id, record_id(label)


@contextlib.asynccontextmanager
async def curated_hub(place: Path | str, label: str = "hub", **options: Any) -> AsyncIterator[CuratedHub]:
    ledger = await SqlLedger.open(place, new_epoch=EPOCH)
    try:
        hub = CuratedHub(label, ledger, **options)
        await hub.begin()
        yield hub
    finally:
        await ledger.close()
