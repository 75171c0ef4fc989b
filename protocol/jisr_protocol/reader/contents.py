"""What a verified copy holds, as portals and hubs read it: records, changes, refusals, keys.

with open_copy(Path("services.jisr")) as copy:
    for record in copy.records("org.jisr.service/1"): …      record.value is the content, verified
    for change in copy.changes(after_seq): …                 what happened since, in the order of the feed
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import orjson

from .. import completeness, keys
from .. import entry as entries
from .. import head as heads
from ..completeness import NodeHead
from ..entry import KIND_OF_OP
from ..envelope import Envelope
from ..keys import KeyRing
from . import nodes, waiting
from .nodes import Standing
from .tables import NoCopy

"""Ops whose entries are offered as they came: signed notices and statements."""


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
        return dict(orjson.loads(self.raw))

    @property
    def envelope(self) -> Envelope:
        return Envelope("record", self.jws, self.raw, self.value)


class Change(msgspec.Struct, frozen=True, gc=False):
    """What an accepted entry did, and its signed content for whoever passes it on.

    `op` is put, del (`raw` is the author's tombstone), out, erase or hold (the record left this feed; no content), or
    key or recovery (`raw` is the statement, `type` its kind, `id` the kid, `rev` is None). Of several changes of one
    record only the last is there. Where notices are asked for, erase, hold and unhold with an `envelope` are the signed
    notices themselves: `id` is their target or `*`, `rev` the max_rev, and what they took out follows without content;
    and `statement` are statements: `node` is the subject, `rev` their number.
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
    extra: bytes = b""
    """Members of the entry beside those this version knows, and `proof` (KEY-11), as an object (entry.extra)."""
    line: bytes = b""
    """The whole line of an entry whose op this version does not know."""

    @property
    def envelope(self) -> Envelope | None:
        """The signed thing, None when the content is gone."""
        kind = KIND_OF_OP.get(self.op)
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
                "SELECT kind, jws, body FROM key_statement WHERE node = ? ORDER BY number", (node,)
            ).fetchall()
            if not rows:
                raise KeyError(node)
            self._folded[node] = _folded(rows, node)
        return self._folded[node]

    def before(self, node: str, seq: int) -> KeyRing | None:
        """The keys that entries below this position gave a node; None if there were none."""
        rows = self._connection.execute(
            "SELECT kind, jws, body FROM key_statement WHERE node = ? AND seq < ? ORDER BY number", (node, seq)
        ).fetchall()
        return _folded(rows, node) if rows else None

    def __iter__(self) -> Iterator[str]:
        rows = self._connection.execute("SELECT DISTINCT node FROM key_statement ORDER BY node").fetchall()
        return (row[0] for row in rows)

    def __len__(self) -> int:
        return int(self._connection.execute("SELECT count(DISTINCT node) FROM key_statement").fetchone()[0])


