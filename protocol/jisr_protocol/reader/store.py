"""A verified local copy of one feed, in one SQLite file (tables.py).

`jisr follow` writes it through the requests of a session: known, begin, apply, settle, commit or discard. All between
the first of them and commit is one transaction, so a sync that does not end verified leaves the file as it was, and so
does a machine that dies in the middle. Portals and hubs read it through its Contents (contents.py).
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Self

from .. import head as heads
from .. import keys, state_tree
from ..exchange import Known, Settled, Surveyed
from ..identifiers import to_instant
from ..limits import PAGE_ENTRIES
from ..lineage import Mark
from ..live import Judged, Void
from ..merkle import Frontier
from ..state_tree import FAN, MAX_DEPTH, StateTree
from . import evidence, nodes, waiting
from .contents import Change as Change
from .contents import Contents, Rings
from .contents import Record as Record
from .contents import Refused as Refused
from .first_set import FirstSet
from .nodes import Standing
from .sheet import Sheet
from .stored_tree import StoredTree
from .tables import CopyProblem, connect

Row = tuple[str, str, int, str]
"""(node, id, rev, digest): a line of the state tree."""


class Buckets(Mapping[int, list[Row]]):
    """The lines of each bucket at a depth, read when they are asked for."""

    def __init__(self, connection: sqlite3.Connection, depth: int) -> None:
        self._connection = connection
        self._depth, self._width = depth, FAN ** (MAX_DEPTH - depth)

    def __getitem__(self, number: int) -> list[Row]:
        return self._connection.execute(
            "SELECT node, id, rev, digest FROM leaf WHERE path >= ? AND path < ?",
            (number * self._width, (number + 1) * self._width),
        ).fetchall()

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self)))

    def __len__(self) -> int:
        return int(FAN**self._depth)


class Copy(Contents):
    """One open copy. Not for several threads at once; any number may be open on a file, one of them writing."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open for reading; with `create` also for writing, and made if it is not there. Raises CopyProblem."""
        super().__init__(path, connect(path, create=create))
        self._held = connect(path, create=False) if create else self._connection
        """Sees what is committed, also while a transaction runs on the other: keys already held go on binding."""
        self._forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was not committed is discarded. Safe to call twice."""
        self._connection.close()
        self._held.close()

    def _forget(self) -> None:
        self._replacing = self._surveyed = False
        self._settled: tuple[int, bytes] | None = None
        """Depth and root of the state tree after all that was applied; None while they are not known."""
        row = self._connection.execute("SELECT depth FROM feed").fetchone()
        self._stored_depth: int | None = None if row is None else row[0]
        """The depth of the buckets whose hashes are stored; None when none are."""
        self._sheet = Sheet(self._connection, evidence.folder_of(self.path))

    # Writing: the requests of a session

    def known(self) -> Known:
        """What is held: the starting point of a session."""
        row = self._connection.execute("SELECT head, etag, frontier, keys, by, name, unproven FROM feed").fetchone()
        if row is None:
            return Known()
        head = heads.parse(row[0])
        publisher = keys.fold(keys.parse_file(row[3]), expected_id=row[4])
        frontier = Frontier.from_bytes(head.size, row[2])
        rows = self._connection.execute("SELECT size, epoch, frontier FROM mark ORDER BY size")
        marks = tuple(Mark(size, epoch, Frontier.from_bytes(size, roots)) for size, epoch, roots in rows)
        rings = Rings(self._held)
        return Known(head, row[1], frontier, rings, row[4], row[5], publisher, marks, row[6], rings.before)

    def begin(self, *, replace: bool = False) -> None:
        """Open the transaction if it is not open. With `replace`, what comes is the whole set: the tree starts empty.

        The revs held and the guards stay and go on binding (READ-7, READ-13); a record that does not come again has
        left the feed.
        """
        if not self._connection.in_transaction:
            if self.waiting:
                raise ValueError("what was taken in bulk is checked before anything else is taken: complete()")
            self._connection.execute("BEGIN IMMEDIATE")
            if FirstSet.fits(self._connection):
                self._sheet.begin_first()
        if replace and self.stands:
            self._forget()
            self._replacing, self._stored_depth = True, None
            for statement in (
                "DELETE FROM leaf",
                "DELETE FROM branch",
                "DELETE FROM node_branch",
                "DELETE FROM node_tree",
                "DELETE FROM refusal",
                "DELETE FROM carried",
                "DELETE FROM key_statement",
                "DELETE FROM standing",
                "DELETE FROM page",
                "UPDATE record SET prior = 1",
            ):
                self._connection.execute(statement)

    def apply(self, judged: Sequence[Judged]) -> None:
        """Take the entries of a page, in order, within the transaction."""
        self.begin()
        self._settled = None
        self._sheet.take(judged)

    def go_back(self, size: int) -> None:
        """What the feed said from this position on is no longer its word (READ-15). The set stays as it is."""
        self.begin()
        heads_gone = "SELECT node FROM carried WHERE op = 'nodehead' AND seq >= ?"
        self._sheet.nodes.update((row[0], (-1, 0)) for row in self._connection.execute(heads_gone, (size,)))
        self._connection.execute("UPDATE standing SET last = min(last, ?)", (size - 1,))
        self._connection.execute("DELETE FROM page WHERE number >= ?", (size // PAGE_ENTRIES,))
        for table in ("refusal", "carried"):
            self._connection.execute(f"DELETE FROM {table} WHERE seq >= ?", (size,))

    def void(self, void: Void) -> None:
        """Take out what a node's newest keys do not count any more (KEY-10)."""
        self.begin()
        self._settled = None
        self._sheet.void(void)

    def remove(self, records: Sequence[tuple[str, str]], seq: int) -> None:
        """Take records out that this feed does not hold, as of position `seq`."""
        self.begin()
        self._settled = None
        self._sheet.remove(records, seq)

    def survey(self, depth: int) -> Surveyed:
        """The state tree at a depth, from every line of it, and the lines of its buckets as they are asked for."""
        self._surveyed = True
        nodes.forget_trees(self._connection)
        self._settled = self._stored_depth = None  # the set is not what it should be, so no stored hash is trusted
        tree = StateTree(depth, dict(self._all_buckets(depth)))
        tree.root()
        return Surveyed(tree, Buckets(self._connection, depth))

    def settle(self) -> Settled:
        """Work out the state root of what was applied, in proportion to what changed."""
        self.begin()
        self._sheet.end_first()
        self._settle_refusals()
        self._settled = self._grown_root()
        return Settled(self._settled[1], self._live(), self._sheet.suspect)

    def commit(self, known: Known, now: datetime, address: str = "") -> None:
        """Make all of it durable at once. The process may die before or after, never in between."""
        if known.head is None or known.publisher is None:
            raise ValueError("only what was verified is committed")
        if self._settled is None and (self._replacing or self._sheet.unsettled):
            raise ValueError("what was applied is settled before it is committed")
        self.begin()
        if self._replacing:
            self._let_go(known.head.size)
        own = {known.head.by: (-1, 0)} if known.publisher.role == "node" else {}
        touched = own | self._sheet.nodes
        nodes.settle(self._connection, touched, known.head, self._sheet.moved, count=self._surveyed)
        erased = self._sheet.erased and self.stands
        row = (
            *(known.by, known.name, address, known.head.raw, known.etag, known.frontier.to_bytes()),
            *(keys.write_file(known.publisher), self._live(), *self._depth_and_root(), known.unproven, to_instant(now)),
        )
        self._connection.execute("INSERT OR REPLACE INTO feed VALUES (1,?,?,?,?,?,?,?,?,?,?,?,?)", row)
        if not self.waiting:
            waiting.forget(self._connection)
        self._connection.execute("DELETE FROM mark")
        marks = [(mark.size, mark.epoch, mark.frontier.to_bytes()) for mark in known.marks]
        self._connection.executemany("INSERT INTO mark VALUES (?,?,?)", marks)
        self._connection.executemany("INSERT OR REPLACE INTO page VALUES (?,?)", known.page_roots.items())
        self._connection.execute("COMMIT")
        self._forget()
        with contextlib.suppress(sqlite3.OperationalError):
            # it is committed; where another program writes or the disk is full, the next commit clears up
            if erased:
                self._connection.execute("VACUUM")
            self._empty_journal()

    def _empty_journal(self) -> None:
        """Move what was committed into the file now, so that what was erased is in neither; not while others read."""
        self._connection.execute("PRAGMA busy_timeout = 0")
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            self._connection.execute("PRAGMA busy_timeout = 30000")

    def erase(self, *targets: tuple[str, str, int | None]) -> int:
        """Take the content of records, (node, id, max_rev) each, of all of a node's for the id `*`, out of this file,
        for ever; return how many were taken out. For hubs that act on an erasure before this feed does.

        The state tree stays as the feed signs it, with the code `erased` for what is not shown any more, and a guard
        stays (READ-13). On return the content is in no part of the file, nor among the pages that a sync left aside.
        Raises CopyProblem when another program reads the file for so long that its journal cannot be emptied: the
        content is gone from all answers, and a second call finishes. Not while a follow is running.
        """
        self.complete()
        shutil.rmtree(self.path.with_name(self.path.name + ".spool"), ignore_errors=True)
        self.begin()
        try:
            erased = sum(self._sheet.erase(*target) for target in targets)
            self._connection.execute("COMMIT")
        finally:
            self.discard()
        # a row that moved when its page was split has left its bytes in the old page; the file is written anew
        self._connection.execute("VACUUM")
        if self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            raise CopyProblem(f"What was erased is still in the journal of {self.path}, which another program reads.")
        return erased

    def complete(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Check the signatures of all that was taken in bulk (READ-18). May be stopped at any moment, and called again;
        not while a follow is running."""
        waiting.complete(self._connection, progress)

    @property
    def suspect(self) -> bool:
        """Whether a record that was taken in bulk was not signed, and the feed was not read around caches since."""
        return waiting.suspect(self._connection)

    def keep_unmet(self) -> list[Standing]:
        """The nodes whose head and records do not add up; the evidence of each is kept."""
        unmet = [found for found in self.nodes() if found.verdict == "unmet"]
        for found in unmet:
            rings = self.rings().get(found.node), self.known().publisher
            nodes.keep_evidence(self._connection, evidence.folder_of(self.path), found.node, self.head, rings)
        return unmet

    def discard(self) -> None:
        """Forget what was not committed."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._forget()

    def _settle_refusals(self) -> None:
        """A refused put that something later took the place of concerns nobody any more."""
        rows = self._connection.execute("SELECT seq, node, id FROM refusal WHERE op = 'put'").fetchall()
        standing = "SELECT 1 FROM leaf WHERE path = ? AND node = ? AND id = ? AND seq = ?"
        past = [
            (seq,)
            for seq, node, id_ in rows
            if not self._connection.execute(standing, (state_tree.path(node, id_), node, id_, seq)).fetchone()
        ]
        self._connection.executemany("DELETE FROM refusal WHERE seq = ?", past)

    def _let_go(self, size: int) -> None:
        """What was held and is not in the tree after a replacement has left the feed, with its last entry."""
        self._connection.execute(
            "UPDATE record SET op = 'out', via = NULL, jws = NULL, body = NULL, seq = ? WHERE prior = 1 AND op = 'put'"
            " AND NOT EXISTS (SELECT 1 FROM leaf AS l WHERE l.path = record.path"
            " AND l.node = record.node AND l.id = record.id)",
            (max(size - 1, 0),),
        )
        self._connection.execute("UPDATE record SET prior = 0 WHERE prior = 1")

    def _live(self) -> int:
        row = self._connection.execute("SELECT live FROM feed").fetchone()
        return (0 if row is None or self._replacing else int(row[0])) + self._sheet.grown

    def _depth_and_root(self) -> tuple[int, bytes]:
        if self._settled is not None:
            return self._settled
        depth, root = self._connection.execute("SELECT depth, state_root FROM feed").fetchone()
        return depth, root

    def _grown_root(self) -> tuple[int, bytes]:
        """The depth and root of the state tree as it is now; what changed in it is stored."""
        depth = state_tree.depth_for(self._live())
        tree = StoredTree(self._connection, depth)
        if self._stored_depth != depth:
            tree.clear()
            root = tree.take(self._all_buckets(depth))
        else:
            root = tree.take(self._touched_buckets(depth))
        self._sheet.touched.clear()
        self._stored_depth = depth
        return depth, root

    def _touched_buckets(self, depth: int) -> Iterator[tuple[int, bytes]]:
        buckets = Buckets(self._connection, depth)
        for number in sorted({state_tree.bucket_of(path, depth) for path in self._sheet.touched}):
            yield number, state_tree.bucket_hash(_bucket(buckets[number]))

    def _all_buckets(self, depth: int) -> Iterator[tuple[int, bytes]]:
        return ((number, state_tree.bucket_hash(content)) for number, content in self._bucket_files(depth))

    def _bucket_files(self, depth: int) -> Iterator[tuple[int, bytes]]:
        rows: list[tuple[str, str, int, str]] = []
        current = -1
        for path, *row in self._connection.execute("SELECT path, node, id, rev, digest FROM leaf ORDER BY path"):
            number = state_tree.bucket_of(path, depth)
            if number != current and rows:
                yield current, _bucket(rows)
                rows = []
            current = number
            rows.append((row[0], row[1], row[2], row[3]))
        if rows:
            yield current, _bucket(rows)

    def recomputed_root(self) -> tuple[bytes, int]:
        """The state root and number of live records, from every line of the tree and nothing that was stored."""
        live = int(self._connection.execute("SELECT count(*) FROM leaf").fetchone()[0])
        depth = state_tree.depth_for(live)
        return StateTree(depth, dict(self._all_buckets(depth))).root(), live

    def inventory(self) -> Iterator[tuple[bytes, bytes]]:
        """(hash, file) of every node of the state tree that is not empty, the root first (STA-3)."""
        depth = state_tree.depth_for(self._live())
        buckets = dict(self._all_buckets(depth))
        tree = StateTree(depth, buckets)
        tree.root()
        for level in range(depth):
            occupied = {number // FAN ** (depth - level) for number in buckets} | ({0} if level == 0 else set())
            for number in sorted(occupied):
                yield tree.levels[level][number], state_tree.inner_bytes(tree.children(level, number))
        for number, content in self._bucket_files(depth):
            yield buckets[number], content


def open_copy(path: Path | str) -> Copy:
    """Open a copy made by `follow` for reading. Raises NoCopy, NotACopy."""
    return Copy(Path(path))


def _bucket(rows: Iterable[Row]) -> bytes:
    return state_tree.bucket_bytes(state_tree.line(*row) for row in rows)
