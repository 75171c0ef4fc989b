"""One sync of one feed, without any I/O: events in, requests out (docs/spec/reading.md).

The rim (reader/) feeds what it fetched and does what it is told, in order:

    session = Session(known, now=…)
    for request in session.begin(): …
    for request in session.receive(Fetched(path, body)): …      until a Done comes

Events and requests are in exchange.py. Everything between the first Apply and Commit is one transaction of the rim's,
so whatever does not end verified leaves what was stored as it was.

What goes wrong once is tried once more around caches; what goes wrong twice is the feed's fault. All transitions stand
in one table; a state or event that is not in it is a bug here, and looks like one.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, MutableMapping
from datetime import datetime
from enum import Enum
from typing import Any, cast

from . import entry as entries
from . import head as heads
from . import keys, live, paths
from .entry import Entry
from .envelope import Envelope
from .exchange import (
    Apply,
    Commit,
    Discard,
    Done,
    Event,
    Fetch,
    Fetched,
    Garbled,
    Known,
    Missing,
    NotModified,
    Outcome,
    Replace,
    Request,
    Settle,
    Settled,
    Unreachable,
)
from .head import Head, Relation
from .keys import KeyRing, PublicKey
from .limits import HEAD_BYTES, KEYS_BYTES, PAGE_BYTES, PAGE_ENTRIES, PARALLEL_FETCHES
from .live import Judged
from .refusal import Refusal, refuse

__all__ = [
    "Apply",
    "Commit",
    "Discard",
    "Done",
    "Event",
    "Fetch",
    "Fetched",
    "Garbled",
    "Known",
    "Missing",
    "NotModified",
    "Outcome",
    "Replace",
    "Request",
    "Session",
    "Settle",
    "Settled",
    "Unreachable",
]


class State(Enum):
    BEGIN = "begin"
    HEAD = "head"
    KEYS = "keys"
    PAGES = "pages"
    PROBE = "probe"
    SETTLING = "settling"
    DONE = "done"


class Session:
    """One sync; make a new one for the next. See the module."""

    def __init__(self, known: Known, *, now: datetime) -> None:
        self.known, self.now = known, now
        self.state = State.BEGIN
        self.head: Head | None = None
        self.fresh = False
        self.replacing = False
        self.publisher = known.publisher
        self._etag: str | None = None
        self._restart(known)

    def _restart(self, known: Known) -> None:
        """Forget what this sync has read so far; `known` is where to read on from."""
        self.frontier = known.frontier.copy()
        self.rings: MutableMapping[str, KeyRing] = ChainMap({}, cast("MutableMapping[str, KeyRing]", known.rings))
        self._verifiers: dict[tuple[str, str], dict[str, PublicKey]] = {}
        self._stubs: dict[tuple[str, str], int] = {}
        self._wanted = _Pages(None, 0)
        self._arrived: dict[str, bytes] = {}
        self._next = 0
        self._asked = 0
        self._offered_keys = b""
        self.refused_count = 0
        self.suspect: Refusal | None = None  # the first for which a cache may be to blame: no hash covers a signature
        self.applied = 0

    def begin(self) -> list[Request]:
        """The first requests."""
        self.state = State.HEAD
        self.publisher = self.known.publisher
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
        ring = self.publisher
        if ring is None or self.head.envelope.jws.partition("..")[0] not in ring.verifiers("head"):
            self.state = State.KEYS
            return [Fetch(paths.KEYS, KEYS_BYTES, None, self.fresh)]
        return self._judge_head()

    def _on_keys(self, event: Fetched) -> list[Request]:
        self._offered_keys = event.body
        ring = keys.fold(keys.parse_file(event.body), expected_id=self._head().by)
        self.publisher = ring if self.publisher is None else _longer(self.publisher, ring)
        return self._judge_head()

    def _judge_head(self) -> list[Request]:
        """READ-2 to READ-4: what the offered head is to the stored one."""
        head, stored = self._head(), self.known.head
        if self.publisher is None:
            raise RuntimeError("the publisher's keys are read before its head is judged")
        heads.verified(head, self.publisher, now=self.now)
        relation = Relation.LARGER if stored is None else heads.compare(stored, head)
        if stored is not None and relation is Relation.OLDER:
            refuse("READ-2", "/head/size", expected=f"at least {stored.size} in {stored.epoch}", came=_place(head))
            return self._unchanged()
        if stored is not None and relation is Relation.ROLLBACK:
            refuse("READ-3", "/head/size", expected=f"at least {stored.size}, as signed before", came=_place(head))
        if stored is not None and relation is Relation.FORK:
            refuse("READ-4", "/head", expected=f"what was signed before for {_place(stored)}", came=_place(head))
        # expiry comes last: a contradiction is evidence however old it is
        if heads.expired(head, self.now):
            expected = f"an instant after {self.now:%Y-%m-%dT%H:%M:%SZ}"
            refuse("HEAD-6", "/head/expires", expected=expected, came=f"{head.expires:%Y-%m-%dT%H:%M:%SZ}")
        if stored is not None and relation in (Relation.SAME, Relation.FORK, Relation.ROLLBACK):
            if relation is Relation.SAME and head.time < stored.time:
                self.head = stored
            return self._unchanged()
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
        self._restart(Known())
        return [Replace(), *self._read_pages(head)]

    # Pages

    def _read_pages(self, head: Head) -> list[Request]:
        if self.frontier.size < head.floor:
            refuse("READ-11", "/head/floor", expected=f"a floor at or below {self.frontier.size}", came=head.floor)
        self.state = State.PAGES
        self._wanted = _Pages(head, self.frontier.size)
        return self._more() or self._all_read()

    def _more(self) -> list[Request]:
        """Ask for further pages, at most four ahead of the one to be applied next."""
        requests: list[Request] = []
        while self._asked < min(len(self._wanted), self._next + PARALLEL_FETCHES):
            requests.append(Fetch(self._wanted[self._asked][2], PAGE_BYTES, None, self.fresh))
            self._asked += 1
        return requests

    def _on_page(self, event: Fetched) -> list[Request]:
        requests: list[Request] = [Apply(judged) for judged in self._take_pages(event) if judged]
        return requests + (self._more() if self._next < len(self._wanted) else self._all_read())

    def _take_pages(self, event: Fetched) -> list[list[Judged]]:
        """Read the page that came, and those after it that came before it, in the order of the log."""
        self._arrived[event.path] = event.body
        pages = []
        while self._next < len(self._wanted):
            number, width, path = self._wanted[self._next]
            if path not in self._arrived:
                break
            pages.append(self._read_page(number, width, self._arrived.pop(path)))
            self._next += 1
        return pages

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
                signer, kind = self._signer(entry), entry.thing.kind if entry.thing else ""
                return Judged(entry, entries.accepted(entry, self._keys_of(signer, kind), signer), None)
        except Refusal as refusal:
            self.refused_count += 1
            if self.suspect is None and refusal.rule.startswith("SIG-"):
                self.suspect = refusal
            return Judged(entry, None, refusal)
        return Judged(entry, None, None)

    def _signer(self, entry: Entry) -> str:
        """READ-9: whose keys must have signed this: the record's own node, and in a node's feed only that node."""
        publisher = self.publisher
        return publisher.id if publisher and publisher.role == "node" else entry.node or ""

    def _keys_of(self, node: str, kind: str) -> dict[str, PublicKey]:
        if (node, kind) not in self._verifiers:
            ring = self.rings.get(node) or (self.publisher if self.publisher and self.publisher.id == node else None)
            before = self.known.rings.get(node)
            # a revocation once read binds, also in a log that begins anew without it
            bound = {h: key for h, key in before.verifiers(kind).items() if key.revoked} if before else {}
            verifiers = ring.verifiers(kind) if ring else {}
            self._verifiers[node, kind] = {header: bound.get(header, key) for header, key in verifiers.items()}
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
        if self.suspect is not None and not self.fresh:
            raise self.suspect
        self._take_publisher_keys(head)
        self.state = State.SETTLING
        return [Settle()]

    def _take_publisher_keys(self, head: Head) -> None:
        """The log may say more of the publisher's keys than keys.json did: then that binds, for this head already."""
        ring = self.rings.get(head.by)
        if ring is not None and self.publisher is not None:
            self.publisher = _longer(self.publisher, ring)
            heads.verified(head, self.publisher, now=self.now)

    def _on_settled(self, event: Settled) -> list[Request]:
        head = self._head()
        if (event.state_root.hex(), event.live) != (head.state_root, head.live):
            if self.known.head is not None and not self.replacing:
                return [Discard(), *self._from_start(head)]
            expected = f"{head.live} live, root {head.state_root}"
            refuse(
                "READ-6",
                "/head/state_root",
                expected=expected,
                came=f"{event.live} live, root {event.state_root.hex()}",
            )
        self.state = State.DONE
        return [Commit(self._knows(head)), Done(Outcome.VERIFIED, changed=True)]

    def _unchanged(self) -> list[Request]:
        """The set is what it was; the head, its etag and the publisher's keys may be newer."""
        self.state = State.DONE
        return [Commit(self._knows(self._head())), Done(Outcome.VERIFIED)]

    def _knows(self, head: Head) -> Known:
        # a plain dict stays one; a rim that holds thousands of rings gets them back with what is new laid over
        rings = dict(self.rings) if isinstance(self.known.rings, dict) else self.rings
        return Known(head, self._etag, self.frontier, rings, head.by, head.name, self.publisher)

    def _on_unchanged(self, _: NotModified) -> list[Request]:
        stored = self.known.head
        if stored is None:
            return self._temporary(Unreachable(paths.HEAD, "it answered 'not modified' to a first request"))
        if heads.expired(stored, self.now):
            return self._again(Refusal("HEAD-6", "/head/expires", "a head that has not expired", str(stored.expires)))
        self.state = State.DONE
        return [Commit(self.known), Done(Outcome.VERIFIED)]

    def _probe(self) -> list[Request]:
        """The new entries do not continue what is held: if all of them meet the root, this is a fork (READ-4)."""
        head = self._head()
        self._restart(Known())
        self.state = State.PROBE
        self._wanted = _Pages(head, 0)
        return [Discard(), *self._more()]

    def _on_probe(self, event: Fetched) -> list[Request]:
        head = self._head()
        self._take_pages(event)
        if self._next < len(self._wanted):
            return self._more()
        came = self.frontier.root().hex()
        if came == head.log_root:
            refusal = Refusal("READ-4", "/head/log_root", "the history held here", "another one")
            return self._end(Outcome.CONTRADICTED, refusal)
        return self._end(Outcome.BROKEN, Refusal("READ-5", "/head/log_root", head.log_root, came))

    def _on_missing(self, event: Missing) -> list[Request]:
        if self.state is State.HEAD:
            refuse("HEAD-1", "", expected="a file head.json at the feed's address", came="none")
        else:
            refuse("PAGE-1", "", expected=f"the file {event.path}", came="none")
        return self.receive(Fetched(event.path, b""))

    def _on_garbled(self, event: Garbled) -> list[Request]:
        return self._again(event.refusal)

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
        if outcome is Outcome.CONTRADICTED:
            evidence = (("offered-head.json", self._head().raw),)
            if self.known.head is not None:
                evidence += (("stored-head.json", self.known.head.raw),)
            if refusal.rule == "KEY-8" and self.known.publisher is not None:
                stored_keys = keys.write_file(self.known.publisher)
                evidence += (("stored-keys.json", stored_keys), ("offered-keys.json", self._offered_keys))
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
    (State.HEAD, Garbled): Session._on_garbled,
    (State.HEAD, Unreachable): Session._temporary,
    (State.KEYS, Fetched): Session._on_keys,
    (State.KEYS, Missing): Session._on_missing,
    (State.KEYS, Garbled): Session._on_garbled,
    (State.KEYS, Unreachable): Session._temporary,
    (State.PAGES, Fetched): Session._on_page,
    (State.PAGES, Missing): Session._on_missing,
    (State.PAGES, Garbled): Session._on_garbled,
    (State.PAGES, Unreachable): Session._temporary,
    (State.PROBE, Fetched): Session._on_probe,
    (State.PROBE, Missing): Session._on_missing,
    (State.PROBE, Garbled): Session._on_garbled,
    (State.PROBE, Unreachable): Session._temporary,
    (State.SETTLING, Settled): Session._on_settled,
}


