"""Node heads in a hub's feed: what a hub says of the nodes it takes in is what a reader far away can check (NHD-8)."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from jisr_hub.following import taking
from jisr_hub.node_heads import NodeHeads
from jisr_protocol import completeness, live
from jisr_protocol.completeness import NodeHead
from jisr_protocol.entry import Entry
from jisr_protocol.reader.follow import follow
from jisr_protocol.reader.nodes import Standing
from jisr_protocol.reader.store import open_copy
from tests.hub.author import Author, record_id
from tests.hub.hub_in_memory import MemoryHub
from tests.hub.test_erasure import Begun, begun, erase
from tests.hub.test_holding import act, lift

__all__ = ["begun"]

pytestmark = pytest.mark.anyio


async def admitted(*authors: Author, **options: Any) -> MemoryHub:
    """A hub that has taken everything these authors wrote."""
    hub = await MemoryHub("hub", **options).begin()
    await hub.admit(*authors)
    for author in authors:
        await hub.push(author)
    return hub


async def state(hub: MemoryHub) -> int:
    """Let the hub say what it can, and publish it."""
    written = await NodeHeads(hub.hub, pause=timedelta(0)).state()
    await hub.publish()
    return written


async def said(hub: MemoryHub, node: str) -> NodeHead | None:
    """The newest head of a node that stands in the hub's feed."""
    return next((completeness.of(e) for e in reversed(await hub.log()) if e.op == "nodehead" and e.node == node), None)


async def counts(hub: MemoryHub, author: Author) -> dict[str, int] | None:
    await state(hub)
    found = await said(hub, author.id)
    return None if found is None else dict(found.missing)


async def check_heads(hub: MemoryHub, *authors: Author) -> None:
    """Fold the hub's log anew: at its place, each head is of its node's own log, and what it counts is what differs."""
    own_logs = {author.id: author.feed().entries() for author in authors}
    log = await hub.log()
    for position, entry in enumerate(log):
        if entry.op != "nodehead":
            continue
        found = completeness.of(entry)
        own = live.fold(own_logs[found.node][: found.head.size])
        here = {key: version for key, version in live.fold(log[:position]).items() if key[0] == found.node}
        absent = sum(here.get(key) != version for key, version in own.items())
        older = sum(own.get(key) != version for key, version in here.items())
        assert (found.head.live, found.absent, found.older) == (len(own), absent, older), (position, found.missing)
        rows = [(key[1], *version) for key, version in here.items()]
        completeness.check_set(found, len(here), completeness.root_of(found.node, rows))


async def read(hub: MemoryHub, folder: Path, author: Author) -> Standing:
    """What a reader who follows the hub's published files knows of a node."""
    file = folder / f"read-{hub.id[5:13]}.copy"
    result = await follow(hub.write_out(folder / f"files-{hub.id[5:13]}"), file, now=hub.clock)
    assert result.outcome == 0, result.sentence
    with open_copy(file) as copy:
        return next(found for found in copy.nodes() if found.node == author.id)


async def test_after_a_whole_push_a_reader_knows_that_it_holds_all_of_the_node(tmp_path: Path) -> None:
    author = Author("dar")
    author.puts(5)
    author.delete("r3")
    hub = await admitted(author)
    assert await state(hub) == 1
    assert await state(hub) == 0  # nothing changed
    found = await read(hub, tmp_path, author)
    assert (found.verdict, found.live, found.size) == ("complete", 4, len(author.feed().lines))
    await check_heads(hub, author)


async def test_nothing_is_said_while_the_hub_has_only_a_part_of_the_log() -> None:
    author = Author("dar")
    author.puts(5)
    hub = await MemoryHub("hub").begin()
    await hub.admit(author)
    await hub.push(author, 0, 3)
    assert await state(hub) == 0
    await hub.push(author, 3)
    assert await state(hub) == 1


