"""A reader that begins at a snapshot holds what one that read the whole log holds, or takes nothing at all."""

from __future__ import annotations

import os
import shutil
from unittest import mock

import orjson
import pytest

from jisr_protocol import paths, snapshot
from jisr_protocol.exchange import Request
from jisr_protocol.merkle import Frontier
from jisr_protocol.reader import verification
from jisr_protocol.reader.follow import follow_once
from jisr_protocol.reader.sheet import Sheet
from jisr_protocol.reader.store import Copy
from jisr_protocol.session import Outcome, Session, Settle, State
from tests.reader.conftest import Reader
from tests.reader.publisher import FeedFolder, Writer
from tests.reader.server import FeedServer
from tests.reader.test_outcomes import ends
from tests.reader.test_resume import killed_follow, spooled


@pytest.fixture
def grown(feed: FeedFolder) -> FeedFolder:
    """A feed of 1,000 entries with a snapshot at 900; edits, deletes, departures and an erasure lie on both sides."""
    records = feed.puts(600)
    for record in records[:100]:
        feed.edit(record)
    feed.delete(records[100])
    feed.out(records[101])
    feed.erase(records[102])
    feed.fill(900)
    feed.take_snapshot()
    feed.edit(records[103])
    feed.delete(records[104])
    feed.fill(1000)
    feed.publish()
    return feed


def whole(reader: Reader) -> Reader:
    """Another reader of the same feed, that reads the log from its first entry on."""
    other = Reader(reader.feed, reader.file.with_name("whole.jisr"))
    other.verified(whole=True)
    return other


def held(reader: Reader) -> list[bytes]:
    """The lines of its dump without the last, which says from where the log was read."""
    return (reader.dump() or [])[:-1]


def test_a_first_reader_takes_the_snapshot_and_goes_on_from_it(grown: FeedFolder, reader: Reader) -> None:
    result = reader.verified()
    assert result.unproven == 900
    assert result.applied < 1000
    late = whole(reader)
    assert held(reader) == held(late)
    assert {r.raw for r in reader.records().values()} == {r.raw for r in late.records().values()}
    assert orjson.loads((reader.dump() or [])[-1])["unproven"] == 900
    grown.put()
    grown.publish()
    assert reader.verified().applied == 1


def test_of_the_log_only_the_pages_after_the_snapshot_are_fetched(grown: FeedFolder, reader: Reader) -> None:
    with FeedServer(grown.folder) as server:
        reader.verified(server.address, allow_private=True)
        pages = [path for path in server.asked if path.startswith("log/")]
    assert pages == [paths.page(grown.epoch, 3, 1000 - 768)]


def test_a_snapshot_of_all_there_is_needs_no_page(feed: FeedFolder, reader: Reader) -> None:
    feed.puts(300)
    feed.take_snapshot()
    feed.publish()
    shutil.rmtree(feed.folder / "log")
    assert reader.verified().live == 300


def test_a_reader_below_the_floor_replaces_its_set(feed: FeedFolder, reader: Reader) -> None:
    kept, gone, changed = feed.puts(3)
    feed.publish()
    reader.verified()
    feed.delete(gone)
    feed.edit(changed)
    feed.fill(700)
    feed.take_snapshot()
    feed.floor = 600
    feed.fill(710)
    feed.publish()
    result = reader.verified()
    assert (result.unproven, reader.statuses().get(gone.value["id"])) == (700, None)
    assert reader.records()[changed.value["id"]].rev == 2
    assert kept.value["id"] in reader.records()
    late = Reader(feed, reader.file.with_name("late.jisr"))
    late.verified()
    assert late.dump() == reader.dump()


def test_a_reader_above_the_floor_reads_on_and_proves_its_history(feed: FeedFolder, reader: Reader) -> None:
    feed.fill(600)
    feed.publish()
    reader.verified()
    feed.fill(700)
    feed.take_snapshot()
    feed.floor = 600
    feed.publish()
    result = reader.verified()
    assert (result.applied, result.unproven) == (100, 0)


def test_below_the_floor_without_a_snapshot_nothing_can_be_read(feed: FeedFolder, reader: Reader) -> None:
    feed.fill(300)
    feed.floor = 280
    feed.publish()
    result = reader.follow()
    ends(result, Outcome.BROKEN, "READ-11", "cursor_below_floor")
    assert "no longer keeps the entries that come next" in result.sentence


