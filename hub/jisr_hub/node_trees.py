"""The state tree of one node's live records, kept folded: what did not change is neither read nor hashed again.

    keep     brings what is kept of a node's tree up to now, makes it where there is none
    stands   whether what is kept is right
    whole    every branch, from every record
    grown    the branches above some buckets that changed

A branch is an inner node as it is kept: for each child that holds a record, its hash and how many records it holds.
What may have changed since is noted with each change, in its transaction (KeptTree.touched). Small nodes have no kept
tree: reading all of them costs less.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import NamedTuple

from jisr_protocol import state_tree
from jisr_protocol.state_tree import FAN, MAX_DEPTH

from .ports import BranchPlace, Ledger, View

KEPT_FROM = 2
"""The depth from which on a tree is kept: beyond 4,096 records."""
ROOT: BranchPlace = (0, 0)
_HASH, _COUNT = 32, 4
Row = tuple[int, str, int, str]
"""(path, id, rev, digest) of a live record."""


class Child(NamedTuple):
    """A bucket or an inner node: its hash, and how many records are in it."""

    hashed: bytes
    live: int


Children = dict[int, Child]
"""By their place among the 64; only those that hold a record."""


def pack(children: Mapping[int, Child]) -> bytes:
    """Which are there, as 64 bits, then the hash and the number of each, in order."""
    there = sum(1 << place for place in children).to_bytes(FAN // 8, "big")
    each = (child.hashed + child.live.to_bytes(_COUNT, "big") for _, child in sorted(children.items()))
    return there + b"".join(each)


def unpack(packed: bytes) -> Children:
    """Raises ValueError for what is no branch."""
    there, rest = int.from_bytes(packed[: FAN // 8], "big"), packed[FAN // 8 :]
    places = [place for place in range(FAN) if there >> place & 1]
    width = _HASH + _COUNT
    if len(rest) != width * len(places):
        raise ValueError(f"{len(rest)} bytes for {len(places)} children")
    parts = (rest[start : start + width] for start in range(0, len(rest), width))
    return {
        place: Child(part[:_HASH], int.from_bytes(part[_HASH:], "big"))
        for place, part in zip(places, parts, strict=True)
    }


@cache
def _empty(height: int) -> bytes:
    """The hash of a node of this height without any record; a bucket's is 0."""
    return state_tree.empty_hashes(height)[0]


def above(children: Mapping[int, Child], height: int) -> Child:
    """The inner node of this height over these children."""
    hashes = (children[place].hashed if place in children else _empty(height - 1) for place in range(FAN))
    return Child(state_tree.inner_hash(hashes), sum(child.live for child in children.values()))


def bucket(lines: Sequence[bytes]) -> Child:
    """The bucket of these lines."""
    return Child(state_tree.bucket_hash(state_tree.bucket_bytes(lines)) if lines else _empty(0), len(lines))


def range_of(number: int, depth: int) -> tuple[int, int]:
    """The first and the last path of a bucket."""
    shift = 6 * (MAX_DEPTH - depth)
    return number << shift, ((number + 1) << shift) - 1


async def in_buckets(rows: AsyncIterator[Sequence[Row]], depth: int) -> AsyncIterator[tuple[int, list[Row]]]:
    """Rows that come in the order of their paths, by the buckets they are in."""
    current, held = -1, list[Row]()
    async for part in rows:
        for number, found in groupby(part, lambda row: state_tree.bucket_of(row[0], depth)):
            if number != current and held:
                yield current, held
                held = []
            current = number
            held += found
    if held:
        yield current, held


async def rows_of(view: View, node: str, buckets: Collection[int], depth: int) -> dict[int, list[Row]]:
    """The live records of a node in these buckets, by bucket."""
    found: dict[int, list[Row]] = {number: [] for number in buckets}
    async for rows in view.of_node(node, [range_of(number, depth) for number in sorted(buckets)]):
        for row in rows:
            found[state_tree.bucket_of(row[0], depth)].append(row)
    return found


async def whole(view: View, node: str, depth: int) -> dict[BranchPlace, bytes]:
    """Every branch, from every live record of the node; in memory are only branches."""
    made: dict[BranchPlace, bytes] = {}
    parents, children, parent = Children(), Children(), 0
    async for number, rows in in_buckets(view.of_node(node), depth):
        if number // FAN != parent and children:
            made[depth - 1, parent], parents[parent] = pack(children), above(children, 1)
            children = {}
        parent = number // FAN
        children[number % FAN] = bucket(_lines(node, rows))
    made[depth - 1, parent], parents[parent] = pack(children), above(children, 1)
    return made | await _upwards(parents, depth - 1, depth, {})


