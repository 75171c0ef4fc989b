"""Tell subscribers that the feed has grown: asked first whether they want it, then told, again when it failed.

    asked   its address has not yet echoed a challenge: nobody can have a stranger called
    on      it is told of every new size of the feed, the last one alone where it was slow
    off     it was silent for too long, or said that it is gone; `why` tells its owner, a renewal begins anew

A subscription ends with its lease unless it is renewed. Nothing but the size, epoch and time of the head goes out:
whoever is told reads the feed itself. Pure but for the two ports.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

import msgspec
import orjson

from jisr_protocol.head import Head
from jisr_protocol.identifiers import to_instant

ASKED, ON, OFF = "asked", "on", "off"
LEASE_SECONDS = 30 * 86_400
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 30, 6 * 3600
SILENT_SECONDS = 5 * 86_400
"""After failing for so long a subscription is switched off."""
ASKED_SECONDS = 86_400
"""A challenge that nobody answers is given up after so long."""
MOST, MOST_A_HOST = 500, 5
AT_ONCE = 32
"""Subscribers called in one round, one after the other."""


class Subscription(msgspec.Struct, frozen=True):
    """One address that wants to be told. Times are whole seconds since 1970. `size` and `epoch` are what it was told
    last; `failed` counts failures in a row, since `failing`; `why` is the last of them, for its owner."""

    id: str
    callback: str
    host: str
    secret: str
    state: str
    until: int
    due: int
    epoch: str = ""
    size: int = 0
    told: int = 0
    failed: int = 0
    failing: int = 0
    why: str = ""

    def health(self) -> dict[str, object]:
        """How it goes, for its owner and the operator; never the secret."""
        when = {"lease_until": self.until, "told": self.told, "failing_since": self.failing, "next_try": self.due}
        instants = {name: to_instant(datetime.fromtimestamp(at, UTC)) if at else None for name, at in when.items()}
        return {
            "id": self.id,
            "host": self.host,
            "state": self.state,
            "failed": self.failed,
            "why": self.why,
            **instants,
        }


class Subscriptions(Protocol):
    """Where subscriptions are kept. Every call is one transaction."""

    async def add(self, one: Subscription, most: int, most_a_host: int) -> bool:
        """Keep a new one; False, and nothing, when there are too many, in all or of its host."""

    async def get(self, id: str) -> Subscription | None: ...

    async def save(self, one: Subscription) -> None:
        """Keep what has changed of it; nothing when it was removed meanwhile."""

    async def remove(self, id: str) -> None: ...

    async def due(self, now: int, epoch: str, size: int, most: int) -> Sequence[Subscription]:
        """Those to be called now, longest due first: asked, or on and told of another size or epoch than this."""

    async def all(self) -> Sequence[Subscription]: ...

    async def forget(self, now: int) -> None:
        """Remove those whose lease is over."""


class Failed(Exception):
    """A call did not end well; the sentence says why. `gone`: the other side said that it wants no more."""

    def __init__(self, why: str, *, gone: bool = False) -> None:
        super().__init__(why)
        self.gone = gone


class Caller(Protocol):
    """Calls an address of a stranger. Raises Failed."""

    async def ask(self, callback: str, challenge: str) -> str:
        """What it answers to a challenge."""

    async def tell(self, callback: str, secret: str, id: str, at: int, body: bytes) -> None:
        """Send a signed message."""


class Telling:
    """Rounds of calls. `random_text` gives something that nobody can guess."""

    def __init__(
        self, kept: Subscriptions, caller: Caller, clock: Callable[[], datetime], random_text: Callable[[], str]
    ) -> None:
        self._kept, self._caller, self._clock, self._random_text = kept, caller, clock, random_text

    async def round(self, head: Head | None) -> list[Subscription]:
        """Call whoever is due; returns those that were switched off. Safe to be cut off: what was not noted is told
        again, under the same id, by which the other side knows it."""
        now = int(self._clock().timestamp())
        await self._kept.forget(now)
        epoch, size = (head.epoch, head.size) if head is not None else ("", 0)
        off = []
        for one in await self._kept.due(now, epoch, size, AT_ONCE):
            try:
                after = await self._called(one, head, now)
            except Failed as failure:
                after = failed(one, now, str(failure), gone=failure.gone)
            await self._kept.save(after)
            if after.state == OFF:
                off.append(after)
        return off

    async def _called(self, one: Subscription, head: Head | None, now: int) -> Subscription:
        if one.state == ASKED:
            challenge = self._random_text()
            if (await self._caller.ask(one.callback, challenge)).strip() != challenge:
                raise Failed("it did not answer the challenge with its own text")
            return msgspec.structs.replace(one, state=ON, failed=0, failing=0, why="", due=now)
        if head is None:
            return one
        said = {"feed": head.name, "by": head.by, "epoch": head.epoch, "size": head.size, "live": head.live}
        body = orjson.dumps({"type": "feed.grown", "timestamp": to_instant(head.time), "data": said})
        await self._caller.tell(one.callback, one.secret, f"{one.id}.{head.epoch}.{head.size}", now, body)
        told = {"epoch": head.epoch, "size": head.size, "told": now}
        return msgspec.structs.replace(one, failed=0, failing=0, why="", due=now, **told)


def failed(one: Subscription, now: int, why: str, *, gone: bool = False) -> Subscription:
    """A subscription after a call that failed: tried again later, each time twice as late, or switched off."""
    since = one.failing or now
    wait = min(FIRST_WAIT_SECONDS * 2 ** min(one.failed, 16), LONGEST_WAIT_SECONDS)
    after = msgspec.structs.replace(one, failed=one.failed + 1, failing=since, why=why, due=now + wait)
    if gone:
        return msgspec.structs.replace(after, state=OFF, why="It said that it is gone. Renew to be told again.")
    if now - since >= (ASKED_SECONDS if one.state == ASKED else SILENT_SECONDS):
        began = to_instant(datetime.fromtimestamp(since, UTC))
        sentence = f"No call has gone well since {began}; the last: {why}. Nothing is lost: renew to be told again."
        return msgspec.structs.replace(after, state=OFF, why=sentence)
    return after


def renewed(one: Subscription, now: int) -> Subscription:
    """A subscription with a new lease; one that was off is asked anew."""
    if one.state == OFF:
        return msgspec.structs.replace(
            one, state=ASKED, until=now + LEASE_SECONDS, due=now, failed=0, failing=0, why=""
        )
    return msgspec.structs.replace(one, until=now + LEASE_SECONDS)
