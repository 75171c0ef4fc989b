"""Sealed messages wait, are taken and go, the same on both databases (SEAL-14 to SEAL-18)."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from jisr_hub.storage import archive
from jisr_protocol import sealed
from jisr_protocol.limits import MAILBOX_MESSAGES, MESSAGE_DAYS
from tests.hub.mailbox_world import CANARY, ELSEWHERE, World, forms, letter, opened, refusal_in, world_over

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(place: Path | str) -> AsyncIterator[World]:
    async with world_over(place) as (world, _):
        yield world


async def test_what_was_left_is_given_to_its_node_and_goes_when_it_says_so(world: World) -> None:
    ours, theirs = world.nodes.add("ours"), world.nodes.add("theirs")
    raw = letter(ours)
    digest = await world.boxes.leave(ours.identity.id, raw, "192.0.2.1")
    found, more = await world.boxes.waiting(ours.identity.id)
    assert [(one.digest, one.sealed) for one in found] == [(digest, raw)] and more == 0
    assert opened(ours, found[0].sealed).value["text"] == CANARY
    assert await world.boxes.waiting(theirs.identity.id) == ([], 0)
    assert await world.boxes.taken(theirs.identity.id, [digest]) == 0, "nobody takes what is another's"
    assert await world.boxes.taken(ours.identity.id, [digest]) == 1
    assert await world.boxes.taken(ours.identity.id, [digest]) == 0
    assert await world.boxes.waiting(ours.identity.id) == ([], 0)


async def test_the_same_bytes_are_known_again_until_their_days_are_over(world: World) -> None:
    ours = world.nodes.add("ours")
    raw = letter(ours)
    digest = await world.boxes.leave(ours.identity.id, raw, "192.0.2.1")
    assert await refusal_in(world.boxes.leave(ours.identity.id, raw, "192.0.2.2")) == "SEAL-14"
    await world.boxes.taken(ours.identity.id, [digest])
    assert await refusal_in(world.opened().leave(ours.identity.id, raw, "192.0.2.3")) == "SEAL-14"
    world.now += timedelta(days=MESSAGE_DAYS)
    assert await world.boxes.leave(ours.identity.id, raw, "192.0.2.4") == digest


async def test_what_is_over_is_given_to_nobody_and_goes(world: World) -> None:
    ours = world.nodes.add("ours")
    await world.boxes.leave(ours.identity.id, letter(ours), "192.0.2.1")
    world.now += timedelta(days=MESSAGE_DAYS, seconds=-1)
    assert await world.boxes.expire() == 0
    assert len((await world.boxes.waiting(ours.identity.id))[0]) == 1
    world.now += timedelta(seconds=1)
    assert await world.boxes.waiting(ours.identity.id) == ([], 0)
    assert await world.boxes.expire() == 1
    assert await world.boxes.scrub() is not None
    assert await world.boxes.scrub() is None
    assert await world.boxes.expire() == 0


async def test_a_mailbox_holds_so_many_and_is_open_again_when_some_were_taken(world: World) -> None:
    ours, theirs = world.nodes.add("ours"), world.nodes.add("theirs")
    here = ours.identity.id
    for number in range(MAILBOX_MESSAGES):
        if number % 10 == 0:
            world.now += timedelta(hours=1)
        await world.boxes.leave(here, letter(ours, number=number), f"192.0.2.{number // 10}")
    late = letter(ours, number=9_999)
    assert await refusal_in(world.boxes.leave(here, late, "198.51.100.1")) == "SEAL-15"
    await world.boxes.leave(theirs.identity.id, letter(theirs), "198.51.100.1")
    found, more = await world.boxes.waiting(here)
    assert len(found) + more == MAILBOX_MESSAGES
    await world.boxes.taken(here, [found[0].digest])
    await world.boxes.leave(here, late, "198.51.100.1")


async def test_nobody_can_leave_many_or_what_does_not_fit(world: World) -> None:
    ours, moved, old = world.nodes.add("ours"), world.nodes.add("moved", ELSEWHERE), world.nodes.add("old")
    here = ours.identity.id
    assert await refusal_in(world.boxes.leave("jisr:" + "q" * 52, letter(ours), "192.0.2.1")) == "SEAL-13"
    assert await refusal_in(world.boxes.leave("nobody", letter(ours), "192.0.2.1")) == "SEAL-13"
    assert await refusal_in(world.boxes.leave(here, letter(old), "192.0.2.1")) == "SEAL-4"
    assert await refusal_in(world.boxes.leave(here, CANARY.encode(), "192.0.2.1")) == "SEAL-1"
    elsewhere = await refusal_in(world.boxes.leave(moved.identity.id, letter(moved), "192.0.2.1"), whole=True)
    assert elsewhere.startswith("not_here (SEAL-12)") and "https://elsewhere.example" in elsewhere
    for number in range(15):
        await world.boxes.leave(here, letter(ours, number=number), "192.0.2.1")
    assert await refusal_in(world.boxes.leave(here, letter(ours, number=99), "192.0.2.1")) == "SEAL-16"
    await world.boxes.leave(here, letter(ours, number=99), "198.51.100.2")
    world.now += timedelta(hours=1)
    await world.boxes.leave(here, letter(ours, number=100), "192.0.2.1")


async def test_no_byte_of_it_is_left_in_files_or_in_a_backup(place: Path | str, tmp_path: Path) -> None:
    async with world_over(place) as (world, ledger):
        ours = world.nodes.add("ours")
        kept = [letter(ours, f"{CANARY} {number}", number) for number in range(12)]
        for raw in kept:
            await world.boxes.leave(ours.identity.id, raw, "192.0.2.1")
        digests = [sealed.parse(raw).digest for raw in kept]
        about = {"hub": "jisr:x", "name": "x", "made": "2026-06-02T12:00:00Z", "with_key": False}
        await archive.write(ledger.database, tmp_path / "backup.tar", about, {})
        backup = (tmp_path / "backup.tar").read_bytes()
        assert b"sealed_message" not in backup and not any(digest.encode() in backup for digest in digests)
        await world.boxes.taken(ours.identity.id, digests[:6])
        world.now += timedelta(days=MESSAGE_DAYS)
        await world.boxes.expire()
        await world.boxes.scrub()
        if isinstance(place, Path):
            files = b"".join(file.read_bytes() for file in place.parent.glob("*.sqlite*"))
            pieces = [part for raw in kept for part in (raw[-2000:-1960], raw[500:540])]
            assert not any(piece in files for piece in pieces)
            assert not any(form in files for form in forms(CANARY))


def test_a_row_that_is_gone_says_nothing_of_its_node(place: Path | str) -> None:
    if not isinstance(place, Path):
        return
    import anyio

    async def story() -> str:
        async with world_over(place) as (world, _):
            ours = world.nodes.add("ours")
            digest = await world.boxes.leave(ours.identity.id, letter(ours), "192.0.2.1")
            await world.boxes.taken(ours.identity.id, [digest])
            return digest

    digest = anyio.run(story)
    with sqlite3.connect(place) as connection:
        rows = connection.execute("SELECT digest, node, at, content FROM sealed_message").fetchall()
    connection.close()
    assert rows == [(digest, "", -1, None)]
