"""Waiting at other hubs for their next head (`head-wait`, capabilities.md), so that a change goes on within moments.

What comes is a hint, nothing of it is believed: it only brings the next round with that hub forward. Where a hub does
not offer it, or does not answer, the rounds come in their own time as before.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping

from jisr_protocol import head as heads
from jisr_protocol import paths
from jisr_protocol.limits import HEAD_BYTES, LONG_POLL_SECONDS
from jisr_protocol.reader.answers import ExchangeError
from jisr_protocol.reader.follow import is_address
from jisr_protocol.reader.http import GuardedClient
from jisr_protocol.refusal import Refusal

from ..ports import Peer

AT_ONCE = 32
"""At so many hubs one waits; at others one only looks."""
SOON_SECONDS = 1.0
"""Who says within this that there is nothing new does not wait."""
AGAIN_SECONDS, LATER_SECONDS = 60.0, 600.0
"""When to try again at a hub that does not answer, or whose news could not be taken; and at one that does not wait."""


class Waiting:
    """A connection to each of the first hubs. `held` says how many entries are held of one, None when nothing is yet;
    `come` asks it, and returns when that is done."""

    def __init__(
        self, client: GuardedClient, held: Callable[[str], int | None], come: Callable[[str], Awaitable[None]]
    ) -> None:
        self._client, self._held, self._come = client, held, come
        self._at: dict[str, asyncio.Task[None]] = {}

    def keep(self, peers: Mapping[str, Peer]) -> None:
        """Wait at these hubs from now on, and at no others."""
        chosen = [peer for peer in peers.values() if is_address(peer.feed)][:AT_ONCE]
        for name in self._at.keys() - {peer.hub for peer in chosen}:
            self._at.pop(name).cancel()
        for peer in chosen:
            if peer.hub not in self._at:
                self._at[peer.hub] = asyncio.create_task(self._wait_at(peer.hub, peer.feed))

    async def end(self) -> None:
        """Wait nowhere any more."""
        tasks = list(self._at.values())
        self.keep({})
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait_at(self, hub: str, feed: str) -> None:
        while True:
            size = self._held(hub)
            if size is None:  # a first round brings all of it
                await asyncio.sleep(SOON_SECONDS)
                continue
            began, shown = time.monotonic(), await self._next_size(feed, size)
            if shown is not None and shown > size:
                await self._come(hub)
                if self._held(hub) == size:  # it could not be taken: the rounds see to it
                    await asyncio.sleep(AGAIN_SECONDS)
            elif shown is None:
                await asyncio.sleep(AGAIN_SECONDS)
            elif time.monotonic() < began + SOON_SECONDS:
                await asyncio.sleep(LATER_SECONDS)

    async def _next_size(self, feed: str, size: int) -> int | None:
        """How many entries the head covers that comes, or that stands when nothing came; None without an answer."""
        address = f"{feed.removesuffix(paths.HEAD).rstrip('/')}/{paths.HEAD}?after={size}&wait={LONG_POLL_SECONDS}"
        with contextlib.suppress(ExchangeError, Refusal):
            answer = await self._client.get(address, limit_bytes=HEAD_BYTES, wait_seconds=LONG_POLL_SECONDS)
            return heads.parse(answer.body).size if answer.status == 200 else None
        return None