async def test_what_is_put_aside_is_counted_and_counted_again_when_it_is_admitted() -> None:
    author = Author("dar")
    author.puts(3)
    author.put("bad", status="gone")
    refuses = {"on": True}
    hub = await admitted(author, policy=lambda e: "not here" if refuses["on"] and e.id == record_id("r1") else None)
    assert await counts(hub, author) == {"policy": 1, "quarantined": 1}
    refuses["on"] = False
    await hub.hub.rejudge(author.id, "public")
    assert await counts(hub, author) == {"quarantined": 1}
    await check_heads(hub, author)


async def test_an_older_version_that_is_still_shown_is_counted_beside(tmp_path: Path) -> None:
    author = Author("dar")
    author.puts(3)
    author.edit("r1", status="gone")
    hub = await admitted(author)
    assert await counts(hub, author) == {"older": 1, "quarantined": 1}
    found = await read(hub, tmp_path, author)
    assert (found.verdict, found.live, found.promised) == ("short", 3, 3)
    await check_heads(hub, author)


async def test_a_deletion_that_is_put_aside_leaves_what_the_node_has_not() -> None:
    author = Author("dar")
    author.puts(3)
    hub = await admitted(author)
    author.revs["r1"] += 1_000_001
    author.delete("r1")
    await hub.push(author)
    assert await counts(hub, author) == {"older": 1}
    await check_heads(hub, author)


async def test_what_a_hub_erases_is_missing_and_what_the_node_erases_is_not(tmp_path: Path) -> None:
    author = Author("dar")
    author.puts(4)
    hub = await admitted(author)
    assert await counts(hub, author) == {}
    await erase(hub, author, "r1")
    assert (await read_open(hub, tmp_path, author)).verdict == "open"
    assert await counts(hub, author) == {"erased": 1}
    await check_heads(hub, author)


async def test_what_a_hold_keeps_back_is_counted_as_held_until_it_ends(begun: Begun, tmp_path: Path) -> None:
    author = Author("dar")
    author.puts(4)
    async with begun(author) as hub:
        await hub.push(author)
        await act(hub, "hold", author, "r1")
        await act(hub, "hold", author, "new")
        assert await counts(hub, author) == {"held": 1}
        author.edit("r1")
        author.put("new")
        await hub.push(author)
        assert await counts(hub, author) == {"held": 2}  # as they came meanwhile, and one that was never shown
        assert (await read(hub, tmp_path, author)).verdict == "short"
        await act(hub, "unhold", author, "new")
        assert await counts(hub, author) == {"held": 1}
        hub.clock.pass_time(days=15)
        assert await lift(hub) == 1
        assert await counts(hub, author) == {}
        assert (await read(hub, tmp_path, author)).verdict == "complete"
        await check_heads(hub, author)


async def test_what_is_erased_while_it_is_held_is_counted_as_erased(begun: Begun) -> None:
    author = Author("dar")
    author.puts(3)
    async with begun(author) as hub:
        await hub.push(author)
        await act(hub, "hold", author, "*")
        author.edit("r1")
        await hub.push(author)
        assert await counts(hub, author) == {"held": 3}
        await erase(hub, author, "r1")
        assert await counts(hub, author) == {"erased": 1, "held": 2}
        author.delete("r2")
        await hub.push(author)
        assert await counts(hub, author) == {"erased": 1, "held": 1}
        await check_heads(hub, author)


async def test_a_hold_of_a_hub_that_follows_is_counted_there_alone(begun: Begun, tmp_path: Path) -> None:
    author = Author("dar")
    author.puts(3)
    async with begun(author) as first, begun(label="second") as second:
        await first.push(author)
        await state(first)
        await second.follow(first, tmp_path)
        await act(second, "hold", author, "r1")
        author.edit("r1")
        author.edit("r2")
        await first.push(author)
        await state(first)
        await second.follow(first, tmp_path)
        assert [(await said(hub, author.id)).missing for hub in (first, second)] == [{}, {"held": 1}]
        await act(second, "unhold", author, "r1")
        await second.follow(first, tmp_path)
        assert (await said(second, author.id)).missing == {}
        await check_heads(second, author)


