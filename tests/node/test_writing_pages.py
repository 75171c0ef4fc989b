"""The pages of writing: a task from the first word to what came of publishing it, without a script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from jisr_node.app import Node
from jisr_node.app.lobby import Lobby
from jisr_node.editing.tasks import TASKS
from jisr_node.errors import HubRefused
from jisr_node.web.office import pages
from jisr_protocol.pages.language import NAMES

from .conftest import NOW, SETTINGS, organization, seeded, service
from .fake_hub import FakeHub


class Form(HTMLParser):
    """The fields of the first form that is sent to an address, as a browser would send them."""

    def __init__(self, action: str) -> None:
        super().__init__()
        self._action, self._inside, self._select, self._area = action, False, "", ""
        self.values: dict[str, str] = {}
        self.shown: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self._inside = given.get("action") == self._action
        if not self._inside:
            return
        if tag == "input" and "name" in given:
            self.shown.append(given["name"])
            if given.get("type") not in ("checkbox", "radio") or "checked" in given:
                self.values[given["name"]] = given.get("value", "on")
        elif tag == "select":
            self._select = given["name"]
        elif tag == "option" and self._select and ("selected" in given or self._select not in self.values):
            self.values[self._select] = given["value"]
        elif tag == "textarea":
            self._area = given["name"]
            self.values[self._area] = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.values[self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.values[self._area] = self.values[self._area].removeprefix("\n")
            self._area = ""
        elif tag == "select":
            self._select = ""
        elif tag == "form":
            self._inside = False


class Desk:
    """Somebody at the pages of one node."""

    def __init__(self, folder: Path) -> None:
        with Node.init(folder, now=NOW, random_bytes=seeded("pages"), **SETTINGS) as node:
            self.ids = node.import_drafts([organization("dar"), service(name="دروس")]).ids
            node.publish(now=NOW)
        for sheet in folder.glob("recovery-*.txt"):
            sheet.unlink()
        with Node.open(folder) as node:
            node.keep_recovery()
        self.folder = folder
        self.lobby = Lobby(folder, now=lambda: NOW)
        self.browser = TestClient(
            pages(self.lobby, hosts=["testserver"]),
            headers={"sec-fetch-site": "same-origin", "accept-language": "en"},
            follow_redirects=True,
        )
        assert self.browser.get(f"/open/{self.lobby.link()}").status_code == 200

    def form(self, address: str) -> Form:
        answer = self.browser.get(address)
        assert answer.status_code == 200, answer.text
        form = Form(address.partition("?")[0])
        form.feed(answer.text)
        return form

    def send(self, address: str, status: int = 200, to: str = "", **typed: str) -> str:
        """Fill in the form at an address and send it; the page that comes."""
        values = self.form(address).values | {name.replace("__", "."): value for name, value in typed.items()}
        answer = self.browser.post(to or address.partition("?")[0], data=values)
        assert answer.status_code == status, answer.text
        return answer.text

    def begin(self, task: str) -> str:
        answer = self.browser.post("/records/new", data={"task": task, "lang": "ar"})
        assert answer.status_code == 200, answer.text
        return answer.url.path.rpartition("/")[2]

    def close(self) -> None:
        self.browser.close()
        self.lobby.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "node")
    yield made
    made.close()


def record(desk: Desk, record_id: str) -> dict[str, Any]:
    with Node.open(desk.folder) as node:
        return node.drafting.open(record_id).record


def test_a_service_from_the_first_word_to_what_came_of_it(desk: Desk) -> None:
    assert "A new service" in desk.browser.get("/records/new").text
    new = desk.begin("service")
    page = desk.send(
        f"/records/{new}", name="نقل المرضى", description="ننقل المرضى إلى المستشفى كل صباح.", act="step:when"
    )
    assert "Saved at 13:00." in page, "the clock of Morocco"
    hours = {
        "schedule__operating_hours__0__days__MO": "on",
        "schedule__operating_hours__0__intervals__0__from": "08:00",
        "schedule__operating_hours__0__intervals__0__to": "11:30",
    }
    desk.send(f"/records/{new}?step=when", **hours, act="step:contact")
    assert record(desk, new)["schedule"] == {
        "operating_hours": [{"days": ["MO"], "intervals": [["08:00", "11:30"]], "label": "normal"}],
        "timezone": "Africa/Casablanca",
    }
    page = desk.send(f"/records/{new}?step=contact", contact_points__0__phone="0539 00 00 00", act="go:publish")
    assert "+212539000000" in page
    assert "This must be fixed first" not in page
    page = desk.send(f"/records/{new}/publish")
    assert "No hub carries it yet" in page
    with Node.open(desk.folder) as node:
        assert node.show(new)["published"]["name"]["ar"] == {"value": "نقل المرضى", "origin": "author"}
        assert not node.store.drafts()


@pytest.mark.parametrize("task", sorted(TASKS))
def test_every_page_of_every_task_sent_back_untouched_changes_nothing(desk: Desk, task: str) -> None:
    new = desk.begin(task)
    desk.send(f"/records/{new}", name="س", title="س", description="", act="keep")
    before = record(desk, new)
    page = desk.browser.get(f"/records/{new}").text
    steps = re.findall(r'value="step:([a-z]+)"', page)
    assert steps
    for step in dict.fromkeys(steps):
        desk.send(f"/records/{new}?step={step}", act="keep")
        assert record(desk, new) == before, step
        for other in ("languages", "history", "publish", "end"):
            assert desk.browser.get(f"/records/{new}/{other}").status_code == 200


PAGE = "https://hub.example/directory/jisr%3A" + "a" * 52 + "/0d2ae7c5-9c98-4202-98c5-c924183959c7?lang=fr"
WITH_OTHERS: dict[str, dict[str, str]] = {
    "project": {"name": "قراءة", "partners__0__name": "دار", "pilot": "no"},
    "alliance": {"name": "شبكة طنجة", "kind": "platform"},
    "membership": {"alliance": PAGE, "role": "board"},
    "grant": {"name": "دعم", "funder__name": "بلدية", "amount__amount": "٣٠٠٠"},
    "fund": {"name": "صندوق", "kind": "call"},
    "standard": {"name": "استمارة", "kind": "form", "state": "in_use"},
}


@pytest.mark.parametrize("task", sorted(WITH_OTHERS))
def test_what_is_done_with_others_is_written_and_published_without_a_file(desk: Desk, task: str) -> None:
    new = desk.begin(task)
    page = desk.send(f"/records/{new}", act="go:publish", **WITH_OTHERS[task])
    assert "This must be fixed first" not in page, page
    assert "No hub carries it yet" in desk.send(f"/records/{new}/publish")
    with Node.open(desk.folder) as node:
        said = node.show(new)["published"]
    assert said["type"] == TASKS[task].type
    if task == "membership":
        assert said["alliance"] == "jisr:" + "a" * 52 + "/0d2ae7c5-9c98-4202-98c5-c924183959c7"
        assert (said["subject"], said["side"], said["role"]) == (desk.ids[0], "subject", "board")
    if task == "grant":
        assert said["recipient"] == {"organization": desk.ids[0]} and said["amount"]["amount"] == "3000"


def test_an_organization_that_nobody_has_seen_goes_out_with_its_first_service(desk: Desk) -> None:
    with Node.open(desk.folder) as node:
        [fresh] = node.import_drafts([organization("neu")]).ids
    new = desk.begin("service")
    page = desk.send(f"/records/{new}", name="س", organization=fresh, act="go:publish")
    assert "Your organization is published with it" in page
    desk.send(f"/records/{new}/publish")
    with Node.open(desk.folder) as node:
        assert {new, fresh} <= {one["id"] for one in node.records()}
    assert "Your organization is published with it" not in desk.send(f"/records/{new}", name="ص", act="go:publish")


def test_what_must_be_fixed_stands_beside_its_field_in_the_readers_language(desk: Desk) -> None:
    page = desk.send(f"/records/{desk.ids[0]}?step=contact", contact_points__0__phone="12", act="keep")
    assert re.search(r'id="f-contact_points-0-phone"[^>]*aria-invalid="true"', page)
    assert "Write it like this: +212539000000" in page
    page = desk.browser.get(f"/records/{desk.ids[0]}?step=contact&lang=nl").text
    assert "Schrijf" in page
    page = desk.browser.get(f"/records/{desk.ids[0]}/publish?lang=en").text
    assert "This must be fixed first" in page


def test_rows_are_added_and_taken_out_without_a_script(desk: Desk) -> None:
    address = f"/records/{desk.ids[0]}?step=contact"
    desk.send(address, contact_points__0__email="info@example.org", act="keep")
    page = desk.browser.get(f"{address}&add=contact_points").text
    assert 'name="contact_points.1.phone"' in page
    desk.send(f"{address}&add=contact_points", contact_points__1__url="example.org", act="keep")
    assert [one["role"] for one in record(desk, desk.ids[0])["contact_points"]] == ["general", "general"]
    desk.send(address, contact_points__0__gone="on", act="keep")
    assert record(desk, desk.ids[0])["contact_points"] == [{"role": "general", "url": "https://example.org"}]


def test_two_windows_lose_nothing_and_say_so(desk: Desk) -> None:
    address = f"/records/{desk.ids[0]}"
    first, second = desk.form(address).values, desk.form(address).values
    desk.browser.post(address, data=first | {"name": "one"})
    answer = desk.browser.post(address, data=second | {"name": "two"})
    assert answer.status_code == 409
    assert "Two windows changed the same thing" in answer.text and "Nothing is lost" in answer.text
    assert record(desk, desk.ids[0])["name"]["ar"]["value"] == "one"
    form = Form(f"{address}/back")
    form.feed(answer.text)
    desk.browser.post(f"{address}/back", data=form.values)
    assert record(desk, desk.ids[0])["name"]["ar"]["value"] == "two"
    desk.browser.post(f"{address}/back", data={"n": ""})
    assert record(desk, desk.ids[0])["name"]["ar"]["value"] == "one"
    assert "one" in desk.browser.get(f"{address}/history").text


def test_the_script_is_told_when_it_was_kept(desk: Desk) -> None:
    address = f"/records/{desk.ids[0]}"
    first = desk.form(address).values
    told = desk.browser.post(address, data=first | {"name": "one"}, headers={"accept": "application/json"})
    assert (told.status_code, told.json()["said"], told.json()["again"]) == (200, "Saved at 13:00.", False)
    next_ = first | {"name": "one more", "seen": told.json()["seen"]}
    assert desk.browser.post(address, data=next_, headers={"accept": "application/json"}).status_code == 200
    late = desk.browser.post(address, data=first | {"name": "late"}, headers={"accept": "application/json"})
    assert (late.status_code, late.json()["outcome"]) == (409, "aside")


def test_half_a_form_changes_nothing(desk: Desk) -> None:
    address = f"/records/{desk.ids[0]}"
    values = desk.form(address).values
    values.pop("end")
    assert desk.browser.post(address, data=values | {"name": "x"}).status_code == 400
    assert not desk.browser.get(f"{address}/history").text.count("Go back to this")
    assert desk.browser.post(f"{address}/back", data={"n": "x"}).status_code == 400
    assert desk.browser.get(f"{address}?step=nowhere").status_code == 404
    assert desk.browser.get("/records/0d2ae7c5-9c98-4202-98c5-c924183959c7").status_code == 409


def test_languages_stand_side_by_side_with_their_state(desk: Desk) -> None:
    address = f"/records/{desk.ids[0]}/languages"
    desk.send(f"{address}?in=fr", words__name="Maison des jeunes")
    held = record(desk, desk.ids[0])["name"]
    assert held["fr"] == {"value": "Maison des jeunes", "origin": "human"}
    desk.send(f"/records/{desk.ids[0]}", name="دار أخرى", act="keep")
    page = desk.browser.get(f"{address}?in=fr").text
    assert "Older than the text beside it" in page
    page = desk.send(f"{address}?in=fr", read__name="on")
    assert "Older than the text beside it" not in page


def test_words_that_tell_of_a_person_are_asked_about_first(desk: Desk) -> None:
    address = f"/records/{desk.ids[0]}"
    desk.send(f"{address}?step=contact", contact_points__0__email="fatima.alami@example.org", act="keep")
    page = desk.send(f"{address}/publish", 409)
    assert "Look at these words before they go out" in page and "fatima.alami@example.org" in page
    with Node.open(desk.folder) as node:
        assert "contact_points" not in node.show(desk.ids[0])["published"]
    seen = desk.form(f"{address}/publish").values["seen"]
    assert "published in your own feed" in desk.send(f"{address}/publish", looked=seen)
    with Node.open(desk.folder) as node:
        assert node.show(desk.ids[0])["published"]["contact_points"][0]["email"] == "fatima.alami@example.org"


def test_what_nobody_looked_at_is_not_published(desk: Desk) -> None:
    address = f"/records/{desk.ids[0]}"
    desk.send(address, name="one", act="keep")
    looked = desk.form(f"{address}/publish").values
    desk.send(address, name="two", act="keep")
    assert desk.browser.post(f"{address}/publish", data=looked).status_code == 409
    with Node.open(desk.folder) as node:
        assert node.show(desk.ids[0])["published"]["name"]["ar"]["value"] == "جمعية دار الشباب"


def test_taken_away_and_brought_back(desk: Desk) -> None:
    address = f"/records/{desk.ids[1]}"
    desk.send(f"{address}/end", act="delete")
    assert "دروس" in desk.browser.get("/trash").text
    with Node.open(desk.folder) as node:
        assert len(node.records()) == 1
    answer = desk.browser.post("/trash", data={"id": desk.ids[1], "act": "restore"})
    assert "It is back" in answer.text
    desk.send(f"{address}/publish")
    with Node.open(desk.folder) as node:
        assert len(node.records()) == 2
    new = desk.begin("news")
    desk.send(f"/records/{new}/end", act="drop")
    desk.browser.post("/trash", data={"id": new, "act": "forget"})
    assert "The trash is empty" in desk.browser.get("/trash").text


def test_closed_in_august(desk: Desk) -> None:
    address = f"/records/{desk.ids[0]}?step=closed"
    row = "opening_hours__operating_hours__0"
    desk.send(address, **{f"{row}__valid_from": "2027-08-01", f"{row}__valid_to": "2027-08-21"}, act="keep")
    (closing,) = record(desk, desk.ids[0])["opening_hours"]["operating_hours"]
    assert closing == {"valid_from": "2027-08-01", "valid_to": "2027-08-21", "label": "holiday", "closed": True}


def test_a_place_is_drawn_here_and_a_hidden_one_is_not(desk: Desk) -> None:
    new = desk.begin("place")
    typed = {"coordinates__latitude": "35.79", "coordinates__longitude": "-5,82"}
    page = desk.send(f"/records/{new}?step=map", **typed, act="keep")
    assert '<circle class="spot"' in page and 'value="-5.82"' in page
    page = desk.send(f"/records/{new}?step=map", privacy="hidden", act="keep")
    assert '<circle class="spot"' not in page


@pytest.mark.parametrize("code", sorted(NAMES))
def test_the_pages_are_there_in_every_language(desk: Desk, code: str) -> None:
    for address in ("/records/new", f"/records/{desk.ids[0]}", f"/records/{desk.ids[0]}/publish", "/trash"):
        assert f'lang="{code}"' in desk.browser.get(f"{address}?lang={code}").text


def at_a_hub(desk: Desk) -> None:
    with Node.open(desk.folder) as node, node.store.transaction():
        replace(node.settings, hub="http://127.0.0.1:1024", allow_private=True).save(node.store)


def test_a_hub_that_cannot_be_reached_loses_nothing_and_the_page_says_so(desk: Desk) -> None:
    at_a_hub(desk)
    address = f"/records/{desk.ids[0]}"
    desk.send(address, name="one", act="keep")
    page = desk.send(f"{address}/publish")
    assert "cannot be reached now, so it waits" in page
    with Node.open(desk.folder) as node:
        assert node.show(desk.ids[0])["published"]["name"]["ar"]["value"] == "one"


def test_what_a_hub_keeps_back_is_said_with_the_reason(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = FakeHub()
    with Node.open(desk.folder) as node, node.store.transaction():
        replace(node.settings, hub=hub.address, allow_private=True).save(node.store)
    monkeypatch.setattr(Node, "link", lambda *_: nullcontext(hub))
    address = f"/records/{desk.ids[0]}"
    desk.send(address, name="one", act="keep")
    assert f"The hub {hub.address} has it" in desk.send(f"{address}/publish")
    with Node.open(desk.folder) as node:
        feed = node.store.feed("public")
        assert feed is not None
        kept = {"seq": feed.size, "code": "schema_invalid", "pointer": "/name", "detail": "too long", "at": "x"}
        hub.keep_back[feed.size] = kept
    desk.send(address, name="two", act="keep")
    page = desk.send(f"{address}/publish")
    assert f"The hub {hub.address} keeps it back" in page and "/name too long" in page
    hub.refuse_next = [HubRefused("not_admitted", "this hub does not know you")]
    desk.send(address, name="three", act="keep")
    page = desk.send(f"{address}/publish")
    assert "did not take it" in page and "this hub does not know you" in page


def test_a_kind_without_a_task_is_shown_and_can_be_taken_away(desk: Desk) -> None:
    with Node.open(desk.folder) as node:
        project = {"type": "org.jisr.project/1", "name": "مشروع", "lead": desk.ids[0]}
        [record_id] = node.import_drafts([project]).ids
        node.publish(now=NOW)
    for path in ("", "/languages", "/history", "/publish", "/end"):
        assert "مشروع" in desk.browser.get(f"/records/{record_id}{path}").text
    desk.send(f"/records/{record_id}/end", act="end")
    assert "Ended" in desk.browser.get("/trash").text
