"""A copy that came to another set than its feed is put right with what differs, and only once; epochs are how it comes.

The hub of these tests restores a backup: it forgets its last entries and goes on in a new epoch. A reader that holds
more goes back to a place it verified before, reads on from there, and repairs what differs by the inventory.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from jisr_protocol import lineage, paths
from jisr_protocol.envelope import Envelope
from jisr_protocol.exchange import Event, Fetch, Fetched
from jisr_protocol.lineage import Mark
from jisr_protocol.merkle import Frontier
from jisr_protocol.reader.places import FolderPlace
from jisr_protocol.session import Outcome
from tests.reader.conftest import Reader
from tests.reader.publisher import FeedFolder
from tests.reader.repairing import check_costs
from tests.reader.test_outcomes import ends
from tests.reader.test_snapshot import whole


def held(reader: Reader) -> list[bytes]:
    return (reader.dump() or [])[:-1]


def restored(feed: FeedFolder, reader: Reader, lost: Callable[[list[Envelope]], None], *, size: int = 600) -> None:
    """A feed of `size` entries that a reader holds with what `lost` appends; its publisher forgets the latter."""
    records = feed.puts(size - 1)
    backup = feed.size
    lost(records)
    feed.publish()
    reader.verified()
    feed.new_epoch(backup)
    feed.put()
    shutil.rmtree(feed.folder / "inv")
    feed.publish(records=True)


def test_what_the_publisher_lost_is_put_right_record_by_record(feed: FeedFolder, reader: Reader) -> None:
    edited: list[Envelope] = []
    made: list[Envelope] = []

    def lost(records: list[Envelope]) -> None:
        edited.append(feed.edit(records[3]))
        feed.delete(records[4])
        feed.out(records[5])
        made.append(feed.put())

    restored(feed, reader, lost)
    result = reader.verified()
    assert (result.repaired, result.changed) == (4, True)
    assert "4 records were repaired" in result.sentence
    assert result.applied == 601 - 512, "it went back to the last whole page below the base"
    # the author's words are not taken back: rev 2 stays shown, what he deleted stays deleted, and no rev falls
    ids = {name: status for name, status in reader.statuses().items() if status != "verified"}
    assert sorted(ids.values()) == ["rev_not_increasing", "rev_not_increasing"]
    assert reader.records()[edited[0].value["id"]].raw == edited[0].body
    assert made[0].value["id"] not in reader.records()
    with reader.open() as copy:
        left = {change.id: (change.op, change.rev) for change in copy.changes() if change.op == "out"}
        assert left[made[0].value["id"]] == ("out", 1)
        assert copy.recomputed_root() == (copy.state_root, 600)


def test_what_is_repaired_is_what_a_reader_from_the_start_holds(feed: FeedFolder, reader: Reader) -> None:
    restored(feed, reader, lambda records: [feed.out(record) for record in records[10:40]] and None)
    assert reader.verified().repaired == 30
    assert held(reader) == held(whole(reader))
    assert {r.raw for r in reader.records().values()} == {r.raw for r in whole(reader).records().values()}


def test_a_second_follow_costs_one_request_and_repairs_nothing(feed: FeedFolder, reader: Reader) -> None:
    restored(feed, reader, lambda records: [feed.edit(record) for record in records[:7]] and None)
    assert reader.verified().repaired == 7
    with reader.unmoved():
        again = reader.verified()
    assert (again.repaired, again.requests, again.changed) == (0, 1, False)


def test_the_cost_of_a_repair_is_that_of_the_difference(
    feed: FeedFolder, reader: Reader, figure: Callable[..., None]
) -> None:
    check_costs(feed, reader, 2_000, (1, 10, 100), figure)


@pytest.mark.parametrize("floor", [0, 512])
def test_without_inventory_or_record_files_another_way_is_taken(feed: FeedFolder, reader: Reader, floor: int) -> None:
    restored(feed, reader, lambda records: feed.delete(records[3]) and None)
    shutil.rmtree(feed.folder / "rec")
    if floor:
        feed.floor = floor
        feed.take_snapshot()
        feed.publish()
    result = reader.verified()
    assert result.repaired == 0
    assert result.unproven == (601 if floor else 0)
    assert held(reader)[:3] == held(whole(reader))[:3]


def test_a_record_file_of_another_version_is_not_taken(feed: FeedFolder, reader: Reader) -> None:
    changed: list[Envelope] = []

    def lost(records: list[Envelope]) -> None:
        changed.append(records[9])
        feed.edit(records[9])

    restored(feed, reader, lost)
    feed.floor = 512
    feed.publish(records=True)
    record = changed[0]
    other = feed.writer.record(id=record.value["id"], rev=1, note="another")
    line = feed.lines[1].replace(b'"seq":1}', b'"seq":10}')
    feed.write(paths.record(feed.writer.id, record.value["id"], 1), line + b"\n")
    assert other.digest != record.digest
    with reader.unmoved():
        ends(reader.follow(), Outcome.BROKEN, "STA-5", "state_mismatch")


def test_a_copy_damaged_here_is_repaired_too(feed: FeedFolder, reader: Reader) -> None:
    feed.puts(300)
    feed.publish(records=True)
    reader.verified()
    damaged = sqlite3.connect(reader.file)
    damaged.execute("UPDATE leaf SET rev = rev + 1 WHERE seq = 7")
    damaged.execute("DELETE FROM leaf WHERE seq = 8")
    damaged.execute("DELETE FROM record WHERE seq = 8")
    damaged.execute("UPDATE feed SET live = live - 1")
    damaged.execute("DELETE FROM branch")
    damaged.commit()
    damaged.close()
    feed.puts(3)
    feed.publish(records=True)
    result = reader.verified()
    assert (result.repaired, result.applied) == (2, 3)
    assert set(reader.statuses().values()) == {"verified"}
    assert len(reader.records()) == 303


def test_a_first_reader_is_never_repaired_it_was_told_a_lie(feed: FeedFolder, reader: Reader) -> None:
    """The live set follows from the log: whoever read all of it does not take the inventory's word for another."""
    record = feed.put()
    feed.publish(records=True)
    honest = feed.signed_head()
    feed.out(record)
    feed.publish(inventory=False, state_root=bytes.fromhex(honest.state_root), live=1)
    ends(reader.follow(), Outcome.DIVERGED, "READ-6", "state_mismatch")


