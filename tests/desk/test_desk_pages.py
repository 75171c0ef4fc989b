"""Acting at the desk over HTTP: who may reach what, each act and its undoing, step-up, lists, names that deceive, and
what is typed into every field."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from starlette.applications import Starlette

from jisr_hub.authority.admissions import Request
from jisr_hub.desk import sessions
from jisr_hub.desk.denied import Why
from jisr_hub.desk.lookalikes import Sign, flags
from jisr_hub.desk.roles import Role
from jisr_hub.desk.table import ACTS
from jisr_hub.storage.desk_open import SqlOpen
from jisr_hub.storage.histories import SqlHistories
from jisr_hub.takedown.acknowledging import Acknowledgements
from jisr_hub.web import desk, problem_documents
from jisr_hub.web.desk.wording import KINDS, OUTCOMES
from jisr_hub.web.page import static_routes
from jisr_protocol import notice
from jisr_protocol.pages.language import NAMES
from tests.desk.acting import ActingWorld, acting_world
from tests.hub.author import Author
from tests.hub.desk_world import PASSWORD, DeskWorld
from tests.hub.hub_in_memory import MemoryHub
from tests.hub.test_desk_web import COOKIE, HUB, OURS, sign_in

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[ActingWorld]:
    async with acting_world(tmp_path / "hub.sqlite") as world:
        yield world


@pytest.fixture
async def door(world: ActingWorld) -> DeskWorld:
    door = DeskWorld(world.hub.ledger)
    for role in Role:
        await door.add(f"the-{role.value}", role)
    return door


def app_of(world: ActingWorld, door: DeskWorld) -> Starlette:
    past = SqlHistories(world.hub.ledger)
    parts = desk.Parts(door.door, SqlOpen(world.hub.ledger), HUB, "en", bench=world.bench, acts=world.acts, past=past)
    return Starlette(routes=[*desk.routes(parts), *static_routes()], exception_handlers=problem_documents.HANDLERS)


def browser(world: ActingWorld, door: DeskWorld) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app_of(world, door)), base_url=HUB, headers=OURS)


@pytest.fixture
async def client(world: ActingWorld, door: DeskWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(world, door) as client:
        await sign_in(client)
        yield client


async def act(client: Any, kind: str, subject: str, back: str = "/desk", **fields: str) -> Any:
    return await client.post("/desk/act", data={"kind": kind, "subject": subject, "back": back, **fields})


# Rights: every way, every role

NOBODY, AUDITOR, CURATOR, OPERATOR, STALE = "nobody", "auditor", "curator", "operator", "operator, an hour later"
MAY = {
    ("GET", "/desk/log"): (303, 200, 403, 200, 200),
    ("GET", "/desk/log.csv"): (303, 200, 403, 200, 200),
    ("GET", "/desk/log.json"): (303, 200, 403, 200, 200),
    ("GET", "/desk/nodes"): (303, 200, 200, 200, 200),
    ("GET", "/desk/node"): (303, 404, 404, 404, 404),
    ("POST", "/desk/nodes/invite"): (401, 403, 403, 200, 200),
    ("GET", "/desk/holds"): (303, 200, 200, 200, 200),
    ("GET", "/desk/blocks.json"): (303, 403, 200, 200, 200),
    ("GET", "/desk/blocks.csv"): (303, 403, 200, 200, 200),
    ("POST", "/desk/holds/import"): (401, 403, 403, 422, 403),
    ("GET", "/desk/record"): (303, 404, 404, 404, 404),
    ("POST", "/desk/act"): (401, 403, 403, 403, 403),
    ("POST", "/desk/undo"): (401, 422, 422, 422, 422),
    ("POST", "/desk/approve"): (401, 422, 422, 422, 422),
    ("POST", "/desk/decline"): (401, 422, 422, 422, 422),
}
FORMS = {
    "/desk/act": {"kind": "block", "subject": "x"},
    "/desk/undo": {"n": "1"},
    "/desk/approve": {"ticket": "none"},
    "/desk/decline": {"ticket": "none"},
    "/desk/holds/import": {"list": "no list"},
    "/desk/nodes/invite": {"name": "Dar"},
}


async def test_every_route_of_acting_stands_in_the_table(world: ActingWorld, door: DeskWorld) -> None:
    plain = desk.routes(desk.Parts(door.door, SqlOpen(world.hub.ledger), HUB, "en"))
    known = {route.name for route in plain}
    names = {
        route.name for route in app_of(world, door).routes if getattr(route, "name", "").startswith(("GET", "POST"))
    }
    assert {tuple(name.split(" ")) for name in names - known} == MAY.keys()


@pytest.mark.parametrize("who", [NOBODY, AUDITOR, CURATOR, OPERATOR, STALE])
async def test_each_role_reaches_what_the_table_says(world: ActingWorld, door: DeskWorld, who: str) -> None:
    for (method, path), answers in MAY.items():
        if (method, path, who) == ("POST", "/desk/act", OPERATOR):
            continue  # the next test
        async with browser(world, door) as client:
            if who != NOBODY:
                await sign_in(client, f"the-{who.partition(',')[0]}")
            if who == STALE:
                for _ in range(3):
                    door.clock.pass_(sessions.IDLE_SECONDS - 600)
                    assert (await client.get("/desk")).status_code == 200
            answer = await client.request(method, path, data=FORMS.get(path) if method == "POST" else None)
            expected = answers[(NOBODY, AUDITOR, CURATOR, OPERATOR, STALE).index(who)]
            assert answer.status_code == expected, (method, path, answer.text[:500])
            if expected >= 400:
                assert re.search(r"<h1>|role=\"alert\"", answer.text), "a refusal is a sentence on a page"
    assert (await world.view())["blocks"] == []


# Acts and undoing


async def test_a_record_is_held_seen_and_shown_again(world: ActingWorld, client: Any) -> None:
    one = world.subject("one")
    before = await world.view()
    back = f"/desk/record?of={one}"
    done = await act(client, "hold", one, back, days="3", reason="a wrong number")
    assert done.headers["location"] == f"{back}&done=1"
    page = (await client.get(done.headers["location"])).text
    assert "Held back" in page and "Undo act 1" in page and "a wrong number" in page
    assert world.author.id in (await client.get("/desk/holds")).text
    home = (await client.get("/desk")).text
    assert "What you did lately" in home and "Undo act 1" in home
    log = (await client.get("/desk/log")).text
    assert "1 act was written down here" in log and "Undo act 1" in log
    undone = await client.post("/desk/undo", data={"n": "1", "back": back})
    assert undone.headers["location"] == f"{back}&done=2"
    assert await world.view() == before
    again = await client.post("/desk/undo", data={"n": "1", "back": back})
    assert (again.status_code, "was undone already, by act 2" in again.text) == (422, True)


async def test_a_node_is_let_in_from_the_page_and_another_refused(world: ActingWorld, client: Any) -> None:
    page = (await client.get("/desk/nodes")).text
    assert "دار الجسر" in page and world.stranger.id in page
    await act(client, "admit", world.stranger.id, "/desk/nodes", name="Dar", countries="ma, nl")
    assert (await world.view())["nodes"][world.stranger.id][0] == "Dar"
    one = (await client.get(f"/desk/node?of={world.stranger.id}")).text
    assert "MA NL" in one and "Let a node in" in one
    await act(client, "quota", world.stranger.id, per_hour="7", per_day="9")
    await act(client, "withdraw", world.stranger.id, reason="it closed")
    assert (await world.view())["nodes"][world.stranger.id][1:4] == (7, 9, False)
    refused = await act(client, "withdraw", world.stranger.id)
    assert (refused.status_code, "Say why, in a few words" in refused.text) == (422, True)


async def test_the_link_of_an_invitation_is_shown_once_and_stands_in_no_log(world: ActingWorld, client: Any) -> None:
    page = await client.post("/desk/nodes/invite", data={"name": "Dar", "days": "3", "countries": "MA"})
    (link,) = re.findall(r"https://hub\.example/join#\S+?(?=<)", page.text)
    code = link.rpartition(".")[2]
    assert code not in (await client.get("/desk/nodes")).text
    rows = b"".join(row.line.encode() + (row.words or b"") for row in await world.rows())
    assert code.encode() not in rows and b"Dar" in rows
    assert "Dar" in (await client.get("/desk/nodes")).text
    wrong = await client.post("/desk/nodes/invite", data={"days": "500"})
    assert (wrong.status_code, "Expected 1 to 90 days" in wrong.text) == (422, True)


async def test_the_page_of_a_record_shows_versions_what_is_said_and_the_way(world: ActingWorld, client: Any) -> None:
    one = world.subject("one")
    world.author.put("one", name={"ar": {"value": "الاسم الجديد", "origin": "author"}})
    await world.hub.push(world.author)
    said = await act(client, "say", one, predicate="corrects", pointer="/status", value="paused", reason="seen")
    assert said.status_code == 303
    page = (await client.get(f"/desk/record?of={one}")).text
    assert "<del" in page and "<ins" in page and "الاسم الجديد" in page
    assert "corrected" in page and "seen" in page and "/status" in page
    assert '<svg class="way-drawn"' in page and page.count("<li>") > 2 and world.hub.id in page
    assert page.count('class="way-drawn"') == 1 and 'aria-hidden="true"' in page
    address = (await world.hub.entries()).popitem()[0]
    assert (await client.get(f"/desk/record?of={address}")).status_code == 200
    await act(client, "say", one, predicate="suppressed", reason="closed")
    assert "It is not shown." in (await client.get(f"/desk/record?of={one}")).text


async def test_a_version_that_was_refused_is_shown_beside_the_last_good_one(world: ActingWorld, client: Any) -> None:
    world.author.put("one", founded="long ago")
    await world.hub.push(world.author)
    page = (await client.get(f"/desk/record?of={world.subject('one')}")).text
    assert "Newer versions that were not taken" in page and "schema" in page


# Step-up, second persons


async def test_a_block_asks_to_confirm_first(world: ActingWorld, door: DeskWorld, client: Any) -> None:
    door.clock.pass_(sessions.FRESH_SECONDS)
    fields = {"until": "2026-12-24", "reason": "a complaint", "note": "of the police"}
    refused = await act(client, "block", world.author.id, **fields)
    assert (refused.status_code, "/desk/confirm" in refused.text) == (403, True)
    assert (await world.view())["blocks"] == []
    await client.post("/desk/confirm", data={"password": PASSWORD})
    assert (await act(client, "block", world.author.id, **fields)).status_code == 303
    page = (await client.get("/desk/holds")).text
    assert "of the police" in page and "a complaint" in page and "2026-12-24" in page
    async with browser(world, door) as other:
        await sign_in(other, "the-auditor")
        seen = (await other.get("/desk/holds")).text
        assert "a complaint" in seen and "of the police" not in seen, "the note is for who may hold"


async def test_a_second_person_approves_on_the_home(tmp_path: Path) -> None:
    async with acting_world(tmp_path / "hub.sqlite", second_person=True) as world:
        door = DeskWorld(world.hub.ledger)
        for name in ("desk-one", "desk-two"):
            await door.add(name, Role.OPERATOR)
        async with browser(world, door) as one, browser(world, door) as two:
            await sign_in(one, "desk-one")
            await sign_in(two, "desk-two")
            asked = await act(one, "block", world.author.id, reason="a complaint", until="2026-12-24")
            assert asked.headers["location"] == "/desk?waits"
            assert "waits until a second person" in (await one.get("/desk?waits")).text
            assert "/desk/approve" not in (await one.get("/desk")).text, "one's own is not offered"
            (ticket,) = re.findall(r'/desk/approve"><input type="hidden" name="ticket" value="(\w+)"',
                                   (await two.get("/desk")).text)  # fmt: skip
            own = await one.post("/desk/approve", data={"ticket": ticket})
            assert (own.status_code, Why.SAME_PERSON.value in own.text) == (403, True)
            assert (await two.post("/desk/approve", data={"ticket": ticket})).status_code == 303
            assert len((await world.view())["blocks"]) == 1


# Lists


async def test_a_list_is_shown_before_it_is_taken_in(world: ActingWorld, client: Any) -> None:
    node, other = world.author.id, Author("somebody").id
    text = json.dumps({"blocks": [
        {"node": node, "until": "2026-12-24", "reason": "a complaint"},
        {"node": other, "record": "*", "until": "2026-12-24", "reason": "of another hub"},
        {"node": other, "until": "2020-01-01", "reason": "over"},
        {"node": "nobody", "until": "2026-12-24", "reason": "x"},
        {"node": node, "record": world.subject("one").split("/")[1], "until": "2026-12-24", "reason": ""},
    ]})  # fmt: skip
    page = (await client.post("/desk/holds/import", data={"list": text})).text
    assert page.count("will be blocked") == 2 and page.count("cannot be taken") == 3 and "Block 2 of them" in page
    assert (await world.view())["blocks"] == []
    done = (await client.post("/desk/holds/import", data={"list": text, "sure": "1"})).text
    assert "2 blocks were taken in." in done
    assert {(one[0], one[1]) for one in (await world.view())["blocks"]} == {(node, "*"), (other, "*")}
    exported = (await client.get("/desk/blocks.json")).json()
    assert {one["node"] for one in exported["blocks"]} == {node, other}
    table = (await client.get("/desk/blocks.csv")).text
    again = (await client.post("/desk/holds/import", data={"list": table})).text
    assert again.count("is blocked as long already") == 2 and "of them" not in again
    assert "note" not in exported["blocks"][0], "a note stays here"


@pytest.mark.parametrize("text", ["no list", '{"blocks": 5}', "[1]", "a,b\n1,2", '{"blocks": [{"node": 1}]}'])
async def test_what_is_no_list_changes_nothing(world: ActingWorld, client: Any, text: str) -> None:
    answer = await client.post("/desk/holds/import", data={"list": text, "sure": "1"})
    assert (answer.status_code, "Expected a list of blocks" in answer.text) == (422, True)
    assert (await world.view())["blocks"] == []


async def test_the_log_is_filtered_and_taken_home(world: ActingWorld, client: Any) -> None:
    await act(client, "hold", world.subject("one"), days="3", reason="=1+1")
    await act(client, "quota", world.author.id, per_hour="7", per_day="9")
    assert "hold" in (await client.get("/desk/log?kind=hold")).text
    lines = (await client.get("/desk/log.json?kind=quota")).json()
    assert [(one["kind"], one["who"], one["members"]["per_hour"]) for one in lines] == [("quota", "the-operator", "7")]
    rows = list(csv.DictReader(io.StringIO((await client.get("/desk/log.csv")).text)))
    assert [row["kind"] for row in rows] == ["quota", "hold"]
    assert rows[1]["reason"] == "'=1+1", "no cell is a formula"
    assert "No act is like this." in (await client.get("/desk/log?who=nobody&before=x&since=%00")).text


# What deceives, what is typed


@pytest.mark.parametrize(
    ("name", "known", "signs"),
    [
        ("Саritas", ["Caritas"], {Sign.MIXED, Sign.LIKE}),
        ("Сагіtаѕ", [], {Sign.MIXED}),
        ("Fund\u202eyenoM", [], {Sign.TURNED}),
        ("Cari\u200btas", ["Caritas"], {Sign.UNSEEN, Sign.LIKE}),
        ("Modern Aid", ["Modem Aid"], {Sign.LIKE}),
        ("АВС", ["ABC"], {Sign.LIKE}),
        ("ＣＡＲＩＴＡＳ", ["Caritas"], {Sign.LIKE}),
        ("جمعیة", ["جمعية"], {Sign.LIKE}),
        ("Caritas", ["Caritas"], set()),
        ("Zaytuna Café", ["Zeytuna Cafe"], set()),
        ("دار الجسر", ["Dar al-Jisr"], set()),
        ("ⵜⴰⵎⴰⵣⵉⵖⵜ", [], set()),
        ("Красный Крест", [], set()),
        ("", [""], set()),
    ],
)
def test_names_that_deceive_are_flagged_and_honest_ones_are_not(name: str, known: list[str], signs: set[Sign]) -> None:
    assert {flag.sign for flag in flags(name, known)} == signs


async def test_a_name_that_looks_like_another_is_flagged_where_it_is_let_in(world: ActingWorld, client: Any) -> None:
    for n, name in enumerate(("dаr", "Fund\u202eyenoM")):  # the first a is Cyrillic
        asks = Request(Author(f"imitator {n}").id, name, f"192.0.{n}.0/24", "2026-08-30T08:00:00Z", b"")
        assert await world.store.put(asks, most=9, of_one_source=9)
    page = (await client.get("/desk/nodes")).text
    assert "This name looks like another one:" in page and "<bdi>dar</bdi>" in page
    assert "characters that turn the direction" in page
    assert "\u202e" not in page, "and what turns is not written"


NAUGHTY = (
    "<script>alert(1)</script>",
    '" onfocus="alert(1)',
    "{{ 7*7 }}",
    "%(name)s %s %",
    "'; DROP TABLE act;--",
    "a\u202eb",
    "\0",
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    "x" * 1200,
    "../../etc",
    "Ω≈ç√∫˜µ≤≥÷",
)


@pytest.mark.parametrize("text", NAUGHTY, ids=lambda text: repr(text[:12]))
async def test_what_is_typed_into_any_field_comes_back_as_text(world: ActingWorld, client: Any, text: str) -> None:
    one = world.subject("one")
    answers = [await act(client, kind, subject, text, **dict.fromkeys(("reason", "note", "name"), text), **more)
               for kind, subject, more in (
                   ("hold", one, {"days": "2"}), ("hold", text, {}), ("block", one, {"until": "2026-12-24"}),
                   ("block", one, {"until": text}), ("say", one, {"predicate": "suppressed"}),
                   ("say", one, {"predicate": text}),
                   ("say", one, {"predicate": "corrects", "pointer": text, "value": text}),
                   ("quota", world.author.id, {"per_hour": text}), ("admit", world.stranger.id, {"countries": text}),
                   ("bound", world.author.id, {"types": text}), ("take_back", text, {}), ("hear", text, {}),
                   (text, one, {}),
               )]  # fmt: skip
    answers += [await client.post("/desk/undo", data={"n": text})]
    answers += [await client.post("/desk/nodes/invite", data={"name": text, "days": text})]
    answers += [await client.post("/desk/holds/import", data={"list": text})]
    pages = [await client.get("/desk/log", params={"who": text, "subject": text}), await client.get("/desk/log")]
    pages += [
        await client.get("/desk/record", params={"of": text}),
        await client.get("/desk/node", params={"of": text}),
    ]
    pages += [await client.get("/desk/holds", params={"about": text}), await client.get(f"/desk/record?of={one}")]
    pages += [await client.get("/desk/nodes"), await client.get("/desk")]
    for answer in (*answers, *pages):
        assert answer.status_code in (200, 303, 400, 403, 404, 422), answer.text[:300]
        assert not re.search(r"<script|\sonfocus=\"|>49<|\u202e", answer.text)
        assert answer.headers.get("location", "/desk").startswith("/desk")
    assert await world.faults() == []


@pytest.mark.parametrize(
    "back", ["https://evil.example", "//evil.example", "/\\evil.example", "/desk\\..", "", "/desk/sign-out"]
)
async def test_no_act_leads_out_of_the_desk(world: ActingWorld, client: Any, back: str) -> None:
    answer = await act(client, "hold", world.subject("one"), back, days="2")
    assert answer.headers["location"] == "/desk?done=1"


async def test_only_acts_that_pages_offer_can_be_asked_for(world: ActingWorld, client: Any) -> None:
    for kind in ("erase", "key", "rebase", "account", "invite", "none", ""):
        assert (await act(client, kind, world.subject("one"), reason="x")).status_code == 400, kind
    assert await world.lines() == []


async def test_no_act_is_taken_from_another_site(world: ActingWorld, client: Any) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        form = {"kind": "hold", "subject": world.subject("one"), "days": "2"}
        assert (await client.post("/desk/act", data=form, headers=headers)).status_code == 403
        assert (await client.post("/desk/undo", data={"n": "1"}, headers=headers)).status_code == 403
    assert await world.lines() == []
    assert client.cookies[COOKIE]


@pytest.mark.parametrize("code", NAMES)
async def test_every_page_speaks_each_language(world: ActingWorld, client: Any, code: str) -> None:
    await act(client, "hold", world.subject("one"), days="2", reason="why")
    one, node = world.subject("one"), world.author.id
    for path in (
        "/desk/log?a=1",
        "/desk/nodes?a=1",
        "/desk/holds?a=1",
        f"/desk/node?of={node}",
        f"/desk/record?of={one}",
    ):
        page = (await client.get(f"{path}&lang={code}")).text
        assert f'<html lang="{code}" dir="{"rtl" if code == "ar" else "ltr"}">' in page, path
        assert ("Audit log" in page or "Out of sight" in page) is (code == "en"), path
    refused = await client.post(f"/desk/act?lang={code}", data={"kind": "withdraw", "subject": node})
    assert ("Say why, in a few words." in refused.text) is (code == "en")


def test_every_act_and_outcome_has_words() -> None:
    assert ACTS.keys() <= KINDS.keys()
    assert len(OUTCOMES) == 6


async def test_a_notice_that_does_not_bind_here_is_decided_on_the_home(world: ActingWorld, client: Any) -> None:
    stranger = MemoryHub("a hub far away")
    record = world.subject("one").split("/")[1]
    for n, action in enumerate(("hold", "erase", "hold"), 1):
        said = notice.write(
            stranger.identity.key, id=f"00000000-0000-4000-8000-00000000000{n}", action=action, by=stranger.id,
            node=world.author.id, ids=(record,), max_rev=9, n=n, issued="2026-08-30T08:00:00Z", basis="asked for",
            expires="2026-09-05T08:00:00Z" if action == "hold" else None,
        )  # fmt: skip
        ring = [list(stranger.identity.ring.statements)]
        (answer,) = await Acknowledgements(world.hub.hub).take([said.envelope.raw], ring)
        assert "outcome" in answer, answer
    page = (await client.get("/desk")).text
    assert "Notices that ask for a decision" in page and "asked for" in page
    first, second, third = (f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))
    assert (await act(client, "notice_accept", first, reason="we agree")).status_code == 303
    assert (await world.view())["holds"][world.author.id, record] is not None or await world.hub.ledger.held_back()
    by_command = await act(client, "notice_accept", second, reason="we agree")
    assert (by_command.status_code, "jisr-hub notices accept" in by_command.text) == (422, True)
    for one in (second, third):
        assert (await act(client, "notice_decline", one, reason="not here")).status_code == 303
    assert "Notices that ask for a decision" not in (await client.get("/desk")).text
    again = await act(client, "notice_decline", third, reason="not here")
    assert (again.status_code, "decided already" in again.text) == (422, True)
