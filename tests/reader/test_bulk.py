"""A first sync in bulk: nobody is shown what was not checked, and in the end all is as without (READ-17, READ-18)."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jisr_protocol import validity
from jisr_protocol.envelope import verify_bytes
from jisr_protocol.keys import KeyRing
from jisr_protocol.reader import verification, waiting
from jisr_protocol.reader.follow import Result, follow_once
from jisr_protocol.reader.report import as_dict, as_lines
from jisr_protocol.reader.store import Copy, open_copy
from jisr_protocol.reader.tables import NoCopy
from jisr_protocol.refusal import Refusal
from jisr_protocol.session import Outcome
from tests.reader.bulk_logs import NOW, Log, bent_signature, logs, short_pages
from tests.reader.conftest import Reader
from tests.reader.publisher import FeedFolder
from tests.reader.server import FeedServer


def follow(folder: Path, file: Path, **options: Any) -> Result:
    return follow_once(folder, file, now=lambda: NOW + timedelta(minutes=30), **options)


def contents(file: Path) -> dict[str, Any]:
    """All that a copy tells, and the evidence beside it."""
    if not file.exists():
        return {}
    with open_copy(file) as copy:
        assert copy.line_without_record() is None
        assert copy.recomputed_root()[0] == copy.state_root
        told = {
            "dump": list(copy.dump()),
            "records": list(copy.records()),
            "changes": list(copy.changes(notices=True)),
            "refusals": list(copy.refusals()),
            "nullified": list(copy.nullified()),
            "nodes": list(copy.nodes()),
            "refused": copy.refused_live(),
        }
    folder = file.with_name(file.name + ".evidence")
    return told | {"evidence": sorted((p.name, p.read_bytes()) for p in folder.rglob("*") if p.is_file())}


def shows_only_what_is_signed(file: Path, ring: KeyRing) -> None:
    """Every record, change and line that is given out as verified carries its author's signature."""
    with open_copy(file) as copy:
        shown = {record.id: record for record in copy.records()}
        for record in shown.values():
            verify_bytes(record.envelope, validity.ever(ring, "record"))
            assert copy.record(None, record.id) == record
        for change in copy.changes():
            if change.op == "put" and change.envelope is not None:
                verify_bytes(change.envelope, validity.ever(ring, "record"))
        lines = [orjson.loads(line) for line in copy.dump()][:-1]
        assert {line["id"] for line in lines if line["status"] == "verified"} <= shown.keys()


