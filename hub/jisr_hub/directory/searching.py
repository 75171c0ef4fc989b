"""Searching, in one process: an index in memory that is read from the documents of the ledger and kept up to them.

    searching = Searching(documents, clock)
    await searching.refresh()                read what changed; done every moment
    await searching.find(query)              the port Search

The documents are made once, by the process that leads; every process reads them. Reading and long answers go in steps,
so that nothing else waits for them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC
from typing import Protocol

from jisr_hub.directory.document import Document, Kept
from jisr_hub.directory.index import Index
from jisr_hub.ports import Clock
from jisr_hub.ports.search import Found, Query
from jisr_protocol.opening import Declared

READ_AT_ONCE = 200
STEP_SECONDS = 0.01
"""How long one step may take before others have their turn."""


class Documents(Protocol):
    """What is searched, as it is kept."""

    async def stand(self) -> tuple[int, int]:
        """(generation, turn) of the newest change; a new generation has nothing of the one before."""
        ...

    async def after(self, turn: int, doc: int, limit: int) -> list[Kept]:
        """The documents that changed after (turn, doc), in that order, at most `limit`."""
        ...


class Searching:
    """The port Search over documents."""

    def __init__(self, documents: Documents, clock: Clock, declared: tuple[Declared, ...] = ()) -> None:
        self._documents, self._clock, self._declared = documents, clock, declared
        self._index = Index(declared)
        self._read: tuple[int, int, int] | None = None
        """(generation, turn, doc) of the last document that was read."""
        self._turn = -1
        self._reading = asyncio.Lock()
        self.asked = False
        """Whether anybody has searched: until then nobody needs the index and its memory."""

    async def refresh(self) -> int:
        """Read what changed; how many documents that was."""
        async with self._reading:
            generation, turn = await self._documents.stand()
            if self._read is None or self._read[0] != generation:
                self._index, self._read, self._turn = Index(self._declared), (generation, -1, -1), -1
            count = 0
            while self._turn != turn:
                kept = await self._documents.after(self._read[1], self._read[2], READ_AT_ONCE)
                if not kept:
                    self._turn = turn
                    break
                await _in_steps(self._taking(kept))
                self._read = generation, kept[-1].turn, kept[-1].doc
                count += len(kept)
        if self._index:
            await self._prepare()
        return count

    async def find(self, query: Query) -> Found:
        self.asked = True
        if self._read is None:
            await self.refresh()
        index = self._index
        await _in_steps(index.preparing(query))
        return index.find(query, self._clock())

    def _taking(self, kept: list[Kept]) -> Iterator[None]:
        for one in kept:
            if one.content:
                self._index.put(one.doc, one.key, Document.read(one.content))
            else:
                self._index.drop(one.doc)
            yield

    async def _prepare(self) -> None:
        """Work out today's opening hours, before somebody asks what is open now."""
        await _in_steps(self._index.hours.preparing(self._clock().astimezone(UTC).date()))


async def _in_steps(work: Iterator[None]) -> None:
    began = time.monotonic()
    for _ in work:
        if time.monotonic() - began > STEP_SECONDS:
            await asyncio.sleep(0)
            began = time.monotonic()
