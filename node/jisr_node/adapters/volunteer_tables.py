"""The table of volunteers who have no node: their link by its hash, their record, and the rest sealed."""

from __future__ import annotations

import sqlite3

from ..volunteers.desk import Enrolled

STEP = """
CREATE TABLE volunteer (
    key TEXT PRIMARY KEY, record TEXT NOT NULL, until TEXT NOT NULL, gone TEXT NOT NULL, sealed BLOB
) STRICT;
"""


class VolunteerTables:
    """The part of a store that keeps volunteers: volunteers.desk.Volunteers."""

    _db: sqlite3.Connection

    def volunteer(self, key: str) -> Enrolled | None:
        row = self._db.execute(
            "SELECT key, record, until, gone, sealed FROM volunteer WHERE key = ?", (key,)
        ).fetchone()
        return Enrolled(*row) if row else None

    def volunteers(self) -> list[Enrolled]:
        rows = self._db.execute("SELECT key, record, until, gone, sealed FROM volunteer ORDER BY until, key")
        return [Enrolled(*row) for row in rows]

    def put_volunteer(self, one: Enrolled) -> None:
        row = (one.key, one.record, one.until, one.gone, one.sealed)
        self._db.execute("INSERT OR REPLACE INTO volunteer VALUES (?, ?, ?, ?, ?)", row)

    def drop_volunteer(self, key: str) -> None:
        self._db.execute("DELETE FROM volunteer WHERE key = ?", (key,))