def _longer(held: KeyRing, offered: KeyRing) -> KeyRing:
    """KEY-8: a chain only grows, unless a recovery statement takes its place from some number on.

    A chain that only lacks the newest statements is an old copy of the same: what is held stays.
    """
    for index, (mine, theirs) in enumerate(zip(held.statements, offered.statements, strict=False)):
        if mine.digest != theirs.digest:
            if mine.kind == "recovery" and theirs.kind != "recovery":
                return held
            if theirs.kind != "recovery":
                refuse("KEY-8", f"/keys/{index}", expected=mine.digest, came=theirs.digest)
            return offered
    return offered if len(offered.statements) > len(held.statements) else held


class _Pages:
    """(number, width, path) of the pages that hold entries [start, head.size), each made when it is asked for: a head
    may claim any size."""

    def __init__(self, head: Head | None, start: int) -> None:
        self._head, self._first = head, start // PAGE_ENTRIES
        size = head.size if head else 0
        self._count = (size - 1) // PAGE_ENTRIES - self._first + 1 if start < size else 0

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> tuple[int, int, str]:
        if self._head is None or not 0 <= index < self._count:
            raise IndexError(index)
        number = self._first + index
        width = min(PAGE_ENTRIES, self._head.size - number * PAGE_ENTRIES)
        return number, width, paths.page(_epoch_of(self._head, number), number, width)


def _epoch_of(head: Head, number: int) -> str:
    """A page wholly below a base's size stands under that base's epoch, the earliest that holds it."""
    end = (number + 1) * PAGE_ENTRIES
    return next((b["epoch"] for b in sorted(head.bases, key=lambda b: int(b["size"])) if end <= b["size"]), head.epoch)


def _place(head: Head) -> str:
    return f"{head.size} entries in {head.epoch}, signed {head.time:%Y-%m-%dT%H:%M:%SZ}"
