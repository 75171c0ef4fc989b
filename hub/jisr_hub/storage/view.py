"""One consistent moment of the ledger in SQL: a read transaction that lasts as long as it is looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from jisr_protocol import entry as entries

from ..ports import BranchPlace, KeptTree, Touch
from . import node_trees
from . import tables as t
from .asking import texts
from .database import Database, streamed
from .dialogue import Ask, Rows, several

READ_ROWS = 512
_STREAMED_ROWS = 4096
_STREAMED_LINES = 256
"""Lines may be 72 KiB long, so few of them are in memory at once."""
_NOTICES = ("erase", "hold")
_public = t.record.c.audience == "public"


class SqlView:
    """The View port. Both databases show a transaction the moment of its first read until it ends."""

    def __init__(self, database: Database, connection: AsyncConnection, size: int) -> None:
        self._database, self._connection, self.size = database, connection, size

    async def _answer(self, sql: str, *values: object) -> Rows:
        """The rows of one statement, without what makes them objects."""
        (rows,) = await self._database.converse(self._connection, several(Ask(sql, values)))
        return rows

    async def entries(self, start: int, end: int | None = None) -> AsyncIterator[Sequence[tuple[int, bytes, bytes]]]:
        sql = "SELECT seq, line, leaf FROM entry WHERE seq >= ? AND seq < ? ORDER BY seq"
        end = self.size if end is None else min(end, self.size)
        while start < end:
            until = min(start + READ_ROWS, end)
            yield await self._answer(sql, start, until)
            start = until

    async def lines(self, seqs: Iterable[int]) -> dict[int, bytes]:
        return await self._of_entries("line", seqs)

    async def priors(self, seqs: Iterable[int]) -> dict[int, int | None]:
        return await self._of_entries("prior", seqs)

    async def _of_entries(self, column: str, seqs: Iterable[int]) -> dict[int, Any]:
        found, asked = dict[int, Any](), sorted(seqs)
        which = f"{self._database.named} CROSS JOIN entry AS e WHERE e.seq = CAST(asked.value AS bigint)"
        sql = f"SELECT e.seq, e.{column} FROM {which}"
        for first in range(0, len(asked), READ_ROWS):
            found |= await self._answer(sql, *texts(self._database, map(str, asked[first : first + READ_ROWS])))
        return found

    async def said(self, ops: Iterable[str], start: int = 0, end: int | None = None) -> AsyncIterator[Sequence[bytes]]:
        c = t.entry.c
        end = self.size if end is None else end
        if end - start <= READ_ROWS:  # what a publish after one push looks at
            which = f"e.op IN (SELECT asked.value FROM {self._database.named}) AND e.seq >= ? AND e.seq < ?"
            sql = f"SELECT e.line FROM entry AS e WHERE {which} ORDER BY e.seq"
            yield [line for (line,) in await self._answer(sql, *texts(self._database, ops), start, end)]
            return
        query = sa.select(c.line).where(c.op.in_(list(ops)), c.seq >= start, c.seq < end).order_by(c.seq)
        async for rows in streamed(self._connection, query, _STREAMED_LINES):
            yield [row[0] for row in rows]

    async def generations(self) -> dict[int, int]:
        return {row[0]: row[1] for row in await self._answer("SELECT page, generation FROM generation")}

    # Records

    async def of_node(
        self, node: str, ranges: Sequence[tuple[int, int]] | None = None
    ) -> AsyncIterator[Sequence[tuple[int, str, int, str]]]:
        c = t.record.c
        if ranges is not None:
            yield await self._answer(
                # no plan may begin with the node: it would read all that is held of it
                f"SELECT r.live_path, r.id, r.rev, r.digest FROM {self._database.ranges} CROSS JOIN record AS r"
                " WHERE r.live_path BETWEEN asked.low AND asked.high AND r.node || '' = ?",
                self._database.asked_ranges(ranges),
                node,
            )
            return
        query = sa.select(c.live_path, c.id, c.rev, c.digest).where(c.node == node, c.live_path.is_not(None))
        # a sum, so that no index over the paths of all nodes is walked to spare the sorting of one
        async for rows in streamed(self._connection, query.order_by(c.live_path + 0, c.id), _STREAMED_ROWS):
            yield [(row[0], row[1], row[2], row[3]) for row in rows]

    async def kept_tree(self, node: str) -> KeptTree | None:
        return await node_trees.kept(self._connection, node)

    async def branches(self, node: str, places: Iterable[BranchPlace] | None) -> dict[BranchPlace, bytes]:
        return await node_trees.branches(self._connection, node, places)

    async def taken_out(self, node: str) -> list[bytes]:
        r, e = t.record.c, t.entry.c
        query = sa.select(e.line).select_from(t.record).join(t.entry, e.seq == r.seq)
        query = query.where(r.node == node, _public, r.live_path.is_(None), e.op != "del")
        return [row[0] for row in await self._connection.execute(query)]

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
            async for part in streamed(self._connection, query.order_by(c.live_path), _STREAMED_ROWS):
                yield [(row[0], row[1], row[2], row[3], row[4]) for row in part]
            return
        yield await self._answer(
            f"SELECT r.live_path, r.node, r.id, r.rev, r.digest FROM {self._database.ranges} CROSS JOIN record AS r"
            " WHERE r.live_path BETWEEN asked.low AND asked.high",
            self._database.asked_ranges(ranges),
        )

    async def puts(self) -> AsyncIterator[Sequence[bytes]]:
        r, e = t.record.c, t.entry.c
        query = sa.select(e.line).select_from(t.record).join(t.entry, e.seq == r.seq)
        query = query.where(r.live_path.is_not(None)).order_by(r.live_path, r.node, r.id)
        async for rows in streamed(self._connection, query, _STREAMED_LINES):
            yield [row[0] for row in rows]

    async def gone(self, floor: int) -> AsyncIterator[Sequence[bytes]]:
        r, e = t.record.c, t.entry.c
        query = sa.select(e.line).select_from(t.record).join(t.entry, e.seq == r.seq)
        query = query.where(r.live_path.is_(None), _public, r.seq >= floor, e.op.in_(("del", "out")))
        async for rows in streamed(self._connection, query, _STREAMED_LINES):
            yield [row[0] for row in rows if not is_stub(row[0])]

    async def newest(self, node: str, record_id: str) -> dict[str, int]:
        c = t.record.c
        query = sa.select(c.id, c.seq).where(c.node == node, _public, c.seq.is_not(None))
        query = query if record_id == "*" else query.where(c.id == record_id)
        return {row[0]: row[1] for row in await self._connection.execute(query)}

    async def touched(self, start: int, end: int | None = None) -> set[int]:
        sql = "SELECT DISTINCT path18 FROM entry WHERE seq >= ? AND seq < ? AND path18 IS NOT NULL"
        return {row[0] for row in await self._answer(sql, start, self.size if end is None else end)}

    async def touching(self, start: int, low: int, high: int) -> list[Touch]:
        c = t.entry.c
        query = sa.select(c.seq, c.op, c.line, c.prior).where(c.seq >= start, c.seq < self.size)
        query = query.where(c.path18.between(low, high) | c.op.in_(_NOTICES)).order_by(c.seq)
        return [Touch(*row) for row in await self._connection.execute(query)]


def is_stub(line: bytes) -> bool:
    """Whether the content of this entry is gone."""
    return b'"gone":' in line and entries.parse(line).gone is not None
