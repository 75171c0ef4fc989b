"""What a verified copy can say of each node: whether it holds all of it (docs/spec/completeness.md, NHD-9).

    complete   every record of the node is here, as the node itself signs; as of that head's time
    short      so many are not here, and the hub says why; what is here and what it says is missing add up
    open       the feed has said more of the node since its last head: the next one will tell
    unmet      they do not add up: the hub left out what it does not admit, or the node's head is false
    unsaid     there is no head of this node in the feed: no statement of completeness

Worked out when a sync ends, of the nodes that it touched, and kept with the copy.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import orjson

from .. import completeness, state_tree
from .. import entry as entries
from ..completeness import NodeHead
from ..evidence import Evidence
from ..head import Head
from ..identifiers import to_instant
from ..keys import KeyRing
from ..refusal import Refusal
from ..state_tree import FAN, MAX_DEPTH, StateTree
from ..unmet import Incomplete
from . import evidence
from .stored_tree import StoredNodeTree

KEPT_FROM = 2
"""The depth from which on the tree of a node is kept: beyond 4,096 records."""
_ROWS = (
    "SELECT l.path, l.id, l.rev, l.digest FROM record AS r JOIN leaf AS l"
    " ON l.path = r.path AND l.node = r.node AND l.id = r.id WHERE r.node = ?1"
    " UNION SELECT path, id, rev, digest FROM leaf WHERE code IS NOT NULL AND node = ?1"
)
"""The lines of the state tree that are a node's: an accepted put has its row in `record`, the others a code."""


class Standing(msgspec.Struct, frozen=True):
    """What is known of one node: a verdict (see the module), and what it rests on.

    `live` are its records in this feed. `as_of` is the time of the node's own head, "" without one; `size` and `epoch`
    are how far that head reaches in the node's own feed, `seq` is where it stands in this one. `missing` are the counts
    by cause, which are the hub's word. `why` says what does not add up.
    """

    node: str
    verdict: str
    live: int
    as_of: str = ""
    epoch: str = ""
    size: int = 0
    promised: int = 0
    seq: int = -1
    missing: dict[str, int] = {}
    why: str = ""

    @property
    def sentence(self) -> str:
        """The verdict for a person."""
        lost = sum(count for cause, count in self.missing.items() if cause != completeness.OLDER)
        told = ", ".join(f"{count} {cause}" for cause, count in sorted(self.missing.items()))
        return {
            "complete": f"complete as of {self.as_of}",
            "short": f"as of {self.as_of}, {lost} of {self.promised} are missing or older; the hub says why: {told}",
            "open": f"more was said since its head of {self.as_of}; the next one will tell",
            "unmet": f"DOES NOT ADD UP: {self.why}",
            "unsaid": "no statement of completeness in this feed",
        }[self.verdict]


def settle(
    connection: sqlite3.Connection,
    nodes: Mapping[str, tuple[int, int]],
    feed: Head,
    moved: Mapping[str, Collection[int] | None],
    *,
    count: bool = False,
) -> None:
    """Work out the standing of these nodes from what the copy now holds, within the transaction that stores it.

    `moved` are the paths of their lines that changed, None for any. With each node comes the position of the last entry
    about its records that was read now, -1 for none, and by how much the number of its live records has changed; with
    `count` they are counted anew.
    """
    said: dict[str, NodeHead | None] = {}
    lives: dict[str, tuple[int, int]] = {}
    for node, (seq, grown) in nodes.items():
        row = connection.execute("SELECT last, live FROM standing WHERE node = ?", (node,)).fetchone() or (-1, 0)
        said[node] = head_of(connection, node, completeness.audience_of(feed.name))
        lives[node] = max(seq, row[0]), _count(connection, node) if count else row[1] + grown
    whole = {n: lives[n][1] for n, head in said.items() if n != feed.by and head is not None and head.whole}
    roots = _roots(connection, whole, moved)
    _forget(connection, set(nodes) - set(whole))
    for node, (last, live) in lives.items():
        found = _of_node(node, feed, said[node], last, live, roots.get(node))
        if found is None:
            connection.execute("DELETE FROM standing WHERE node = ?", (node,))
        else:
            values = (node, last, live, msgspec.json.encode(found))
            connection.execute("INSERT OR REPLACE INTO standing VALUES (?,?,?,?)", values)


