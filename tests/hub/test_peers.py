"""Hubs that follow hubs: no loop, no trust, the same set everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from jisr_hub.following.taking import Offered
from jisr_hub.ports import Peer
from jisr_protocol import entry
from tests.hub.author import Author, record_id
from tests.hub.hub_in_memory import Clock, MemoryHub
from tests.reader.publisher import FeedFolder, Writer

pytestmark = pytest.mark.anyio


async def hubs_of(*labels: str) -> list[MemoryHub]:
    clock = Clock()
    return [await MemoryHub(label, clock=clock).begin() for label in labels]


async def settle(hubs: list[MemoryHub], follows: list[tuple[int, int]], folder: Path, rounds: int = 8) -> int:
    """Publish and follow until nothing moves any more; return after how many rounds."""
    for number in range(rounds):
        grown = 0
        for follower, followed in follows:
            await hubs[followed].publish()
            grown += await hubs[follower].follow(hubs[followed], folder)
        for hub in hubs:
            await hub.publish()
            hub.clock.pass_time(seconds=1)
        if grown == 0:
            return number
    raise AssertionError("the hubs never come to rest: a loop")


async def assert_equal(hubs: list[MemoryHub]) -> None:
    """Every hub holds the same set and signs the same root."""
    roots = {(await hub.publish()).state_root for hub in hubs}
    assert len(roots) == 1
    lives = [await hub.live() for hub in hubs]
    assert all(live == lives[0] for live in lives)


RING = {
    "both ways": [(0, 1), (1, 0)],
    "a circle of three": [(0, 2), (1, 0), (2, 1)],
    "everybody follows everybody": [(a, b) for a in range(3) for b in range(3) if a != b],
    "a line of four": [(1, 0), (2, 1), (3, 2)],
}


@pytest.mark.parametrize("way", RING)
async def test_whoever_follows_whom_all_come_to_rest_with_one_root(way: str, tmp_path: Path) -> None:
    follows = RING[way]
    hubs = await hubs_of(*(f"hub {n}" for n in range(max(map(max, follows)) + 1)))
    authors = [Author(f"node of {number}") for number in range(1 if way == "a line of four" else len(hubs))]
    for hub, author in zip(hubs, authors, strict=False):
        await hub.admit(author)
        author.puts(4)
        await hub.push(author)
    await settle(hubs, follows, tmp_path)
    await assert_equal(hubs)
    for hub, author in zip(hubs, authors, strict=False):
        author.put("r1")
        author.delete("r2")
        author.put("new")
        await hub.push(author, 5)
    await settle(hubs, follows, tmp_path)
    await assert_equal(hubs)
    assert len(await hubs[0].live()) == 4 * len(authors)
    sizes = [len(await hub.lines()) for hub in hubs]
    await settle(hubs, follows, tmp_path)
    assert [len(await hub.lines()) for hub in hubs] == sizes, "nothing is emitted twice"


async def test_via_says_the_way_nearest_the_author_first(tmp_path: Path) -> None:
    hubs = await hubs_of("first", "second", "third")
    author = Author("dar")
    await hubs[0].admit(author)
    thing = author.put("one")
    await hubs[0].push(author)
    await settle(hubs, [(1, 0), (2, 1)], tmp_path)
    logs = [await hub.log() for hub in hubs]
    first, second, third = (next(e for e in log if e.op == "put") for log in logs)
    assert first.via == ()
    assert second.via == ({"by": hubs[0].id, "epoch": await hubs[0].ledger.epoch(), "seq": first.seq},)
    assert third.via == (*second.via, {"by": hubs[1].id, "epoch": await hubs[1].ledger.epoch(), "seq": second.seq})
    assert {e.src for e in (first, second, third)} == {("public", author.feed().epoch, 1)}
    assert {e.thing.raw for e in (first, second, third) if e.thing} == {thing.raw}, "the author's own bytes"


async def test_nothing_goes_further_than_three_hops(tmp_path: Path) -> None:
    hubs = await hubs_of(*(f"hub {n}" for n in range(6)))
    author = Author("dar")
    await hubs[0].admit(author)
    author.put("one")
    await hubs[0].push(author)
    await settle(hubs, [(n + 1, n) for n in range(5)], tmp_path)
    assert [len(await hub.live()) for hub in hubs] == [1, 1, 1, 1, 0, 0]


async def test_a_node_admitted_at_two_hubs_is_taken_from_itself(tmp_path: Path) -> None:
    hubs = await hubs_of("one", "two")
    author = Author("dar")
    author.puts(3)
    for hub in hubs:
        await hub.admit(author)
        await hub.push(author)
    await settle(hubs, [(0, 1), (1, 0)], tmp_path)
    await assert_equal(hubs)
    for hub in hubs:
        assert all(e.via == () for e in await hub.log() if e.node == author.id and e.op != "statement")
    author.put("late")
    await hubs[0].push(author, 4)
    await settle(hubs, [(0, 1), (1, 0)], tmp_path)
    assert len(await hubs[1].live()) == 3, "its own hub waits for the node itself"
    await hubs[1].push(author, 4)
    await assert_equal(hubs)


async def test_a_node_comes_by_one_peer_only(tmp_path: Path) -> None:
    hubs = await hubs_of("home", "left", "right", "end")
    author = Author("dar")
    await hubs[0].admit(author)
    author.puts(3)
    await hubs[0].push(author)
    await settle(hubs, [(1, 0), (2, 0), (3, 1), (3, 2)], tmp_path)
    await assert_equal(hubs)
    ways = {e.via[-1]["by"] for e in await hubs[3].log() if e.node == author.id}
    assert len(ways) == 1


async def test_what_leaves_a_peers_view_leaves_here_too(tmp_path: Path) -> None:
    hubs = await hubs_of("home", "far")
    author = Author("dar")
    await hubs[0].admit(author)
    author.put("moved")
    author.put("stays")
    await hubs[0].push(author)
    await settle(hubs, [(1, 0)], tmp_path)
    assert len(await hubs[1].live()) == 2
    author.delete("moved")
    author.put("moved", audience="hub")
    await hubs[0].push(author, feed="hub")
    assert [e.op for e in await hubs[0].log()][-1] == "out"
    await settle(hubs, [(1, 0)], tmp_path)
    assert [e.op for e in await hubs[1].log()][-1] == "out"
    assert [e.via for e in await hubs[1].log()][-1] == (), "an out is this hub's own word and is never relayed"
    await assert_equal(hubs)


async def test_what_left_before_its_last_rev_came_leaves_too(tmp_path: Path) -> None:
    """Of several changes a copy tells the last: that rev 2 left, and rev 2 never came."""
    hubs = await hubs_of("home", "far")
    author = Author("dar")
    await hubs[0].admit(author)
    author.put("moved")
    await hubs[0].push(author)
    await settle(hubs, [(1, 0)], tmp_path)
    author.put("moved")
    await hubs[0].push(author)
    author.put("moved", audience="hub")
    await hubs[0].push(author, feed="hub")
    await settle(hubs, [(1, 0)], tmp_path)
    assert await hubs[1].live() == {}
    await assert_equal(hubs)


async def test_a_record_that_comes_back_after_an_out_is_shown_again(tmp_path: Path) -> None:
    hubs = await hubs_of("home", "far")
    author = Author("dar")
    await hubs[0].admit(author)
    author.put("moved")
    await hubs[0].push(author)
    await settle(hubs, [(1, 0)], tmp_path)
    author.delete("moved")
    author.put("moved", audience="hub")
    await hubs[0].push(author, feed="hub")
    await settle(hubs, [(1, 0)], tmp_path)
    author.delete("moved", audience="hub")
    author.put("moved")
    await hubs[0].push(author, 2)
    await settle(hubs, [(1, 0)], tmp_path)
    await assert_equal(hubs)
    assert (await hubs[1].live())[author.id, record_id("moved")][0] == 5


async def test_a_hub_that_is_far_behind_catches_up_in_one_go(tmp_path: Path) -> None:
    hubs = await hubs_of("home", "far")
    author = Author("many")
    await hubs[0].admit(author)
    author.puts(1200)
    for start in range(0, 1201, 400):
        await hubs[0].push(author, start, min(1201, start + 400))
    await settle(hubs, [(1, 0)], tmp_path)
    await assert_equal(hubs)
    assert len(await hubs[1].live()) == 1200


async def test_following_resumes_where_a_batch_was_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cursor and data are one transaction: whichever batch fails, nothing is lost and nothing comes twice."""
    monkeypatch.setattr("jisr_hub.following.peers.BATCH", 7)
    hubs = await hubs_of("home", "far")
    author = Author("many")
    await hubs[0].admit(author)
    author.puts(60)
    await hubs[0].push(author)
    await hubs[0].publish()
    store, turns = hubs[1].ledger.store, 0

    async def fails(*arguments: Any) -> int:
        nonlocal turns
        turns += 1
        if turns % 3 == 0:
            raise OSError("planted")
        return int(await store(*arguments))

    monkeypatch.setattr(hubs[1].ledger, "store", fails)
    for _ in range(40):
        try:
            if await hubs[1].follow(hubs[0], tmp_path) == 0 and len(await hubs[1].live()) == 60:
                break
        except OSError:
            continue
    monkeypatch.setattr(hubs[1].ledger, "store", store)
    await assert_equal(hubs)
    assert [e.op for e in await hubs[1].log()].count("put") == 60


