"""Nodes' restricted logs as the hub keeps them, for the feeds that are made of them (NodeLogs of views.py)."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from ..views.derived import NodeFeed
from . import tables as t
from .sql import SqlLedger

_sound = sa.or_(t.node_entry.c.code.is_(None), t.node_entry.c.code == "policy_refused")
"""Whether an entry is judged by policy only: the feeds that are made of it judge it themselves."""


class SqlNodeLogs:
    """The NodeLogs port on the tables of a ledger."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger = ledger

    async def feeds(self, name: str) -> list[NodeFeed]:
        f, e = t.node_feed.c, t.node_entry.c
        passed = sa.select(sa.func.count()).where(e.node == f.node, e.name == f.name, _sound)
        query = sa.select(f.node, f.epoch, f.size, passed.scalar_subquery().label("admitted")).where(f.name == name)
        rows = await self._ledger.rows(query.order_by(f.node))
        return [NodeFeed(row.node, row.epoch, row.size, row.admitted) for row in rows]

    async def admitted(self, node: str, name: str, start: int, count: int) -> Sequence[tuple[int, bytes]]:
        c = t.node_entry.c
        query = sa.select(c.seq, c.line).where(c.node == node, c.name == name, c.seq >= start, _sound)
        rows = await self._ledger.rows(query.where(c.line.is_not(None)).order_by(c.seq).limit(count))
        return [(row.seq, row.line) for row in rows]
