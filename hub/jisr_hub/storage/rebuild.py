"""The table of records computed again from the logs, which are the truth: to replace it, or to be held against it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from jisr_protocol import entry as entries
from jisr_protocol import state_tree
from jisr_protocol.entry import Entry

from ..ports import Nullified
from . import node_trees
from . import tables as t
from .database import Database, streamed
from .erasing import take_out
from .sql import SqlLedger
from .view import READ_ROWS

Part = Sequence[tuple[str, Entry]]
"""(audience, entry) in the order of the log."""


async def rebuild_records(ledger: SqlLedger) -> None:
    """Delete the table of records and fill it from the logs, in one transaction."""
    c, n = t.entry.c, t.node_entry.c
    database = ledger.database
    kept = sa.select(n.name, n.line).where(n.line.is_not(None), n.code.is_(None)).order_by(n.node, n.name, n.seq)
    async with database.writing(long=True) as connection:
        await connection.execute(sa.delete(t.record))
        await node_trees.drop(connection)
        void = frozenset(Nullified(*tuple(row)) for row in (await connection.execute(sa.select(t.nullified))).all())
        async for part in streamed(connection, kept.where(n.name != "public"), READ_ROWS):
            await take(database, connection, [(row.name, entries.parse(row.line)) for row in part], void)
        async for part in streamed(connection, sa.select(c.line).order_by(c.seq), READ_ROWS):
            await take(database, connection, [("public", entries.parse(row.line)) for row in part], void)
        async for part in streamed(connection, kept.where(n.name == "public"), READ_ROWS):
            await take_unshown(database, connection, [(row.name, entries.parse(row.line)) for row in part], void)
        async for part in streamed(connection, sa.select(t.held_back.c.line), READ_ROWS):
            await take_unshown(database, connection, [("public", entries.parse(row.line)) for row in part], void)


async def take(
    database: Database, connection: AsyncConnection, part: Part, void: frozenset[Nullified] = frozenset()
) -> None:
    """Fold the next entries of a log into the table of records: of a node's restricted feed, or of the hub's own.

    What a lost key had signed (`void`) only takes its place: the rev that is held stays that of what counts.
    """
    rows: list[tuple[Any, ...]] = []
    for audience, e in part:
        node, record_id = e.node or "", e.id or ""
        if e.op in ("put", "del") and Nullified(node, record_id, audience, e.digest or "") in void:
            await database.put(connection, t.record, rows, replace=True)
            rows = []
            if audience == "public":
                await _pass(database, connection, e)
        elif e.op in ("put", "del"):
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
        elif e.op in ("erase", "hold") and audience == "public":
            await database.put(connection, t.record, rows, replace=True)
            rows = []
            await take_out(connection, node, record_id, e.rev)
    await database.put(connection, t.record, rows, replace=True)


async def _pass(database: Database, connection: AsyncConnection, e: Entry) -> None:
    """An entry that does not count is the newest word about its record all the same."""
    row = (e.node, e.id, "public", 0, "", e.type, None, e.seq)
    insert = database.insert(t.record).values(dict(zip(t.record.columns.keys(), row, strict=True)))
    await connection.execute(
        insert.on_conflict_do_update(
            index_elements=["node", "id", "audience"], set_={"live_path": None, "seq": insert.excluded.seq}
        )
    )


async def take_unshown(
    database: Database, connection: AsyncConnection, part: Part, void: frozenset[Nullified] = frozenset()
) -> None:
    """Fold lines of a node's public feed that never showed: its restricted feed came first. After the log itself."""
    shown = [(e.node or "", e.id or "", e) for _, e in part if e.op in ("put", "del")]
    for node, record_id, e in shown:
        if Nullified(node, record_id, "public", e.digest or "") in void:
            continue
        row = (node, record_id, "public", e.rev, e.digest, e.type, None, None)
        insert = database.insert(t.record).values(dict(zip(t.record.columns.keys(), row, strict=True)))
        newer = {name: insert.excluded[name] for name in ("rev", "digest", "type", "live_path")}
        where = insert.excluded.rev > t.record.c.rev
        await connection.execute(
            insert.on_conflict_do_update(index_elements=["node", "id", "audience"], set_=newer, where=where)
        )
