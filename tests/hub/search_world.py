"""A hub in SQL that is searched, for tests.

async with searched_hub(place) as world:
    await world.fill(NEAR_BOTH_SHORES)             records by label, members as a node writes them
    await world.find("kinder")                     labels of what is found, best first
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jisr_hub.directory.query import read
from jisr_hub.directory.searching import Searching
from jisr_hub.ports.search import Found, Query
from jisr_hub.storage.search import SqlDocuments
from tests.curation.curated import CuratedHub, curated_hub
from tests.hub.author import Author, record_id

Members = Mapping[str, Any]


def said(**texts: str) -> dict[str, Any]:
    """A text in languages."""
    return {lang: {"value": value, "origin": "author"} for lang, value in texts.items()}


def place(north: str, east: str, precision: str = "exact", **members: Any) -> dict[str, Any]:
    """A location's members."""
    point = {"latitude": north, "longitude": east, "precision": precision}
    return {"type": "location", "privacy": "exact", "coordinates": point, **members}


@dataclass
class SearchedHub:
    """A curated hub, its documents, and one process that searches them."""

    hub: CuratedHub
    author: Author = field(default_factory=lambda: Author("searched"))
    labels: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.documents = SqlDocuments(self.hub.ledger, self.hub.curation)
        self.searching = Searching(self.documents, self.hub.clock)

    def put(self, label: str, type: str = "service", **members: Any) -> None:
        if type == "service":
            members.setdefault("organization", record_id("nobody"))
        members.setdefault("type", f"org.jisr.{type}/1")
        self.labels[record_id(label)] = label
        self.author.put(label, **members)

    async def fill(self, records: Mapping[str, Members]) -> None:
        await self.hub.admit(self.author)
        for label, members in records.items():
            self.put(label, **members)
        await self.push()

    async def push(self) -> None:
        await self.hub.push(self.author)
        await self.look()

    async def look(self) -> None:
        """What a hub's duties do by themselves."""
        await self.hub.curation.follow(self.hub.today)
        while await self.documents.follow(self.hub.today):
            pass
        await self.searching.refresh()

    async def ask(self, words: str = "", **members: Any) -> Found:
        return await self.searching.find(Query(words, **members))

    async def find(self, words: str = "", **members: Any) -> list[str]:
        return self.called(await self.ask(words, **members))

    async def by(self, *pairs: tuple[str, str]) -> list[str]:
        """By a query string."""
        return self.called(await self.searching.find(read(pairs, self.hub.clock()).query))

    def called(self, found: Found) -> list[str]:
        return [self.labels[hit.id] for hit in found.hits]


@contextlib.asynccontextmanager
async def searched_hub(place: Path | str, **options: Any) -> AsyncIterator[SearchedHub]:
    async with curated_hub(place, **options) as hub:
        yield SearchedHub(hub)