def test_a_record_is_judged_by_the_keys_of_its_place_though_it_comes_out_of_order(
    hub: FeedFolder, hub_reader: Reader
) -> None:
    writer = hub.welcome(Writer("node"))
    first = writer.key
    before = hub.put(by=writer)
    hub.key_entry(writer.add_key())
    hub.key_entry(writer.revoke(first))
    after = hub.put(writer.record(key=first))
    good = hub.put(by=writer)
    hub.take_snapshot()
    hub.publish()
    hub_reader.verified()
    assert set(hub_reader.records()) == {before.value["id"], good.value["id"]}
    assert hub_reader.statuses()[after.value["id"]] == "key_revoked"
    assert held(hub_reader) == held(whole(hub_reader))


def test_the_guards_and_tombstones_of_a_snapshot_bind(feed: FeedFolder, reader: Reader) -> None:
    erased, deleted = feed.put(rev=3), feed.put(rev=5)
    feed.erase(erased)
    feed.delete(deleted)
    feed.take_snapshot()
    feed.put(erased)
    feed.put(deleted)
    feed.publish()
    reader.verified()
    assert reader.statuses() == {erased.value["id"]: "erased", deleted.value["id"]: "rev_not_increasing"}
    assert reader.records() == {}
    feed.put(id=erased.value["id"], rev=4)
    feed.publish()
    reader.verified()
    assert set(reader.records()) == {erased.value["id"]}


def test_a_snapshot_of_an_earlier_epoch_still_serves(feed: FeedFolder, reader: Reader) -> None:
    feed.fill(300)
    feed.take_snapshot()
    feed.fill(400)
    feed.new_epoch(350)
    feed.fill(360)
    feed.publish()
    assert reader.verified().unproven == 300
    assert held(reader) == held(whole(reader))


# What is wrong with a snapshot


def bent(feed: FeedFolder, path: str) -> None:
    feed.write(path, feed.snapshot_files[path].replace(b"1", b"2", 1))


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize(
    ("fault", "rule", "code"),
    [
        ("manifest", "SNAP-1", "hash_mismatch"),
        ("no manifest", "PAGE-1", "page_missing"),
        ("part", "SNAP-1", "hash_mismatch"),
        ("no part", "PAGE-1", "page_missing"),
        ("state", "SNAP-4", "state_mismatch"),
        ("frontier", "READ-5", "root_mismatch"),
    ],
)
def test_a_wrong_snapshot_is_not_taken_and_the_log_is_read_where_it_is_kept(
    feed: FeedFolder, reader: Reader, fault: str, rule: str, code: str, kept: bool
) -> None:
    feed.fill(300)
    frontier = Frontier()
    for number in range(300):
        frontier.append(bytes([number % 256]) * 32)
    wrong = {"state": {"state_root": bytes(32)}, "frontier": {"frontier": frontier}}
    feed.take_snapshot(**wrong.get(fault, {}))
    manifest = paths.snapshot(feed.epoch, 300)
    part = paths.snapshot_part(feed.epoch, 300, 1)
    feed.floor = 0 if kept else 290
    feed.fill(310)
    feed.publish()
    if fault in ("manifest", "part"):
        bent(feed, manifest if fault == "manifest" else part)
    if fault.startswith("no "):
        (feed.folder / (manifest if fault == "no manifest" else part)).unlink()
    if kept:
        assert reader.verified().unproven == 0
        assert held(reader) == held(whole(reader))
    else:
        ends(reader.follow(), Outcome.BROKEN, rule, code)
        assert not reader.file.exists()


def test_a_part_once_wrong_in_a_cache_is_fetched_around_it(grown: FeedFolder, reader: Reader) -> None:
    path = paths.snapshot_part(grown.epoch, 900, 2)
    with FeedServer(grown.folder) as server:
        server.stale[path] = grown.snapshot_files[path].replace(b"1", b"2", 1)
        assert reader.verified(server.address, allow_private=True).unproven == 900
        assert server.asked.count(path) == 2


