"""`jisr-hub check` proves what is searched: each document is what the log makes it, or its entry is named."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from jisr_hub.cli import checking, inspection
from jisr_hub.cli.setting_up import opened
from jisr_hub.storage import tables as t
from jisr_hub.storage.curation import SqlCuration
from jisr_hub.storage.search import SqlDocuments
from tests.curation.curated import key_of
from tests.hub.author import record_id
from tests.hub.hub_in_memory import run
from tests.hub.kept_hub import KeptHub, some_author
from tests.hub.search_world import SearchedHub, place, said, searched_hub

ENTRY, SOURCE = t.search_entry, t.search_source
RECORDS = {
    "house": place("35.77", "-5.80", name=said(fr="Maison")),
    "lessons": {"name": said(fr="Cours"), "at": [{"location": record_id("house")}]},
    "lessons again": {"name": said(fr="Cours de français")},
    "debt": {"name": said(nl="Schuldhulp")},
}


@pytest.fixture(params=["SQLite", "PostgreSQL"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SearchedHub]:
    where = tmp_path / "hub.sqlite" if request.param == "SQLite" else request.getfixturevalue("postgres_address")
    async with searched_hub(where) as found:
        await found.fill(RECORDS)
        await found.hub.say("same_as", found.author, "lessons", "lessons again")
        await found.look()
        yield found


async def faults(world: SearchedHub) -> list[str]:
    return [one async for one in world.documents.differences()]


async def write(world: SearchedHub, *changes: sa.Executable) -> None:
    async with world.hub.ledger.database.writing() as connection:
        for change in changes:
            await connection.execute(change)


def of(world: SearchedHub, label: str) -> sa.ColumnElement[bool]:
    node, id_ = key_of(world.author, label)
    return sa.and_(ENTRY.c.node == node, ENTRY.c.id == id_)


def named(world: SearchedHub, label: str) -> str:
    return f"search_entry, {'/'.join(key_of(world.author, label))}: what is searched of it is not what the log makes it"


@pytest.mark.anyio
async def test_what_follows_the_log_is_proven_and_what_is_not_made_yet_is_not_judged(world: SearchedHub) -> None:
    assert await faults(world) == []
    world.put("later", name=said(nl="Nieuw"))
    world.put("house", **{**RECORDS["house"], "name": said(fr="Maison neuve")})
    await world.hub.push(world.author)
    await world.hub.say("suppressed", world.author, "debt")
    assert await faults(world) == []
    await world.hub.curation.follow(world.hub.today)
    assert await faults(world) == []
    await write(world, sa.update(ENTRY).where(of(world, "lessons")).values(content="[]"))
    assert await faults(world) == []  # its place and the word about it are still to be followed
    await world.documents.forget()
    await write(world, sa.delete(SOURCE))
    assert await faults(world) == []


@pytest.mark.anyio
async def test_what_a_change_does_not_concern_is_judged_before_it_is_followed(world: SearchedHub) -> None:
    world.put("later", name=said(nl="Nieuw"))
    await world.hub.push(world.author)
    await write(world, sa.update(ENTRY).where(of(world, "debt")).values(content="[]"))
    assert await faults(world) == [named(world, "debt")]


@pytest.mark.anyio
async def test_a_row_that_was_bent_is_named_and_is_made_anew(world: SearchedHub) -> None:
    content = sa.func.replace(ENTRY.c.content, "schuldhulp", "gokhulp")
    await write(world, sa.update(ENTRY).where(of(world, "debt")).values(content=content))
    assert await faults(world) == [named(world, "debt")]
    await world.documents.forget()
    await world.look()
    assert await faults(world) == []


@pytest.mark.anyio
async def test_a_document_that_is_lost_stands_twice_or_should_not_be_there_is_named(world: SearchedHub) -> None:
    await write(world, sa.delete(ENTRY).where(of(world, "debt")))
    lost = await faults(world)
    assert lost[0] == named(world, "debt") and "words or sources are left" in lost[1]  # its sources stand alone now
    await write(world, sa.insert(ENTRY).values(doc=90, turn=9, node="n", id="nobody", content="[]"))
    assert named(world, "debt").replace("/".join(key_of(world.author, "debt")), "n/nobody") in await faults(world)
    node, id_ = key_of(world.author, "house")
    await write(world, sa.insert(ENTRY).values(doc=91, turn=9, node=node, id=id_, content="[]"))
    assert named(world, "house") in await faults(world)


@pytest.mark.anyio
async def test_a_change_of_a_place_would_find_the_service_or_it_is_named(world: SearchedHub) -> None:
    node, id_ = key_of(world.author, "house")
    leading = min(key_of(world.author, label) for label in ("lessons", "lessons again"))
    await write(world, sa.delete(SOURCE).where(SOURCE.c.node == node, SOURCE.c.id == id_))
    found = await faults(world)
    assert named(world, "house") in found and len(found) == 2
    assert any("/".join(leading) in one or "/".join(key_of(world.author, "lessons")) in one for one in found)


@pytest.mark.anyio
async def test_words_of_what_has_left_are_found(world: SearchedHub) -> None:
    await write(world, sa.insert(ENTRY).values(doc=77, turn=9, node="", id="", content='["words"]'))
    assert await faults(world) == ["search_entry, place 77: words or sources are left of what is not there any more"]


async def documented(hub: KeptHub) -> None:
    """Make the documents, as a serving hub does."""
    async with opened(hub.folder) as ledger:
        curation = SqlCuration(ledger, hub.id)
        await curation.follow("2026-03-01")
        while await SqlDocuments(ledger, curation).follow("2026-03-01"):
            pass


async def bent(hub: KeptHub) -> None:
    async with opened(hub.folder) as ledger, ledger.database.writing() as connection:
        bent = sa.update(ENTRY).where(ENTRY.c.doc == 3).values(content=ENTRY.c.content + " ")
        await connection.execute(bent)


def test_check_says_which_entry_and_what_makes_it_anew(tmp_path: Path) -> None:
    author = some_author()
    hub = KeptHub(tmp_path / "hub").fill(author).erase(author.id, record_id("r5"))
    run(documented(hub))
    assert faults_of(hub) == []
    run(bent(hub))
    (said_,) = faults_of(hub)
    assert said_.startswith(f"search_entry, {author.id}/") and said_.endswith("It is made anew by: jisr-hub rebuild")
    run(inspection.rebuild(hub.folder))
    assert faults_of(hub) == []
    run(documented(hub))
    assert faults_of(hub) == []


def faults_of(hub: KeptHub) -> list[str]:
    return list(run(checking.check(hub.folder, lambda *_: None))["faults"])
