"""Whatever an honest publisher does, in any order, every reader ends verified with exactly what the feed holds.

It puts, edits, deletes, lets records leave, erases, takes snapshots, raises its floor, restores backups, offers record
files or none. Pages are of eight entries here, so that short logs have many.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from jisr_protocol import page_walk, paths, snapshot_walk
from tests.reader import publisher
from tests.reader.conftest import Reader
from tests.reader.publisher import FeedFolder

PAGE = 8
Deed = tuple[str, int]

deeds = st.tuples(
    st.sampled_from(
        [
            "put",
            "put",
            "edit",
            "delete",
            "out",
            "again",
            "erase",
            "fill",
            "snapshot",
            "floor",
            "restore",
            "follow",
            "late",
        ]
    ),
    st.integers(0, 30),
)


class Publisher:
    """A feed and what may be done to it; `number` chooses among what there is."""

    def __init__(self, folder: Path) -> None:
        self.feed = FeedFolder(folder)
        self.records = [self.feed.put()]

    def do(self, deed: str, number: int) -> None:
        feed, record = self.feed, self.records[number % len(self.records)]
        if deed == "put":
            self.records.append(feed.put())
        elif deed == "edit":
            self.records[number % len(self.records)] = feed.edit(record)
        elif deed == "delete":
            feed.delete(record)
        elif deed == "out":
            feed.out(record)
        elif deed == "again":
            feed.put(record)
        elif deed == "erase":
            feed.erase(record, stub=False)
        elif deed == "fill":
            for _ in range(number):
                feed.raw(op="mark")
        elif deed == "snapshot":
            feed.take_snapshot()
        elif deed == "floor" and feed.snap is not None:
            feed.floor = feed.snap["seq"]
        elif deed == "restore":
            self._restore(max(feed.size - number, feed.floor, 1))

    def _restore(self, size: int) -> None:
        self.feed.new_epoch(size, "abcdefgh"[size % 8])
        if self.feed.snap is not None and self.feed.snap["seq"] > size:
            self.feed.snap, self.feed.snapshot_files = None, {}

    def publish(self, *, records: bool) -> None:
        shutil.rmtree(self.feed.folder / "inv", ignore_errors=True)
        shutil.rmtree(self.feed.folder / "rec", ignore_errors=True)
        self.feed.publish(inventory=records, records=records)


def agrees(reader: Reader) -> None:
    """A follow ends verified, with the rows of the plain fold; a second one changes nothing."""
    reader.verified()
    rows = [orjson.loads(line) for line in (reader.dump() or [])[:-1]]
    held = {(row["node"], row["id"]): (row["rev"], row["digest"]) for row in rows}
    assert held == reader.feed.live()
    again = reader.verified()
    assert (again.changed, again.repaired, again.requests) == (False, 0, 1)
    with reader.open() as copy:
        assert copy.line_without_record() is None
        assert copy.recomputed_root()[0] == copy.state_root


@settings(max_examples=max(10, settings().max_examples // 5))  # each is many feeds and syncs
@given(st.lists(deeds, max_size=30), st.booleans())
def test_an_honest_publisher_is_always_verified(story: list[Deed], records: bool) -> None:
    with tempfile.TemporaryDirectory() as place, ExitStack() as pages:
        for module in (paths, page_walk, snapshot_walk, publisher):
            pages.enter_context(mock.patch.object(module, "PAGE_ENTRIES", PAGE))
        world = Publisher(Path(place) / "feed")
        reader = Reader(world.feed, Path(place) / "copy.jisr")
        for number, (deed, choice) in enumerate([*story, ("follow", 0), ("late", 0)]):
            world.do(deed, choice)
            if deed in ("follow", "late"):
                world.publish(records=records)
                agrees(reader if deed == "follow" else Reader(world.feed, Path(place) / f"{number}.jisr"))
