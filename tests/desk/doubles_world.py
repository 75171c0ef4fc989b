"""A desk with likely duplicates on it: a hub whose curator decides, its search, and people who may sign in.

async with doubles_world(place) as world:
    world.pair("amal", "amal2")          the address of the page that shows these two
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.routing import BaseRoute

from jisr_hub.app.beside import Within
from jisr_hub.app.curating import Searching
from jisr_hub.desk.acts import Acts
from jisr_hub.desk.roles import Role
from jisr_hub.storage.desk_open import SqlOpen
from jisr_hub.storage.doubles import SqlDoubles
from jisr_hub.web import desk
from jisr_hub.web.page import static_routes
from tests.curation.curated import curated_hub, key_of
from tests.desk.acting import ActingWorld
from tests.hub.desk_world import DeskWorld

PHONE = {"contact_points": [{"role": "general", "phone": "+212539123456"}]}
WHERE = {"latitude": "33.971600", "longitude": "-6.849800", "precision": "exact"}
NAUGHTY = '<script>alert(1)</script>" onload=x'


class DoublesWorld(ActingWorld):
    async def open(self) -> DoublesWorld:
        await self.begin()
        self.doubles = SqlDoubles(self.hub.ledger, self.hub.id)
        self.bench = replace(self.bench, doubles=self.doubles)
        self.acts = Acts(self.journal, self.hub.identity, self.hub.clock, self.hub._draw, self.bench)
        self.searching = Searching(self.doubles, Within(), 0)
        self.desk = DeskWorld(self.hub.ledger)
        for role in Role:
            await self.desk.add(f"the-{role.value}", role)
        self.write("amal", {"ar": "جمعية الأمل", "en": "Association Amal"}, **PHONE)
        self.write("amal2", {"en": "Fondation Amal"}, **PHONE, websites=["https://amal.example"])
        for label in ("dar", "dar2"):
            place = {"type": "org.jisr.location/1", "privacy": "exact", "coordinates": WHERE}
            self.write(label, {"en": "Dar Agdal Cultural House", "fr": NAUGHTY}, **place)
        await self.hub.push(self.author)
        await self.follow()
        return self

    def write(self, label: str, names: dict[str, str], **members: Any) -> None:
        name = {lang: {"value": text, "origin": "author"} for lang, text in names.items()}
        self.author.put(label, **{"type": "org.jisr.organization/1", "name": name, **members})

    async def follow(self) -> None:
        await self.hub.curation.follow(self.hub.today)
        await self.searching.round()

    def pair(self, one: str, other: str) -> str:
        return f"/desk/duplicates/pair?{urlencode(self.both(one, other))}"

    def both(self, one: str, other: str) -> dict[str, str]:
        keys = sorted(key_of(self.author, label) for label in (one, other))
        return {"one": "/".join(keys[0]), "other": "/".join(keys[1])}

    def routes(self, address: str) -> list[BaseRoute]:
        curating = desk.Curating(self.acts, self.doubles, self.hub.curation, self.hub.clock)
        parts = desk.Parts(self.desk.door, SqlOpen(self.hub.ledger), address, "en", curating=curating)
        return [*desk.routes(parts), *static_routes()]


@contextlib.asynccontextmanager
async def doubles_world(place: Path | str) -> AsyncIterator[DoublesWorld]:
    async with curated_hub(place, attests=True) as hub:
        yield await DoublesWorld(hub).open()