@settings(max_examples=max(20, settings().max_examples // 2))  # each is several feeds and syncs
@given(logs, st.integers(1, 32), st.booleans())
def test_bulk_and_its_completion_come_to_what_an_ordinary_follow_does(said: list[Any], first: int, now: bool) -> None:
    """In contents, root, refusals, evidence and exit status; completed by `jisr verify`, or by the next follow."""
    with tempfile.TemporaryDirectory() as place, short_pages():
        folder, usual, bulk = Path(place) / "feed", Path(place) / "usual", Path(place) / "bulk"
        log = Log(said)
        for minute, size in enumerate((min(first + 1, len(log.lines)), len(log.lines))):
            log.publish(folder, size, minute)
            expected = follow(folder, usual)
            came = follow(folder, bulk, bulk=True)
            assert (came.outcome, came.refusal) == (expected.outcome, expected.refusal)
            if came.outcome is not Outcome.VERIFIED:
                break
            shows_only_what_is_signed(bulk, log.ring)
            if minute == 0 and now:
                assert verification.copy(bulk).outcome is Outcome.VERIFIED
            elif minute == 0:
                assert follow(folder, bulk).outcome is Outcome.VERIFIED
            assert contents(bulk) == contents(usual)


def bent_in(feed: FeedFolder, *seqs: int) -> None:
    for seq in seqs:
        feed.bend.line(seq, bent_signature)


def test_a_record_that_is_not_signed_is_never_shown(feed: FeedFolder, reader: Reader) -> None:
    records = feed.puts(300)
    feed.publish()
    bent_in(feed, 7, 290)
    result = reader.verified(bulk=True)
    assert (result.waiting, result.live, result.refused_live) == (300, 300, 0)
    bad = {records[6].value["id"], records[289].value["id"]}
    with reader.open() as copy:
        assert copy.waiting == 300
        assert {record.id for record in copy.records()} == {r.value["id"] for r in records} - bad
        assert all(copy.record(None, id_) is None for id_ in bad)
        assert {change.id for change in copy.changes() if change.op == "put"} & bad == set()
    assert {id_ for id_, status in reader.statuses().items() if status == "signature_invalid"} == bad
    assert b"verified" not in next(line for line in reader.dump() or [] if records[6].value["id"].encode() in line)


def test_verify_checks_all_once_and_says_what_was_refused(feed: FeedFolder, reader: Reader) -> None:
    feed.puts(300)
    feed.publish()
    bent_in(feed, 7)
    reader.verified(bulk=True)
    verdict = verification.copy(reader.file)
    assert (verdict.outcome, verdict.counts["verified"], verdict.counts["refused"]) == (Outcome.VERIFIED, 299, 1)
    assert "the next follow reads the feed again" in verdict.sentence
    with reader.open() as copy:
        assert (copy.waiting, copy.suspect) == (0, True)
        assert [(one.seq, one.rule, one.code) for one in copy.refusals()] == [(7, "SIG-5", "signature_invalid")]


def test_a_sound_copy_waits_no_more_after_verify_or_the_next_follow(feed: FeedFolder, reader: Reader) -> None:
    feed.puts(10)
    feed.publish()
    other = Reader(feed, reader.file.with_name("other"))
    reader.verified(bulk=True)
    other.verified(bulk=True)
    verification.copy(reader.file)
    assert other.verified().changed is False
    for held in (reader, other):
        with held.open() as copy:
            assert (copy.waiting, copy.suspect) == (0, False)


def test_a_cache_to_blame_is_passed_by_when_the_feed_is_read_again(feed: FeedFolder, reader: Reader) -> None:
    """What an ordinary follow does before it believes in a bad signature, the follow after bulk does too."""
    feed.puts(20)
    feed.publish()
    page = str(feed.page_path(0).relative_to(feed.folder))
    with FeedServer(feed.folder) as server:
        server.stale[page] = b"\n".join(
            bent_signature(line) if b'"seq":7,' in line or line.endswith(b'"seq":7}') else line
            for line in (feed.folder / page).read_bytes().split(b"\n")
        )
        assert reader.verified(server.address, allow_private=True, bulk=True).waiting == 20
        assert len(reader.records()) == 19
        again = reader.verified(server.address, allow_private=True)
        assert (again.changed, again.refused_live, again.waiting) == (True, 0, 0)
    assert len(reader.records()) == 20
    with reader.open() as copy:
        assert copy.suspect is False


def test_only_a_first_sync_is_taken_in_bulk(feed: FeedFolder, reader: Reader) -> None:
    feed.puts(10)
    feed.publish()
    reader.verified()
    feed.puts(10)
    feed.publish()
    assert reader.verified(bulk=True).waiting == 0


def test_a_snapshot_is_taken_in_bulk_too(feed: FeedFolder, reader: Reader) -> None:
    """With tombstones and guards, which come before its records."""
    feed.delete(feed.put())
    feed.erase(feed.put(), stub=False)
    feed.puts(300)
    feed.take_snapshot()
    feed.put()
    feed.publish()
    result = reader.verified(bulk=True)
    assert (result.live, result.unproven, result.waiting >= 300) == (301, 305, True)
    usual = Reader(feed, reader.file.with_name("usual"))
    usual.verified()
    reader.verified()
    assert contents(reader.file) == contents(usual.file)


def test_a_record_that_came_twice_is_checked_at_once(feed: FeedFolder, reader: Reader) -> None:
    """The first version is bent, the second falls below it: a lie must keep no truth out."""
    feed.puts(255)
    lie = feed.put(rev=5)
    feed.put(id=lie.value["id"], rev=3)
    feed.publish()
    bent_in(feed, 256)
    reader.verified(bulk=True)
    assert reader.records()[lie.value["id"]].rev == 3
    reader.verified()
    assert reader.records()[lie.value["id"]].rev == 3


def test_two_versions_of_which_one_is_bent_are_no_evidence(feed: FeedFolder, reader: Reader) -> None:
    feed.puts(255)
    lie = feed.put(rev=5)
    feed.put(id=lie.value["id"], rev=5, title="another")
    feed.publish()
    bent_in(feed, 256)
    reader.verified(bulk=True)
    reader.verified()
    assert reader.evidence() == {}


def test_nothing_comes_on_top_of_what_waits(feed: FeedFolder, reader: Reader) -> None:
    feed.puts(3)
    feed.publish()
    reader.verified(bulk=True)
    with Copy(reader.file, create=True) as copy, pytest.raises(ValueError, match="is checked before"):
        copy.begin()


def test_an_erasure_checks_first(feed: FeedFolder, reader: Reader) -> None:
    record = feed.puts(3)[0]
    feed.publish()
    reader.verified(bulk=True)
    with Copy(reader.file, create=True) as copy:
        assert copy.erase((feed.writer.id, record.value["id"], None)) == 1
        assert copy.waiting == 0


class Stopped(Exception):
    """The program ends here."""


@pytest.mark.parametrize("batches", [0, 1, 2, 3])
def test_a_check_that_stops_goes_on_where_it_was(
    feed: FeedFolder, reader: Reader, batches: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each step nothing is shown that is not signed, and in the end all is as in an ordinary copy."""
    monkeypatch.setattr(waiting, "BATCH", 8)
    feed.puts(30)
    feed.publish()
    bent_in(feed, 3, 12, 27)
    reader.verified(bulk=True)
    steps = 0

    def stop(done: int, total: int) -> None:
        nonlocal steps
        steps += 1
        if steps > batches:
            raise Stopped

    with Copy(reader.file, create=True) as copy, pytest.raises(Stopped):
        copy.complete(stop)
    with reader.open() as copy:
        assert copy.waiting == 30 - 8 * (batches + 1) if batches < 3 else copy.waiting == 0
        shows_only_what_is_signed(reader.file, feed.writer.ring)
        assert len(list(copy.records())) == 27
    usual = Reader(feed, reader.file.with_name("usual"))
    usual.verified()
    reader.verified()
    assert contents(reader.file) == contents(usual.file)


PROGRAM = """
import sys
from datetime import datetime
from pathlib import Path
from jisr_protocol.reader import waiting
from jisr_protocol.reader.follow import follow_once
waiting.BATCH = 16
now = datetime.fromisoformat(sys.argv[3])
print("begun", flush=True)
follow_once(Path(sys.argv[1]), Path(sys.argv[2]), now=lambda: now, bulk=True)
follow_once(Path(sys.argv[1]), Path(sys.argv[2]), now=lambda: now, bulk=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a word of POSIX")
def test_killed_at_any_moment_nothing_unverified_is_shown(feed: FeedFolder, reader: Reader, long: bool) -> None:
    feed.puts(1000)
    feed.publish(inventory=False)
    bad = [3, 400, 900]
    bent_in(feed, *bad)
    command = [sys.executable, "-c", PROGRAM, str(feed.folder), str(reader.file), feed.now.isoformat()]
    seen = set()
    for step in range(40 if long else 6):
        for file in reader.file.parent.glob(reader.file.name + "*"):
            file.unlink() if file.is_file() else None
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.05 * (step + 1) if long else 0.3 * (step + 1))
            process.send_signal(signal.SIGKILL)
        if not reader.file.exists():
            continue
        try:
            shows_only_what_is_signed(reader.file, feed.writer.ring)
        except NoCopy:
            continue
        with reader.open() as copy:
            seen.add((copy.stands, copy.waiting))
    usual = Reader(feed, reader.file.with_name("usual"))
    usual.verified()
    reader.verified()
    reader.verified()
    assert contents(reader.file) == contents(usual.file)
    assert seen


def test_the_command_says_what_waits(feed: FeedFolder, reader: Reader) -> None:
    feed.puts(5)
    feed.publish()
    result = reader.verified(bulk=True)
    assert "will be checked" in result.sentence
    assert as_dict(result, reader.file)["waiting"] == 5
    assert any(line.startswith("waiting") for line in as_lines(result, reader.file))


def test_what_was_noted_of_a_key_is_enough_and_no_more(feed: FeedFolder, reader: Reader) -> None:
    """A record in the file whose header names a key that was never noted is not shown."""
    feed.puts(3)
    feed.publish()
    reader.verified(bulk=True)
    with sqlite3.connect(reader.file) as connection:
        connection.execute("DELETE FROM waiting_key")
    connection.close()
    assert reader.records() == {}
    with reader.open() as copy, pytest.raises(Refusal):
        waiting.signatures(copy._connection).check("e30..AA", b"{}")