def test_a_path_that_leads_out_of_the_snapshot_is_refused(feed: FeedFolder, reader: Reader) -> None:
    feed.fill(3)
    feed.floor = 3
    feed.take_snapshot(guards=[snapshot.Part("snap/../../secret", "0" * 64, 9, 1)])
    feed.publish()
    ends(reader.follow(), Outcome.BROKEN, "SNAP-2", "malformed")


# Resuming, proving, and what a fault in this reader would do


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a word of POSIX")
def test_a_snapshot_cut_off_by_a_kill_goes_on_where_it_was(feed: FeedFolder, reader: Reader) -> None:
    feed.fill(1000)
    with mock.patch.object(snapshot, "SNAPSHOT_PART_ENTRIES", 100):
        feed.take_snapshot()
    feed.publish()
    with FeedServer(feed.folder) as server:
        server.pause = 0.1
        killed_follow(server, reader, pages=5)
        kept = spooled(reader)
        assert kept >= 5
        server.pause = 0
        server.forget()
        result = reader.verified(server.address, allow_private=True)
        assert result.from_spool == kept
        assert not [path for path in server.asked if server.asked.count(path) > 1]
    assert held(reader) == held(whole(reader))


def test_verify_says_that_history_is_not_proven_until_it_was_read(grown: FeedFolder, reader: Reader) -> None:
    """READ-16."""
    reader.verified()
    assert verification.copy(reader.file).counts["history"] == "unproven below entry 900"
    assert reader.verified(whole=True).unproven == 0
    assert "history" not in verification.copy(reader.file).counts
    grown.put()
    grown.publish()
    assert reader.verified().unproven == 0


def test_a_feed_in_a_folder_is_verified_by_its_log_not_its_snapshot(grown: FeedFolder) -> None:
    with mock.patch.object(verification, "follow_once", lambda *a, **o: follow_once(*a, now=lambda: grown.now, **o)):
        assert verification.folder(grown.folder).outcome is Outcome.VERIFIED
        grown.bend.lose(page=0)
        assert verification.folder(grown.folder).outcome is Outcome.BROKEN


def test_a_reader_that_trusts_the_frontier_alone_would_be_caught(feed: FeedFolder, reader: Reader) -> None:
    """Planted fault: the root is not compared. Then a lie about the first 300 entries would pass."""
    feed.fill(300)
    wrong = Frontier()
    for _ in range(300):
        wrong.append(bytes(32))
    feed.take_snapshot(frontier=wrong)
    feed.floor = 300
    feed.publish()
    assert reader.follow().outcome is Outcome.BROKEN

    def settled(self: Session) -> list[Request]:
        self.state = State.SETTLING
        return [Settle()]

    with mock.patch.object(Session, "_all_read", settled):
        assert reader.follow().outcome is Outcome.VERIFIED


def test_a_reader_that_merges_instead_of_replacing_would_be_caught(feed: FeedFolder, reader: Reader) -> None:
    """Planted fault: what was held stays beside the snapshot. Then what left below the floor would live for ever."""
    gone = feed.put()
    feed.publish()
    reader.verified()
    feed.delete(gone)
    feed.fill(300)
    feed.take_snapshot(tombstones=[])  # its tombstone has grown too old
    feed.floor = 300
    feed.publish()
    merged = reader.file.with_name("merged.jisr")
    shutil.copy(reader.file, merged)
    honest = Copy.begin

    def begin(self: Copy, *, replace: bool = False) -> None:
        honest(self)

    with mock.patch.object(Copy, "begin", begin):
        other = Reader(feed, merged)
        assert other.follow().outcome is not Outcome.VERIFIED
    reader.verified()
    assert gone.value["id"] not in reader.statuses()


def test_a_reader_that_forgets_the_guards_would_be_caught(feed: FeedFolder, reader: Reader) -> None:
    """Planted fault: the guards of a snapshot are not kept. Then what was erased below the floor comes back."""
    record = feed.put()
    feed.erase(record)
    feed.take_snapshot()
    feed.floor = feed.size
    feed.put(record)
    feed.publish()
    careless = Reader(feed, reader.file.with_name("careless.jisr"))
    with mock.patch.object(Sheet, "_guard", return_value=None):
        careless.verified()
    assert set(careless.records()) == {record.value["id"]}
    reader.verified()
    assert reader.records() == {}
