"""Portals that are told, at the desk: how it goes with each, calling one now, telling one no more; and who may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx2 as httpx
import pytest
from starlette.applications import Starlette

from jisr_hub.desk import lists
from jisr_hub.desk.denied import Denied
from jisr_hub.desk.roles import Role
from jisr_hub.storage.desk_open import SqlOpen
from jisr_hub.storage.histories import SqlHistories
from jisr_hub.storage.webhooks import SqlSubscriptions
from jisr_hub.web import desk, problem_documents
from jisr_hub.webhooks.telling import ASKED, LEASE_SECONDS, OFF, ON, Subscription
from jisr_protocol.pages.language import NAMES
from tests.desk.acting import ActingWorld, acting_world, actor
from tests.hub.desk_world import DeskWorld
from tests.hub.test_desk_web import HUB, OURS, sign_in

pytestmark = pytest.mark.anyio
SECRET = "whsec_canary"


class Told:
    """Four portals: one well, one that fails, one that has not answered, one switched off."""

    def __init__(self, acting: ActingWorld) -> None:
        self.acting, self.kept = acting, SqlSubscriptions(acting.hub.ledger)
        bench = replace(acting.bench, subscriptions=self.kept)
        acting.acts._bench = bench
        self.door = DeskWorld(acting.hub.ledger)
        past = SqlHistories(acting.hub.ledger)
        parts = desk.Parts(
            self.door.door, SqlOpen(acting.hub.ledger), HUB, "en", bench=bench, acts=acting.acts, past=past
        )
        app = Starlette(routes=desk.routes(parts), exception_handlers=problem_documents.HANDLERS)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HUB, headers=OURS)
        self.now = int(acting.hub.clock().timestamp())

    async def begin(self) -> Told:
        now, until = self.now, self.now + LEASE_SECONDS
        for one in (
            Subscription("1" * 32, "https://a.example/hook/token", "a.example", SECRET, ON, until, now, told=now - 60),
            Subscription("2" * 32, "https://b.example/hook", "b.example", SECRET, ON, until, now + 3600, failed=3,
                         failing=now - 900, why="it answered 503"),
            Subscription("3" * 32, "https://c.example/hook", "c.example", SECRET, ASKED, until, now),
            Subscription("4" * 32, "https://d.example/hook", "d.example", SECRET, OFF, until, now, why="It is gone."),
        ):  # fmt: skip
            assert await self.kept.add(one, 9, 9)
        for role in Role:
            await self.door.add(f"the-{role.value}", role)
        await sign_in(self.client)
        return self

    async def post(self, kind: str, number: int) -> int:
        form = {"kind": kind, "subject": str(number) * 32, "back": "/desk/subscriptions"}
        return (await self.client.post("/desk/act", data=form)).status_code


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Told]:
    async with acting_world(tmp_path / "hub.sqlite") as acting:
        told = Told(acting)
        async with told.client:
            yield await told.begin()


@pytest.mark.parametrize("code", NAMES)
async def test_the_page_shows_who_needs_somebody_first_and_no_secret(world: Told, code: str) -> None:
    page = (await world.client.get(f"/desk/subscriptions?lang={code}")).text
    places = [page.index(f">{letter}.example<") for letter in "dbac"]
    assert places == sorted(places), "switched off, failing, the rest"
    assert SECRET not in page and "hook" not in page
    assert "it answered 503" in page and ("3 failures in a row" in page) is (code == "en")
    assert page.count('value="subscription_retry"') == 2 and page.count('value="subscription_end"') == 4
    told = await lists.subscriptions(world.kept)
    assert [one["host"][0] for one in told["subscriptions"]] == list("dbac") and SECRET not in str(told)


async def test_one_is_called_now_or_told_no_more(world: Told) -> None:
    assert await world.post("subscription_retry", 2) == 303
    failing, off = await world.kept.get("2" * 32), await world.kept.get("4" * 32)
    assert failing is not None and off is not None
    assert (failing.due, failing.failed, failing.state) == (world.now, 3, ON), "at once, and still known as failing"
    assert await world.post("subscription_retry", 4) == 303
    off = await world.kept.get("4" * 32)
    assert off is not None and (off.state, off.why, off.due) == (ASKED, "", world.now), "it is asked anew first"
    assert await world.post("subscription_retry", 1) != 303, "nothing failed"
    assert await world.post("subscription_end", 1) == 303
    assert await world.kept.get("1" * 32) is None
    assert await world.post("subscription_end", 1) != 303
    page = (await world.client.get("/desk/subscriptions")).text
    assert "a.example" not in page
    lines = await world.acting.lines(kinds=("subscription_retry", "subscription_end"), outcome="done")
    assert [line.words and line.words.sentence for line in lines] == ["a.example", "d.example", "b.example"]
    assert SECRET not in str(await world.acting.rows()) and await world.acting.faults() == []


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.CURATOR])
async def test_who_does_not_look_after_other_hubs_looks_and_does_not_act(world: Told, role: Role) -> None:
    await world.client.post("/desk/sign-out")
    await sign_in(world.client, f"the-{role.value}")
    page = (await world.client.get("/desk/subscriptions")).text
    assert "b.example" in page and "subscription_" not in page
    for kind in ("subscription_retry", "subscription_end"):
        with pytest.raises(Denied):
            await world.acting.do(kind, "2" * 32, who=actor(role))
