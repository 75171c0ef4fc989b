"""One connection to a SQLite file in a thread of its own, which answers whole dialogues.

A statement by way of the engine wakes the thread of its connection four times; a dialogue of a dozen wakes this one
once. Other connections stand beside it as ever: the transactions are SQLite's own.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .dialogue import Dialogue, T, answer_in_thread

EMPTYING_MS, EMPTYING_PAUSE_SECONDS = 500, 5.0
"""How long a writer waits for readers to leave the log, and how soon it tries again."""


def log_bytes(path: Path) -> int:
    """How long the write-ahead log of a database is."""
    try:
        return os.stat(f"{path}-wal").st_size
    except FileNotFoundError:
        return 0


class Lane:
    """Opened when it is first used."""

    def __init__(self, path: Path, begin: str, pragmas: Sequence[str], most_log_bytes: int | None = None) -> None:
        """With `most_log_bytes`, the write-ahead log is emptied when it has grown beyond."""
        self._path, self._begin, self._pragmas = path, begin, pragmas
        self._most_log_bytes, self._empty_again = most_log_bytes, 0.0
        self._thread = ThreadPoolExecutor(1, "jisr-ledger")
        self._connection: sqlite3.Connection | None = None

    async def answer(self, dialogue: Dialogue[T]) -> T:
        """Answer in one transaction, durable when this returns. Whoever is cancelled waits until it has ended."""
        answering = asyncio.get_running_loop().run_in_executor(self._thread, self._answer, dialogue)
        try:
            return await asyncio.shield(answering)
        except asyncio.CancelledError:
            await asyncio.wait([answering])
            raise

    def _answer(self, dialogue: Dialogue[T]) -> T:
        connection = self._opened()
        connection.execute(self._begin)
        try:
            result = answer_in_thread(connection, dialogue)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        self._bound_log(connection)
        return result

    def _bound_log(self, connection: sqlite3.Connection) -> None:
        """The log begins anew by itself only when nobody reads it just then. Under load somebody always does: it grows
        with all that is stored, every commit copies pages back, and each page is looked for in all of it."""
        if self._most_log_bytes is None or time.monotonic() < self._empty_again:
            return
        if log_bytes(self._path) <= self._most_log_bytes:
            return
        connection.execute(f"PRAGMA busy_timeout={EMPTYING_MS}")
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            connection.execute("PRAGMA busy_timeout=10000")
        self._empty_again = time.monotonic() + EMPTYING_PAUSE_SECONDS

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(self._path, isolation_level=None)
            for pragma in self._pragmas:
                self._connection.execute(f"PRAGMA {pragma}")
        return self._connection

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
