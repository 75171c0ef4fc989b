"""The state tree of a copy as it is stored: of each inner node the hashes of its 64 children, 2,048 bytes.

What changes costs the way from its buckets to the root, whatever else the tree holds; a whole tree is written once, in
the order of its buckets, and never in memory as a whole.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby

from .. import state_tree
from ..state_tree import FAN, StateTree

HASH_BYTES = 32
Hashed = tuple[int, bytes]
"""(number of a node on its level, its hash)"""


class StoredTree:
    """The inner nodes of a tree of this depth. Used within the transaction that changes its lines."""

    def __init__(self, connection: sqlite3.Connection, depth: int) -> None:
        self._connection, self._depth = connection, depth
        self._empty = state_tree.empty_hashes(depth)

    def clear(self) -> None:
        """Forget all of it: no line is left, or another depth begins."""
        self._connection.execute("DELETE FROM branch")

    def take(self, buckets: Iterable[Hashed]) -> bytes:
        """Take the hashes of buckets that may have changed, in the order of their numbers; return the root."""
        changed: Iterable[Hashed] = buckets
        for level in range(self._depth - 1, -1, -1):
            changed = list(self._parents(level, changed))
        return next((hashed for _, hashed in changed), None) or self._root()

    def _parents(self, level: int, changed: Iterable[Hashed]) -> Iterator[Hashed]:
        first = (FAN**level - 1) // (FAN - 1)
        for number, below in groupby(changed, lambda child: child[0] // FAN):
            patched = bytearray(self._children(level, first + number))
            for child, hashed in below:
                place = child % FAN * HASH_BYTES
                patched[place : place + HASH_BYTES] = hashed
            children = bytes(patched)
            self._put(first + number, children)
            yield number, state_tree.inner_hash((children,))

    def _children(self, level: int, number: int) -> bytes:
        row = self._connection.execute("SELECT children FROM branch WHERE number = ?", (number,)).fetchone()
        return bytes(row[0]) if row else self._empty[level + 1] * FAN

    def _put(self, number: int, children: bytes) -> None:
        self._connection.execute("INSERT OR REPLACE INTO branch VALUES (?, ?)", (number, children))

    def _root(self) -> bytes:
        return state_tree.inner_hash((self._children(0, 0),))


class StoredNodeTree(StoredTree):
    """The tree of one node's lines alone, as `node_branch` holds it."""

    def __init__(self, connection: sqlite3.Connection, depth: int, node: str) -> None:
        super().__init__(connection, depth)
        self._node = node

    def clear(self) -> None:
        self._connection.execute("DELETE FROM node_branch WHERE node = ?", (self._node,))

    def keep(self, tree: StateTree) -> None:
        """Take a whole tree in the place of what there is; its root is known."""
        self.clear()
        for level in range(tree.depth):
            first, empty = (FAN**level - 1) // (FAN - 1), self._empty[level]
            for number, hashed in enumerate(tree.levels[level]):
                if hashed != empty:
                    self._put(first + number, b"".join(tree.children(level, number)))

    def _children(self, level: int, number: int) -> bytes:
        query = "SELECT children FROM node_branch WHERE node = ? AND number = ?"
        row = self._connection.execute(query, (self._node, number)).fetchone()
        return bytes(row[0]) if row else self._empty[level + 1] * FAN

    def _put(self, number: int, children: bytes) -> None:
        self._connection.execute("INSERT OR REPLACE INTO node_branch VALUES (?, ?, ?)", (self._node, number, children))
