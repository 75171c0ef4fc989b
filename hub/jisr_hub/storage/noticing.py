"""What became of notices, acks and followers in SQL: the NoticeLedger part of the ledger (noticing.py)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from jisr_protocol import ack as acks
from jisr_protocol.ack import Ack
from jisr_protocol.envelope import Envelope
from jisr_protocol.identifiers import to_instant
from jisr_protocol.keys import KeyRing

from ..ports import Erasure, Key, Number
from ..ports.notices import Follower, Handled, Heard, HeldBack
from . import asking
from . import tables as t
from .database import Database
from .dialogue import Ask, Rows
from .holding import Holding


class SqlNotices:
    """Mixed into SqlLedger."""

    database: Database
    _feed: str

    async def rows(self, query: sa.Executable) -> Sequence[sa.Row[Any]]:
        raise NotImplementedError

    async def answers(self, *asked: Ask) -> Sequence[Rows]:
        raise NotImplementedError

    async def holds(self, keys: Iterable[Key]) -> dict[Key, int | None]:
        return await self.database.ask(asking.holds(list(keys)))

    async def lift(self, at: str, number: Number) -> int:
        if not await self.rows(sa.select(t.hold.c.node).where(t.hold.c.until <= at).limit(1)):
            return 0
        async with self.database.writing(long=True) as connection:
            return await Holding(self.database, connection, self._feed).lift(at, number)

    async def held_back(self, node: str = "") -> list[HeldBack]:
        about, named = ("WHERE node = ?", (node,)) if node else ("", ())
        query = f"SELECT node, id, rev, digest, type, line FROM held_back {about} ORDER BY node, id"
        (rows,) = await self.answers(Ask(query, named))
        return [HeldBack(*row) for row in rows]

    async def handled(self, notice: str = "") -> list[Handled]:
        c = t.handled.c
        query = sa.select(t.handled).order_by(c.at, c.notice)
        rows = await self.rows(query.where(c.notice == notice) if notice else query)
        return [Handled(**row._mapping) for row in rows]

    async def decide(self, notice: str, task: str, outcome: str, reason: str) -> None:
        decided = sa.update(t.handled).where(t.handled.c.notice == notice)
        async with self.database.writing() as connection:
            await connection.execute(decided.values(task=task, outcome=outcome, reason=reason))

    # Acks

    async def acks(self, notice: str) -> list[Heard]:
        c = t.ack.c
        rows = await self.rows(sa.select(t.ack).where(c.notice == notice).order_by(c.by))
        return [Heard(_ack(row), bool(row.passed)) for row in rows]

    async def unpassed(self, source: str) -> list[Ack]:
        a, h = t.ack.c, t.handled.c
        query = sa.select(t.ack).join(t.handled, h.notice == a.notice).where(h.source == source, a.passed == 0)
        return [_ack(row) for row in await self.rows(query.order_by(a.at, a.notice, a.by))]

    async def keep_ack(self, ack: Ack, ring: KeyRing) -> None:
        thing = ack.envelope
        row = {
            "notice": ack.notice, "by": ack.by, "jws": thing.jws, "body": thing.body, "at": to_instant(ack.at),
            "passed": 0,
        }  # fmt: skip
        insert = self.database.insert(t.ack).values(row)
        newer = {name: insert.excluded[name] for name in ("jws", "body", "at", "passed")}
        later = insert.excluded.at > t.ack.c.at
        async with self.database.writing() as connection:
            await connection.execute(
                insert.on_conflict_do_update(index_elements=["notice", "by"], set_=newer, where=later)
            )
            await self._keep_signer(connection, ring)

    async def _keep_signer(self, connection: AsyncConnection, ring: KeyRing) -> None:
        raise NotImplementedError

    async def passed(self, acks: Sequence[Ack]) -> None:
        c = t.ack.c
        async with self.database.writing() as connection:
            for ack in acks:
                one = (c.notice == ack.notice, c.by == ack.by, c.jws == ack.envelope.jws)
                await connection.execute(sa.update(t.ack).where(*one).values(passed=1))

    # Followers

    async def followers(self) -> list[Follower]:
        rows = await self.rows(sa.select(t.follower).order_by(t.follower.c.hub))
        return [Follower(**row._mapping) for row in rows]

    async def keep_follower(self, follower: Follower) -> None:
        values = asdict(follower)
        named = {"name": follower.name}
        async with self.database.writing() as connection:
            upsert = self.database.insert(t.follower).values(values)
            await connection.execute(upsert.on_conflict_do_update(index_elements=["hub"], set_=named))

    async def drop_follower(self, hub: str) -> None:
        async with self.database.writing() as connection:
            await connection.execute(sa.delete(t.follower).where(t.follower.c.hub == hub))


async def note(database: Database, connection: AsyncConnection, erasure: Erasure, at: str, outcome: str) -> None:
    """What became of one target of a notice; of several the most that was done counts."""
    said = erasure.notice
    task = "open" if outcome == "advice" and said.action != "unhold" else ""
    row = {
        "notice": said.envelope.digest, "source": erasure.source, "outcome": outcome, "task": task, "reason": "",
        "at": at,
    }  # fmt: skip
    insert = database.insert(t.handled).values(row)
    more = {"outcome": insert.excluded.outcome, "task": insert.excluded.task}
    done = (insert.excluded.outcome == "done") | (t.handled.c.outcome == "advice") & (t.handled.c.task != "declined")
    await connection.execute(insert.on_conflict_do_update(index_elements=["notice"], set_=more, where=done))


def _ack(row: sa.Row[Any]) -> Ack:
    return acks.of(Envelope("ack", row.jws, row.body, orjson.loads(row.body)))
