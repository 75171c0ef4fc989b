"""The page "Where we are shown"."""

from __future__ import annotations

import asyncio

import pytest
from starlette.testclient import TestClient

from jisr_node.app import Node
from jisr_node.app.lobby import Lobby
from jisr_node.web.office import pages
from jisr_protocol.pages.language import NAMES

from .conftest import NOW, SETTINGS, organization, seeded, service
from .fake_hub import FakeHub


@pytest.fixture
def client(tmp_path):
    folder, hub = tmp_path / "ours", FakeHub()
    with Node.init(folder, recovery=tmp_path / "sheet.txt", now=NOW, random_bytes=seeded("page"), **SETTINGS) as node:
        node.import_drafts([organization(), service()])
        node.publish(now=NOW)
        hub.keep_back[2] = {"code": "schema_invalid", "pointer": "/name", "detail": "too short"}
        asyncio.run(node.push(hub, now=NOW))
        asyncio.run(node.look(hub, now=NOW))
        node.keep_recovery()
    lobby = Lobby(folder, now=lambda: NOW)
    app = pages(lobby, hosts=["testserver"])
    with TestClient(app, headers={"accept-language": "en", "sec-fetch-site": "same-origin"}) as client:
        client.get(f"/open/{lobby.link()}")
        yield client


def test_it_tells_what_was_taken_what_was_kept_back_and_why(client):
    page = client.get("/where").text
    assert page.count("Received and taken") == 1 and page.count("Received and kept back") == 1
    assert "Everybody can read it there, as it is" in page and "It cannot be read there" in page
    assert "/name" in page and "1 September 2026" in page


def test_a_place_that_does_not_answer_loses_nothing(client):
    page = client.post("/where").text
    assert "Not every place answered" in page and "Everybody can read it there, as it is" in page


@pytest.mark.parametrize("code", NAMES)
def test_it_is_there_in_each_language(client, code):
    answer = client.get("/where", params={"lang": code})
    assert answer.status_code == 200 and (code == "en") == ("Received and taken" in answer.text)


@pytest.mark.parametrize("said", ["", "no address", "hub.example", "ftp://hub.example", "https://" + "a" * 2000])
def test_a_place_without_a_feed_is_said_and_not_remembered(client, said):
    answer = client.post("/where/places", data={"place": said})
    assert answer.status_code == 422 and "No feed of records was found" in answer.text
    assert answer.text.count("Look there no more") == 1, "only the place that answered before"


def test_another_hub_is_looked_at_until_a_person_says_no_more(client, monkeypatch):
    there = FakeHub(address="https://other.example")
    looked = Node.look
    monkeypatch.setattr(Node, "look", lambda node, where=None, **more: looked(node, there, now=NOW))
    page = client.post("/where/places", data={"place": "other.example"}).text
    assert page.count("https://other.example") > 1 and page.count("Look there no more") == 2
    page = client.post("/where/forget", data={"place": "https://other.example"}).text
    assert page.count("https://other.example") == 0 and page.count("Look there no more") == 1
    client.post("/where/forget", data={"place": "https://other.example"})
