"""Pages beside an entry: the sheet, the contact, the report of a mistake; what is missing; what an invitation opens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from structlog.testing import capture_logs

from jisr_hub.mail.letters import Correspondent
from jisr_hub.mail.occasions import Owners
from jisr_hub.mailbox.carrying import Mailboxes
from jisr_hub.reports import taking
from jisr_hub.reports.taking import KEPT_DAYS, Reports, clean, without_traces
from jisr_hub.storage import archive
from jisr_hub.storage.letters import SqlPostbox
from jisr_hub.storage.mailbox import SqlPost
from jisr_hub.storage.reports import SqlReports
from jisr_hub.web import problem_documents
from jisr_hub.web.page import static_routes
from jisr_hub.web.public import join, missing, refer, report
from jisr_hub.web.public.beside import Beside
from jisr_hub.web.public.counted import counted
from jisr_hub.web.public.results import MISSING
from jisr_protocol import canonical, sealed
from jisr_protocol.keys import encryption_key
from jisr_protocol.pages.language import NAMES
from jisr_protocol.reader import sealing
from jisr_protocol.refusal import refuse
from tests.hub.author import Author, record_id
from tests.hub.mailbox_world import forms
from tests.hub.memory_directory import MemoryDirectory, identifier, record
from tests.hub.test_erasure import erase
from tests.hub.viewed import ViewedHub, viewed_hub

pytestmark = pytest.mark.anyio
FORM = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Mozilla/5.0"}
CANARY = "canary-zitouna-heron"


@dataclass
class World:
    hub: ViewedHub
    dar: Author
    boxes: Mailboxes
    reports: Reports
    client: httpx.AsyncClient
    used: list[str]

    def place(self, page: str = "") -> str:
        return f"/directory/{self.dar.id}/{record_id('one')}{page}"

    async def post(self, page: str, **fields: str) -> httpx.Response:
        return await self.client.post(self.place(page), content=urlencode(fields), headers=FORM)

    async def miss(self, words: str) -> httpx.Response:
        return await self.client.post(MISSING, content=urlencode({"words": words}), headers=FORM)


def text(french: str) -> dict[str, dict[str, str]]:
    return {"fr": {"value": french, "origin": "author"}}


def directory(dar: Author) -> MemoryDirectory:
    where = record(7, "location", addresses=[{"street": text("12 rue du Port"), "country": "MA"}], node=dar.id)
    one = record(
        1,
        id=record_id("one"),
        node=dar.id,
        lang="fr",
        name=text("Cours du soir"),
        referral={"who_may_refer": text("Les écoles"), "response_days": 3},
        how_to_apply=text("Appelez d'abord"),
        contact_points=[{"role": "reception", "phone": "+212539000000"}],
        at=[{"location": identifier(7)}],
    )
    return MemoryDirectory([one, where])


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with viewed_hub(tmp_path / "hub.sqlite") as hub:
        dar = Author("dar")
        await hub.admit(dar)
        dar.put("one")
        await hub.push(dar)

        async def nowhere(_: str) -> str:
            return ""

        async def key_of(node: str) -> bytes | None:
            ring = await boxes.ring_of(node)
            return encryption_key(ring) if ring is not None else None

        boxes = Mailboxes(hub.id, hub.ledger, SqlPost(hub.ledger.database), hub.clock, nowhere)
        numbers = iter(range(1, 1000))
        reports = Reports(
            SqlReports(hub.ledger.database), boxes, hub.clock, lambda count: next(numbers).to_bytes(count, "big")
        )
        beside = Beside(directory(dar), hub.clock, "en")
        used: list[str] = []
        routes = [
            *join.routes("Hub Maroc", "https://hub.example", "en"),
            *refer.routes(beside, key_of),
            *report.routes(beside, reports),
            *missing.routes(beside, reports),
        ]
        app = Starlette(
            routes=[*counted(routes, lambda kind, keys: used.extend([kind] * len(list(keys)))), *static_routes()],
            exception_handlers=problem_documents.HANDLERS,
        )
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub.example") as client:
            client.headers["User-Agent"] = "Mozilla/5.0"
            yield World(hub, dar, boxes, reports, client, used)


async def test_the_sheet_says_what_somebody_needs_and_asks_nothing_of_them(world: World) -> None:
    page = (await world.client.get(world.place("/refer/sheet"), params={"lang": "fr"})).text
    for words in ("Cours du soir", "Les écoles", "12 rue du Port", "+212539000000", "Ce dont la personne a besoin"):
        assert words in page
    assert "<input" not in page and "<textarea" not in page and "<form" not in page
    assert world.used == ["referrals"]


async def test_the_contact_is_a_page_of_its_own_that_counts(world: World) -> None:
    page = (await world.client.get(world.place("/contact"))).text
    assert "+212539000000" in page and "Appelez d&#39;abord" in page and "12 rue du Port" in page
    assert world.used == ["applications"]


async def test_a_form_that_seals_has_no_field_that_could_be_sent_open(world: World) -> None:
    answer = await world.client.get(world.place("/refer"))
    form = answer.text[answer.text.index("<form") : answer.text.index("</form>")]
    assert "name=" not in form.replace("data-", "") and "action" not in form and " hidden" in form
    ring = await world.boxes.ring_of(world.dar.id)
    assert ring is not None and f'data-to="{world.dar.id}"' in form
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy and "unsafe" not in policy and "form-action 'self'" in policy
    sent = await world.client.post(world.place("/refer/sent"))
    assert (sent.status_code, sent.headers["Location"]) == (303, world.place("/refer?said=sent"))
    assert world.used == ["referrals"]


async def test_where_no_messages_are_kept_there_is_paper_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody(_: str) -> None:
        return None

    monkeypatch.setattr(world.boxes, "ring_of", nobody)
    page = (await world.client.get(world.place("/refer"))).text
    assert "/refer/sheet" in page and "data-to" not in page


@pytest.mark.parametrize("page", ["refer", "refer/sheet", "contact", "report"])
async def test_what_is_not_here_has_no_pages_beside_it(world: World, page: str) -> None:
    for place in (f"/directory/{world.dar.id}/{record_id('two')}", "/directory/nothing", "/directory/a/b"):
        assert (await world.client.get(f"{place}/{page}")).status_code == 404
    assert world.used == []


@pytest.mark.parametrize("code", sorted(NAMES))
async def test_every_page_stands_in_every_language(world: World, code: str) -> None:
    for place in (*map(world.place, ("/refer", "/refer/sheet", "/contact", "/report")), "/join", MISSING):
        answer = await world.client.get(place, params={"lang": code})
        assert answer.status_code == 200 and f'lang="{code}"' in answer.text, place


async def test_a_report_reaches_the_author_sealed_and_the_desk(world: World) -> None:
    with capture_logs() as logs:
        answer = await world.post(
            "/report", what="hours", words=f"{CANARY}\r\nclosed on Friday\u202e", reply="+31 20 000", agreed="yes"
        )
        assert answer.headers["Location"] == world.place("/report?said=taken")
    assert CANARY not in repr(logs)
    [mistake] = await world.reports.open()
    assert (mistake.words, mistake.reply, mistake.reached) == (f"{CANARY}\nclosed on Friday", "+31 20 000", "sealed")
    (waiting,), _ = await world.boxes.waiting(world.dar.id)
    plain = sealing.unseal(sealed.parse(waiting.sealed), [world.dar.writer.key.opening])
    found = sealed.read(plain, to=world.dar.id, now=world.hub.clock()).value
    assert (
        found["text"] == f"Somebody reports a mistake: Cours du soir\nThe hours are wrong\n{CANARY}\nclosed on Friday"
    )
    assert found["about"] == {"id": record_id("one"), "node": world.dar.id} and found["reply"] == "+31 20 000"
    assert found["sender"] == {"kind": "person"}, "SEAL-19: somebody without a node"
    assert canonical.dumps(found)


async def test_a_report_whose_authors_mailbox_is_full_stays_at_the_desk_as_not_brought(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(node: str, raw: bytes) -> str:
        refuse("SEAL-15", "", expected="room for one more", came=node)
        return ""

    monkeypatch.setattr(world.boxes, "put", full)
    answer = await world.post("/report", what="hours", words="closed on Friday", agreed="yes")
    assert answer.headers["Location"] == world.place("/report?said=taken")
    [mistake] = await world.reports.open()
    assert (mistake.words, mistake.reached) == ("closed on Friday", "")


@pytest.mark.parametrize(("boxes", "reached"), [(True, "sealed"), (False, "letter")])
async def test_who_agreed_to_letters_hears_of_a_report_and_nothing_of_what_it_says(
    world: World, monkeypatch: pytest.MonkeyPatch, boxes: bool, reached: str
) -> None:
    async def nobody(_: str) -> None:
        return None

    if not boxes:
        monkeypatch.setattr(world.boxes, "ring_of", nobody)
    box = SqlPostbox(world.hub.ledger.database)
    monkeypatch.setattr(world.reports, "_owners", Owners(box, world.hub.clock))
    await world.post("/report", what="hours", words="before anybody agreed")
    assert await box.letters(9) == []
    await box.agree(Correspondent("office@dar.example", world.dar.id, "en", "2026-03-01T00:00:00Z", "by telephone"))
    await world.post("/report", what="hours", words=CANARY, reply=CANARY, agreed="yes")
    (letter,) = await box.letters(9)
    assert (letter.node, letter.kind, CANARY in str(letter)) == (world.dar.id, "reported", False)
    assert letter.about == {"records": [[world.dar.id, record_id("one")]], "sealed": boxes}
    assert sorted(one.reached for one in await world.reports.open()) == sorted(["sealed" if boxes else "", reached])


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"words": "x"}, "Choose what is wrong"),
        ({"what": "nonsense"}, "Choose what is wrong"),
        ({"what": "other"}, "Say in a few words"),
        ({"what": "harm", "words": " \u202e "}, "Say in a few words"),
        ({"what": "hours", "reply": "me@example.org"}, "Tick that you agree"),
    ],
)
async def test_a_mistake_in_the_form_is_told_and_nothing_typed_is_lost(
    world: World, fields: dict[str, str], sentence: str
) -> None:
    answer = await world.post("/report", **fields)
    assert answer.status_code == 422 and sentence in answer.text
    assert all(clean(value, 99) in answer.text for name, value in fields.items() if name != "what")
    assert await world.reports.open() == []


async def test_one_network_reports_only_so_often(world: World) -> None:
    for _ in range(taking.FROM_NETWORK_HOUR):
        assert (await world.post("/report", what="hours")).status_code == 303
    answer = await world.post("/report", what="hours", words="typed")
    assert answer.status_code == 422 and "Nothing was kept" in answer.text and "typed" in answer.text
    assert len(await world.reports.open()) == taking.FROM_NETWORK_HOUR
    world.hub.clock.pass_time(hours=1)
    assert (await world.post("/report", what="hours")).status_code == 303


async def test_so_many_reports_are_kept_and_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "OPEN_MOST", 1)
    assert (await world.post("/report", what="hours")).status_code == 303
    assert "Nothing was kept" in (await world.post("/report", what="hours")).text
    assert len(await world.reports.open()) == 1


async def test_who_found_nothing_says_what_is_missing_in_the_words_they_searched_with(world: World) -> None:
    asked = {"q": "schuldhulp <b>", "near": "Larache", "lang_spoken": "ar", "lang": "en"}
    page = (await world.client.get(MISSING, params=asked)).text
    assert "schuldhulp &lt;b&gt;\nNear: Larache\nLanguages: Arabic</textarea>" in page
    assert "q=schuldhulp" in page and 'lang=ar"' in page, "the words stay when the language changes"
    with capture_logs() as logs:
        answer = await world.miss(f"{CANARY} near Larache, call +212 539-00 00 00 or me@example.org")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{MISSING}?said=taken")
    assert "Thank you" in (await world.client.get(answer.headers["Location"])).text
    (held,) = await world.reports.open()
    assert (held.words, held.what) == (f"{CANARY} near Larache, call … or …", "missing")
    assert (held.node, held.id, held.reply, held.reached) == ("", "", "", "")
    assert CANARY not in repr(logs) and world.used == []


async def test_no_flood_of_what_is_missing_keeps_a_mistake_from_being_taken(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "MISSING_MOST", 1)
    assert (await world.miss("a bakery")).status_code == 303
    answer = await world.miss("a library")
    assert answer.status_code == 422 and "Nothing was kept" in answer.text and "a library" in answer.text
    assert (await world.post("/report", what="hours")).status_code == 303
    for _ in range(taking.FROM_NETWORK_HOUR - 3):
        await world.miss("more")
    assert "Nothing was kept" in (await world.post("/report", what="hours")).text, "one network has one pace for both"
    assert [one.what for one in await world.reports.open()] == ["missing", "hours"]


@pytest.mark.parametrize("words", ["", " \u202e\r\n", "x" * 40_000])
async def test_what_says_nothing_or_too_much_is_not_taken(world: World, words: str) -> None:
    assert (await world.miss(words)).status_code == (413 if len(words) > 99 else 422)
    assert await world.reports.open() == []


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("reach me at a.b+c@d.example!", "reach me at …"),
        ("call 06 12 34 56 78 now", "call …now"),
        ("٠٦١٢٣٤٥٦٧٨", "…"),
        ("7511 AB, 12 km, since 2025, 9:00 to 17:00", "7511 AB, 12 km, since 2025, 9:00 to 17:00"),
    ],
)
def test_what_leads_to_a_person_is_taken_out(words: str, kept: str) -> None:
    assert without_traces(words).replace("… ", "…") == kept.replace("… ", "…")


async def test_nothing_of_a_report_is_left_after_its_time_or_in_a_backup(world: World, tmp_path: Path) -> None:
    await world.post("/report", what="hours", words=CANARY, reply=f"{CANARY}-phone", agreed="yes")
    await world.miss(f"{CANARY} near Larache")
    about = {"hub": "jisr:x", "name": "x", "made": "2026-06-02T12:00:00Z", "with_key": False}
    await archive.write(world.hub.ledger.database, tmp_path / "backup.tar", about, {})
    assert "mistake" not in dict(archive.Backup(tmp_path / "backup.tar").rows())
    world.hub.clock.now += timedelta(days=KEPT_DAYS, seconds=-1)
    assert await world.reports.scrub() == 0 and len(await world.reports.open()) == 2
    world.hub.clock.now += timedelta(seconds=1)
    assert await world.reports.open() == []
    assert await world.reports.scrub() == 2 and await world.reports.scrub() == 0
    files = b"".join(file.read_bytes() for file in tmp_path.glob("*.sqlite*"))
    assert not any(form in files for form in forms(CANARY))


async def test_what_was_looked_at_goes_and_what_is_erased_too(world: World) -> None:
    store = SqlReports(world.hub.ledger.database)
    await world.post("/report", what="hours", words=CANARY)
    [mistake] = await world.reports.open()
    assert await store.drop(mistake.number) and not await store.drop(mistake.number)
    assert await world.reports.open() == [] and await world.reports.scrub() == 1
    await world.post("/report", what="hours", words=CANARY)
    await erase(world.hub, world.dar, "one")
    assert await world.reports.open() == []


async def test_an_invitation_opens_a_page_that_never_sees_its_code(world: World) -> None:
    answer = await world.client.get("/join")
    assert answer.status_code == 200 and 'data-address="https://hub.example/join"' in answer.text
    assert answer.headers["Referrer-Policy"] == "no-referrer" and "set-cookie" not in answer.headers
    for words in ("jisr-node.pyz", "pip install jisr-node", "Hosted for you"):
        assert words in answer.text


def test_what_somebody_wrote_is_made_clean() -> None:
    assert clean(" e\u0301\r\n\x00\u202eé\ud800 ", 10) == "é\né"
    assert clean("a" * 50, 10) == "a" * 10
