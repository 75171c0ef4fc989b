"""The Merkle tree of a log: RFC 6962 hashes, a frontier that appends, inclusion and consistency proofs.

Frontier    the O(log n) right edge: append leaf hashes, read the root; all a hub or reader has to keep
Tree        every node in memory: makes proofs; a node builds it from its own leaf hashes
verify_*    pure checks after RFC 9162 sections 2.1.3.2 and 2.1.4.2
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from .refusal import refuse

_sha256 = hashlib.sha256
EMPTY_ROOT = _sha256(b"").digest()


def leaf_hash(content: bytes) -> bytes:
    """MTH of one entry: SHA-256(0x00 ‖ content)."""
    return _sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return _sha256(b"\x01" + left + right).digest()


class Frontier:
    """The roots of the perfect subtrees that make up a tree of `size` leaves, largest first."""

    __slots__ = ("roots", "size")

    def __init__(self, size: int = 0, roots: Iterable[bytes] = ()) -> None:
        self.size = size
        self.roots = list(roots)
        if len(self.roots) != size.bit_count() or any(len(r) != 32 for r in self.roots):
            refuse("MRK-1", "", expected=f"{size.bit_count()} hashes of 32 bytes", came=f"{len(self.roots)} of them")

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash at the right."""
        node, low = leaf, self.size
        while low & 1:
            node = _sha256(b"\x01" + self.roots.pop() + node).digest()
            low >>= 1
        self.roots.append(node)
        self.size += 1

    def append_block(self, root: bytes, width: int) -> None:
        """Add the `width` leaves of a perfect subtree at once, by its root. `width` is a power of two, and the size so
        far a multiple of it."""
        node, low = root, self.size // width
        while low & 1:
            node = _sha256(b"\x01" + self.roots.pop() + node).digest()
            low >>= 1
        self.roots.append(node)
        self.size += width

    def root(self) -> bytes:
        """The RFC 6962 root; of no leaves, SHA-256 of nothing."""
        if not self.roots:
            return EMPTY_ROOT
        root = self.roots[-1]
        for left in reversed(self.roots[:-1]):
            root = node_hash(left, root)
        return root

    def copy(self) -> Frontier:
        return Frontier(self.size, self.roots)

    def to_bytes(self) -> bytes:
        return b"".join(self.roots)

    @classmethod
    def from_bytes(cls, size: int, raw: bytes) -> Frontier:
        return cls(size, (raw[i : i + 32] for i in range(0, len(raw), 32)))


