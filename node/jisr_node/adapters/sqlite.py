"""The node's store in one SQLite file.

WAL with synchronous=FULL: what a transaction committed survives the loss of power. Writers take the lock at once
(BEGIN IMMEDIATE), so two processes never work from the same old state; a killed one leaves no lock behind.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import Busy, Declined, Mistaken, Unwritable
from ..ports import Change, Delivery, Erasure, Feed, KnownHub, Line, Quarantined, Stored
from . import draft_tables, message_tables, volunteer_tables
from .draft_tables import DraftTables
from .message_tables import MessageTables
from .volunteer_tables import VolunteerTables

LOCK_SECONDS = 5.0

_STEPS = (
    """
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE change (
    place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, content BLOB
) STRICT;
CREATE TABLE record (
    place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, rev INTEGER NOT NULL, content BLOB,
    feed TEXT, created TEXT NOT NULL, modified TEXT NOT NULL
) STRICT;
CREATE TABLE local_id (
    type TEXT NOT NULL, local_id TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (type, local_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE feed (
    name TEXT PRIMARY KEY, epoch TEXT NOT NULL, size INTEGER NOT NULL, frontier BLOB NOT NULL, head BLOB NOT NULL
) STRICT;
CREATE TABLE entry (
    feed TEXT NOT NULL, seq INTEGER NOT NULL, op TEXT NOT NULL, id TEXT, raw BLOB NOT NULL, leaf BLOB NOT NULL,
    PRIMARY KEY (feed, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX entry_id ON entry (feed, id, seq) WHERE id IS NOT NULL;
CREATE TABLE live (
    feed TEXT NOT NULL, id TEXT NOT NULL, rev INTEGER NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (feed, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE hub (address TEXT PRIMARY KEY, id TEXT NOT NULL, keys BLOB NOT NULL) STRICT;
CREATE TABLE delivery (
    hub TEXT NOT NULL, feed TEXT NOT NULL, next INTEGER NOT NULL, head_time TEXT, receipt BLOB, tried TEXT NOT NULL,
    problem TEXT, PRIMARY KEY (hub, feed)
) STRICT, WITHOUT ROWID;
CREATE TABLE quarantined (
    hub TEXT NOT NULL, feed TEXT NOT NULL, seq INTEGER NOT NULL, code TEXT NOT NULL, pointer TEXT NOT NULL,
    detail TEXT NOT NULL, PRIMARY KEY (hub, feed, seq)
) STRICT, WITHOUT ROWID;
""",
    """
CREATE TABLE generation (
    feed TEXT NOT NULL, page INTEGER NOT NULL, generation INTEGER NOT NULL, PRIMARY KEY (feed, page)
) STRICT, WITHOUT ROWID;
CREATE TABLE erasure (
    place INTEGER PRIMARY KEY, notice TEXT NOT NULL UNIQUE, n INTEGER NOT NULL, ids TEXT NOT NULL,
    max_rev INTEGER NOT NULL, at TEXT NOT NULL, signed INTEGER NOT NULL
) STRICT;
CREATE TABLE erased (id TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT, WITHOUT ROWID;
""",
    draft_tables.STEP,
    """
CREATE TABLE imported (id TEXT PRIMARY KEY, list TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX imported_list ON imported (list);
CREATE TABLE table_choice (shape TEXT PRIMARY KEY, choice TEXT NOT NULL) STRICT, WITHOUT ROWID;
""",
    message_tables.STEP,
    volunteer_tables.STEP,
)
"""What brings a database from one version to the next, each step in one transaction together with its number."""


def _said(error: sqlite3.OperationalError) -> Declined:
    return Busy() if "locked" in str(error) else Unwritable(str(error))


@contextmanager
def only_one(place: Path) -> Iterator[None]:
    """Hold a lock that ends with the process, however it ends. Raises Declined when another process holds it."""
    db = sqlite3.connect(place, timeout=0.0, isolation_level=None)
    try:
        try:
            db.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise Declined(
                f"Another jisr-node serves {place.parent.resolve()} already, and goes on doing so. Nothing was "
                "changed. Stop the other one first, or serve another folder."
            ) from error
        yield
    finally:
        db.close()


class SqliteStore(DraftTables, MessageTables, VolunteerTables):
    """A ports.Store; `place` is a path, or ":memory:" for tests and worlds in memory."""

    def __init__(self, place: Path | str = ":memory:") -> None:
        self._db = sqlite3.connect(place, timeout=LOCK_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            # what is deleted leaves no bytes: not in the file, not in a temporary one beside it
            self._db.execute("PRAGMA secure_delete = ON")
            self._db.execute("PRAGMA temp_store = MEMORY")
            self._migrate(place)
        except sqlite3.OperationalError as error:
            self._db.close()
            raise _said(error) from error
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise Mistaken(
                f"{place} is not a node's database ({error}). Nothing was changed. Take it from a backup, "
                "or check --dir."
            ) from error
        # a Ctrl-C too leaves no database open
        except BaseException:
            self._db.close()
            raise

    def _migrate(self, place: Path | str) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > len(_STEPS):
            raise Mistaken(f"{place} was written by a newer jisr-node. Nothing was changed. Install the newer one.")
        for step in range(version, len(_STEPS)):
            with self.transaction():
                (version,) = self._db.execute("PRAGMA user_version").fetchone()
                if version == step:  # another process may have been first
                    for statement in _STEPS[step].split(";\n"):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version = {step + 1}")

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self._roll_back()
            raise _said(error) from error
        # whatever ended it, a Ctrl-C too, nothing of it stands
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def settings(self) -> dict[str, str]:
        return dict(self._db.execute("SELECT name, value FROM setting"))

    def set(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))

    def change(self, record_id: str) -> Change | None:
        row = self._db.execute("SELECT id, type, content FROM change WHERE id = ?", (record_id,)).fetchone()
        return Change(*row) if row else None

    def changes(self) -> list[Change]:
        return [Change(*row) for row in self._db.execute("SELECT id, type, content FROM change ORDER BY place")]

    def put_change(self, change: Change) -> None:
        self._db.execute(
            "INSERT INTO change (id, type, content) VALUES (?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET type = excluded.type, content = excluded.content",
            (change.id, change.type, change.content),
        )

    def drop_change(self, record_id: str) -> None:
        self._db.execute("DELETE FROM change WHERE id = ?", (record_id,))

    _STORED = "SELECT id, type, rev, content, feed, created, modified FROM record"

    def record(self, record_id: str) -> Stored | None:
        row = self._db.execute(f"{self._STORED} WHERE id = ?", (record_id,)).fetchone()
        return Stored(*row) if row else None

    def records(self) -> list[Stored]:
        return [Stored(*row) for row in self._db.execute(f"{self._STORED} ORDER BY place")]

    def put_record(self, record: Stored) -> None:
        self._db.execute(
            "INSERT INTO record (id, type, rev, content, feed, created, modified) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET type = excluded.type, rev = excluded.rev, content = excluded.content,"
            " feed = excluded.feed, modified = excluded.modified",
            (record.id, record.type, record.rev, record.content, record.feed, record.created, record.modified),
        )

    def local_id(self, type_name: str, local_id: str) -> str | None:
        row = self._db.execute(
            "SELECT id FROM local_id WHERE type = ? AND local_id = ?", (type_name, local_id)
        ).fetchone()
        return row[0] if row else None

    def put_local_id(self, type_name: str, local_id: str, record_id: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO local_id VALUES (?, ?, ?)", (type_name, local_id, record_id))

    def local_ids(self, record_id: str | None) -> list[tuple[str, str]]:
        rows = self._db.execute("SELECT type, local_id FROM local_id WHERE ?1 IS NULL OR id = ?1", (record_id,))
        return rows.fetchall()

    def drop_local_ids(self, record_id: str | None) -> None:
        self._db.execute("DELETE FROM local_id WHERE ?1 IS NULL OR id = ?1", (record_id,))

    _FEED = "SELECT name, epoch, size, frontier, head FROM feed"

    def feed(self, name: str) -> Feed | None:
        row = self._db.execute(f"{self._FEED} WHERE name = ?", (name,)).fetchone()
        return Feed(*row) if row else None

    def feeds(self) -> list[Feed]:
        return [Feed(*row) for row in self._db.execute(f"{self._FEED} ORDER BY name DESC")]

    def put_feed(self, feed: Feed) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO feed VALUES (?, ?, ?, ?, ?)",
            (feed.name, feed.epoch, feed.size, feed.frontier, feed.head),
        )

    def append(self, feed: str, line: Line) -> None:
        self._db.execute(
            "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)", (feed, line.seq, line.op, line.id, line.raw, line.leaf)
        )

    def lines(self, feed: str, start: int, end: int) -> list[Line]:
        rows = self._db.execute(
            "SELECT seq, op, id, raw, leaf FROM entry WHERE feed = ? AND seq >= ? AND seq < ? ORDER BY seq",
            (feed, start, end),
        )
        return [Line(*row) for row in rows]

    def leaves(self, feed: str, start: int, end: int) -> list[bytes]:
        rows = self._db.execute(
            "SELECT leaf FROM entry WHERE feed = ? AND seq >= ? AND seq < ? ORDER BY seq", (feed, start, end)
        )
        return [leaf for (leaf,) in rows]

    def key_lines(self, feed: str) -> dict[int, bytes]:
        # keys are few, the first entries and one for each change of keys; an erasure of all has no record either
        rows = self._db.execute(
            "SELECT seq, raw FROM entry WHERE feed = ? AND op IN ('key', 'recovery') ORDER BY seq", (feed,)
        )
        return dict(rows.fetchall())

    def lines_of(self, feed: str, record_id: str | None) -> list[Line]:
        rows = self._db.execute(
            "SELECT seq, op, id, raw, leaf FROM entry WHERE feed = ?1 AND id IS NOT NULL AND (?2 IS NULL OR id = ?2)"
            " AND op IN ('put', 'del') ORDER BY seq",
            (feed, record_id),
        )
        return [Line(*row) for row in rows]

    def rewrite(self, feed: str, seq: int, raw: bytes) -> None:
        self._db.execute("UPDATE entry SET raw = ? WHERE feed = ? AND seq = ?", (raw, feed, seq))

    def cut(self, feed: str, size: int) -> None:
        self._db.execute("DELETE FROM entry WHERE feed = ? AND seq >= ?", (feed, size))
        self._db.execute("DELETE FROM quarantined WHERE feed = ? AND seq >= ?", (feed, size))

    def latest(self, feed: str, record_id: str) -> int | None:
        row = self._db.execute("SELECT max(seq) FROM entry WHERE feed = ? AND id = ?", (feed, record_id)).fetchone()
        return row[0] if row else None

    def live(self, feed: str) -> list[tuple[str, int, str]]:
        return self._db.execute("SELECT id, rev, digest FROM live WHERE feed = ? ORDER BY id", (feed,)).fetchall()

    def put_live(self, feed: str, record_id: str, rev: int, digest: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO live VALUES (?, ?, ?, ?)", (feed, record_id, rev, digest))

    def drop_live(self, feed: str, record_id: str | None) -> None:
        self._db.execute("DELETE FROM live WHERE feed = ?1 AND (?2 IS NULL OR id = ?2)", (feed, record_id))

    def generations(self, feed: str) -> dict[int, int]:
        rows = self._db.execute("SELECT page, generation FROM generation WHERE feed = ? ORDER BY page", (feed,))
        return dict(rows.fetchall())

    def put_generation(self, feed: str, page: int, generation: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO generation VALUES (?, ?, ?)", (feed, page, generation))

    def erasures(self) -> list[Erasure]:
        rows = self._db.execute("SELECT notice, n, ids, max_rev, at, signed FROM erasure ORDER BY place")
        return [
            Erasure(notice, n, tuple(ids.split()), rev, at, bool(signed)) for notice, n, ids, rev, at, signed in rows
        ]

    def put_erasure(self, erasure: Erasure) -> None:
        self._db.execute(
            "INSERT INTO erasure (notice, n, ids, max_rev, at, signed) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (notice) DO UPDATE SET signed = excluded.signed",
            (erasure.notice, erasure.n, " ".join(erasure.ids), erasure.max_rev, erasure.at, erasure.signed),
        )

    def erased_at(self, record_id: str) -> str | None:
        row = self._db.execute("SELECT at FROM erased WHERE id = ?", (record_id,)).fetchone()
        return row[0] if row else None

    def put_erased(self, record_id: str, at: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO erased VALUES (?, ?)", (record_id, at))

    def drop_erased(self, record_id: str) -> None:
        self._db.execute("DELETE FROM erased WHERE id = ?", (record_id,))

    def imported(self, list_name: str) -> list[str]:
        return [row[0] for row in self._db.execute("SELECT id FROM imported WHERE list = ? ORDER BY id", (list_name,))]

    def put_imported(self, list_name: str, record_id: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO imported VALUES (?, ?)", (record_id, list_name))

    def drop_imported(self, record_id: str | None) -> None:
        self._db.execute("DELETE FROM imported WHERE ?1 IS NULL OR id = ?1", (record_id,))

    def table_choice(self, shape: str) -> str | None:
        row = self._db.execute("SELECT choice FROM table_choice WHERE shape = ?", (shape,)).fetchone()
        return row[0] if row else None

    def put_table_choice(self, shape: str, choice: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO table_choice VALUES (?, ?)", (shape, choice))

    def scrub(self, pending: str) -> None:
        # secure_delete clears what is deleted, but not the copies that a moved row leaves in the gaps of its old page;
        # VACUUM writes every page anew, and the log, which holds the old ones, is then cut to nothing
        try:
            self._db.execute("VACUUM")
            self._cut_log()
            self.set(pending, "")
            self._cut_log()
        except sqlite3.OperationalError as error:
            raise _said(error) from error

    def copy_to(self, place: Path) -> None:
        """Write this store, as it is at one moment, into one new file; others may write meanwhile."""
        copy = sqlite3.connect(place)
        try:
            self._db.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError as error:
            raise _said(error) from error
        finally:
            copy.close()

    def _cut_log(self) -> None:
        (busy, _, _) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy > 0:
            raise Busy

    def hub(self, address: str) -> KnownHub | None:
        row = self._db.execute("SELECT address, id, keys FROM hub WHERE address = ?", (address,)).fetchone()
        return KnownHub(*row) if row else None

    def put_hub(self, hub: KnownHub) -> None:
        self._db.execute("INSERT OR REPLACE INTO hub VALUES (?, ?, ?)", (hub.address, hub.id, hub.keys))

    _DELIVERY = "SELECT hub, feed, next, head_time, receipt, tried, problem FROM delivery"

    def deliveries(self) -> list[Delivery]:
        return [Delivery(*row) for row in self._db.execute(f"{self._DELIVERY} ORDER BY hub, feed DESC")]

    def delivery(self, hub: str, feed: str) -> Delivery | None:
        row = self._db.execute(f"{self._DELIVERY} WHERE hub = ? AND feed = ?", (hub, feed)).fetchone()
        return Delivery(*row) if row else None

    def put_delivery(self, delivery: Delivery) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO delivery VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                delivery.hub,
                delivery.feed,
                delivery.next,
                delivery.head_time,
                delivery.receipt,
                delivery.tried,
                delivery.problem,
            ),
        )

    def quarantined(self) -> list[Quarantined]:
        rows = self._db.execute("SELECT hub, feed, seq, code, pointer, detail FROM quarantined ORDER BY hub, feed, seq")
        return [Quarantined(*row) for row in rows]

    def put_quarantined(self, hub: str, feed: str, start: int, end: int, entries: Iterable[Quarantined]) -> None:
        self._db.execute(
            "DELETE FROM quarantined WHERE hub = ? AND feed = ? AND seq >= ? AND seq < ?", (hub, feed, start, end)
        )
        self._db.executemany(
            "INSERT OR REPLACE INTO quarantined VALUES (?, ?, ?, ?, ?, ?)",
            [(q.hub, q.feed, q.seq, q.code, q.pointer, q.detail) for q in entries],
        )

    def forget_problems(self) -> None:
        self._db.execute("UPDATE delivery SET problem = NULL")