async def read_open(hub: MemoryHub, folder: Path, author: Author) -> Standing:
    await hub.publish()
    return await read(hub, folder, author)


async def test_of_a_head_that_does_not_describe_its_log_nothing_is_said() -> None:
    author = Author("dar")
    author.puts(3)
    hub = await MemoryHub("hub").begin()
    await hub.admit(author)
    await hub.push(author, live=2)
    assert await state(hub) == 0
    assert await said(hub, author.id) is None


async def test_a_node_that_pushes_without_end_gets_few_of_them() -> None:
    author = Author("dar")
    author.put("one")
    hub = await admitted(author)
    heads = NodeHeads(hub.hub, pause=timedelta(seconds=30))
    assert await heads.state() == 1
    for number in range(5):
        author.put(f"more{number}")
        await hub.push(author)
        assert await heads.state() == 0
        assert heads.waits is not None
    hub.clock.pass_time(seconds=31)
    assert await heads.state() == 1
    assert heads.waits is None
    await check_heads(hub, author)


async def test_however_many_nodes_push_a_publish_says_few_heads_and_none_waits_for_ever() -> None:
    authors = [Author(f"dar{number}") for number in range(5)]
    for author in authors:
        author.put("one")
    hub = await admitted(*authors)
    heads = NodeHeads(hub.hub, pause=timedelta(seconds=30))
    assert [await heads.state(2), heads.waits] == [2, timedelta(0)]
    hub.clock.pass_time(seconds=31)
    first = {author.id for author in authors if await said(hub, author.id)}
    for author in authors:
        author.put("two")
        await hub.push(author)
    assert await heads.state(3) == 3
    assert {author.id for author in authors if await said(hub, author.id)} - first, "who waits longest comes first"
    assert len({author.id for author in authors if await said(hub, author.id)}) == 5
    assert [await heads.state(3), heads.waits] == [2, None]
    await check_heads(hub, *authors)


async def test_a_hub_two_hops_away_says_the_same_and_a_reader_there_knows(tmp_path: Path) -> None:
    author, other = Author("dar"), Author("other")
    author.puts(6)
    other.puts(2)
    first = await admitted(author, other)
    second, third = await MemoryHub("second").begin(), await MemoryHub("third").begin()
    await state(first)
    for follower, leader in ((second, first), (third, second)):
        await follower.follow(leader, tmp_path)
        await follower.publish()
    found = await read(third, tmp_path, author)
    assert (found.verdict, found.live) == ("complete", 6)
    await check_heads(third, author, other)
    assert await second.follow(first, tmp_path) == 0
    assert await third.follow(second, tmp_path) == 0


async def test_a_follower_adds_what_its_own_policy_leaves_out(tmp_path: Path) -> None:
    author = Author("dar")
    author.puts(6)
    author.put("bad", status="gone")
    first = await admitted(author)
    picky = {record_id("r1"), record_id("r2")}
    second = await MemoryHub("second", policy=lambda e: "not here" if e.id in picky else None).begin()
    third = await MemoryHub("third").begin()
    await state(first)
    for follower, leader in ((second, first), (third, second)):
        await follower.follow(leader, tmp_path)
        await follower.publish()
    found = await read(third, tmp_path, author)
    assert (found.verdict, found.live, found.missing) == ("short", 4, {"policy": 2, "quarantined": 1})
    await check_heads(third, author)


async def test_what_came_back_after_it_was_said_is_said_again(begun: Begun, tmp_path: Path) -> None:
    """Else every reader waits for a head that never comes: the counts are the same before and after."""
    author = Author("dar")
    author.puts(3)
    author.put("bad", status="gone")
    async with begun(author) as first:
        await first.push(author)
        assert await counts(first, author) == {"quarantined": 1}
        await act(first, "hold", author, "r1")
        await act(first, "unhold", author, "r1")
        assert await state(first) == 1
        assert await state(first) == 0
        assert (await read(first, tmp_path, author)).verdict == "short"
        await check_heads(first, author)


