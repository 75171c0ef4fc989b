"""One page of entries worked out in memory, then written in few statements.

Two things are kept apart, as docs/spec/live-set.md asks. The state tree (`leaf`) follows the entries blindly, so that
it meets the publisher's root. The accepted set (`record`) takes only what was verified and whose rev rises; a row of it
never goes away and its rev never falls. A record is shown when its row's op is put.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import orjson

from .. import completeness, identifiers, live, notice, state_tree, validity
from .. import entry as entries
from ..completeness import NodeHead
from ..entry import Entry
from ..envelope import Envelope, wrap
from ..evidence import Evidence
from ..identifiers import from_instant
from ..judging import checked
from ..keys import PublicKey, parse_statement
from ..limits import PAGE_ENTRIES
from ..live import Effect, Judged, Order, Void
from ..problems import code_of_rule
from ..refusal import Refusal, refuse
from . import evidence, nodes, waiting
from .first_set import NEW_RECORD, FirstSet

CASES_KEPT = 100
"""Contradictions of one sync whose evidence is kept: enough to convict, and no way to fill a disk."""

GUARD = (
    "INSERT INTO guard VALUES (?,?,?,?) ON CONFLICT (node, id, op) DO UPDATE SET max_rev ="
    " CASE WHEN max_rev IS NOT NULL AND excluded.max_rev IS NOT NULL THEN max(max_rev, excluded.max_rev) END"
)
_OR_OVER_IT = (
    " ON CONFLICT (node, id, path) DO UPDATE SET"
    " rev = excluded.rev, digest = excluded.digest, type = excluded.type, op = excluded.op, seq = excluded.seq,"
    " at = excluded.at, src = excluded.src, via = excluded.via, jws = excluded.jws, body = excluded.body,"
    " disputed = excluded.disputed, prior = excluded.prior, extra = excluded.extra"
)
_NULLIFIED = code_of_rule("KEY-10")
_NOTICES = ("erase", "hold", "unhold")
_MOST_MOVED = 32_768
_UNTOUCHED = (-1, 0)
_NAMING = (Effect.SET, Effect.REMOVE)
"""What an entry does that names its record; an erase or hold finds its own."""

Key = tuple[str, str]
"""(node, id) of a record."""


class Held(msgspec.Struct):
    """What the accepted set holds of a record. `columns` are to be written."""

    rev: int
    digest: str
    op: str
    seq: int
    disputed: bool
    prior: bool
    columns: tuple[Any, ...] | None = None
    """(type, at, src, via, jws, body, extra)"""
    changed: bool = False


class Leaf(msgspec.Struct, frozen=True, gc=False):
    """A line of the state tree; `code` says why its content is not in the accepted set, None that it is."""

    rev: int
    digest: str
    seq: int
    code: str | None


class Sheet:
    """The effect of entries on what a copy holds. Used within one transaction; `write` before anything else reads."""

    def __init__(self, connection: sqlite3.Connection, evidence_folder: Path) -> None:
        self._connection = connection
        self._evidence_folder = evidence_folder
        self._cases = 0
        self._guarded = connection.execute("SELECT 1 FROM guard").fetchone() is not None
        self.erased = False
        """Whether content went for good."""
        self.grown = 0
        """By how much the number of live records has changed."""
        self.touched: set[int] = set()
        """Paths, 18 bits each, of the records whose line in the state tree changed."""
        self.moved: dict[str, set[int] | None] = {}
        """The same by node; None for so many that all of its lines are read."""
        self.nodes: dict[str, tuple[int, int]] = {}
        """The nodes of which something changed, a live record or their head: the last position that touches their
        records, -1 when none does, and by how much the number of their live records has changed."""
        self._node_heads: dict[Key, NodeHead] = {}
        self._first: FirstSet | None = None
        self.suspect: Refusal | None = None
        """The first signature that was found wrong when something came to rest on it."""
        self._waiting: dict[str, PublicKey] = {}
        """The keys of what waits, by protected header (READ-18)."""
        self._waits_to = 0
        """The last rowid of records whose signatures wait; known from the end of the first set on."""
        self._clear()

    def begin_first(self) -> None:
        """Nothing is held: what is new is only appended from now on, until `end_first`."""
        self._first = FirstSet(self._connection)

    @property
    def unsettled(self) -> bool:
        """Whether the state tree is not yet that of what was taken."""
        return self._first is not None or bool(self.touched)

    def end_first(self) -> None:
        """From here on everything is looked up, and has its line. Safe to call at any time."""
        if self._first is not None:
            self._first.end()
            self._first = None
            if self._waiting:
                self._waits_to = self._connection.execute("SELECT max(rowid) FROM record").fetchone()[0]
                waiting.note(self._connection, self._waits_to, self._waiting.items())

    def _clear(self) -> None:
        self._leaves: dict[Key, Leaf | None] = {}
        self._were: dict[Key, tuple[int, Leaf | None]] = {}
        self._held: dict[Key, Held] = {}
        self._guards: dict[Key, list[int | None]] = {}
        self._refused: list[tuple[Any, ...]] = []
        self._keys: list[tuple[Any, ...]] = []
        self._carried: list[tuple[Any, ...]] = []

    def take(self, page: Sequence[Judged]) -> None:
        """Work out and write what these entries do, in order."""
        for start in range(0, len(page), PAGE_ENTRIES):
            part = page[start : start + PAGE_ENTRIES]
            if self._first is not None and self._append(self._first, part):
                continue
            self.end_first()
            part = [self._checked(judged) for judged in part]
            self._load(_records_of(part))
            for number, judged in enumerate(part, start=1):
                self._fold(judged)
                if judged.void is not None:
                    self.void(judged.void)
                if judged.void is not None or judged.entry.op in _NOTICES:  # it wrote everything, and forgot it
                    self._load(_records_of(part[number:]))
            self.write()

    def _checked(self, judged: Judged) -> Judged:
        """READ-18: what is not simply new does not wait."""
        signer, judged = judged.waiting, checked(judged)
        if signer is None:
            return judged
        if self.suspect is None and judged.refusal is not None and judged.refusal.rule.startswith("SIG-"):
            self.suspect = judged.refusal
        header = signer.headers["record"]
        if self._waits_to and header not in self._waiting:  # it may take the place of a row that waits
            waiting.note(self._connection, self._waits_to, [(header, signer)])
            self._waiting[header] = signer
        return judged

    def _check_held(self, rows: Iterable[tuple[int, str, bytes]]) -> None:
        """READ-18: check these rows of records that wait, before anything rests on them."""
        check = waiting.Signatures(self._waiting)
        for rowid, jws, body in rows:
            try:
                check.check(jws, body)
            except Refusal as refusal:
                self.suspect = self.suspect or refusal
                waiting.refuse_row(self._connection, rowid, refusal)

    def _append(self, first: FirstSet, page: Sequence[Judged]) -> bool:
        """Take entries of which none is about a record that is held; False when one may be, and nothing was done."""
        named = [_key(judged.entry) for judged in page if live.effect(judged.entry) in _NAMING]
        if (first.count or named) and any(judged.void is not None or judged.entry.op in _NOTICES for judged in page):
            return False
        self._guards = {}
        if self._guarded and named:
            self._load_guards(set(named))
        paths = None if self._guards else first.paths(named)
        if paths is None:
            return False
        self._were = {key: (path, None) for key, path in zip(named, paths, strict=True)}
        self._leaves = dict.fromkeys(self._were)
        rows = []
        for judged in page:
            entry, signer = judged.entry, judged.waiting
            if signer is not None:
                self._waiting[signer.headers["record"]] = signer
            if (judged.accepted or signer) is not None and entry.op == "put" and entry.thing is not None:
                key = _key(entry)
                path, _ = self._were.pop(key)
                del self._leaves[key]
                src = orjson.dumps(entry.src).decode() if entry.src else None
                rows.append(
                    (path, *key, entry.rev, entry.digest, entry.type, "put", entry.seq, entry.at, src, _via(entry),
                     entry.thing.jws, entry.thing.body, 0, 0, entries.extra(entry))
                )  # fmt: skip
                self._touch(key[0], entry.seq, 1)
            else:
                self._fold(judged)
                if judged.void is not None:
                    self.void(judged.void)
        first.add(rows)
        self.grown += len(rows)
        self.write()
        return True

    def erase(self, node: str, record_id: str, max_rev: int | None) -> int:
        """READ-13 before the feed says so: content goes and a guard stays; the lines stay, as refused. How many."""
        code = code_of_rule("READ-13")
        self._connection.execute(GUARD, (node, record_id, "erase", max_rev))
        self._guarded = True
        matching = "node = ?1 AND ?2 IN (id, '*') AND (?3 IS NULL OR rev <= ?3)"
        lines = self._connection.execute(
            f"SELECT seq, node, id, rev FROM leaf WHERE code IS NULL AND {matching}", (node, record_id, max_rev)
        ).fetchall()
        for seq, of, which, rev in lines:
            came = f"rev {rev} of {which}"
            refusal = Refusal("READ-13", "/record/rev", "nothing that was erased or is held back", came)
            row = (seq, "put", of, which, refusal.rule, code, str(refusal))
            self._connection.execute("INSERT OR REPLACE INTO refusal VALUES (?,?,?,?,?,?,?)", row)
        values = (node, record_id, max_rev)
        self._connection.execute(f"UPDATE leaf SET code = '{code}' WHERE code IS NULL AND {matching}", values)
        self._connection.execute(
            f"UPDATE record SET op = 'erase', via = NULL, jws = NULL, body = NULL WHERE op = 'put' AND {matching}",
            values,
        )
        return len(lines)

    def void(self, void: Void) -> None:
        """KEY-10: what a lost key has signed beyond the last good place of its feed does not count: its records are not
        shown and keep no rev out, its notices guard nothing. All of it is kept as evidence."""
        self.write()
        ring, run = void.ring, self._connection.execute
        if self._waits_to:
            query = "SELECT rowid, jws, body FROM record WHERE node = ? AND op = 'put' AND rowid <= ?"
            self._check_held(run(query, (ring.id, self._waits_to)).fetchall())
        columns = "id, rev, digest, op, seq, src, jws, body"
        for row in run(f"SELECT {columns} FROM record WHERE node = ?", (ring.id,)).fetchall():
            record_id, rev, digest, op, seq, src, jws, body = row
            if validity.counts(ring, validity.kid_of(jws) if jws else None, _place(src, void, seq)):
                continue
            content = wrap("record" if op == "put" else "tombstone", jws, body) if body is not None else None
            run(
                "INSERT OR REPLACE INTO nullified VALUES (?,?,?,?,?,?)", (ring.id, record_id, rev, digest, seq, content)
            )
            run("DELETE FROM record WHERE node = ? AND id = ?", (ring.id, record_id))
            where = (_NULLIFIED, state_tree.path(ring.id, record_id), ring.id, record_id, digest)
            run("UPDATE leaf SET code = ? WHERE path = ? AND node = ? AND id = ? AND digest = ?", where)
        self._void_notices(void)

    def _void_notices(self, void: Void) -> None:
        """The guards of this node are made again, of the notices that still count."""
        ring, run = void.ring, self._connection.execute
        said = run("SELECT seq, line FROM carried WHERE node = ? AND op IN ('erase', 'hold')", (ring.id,)).fetchall()
        gone: list[tuple[int, Entry]] = []
        stays: list[tuple[int, Entry]] = []
        for seq, line in said:
            entry = entries.parse(line)
            own = entry.thing is not None and entry.thing.value["by"] == ring.id
            src = entry.src or _place(None, void, seq)
            kid = validity.kid_of(entry.thing.jws) if entry.thing else None
            counted = not own or validity.counts(ring, kid, src, notice=True)
            (stays if counted else gone).append((seq, entry))
        if not gone:
            return
        run("DELETE FROM guard WHERE node = ?", (ring.id,))
        for seq, entry in gone:
            values = (ring.id, f"{entry.op} {entry.id}", entry.rev, entry.digest, seq, entry.raw)
            run("INSERT OR REPLACE INTO nullified VALUES (?,?,?,?,?,?)", values)
            run("DELETE FROM carried WHERE seq = ?", (seq,))
        for _, entry in stays:
            run(GUARD, (entry.node, entry.id, entry.op, entry.rev))

    def _load(self, wanted: set[Key]) -> None:
        """Read what is held of these records, in one statement."""
        if not wanted:
            return
        keys = [(state_tree.path(*key), *key) for key in wanted]
        if self._waits_to:
            self._check_held(self._waiting_among(wanted))
        rows = self._connection.execute(
            f"WITH wanted(path, node, id) AS (VALUES {','.join(['(?,?,?)'] * len(keys))})"
            " SELECT w.path, w.node, w.id, l.rev, l.digest, l.seq, l.code,"
            " r.rev, r.digest, r.op, r.seq, r.disputed, r.prior"
            " FROM wanted AS w LEFT JOIN leaf AS l ON l.path = w.path AND l.node = w.node AND l.id = w.id"
            " LEFT JOIN record AS r ON r.node = w.node AND r.id = w.id",
            [column for key in keys for column in key],
        )
        for path, node, record_id, *found in rows:
            leaf = Leaf(*found[:4]) if found[0] is not None else None
            self._leaves[node, record_id] = leaf
            self._were[node, record_id] = (path, leaf)
            if found[4] is not None:
                rev, digest, op, seq, disputed, prior = found[4:]
                self._held[node, record_id] = Held(rev, digest, op, seq, bool(disputed), bool(prior))
        if self._guarded:
            self._load_guards(wanted)

    def _waiting_among(self, wanted: Iterable[Key]) -> list[tuple[int, str, bytes]]:
        query = "SELECT rowid, jws, body FROM record WHERE node = ? AND id = ? AND op = 'put' AND rowid <= ?"
        return [row for key in wanted for row in self._connection.execute(query, (*key, self._waits_to))]

    def _load_guards(self, wanted: set[Key]) -> None:
        targets = {*wanted, *((node, "*") for node, _ in wanted)}
        rows = self._connection.execute(
            f"WITH wanted(node, id) AS (VALUES {','.join(['(?,?)'] * len(targets))})"
            " SELECT g.node, g.id, g.max_rev FROM wanted AS w JOIN guard AS g ON g.node = w.node AND g.id = w.id",
            [column for target in targets for column in target],
        )
        self._guards = {}
        for node, record_id, max_rev in rows:
            self._guards.setdefault((node, record_id), []).append(max_rev)

    def remove(self, records: Sequence[Key], seq: int) -> None:
        """Take records out of the tree that this feed does not hold; what is known of their revs stays."""
        for start in range(0, len(records), PAGE_ENTRIES):
            part = set(records[start : start + PAGE_ENTRIES])
            self._load(part)
            for key in part:
                self._leaves[key] = None
                self._touch(key[0], seq)
                self._leave(self._held.get(key), seq, "out")
            self.write()

    def _touch(self, node: str, seq: int, grown: int = 0) -> None:
        last, before = self.nodes.get(node, _UNTOUCHED)
        self.nodes[node] = (seq if seq > last else last, before + grown)

    def _fold(self, judged: Judged) -> None:
        entry = judged.entry
        if judged.refusal is not None:
            self._note_refused(entry, judged.refusal)
        effect = live.effect(entry)
        if effect is not Effect.NONE:
            self._touch(entry.node or "", entry.seq)
        if effect is Effect.SET:
            self._put(judged)
        elif effect is Effect.REMOVE:
            self._remove(judged)
        elif effect is Effect.REMOVE_MATCHING:
            self._remove_matching(entry)
            if judged.refusal is None:
                self._guard(entry)
        elif entry.op == "unhold" and judged.refusal is None:
            self._lift(entry)
        if entry.op in ("key", "recovery"):
            self._note_key(judged)
        elif entry.op == "nodehead":
            self._take_node_head(judged)
        elif entry.op not in ("put", "del", "out") and (judged.refusal is None or entry.op != "statement"):
            self._carried.append((entry.seq, entry.op, entry.node, entry.id, entry.raw))

    def _put(self, judged: Judged) -> None:
        entry, key = judged.entry, _key(judged.entry)
        code = judged.refusal.code if judged.refusal else "stub_without_cause"
        held = self._held.get(key)
        if judged.accepted is not None:
            code = self._accept(entry, key, held) or ""
        elif held is not None and judged.refusal and held.op == "put" and (held.rev, held.digest) == _version(entry):
            # these very bytes were verified before, under a key that has been revoked since: they stay good
            held.seq, held.prior, held.changed = entry.seq, False, True
            self._refused.pop()
            code = ""
        self._leaves[key] = Leaf(entry.rev or 0, entry.digest or "", entry.seq, code or None)

    def _remove(self, judged: Judged) -> None:
        entry, key = judged.entry, _key(judged.entry)
        self._leaves[key] = None
        held = self._held.get(key)
        if judged.accepted is not None and self._accept(entry, key, held) is None:
            return
        self._leave(self._held.get(key), entry.seq, "out")

    def _accept(self, entry: Entry, key: Key, held: Held | None) -> str | None:
        """READ-7, READ-8, READ-13: take a verified put or del whose rev rises and which nothing keeps out; return the
        code of a refusal."""
        rev, digest = _version(entry)
        order = live.order(rev, digest, held.rev if held else None, held.digest if held else None)
        try:
            if entry.op == "put" and self._is_guarded(key, rev) and not self._held_no_more(entry, key, rev):
                refuse("READ-13", "/record/rev", expected="nothing that was erased or is held back", came=f"rev {rev}")
            if held is not None and order is Order.FALLS:
                refuse("READ-7", "/record/rev", expected=f"above {held.rev}, as held", came=rev)
            if held is not None and order is Order.CONTRADICTS:
                self._keep_both(entry, key, held)
                refuse("READ-8", "/record/rev", expected=f"{held.digest} for rev {rev}, as held", came=digest)
        except Refusal as refusal:
            self._note_refused(entry, refusal)
            if refusal.rule == "READ-8" and held is not None:
                held.disputed = held.changed = True
                if digest < held.digest:
                    self._set(entry, key, disputed=True)
            return refusal.code
        disputed = order is Order.SAME and held is not None and held.disputed
        self._set(entry, key, disputed=disputed)
        return "equivocation" if disputed else None

    def _set(self, entry: Entry, key: Key, *, disputed: bool) -> None:
        rev, digest = _version(entry)
        if entry.thing is None:
            raise ValueError("an accepted entry has its content")
        src = orjson.dumps(entry.src).decode() if entry.src else None
        extra = entries.extra(entry)
        columns = (entry.type, entry.at, src, _via(entry), entry.thing.jws, entry.thing.body, extra)
        self._held[key] = Held(rev, digest, entry.op, entry.seq, disputed, False, columns, True)

    def _leave(self, held: Held | None, seq: int, op: str) -> None:
        """A record leaves this feed without its author's tombstone: its content goes, its rev stays."""
        if held is not None and held.op == "put":
            held.op, held.seq, held.changed = op, seq, True
            if held.columns is not None:
                held.columns = (*held.columns[:3], None, None, None, None)

    def _remove_matching(self, entry: Entry) -> None:
        """LIVE-2. The targets may be a whole node: they are taken out 256 at a time."""
        self.write()
        last = (-1, "", "")
        while True:
            rows = self._connection.execute(
                "SELECT path, node, id, rev FROM leaf WHERE (path, node, id) > (?, ?, ?) AND node = ?"
                " AND ? IN (id, '*') ORDER BY path, node, id LIMIT 256",
                (*last, entry.node, entry.id),
            ).fetchall()
            if not rows:
                return
            last = rows[-1][:3]
            targets = {(node, id_) for _, node, id_, rev in rows if live.matches(entry, node, id_, rev)}
            self._load(targets)
            for key in targets:
                self._leaves[key] = None
                self._leave(self._held.get(key), entry.seq, entry.op)
            self.write()

    def _is_guarded(self, key: Key, rev: int) -> bool:
        bounds = [*self._guards.get(key, ()), *self._guards.get((key[0], "*"), ())]
        return any(live.reaches(max_rev, rev) for max_rev in bounds)

    def _held_no_more(self, entry: Entry, key: Key, rev: int) -> bool:
        """READ-13: whether all that kept this put back were holds that had ended when the publisher put it again.

        By the entry's own time: what is held is a function of the log, and no clock of the reader's has a part in it.
        """
        self._write_carried()
        targets = (key[0], key[1], "*")
        erased = self._connection.execute(
            "SELECT 1 FROM guard WHERE node = ? AND id IN (?, ?) AND op = 'erase'"
            " AND (max_rev IS NULL OR max_rev >= ?)",
            (*targets, rev),
        ).fetchone()
        rows = self._connection.execute(
            "SELECT line FROM carried WHERE op = 'hold' AND node = ? AND id IN (?, ?) ORDER BY seq", targets
        ).fetchall()
        last: dict[tuple[str, str | None], notice.Notice] = {}
        try:
            for (line,) in rows:
                said = entries.parse(line)
                hold = notice.target(said)
                last[hold.by, said.id] = hold
        except Refusal:
            return False  # nobody can say when such a hold ends
        at = from_instant(entry.at)
        return erased is None and bool(last) and not any(notice.holds_at(hold, at) for hold in last.values())

    def _guard(self, entry: Entry) -> None:
        """READ-13: what was erased or is held back must not come back; of several the furthest binds."""
        self.erased = self.erased or entry.op == "erase"
        self._guarded = True
        self._connection.execute(GUARD, (entry.node, entry.id, entry.op, entry.rev))

    def _lift(self, entry: Entry) -> None:
        """An unhold lifts what held its target back, never an erasure."""
        self.write()
        self._connection.execute(
            "DELETE FROM guard WHERE op = 'hold' AND node = ? AND ? IN (id, '*')", (entry.node, entry.id)
        )

    def _note_refused(self, entry: Entry, refusal: Refusal) -> None:
        row = (entry.seq, entry.op, entry.node, entry.id, refusal.rule, refusal.code, str(refusal))
        self._refused.append(row)

    def _note_key(self, judged: Judged) -> None:
        entry = judged.entry
        if judged.refusal is None and entry.thing is not None:
            thing = entry.thing
            self._keys.append(
                (
                    *(entry.seq, entry.node, thing.kind, entry.id, entry.digest, entry.at, thing.jws, thing.body),
                    entries.extra(entry),
                )
            )

    def _take_node_head(self, judged: Judged) -> None:
        """NHD-4, NHD-5: of each node the newest head is kept; one that falls back or contradicts it is not."""
        if judged.refusal is not None:
            return
        said = completeness.of(judged.entry)
        key = (said.node, said.head.name)
        held = self._node_heads.get(key) or nodes.head_of(self._connection, *key)
        try:
            if held is not None:
                completeness.in_order(held.head, said.head)
        except Refusal as refusal:
            self._note_refused(judged.entry, refusal)
            if refusal.rule == "NHD-5" and held is not None:
                said_before = (held.head.envelope, said.head.envelope)
                case = Evidence("fork", said_before, tuple(self._statements_of(said.node)))
                evidence.keep(self._evidence_folder, case)
            return
        self._node_heads[key] = said
        self._touch(said.node, -1)
        entry = judged.entry
        self._carried.append((entry.seq, entry.op, entry.node, entry.id, entry.raw))

    def _keep_both(self, entry: Entry, key: Key, held: Held) -> None:
        """READ-8: two signed contents under one rev are proof against their author; both are kept."""
        self._cases += 1
        if self._cases > CASES_KEPT:
            return
        op, jws, body = self._content(key, held)
        if body is None or entry.thing is None:
            return  # it was erased: what is left of one of the two is a digest
        other = Envelope("record" if op == "put" else "tombstone", jws, body, {})
        said = tuple(sorted((entry.thing, other), key=lambda thing: thing.digest))
        evidence.keep(self._evidence_folder, Evidence("equivocation", said, tuple(self._statements_of(key[0]))))

    def _statements_of(self, node: str) -> Iterable[Envelope]:
        """The key statements of a node that this log holds, in its order."""
        rows = self._connection.execute(
            "SELECT kind, jws, body FROM key_statement WHERE node = ? ORDER BY seq", (node,)
        )
        fresh = [(row[2], row[6], row[7]) for row in self._keys if row[1] == node]
        return (parse_statement(kind, jws, body) for kind, jws, body in [*rows, *fresh])

    def _content(self, key: Key, held: Held) -> tuple[str, str, bytes | None]:
        if held.columns is not None:
            return held.op, *held.columns[4:6]
        row = self._connection.execute("SELECT op, jws, body FROM record WHERE node = ? AND id = ?", key).fetchone()
        return row[0], row[1], row[2]

    def write(self) -> None:
        """Write what was worked out so far, and forget it."""
        self._write_leaves()
        self._write_records()
        run = self._connection.executemany
        run("INSERT OR REPLACE INTO refusal VALUES (?,?,?,?,?,?,?)", self._refused)
        run("INSERT OR IGNORE INTO key_statement VALUES (NULL,?,?,?,?,?,?,?,?,?)", self._keys)
        self._write_carried()
        self._clear()

    def _write_carried(self) -> None:
        run = self._connection.executemany
        heads = [(op, node, id_) for _, op, node, id_, _ in self._carried if op == "nodehead"]
        run("DELETE FROM carried WHERE op = ? AND node IS ? AND id IS ?", heads)
        run("INSERT OR REPLACE INTO carried VALUES (?,?,?,?,?)", _newest(self._carried))
        self._carried = []

    def _write_leaves(self) -> None:
        gone, come = [], []
        for key, (path, was) in self._were.items():
            leaf = self._leaves[key]
            if leaf == was:
                continue
            if leaf is None:
                gone.append((path, *key))
            else:
                come.append((path, *key, leaf.rev, leaf.digest, leaf.seq, leaf.code))
            grown = (leaf is not None) - (was is not None)
            self.grown += grown
            self.touched.add(path)
            self._move(key[0], path)
            self._touch(key[0], -1, grown)
        self._connection.executemany("DELETE FROM leaf WHERE path = ? AND node = ? AND id = ?", gone)
        self._connection.executemany("INSERT OR REPLACE INTO leaf VALUES (?,?,?,?,?,?,?)", come)

    def _move(self, node: str, path: int) -> None:
        paths = self.moved.setdefault(node, set())
        if paths is not None:
            paths.add(path)
            if len(paths) > _MOST_MOVED:
                self.moved[node] = None

    def _write_records(self) -> None:
        whole, part = [], []
        for key, held in self._held.items():
            if held.changed and held.columns is not None:
                type_, at, *rest, extra = held.columns
                path = self._were[key][0]
                whole.append(
                    (path, *key, held.rev, held.digest, type_, held.op, held.seq, at, *rest, held.disputed, 0, extra)
                )
            elif held.changed:
                part.append((held.op, held.seq, held.disputed, held.prior, held.op, held.op, held.op, held.op, *key))
        self._connection.executemany(NEW_RECORD if self._first is not None else NEW_RECORD + _OR_OVER_IT, whole)
        self._connection.executemany(
            "UPDATE record SET op = ?, seq = ?, disputed = ?, prior = ?,"
            " via = CASE WHEN ? IN ('put', 'del') THEN via END, jws = CASE WHEN ? IN ('put', 'del') THEN jws END,"
            " body = CASE WHEN ? IN ('put', 'del') THEN body END, extra = CASE WHEN ? IN ('put', 'del') THEN extra END"
            " WHERE node = ? AND id = ?",
            part,
        )


def _place(src: str | None, void: Void, seq: int) -> validity.Source:
    """Where a row stands in its writer's own feed; without `src` that is the feed that is read, and only that."""
    if src:
        name, epoch, number = orjson.loads(src)
        return name, epoch, number
    epochs = [last[void.name][0] for last in validity.lost(void.ring).values() if void.name in last]
    return void.name, max(epochs, key=identifiers.epoch_number, default=""), seq


def _records_of(page: Sequence[Judged]) -> set[Key]:
    """The records that these entries name."""
    return {_key(j.entry) for j in page if live.effect(j.entry) in _NAMING}


def _key(entry: Entry) -> Key:
    return entry.node or "", entry.id or ""


def _version(entry: Entry) -> tuple[int, str]:
    return entry.rev or 0, entry.digest or ""


def _via(entry: Entry) -> bytes | None:
    """The canonical bytes of the hops: the same as came, since the whole line was canonical."""
    return orjson.dumps(list(entry.via), option=orjson.OPT_SORT_KEYS) if entry.via else None


def _newest(carried: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Of several node heads about one feed only the last."""
    last = {(op, node, id_) if op == "nodehead" else seq: row for row in carried for seq, op, node, id_, _ in [row]}
    return list(last.values())
