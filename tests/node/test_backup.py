"""Backups: one file, whole, without the key unless asked for; put back, a node signs nothing before it has asked."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

from jisr_node import cli
from jisr_node.app import Node
from jisr_node.app.beginning import DATABASE, FENCE, LEDGER
from jisr_node.errors import Contradiction, Declined, Mistaken

from .conftest import NOW, Command, file_of, need, organization
from .fake_hub import FakeHub
from .test_erase import planted, sound, traces

LATER = NOW + timedelta(hours=1)


def filled(node: Node, hub: FakeHub | None = None) -> None:
    node.import_drafts([organization("1", name="one"), organization("2", name="two"), need("n", of="1")])
    node.publish(now=NOW)
    if hub is not None:
        asyncio.run(node.push(hub, now=NOW))


def test_what_was_backed_up_comes_back_and_goes_on(folder_node: Node, tmp_path: Path) -> None:
    hub = FakeHub()
    filled(folder_node, hub)
    folder_node.import_drafts([organization("draft")])
    made = folder_node.backup(tmp_path / "b.zip", with_key=True, now=NOW)
    assert (made.records, made.entries) == (3, {"public": 3, "partners": 2})
    assert folder_node.status(now=NOW)["backup"] == "2026-09-01T12:00:00Z"
    folder_node.import_drafts([organization("3", name="three")])
    folder_node.publish(now=LATER)
    hub.now = LATER
    asyncio.run(folder_node.push(hub, now=LATER))
    contents, erased = Node.restore(tmp_path / "b.zip", tmp_path / "new")
    assert (contents.at, contents.node, erased) == ("2026-09-01T12:00:00Z", folder_node.id, 0)
    with Node.open(tmp_path / "new") as node:
        assert len(node.store.changes()) == 1
        with pytest.raises(Contradiction, match="put back from a backup of 2026-09-01"):
            node.publish(now=LATER)
        with pytest.raises(Contradiction):
            node.export(tmp_path / "web")
        asyncio.run(node.rebase(hub, now=LATER + timedelta(hours=1)))
        assert {record["name"]["ar"]["value"] for record in node.records()} >= {"one", "two", "three"}
        sound(node)
        hub.now = LATER + timedelta(hours=2)
        node.publish(now=hub.now)
        asyncio.run(node.push(hub, now=hub.now))
        assert not node.feeds.obstacles()
    assert len(hub.records()) == 4


def test_a_folder_that_lost_its_database_gets_it_back_beside_its_fence(folder_node: Node, tmp_path: Path) -> None:
    hub = FakeHub()
    filled(folder_node, hub)
    folder = folder_node.folder
    assert folder is not None
    folder_node.backup(tmp_path / "b.zip", now=NOW)
    folder_node.close()
    for file in folder.glob("node.sqlite*"):
        file.unlink()
    Node.restore(tmp_path / "b.zip", folder)
    with Node.open(folder) as node:
        assert asyncio.run(node.rebase(hub, now=LATER))[0].changed is False, "fence and hub both say it is the newest"
        node.import_drafts([organization("3")])
        node.publish(now=LATER)


def test_a_backup_is_whole_while_another_writes(folder_node: Node, tmp_path: Path) -> None:
    filled(folder_node)
    folder = folder_node.folder
    assert folder is not None
    stop = threading.Event()

    def write() -> None:
        with Node.open(folder) as other:
            number = 0
            while not stop.wait(0.01):  # between two that write without a pause nobody gets in
                number += 1
                other.import_drafts([organization(f"w{number} {i}") for i in range(5)])
                other.publish()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            folder_node.backup(tmp_path / f"{number}.zip", with_key=True)
    finally:
        stop.set()
        writer.join()
    for number in range(5):
        Node.restore(tmp_path / f"{number}.zip", tmp_path / f"r{number}")
        with Node.open(tmp_path / f"r{number}") as node:
            sound(node)
            assert (len(node.records()) - 3 + len(node.store.changes())) % 5 == 0


def test_the_key_is_in_it_only_when_asked_for(folder_node: Node, tmp_path: Path) -> None:
    filled(folder_node)
    assert folder_node.folder is not None
    seed = (folder_node.folder / "signing.key").read_bytes()
    for name, with_key in (("without", False), ("with", True)):
        folder_node.backup(tmp_path / name, with_key=with_key)
        with zipfile.ZipFile(tmp_path / name) as bundle:
            assert (seed in [bundle.read(one) for one in bundle.namelist()]) is with_key
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
        assert FENCE not in bundle.namelist()
        assert LEDGER not in bundle.namelist()


def test_a_backup_never_overwrites_and_leaves_nothing_half_done(
    folder_node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jisr_node.adapters import backup_file

    filled(folder_node)
    (tmp_path / "there").write_text("mine", encoding="utf-8")
    with pytest.raises(Declined, match="left as it is"):
        folder_node.backup(tmp_path / "there")
    assert (tmp_path / "there").read_text("utf-8") == "mine"
    before = set(tmp_path.iterdir())
    monkeypatch.setattr(backup_file, "_appear", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        folder_node.backup(tmp_path / "new")
    assert set(tmp_path.iterdir()) == before
    assert folder_node.status(now=NOW)["backup"] is None


def test_an_older_backup_put_back_loses_again_what_was_erased(folder_node: Node, tmp_path: Path) -> None:
    hub, folder = FakeHub(), folder_node.folder
    assert folder is not None
    record_id = folder_node.import_drafts([planted(), organization("stays", name="stays")]).ids[0]
    folder_node.publish(now=NOW)
    asyncio.run(folder_node.push(hub, now=NOW))
    folder_node.backup(tmp_path / "old.zip", now=NOW)
    folder_node.erase(record_id, now=LATER)
    folder_node.close()
    for file in folder.glob("node.sqlite*"):
        file.unlink()
    contents, erased = Node.restore(tmp_path / "old.zip", folder, check=True)
    assert (contents.records, erased) == (2, 1)
    assert not (folder / DATABASE).exists(), "a look changes nothing"
    assert Node.restore(tmp_path / "old.zip", folder)[1] == 1
    assert traces(folder) == []
    with Node.open(folder) as node:
        assert [record["name"]["ar"]["value"] for record in node.records()] == ["stays"]
        asyncio.run(node.rebase(hub, now=LATER))
        sound(node)
        hub.now = LATER + timedelta(hours=1)
        asyncio.run(node.push(hub, now=hub.now))
        assert [r["name"]["ar"]["value"] for r in hub.records().values() if r["id"] != record_id] == ["stays"]
        assert any(e.op == "erase" and e.id == record_id for e in hub.log("public").entries)
        assert node.import_drafts([{**planted(), "id": record_id}]).refused
    assert traces(folder) == []


def test_only_an_empty_folder_or_what_is_left_of_the_same_node(folder_node: Node, tmp_path: Path) -> None:
    filled(folder_node)
    folder_node.backup(tmp_path / "b.zip", with_key=True)
    assert folder_node.folder is not None
    with pytest.raises(Declined, match=r"There is a node\.sqlite"):
        Node.restore(tmp_path / "b.zip", folder_node.folder)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("x", encoding="utf-8")
    with pytest.raises(Declined, match=r"letter\.txt"):
        Node.restore(tmp_path / "b.zip", tmp_path / "full", check=True)
    with Node.init(tmp_path / "other", name="x", country="MA", lang="ar"):
        pass
    for file in (tmp_path / "other").glob("node.sqlite*"):
        file.unlink()
    with pytest.raises(Declined, match="another node"):
        Node.restore(tmp_path / "b.zip", tmp_path / "other")
    assert not (tmp_path / "other" / DATABASE).exists()


@pytest.mark.parametrize("bend", ["missing", "no zip", "no word", "no database", "damaged"])
def test_what_is_no_backup_is_named(folder_node: Node, tmp_path: Path, bend: str) -> None:
    filled(folder_node)
    place = tmp_path / "b.zip"
    folder_node.backup(place)
    with zipfile.ZipFile(place) as bundle:
        files = {name: bundle.read(name) for name in bundle.namelist()}
    if bend == "missing":
        place.unlink()
    elif bend == "no zip":
        place.write_bytes(b"x" * 1000)
    else:
        files.pop("backup.json" if bend == "no word" else "-", None)
        files.pop("node.sqlite" if bend == "no database" else "-", None)
        if bend == "damaged":
            files["node.sqlite"] = files["node.sqlite"][:8192] + b"\xff" * 8192 + files["node.sqlite"][16384:]
        with zipfile.ZipFile(place, "w") as bundle:
            for name, content in files.items():
                bundle.writestr(name, content)
    with pytest.raises(Mistaken, match="Nothing was changed"):
        Node.restore(place, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_restore_that_dies_half_way_is_given_again(
    folder_node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jisr_node.adapters import backup_file

    filled(folder_node)
    folder_node.backup(tmp_path / "b.zip", with_key=True)
    for step in ("copyfile", "write_secret", "replace"):
        target = tmp_path / step
        place = {"copyfile": backup_file.shutil, "write_secret": backup_file, "replace": backup_file.os}[step]
        monkeypatch.setattr(place, step, lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            Node.restore(tmp_path / "b.zip", target)
        monkeypatch.undo()
        (target / f".{DATABASE}.part").unlink(missing_ok=True)
        Node.restore(tmp_path / "b.zip", target)
        with Node.open(target) as node:
            assert len(node.records()) == 3


def test_the_commands_say_what_is_in_it(jisr_node: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jisr_node("import", file_of(tmp_path, organization()))
    jisr_node("publish")
    assert "Last backup: none yet" in jisr_node("status")[1]
    code, out, _ = jisr_node("backup", tmp_path / "b.zip")
    assert (code, "signing key is not in it" in out) == (0, True)
    assert "none yet" not in jisr_node("status")[1]
    assert jisr_node("backup", tmp_path / "b.zip")[0] == 1
    target = tmp_path / "back"
    capsys.readouterr()
    assert cli.run(["restore", str(tmp_path / "b.zip"), str(target), "--check"]) == 0
    out = capsys.readouterr().out
    assert ("Nothing was changed" in out, "1 record" in out, target.exists()) == (True, True, False)
    assert cli.run(["restore", str(tmp_path / "b.zip"), str(target), "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["restored"], value["has_key"], value["records"]) == (True, False, 1)
    shutil.copy(jisr_node.folder / "signing.key", target)
    again = Command(target, capsys)
    code, _, err = again("publish")
    assert (code, "jisr-node rebase" in err) == (1, True)
    assert again("rebase")[0] == 64
    code, out, _ = again("rebase", "--without-hub")
    assert (code, "new epoch" in out) == (0, True)
    assert again("publish")[0] == 0
    assert again.json("rebase", "--without-hub")["epochs"] == {}
