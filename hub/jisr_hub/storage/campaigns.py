"""Campaigns and what was answered, in SQL: mail.campaigns.Campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ..mail.campaigns import CORRECT, Asked, Campaign
from ..ports import Key
from . import tables as t
from .database import Database

_SHOWN = 200


class SqlCampaigns:
    """The Campaigns port over the ledger's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, campaign: Campaign, asked: Sequence[Asked]) -> None:
        async with self._database.writing() as connection:
            await connection.execute(sa.insert(t.campaign).values(_values(campaign)))
            if asked:
                await connection.execute(sa.insert(t.asked_record), [_values(one) for one in asked])

    async def all(self) -> Sequence[Campaign]:
        c = t.campaign.c
        rows = await self._rows(sa.select(t.campaign).order_by(c.made.desc(), c.id).limit(_SHOWN))
        return [Campaign(**row._mapping) for row in rows]

    async def asked(self, campaign: str) -> Sequence[Asked]:
        c = t.asked_record.c
        return await self._asked(sa.select(t.asked_record).where(c.campaign == campaign).order_by(c.node, c.id))

    async def answer(self, campaign: str, key: Key, answer: str, note: str, at: str) -> str | None:
        c = t.asked_record.c
        mine = sa.and_(c.campaign == campaign, c.node == key[0], c.id == key[1], c.done == "")
        async with self._database.writing() as connection:
            before = (await connection.execute(sa.select(c.answer).where(mine))).scalar_one_or_none()
            kept = sa.update(t.asked_record).where(mine).values(answer=answer, note=note, at=at)
            await connection.execute(kept)
        return before

    async def open(self) -> Sequence[Asked]:
        c = t.asked_record.c
        waits = sa.select(t.asked_record).where(c.answer.not_in(("", CORRECT)), c.done == "")
        return await self._asked(waits.order_by(c.at, c.node, c.id).limit(_SHOWN))

    async def done(self, campaign: str, key: Key, at: str) -> bool:
        c = t.asked_record.c
        mine = sa.and_(c.campaign == campaign, c.node == key[0], c.id == key[1], c.done == "", c.answer != "")
        async with self._database.writing() as connection:
            return bool((await connection.execute(sa.update(t.asked_record).where(mine).values(done=at))).rowcount)

    async def _asked(self, query: sa.Select[Any]) -> Sequence[Asked]:
        return [Asked(**row._mapping) for row in await self._rows(query)]

    async def _rows(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        async with self._database.askers.connect() as connection:
            rows: Sequence[sa.Row[Any]] = (await connection.execute(query)).all()
            return rows


def _values(one: Campaign | Asked) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__struct_fields__}
