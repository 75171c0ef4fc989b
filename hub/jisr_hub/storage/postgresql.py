"""PostgreSQL: any number of processes; the writer's lock is taken first, so who sees entry n+1 sees entry n."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import orjson
import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from ..failures import Unwritable
from ..ports import Key, Lead, StillSeen
from .database import PROGRAM, STILL_SEEN, PooledAddress, close_cursor, closing_streams
from .dialogue import Ask, Dialogue, Put, Rows, T, beside

LOCK_SECONDS = 10
WRITE_SECONDS = 60
"""The longest one statement may take under the writer's lock; a rebuild of everything asks for more."""
FEED_LOCK, LEADER_LOCKS = 0x4A697372, 0x4A697373
"""First keys of our advisory locks: "Jisr" in ASCII, and the next number."""
FORGET_SECONDS = 30
"""How long transactions that still see what was erased are waited for."""
CONNECT_SECONDS = 10
BEAT_SECONDS = 5
"""How soon a leader notices that its lock went with its connection."""

_ARRAYS = {sa.BigInteger: "bigint[]", sa.Text: "text[]", sa.LargeBinary: "bytea[]"}


class Postgres:
    """PostgreSQL: the writer's lock is taken first, so who sees entry n+1 sees entry n; standbys see the same order."""

    ranges = (
        "(SELECT (pair->>0)::bigint AS low, (pair->>1)::bigint AS high"
        " FROM jsonb_array_elements(CAST(? AS jsonb)) AS pair) AS asked"
    )
    named = "unnest(CAST(%b AS text[])) AS asked(value)"
    no_bytes = "''::bytea"
    keys = "unnest(CAST(%b AS text[]), CAST(%b AS text[])) AS asked(node, id)"

    def __init__(self, address: str, schema: str = "", direct: str = "") -> None:
        """With `schema` all tables stand there, and its writer's lock is one of its own. With `direct` the address
        leads through a pooler that gives each transaction another session, and `direct` to the database itself."""
        self._url, self._schema = sa.make_url(address).set(drivername="postgresql+psycopg"), schema
        self._pooled = bool(direct)
        few = 1 if schema else 4
        self._writer = self._engine(pool_size=min(few, 2), max_overflow=2)
        self._readers = self._engine(pool_size=few, max_overflow=4, isolation_level="REPEATABLE READ")
        self.askers = self._engine(pool_size=few, max_overflow=4, isolation_level="AUTOCOMMIT")
        if direct:
            self._url, self._pooled = sa.make_url(direct).set(drivername="postgresql+psycopg"), False
        # each role that is led holds a connection for as long as it leads: none of those that answer
        self._leaders = self._engine(pool_size=1, max_overflow=-1, isolation_level="AUTOCOMMIT")

    def _engine(self, **settings: Any) -> AsyncEngine:
        asked: dict[str, Any] = {"application_name": PROGRAM, "connect_timeout": CONNECT_SECONDS}
        if self._schema:
            asked["options"] = f"-csearch_path={self._schema}"
        if self._pooled:
            asked["prepare_threshold"] = None  # what is prepared belongs to a session
        engine = create_async_engine(self._url, pool_pre_ping=True, connect_args=asked, **settings)
        sa.event.listen(engine.sync_engine, "connect", _streaming)
        sa.event.listen(engine.sync_engine, "handle_error", close_cursor)
        sa.event.listen(engine.sync_engine, "handle_error", _away)
        return engine

    async def prepare(self) -> None:
        if self._schema:
            engine = create_async_engine(self._url, isolation_level="AUTOCOMMIT")
            async with engine.connect() as connection:
                await connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {self._schema}")
            await engine.dispose()

    @asynccontextmanager
    async def writing(self, *, long: bool = False) -> AsyncIterator[AsyncConnection]:
        async with self._begun() as connection:
            await self.converse(connection, self._locking(0 if long else WRITE_SECONDS))
            yield connection

    @asynccontextmanager
    async def _begun(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._writer.begin() as connection, closing_streams(connection):
                yield connection
        except sa.exc.OperationalError as error:  # no room, no connection, a lock that was not given in time
            raise Unwritable(_first_line(error)) from error

    def _locking(self, statement_seconds: int) -> Dialogue[None]:
        """Bounds of this transaction, and the writer's lock: an advisory one is released after a commit is visible."""
        bounds = {
            "lock_timeout": f"{LOCK_SECONDS}s",
            "idle_in_transaction_session_timeout": f"{WRITE_SECONDS}s",
            "statement_timeout": f"{statement_seconds}s",
            "synchronous_commit": "on",
        }
        settings = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in bounds.items())
        lock = f"{FEED_LOCK}, hashtext('{self._schema}')" if self._schema else str(FEED_LOCK)
        yield [Ask(f"SELECT {settings}"), Ask(f"SELECT pg_advisory_xact_lock({lock})")]

    async def ask(self, dialogue: Dialogue[T]) -> T:
        async with self.askers.connect() as connection:
            return await self.converse(connection, dialogue)

    async def write(self, dialogue: Dialogue[T]) -> T:
        """The lock is asked for in the trip of the first questions: each is answered as of when it had been given."""
        async with self._begun() as connection:
            result: T
            _, result = await self.converse(connection, beside(self._locking(WRITE_SECONDS), dialogue))
            return result

    async def converse(self, connection: AsyncConnection, dialogue: Dialogue[T]) -> T:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        try:
            return await _answer_in_trips(driver, dialogue)
        except psycopg.OperationalError as error:
            raise Unwritable(str(error).partition("\n")[0]) from error

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        async with self._readers.connect() as connection, closing_streams(connection):
            yield connection

    def insert(self, table: sa.Table) -> postgresql.Insert:
        return postgresql.insert(table)

    def asked_texts(self, values: Iterable[str]) -> object:
        return list(values)

    def asked_keys(self, keys: Iterable[Key]) -> tuple[object, ...]:
        pairs = list(keys)
        return [node for node, _ in pairs], [record_id for _, record_id in pairs]

    def asked_ranges(self, values: Sequence[tuple[int, int]]) -> object:
        return orjson.dumps(values).decode()

    def contains(self, column: sa.Column[Any], sought: bytes) -> sa.ColumnElement[bool]:
        return sa.func.pg_catalog.position(column, sought) > 0

    async def put(self, connection: AsyncConnection, table: sa.Table, rows: Rows, *, replace: bool) -> None:
        if rows:
            await connection.exec_driver_sql(*_inserting(Put(table, rows, replace)))

    @asynccontextmanager
    async def leading(self, role: str) -> AsyncIterator[Lead | None]:
        """A lock of the session: it goes with the connection, however the process dies."""
        asked = sa.func.pg_try_advisory_lock(LEADER_LOCKS, sa.func.hashtext(role))
        async with self._leaders.connect() as connection:
            await _check_direct(connection)
            leads = bool((await connection.execute(sa.select(asked))).scalar_one())

            async def lost() -> None:
                while True:
                    await asyncio.sleep(BEAT_SECONDS)
                    await connection.exec_driver_sql("SELECT 1")

            try:
                yield lost if leads else None
            finally:
                if leads:
                    await connection.invalidate()  # closes it: a lock never goes back to the pool

    async def forget(self, tables: Iterable[sa.Table]) -> list[str]:
        """VACUUM alone leaves old bytes in the free space of pages; FULL writes tables and indexes anew. It takes along
        what a transaction that began earlier may still see, anybody's, so it is done again when that has ended."""
        async with self.askers.connect() as connection:
            for table in tables:
                end = time.monotonic() + FORGET_SECONDS
                while seen := await _write_anew(connection, table.name):
                    if time.monotonic() > end:
                        raise StillSeen(STILL_SEEN.format(f"{seen} old rows of the table {table.name}"))
                    await asyncio.sleep(1.0)
            await connection.exec_driver_sql("CHECKPOINT")  # files that were left are emptied at once, removed now
            return [str(row[0]) for row in await connection.exec_driver_sql(_REMAINS)]

    async def check(self) -> None:
        try:
            async with self._leaders.connect() as connection:
                await _check_direct(connection)
        except sa.exc.OperationalError as error:
            raise Unwritable(_first_line(error)) from error

    async def close(self) -> None:
        for engine in {self._writer, self._readers, self.askers, self._leaders}:
            await engine.dispose()


