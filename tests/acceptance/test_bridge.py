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
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bench import floor, ingest, load
from bench.place import Place
from jisr_node.app import Node
from jisr_protocol import evidence
from jisr_protocol.reader.follow import Result, follow_once
from jisr_protocol.reader.store import open_copy
from tests.acceptance.running import ROOT, Wire, demo, equal_everywhere, head, program, until
from tests.faults import test_canaries, test_hell, test_kill
from tests.flow.runs import explore_on_all

FEW_TESTS = ("tests/hub/test_events.py", "tests/protocol/test_records.py")
FEEDS = ROOT / "protocol" / "vectors" / "feeds"
WHOLE_FEED_REFUSED = {
    "form-member-order": (21, "not_canonical"),
    "form-spaces": (21, "not_canonical"),
    "form-escaped-letter": (21, "not_canonical"),
    "form-name-twice-first": (21, "not_canonical"),
    "form-name-twice-last": (21, "not_canonical"),
    "form-decimal-point": (21, "not_canonical"),
    "form-exponent": (21, "not_canonical"),
    "form-byte-order-mark": (21, "not_json"),
    "form-nfd-text": (21, "not_canonical"),
    "form-lone-surrogate": (21, "not_json"),
    "flipped-byte": (21, "root_mismatch"),
    "missing-page": (21, "page_missing"),
    "stub-without-cause": (21, "stub_without_cause"),
    "shortened-log": (21, "seq_mismatch"),
    "older-head": (10, "head_older"),
    "rollback": (20, "rollback"),
    "two-heads-one-size": (20, "fork"),
}
ENTRY_REFUSED = {
    "header-with-more": "header_invalid",
    "header-of-another-kind": "header_invalid",
    "key-of-another": "key_unknown",
    "rev-falls": "rev_not_increasing",
}


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
    # without --long few tests show that they are installed; all of them are what you see running here
    run(
        "test",
        "-q",
        *(("-n", "auto", "--ignore=tests/acceptance") if long else FEW_TESTS),
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


# Feeds that were bent


@pytest.mark.parametrize("name", WHOLE_FEED_REFUSED)
def test_a_bent_feed_is_refused_and_nothing_held_is_lost(
    name: str, tmp_path: Path, figure: Callable[..., None]
) -> None:
    expected = json.loads((FEEDS / name / "expect.json").read_text("utf-8"))
    moment = datetime.fromisoformat(expected["now"])
    into = tmp_path / "copy.jisr"
    held = b""
    if expected["before"]:
        assert follow_once(FEEDS / name / expected["before"], into, now=lambda: moment).outcome == 0
        held = dumped(into)
        assert held
    result = follow_once(FEEDS / name / "feed", into, now=lambda: moment)
    assert result.refusal is not None
    assert (int(result.outcome), result.refusal.code) == WHOLE_FEED_REFUSED[name]
    assert dumped(into) == held, "what was held before is not what is held after"
    if result.outcome == 20:
        assert result.evidence is not None
        assert evidence.parse(result.evidence.read_bytes()).said
    figure(f"exit {result.outcome:d}, {result.refusal.code}, {result.refusal.rule}")


def dumped(file: Path) -> bytes:
    if not file.exists():
        return b""
    with open_copy(file) as copy:
        return b"".join(copy.dump())


@pytest.mark.parametrize("name", ENTRY_REFUSED)
def test_a_bent_entry_is_refused_and_the_others_are_verified_and_shown(
    name: str, tmp_path: Path, figure: Callable[..., None]
) -> None:
    expected = json.loads((FEEDS / name / "expect.json").read_text("utf-8"))
    copy_file = tmp_path / "copy.jisr"
    result = follow_once(FEEDS / name / "feed", copy_file, now=lambda: datetime.fromisoformat(expected["now"]))
    assert result.outcome == 0
    assert [refused.code for refused in result.refused] == [ENTRY_REFUSED[name]]
    with open_copy(copy_file) as copy:
        shown = [[r.node, r.id, r.rev, r.digest] for r in copy.records()]
        refused = [r.seq for r in copy.refusals()]
    assert refused == [r["seq"] for r in expected["refused"]]
    assert len(shown) >= 2
    kept_above_the_log = [row for row in shown if row not in expected["live"]]
    assert len(kept_above_the_log) == (name == "rev-falls"), "only a higher rev held before differs from the log"
    figure(f"{ENTRY_REFUSED[name]}: 1 entry refused and counted, {len(shown)} records verified and shown")


# A world in memory


def test_a_federation_that_loses_repeats_reorders_and_dies_always_converges(
    long: bool, figure: Callable[..., None]
) -> None:
    """Under hypothesis; `check_world` after every step, and all hubs and readers agree with the nodes at the end."""
    worlds, steps = (5_000, 200) if long else (100, 50)
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
    killed, said = test_kill.endure(tmp_path, {"hub": 130, "node": 70} if long else {"hub": 5, "node": 4}, seed=9)
    figure(said)
    assert killed["hub"] + killed["node"] >= (200 if long else 9)


def test_no_word_of_a_restricted_record_is_in_any_public_output(tmp_path: Path, figure: Callable[..., None]) -> None:
    """One of each type for each audience, and records that change theirs; a property test stands in tests/faults."""
    types = range(0, len(test_canaries.RECORDS), 2)
    histories = [(which, [audience]) for which in types for audience in ("partners", "hub", "local")]
    histories += [(which, ["public", "hub", "public", "local"]) for which in types[:4]]
    count, told = test_canaries.walk_every_way_out(tmp_path, histories, {1})
    figure(f"{len(told.secret)} restricted words searched in {count} public things: none; {len(told.public)} found")


# What it costs


def test_what_taking_a_record_in_costs(tmp_path: Path, long: bool, figure: Callable[..., None]) -> None:
    """Ratios are asserted with --long, alone on the machine; that all is taken and memory is bounded, always."""
    smaller, larger = (10_000, 100_000) if long else (400, 400)
    place = Place(tmp_path, runs=1)
    rows = {(row.name, n): row for n in sorted({smaller, larger}) for row in ingest.ingest(place, n)}
    new = rows["ingest", larger]
    ratio = max(rows["ingest", n].ratio for n in (smaller, larger))
    cheaper = rows["ingest_unchanged", larger].ratio
    growth = (rows["ingest", larger].ours / larger) / (rows["ingest", smaller].ours / smaller)
    memory = rows["memory_hub", larger].ours
    figure(f"{larger} records: ingest ratio {ratio:.2f}, {new.ours / larger * 1e6:.0f} µs of CPU a record")
    figure(f"unchanged {cheaper:.1f} times cheaper; a record at {larger} costs {growth:.2f} times that at {smaller}")
    figure(f"the hub's memory at its highest {memory:.0f} MiB")
    assert memory < 400
    if long:
        assert ratio >= 0.5
        assert cheaper >= 10
        assert growth <= 1.3


def test_our_floor_is_a_floor(shared: Path, tmp_path: Path, long: bool, figure: Callable[..., None]) -> None:
    """Our floor may cost at most 1.15 times the CPU a record of the study's floor, in the same run."""
    count, rounds = (10_000, 3) if long else (1_000, 1)
    signed = load.make(tmp_path / "load", count)
    theirs, ours = [], []
    for _ in range(rounds):
        said = subprocess.run(
            [sys.executable, str(shared / "floor" / "floor.py"), str(count)],
            capture_output=True,
            check=True,
            timeout=600,
        )
        theirs.append(json.loads(said.stdout.splitlines()[-1])["us_per_record"])
        ours.append(floor.cpu_seconds(signed) / count * 1e6)
    best = min(o / t for o, t in zip(ours, theirs, strict=True))
    figure(f"our floor {min(ours):.0f} µs, theirs {min(theirs):.0f} µs a record, at best {best:.2f} times theirs")
    assert min(ours) > 0
    if long:
        assert best <= 1.15


def test_a_node_at_rest_is_small_and_soon_ready(tmp_path: Path, long: bool, figure: Callable[..., None]) -> None:
    folder = tmp_path / "node"
    Node.init(folder, name="Pont", country="MA", lang="fr", hub="http://127.0.0.1:9", allow_private=True).close()
    ready = []
    for _ in range(3 if long else 1):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        began = time.monotonic()
        command = [sys.executable, "-c", "from jisr_node.cli import main; main()"]
        node = subprocess.Popen(
            [*command, "serve", "--dir", str(folder), "--port", str(port)], stderr=subprocess.DEVNULL
        )
        try:
            while not listens(port):
                assert node.poll() is None, "the node ended"
                assert time.monotonic() - began < 60, "the node does not answer"
                time.sleep(0.01)
            ready.append(time.monotonic() - began)
            time.sleep(1.0)
            status = Path(f"/proc/{node.pid}/status").read_text()
        finally:
            node.terminate()
            node.wait(20)
    megabytes = int(status.partition("VmRSS:")[2].split()[0]) / 1024
    figure(f"a node at rest holds {megabytes:.0f} MiB and was ready in {min(ready):.2f} s")
    assert megabytes < 80
    if long:
        assert min(ready) < 1.0


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
