"""The rounds with each source in SQL: the port of ports/history.py, and what the desk asks and decides of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ..ports.history import KEPT_DAYS, LEFT_OUT_KEPT, Condition, LeftOut, Order, Round, Since, Way
from . import tables as t
from .named import ADDED, CHANGED, GONE, moved
from .sql import SqlLedger

ALARMS_KEPT = 50
"""Of one source; older ones that nobody looked at are summed up with the rest."""


class SqlHistory:
    """The History port over a ledger."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger = ledger

    # What the notes ask (ports.history.History)

    async def conditions(self) -> list[Condition]:
        rows = await self._ledger.rows(sa.select(t.source).order_by(t.source.c.source, t.source.c.way))
        return [Condition(**row._mapping) for row in rows]

    async def orders(self, way: Way) -> Mapping[str, Order]:
        c = t.source_order.c
        rows = await self._ledger.rows(sa.select(c.source, c.stopped_at, c.retry_at).where(c.way == way))
        return {row.source: Order(row.stopped_at, row.retry_at) for row in rows}

    async def keep(self, rounds: Sequence[Round], conditions: Sequence[Condition]) -> None:
        database = self._ledger.database
        async with database.writing() as connection:
            for table, values in ((t.source_round, rounds), (t.source, conditions)):
                await database.put(connection, table, [_row(table, each) for each in values], replace=True)

    async def keep_left_out(self, source: str, kept: Sequence[LeftOut], at: str) -> None:
        c, database = t.left_out.c, self._ledger.database
        async with database.writing() as connection:
            await connection.execute(sa.delete(t.left_out).where(c.peer == source, taken_since().exists()))
            held = (await connection.execute(sa.select(sa.func.count().label("n")).where(c.peer == source))).one().n
            rows = [(source, o.node, o.id, o.rev, o.code, o.pointer, at) for o in kept[: max(0, LEFT_OUT_KEPT - held)]]
            await database.put(connection, t.left_out, rows, replace=True)

    async def live(self, source: str, way: str) -> int:
        r, n = t.record.c, t.node.c
        query = sa.select(sa.func.count().label("live")).select_from(t.record)
        if way == Way.PEER:
            query = query.join(t.node, n.node == r.node).where(n.upstream == source)
        else:
            query = query.where(r.node == source, r.audience == "public")
        return int((await self._ledger.rows(query.where(r.live_path.is_not(None))))[0].live)

    async def renamed(self, source: str, way: str, first: int, next: int) -> int:
        found = moved(self._ledger, source, way, first, next, CHANGED)
        return len({(each.node, each.id) async for each in found if each.has_another_name})

    async def since(self, done: Round, since: str) -> Since:
        c = t.source_round.c
        ours = sa.and_(c.source == done.source, c.way == done.way, sa.not_(_is(done)))
        told = sa.select(sa.func.max(c.ended).label("at")).where(ours, c.alarm != "")
        after = max(since, (await self._ledger.rows(told))[0].at or "")
        counts = [sa.func.coalesce(sa.func.sum(column), 0) for column in (c.added, c.gone)]
        query = sa.select(counts[0].label("added"), counts[1].label("gone"), sa.func.min(c.first).label("first"))
        row = (await self._ledger.rows(query.where(ours, c.ended > after, c.first >= 0)))[0]
        return Since(int(row.added), int(row.gone), -1 if row.first is None else int(row.first))

    async def ended(self, source: str, way: str, first: int, next: int) -> int:
        was: dict[tuple[str, str], bool] = {}
        now: dict[tuple[str, str], bool] = {}
        async for each in moved(self._ledger, source, way, first, next):
            key = (each.node, each.id)
            was.setdefault(key, each.did != ADDED)
            now[key] = each.did != GONE
        return sum(was[key] and not now[key] for key in was)

    async def fold(self, today: str) -> int:
        day = date.fromisoformat(today)
        oldest, yesterday = str(day - timedelta(days=KEPT_DAYS)), str(day - timedelta(days=1))
        c = t.source_round.c
        async with self._ledger.database.writing() as connection:
            gone = await connection.execute(sa.delete(t.source_round).where(c.ended < oldest))
            older = sa.select(t.source_round).where(c.ended < yesterday).order_by(c.source, c.way, c.ended)
            groups: dict[tuple[str, ...], list[Round]] = defaultdict(list)
            for row in (await connection.execute(older)).all():
                one = Round(**row._mapping)
                groups[one.source, one.way, one.ended[:10], one.outcome].append(one)
            folded = 0
            for rounds in groups.values():
                folded += await self._fold(connection, rounds)
            return int(gone.rowcount) + folded

    async def _fold(self, connection: AsyncConnection, rounds: Sequence[Round]) -> int:
        """Sum these up; what is an alarm stays as it is, up to ALARMS_KEPT."""
        alarms = [one for one in rounds if one.alarm and not one.looked][-ALARMS_KEPT:]
        plain = [one for one in rounds if all(one is not kept for kept in alarms)]
        if len(plain) < 2:
            return 0
        for one in plain:
            await connection.execute(sa.delete(t.source_round).where(_is(one)))
        row = _row(t.source_round, summed(plain))
        await self._ledger.database.put(connection, t.source_round, [row], replace=True)
        return len(plain) - 1

    # What the desk asks

    async def rounds(self, source: str, since: str = "", limit: int = 200) -> list[Round]:
        """The rounds of a source in every direction, newest first."""
        c = t.source_round.c
        query = sa.select(t.source_round).where(c.source == source, c.ended >= since)
        rows = await self._ledger.rows(query.order_by(c.ended.desc(), c.began.desc(), c.by.desc()).limit(limit))
        return [Round(**row._mapping) for row in rows]

    async def days(self, since: str) -> dict[tuple[str, str], dict[str, dict[str, int]]]:
        """(source, way) → day → outcome → how many rounds ended so, from that day on."""
        c = t.source_round.c
        day = sa.func.substr(c.ended, 1, 10).label("day")
        query = sa.select(c.source, c.way, day, c.outcome, sa.func.sum(c.runs).label("runs")).where(c.ended >= since)
        found: dict[tuple[str, str], dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
        for row in await self._ledger.rows(query.group_by(c.source, c.way, day, c.outcome)):
            found[row.source, row.way][row.day][row.outcome] = int(row.runs)
        return found

    async def alarms(self) -> list[Round]:
        """Rounds that nobody has looked at and somebody should, newest first."""
        c = t.source_round.c
        query = sa.select(t.source_round).where(c.alarm != "", c.looked == "").order_by(c.ended.desc(), c.source)
        return [Round(**row._mapping) for row in await self._ledger.rows(query)]

    async def round(self, key: tuple[str, str, str, str]) -> Round | None:
        c = t.source_round.c
        here = sa.and_(c.source == key[0], c.way == key[1], c.began == key[2], c.by == key[3])
        rows = await self._ledger.rows(sa.select(t.source_round).where(here))
        return Round(**rows[0]._mapping) if rows else None

    # What the operator decides

    async def look(self, one: Round, by: str) -> bool:
        """Remember who has looked at an alarm; False when there is none any more."""
        async with self._ledger.database.writing() as connection:
            done = await connection.execute(sa.update(t.source_round).where(_is(one)).values(looked=by))
            return bool(done.rowcount)

    async def order(self, source: str, way: Way, **changes: Any) -> None:
        """Remember a decision: `stopped_at` or `retry_at`, an instant or "" for none; or `kept`, how many of the
        records that a peer has dropped."""
        row: dict[str, Any] = {"source": source, "way": way.value, "stopped_at": "", "retry_at": "", "kept": 0}
        insert = self._ledger.database.insert(t.source_order).values(row | changes)
        async with self._ledger.database.writing() as connection:
            await connection.execute(insert.on_conflict_do_update(index_elements=["source", "way"], set_=changes))


def taken_since() -> sa.Select[Any]:
    """The record of a row of `left_out`, where this rev of it or a later one was taken after all."""
    c, r = t.left_out.c, t.record.c
    return sa.select(r.id).where(r.node == c.node, r.id == c.id, r.audience == "public", r.rev >= c.rev)


def summed(rounds: Sequence[Round]) -> Round:
    """One round that stands for several of one day that ended alike."""
    first, last = rounds[0], rounds[-1]
    places = [one.first for one in rounds if one.first >= 0]
    counts = {
        name: sum(getattr(one, name) for one in rounds)
        for name in ("runs", "added", "changed", "gone", "refused", "renamed")
    }
    ends = {"first": min(places, default=-1), "next": max(one.next for one in rounds)}
    began = min(one.began for one in rounds)
    return msgspec.structs.replace(first, began=began, ended=last.ended, detail=last.detail, live=-1, **counts, **ends)


def _is(one: Round) -> sa.ColumnElement[bool]:
    c = t.source_round.c
    return sa.and_(c.source == one.source, c.way == one.way, c.began == one.began, c.by == one.by)


def _row(table: sa.Table, value: Round | Condition) -> tuple[Any, ...]:
    return tuple(getattr(value, column.name) for column in table.columns)
