"""What people report as wrong, in SQL: the port reports.taking.Store. No backup holds it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from ..reports.taking import Mistake
from . import tables as t
from .database import Database

_OVER = 0


class SqlReports:
    """The Store port over the ledger's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, mistake: Mistake, most: int) -> bool:
        r = t.record.c
        shown = sa.select(r.id).where(
            r.node == mistake.node, r.id == mistake.id, r.audience == "public", r.live_path.is_not(None)
        )
        c = t.mistake.c
        sort = c.node != "" if mistake.node else c.node == ""
        count = sa.select(sa.func.count()).select_from(t.mistake).where(c.until > _OVER, sort)
        async with self._database.writing() as connection:
            if (await connection.execute(count)).scalar_one() >= most:
                return False
            if mistake.node and (await connection.execute(shown)).first() is None:
                return False
            await connection.execute(sa.insert(t.mistake).values(msgspec.structs.asdict(mistake)))
        return True

    async def reached(self, number: str, how: str) -> None:
        said = sa.update(t.mistake).where(t.mistake.c.number == number).values(reached=how)
        async with self._database.writing() as connection:
            await connection.execute(said)

    async def open(self, now: int) -> Sequence[Mistake]:
        c = t.mistake.c
        query = sa.select(t.mistake).where(c.until > now).order_by(c.at, c.number)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return [Mistake(**row._mapping) for row in rows]

    async def drop(self, number: str) -> bool:
        c = t.mistake.c
        over = sa.update(t.mistake).where(c.number == number, c.until > _OVER).values(words="", reply="", until=_OVER)
        async with self._database.writing() as connection:
            return bool((await connection.execute(over)).rowcount)

    async def scrub(self, now: int) -> int:
        c = t.mistake.c
        old = sa.update(t.mistake).where(c.until <= now, c.until > _OVER).values(words="", reply="", until=_OVER)
        left = sa.select(sa.func.count()).where(c.until == _OVER)
        async with self._database.writing() as connection:
            await connection.execute(old)
            count = int((await connection.execute(left)).scalar_one())
        if count:
            await self._database.forget([t.mistake])
            async with self._database.writing() as connection:
                await connection.execute(sa.delete(t.mistake).where(c.until == _OVER))
        return count
