"""Asking: campaigns with a preview, one-click answers that change no record, quality by cause, terms that wait, and the
last good version; on both databases, through the act layer and the pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from starlette.applications import Starlette

from jisr_hub.curation.unmapped import Tally, suggested
from jisr_hub.desk import quality
from jisr_hub.desk.acts import LETTER, Actor
from jisr_hub.desk.bench import Asking, CannotAct
from jisr_hub.desk.denied import Denied
from jisr_hub.desk.roles import Role
from jisr_hub.mail import campaigns
from jisr_hub.mail.campaigns import Choice, Old
from jisr_hub.mail.letters import Correspondent, name_of
from jisr_hub.mail.sending import Sender, Sending
from jisr_hub.storage.campaigns import SqlCampaigns
from jisr_hub.storage.desk_open import SqlOpen
from jisr_hub.storage.letters import SqlPostbox
from jisr_hub.storage.quality import SqlRecords
from jisr_hub.web import desk, letters, problem_documents
from jisr_hub.web.desk.asking import Work
from jisr_hub.web.page import static_routes
from jisr_protocol import core_terms
from jisr_protocol.pages.language import NAMES
from jisr_protocol.quality import VERSION
from tests.curation.curated import key_of
from tests.desk.acting import ActingWorld, acting_world, actor
from tests.hub.desk_world import PASSWORD, DeskWorld

pytestmark = pytest.mark.anyio
TO, AT, HUB = "secretariat@dar.example", "2026-08-30T08:00:00Z", "https://hub.example"
OURS = {"Sec-Fetch-Site": "same-origin"}


class Post:
    """A mail server that takes everything."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []

    async def send(self, message: EmailMessage, to: str) -> None:
        self.taken.append(message)


class AskingWorld:
    """An acting world whose hub writes letters."""

    def __init__(self, acting: ActingWorld) -> None:
        self.acting, ledger = acting, acting.hub.ledger
        self.box, self.campaigns = SqlPostbox(ledger.database), SqlCampaigns(ledger.database)
        self.records, self.post = SqlRecords(ledger), Post()
        self.asking = Asking(self.box, self.campaigns, self.records)
        acting.acts._bench = replace(acting.bench, asking=self.asking)
        sender = Sender("Hub", "desk@hub.example", HUB)
        self.sending = Sending(self.box, self.post, sender, acting.hub.clock, acting.hub._draw, self.records.title)

    @property
    def node(self) -> str:
        return self.acting.author.id

    async def agreed(self, address: str = TO, lang: str = "en") -> None:
        await self.box.agree(Correspondent(address, self.node, lang, AT, "by telephone"))

    async def ask(self, **members: Any) -> Any:
        return await self.acting.do("campaign", "", "", name="Autumn", months=1, **members)

    async def links(self) -> list[str]:
        """The answers' addresses of the letters that go out now."""
        await self.sending.round()
        lines = [line for message in self.post.taken for line in message.get_content().splitlines()]
        return [line.removeprefix(HUB) for line in lines if "/letters/still/" in line]

    def client(self) -> httpx.AsyncClient:
        async def assure(key: tuple[str, str]) -> None:
            await self.acting.acts.do(LETTER, "say", "/".join(key), predicate="assured", method="mail")

        answers = letters.Answers(self.box, self.campaigns, self.records.one, assure, self.acting.hub.clock)
        door = DeskWorld(self.acting.hub.ledger)
        curation = self.acting.hub.curation
        work = Work(self.acting.acts, self.asking, self.records, curation.mappings, self.acting.hub.clock)
        parts = desk.Parts(door.door, SqlOpen(self.acting.hub.ledger), HUB, "en", asking=work)
        self.door = door
        routes = [*desk.routes(parts), *letters.routes(answers, "en"), *static_routes()]
        app = Starlette(routes=routes, exception_handlers=problem_documents.HANDLERS)
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HUB, headers=OURS)


@pytest.fixture
async def world(place: Path | str) -> AsyncIterator[AskingWorld]:
    async with acting_world(place) as acting:
        yield AskingWorld(acting)


async def _later(world: AskingWorld) -> None:
    """So much later that nothing is fresh."""
    world.acting.hub.clock.now = world.acting.hub.clock.now.replace(year=2028)


# Campaigns


