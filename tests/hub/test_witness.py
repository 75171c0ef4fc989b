"""Hubs that cosign each other's heads: what a witness refuses (WIT-1 to WIT-6), that it remembers before it signs
(WIT-10) with a key of its own (WIT-11), that of two conflicting checkpoints exactly one is cosigned, and readers that
ask for a quorum (WIT-9)."""

from __future__ import annotations

import asyncio
import base64
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jisr_hub.config import Chosen
from jisr_hub.following.peers import Followers
from jisr_hub.ports import Change, Peer
from jisr_hub.storage.witnessed import FileMemory, LocalMemory, open_witness
from jisr_hub.witness.cosigning import Witness
from jisr_hub.witness.witnessing import Said, Witnessing
from jisr_protocol import checkpoint, evidence, merkle
from jisr_protocol import witness as witnesses
from jisr_protocol.evidence import Evidence
from jisr_protocol.head import Head
from jisr_protocol.keys import SigningKey
from jisr_protocol.merkle import Tree
from jisr_protocol.reader.follow import follow
from jisr_protocol.refusal import Refusal, switched_off
from jisr_protocol.session import Outcome
from jisr_protocol.witness import Elsewhere, Held
from tests.hub.author import Author
from tests.hub.hub_in_memory import MemoryHub
from tests.reader.publisher import FeedFolder, seeded

pytestmark = pytest.mark.anyio


class Witnessed:
    """A hub that follows a feed and is its witness."""

    def __init__(self, hub: MemoryHub, feed: FeedFolder, memory: Any = None) -> None:
        self.feed, self.hub, self.memory = feed, hub, memory or LocalMemory()
        self.kept: list[Evidence] = []
        key = SigningKey(seeded(hub.id, "witness"))
        self.witness = Witness(hub.id, key, hub.ledger, self.memory, hub.clock, keep=self.kept.append)

    def request(self, old: int, **changes: Any) -> bytes:
        """An honest request for the feed as it is."""
        tree = Tree(e.leaf for e in self.feed.entries())
        note = checkpoint.signed(self.feed.signed_head(**changes), self.feed.writer.key)
        return witnesses.write_request(old, tree.consistency(old, self.feed.size), note)

    async def refused(self, rule: str, raw: bytes) -> Refusal:
        """Assert that this is refused under this rule and nothing is remembered of it."""
        before = self.memory.read(self.feed.writer.id, "public")
        with pytest.raises(Refusal) as caught:
            await self.witness.add(raw)
        assert caught.value.rule == rule, str(caught.value)
        assert self.memory.read(self.feed.writer.id, "public") == before
        return caught.value


async def witnessed(folder: Path, label: str = "witness", *, memory: Any = None, feed: Any = None) -> Witnessed:
    feed = feed or FeedFolder(folder / "feed", label="log", role="hub")
    hub = await MemoryHub(label).begin()
    await hub.ledger.keep_peer(Peer(feed.writer.id, "log", str(feed.folder), 0, ""))
    rings = {feed.writer.id: feed.writer.ring}
    await hub.ledger.store(Change("2026-09-01T00:00:00Z", [], [], rings), lambda *_: pytest.fail("nothing to number"))
    return Witnessed(hub, feed, memory)


def cosignature_of(line: str, head: Head, one: Witnessed) -> Any:
    note = checkpoint.Note(checkpoint.of_head(head), (checkpoint.signature(line.rstrip("\n")),))
    return checkpoint.cosignature(note, one.witness.key, now=one.hub.clock())


async def test_it_cosigns_a_log_as_it_grows_and_the_same_again(tmp_path: Path) -> None:
    one = await witnessed(tmp_path)
    size = 0
    for grown in (1, 2, 5, 300):
        one.feed.fill(grown)
        for _ in range(2):
            line = await one.witness.add(one.request(size))
            assert cosignature_of(line, one.feed.signed_head(), one) == one.hub.clock().replace(microsecond=0)
            size = one.feed.size


