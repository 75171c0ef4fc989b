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
