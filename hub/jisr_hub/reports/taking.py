"""What readers report: mistakes, brought to the author too, and what they did not find. Gone after their time.

    await reports.take(said, letter, no_reply, address)   kept, and sealed to the author's node
    await reports.miss(words, lang, address)              kept for the hub's own people
    await reports.open()                                  what waits for somebody at the desk
    await reports.scrub()                                 what is over leaves the files too

The author's node gets a sealed message (docs/spec/sealed.md) in its mailbox here, as if the reader had written it;
who agreed to get letters about it hears that there is a report, and nothing of what it says. Where this hub can do
neither, the desk is told so. Who sent something is counted in memory by network and
written down nowhere.
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol

import msgspec

from jisr_protocol import identifiers, sealed
from jisr_protocol.keys import KeyRing
from jisr_protocol.reader import sealing
from jisr_protocol.refusal import Refusal

from ..authority.admissions import network_of
from ..mailbox.carrying import Hour
from ..ports import Clock, Key

WORDS_CHARACTERS, REPLY_CHARACTERS = 2000, 300
KEPT_DAYS = 60
"""How long a report is kept, and what somebody wrote of themselves in it."""
OPEN_MOST, MISSING_MOST = 500, 200
"""Mistakes, and words of who found nothing, that are kept at a time."""
MISSING = "missing"
"""`what` of somebody who found nothing; such a report is about no record."""
FROM_NETWORK_HOUR, ABOUT_NODE_HOUR = 10, 60
REACHED, BY_LETTER, NOT_REACHED = "sealed", "letter", ""
_REACHES_SOMEBODY = re.compile(r"[^\s@]+@[^\s@]+|\+?(?:\d[\s().\-/]*){6,}\d")
_HIDDEN = frozenset({"Cc", "Cs", "Cn", "Co"})
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


class Said(msgspec.Struct, frozen=True):
    """What somebody says is wrong in a record: `what` of the list of the form; `reply` how to answer them, "" for not
    at all. Texts are clean (`clean`)."""

    key: Key
    what: str
    words: str
    reply: str
    lang: str


class Mistake(msgspec.Struct, frozen=True):
    """A report that is kept. `reached` says how it came to the author, "" when it did not; `until` in seconds. What
    somebody did not find has no node, id and reply."""

    number: str
    node: str
    id: str
    at: str
    what: str
    words: str
    reply: str
    lang: str
    reached: str
    until: int

    @property
    def subject(self) -> str:
        """What the act that deletes it is about."""
        return f"{self.node}/{self.id}/{self.number}" if self.node else f"{MISSING}/{self.number}"


class Store(Protocol):
    """Where reports are kept. Everything is durable when it returns."""

    async def keep(self, mistake: Mistake, most: int) -> bool:
        """False when so many of its sort are kept already, or the record it is about is not shown here."""
        ...

    async def reached(self, number: str, how: str) -> None:
        """Note how a report came to the author."""
        ...

    async def open(self, now: int) -> Sequence[Mistake]:
        """Those that are not over, the oldest first."""
        ...

    async def drop(self, number: str) -> bool:
        """Take the words out, and mark it as over. False when there is none."""
        ...

    async def scrub(self, now: int) -> int:
        """Delete what is over, and leave no byte of it in the database's files; how many. It stays marked until this
        returns, also beyond a restart."""
        ...


class Letters(Protocol):
    """The hub's mailboxes."""

    async def ring_of(self, node: str) -> KeyRing | None:
        """The keys of a node whose messages this hub keeps."""
        ...

    async def put(self, node: str, raw: bytes) -> str: ...


class Owners(Protocol):
    """Who agreed to get letters about a node."""

    async def known(self, node: str) -> bool: ...

    async def tell(self, key: Key, *, sealed: bool) -> None:
        """Write to them that something is reported; `sealed` when it waits in the node's mailbox."""
        ...