class _Stream(psycopg.AsyncServerCursor[Any]):
    """A cursor that is closed here also when its closing at the server was cancelled or failed: there it goes with its
    transaction."""

    async def close(self) -> None:
        try:
            await super().close()
        finally:
            await psycopg.AsyncCursor.close(self)


def _streaming(connection: Any, _: object) -> None:
    connection.driver_connection.server_cursor_factory = _Stream


def _away(context: sa.engine.ExceptionContext) -> Unwritable | None:
    """A server that goes, or that nobody reaches, is nobody's mistake, whatever was asked of it."""
    error = context.sqlalchemy_exception
    gone = context.is_disconnect or context.connection is None
    if isinstance(error, sa.exc.OperationalError) and gone and not context.is_pre_ping:
        return Unwritable(_first_line(error))
    return None


def _first_line(error: sa.exc.OperationalError) -> str:
    return str(error.orig).partition("\n")[0]


async def _check_direct(connection: AsyncConnection) -> None:
    """A pooler tells its clients another session than the database does."""
    driver: Any = (await connection.get_raw_connection()).driver_connection
    session = (await connection.execute(sa.select(sa.func.pg_backend_pid()))).scalar_one()
    if driver.info.backend_pid != session:
        raise PooledAddress(
            "The database is reached through a pooler (such as pgbouncer), where a lock belongs to nobody, so two"
            " processes could publish at once. Nothing was changed. Name the database itself as the setting"
            " direct_database; `database` may go on leading through the pooler."
        )