async def test_a_campaign_asks_who_agreed_and_names_of_whom_nobody_did(world: AskingWorld) -> None:
    await world.agreed()
    records = await world.records.old("", "en")
    assert len(records) == 3
    today = "2028-01-01"
    plan = campaigns.plan(records, await world.box.correspondents(), Choice(), today)
    assert list(plan.asked) == [TO]
    assert len(plan.records) == 3
    assert plan.silent == ()
    assert len(campaigns.plan(records, [], Choice(), today).silent) == 3
    assert campaigns.plan(records, await world.box.correspondents(), Choice(months=120), today).asked == {}
    assert campaigns.plan(records, await world.box.correspondents(), Choice(node="jisr:none"), today).asked == {}


def test_what_one_campaign_cannot_take_is_counted() -> None:
    node = "jisr:" + "a" * 52
    records = [
        Old((node, f"{n:04}"), "org.jisr.service/1", 1, "x", "2020-01-01") for n in range(campaigns.ASKED_MOST + 7)
    ]
    people = [Correspondent(TO, node, "en", AT, "x"), Correspondent("b@dar.example", node, "en", AT, "x")]
    plan = campaigns.plan(records, people, Choice(), "2026-01-01")
    assert (len(plan.records), plan.over, len(plan.asked)) == (campaigns.ASKED_MOST, 7, 2)


async def test_a_campaign_begins_once_and_only_as_it_was_shown(world: AskingWorld) -> None:
    await _later(world)
    with pytest.raises(CannotAct, match="nobody to ask"):
        await world.ask()
    await world.agreed()
    with pytest.raises(CannotAct, match="by now it would be 3"):
        await world.ask(expected=2)
    done = await world.ask(expected=3)
    assert done.facts["records"] == 3
    (begun,) = await world.campaigns.all()
    assert {one.answer for one in await world.campaigns.asked(begun.id)} == {""}
    assert len(await world.links()) == 3
    assert len(world.post.taken) == 1, "one letter holds all records of a person's node"
    assert await world.acting.faults() == []


async def test_an_auditor_asks_nobody(world: AskingWorld) -> None:
    await world.agreed()
    who: Actor = actor(Role.AUDITOR)
    with pytest.raises(Denied):
        await world.acting.do("campaign", "", "", who, name="Autumn")


async def test_looking_at_a_link_changes_nothing_and_a_button_does(world: AskingWorld) -> None:
    await _later(world)
    await world.agreed()
    await world.ask()
    links = await world.links()
    before = await world.records.live(world.node)
    async with world.client() as client:
        for link in links:
            for _ in range(2):
                page = await client.get(link)
                assert page.status_code == 200
                assert page.headers["referrer-policy"] == "no-referrer"
        assert await world.campaigns.open() == []
        assert await world.acting.hub.curation.said() == []

        page = await client.post(links[0], data={"answer": "correct", "note": ""})
        assert "confirmed today" in page.text
        (word,) = await world.acting.hub.curation.said()
        assert (word.predicate, word.method) == ("assured", "mail")
        await client.post(links[0], data={"answer": "correct"})
        assert len(await world.acting.hub.curation.said()) == 1, "the same answer says nothing more"

        await client.post(links[1], data={"answer": "changed", "note": "we moved\x00\u202e"})
        await client.post(links[2], data={"answer": "gone"})
        waiting = await world.campaigns.open()
        assert [one.answer for one in waiting] == ["changed", "gone"] or len(waiting) == 2
        assert {one.note for one in waiting} == {"we moved", ""}
        assert (await client.post(links[1], data={"answer": "nonsense"})).status_code == 200
        assert len(await world.campaigns.open()) == 2
    assert await world.records.live(world.node) == before, "no answer edits a record"

    line = (await world.acting.lines(kinds=("say",)))[0]
    assert (line.by, line.outcome) == ("letter", "done")
    await world.acting.undo(line.n)
    assert await world.acting.hub.curation.said() == []


async def test_what_was_looked_at_is_answered_no_more(world: AskingWorld) -> None:
    await _later(world)
    await world.agreed()
    await world.ask()
    link = (await world.links())[0]
    async with world.client() as client:
        await client.post(link, data={"answer": "gone"})
        (waits,) = await world.campaigns.open()
        subject = f"{waits.campaign}/{waits.node}/{waits.id}"
        await world.acting.do("looked_at", subject)
        assert await world.campaigns.open() == []
        with pytest.raises(CannotAct):
            await world.acting.do("looked_at", subject)
        assert "Nothing was changed" in (await client.post(link, data={"answer": "correct"})).text
        assert await world.acting.hub.curation.said() == []


