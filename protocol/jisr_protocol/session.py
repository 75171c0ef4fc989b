"""One sync of one feed, without any I/O: events in, requests out (docs/spec/reading.md).

The rim (reader/) feeds what it fetched and does what it is told, in order:

    session = Session(known, now=…)
    for request in session.begin(): …
    for request in session.receive(Fetched(path, body)): …      until a Done comes

Requests: Fetch a file · Replace (drop the set, read from the start, in a shadow) · Apply a page's judged entries ·
Settle (say the state root of what was applied) · Commit · Discard what was applied · Done. Everything between the first
Apply and Commit is one transaction of the rim's, so whatever does not end verified leaves what was stored as it was.

What goes wrong once is tried once more around caches; what goes wrong twice is the feed's fault. All transitions stand
in one table; a state or event that is not in it is a bug here, and looks like one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, IntEnum
from typing import Any

import msgspec

from . import entry as entries
from . import head as heads
from . import keys, live, paths
from .entry import Entry
from .envelope import Envelope
from .head import Head, Relation
from .keys import KeyRing, PublicKey
from .limits import HEAD_BYTES, KEYS_BYTES, PAGE_BYTES, PAGE_ENTRIES, PARALLEL_FETCHES
from .live import Judged
from .merkle import Frontier
from .refusal import Refusal, refuse


class Outcome(IntEnum):
    """How a sync ended; the value is the exit status of `jisr follow`."""

    VERIFIED = 0
    STALE = 10
    CONTRADICTED = 20
    BROKEN = 21
    DIVERGED = 22
    TEMPORARY = 30


class State(Enum):
    BEGIN = "begin"
    HEAD = "head"
    KEYS = "keys"
    PAGES = "pages"
    PROBE = "probe"
    SETTLING = "settling"
    DONE = "done"


@dataclass(frozen=True)
class Known:
    """What the rim holds of a feed: nothing at first. `rings` are the key rings of all writers, by identifier."""

    head: Head | None = None
    etag: str | None = None
    frontier: Frontier = field(default_factory=Frontier)
    rings: dict[str, KeyRing] = field(default_factory=dict)
    by: str | None = None
    name: str | None = None


# Events


class Fetched(msgspec.Struct, frozen=True):
    path: str
    body: bytes
    etag: str | None = None


class NotModified(msgspec.Struct, frozen=True):
    path: str


class Missing(msgspec.Struct, frozen=True):
    """The place exists and has no such file (404, 410, no file in the folder)."""

    path: str


class Unreachable(msgspec.Struct, frozen=True):
    """Not reachable, 429 or 5xx; `reason` is for a person."""

    path: str
    reason: str


class Settled(msgspec.Struct, frozen=True):
    """The state root and number of live records after everything applied."""

    state_root: bytes
    live: int


Event = Fetched | NotModified | Missing | Unreachable | Settled

# Requests


class Fetch(msgspec.Struct, frozen=True):
    """Fetch a file below the feed's address. `fresh` goes around caches."""

    path: str
    limit_bytes: int
    etag: str | None = None
    fresh: bool = False


class Replace(msgspec.Struct, frozen=True):
    """Begin an empty shadow set: what follows replaces all that was held, on Commit."""


class Apply(msgspec.Struct, frozen=True):
    judged: list[Judged]


class Settle(msgspec.Struct, frozen=True):
    pass


class Commit(msgspec.Struct, frozen=True):
    """Make all of it durable in one transaction: what was applied, head, etag, frontier, rings."""

    known: Known


class Discard(msgspec.Struct, frozen=True):
    pass


class Done(msgspec.Struct, frozen=True):
    """The end. `evidence` are (name, bytes) of what contradicts itself, to be kept for ever."""

    outcome: Outcome
    refusal: Refusal | None = None
    reason: str = ""
    evidence: tuple[tuple[str, bytes], ...] = ()
    changed: bool = False


Request = Fetch | Replace | Apply | Settle | Commit | Discard | Done


