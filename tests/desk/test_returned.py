"""What comes back at the desk: reports of mistakes and of what is missing, by page, by call and by command."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import httpx2 as httpx
import pytest
from starlette.applications import Starlette

from jisr_hub.desk.roles import Role
from jisr_hub.reports.taking import Reports, Said
from jisr_hub.storage.desk_open import SqlOpen
from jisr_hub.storage.histories import SqlHistories
from jisr_hub.storage.reports import SqlReports
from jisr_hub.storage.usage import SqlUses
from jisr_hub.usage.counting import Counting
from jisr_hub.web import desk, problem_documents
from jisr_hub.web.desk_api import DeskApi
from jisr_protocol.keys import KeyRing
from jisr_protocol.pages.language import NAMES
from tests.curation.curated import key_of
from tests.desk.acting import ActingWorld, acting_world
from tests.hub.desk_world import DeskWorld
from tests.hub.test_desk_api import World
from tests.hub.test_desk_web import HUB, OURS, sign_in

pytestmark = pytest.mark.anyio


class NoBoxes:
    """A hub that keeps no messages of anybody."""

    async def ring_of(self, node: str) -> KeyRing | None:
        return None

    async def put(self, node: str, raw: bytes) -> str:
        raise AssertionError("no message was to be kept")


class Returned:
    """A mistake and something that is missing, and somebody at the desk."""

    def __init__(self, acting: ActingWorld) -> None:
        self.acting, database = acting, acting.hub.ledger.database
        self.reports = Reports(SqlReports(database), NoBoxes(), acting.hub.clock, acting.hub._draw)
        bench = replace(acting.bench, reports=SqlReports(database))
        acting.acts._bench = bench
        uses, door = SqlUses(acting.hub.ledger), DeskWorld(acting.hub.ledger)
        back = desk.Back(self.reports, uses, Counting(uses, acting.hub.clock, UTC))
        past = SqlHistories(acting.hub.ledger)
        parts = desk.Parts(
            door.door, SqlOpen(acting.hub.ledger), HUB, "en", bench=bench, acts=acting.acts, past=past, back=back
        )
        app = Starlette(routes=desk.routes(parts), exception_handlers=problem_documents.HANDLERS)
        self.door, self.bench = door, bench
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HUB, headers=OURS)

    async def begin(self) -> Returned:
        for role in Role:
            await self.door.add(f"the-{role.value}", role)
        said = Said(key_of(self.acting.author, "one"), "hours", "closed on Friday", "", "en")
        await self.reports.take(said, "", "", "192.0.2.7")
        self.acting.hub.clock.pass_time(seconds=1)
        await self.reports.miss("a <b>library</b> near Larache", "ar", "192.0.2.7")
        await sign_in(self.client)
        return self


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Returned]:
    async with acting_world(tmp_path / "hub.sqlite") as acting:
        returned = Returned(acting)
        async with returned.client:
            yield await returned.begin()


async def test_the_page_shows_both_and_deletes_what_somebody_looked_at(world: Returned) -> None:
    page = (await world.client.get("/desk/returned")).text
    assert "closed on Friday" in page and "a &lt;b&gt;library&lt;/b&gt; near Larache" in page
    assert "2 reports of readers wait" in (await world.client.get("/desk")).text
    mistake, missing = await world.reports.open()
    assert missing.subject == f"missing/{missing.number}" and f'value="{missing.subject}"' in page
    for one in (mistake, missing):
        form = {"kind": "report_done", "subject": one.subject, "back": "/desk/returned"}
        assert (await world.client.post("/desk/act", data=form)).status_code == 303
    page = (await world.client.get("/desk/returned")).text
    assert "No report waits." in page and "Nobody has missed anything." in page
    assert missing.subject in (await world.client.get("/desk/log")).text
    assert "of readers" not in (await world.client.get("/desk")).text
    assert await world.acting.faults() == []


async def test_programs_read_and_delete_the_same(world: Returned) -> None:
    one = World(world.acting)
    one.api = DeskApi(one.tokens, world.acting.acts, one.api._open, one.accounts, world.bench)
    served = Starlette(routes=one.api.routes(), exception_handlers=problem_documents.HANDLERS)
    one.client = httpx.AsyncClient(transport=httpx.ASGITransport(served), base_url=HUB)
    token = await one.token(Role.CURATOR, name="somebody")
    told = (await one.call(token, "GET", "/v1/desk/reports")).json()["reports"]
    assert [each["what"] for each in told] == ["hours", "missing"]
    asked = {"kind": "report_done", "subject": told[1]["subject"]}
    assert (await one.call(token, "POST", "/v1/desk/acts", asked)).status_code == 200
    assert [each.what for each in await world.reports.open()] == ["hours"]
    await one.client.aclose()


@pytest.mark.parametrize("code", NAMES)
async def test_the_page_speaks_each_language(world: Returned, code: str) -> None:
    page = (await world.client.get(f"/desk/returned?lang={code}")).text
    assert ("What readers did not find" in page) is (code == "en")
