"""The state tree: one hash for exactly what a feed holds now, and a static inventory of it (docs/spec/state-tree.md).

A live record is a line ["<node>","<id>",rev,"<digest>"]. Its path is the first 6·d bits of SHA-256(node LF id), d the
smallest number ≥ 1 with 64^(d+1) ≥ the number of live records. Buckets at depth d hold sorted lines; inner nodes hold
64 child hashes. Every bucket and inner node is a file named by its hash, so two copies find their difference by
walking from the root.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from . import canonical, identifiers
from .limits import INVENTORY_BYTES
from .refusal import refuse

FAN = 64
MAX_DEPTH = 3
_sha256 = hashlib.sha256
EMPTY_BUCKET = _sha256(b"\x00").digest()


def depth_for(live: int) -> int:
    """The depth of a tree of `live` records: 1 to 4,096 of them, 2 to 262,144, 3 to 16.7 million (STA-1)."""
    depth = 1
    while FAN ** (depth + 1) < live:
        depth += 1
    return depth


def line(node: str, record_id: str, rev: int, digest: str) -> bytes:
    """One record's line, canonical JSON without its line feed (STA-2)."""
    return b'["%b","%b",%d,"%b"]' % (node.encode(), record_id.encode(), rev, digest.encode())


def path(node: str, record_id: str) -> int:
    """The first 18 bits of SHA-256(node LF id): the path of a record at the greatest depth (STA-1)."""
    return int.from_bytes(_sha256(f"{node}\n{record_id}".encode()).digest()[:3], "big") >> 6


def place(node: str, record_id: str) -> int:
    """The first 63 bits of the same hash: in the order of these numbers, records stand in the order of their paths."""
    return int.from_bytes(_sha256(f"{node}\n{record_id}".encode()).digest()[:8], "big") >> 1


def bucket_of(path18: int, depth: int) -> int:
    """The bucket number, 0 to 64^depth − 1, of a path at a depth."""
    return path18 >> 6 * (MAX_DEPTH - depth)


def bucket_bytes(lines: Iterable[bytes]) -> bytes:
    """The file of a bucket: its lines sorted by bytes, each with a line feed (STA-2)."""
    return b"".join(entry + b"\n" for entry in sorted(lines))


def bucket_hash(content: bytes) -> bytes:
    """SHA-256(0x00 ‖ file) (STA-3)."""
    return _sha256(b"\x00" + content).digest()


def inner_hash(children: Iterable[bytes]) -> bytes:
    """SHA-256(0x01 ‖ 64 child hashes) (STA-3)."""
    return _sha256(b"\x01" + b"".join(children)).digest()


def empty_hashes(depth: int) -> list[bytes]:
    """The hash of a node without any record at each level, the root's first."""
    hashes = [EMPTY_BUCKET]
    for _ in range(depth):
        hashes.insert(0, inner_hash([hashes[0]] * FAN))
    return hashes


def inner_bytes(children: Iterable[bytes]) -> bytes:
    """The file of an inner node: a JSON array of its 64 child hashes, and a line feed."""
    return orjson.dumps([child.hex() for child in children]) + b"\n"