def test_a_head_that_comes_while_the_inventory_is_walked_is_followed(
    feed: FeedFolder, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    restored(feed, reader, lambda records: [feed.edit(record) for record in records[:20]] and None)
    moved: list[str] = []
    honest = FolderPlace.fetch

    async def fetch(self: FolderPlace, wanted: Fetch) -> Event:
        if wanted.path.startswith("inv/") and len(moved) < 2:
            moved.append(wanted.path)
            shutil.rmtree(feed.folder / "inv")
            feed.put()
            feed.publish(records=True)
        return await honest(self, wanted)

    monkeypatch.setattr(FolderPlace, "fetch", fetch)
    result = reader.verified()
    assert len(moved) == 2
    assert (result.repaired, result.head and result.head.size) == (20, feed.size)


def test_an_inventory_that_never_holds_still_is_given_up(
    feed: FeedFolder, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    restored(feed, reader, lambda records: [feed.edit(record) for record in records[:20]] and None)
    moved: list[str] = []
    honest = FolderPlace.fetch

    async def fetch(self: FolderPlace, wanted: Fetch) -> Event:
        if wanted.path.startswith("inv/"):
            moved.append(wanted.path)
            shutil.rmtree(feed.folder / "inv")
            feed.put()
            feed.publish(records=True)
        return await honest(self, wanted)

    monkeypatch.setattr(FolderPlace, "fetch", fetch)
    result = reader.verified()
    assert result.head is not None
    assert (result.repaired, result.applied) == (0, result.head.size)
    assert len(moved) <= 8


def test_at_most_four_files_are_asked_for_at_once_and_none_twice(
    feed: FeedFolder, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    restored(feed, reader, lambda records: [feed.edit(record) for record in records[:60]] and None)
    asked: list[str] = []
    honest = FolderPlace.fetch

    async def fetch(self: FolderPlace, wanted: Fetch) -> Event:
        asked.append(wanted.path)
        return await honest(self, wanted)

    monkeypatch.setattr(FolderPlace, "fetch", fetch)
    assert reader.verified().repaired == 60
    assert len(asked) == len(set(asked))


# Epochs


def test_a_base_above_what_is_held_is_read_on_from_there(feed: FeedFolder, reader: Reader) -> None:
    feed.fill(300)
    feed.publish()
    reader.verified()
    feed.fill(400)
    feed.new_epoch(400)
    feed.fill(420)
    feed.new_epoch(410, "c")
    feed.fill(430)
    feed.publish()
    assert reader.verified().applied == 130
    assert reader.dump() == whole(reader).dump()


def test_a_reader_that_missed_an_epoch_goes_back_to_what_both_hold(feed: FeedFolder, reader: Reader) -> None:
    feed.fill(700)
    feed.publish()
    reader.verified()
    feed.new_epoch(600)
    feed.fill(650)
    feed.new_epoch(520, "c")
    feed.fill(530)
    feed.publish(records=True)
    result = reader.verified()
    assert result.applied == 530 - 512
    assert held(reader) == held(whole(reader))


def test_an_earlier_base_reaches_no_further_than_a_later_one(feed: FeedFolder, reader: Reader) -> None:
    """The second epoch held all 300 entries of the first; the third holds 100 of the second, so of the first too."""
    feed.fill(300)
    feed.new_epoch(300)
    feed.fill(310)
    feed.publish()
    reader.verified()
    feed.new_epoch(100, "c")
    feed.fill(290)
    feed.publish()
    reader.verified()
    assert held(reader) == held(whole(reader))


def test_a_base_that_is_not_what_was_signed_before_is_a_fork(feed: FeedFolder, reader: Reader) -> None:
    feed.fill(300)
    feed.publish()
    reader.verified()
    feed.lines = feed.lines[:200]
    feed.fill(300)
    feed.new_epoch(300)
    feed.fill(301)
    feed.publish()
    with reader.unmoved():
        ends(reader.follow(), Outcome.CONTRADICTED, "READ-4", "fork")


def test_a_larger_base_that_does_not_begin_with_what_is_held_is_a_fork(feed: FeedFolder, reader: Reader) -> None:
    feed.fill(300)
    feed.publish()
    reader.verified()
    feed.lines = feed.lines[:200]
    feed.fill(310)
    feed.new_epoch(310)
    feed.publish()
    with reader.unmoved():
        ends(reader.follow(), Outcome.CONTRADICTED, "READ-4", "fork")


def test_a_smaller_base_that_lies_is_found_by_the_root_and_all_is_read(feed: FeedFolder, reader: Reader) -> None:
    feed.fill(700)
    feed.publish()
    reader.verified()
    feed.lines = feed.lines[:100]
    feed.fill(600)
    feed.new_epoch(600)
    feed.publish()
    result = reader.verified()
    assert result.applied == 600
    assert held(reader) == held(whole(reader))


def test_the_places_kept_are_few_and_near_every_distance() -> None:
    marks: tuple[Mark, ...] = ()
    for size in range(256, 256 * 3_000, 256):
        marks = lineage.thinned(
            (*marks, Mark(size, "1-aaaaaaaa", Frontier(size, [bytes(32)] * size.bit_count()))), size
        )
    size = 256 * 2_999
    assert len(marks) <= 2 * size.bit_length()
    for distance in (256, 1_000, 5_000, 50_000, 500_000):
        back = size - max(mark.size for mark in marks if mark.size <= size - distance)
        assert back <= 4 * distance


def test_the_places_of_a_first_long_reading_are_kept_with_it(feed: FeedFolder, reader: Reader) -> None:
    feed.fill(1_500)
    feed.publish(inventory=False)
    reader.verified()
    with reader.open() as copy:
        sizes = [mark.size for mark in copy.known().marks]
    assert sizes[-1] == 1_500
    assert {1_280} <= set(sizes)
    assert all(size % 256 == 0 for size in sizes[:-1])


def test_a_lost_epoch_takes_no_key_away(hub: FeedFolder, hub_reader: Reader) -> None:
    """Key statements of the part that was lost go on binding; those that stand at the same places now are taken too."""
    from tests.reader.publisher import Writer

    hub.fill(300)
    lost = hub.welcome(Writer("lost"))
    hub.put(by=lost)
    hub.publish()
    hub_reader.verified()
    hub.new_epoch(300)
    fresh = hub.welcome(Writer("fresh"))
    record = hub.put(by=fresh)
    hub.publish(records=True)
    assert hub_reader.verified().refused == []
    assert record.value["id"] in hub_reader.records()
    with hub_reader.open() as copy:
        assert {lost.id, fresh.id} <= set(copy.rings())


def test_a_file_of_the_inventory_that_was_changed_is_refused(feed: FeedFolder, reader: Reader, tmp_path: Path) -> None:
    restored(feed, reader, lambda records: [feed.edit(record) for record in records[:5]] and None)
    for file in (feed.folder / "inv").iterdir():
        file.write_bytes(file.read_bytes().replace(b"a", b"b", 1))
    result = reader.verified()
    assert result.repaired == 0
    assert result.applied == feed.size


def test_an_inventory_that_shows_a_record_in_two_places_is_refused() -> None:
    from jisr_protocol import state_tree
    from jisr_protocol.inventory_walk import InventoryWalk
    from tests.protocol.refusals import refusal_of

    row = ("jisr:" + "a" * 52, "00000000-0000-4000-8000-000000000000", 1, "0" * 64)
    content = state_tree.bucket_bytes([state_tree.line(*row)])
    hashed = state_tree.bucket_hash(content)
    root = state_tree.inner_bytes([hashed] * 64)
    walk = InventoryWalk(state_tree.StateTree(1), {}, state_tree.inner_hash([hashed] * 64))
    (fetch,) = walk.more(fresh=False)
    walk.take(Fetched(fetch.path, root))
    refusal = refusal_of(lambda: walk.more(fresh=False))
    assert refusal is not None
    assert refusal.rule == "STA-4"
