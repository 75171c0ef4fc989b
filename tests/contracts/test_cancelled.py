"""What is cancelled in the middle of a read of the ledger ends as cancelled, on both databases."""

import asyncio
import gc
from pathlib import Path

import pytest
import sqlalchemy as sa

from jisr_hub.storage import engines
from jisr_hub.storage import tables as t
from jisr_hub.storage.sql import SqlLedger

pytestmark = pytest.mark.anyio
STEPS = 60


# a cursor of psycopg that is cancelled while it opens is nobody's yet, and says so when it is collected: here
@pytest.mark.filterwarnings("ignore:<psycopg.AsyncServerCursor:ResourceWarning")
async def test_whoever_is_cancelled_at_any_moment_ends_so_and_leaves_a_ledger_that_works(place: Path | str) -> None:
    ledger = await SqlLedger.open(place, new_epoch="1-aaaaaaaa")
    rows = [{"seq": n, "op": "x", "leaf": b"l", "line": b"{}"} for n in range(300)]
    async with ledger.database.writing() as connection:
        await connection.execute(sa.insert(t.entry), rows)

    async def read() -> int:
        found = 0
        async with ledger.database.reading() as connection:
            async for part in engines.streamed(connection, sa.select(t.entry), 10):
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
