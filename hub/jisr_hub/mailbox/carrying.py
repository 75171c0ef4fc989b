"""Sealed messages on their way: left by anybody, kept until the node has them or their time is over, then gone.

    leave(node, raw, address)   judge what came, count it, keep it (SEAL-1 to SEAL-4, SEAL-12 to SEAL-16)
    waiting(node)               the oldest that wait, for the node itself
    taken(node, digests)        the node has them: their content goes, their digests stay until their time is over
    expire()                    what nobody fetched goes, and digests that need not be remembered any more

A message for a node of another hub is not carried on: a stranger could else make this hub send, and two hubs would know
of it. The refusal says which hub it is. Who sends is counted in memory by network and written down nowhere.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

import msgspec

from jisr_protocol import identifiers, sealed
from jisr_protocol.keys import KeyRing, encryption_key
from jisr_protocol.limits import (
    MAILBOX_MESSAGES,
    MESSAGE_DAYS,
    MESSAGES_PER_NODE_HOUR,
    MESSAGES_PER_SOURCE_HOUR,
)
from jisr_protocol.refusal import Refusal, is_switched_off, refuse

from ..authority.admissions import network_of
from ..ports import Member

AT_ONCE = 16
"""Messages in one answer: at most three quarters of a mebibyte."""
COUNTED_MOST = 20_000
_HOUR = timedelta(hours=1)
_SECONDS = MESSAGE_DAYS * 86_400


class Waiting(msgspec.Struct, frozen=True):
    """A message that waits: the digest by which it is known, and its bytes."""

    digest: str
    sealed: bytes


class Left(Enum):
    """What became of a message that was left."""

    KEPT = "kept"
    SEEN = "seen"
    FULL = "full"


class Post(Protocol):
    """Where messages wait. Everything is durable when it returns."""

    async def leave(self, node: str, message: Waiting, now: int, until: int, most: int) -> Left:
        """Keep a message unless its digest is remembered, or `most` wait for this node. Seconds since 1970."""
        ...

    async def waiting(self, node: str, most: int, now: int) -> tuple[Sequence[Waiting], int]:
        """The oldest that are not over, and how many wait beside them."""
        ...

    async def taken(self, node: str, digests: Collection[str]) -> int:
        """Delete the content of these, and for whom they were; how many that changed. Calling twice is safe."""
        ...

    async def expire(self, now: int) -> int:
        """Delete the content of what is over, and digests that need not be remembered; how many messages."""
        ...

    async def scrub(self) -> Sequence[str] | None:
        """Leave no byte of deleted content in the database's files; says what remains elsewhere, a sentence each, None
        when there was nothing to do. What was deleted is marked until this returns, also beyond a restart."""
        ...


class Book(Protocol):
    """What is asked of the ledger: who a node is, and its keys."""

    async def member(self, node: str) -> Member | None: ...

    async def rings(self, nodes: Sequence[str]) -> dict[str, KeyRing]: ...


class TooMany(Refusal):
    """SEAL-16, MAT-4: too much for now; `retry_after` in seconds."""

    def __init__(self, rule: str, expected: str, came: object, retry_after: int) -> None:
        super().__init__(rule, "", expected, came)
        self.retry_after = retry_after


class Mailboxes:
    """The mailboxes of one hub. `address_of` gives the address of another hub as far as it is known, else ""."""

    def __init__(
        self,
        here: str,
        book: Book,
        post: Post,
        clock: Callable[[], datetime],
        address_of: Callable[[str], Awaitable[str]],
    ) -> None:
        self._here, self._book, self._post, self._clock, self._address_of = here, book, post, clock, address_of
        self._sources, self._nodes = Hour("SEAL-16", MESSAGES_PER_SOURCE_HOUR), Hour("SEAL-16", MESSAGES_PER_NODE_HOUR)

    async def leave(self, node: str, raw: bytes, address: str) -> str:
        """Keep a message for a node; returns its digest. Raises Refusal, with nothing kept."""
        self._sources.count(network_of(address), self._clock(), "messages an hour from one network")
        return await self.put(node, raw)

    async def put(self, node: str, raw: bytes) -> str:
        """The same for a message that this hub seals itself, of what somebody wrote at its pages."""
        now = self._clock()
        ring = await self._addressee(node)
        found = sealed.parse(raw)
        sealed.check_key(found, ring)
        self._nodes.count(node, now, "messages an hour for one node")
        seconds = int(now.timestamp())
        left = await self._post.leave(
            node, Waiting(found.digest, raw), seconds, seconds + _SECONDS, MAILBOX_MESSAGES + is_switched_off("SEAL-15")
        )
        if left is Left.SEEN:
            refuse("SEAL-14", "", expected="a message that did not come before", came=found.digest)
        if left is Left.FULL:
            refuse("SEAL-15", "", expected=f"at most {MAILBOX_MESSAGES} messages that wait", came="one more")
        return found.digest

    async def ring_of(self, node: str) -> KeyRing | None:
        """The keys of a node for which messages are kept here, and to which one can be sealed now."""
        try:
            ring = await self._addressee(node)
        except Refusal:
            return None
        return ring if encryption_key(ring) is not None else None

    async def _addressee(self, node: str) -> KeyRing:
        """SEAL-12, SEAL-13: the keys of a node that is at home here."""
        member = await self._book.member(node) if identifiers.node(node) is None else None
        if member is None:
            refuse("SEAL-13", "/node", expected="a node that this hub knows", came=node)
        home = member.home_hub(self._here) if member is not None else self._here
        if home != self._here:
            place = await self._address_of(home)
            refuse("SEAL-12", "/node", expected=f"its home hub, {place or home}", came=node)
        rings = await self._book.rings([node])
        if node not in rings:
            refuse("SEAL-4", "/node", expected="a node whose keys are held here", came=node)
        return rings[node]

    async def waiting(self, node: str) -> tuple[Sequence[Waiting], int]:
        return await self._post.waiting(node, AT_ONCE, int(self._clock().timestamp()))

    async def taken(self, node: str, digests: Collection[str]) -> int:
        """SEAL-18: the node keeps these itself; returns how many were still here."""
        return await self._post.taken(node, digests)

    async def expire(self) -> int:
        """SEAL-18: delete what is over."""
        return await self._post.expire(int(self._clock().timestamp()))

    async def scrub(self) -> Sequence[str] | None:
        """Leave nothing of what was deleted on the disk; None when nothing was. Raises StillSeen: the next round tries
        again."""
        return await self._post.scrub()


class Hour:
    """How many of each in the last hour. In memory: a restart forgives, and nobody reads later who wrote to whom."""

    def __init__(self, rule: str, most: int) -> None:
        self._rule, self._most = rule, most
        self._times: dict[str, deque[datetime]] = {}

    def count(self, key: str, now: datetime, what: str) -> None:
        """Raise TooMany when there are as many already."""
        if len(self._times) >= COUNTED_MOST:
            self._times = {one: times for one, times in self._times.items() if times[-1] > now - _HOUR}
            if len(self._times) >= COUNTED_MOST and not is_switched_off(self._rule):
                raise TooMany(self._rule, "fewer senders at a time", f"more than {COUNTED_MOST}", 3600)
        times = self._times.setdefault(key, deque())
        while times and times[0] <= now - _HOUR:
            times.popleft()
        if len(times) >= self._most and not is_switched_off(self._rule):
            after = int((times[0] + _HOUR - now).total_seconds()) + 1
            raise TooMany(self._rule, f"at most {self._most} {what}", "one more", after)
        times.append(now)