class StateTree:
    """The hashes of all buckets and inner nodes; not the lines. 32 bytes a bucket.

    Whoever holds the lines hands in the hash of each bucket that changed and reads the root; the cost is in
    proportion to what changed.
    """

    __slots__ = ("_dirty", "depth", "levels")

    def __init__(self, depth: int = 1, buckets: Mapping[int, bytes] | None = None) -> None:
        self.depth = depth
        empty = EMPTY_BUCKET
        self.levels: list[list[bytes]] = []
        for level in range(depth, -1, -1):
            self.levels.insert(0, [empty] * FAN**level)
            empty = inner_hash([empty] * FAN)
        self._dirty: set[int] = set()
        for number, hashed in (buckets or {}).items():
            self.set_bucket(number, hashed)

    def copy(self) -> StateTree:
        """The same tree, to go on from while this one stays as it is."""
        made = StateTree.__new__(StateTree)
        made.depth, made.levels, made._dirty = self.depth, [list(row) for row in self.levels], set(self._dirty)
        return made

    def set_bucket(self, number: int, hashed: bytes) -> None:
        """Take the new hash of one bucket."""
        if self.levels[-1][number] != hashed:
            self.levels[-1][number] = hashed
            self._dirty.add(number)

    def root(self) -> bytes:
        """The state root, after hashing only what changed since the last call."""
        touched = self._dirty
        for level in range(self.depth - 1, -1, -1):
            touched = {number // FAN for number in touched}
            below = self.levels[level + 1]
            for number in touched:
                self.levels[level][number] = inner_hash(below[number * FAN : number * FAN + FAN])
        self._dirty = set()
        return self.levels[0][0]

    def children(self, level: int, number: int) -> list[bytes]:
        """The 64 child hashes of an inner node."""
        return self.levels[level + 1][number * FAN : number * FAN + FAN]

    def find(self, hashed: bytes) -> tuple[int, int] | None:
        """(level, number) of the node with this hash, None if there is none. Linear; publishers keep an index."""
        for level, row in enumerate(self.levels):
            if hashed in row:
                return level, row.index(hashed)
        return None


def build(live: Iterable[tuple[str, str, int, str]]) -> tuple[StateTree, dict[int, bytes]]:
    """The tree of a whole live set of (node, id, rev, digest), and the file of every bucket that is not empty."""
    rows = list(live)
    depth = depth_for(len(rows))
    lines: dict[int, list[bytes]] = {}
    for node, record_id, rev, digest in rows:
        lines.setdefault(bucket_of(path(node, record_id), depth), []).append(line(node, record_id, rev, digest))
    files = {number: bucket_bytes(entries) for number, entries in lines.items()}
    return StateTree(depth, {number: bucket_hash(content) for number, content in files.items()}), files


def parse_inner(content: bytes, expected: bytes) -> list[bytes]:
    """Read the file of an inner node whose hash is known (STA-4)."""
    value = canonical.parse(content.removesuffix(b"\n"), limit_bytes=INVENTORY_BYTES)
    if not isinstance(value, list) or len(value) != FAN or any(identifiers.digest(v) for v in value):
        refuse("STA-4", "", expected=f"an array of {FAN} hashes", came=content[:40])
        return [EMPTY_BUCKET] * FAN
    children = [bytes.fromhex(v) for v in value]
    if inner_hash(children) != expected:
        refuse("STA-4", "", expected=f"the inner node {expected.hex()}", came=inner_hash(children).hex())
    return children


def parse_bucket(content: bytes, expected: bytes) -> list[tuple[str, str, int, str]]:
    """Read the file of a bucket whose hash is known (STA-4): (node, id, rev, digest) in the order of their bytes."""
    if bucket_hash(content) != expected:
        refuse("STA-4", "", expected=f"the bucket {expected.hex()}", came=bucket_hash(content).hex())
    rows = []
    for number, entry in enumerate(content.split(b"\n")[:-1]):
        rows.append(_row(canonical.parse(entry), number))
    if bucket_bytes(line(*row) for row in rows) != content or len({row[:2] for row in rows}) != len(rows):
        refuse("STA-2", "", expected="lines sorted by their bytes, no record twice", came=content[:40])
    return rows


def _row(value: Any, number: int) -> tuple[str, str, int, str]:
    checks = (identifiers.node, identifiers.uuid, identifiers.rev, identifiers.digest)
    if not isinstance(value, list) or len(value) != 4 or any(c(v) for c, v in zip(checks, value, strict=True)):
        refuse("STA-2", f"/{number}", expected="[node, id, rev, digest]", came=value)
    return value[0], value[1], value[2], value[3]
