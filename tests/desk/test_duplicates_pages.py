"""The pages of likely duplicates over HTTP: who may look and decide, what an answer does, undo, and split."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from starlette.applications import Starlette

from jisr_hub.curation.merging import address
from jisr_hub.desk import lists
from tests.curation.curated import key_of
from tests.desk.doubles_world import NAUGHTY, DoublesWorld, doubles_world
from tests.hub.test_desk_web import HUB, OURS, sign_in

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[DoublesWorld]:
    async with doubles_world(tmp_path / "hub.sqlite") as world:
        yield world


@pytest.fixture
async def client(world: DoublesWorld) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=world.routes(HUB))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HUB, headers=OURS) as client:
        yield client


async def answer(client: httpx.AsyncClient, world: DoublesWorld, said: str, until: str = "", reason: str = "") -> Any:
    given = {**world.both("amal", "amal2"), "answer": said, "until": until, "reason": reason}
    return await client.post("/desk/duplicates/answer", data=given)


async def words(client: httpx.AsyncClient, path: str) -> str:
    """What a page says."""
    shown = await client.get(path, follow_redirects=True)
    assert shown.status_code == 200, shown.text
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", shown.text)))


async def test_nobody_sees_them_unasked_and_who_audits_decides_nothing(
    world: DoublesWorld, client: httpx.AsyncClient
) -> None:
    paths = ("/desk/duplicates", world.pair("amal", "amal2"), "/desk/merged?entry=x")
    assert [(await client.get(path)).status_code for path in paths] == [303] * 3
    await sign_in(client, "the-auditor")
    assert (await client.get("/desk/duplicates")).status_code == 200
    assert "Not the same" not in await words(client, world.pair("amal", "amal2"))
    assert [(await answer(client, world, "merge")).status_code, await world.hub.curation.said()] == [403, []]


async def test_two_records_stand_side_by_side_with_reasons_a_map_and_what_a_merge_changes(
    world: DoublesWorld, client: httpx.AsyncClient
) -> None:
    await sign_in(client, "the-curator")
    queue = await words(client, "/desk/duplicates")
    assert "2 pairs wait." in queue and "strong" in queue
    both = await words(client, world.pair("amal", "amal2"))
    assert "says much The same phone: +212539123456" in both
    assert "https://amal.example" in both and "2 records are one entry" in both
    lead = min(key_of(world.author, label) for label in ("amal", "amal2"))
    assert f"/directory/{address(lead)}" in both
    shown = (await client.get(world.pair("dar", "dar2"))).text
    assert '<svg class="small-map"' in shown and NAUGHTY not in shown
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', shown), "nothing is asked of another host"


@pytest.mark.parametrize(
    ("said", "until", "sentence"),
    [
        ("merge", "", "They are one entry now."),
        ("apart", "", "They stay two."),
        ("unsure", "", "Kept as unsure."),
        ("later", "2999-01-01", "on the day you said"),
    ],
)
async def test_each_answer_takes_the_pair_out_of_the_queue_and_undo_brings_it_back(
    world: DoublesWorld, client: httpx.AsyncClient, said: str, until: str, sentence: str
) -> None:
    await sign_in(client, "the-curator")
    before = await world.view()
    done = await answer(client, world, said, until, "seen on the spot")
    assert done.status_code == 303
    queue = await words(client, done.headers["location"])
    assert sentence in queue and "1 pair waits." in queue
    n = re.search(r"n=(\d+)", done.headers["location"])
    assert n is not None
    back = await client.post("/desk/duplicates/undo", data={"n": n[1], "back": "/desk/duplicates"})
    assert "2 pairs wait." in await words(client, back.headers["location"])
    assert await world.view() == before


async def test_what_cannot_be_is_said_and_changes_nothing(world: DoublesWorld, client: httpx.AsyncClient) -> None:
    await sign_in(client, "the-curator")
    before = await world.view()
    past = await answer(client, world, "later", "2020-01-01")
    assert past.status_code == 409 and "a day to come" in past.text
    assert (await answer(client, world, "perhaps")).status_code == 400
    wrong = {"one": "x", "other": "y", "answer": "merge", "until": "", "reason": ""}
    assert (await client.post("/desk/duplicates/answer", data=wrong)).status_code == 404
    assert (await client.get("/desk/duplicates/pair?one=&other=")).status_code == 404
    assert (await client.post("/desk/duplicates/undo", data={"n": "999", "back": "//evil.example"})).status_code == 409
    assert (await client.get("/desk/merged?entry=none")).status_code == 404
    assert await world.view() == before


async def test_a_record_is_split_off_and_the_address_that_lost_leads_to_the_one_that_stands(
    world: DoublesWorld, client: httpx.AsyncClient
) -> None:
    await sign_in(client, "the-curator")
    await answer(client, world, "merge")
    keys = [key_of(world.author, label) for label in ("amal", "amal2")]
    lead, lost = sorted(map(address, keys), key=lambda name: name != address(min(keys)))
    led = await client.get(f"/desk/merged?entry={lost}")
    assert (led.status_code, led.headers["location"]) == (303, f"/desk/merged?entry={lead}")
    entry = await words(client, f"/desk/merged?entry={lead}")
    assert "Association Amal" in entry and "not shown" in entry
    given = {"record": "/".join(max(keys)), "back": f"/desk/merged?entry={lead}"}
    split = await client.post("/desk/merged/split", data=given)
    assert "out of the entry" in await words(client, split.headers["location"])
    entries = await world.hub.entries()
    assert {lead, lost} <= set(entries)
    n = re.search(r"n=(\d+)", split.headers["location"])
    assert n is not None
    await client.post("/desk/duplicates/undo", data={"n": n[1], "back": ""})
    assert lost not in await world.hub.entries()


async def test_what_was_answered_with_unsure_or_later_is_listed_to_come_back_to(
    world: DoublesWorld, client: httpx.AsyncClient
) -> None:
    await sign_in(client, "the-curator")
    assert "Every pair was decided" in await words(client, "/desk/duplicates/answers")
    await answer(client, world, "later", until="2099-01-01")
    given = {**world.both("dar", "dar2"), "answer": "unsure", "until": "", "reason": ""}
    await client.post("/desk/duplicates/answer", data=given)
    said = await words(client, "/desk/duplicates/answers")
    assert said.index("Asked again on a day") < said.index("Nobody could say"), "what comes back by itself is first"
    assert "Fondation Amal" in said and "the-curator" in said
    assert {one["answer"] for one in (await lists.answers(world.doubles))["answers"]} == {"later", "unsure"}
    page = (await client.get("/desk/duplicates/answers")).text
    assert page.count('name="kind" value="unanswer"') == 2
    subject = " ".join(world.both("amal", "amal2").values())
    assert subject in page
    await world.do("unanswer", subject)
    assert "Asked again on a day" not in await words(client, "/desk/duplicates/answers")
    assert "Amal" in await words(client, "/desk/duplicates")
    await client.post("/desk/sign-out")
    await sign_in(client, "the-auditor")
    assert 'value="unanswer"' not in (await client.get("/desk/duplicates/answers")).text
