"""Writers in a race, and a reader that looks every 2 ms: does it ever go past an entry that shows later?

    python -m tests.faults.race PLACE --writers 4 --entries 2500 --seed 1 [--naive]

is one process of writers; PLACE is a file (SQLite, which has one such process) or an address (PostgreSQL, which has
several). Each writer waits at random, stores a few entries in a transaction, rolls one in twenty back, and holds one in
a hundred open for 200 ms after its positions were given. `race` starts the processes and is the reader.

With --naive the same writers use what looks as good: a table with a serial id, each transaction on a connection of its
own, and a reader that asks for `id > cursor`. Serial ids are given before the commit and without a lock, so they show
out of order, and what shows late is missed for ever.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psycopg
import sqlalchemy as sa

from jisr_hub import log
from jisr_hub.ports import Change
from jisr_hub.storage.sql import SqlLedger
from jisr_protocol import entry as entries

AT = "2026-09-01T12:00:00Z"
NODE = f"jisr:{'a' * 52}"
ROOT = Path(__file__).resolve().parents[2]
AT_MOST = 8
"""Entries of a transaction."""
ROLLED_BACK, HELD, HOLD_SECONDS, LOOK_SECONDS = 0.05, 0.01, 0.2, 0.002
WRITERS = 16


class RolledBack(Exception):
    """Planted."""


class Store(Protocol):
    """Where writers store: all of these names, or on RolledBack none."""

    async def store(self, names: Sequence[str], *, held: bool, fails: bool) -> None: ...

    async def since(self, cursor: int) -> list[tuple[int, str]]:
        """(position, name) from the cursor on, as a reader sees them now."""
        ...

    async def close(self) -> None: ...


class InLedger:
    """The hub's ledger."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger = ledger

    async def store(self, names: Sequence[str], *, held: bool, fails: bool) -> None:
        def number(draft: Any, seq: int, at: str) -> Any:
            if draft is drafts[-1]:
                if held:
                    time.sleep(HOLD_SECONDS)  # positions are given, the transaction is open
                if fails:
                    raise RolledBack
            return log.number(draft, seq, at)

        drafts = [log.out_draft(NODE, name, 1, "ab" * 32, "org.jisr.news/1") for name in names]
        await self._ledger.store(Change(AT, drafts, ()), number)

    async def since(self, cursor: int) -> list[tuple[int, str]]:
        async with self._ledger.reading() as view:
            rows = [row async for part in view.entries(cursor) for row in part]
        return [(seq, entries.parse(line).id or "") for seq, line, _ in rows]

    async def close(self) -> None:
        await self._ledger.close()


class InSerialTable:
    """What looks as good, on PostgreSQL; made to be wrong."""

    def __init__(self, address: str) -> None:
        self._address = sa.make_url(address).set(drivername="postgresql").render_as_string(hide_password=False)
        self._idle: list[psycopg.AsyncConnection[Any]] = []

    async def _connection(self) -> psycopg.AsyncConnection[Any]:
        return self._idle.pop() if self._idle else await psycopg.AsyncConnection.connect(self._address)

    async def create(self) -> None:
        connection = await self._connection()
        await connection.execute("CREATE TABLE naive (id bigserial PRIMARY KEY, name text NOT NULL)")
        await connection.commit()
        self._idle.append(connection)

    async def store(self, names: Sequence[str], *, held: bool, fails: bool) -> None:
        connection = await self._connection()
        for name in names:
            await connection.execute("INSERT INTO naive (name) VALUES (%s)", (name,))
        await asyncio.sleep(HOLD_SECONDS if held else random.random() / 100)
        await (connection.rollback() if fails else connection.commit())
        self._idle.append(connection)
        if fails:
            raise RolledBack

    async def since(self, cursor: int) -> list[tuple[int, str]]:
        connection = await self._connection()
        rows = await (
            await connection.execute("SELECT id, name FROM naive WHERE id > %s ORDER BY id", (cursor - 1,))
        ).fetchall()
        await connection.commit()
        self._idle.append(connection)
        return [(int(id_), str(name)) for id_, name in rows]

    async def close(self) -> None:
        for connection in self._idle:
            await connection.close()


