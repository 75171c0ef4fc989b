"""API tokens in SQL: desk.tokens.KeptTokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from ..desk.accounts import Account
from ..desk.roles import Right, Role
from ..desk.tokens import Token
from . import tables as t
from .database import Database


class SqlTokens:
    """The KeptTokens port over the ledger's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, token: Token, most: int) -> bool:
        c = t.desk_token.c
        values = {**msgspec.structs.asdict(token), "rights": " ".join(sorted(token.rights))}
        held = sa.select(sa.func.count()).where(c.account == token.account)
        account = sa.select(t.account.c.name).where(t.account.c.name == token.account)
        async with self._database.writing() as connection:
            await connection.execute(sa.delete(t.desk_token).where(c.expires <= token.made))
            if (await connection.execute(account)).first() is None:
                return False
            if ((await connection.execute(held)).scalar() or 0) >= most:
                return False
            await connection.execute(sa.insert(t.desk_token).values(values))
            return True

    async def of(self, account: str) -> Sequence[Token]:
        c = t.desk_token.c
        query = sa.select(t.desk_token).order_by(c.made, c.id)
        return [_token(row) for row in await self._rows(query.where(c.account == account) if account else query)]

    async def get(self, key: str) -> tuple[Token, Account] | None:
        c, a = t.desk_token.c, t.account.c
        names = (a.name, a.role, a.made.label("since"), a.subject)
        rows = await self._rows(sa.select(t.desk_token, *names).where(c.key == key, a.name == c.account))
        if not rows:
            return None
        row = rows[0]
        return _token(row), Account(row.name, Role(row.role), row.since, row.subject or "")

    async def used(self, key: str, now: int) -> None:
        async with self._database.writing() as connection:
            await connection.execute(sa.update(t.desk_token).where(t.desk_token.c.key == key).values(used=now))

    async def revoke(self, id: str, account: str) -> bool:
        c = t.desk_token.c
        gone = sa.delete(t.desk_token).where(c.id == id)
        async with self._database.writing() as connection:
            done = await connection.execute(gone.where(c.account == account) if account else gone)
            return bool(done.rowcount)

    async def _rows(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        async with self._database.askers.connect() as connection:
            rows: Sequence[sa.Row[Any]] = (await connection.execute(query)).all()
            return rows


def _token(row: sa.Row[Any]) -> Token:
    rights = frozenset(Right(each) for each in row.rights.split())
    return Token(row.key, row.id, row.account, row.label, rights, row.made, row.expires, row.used)
