"""A hub whose sources are looked at by people: a node that ended everything, one that is well, a peer with a brake."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2 as httpx
from starlette.applications import Starlette

from jisr_hub.desk.roles import Role
from jisr_hub.ports import Peer
from jisr_hub.ports.history import Way
from jisr_hub.storage.desk_open import SqlOpen
from jisr_hub.storage.sources import SqlSources
from jisr_hub.views.policies import Brake
from jisr_hub.web import desk, problem_documents
from jisr_hub.web.page import static_routes
from tests.desk.acting import ActingWorld, acting_world
from tests.hub.author import Author
from tests.hub.desk_world import PASSWORD, DeskWorld

HUB = "https://hub.example"
OURS = {"Sec-Fetch-Site": "same-origin"}
PEER = "jisr:" + "b" * 52
BRAKED = 9


class Watched:
    def __init__(self, acting: ActingWorld, client: httpx.AsyncClient, door: DeskWorld) -> None:
        self.acting, self.hub, self.client, self.door = acting, acting.hub, client, door
        self.sources = SqlSources(acting.hub.ledger)
        self.author, self.other = Author("ended"), Author("well")

    async def begin(self) -> Watched:
        for author, labels in ((self.author, ("r0", "r1", "r2")), (self.other, ("good",))):
            for label in labels:
                author.put(label)
            await self.hub.admit(author)
            await self.hub.push(author)
        await self._flush()
        for label in ("r0", "r1", "r2"):
            self.author.delete(label)
        await self.hub.push(self.author, 4)
        await self.hub.ledger.keep_peer(Peer(PEER, "Hub Elsewhere", "https://elsewhere.example", 0, ""))
        notes = self.hub.hub.notes
        notes.begin(PEER, Way.PEER)
        notes.end(PEER, Way.PEER, "braked", "its feed dropped much")
        await self.sources.keep_brake(PEER, Brake(PEER, BRAKED, 20, False), "2026-09-01T00:00:00Z")
        await self._flush()
        return self

    async def _flush(self) -> None:
        self.hub.clock.pass_time(seconds=100)
        await self.hub.hub.notes.flush(self.sources, 0.0, all=True)

    async def get(self, path: str, **query: str) -> httpx.Response:
        return await self.client.get(path, params=query)

    async def post(self, act: str, source: str, more: str = "") -> httpx.Response:
        return await self.client.post("/desk/sources/act", data={"act": act, "source": source, "more": more})

    @contextlib.asynccontextmanager
    async def as_role(self, role: Role) -> AsyncIterator[None]:
        """Somebody of this role is signed in instead of the operator."""
        await self.sign_in(role)
        yield
        await self.sign_in(Role.OPERATOR)

    async def sign_in(self, role: Role) -> None:
        await self.client.post("/desk/sign-out")
        answer = await self.client.post("/desk/sign-in", data={"name": f"the-{role.value}", "password": PASSWORD})
        assert answer.status_code == 303


def parts_of(acting: ActingWorld, door: DeskWorld, address: str = HUB) -> desk.Parts:
    watching = desk.Watching(SqlSources(acting.hub.ledger), acting.acts, acting.hub.clock)
    return desk.Parts(door.door, SqlOpen(acting.hub.ledger), address, "en", watching=watching)


@contextlib.asynccontextmanager
async def watched(place: Path | str) -> AsyncIterator[Watched]:
    async with acting_world(place) as acting:
        door = DeskWorld(acting.hub.ledger)
        for role in Role:
            await door.add(f"the-{role.value}", role)
        app = Starlette(
            routes=[*desk.routes(parts_of(acting, door)), *static_routes()],
            exception_handlers=problem_documents.HANDLERS,
        )
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HUB, headers=OURS) as client:
            world = await Watched(acting, client, door).begin()
            await world.sign_in(Role.OPERATOR)
            yield world
