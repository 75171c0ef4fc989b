"""The page "Still correct?": inside, and by a link that needs no session and can do nothing else."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from jisr_node.app import Node
from jisr_node.app.lobby import Lobby
from jisr_node.web.office import pages
from jisr_protocol.pages.language import NAMES

from .conftest import NOW, SETTINGS, organization, seeded, service

LATER = NOW + timedelta(days=200)


@pytest.fixture
def world(tmp_path):
    folder = tmp_path / "ours"
    with Node.init(folder, recovery=tmp_path / "sheet.txt", now=NOW, random_bytes=seeded("still"), **SETTINGS) as node:
        node.import_drafts([organization(), service(), organization("inner", name="سر داخلي", audience="local")])
        node.publish(now=NOW)
        node.keep_recovery()
        link = node.assuring().link(LATER)
    lobby = Lobby(folder, now=lambda: LATER)
    app = pages(lobby, hosts=["testserver"])
    with TestClient(app, headers={"accept-language": "en", "sec-fetch-site": "same-origin"}) as client:
        yield client, lobby, folder, link


def assured(folder):
    with Node.open(folder) as node:
        return [json.loads(record.content).get("assured", {}).get("at") for record in node.store.records()]


def seen(page):
    return re.findall(r'name="seen" value="([^"]*)"', page)


def enter(client, lobby):
    assert client.get(f"/open/{lobby.link()}").status_code == 200


def test_one_click_confirms_one_and_one_confirms_all(world):
    client, lobby, folder, _ = world
    enter(client, lobby)
    assert "3 records should be confirmed." in client.get("/").text
    all_, first, *others = seen(client.get("/still").text)
    assert sorted(all_.split()) == sorted([first, *others]) and len(others) == 2
    assert "confirmed and signed" in client.post("/still", data={"seen": first}).text
    assert sorted(str(at) for at in assured(folder)) == [LATER.date().isoformat(), "None", "None"]
    client.post("/still", data={"seen": " ".join(others)})
    assert assured(folder) == [LATER.date().isoformat()] * 3
    assert "Nothing has to be confirmed" in client.get("/still").text
    assert "should be confirmed" not in client.get("/").text


def test_a_link_confirms_what_is_public_without_a_session(world):
    client, _, folder, link = world
    page = client.get(f"/still/{link}").text
    assert len(seen(page)) == 3 and "سر داخلي" not in page
    assert assured(folder) == [None] * 3  # a program that reads mail has opened it
    assert "confirmed and signed" in client.post(f"/still/{link}", data={"seen": seen(page)[0]}).text
    assert sorted(str(at) for at in assured(folder)) == [LATER.date().isoformat()] * 2 + ["None"]
    assert client.get("/still").status_code == 401 and client.get("/").status_code == 401


def test_a_link_does_not_confirm_what_it_does_not_show(world):
    client, lobby, folder, link = world
    enter(client, lobby)
    hidden = [one for one in seen(client.get("/still").text)[1:] if one not in client.get(f"/still/{link}").text]
    assert len(hidden) == 1
    assert client.post(f"/still/{link}", data={"seen": hidden[0]}).status_code == 400
    assert assured(folder) == [None] * 3


@pytest.mark.parametrize("wrong", ["", "1-x", "other.{link}", "{link}x"])
def test_a_link_that_is_not_whole_opens_nothing(world, wrong):
    client, _, _, link = world
    assert client.get(f"/still/{wrong.format(link=link) or 'x'}").status_code == 404


def test_a_link_of_two_weeks_ago_opens_nothing(world):
    client, _, folder, _ = world
    with Node.open(folder) as node:
        old = node.assuring().link(LATER - timedelta(days=15))
    assert client.get(f"/still/{old}").status_code == 404
    assert client.post(f"/still/{old}", data={"seen": "x"}).status_code == 404


@pytest.mark.parametrize("form", [{}, {"seen": ""}, {"seen": "x"}, {"seen": "00000000-0000-4000-8000-000000000000.0"}])
def test_a_form_that_names_no_record_is_refused(world, form):
    client, lobby, _, _ = world
    enter(client, lobby)
    assert client.post("/still", data=form).status_code == 400


def test_another_site_confirms_nothing(world):
    client, _, folder, link = world
    first = seen(client.get(f"/still/{link}").text)[0]
    answer = client.post(f"/still/{link}", data={"seen": first}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403 and assured(folder) == [None] * 3


def test_what_was_changed_since_it_was_shown_is_not_confirmed(world):
    client, _, folder, link = world
    first = seen(client.get(f"/still/{link}").text)[1]
    with Node.open(folder) as node:
        node.end(first.partition(".")[0])
        node.publish(now=LATER)
    assert client.post(f"/still/{link}", data={"seen": first}).status_code in (400, 409)
    assert assured(folder) == [None] * 3


@pytest.mark.parametrize("code", NAMES)
def test_the_page_is_there_in_each_language(world, code):
    client, _, _, link = world
    answer = client.get(f"/still/{link}", params={"lang": code})
    assert answer.status_code == 200 and (code == "en") == ("Look at each record" in answer.text)
