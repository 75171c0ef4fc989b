"""Letters, who agreed to get them, and their links, in SQL: mail.letters.Postbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import sqlalchemy as sa

from ..mail.letters import UNDELIVERED, WAITING, WITHDRAWN, Correspondent, Letter, Link
from . import tables as t
from .database import Database


class SqlPostbox:
    """The Postbox port over the ledger's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def agree(self, one: Correspondent) -> None:
        values = {name: getattr(one, name) for name in one.__struct_fields__}
        new = self._database.insert(t.correspondent).values(values)
        async with self._database.writing() as connection:
            await connection.execute(new.on_conflict_do_update(index_elements=["address", "node"], set_=values))

    async def end(self, address: str, at: str) -> bool:
        c, letter = t.correspondent.c, t.letter.c
        ended = sa.update(t.correspondent).where(c.address == address, c.ended == "").values(ended=at)
        waits = sa.update(t.letter).where(letter.address == address, letter.state == WAITING)
        async with self._database.writing() as connection:
            await connection.execute(waits.values(state=WITHDRAWN, at=at))
            return bool((await connection.execute(ended)).rowcount)

    async def forget(self, address: str) -> bool:
        async with self._database.writing() as connection:
            gone = 0
            for table in (t.correspondent, t.letter, t.mail_link):
                gone += (await connection.execute(sa.delete(table).where(table.c.address == address))).rowcount
        return bool(gone)

    async def correspondents(self, node: str | None = None) -> Sequence[Correspondent]:
        c = t.correspondent.c
        query = sa.select(t.correspondent).where(c.ended == "").order_by(c.node, c.address)
        rows = await self._rows(query if node is None else query.where(c.node == node))
        return [Correspondent(**row._mapping) for row in rows]

    async def put(self, letter: Letter) -> bool:
        values = {name: getattr(letter, name) for name in letter.__struct_fields__}
        values["about"] = orjson.dumps(letter.about).decode()
        new = self._database.insert(t.letter).values(values).on_conflict_do_nothing().returning(t.letter.c.cause)
        async with self._database.writing() as connection:
            return (await connection.execute(new)).first() is not None

    async def claim(self, now: int, until: int) -> Letter | None:
        c = t.letter.c
        due = sa.select(c.cause).where(c.state == WAITING, c.due <= now).order_by(c.due, c.cause).limit(1)
        if not await self._rows(due):  # without a write: mostly nothing is due
            return None
        async with self._database.writing() as connection:
            found = (await connection.execute(due)).first()
            if found is None:
                return None
            claimed = sa.update(t.letter).where(c.cause == found.cause, c.state == WAITING, c.due <= now)
            row = (await connection.execute(claimed.values(tries=c.tries + 1, due=until).returning(*c))).first()
        return _letter(row) if row is not None else None

    async def settle(self, cause: str, state: str, due: int, said: str, at: str) -> None:
        c = t.letter.c
        settled = sa.update(t.letter).where(c.cause == cause, c.state == WAITING)
        async with self._database.writing() as connection:
            await connection.execute(settled.values(state=state, due=due, said=said, at=at))

    async def retry(self, cause: str, due: int) -> bool:
        c = t.letter.c
        again = sa.update(t.letter).where(c.cause == cause, c.state.in_(UNDELIVERED))
        async with self._database.writing() as connection:
            return bool((await connection.execute(again.values(state=WAITING, tries=0, due=due, said=""))).rowcount)

    async def letters(self, most: int) -> Sequence[Letter]:
        c = t.letter.c
        return [
            _letter(row) for row in await self._rows(sa.select(t.letter).order_by(c.made.desc(), c.cause).limit(most))
        ]

    async def keep_link(self, link: Link) -> None:
        values = {name: getattr(link, name) for name in link.__struct_fields__}
        values["about"] = orjson.dumps(link.about).decode()
        async with self._database.writing() as connection:
            await connection.execute(sa.insert(t.mail_link).values(values))

    async def link(self, key: str, now: int) -> Link | None:
        c = t.mail_link.c
        rows = await self._rows(sa.select(t.mail_link).where(c.key == key, sa.or_(c.expires == 0, c.expires > now)))
        if not rows:
            return None
        return Link(**{**rows[0]._mapping, "about": orjson.loads(rows[0].about)})

    async def _rows(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        async with self._database.askers.connect() as connection:
            rows: Sequence[sa.Row[Any]] = (await connection.execute(query)).all()
            return rows


def _letter(row: sa.Row[Any]) -> Letter:
    return Letter(**{**row._mapping, "about": orjson.loads(row.about)})