class Contents:
    """The reading half of a copy; see store.Copy. One connection, not for several threads at once."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._signatures: waiting.Signatures | None = None

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
        row = self._connection.execute("SELECT live FROM feed").fetchone()
        return 0 if row is None else int(row[0])

    @property
    def unproven(self) -> int:
        """How many entries at the beginning of the log were never read: a snapshot stood for them (READ-16)."""
        row = self._connection.execute("SELECT unproven FROM feed").fetchone()
        return 0 if row is None else int(row[0])

    @property
    def waiting(self) -> int:
        """How many records were taken in bulk and wait for the check of their signatures. Each is checked before it is
        given out, whoever asks; `jisr verify`, or the next follow, checks all of them once."""
        return waiting.count(self._connection)

    def _may_show(self, waits: bool, jws: str | None, body: bytes | None) -> bool:
        """READ-17: what waits is checked now."""
        if not waits or jws is None or body is None:
            return True
        if self._signatures is None:
            self._signatures = waiting.signatures(self._connection)
        return self._signatures.may_show(jws, body)

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
        return next(self._records(f"{narrowed} ORDER BY node", (id,) if node is None else (id, node)), None)

    def _records(self, condition: str, values: tuple[str, ...]) -> Iterator[Record]:
        columns = f"node, id, rev, type, digest, seq, at, src, via, jws, body, disputed, {waiting.WAITS}"
        for row in self._connection.execute(f"SELECT {columns} FROM record WHERE op = 'put'{condition}", values):
            node, id_, rev, type_, digest, seq, at, src, via, jws, body, disputed, waits = row
            if self._may_show(waits, jws, body):
                yield Record(node, id_, rev, type_, digest, seq, at, _src(src), via or b"", jws, body, bool(disputed))

    def changes(self, after_seq: int = -1, *, notices: bool = False, node: str | None = None) -> Iterator[Change]:
        """What accepted entries with a seq above this one did, in the order of seq. All of it by default.

        With `notices` the signed notices of erase, hold and unhold entries too, each before what it took out, and
        statements, and entries of ops this version does not know (`line`): for hubs, which act on them and pass them
        on. With `node` only what is about that node.
        """
        columns = "seq, op, node, id, rev, type, digest, at, src, via, jws, body, extra"
        wanted = "seq > ?1" if node is None else "seq > ?1 AND node = ?2"
        of_carried = "seq, op, node, id, NULL, '', '', '', NULL, NULL, NULL, line, NULL, 0, 0"
        told = "seq, kind, node, id, NULL, kind, digest, at, NULL, NULL, jws, body, extra, 0, 0"
        rows = self._connection.execute(
            f"SELECT {columns}, 1 AS later, {waiting.WAITS} AND op = 'put' FROM record WHERE {wanted}"
            f" UNION ALL SELECT {told} FROM key_statement WHERE {wanted}"
            + (f" UNION ALL SELECT {of_carried} FROM carried WHERE {wanted} AND op <> 'nodehead'" if notices else "")
            + " ORDER BY seq, later",
            (after_seq,) if node is None else (after_seq, node),
        )
        for seq, op, node, id_, rev, type_, digest, at, src, via, jws, body, extra, later, waits in rows:
            if not self._may_show(waits, jws, body):
                continue
            if not later and op not in ("key", "recovery"):
                yield _as_it_came(body)
            else:
                rest = (_src(src), via or b"", jws or "", body or b"", extra or b"")
                yield Change(seq, op, node, id_, rev, type_, digest, at, *rest)

    def nullified(self) -> Iterator[tuple[str, str, int | None, str]]:
        """(node, id, rev, digest) of what a lost key had signed and does not count (KEY-10)."""
        yield from self._connection.execute("SELECT node, id, rev, digest FROM nullified ORDER BY node, id, rev")

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

    def nodes(self) -> Iterator[Standing]:
        """Of every node with something in this feed: whether all of it is here, by identifier."""
        return nodes.held(self._connection)

    def node_head(self, node: str) -> NodeHead | None:
        """The newest head of this node that the feed carries, verified."""
        return nodes.head_of(self._connection, node, completeness.audience_of(self.head.name))

    def node_rows(self, node: str) -> Iterator[tuple[int, str, int, str]]:
        """(path, id, rev, digest) of every live record of a node in the feed, the refused ones too, in that order."""
        return nodes.rows_of(self._connection, node)

    def page_roots(self) -> dict[int, bytes]:
        """The Merkle root of each whole page of the log that was read, by its number."""
        return dict(self._connection.execute("SELECT number, root FROM page").fetchall())

    def line_without_record(self) -> tuple[str, str] | None:
        """A (node, id) whose line says verified but whose record is another or none; None when all agree."""
        row = self._connection.execute(
            "SELECT l.node, l.id FROM leaf AS l LEFT JOIN record AS r ON r.node = l.node AND r.id = l.id"
            " WHERE l.code IS NULL AND (r.op, r.rev, r.digest) IS NOT ('put', l.rev, l.digest) LIMIT 1"
        ).fetchone()
        return (row[0], row[1]) if row else None

    def dump(self) -> Iterator[bytes]:
        """The state tree as sorted JSON lines, each with its status, and a last line with cursor and root."""
        head = self.head
        unsound = waiting.unsound(self._connection)
        for row in self._connection.execute(
            "SELECT node, id, rev, digest, coalesce(code, 'verified') FROM leaf ORDER BY node, id"
        ):
            status = unsound.get(row[:2], row[4])
            named = dict(zip(("node", "id", "rev", "digest", "status"), (*row[:4], status), strict=True))
            yield orjson.dumps(named, option=orjson.OPT_APPEND_NEWLINE)
        last: dict[str, Any] = {"cursor": {"epoch": head.epoch, "seq": head.size}, "state_root": self.state_root.hex()}
        if self.unproven:
            last["unproven"] = self.unproven
        yield orjson.dumps(last, option=orjson.OPT_APPEND_NEWLINE)


def _folded(rows: list[tuple[str, str, bytes]], node: str) -> KeyRing:
    chain = (Envelope(kind, jws, body, orjson.loads(body)) for kind, jws, body in rows)
    return keys.fold(chain, expected_id=node)


def _as_it_came(line: bytes) -> Change:
    """The change that is a notice, a statement or something this version does not know, from its line as it came."""
    entry = entries.parse(line)
    jws, body = (entry.thing.jws, entry.thing.body) if entry.thing is not None else ("", b"")
    extra = entries.extra(entry) if entry.thing is not None else None
    via = orjson.dumps(list(entry.via), option=orjson.OPT_SORT_KEYS) if entry.via else b""
    return Change(
        seq=entry.seq, op=entry.op, node=entry.node or "", id=entry.id or "", rev=entry.rev, type="",
        digest=entry.digest or "", at=entry.at, src=entry.src, via=via, jws=jws, raw=body,
        extra=extra or b"", line=b"" if entry.op in entries.KNOWN_OPS else line,
    )  # fmt: skip


def _src(text: str | None) -> tuple[str, str, int] | None:
    return tuple(orjson.loads(text)) if text else None