# A hub that lies


def lying_hub(folder: Path) -> tuple[FeedFolder, Writer, str]:
    """A hub's feed, soundly signed by the hub, with a node's record altered under the node's signature."""
    feed = FeedFolder(folder, label="liar", role="hub")
    author = feed.welcome(Writer("honest"))
    value = Author("form").value("x")
    members = {name: value[name] for name in ("created", "modified", "lang", "licence", "status", "type")}
    feed.put(by=author, **members)
    altered = author.record(**members)
    seq = feed.put(altered) and feed.size - 1
    line = orjson.loads(feed.lines[seq])
    line["record"]["name"]["ar"]["value"] = "ما لم يقله أحد"
    feed.lines[seq] = orjson.dumps(line, option=orjson.OPT_SORT_KEYS)
    feed.put(by=author, **members)
    return feed, author, altered.value["id"]


async def test_a_record_altered_by_the_hub_before_does_not_enter(tmp_path: Path) -> None:
    feed, author, altered = lying_hub(tmp_path / "feed")
    feed.publish()
    [hub] = await hubs_of("far")
    await hub.follow_folder(feed.folder, feed.writer.id, tmp_path)
    live = await hub.live()
    assert (author.id, altered) not in live
    assert len(live) == 2, "the other records of the same node do enter"


