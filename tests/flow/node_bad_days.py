"""A node's bad days at a whole hub, in one process: erased, put back, lived twice; what the hub shows at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import orjson
import pytest

from jisr_hub.web.api import answered
from jisr_node.adapters.fence import MemoryFence
from jisr_node.app import Node
from jisr_node.errors import Contradiction, HubRefused
from jisr_protocol import keys
from jisr_protocol.refusal import Refusal
from tests.hub.hub_in_memory import MemoryHub
from tests.node.conftest import NOW, SETTINGS, backup, organization, seeded


class Link:
    """A ports.Hub of the node around a hub in this process."""

    address = "https://hub.example"

    def __init__(self, hub: MemoryHub) -> None:
        self.hub = hub

    async def keys(self) -> bytes:
        return keys.write_file(self.hub.identity.ring)

    async def log_state(self, node: str, feed: str) -> bytes:
        if feed != "public":
            raise HubRefused("restricted", "told with a token only")
        log = await self.hub.hub.log_state(node, feed)
        shown = orjson.Fragment(log.head.envelope.raw) if log.head else None
        return orjson.dumps(
            {"epoch": log.epoch, "head": shown, "log_root": log.frontier.root().hex(), "next": log.frontier.size}
        )

    async def lines_about(self, node: str) -> list[bytes]:
        return [line for line in await self.hub.lines() if node.encode() in line]

    async def shown_head(self) -> bytes:
        return (await self.hub.publish()).raw

    async def push(self, node: str, feed: str, body: bytes, *, later: bool = False) -> bytes:
        try:
            return answered(await self.hub.hub.push(node, feed, body))
        except Refusal as refusal:
            raise HubRefused(refusal.code, str(refusal)) from refusal


async def admitted(node: Node, hub: MemoryHub) -> None:
    ring = node.identity.ring
    await hub.hub.admit("node", ring.statements, ring, per_hour=10_000, per_day=10_000)


def bad_days_of_a_node(figure: Callable[..., None]) -> None:
    """An older database refuses and takes back what the hub holds; a copy of the folder goes on too; one is erased."""
    asyncio.run(story(figure))


async def story(figure: Callable[..., None]) -> None:
    hub = await MemoryHub("hub").begin()
    node = Node.in_memory(now=NOW, random_bytes=seeded("acceptance"), **SETTINGS)
    await admitted(node, hub)
    link = Link(hub)
    now = NOW
    hub.clock.now = now

    async def say(who: Node, *names: str) -> None:
        nonlocal now
        now += timedelta(hours=1)
        hub.clock.now = now
        who.import_drafts([organization(name, name=name) for name in names])
        who.publish(now=now)
        await who.push(link, now=now)

    await say(node, "one", "two", "three")
    kept, twin_store, fence = backup(node), backup(node), MemoryFence()
    fence.write(node.fence.read())
    await say(node, "four")
    # an older database
    old = Node(kept, node.fence, node.identity, folder=None, random_bytes=seeded("old"), ledger=node.ledger)
    with pytest.raises(Contradiction, match="jisr-node rebase"):
        old.publish(now=now)
    done, _ = await old.rebase(link, now=now)
    assert (done.taken, done.epochs) == (1, {})
    await say(old, "five")
    # a copy of the folder, from before that
    twin = Node(twin_store, fence, node.identity, folder=None, random_bytes=seeded("twin"))
    twin.import_drafts([organization("six", name="six")])
    twin.publish(now=now)
    done, _ = await twin.rebase(link, now=now + timedelta(minutes=1))
    assert set(done.epochs) == {"public"}
    await say(twin, "seven")
    assert await hub.names() >= {"one", "two", "three", "four", "five", "six", "seven"}
    # and something goes for good
    now += timedelta(hours=1)
    hub.clock.now = now
    twin.erase("local:organization/one", now=now)
    await twin.push(link, now=now)
    live = await hub.live()
    assert twin.find("local:organization/six") in {record_id for _, record_id in live}
    assert len(live) == 6
    log = twin.store.feed("public")
    assert log is not None
    held = await hub.hub.log_state(twin.id, "public")
    assert (held.epoch, held.frontier.to_bytes()) == (log.epoch, log.frontier)
    figure(f"{log.size} entries in {log.epoch}, {len(live)} live at the hub, {done.taken} taken back by the twin")
