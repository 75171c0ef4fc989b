"""Searching at a running hub, wired: one process of a ledger makes the documents, every process reads them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from jisr_protocol import identifiers
from jisr_protocol.opening import Declared

from ..directory.searching import Searching
from ..storage.curation import SqlCuration
from ..storage.search import SqlDocuments
from .opening import Running

SECONDS = 0.3
"""How often it is looked whether something changed: a change is found about a second after it was stored."""
FAILED_SECONDS = 30.0
_log = structlog.get_logger()


def searching_of(running: Running) -> Searching:
    """What this process searches."""
    declared = tuple(Declared.read(line) for line in running.settings.declared_days)
    documents = SqlDocuments(running.reads, SqlCuration(running.reads, running.hub.identity.id))
    return Searching(documents, running.hub.clock, declared)


async def documents_for_ever(running: Running) -> None:
    """Bring what is searched up to the log, soon after every change. While much comes it takes half of the time."""
    curation = SqlCuration(running.ledger, running.hub.identity.id)
    documents = SqlDocuments(running.ledger, curation)

    async def follow() -> int:
        return await documents.follow(identifiers.to_instant(running.hub.clock())[:10])

    await _for_ever(follow, lambda: not running.publisher.fenced)


async def search_for_ever(searching: Searching) -> None:
    """Read what changed."""
    await _for_ever(searching.refresh, lambda: True)


async def _for_ever(work: Callable[[], Awaitable[int]], may: Callable[[], bool]) -> None:
    while True:
        began, found = time.monotonic(), 0
        try:
            if may():
                found = await work()
        # The database may be away, or a document fall over a fault of ours: what is found stays as it was meanwhile.
        except Exception:
            _log.exception("search.failed")
            await asyncio.sleep(FAILED_SECONDS)
        took = min(10.0, time.monotonic() - began)
        await asyncio.sleep(took if found else max(SECONDS, took))
