"""Accounts, sessions and tries in SQL: desk.accounts.Accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ..desk.accounts import Account, Pending
from ..desk.limiting import Limit
from ..desk.roles import Role
from ..desk.sessions import IDLE_SECONDS, Session
from . import tables as t
from .database import Database


class SqlAccounts:
    """The Accounts port over the ledger's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Accounts

    async def add(self, account: Account) -> bool:
        values = {**_row(account), "subject": account.subject or None}
        new = self._database.insert(t.account).values(values).on_conflict_do_nothing().returning(t.account.c.name)
        async with self._database.writing() as connection:
            return (await connection.execute(new)).first() is not None

    async def remove(self, name: str) -> bool:
        async with self._database.writing() as connection:
            await _end_all(connection, name)
            await _forget_keys(connection, name)
            await connection.execute(sa.delete(t.account_secret).where(t.account_secret.c.name == name))
            gone = await connection.execute(sa.delete(t.account).where(t.account.c.name == name))
            return bool(gone.rowcount)

    async def account(self, name: str) -> Account | None:
        rows = await self._rows(sa.select(t.account).where(t.account.c.name == name))
        return _account(rows[0]) if rows else None

    async def of_subject(self, subject: str) -> Account | None:
        rows = await self._rows(sa.select(t.account).where(t.account.c.subject == subject)) if subject else []
        return _account(rows[0]) if rows else None

    async def all(self) -> Sequence[Account]:
        return [_account(row) for row in await self._rows(sa.select(t.account).order_by(t.account.c.name))]

    # Passwords and links

    async def keep_link(self, name: str, key: str, expires: int) -> None:
        c = t.account_secret.c
        new = self._database.insert(t.account_secret).values(name=name, password="", link=key, expires=expires)
        async with self._database.writing() as connection:
            if (await connection.execute(sa.select(t.account.c.name).where(t.account.c.name == name))).first():
                changed = {"link": key, "expires": expires}
                await connection.execute(new.on_conflict_do_update(index_elements=[c.name], set_=changed))

    async def linked(self, key: str, now: int) -> str | None:
        c = t.account_secret.c
        rows = await self._rows(sa.select(c.name).where(c.link == key, c.link != "", c.expires > now))
        return str(rows[0].name) if rows else None

    async def use_link(self, key: str, password: str, now: int) -> str | None:
        c = t.account_secret.c
        used = sa.update(t.account_secret).where(c.link == key, c.link != "", c.expires > now)
        async with self._database.writing() as connection:
            row = (
                await connection.execute(used.values(password=password, link="", expires=0).returning(c.name))
            ).first()
            if row is None:
                return None
            await _end_all(connection, row.name)
            return str(row.name)

    async def password(self, name: str) -> str:
        c = t.account_secret.c
        rows = await self._rows(sa.select(c.password).where(c.name == name))
        return str(rows[0].password) if rows else ""

    async def keep_password(self, name: str, password: str, *, end: bool) -> None:
        values = {"password": password} | ({"link": "", "expires": 0} if end else {})
        new = self._database.insert(t.account_secret).values(name=name, password=password, link="", expires=0)
        async with self._database.writing() as connection:
            await connection.execute(new.on_conflict_do_update(index_elements=["name"], set_=values))
            if end:
                await _end_all(connection, name)
                await _forget_keys(connection, name)

    # Sessions

    async def begin(self, session: Session, now: int) -> None:
        c = t.desk_session.c
        async with self._database.writing() as connection:
            await connection.execute(sa.delete(t.desk_session).where(c.seen <= now - IDLE_SECONDS))
            await connection.execute(sa.insert(t.desk_session).values(_row(session)))

    async def session(self, key: str) -> tuple[Session, Account] | None:
        c = t.desk_session.c
        joined = sa.select(t.desk_session, t.account.c.role, t.account.c.subject, t.account.c.made.label("since"))
        rows = await self._rows(joined.where(c.key == key, t.account.c.name == c.account))
        if not rows:
            return None
        row = rows[0]
        session = Session(row.key, row.account, row.by, row.made, row.seen, row.confirmed)
        return session, Account(row.account, Role(row.role), row.since, row.subject or "")

    async def seen(self, key: str, now: int) -> None:
        async with self._database.writing() as connection:
            c = t.desk_session.c
            await connection.execute(sa.update(t.desk_session).where(c.key == key).values(seen=now))

    async def exchange(self, old: str, new: Session) -> bool:
        async with self._database.writing() as connection:
            gone = await connection.execute(sa.delete(t.desk_session).where(t.desk_session.c.key == old))
            if gone.rowcount:
                await connection.execute(sa.insert(t.desk_session).values(_row(new)))
            return bool(gone.rowcount)

    async def end(self, key: str) -> None:
        async with self._database.writing() as connection:
            await connection.execute(sa.delete(t.desk_session).where(t.desk_session.c.key == key))

    async def end_all(self, name: str) -> int:
        async with self._database.writing() as connection:
            return await _end_all(connection, name)

    # Tries

    async def count(self, limits: Sequence[Limit], now: int) -> bool:
        c = t.desk_try.c
        here = [sa.and_(c.key == one.key, c.window == one.window(now), c.count >= one.most) for one in limits]
        full = sa.select(c.key).where(sa.or_(*here)).limit(1)
        if await self._rows(full):  # without a write: a flood of tries is nothing to the hub's other work
            return False
        async with self._database.writing() as connection:
            if (await connection.execute(full)).first() is not None:
                return False
            await connection.execute(sa.delete(t.desk_try).where(c.ends <= now))
            for one in limits:
                row = {"key": one.key, "window": one.window(now), "ends": one.window(now) + one.seconds, "count": 1}
                new = self._database.insert(t.desk_try).values(row)
                await connection.execute(
                    new.on_conflict_do_update(index_elements=["key", "window"], set_={"count": c.count + 1})
                )
        return True

    async def forgive(self, limit: Limit, now: int) -> None:
        async with self._database.writing() as connection:
            await connection.execute(sa.delete(t.desk_try).where(t.desk_try.c.key == limit.key))

    # On the way to the provider

    async def wait(self, pending: Pending, now: int) -> None:
        async with self._database.writing() as connection:
            await connection.execute(sa.delete(t.desk_pending).where(t.desk_pending.c.expires <= now))
            new = self._database.insert(t.desk_pending).values(_row(pending))
            await connection.execute(new.on_conflict_do_update(index_elements=["key"], set_=_row(pending)))

    async def pending(self, key: str, now: int) -> Pending | None:
        c = t.desk_pending.c
        rows = await self._rows(sa.select(t.desk_pending).where(c.key == key, c.expires > now))
        return Pending(**rows[0]._mapping) if rows else None

    async def arrive(self, key: str, now: int) -> Pending | None:
        c = t.desk_pending.c
        async with self._database.writing() as connection:
            row = (await connection.execute(sa.delete(t.desk_pending).where(c.key == key).returning(*c))).first()
        found = Pending(**row._mapping) if row is not None else None
        return found if found is not None and found.expires > now else None

    async def _rows(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        async with self._database.askers.connect() as connection:
            rows: Sequence[sa.Row[Any]] = (await connection.execute(query)).all()
            return rows


async def _end_all(connection: AsyncConnection, name: str) -> int:
    gone = await connection.execute(sa.delete(t.desk_session).where(t.desk_session.c.account == name))
    return int(gone.rowcount)


async def _forget_keys(connection: AsyncConnection, name: str) -> None:
    """Whoever saw a password may have made passkeys and tokens with it."""
    await connection.execute(sa.delete(t.passkey).where(t.passkey.c.account == name))
    await connection.execute(sa.delete(t.desk_token).where(t.desk_token.c.account == name))


def _row(value: Account | Session | Pending) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__}


def _account(row: sa.Row[Any]) -> Account:
    return Account(row.name, Role(row.role), row.made, row.subject or "")
