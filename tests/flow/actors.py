"""The real node, hub and reader with two things added: a clock of their own, and moments at which they can die.

A process dies at a durable step (`Life.beat`): before it, within it, or after it when nobody has been told yet. What
was committed stays, as a disk would keep it; everything else of the process is gone.
"""

import asyncio
import hashlib
import random
from collections.abc import Callable, Coroutine
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

from jisr_hub import identity as hub_identity
from jisr_hub.following.peers import Followers
from jisr_hub.hub import Hub
from jisr_hub.node_heads import NodeHeads
from jisr_hub.publish import forms
from jisr_hub.publish.feed import Publisher
from jisr_hub.publish.snapshots import Cadence
from jisr_hub.storage.memory import MemoryLedger, MemoryPages
from jisr_node.adapters.sqlite import SqliteStore
from jisr_node.app import Node, beginning
from jisr_node.feeds import reopened
from jisr_node.identity import Identity
from jisr_node.outbox import key_file
from jisr_node.ports import Line, Stored
from jisr_protocol import canonical, entry, envelope, identifiers, keys, paths
from jisr_protocol.keys import SigningKey
from jisr_protocol.reader.store import Copy
from jisr_protocol.session import Event, Fetch, Fetched, Missing, NotModified, Unreachable

LOOP = asyncio.new_event_loop()


class Death(BaseException):
    """A process ended here. No `except Exception` may go on as if nothing had happened."""


@dataclass
class Life:
    """The durable steps of one process; `left` is how many it still takes before it dies, None for all."""

    left: int | None = None

    def beat(self, place: str) -> None:
        if self.left is None:
            return
        if self.left == 0:
            self.left = None
            raise Death(place)
        self.left -= 1


def at_once(work: Coroutine[Any, Any, Any]) -> Any:
    """Run what never waits, which is all of hub and node here, without an event loop."""
    try:
        work.send(None)
    except StopIteration as stop:
        return stop.value
    work.close()
    raise AssertionError("it waited for something; in this world nothing is to wait for")


class Numbers:
    """The decisions that one whole number holds: `pick(n)` takes a number below n off it."""

    def __init__(self, number: int) -> None:
        self._left = number

    def pick(self, count: int) -> int:
        self._left, taken = divmod(self._left, count)
        return taken

    def one_of(self, choices: Any) -> Any:
        return choices[self.pick(len(choices))]


class MortalLedger(MemoryLedger):
    """The ledger of a hub that can die before, in and after a transaction."""

    def __init__(self, epoch: str, life: Life) -> None:
        super().__init__(epoch)
        self.life = life

    async def store(self, change: Any, number: Any) -> int:
        def numbered(draft: Any, seq: int, at: str) -> Any:
            line = number(draft, seq, at)
            self.life.beat("in the storing transaction")
            return line

        self.life.beat("before the storing transaction")
        size = await super().store(change, numbered)
        self.life.beat("stored, and nobody told")
        return size

    async def publish(self, published: Any, before: Any) -> None:
        self.life.beat("pages written, head not remembered")
        await super().publish(published, before)
        self.life.beat("head remembered, not shown")

    async def keep_peer(self, peer: Any) -> None:
        self.life.beat("before a peer is noted")
        await super().keep_peer(peer)


class MortalPages(MemoryPages):
    """The public files of a hub; remembers every head that was ever shown. `room` counts down to a full disk."""

    def __init__(self, life: Life) -> None:
        super().__init__()
        self.life = life
        self.shown: list[bytes] = []
        self.room: int | None = None
        self._unsure: dict[str, bytes | None] = {}
        """What stood there before, of files written since the last flush."""

    def write(self, path: str, content: bytes) -> None:
        self.life.beat(f"before {path}")
        if self.room is not None:
            if self.room == 0:
                self.room = None
                raise OSError(28, "No space left on device", path)
            self.room -= 1
        self._unsure.setdefault(path, self.files.get(path))
        super().write(path, content)
        if path == paths.HEAD:
            self.shown.append(content)

    def flush(self) -> None:
        self.life.beat("before a flush")
        self._unsure = {}

    def lose_power(self) -> None:
        """What was not flushed is as it was."""
        for path, before in self._unsure.items():
            if before is None:
                self.files.pop(path, None)
            else:
                self.files[path] = before
        self._unsure = {}


class MortalStore(SqliteStore):
    """The store of a node that can die in every transaction and right after it."""

    life = Life()

    @contextmanager
    def transaction(self):
        with super().transaction():
            yield
            self.life.beat("before the commit")
        self.life.beat("committed, and nobody told")

    def append(self, feed: str, line: Line) -> None:
        self.life.beat("before an entry")
        super().append(feed, line)

    def put_feed(self, feed: Any) -> None:
        super().put_feed(feed)
        self.life.beat("after a head")


