"""Erasing: no byte of the content stays in any file of the folder, proofs hold, and it does not come back by itself."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jisr_node.app import Node
from jisr_node.errors import Mistaken, Unscrubbed
from jisr_protocol import entry, generations, live, merkle, notice, push
from jisr_protocol.head import parse as head_of
from jisr_protocol.merkle import Frontier, Tree

from .conftest import NOW, SETTINGS, Command, file_of, need, organization, service
from .fake_hub import FakeHub

LATER = NOW + timedelta(hours=1)
CANARY = "Kanarie-كناري"


def canary(number: int) -> str:
    return f"{CANARY}-{number:04d}"


def planted(local_id: str = "dar") -> dict[str, Any]:
    """An organization with a canary in every text it can hold."""
    count = iter(range(1000))

    def word() -> str:
        return canary(next(count))

    return {
        "type": "org.jisr.organization/1", "source": {"local_id": f"{local_id} {word()}"}, "name": word(),
        "description": word(),
    }  # fmt: skip


def traces(folder: Path, text: str = CANARY) -> list[str]:
    """The files that hold the text: raw, folded, escaped, or inside base64 at any of its three alignments."""
    raw = text.encode()
    needles = {raw.lower(), text.encode("utf-16-le").lower(), text.encode("unicode_escape").lower()}
    inside = {base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 : -4] for shift in range(3)}
    found = []
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            content = file.read_bytes()
            if any(needle in content.lower() for needle in needles) or any(needle in content for needle in inside):
                found.append(file.relative_to(folder).as_posix())
    return found


def entries(node: Node, feed: str = "public") -> list[entry.Entry]:
    held = node.store.feed(feed)
    assert held is not None
    return [entry.parse(line.raw) for line in node.store.lines(feed, 0, held.size)]


def sound(node: Node) -> None:
    """Every feed: leaves and root as signed, the live set as signed, every stub lawful."""
    for feed in node.store.feeds():
        signed, lines = head_of(feed.head), entries(node, feed.name)
        frontier = Frontier()
        for line in lines:
            frontier.append(line.leaf)
        assert (frontier.root().hex(), frontier.size) == (signed.log_root, signed.size)
        held = live.fold(lines)
        assert len(held) == signed.live
        gone = {(line.node, line.id, line.rev) for line in lines if line.gone and line.op == "put"}
        assert not gone & {(*key, rev) for key, (rev, _) in held.items()}, "a stub is live"
        assert {record_id for record_id, *_ in node.store.live(feed.name)} == {key[1] for key in held}


@pytest.fixture
def busy_node(folder_node: Node) -> Node:
    """A node with a past: two hundred records, rewritten and moved about, so that pages of the database were split."""
    folder_node.import_drafts([organization(f"{n}", name=f"name {n}") for n in range(200)])
    folder_node.publish(now=NOW)
    return folder_node


def test_no_byte_is_left_in_any_file(busy_node: Node) -> None:
    node, folder = busy_node, busy_node.folder
    assert folder is not None
    taken = node.import_drafts([planted()])
    record_id = taken.ids[0]
    node.publish(now=NOW)
    node.edit(record_id, {**planted(), "description": canary(77)})
    node.publish(now=NOW)
    node.edit(record_id, {**planted(), "audience": "partners"})
    node.publish(now=NOW)
    node.edit(record_id, {**planted(), "name": canary(78)})  # a draft that waits
    node.export(folder / "public")
    assert traces(folder)
    node.erase(record_id, now=LATER)
    assert traces(folder) == []
    assert (folder / "node.sqlite-wal").stat().st_size == 0
    sound(node)


def test_the_search_for_traces_finds_what_is_there(tmp_path: Path) -> None:
    raw = CANARY.encode()
    encoded = [base64.b64encode(b"x" * shift + raw + b"yz") for shift in range(3)]
    for number, content in enumerate((raw, CANARY.upper().encode(), *encoded)):
        (tmp_path / str(number)).write_bytes(b"before" + content + b"after")
    assert traces(tmp_path) == ["0", "1", "2", "3", "4"]


def test_every_feed_it_stood_in_says_so_once(node: Node) -> None:
    record_id = node.import_drafts([need(), organization()]).ids[0]
    node.publish(now=NOW)
    node.edit(record_id, need(audience="public"))
    node.publish(now=NOW)
    held = node.store.record(record_id)
    assert held is not None
    done = node.erase(record_id, basis="asked for by the person", now=LATER)
    assert done.entries == {"public": 1, "partners": 1}
    said = []
    for feed in ("public", "partners"):
        last = entries(node, feed)[-1]
        assert (last.op, last.id, last.rev) == ("erase", record_id, held.rev)
        found = notice.verified(notice.target(last), node.identity.ring, now=LATER)
        assert notice.force(found, own_feed=True, home=None) is notice.Force.BINDS
        said.append(found)
        assert {line.gone for line in entries(node, feed)[:-1] if line.id == record_id} == {"erased"}
    assert said[0].envelope.body == said[1].envelope.body
    assert said[0].envelope.value["basis"] == "asked for by the person"
    sound(node)


def test_proofs_from_before_hold_after(node: Node) -> None:
    ids = node.import_drafts([organization(str(n)) for n in range(20)]).ids
    node.publish(now=NOW)
    feed = node.store.feed("public")
    assert feed is not None
    before = head_of(feed.head)
    node.erase(ids[3], now=LATER)
    after = head_of(node.store.feed("public").head)  # it has published
    tree = Tree(line.leaf for line in entries(node))
    for seq in range(before.size):
        leaf = entries(node)[seq].leaf
        proof = tree.inclusion(seq, before.size)
        merkle.verify_inclusion(leaf, seq, before.size, proof, bytes.fromhex(before.log_root))
    proof = tree.consistency(before.size, after.size)
    roots = bytes.fromhex(before.log_root), bytes.fromhex(after.log_root)
    merkle.verify_consistency(before.size, after.size, proof, *roots)


def test_what_was_never_published_goes_without_a_word(folder_node: Node) -> None:
    folder_node.publish(now=NOW)
    record_id = folder_node.import_drafts([planted()]).ids[0]
    done = folder_node.erase(record_id, now=LATER)
    assert done.entries == {}
    assert folder_node.folder is not None
    assert traces(folder_node.folder) == []
    assert [line.op for line in entries(folder_node)] == ["key"]


def test_the_same_file_again_does_not_bring_it_back(node: Node) -> None:
    node.import_drafts([organization(), service()])
    node.publish(now=NOW)
    record_id = node.find("local:organization/dar")
    node.erase(record_id, now=LATER)
    taken = node.import_drafts([organization()])
    assert not taken.ids
    (fault,) = taken.refused[0].faults
    assert fault.code == "erased"
    assert "--again" in fault.sentence
    assert node.publish(now=LATER).entries == {}


def test_a_later_publication_has_a_rev_above_what_was_erased(node: Node) -> None:
    record_id = node.import_drafts([organization()]).ids[0]
    node.publish(now=NOW)
    node.erase(record_id, now=LATER)
    taken = node.import_drafts([organization()], again=True)
    assert taken.ids == [record_id]
    node.publish(now=LATER)
    erased, put = entries(node)[-2:]
    assert (erased.op, put.op, put.id) == ("erase", "put", record_id)
    assert (put.rev or 0) > (erased.rev or 0)
    assert node.import_drafts([organization()]).unchanged == 1
    sound(node)


def test_all_goes_by_one_notice(folder_node: Node) -> None:
    node = folder_node
    node.import_drafts([planted(str(n)) for n in range(30)])
    node.import_drafts([need("n", of="o"), organization("o")])
    node.publish(now=NOW)
    node.import_drafts([planted("draft")])
    done = node.erase(None, now=LATER)
    assert done.entries == {"public": 1, "partners": 1}
    assert len(done.ids) == 33
    assert [head_of(feed.head).live for feed in node.store.feeds()] == [0, 0]
    assert node.folder is not None
    assert traces(node.folder) == []
    assert node.records() == []
    sound(node)
    fresh = node.import_drafts([organization("new")]).ids[0]
    node.publish(now=LATER)
    put = entries(node)[-1]
    assert (put.id, put.op) == (fresh, "put")
    assert not live.matches(entries(node)[-2], node.id, fresh, put.rev or 0), "the guard covers what is new"


def test_what_is_not_there_cannot_be_erased(node: Node) -> None:
    with pytest.raises(Mistaken, match="no record"):
        node.erase("local:organization/none", now=NOW)
    record_id = node.import_drafts([organization()]).ids[0]
    with pytest.raises(Mistaken, match="200 characters"):
        node.erase(record_id, basis="x" * 201, now=NOW)
    assert node.show(record_id)["waiting"]


def test_pushes_go_on_with_stubs_and_the_word(node: Node) -> None:
    hub = FakeHub()
    ids = node.import_drafts([organization(str(n)) for n in range(3)]).ids
    node.publish(now=NOW)
    asyncio.run(node.push(hub, now=NOW))
    node.erase(ids[0], now=LATER)
    hub.now = LATER
    asyncio.run(node.push(hub, now=LATER))
    # both have it: the push came through
    assert hub.log("public").held.frontier.size == node.store.feed("public").size
    fresh = FakeHub(seed=b"j" * 32, address="https://other.example")
    fresh.now = LATER
    asyncio.run(node.push(fresh, now=LATER))
    assert [e.gone for e in fresh.log("public").entries].count("erased") == 1
    assert all(CANARY.encode() not in body for body in fresh.pushes)
    assert push.parse(fresh.pushes[-1]).entries


def test_pages_that_changed_get_the_next_generation_and_the_old_ones_go(folder_node: Node, tmp_path: Path) -> None:
    from jisr_protocol.reader.follow import follow_once
    from jisr_protocol.session import Outcome

    node, web = folder_node, tmp_path / "web"
    ids = node.import_drafts([planted(str(n)) for n in range(300)]).ids
    node.publish(now=NOW)
    node.export(web)
    copy = tmp_path / "copy.jisr"
    assert follow_once(web, copy, now=lambda: NOW).outcome is Outcome.VERIFIED
    old = {path.relative_to(web).as_posix() for path in web.rglob("*.ndjson")}
    node.erase(ids[0], now=LATER)
    node.export(web)
    signed = head_of((web / "head.json").read_bytes())
    assert signed.gens is not None
    later = generations.parse((web / signed.gens["path"]).read_bytes(), signed.gens["sha256"])
    assert later == {0: 2}
    now_there = {path.relative_to(web).as_posix() for path in web.rglob("*.ndjson")}
    (first,) = [path for path in old if path.endswith("/000.ndjson")]
    assert first not in now_there
    assert first.replace(".ndjson", ".g2.ndjson") in now_there
    assert not (web / (first + ".gz")).exists()
    node.erase(ids[1], now=LATER)
    node.erase(ids[299], now=LATER)
    node.export(web)
    assert {path.name for path in web.glob("log/*/00*.g*.ndjson")} == {"000.g3.ndjson"}
    assert {path.name for path in web.glob("log/*/001.p/*.g2.ndjson")}
    for reader in (copy, tmp_path / "fresh.jisr"):
        result = follow_once(web, reader, now=lambda: LATER)
        assert result.outcome is Outcome.VERIFIED, result.sentence
        assert result.live == 297


def test_the_command_erases_and_says_what_is_left_to_do(jisr_node: Command, tmp_path: Path) -> None:
    jisr_node("import", file_of(tmp_path, organization(), organization("2")))
    jisr_node("publish")
    code, out, _ = jisr_node("erase", "local:organization/dar", "--why", "asked for")
    assert code == 0
    assert "1 record erased" in out
    assert "Backups made before still hold it" in out
    code, _, err = jisr_node("import", file_of(tmp_path, organization()))
    assert code == 1
    assert "--again" in err
    assert jisr_node("import", file_of(tmp_path, organization()), "--again")[0] == 0


def test_all_is_not_erased_without_a_yes(jisr_node: Command, tmp_path: Path) -> None:
    jisr_node("import", file_of(tmp_path, organization()))
    code, _, err = jisr_node("erase", "--all")
    assert (code, "1 record" in err, "--yes" in err) == (64, True, True)
    assert jisr_node("erase")[0] == 64
    assert jisr_node("erase", "--all", "local:organization/dar")[0] == 64
    code, out, _ = jisr_node("erase", "--all", "--yes", "--json")
    assert code == 0
    assert '"entries": {}' in out


def test_an_older_database_is_served_as_before_its_migration(tmp_path: Path) -> None:
    """A database of the first version opens, keeps everything, and can erase."""
    from jisr_node.adapters import sqlite

    with Node.init(tmp_path / "n", now=NOW, **SETTINGS) as node:
        ids = node.import_drafts([planted("1"), planted("2")]).ids
        node.publish(now=NOW)
        store = node.store
        assert isinstance(store, sqlite.SqliteStore)
        first = sqlite._STEPS[0]
        for (table,) in store._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            if f"CREATE TABLE {table} " not in first:
                store._db.execute(f"DROP TABLE {table}")
        store._db.execute("PRAGMA user_version = 1")
    with Node.open(tmp_path / "n") as node:
        assert len(node.records()) == 2
        node.erase(ids[0], now=LATER)
        assert len(node.records()) == 1
        sound(node)


def test_another_process_that_reads_is_told_of_and_the_next_command_finishes(
    folder_node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jisr_node.adapters import sqlite

    folder = folder_node.folder
    assert folder is not None
    record_id = folder_node.import_drafts([planted()]).ids[0]
    folder_node.publish(now=NOW)
    monkeypatch.setattr(sqlite, "LOCK_SECONDS", 0.1)
    with Node.open(folder) as node, contextlib.closing(sqlite3.connect(folder / "node.sqlite")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM record").fetchone()
        with pytest.raises(Unscrubbed, match="It is erased"):
            node.erase(record_id, now=LATER)
        with Node.open(folder) as other:
            assert "unscrubbed" in [advice["code"] for advice in other.status(now=LATER)["todo"]]
        reader.rollback()
    with Node.open(folder) as node:
        assert "unscrubbed" not in [advice["code"] for advice in node.status(now=LATER)["todo"]]
    assert traces(folder) == []
