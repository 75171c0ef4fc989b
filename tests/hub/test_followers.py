"""The loop that follows peers: each for itself, in its own time, and what came of it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jisr_hub.following.peers import Followers
from jisr_hub.following.rounds import Asked
from jisr_hub.ports import Peer
from jisr_protocol.polling import Said
from tests.hub.hub_in_memory import Clock, MemoryHub
from tests.reader.publisher import FeedFolder

pytestmark = pytest.mark.anyio


def peer_feed(folder: Path, label: str) -> FeedFolder:
    """A hub's feed that carries its own keys and nothing more."""
    return FeedFolder(folder / label, label=label, role="hub").publish()


async def following(*feeds: FeedFolder) -> MemoryHub:
    hub = await MemoryHub("follower", clock=Clock()).begin()
    for feed in feeds:
        await hub.ledger.keep_peer(Peer(feed.writer.id, feed.label, str(feed.folder), 0, ""))
    return hub


async def run_until(followers: Followers, done: Callable[[], Any]) -> None:
    task = asyncio.create_task(followers.run())
    try:
        async with asyncio.timeout(20):
            while not await done():
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def outcomes(hub: MemoryHub) -> dict[str, str]:
    return {peer.name: peer.last_outcome for peer in await hub.ledger.peers()}


async def test_one_peers_trouble_does_not_stop_the_others_and_is_told(tmp_path: Path) -> None:
    good, lost, bent = (peer_feed(tmp_path, label) for label in ("good", "lost", "bent"))
    lost.folder.rename(tmp_path / "elsewhere")
    bent.bend.lose(page=0)
    hub = await following(good, lost, bent)
    copy = tmp_path / "peers" / f"{good.writer.id.removeprefix('jisr:')}.sqlite"
    followers = Followers(hub.hub, tmp_path / "peers", 0.01, allow_private=False)

    async def all_told() -> bool:
        return "" not in (await outcomes(hub)).values()

    await run_until(followers, all_told)
    told = await outcomes(hub)
    assert told["good"] == "verified"
    assert told["bent"] == "broken"
    assert told["lost"] in ("temporary", "broken")
    assert copy.exists()
    details = {peer.name: peer.last_detail for peer in await hub.ledger.peers()}
    assert details["good"] == "" and "Nothing was stored" in details["bent"]
    assert (await hub.ledger.rings([good.writer.id]))[good.writer.id].role == "hub"


async def test_a_copy_that_was_damaged_is_told_as_a_failure(tmp_path: Path) -> None:
    feed, other = peer_feed(tmp_path, "peer"), peer_feed(tmp_path, "other")
    hub = await following(feed, other)
    (tmp_path / "peers").mkdir()
    (tmp_path / "peers" / f"{feed.writer.id.removeprefix('jisr:')}.sqlite").write_bytes(b"rubbish" * 1000)
    followers = Followers(hub.hub, tmp_path / "peers", 0.01, allow_private=False)

    async def all_told() -> bool:
        return "" not in (await outcomes(hub)).values()

    await run_until(followers, all_told)
    assert await outcomes(hub) == {"peer": "failed", "other": "verified"}
    [peer] = [peer for peer in await hub.ledger.peers() if peer.name == "peer"]
    assert peer.last_detail


async def test_a_peer_that_comes_back_is_followed_on(tmp_path: Path) -> None:
    feed = peer_feed(tmp_path, "peer")
    hub = await following(feed)
    followers = Followers(hub.hub, tmp_path / "peers", 0.01, allow_private=False)
    away = tmp_path / "away"

    async def ended(outcome: str) -> bool:
        return (await outcomes(hub))["peer"] == outcome

    await run_until(followers, lambda: ended("verified"))
    feed.folder.rename(away)

    async def in_trouble() -> bool:
        return not await ended("verified")

    await run_until(followers, in_trouble)
    away.rename(feed.folder)
    await run_until(followers, lambda: ended("verified"))


async def test_strangers_who_ping_all_the_time_do_not_drive_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = await following(peer_feed(tmp_path, "peer"))
    followers = Followers(hub.hub, tmp_path / "peers", 0.2, longest_seconds=60.0, allow_private=False)
    rounds = 0

    async def counts(_: Peer) -> Asked:
        nonlocal rounds
        rounds += 1
        return Asked(Said.QUIET)

    monkeypatch.setattr(followers, "once", counts)
    task = asyncio.create_task(followers.run())
    for _ in range(100):
        followers.wake()
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert 2 <= rounds <= 8, "woken, but no more than five times a second"
