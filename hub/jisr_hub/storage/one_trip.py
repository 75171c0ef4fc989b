"""SQLAlchemy's way to a SQLite file with one trip to the thread of its connection for a statement, where it makes
four: for a cursor, to execute, to fetch, to close. Each trip wakes two threads, and a publish has a dozen statements.

    create_async_engine("sqlite+onetrip:///hub.sqlite")
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
    SQLiteDialect_aiosqlite,
)


class _Done(NamedTuple):
    """What is asked of a cursor after it has executed something; all it found is fetched."""

    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None

    async def close(self) -> None:
        """It is closed."""


def _executed(connection: sqlite3.Connection, how: str, arguments: Sequence[Any]) -> tuple[_Done, list[Any]]:
    """In the connection's own thread."""
    cursor = connection.cursor()
    try:
        execute: Callable[..., object] = getattr(cursor, how)
        execute(*arguments)
        rows = cursor.fetchall() if cursor.description else []
        return _Done(cursor.description, cursor.rowcount, cursor.lastrowid), rows
    finally:
        cursor.close()


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    __slots__ = ()

    def _make_new_cursor(self, _connection: Any) -> Any:
        return _Done()

    def _aenter_cursor(self, cursor: Any) -> Any:
        return cursor

    async def _execute_async(self, operation: Any, parameters: Any) -> Any:
        return await self._in_one_trip("execute", operation, *(() if parameters is None else (parameters,)))

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> Any:
        return await self._in_one_trip("executemany", operation, seq_of_parameters)

    async def _in_one_trip(self, how: str, *arguments: Any) -> Any:
        driver: Any = self._connection
        async with self._adapt_connection._execute_mutex:
            done, rows = await driver._execute(_executed, driver._conn, how, arguments)
        self._cursor, self._rows = done, deque(rows)
        return self


class _Connection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ()
    _cursor_cls = _Cursor


class _Driver(AsyncAdapt_aiosqlite_dbapi):
    def connect(self, *arguments: Any, **named: Any) -> _Connection:
        return _Connection(self, super().connect(*arguments, **named)._connection)


class Dialect(SQLiteDialect_aiosqlite):
    """As SQLAlchemy's own, with the cursor above."""

    driver = "onetrip"
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> _Driver:
        return _Driver(__import__("aiosqlite"), sqlite3)


registry.register("sqlite.onetrip", __name__, "Dialect")
