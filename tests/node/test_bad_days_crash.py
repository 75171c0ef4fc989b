"""Dying at each durable step of an erasure and a rebase: what is found afterwards is the old state or the new, and the
next start finishes what was begun."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jisr_node.adapters.fence import FileFence
from jisr_node.adapters.ledger import FileLedger
from jisr_node.adapters.sqlite import SqliteStore
from jisr_node.app import Node
from jisr_node.app.beginning import DATABASE, LEDGER
from jisr_node.errors import Declined

from .conftest import NOW, SETTINGS, organization, seeded
from .fake_hub import FakeHub
from .test_erase import planted, sound, traces

LATER = NOW + timedelta(hours=1)


class Died(BaseException):
    """No except clause of ours catches it, as none catches a kill."""


def die(*_: object, **__: object) -> None:
    raise Died


def dies_after(monkeypatch: pytest.MonkeyPatch, place: Any, name: str) -> None:
    """Persisted, and gone before the answer."""
    real = getattr(place, name)

    def act(*arguments: Any, **options: Any) -> None:
        real(*arguments, **options)
        raise Died

    monkeypatch.setattr(place, name, act)


ERASE_STEPS: list[tuple[Any, str]] = [
    (SqliteStore, "append"),
    (SqliteStore, "rewrite"),
    (SqliteStore, "put_feed"),
    (SqliteStore, "put_erasure"),
    (FileFence, "write"),
    (FileLedger, "append"),
    (SqliteStore, "scrub"),
    (SqliteStore, "_cut_log"),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("place", "name"), ERASE_STEPS, ids=[name for _, name in ERASE_STEPS])
def test_an_erasure_cut_off_anywhere_is_whole_or_not_there(
    folder_node: Node, monkeypatch: pytest.MonkeyPatch, place: Any, name: str, after: bool
) -> None:
    folder = folder_node.folder
    assert folder is not None
    record_id = folder_node.import_drafts([planted(), organization("2")]).ids[0]
    folder_node.publish(now=NOW)
    folder_node.export(folder / "public")
    if after:
        dies_after(monkeypatch, place, name)
    else:
        monkeypatch.setattr(place, name, die)
    with pytest.raises(Died):
        folder_node.erase(record_id, now=LATER)
    monkeypatch.undo()
    folder_node.close()
    with Node.open(folder) as node:
        sound(node)
        assert not node.feeds.obstacles()
        committed = bool(node.store.erasures())
        assert committed is (place is not SqliteStore or name in ("scrub", "_cut_log"))
        if committed:
            assert traces(folder) == [], "the next start finished it"
            assert [e.notice for e in FileLedger(folder / LEDGER).read()] == [e.notice for e in node.store.erasures()]
        else:
            assert len(node.records()) == 2
            node.erase(record_id, now=LATER)
            assert traces(folder) == []
        node.export(folder / "web")
        assert len(node.records()) == 1


def test_a_line_of_the_ledger_that_was_cut_off_is_written_again(folder_node: Node) -> None:
    folder = folder_node.folder
    assert folder is not None
    for number in ("1", "2"):
        folder_node.import_drafts([organization(number)])
        folder_node.publish(now=NOW)
        folder_node.erase(f"local:organization/{number}", now=LATER)
    whole = (folder / LEDGER).read_bytes()
    (folder / LEDGER).write_bytes(whole[:-20])
    folder_node.import_drafts([organization("3")])
    folder_node.publish(now=LATER)
    folder_node.erase("local:organization/3", now=LATER)
    assert len(FileLedger(folder / LEDGER).read()) == 3
    (folder / LEDGER).write_bytes(b"{}\n" + whole)
    with pytest.raises(Declined, match="Line 1"):
        Node.open(folder)


REBASE_STEPS: list[tuple[Any, str]] = [
    (SqliteStore, "cut"),
    (SqliteStore, "append"),
    (SqliteStore, "put_record"),
    (SqliteStore, "put_feed"),
    (SqliteStore, "set"),
    (FileFence, "write"),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("place", "name"), REBASE_STEPS, ids=[name for _, name in REBASE_STEPS])
def test_a_rebase_cut_off_anywhere_is_given_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Any, name: str, after: bool
) -> None:
    hub = FakeHub()
    with Node.init(tmp_path / "n", now=NOW, random_bytes=seeded("n"), **SETTINGS) as node:
        node.import_drafts([organization("1", name="one")])
        node.publish(now=NOW)
        asyncio.run(node.push(hub, now=NOW))
        store = node.store
        assert isinstance(store, SqliteStore)
        store.copy_to(tmp_path / "old")
        node.import_drafts([organization("2", name="two")])
        node.publish(now=LATER)
        hub.now = LATER
        asyncio.run(node.push(hub, now=LATER))
        node.import_drafts([organization("3", name="lost")])
        node.publish(now=LATER)
    for file in (tmp_path / "n").glob("node.sqlite*"):
        file.unlink()
    (tmp_path / "old").rename(tmp_path / "n" / DATABASE)
    now = LATER + timedelta(hours=1)
    with Node.open(tmp_path / "n") as old:
        if after:
            dies_after(monkeypatch, place, name)
        else:
            monkeypatch.setattr(place, name, die)
        with pytest.raises(Died):
            asyncio.run(old.rebase(hub, now=now))
        monkeypatch.undo()
    with Node.open(tmp_path / "n") as again:
        asyncio.run(again.rebase(hub, now=now + timedelta(hours=1)))
        sound(again)
        assert {record["name"]["ar"]["value"] for record in again.records()} == {"one", "two"}
        again.import_drafts([organization("4", name="four")])
        again.publish(now=now + timedelta(hours=2))
        hub.now = now + timedelta(hours=2)
        asyncio.run(again.push(hub, now=hub.now))
        assert not again.feeds.obstacles()
        assert len(hub.records()) == 3
