"""The table of records computed again from the logs, which are the truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from jisr_protocol import entry as entries
from jisr_protocol import state_tree
from jisr_protocol.entry import Entry

from . import tables as t
from .engines import Database
from .sql import SqlLedger
from .view import READ_ROWS


async def rebuild_records(ledger: SqlLedger) -> None:
    """Delete the table of records and fill it from the logs, in one transaction."""
    c, n = t.entry.c, t.node_entry.c
    database = ledger.database
    async with database.writing(long=True) as connection:
        await connection.execute(sa.delete(t.record))
        kept = sa.select(n.name, n.line).where(n.name != "public", n.line.is_not(None), n.code.is_(None))
        result = await connection.stream(kept.order_by(n.node, n.name, n.seq))
        async for part in result.partitions(READ_ROWS):
            await _take(database, connection, [(row.name, entries.parse(row.line)) for row in part])
        result = await connection.stream(sa.select(c.line).order_by(c.seq))
        async for part in result.partitions(READ_ROWS):
            await _take(database, connection, [("public", entries.parse(row.line)) for row in part])


async def _take(database: Database, connection: AsyncConnection, part: Sequence[tuple[str, Entry]]) -> None:
    rows: list[tuple[Any, ...]] = []
    for audience, e in part:
        node, record_id = e.node or "", e.id or ""
        if e.op in ("put", "del"):
            path = state_tree.path(node, record_id) if audience == "public" and e.op == "put" else None
            seq = e.seq if audience == "public" else None
            rows.append((node, record_id, audience, e.rev, e.digest, e.type, path, seq))
        elif e.op == "out":
            # in order: what was put before this entry must be there for it to be taken out
            await database.put(connection, t.record, rows, replace=True)
            rows = []
            c = t.record.c
            left = sa.update(t.record).where(c.node == node, c.id == record_id, c.audience == "public")
            await connection.execute(left.values(live_path=None, seq=e.seq))
    await database.put(connection, t.record, rows, replace=True)