async def test_what_a_witness_refuses(tmp_path: Path) -> None:
    one = await witnessed(tmp_path)
    one.feed.fill(5)
    await one.refused("WIT-5", one.request(3))
    await one.witness.add(one.request(0))
    shorter = FeedFolder(tmp_path / "shorter", label="log", role="hub")
    shorter.fill(4)
    tree = Tree(e.leaf for e in shorter.entries())
    note = checkpoint.signed(shorter.signed_head(), shorter.writer.key)
    await one.refused("WIT-5", witnesses.write_request(0, [], note))
    await one.refused("WIT-5", witnesses.write_request(3, tree.consistency(3, 4), note))
    await one.refused("WIT-4", witnesses.write_request(5, [], note))
    one.feed.fill(9)
    elsewhere = await one.refused("WIT-5", one.request(0))
    assert isinstance(elsewhere, Elsewhere) and elsewhere.size == 5
    await one.refused("WIT-5", one.request(7))
    whole = one.request(5)
    above, _, below = whole.partition(b"\n\n")
    await one.refused("WIT-6", above.rpartition(b"\n")[0] + b"\n\n" + below)
    await one.refused("WIT-4", whole.replace(b"old 5", b"old 5x"))
    await one.refused("WIT-4", one.request(0).replace(b"old 0\n", b"old 0\n" + base64.b64encode(bytes(32)) + b"\n"))
    await one.refused("WIT-2", whole.replace(b"\n9\n", b"\n8\n"))
    stranger = checkpoint.signed(one.feed.signed_head(), SigningKey(seeded("stranger")))
    tree = Tree(e.leaf for e in one.feed.entries())
    await one.refused("WIT-2", witnesses.write_request(5, tree.consistency(5, 9), stranger))
    await one.refused("WIT-1", whole.replace(b"\njisr-head-1 ", b"\njisr-head-2 "))
    unknown = FeedFolder(tmp_path / "unknown", label="nobody", role="hub")
    note = checkpoint.signed(unknown.signed_head(), unknown.writer.key)
    await one.refused("WIT-3", witnesses.write_request(0, [], note))
    await one.witness.add(whole)


async def test_a_forged_witness_line_does_not_poison_what_is_held(tmp_path: Path) -> None:
    """Signature lines of others in a request are passed over, also those in the witness's own name."""
    one = await witnessed(tmp_path)
    one.feed.fill(5)
    forged = checkpoint.Signature(one.witness.name, one.witness.key.key_hash, bytes(72))
    line = await one.witness.add(one.request(0) + forged.line.encode())
    assert cosignature_of(line, one.feed.signed_head(), one) is not None
    one.feed.fill(8)
    assert await one.witness.add(one.request(5))


async def test_another_root_at_the_same_size_is_kept_as_evidence(tmp_path: Path) -> None:
    one = await witnessed(tmp_path)
    one.feed.fill(5)
    await one.witness.add(one.request(0))
    other = FeedFolder(tmp_path / "other", label="log", role="hub")
    other.put(note="another history")
    other.fill(5)
    note = checkpoint.signed(other.signed_head(), other.writer.key)
    await one.refused("WIT-5", witnesses.write_request(5, [], note))
    [case] = one.kept
    found = evidence.judge(evidence.parse(evidence.write(case)))
    assert (found.kind, found.by) == ("fork", one.feed.writer.id)


async def test_a_new_epoch_begins_anew_and_the_old_one_is_over(tmp_path: Path) -> None:
    one = await witnessed(tmp_path)
    one.feed.fill(9)
    await one.witness.add(one.request(0))
    old = one.request(9)
    one.feed.new_epoch(7)
    one.feed.fill(8)
    await one.witness.add(one.request(0))
    await one.refused("WIT-5", old)
    one.feed.epoch = "2-zzzzzzzz"
    await one.refused("WIT-5", one.request(0))


async def test_nothing_is_signed_that_could_not_be_remembered(tmp_path: Path) -> None:
    """WIT-10: when the disk does not take it, no cosignature leaves."""

    class Full(LocalMemory):
        def swap(self, by: str, name: str, before: Held | None, after: Held) -> bool:
            raise OSError("no space left")

    one = await witnessed(tmp_path, memory=Full())
    with pytest.raises(OSError, match="no space left"):
        await one.witness.add(one.request(0))


async def test_of_two_that_conflict_at_one_moment_exactly_one_is_cosigned(tmp_path: Path) -> None:
    """Two processes of one hub share the witness's folder; both are asked at the same moment, about two histories."""
    for number in range(20):
        answers, held, feeds = await asyncio.to_thread(race, tmp_path / str(number))
        assert sorted(len(answer) > 5 for answer in answers) == [False, True], answers
        assert held is not None and held.root in {feed.log_root().hex() for feed in feeds}