def held(connection: sqlite3.Connection) -> Iterator[Standing]:
    """The standing of every node, by identifier."""
    for row in connection.execute("SELECT said FROM standing ORDER BY node"):
        yield msgspec.json.decode(row[0], type=Standing)


def head_of(connection: sqlite3.Connection, node: str, name: str) -> NodeHead | None:
    """The newest head of this node that stands in the feed."""
    query = "SELECT line FROM carried WHERE op = 'nodehead' AND node = ? AND id = ?"
    row = connection.execute(query, (node, name)).fetchone()
    return completeness.of(entries.parse(row[0])) if row else None


def rows_of(connection: sqlite3.Connection, node: str) -> Iterator[tuple[int, str, int, str]]:
    """(path, id, rev, digest) of every live record of a node in the feed, the refused ones too, in that order."""
    yield from connection.execute(f"{_ROWS} ORDER BY path, id", (node,))


def _of_node(node: str, feed: Head, said: NodeHead | None, last: int, live: int, root: bytes | None) -> Standing | None:
    if feed.by == node:  # the feed is the node's own: its head was met
        return Standing(node, "complete", feed.live, to_instant(feed.time), feed.epoch, feed.size, feed.live)
    if said is None:
        return Standing(node, "unsaid", live) if live else None
    verdict, why = "complete" if said.whole else "short", ""
    try:
        completeness.check_set(said, live, root)
    except Refusal as refusal:
        verdict, why = "unmet", str(refusal)
    if last > said.seq and verdict != "complete":  # numbers may add up by chance, a state root does not
        verdict, why = "open", ""
    head = said.head
    place = (to_instant(head.time), head.epoch, head.size, head.live, said.seq)
    return Standing(node, verdict, live, *place, dict(said.missing), why)


