"""Subscriptions in SQL: the port webhooks.telling.Subscriptions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from ..webhooks.telling import ASKED, ON, Subscription
from . import tables as t
from .sql import SqlLedger


class SqlSubscriptions:
    """The Subscriptions port over a ledger."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger, self._database = ledger, ledger.database

    async def add(self, one: Subscription, most: int, most_a_host: int) -> bool:
        c = t.subscription.c
        counted = sa.select(sa.func.count(), sa.func.sum(sa.case((c.host == one.host, 1), else_=0))).select_from(
            t.subscription
        )
        async with self._database.writing() as connection:
            everything, of_host = (await connection.execute(counted)).one()
            if everything >= most or (of_host or 0) >= most_a_host:
                return False
            await connection.execute(sa.insert(t.subscription).values(msgspec.structs.asdict(one)))
            return True

    async def get(self, id: str) -> Subscription | None:
        rows = await self._ledger.rows(sa.select(t.subscription).where(t.subscription.c.id == id))
        return _read(rows[0]) if rows else None

    async def save(self, one: Subscription) -> None:
        values = msgspec.structs.asdict(one)
        del values["id"]
        async with self._database.writing() as connection:
            await connection.execute(sa.update(t.subscription).where(t.subscription.c.id == one.id).values(values))

    async def remove(self, id: str) -> None:
        async with self._database.writing() as connection:
            await connection.execute(sa.delete(t.subscription).where(t.subscription.c.id == id))

    async def due(self, now: int, epoch: str, size: int, most: int) -> Sequence[Subscription]:
        c = t.subscription.c
        behind = sa.and_(c.state == ON, sa.or_(c.size != size, c.epoch != epoch))
        query = sa.select(t.subscription).where(c.due <= now, sa.or_(c.state == ASKED, behind))
        return [_read(row) for row in await self._ledger.rows(query.order_by(c.due, c.id).limit(most))]

    async def all(self) -> Sequence[Subscription]:
        return [_read(row) for row in await self._ledger.rows(sa.select(t.subscription).order_by(t.subscription.c.id))]

    async def forget(self, now: int) -> None:
        c = t.subscription.c
        over = sa.select(sa.literal(1)).where(c.until <= now).limit(1)
        if await self._ledger.rows(over):
            async with self._database.writing() as connection:
                await connection.execute(sa.delete(t.subscription).where(c.until <= now))


def _read(row: sa.Row[Any]) -> Subscription:
    return Subscription(**row._mapping)