def race(folder: Path) -> tuple[list[str], Held | None, list[FeedFolder]]:
    """What each of the two answered: a cosignature, or the size it holds; and what is remembered."""
    _, memory = open_witness_of(folder)
    feeds = [FeedFolder(folder / str(n), label="log", role="hub") for n in range(2)]
    answers: list[str] = []
    start = threading.Barrier(2)

    def ask(feed: FeedFolder) -> None:
        one = asyncio.run(witnessed(folder, memory=FileMemory(memory.folder), feed=feed))
        start.wait()
        try:
            answers.append(asyncio.run(one.witness.add(one.request(0))))
        except Elsewhere as elsewhere:
            answers.append(str(elsewhere.size))

    threads = []
    for which, feed in enumerate(feeds):
        feed.put(note=f"history {which}")
        threads.append(threading.Thread(target=ask, args=(feed,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers, memory.read(feeds[0].writer.id, "public"), feeds


def open_witness_of(folder: Path) -> tuple[SigningKey, FileMemory]:
    folder.mkdir()
    return open_witness(folder, lambda size: seeded("witness key")[:size])


def test_the_witness_key_is_one_of_its_own_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    key, _ = open_witness_of(tmp_path / "hub")
    again, _ = open_witness(tmp_path / "hub", lambda size: seeded("another")[:size])
    assert key.kid == again.kid
    assert (tmp_path / "hub" / "witness" / "witness.key").stat().st_mode & 0o077 == 0


# The publisher's side, and the reader's


class Ring:
    """A publishing hub and two witnesses of it, without a network between."""

    def __init__(self, hub: MemoryHub, others: list[Witnessed]) -> None:
        self.hub, self.others = hub, others
        self.down: set[str] = set()
        self.asked: list[str] = []
        chosen = [Chosen(f"https://{n}.example/v1/witness", one.witness.key) for n, one in enumerate(others)]
        self.witnessing = Witnessing(hub.publisher, lambda: chosen, self.post)
        self.chosen = chosen

    async def post(self, address: str, body: bytes) -> Said:
        self.asked.append(address)
        number = int(address.partition("//")[2].partition(".")[0])
        if address in self.down:
            raise ConnectionError("it is away")
        try:
            return Said(200, (await self.others[number].witness.add(body)).encode())
        except Elsewhere as elsewhere:
            return Said(409, f"{elsewhere.size}\n".encode())
        except Refusal as refusal:
            return Said(422, str(refusal).encode())

    def policy(self, quorum: str) -> witnesses.Policy:
        lines = [f"witness w{n} {one.key}" for n, one in enumerate(self.chosen)]
        text = "\n".join([*lines, "group all all w0 w1", "group one any w0 w1", f"quorum {quorum}"])
        return witnesses.parse_policy(text)


async def ring(folder: Path) -> tuple[Ring, Author]:
    author = Author("dar")
    hub = await MemoryHub("publisher").begin()
    await hub.admit(author)
    others = []
    for label in ("one", "two"):
        follower = await MemoryHub(label).begin()
        await follower.ledger.keep_peer(Peer(hub.id, "publisher", "https://publisher.example", 0, ""))
        rings = {hub.id: hub.identity.ring}
        await follower.ledger.store(Change("2026-09-01T00:00:00Z", [], [], rings), lambda *_: pytest.fail("nothing"))
        one = Witnessed.__new__(Witnessed)
        one.hub, one.memory, one.kept = follower, LocalMemory(), []
        key = SigningKey(seeded(label, "witness"))
        one.witness = Witness(follower.id, key, follower.ledger, one.memory, follower.clock, keep=one.kept.append)
        others.append(one)
    return Ring(hub, others), author


async def grow(world: Ring, author: Author, count: int) -> Head:
    start = len(author.feed().lines)
    author.puts(count, prefix=f"{start}-")
    await world.hub.push(author)
    world.hub.clock.pass_time(minutes=1)
    for one in world.others:
        one.hub.clock.now = world.hub.clock.now
    return await world.hub.publish()


async def read(world: Ring, folder: Path, quorum: str) -> Any:
    place = world.hub.write_out(folder / "feed")
    return await follow(place, folder / "copy.jisr", now=world.hub.clock, witnesses=world.policy(quorum))


async def test_every_head_is_cosigned_and_a_reader_counts_it(tmp_path: Path) -> None:
    world, author = await ring(tmp_path)
    for count in (3, 1, 300):
        head = await grow(world, author, count)
        assert await world.witnessing.once(head)
        result = await read(world, tmp_path, "all")
        assert result.outcome is Outcome.VERIFIED, result.sentence
        assert result.witnessed is not None
        assert (result.witnessed.cosigned, result.witnessed.known) == (("w0", "w1"), 2)
    assert len(world.asked) == 6, "each is asked once for each head"


async def test_a_witness_that_is_away_holds_nothing_up_and_a_publisher_that_forgot_asks_where_it_stands(
    tmp_path: Path,
) -> None:
    world, author = await ring(tmp_path)
    assert await world.witnessing.once(await grow(world, author, 3))
    world.down.add(world.chosen[1].address)
    assert not await world.witnessing.once(await grow(world, author, 5))
    result = await read(world, tmp_path, "one")
    assert result.outcome is Outcome.VERIFIED and result.witnessed.cosigned == ("w0",)
    head = await grow(world, author, 2)
    world.down.clear()
    world.asked.clear()
    again = Witnessing(world.hub.publisher, lambda: world.chosen, world.post)
    assert await again.once(head)
    assert len(world.asked) == 4, "asked from the start, told where it stands, asked from there"
    assert (await read(world, tmp_path, "all")).outcome is Outcome.VERIFIED


async def test_without_its_quorum_a_reader_takes_nothing_and_says_so(tmp_path: Path) -> None:
    world, author = await ring(tmp_path)
    assert await world.witnessing.once(await grow(world, author, 3))
    assert (await read(world, tmp_path, "all")).outcome is Outcome.VERIFIED
    before = (tmp_path / "copy.jisr").read_bytes()
    await grow(world, author, 3)
    for quorum in ("all", "one"):
        result = await read(world, tmp_path, quorum)
        assert result.refusal is not None
        assert (result.outcome, result.refusal.rule) == (Outcome.TEMPORARY, "WIT-9")
        assert "What was stored before is untouched" in result.sentence
    assert (tmp_path / "copy.jisr").read_bytes() == before
    result = await read(world, tmp_path, "none")
    assert result.outcome is Outcome.VERIFIED and result.witnessed.cosigned == ()


async def test_of_a_peer_that_needs_a_quorum_nothing_else_is_taken_and_status_says_so(tmp_path: Path) -> None:
    world, author = await ring(tmp_path)
    place, reader = world.hub.write_out(tmp_path / "feed"), await MemoryHub("reader", clock=world.hub.clock).begin()
    await reader.ledger.keep_peer(Peer(world.hub.id, "publisher", str(place), 0, ""))
    followers = Followers(reader.hub, tmp_path / "peers", 60.0, allow_private=True)
    followers.quorums = {world.hub.id: world.policy("all")}

    async def followed() -> tuple[int, str]:
        world.hub.write_out(place)
        [peer] = await reader.ledger.peers()
        await followers.once(peer)
        [peer] = await reader.ledger.peers()
        return len(await reader.live()), peer.last_outcome

    assert await world.witnessing.once(await grow(world, author, 3))
    assert await followed() == (3, "verified")
    await grow(world, author, 2)
    assert await followed() == (3, "unwitnessed")
    [peer] = await reader.ledger.peers()
    assert "too few of the witnesses" in peer.last_detail
    with switched_off("WIT-9"):
        assert (await followed())[0] == 5, "it is this rule that keeps it out"
    followers.quorums = {}
    await grow(world, author, 1)
    assert await followed() == (6, "verified"), "of a peer that needs none everything is taken"


async def test_a_publisher_that_forks_finds_no_witness_for_the_other_history(tmp_path: Path) -> None:
    world, author = await ring(tmp_path)
    head = await grow(world, author, 3)
    assert await world.witnessing.once(head)
    frontier = merkle.Frontier()
    for number in range(head.size + 1):
        frontier.append(seeded(number))
    from jisr_protocol import head as heads

    forked = heads.write(
        world.hub.identity.key, by=head.by, name=head.name, epoch=head.epoch, size=frontier.size, live=0,
        log_root=frontier.root(), state_root=bytes(32), time=head.time + timedelta(minutes=1),
        valid_for=timedelta(hours=48), next_in=timedelta(minutes=5),
    )  # fmt: skip
    note = checkpoint.signed(forked, world.hub.identity.key)
    for one in world.others:
        for old, proof in ((0, []), (head.size, [seeded(head.size)])):
            with pytest.raises(Refusal) as refused:
                await one.witness.add(witnesses.write_request(old, proof, note))
            assert refused.value.rule in ("WIT-5", "WIT-6")


async def test_a_node_that_forks_leaves_evidence_at_its_hub(tmp_path: Path) -> None:
    author, twin = Author("dar"), Author("dar")
    author.put("one")
    twin.put("another")
    hub = await MemoryHub("hub").begin()
    kept: list[Evidence] = []
    hub.hub.keep = kept.append
    await hub.admit(author)
    await hub.push(author)
    with pytest.raises(Refusal) as refused:
        await hub.push(twin)
    assert refused.value.code == "feed_fork"
    [case] = kept
    assert evidence.judge(evidence.parse(evidence.write(case))).by == author.id
