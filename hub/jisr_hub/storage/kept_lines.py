"""The lines a ledger keeps of a node's log beside its own, read to be proven (inspection.py)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import sqlalchemy as sa

from . import tables as t
from .sql import SqlLedger

_READ_ROWS = 512


async def kept_lines(ledger: SqlLedger, node: str, name: str) -> AsyncIterator[Sequence[tuple[int, bytes, bytes]]]:
    """(seq, leaf, line) of every position of this feed whose line is kept, in order, in batches."""
    c = t.node_entry.c
    query = sa.select(c.seq, c.leaf, c.line).where(c.node == node, c.name == name, c.line.is_not(None)).order_by(c.seq)
    last = -1
    while rows := await ledger.rows(query.where(c.seq > last).limit(_READ_ROWS)):
        yield [(row.seq, row.leaf, row.line) for row in rows]
        last = rows[-1].seq
