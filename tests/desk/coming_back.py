"""How a source may come back: empty, halved, or renamed throughout; and by which way: a push, a fetched feed, a peer,
or the file that a node takes in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jisr_hub import log
from jisr_hub.following.brakes import Brakes
from jisr_hub.following.peers import Followers
from jisr_hub.following.pulls import Pulls
from jisr_hub.ports import Change, Held, Peer, Pull, Remembered
from jisr_hub.ports.history import Way
from jisr_hub.storage.named import moved
from jisr_hub.storage.sources import SqlSources
from jisr_node.app import Node
from jisr_protocol import identifiers
from tests.hub.author import TYPE, Author, record_id
from tests.hub.hub_in_memory import Clock, MemoryHub
from tests.hub.static_feed import StaticFeed
from tests.hub.viewed import ViewedHub, viewed_hub
from tests.node.conftest import NOW, SETTINGS, seeded

HOW = ("empty", "halved", "renamed")


@dataclass
class CameBack:
    """What the hub shows after it, what it can still show of it, and what a person sees by name."""

    live: int
    kept: int
    names: int
    waits: str


def bend(author: Author, how: str, count: int) -> None:
    """The source as it comes back, by its author's own signature."""
    for number in range(count // 2 if how == "halved" else count):
        if how == "renamed":
            author.edit(f"r{number}", name={"ar": {"origin": "author", "value": f"another {number}"}})
        else:
            author.delete(f"r{number}")


async def by_push(hub: ViewedHub, how: str, count: int) -> CameBack:
    author = Author(f"push {how}")
    author.puts(count)
    await hub.admit(author)
    await hub.push(author)
    await flushed(hub)
    start = len(author.feed().lines)
    bend(author, how, count)
    await hub.push(author, start)
    return await seen(hub, author)


async def by_pull(hub: ViewedHub, how: str, count: int, folder: Path) -> CameBack:
    feed = StaticFeed(folder)
    feed.author.puts(count)
    feed.publish()
    await hub.admit(feed.author)
    pulls, pull = Pulls(hub.hub, folder.parent / "pulls", allow_private=True), Pull(feed.author.id, str(folder), "")
    await pulls.pull(pull)
    await flushed(hub)
    bend(feed.author, how, count)
    feed.publish()
    await pulls.pull(pull)
    return await seen(hub, feed.author)


async def seen(hub: ViewedHub, author: Author, by: str = "") -> CameBack:
    """What is there of an author after the last round with it, or with the peer it came by: every earlier version too,
    by the log."""
    sources, source = await flushed(hub), by or author.id
    last = next(one for one in await sources.rounds(source) if not by or one.way == Way.PEER)
    found = [one async for one in moved(hub.ledger, source, last.way, last.first, last.next)]
    names = {one.id for one in found if one.before is not None and one.before["name"]}
    live = [key for key in await hub.live() if key[0] == author.id]
    return CameBack(len(live), sum(one.before is not None for one in found), len(names), last.alarm)


async def flushed(hub: ViewedHub) -> SqlSources:
    sources = SqlSources(hub.ledger)
    hub.clock.pass_time(seconds=100)
    await hub.hub.notes.flush(sources, 0.0, all=True)
    return sources


async def by_peer(hub: ViewedHub, how: str, count: int, folder: Path) -> CameBack:
    """The peer itself drops the records, or passes on what their author renamed."""
    if how == "renamed":
        return await by_peer_renamed(hub, how, count, folder)
    author, there = Author(f"peer {how}"), await MemoryHub(f"there {how}", clock=Clock()).begin()
    author.puts(count)
    await there.admit(author)
    await there.push(author)
    await there.publish()
    hub.clock.now = there.clock.now
    folder.mkdir()
    await hub.follow(there, folder)
    await drop(there, author, count if how == "empty" else count // 2)
    there.clock.pass_time(seconds=2)
    await there.publish()
    await hub.follow(there, folder)
    sources = SqlSources(hub.ledger)
    shown = await sources.braked(there.id)
    live = [key for key in await hub.live() if key[0] == author.id]
    sentence = await Brakes(hub.hub).sentence(there.id)
    return CameBack(len(live), len(live), sum(bool(one["name"]) for one in shown), sentence)


async def by_peer_renamed(hub: ViewedHub, how: str, count: int, folder: Path) -> CameBack:
    """By rounds, as a running hub follows: they note what a peer brought."""
    folder.mkdir()
    async with viewed_hub(folder / "there.sqlite", "there") as there:
        author = Author("peer renamed")
        author.puts(count)
        await there.admit(author)
        await there.push(author)
        await there.publish()
        peer = Peer(there.id, "there", str(there.write_out(folder / "feed")), 0, "")
        await hub.ledger.keep_peer(peer)
        followers = Followers(hub.hub, folder / "peers", 60.0, allow_private=True)
        hub.clock.now = there.clock.now
        await followers.once(peer)
        await flushed(hub)
        start = len(author.feed().lines)
        bend(author, how, count)
        await there.push(author, start)
        there.clock.pass_time(seconds=200)
        await there.publish()
        there.write_out(folder / "feed")
        hub.clock.now = there.clock.now
        await followers.once(next(one for one in await hub.ledger.peers() if one.hub == there.id))
        return await seen(hub, author, by=there.id)


async def drop(hub: MemoryHub, author: Author, count: int) -> None:
    """The peer lets records leave its feed, by nobody's word but its own."""
    live: dict[Any, Any] = await hub.live()
    drafts, remembered = [], []
    for number in range(count):
        key = (author.id, record_id(f"r{number}"))
        drafts.append(log.out_draft(*key, *live[key], TYPE))
        remembered.append(Remembered(*key, "public", Held(*live[key], TYPE, False)))
    await hub.ledger.store(Change(identifiers.to_instant(hub.clock()), drafts, remembered), log.number)


def by_file(how: str, count: int) -> CameBack:
    """A node takes in the file of its source as it comes back."""
    drafts = [{"type": TYPE, "source": {"local_id": f"r{number}"}, "name": f"name {number}"} for number in range(count)]
    match how:
        case "empty":
            again: list[dict[str, Any]] = []
        case "halved":
            again = drafts[: count // 2]
        case _:
            again = [one | {"name": f"another {number}"} for number, one in enumerate(drafts)]
    with Node.in_memory(now=NOW, random_bytes=seeded(how), **SETTINGS) as node:
        node.import_drafts(drafts)
        node.publish(now=NOW)
        taken = node.import_drafts(again)
        node.publish(now=NOW)
        held = len(node.records())
    return CameBack(held, held, taken.changed, "")