async def test_a_link_that_is_unknown_or_too_old_opens_nothing(world: AskingWorld) -> None:
    await _later(world)
    await world.agreed()
    await world.ask()
    link = (await world.links())[0]
    async with world.client() as client:
        for path in ("/letters/still/x", f"/letters/still/{'A' * 43}", link.replace("still", "stop")):
            assert (await client.get(path)).status_code == 404
            assert (await client.post(path, data={"answer": "gone"})).status_code == 404
        world.acting.hub.clock.now = world.acting.hub.clock.now.replace(year=2029)
        assert (await client.post(link, data={"answer": "gone"})).status_code == 404
    assert await world.campaigns.open() == []


async def test_one_click_ends_all_letters_and_looking_does_not(world: AskingWorld) -> None:
    await _later(world)
    await world.agreed()
    await world.ask()
    await world.links()
    stop = str(world.post.taken[0]["List-Unsubscribe"]).strip("<>").removeprefix(HUB)
    async with world.client() as client:
        await client.get(stop)
        assert len(await world.box.correspondents()) == 1
        one_click = {"List-Unsubscribe": "One-Click"}
        answer = await client.post(stop, data=one_click, headers={"Sec-Fetch-Site": "none"})
        assert answer.status_code == 200
        assert await world.box.correspondents() == []
        assert (await client.post(stop, data=one_click)).status_code == 200, "again is harmless"


@pytest.mark.parametrize("lang", NAMES)
async def test_pages_of_letters_speak_every_language(tmp_path: Path, lang: str) -> None:
    async with acting_world(tmp_path / "hub.sqlite") as acting:
        world = AskingWorld(acting)
        await _later(world)
        await world.agreed(lang=lang)
        await world.ask()
        link = (await world.links())[0]
        async with world.client() as client:
            page = await client.get(f"{link}?lang={lang}")
            assert f'lang="{lang}"' in page.text
            assert page.text.count('name="answer"') == 3
            if lang != "en":
                assert "Still correct" not in page.text


# Pages of the desk


async def _signed_in(world: AskingWorld, client: httpx.AsyncClient, role: Role) -> None:
    await world.door.add(f"the-{role.value}", role)
    await client.post("/desk/sign-in", data={"name": f"the-{role.value}", "password": PASSWORD})


async def test_the_desk_shows_whom_a_campaign_would_ask_and_who_agreed(world: AskingWorld) -> None:
    await _later(world)
    async with world.client() as client:
        await _signed_in(world, client, Role.CURATOR)
        form = {"address": TO, "node": world.node, "lang": "ar", "how": "by telephone"}
        assert (await client.post("/desk/letters/agree", data=form)).status_code == 303
        bad = await client.post("/desk/letters/agree", data={**form, "address": "a@b.example\nBcc: c@d.example"})
        assert bad.status_code == 422
        assert (await client.post("/desk/letters/agree", data={**form, "node": "jisr:x"})).status_code == 422
        page = (await client.get("/desk/letters")).text
        assert TO in page
        preview = (await client.get("/desk/campaigns/preview?name=A&node=&type=&months=1")).text
        assert TO in preview
        assert 'name="expected" value="3"' in preview
        assert (await client.get("/desk/campaigns/preview?months=x")).status_code == 400
        assert world.post.taken == []
        (who,) = await world.box.correspondents()
        assert (who.lang, who.how) == ("ar", "by telephone")
        lines = await world.acting.lines(kinds=("correspond",), outcome="done")
        assert len(lines) == 1
        assert TO not in repr(await world.acting.rows()), "the log names nobody by their address"
        await client.post("/desk/letters/end", data={"who": name_of(who.address), "what": "forget"})
        assert await world.box.correspondents() == []
        assert TO not in (await client.get("/desk/letters")).text


async def test_an_auditor_sees_campaigns_and_no_addresses(world: AskingWorld) -> None:
    await world.agreed()
    async with world.client() as client:
        await _signed_in(world, client, Role.AUDITOR)
        assert (await client.get("/desk/campaigns")).status_code == 200
        for path in ("/desk/letters", "/desk/campaigns/preview?months=1"):
            assert (await client.get(path)).status_code == 403


