"""What a ledger asks of its database, whichever of the two it is (engines.py).

It gives three kinds of connection: `writing` is one transaction under the writer's lock, durable when it ends;
`reading` is one that sees one consistent moment; `askers` run single statements. What is asked for every push goes as a
dialogue (dialogue.py), by `ask` and `write`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ..ports import Key, Lead
from .dialogue import Dialogue, Rows, T

PROGRAM = "jisr-hub"
"""By this name PostgreSQL lists our sessions."""
STILL_SEEN = (
    "What was erased is in no answer any more; bytes of it are still in the database's files, because somebody reads "
    "{}. The hub tries again by itself; or give this command again."
)
_STREAMS = "jisr_streams"


async def streamed(connection: AsyncConnection, query: sa.Executable, size: int) -> AsyncIterator[Sequence[Any]]:
    """The rows of a query in batches of `size`, never all in memory."""
    result = await connection.stream(query)
    connection.info[_STREAMS].push_async_callback(result.close)
    async for part in result.partitions(size):
        yield part


@asynccontextmanager
async def closing_streams(connection: AsyncConnection) -> AsyncIterator[AsyncConnection]:
    """Close what `streamed` left halfway on a connection: an open statement would keep old pages of the database in its
    log, until the garbage collector comes by."""
    async with AsyncExitStack() as streams:  # closes each, whatever becomes of another
        connection.info[_STREAMS] = streams
        yield connection


def close_cursor(context: sa.engine.ExceptionContext) -> None:
    """What listens to `handle_error`: SQLAlchemy gives up a connection whose statement was cancelled, or whose server
    went, and leaves the cursor open: a stream that was only opening is in nobody's list yet, and one of SQLite would go
    on reading until the garbage collector comes by. So it is closed here."""
    opened = context.execution_context
    if context.is_disconnect and opened is not None and opened.cursor is not None:
        opened.cursor.close()


class PooledAddress(Exception):
    """An address leads through a pooler where it must not; the sentence says what to do."""


class Database(Protocol):
    """What a ledger asks of its database."""

    askers: AsyncEngine
    ranges: str
    """SQL for a table `asked(low, high)` of the number pairs in the value of an Ask (`asked_ranges`)."""
    named: str
    """SQL for a table `asked(value)` of the texts in the value of an Ask (`asked_texts`)."""
    no_bytes: str
    """SQL for bytes of which there are none."""
    keys: str
    """SQL for a table `asked(node, id)` of the records in the values of an Ask (`asked_keys`)."""

    def writing(self, *, long: bool = False) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction under the writer's lock; `long` lifts the limit of time."""
        ...

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction that sees one consistent moment; what `streamed` left halfway on it ends with it."""
        ...

    async def ask(self, dialogue: Dialogue[T]) -> T:
        """Answer a dialogue that changes nothing: on SQLite from one moment; on PostgreSQL what is asked later may see
        more, never less."""
        ...

    async def write(self, dialogue: Dialogue[T]) -> T:
        """Answer a dialogue in one transaction under the writer's lock, durable when it returns."""
        ...

    async def converse(self, connection: AsyncConnection, dialogue: Dialogue[T]) -> T:
        """Answer a dialogue within a transaction that is open."""
        ...

    def asked_keys(self, keys: Iterable[Key]) -> tuple[object, ...]: ...

    def insert(self, table: sa.Table) -> Any:
        """The dialect's own insert, which knows `on_conflict_do_update`."""
        ...

    def asked_texts(self, values: Iterable[str]) -> object: ...

    def asked_ranges(self, values: Sequence[tuple[int, int]]) -> object: ...

    def contains(self, column: sa.Column[Any], sought: bytes) -> sa.ColumnElement[bool]:
        """Whether the bytes of a column contain these."""
        ...

    async def put(self, connection: AsyncConnection, table: sa.Table, rows: Rows, *, replace: bool) -> None:
        """Insert whole rows in one go; with `replace` a row of the same primary key gives way."""
        ...

    def leading(self, role: str) -> AbstractAsyncContextManager[Lead | None]:
        """Be the one process that does this work; None while another one is."""
        ...

    async def prepare(self) -> None:
        """Make the room for the tables; safe to call twice."""
        ...

    async def check(self) -> None:
        """Raise PooledAddress where locks would belong to nobody, Unwritable while the database is away."""
        ...

    async def forget(self, tables: Iterable[sa.Table]) -> list[str]:
        """Leave nothing of what was deleted from these tables on disk; says what remains elsewhere, a sentence each."""
        ...

    async def close(self) -> None: ...