async def _write_anew(connection: AsyncConnection, table: str) -> int:
    """Write a table anew; how many rows that nobody needs any more it had to take along."""
    told: list[str] = []
    driver: Any = (await connection.get_raw_connection()).driver_connection

    def note(diagnostic: Any) -> None:
        told.append(diagnostic.message_detail or "")

    driver.add_notice_handler(note)
    try:
        await connection.exec_driver_sql(f"VACUUM (FULL, VERBOSE) {table}")
    finally:
        driver.remove_notice_handler(note)
    # "3 dead row versions cannot be removed yet.", in whatever language
    return max((int(number[0]) for detail in told if (number := re.match(r"\d+", detail))), default=0)


_REMAINS = """
SELECT 'the write-ahead log still holds it: ' || count(*) || ' segments, the oldest of '
    || to_char(min(modification) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') FROM pg_ls_waldir()
UNION ALL
SELECT 'the standby ' || application_name || ' holds it until it has replayed what was written (behind by '
    || coalesce(replay_lag::text, '0') || ')' FROM pg_stat_replication
"""


async def _answer_in_trips(connection: psycopg.AsyncConnection[Any], dialogue: Dialogue[T]) -> T:
    """Answer a dialogue on an open connection, each of its turns in one round trip."""
    try:
        asked = next(dialogue)
        while True:
            cursors: list[psycopg.AsyncCursor[Any] | None] = []
            async with connection.pipeline():
                for one in asked:
                    if isinstance(one, Ask):
                        cursors.append(await connection.execute(_text(one.sql), one.values))
                    else:
                        cursors.append(await connection.execute(*_inserting(one)) if one.rows else None)
            asked = dialogue.send([await c.fetchall() if c is not None and c.description else () for c in cursors])
    except StopIteration as done:
        result: T = done.value
        return result


@cache
def _text(sql: str) -> str:
    return sql.replace("?", "%s")


def _inserting(put: Put) -> tuple[str, tuple[Any, ...]]:
    """The statement that inserts whole rows, and its values: an array a column."""
    columns, rows = put.table.columns, put.rows
    names = [column.name for column in columns]
    # binary: as text an array of bytes is escaped twice, and costs as much as all the rest of its record
    arrays = ",".join(f"%b::{_array(column)}" for column in columns)
    then = ""
    if put.replace:
        keys = [column.name for column in put.table.primary_key.columns]
        places = [names.index(key) for key in keys]
        rows = list({tuple(row[place] for place in places): row for row in rows}.values())
        rest = ",".join(f"{name} = excluded.{name}" for name in names if name not in keys)
        then = f" ON CONFLICT ({','.join(keys)}) DO " + (f"UPDATE SET {rest}" if rest else "NOTHING")
    statement = f"INSERT INTO {put.table.name} ({','.join(names)}) SELECT * FROM unnest({arrays}){then}"
    return statement, tuple(list(column) for column in zip(*rows, strict=True))


def _array(column: sa.Column[Any]) -> str:
    return next(array for kind, array in _ARRAYS.items() if isinstance(column.type, kind))