async def test_the_authors_signature_is_judged_here_and_not_taken_from_the_reader(tmp_path: Path) -> None:
    """Handed an altered entry past the reader, the hub's own step refuses it."""
    feed, author, altered = lying_hub(tmp_path / "feed")
    [hub] = await hubs_of("far")
    peer = Peer(feed.writer.id, "liar", "", 0, feed.epoch)
    await hub.ledger.keep_peer(peer)
    offered = [Offered(e.seq, e) for e in feed.entries()]
    await hub.take(peer, offered, {author.id: author.ring, feed.writer.id: feed.writer.ring}, feed.size)
    assert (author.id, altered) not in await hub.live()
    assert len(await hub.live()) == 2


async def test_a_record_without_its_authors_keys_does_not_enter(tmp_path: Path) -> None:
    feed, _, _ = lying_hub(tmp_path / "feed")
    [hub] = await hubs_of("far")
    peer = Peer(feed.writer.id, "liar", "", 0, feed.epoch)
    await hub.ledger.keep_peer(peer)
    offered = [Offered(e.seq, e) for e in feed.entries() if e.op == "put"]
    await hub.take(peer, offered, {}, feed.size)
    assert await hub.live() == {}
    assert (await hub.ledger.peers())[0].cursor == feed.size, "what is refused is not read again for ever"


async def test_a_peer_that_takes_key_statements_back_is_not_followed_in_that(tmp_path: Path) -> None:
    feed = FeedFolder(tmp_path / "feed", label="hub before", role="hub")
    author = Writer("stolen")
    stolen = author.key
    begun = author.ring
    author.add_key()
    author.revoke(stolen)
    feed.welcome(author)
    [hub] = await hubs_of("far")
    peer = Peer(feed.writer.id, "peer", "", 0, feed.epoch)
    await hub.ledger.keep_peer(peer)
    statements = [Offered(e.seq, e) for e in feed.entries() if e.node == author.id]
    await hub.take(peer, statements, {author.id: author.ring}, feed.size)
    value = Author("form").value("x")
    value = {**value, "node": author.id}
    thief = author.record(key=stolen, **{k: v for k, v in value.items() if k not in ("id", "rev")})
    feed.add("put", thief)
    offered = [Offered(e.seq, e) for e in feed.entries() if e.op == "put"]
    await hub.take(peer, offered, {author.id: begun}, feed.size)
    assert await hub.live() == {}
    held = (await hub.ledger.rings([author.id]))[author.id]
    assert held.keys[stolen.kid].state == "revoked"


async def test_a_peer_cannot_speak_for_a_node_admitted_here_nor_for_ourselves(tmp_path: Path) -> None:
    author = Author("dar")
    author.put("one")
    [hub] = await hubs_of("home")
    await hub.admit(author)
    await hub.push(author)
    before = await hub.lines()
    peer = Peer("jisr:" + "p" * 52, "peer", "", 0, "1-pppppppp")
    await hub.ledger.keep_peer(peer)
    author.put("one")
    own = [Offered(seq, e) for seq, e in enumerate(await hub.log())]
    offered = [*own, *(Offered(e.seq, e) for e in author.feed().entries())]
    rings = {author.id: author.ring, hub.id: hub.identity.ring}
    await hub.take(peer, offered, rings, 9)
    assert await hub.lines() == before


async def test_an_out_for_what_is_not_here_does_nothing() -> None:
    [hub] = await hubs_of("far")
    peer = Peer("jisr:" + "p" * 52, "peer", "", 0, "1-pppppppp")
    await hub.ledger.keep_peer(peer)
    line = entry.write_out(
        seq=3, at="2026-09-01T00:00:00Z", node="jisr:" + "n" * 52, id=record_id("x"), rev=1, digest="aa" * 32,
        type="org.jisr.news/1",
    )  # fmt: skip
    before = await hub.lines()
    await hub.take(peer, [Offered(3, entry.parse(line))], {}, 4)
    assert await hub.lines() == before
