"""`jisr-hub check` proves the index of the merged directory: it is what the log makes it, or the record is named."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from jisr_hub.storage import tables as t
from tests.curation.curated import CuratedHub, curated_hub, key_of
from tests.hub.author import Author

pytestmark = pytest.mark.anyio
AUTHOR = Author("proof")


@pytest.fixture(params=["SQLite", "PostgreSQL"])
async def hub(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CuratedHub]:
    place = tmp_path / "hub.sqlite" if request.param == "SQLite" else request.getfixturevalue("postgres_address")
    author = Author("proof")
    author.puts(8)
    async with curated_hub(place) as hub:
        await hub.admit(author)
        await hub.push(author)
        for predicate, labels in (
            ("same_as", ("r0", "r1", "r2")),
            ("not_same_as", ("r3", "r4")),
            ("suppressed", ("r5",)),
        ):
            await hub.say(predicate, author, *labels)
        await hub.curation.follow(hub.today)
        yield hub


async def test_an_index_that_follows_the_log_is_proven_and_one_that_was_not_begun_too(hub: CuratedHub) -> None:
    assert await hub.curation.differences() == []
    async with hub.ledger.database.writing() as connection:
        await connection.execute(sa.delete(t.curated))
    assert await hub.curation.differences() == []


@pytest.mark.parametrize("label", ["r0", "r5"])
async def test_a_row_that_was_changed_or_lost_is_named(hub: CuratedHub, label: str) -> None:
    node, record_id = key_of(AUTHOR, label)
    c = t.merged.c
    async with hub.ledger.database.writing() as connection:
        await connection.execute(sa.update(t.merged).where(c.node == node, c.id == record_id).values(entry="elsewhere"))
    (said,) = await hub.curation.differences()
    assert said.startswith(f"merged, {node}/{record_id}: ")
    async with hub.ledger.database.writing() as connection:
        await connection.execute(sa.delete(t.merged).where(c.node == node, c.id == record_id))
        await connection.execute(sa.delete(t.word))
    assert {said.split(",")[0] for said in await hub.curation.differences()} == {"merged", "word"}
    await hub.curation.rebuild(hub.today)
    assert await hub.curation.differences() == []


async def test_what_was_said_since_is_not_judged_and_all_else_is(hub: CuratedHub) -> None:
    await hub.say("same_as", AUTHOR, "r2", "r6")
    assert await hub.curation.differences() == []
    node, record_id = key_of(AUTHOR, "r5")
    async with hub.ledger.database.writing() as connection:
        await connection.execute(sa.delete(t.merged).where(t.merged.c.node == node, t.merged.c.id == record_id))
    (said,) = await hub.curation.differences()
    assert record_id in said
