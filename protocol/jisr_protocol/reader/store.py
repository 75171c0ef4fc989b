"""A verified local copy of one feed, in one SQLite file (tables.py).

`jisr follow` writes it through the requests of a session: known, begin, apply, settle, commit or discard. All between
the first of them and commit is one transaction, so a sync that does not end verified leaves the file as it was, and so
does a machine that dies in the middle.

Portals and hubs read it:

    with open_copy(Path("services.jisr")) as copy:
        for record in copy.records("org.jisr.service/1"): …      record.value is the content, verified
        for change in copy.changes(after_seq): …                 what happened since, in the order of the feed
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import msgspec
import orjson

from .. import head as heads
from .. import keys, state_tree
from ..envelope import Envelope
from ..identifiers import to_instant
from ..keys import KeyRing
from ..live import Judged
from ..merkle import Frontier
from ..session import Known, Settled
from ..state_tree import FAN, MAX_DEPTH, StateTree
from . import evidence
from .sheet import Sheet
from .tables import NoCopy, connect


class Record(msgspec.Struct, frozen=True, gc=False):
    """A live record: verified under its author's keys. `raw` are its canonical bytes as the author wrote them.

    `seq` is its position in this feed, `src` the one in the author's own, `via` the canonical list of hops or b"".
    `disputed`: its author signed two contents under this rev; this is the one all readers show.
    """

    node: str
    id: str
    rev: int
    type: str
    digest: str
    seq: int
    at: str
    src: tuple[str, str, int] | None
    via: bytes
    jws: str
    raw: bytes
    disputed: bool = False

    @property
    def value(self) -> dict[str, Any]:
        """The content as Python values."""
        return orjson.loads(self.raw)  # type: ignore[no-any-return]

    @property
    def envelope(self) -> Envelope:
        return Envelope("record", self.jws, self.raw, self.value)


class Change(msgspec.Struct, frozen=True, gc=False):
    """What an accepted entry did, and its signed content for whoever passes it on.

    `op` is put, del (`raw` is the author's tombstone), out, erase or hold (the record left this feed; no content), or
    key or recovery (`raw` is the statement, `type` its kind, `id` the kid, `rev` is None). Of several changes of one
    record only the last is there.
    """

    seq: int
    op: str
    node: str
    id: str
    rev: int | None
    type: str
    digest: str
    at: str
    src: tuple[str, str, int] | None
    via: bytes
    jws: str
    raw: bytes

    @property
    def envelope(self) -> Envelope | None:
        """The signed thing, None when the content is gone."""
        kind = {"put": "record", "del": "tombstone", "key": "key", "recovery": "recovery"}.get(self.op)
        return Envelope(kind, self.jws, self.raw, orjson.loads(self.raw)) if kind and self.raw else None


class Refused(msgspec.Struct, frozen=True, gc=False):
    """An entry that is in the feed and was not accepted; it is never shown."""

    seq: int
    op: str
    node: str | None
    id: str | None
    rule: str
    code: str
    sentence: str


class Rings(Mapping[str, KeyRing]):
    """The key rings of all writers of a copy, each folded when it is asked for: a feed may have thousands."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._folded: dict[str, KeyRing] = {}

    def __getitem__(self, node: str) -> KeyRing:
        if node not in self._folded:
            rows = self._connection.execute(
                "SELECT kind, jws, body FROM key_statement WHERE node = ? ORDER BY seq", (node,)
            ).fetchall()
            if not rows:
                raise KeyError(node)
            chain = (Envelope(kind, jws, body, orjson.loads(body)) for kind, jws, body in rows)
            self._folded[node] = keys.fold(chain, expected_id=node)
        return self._folded[node]

    def __iter__(self) -> Iterator[str]:
        rows = self._connection.execute("SELECT DISTINCT node FROM key_statement ORDER BY node").fetchall()
        return (row[0] for row in rows)

    def __len__(self) -> int:
        return int(self._connection.execute("SELECT count(DISTINCT node) FROM key_statement").fetchone()[0])


class Copy:
    """One open copy. Not for several threads at once; any number may be open on a file, one of them writing."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open for reading; with `create` also for writing, and made if it is not there. Raises CopyProblem."""
        self.path = path
        self._connection = connect(path, create=create)
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
        self._replacing = False
        self._tree: StateTree | None = None
        self._sheet = Sheet(self._connection, evidence.folder_of(self.path))

    # Writing: the requests of a session

    def known(self) -> Known:
        """What is held: the starting point of a session."""
        row = self._connection.execute("SELECT head, etag, frontier, keys, by, name FROM feed").fetchone()
        if row is None:
            return Known()
        head = heads.parse(row[0])
        publisher = keys.fold(keys.parse_file(row[3]), expected_id=row[4])
        frontier = Frontier.from_bytes(head.size, row[2])
        return Known(head, row[1], frontier, Rings(self._held), row[4], row[5], publisher)

    def begin(self, *, replace: bool = False) -> None:
        """Open the transaction if it is not open. With `replace`, what comes is the whole set: the tree starts empty.

        The revs held stay and go on binding (READ-7); a record that does not come again has left the feed.
        """
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")
        if replace:
            self._forget()
            self._replacing = True
            for statement in (
                "DELETE FROM leaf",
                "DELETE FROM bucket",
                "DELETE FROM refusal",
                "DELETE FROM carried",
                "DELETE FROM key_statement",
                "UPDATE record SET prior = 1",
            ):
                self._connection.execute(statement)

    def apply(self, judged: Sequence[Judged]) -> None:
        """Take the entries of a page, in order, within the transaction."""
        self.begin()
        self._tree = None
        self._sheet.take(judged)

    def settle(self) -> Settled:
        """Work out the state root of what was applied, in proportion to what changed."""
        self.begin()
        self._settle_refusals()
        self._tree = self._grown_tree()
        return Settled(self._tree.root(), self._live())

    def commit(self, known: Known, now: datetime, address: str = "") -> None:
        """Make all of it durable at once. The process may die before or after, never in between."""
        if known.head is None or known.publisher is None:
            raise ValueError("only what was verified is committed")
        if self._tree is None and (self._replacing or self._sheet.touched):
            raise ValueError("what was applied is settled before it is committed")
        self.begin()
        if self._replacing:
            self._let_go(known.head.size)
        row = (
            *(known.by, known.name, address, known.head.raw, known.etag, known.frontier.to_bytes()),
            *(keys.write_file(known.publisher), self._live(), *self._depth_and_root(), to_instant(now)),
        )
        self._connection.execute("INSERT OR REPLACE INTO feed VALUES (1,?,?,?,?,?,?,?,?,?,?,?)", row)
        self._connection.execute("COMMIT")
        self._forget()
        self._empty_journal()

    def _empty_journal(self) -> None:
        """Move what was committed into the file now, so that what was erased is in neither; not while others read."""
        self._connection.execute("PRAGMA busy_timeout = 0")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self._connection.execute("PRAGMA busy_timeout = 30000")

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
        self._connection.create_function("path18", 2, state_tree.path, deterministic=True)
        self._connection.execute(
            "UPDATE record SET op = 'out', via = NULL, jws = NULL, body = NULL, seq = ? WHERE prior = 1 AND op = 'put'"
            " AND NOT EXISTS (SELECT 1 FROM leaf AS l WHERE l.path = path18(record.node, record.id)"
            " AND l.node = record.node AND l.id = record.id)",
            (max(size - 1, 0),),
        )
        self._connection.execute("UPDATE record SET prior = 0 WHERE prior = 1")

    def _live(self) -> int:
        row = self._connection.execute("SELECT live FROM feed").fetchone()
        return (0 if row is None or self._replacing else int(row[0])) + self._sheet.grown

    def _depth_and_root(self) -> tuple[int, bytes]:
        if self._tree is not None:
            return self._tree.depth, self._tree.root()
        depth, root = self._connection.execute("SELECT depth, state_root FROM feed").fetchone()
        return depth, root

    def _grown_tree(self) -> StateTree:
        """The state tree as it is now; the hashes of buckets that changed are stored with it."""
        row = self._connection.execute("SELECT depth FROM feed").fetchone()
        depth = state_tree.depth_for(self._live())
        whole = row is None or self._replacing or row[0] != depth
        if whole:
            self._connection.execute("DELETE FROM bucket")
        stored = dict(self._connection.execute("SELECT number, hash FROM bucket"))
        tree = StateTree(depth, stored)
        fresh = self._all_buckets(depth) if whole else self._touched_buckets(depth)
        for number, hashed in fresh:
            tree.set_bucket(number, hashed)
            self._connection.execute("INSERT OR REPLACE INTO bucket VALUES (?, ?)", (number, hashed))
        if not whole:
            self._sheet.touched.clear()
        return tree

    def _touched_buckets(self, depth: int) -> Iterator[tuple[int, bytes]]:
        width = FAN ** (MAX_DEPTH - depth)
        for number in {state_tree.bucket_of(path, depth) for path in self._sheet.touched}:
            rows = self._connection.execute(
                "SELECT node, id, rev, digest FROM leaf WHERE path >= ? AND path < ?",
                (number * width, (number + 1) * width),
            )
            yield number, state_tree.bucket_hash(_bucket(rows))

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

    # Reading

    @property
    def address(self) -> str:
        """Where the feed was last verified from."""
        return str(self._feed()[0])

    @property
    def verified_at(self) -> str:
        """When this copy last ended verified, as a UTC instant."""
        return str(self._feed()[1])

    @property
    def state_root(self) -> bytes:
        return bytes(self._feed()[2])

    @property
    def head(self) -> heads.Head:
        """The newest head that was verified."""
        return heads.parse(self._feed()[3])

    def _feed(self) -> Any:
        row = self._connection.execute("SELECT address, verified_at, state_root, head FROM feed").fetchone()
        if row is None:
            raise NoCopy(f"Nothing was verified into {self.path} yet. Run: jisr follow FEED --into {self.path}")
        return row

    @property
    def stands(self) -> bool:
        """Whether anything was ever verified into this file."""
        return self._connection.execute("SELECT 1 FROM feed").fetchone() is not None

    def live(self) -> int:
        """How many records the feed holds now, refused ones included."""
        return self._live()

    def refused_live(self) -> int:
        """How many of them were not accepted."""
        return int(self._connection.execute("SELECT count(*) FROM leaf WHERE code IS NOT NULL").fetchone()[0])

    def records(self, type: str | None = None) -> Iterator[Record]:
        """All live, verified records, of one type if named, ordered by node and id."""
        narrowed = "" if type is None else " AND type = ?"
        return self._records(f"{narrowed} ORDER BY node, id", () if type is None else (type,))

    def record(self, node: str | None, id: str) -> Record | None:
        """One live record; with no node, the first of that id."""
        narrowed = " AND id = ?" if node is None else " AND id = ? AND node = ?"
        return next(self._records(f"{narrowed} ORDER BY node LIMIT 1", (id,) if node is None else (id, node)), None)

    def _records(self, condition: str, values: tuple[str, ...]) -> Iterator[Record]:
        columns = "node, id, rev, type, digest, seq, at, src, via, jws, body, disputed"
        for row in self._connection.execute(f"SELECT {columns} FROM record WHERE op = 'put'{condition}", values):
            node, id_, rev, type_, digest, seq, at, src, via, jws, body, disputed = row
            yield Record(node, id_, rev, type_, digest, seq, at, _src(src), via or b"", jws, body, bool(disputed))

    def changes(self, after_seq: int = -1) -> Iterator[Change]:
        """What accepted entries with a seq above this one did, in the order of seq. All of it by default."""
        rows = self._connection.execute(
            "SELECT seq, op, node, id, rev, type, digest, at, src, via, jws, body FROM record WHERE seq > ?1"
            " UNION ALL SELECT seq, kind, node, id, NULL, kind, digest, at, NULL, NULL, jws, body FROM key_statement"
            " WHERE seq > ?1 ORDER BY seq",
            (after_seq,),
        )
        for row in rows:
            seq, op, node, id_, rev, type_, digest, at, src, via, jws, body = row
            yield Change(seq, op, node, id_, rev, type_, digest, at, _src(src), via or b"", jws or "", body or b"")

    def carried(self, after_seq: int = -1) -> Iterator[tuple[int, str, bytes]]:
        """(seq, op, line) of entries of every other op, as they came: statements, notices, node heads, unknown ones."""
        yield from self._connection.execute(
            "SELECT seq, op, line FROM carried WHERE seq > ? ORDER BY seq", (after_seq,)
        )

    def refusals(self, after_seq: int = -1) -> Iterator[Refused]:
        """Entries that stand in the feed and were not accepted."""
        for row in self._connection.execute("SELECT * FROM refusal WHERE seq > ? ORDER BY seq", (after_seq,)):
            yield Refused(*row)

    def rings(self) -> Mapping[str, KeyRing]:
        """The keys of every writer, by identifier."""
        return Rings(self._connection)

    def recomputed_root(self) -> tuple[bytes, int]:
        """The state root and number of live records, from every line of the tree and nothing that was stored."""
        live = int(self._connection.execute("SELECT count(*) FROM leaf").fetchone()[0])
        depth = state_tree.depth_for(live)
        return StateTree(depth, dict(self._all_buckets(depth))).root(), live

    def line_without_record(self) -> tuple[str, str] | None:
        """A (node, id) whose line says verified but whose record is another or none; None when all agree."""
        row = self._connection.execute(
            "SELECT l.node, l.id FROM leaf AS l LEFT JOIN record AS r ON r.node = l.node AND r.id = l.id"
            " WHERE l.code IS NULL AND (r.op, r.rev, r.digest) IS NOT ('put', l.rev, l.digest) LIMIT 1"
        ).fetchone()
        return (row[0], row[1]) if row else None

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

    def dump(self) -> Iterator[bytes]:
        """The state tree as sorted JSON lines, each with its status, and a last line with cursor and root."""
        head = self.head
        for row in self._connection.execute(
            "SELECT node, id, rev, digest, coalesce(code, 'verified') FROM leaf ORDER BY node, id"
        ):
            named = dict(zip(("node", "id", "rev", "digest", "status"), row, strict=True))
            yield orjson.dumps(named, option=orjson.OPT_APPEND_NEWLINE)
        cursor = {"epoch": head.epoch, "seq": head.size}
        yield orjson.dumps({"cursor": cursor, "state_root": self.state_root.hex()}, option=orjson.OPT_APPEND_NEWLINE)


def open_copy(path: Path | str) -> Copy:
    """Open a copy made by `follow` for reading. Raises NoCopy, NotACopy."""
    return Copy(Path(path))


def _src(text: str | None) -> tuple[str, str, int] | None:
    return tuple(orjson.loads(text)) if text else None


def _bucket(rows: Iterable[tuple[str, str, int, str]]) -> bytes:
    return state_tree.bucket_bytes(state_tree.line(*row) for row in rows)
