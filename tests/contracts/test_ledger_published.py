"""What every ledger keeps for publishing and of peers: heads, snapshots, epochs, cursors, feeds that are fetched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from jisr_hub import log
from jisr_hub.ports import Change, Conflict, Peer, Published, Pull, Snapshot
from jisr_protocol.merkle import Frontier
from tests.contracts.stored import AT, EPOCH, Opened, drafts_of, node_log, rows_of
from tests.hub.author import Author
from tests.reader.publisher import FeedFolder

pytestmark = pytest.mark.anyio


async def test_what_is_published_comes_back_and_the_epoch_stays(opened: Opened, tmp_path: Path) -> None:
    feed = FeedFolder(tmp_path / "feed", role="hub")
    feed.puts(4)
    frontier = Frontier()
    for parsed in feed.entries():
        frontier.append(parsed.leaf)
    async with opened() as ledger:
        assert await ledger.published() is None
        first = Published(feed.signed_head(), frontier)
        await ledger.publish(first, None)
        with pytest.raises(Conflict):
            await ledger.publish(first, None)
        published = await ledger.published()
        assert published is not None
        assert published.head.raw == feed.signed_head().raw
        assert (published.frontier.size, published.frontier.root()) == (5, frontier.root())
        feed.puts(1)
        await ledger.publish(Published(feed.signed_head(), frontier), published)
        with pytest.raises(Conflict):
            await ledger.publish(first, published)
        now_published = await ledger.published()
        assert now_published is not None and now_published.head.raw == feed.signed_head().raw
        assert await ledger.epoch() == EPOCH


async def test_one_leads_at_a_time(opened: Opened) -> None:
    async with opened() as ledger, ledger.leading("publisher") as first:
        assert first is not None
        async with ledger.leading("followers") as other:
            assert other is not None


async def test_a_peers_cursor_moves_only_with_what_it_brought(opened: Opened, author: Author) -> None:
    peer = Peer("jisr:hub", "Hub", "https://hub.example/feeds/public", 0, "")
    async with opened() as ledger:
        assert await ledger.peers() == []
        await ledger.keep_peer(peer)
        change = Change(AT, drafts_of(author, 0, 2), (), peer=peer.hub, cursor=7, peer_epoch="2-aaaaaaaa")
        await ledger.store(change, log.number)
        await ledger.keep_peer(replace(peer, name="Hub again", last_outcome="stale", last_detail="d", last_at=AT))
        assert await ledger.peers() == [Peer("jisr:hub", "Hub again", peer.feed, 7, "2-aaaaaaaa", "stale", "d", AT)]


async def test_a_feed_that_is_fetched_is_remembered_as_long_as_it_is_registered_there(opened: Opened) -> None:
    pull = Pull("jisr:node", "https://dar.example/jisr/", AT)
    async with opened() as ledger:
        await ledger.keep_pull(pull)
        assert await ledger.pulls() == [], "only a command registers"
        await ledger.keep_pull(pull, add=True)
        ended = replace(pull, outcome="stale", detail="d", at=AT)
        await ledger.keep_pull(ended)
        await ledger.keep_pull(replace(ended, address="https://old.example/", outcome="verified"))
        assert await ledger.pulls() == [ended], "how a round with an older address ended is nobody's concern"
        await ledger.keep_pull(replace(pull, address="https://new.example/"), add=True)
        assert [one.address for one in await ledger.pulls()] == ["https://new.example/"]
        await ledger.remove_pull("jisr:node")
        await ledger.keep_pull(ended)
        assert await ledger.pulls() == []


async def test_what_a_peer_brought_is_kept_when_the_peer_was_dropped_meanwhile(opened: Opened, author: Author) -> None:
    async with opened() as ledger:
        change = Change(AT, drafts_of(author, 0, 2), (), peer="jisr:dropped", cursor=7, peer_epoch="2-aaaaaaaa")
        assert await ledger.store(change, log.number) == 2
        assert await ledger.peers() == []


async def test_the_snapshots_that_were_published_come_back(opened: Opened, author: Author) -> None:
    stood = (Snapshot(EPOCH, 300, AT), Snapshot("2-bbbbbbbb", 900, "2026-09-02T12:00:00Z"))
    frontier = node_log(author, 3).frontier
    async with opened() as ledger:
        published = Published(author.head(size=3, floor=2), frontier, stood)
        await ledger.publish(replace(published, snapshots=()), None)
        before = await ledger.published()
        assert before is not None and before.snapshots == ()
        await ledger.publish(published, before)
        found = await ledger.published()
        assert found is not None and (found.snapshots, found.head.floor) == (stood, 2)


async def test_another_epoch_goes_on_at_the_same_positions(opened: Opened, author: Author) -> None:
    bases = [{"epoch": EPOCH, "log_root": "00" * 32, "size": 4}]
    async with opened() as ledger:
        await ledger.store(Change(AT, drafts_of(author, 0, 4), ()), log.number)
        assert (await ledger.epoch(), await ledger.bases()) == (EPOCH, ())
        with pytest.raises(Conflict):
            await ledger.rebase("3-cccccccc", bases, "2-bbbbbbbb")
        await ledger.rebase("2-bbbbbbbb", bases, EPOCH)
        assert (await ledger.epoch(), await ledger.bases()) == ("2-bbbbbbbb", tuple(bases))
        assert await ledger.store(Change(AT, drafts_of(author, 4, 6), ()), log.number) == 6
        assert [seq for seq, _, _ in await rows_of(ledger)] == list(range(6))
