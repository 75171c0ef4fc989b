"""What one author wrote, as a ledger takes it, and what a ledger holds of it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from jisr_hub import log
from jisr_hub.ports import Held, Ledger, Remembered
from jisr_hub.storage.memory import MemoryLedger
from jisr_hub.storage.sql import SqlLedger
from jisr_protocol.merkle import Frontier
from jisr_protocol.push import NodeLog
from tests import postgres
from tests.hub.author import Author

AT = "2026-09-01T12:00:00Z"
EPOCH = "1-aaaaaaaa"
Opened = Callable[[], AbstractAsyncContextManager[Ledger]]


@asynccontextmanager
async def ledger_of(kind: str, server: str) -> AsyncIterator[Ledger]:
    """An empty ledger of this kind: memory, sqlite, or postgresql at the server's address."""
    if kind == "memory":
        yield MemoryLedger(EPOCH)
        return
    with contextlib.ExitStack() as stack:
        place: Path | str
        if kind == "postgresql":
            place = stack.enter_context(postgres.database(server))
        else:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "hub.sqlite"
        ledger = await SqlLedger.open(place, new_epoch=EPOCH)
        try:
            yield ledger
        finally:
            await ledger.close()


def drafts_of(author: Author, start: int = 0, end: int | None = None) -> list[Any]:
    """The hub's entries for the author's lines [start, end), without positions."""
    parsed = author.feed().entries()[start:end]
    return [log.draft(e, src=("public", EPOCH, e.seq)) for e in parsed]


def remembered(author: Author, start: int, end: int, *, live: bool = True) -> list[Remembered]:
    parsed = author.feed().entries()[start:end]
    return [
        Remembered(e.node or "", e.id or "", "public", Held(e.rev or 0, e.digest or "", e.type or "", live))
        for e in parsed
    ]


def node_log(author: Author, size: int) -> NodeLog:
    frontier = Frontier()
    for parsed in author.feed().entries()[:size]:
        frontier.append(parsed.leaf)
    return NodeLog(author.feed().epoch, frontier, author.head(size=size), author.ring)


async def rows_of(ledger: Ledger, start: int = 0) -> list[tuple[int, bytes, bytes]]:
    async with ledger.reading() as view:
        return [row async for part in view.entries(start) for row in part]
