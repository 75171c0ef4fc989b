"""What is searched of a record goes in the transaction that erases the record or holds it back."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from jisr_protocol.notice import ALL

from . import tables as t
from .database import Database


async def unsearched(database: Database, connection: AsyncConnection, node: str, target: str) -> None:
    """Empty every document that a record, or with `*` all of a node's, is in; the next look makes anew what stays."""
    s, e, stand = t.search_source.c, t.search_entry.c, t.search_stand.c
    where = [s.node == node, *([s.id == target] if target != ALL else [])]
    docs = [row.doc for row in await connection.execute(sa.select(s.doc).where(*where).distinct())]
    if not docs:
        return
    await connection.execute(sa.update(t.search_stand).values(turn=stand.turn + 1))
    turn = (await connection.execute(sa.select(stand.turn))).scalar_one()
    for start in range(0, len(docs), 500):
        part = docs[start : start + 500]
        keys = await connection.execute(sa.select(e.node, e.id).where(e.doc.in_(part), e.node != ""))
        due = [(row.node, row.id) for row in keys]
        await database.put(connection, t.search_due, due, replace=True)
        empty = {"turn": turn, "node": "", "id": "", "content": ""}
        await connection.execute(sa.update(t.search_entry).where(e.doc.in_(part)).values(empty))
        await connection.execute(sa.delete(t.search_source).where(s.doc.in_(part)))
