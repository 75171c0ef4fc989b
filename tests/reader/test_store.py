"""The copy as portals and hubs read it, and as a file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from jisr_protocol import entry
from jisr_protocol.reader.follow import Busy, alone, follow_once
from jisr_protocol.reader.store import open_copy
from jisr_protocol.reader.tables import CopyProblem, NoCopy, NotACopy
from tests.reader.conftest import Reader
from tests.reader.node_heads import say
from tests.reader.publisher import NOW, FeedFolder, Writer


def test_records_are_listed_by_type_in_order(feed: FeedFolder, reader: Reader) -> None:
    services = feed.puts(5)
    places = [feed.put(type="org.jisr.location/1") for _ in range(3)]
    feed.publish()
    reader.verified()
    with reader.open() as copy:
        every = [record.id for record in copy.records()]
        assert every == sorted(thing.value["id"] for thing in services + places)
        located = list(copy.records("org.jisr.location/1"))
        assert {record.id for record in located} == {thing.value["id"] for thing in places}
        assert located[0].value["type"] == "org.jisr.location/1"
        assert list(copy.records("org.jisr.event/1")) == []


def test_one_record_is_found_by_its_id_with_or_without_its_node(feed: FeedFolder, reader: Reader) -> None:
    record = feed.put()
    feed.publish()
    reader.verified()
    with reader.open() as copy:
        found = copy.record(feed.writer.id, record.value["id"])
        assert found == copy.record(None, record.value["id"])
        assert found is not None
        assert (found.raw, found.jws, found.envelope) == (record.body, record.jws, record)
        assert copy.record("jisr:" + "a" * 52, record.value["id"]) is None


def test_changes_are_what_a_hub_needs_to_pass_on_byte_for_byte(hub: FeedFolder, hub_reader: Reader) -> None:
    writer = hub.welcome(Writer("node"))
    via = b'[{"by":"%b","epoch":"1-aaaaaaaa","seq":3}]' % writer.id.encode()
    kept, deleted, left = writer.record(), writer.record(), writer.record()
    for number, record in enumerate((kept, deleted, left)):
        hub.add("put", record, src=("public", "1-aaaaaaaa", number), via=via)
    tombstone = writer.tombstone(deleted)
    hub.add("del", tombstone)
    hub.out(left)
    hub.publish()
    hub_reader.verified()
    with hub_reader.open() as copy:
        changes = list(copy.changes())
        assert [change.op for change in changes] == ["key", "key", "put", "del", "out"]
        assert [change.seq for change in changes] == [0, 1, 2, 5, 6]
        assert changes[1].envelope == writer.ring.statements[0]
        put = changes[2]
        assert put.envelope == kept
        assert entry.write("put", kept, seq=2, at=put.at, src=put.src, via=put.via) == hub.lines[2]
        assert changes[3].envelope == tombstone
        assert (changes[4].envelope, changes[4].raw, changes[4].jws) == (None, b"", "")
        assert (changes[4].id, changes[4].rev, changes[4].digest) == (left.value["id"], 1, left.digest)
        assert [change.seq for change in copy.changes(2)] == [5, 6]


def test_changes_go_on_where_the_last_look_ended(feed: FeedFolder, reader: Reader) -> None:
    first = feed.put()
    feed.publish()
    reader.verified()
    seen = 1
    edited = feed.edit(first)
    feed.publish()
    reader.verified()
    with reader.open() as copy:
        assert [(change.op, change.rev, change.envelope) for change in copy.changes(seen)] == [("put", 2, edited)]


def test_the_rings_of_all_writers_can_be_asked_for(hub: FeedFolder, hub_reader: Reader) -> None:
    writer = hub.welcome(Writer("node"))
    hub.key_entry(writer.add_key())
    hub.publish()
    hub_reader.verified()
    with hub_reader.open() as copy:
        rings = copy.rings()
        assert set(rings) == {hub.writer.id, writer.id}
        assert len(rings) == 2
        assert set(rings[writer.id].keys) == {key.kid for key in writer.keys}
        with pytest.raises(KeyError):
            rings["jisr:" + "a" * 52]


def test_of_node_heads_the_newest_is_kept_and_statements_all(hub: FeedFolder, hub_reader: Reader) -> None:
    node = hub.welcome(Writer("node"))
    for size in (1, 2):
        say(hub, node, {}, size=size)
    hub.publish()
    hub_reader.verified()
    seq = say(hub, node, {"policy": 3}, size=3, live=3)
    hub.publish()
    hub_reader.verified()
    with hub_reader.open() as copy:
        assert [(seq, op) for seq, op, _ in copy.carried()] == [(seq, "nodehead")]
        assert next(copy.carried())[2] == hub.lines[seq]


def test_a_reader_of_the_file_is_not_disturbed_by_a_follow(feed: FeedFolder, reader: Reader) -> None:
    feed.puts(500)
    feed.publish()
    reader.verified()
    with reader.open() as copy:
        listing = copy.records()
        next(listing)
        feed.puts(300)
        feed.publish()
        reader.verified()
        assert sum(1 for _ in listing) == 499
        assert sum(1 for _ in copy.records()) == 800


def test_an_open_copy_cannot_be_written(feed: FeedFolder, reader: Reader) -> None:
    feed.publish()
    reader.verified()
    with reader.open() as copy, pytest.raises(sqlite3.OperationalError, match="readonly"):
        copy._connection.execute("DELETE FROM record")


def test_there_is_no_copy_where_nothing_was_followed(tmp_path: Path) -> None:
    with pytest.raises(NoCopy, match="jisr follow"):
        open_copy(tmp_path / "none.jisr")
    (tmp_path / "empty.jisr").touch()
    with pytest.raises(NoCopy):
        open_copy(tmp_path / "empty.jisr")


@pytest.mark.parametrize("content", [b"my shopping list\n" * 100, None])
def test_other_peoples_files_are_left_alone(feed: FeedFolder, tmp_path: Path, content: bytes | None) -> None:
    feed.publish()
    file = tmp_path / "precious.db"
    if content is None:
        other = sqlite3.connect(file)
        other.execute("CREATE TABLE precious (thing)")
        other.commit()
        other.close()
    else:
        file.write_bytes(content)
    before = file.read_bytes()
    with pytest.raises(NotACopy, match="left as it is"):
        follow_once(feed.folder, file, now=lambda: NOW)
    with pytest.raises(NotACopy):
        open_copy(file)
    assert file.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("precious.db-")] == []


def test_a_copy_with_other_tables_is_refused(feed: FeedFolder, reader: Reader) -> None:
    feed.publish()
    reader.verified()
    newer = sqlite3.connect(reader.file)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(NotACopy, match="99"):
        reader.open()


def test_two_follows_of_one_file_do_not_run_at_once(feed: FeedFolder, reader: Reader) -> None:
    feed.publish()
    with alone(reader.file), pytest.raises(Busy, match="is running"):
        reader.follow()
    reader.verified()


def test_a_file_in_no_folder_is_a_clear_error(feed: FeedFolder, tmp_path: Path) -> None:
    with pytest.raises(CopyProblem, match="no folder"):
        follow_once(feed.folder, tmp_path / "nowhere" / "copy.jisr")


def test_nothing_is_committed_that_was_not_settled(feed: FeedFolder, reader: Reader) -> None:
    from jisr_protocol import live
    from jisr_protocol.reader.store import Copy

    feed.puts(3)
    feed.publish()
    reader.verified()
    with Copy(reader.file, create=True) as copy:
        known = copy.known()
        parsed = entry.parse(entry.write("put", feed.writer.record(), seq=9, at="2026-01-01T00:00:00Z"))
        copy.apply([live.Judged(parsed, None, None)])
        with pytest.raises(ValueError, match="settled"):
            copy.commit(known, NOW)