def block_root(leaves: Sequence[bytes]) -> bytes:
    """The root over a power of two of leaf hashes."""
    level = list(leaves)
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=True)
        level = [_sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return level[0]


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over these leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def inclusion_by_pages(
    index: int, size: int, page: Sequence[bytes], roots: Mapping[int, bytes], frontier: Frontier, width: int
) -> list[bytes]:
    """The audit path of leaf `index` of `size`, from little: the leaves of its own page of `width`, a power of two, the
    roots of all whole pages, and the frontier, which covers what stands after them. Raises KeyError for a page root
    that is not there."""
    whole = size // width

    def span(start: int, end: int) -> bytes:
        if start // width == index // width and end - start <= width:
            return root_of(page[start % width : start % width + end - start])
        if start == whole * width:
            tail = frontier.roots[whole.bit_count() :]
            root = tail[-1]
            for left in reversed(tail[:-1]):
                root = node_hash(left, root)
            return root
        if end - start == width:
            return roots[start // width]
        split = start + (1 << (end - start - 1).bit_length() - 1)
        return node_hash(span(start, split), span(split, end))

    def path(start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        split = start + (1 << (end - start - 1).bit_length() - 1)
        if index < split:
            return [*path(start, split), span(split, end)]
        return [*path(split, end), span(start, split)]

    return path(0, size)


class Tree:
    """A whole tree in memory, 64 bytes a leaf; appends and proofs in O(log n)."""

    __slots__ = ("levels",)

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self.levels: list[list[bytes]] = [[]]
        for leaf in leaves:
            self.append(leaf)

    @property
    def size(self) -> int:
        return len(self.levels[0])

    def append(self, leaf: bytes) -> None:
        node, level = leaf, 0
        while True:
            if level == len(self.levels):
                self.levels.append([])
            row = self.levels[level]
            row.append(node)
            if len(row) % 2:
                return
            node, level = node_hash(row[-2], row[-1]), level + 1

    def root(self, size: int | None = None) -> bytes:
        """The root over the first `size` leaves, all by default."""
        size = self.size if size is None else size
        return self._span(0, size) if size else EMPTY_ROOT

    def _span(self, start: int, end: int) -> bytes:
        """MTH of leaves [start, end) where start is a multiple of the largest power of two below the width."""
        width = end - start
        if width & (width - 1) == 0:
            level = width.bit_length() - 1
            return self.levels[level][start >> level]
        split = 1 << (width - 1).bit_length() - 1
        return node_hash(self._span(start, start + split), self._span(start + split, end))

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The audit path of leaf `index` in the first `size` leaves, from the leaf up (RFC 9162 2.1.3.1)."""
        if not 0 <= index < size <= self.size:
            raise ValueError(f"leaf {index} is not in a tree of {size}")
        return self._path(index, 0, size)

    def _path(self, index: int, start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        if index < middle:
            return [*self._path(index, start, middle), self._span(middle, end)]
        return [*self._path(index, middle, end), self._span(start, middle)]

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that `old` leaves are a prefix of `new` (RFC 9162 2.1.4.1); empty if equal or 0."""
        if not 0 <= old <= new <= self.size:
            raise ValueError(f"{old} is not a prefix of {new}")
        if old in (0, new):
            return []
        return self._subproof(old, 0, new, whole=True)

    def _subproof(self, old: int, start: int, end: int, *, whole: bool) -> list[bytes]:
        if old == end:
            return [] if whole else [self._span(start, end)]
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        if old <= middle:
            return [*self._subproof(old, start, middle, whole=whole), self._span(middle, end)]
        return [*self._subproof(old, middle, end, whole=False), self._span(start, middle)]


def consistency_from(old: Frontier, fresh: Sequence[bytes]) -> list[bytes]:
    """The proof that the log of `old` is a prefix of that log with the leaf hashes `fresh` after it.

    The same as Tree.consistency, from what a publisher or reader keeps of the older log.
    """
    size = old.size + len(fresh)
    if old.size in (0, size):
        return []
    blocks, start = {}, 0
    for root in old.roots:
        width = 1 << (old.size - start).bit_length() - 1
        blocks[start, start + width] = root
        start += width

    def span(start: int, end: int) -> bytes:
        if end <= old.size:
            return blocks[start, end]  # to the left of what is new a proof names whole blocks of the frontier only
        part = Frontier()
        for leaf in fresh[start - old.size : end - old.size]:
            part.append(leaf)
        return part.root()

    def path(start: int, end: int, *, whole: bool) -> list[bytes]:
        if old.size == end:
            return [] if whole else [span(start, end)]
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        if old.size <= middle:
            return [*path(start, middle, whole=whole), span(middle, end)]
        return [*path(middle, end, whole=False), span(start, middle)]

    return path(0, size, whole=True)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check an audit path (MRK-2). Raises Refusal unless it leads from `leaf` at `index` to `root` of `size` leaves."""
    inner = (index ^ (size - 1)).bit_length() if 0 <= index < size else -1
    border = (index >> inner).bit_count() if inner >= 0 else 0
    if inner < 0 or len(proof) != inner + border or any(len(h) != 32 for h in (leaf, root, *proof)):
        refuse("MRK-2", "", expected=f"an audit path for leaf {index} of {size}", came=f"{len(proof)} hashes")
        return
    node = leaf
    for bit, sibling in enumerate(proof):
        left_sibling = bit >= inner or index >> bit & 1
        node = node_hash(sibling, node) if left_sibling else node_hash(node, sibling)
    if node != root:
        refuse("MRK-2", "", expected=f"a path to the root {root.hex()}", came=f"a path to {node.hex()}")


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Check that a tree of `old` leaves is a prefix of one of `new` (MRK-3). A tree of no leaves is a prefix of any.

    Raises Refusal unless the proof, of exactly the right length, leads to both roots.
    """
    if not 0 <= old <= new or any(len(h) != 32 for h in (old_root, new_root, *proof)):
        refuse("MRK-3", "", expected="sizes that do not fall, hashes of 32 bytes", came=f"from {old} to {new}")
        return
    if old in (0, new):
        from_nothing = old > 0 or old_root == EMPTY_ROOT
        if proof or not from_nothing or (old == new and old_root != new_root):
            refuse("MRK-3", "", expected="no proof and equal roots", came=f"{len(proof)} hashes from {old} to {new}")
        return
    if not _consistent(old, new, list(proof), old_root, new_root):
        refuse("MRK-3", "", expected=f"a proof from {old} leaves to {new}", came=f"{len(proof)} hashes that are none")


def _consistent(old: int, new: int, path: list[bytes], old_root: bytes, new_root: bytes) -> bool:
    """RFC 9162 section 2.1.4.2, steps 2 to 7; `old` is neither 0 nor `new`."""
    if not path:
        return False
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = node_hash(second, sibling)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and first == old_root and second == new_root
