"""Following a feed that is as it should be: whatever is published arrives, and once it is here nothing is fetched."""

from __future__ import annotations

import orjson
import pytest

from jisr_protocol import state_tree
from jisr_protocol.limits import PARALLEL_FETCHES
from jisr_protocol.reader.follow import follow_once
from jisr_protocol.session import Outcome
from tests.reader.conftest import Reader
from tests.reader.publisher import NOW, FeedFolder, Writer
from tests.reader.server import FeedServer


def expected_dump(feed: FeedFolder) -> list[bytes]:
    """What the dump must be by the plain fold of live.py and the plain build of state_tree.py."""
    held = sorted((*name, *version) for name, version in feed.live().items())
    tree, _ = state_tree.build(held)
    lines = [
        orjson.dumps(dict(zip(("node", "id", "rev", "digest", "status"), (*row, "verified"), strict=True)))
        for row in held
    ]
    last = {"cursor": {"epoch": feed.epoch, "seq": feed.size}, "state_root": tree.root().hex()}
    return [line + b"\n" for line in [*lines, orjson.dumps(last)]]


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 512, 600])
def test_a_log_of_any_size_arrives_whole(feed: FeedFolder, reader: Reader, size: int) -> None:
    if size == 0:
        feed.lines = []
    feed.fill(size)
    feed.publish()
    result = reader.verified()
    assert result.live == max(size - 1, 0)
    assert result.applied == size
    assert reader.dump() == expected_dump(feed)


@pytest.mark.parametrize("steps", [(1, 2, 3), (255, 256, 257), (200, 300, 513, 600)])
def test_what_is_added_arrives_and_equals_a_first_sync(
    feed: FeedFolder, reader: Reader, steps: tuple[int, ...]
) -> None:
    held = 0
    for size in steps:
        feed.fill(size)
        feed.publish()
        result = reader.verified()
        assert result.applied == size - held
        held = size
    late = Reader(feed, reader.file.with_name("late.jisr"))
    late.verified()
    assert late.dump() == reader.dump() == expected_dump(feed)


def test_edits_deletes_and_departures_follow(feed: FeedFolder, reader: Reader) -> None:
    first, second, third, fourth = feed.puts(4)
    feed.publish()
    reader.verified()
    edited = feed.edit(first, note="changed")
    feed.delete(second)
    feed.out(third)
    feed.publish()
    reader.verified()
    assert reader.dump() == expected_dump(feed)
    assert set(reader.records()) == {first.value["id"], fourth.value["id"]}
    assert reader.records()[first.value["id"]].raw == edited.body


def test_a_record_that_left_may_come_back_with_the_same_bytes(feed: FeedFolder, reader: Reader) -> None:
    record = feed.put()
    feed.out(record)
    feed.publish()
    reader.verified()
    assert reader.records() == {}
    feed.put(record)
    feed.publish()
    reader.verified()
    assert reader.records()[record.value["id"]].raw == record.body


def test_nothing_changed_is_one_request_answered_304(feed: FeedFolder, reader: Reader) -> None:
    feed.puts(300)
    feed.publish()
    with FeedServer(feed.folder) as server:
        reader.verified(server.address, allow_private=True)
        server.forget()
        with reader.unmoved():
            result = reader.verified(server.address, allow_private=True)
        assert (server.asked, server.statuses) == (["head.json"], [304])
    assert not result.changed
    assert result.requests == 1
    assert result.sentence == "nothing has changed"


def test_the_publisher_is_told_what_was_seen(feed: FeedFolder, reader: Reader) -> None:
    feed.publish()
    with FeedServer(feed.folder) as server:
        reader.verified(server.address, allow_private=True)
        assert "jisr-seen" not in server.headers[0]
        server.forget()
        reader.verified(server.address, allow_private=True)
        assert server.headers[0]["jisr-seen"] == f"{feed.epoch}:{feed.size}:{feed.log_root().hex()}"


def test_at_most_four_pages_are_fetched_at_once(feed: FeedFolder, reader: Reader) -> None:
    feed.fill(256 * 9)
    feed.publish(inventory=False)
    with FeedServer(feed.folder) as server:
        server.pause = 0.05
        reader.verified(server.address, allow_private=True)
        assert 2 <= server.at_once <= PARALLEL_FETCHES
        assert len(server.asked) == 2 + 9  # head, keys, pages


def test_a_feed_is_followed_by_its_folder_address_or_the_address_of_its_head(feed: FeedFolder, reader: Reader) -> None:
    feed.puts(3)
    feed.publish()
    with FeedServer(feed.folder) as server:
        for number, address in enumerate((server.address, server.address + "/", server.address + "/head.json")):
            file = reader.file.with_name(f"{number}.jisr")
            result = follow_once(address, file, allow_private=True, now=lambda: NOW)
            assert result.outcome is Outcome.VERIFIED
            assert result.live == 3


def test_a_mirror_at_another_address_continues_the_same_copy(feed: FeedFolder, reader: Reader) -> None:
    feed.puts(3)
    feed.publish()
    reader.verified()
    with FeedServer(feed.folder) as server:
        feed.puts(2)
        feed.publish()
        assert reader.verified(server.address, allow_private=True).applied == 2
    with reader.open() as copy:
        assert copy.address == server.address


def test_unknown_ops_types_and_members_arrive_byte_for_byte(feed: FeedFolder, reader: Reader) -> None:
    record = feed.put(type="org.example.kite/7", wings={"count": 2, "colours": ["red", "أحمر"]})
    unknown = feed.raw(op="praise", object={"for": "the kite"}, extra=[1, 2])
    feed.append(lambda seq, at: feed_line_with(feed, record, seq, at))
    feed.publish()
    assert reader.verified().refused_live == 0
    assert reader.records()[record.value["id"]].raw == record.body
    with reader.open() as copy:
        assert list(copy.carried()) == [(unknown, "praise", feed.lines[unknown])]


