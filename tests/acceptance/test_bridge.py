"""The bridge stands: what issue "a signed record travels from a node through two hubs to a reader" must show.

Each test prints its figure. Short by default, whole with `--long`.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jisr_node.app import Node
from jisr_protocol.reader.follow import Result, follow_once
from jisr_protocol.reader.store import open_copy
from tests.acceptance.running import ROOT, Wire, demo, equal_everywhere, head, program, until
from tests.faults import test_canaries, test_hell, test_kill
from tests.flow.runs import explore_on_all

# A clean clone, one command


def a_machine_with_nothing_of_ours(folder: Path, *, bare: bool) -> tuple[str, dict[str, str]]:
    """(a Python that is in no venv, an environment without ours). A `bare` one has no uv and no cache either."""
    python = str(Path(sys.base_prefix) / ("python.exe" if os.name == "nt" else "bin/python3"))
    ours = ("VIRTUAL_ENV", "PYTHON", "JISR_", "PYTEST")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    programs = [place for place in environment["PATH"].split(os.pathsep) if ".venv" not in place]
    if bare:
        programs = [place for place in programs if not (Path(place) / "uv").exists()]
        for cache in ("XDG_CACHE_HOME", "UV_CACHE_DIR", "PIP_CACHE_DIR"):
            environment[cache] = str(folder / cache)
    environment["PATH"] = os.pathsep.join(programs)
    return python, environment


def test_a_clean_clone_runs_the_demo_and_the_tests_with_no_other_step(
    tmp_path: Path, tool: Callable[[str], str], long: bool, figure: Callable[..., None]
) -> None:
    clone = tmp_path / "clone"
    subprocess.run([tool("git"), "clone", "--quiet", str(ROOT), str(clone)], check=True, timeout=120)
    assert not (clone / ".venv").exists()
    python, environment = a_machine_with_nothing_of_ours(tmp_path, bare=long)

    def run(*arguments: str, seconds: float) -> subprocess.CompletedProcess[str]:
        command = [python, "run.py", *arguments]
        done = subprocess.run(
            command,
            cwd=clone,
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done

    began = time.monotonic()
    summary = json.loads(run("demo", "--once", "--json", seconds=1200).stdout.splitlines()[-1])
    whole = time.monotonic() - began
    equal_everywhere(summary)
    assert summary["nodes"] >= 4
    # without --long one file of tests shows that they are installed; all of them are what you see running here
    run(
        "test",
        "-q",
        *(("-n", "auto", "--ignore=tests/acceptance") if long else ("tests/test_layers.py",)),
        seconds=3600,
    )
    status = subprocess.run(
        [tool("git"), "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True
    )
    assert status.stdout == "", "the demo or the tests leave something in the checkout"
    figure(f"{whole:.0f} s from the clone to the summary, {summary['seconds']} s of it the demo")


# The real input


@pytest.fixture
def real_drafts(shared: Path, tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """562 services in English and Arabic as drafts, and what the conversion counted."""
    source = shared / "data" / "services-ar-en" / "services.jsonl"
    if not source.is_file():
        pytest.skip(f"the real input is missing: expected it at {source}")
    drafts = tmp_path / "drafts.jsonl"
    convert = ROOT / "examples" / "services_ar_en" / "convert.py"
    done = subprocess.run([sys.executable, convert, source, drafts], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return drafts, json.loads(done.stdout.splitlines()[-1])


def test_562_real_services_travel_through_two_hubs_to_a_reader_who_proves_them(
    real_drafts: tuple[Path, dict[str, Any]], tmp_path: Path, figure: Callable[..., None]
) -> None:
    drafts, counted = real_drafts
    assert (counted["partners"], counted["organizations"], counted["services"]) == (44, 44, 562)
    written = counted["organizations"] + counted["services"] + counted["locations"]
    with demo(tmp_path / "federation", "--data", str(drafts)) as running:
        summary = running.summary(seconds=600)
        equal_everywhere(summary)
        assert summary["nodes"] == 44
        # the demo itself deleted one record and wrote one
        assert summary["records"] == summary["reader"]["live"] == written
        figure(f"44 nodes, {written} records equal at both hubs and the reader after {summary['seconds']} s")

        first, second = running.addresses()
        for address in (first, second):
            with urllib.request.urlopen(f"{address}/directory?lang=ar", timeout=30) as page:
                assert 'dir="rtl"' in page.read().decode()

        wire = Wire(second)
        copy = tmp_path / "own.jisr"

        def follow() -> Result:
            return follow_once(f"{wire.address}/feeds/public", copy, allow_private=True)

        result = follow()
        assert result.outcome == 0 and result.refused_live == 0
        with open_copy(copy) as held:
            assert held.head.state_root == summary["reader"]["state_root"]
            # a deleted record is still there as the author's tombstone
            kinds = Counter(change.type for change in held.changes() if change.op in ("put", "del"))
        assert kinds["org.jisr.organization/1"] == 44
        assert kinds["org.jisr.service/1"] == 562
        assert kinds["org.jisr.location/1"] == counted["locations"]

        label, edited, deleted, added = three_changes(running.folder, tmp_path)
        with Node.open(running.folder / "nodes" / label) as node:
            author = node.id

        def arrived() -> bool:
            assert follow().outcome == 0
            with open_copy(copy) as held:
                found = held.record(author, edited)
                return (
                    found is not None
                    and found.value.get("alert", {}).get("ar", {}).get("value") == "مغلق غدا"
                    and held.record(author, deleted) is None
                    and held.record(author, added) is not None
                )

        seconds = until(arrived, 60, "an edit, a delete and a new record reach the reader")
        figure(f"an edit, a delete and a new record reached the reader {seconds:.1f} s after the push")

        def roots() -> set[str]:
            with open_copy(copy) as held:
                return {held.head.state_root, head(first)["state_root"], head(second)["state_root"]}

        until(lambda: len(roots()) == 1, 60, "both hubs and the reader have one state root again")
        assert roots() != {summary["reader"]["state_root"]}

        wire.forget()
        result = follow()
        assert (result.outcome, result.changed) == (0, False)
        assert [request.split("?")[0] for request in wire.requests] == ["GET /feeds/public/head.json"]
        assert wire.statuses == [304]
        figure(f"nothing changed: {len(wire.requests)} request answered {wire.statuses[0]}")
        wire.close()

        # the hubs follow each other, and yet nothing goes in a circle
        def still() -> bool:
            sizes = [head(address)["size"] for address in (first, second)]
            time.sleep(3)
            return [head(address)["size"] for address in (first, second)] == sizes

        until(still, 30, "both logs stop growing")
        assert running.stop() == 0
        for address in (first, second):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), 5).close()

    for name in ("hub-ma", "hub-nl"):
        folder = tmp_path / "federation" / name
        assert json.loads(program("jisr-hub", "check", "--dir", str(folder), "--json"))["faults"] == []
    assert json.loads(program("jisr", "verify", str(copy), "--json"))["live"] == written


def three_changes(folder: Path, aside: Path) -> tuple[str, str, str, str]:
    """Edit, delete and add at the node that has most services, with the command; (label, the three ids)."""
    label, services = max(
        ((node.name, rows_of(node)) for node in (folder / "nodes").iterdir()), key=lambda pair: len(pair[1])
    )
    at = ["--dir", str(folder / "nodes" / label), "--json"]
    edited, deleted = services[0], services[-1]
    record = json.loads(program("jisr-node", "show", edited, *at))["published"]
    record["alert"] = {"ar": {"value": "مغلق غدا", "origin": "author"}}
    organization = {
        "type": "org.jisr.organization/1",
        "lang": "ar",
        "audience": "public",
        "name": {"ar": {"value": "جمعية الاختبار", "origin": "author"}},
    }
    (aside / "edited.json").write_text(json.dumps(record), encoding="utf-8")
    (aside / "added.json").write_text(json.dumps(organization), encoding="utf-8")
    program("jisr-node", "edit", edited, str(aside / "edited.json"), *at)
    program("jisr-node", "delete", deleted, *at)
    added = json.loads(program("jisr-node", "add", str(aside / "added.json"), *at))["ids"][0]
    program("jisr-node", "sync", *at)
    return label, edited, deleted, added


def rows_of(folder: Path) -> list[str]:
    """The ids of a node's services."""
    with Node.open(folder) as node:
        return [row["id"] for row in node.overview() if row["type"] == "org.jisr.service/1"]


