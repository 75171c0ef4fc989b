"""kill -9 at random moments of import, publish and push: nothing lost, nothing sent twice with two meanings."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jisr_node.app import Node
from jisr_node.export import inventory, pages
from jisr_protocol import entry, paths
from jisr_protocol.session import Outcome

from .conftest import NOW, SETTINGS, organization, read
from .fake_hub import FakeHub

BATCH = 25
WORK = """
import asyncio, sys
from pathlib import Path
from jisr_node.app import Node
from tests.node.conftest import NOW, organization
from tests.node.fake_hub import FakeHub

folder, start = Path(sys.argv[1]), int(sys.argv[2])


class DiskHub(FakeHub):
    \"\"\"Keeps every push it took in a file before it answers, as a hub's durable commit does.\"\"\"

    def take(self, node, feed, body):
        answer = super().take(node, feed, body)
        (folder / "half").write_bytes(body)
        (folder / "half").replace(folder / "pushes" / f"{start:06}-{len(self.pushes):06}")
        return answer


hub = DiskHub()
for path in sorted((folder / "pushes").glob("0*")):
    FakeHub.take(hub, "NODE", "public", path.read_bytes())
print("ready", flush=True)
with Node.open(folder / "node") as node:
    number = start
    while True:
        number += 1
        drafts = [organization(f"{number} {i}", name=f"{number} {i}") for i in range(25)]
        taken = node.import_drafts(drafts)
        print(f"imported {number}", flush=True)
        node.publish(now=NOW)
        print(f"published {number}", flush=True)
        asyncio.run(node.push(hub, now=NOW))
        size = node.store.delivery(hub.address, "public").next
        print(f"delivered {number} {size}", flush=True)
"""


@pytest.fixture
def rounds(long: bool) -> int:
    return 60 if long else 6


def test_a_killed_node_goes_on_where_it_was(tmp_path: Path, rounds: int) -> None:
    chance = random.Random(7)
    (tmp_path / "pushes").mkdir()
    with Node.init(tmp_path / "node", now=NOW, **SETTINGS) as node:
        node_id = node.id
    script = tmp_path / "work.py"
    script.write_text(WORK.replace("NODE", node_id), encoding="utf-8")
    imported: set[int] = set()
    published: set[int] = set()
    delivered = 0
    for round_ in range(rounds):
        said = _work_and_die(script, tmp_path, round_ * 1000, chance.randint(0, 5), chance.uniform(0.0, 0.1))
        imported |= {int(words[1]) for words in said if words[0] == "imported"}
        published |= {int(words[1]) for words in said if words[0] == "published"}
        delivered = max([delivered, *(int(words[2]) for words in said if words[0] == "delivered")])
        with Node.open(tmp_path / "node") as node:
            _check(node, imported, published)
    assert delivered, "the work got as far as a delivery"
    _check_pushes(tmp_path / "pushes", tmp_path / "node")


def _work_and_die(script: Path, folder: Path, start: int, lines: int, seconds: float) -> list[list[str]]:
    """Let it work until it has said so many things, and a moment longer; what it said, in words."""
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, str(script), str(folder), str(start)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(1 + lines)]
    time.sleep(seconds)
    process.kill()
    rest, err = process.communicate(timeout=60)
    assert said[0] == "ready\n", err
    assert "Error" not in err, err
    # what was cut off in the middle of a line was not said
    return [line.split() for line in [*said[1:], *rest.splitlines(keepends=True)] if line.endswith("\n")]


def _check(node: Node, imported: set[int], published: set[int]) -> None:
    """What was said to be done is there, whole batches only, and every feed verifies."""
    waiting = {json.loads(change.content)["source"]["local_id"] for change in node.store.changes() if change.content}
    signed = {record["source"]["local_id"] for record in node.records()}
    for number in imported:
        batch = {f"{number} {i}" for i in range(BATCH)}
        assert batch <= (signed if number in published else signed | waiting)
    for held in (waiting, signed):
        counts: dict[str, int] = {}
        for local_id in held:
            counts[local_id.partition(" ")[0]] = counts.get(local_id.partition(" ")[0], 0) + 1
        assert set(counts.values()) <= {BATCH}, "an import or a publish is whole or not at all"
    assert not waiting & signed
    for feed in node.store.feeds():
        files = dict([*node.files(), *pages(node.store, feed), *inventory(node.store, feed, node.id)])
        done, judged = read({**files, paths.HEAD: feed.head}, now=NOW)
        assert done.outcome is Outcome.VERIFIED, done.reason
        assert len(judged) == feed.size


def _check_pushes(folder: Path, node_folder: Path) -> None:
    """Nothing was ever sent with two meanings: every line that left is the line the node holds at that position."""
    sent = 0
    with Node.open(node_folder) as node:
        for path in sorted(folder.iterdir()):
            for raw in path.read_bytes().split(b"\n")[1:-1]:
                line = entry.parse(raw)
                assert [held.raw for held in node.store.lines("public", line.seq, line.seq + 1)] == [raw]
                sent += 1
        hub = FakeHub()
        for path in sorted(folder.iterdir()):
            hub.take(node.id, "public", path.read_bytes())
        node.publish(now=NOW)
        asyncio.run(node.push(hub, now=NOW))
        feed = node.store.feed("public")
        assert feed is not None
        assert hub.log("public").held.frontier.size == feed.size
        assert len(hub.records()) == len(node.records())
    assert sent


def test_an_init_that_dies_half_way_signs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from jisr_node.app import beginning
    from jisr_node.errors import NodeError

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(beginning, "_begin", die)
    with pytest.raises(KeyboardInterrupt):
        Node.init(tmp_path / "n", now=NOW, **SETTINGS)
    monkeypatch.undo()
    with pytest.raises(NodeError):
        Node.open(tmp_path / "n")
    with pytest.raises(NodeError):
        Node.init(tmp_path / "n", now=NOW, **SETTINGS)


def test_a_publish_that_dies_before_its_commit_leaves_the_old_state(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.import_drafts([organization("1")])
    node.publish(now=NOW)
    before = (node.store.feed("public"), node.records())
    node.import_drafts([organization("2"), organization("3", audience="partners")])
    monkeypatch.setattr(node.store, "put_feed", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        node.publish(now=NOW)
    monkeypatch.undo()
    assert (node.store.feed("public"), node.records()) == before
    assert len(node.store.changes()) == 2
    assert node.publish(now=NOW).entries == {"public": 1, "partners": 2}
