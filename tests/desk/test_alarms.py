"""What of sources and peers needs somebody: one queue by harm and likelihood, on the home, with one main act each."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from starlette.applications import Starlette

from jisr_hub.desk import alarms
from jisr_hub.desk.alarms import HARM, LOOK, RETRY, Alarm
from jisr_hub.desk.roles import Role
from jisr_hub.desk.sources import Direction, Source
from jisr_hub.desk.works import holding
from jisr_hub.ports.history import Condition, Order, Round, Way
from jisr_hub.views.policies import Brake
from jisr_hub.web import desk, problem_documents
from jisr_hub.web.desk.source_words import ALARMS
from jisr_protocol import identifiers
from tests.desk.watched import HUB, OURS, PEER, Watched, parts_of, watched

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 9, 10, 12, tzinfo=UTC)


def ago(**time: float) -> str:
    return identifiers.to_instant(NOW - timedelta(**time))


def source(name: str, outcome: str = "verified", way: Way = Way.PULL, *, failures: int = 0, success: str = "",
           stopped: str = "", **members: Any) -> Source:  # fmt: skip
    held = Condition(name, way, run_at=ago(minutes=5), outcome=outcome, since=ago(hours=1), failures=failures,
                     success_at=success or ago(hours=2))  # fmt: skip
    return Source(name, name, "", way == Way.PEER, [Direction(way, held, Order(stopped_at=stopped), [])], **members)


def test_the_queue_is_ordered_by_harm_and_likelihood_and_says_one_act() -> None:
    sources = [
        source("fails", "temporary", failures=1),
        source("silent", way=Way.PUSH, success=ago(days=31)),
        source("broken", "unreachable", failures=30, success=ago(days=2)),
        source("well"),
        source("stopped", "temporary", failures=9, stopped=ago(hours=1)),
        source("renames", alarms=[Round("renames", Way.PULL, ago(hours=1), "x", ago(hours=1), alarm="renamed")]),
        source("ends", alarms=[Round("ends", Way.PUSH, ago(hours=2), "x", ago(hours=2), alarm="crept", gone=7)]),
        source("dropped", way=Way.PEER, brake=Brake("dropped", 9, 20, False)),
        source("kept", way=Way.PEER, brake=Brake("kept", 9, 20, False), kept=9),
        source("forks", "fork", way=Way.PEER, failures=1),
        source("late", way=Way.PEER),
    ]
    queue = alarms.alarms(sources, {"late": 2}, NOW)
    assert [one.source for one in queue] == ["dropped", "forks", "late", "ends", "renames", "broken", "silent", "fails"]
    assert [one.weight for one in queue] == sorted((one.weight for one in queue), reverse=True)
    acts = {one.source: one.act for one in queue}
    assert (acts["broken"], acts["fails"], acts["forks"], acts["dropped"]) == (RETRY, RETRY, LOOK, LOOK)
    assert {one.source: one.count for one in queue}["late"] == 2
    assert alarms.alarms(sources[::-1], {"late": 2}, NOW) == queue


def test_every_alarm_has_words_and_a_weight() -> None:
    assert ALARMS.keys() == HARM.keys()
    assert all(Alarm(kind, "x", "x", "").weight > 0 for kind in HARM)


# On the pages


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Watched]:
    async with watched(tmp_path / "hub.sqlite") as world:
        parts = replace(parts_of(world.acting, world.door), acts=world.acting.acts, bench=world.acting.bench)
        app = Starlette(routes=desk.routes(parts), exception_handlers=problem_documents.HANDLERS)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HUB, headers=OURS) as client:
            world.client = client
            await world.sign_in(Role.OPERATOR)
            yield world


async def test_the_home_shows_the_queue_with_a_way_to_each(world: Watched) -> None:
    page = (await world.get("/desk")).text
    assert page.index("Much is gone there at once") < page.index("Its publisher has ended everything")
    links = re.findall(r'class="act" href="(/desk/sources/[^"]+)"', page)
    assert links == [f"/desk/sources/{PEER}", f"/desk/sources/{world.author.id}"]
    for link in links:
        assert (await world.get(link)).status_code == 200


async def test_acks_that_are_overdue_stand_on_the_peers_page_and_in_the_queue(world: Watched) -> None:
    acting = world.acting
    await acting.do("follower_add", PEER, name="Hub Elsewhere")
    await acting.do("hold", acting.subject("one"), "a wrong number", days=3)
    assert "overdue" not in (await world.get(f"/desk/sources/{PEER}")).text
    acting.hub.clock.pass_time(seconds=25 * 3600)
    page = (await world.get(f"/desk/sources/{PEER}")).text
    assert "Its word about notices is overdue" in page and acting.author.id in page
    assert "Its word about notices is overdue" in (await world.get("/desk")).text
    assert "overdue" not in (await world.get(f"/desk/sources/{world.author.id}")).text


async def test_a_block_is_said_anew_before_its_hold_ends_and_ends_on_its_day(world: Watched) -> None:
    """`renew_blocks` is what keeps a block that is longer than a hold may be."""
    acting = world.acting
    node, target = holding.target_of(acting.subject("one"))
    day = (acting.hub.clock() + timedelta(days=40)).date().isoformat()
    await acting.do("block", acting.subject("one"), "a complaint", until=day)

    async def until() -> str:
        return str((await holding.standing(acting.bench, node, target)).get("until", ""))

    first = await until()
    assert await holding.renew_blocks(acting.bench) == 0, "there is time"
    renewed = []
    for _ in range(45):
        acting.hub.clock.pass_time(seconds=86_400)
        assert await holding.renew_blocks(acting.bench) <= 1
        assert await holding.renew_blocks(acting.bench) == 0, "once is enough"
        renewed.append(await until())
        if identifiers.to_instant(acting.hub.clock())[:10] <= day:
            assert renewed[-1] > identifiers.to_instant(acting.hub.clock()), "not a moment without it"
    assert len(set(renewed) - {first, ""}) >= 3
    assert max(renewed) == f"{day}T23:59:59Z" and renewed[-1] == ""
    assert await acting.blocks.all() == []
