"""One consistent moment of the ledger in SQL: a read transaction that lasts as long as it is looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from . import tables as t
from .engines import Database

READ_ROWS = 512
_STREAMED_ROWS = 4096


class SqlView:
    """The View port. Both databases show a transaction the moment of its first read until it ends."""

    def __init__(self, database: Database, connection: AsyncConnection, size: int) -> None:
        self._database, self._connection, self.size = database, connection, size
        # One statement however many ranges: they travel as one value, so nothing is compiled anew.
        self._rows_in_ranges = sa.text(
            f"SELECT r.live_path, r.node, r.id, r.rev, r.digest FROM {database.ranges} CROSS JOIN record AS r"
            " WHERE r.live_path BETWEEN asked.low AND asked.high"
        )

    async def entries(self, start: int) -> AsyncIterator[Sequence[tuple[int, bytes, bytes]]]:
        c = t.entry.c
        while start < self.size:
            end = min(start + READ_ROWS, self.size)
            query = sa.select(c.seq, c.line, c.leaf).where(c.seq >= start, c.seq < end).order_by(c.seq)
            rows = (await self._connection.execute(query)).all()
            yield [(row[0], row[1], row[2]) for row in rows]
            start = end

    async def touched(self, start: int) -> set[int]:
        c = t.entry.c
        query = sa.select(c.path18).where(c.seq >= start, c.seq < self.size, c.path18.is_not(None)).distinct()
        return {row[0] for row in await self._connection.execute(query)}

    async def live(self) -> int:
        c = t.record.c
        query = sa.select(sa.func.count()).where(c.live_path.is_not(None))
        return int((await self._connection.execute(query)).scalar_one())

    async def rows(
        self, ranges: Sequence[tuple[int, int]] | None
    ) -> AsyncIterator[Sequence[tuple[int, str, str, int, str]]]:
        c = t.record.c
        if ranges is None:
            query = sa.select(c.live_path, c.node, c.id, c.rev, c.digest).where(c.live_path.is_not(None))
            result = await self._connection.stream(query)
            async for part in result.partitions(_STREAMED_ROWS):
                yield [(row[0], row[1], row[2], row[3], row[4]) for row in part]
            return
        asked = {"asked": self._database.asked_ranges(ranges)}
        found = await self._connection.execute(self._rows_in_ranges, asked)
        for part in found.partitions(_STREAMED_ROWS):
            yield [(row[0], row[1], row[2], row[3], row[4]) for row in part]
