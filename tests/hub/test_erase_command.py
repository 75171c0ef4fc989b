"""`jisr-hub erase`: beside a serving hub and without one, and what it says when it cannot."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from jisr_hub.app.serving import application
from jisr_hub.cli import checking, inspection
from jisr_node.adapters.hub import HttpHub
from jisr_protocol import entry
from jisr_protocol.reader.follow import follow_once
from tests.faults.test_canaries import ThroughTheApp
from tests.faults.test_erased import World, holding, sent, world
from tests.hub.test_cli import Command, jisr_hub

__all__ = ["jisr_hub", "world"]


def run(world: World, *arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, as beside a hub that serves."""
    command = [sys.executable, "-m", "jisr_hub", "erase", *arguments, "--dir", str(world.hub)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, check=False)


def settled(client: TestClient, hub: Path) -> dict[str, Any]:
    """A head with everything that the hub holds now; the hub appends statements and node heads by itself later."""
    size = asyncio.run(inspection.status(hub))["size"]
    head = client.get(f"/feeds/public/head.json?after={size - 1}&wait=20").json()["head"]
    assert head["size"] >= size
    return dict(head)


def test_beside_a_serving_hub_it_ends_when_nothing_is_served_any_more(
    world: World, figure: Callable[..., None]
) -> None:
    first, second = world.write(0), world.write(1)
    with TestClient(application(world.hub)) as client:
        world.node.publish()
        # it has only what HttpHub asks of a client
        link = HttpHub("http://testserver", ThroughTheApp(client))
        assert not asyncio.run(world.node.push(link)).errors
        settled(client, world.hub)
        page = f"/directory/{world.node.id}/{first}"
        shown = client.get(page, headers={"accept": "text/html"})
        assert shown.status_code == 200 and any(word in shown.text for word in world.secret(first))
        assert holding(world.secret(first), world.hub / "public")

        began = time.monotonic()
        done = run(world, world.node.id, first, "--yes", "--json", "--basis", "a court's order", "--jurisdiction", "MA")
        took = time.monotonic() - began

        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["entries"] == 1
        assert holding(world.secret(first), world.hub / "public") == {}
        assert holding(world.secret(second), world.hub / "public")
        answer = client.get(page, headers={"accept": "text/html"})
        assert answer.status_code == 404 and not any(word in answer.text for word in world.secret(first))
        listed = client.get("/directory").text
        assert first not in listed and second in listed
        head = settled(client, world.hub)
        assert head["live"] == 1
    assert holding(world.secret(first), world.hub, *world.tables()[:1]) == {}
    assert asyncio.run(checking.check(world.hub, lambda *_: None))["faults"] == []
    result = follow_once(world.hub / "public", world.copy)
    assert int(result.outcome) == 0, result.sentence
    figure(f"{'PostgreSQL' if world.addresses else 'SQLite'}: erased beside a serving hub in {took:.1f} s")


def test_without_a_server_it_publishes_itself(world: World, jisr_hub: Command) -> None:
    first = world.write(0)
    kept = world.write(1)
    sent(world)
    done = jisr_hub("erase", world.node.id, first, "--yes", "--dir", world.hub)
    assert done.status == 0, done.err
    assert "erased from 1 entries" in done.out and "hubs that follow it erase it too" in done.out
    assert ("write-ahead log still holds it" in done.out) == bool(world.addresses)
    assert holding(world.secret(first), world.hub, *world.tables()[:1]) == {}
    done = jisr_hub("erase", world.node.id, "--all", "--yes", "--json", "--dir", world.hub)
    assert done.json["entries"] == 1 and holding(world.secret(kept), world.hub) == {}


def rows_of(hub: Path) -> dict[str, list[object]]:
    """Every row of a hub but those that say what people asked for."""
    with contextlib.closing(sqlite3.connect(hub / "hub.sqlite")) as database:
        names = [str(name) for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: database.execute(f"SELECT * FROM {name}").fetchall() for name in names if name[:3] != "act"}


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_what_it_cannot_do_is_a_sentence_and_changes_nothing(world: World, jisr_hub: Command) -> None:
    first = world.write(0)
    sent(world)
    node = world.node.id
    other = "00000000-dddd-4ddd-8ddd-000000000000"
    before = rows_of(world.hub)
    for arguments, status, said in (
        ((node,), 64, "Name the record's id, or --all"),
        ((node, first, "--all"), 64, "Name the record's id, or --all"),
        ((node, first), 64, "Nothing was erased. The content of the record"),
        ((node, other, "--yes"), 1, "nothing is here"),
        ((node, "no-id", "--yes", "--max-rev", "1"), 1, "NTC-1"),
        ((node, first, "--yes", "--max-rev", "9999999"), 1, "NTC-6"),
        ((node, first, "--yes", "--basis", "x" * 201), 1, "NTC-1"),
    ):
        done = jisr_hub("erase", *arguments, "--dir", world.hub)
        assert (done.status, said in done.err) == (status, True), (arguments, done)
    assert rows_of(world.hub) == before
    assert holding(world.secret(first), world.hub / "public")
    done = jisr_hub("erase", node, other, "--yes", "--max-rev", "3", "--json", "--dir", world.hub)
    assert done.status == 0 and done.json["entries"] == 0, "an unknown record is kept out"


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_check_names_a_stub_that_nothing_took_out(world: World) -> None:
    world.write(0)
    sent(world)
    file = world.hub / "hub.sqlite"
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        seq, line = connection.execute("SELECT seq, line FROM entry WHERE op = 'put'").fetchone()
        stub = entry.write_stub(entry.parse(line), "erased")
        connection.execute("UPDATE entry SET line = ? WHERE seq = ?", (stub, seq))
    faults = asyncio.run(checking.check(world.hub, lambda *_: None))["faults"]
    assert f"entry {seq}: its content is gone, and no later entry says why" in faults
