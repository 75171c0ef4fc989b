"""`/readyz`: 200 while the hub does its work, 503 with a reason when it does not; nothing secret, one look a second."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from jisr_hub.app.serving import application
from jisr_hub.cli import keeping, putting_back
from jisr_hub.ports import Peer
from jisr_hub.web import readiness
from jisr_hub.web.readiness import Duty, Readiness
from tests.hub.hub_in_memory import run
from tests.hub.kept_hub import KeptHub, some_author


@pytest.fixture
def hub(tmp_path: Path) -> KeptHub:
    return KeptHub(tmp_path / "hub").fill(some_author())


@pytest.fixture
def client(hub: KeptHub) -> Iterator[TestClient]:
    with TestClient(application(hub.folder)) as client:
        yield client


def settled(client: TestClient, wanted: Any, seconds: float = 15.0) -> Any:
    """The document as soon as `wanted` is true of it."""
    end = time.monotonic() + seconds
    while not wanted(client.get("/readyz").json()):
        assert time.monotonic() < end, client.get("/readyz").json()
        time.sleep(0.2)
    return client.get("/readyz")


def test_a_hub_that_works_says_what_it_does(client: TestClient) -> None:
    answer = settled(client, lambda told: told["ready"] and told["publishes"] and told["follows"])
    told = answer.json()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert set(told) == {
        "ready", "reasons", "head", "disk_free_share", "publishes", "follows", "fetches", "fenced", "seen_ahead",
        "peers", "pulls", "tasks", "descriptors", "version",
    }  # fmt: skip
    assert (told["head"]["size"], told["head"]["live"]) == (16, 11)
    assert 0 <= told["head"]["age_seconds"] < 600
    assert told["tasks"] > 3 and told["descriptors"] > 3
    assert (told["fenced"], told["reasons"], told["peers"]) == (None, [], [])


def test_a_full_disk_is_not_ready(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jisr_hub.app.serving.free_share", lambda _: 0.004)
    told = settled(client, lambda told: not told["ready"])
    assert told.status_code == 503
    assert told.json()["reasons"] == ["0.4% of the disk is free; nothing more can be stored soon."]


def test_a_fenced_hub_is_not_ready_and_says_why(hub: KeptHub, tmp_path: Path) -> None:
    run(keeping.backup(hub.folder, tmp_path / "hub.tar", with_key=False))
    hub.fill(some_author("later"))
    run(putting_back.restore(hub.folder, tmp_path / "hub.tar", database=None, yes=True))
    with TestClient(application(hub.folder)) as client:
        answer = client.get("/readyz")
        assert answer.status_code == 503
        [reason] = answer.json()["reasons"]
        assert "older than what this hub has published" in reason and answer.json()["fenced"] == reason
        assert client.get("/feeds/public/head.json").status_code == 200, "what was published is still served"


class Looks:
    """A readiness over given facts; counts how often it looked."""

    def __init__(self, **facts: Any) -> None:
        self.count, self.facts = 0, facts

    async def peers(self) -> list[Peer]:
        self.count += 1
        if isinstance(self.facts.get("peers"), Exception):
            raise self.facts["peers"]
        return self.facts.get("peers", [])

    def of(self) -> Readiness:
        now = self.facts.get("now", datetime(2026, 9, 1, tzinfo=UTC))
        return Readiness(lambda: self.facts.get("head"), self.peers, lambda: now, Duty(), lambda: 0.5)


def answered(readiness: Readiness) -> tuple[int, bytes]:
    answer = run(readiness.readyz(None))  # it reads no request
    return answer.status_code, bytes(answer.body)


def test_an_expired_head_is_not_ready(hub: KeptHub) -> None:
    from jisr_protocol import head as heads

    shown = heads.parse((hub.folder / "public" / "head.json").read_bytes())
    assert answered(Looks(head=shown, now=shown.expires).of())[0] == 200
    status, told = answered(Looks(head=shown, now=shown.expires + timedelta(seconds=1)).of())
    assert status == 503 and b"expired" in told


def test_it_looks_once_a_second_however_often_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(readiness.time, "monotonic", lambda: clock[0])
    looks = Looks()
    ready = looks.of()

    async def asked() -> None:
        for _ in range(50):
            await ready.readyz(None)  # it reads no request
        clock[0] += 1.0
        await ready.readyz(None)  # it reads no request

    run(asked())
    assert looks.count == 2


def test_peers_are_told_with_their_last_outcome_and_not_without_end() -> None:
    last = ("stale", "secret detail", "2026-08-31T23:59:00Z")
    peers = [Peer(f"jisr:{n}", "peer", "http://x", 0, "", *last) for n in range(500)]
    _, told = answered(Looks(peers=peers).of())
    assert told.count(b'"direction":"in"') == 200
    assert b'"outcome":"stale","since_seconds":60' in told
    assert b"secret detail" not in told


def test_a_database_that_is_away_is_no_error_of_the_question() -> None:
    status, told = answered(Looks(peers=OSError("away")).of())
    assert status == 503 and b"No head is signed yet." in told
