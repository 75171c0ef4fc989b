"""The records of a first sync: rows that are new are only appended; what stands in another order is made at the end.

A copy that holds nothing yet meets each record once, as a rule. So while that is so, nothing is looked up but a number
of eight bytes for each record, rows are written in the order in which they come, and the index of records and the
lines of the state tree are sorted and written when the last has come, or the first that is met again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from .. import state_tree
from .tables import RECORD_KEY

NEW_RECORD = "INSERT INTO record VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
CACHE_KIB = 24 * 1024
"""For the numbers, which come in no order: those of some 1.5 million records."""
_PATH_SHIFT = 63 - 18


class FirstSet:
    """New rows of a copy that held nothing when this was made. `end` before anything is looked up by its name."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.count = 0
        """Rows so far."""
        connection.execute(f"PRAGMA temp.cache_size = -{CACHE_KIB}")
        connection.execute("CREATE TEMP TABLE came (key INTEGER PRIMARY KEY)")
        connection.execute("DROP INDEX record_key")

    @staticmethod
    def fits(connection: sqlite3.Connection) -> bool:
        """Whether nothing is held, so that a first set can be begun."""
        tables = ("feed", "record", "leaf", "guard")
        return all(connection.execute(f"SELECT 1 FROM {table}").fetchone() is None for table in tables)

    def paths(self, keys: Sequence[tuple[str, str]]) -> list[int] | None:
        """Note these records, (node, id) each, as come; return the path of each in the state tree, or None when one of
        them, or another of the same number, has come before."""
        numbers = [state_tree.place(node, record_id) for node, record_id in keys]
        before = self._connection.total_changes
        self._connection.executemany("INSERT OR IGNORE INTO came VALUES (?)", [(number,) for number in numbers])
        if self._connection.total_changes - before != len(numbers):
            return None
        return [number >> _PATH_SHIFT for number in numbers]

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Append rows of the table `record`."""
        self.count += len(rows)
        self._connection.executemany(NEW_RECORD, rows)

    def end(self) -> None:
        """Make the index of the records, and the lines of the state tree that are theirs, each in its own order."""
        self._connection.execute("DROP TABLE temp.came")
        self._connection.execute(RECORD_KEY)
        self._connection.execute(
            "INSERT INTO leaf SELECT path, node, id, rev, digest, seq, NULL FROM record WHERE op = 'put'"
            " ORDER BY path, node, id"
        )
