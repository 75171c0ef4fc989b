"""The tree that a copy keeps of a large node is the one its lines make, and costs what changed."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest

from jisr_protocol import state_tree
from jisr_protocol.reader import nodes
from jisr_protocol.reader.tables import connect
from tests.reader.conftest import Reader
from tests.reader.node_heads import say
from tests.reader.publisher import FeedFolder, Writer

NODE = "jisr:" + "b" * 52


def check_kept(file: Path) -> set[str]:
    """Every tree that is kept is that of the node's lines; the nodes of which one is."""
    with sqlite3.connect(file) as connection:
        kept = dict(connection.execute("SELECT node, depth FROM node_tree").fetchall())
        branches = {row[0] for row in connection.execute("SELECT DISTINCT node FROM node_branch")}
        assert branches <= set(kept)
        for node, depth in kept.items():
            rows = connection.execute("SELECT node, id, rev, digest FROM leaf WHERE node = ?", (node,)).fetchall()
            tree, _ = state_tree.build(rows)
            assert (depth, nodes._grown(connection, node, depth, ())) == (tree.depth, tree.root())
    return set(kept)


def test_it_is_the_one_its_lines_make_whatever_comes(
    hub: FeedFolder, hub_reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records that come, change and go, of two nodes; heads that are said and heads that leave something out."""
    monkeypatch.setattr(nodes, "KEPT_FROM", 1)
    chance, writers = random.Random(5), [hub.welcome(Writer(name)) for name in ("one", "two")]
    held = {writer.id: [hub.put(by=writer) for _ in range(4)] for writer in writers}
    revs: dict[str, int] = {}
    kept = 0
    for _ in range(25):
        writer = chance.choice(writers)
        about = chance.choice(held[writer.id])
        rev = revs[about.value["id"]] = revs.get(about.value["id"], 1) + 1
        what = chance.choice(["put", "edit", "edit", "del", "head", "head", "lacking"])
        if what == "put":
            held[writer.id].append(hub.put(by=writer))
        elif what == "edit":
            hub.put(writer.record(id=about.value["id"], rev=rev))
        elif what == "del":
            hub.add("del", writer.tombstone(writer.record(id=about.value["id"], rev=rev - 1)))
        else:
            say(hub, writer, {} if what == "head" else {"policy": 1}, size=len(hub.lines))
        hub.publish()
        hub_reader.verified()
        kept += len(check_kept(hub_reader.file))
    assert kept >= 10


def steps(file: Path, size: int) -> tuple[int, int]:
    """How much SQLite works (in hundreds of its steps) to make the root of a node of so many records, and after one of
    them changed."""
    connection = connect(file, create=True)
    connection.execute("BEGIN")
    rows = []
    for number in range(size):
        record_id = f"{number:08x}-0000-4000-8000-000000000000"
        rows.append((state_tree.path(NODE, record_id), NODE, record_id, 1, f"{number:064x}", number, None))
    connection.executemany("INSERT INTO leaf VALUES (?,?,?,?,?,?,?)", rows)
    connection.execute("INSERT INTO record SELECT path, node, id, rev, digest, 't', 'put', seq, '', NULL, NULL, NULL,"
                       " NULL, 0, 0, NULL FROM leaf")  # fmt: skip
    counts = []
    for moved in (None, [rows[7][0]]):
        done: list[int] = []
        connection.set_progress_handler(lambda done=done: done.append(1) or 0, 100)
        assert set(nodes._roots(connection, {NODE: size}, {NODE: moved})) == {NODE}
        connection.set_progress_handler(None, 0)
        counts.append(len(done))
    connection.close()
    return counts[0], counts[1]


def test_one_change_costs_the_same_however_large_the_node_is(tmp_path: Path) -> None:
    small, large = (steps(tmp_path / f"{size}.jisr", size) for size in (5_000, 20_000))
    assert large[0] > 3 * small[0], "all lines are read the first time"
    assert large[1] <= small[1] + 2, (small, large)
    assert large[1] < large[0] / 50
