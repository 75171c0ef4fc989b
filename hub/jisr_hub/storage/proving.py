"""What stands in a ledger, row by row, for whoever proves it (cli/checking.py); and its records computed anew.

    Stored     every row as it lies there, within one consistent moment; nothing is read as anything yet
    Folded     the table of records computed again from the logs, in a file of its own

Both pass rows through in batches, so memory does not grow with the log.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from jisr_protocol import state_tree
from jisr_protocol.state_tree import MAX_DEPTH, StateTree

from ..ports import Nullified
from . import tables as t
from .database import Database, streamed
from .rebuild import Part, take, take_unshown
from .sql import SqlLedger
from .sqlite import Sqlite
from .view import SqlView

_ROWS = 512
Row = sa.Row[Any]
Rows = AsyncIterator[Sequence[Row]]
RECORD_COLUMNS = tuple(t.record.columns.keys())


@asynccontextmanager
async def stored(ledger: SqlLedger) -> AsyncIterator[Stored]:
    """The rows of a ledger at one moment; a serving hub goes on meanwhile."""
    async with ledger.database.reading() as connection:
        yield Stored(connection, ledger.database)


class Stored:
    """The rows of one connection's transaction."""

    def __init__(self, connection: AsyncConnection, database: Database | None = None) -> None:
        self._connection, self._database = connection, database

    async def view(self) -> SqlView:
        """The same moment as the publisher sees it."""
        if self._database is None:
            raise ValueError("rows that are looked at by themselves have no view")
        return SqlView(self._database, self._connection, (await self.feed()).size)

    async def damage(self) -> list[str]:
        """What the database itself says of its file; only SQLite knows."""
        if self._connection.dialect.name != "sqlite":
            return []
        rows = await self._connection.exec_driver_sql("PRAGMA quick_check(20)")
        return [str(row[0]) for row in rows if row[0] != "ok"]

    async def feed(self) -> Row:
        return (await self._connection.execute(sa.select(t.feed))).one()

    def entries(self) -> Rows:
        return self._in_order(t.entry, t.entry.c.seq)

    def statements(self) -> Rows:
        return streamed(self._connection, sa.select(t.statement).order_by(t.statement.c.node, t.statement.c.n), _ROWS)

    def logged_statements(self) -> Rows:
        return streamed(self._connection, sa.select(t.logged_statement), _ROWS)

    async def nullified(self) -> frozenset[Nullified]:
        rows = await self._connection.execute(sa.select(t.nullified))
        return frozenset(Nullified(row[0], row[1], row[2], row[3]) for row in rows)

    def notices(self) -> Rows:
        return streamed(
            self._connection, sa.select(t.notice).order_by(t.notice.c.by, t.notice.c.node, t.notice.c.n), _ROWS
        )

    def held_back(self) -> Rows:
        return streamed(self._connection, sa.select(t.held_back), _ROWS)

    def acts(self) -> Rows:
        return streamed(self._connection, sa.select(t.act).order_by(t.act.c.n), _ROWS)

    def told(self) -> Rows:
        return streamed(self._connection, sa.select(t.told).order_by(t.told.c.digest, t.told.c.kid), _ROWS)

    async def node_feeds(self) -> Sequence[Row]:
        query = sa.select(t.node_feed).order_by(t.node_feed.c.node, t.node_feed.c.name)
        return (await self._connection.execute(query)).all()

    def node_entries(self, node: str, name: str) -> Rows:
        c = t.node_entry.c
        return self._in_order(t.node_entry, c.seq, c.node == node, c.name == name)

    def unjudged(self, node: str, name: str) -> Rows:
        c = t.unjudged.c
        return self._in_order(t.unjudged, c.start, c.node == node, c.name == name)

    def records(self) -> Rows:
        return streamed(
            self._connection, sa.select(t.record).order_by(t.record.c.node, t.record.c.id, t.record.c.audience), _ROWS
        )

    async def kept_trees(self) -> dict[str, int]:
        """Nodes whose tree is kept, and its depth."""
        c = t.node_tree.c
        rows = await self._connection.execute(sa.select(c.node, c.depth).where(c.depth > 0).order_by(c.node))
        return {row[0]: row[1] for row in rows}

    async def live(self) -> int:
        query = sa.select(sa.func.count()).where(t.record.c.live_path.is_not(None))
        return int((await self._connection.execute(query)).scalar_one())

    async def _in_order(self, table: sa.Table, seq: sa.Column[int], *where: sa.ColumnElement[bool]) -> Rows:
        last = -1
        query = sa.select(table).where(*where).order_by(seq).limit(_ROWS)
        while rows := (await self._connection.execute(query.where(seq > last))).all():
            yield rows
            last = rows[-1]._mapping[seq]


@asynccontextmanager
async def folded() -> AsyncIterator[Folded]:
    """An empty table of records in a file that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="jisr-check-") as folder:
        database = Sqlite(Path(folder) / "folded.sqlite")
        try:
            async with database.writing(long=True) as connection:
                await connection.run_sync(t.record.create)
                yield Folded(database, connection)
        finally:
            await database.close()


class Folded:
    """Records as the logs make them."""

    def __init__(self, database: Database, connection: AsyncConnection) -> None:
        self._database, self._connection = database, connection
        self.void: frozenset[Nullified] = frozenset()
        """What a lost key had signed."""

    async def take(self, part: Part) -> None:
        await take(self._database, self._connection, part, self.void)

    async def take_unshown(self, part: Part) -> None:
        await take_unshown(self._database, self._connection, part, self.void)

    async def state(self) -> tuple[bytes, int]:
        """(state root, number of live records) of what was taken so far."""
        live = await Stored(self._connection).live()
        tree = StateTree(state_tree.depth_for(live))
        shift = 6 * (MAX_DEPTH - tree.depth)
        c = t.record.c
        query = sa.select(c.live_path, c.node, c.id, c.rev, c.digest).where(c.live_path.is_not(None))
        bucket, lines = -1, list[bytes]()
        async for part in streamed(self._connection, query.order_by(c.live_path), _ROWS):
            for path, node, record_id, rev, digest in part:
                if path >> shift != bucket:
                    _close(tree, bucket, lines)
                    bucket, lines = path >> shift, []
                lines.append(state_tree.line(node, record_id, rev, digest))
        _close(tree, bucket, lines)
        return tree.root(), live

    async def differences(self, there: Stored) -> AsyncIterator[tuple[Row | None, Row | None]]:
        """(as it stands there, as the logs make it) of every record in which the two differ."""
        ours, theirs = _one_by_one(Stored(self._connection).records()), _one_by_one(there.records())
        mine, stands = await anext(ours, None), await anext(theirs, None)
        while mine is not None or stands is not None:
            first = min(_key(row) for row in (mine, stands) if row is not None)
            made = mine if mine is not None and _key(mine) == first else None
            held = stands if stands is not None and _key(stands) == first else None
            if made is None or held is None or tuple(made) != tuple(held):
                yield held, made
            if made is not None:
                mine = await anext(ours, None)
            if held is not None:
                stands = await anext(theirs, None)


async def _one_by_one(rows: Rows) -> AsyncIterator[Row]:
    async for part in rows:
        for row in part:
            yield row


def _key(row: Row) -> tuple[bytes, ...]:
    return tuple(str(part).encode() for part in row[:3])


def _close(tree: StateTree, bucket: int, lines: list[bytes]) -> None:
    if lines:
        tree.set_bucket(bucket, state_tree.bucket_hash(state_tree.bucket_bytes(lines)))
