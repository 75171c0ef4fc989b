"""Pairs of records that may be of one thing, in SQL: how far they were looked for, which are open, what was answered.

    doubles = SqlDoubles(ledger, own)
    await doubles.replace(keys, rows, stand)      what was found about these records takes the place of what stood there
    await doubles.open(today, kind="service")     the queue: surest first
    await doubles.answer(pair, LATER, ...)        asked again on a day; UNSURE is not asked again

A pair leaves the queue when its records are one, when one is not shown, when somebody who is heard said that they are
not the same, or when a person answered. Nothing of that is kept with the pair: what is taken back brings it back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ..curation.candidates import TOO_MANY, Pair, pair
from ..curation.doubles import Answer, Double
from ..curation.likeness import Grade
from ..curation.profiles import KINDS
from ..curation.searching import Row
from ..curation.words import NOT_SAME
from ..ports import Key
from . import tables as t
from .curation import ACCEPT
from .dialogue import Ask, Dialogue, Rows
from .sql import SqlLedger

_FEED = "public"
_PAIR = "d.node, d.id, d.other_node, d.other_id"
_SIDES = "SELECT node, id FROM double WHERE grade > 1 UNION ALL SELECT other_node, other_id FROM double WHERE grade > 1"
_TYPES = ", ".join(f"'{name}'" for name in sorted(KINDS))
_LIVE = f"r.audience = 'public' AND r.live_path IS NOT NULL AND r.type IN ({_TYPES})"


class Stand(msgspec.Struct, frozen=True):
    """How far the log was read, by which rules; `trouble` is why the search ended, "" when it goes on."""

    epoch: str
    cursor: int
    rules: int
    trouble: str = ""


class SqlDoubles:
    """The likely duplicates of the hub `own`."""

    def __init__(self, ledger: SqlLedger, own: str) -> None:
        self._ledger, self._own = ledger, own
        self._database = ledger.database

    # Looking for them

    async def stand(self) -> Stand | None:
        rows = await self._ledger.rows(sa.select(t.double_stand).where(t.double_stand.c.feed == _FEED))
        return Stand(rows[0].epoch, rows[0].cursor, rows[0].rules, rows[0].trouble) if rows else None

    async def trouble(self) -> str:
        """Why the search has ended; "" while it goes on."""
        stand = await self.stand()
        return stand.trouble if stand is not None else ""

    async def here(self) -> tuple[str, int]:
        """(epoch, entries) of the log now."""
        rows = await self._ledger.rows(sa.select(t.feed.c.epoch, t.feed.c.size).where(t.feed.c.name == _FEED))
        return rows[0].epoch, rows[0].size

    async def count(self) -> int:
        """How many live records can be compared."""
        ((row,),) = await self._ledger.answers(Ask(f"SELECT count(*) FROM record AS r WHERE {_LIVE}"))
        return int(row[0])

    async def entries(self, start: int, end: int) -> list[bytes]:
        c = t.entry.c
        rows = await self._ledger.rows(sa.select(c.line).where(c.seq >= start, c.seq < end).order_by(c.seq))
        return [row.line for row in rows]

    async def live_after(self, last: Key, count: int) -> tuple[list[bytes], Key]:
        """So many live records by their names, after this one, as the log has them; and the last one's name."""
        sql = (
            f"SELECT r.node, r.id, e.line FROM record AS r JOIN entry AS e ON e.seq = r.seq"
            f" WHERE (r.node, r.id) > (?, ?) AND {_LIVE} ORDER BY r.node, r.id LIMIT ?"
        )
        (rows,) = await self._ledger.answers(Ask(sql, (*last, count)))
        return [bytes(row[2]) for row in rows], (rows[-1][0], rows[-1][1]) if rows else last

    async def live_of(self, keys: Iterable[Key], nodes: Iterable[str] = ()) -> list[bytes]:
        """Those of these records, and of those of these nodes, that are live."""
        by_key = (
            f"SELECT e.line FROM {self._database.keys} CROSS JOIN record AS r CROSS JOIN entry AS e"
            f" WHERE r.node = asked.node AND r.id = asked.id AND {_LIVE} AND e.seq = r.seq"
        )
        by_node = f"SELECT e.line FROM record AS r JOIN entry AS e ON e.seq = r.seq WHERE r.node = ? AND {_LIVE}"
        asked = [Ask(by_key, self._database.asked_keys(keys)), *(Ask(by_node, (node,)) for node in nodes)]
        return [bytes(row[0]) for rows in await self._ledger.answers(*asked) for row in rows]

    async def begin(self) -> None:
        """Forget every pair; what was answered stays."""
        async with self._database.writing(long=True) as connection:
            await connection.execute(sa.delete(t.double))
            await connection.execute(sa.delete(t.double_stand))

    async def add(self, rows: Sequence[Row]) -> None:
        """Keep pairs of a pass over all records."""
        async with self._database.writing() as connection:
            await self._put(connection, rows)

    async def replace(self, keys: Collection[Key], rows: Sequence[Row], stand: Stand) -> None:
        """Keep what was found about these records instead of what stood there, and how far the log was read."""
        async with self._database.writing(long=True) as connection:
            await self._database.converse(connection, _forgetting(keys))
            await self._put(connection, rows)
            await self._cap(connection, {key for row in rows for key in ((row[0], row[1]), (row[2], row[3]))})
            await self._put_stand(connection, stand)

    async def finish(self, stand: Stand) -> int:
        """End a pass over all records: pairs of records that have too many are no question. How many those are."""
        async with self._database.writing(long=True) as connection:
            crowded = await self._cap(connection, None)
            await self._put_stand(connection, stand)
            return crowded

    async def put_stand(self, stand: Stand) -> None:
        async with self._database.writing() as connection:
            await self._put_stand(connection, stand)

    async def _put(self, connection: AsyncConnection, rows: Sequence[Row]) -> None:
        # the columns of the table: node, id, other_node, other_id, kind, codes, grade
        values = [(*row[:5], row[6], row[5]) for row in rows]
        await self._database.put(connection, t.double, values, replace=True)

    async def _put_stand(self, connection: AsyncConnection, stand: Stand) -> None:
        row = (_FEED, stand.epoch, stand.trouble, stand.cursor, stand.rules)
        await self._database.put(connection, t.double_stand, [row], replace=True)

    async def _cap(self, connection: AsyncConnection, keys: Collection[Key] | None) -> int:
        """Forget the pairs of records that have more surer ones than a person would look at."""
        asked = () if keys is None else self._database.asked_keys(keys)
        some = f" WHERE (s.node, s.id) IN (SELECT asked.node, asked.id FROM {self._database.keys})" if asked else ""
        query = f"SELECT s.node, s.id FROM ({_SIDES}) AS s{some} GROUP BY s.node, s.id HAVING count(*) > {TOO_MANY}"

        def dialogue() -> Dialogue[Rows]:
            (rows,) = yield [Ask(query, asked)]
            return rows

        crowded = {(node, id) for node, id in await self._database.converse(connection, dialogue())}
        if crowded:
            await self._database.converse(connection, _forgetting(crowded))
        return len(crowded)

    # The queue

    async def open(self, today: str, kind: str = "", grade: int = 0, start: int = 0, count: int = 50) -> list[Double]:
        """Pairs that wait for somebody, surest first."""
        where, values = await self._waiting(today, kind, grade)
        sql = (
            f"SELECT {_PAIR}, d.kind, d.codes, d.grade FROM double AS d WHERE {where}"
            f" ORDER BY d.grade DESC, {_PAIR} LIMIT ? OFFSET ?"
        )
        (rows,) = await self._ledger.answers(Ask(sql, (*values, count, start)))
        return [_double(row) for row in rows]

    async def counts(self, today: str) -> dict[tuple[str, Grade], int]:
        """How many wait, by kind and grade."""
        where, values = await self._waiting(today, "", 0)
        sql = f"SELECT d.kind, d.grade, count(*) FROM double AS d WHERE {where} GROUP BY d.kind, d.grade"
        (rows,) = await self._ledger.answers(Ask(sql, values))
        return {(kind, Grade(grade)): count for kind, grade, count in rows}

    async def of(self, key: Key) -> list[Double]:
        """Every pair of one record, surest first, answered or not."""
        asked = [
            Ask(f"SELECT {_PAIR}, d.kind, d.codes, d.grade FROM double AS d WHERE {where}", key)
            for where in ("d.node = ? AND d.id = ?", "d.other_node = ? AND d.other_id = ?")
        ]
        found = [_double(row) for rows in await self._ledger.answers(*asked) for row in rows]
        return sorted(found, key=lambda one: (-one.grade, one.pair))

    async def pair(self, one: Key, other: Key) -> Double | None:
        """What was found about two records; None when they are no candidates."""
        a, b = pair(one, other)
        sql = (
            f"SELECT {_PAIR}, d.kind, d.codes, d.grade FROM double AS d"
            " WHERE d.node = ? AND d.id = ? AND d.other_node = ? AND d.other_id = ?"
        )
        (rows,) = await self._ledger.answers(Ask(sql, (*a, *b)))
        return _double(rows[0]) if rows else None

    async def _waiting(self, today: str, kind: str, grade: int) -> tuple[str, tuple[object, ...]]:
        """What is true of pairs (d) that wait for somebody, and the values in it."""
        heard = await self._ledger.rows(sa.select(t.voice.c.signer).where(t.voice.c.decision == ACCEPT))
        signers = [self._own, *(row.signer for row in heard)]
        where = [
            f"NOT EXISTS (SELECT 1 FROM merged AS m WHERE m.node = d.{side}node AND m.id = d.{side}id AND m.entry = '')"
            for side in ("", "other_")
        ]
        where.append(
            "NOT EXISTS (SELECT 1 FROM merged AS m JOIN merged AS n ON n.entry = m.entry WHERE m.node = d.node AND"
            " m.id = d.id AND n.node = d.other_node AND n.id = d.other_id)"
        )
        where.append(
            "NOT EXISTS (SELECT 1 FROM word_about AS a JOIN word_about AS b ON b.signer = a.signer AND b.word = a.word"
            " JOIN word AS w ON w.node = a.signer AND w.id = a.word WHERE a.node = d.node AND a.id = d.id AND"
            f" b.node = d.other_node AND b.id = d.other_id AND w.predicate = '{NOT_SAME}' AND w.since <= ?"
            f" AND (w.until = '' OR w.until >= ?) AND a.signer IN ({', '.join('?' * len(signers))}))"
        )
        where.append(
            "NOT EXISTS (SELECT 1 FROM double_answer AS a WHERE a.node = d.node AND a.id = d.id AND"
            " a.other_node = d.other_node AND a.other_id = d.other_id AND (a.until = '' OR a.until > ?))"
        )
        values: list[object] = [today, today, *signers, today]
        for name, value in (("kind", kind), ("grade", grade)):
            if value:
                where.append(f"d.{name} = ?")
                values.append(value)
        return " AND ".join(where), tuple(values)

    # What was answered

    async def answer(self, both: Pair, answer: str, until: str, account: str, at: str) -> None:
        """Keep that a person is UNSURE, or wants to be asked LATER. The latest answer counts."""
        row = (*both[0], *both[1], answer, until, account, at)
        async with self._database.writing() as connection:
            await self._database.put(connection, t.double_answer, [row], replace=True)

    async def unanswer(self, both: Pair) -> None:
        """Take an answer back; without one nothing changes."""
        async with self._database.writing() as connection:
            await self._database.converse(connection, _deleting("double_answer", [both]))

    async def answers(self) -> list[Answer]:
        """What was answered, the latest first."""
        c = t.double_answer.c
        rows = await self._ledger.rows(sa.select(t.double_answer).order_by(c.at.desc(), c.node, c.id).limit(1000))
        return [Answer(_pair(row), row.answer, row.until, row.account, row.at) for row in rows]


def _forgetting(keys: Collection[Key]) -> Dialogue[None]:
    yield [
        Ask(f"DELETE FROM double WHERE {side}node = ? AND {side}id = ?", key)
        for key in sorted(keys)
        for side in ("", "other_")
    ]


def _deleting(table: str, pairs: Collection[Pair]) -> Dialogue[None]:
    where = "node = ? AND id = ? AND other_node = ? AND other_id = ?"
    yield [Ask(f"DELETE FROM {table} WHERE {where}", (*one, *other)) for one, other in pairs]


def _pair(row: Sequence[Any]) -> Pair:
    return (row[0], row[1]), (row[2], row[3])


def _double(row: Sequence[Any]) -> Double:
    return Double(_pair(row), row[4], Grade(int(row[6])), tuple(row[5].split()))
