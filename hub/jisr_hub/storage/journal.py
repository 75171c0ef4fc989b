"""The audit log in SQL: desk.chain.Journal. Lines are written under the writer's lock, so the chain has no forks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from jisr_protocol.notice import ALL

from ..desk import chain
from ..desk.chain import BEGIN, Line, Row, Ticket, Wanted, Writing
from ..takedown.blocking import Block
from . import tables as t
from .database import Database, streamed

_ROWS = 256


class SqlJournal:
    """The Journal port over the ledger's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, ticket: str, asked: bytes, at: str, *, waits: bool) -> None:
        values = {"ticket": ticket, "asked": asked, "at": at, "waits": int(waits)}
        async with self._database.writing() as connection:
            await connection.execute(sa.insert(t.act_open).values(values))

    async def open(self, ticket: str = "") -> list[Ticket]:
        c = t.act_open.c
        query = sa.select(t.act_open).order_by(c.at, c.ticket)
        rows = await self._rows(query.where(c.ticket == ticket) if ticket else query)
        return [Ticket(row.ticket, bytes(row.asked), row.at, bool(row.waits)) for row in rows]

    async def take(self, ticket: str) -> bool:
        c = t.act_open.c
        taken = sa.update(t.act_open).where(c.ticket == ticket, c.waits == 1).values(waits=0)
        async with self._database.writing() as connection:
            return bool((await connection.execute(taken)).rowcount)

    async def end(self, ticket: str, write: Writing) -> Line:
        c = t.act.c
        async with self._database.writing() as connection:
            last = (await connection.execute(sa.select(c.n, c.line).order_by(c.n.desc()).limit(1))).first()
            line, row = write(last.n + 1, chain.hash_of(last.line)) if last is not None else write(1, BEGIN)
            await connection.execute(sa.insert(t.act).values(_values(line, row)))
            await connection.execute(sa.delete(t.act_open).where(t.act_open.c.ticket == ticket))
        return line

    async def lines(self, wanted: Wanted) -> list[Line]:
        c = t.act.c
        query = _selected().order_by(c.n.desc()).limit(wanted.most)
        if wanted.before:
            query = query.where(c.n < wanted.before)
        if wanted.kinds:
            query = query.where(c.kind.in_(wanted.kinds))
        if wanted.subject:
            query = query.where(c.subject.contains(wanted.subject, autoescape=True))
        for column, value in ((c.who, wanted.who), (c.outcome, wanted.outcome)):
            query = query.where(column == value) if value else query
        if wanted.since:
            query = query.where(c.at >= wanted.since)
        if wanted.until:
            query = query.where(c.at <= f"{wanted.until}T23:59:59Z")
        return [_line(row) for row in await self._rows(query)]

    async def line(self, n: int) -> Line | None:
        rows = await self._rows(_selected().where(t.act.c.n == n))
        return _line(rows[0]) if rows else None

    async def size(self) -> int:
        rows = await self._rows(sa.select(sa.func.coalesce(sa.func.max(t.act.c.n), 0).label("n")))
        return int(rows[0].n)

    async def hash_at(self, n: int) -> str:
        rows = await self._rows(sa.select(t.act.c.line).where(t.act.c.n == n))
        return chain.hash_of(rows[0].line) if rows else ""

    async def _rows(self, query: sa.Select[Any]) -> list[sa.Row[Any]]:
        async with self._database.askers.connect() as connection:
            return list((await connection.execute(query)).all())


class SqlBlocks:
    """The Blocks port over the ledger's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, block: Block) -> None:
        values = {name: getattr(block, name) for name in block.__struct_fields__}
        new = self._database.insert(t.block).values(values)
        async with self._database.writing() as connection:
            await connection.execute(new.on_conflict_do_update(index_elements=["node", "target"], set_=values))

    async def drop(self, node: str, target: str) -> bool:
        c = t.block.c
        async with self._database.writing() as connection:
            gone = await connection.execute(sa.delete(t.block).where(c.node == node, c.target == target))
            return bool(gone.rowcount)

    async def of(self, node: str, target: str) -> Block | None:
        return next((one for one in await self.all() if (one.node, one.target) == (node, target)), None)

    async def all(self) -> list[Block]:
        c = t.block.c
        async with self._database.askers.connect() as connection:
            rows = (await connection.execute(sa.select(t.block).order_by(c.node, c.target))).all()
        return [Block(**row._mapping) for row in rows]


async def forget(connection: AsyncConnection, node: str, target: str) -> None:
    """Erase what people wrote about a record, or about a node and all its records, within a transaction. The chain of
    acts stays whole: their words stand beside it."""
    c, subject = t.act.c, node if target == ALL else f"{node}/{target}"
    named = sa.update(t.act).where(c.subject.contains(subject, autoescape=True), c.words.is_not(None))
    await connection.execute(named.values(words=None))
    b = t.block.c
    noted = sa.update(t.block).where(b.node == node, sa.or_(b.target == target, sa.literal(target) == ALL))
    await connection.execute(noted.values(note=""))


async def rows_of(connection: AsyncConnection) -> AsyncIterator[list[Row]]:
    """Every line in order, in batches."""
    c = t.act.c
    async for part in streamed(connection, sa.select(c.n, c.line, c.words).order_by(c.n), _ROWS):
        yield [Row(row.n, row.line, bytes(row.words) if row.words is not None else None) for row in part]


def _selected() -> sa.Select[Any]:
    later = t.act.alias("later")
    undone = (
        sa.select(sa.func.max(later.c.n))
        .where(later.c.undoes == t.act.c.n, later.c.outcome == chain.Outcome.DONE.value)
        .scalar_subquery()
    )
    return sa.select(t.act.c.n, t.act.c.line, t.act.c.words, undone.label("undone_by"))


def _line(row: sa.Row[Any]) -> Line:
    words = bytes(row.words) if row.words is not None else None
    line = chain.read(Row(row.n, row.line, words))
    return chain.undone(line, row.undone_by or 0)


def _values(line: Line, row: Row) -> dict[str, Any]:
    names = ("n", "at", "who", "kind", "subject", "outcome", "undoes")
    return {name: getattr(line, name) for name in names} | {"line": row.line, "words": row.words}
