"""`jisr-node serve`: the public feed over HTTP, and behind it the loop that keeps folder and hub up to date."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

from ..app import Node, clock, upkeep
from ..errors import HubUnreachable, NodeError
from ..outbox import PUBLIC
from .feed import site
from .http import Http

LOOK_SECONDS = 2.0
"""How often the loop looks whether another process published; a look is one small read."""
LONGEST_PAUSE_SECONDS = 3600.0

Note = Callable[[str], None]
"""Told what happens, in a sentence."""


def serve_forever(
    node: Node, folder: Path, *, host: str, port: int, every_seconds: float, ready: Note, note: Note
) -> None:
    """Serve until Ctrl-C or a stop signal. `ready` gets the address once it answers; `folder` holds the exported feed.

    A hub is visited about every `every_seconds` and at once when there is news; a failed visit doubles the pause.
    """
    config = uvicorn.Config(
        site(folder, node.id),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        lifespan="off",
        http=Http,
        ws="none",
        server_header=False,
    )
    server = _Server(config, ready)

    async def both() -> None:
        upkeep = asyncio.create_task(Upkeep(node, folder, every_seconds, note).run())
        try:
            await server.serve()
        finally:
            upkeep.cancel()
            await asyncio.gather(upkeep, return_exceptions=True)

    try:
        asyncio.run(both())
    except KeyboardInterrupt:
        note("Stopped. Nothing is half done.")


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Note) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._ready(f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/")


class Upkeep:
    """Does app.upkeep and brings the exported folder up to date; one step at a time, for ever."""

    def __init__(
        self,
        node: Node,
        folder: Path,
        every_seconds: float,
        note: Note,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._node, self._folder, self._every, self._note, self._chance = node, folder, every_seconds, note, chance
        self._exported: bytes | None = None
        self._delivered: dict[str, bytes] = {}
        self._failures = 0
        self._said: str | None = None
        self._next_visit = 0.0

    async def run(self) -> None:
        while True:
            await self.step(asyncio.get_running_loop().time())
            await asyncio.sleep(LOOK_SECONDS)

    async def step(self, moment: float) -> None:
        """One look: `moment` is in seconds of a clock that never goes back."""
        try:
            upkeep.tend(self._node, clock())
            await self._export()
            heads = self._heads()
            fresh = heads != self._delivered and not self._failures
            if upkeep.has_where_to_go(self._node) and (fresh or moment >= self._next_visit):
                await self._visit(heads)
                self._next_visit = moment + self._pause()
        except (NodeError, OSError) as error:
            self._say(str(error))
            self._failures += 1
            waiting = error.retry_after if isinstance(error, HubUnreachable) else None
            self._next_visit = moment + max(self._pause(), waiting or 0.0)

    async def _export(self) -> None:
        feed = self._node.store.feed(PUBLIC)
        if feed is not None and feed.head != self._exported:
            # the store is used by nobody else meanwhile: this loop waits here
            await asyncio.to_thread(self._node.export, self._folder)
            self._exported = feed.head

    async def _visit(self, heads: dict[str, bytes]) -> None:
        sent = await upkeep.visit(self._node, clock())
        for _, error in sent.errors if sent is not None else ():
            raise error
        if sent is not None and heads != self._delivered:
            self._say(f"The hub {sent.hub} holds everything that is published here.")
        self._delivered, self._failures = heads, 0

    def _heads(self) -> dict[str, bytes]:
        return {feed.name: feed.head for feed in self._node.store.feeds()}

    def _pause(self) -> float:
        """Half to one and a half times the pause meant, so that many nodes do not come at one moment."""
        meant = min(LONGEST_PAUSE_SECONDS, self._every * 2.0 ** min(self._failures, 10))
        return meant * (0.5 + self._chance())

    def _say(self, sentence: str) -> None:
        """Say a thing once, not every five minutes."""
        if sentence != self._said:
            self._said = sentence
            self._note(sentence)