class Session:
    """One sync; make a new one for the next. See the module."""

    def __init__(self, known: Known, *, now: datetime) -> None:
        self.known, self.now = known, now
        self.state = State.BEGIN
        self.head: Head | None = None
        self.fresh = False
        self.replacing = False
        self.refused: list[Judged] = []
        self.applied = 0
        self._etag: str | None = None
        self._restart(known)

    def _restart(self, known: Known) -> None:
        """Forget what this sync has read so far; `known` is where to read on from."""
        self.frontier = known.frontier.copy()
        self.rings = dict(self.known.rings)
        self._verifiers: dict[tuple[str, str], dict[str, PublicKey]] = {}
        self._stubs: dict[tuple[str, str], int] = {}
        self._wanted: list[tuple[int, int, str]] = []
        self._arrived: dict[str, bytes] = {}
        self._next = 0
        self._asked = 0
        self.refused = []
        self.applied = 0

    def begin(self) -> list[Request]:
        """The first requests."""
        self.state = State.HEAD
        return [Fetch(paths.HEAD, HEAD_BYTES, None if self.fresh else self.known.etag, self.fresh)]

    def receive(self, event: Event) -> list[Request]:
        """Take one event; return what the rim shall do next, in order."""
        if self.state is State.DONE:
            return []
        try:
            return _TRANSITIONS[self.state, type(event)](self, event)
        except Refusal as refusal:
            return self._again(refusal)

    # Head and keys

    def _on_head(self, event: Fetched) -> list[Request]:
        self.head, self._etag = heads.parse(event.body), event.etag
        for member, expected in (("by", self.known.by), ("name", self.known.name)):
            if expected is not None and getattr(self.head, member) != expected:
                refuse("READ-1", f"/head/{member}", expected=expected, came=getattr(self.head, member))
        ring = self.rings.get(self.head.by)
        if ring is None or self.head.envelope.jws.partition("..")[0] not in ring.verifiers("head"):
            self.state = State.KEYS
            return [Fetch(paths.KEYS, KEYS_BYTES, None, self.fresh)]
        return self._judge_head()

    def _on_keys(self, event: Fetched) -> list[Request]:
        head = self._head()
        ring = keys.fold(keys.parse_file(event.body), expected_id=head.by)
        held = self.rings.get(head.by)
        if held is not None:
            _extends(held.statements, ring.statements)
        self.rings[head.by] = ring
        return self._judge_head()

    def _judge_head(self) -> list[Request]:
        """READ-2 to READ-4: what the offered head is to the stored one."""
        head, stored = self._head(), self.known.head
        heads.verified(head, self.rings[head.by], now=self.now)
        if heads.expired(head, self.now):
            refuse(
                "HEAD-6",
                "/head/expires",
                expected=f"an instant after {self.now:%Y-%m-%dT%H:%M:%SZ}",
                came=str(head.expires),
            )
        relation = Relation.LARGER if stored is None else heads.compare(stored, head)
        if stored is not None and relation is Relation.OLDER:
            refuse("READ-2", "/head/size", expected=f"at least {stored.size} in {stored.epoch}", came=_place(head))
            return self._verified(changed=False)
        if stored is not None and relation is Relation.ROLLBACK:
            refuse("READ-3", "/head/size", expected=f"at least {stored.size}, as signed before", came=_place(head))
        if stored is not None and relation is Relation.FORK:
            refuse("READ-4", "/head", expected=f"what was signed before for {_place(stored)}", came=_place(head))
        if relation in (Relation.SAME, Relation.FORK, Relation.ROLLBACK):
            return self._verified(changed=False)
        if relation is Relation.NEW_EPOCH and not self._goes_on(head, stored):
            return self._from_start(head)
        return self._read_pages(head)

    def _goes_on(self, head: Head, stored: Head | None) -> bool:
        """Whether a new epoch is based on exactly what is held."""
        return stored is not None and any(
            (b["epoch"], b["size"], b["log_root"]) == (stored.epoch, stored.size, stored.log_root) for b in head.bases
        )

    def _from_start(self, head: Head) -> list[Request]:
        self.replacing = True
        self.frontier = Frontier()
        return [Replace(), *self._read_pages(head)]

    # Pages

    def _read_pages(self, head: Head) -> list[Request]:
        if self.frontier.size < head.floor:
            refuse("READ-11", "/head/floor", expected=f"a floor at or below {self.frontier.size}", came=head.floor)
        self.state = State.PAGES
        self._wanted = [
            (number, width, paths.page(_epoch_of(head, number), number, width))
            for number, width, _ in paths.pages(head.epoch, self.frontier.size, head.size)
        ]
        return self._more() or self._all_read()

    def _more(self) -> list[Request]:
        """Ask for further pages, at most four ahead of the one to be applied next."""
        requests: list[Request] = []
        while self._asked < min(len(self._wanted), self._next + PARALLEL_FETCHES):
            requests.append(Fetch(self._wanted[self._asked][2], PAGE_BYTES, None, self.fresh))
            self._asked += 1
        return requests

    def _on_page(self, event: Fetched) -> list[Request]:
        self._arrived[event.path] = event.body
        requests: list[Request] = []
        while self._next < len(self._wanted) and self._wanted[self._next][2] in self._arrived:
            number, width, path = self._wanted[self._next]
            judged = self._read_page(number, width, self._arrived.pop(path))
            self._next += 1
            if judged:
                requests.append(Apply(judged))
        if self._next == len(self._wanted):
            return requests + self._all_read()
        return requests + self._more()

    def _read_page(self, number: int, width: int, body: bytes) -> list[Judged]:
        """PAGE-3, PAGE-4: a page holds exactly its entries, in order; returns those not read before, judged."""
        page = entries.parse_lines(body)
        first = number * PAGE_ENTRIES
        if [entry.seq for entry in page] != list(range(first, first + width)):
            refuse("PAGE-3", "", expected=f"entries {first} to {first + width - 1}", came=f"{len(page)} others")
        judged = []
        for entry in page:
            if entry.seq >= self.frontier.size:
                self.frontier.append(entry.leaf)
                judged.append(self._judge(entry))
        self.applied += len(judged)
        return judged

    def _judge(self, entry: Entry) -> Judged:
        """READ-9, READ-10: verify what an entry carries under its author's keys; a refusal stays with the entry."""
        self._note_stub(entry)
        try:
            if entry.op in ("key", "recovery") and entry.thing is not None and entry.node is not None:
                self._take_key(entry.node, entry.thing)
            elif entry.op in ("put", "del"):
                if entry.gone is not None:
                    return Judged(entry, None, None)
                node, kind = entry.node or "", entry.thing.kind if entry.thing else ""
                return Judged(entry, entries.accepted(entry, self._keys_of(node, kind), node), None)
        except Refusal as refusal:
            judged = Judged(entry, None, refusal)
            self.refused.append(judged)
            return judged
        return Judged(entry, None, None)

    def _keys_of(self, node: str, kind: str) -> dict[str, PublicKey]:
        if (node, kind) not in self._verifiers:
            ring = self.rings.get(node)
            self._verifiers[node, kind] = ring.verifiers(kind) if ring else {}
        return self._verifiers[node, kind]

    def _take_key(self, node: str, statement: Envelope) -> None:
        ring = self.rings.get(node)
        if ring is not None and any(s.digest == statement.digest for s in ring.statements):
            return
        self.rings[node] = keys.fold([statement], expected_id=node) if ring is None else ring.admit(statement)
        for kind in ("record", "tombstone"):
            self._verifiers.pop((node, kind), None)

    def _note_stub(self, entry: Entry) -> None:
        """ENT-7: a stub waits for a later entry that takes its record out or supersedes it."""
        key = (entry.node or "", entry.id or "")
        done = live.effect(entry)
        if done is live.Effect.REMOVE_MATCHING:
            self._stubs = {k: r for k, r in self._stubs.items() if not live.matches(entry, *k, r)}
        elif done is not live.Effect.NONE:
            self._stubs.pop(key, None)
            if entry.gone is not None and entry.op == "put":
                self._stubs[key] = entry.rev or 0

    # The end

    def _all_read(self) -> list[Request]:
        head = self._head()
        if self.frontier.root().hex() != head.log_root:
            if self.fresh and self.known.head is not None and not self.replacing:
                return self._probe()
            refuse("READ-5", "/head/log_root", expected=head.log_root, came=self.frontier.root().hex())
        if self._stubs:
            node, record_id = next(iter(self._stubs))
            refuse("ENT-7", "", expected=f"a later entry that takes {record_id} of {node} out", came="none")
        if self.refused and not self.fresh:
            raise self.refused[0].refusal or ValueError("a refused entry has its refusal")
        self.state = State.SETTLING
        return [Settle()]

    def _on_settled(self, event: Settled) -> list[Request]:
        head = self._head()
        if (event.state_root.hex(), event.live) != (head.state_root, head.live):
            if self.known.head is not None and not self.replacing:
                self._restart(Known())
                return [Discard(), *self._from_start(head)]
            expected = f"{head.live} live, root {head.state_root}"
            refuse(
                "READ-6",
                "/head/state_root",
                expected=expected,
                came=f"{event.live} live, root {event.state_root.hex()}",
            )
        return self._verified(changed=True)

    def _verified(self, *, changed: bool) -> list[Request]:
        head = self._head()
        self.state = State.DONE
        known = Known(head, self._etag, self.frontier, self.rings, head.by, head.name)
        return [Commit(known), Done(Outcome.VERIFIED, changed=changed)]

    def _on_unchanged(self, _: NotModified) -> list[Request]:
        stored = self.known.head
        if stored is None:
            return self._temporary(Unreachable(paths.HEAD, "it answered 'not modified' to a first request"))
        if heads.expired(stored, self.now):
            return self._again(Refusal("HEAD-6", "/head/expires", "a head that has not expired", str(stored.expires)))
        self.state = State.DONE
        return [Done(Outcome.VERIFIED)]

    def _probe(self) -> list[Request]:
        """The new entries do not continue what was held. If all of it meets the root, history was rewritten (READ-4)."""
        head = self._head()
        self._restart(Known())
        self.state = State.PROBE
        self._wanted = [
            (n, w, paths.page(_epoch_of(head, n), n, w)) for n, w, _ in paths.pages(head.epoch, 0, head.size)
        ]
        return [Discard(), *self._more()]

    def _on_probe(self, event: Fetched) -> list[Request]:
        head = self._head()
        requests = self._on_page_of_probe(event)
        if self._next < len(self._wanted):
            return requests
        if self.frontier.root().hex() == head.log_root:
            return self._end(
                Outcome.CONTRADICTED, Refusal("READ-4", "/head/log_root", "the history held here", "another one")
            )
        return self._end(Outcome.BROKEN, Refusal("READ-5", "/head/log_root", head.log_root, self.frontier.root().hex()))

    def _on_page_of_probe(self, event: Fetched) -> list[Request]:
        self._arrived[event.path] = event.body
        while self._next < len(self._wanted) and self._wanted[self._next][2] in self._arrived:
            number, width, path = self._wanted[self._next]
            self._read_page(number, width, self._arrived.pop(path))
            self._next += 1
        return self._more()

    def _on_missing(self, event: Missing) -> list[Request]:
        if self.state is State.HEAD:
            return self._again(Refusal("HEAD-1", "", "a file head.json at the feed's address", "none"))
        return self._again(Refusal("PAGE-1", "", f"the file {event.path}", "none"))

    def _temporary(self, event: Unreachable) -> list[Request]:
        self.state = State.DONE
        return [Discard(), Done(Outcome.TEMPORARY, reason=f"{event.path}: {event.reason}")]

    def _again(self, refusal: Refusal) -> list[Request]:
        """Once more around caches; the second time, and where no cache can be to blame, it is the end."""
        if not self.fresh and refusal.rule not in _NO_CACHE_TO_BLAME:
            self.fresh = True
            self.replacing = False
            self._restart(self.known)
            return [Discard(), *self.begin()]
        return self._end(_OUTCOMES.get(refusal.rule, Outcome.BROKEN), refusal)

    def _end(self, outcome: Outcome, refusal: Refusal) -> list[Request]:
        self.state = State.DONE
        evidence: tuple[tuple[str, bytes], ...] = ()
        if outcome is Outcome.CONTRADICTED and self.known.head is not None:
            evidence = (("stored-head.json", self.known.head.raw), ("offered-head.json", self._head().raw))
        return [Discard(), Done(outcome, refusal, str(refusal), evidence)]

    def _head(self) -> Head:
        if self.head is None:
            raise RuntimeError("a head is read before anything else")
        return self.head


