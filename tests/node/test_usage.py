"""How often our records were used: fetched from a real hub, kept, shown on the page and by the command, forgotten."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from jisr_node import usage as kept
from jisr_node.app import Node, usage
from jisr_node.app.lobby import Lobby
from jisr_node.errors import HubRefused
from jisr_node.usage import Told
from jisr_node.web.office import pages
from jisr_node.web.office.usage import HEIGHT, WIDTH, drawn
from jisr_protocol.pages.language import NAMES
from jisr_protocol.usage import weeks
from tests.hub.kept_hub import execute

from .conftest import NOW, SETTINGS, Command, organization, seeded, service
from .sealed_world import made, served

WEEKS = tuple(day.isoformat() for day in weeks(NOW.date()))


def numbers(*last: int) -> tuple[int, ...]:
    return (*[0] * (13 - len(last)), *last)


def some(record_id: str, **changed: object) -> Told:
    counts = {"views": numbers(40, 15), "referrals": numbers(5, 0), "applications": numbers()}
    told = Told("https://hub.example", "2026-09-01T12:00:00Z", NOW.date().isoformat(), WEEKS, counts)
    told.records[record_id] = counts
    told.corrected[record_id] = ("jisr:" + "k" * 52,)
    return told


def test_a_node_asks_its_hub_and_gets_what_was_counted_of_its_own(tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    day = (today - timedelta(days=today.weekday() + 3)).toordinal()  # in the week before
    with made(tmp_path / "ours") as node, made(tmp_path / "theirs") as other, made(tmp_path / "stranger") as stranger:
        ours, theirs = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
        with served(tmp_path / "hub", node, other) as address:
            for who, record_id, views in ((node, ours, 17), (other, theirs, 9)):
                values = (who.id, record_id, day, views, 5, 4)
                execute(tmp_path / "hub", "", "INSERT INTO usage_day VALUES (?, ?, ?, ?, ?, ?)", *values)
            told = asyncio.run(usage.fetch(node, address))
            assert told.records == {
                ours: {"views": numbers(15, 0), "referrals": numbers(5, 0), "applications": numbers()}
            }
            assert told.sum["views"] == numbers(15, 0) and kept.told(node.store) == [told]
            assert told.until == (today - timedelta(days=1)).isoformat()
            with pytest.raises(HubRefused):
                asyncio.run(usage.fetch(stranger, address))
        assert kept.told(stranger.store) == []


def test_it_is_asked_once_a_day_and_forgotten_with_the_record(tmp_path: Path) -> None:
    with Node.init(tmp_path / "node", recovery=tmp_path / "sheet.txt", now=NOW, **SETTINGS) as node:
        node.import_drafts([organization(), service()])
        node.publish(now=NOW)
        record_id = next(row["id"] for row in node.overview())
        assert kept.is_due(node.store, "https://hub.example", NOW)
        kept.keep(node.store, some(record_id))
        at = datetime(2026, 9, 1, 12, tzinfo=UTC)
        assert not kept.is_due(node.store, "https://hub.example", at + timedelta(hours=19))
        assert kept.is_due(node.store, "https://hub.example", at + timedelta(hours=20))
        node.erase(record_id, basis="asked for", now=NOW)
        [told] = kept.told(node.store)
        assert (told.records, told.corrected) == ({}, {}) and told.sum["views"] == numbers(40, 15)
    assert record_id not in _texts(tmp_path / "node")


def _texts(folder: Path) -> str:
    with Node.open(folder) as node:
        return json.dumps([text for name, text in node.store.settings().items() if name.startswith(kept.PLACE)])


@pytest.fixture
def client(tmp_path: Path):
    folder = tmp_path / "ours"
    with Node.init(folder, recovery=tmp_path / "sheet.txt", now=NOW, random_bytes=seeded("page"), **SETTINGS) as node:
        node.import_drafts([organization(), service()])
        node.publish(now=NOW)
        kept.keep(node.store, some(next(row["id"] for row in node.overview())))
        node.keep_recovery()
    lobby = Lobby(folder, now=lambda: NOW)
    app = pages(lobby, hosts=["testserver"])
    with TestClient(app, headers={"accept-language": "en", "sec-fetch-site": "same-origin"}) as client:
        client.get(f"/open/{lobby.link()}")
        yield client


def test_the_page_tells_of_weeks_with_a_line_and_a_table(client: TestClient) -> None:
    page = client.get("/usage").text
    assert page.count("this week 15 · last week 40 · in 13 weeks 55") == 2, "together, and of the record"
    assert page.count("<polyline") == 6 and page.count("<tbody>") == 2
    assert "A correction of it is published by" in page
    said = client.post("/usage").text
    assert "The hub told nothing. Nothing is lost" in said and "last week 40" in said


@pytest.mark.parametrize("code", sorted(NAMES))
def test_it_stands_in_every_language(client: TestClient, code: str) -> None:
    answer = client.get("/usage", params={"lang": code})
    assert answer.status_code == 200 and f'lang="{code}"' in answer.text
    assert code == "en" or "What came back" not in answer.text


def test_a_line_stays_in_its_drawing() -> None:
    for numbers_ in (numbers(), numbers(5), tuple(range(0, 65, 5)), (10_000, *[0] * 12)):
        points = [tuple(map(float, point.split(","))) for point in drawn(numbers_).split()]
        assert len(points) == 13 and points[0][0] == 0 and points[-1][0] == WIDTH
        assert all(0 < height < HEIGHT for _, height in points)


def test_the_command_says_the_same(jisr_node: Command) -> None:
    with Node.open(jisr_node.folder) as node:
        node.import_drafts([organization()])
        kept.keep(node.store, some(next(row["id"] for row in node.overview())))
    code, said, _ = jisr_node("usage")
    assert code == 0 and "views 15 this week, 40 last, 55 in 13" in said and "says a correction" in said
    [value] = jisr_node.json("usage")
    assert value["records"][0]["views"][-2:] == [40, 15] and value["hub"] == "https://hub.example"
    code, _, err = jisr_node("usage", "--fetch")
    assert code == 64 and "knows no hub yet" in err


def test_monday_and_sunday_are_of_the_weeks_they_stand_in() -> None:
    assert weeks(date(2026, 6, 1))[-1] == date(2026, 6, 1) and weeks(date(2026, 6, 7))[-1] == date(2026, 6, 1)
