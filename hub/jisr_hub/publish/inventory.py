"""The inventory of a published head: its state tree, and the files of its nodes for as long as that head is out.

What is stored after the head was signed already shows in the ledger, so the records of a bucket are taken back to where
the head stands: each record that was touched since is what the entry before said of it (`Touch.prior`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence

from jisr_protocol import entry as entries
from jisr_protocol import live, state_tree
from jisr_protocol.entry import Entry
from jisr_protocol.state_tree import FAN, MAX_DEPTH, StateTree

from ..ports import Touch, View

Key = tuple[str, str]
Row = tuple[int, str, str, int, str]
"""(path, node, id, rev, digest) of a live record."""
_LAST_PATH = FAN**MAX_DEPTH - 1
_NOTICES = ("erase", "hold")
_FEW = 4
"""Beyond a quarter of the buckets all are read, one after the other."""


class Inventory:
    """The state tree after the first `size` entries, and how many records stand in each bucket."""

    def __init__(self, size: int, tree: StateTree, counts: list[int], live_count: int) -> None:
        self.size, self.live = size, live_count
        self._tree, self._counts = tree, counts
        self._places: dict[bytes, tuple[int, int]] | None = None

    @property
    def tree(self) -> StateTree:
        """The tree, hashed up to its root."""
        self._tree.root()
        return self._tree

    def copy(self, size: int) -> Inventory:
        """The same, to go on from to `size` while this one stays as it is."""
        return Inventory(size, self._tree.copy(), list(self._counts), self.live)

    def put(self, number: int, lines: Sequence[bytes]) -> None:
        """Take the new lines of one bucket."""
        self._tree.set_bucket(number, state_tree.bucket_hash(state_tree.bucket_bytes(lines)))
        self.live += len(lines) - self._counts[number]
        self._counts[number] = len(lines)

    def place(self, hashed: bytes) -> tuple[int, int] | None:
        """(level, number) of the node with this hash, None if the tree has none."""
        if self._places is None:
            levels = enumerate(self.tree.levels)
            self._places = {hashed: (level, number) for level, row in levels for number, hashed in enumerate(row)}
        return self._places.get(hashed)

    async def file(self, view: View, level: int, number: int) -> bytes | None:
        """The file of a node; None when the ledger does not add up to it any more."""
        if level < self.tree.depth:
            return state_tree.inner_bytes(self.tree.children(level, number))
        rows = [row async for part in _rows(view, self.size, [_range(number, self.tree.depth)]) for row in part]
        content = state_tree.bucket_bytes(state_tree.line(*row[1:]) for row in rows)
        return content if state_tree.bucket_hash(content) == self.tree.levels[level][number] else None


async def fold(view: View, size: int, before: Inventory | None) -> Inventory:
    """The inventory after `size` entries: from the buckets touched since `before`, or from all when the depth changed.

    The cost is in proportion to what was touched. Memory holds the lines of few buckets.
    """
    if before is None:
        return await _whole(view, size)
    made, depth = before.copy(size), before.tree.depth
    touched = {state_tree.bucket_of(path, depth) for path in await _touched(view, before.size, size)}
    if len(touched) > FAN**depth // _FEW:
        return await _whole(view, size)
    lines: dict[int, list[bytes]] = {number: [] for number in touched}
    async for rows in _rows(view, size, [_range(number, depth) for number in sorted(touched)]):
        for row in rows:
            lines[state_tree.bucket_of(row[0], depth)].append(state_tree.line(*row[1:]))
    for number, held in lines.items():
        made.put(number, held)
    return made if state_tree.depth_for(made.live) == depth else await _whole(view, size)


async def _whole(view: View, size: int) -> Inventory:
    """The inventory from every record. The depth is guessed from how many are live now, which is seldom wrong."""
    depth = state_tree.depth_for(await view.live())
    while True:
        made = Inventory(size, StateTree(depth), [0] * FAN**depth, 0)
        number, lines = 0, list[bytes]()
        async for rows in _rows(view, size, None):
            for row in rows:
                bucket = state_tree.bucket_of(row[0], depth)
                if bucket != number:
                    made.put(number, lines)
                    number, lines = bucket, []
                lines.append(state_tree.line(*row[1:]))
        made.put(number, lines)
        if state_tree.depth_for(made.live) == depth:
            return made
        depth = state_tree.depth_for(made.live)


def _range(bucket: int, depth: int) -> tuple[int, int]:
    shift = 6 * (MAX_DEPTH - depth)
    return bucket << shift, ((bucket + 1) << shift) - 1


async def _touched(view: View, start: int, end: int) -> set[int]:
    """The paths of all records that entries [start, end) touched, by a notice too."""
    touched = await view.touched(start, end)
    async for lines in view.said(_NOTICES, start, end):
        for notice in map(entries.parse, lines):
            touched |= {state_tree.path(*key) for key in await _named_by(view, notice)}
    return touched


# Records as they stood at an earlier size


async def _rows(view: View, size: int, ranges: Sequence[tuple[int, int]] | None) -> AsyncIterator[Sequence[Row]]:
    """View.rows as it was after `size` entries."""
    if ranges is not None and not ranges:
        return
    if view.size == size:
        async for rows in view.rows(ranges):
            yield rows
        return
    low, high = (0, _LAST_PATH) if ranges is None else (ranges[0][0], ranges[-1][1])
    earlier = await _earlier(view, size, low, high)
    back = sorted(row for row in earlier.values() if row is not None and _within(row[0], ranges))
    async for rows in view.rows(ranges):
        stays = [row for row in rows if row[1:3] not in earlier]
        # where all are asked for, they come in the order of their paths
        until = bisect_right(back, stays[-1]) if stays and ranges is None else 0
        yield sorted([*back[:until], *stays])
        back = back[until:]
    yield back


def _within(path: int, ranges: Sequence[tuple[int, int]] | None) -> bool:
    return ranges is None or any(low <= path <= high for low, high in ranges)


async def _earlier(view: View, size: int, low: int, high: int) -> dict[Key, Row | None]:
    """What each record with a path in [low, high] that was touched since was after `size` entries; None: not live."""
    touches = await view.touching(size, low, high)
    words = _words_before(touches, size)
    for touch in touches:
        if touch.op in _NOTICES:
            for key, seq in (await _named_by(view, entries.parse(touch.line))).items():
                if low <= state_tree.path(*key) <= high:
                    words.setdefault(key, seq if seq < size else None)
    lines = await view.lines({seq for seq in words.values() if seq is not None})
    said = {seq: entries.parse(line) for seq, line in lines.items()}
    emptied = await _emptied_before(view, [entry for entry in said.values() if entry.gone], size)
    return {key: _row(said[seq]) if seq is not None and seq not in emptied else None for key, seq in words.items()}


async def _named_by(view: View, notice: Entry) -> dict[Key, int]:
    """Where the newest word of each record that a notice names stands."""
    node = notice.node or ""
    return {(node, record_id): seq for record_id, seq in (await view.newest(node, notice.id or "")).items()}


def _words_before(touches: Sequence[Touch], size: int) -> dict[Key, int | None]:
    """Where the newest word below `size` of each of these records stands."""
    priors = {touch.seq: touch.prior for touch in touches}
    words: dict[Key, int | None] = {}
    for touch in touches:
        if touch.op in _NOTICES:
            continue
        said = entries.parse(touch.line)
        seq: int | None = touch.seq
        while seq is not None and seq >= size:
            seq = priors.get(seq)
        words.setdefault((said.node or "", said.id or ""), seq)
    return words


async def _emptied_before(view: View, stubs: Sequence[Entry], size: int) -> set[int]:
    """The positions of those stubs whose record a notice below `size` took out; the others lost their content later."""
    found: set[int] = set()
    if stubs:
        async for lines in view.said(_NOTICES, min(stub.seq for stub in stubs), size):
            for notice in map(entries.parse, lines):
                later = (stub for stub in stubs if stub.seq < notice.seq)
                found |= {s.seq for s in later if live.matches(notice, s.node or "", s.id or "", s.rev or 0)}
    return found


def _row(said: Entry) -> Row | None:
    """The row of a record of which this was the newest word."""
    if said.op != "put":
        return None
    node, record_id = said.node or "", said.id or ""
    return state_tree.path(node, record_id), node, record_id, said.rev or 0, said.digest or ""