async def test_a_head_that_was_taken_and_not_passed_on_in_time_is_passed_on_later(tmp_path: Path) -> None:
    author = Author("dar")
    author.puts(2)
    first, second = await admitted(author), await MemoryHub("second").begin()
    await state(first)
    await second.follow(first, tmp_path)
    author.put("bad", status="gone")  # nothing of it reaches the second hub but the node's new head
    await first.push(author)
    await state(first)
    with mock.patch("jisr_hub.following.relayed_heads.relay", side_effect=OSError("killed")), pytest.raises(OSError):
        await second.follow(first, tmp_path)
    assert (await said(second, author.id)).missing == {}
    assert await second.follow(first, tmp_path) == 1
    assert (await said(second, author.id)).missing == {"quarantined": 1}
    assert await second.follow(first, tmp_path) == 0


async def test_a_hub_that_drops_a_record_on_the_way_is_found_out_two_hops_away(tmp_path: Path) -> None:
    """The hub in the middle leaves one record out and passes the node's head on as if nothing were missing."""
    author = Author("dar")
    author.puts(6)
    first = await admitted(author)
    second, third = await MemoryHub("second").begin(), await MemoryHub("third").begin()
    await state(first)
    taken = taking._Batch.take

    def drops_one(batch: taking._Batch, offered: taking.Offered) -> None:
        if offered.entry.id != record_id("r2"):
            taken(batch, offered)

    async def nothing(*_: object) -> dict[str, int]:
        return {}

    with (
        mock.patch.object(taking._Batch, "take", drops_one),
        mock.patch("jisr_hub.following.relayed_heads._missing", nothing),
    ):
        await second.follow(first, tmp_path)
    await second.publish()
    await third.follow(second, tmp_path)
    await third.publish()
    at_second = await read(second, tmp_path, author)
    assert (at_second.verdict, at_second.live, at_second.promised) == ("unmet", 5, 6)
    assert await said(third, author.id) is None  # it does not pass on what does not add up
    at_third = await read(third, tmp_path, author)
    assert (at_third.verdict, at_third.live) == ("unsaid", 5)


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_happens_every_head_in_every_feed_is_true(seed: int, tmp_path: Path) -> None:
    """Random pushes, edits, deletions, quarantine, policy, erasure and holds at three hubs in a row."""
    chance = random.Random(seed)
    picky = {"home": {record_id(f"r{chance.randrange(8)}")}, "far": {record_id(f"r{chance.randrange(8)}")}}
    authors = [Author("dar"), Author("other")]

    def policy(place: str) -> Any:
        def judge(e: Entry) -> str | None:
            return "not here" if e.id in picky[place] else None

        return judge

    first = await MemoryHub("first", policy=policy("home")).begin()
    second = await MemoryHub("second", policy=policy("far")).begin()
    third = await MemoryHub("third").begin()
    await first.admit(*authors)
    heads = NodeHeads(first.hub, pause=timedelta(0))
    for _ in range(45):
        author = chance.choice(authors)
        label = f"r{chance.randrange(8)}"
        action = chance.randrange(12)
        if action < 4:
            author.put(label)
        elif action == 4:
            author.put(label, status="gone")
        elif action == 5:
            author.delete(label)
        elif action == 6:
            picky["home"] ^= {record_id(label)}
            await first.hub.rejudge(author.id, "public")
        elif action == 7:
            await erase(chance.choice((first, second)), author, label, chance.choice((None, 2)))
        elif action == 8:
            hub = chance.choice((first, second))
            await act(hub, chance.choice(("hold", "unhold")), author, label)
            hub.clock.pass_time(days=chance.randrange(2))
            await lift(hub)
        elif action == 9:
            size = len(author.feed().lines)
            held = (await first.hub.log_state(author.id, "public")).frontier.size
            await first.push(author, held, chance.randint(held, size))
        else:
            await heads.state()
            for follower, leader in ((second, first), (third, second)):
                await leader.publish()
                await follower.follow(leader, tmp_path)
    for hub in (first, second, third):
        await check_heads(hub, *authors)
