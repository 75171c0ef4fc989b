"""kill -9 at random moments of editing, importing and publishing: what was said to be saved is there, none is half."""

from __future__ import annotations

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
from jisr_protocol import paths
from jisr_protocol.session import Outcome

from .conftest import NOW, SETTINGS, organization, read

BATCH = 8
WORK = """
import sys
from io import BytesIO
from jisr_node.app import Node
from jisr_node.editing.fields import Writing
from jisr_node.editing.tasks import TASKS
from tests.node.conftest import NOW, organization

folder, start = sys.argv[1], int(sys.argv[2])
by, step = Writing("ar", "MA"), TASKS["organization"].steps[0]
with Node.open(folder) as node:
    work = node.drafting
    record = next(row["id"] for row in node.overview() if row["type"].endswith("organization/1"))
    print("ready", flush=True)
    number = start
    while True:
        for _ in range(3):
            number += 1
            opened = work.open(record)
            # two fields that belong together: a half one would tell
            shown = step.values(opened.record, by) | {"name": f"name {number}", "purpose": f"purpose {number}"}
            work.save(record, step, shown, ["name", "purpose"], opened.seen, by, NOW)
            print("saved", number, flush=True)
        node.import_drafts([organization(f"{number} {i}", name=f"{number} {i}") for i in range(8)])
        print("imported", number, flush=True)
        table = "ID,Name,Mail\\n" + "".join(f"t-{i},table {number},info@example.org\\n" for i in range(8))
        with node.importing("list.csv", BytesIO(table.encode())) as found:
            found.prepare()
            found.carry_out()
        print("table", number, flush=True)
        opened = work.accept(record, work.open(record).seen, NOW)
        node.publish(only=[record], now=NOW)
        work.published(opened, NOW)
        print("published", number, flush=True)
"""


@pytest.fixture
def rounds(long: bool) -> int:
    return 40 if long else 4


def test_a_killed_editor_loses_no_draft_and_publishes_no_half_record(tmp_path: Path, rounds: int) -> None:
    assert killed(tmp_path, rounds) > 0


def killed(folder: Path, rounds: int) -> int:
    """Kill a node that edits, imports and publishes, so many times; how many saves it had said by then."""
    chance, said_saved, said_published = random.Random(11), 0, 0
    said_table = 0
    imported: set[int] = set()
    with Node.init(folder / "node", now=NOW, **SETTINGS) as node:
        record_id = node.import_drafts([organization("ours", name="name 0", purpose="purpose 0")]).ids[0]
        node.publish(now=NOW)
    script = folder / "work.py"
    script.write_text(WORK, encoding="utf-8")
    count = 0
    for round_ in range(rounds):
        start, lines, pause = (round_ + 1) * 10_000, chance.randint(1, 12), chance.uniform(0, 0.05)
        said = _work_and_die(script, folder / "node", start, lines, pause)
        count += sum(words[0] == "saved" for words in said)
        said_saved = max([said_saved, *(int(words[1]) for words in said if words[0] == "saved")])
        said_published = max([said_published, *(int(words[1]) for words in said if words[0] == "published")])
        said_table = max([said_table, *(int(words[1]) for words in said if words[0] == "table")])
        imported |= {int(words[1]) for words in said if words[0] == "imported"}
        with Node.open(folder / "node") as node:
            _check(node, record_id, said_saved, said_published, imported)
            _check_table(node, said_table)
    return count


def _work_and_die(script: Path, folder: Path, start: int, lines: int, seconds: float) -> list[list[str]]:
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, str(script), str(folder), str(start)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])},
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


def _check(node: Node, record_id: str, saved: int, published: int, imported: set[int]) -> None:
    opened = node.drafting.open(record_id).record
    shown = node.show(record_id)["published"]
    for record in (opened, shown):
        name, purpose = (record[member]["ar"]["value"].split()[1] for member in ("name", "purpose"))
        assert name == purpose, "a save is whole or not there"
    assert int(opened["name"]["ar"]["value"].split()[1]) >= saved, "what was said to be saved is there"
    assert int(shown["name"]["ar"]["value"].split()[1]) >= published
    held = [json.loads(change.content)["source"]["local_id"] for change in node.store.changes() if change.content]
    batches = [one.split()[0] for one in held if " " in one]
    assert imported <= {int(one) for one in batches}
    assert all(batches.count(one) == BATCH for one in batches), "an import is whole or not there"
    for feed in node.store.feeds():
        files = dict([*node.files(), *pages(node.store, feed), *inventory(node.store, feed, node.id)])
        done, judged = read({**files, paths.HEAD: feed.head}, now=NOW)
        assert done.outcome is Outcome.VERIFIED, done.reason
        assert len(judged) == feed.size


def _check_table(node: Node, said: int) -> None:
    """All rows of the table that came last, or all of the one before."""
    waiting = [json.loads(change.content) for change in node.store.changes() if change.content]
    names = [next(iter(one["name"].values()))["value"] for one in waiting if one["source"]["local_id"].startswith("t-")]
    assert len(names) in (0, BATCH)
    assert len(set(names)) <= 1, "a table is taken in whole or not at all"
    assert not said or int(names[0].split()[1]) >= said
