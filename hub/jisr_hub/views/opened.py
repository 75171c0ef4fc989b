"""All feeds of a running hub beside the public one: opened, followed, published, and closed when they are removed."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import structlog

from ..hub import Hub
from ..ports import Fence, Ledger, Pages
from ..publish.feed import Publisher
from ..publish.fence import Behind
from .derived import Follower, NodeLogs, Rules
from .policies import OWN, Derived, Policies, of_view

_log = structlog.get_logger()


@dataclass(frozen=True)
class Room:
    """Where a view is kept: its ledger, its pages, its fence, and what closes them."""

    ledger: Ledger
    pages: Pages
    fence: Fence
    close: Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Shown:
    """A view that is served."""

    feed: Derived
    room: Room
    follower: Follower
    publisher: Publisher


class Views:
    """The views of one hub. `open_room` makes or opens the place of one; `settings` are those of a publisher."""

    def __init__(
        self, hub: Hub, nodes: NodeLogs, policies: Policies, open_room: Callable[[Derived], Awaitable[Room]]
    ) -> None:
        self._hub, self._nodes, self._policies, self._open_room = hub, nodes, policies, open_room
        self.shown: dict[str, Shown] = {}

    async def refresh(self) -> None:
        """Open what the operator has added, close what was removed. A view that cannot be opened stops no other."""
        wanted = {feed.name: feed for feed in await self._policies.store.derived()}
        for name in self.shown.keys() - wanted.keys():
            await self.shown.pop(name).room.close()
        for name, feed in wanted.items():
            if name not in self.shown:
                self.shown[name] = await self._open(feed)

    async def _open(self, feed: Derived) -> Shown:
        hub, room = self._hub, await self._open_room(feed)
        follower = Follower(feed, hub.ledger, self._nodes, room.ledger, hub.clock, hub.identity.ring.statements)
        publisher = Publisher(hub.identity, room.ledger, room.pages, hub.clock, name=feed.name, fence=room.fence)
        publisher.policy = self._policies.of(of_view(feed.name))
        await publisher.begin()
        return Shown(feed, room, follower, publisher)

    async def close(self) -> None:
        for shown in self.shown.values():
            await shown.room.close()
        self.shown = {}

    # By the process that leads

    async def round(self) -> int:
        """Bring every view up to the hub's ledger and publish it; how many entries were added."""
        grown = 0
        if not self.shown:
            return grown
        homes = {m.node: m.home_hub(self._hub.identity.id) for m in await self._hub.ledger.members()}
        for shown in self.shown.values():
            if shown.publisher.fenced:
                continue
            try:
                grown += await self._follow(shown, homes)
                await shown.publisher.publish()
            except Behind as behind:
                _log.error("view.behind", view=shown.feed.name, reason=str(behind))
            # One view's trouble, of whatever kind, must not stop the others.
            except Exception:
                _log.exception("view.failed", view=shown.feed.name)
        return grown

    async def _follow(self, shown: Shown, homes: dict[str, str]) -> int:
        scope = of_view(shown.feed.name)
        policy = self._policies.of(scope)
        rules = [policy] if shown.feed.audience == "public" else [self._policies.of(OWN), policy]
        here = self._hub.identity.id
        grown = await shown.follower.follow(Rules(rules, lambda node: self._policies.facts(homes.get(node, here))))
        shown.publisher.policy = policy
        if any(placed.scope == scope for placed in self._policies.pending()):
            await self._policies.store.carried_out(scope, policy.sha256 if policy else "")
            await self._policies.refresh()
        return grown

    # By every process

    async def show(self) -> None:
        """Learn what the leading process has published."""
        for shown in self.shown.values():
            await shown.publisher.refresh()

    async def erase(self) -> None:
        """Take what was erased at the hub out of every view; before anybody is told that it was."""
        for shown in list(self.shown.values()):
            if not shown.publisher.fenced:
                await shown.follower.erase()

    async def forget(self) -> list[str]:
        """Leave nothing of it in the views' databases; says what remains elsewhere."""
        return [words for shown in list(self.shown.values()) for words in await shown.room.ledger.forget()]


@contextlib.asynccontextmanager
async def opened(views: Views) -> AsyncIterator[Views]:
    """The views, open; closed in the end."""
    try:
        await views.refresh()
        yield views
    finally:
        await views.close()
