"""Five hubs in folders that follow each other over HTTP, their readers, and one node: what an erasure leaves where.

home ── one ── two ── three        and home ── four: each follows the one to its left, and is listed there
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette

from jisr_hub import config
from jisr_hub.app import duties
from jisr_hub.app.opening import Running, open_hub
from jisr_hub.cli import setting_up
from jisr_hub.ports import Peer
from jisr_hub.ports.notices import Follower
from jisr_hub.web import api, notices
from jisr_node.app import Node
from jisr_protocol.reader.follow import follow
from jisr_protocol.session import Outcome

NAMES = ("home", "one", "two", "three", "four")
UPSTREAM = {"one": "home", "two": "one", "three": "two", "four": "home"}
_bytes = itertools.count(1)


@dataclass
class Hubs:
    """The world: hubs that are open, where each is served, the node."""

    place: Path
    node: Node
    running: dict[str, Running] = field(default_factory=dict)
    address: dict[str, str] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)

    def id(self, name: str) -> str:
        return self.running[name].hub.identity.id

    async def turn(self) -> None:
        """One round of sync, in the order in which news travels, and the acks on their way back."""
        await self.node.push(self.address["home"])
        await self.running["home"].publisher.publish()
        for name, upstream in UPSTREAM.items():
            if self.dead.isdisjoint({name, upstream}):
                await self.follow(name)
        for name in NAMES:
            if name not in self.dead:
                running = self.running[name]
                if running.erasures.to_scrub:
                    await running.erasures.scrub()
                await duties.answer(running)
        for name in ("three", "two", "one", "four"):
            if self.dead.isdisjoint({name, UPSTREAM[name]}):
                await self.follow(name)

    async def follow(self, name: str) -> None:
        running = self.running[name]
        for peer in await running.ledger.peers():
            await running.followers.once(peer)
        await running.publisher.publish()

    async def read(self, name: str) -> str:
        """A reader of this hub: its state root."""
        folder = self.place / "readers"
        folder.mkdir(exist_ok=True)
        feed = f"{self.address[name]}/feeds/public"
        result = await follow(feed, folder / f"{name}.jisr", allow_private=True)
        assert result.outcome is Outcome.VERIFIED, result.sentence
        assert result.head is not None
        return result.head.state_root


@contextlib.asynccontextmanager
async def five_hubs(place: Path) -> AsyncIterator[Hubs]:
    """Hubs that are served on this machine, linked, with one node admitted at home."""
    with Node.init(place / "node", name="Node", country="MA", lang="ar", allow_private=True) as node:
        world = Hubs(place, node)
        async with contextlib.AsyncExitStack() as stack:
            for name in NAMES:
                await _open(world, name, stack)
            for name, upstream in UPSTREAM.items():
                feed = f"{world.address[upstream]}/feeds/public"
                peer = Peer(world.id(upstream), upstream, feed, 0, "")
                await world.running[name].ledger.keep_peer(peer)
                listed = Follower(world.id(name), name, "2026-01-01T00:00:00Z")
                await world.running[upstream].ledger.keep_follower(listed)
            yield world


async def _open(world: Hubs, name: str, stack: contextlib.AsyncExitStack) -> None:
    folder = world.place / name
    await setting_up.create(
        folder, name=name, country="MA", lang="fr", address="http://127.0.0.1", allow_private=True,
        random_bytes=lambda n: next(_bytes).to_bytes(n, "big"),
    )  # fmt: skip
    config.write(folder, config.read(folder).model_copy(update={"snapshot_entries": 1}))
    if name == "home":
        found = await setting_up.candidate(folder, str(world.place / "node" / "keys.json"))
        await setting_up.admit(folder, found, "Node")
    running = world.running[name] = await open_hub(folder)
    stack.push_async_callback(running.close)
    routes = [
        *api.routes(running.hub, running.publisher, running.pages, wake_peers=lambda: None),
        *notices.routes(running.hub),
    ]
    served = Starlette(routes=routes)
    server = uvicorn.Server(uvicorn.Config(served, port=0, log_config=None, lifespan="off", ws="none"))
    task = asyncio.create_task(server.serve())

    async def stop() -> None:
        server.should_exit = True
        await task

    stack.push_async_callback(stop)
    while not server.started:
        await asyncio.sleep(0.01)
    port: Any = server.servers[0].sockets[0].getsockname()[1]
    world.address[name] = f"http://127.0.0.1:{port}"
