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
from .calm import Calm, length
from .opening import Running

SECONDS = 0.3
"""How often it is looked whether something changed: a change is found about a second after it was stored."""
MUCH = 100
"""After so many new entries it is waited until no more come: who takes much in is not slowed by what can come later."""
STILL_SECONDS, BUSY_SECONDS = 3.0, 60.0
"""How long nothing has come to a log that rests, and how long one that does not is waited for at least."""
EAGER = 50_000
"""So many records are read into the index before anybody searches: it takes seconds, and 50 MB of memory."""
FAILED_SECONDS = 30.0
_log = structlog.get_logger()


def searching_of(running: Running) -> Searching:
    """What this process searches."""
    declared = tuple(Declared.read(line) for line in running.settings.declared_days)
    documents = SqlDocuments(running.reads, SqlCuration(running.reads, running.hub.identity.id))
    return Searching(documents, running.hub.clock, declared)


async def documents_for_ever(running: Running) -> None:
    """Bring what is searched up to the log, soon after every change; while much comes, in a tenth of the time."""
    curation = SqlCuration(running.ledger, running.hub.identity.id)
    documents = SqlDocuments(running.ledger, curation)
    seen, took = 0, 0.0

    async def shown() -> tuple[int, int]:  # publishing comes first: it is what others wait for
        head = running.publisher.head
        return await length(running.ledger), head.size if head is not None else 0

    calm = Calm(shown)

    async def follow() -> int:
        nonlocal seen, took
        if running.publisher.fenced:
            return 0
        if await length(running.ledger) - seen > MUCH:
            await calm.wait(STILL_SECONDS, max(BUSY_SECONDS, 9 * took))
        seen, began = await length(running.ledger), time.monotonic()
        looked = await documents.follow(identifiers.to_instant(running.hub.clock())[:10])
        took = time.monotonic() - began
        return looked

    await _for_ever(follow)


async def search_for_ever(running: Running, searching: Searching) -> None:
    """Read what changed, once somebody has searched here; before that only where the index is small and soon read."""

    async def read() -> int:
        head = running.publisher.head
        small = head is not None and head.live <= EAGER
        return await searching.refresh() if searching.asked or small else 0

    await _for_ever(read)


async def _for_ever(work: Callable[[], Awaitable[int]]) -> None:
    while True:
        began, found = time.monotonic(), 0
        try:
            found = await work()
        # The database may be away, or a document fall over a fault of ours: what is found stays as it was meanwhile.
        except Exception:
            _log.exception("search.failed")
            await asyncio.sleep(FAILED_SECONDS)
        took = min(10.0, time.monotonic() - began)
        await asyncio.sleep(took if found else max(SECONDS, took))
