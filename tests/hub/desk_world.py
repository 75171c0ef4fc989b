"""A door with cheap passwords, a clock that is turned by hand, and counted random bytes, on any database."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jisr_hub.desk.accounts import Account
from jisr_hub.desk.door import Door
from jisr_hub.desk.passwords import Cost, Passwords
from jisr_hub.desk.roles import Role
from jisr_hub.storage.desk import SqlAccounts
from jisr_hub.storage.sql import SqlLedger

CHEAP = Cost(passes=1, memory_kib=8, lanes=1)
PASSWORD = "vier woorden zonder verband"
NETWORK = "192.0.2.0/24"
AT = "2026-09-01T12:00:00Z"


class Clock:
    """Gives the time it was set to."""

    def __init__(self) -> None:
        self.time = datetime(2026, 9, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def pass_(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class Draw:
    """Random bytes that differ each time and are the same in each run."""

    def __init__(self) -> None:
        self.drawn = 0

    def __call__(self, length: int) -> bytes:
        self.drawn += 1
        return hashlib.shake_128(self.drawn.to_bytes(8, "big")).digest(length)


class DeskWorld:
    """A door and what stands behind it."""

    def __init__(self, ledger: SqlLedger) -> None:
        self.ledger, self.clock, self.draw = ledger, Clock(), Draw()
        self.accounts = SqlAccounts(ledger.database)
        self.passwords = Passwords(self.draw, CHEAP)
        self.door = Door(self.accounts, self.passwords, self.clock, self.draw, aside=asyncio.to_thread)

    async def add(self, name: str, role: Role = Role.CURATOR, subject: str = "", password: str = PASSWORD) -> None:
        """Add an account, with a password unless it is one of the provider's."""
        assert await self.accounts.add(Account(name, role, AT, subject))
        if not subject:
            await self.accounts.keep_password(name, self.passwords.hashed(password), end=True)


@asynccontextmanager
async def desk_world(place: Path | str) -> AsyncIterator[DeskWorld]:
    """A desk on the database at `place`."""
    ledger = await SqlLedger.open(place, new_epoch="1-aaaaaaaa")
    try:
        yield DeskWorld(ledger)
    finally:
        await ledger.close()