class MortalCopy(Copy):
    """The copy of a reader that can die between any two of its steps.

    It stays open from sync to sync, for opening costs more than a sync; a death closes it. Power does not fail here,
    so nothing waits for a disk.
    """

    lives: ClassVar[dict[Path, Life]] = {}
    kept: ClassVar[dict[Path, "MortalCopy"]] = {}

    def __init__(self, path: Path) -> None:
        super().__init__(path, create=True)
        self._connection.execute("PRAGMA synchronous = OFF")
        self.life = self.lives[path]
        self.kept[path] = self

    @classmethod
    def opened(cls, path: Path, *, create: bool = False) -> "MortalCopy":
        """The copy of this file, kept open or opened now."""
        return cls.kept.get(path) or cls(path)

    @classmethod
    def let_go(cls, path: Path) -> None:
        """Close it as the end of a process does."""
        if (copy := cls.kept.pop(path, None)) is not None:
            super(MortalCopy, copy).close()

    def close(self) -> None:
        self.discard()

    def apply(self, judged: Any) -> None:
        self.life.beat("before a page is applied")
        super().apply(judged)

    def settle(self) -> Any:
        self.life.beat("applied, not settled")
        return super().settle()

    def commit(self, *arguments: Any) -> None:
        self.life.beat("settled, not committed")
        super().commit(*arguments)
        self.life.beat("committed, and nobody told")


@dataclass
class Person:
    """Anybody with a clock: the world's, a little wrong."""

    label: str
    now: Callable[[], datetime]
    chance: random.Random
    life: Life = field(default_factory=Life)


class NodeActor(Person):
    """A node and the person who writes in it. `wanted` is what that person meant: record id → audience."""

    def __init__(self, label: str, now: Callable[[], datetime], chance: random.Random) -> None:
        super().__init__(label, lambda: now() + self.wrong, chance)
        self.wrong = timedelta()
        """How wrong its clock is beyond what is usual, as when a battery is empty."""
        self.clock_was_wrong = False
        with mock.patch.object(beginning, "SqliteStore", MortalStore):
            self.node = Node.in_memory(now=now(), random_bytes=chance.randbytes, name=label, country="MA", lang="ar")
        self.node.store.life = self.life
        identity = self.node.identity
        self.identities = {key_file(identity): identity}
        self.wanted: dict[str, str] = {}
        self.newer: dict[str, int] = {}
        """Records of types this version does not know, by their rev."""
        self.waiting: set[str] = set()
        """Records of a later major: kept back at every hub of today."""

    def restart(self) -> None:
        """Start anew from what was committed."""
        self.life.left = None
        self._be(self.identities[self.node.store.settings()["keys"].encode()])

    def _be(self, identity: Identity) -> None:
        self.node.identity = identity
        self.node = self.node.reopened()

    def rotate(self) -> None:
        """Add a signing key and retire the old one, in every feed; from now on sign with the new one."""
        old, key, at = self.node.identity, SigningKey(self.chance.randbytes(32)), identifiers.to_instant(self.now())
        ring = old.ring
        common = {"created": at, "node": ring.id}
        add = {**common, "action": "add", "jwk": keys.jwk_of(key.public.public), "n": ring.next_n}
        ring = ring.admit(envelope.sealed("key", add, old.key))
        retire = {**common, "action": "retire", "kid": old.key.kid, "n": ring.next_n}
        ring = ring.admit(envelope.sealed("key", retire, key))
        identity = Identity(ring, key)
        self.identities[key_file(identity)] = identity
        self._be(identity)
        store, feeds = self.node.store, self.node.feeds
        with store.transaction():
            for feed in map(reopened, store.feeds()):
                for statement in ring.statements[-2:]:
                    feeds.append(feed, "key", statement, None, self.now())
                feeds.sign(feed, self.now())
            store.set("keys", key_file(identity).decode())

    def write_newer(self, type_name: str, record_id: str, *, extra: bool) -> None:
        """Put a record of a type that only a later version of the software knows, as that version would."""
        store, feeds, now = self.node.store, self.node.feeds, self.now()
        rev = self.newer.get(record_id, 0) + 1
        at = identifiers.to_instant(now)
        record = {
            "audience": "public", "created": at, "id": record_id, "lang": "ar", "licence": "CC0-1.0", "modified": at,
            "node": self.node.id, "rev": rev, "salt": identifiers.new_salt(self.chance.randbytes(16)),
            "status": "active", "type": type_name, "words": "كلمات",
        }  # fmt: skip
        if extra:
            record["a_member_of_tomorrow"] = {"deep": [1, 2, {"more": None}]}
        with store.transaction():
            feed = reopened(store.feed("public"))
            thing = envelope.sealed("record", record, self.node.identity.key)
            feeds.append(feed, "put", thing, record_id, now)
            store.put_live("public", record_id, rev, thing.digest)
            feeds.sign(feed, now)
        self.newer[record_id] = rev
        self.wanted[record_id] = "public"

    def write_unknown_op(self, number: int) -> None:
        """Append an entry of an op that nobody here knows."""
        store, feeds, now = self.node.store, self.node.feeds, self.now()
        with store.transaction():
            feed = reopened(store.feed("public"))
            line = {
                "at": identifiers.to_instant(now), "object": {"n": number}, "op": "greeting",
                "seq": feed.frontier.size, "node": self.node.id,
            }  # fmt: skip
            raw = canonical.dumps(line)
            leaf = entry.parse(raw).leaf
            store.append("public", Line(feed.frontier.size, "greeting", f"greeting-{number}", raw, leaf))
            feed.frontier.append(leaf)
            feeds.sign(feed, now)

    def record_ids(self) -> list[str]:
        return list(self.wanted)

    def stored(self, record_id: str) -> Stored | None:
        return self.node.store.record(record_id)


