"""The Merkle tree and the state tree by their definitions, without any cleverness."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from .primitives import base32, canonical, sha256

EMPTY_ROOT = sha256(b"")


def counted_leaf(number: int) -> bytes:
    """The leaf of the counting tree that vectors share: SHA-256(0x00 ‖ the number in decimal)."""
    return sha256(b"\x00" + str(number).encode())


def root(leaves: Sequence[bytes]) -> bytes:
    """RFC 9162 section 2.1.1."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = _split(len(leaves))
    return sha256(b"\x01" + root(leaves[:k]) + root(leaves[k:]))


def frontier(leaves: Sequence[bytes]) -> list[bytes]:
    """The roots of the largest perfect subtrees, from left to right."""
    if not leaves:
        return []
    width = 1 << len(leaves).bit_length() - 1
    return [root(leaves[:width]), *frontier(leaves[width:])]


@cache
def counted_root(start: int, end: int) -> bytes:
    """The root over leaves [start, end) of the counting tree."""
    if start == end:
        return EMPTY_ROOT
    if end - start == 1:
        return counted_leaf(start)
    middle = start + _split(end - start)
    return sha256(b"\x01" + counted_root(start, middle) + counted_root(middle, end))


def counted_inclusion(index: int, start: int, end: int) -> list[bytes]:
    """RFC 9162 section 2.1.3.1 over the counting tree."""
    if end - start == 1:
        return []
    middle = start + _split(end - start)
    if index < middle:
        return [*counted_inclusion(index, start, middle), counted_root(middle, end)]
    return [*counted_inclusion(index, middle, end), counted_root(start, middle)]


def counted_consistency(old: int, start: int, end: int, complete: bool = True) -> list[bytes]:
    """RFC 9162 section 2.1.4.1 over the counting tree."""
    if old == end:
        return [] if complete else [counted_root(start, end)]
    middle = start + _split(end - start)
    if old <= middle:
        return [*counted_consistency(old, start, middle, complete), counted_root(middle, end)]
    return [*counted_consistency(old, middle, end, False), counted_root(start, middle)]


def inclusion(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path of a leaf among any leaves."""
    if len(leaves) == 1:
        return []
    k = _split(len(leaves))
    if index < k:
        return [*inclusion(leaves[:k], index), root(leaves[k:])]
    return [*inclusion(leaves[k:], index - k), root(leaves[:k])]


def consistency(leaves: Sequence[bytes], old: int, complete: bool = True) -> list[bytes]:
    """The proof that the first `old` leaves are a prefix of all; empty for none and for all of them."""
    if old in (0, len(leaves)):
        return [] if complete else [root(leaves)]
    k = _split(len(leaves))
    if old <= k:
        return [*consistency(leaves[:k], old, complete), root(leaves[k:])]
    return [*consistency(leaves[k:], old - k, False), root(leaves[:k])]


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


Row = tuple[str, str, int, str]


def state_tree(rows: Sequence[Row]) -> tuple[bytes, dict[str, bytes]]:
    """The state root of live rows, and the inventory file of each node of the tree that is not an empty bucket."""
    depth = 1
    while 64 ** (depth + 1) < len(rows):
        depth += 1
    files: dict[str, bytes] = {}
    return _subtree([(_path_bits(row), canonical(list(row)) + b"\n") for row in rows], 0, depth, files), files


def _subtree(lines: list[tuple[str, bytes]], level: int, depth: int, files: dict[str, bytes]) -> bytes:
    if level == depth:
        content = b"".join(sorted(line for _, line in lines))
        hashed = sha256(b"\x00" + content)
        if lines:
            files[hashed.hex()] = content
        return hashed
    children = []
    for number in range(64):
        below = [(bits, line) for bits, line in lines if int(bits[6 * level : 6 * level + 6], 2) == number]
        children.append(_subtree(below, level + 1, depth, files))
    hashed = sha256(b"\x01" + b"".join(children))
    if lines or level == 0:
        files[hashed.hex()] = canonical([child.hex() for child in children]) + b"\n"
    return hashed


def _path_bits(row: Row) -> str:
    hashed = sha256(f"{row[0]}\n{row[1]}".encode())
    return "".join(f"{byte:08b}" for byte in hashed[:3])


COUNTED_NODE = "jisr:" + base32(sha256(b"jisr vector counted node"))


def counted_row(number: int) -> Row:
    """The row of the counting set that vectors share."""
    return COUNTED_NODE, f"00000000-0000-4000-8000-{number:012x}", number % 7 + 1, sha256(str(number).encode()).hex()
