"""The tables of messages that came: as they came, sealed; which ids came before; opening keys of before, sealed too."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from ..messages.box import Kept

STEP = """
CREATE TABLE message (
    id TEXT PRIMARY KEY, at TEXT NOT NULL, expires TEXT NOT NULL, sealed BLOB NOT NULL
) STRICT;
CREATE TABLE message_seen (id TEXT PRIMARY KEY, until TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE opening (place INTEGER PRIMARY KEY, at TEXT NOT NULL, sealed BLOB NOT NULL) STRICT;
"""


class MessageTables:
    """The part of a store that keeps messages: messages.box.Messages."""

    _db: sqlite3.Connection

    def messages(self) -> list[Kept]:
        rows = self._db.execute("SELECT id, at, expires, sealed FROM message ORDER BY at DESC, id")
        return [Kept(*row) for row in rows]

    def put_message(self, message: Kept) -> None:
        row = (message.id, message.at, message.expires, message.sealed)
        self._db.execute("INSERT INTO message VALUES (?, ?, ?, ?)", row)
        self._db.execute("INSERT OR REPLACE INTO message_seen VALUES (?, ?)", (message.id, message.expires))

    def drop_messages(self, until: str, message_id: str | None = None) -> int:
        if message_id is not None:
            return self._db.execute("DELETE FROM message WHERE id = ?", (message_id,)).rowcount
        self._db.execute("DELETE FROM message_seen WHERE until <= ?", (until,))
        return self._db.execute("DELETE FROM message WHERE expires <= ?", (until,)).rowcount

    def message_seen(self, message_id: str) -> bool:
        row = self._db.execute("SELECT 1 FROM message_seen WHERE id = ?", (message_id,)).fetchone()
        return row is not None

    def openings(self) -> list[tuple[str, bytes]]:
        return [tuple(row) for row in self._db.execute("SELECT at, sealed FROM opening ORDER BY place")]

    def replace_openings(self, openings: Sequence[tuple[str, bytes]]) -> None:
        self._db.execute("DELETE FROM opening")
        self._db.executemany("INSERT INTO opening (at, sealed) VALUES (?, ?)", openings)
