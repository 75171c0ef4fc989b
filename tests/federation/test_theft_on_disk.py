"""After a recovery the tables say what the logs say: computed anew, proven, and put back from a backup."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from jisr_hub.cli import checking
from jisr_hub.cli.faults import Faults
from jisr_hub.storage import tables as t
from jisr_hub.storage.proving import stored
from jisr_hub.storage.rebuild import rebuild_records
from jisr_hub.storage.sql import SqlLedger
from jisr_protocol import keys
from tests import postgres
from tests.federation.theft import Theft

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def ledgers_of(kind: str, folder: Path, server: str) -> AsyncIterator[list[SqlLedger]]:
    with contextlib.ExitStack() as stack:
        places: list[Path | str] = [folder / "a.sqlite", folder / "b.sqlite"]
        if kind == "postgresql":
            places = [stack.enter_context(postgres.database(server)) for _ in range(2)]
        ledgers = [
            await SqlLedger.open(place, new_epoch=f"1-{letter * 8}") for place, letter in zip(places, "ab", strict=True)
        ]
        try:
            yield ledgers
        finally:
            for ledger in ledgers:
                await ledger.close()


async def rows(ledger: SqlLedger) -> list[tuple[object, ...]]:
    return sorted(tuple(row) for row in await ledger.rows(sa.select(t.record)))


async def faults_of(world: Theft, ledger: SqlLedger) -> list[str]:
    hub = world.home if world.home.ledger is ledger else world.second
    faults = Faults()
    async with stored(ledger) as there:
        await checking.prove(there, keys.write_file(hub.identity.ring), faults, lambda done, total: None)
    return faults.sentences()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_tables_logs_and_checks_agree_after_a_recovery(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue("postgres_server") if kind == "postgresql" else ""
    async with ledgers_of(kind, tmp_path, server) as ledgers:
        world = await Theft(tmp_path, ledgers=ledgers).begin()
        ids = await world.say("one", "two", "three", "four")
        await world.spread()
        world.steal()
        await world.edit(ids[0], "thief's one")
        await world.add("thief's own")
        await world.delete(ids[1])
        await world.erase(ids[2])
        await world.take_over()
        await world.edit(ids[3], "thief's four")
        await world.spread()
        await world.recover()
        await world.spread()
        await world.assert_good()
        for ledger in ledgers:
            before = await rows(ledger)
            assert await faults_of(world, ledger) == []
            await rebuild_records(ledger)
            assert await rows(ledger) == before
            assert len(await ledger.nullified(world.owner.id)) >= 4
        await world.assert_good("late reader")