async def grown(
    view: View, node: str, depth: int, changed: Mapping[int, Child]
) -> tuple[Child, dict[BranchPlace, bytes]]:
    """(root, branches that are not as they are kept) once these buckets are in the tree."""
    places = {(level, number // FAN ** (depth - level)) for number in changed for level in range(depth)}
    held = await view.branches(node, {ROOT, *places})
    made = await _upwards(changed, depth, depth, held)
    return above(unpack(made.get(ROOT) or held.get(ROOT) or pack({})), depth), made


async def _upwards(
    changed: Mapping[int, Child], level: int, depth: int, held: Mapping[BranchPlace, bytes]
) -> dict[BranchPlace, bytes]:
    """The branches above these nodes of a level, up to the root."""
    made: dict[BranchPlace, bytes] = {}
    while level and changed:
        level -= 1
        by_parent: dict[int, Children] = defaultdict(dict)
        for number, child in changed.items():
            by_parent[number // FAN][number % FAN] = child
        changed = {}
        for parent, fresh in by_parent.items():
            before = held.get((level, parent))
            children = (unpack(before) if before else {}) | fresh
            children = {place: child for place, child in children.items() if child.live}
            made[level, parent], changed[parent] = pack(children), above(children, depth - level)
    return made


def _lines(node: str, rows: Iterable[Row]) -> list[bytes]:
    return [state_tree.line(node, record_id, rev, digest) for _, record_id, rev, digest in rows]


async def differing(view: View, node: str, depth: int, more: Collection[int] = ()) -> set[int] | None:
    """The buckets that are to be read beside what is kept: those that were touched since, and `more`. None where no
    tree of this depth is kept, or reading every record costs no more."""
    kept = await view.kept_tree(node)
    if kept is None or kept.depth != depth or kept.touched is None:
        return None
    buckets = {state_tree.bucket_of(path, depth) for path in kept.touched} | {*more}
    root = unpack((await view.branches(node, [ROOT])).get(ROOT) or pack({}))
    live = sum(child.live for child in root.values())
    # to read a bucket is to read what all nodes have in it, here and there; the node's own stand in one row
    return None if 2 * len(buckets) * view.size > live * FAN**depth else buckets


async def keep(ledger: Ledger, node: str, promised: int) -> None:
    """Bring the tree that is kept of a node of so many records up to now. Costs what changed, but when it is made."""
    depth = state_tree.depth_for(promised)
    async with ledger.reading() as view:
        kept = await view.kept_tree(node)
    if depth < KEPT_FROM:
        if kept is not None:
            await ledger.drop_tree(node)
        return
    if kept is None or kept.depth not in (0, depth) or (kept.depth and kept.touched is None):
        await ledger.begin_tree(node)  # from here on, touches are noted
    async with ledger.reading() as view:
        kept = await view.kept_tree(node)
        if kept is None or kept.depth not in (0, depth):
            return  # another process is at it
        if kept.depth and not kept.touched:
            return
        buckets = await differing(view, node, depth) if kept.depth else None
        if buckets is None:
            branches = await whole(view, node, depth)
        else:
            branches = (await grown(view, node, depth, await _read(view, node, depth, kept.touched or ())))[1]
    await ledger.keep_tree(node, kept, depth, branches, whole=buckets is None)


async def stands(view: View, node: str, depth: int) -> bool:
    """Whether what is kept, with what was touched since, is what the records make."""
    kept = await view.kept_tree(node)
    if kept is None or kept.depth != depth or kept.touched is None:
        return True  # it is made anew before anybody uses it
    branches = await view.branches(node, None)
    try:
        branches |= (await grown(view, node, depth, await _read(view, node, depth, kept.touched)))[1]
    except ValueError:
        return False
    made = await whole(view, node, depth)
    return _nonempty(branches) == _nonempty(made)


async def _read(view: View, node: str, depth: int, paths: Iterable[int]) -> dict[int, Child]:
    """The buckets of these paths, as the records make them."""
    found = await rows_of(view, node, {state_tree.bucket_of(path, depth) for path in paths}, depth)
    return {number: bucket(_lines(node, rows)) for number, rows in found.items()}


def _nonempty(branches: Mapping[BranchPlace, bytes]) -> dict[BranchPlace, bytes]:
    return {place: packed for place, packed in branches.items() if packed != pack({})}