def _count(connection: sqlite3.Connection, node: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM ({_ROWS})", (node,)).fetchone()[0])


def forget_trees(connection: sqlite3.Connection) -> None:
    """Keep the tree of no node: each is made again from its lines when it is needed."""
    connection.execute("DELETE FROM node_tree")
    connection.execute("DELETE FROM node_branch")


def _forget(connection: sqlite3.Connection, nodes: Iterable[str]) -> None:
    for node in nodes:
        if connection.execute("DELETE FROM node_tree WHERE node = ?", (node,)).rowcount:
            connection.execute("DELETE FROM node_branch WHERE node = ?", (node,))


def _roots(
    connection: sqlite3.Connection, lives: Mapping[str, int], moved: Mapping[str, Collection[int] | None]
) -> dict[str, bytes]:
    """The state root over the lines of each of these nodes, with so many live records each: from the tree that is kept
    of it and what moved, else from all its lines."""
    roots = {}
    for node, live in lives.items():
        root = _grown(connection, node, state_tree.depth_for(live), moved.get(node, ()))
        if root is not None:
            roots[node] = root
    return roots | _made(connection, {node: live for node, live in lives.items() if node not in roots})


def _grown(connection: sqlite3.Connection, node: str, depth: int, moved: Collection[int] | None) -> bytes | None:
    """The root of the tree that is kept, after what moved; None where none of this depth is."""
    kept = connection.execute("SELECT depth FROM node_tree WHERE node = ?", (node,)).fetchone()
    if moved is None or kept != (depth,):
        return None
    return StoredNodeTree(connection, depth, node).take(_moved(connection, node, depth, moved))


def _moved(
    connection: sqlite3.Connection, node: str, depth: int, paths: Collection[int]
) -> Iterator[tuple[int, bytes]]:
    """The hashes of the node's buckets in which lines moved."""
    width = FAN ** (MAX_DEPTH - depth)
    for number in sorted({state_tree.bucket_of(path, depth) for path in paths}):
        query = "SELECT id, rev, digest FROM leaf WHERE path >= ? AND path < ? AND node = ?"
        rows = connection.execute(query, (number * width, (number + 1) * width, node)).fetchall()
        yield number, _hashed([state_tree.line(node, *row) for row in rows])


def _hashed(lines: list[bytes]) -> bytes:
    return state_tree.bucket_hash(state_tree.bucket_bytes(lines)) if lines else state_tree.EMPTY_BUCKET


def _made(connection: sqlite3.Connection, lives: Mapping[str, int]) -> dict[str, bytes]:
    """The same from all lines, in one pass where they are most of what there is; trees of large nodes are kept."""
    several = len(lives) > 1 and sum(lives.values()) * 2 > connection.execute("SELECT count(*) FROM leaf").fetchone()[0]
    if not several:
        return {node: _root(connection, node, live) for node, live in lives.items()}
    trees = {node: _Tree(connection, node, live) for node, live in lives.items()}
    for path, node, *row in connection.execute("SELECT path, node, id, rev, digest FROM leaf ORDER BY path"):
        if node in trees:
            trees[node].take(path, state_tree.line(node, *row))
    return {node: tree.root() for node, tree in trees.items()}


class _Tree:
    """The state tree of one node's lines, which come in the order of their paths; kept beside them when it is large."""

    def __init__(self, connection: sqlite3.Connection, node: str, live: int) -> None:
        self._connection, self._node = connection, node
        self._tree = StateTree(state_tree.depth_for(live))
        self._number = -1
        self._lines: list[bytes] = []

    def take(self, path: int, line: bytes) -> None:
        number = state_tree.bucket_of(path, self._tree.depth)
        if number != self._number:
            self._close()
            self._number = number
        self._lines.append(line)

    def root(self) -> bytes:
        self._close()
        root, tree = self._tree.root(), self._tree
        _forget(self._connection, [self._node])
        if tree.depth >= KEPT_FROM:
            self._connection.execute("INSERT INTO node_tree VALUES (?, ?)", (self._node, tree.depth))
            StoredNodeTree(self._connection, tree.depth, self._node).keep(tree)
        return root

    def _close(self) -> None:
        if self._lines:
            self._tree.set_bucket(self._number, state_tree.bucket_hash(state_tree.bucket_bytes(self._lines)))
            self._lines = []


def _root(connection: sqlite3.Connection, node: str, live: int) -> bytes:
    """The state root over one node's lines."""
    tree = _Tree(connection, node, live)
    for path, *row in connection.execute(f"{_ROWS} ORDER BY path", (node,)):
        tree.take(path, state_tree.line(node, *row))
    return tree.root()


def keep_evidence(
    connection: sqlite3.Connection, folder: Path, node: str, feed: Head, rings: Iterable[KeyRing | None]
) -> Path | None:
    """Keep what shows that a node's head and the records of a feed do not add up, with the keys of `rings`: both
    heads, what is said to be missing, the lines of the state tree that are the node's. Returns the file."""
    said = head_of(connection, node, completeness.audience_of(feed.name))
    if said is None:
        return None
    records = [(record_id, rev, digest) for _, record_id, rev, digest in rows_of(connection, node)]
    statements = {one.digest: one for ring in rings if ring is not None for one in ring.statements}
    told = Incomplete(dict(said.missing), records)
    things = said.head.envelope, feed.envelope
    return evidence.keep(folder, Evidence("incomplete", things, tuple(statements.values()), incomplete=told))


def as_dict(found: Standing) -> dict[str, Any]:
    """The standing of a node for programs."""
    told: dict[str, Any] = orjson.loads(msgspec.json.encode(found))
    return told | {"sentence": found.sentence}