# A world in memory


def test_a_federation_that_loses_repeats_reorders_and_dies_always_converges(
    long: bool, figure: Callable[..., None]
) -> None:
    """Under hypothesis; `check_world` after every step, and all hubs and readers agree with the nodes at the end."""
    worlds, steps = (5_000, 200) if long else (300, 50)
    began = time.monotonic()
    tally = explore_on_all(worlds, steps)
    seconds = time.monotonic() - began
    figure(
        f"{tally.worlds} seeds of {steps} steps: {tally.steps} steps in {seconds:.0f} s on 2 processes, "
        f"{tally.ms_per_step:.2f} ms of CPU a step, ends and checks included"
    )
    died = sum(tally.seen[f"{who} died"] for who in ("node", "hub", "reader"))
    bad_lines = sum(count for kind, count in tally.seen.items() if kind.startswith(("push ", "read ", "late ")))
    figure(f"{bad_lines} pushes and syncs over good and bad lines, {died} deaths, {tally.seen['rotated']} key changes")
    assert tally.worlds >= worlds
    assert died > worlds / 10


# Hell, kills, canaries


def test_hell_at_every_endpoint_is_answered_with_a_problem_and_memory_stays_bounded(
    tmp_path: Path, figure: Callable[..., None]
) -> None:
    hell = test_hell.Hell(tmp_path)
    with hell.hub:
        answered = test_hell.send_all_bodies(hell) + test_hell.send_all_compressed(hell)
        answered += sum(test_hell.send_100_megabytes(hell, chunked=chunked) for chunked in (False, True))
        peak = hell.hub.peak_mebibytes()
        assert "Traceback" not in hell.hub.log.read_text("utf-8")
    figure(f"{answered} bodies from hell answered, the hub at {peak:.0f} MiB at most")
    assert peak < test_hell.MOST_MEBIBYTES


def test_kill_9_of_hub_and_node_loses_nothing_that_was_acknowledged(
    tmp_path: Path, long: bool, figure: Callable[..., None]
) -> None:
    killed, said = test_kill.endure(tmp_path, {"hub": 130, "node": 70} if long else {"hub": 13, "node": 7}, seed=9)
    figure(said)
    assert killed["hub"] + killed["node"] >= (200 if long else 20)


def test_no_word_of_a_restricted_record_is_in_any_public_output(tmp_path: Path, figure: Callable[..., None]) -> None:
    """One of each type for each audience, and records that change theirs; a property test stands in tests/faults."""
    types = range(0, len(test_canaries.RECORDS), 2)
    histories = [(which, [audience]) for which in types for audience in ("partners", "hub", "local")]
    histories += [(which, ["public", "hub", "public", "local"]) for which in types[:4]]
    count, told = test_canaries.walk_every_way_out(tmp_path, histories, {1})
    figure(f"{len(told.secret)} restricted words searched in {count} public things: none; {len(told.public)} found")
