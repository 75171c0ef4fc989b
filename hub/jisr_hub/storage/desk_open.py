"""What is open at a hub, read for the desk's home: who waits, which feeds fail, what is put aside."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from ..authority.admissions import Request
from ..desk.home import PutAside
from ..ports import Peer, Pull
from . import tables as t
from .admissions import SqlAdmissions
from .sql import SqlLedger

SOURCES_SHOWN = 200


class SqlOpen:
    """The port desk.home.Open over a ledger."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger = ledger

    async def waiting(self) -> Sequence[Request]:
        return await SqlAdmissions(self._ledger.database).requests()

    async def peers(self) -> Sequence[Peer]:
        return await self._ledger.peers()

    async def pulls(self) -> Sequence[Pull]:
        return await self._ledger.pulls()

    async def put_aside(self) -> Sequence[PutAside]:
        c, n = t.node_entry.c, t.node.c
        count = sa.func.count().label("entries")
        query = (
            sa.select(c.node, sa.func.max(n.name).label("called"), c.code, count)
            .join_from(t.node_entry, t.node, n.node == c.node, isouter=True)
            .where(c.code.is_not(None))
            .group_by(c.node, c.code)
            .order_by(count.desc(), c.node, c.code)
            .limit(SOURCES_SHOWN)
        )
        return [PutAside(r.node, r.called or "", r.code, r.entries) for r in await self._ledger.rows(query)]
