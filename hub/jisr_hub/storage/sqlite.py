"""SQLite: one file, one process; one connection writes behind a lock, readers see one moment each (WAL)."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from ..failures import Unwritable
from ..ports import Key, Lead, StillSeen
from . import one_trip  # noqa: F401 - it registers the way
from .database import STILL_SEEN, close_cursor, closing_streams
from .dialogue import Dialogue, Rows, T, answer_in_its_thread, sqlite_put
from .lane import Lane

CACHE_KIB = 64 * 1024
LOG_PAGES = 16_384
LOG_BYTES = 256 * 1024 * 1024
"""Beyond this the write-ahead log is emptied, also where readers have to be waited for."""
FORGET_SECONDS = 10
"""How long what still reads or writes the log is waited for."""
_FAILS = ("full", "I/O error", "readonly", "unable to open", "locked")
"""What its messages say when it is the disk, or another process, and not the statement."""
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "secure_delete=ON")
# A batch touches as many pages of the record index as it has records: in a log of 1,000 pages each batch would be
# copied back at once, in a larger one the pages of many batches are copied once.
_WRITES = (*_PRAGMAS, f"cache_size=-{CACHE_KIB}", f"wal_autocheckpoint={LOG_PAGES}")


async def _for_ever() -> None:
    await asyncio.Event().wait()


class Sqlite:
    """SQLite in a file: `synchronous=FULL`, so what is answered after a commit survives the power going."""

    ranges = (
        "(SELECT json_extract(value, '$[0]') AS low, json_extract(value, '$[1]') AS high FROM json_each(?)) AS asked"
    )
    named = "json_each(?) AS asked"
    no_bytes = "x''"
    keys = "(SELECT n.key AS node, i.value AS id FROM json_each(?) AS n CROSS JOIN json_each(n.value) AS i) AS asked"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = asyncio.Lock()
        self._answers, self._writes = Lane(path, "BEGIN", _PRAGMAS), Lane(path, "BEGIN IMMEDIATE", _WRITES, LOG_BYTES)
        self._writer = self._engine("BEGIN IMMEDIATE", pool_size=1, max_overflow=0)
        self._readers = self._engine("BEGIN", pool_size=4, max_overflow=0)
        alone = {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True, "pool_reset_on_return": None}
        self.askers = self._engine("", pool_size=2, max_overflow=2, **alone)

    def _engine(self, begin: str, **settings: Any) -> AsyncEngine:
        """Connections whose transactions open with `begin`; with "" each statement stands for itself."""
        engine = create_async_engine(f"sqlite+onetrip:///{self.path}", **settings)
        sa.event.listen(engine.sync_engine, "handle_error", close_cursor)
        writes = begin == "BEGIN IMMEDIATE"

        @sa.event.listens_for(engine.sync_engine, "connect")
        def prepare(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # the driver opens no transaction; `opening` below does
            cursor = connection.cursor()
            for pragma in _WRITES if writes else _PRAGMAS:
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

        @sa.event.listens_for(engine.sync_engine, "begin")
        def opening(connection: sa.Connection) -> None:
            if begin:
                connection.exec_driver_sql(begin)

        return engine

    @asynccontextmanager
    async def writing(self, *, long: bool = False) -> AsyncIterator[AsyncConnection]:
        async with self._lock:
            try:
                async with self._writer.begin() as connection, closing_streams(connection):
                    yield connection
            except sa.exc.OperationalError as error:
                _tell_of_the_disk(error.orig)
                raise
            except sqlite3.OperationalError as error:
                _tell_of_the_disk(error)
                raise

    async def ask(self, dialogue: Dialogue[T]) -> T:
        return await self._in_lane(self._answers, dialogue)

    async def write(self, dialogue: Dialogue[T]) -> T:
        async with self._lock:
            return await self._in_lane(self._writes, dialogue)

    async def _in_lane(self, lane: Lane, dialogue: Dialogue[T]) -> T:
        try:
            return await lane.answer(dialogue)
        except sqlite3.OperationalError as error:
            _tell_of_the_disk(error)
            raise

    async def converse(self, connection: AsyncConnection, dialogue: Dialogue[T]) -> T:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        return await answer_in_its_thread(driver, dialogue)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        async with self._readers.connect() as connection, closing_streams(connection):
            yield connection

    async def prepare(self) -> None:
        self.path.parent.mkdir(exist_ok=True)

    async def check(self) -> None:
        """A file has no pooler."""

    def insert(self, table: sa.Table) -> sqlite.Insert:
        return sqlite.insert(table)

    def asked_texts(self, values: Iterable[str]) -> object:
        return orjson.dumps(list(values)).decode()

    def asked_keys(self, keys: Iterable[Key]) -> tuple[object, ...]:
        by_node: dict[str, list[str]] = defaultdict(list)
        for node, record_id in keys:
            by_node[node].append(record_id)
        return (orjson.dumps(by_node).decode(),)

    def asked_ranges(self, values: Sequence[tuple[int, int]]) -> object:
        return orjson.dumps(values).decode()

    def contains(self, column: sa.Column[Any], sought: bytes) -> sa.ColumnElement[bool]:
        return sa.func.instr(column, sought) > 0

    async def put(self, connection: AsyncConnection, table: sa.Table, rows: Rows, *, replace: bool) -> None:
        if rows:
            await connection.exec_driver_sql(sqlite_put(table.name, len(table.columns), replace), list(rows))

    @asynccontextmanager
    async def leading(self, role: str) -> AsyncIterator[Lead | None]:
        yield _for_ever  # one process a file (lock.py)

    async def forget(self, tables: Iterable[sa.Table]) -> list[str]:
        """What is deleted is overwritten (secure_delete), but a row that moved when its page was split has left its
        bytes in the gap of the old page: the file is written anew, and the log of old pages cut to nothing."""
        async with self._lock, self.askers.connect() as connection:
            try:
                await connection.exec_driver_sql("VACUUM")
            except sa.exc.OperationalError as error:
                if "locked" not in str(error.orig):
                    raise
                raise StillSeen(STILL_SEEN.format("or writes it")) from error
            await _cut_log(connection)
        return []

    async def close(self) -> None:
        for engine in (self._writer, self._readers, self.askers):
            await engine.dispose()
        for lane in (self._answers, self._writes):
            await lane.close()


async def _cut_log(connection: AsyncConnection) -> None:
    """Cut the log of old pages to nothing. Whoever copies pages at this moment, of itself after a commit, is not waited
    for by SQLite, as readers are."""
    end = time.monotonic() + FORGET_SECONDS
    while (await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")).one()[0]:
        if time.monotonic() > end:
            raise StillSeen(STILL_SEEN.format("its write-ahead log"))
        await asyncio.sleep(0.2)


def _tell_of_the_disk(error: BaseException | None) -> None:
    """Raise Unwritable unless it is a statement of ours that does not fit."""
    if any(mark in str(error) for mark in _FAILS):
        raise Unwritable(str(error)) from error