async def opened(place: Path | str, naive: bool) -> Store:
    return InSerialTable(str(place)) if naive else InLedger(await SqlLedger.open(place))


async def write(store: Store, writers: int, count: int, seed: int) -> tuple[list[str], int]:
    """All writers of a process until each has tried its part; what was stored, and how many were rolled back."""
    chance = random.Random(seed)
    stored: list[str] = []
    rolled_back = 0

    async def writer() -> None:
        nonlocal rolled_back
        left = count // writers
        while left > 0:
            names = [str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(chance.randint(1, AT_MOST))]
            left -= len(names)
            await asyncio.sleep(chance.random() / 100)
            try:
                await store.store(names, held=chance.random() < HELD, fails=chance.random() < ROLLED_BACK)
            except RolledBack:
                rolled_back += 1
            else:
                stored.extend(names)

    await asyncio.gather(*(writer() for _ in range(writers)))
    return stored, rolled_back


@dataclass
class Raced:
    """How a race ended; `seen` by the reader, in its order, and the positions it saw them at."""

    stored: list[str] = field(default_factory=list)
    rolled_back: int = 0
    seen: list[str] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    looks: int = 0
    seconds: float = 0.0

    def told(self, where: str) -> str:
        """The figure."""
        return (
            f"{where}: {len(self.stored)} entries stored, {self.rolled_back} transactions rolled back, {self.looks} "
            f"looks in {self.seconds:.0f} s: {self.missed} missed, {self.gaps} gaps"
        )

    @property
    def missed(self) -> int:
        return len(set(self.stored) - set(self.seen))

    @property
    def gaps(self) -> int:
        return sum(later != earlier + 1 for earlier, later in zip(self.positions, self.positions[1:], strict=False))


async def race(place: Path | str, count: int, *, naive: bool = False, seed: int = 1) -> Raced:
    """Sixteen writers, in four processes where the database takes several, and a reader here."""
    processes = 1 if isinstance(place, Path) else 4
    store: InLedger | InSerialTable
    if naive:
        store = InSerialTable(str(place))
        await store.create()
    else:
        store = InLedger(await SqlLedger.open(place, new_epoch="1-aaaaaaaa"))
    raced, began = Raced(), time.monotonic()
    running = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.faults.race", str(place), "--writers", str(WRITERS // processes),
            "--entries", str(count // processes), "--seed", str(seed * 100 + n), *(["--naive"] if naive else []),
            cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        )
        for n in range(processes)
    ]  # fmt: skip
    reports = asyncio.gather(*(process.communicate() for process in running))
    async for look in _looks(store, reports):
        for position, name in look:
            raced.positions.append(position)
            raced.seen.append(name)
        raced.looks += 1
    await store.close()
    for (said, _), process in zip(await reports, running, strict=True):
        assert process.returncode == 0, "writers ended badly"
        report = json.loads(said)
        raced.stored += report["stored"]
        raced.rolled_back += report["rolled_back"]
    raced.seconds = time.monotonic() - began
    return raced


async def _looks(store: Store, until: asyncio.Future[Any]) -> AsyncIterator[list[tuple[int, str]]]:
    """What is new, every 2 ms, and once more after the last writer is done."""
    cursor, last = 0, False
    while not last:
        last = until.done()
        came = await store.since(cursor)
        cursor = came[-1][0] + 1 if came else cursor
        yield came
        await asyncio.sleep(LOOK_SECONDS)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("place")
    parser.add_argument("--writers", type=int, required=True)
    parser.add_argument("--entries", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--naive", action="store_true")
    asked = parser.parse_args()
    store = await opened(asked.place if "://" in asked.place else Path(asked.place), asked.naive)
    stored, rolled_back = await write(store, asked.writers, asked.entries, asked.seed)
    await store.close()
    sys.stdout.write(json.dumps({"stored": stored, "rolled_back": rolled_back}) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
