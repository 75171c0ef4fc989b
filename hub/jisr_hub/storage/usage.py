"""What was counted, in SQL: the port usage.counting.Uses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from jisr_protocol.limits import USAGE_STEP
from jisr_protocol.usage import Day

from ..curation.words import CORRECTS
from ..ports import Key
from ..usage.counting import Row
from . import tables as t
from .sql import SqlLedger

_TOTALS = tuple(
    sa.func.sum(column).label(column.name)
    for column in (t.usage_day.c.views, t.usage_day.c.referrals, t.usage_day.c.applications)
)


class SqlUses:
    """The Uses port over a ledger."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger, self._database = ledger, ledger.database

    async def add(self, rows: Sequence[Row]) -> None:
        async with self._database.writing() as connection:
            shown = await _shown(connection, {key for key, _, _ in rows})
            values = [_values(*row) for row in rows if row[0] in shown]
            if values:
                await connection.execute(self._upsert(), values)

    def _upsert(self) -> Any:
        insert, c = self._database.insert(t.usage_day), t.usage_day.c
        more = {column.name: column + insert.excluded[column.name] for column in (c.views, c.referrals, c.applications)}
        return insert.on_conflict_do_update(index_elements=["node", "id", "day"], set_=more)

    async def forget(self, before: date) -> int:
        old = sa.delete(t.usage_day).where(t.usage_day.c.day < before.toordinal())
        async with self._database.writing() as connection:
            return (await connection.execute(old)).rowcount

    async def days(self, node: str, first: date, end: date, after: str, most: int) -> Sequence[Day]:
        c = t.usage_day.c
        week = _week(first)
        query = (
            sa.select(c.id, sa.func.min(c.day).label("day"), *_TOTALS)
            .where(c.node == node, c.id > after, *_between(first, end))
            .group_by(c.id, week)
            .having(sa.or_(*(sa.func.sum(column) >= USAGE_STEP for column in (c.views, c.referrals, c.applications))))
            .order_by(c.id, week)
            .limit(most)
        )
        return [_day(row.id, row) for row in await self._ledger.rows(query)]

    async def everything(self, node: str, first: date, end: date) -> Sequence[Day]:
        c = t.usage_day.c
        query = sa.select(sa.func.min(c.day).label("day"), *_TOTALS)
        query = query.where(c.node == node, *_between(first, end)).group_by(_week(first))
        return [_day("", row) for row in await self._ledger.rows(query)]

    async def sums(self, first: date, end: date, most: int) -> Sequence[tuple[str, str, tuple[int, int, int]]]:
        c, n = t.usage_day.c, t.node.c
        query = (
            sa.select(c.node, sa.func.max(n.name).label("called"), *_TOTALS)
            .join_from(t.usage_day, t.node, n.node == c.node, isouter=True)
            .where(*_between(first, end))
            .group_by(c.node)
            .order_by(sa.func.sum(c.views).desc(), c.node)
            .limit(most)
        )
        rows = await self._ledger.rows(query)
        return [(row.node, row.called or "", _counts(row)) for row in rows]

    async def corrected(self, node: str) -> Mapping[str, Iterable[str]]:
        w, a = t.word.c, t.word_about.c
        query = sa.select(a.node, a.id, a.signer).join(t.word, sa.and_(w.node == a.signer, w.id == a.word))
        found: defaultdict[str, set[str]] = defaultdict(set)
        for row in await self._ledger.rows(query.where(a.node == node, w.predicate == CORRECTS)):
            found[row.id].add(row.signer)
        return found


async def _shown(connection: AsyncConnection, keys: set[Key]) -> set[Key]:
    """Those of these records that can be read here: of one that was erased meanwhile nothing is counted any more."""
    r = t.record.c
    asked = sa.select(r.node, r.id).where(
        sa.tuple_(r.node, r.id).in_(sorted(keys)), r.audience == "public", r.live_path.is_not(None)
    )
    return {(row.node, row.id) for row in await connection.execute(asked)}


def _values(key: Key, day: date, counts: tuple[int, int, int]) -> dict[str, Any]:
    views, referrals, applications = counts
    return {
        "node": key[0], "id": key[1], "day": day.toordinal(), "views": views, "referrals": referrals,
        "applications": applications,
    }  # fmt: skip


def _between(first: date, end: date) -> list[sa.ColumnElement[bool]]:
    c = t.usage_day.c
    return [c.day >= first.toordinal(), c.day < end.toordinal()]


def _week(first: date) -> sa.ColumnElement[int]:
    """Which week a day is in. Numbers stand in the text: a database must see that it is the same each time."""
    return sa.literal_column(f"(usage_day.day - {first.toordinal()}) / 7")


def _day(record_id: str, row: Any) -> Day:
    return Day(record_id, date.fromordinal(row.day), _counts(row))


def _counts(row: Any) -> tuple[int, int, int]:
    return int(row.views), int(row.referrals), int(row.applications)
