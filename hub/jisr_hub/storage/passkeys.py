"""Passkeys in SQL: desk.passkeys.Passkeys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from ..desk.passkeys import Passkey
from . import tables as t
from .database import Database


class SqlPasskeys:
    """The Passkeys port over the ledger's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, passkey: Passkey) -> bool:
        values = msgspec.structs.asdict(passkey)
        new = self._database.insert(t.passkey).values(values).on_conflict_do_nothing().returning(t.passkey.c.id)
        account = sa.select(t.account.c.name).where(t.account.c.name == passkey.account)
        async with self._database.writing() as connection:
            if (await connection.execute(account)).first() is None:
                return False
            return (await connection.execute(new)).first() is not None

    async def of(self, account: str) -> Sequence[Passkey]:
        c = t.passkey.c
        return await self._found(sa.select(t.passkey).where(c.account == account).order_by(c.made, c.id))

    async def get(self, id: str) -> Passkey | None:
        found = await self._found(sa.select(t.passkey).where(t.passkey.c.id == id))
        return found[0] if found else None

    async def use(self, id: str, before: int, after: int, now: int) -> bool:
        c = t.passkey.c
        counted = sa.update(t.passkey).where(c.id == id, c.count == before, c.copied == 0)
        return await self._changed(counted.values(count=after, used=now))

    async def suspect(self, id: str, now: int) -> None:
        c = t.passkey.c
        await self._changed(sa.update(t.passkey).where(c.id == id, c.copied == 0).values(copied=now))

    async def remove(self, account: str, id: str) -> bool:
        c = t.passkey.c
        return await self._changed(sa.delete(t.passkey).where(c.account == account, c.id == id))

    async def _changed(self, change: sa.Update | sa.Delete) -> bool:
        async with self._database.writing() as connection:
            return bool((await connection.execute(change)).rowcount)

    async def _found(self, query: sa.Select[Any]) -> list[Passkey]:
        async with self._database.askers.connect() as connection:
            return [Passkey(**row._mapping) for row in await connection.execute(query)]