async def test_the_quality_page_shows_everything_by_cause_with_the_rules_version(world: AskingWorld) -> None:
    author = world.acting.author
    for number in range(25):
        author.put(f"many{number}", contact_points=[{"role": "general", "email": "fatima.alaoui@example.org"}])
    await world.acting.hub.push(author)
    async with world.client() as client:
        await _signed_in(world, client, Role.AUDITOR)
        assert world.node in (await client.get("/desk/quality")).text
        page = (await client.get(f"/desk/quality?node={world.node}")).text
        assert f"version {VERSION} of the rules" in page
        assert page.count("/contact_points/0/email") == 25, "none is cut"
        assert "looks like the mail address of a person" in page
        assert "Is it right?" in page
        assert "Does it help?" in page
        whole = (await client.get("/desk/quality?all=1")).text
        assert "All nodes together" in whole and ">25<" in whole and "Does it help?" in whole
        assert "All nodes together" not in (await client.get("/desk/quality")).text, "only when it is asked for"
        arabic = (await client.get(f"/desk/quality?node={world.node}&lang=ar")).text
        assert "يشبه بريد شخص" in arabic


# The last good version


async def test_an_older_version_is_kept_and_says_since_when_and_why(world: AskingWorld) -> None:
    author = world.acting.author
    author.put("one", websites=["not an address"])
    author.put("fresh", websites=["not an address"])
    await world.acting.hub.push(author)
    live, refused = await world.records.live(world.node), await world.records.refused(world.node)
    kept = {one.id: one for one in quality.kept_back(live, refused)}
    good = kept[key_of(author, "one")[1]]
    assert good.live is not None
    assert (good.live.rev, good.rev, good.code) == (1, 2, "schema_invalid")
    assert good.live.since
    assert "/websites/0" in good.pointer + good.detail
    assert kept[key_of(author, "fresh")[1]].live is None
    async with world.client() as client:
        await _signed_in(world, client, Role.AUDITOR)
        page = (await client.get(f"/desk/quality?node={world.node}")).text
        assert "Version 1 is shown, since" in page
        assert "Version 2 was refused" in page

    author.put("one")
    await world.acting.hub.push(author)
    live, refused = await world.records.live(world.node), await world.records.refused(world.node)
    assert key_of(author, "one")[1] not in {one.id for one in quality.kept_back(live, refused)}, "a later one is good"


# Terms


def test_terms_that_wait_are_counted_and_core_terms_suggested() -> None:
    def term(code: str, scheme: str = "ours", **label: str) -> dict[str, Any]:
        words = {lang: {"value": text, "origin": "author"} for lang, text in label.items()}
        return {"scheme": scheme, "code": code, "role": "focus", "label": words}

    tally = Tally({("ours", "mapped")})
    tally.take({"node": "a", "terms": [term("sante", fr="Santé"), term("sante", fr="Santé"), term("mapped")]})
    tally.take({"node": "b", "terms": [term("sante"), term("4", "sdg"), term("xyzzy", nl="Iets heel anders")]})
    health, other = tally.result()
    assert (health.concept, health.records, len(health.nodes)) == (("ours", "sante"), 2, 2)
    assert suggested(health)[0] == ("jisr-focus", "health")
    assert suggested(other) == []


@pytest.mark.parametrize("place", range(len(core_terms.LANGUAGES)))
def test_a_core_term_is_found_by_its_own_words_in_each_language(place: int) -> None:
    found = 0
    for code, labels in core_terms.FOCUS_AREAS.items():
        tally = Tally(())
        label = {core_terms.LANGUAGES[place]: {"value": labels[place], "origin": "author"}}
        tally.take({"node": "a", "terms": [{"scheme": "ours", "code": "x1", "role": "focus", "label": label}]})
        found += ("jisr-focus", code) in suggested(tally.result()[0])
    assert found >= 0.95 * len(core_terms.FOCUS_AREAS)


async def test_mapping_a_term_is_a_word_that_can_be_undone_and_changes_no_record(world: AskingWorld) -> None:
    author = world.acting.author
    label = {"fr": {"value": "Santé", "origin": "author"}}
    author.put("clinic", terms=[{"scheme": "ours", "code": "sante", "role": "focus", "label": label}])
    await world.acting.hub.push(author)
    async with world.client() as client:
        await _signed_in(world, client, Role.CURATOR)
        page = (await client.get("/desk/terms")).text
        assert "ours/sante" in page
        assert 'value="jisr-focus/health"' in page
        before = await world.records.live(world.node)
        done = await world.acting.do("map_term", "ours/sante", to="jisr-focus/health", match="exact")
        page = (await client.get("/desk/terms")).text
        assert 'name="subject" value="ours/sante"' not in page
        assert "jisr-focus/health" in page
        await world.acting.undo(done.n)
        assert 'name="subject" value="ours/sante"' in (await client.get("/desk/terms")).text
        assert await world.records.live(world.node) == before
    for to in ("health", "ours/sante", "/x"):
        with pytest.raises(CannotAct):
            await world.acting.do("map_term", "ours/sante", to=to)
