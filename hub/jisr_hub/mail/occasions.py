"""What letters are written for. Each occasion is a cause: however often it is looked for, one letter comes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from jisr_protocol import identifiers

from ..ports import Clock, Key
from .letters import BROKEN, DIGEST, HUB, REPORTED, Letter, Postbox

DIGEST_WEEKDAY, DIGEST_HOUR = 0, 7
"""Monday, 07:00 UTC."""


class Figures(msgspec.Struct, frozen=True):
    """What is to be told of a node's records: shown, of these not confirmed for six months, and put aside."""

    shown: int
    stale: int
    aside: int


class Broken(Protocol):
    """A source that fails: of which node, where it stands, since when, and what it says."""

    @property
    def node(self) -> str: ...

    @property
    def address(self) -> str: ...

    @property
    def since(self) -> str: ...

    @property
    def says(self) -> str: ...


FiguresOf = Callable[[str, str], Awaitable[Figures]]
"""(node, today) → its figures."""


async def weekly(box: Postbox, figures: FiguresOf, now: datetime) -> int:
    """Put this week's digests into the queue: to who agreed, about nodes of which something waits for somebody. How
    many are new. A week without anything to do brings no letter."""
    if (now.weekday(), now.hour) < (DIGEST_WEEKDAY, DIGEST_HOUR):
        return 0
    year, week, _ = now.isocalendar()
    at, new = identifiers.to_instant(now), 0
    for who in await box.correspondents():
        if who.node == HUB:
            continue
        found = await figures(who.node, at[:10])
        if found.stale or found.aside:
            cause = f"digest/{year}-W{week:02}/{who.node}/{who.address}"
            about = {"shown": found.shown, "stale": found.stale, "aside": found.aside}
            new += await box.put(Letter(cause, who.address, who.node, DIGEST, about, at))
    return new


async def alerts(box: Postbox, broken: Sequence[Broken], now: datetime) -> int:
    """Put a letter into the queue about each source that fails, to who agreed: one for each time it began to fail."""
    at, new = identifiers.to_instant(now), 0
    for source in broken:
        for who in await box.correspondents(source.node):
            cause = f"broken/{source.node}/{source.since}/{who.address}"
            about = {"source": source.address, "says": source.says}
            new += await box.put(Letter(cause, who.address, who.node, BROKEN, about, at))
    return new


class Owners:
    """Who agreed to get letters about a node, for what somebody reports of its records."""

    def __init__(self, box: Postbox, clock: Clock) -> None:
        self._box, self._clock = box, clock

    async def known(self, node: str) -> bool:
        """Whether anybody gets a letter."""
        return bool(await self._box.correspondents(node))

    async def tell(self, key: Key, *, sealed: bool) -> None:
        """Put a letter into the queue for each: one a day about a node, however much is reported. It holds nothing of
        what was said; `sealed` when that waits in the node's mailbox here."""
        at = identifiers.to_instant(self._clock())
        for who in await self._box.correspondents(key[0]):
            cause, about = f"reported/{key[0]}/{at[:10]}/{who.address}", {"records": [key], "sealed": sealed}
            await self._box.put(Letter(cause, who.address, key[0], REPORTED, about, at))
