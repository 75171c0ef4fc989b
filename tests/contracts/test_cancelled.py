"""What is cancelled in the middle of a read of the ledger ends as cancelled, on both databases."""

import asyncio
import contextlib
import gc
import sqlite3
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from jisr_hub.failures import Unwritable
from jisr_hub.storage import database
from jisr_hub.storage import tables as t
from jisr_hub.storage.sql import SqlLedger

pytestmark = pytest.mark.anyio
STEPS = 60


async def test_whoever_is_cancelled_at_any_moment_ends_so_and_leaves_a_ledger_that_works(place: Path | str) -> None:
    ledger = await SqlLedger.open(place, new_epoch="1-aaaaaaaa")
    rows = [{"seq": n, "op": "x", "leaf": b"l", "line": b"{}"} for n in range(300)]
    async with ledger.database.writing() as connection:
        await connection.execute(sa.insert(t.entry), rows)

    async def read() -> int:
        found = 0
        async with ledger.database.reading() as connection:
            async for part in database.streamed(connection, sa.select(t.entry), 10):
                found += len(part)
        return found

    ended = []
    for steps in range(STEPS):
        task = asyncio.create_task(read())
        for _ in range(steps):
            await asyncio.sleep(0.0005 if steps % 2 else 0)
        task.cancel()
        await asyncio.wait([task], timeout=20)
        assert task.done()
        ended.append(task.cancelled() or task.result() == len(rows))
    assert all(ended)
    assert await read() == len(rows)
    await ledger.close()
    gc.collect()


async def test_whoever_was_cancelled_reads_the_file_no_longer(tmp_path: Path) -> None:
    """Not even until the garbage collector comes by: the log of old pages could not be cut."""
    ledger = await SqlLedger.open(tmp_path / "hub.sqlite", new_epoch="1-aaaaaaaa")
    rows = [{"seq": n, "op": "x", "leaf": b"l", "line": b"{}" * 500} for n in range(1000)]
    async with ledger.database.writing() as connection:
        await connection.execute(sa.insert(t.entry), rows)

    async def read(began: asyncio.Event) -> None:
        async with ledger.database.reading() as connection:
            async for _ in database.streamed(connection, sa.select(t.entry), 10):
                began.set()

    gc.disable()
    try:
        for number in range(5):
            began = asyncio.Event()
            reader = asyncio.create_task(read(began))
            await began.wait()
            reader.cancel()
            await asyncio.wait([reader], timeout=20)
            assert reader.cancelled()
            row = {"seq": len(rows) + number, "op": "x", "leaf": b"l", "line": b"{}"}
            async with ledger.database.writing() as connection:
                await connection.execute(sa.insert(t.entry), [row])
            with contextlib.closing(sqlite3.connect(tmp_path / "hub.sqlite", timeout=1)) as other:
                assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    finally:
        gc.enable()
        await ledger.close()


@asynccontextmanager
async def _opening(ledger: SqlLedger) -> AsyncIterator[tuple[asyncio.Task[None], int]]:
    """A stream of PostgreSQL that waits for a table while it opens, and the number of its session."""

    async def read() -> None:
        async with ledger.database.reading() as connection:
            async for _ in database.streamed(connection, sa.select(t.entry), 10):
                raise AssertionError("the table is locked")

    waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with ledger.database.askers.connect() as asker, ledger.database.writing() as writer:
        await writer.exec_driver_sql(f"LOCK TABLE {t.entry.name} IN ACCESS EXCLUSIVE MODE")
        reader = asyncio.create_task(read())
        async with asyncio.timeout(20):
            while not (found := (await asker.exec_driver_sql(waiting)).scalars().all()):
                await asyncio.sleep(0.01)
        yield reader, found[0]


@pytest.mark.parametrize("end", ["cancelled", "server gone"])
async def test_a_stream_that_ends_while_it_opens_leaves_no_cursor_open(postgres_address: str, end: str) -> None:
    ledger = await SqlLedger.open(postgres_address, new_epoch="1-aaaaaaaa")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        async with _opening(ledger) as (reader, session):
            if end == "cancelled":
                reader.cancel()
            else:
                async with ledger.database.askers.connect() as other:
                    await other.execute(sa.select(sa.func.pg_terminate_backend(session)))
            await asyncio.wait([reader], timeout=20)
        assert reader.cancelled() if end == "cancelled" else isinstance(reader.exception(), Unwritable)
        del reader
        gc.collect()
    assert [str(warning.message) for warning in told] == []
    await ledger.close()


async def test_a_stream_whose_closing_is_cancelled_leaves_no_cursor_open(postgres_address: str) -> None:
    ledger = await SqlLedger.open(postgres_address, new_epoch="1-aaaaaaaa")
    async with ledger.database.reading() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        cursor = driver.cursor("stream")
        await cursor.execute("SELECT generate_series(1, 1000)")
        closing = asyncio.create_task(cursor.close())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait([closing], timeout=20)
        assert closing.cancelled() and cursor.closed
    await ledger.close()