def feed_line_with(feed: FeedFolder, record: object, seq: int, at: str) -> bytes:
    """A put with a member that no version of ours knows."""
    fresh = feed.writer.record()
    value = {"at": at, "jws": fresh.jws, "op": "put", "record": fresh.value, "seq": seq, "x-new": {"a": 1}}
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def test_a_newer_head_over_the_same_set_replaces_the_stored_one(feed: FeedFolder, reader: Reader) -> None:
    feed.puts(3)
    feed.publish()
    reader.verified()
    feed.publish()
    result = reader.verified()
    assert not result.changed
    with reader.open() as copy:
        assert copy.head.raw == (feed.folder / "head.json").read_bytes()


def test_an_older_head_over_the_same_set_does_not_replace_the_stored_one(feed: FeedFolder, reader: Reader) -> None:
    feed.puts(3)
    feed.publish()
    older = (feed.folder / "head.json").read_bytes()
    feed.publish()
    newer = (feed.folder / "head.json").read_bytes()
    reader.verified()
    feed.write("head.json", older)
    reader.verified()
    with reader.open() as copy:
        assert copy.head.raw == newer


def test_a_hub_feed_carries_the_records_of_many_writers(hub: FeedFolder, hub_reader: Reader) -> None:
    writers = [hub.welcome(Writer(f"node {number}")) for number in range(5)]
    records = [hub.put(by=writer) for writer in writers for _ in range(3)]
    hub.publish()
    assert hub_reader.verified().live == 15
    assert {r.node for r in hub_reader.records().values()} == {writer.id for writer in writers}
    assert {r.raw for r in hub_reader.records().values()} == {record.body for record in records}


def test_the_tree_grows_a_level_and_shrinks_again(feed: FeedFolder, reader: Reader) -> None:
    """4,097 records need a depth of 2; the hashes of all buckets are computed anew at both steps."""
    records = feed.puts(4096)
    feed.publish(inventory=False)
    reader.verified()
    feed.put()
    feed.publish(inventory=False)
    reader.verified()
    feed.delete(records[0])
    feed.publish(inventory=False)
    reader.verified()
    with reader.open() as copy:
        assert copy.recomputed_root() == (copy.state_root, 4096)
    assert reader.dump() == expected_dump(feed)


def test_a_new_epoch_based_on_what_is_held_goes_on(feed: FeedFolder, reader: Reader) -> None:
    feed.fill(300)
    feed.publish()
    reader.verified()
    base = {"epoch": feed.epoch, "size": 300, "log_root": feed.log_root().hex()}
    old_pages = (feed.folder / "log" / feed.epoch / "000.ndjson").read_bytes()
    feed.epoch, feed.bases = "2-bbbbbbbb", (base,)
    feed.fill(310)
    feed.publish()
    assert not (feed.folder / "log" / feed.epoch / "000.ndjson").exists()  # it stands in the old epoch's folder
    assert (feed.folder / "log" / "1-aaaaaaaa" / "000.ndjson").read_bytes() == old_pages
    assert reader.verified().applied == 10
    late = Reader(feed, reader.file.with_name("late.jisr"))
    late.verified()
    assert late.dump() == reader.dump() == expected_dump(feed)


def test_a_new_epoch_based_on_less_replaces_the_set_and_lets_no_rev_fall(feed: FeedFolder, reader: Reader) -> None:
    first = feed.put()
    feed.publish()
    base = {"epoch": feed.epoch, "size": feed.size, "log_root": feed.log_root().hex()}
    lost = feed.edit(first)
    other = feed.put()
    feed.publish()
    reader.verified()
    feed.lines, feed.epoch, feed.bases = feed.lines[:-2], "2-bbbbbbbb", (base,)
    feed.publish()
    reader.verified()
    # the restored feed offers rev 1 again: it is in the tree and refused, what was verified as rev 2 stays shown
    assert reader.statuses() == {first.value["id"]: "rev_not_increasing"}
    assert reader.records()[first.value["id"]].raw == lost.body
    with reader.open() as copy:
        ops = {change.id: change.op for change in copy.changes() if change.op != "key"}
    assert ops == {first.value["id"]: "put", other.value["id"]: "out"}
    feed.put(lost)
    feed.publish()
    reader.verified()
    assert reader.statuses() == {first.value["id"]: "verified"}


def test_only_the_expected_publisher_will_do(feed: FeedFolder, reader: Reader) -> None:
    feed.publish()
    stranger = Writer("stranger").id
    result = reader.follow(expected_id=stranger)
    assert result.outcome is Outcome.BROKEN
    assert result.refusal is not None
    assert result.refusal.rule == "READ-1"
    assert not reader.file.exists()
    reader.verified(expected_id=feed.writer.id)
    with reader.unmoved():
        assert reader.follow(expected_id=stranger).outcome is Outcome.BROKEN


def test_progress_is_told_as_pages_are_read(feed: FeedFolder, reader: Reader) -> None:
    feed.fill(1000)
    feed.publish()
    seen: list[tuple[int, int]] = []
    reader.verified(progress=lambda done, total: seen.append((done, total)))
    assert seen == [(256, 1000), (512, 1000), (768, 1000), (1000, 1000)]
    feed.fill(1300)
    feed.publish()
    seen.clear()
    reader.verified(progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1024, 1300), (1280, 1300), (1300, 1300)]
