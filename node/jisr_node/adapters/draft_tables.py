"""The tables of what is being written: drafts, their versions, and for which words translations were made."""

from __future__ import annotations

import sqlite3

from ..ports import Draft, Version

STEP = """
CREATE TABLE draft (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, n INTEGER NOT NULL) STRICT;
CREATE TABLE version (
    id TEXT NOT NULL, n INTEGER NOT NULL, at TEXT NOT NULL, kind TEXT NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (id, n)
) STRICT;
CREATE TABLE written_for (id TEXT PRIMARY KEY, said TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""


class DraftTables:
    """The part of a ports.Store that keeps drafts."""

    _db: sqlite3.Connection

    def draft(self, record_id: str) -> Draft | None:
        row = self._db.execute("SELECT id, type, n FROM draft WHERE id = ?", (record_id,)).fetchone()
        return Draft(*row) if row else None

    def drafts(self) -> list[Draft]:
        return [Draft(*row) for row in self._db.execute("SELECT id, type, n FROM draft ORDER BY place")]

    def put_draft(self, draft: Draft) -> None:
        self._db.execute(
            "INSERT INTO draft (id, type, n) VALUES (?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET type = excluded.type, n = excluded.n",
            (draft.id, draft.type, draft.n),
        )

    def drop_draft(self, record_id: str) -> None:
        self._db.execute("DELETE FROM draft WHERE id = ?", (record_id,))

    def versions(self, record_id: str) -> list[Version]:
        rows = self._db.execute("SELECT id, n, at, kind, content FROM version WHERE id = ? ORDER BY n", (record_id,))
        return [Version(*row) for row in rows]

    def version_ids(self) -> list[str]:
        return [row[0] for row in self._db.execute("SELECT DISTINCT id FROM version ORDER BY id")]

    def put_version(self, version: Version, most: int) -> None:
        self._db.execute(
            "INSERT INTO version VALUES (?, ?, ?, ?, ?)",
            (version.id, version.n, version.at, version.kind, version.content),
        )
        self._db.execute("DELETE FROM version WHERE id = ? AND n <= ?", (version.id, version.n - most))

    def written_for(self, record_id: str) -> str:
        row = self._db.execute("SELECT said FROM written_for WHERE id = ?", (record_id,)).fetchone()
        return row[0] if row else ""

    def put_written_for(self, record_id: str, text: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO written_for VALUES (?, ?)", (record_id, text))

    def forget_drafts(self, record_id: str | None) -> None:
        for table in ("draft", "version", "written_for"):
            self._db.execute(f"DELETE FROM {table} WHERE ?1 IS NULL OR id = ?1", (record_id,))
