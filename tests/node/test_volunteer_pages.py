"""The pages of messages and of volunteers, without a browser: an open form, a private link, delete me, the list."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from jisr_node.app import Node, messages
from jisr_node.app.lobby import Lobby
from jisr_node.volunteers.pace import HOUR, OF_ALL, OF_ONE, Pace, network
from jisr_node.web.office import pages
from tests.hub.mailbox_world import CANARY
from tests.node.conftest import NOW, SETTINGS, organization, seeded
from tests.node.test_messages import letter, taken

FORM = {"skills": ["language"], "when": ["MO-morning"], "wishes": "canary-wish", "contact": "canary-contact",
        "agreed": "yes", "days": "30"}  # fmt: skip


@pytest.fixture
def world(tmp_path: Path) -> Any:
    folder = tmp_path / "ours"
    with Node.init(folder, recovery=tmp_path / "sheet.txt", now=NOW, random_bytes=seeded("pages"), **SETTINGS) as node:
        node.import_drafts([organization()])
        node.keep_recovery()
    lobby = Lobby(folder, now=lambda: NOW)
    app = pages(lobby, hosts=["testserver"])
    with TestClient(app, headers={"accept-language": "en", "sec-fetch-site": "same-origin"}) as client:
        yield client, lobby, folder


def enter(client: TestClient, lobby: Lobby) -> None:
    assert client.get(f"/open/{lobby.link()}").status_code == 200


def test_somebody_enrols_changes_and_is_gone_without_an_account(world: Any) -> None:
    client, lobby, folder = world
    assert "I want to volunteer" in client.get("/volunteer/new/us").text
    kept = client.post("/volunteer/new/us", data=FORM)
    assert kept.status_code == 200 and "Your profile is kept." in kept.text
    place = kept.url.path
    assert re.fullmatch(r"/volunteer/\.[a-z2-7]{32}", place)
    assert kept.headers["referrer-policy"] == "same-origin" and kept.headers["cache-control"] == "no-store"
    assert "canary-contact" in client.get(place).text
    client.post(place, data={**FORM, "wishes": "something else"})
    assert "something else" in client.get(place).text
    assert client.get("/volunteers").status_code == 401, "the list is for whoever keeps the node"
    enter(client, lobby)
    listed = client.get("/volunteers").text
    assert "canary-contact" in listed and "something else" in listed and place not in listed
    gone = client.post(place + "/gone")
    assert "Your profile is gone" in gone.text and "It was nowhere else." in gone.text
    assert "canary-contact" not in client.get("/volunteers").text
    content = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
    assert b"canary" not in content and b"something else" not in content


@pytest.mark.parametrize("wrong", ["/volunteer/.guessed", "/volunteer/x.guessed", "/volunteer/guessed"])
def test_a_link_that_is_nobodys_opens_nothing(world: Any, wrong: str) -> None:
    client, _, _ = world
    for answer in (client.get(wrong), client.post(wrong, data=FORM)):
        assert answer.status_code == 404 and "used up, too old, or not complete" in answer.text


def test_what_does_not_fit_is_shown_where_it_stands_and_nothing_is_kept(world: Any) -> None:
    client, _, folder = world
    answer = client.post("/volunteer/new/us", data={**FORM, "wishes": "mail a@b.example", "agreed": ""})
    assert answer.status_code == 422 and "Nothing was kept." in answer.text
    assert answer.text.count('aria-invalid="true"') == 2 and "mail a@b.example" in answer.text
    assert client.get("/volunteer/new/others").status_code == 404
    assert client.post("/volunteer/new/us", data=FORM, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    with Node.open(folder) as node:
        assert node.store.volunteers() == []


def test_messages_are_read_and_deleted_on_their_page(world: Any) -> None:
    client, lobby, folder = world
    sheet = {"consent": True, "need": "a buddy", "languages": ["ar"]}
    with Node.open(folder) as node:
        assert taken(node, letter(node, referral=sheet)) == ""
        assert taken(node, letter(node, 2, text="<b>bold</b>")) == ""
    assert client.get("/messages").status_code == 401
    enter(client, lobby)
    assert "There are messages for you." in client.get("/").text
    shown = client.get("/messages").text
    assert CANARY in shown and "a buddy" in shown and "Arabic" in shown and "&lt;b&gt;bold" in shown
    first = re.findall(r'name="id" value="([^"]*)"', shown)[0]
    assert "It is deleted." in client.post("/messages/delete", data={"id": first}).text
    assert client.post("/messages/delete", data={"id": first}).status_code == 404
    with Node.open(folder) as node:
        assert len(messages.box_of(node).listed(NOW)) == 1
    answer = client.post("/messages")
    assert answer.status_code == 409, "there is no hub yet, and the page says so"


def test_more_forms_of_one_network_than_a_family_sends_wait_and_nothing_that_was_written_is_lost(world: Any) -> None:
    client, _, folder = world
    for n in range(OF_ONE):
        assert client.post("/volunteer/new/us", data={**FORM, "wishes": f"one {n}"}).status_code == 200
    told = client.post("/volunteer/new/us", data={**FORM, "wishes": "one too many"})
    assert told.status_code == 429 and "please send it again in an hour" in told.text
    assert "one too many" in told.text and "canary-contact" in told.text, "what was written stands in the form"
    with Node.open(folder) as node:
        assert len(node.store.volunteers()) == OF_ONE


def test_the_pace_counts_networks_apart_all_together_and_forgets_after_an_hour() -> None:
    pace = Pace()
    assert [pace.lets(f"192.0.2.{n}", NOW) for n in range(OF_ONE + 1)] == [True] * OF_ONE + [False]
    assert pace.lets("192.0.3.1", NOW) and pace.lets("2001:db8::1", NOW)
    assert network("::ffff:192.0.2.9") == network("192.0.2.1") == "192.0.2.0/24"
    assert network("2001:db8:0:1::1") == network("2001:db8:0:2::1") == "2001:db8::/48" and network("nowhere") == ""
    passed = sum(pace.lets(f"10.{n}.0.1", NOW) for n in range(OF_ALL * 2))
    assert passed == OF_ALL - OF_ONE - 2
    assert not pace.lets("192.0.2.1", NOW + HOUR / 2) and pace.lets("192.0.2.1", NOW + HOUR)
