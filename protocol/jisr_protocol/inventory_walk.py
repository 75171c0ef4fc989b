"""Repair: walk down a publisher's inventory to what differs from the own set, and bring only that (READ-14).

A node of the state tree that has the hash of the own one is the same below, so it is not fetched. Where a bucket
differs, the versions that are missing are brought by their record files, and what the publisher does not hold goes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from . import entry as entries
from . import majors, paths, state_tree
from .entry import Entry
from .exchange import Fetch, Fetched
from .limits import ENTRY_BYTES, INVENTORY_BYTES, PARALLEL_FETCHES
from .refusal import refuse
from .state_tree import EMPTY_BUCKET, FAN, StateTree

Row = tuple[str, str, int, str]
"""(node, id, rev, digest): a line of the state tree."""
Place = tuple[int, int, bytes]
"""(level, number, hash) of a node of the publisher's tree."""


class InventoryWalk:
    """A walk from the publisher's root. `tree` is the own tree at the publisher's depth, `rows` its buckets' lines."""

    def __init__(self, tree: StateTree, rows: Mapping[int, list[Row]], root: bytes, major: str = majors.MAJOR) -> None:
        self._tree, self._rows, self._major = tree, rows, majors.of(major)
        self._empty = state_tree.empty_hashes(tree.depth)
        self._nodes: list[Place] = []
        """Still to be read, the next one last: a walk into the depth holds few of them."""
        self._records: deque[Row] = deque()
        self._open_nodes: dict[str, Place] = {}
        self._open_records: dict[str, Row] = {}
        self._gone: list[tuple[str, str]] = []
        self._look_at(0, 0, root)

    @property
    def done(self) -> bool:
        """Whether everything that differs was seen and brought."""
        return not (self._nodes or self._records or self._open_nodes or self._open_records)

    def more(self, *, fresh: bool) -> list[Fetch]:
        """Ask for further files, at most four at a time; records before nodes."""
        requests = []
        while len(self._open_nodes) + len(self._open_records) < PARALLEL_FETCHES and (self._records or self._nodes):
            if self._records:
                row = self._records.popleft()
                path = paths.record(*row[:3])
                self._open_records[path] = row
                requests.append(Fetch(path, ENTRY_BYTES + 1, None, fresh))
            else:
                place = self._nodes.pop()
                path = paths.inventory(place[2])
                if path in self._open_nodes:
                    refuse("STA-4", "", expected="every part of the tree once", came=f"{path} twice")
                self._open_nodes[path] = place
                requests.append(Fetch(path, INVENTORY_BYTES, None, fresh))
        return requests

    def take(self, event: Fetched) -> Entry | None:
        """Take a file that came; of a record file, the put to be judged."""
        row = self._open_records.pop(event.path, None)
        if row is not None:
            return read_record(self._major.read_lines(event.body), row)
        level, number, hashed = self._open_nodes.pop(event.path)
        if level == self._tree.depth:
            self._compare(number, state_tree.parse_bucket(event.body, hashed))
        else:
            for index, child in enumerate(state_tree.parse_inner(event.body, hashed)):
                self._look_at(level + 1, number * FAN + index, child)
        return None

    def gone(self) -> list[tuple[str, str]]:
        """The (node, id) that the publisher does not hold, each given out once."""
        gone, self._gone = self._gone, []
        return gone

    def _look_at(self, level: int, number: int, hashed: bytes) -> None:
        if hashed == self._tree.levels[level][number]:
            return
        if hashed != self._empty[level]:
            self._nodes.append((level, number, hashed))
            return
        below = FAN ** (self._tree.depth - level)
        for bucket in range(number * below, (number + 1) * below):
            if self._tree.levels[-1][bucket] != EMPTY_BUCKET:
                self._compare(bucket, [])

    def _compare(self, number: int, theirs: list[Row]) -> None:
        for node, record_id, _, _ in theirs:
            if state_tree.bucket_of(state_tree.path(node, record_id), self._tree.depth) != number:
                refuse("STA-4", "", expected=f"records of bucket {number}", came=f"{record_id} of {node}")
        ours = set(self._rows.get(number, []))
        self._records += [row for row in theirs if row not in ours]
        stays = {row[:2] for row in theirs}
        self._gone += sorted(row[:2] for row in ours if row[:2] not in stays)


def read_record(body: bytes, row: Row) -> Entry:
    """Read a record file: one whole put line, of the version that the inventory names (STA-5). Raises Refusal."""
    lines = entries.split_lines(body)
    if len(lines) != 1:
        refuse("STA-5", "", expected="one line", came=f"{len(lines)}")
    entry = entries.parse(lines[0])
    came = (entry.node, entry.id, entry.rev, entry.digest)
    if came != row or entry.op != "put" or entry.gone is not None:
        refuse("STA-5", "", expected=f"the put of {row}", came=f"{entry.gone or entry.op} of {came}")
    return entry
