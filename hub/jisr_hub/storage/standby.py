"""Reads that may be a moment old, from a streaming standby of PostgreSQL: pages for people, and whose word has lapsed.

The standby is asked while it has replayed what the primary had written at the look before, so what it shows is a few
seconds old at most: what was erased or held back a moment ago must not stay in sight because replication stands still.
While it is away or further behind, the primary answers. While the primary is away, the standby goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any

import psycopg
import sqlalchemy as sa
import structlog

from ..failures import Unwritable
from . import engines
from .dialogue import Ask, Rows, several
from .sql import SqlLedger

LOOK_SECONDS = 1.0
"""How often it is looked how far the standby is, and after a failure whether it is back."""
ANSWER_SECONDS = 3.0
"""How long a standby may take for an answer."""
_WRITTEN = sa.text("SELECT pg_current_wal_lsn()::text")
_REPLAYED = sa.text("SELECT coalesce(pg_last_wal_replay_lsn() >= CAST(:written AS pg_lsn), true)")
"""True also of one that was promoted: it replays nothing any more, and has all that was acknowledged."""
_AWAY = (Unwritable, sa.exc.DBAPIError, psycopg.Error, TimeoutError, OSError)
_log = structlog.get_logger()


class SqlStandby(SqlLedger):
    """The ledger as its standby knows it. Only what asks by single queries goes there; everything else, and every
    write, is the primary's. Close it before the primary."""

    def __init__(self, primary: SqlLedger, address: str) -> None:
        super().__init__(primary.database)
        self._primary = primary
        self._standby = engines.of(address)
        self._written = ""
        self._looked = float("-inf")
        self._looking = asyncio.Lock()
        self.state = "not asked"
        """Why it is not asked, or "asked"."""

    async def close(self) -> None:
        """Close what leads to the standby; the primary stays open."""
        await self._standby.close()

    async def rows(self, query: sa.Executable) -> Sequence[sa.Row[Any]]:
        if await self._may_be_asked():
            try:
                return await self._of_standby(query)
            except _AWAY as error:  # away, or its replay ended the query
                self._turn(_reason(error))
        return await self._primary.rows(query)

    async def answers(self, *asked: Ask) -> Sequence[Rows]:
        if await self._may_be_asked():
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    return await self._standby.ask(several(*asked))
            except _AWAY as error:
                self._turn(_reason(error))
        return await self._primary.answers(*asked)

    async def _of_standby(self, query: sa.Executable) -> Sequence[sa.Row[Any]]:
        async with asyncio.timeout(ANSWER_SECONDS), self._standby.askers.connect() as connection:
            return (await connection.execute(query)).all()

    async def _may_be_asked(self) -> bool:
        if time.monotonic() - self._looked >= LOOK_SECONDS and not self._looking.locked():
            async with self._looking:
                await self._look()
                self._looked = time.monotonic()
        return self.state == "asked"

    async def _look(self) -> None:
        try:
            replayed = await self._of_standby(_REPLAYED.bindparams(written=self._written or "0/0"))
            known = bool(self._written)
            self._turn("asked" if known and replayed[0][0] else "behind" if known else "not asked")
        except _AWAY as error:
            self._turn(_reason(error))
        # while the primary is away, the standby is as far as it was, and nobody can be further
        with contextlib.suppress(*_AWAY):
            self._written = str((await self._primary.rows(_WRITTEN))[0][0])

    def _turn(self, state: str) -> None:
        if state == self.state:
            return
        if state == "asked":
            _log.info("standby.asked")
        elif state != "not asked":
            _log.warning("standby.away", reason=state)
        self.state = state


def _reason(error: Exception) -> str:
    said = str(getattr(error, "orig", None) or error or type(error).__name__).strip().splitlines()
    return said[0] if said else type(error).__name__