_OUTCOMES = {
    "HEAD-6": Outcome.STALE,
    "READ-2": Outcome.STALE,
    "READ-3": Outcome.CONTRADICTED,
    "READ-4": Outcome.CONTRADICTED,
    "KEY-8": Outcome.CONTRADICTED,
    "READ-6": Outcome.DIVERGED,
}
_NO_CACHE_TO_BLAME = frozenset({"READ-3", "READ-4", "READ-6", "KEY-8"})

_TRANSITIONS: dict[tuple[State, type], Callable[[Session, Any], list[Request]]] = {
    (State.HEAD, Fetched): Session._on_head,
    (State.HEAD, NotModified): Session._on_unchanged,
    (State.HEAD, Missing): Session._on_missing,
    (State.HEAD, Unreachable): Session._temporary,
    (State.KEYS, Fetched): Session._on_keys,
    (State.KEYS, Missing): Session._on_missing,
    (State.KEYS, Unreachable): Session._temporary,
    (State.PAGES, Fetched): Session._on_page,
    (State.PAGES, Missing): Session._on_missing,
    (State.PAGES, Unreachable): Session._temporary,
    (State.PROBE, Fetched): Session._on_probe,
    (State.PROBE, Missing): Session._on_missing,
    (State.PROBE, Unreachable): Session._temporary,
    (State.SETTLING, Settled): Session._on_settled,
}


def _extends(held: tuple[Envelope, ...], offered: tuple[Envelope, ...]) -> None:
    """KEY-8: a chain only grows, unless a recovery statement takes its place from some number on."""
    for index, statement in enumerate(held):
        if index >= len(offered):
            refuse("KEY-8", "/keys", expected=f"at least {len(held)} statements", came=f"{len(offered)}")
            return
        if offered[index].digest != statement.digest:
            if offered[index].kind != "recovery":
                refuse("KEY-8", f"/keys/{index}", expected=statement.digest, came=offered[index].digest)
            return


def _epoch_of(head: Head, number: int) -> str:
    """A page wholly below a base's size stands under that base's epoch, the earliest that holds it."""
    end = (number + 1) * PAGE_ENTRIES
    return next((b["epoch"] for b in sorted(head.bases, key=lambda b: int(b["size"])) if end <= b["size"]), head.epoch)


def _place(head: Head) -> str:
    return f"{head.size} entries in {head.epoch}, signed {head.time:%Y-%m-%dT%H:%M:%SZ}"
