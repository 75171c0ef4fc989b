"""What the survey of the directory asks of the ledger; and what it measured, a few numbers a day."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from ..curation.terms import Concept
from ..ports import Key
from ..ports.surveying import Measured
from . import tables as t
from .curation import SqlCuration
from .sql import SqlLedger


class SqlSurvey:
    """The Surveyed port. `reads` may be a moment old; what was measured is kept in `ledger`."""

    def __init__(self, reads: SqlLedger, ledger: SqlLedger, curation: SqlCuration) -> None:
        self._reads, self._ledger, self._curation = reads, ledger, curation

    async def stand(self) -> tuple[str, ...]:
        f, c = t.feed.c, t.curated.c
        feed = await self._reads.rows(sa.select(f.epoch, f.size).where(f.name == "public"))
        curated = await self._reads.rows(sa.select(c.epoch, c.day, c.heard, c.cursor).order_by(c.feed))
        return tuple(str(value) for row in (*feed, *curated) for value in row)

    async def meanings(self, today: str) -> Mapping[Concept, Concept]:
        return {own: mapped.to for own, mapped in (await self._curation.mappings(today)).items()}

    async def same(self) -> Mapping[Key, Key]:
        m = t.merged.c
        rows = await self._reads.rows(sa.select(m.node, m.id, m.entry, m.leads).where(m.entry != ""))
        leading = {row.entry: (row.node, row.id) for row in rows if row.leads}
        return {(row.node, row.id): leading[row.entry] for row in rows if row.entry in leading}

    async def measured(self, since: str = "") -> Sequence[Measured]:
        c = t.coverage_day.c
        query = sa.select(t.coverage_day).where(c.day >= since).order_by(c.day, c.theme)
        return [Measured(**row._mapping) for row in await self._ledger.rows(query)]

    async def keep(self, day: str, measured: Collection[Measured], drop: Collection[str]) -> None:
        c, database = t.coverage_day.c, self._ledger.database
        columns = [column.name for column in t.coverage_day.columns]
        rows = [tuple(getattr(one, name) for name in columns) for one in measured]
        async with database.writing() as connection:
            await connection.execute(sa.delete(t.coverage_day).where(c.day.in_([day, *drop])))
            await database.put(connection, t.coverage_day, rows, replace=False)