class Full(Exception):
    """No more reports are kept for now."""


class Reports:
    """The reports of one hub."""

    def __init__(
        self,
        store: Store,
        letters: Letters,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        owners: Owners | None = None,
    ) -> None:
        """`owners` is None where the hub sends no letters."""
        self._store, self._letters, self._clock, self._random = store, letters, clock, random_bytes
        self._owners = owners
        self._networks, self._nodes = Hour("SEAL-16", FROM_NETWORK_HOUR), Hour("SEAL-16", ABOUT_NODE_HOUR)

    async def take(self, said: Said, letter: str, no_reply: str, address: str) -> Mistake:
        """Keep what somebody says, and bring it to the author: `letter` is what they read, `no_reply` what stands where
        nobody can be answered. Raises TooMany, Full; nothing was kept then."""
        mistake = self._new(said, address)
        ring = await self._letters.ring_of(said.key[0])
        owners = self._owners if self._owners is not None and await self._owners.known(said.key[0]) else None
        mistake = msgspec.structs.replace(mistake, reached=NOT_REACHED if owners is None else BY_LETTER)
        if not await self._store.keep(mistake, OPEN_MOST):
            raise Full
        sealed_there = ring is not None and await self._bring(said, letter, no_reply, ring)
        if sealed_there:
            await self._store.reached(mistake.number, REACHED)
        if owners is not None:
            await owners.tell(said.key, sealed=sealed_there)
        return msgspec.structs.replace(mistake, reached=REACHED) if sealed_there else mistake

    async def miss(self, words: str, lang: str, address: str) -> Mistake:
        """Keep what somebody did not find, `without_traces`. Raises TooMany, Full; nothing was kept then."""
        mistake = self._new(Said(("", ""), MISSING, without_traces(words), "", lang), address)
        if not await self._store.keep(mistake, MISSING_MOST):
            raise Full
        return mistake

    def _new(self, said: Said, address: str) -> Mistake:
        """A report that is counted and not yet kept. Raises TooMany."""
        now = self._clock()
        self._networks.count(network_of(address), now, "reports an hour from one network")
        self._nodes.count(said.key[0], now, "reports an hour about one organization, or of what is missing")
        until, number = int((now + timedelta(days=KEPT_DAYS)).timestamp()), self._random(8).hex()
        at = identifiers.to_instant(now)
        return Mistake(number, *said.key, at, said.what, said.words, said.reply, said.lang, NOT_REACHED, until)

    async def _bring(self, said: Said, letter: str, no_reply: str, ring: KeyRing) -> bool:
        """Seal it to the author's node and leave it there; False when its mailbox is full."""
        node, record_id = said.key
        plain = sealed.write(
            id=str(uuid.UUID(bytes=self._random(16), version=4)),
            to=node,
            sent=self._clock(),
            text=letter,
            reply=said.reply or no_reply,
            sender={"kind": "person"},
            about={"id": record_id, "node": node},
            lang=said.lang,
        )
        try:
            await self._letters.put(node, sealing.seal(plain, ring))
        except Refusal:  # the desk has the report still
            return False
        return True

    async def open(self) -> Sequence[Mistake]:
        """What waits for somebody at the desk."""
        return await self._store.open(int(self._clock().timestamp()))

    async def scrub(self) -> int:
        """Leave nothing of what is over on the disk; how many that were."""
        return await self._store.scrub(int(self._clock().timestamp()))


def clean(text: str, most: int) -> str:
    """What somebody wrote, as it may stand in a sealed message (CAN-6, CAN-8): at most so many characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(c for c in lines if c == "\n" or not (unicodedata.category(c) in _HIDDEN or c in _TURNING))
    return unicodedata.normalize("NFC", kept).strip()[:most]


def without_traces(text: str) -> str:
    """The text with "…" for each mail address and each row of seven digits or more, such as a phone number."""
    return _REACHES_SOMEBODY.sub("…", text)