class HubActor(Person):
    """A hub: ledger and pages that last, and a process that comes and goes. A liar invents what authors never wrote."""

    def __init__(
        self, label: str, now: Callable[[], datetime], chance: random.Random, folder: Path, *, liar: bool
    ) -> None:
        super().__init__(label, now, chance)
        self.liar, self.folder = liar, folder / label
        self.snapshots = chance.random() < 0.5
        self.identity = hub_identity.create(
            label, seed=chance.randbytes(32), recovery_seed=chance.randbytes(32), salt=chance.randbytes(16), now=now()
        )
        self.id = self.identity.id
        self.ledger = MortalLedger(identifiers.new_epoch(1, chance.randbytes(5)), self.life)
        self.pages = MortalPages(self.life)
        self.forged: set[str] = set()
        self.start()

    def start(self) -> None:
        self.life.left = self.pages.room = None
        if self.chance.random() < 0.5:
            self.pages.lose_power()
        self.hub = Hub(self.identity, self.ledger, self.now)
        cadence = Cadence(entries=4) if self.snapshots else Cadence()
        self.publisher = Publisher(self.identity, self.ledger, self.pages, self.now, cadence=cadence)
        self.followers = Followers(self.hub, self.folder, 60.0, allow_private=False)
        self.heads = self.followers.heads = NodeHeads(self.hub, pause=timedelta(0))
        at_once(self.hub.begin())
        at_once(self.publisher.begin())

    @property
    def address(self) -> str:
        return f"memory:{self.label}"

    def copy_of(self, peer: "HubActor") -> Path:
        """Where this hub keeps its verified copy of a peer."""
        return self.folder / f"{peer.id.removeprefix('jisr:')}.sqlite"


class Site:
    """A node's public feed on a static host. Uploads may end in the middle; nothing there is ever deleted."""

    liar = False

    def __init__(self, actor: NodeActor) -> None:
        self.actor, self.label, self.address = actor, f"{actor.label}'s site", f"memory:{actor.label}"
        self.id = actor.node.id
        self.pages = MortalPages(actor.life)
        self.forged: set[str] = set()
        self.half = False
        """Whether the last upload ended in the middle: then keys may be newer than the head."""

    def upload(self) -> None:
        """Everything the node exports, the head last."""
        self.half = True
        for path, content in self.actor.node.files():
            self.pages.write(path, content)
        self.half = False


class ReaderActor(Person):
    """A portal that follows one hub, or one node's site, into a file."""

    def __init__(
        self, label: str, now: Callable[[], datetime], chance: random.Random, folder: Path, hub: HubActor | Site
    ) -> None:
        super().__init__(label, now, chance)
        self.hub, self.file = hub, folder / f"{label}.sqlite"
        MortalCopy.lives[self.file] = self.life


@dataclass(frozen=True)
class Trouble:
    """What is wrong with one line while one sync goes over it."""

    kind: str = "none"
    at: int = 0
    old_head: bytes = b""


def flipped(page: bytes, place: int) -> bytes:
    """The page with one bit of the byte at `place` changed; never in a `via`, which no hash covers (docs/trust.md): a
    false way that is well-formed is believed, by everybody and for good."""
    start, end = page.rfind(b"\n", 0, place) + 1, page.find(b"\n", place)
    way = page.find(b'"via":[', start, end)
    if start <= way <= place:
        place = start
    return page[:place] + bytes([page[place] ^ 1]) + page[place + 1 :]


class FeedPlace:
    """A reader's Place over the public files of a hub in this world, with the trouble of the line."""

    wait_seconds = 0.0
    throttled = False

    def __init__(self, hub: HubActor | Site, trouble: Trouble) -> None:
        self.address, self.requests, self.received_bytes = hub.address, 0, 0
        self._hub, self._trouble = hub, trouble

    async def fetch(self, wanted: Fetch) -> Event:
        self.requests += 1
        kind, log = self._trouble.kind, wanted.path.startswith("log/")
        if kind == "cut" and self.requests > self._trouble.at:
            return Unreachable(wanted.path, "the line was cut")
        body = forms.read(self._hub.pages, wanted.path)
        if wanted.path == paths.HEAD and (kind == "stuck" or (kind == "stale" and not wanted.fresh)):
            body = self._trouble.old_head
        if body is None or (kind == "missing" and log and not wanted.fresh):
            return Missing(wanted.path)
        if kind == "flipped" and log and not wanted.fresh:
            body = flipped(body, self._trouble.at * 977 % len(body))
        etag = f'"{hashlib.sha256(body).hexdigest()}"'
        if wanted.etag == etag:
            return NotModified(wanted.path)
        self.received_bytes += len(body)
        return Fetched(wanted.path, body, etag)
