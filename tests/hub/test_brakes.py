"""What is taken from a peer: its policy here, and the brake on a feed that suddenly drops much (pitfall 18)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jisr_hub import log
from jisr_hub.ports import Change, Held, Remembered
from jisr_hub.views.policies import Brake, of_peer
from jisr_protocol import identifiers
from jisr_protocol import policy as policies
from tests.hub.author import Author, record_id
from tests.hub.hub_in_memory import Clock, MemoryHub
from tests.hub.viewed import ViewedHub, viewed_hub

pytestmark = pytest.mark.anyio
LABELS = tuple(f"r{number}" for number in range(10))


@pytest.fixture
def author() -> Author:
    author = Author("dar")
    for label in LABELS:
        author.put(label, x_place={"country": "ES" if label < "r2" else "MA"})
    return author


@pytest.fixture
async def there(author: Author) -> MemoryHub:
    """The peer that is followed: it has ten records of one author."""
    hub = await MemoryHub("there", clock=Clock()).begin()
    await hub.admit(author)
    await hub.push(author)
    await hub.publish()
    return hub


@pytest.fixture
async def here(tmp_path: Path, there: MemoryHub) -> AsyncIterator[ViewedHub]:
    async with viewed_hub(tmp_path / "hub.sqlite", "here") as hub:
        hub.clock = hub.hub.clock = there.clock
        await hub.follow(there, tmp_path)
        assert len(await hub.live()) == len(LABELS)
        yield hub


async def drop(hub: MemoryHub, author: Author, *labels: str) -> None:
    """The peer lets records leave its feed, by nobody's word but its own."""
    live = await hub.live()
    drafts, remembered = [], []
    for label in labels:
        key = (author.id, record_id(label))
        drafts.append(log.out_draft(*key, *live[key], "org.jisr.organization/1"))
        remembered.append(Remembered(*key, "public", Held(*live[key], "org.jisr.organization/1", False)))
    await hub.ledger.store(Change(identifiers.to_instant(hub.clock()), drafts, remembered), log.number)
    hub.clock.pass_time(seconds=2)
    await hub.publish()


async def labels_of(hub: MemoryHub, author: Author) -> set[str]:
    held = await hub.live()
    return {label for label in (*LABELS, "new") if (author.id, record_id(label)) in held}


async def test_a_feed_that_suddenly_empties_waits_for_the_operator_and_all_else_goes_on(
    here: ViewedHub, there: MemoryHub, author: Author, tmp_path: Path
) -> None:
    await drop(there, author, *LABELS)
    await here.follow(there, tmp_path)
    assert await labels_of(here, author) == set(LABELS), "nothing left"
    assert (await here.store.brakes())[there.id] == Brake(there.id, 10, 10, False)
    start = len(author.feed().lines)
    author.put("new")
    author.put("r5", x_place={"country": "NL"})
    author.delete("r7")  # its author's own word passes
    await there.push(author, start)
    there.clock.pass_time(seconds=2)
    await there.publish()
    await here.follow(there, tmp_path)
    assert await labels_of(here, author) == {*LABELS, "new"} - {"r7"}
    brake = (await here.store.brakes())[there.id]
    await here.store.keep_brake(there.id, Brake(there.id, brake.leaving, brake.live, True), "2026-01-01T00:00:00Z")
    await here.store.begin_again(there.id)
    await here.follow(there, tmp_path)
    assert await labels_of(here, author) == {"new", "r5"}, "the operator has looked"
    assert await here.store.brakes() == {}
    assert await here.live() == await there.live()


async def test_the_word_of_the_operator_holds_once(
    here: ViewedHub, there: MemoryHub, author: Author, tmp_path: Path
) -> None:
    await here.store.keep_brake(there.id, Brake(there.id, 5, 10, True), "2026-01-01T00:00:00Z")
    await drop(there, author, "r1", "r2", "r3")
    await here.follow(there, tmp_path)
    assert len(await labels_of(here, author)) == 7
    await drop(there, author, "r4", "r5", "r6")
    await here.follow(there, tmp_path)
    assert len(await labels_of(here, author)) == 7
    assert not (await here.store.brakes())[there.id].released


async def test_a_little_may_leave_at_once(tmp_path: Path) -> None:
    """Five in a hundred; not six."""
    author = Author("many")
    author.puts(100)
    there = await MemoryHub("there", clock=Clock()).begin()
    await there.admit(author)
    await there.push(author)
    await there.publish()
    async with viewed_hub(tmp_path / "hub.sqlite", "here") as here:
        here.clock = here.hub.clock = there.clock
        await here.follow(there, tmp_path)
        await drop(there, author, *(f"r{number}" for number in range(5)))
        await here.follow(there, tmp_path)
        assert (len(await here.live()), await here.store.brakes()) == (95, {})
        await drop(there, author, *(f"r{number}" for number in range(5, 10)))
        await here.follow(there, tmp_path)
        assert (len(await here.live()), list(await here.store.brakes())) == (95, [there.id])


async def test_what_is_taken_from_a_peer_follows_the_policy_for_it(
    here: ViewedHub, there: MemoryHub, author: Author, tmp_path: Path
) -> None:
    scope = of_peer(there.id)
    await here.place(policies.write("from-there", 1, allow={"countries": ["ES"]}), scope)
    await here.follow(there, tmp_path)
    assert await labels_of(here, author) == {"r0", "r1"}
    start = len(author.feed().lines)
    author.put("r1", x_place={"country": "MA"})
    author.put("new", x_place={"country": "ES"})
    await there.push(author, start)
    there.clock.pass_time(seconds=2)
    await there.publish()
    await here.follow(there, tmp_path)
    assert await labels_of(here, author) == {"r0", "new"}, "a newer rev that does not fit takes the older one out"
    await here.place(policies.write("from-there", 2), scope)
    await here.follow(there, tmp_path)
    assert await here.live() == await there.live(), "what fits again is taken from the copy"
    assert await here.store.brakes() == {}, "an operator's policy is no peer's drop"
    await here.place(policies.write("public", 1, deny={"nodes": [author.id]}))
    assert await labels_of(here, author) == set()
    await here.place(None)
    await here.follow(there, tmp_path)
    assert await here.live() == await there.live()
