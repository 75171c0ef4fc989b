"""One sync of one feed, without any I/O: events in, requests out (docs/spec/reading.md).

The rim (reader/) feeds what it fetched and does what it is told, in order:

    session = Session(known, now=…)
    for request in session.begin(): …
    for request in session.receive(Fetched(path, body)): …      until a Done comes

Events and requests are in exchange.py. Everything between the first Apply and Commit is one transaction of the rim's,
so whatever does not end verified leaves what was stored as it was. From the head on a sync goes one of these ways:

    pages       what is held is a part of the log: read on from there               page_walk.py
    snapshot    nothing is held, or less than the feed keeps: replace the set       snapshot_walk.py, then pages
    repair      the log is proven and the set is another: bring what differs        inventory_walk.py

What goes wrong once is tried once more around caches; what goes wrong twice on one way is tried on the other, if there
is one, and is then the feed's fault. All transitions stand in one table; a state or event that is not in it is a bug
here, and looks like one.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Any, cast

from . import checkpoint, generations, keys, lineage, merkle, paths, snapshot, validity
from . import head as heads
from .evidence import Evidence, Prefix
from .exchange import (
    Apply,
    Commit,
    Continue,
    Continued,
    Discard,
    Done,
    Event,
    Fetch,
    Fetched,
    Garbled,
    GoBack,
    Known,
    Missing,
    NotModified,
    Outcome,
    Remove,
    Replace,
    Request,
    Settle,
    Settled,
    Survey,
    Surveyed,
    Unreachable,
    Void,
)
from .head import Head, Relation
from .inventory_walk import InventoryWalk
from .judging import Judge
from .keys import KeyRing
from .limits import GENERATIONS_BYTES, HEAD_BYTES, KEYS_BYTES, MANIFEST_BYTES
from .lineage import Mark
from .page_walk import PageWalk
from .refusal import Refusal, refuse
from .snapshot import Manifest
from .snapshot_walk import SnapshotWalk
from .state_tree import MAX_DEPTH, depth_for
from .witness import Count, Policy, check_enough

__all__ = [
    "Apply",
    "Commit",
    "Continue",
    "Continued",
    "Discard",
    "Done",
    "Event",
    "Fetch",
    "Fetched",
    "Garbled",
    "GoBack",
    "Known",
    "Missing",
    "NotModified",
    "Outcome",
    "Remove",
    "Replace",
    "Request",
    "Session",
    "Settle",
    "Settled",
    "Survey",
    "Surveyed",
    "Unreachable",
    "Void",
]

HEADS_TRIED = 3
"""How often a newer head is looked for when files go away under a repair."""


class State(Enum):
    BEGIN = "begin"
    HEAD = "head"
    CHECKPOINT = "checkpoint"
    KEYS = "keys"
    MANIFEST = "manifest"
    PARTS = "parts"
    FOLDED = "folded"
    GENERATIONS = "generations"
    PAGES = "pages"
    PROBE = "probe"
    SETTLING = "settling"
    SURVEY = "survey"
    INVENTORY = "inventory"
    DONE = "done"


class Session:
    """One sync; make a new one for the next. With `whole` the log is read from its first entry on rather than a
    snapshot taken, where the feed still keeps it. With `bulk` the signatures of a first sync wait (READ-18). With
    `anew` everything is read again, around caches. See the module."""

    def __init__(
        self,
        known: Known,
        *,
        now: datetime,
        whole: bool = False,
        witnesses: Policy | None = None,
        bulk: bool = False,
        anew: bool = False,
    ) -> None:
        self.known, self.now, self.whole, self.witnesses, self.anew = known, now, whole, witnesses, anew
        self.bulk = bulk and known.head is None
        self.witnessed: Count | None = None
        """Which of the witnesses asked for have cosigned the head."""
        self.state = State.BEGIN
        self.head: Head | None = None
        self.fresh = anew
        self.publisher = known.publisher
        self.repaired = 0
        """Records that were brought or taken out beside the log."""
        self._etag: str | None = None
        self._offered_keys = b""
        self._without_snapshot = whole
        self._without_repair = False
        self._heads_tried = 0
        self._relation = Relation.LARGER
        self._left: tuple[Head, str] | None = None
        """The head of which a file went away under a repair, and that file."""
        self._restart(known)

    def _restart(self, known: Known, *, replacing: bool = False) -> None:
        """Forget what this sync has read so far; `known` is where to read on from."""
        self.replacing = replacing
        self.frontier = known.frontier.copy()
        self.judge = Judge(known.rings, self.known.rings, known.ring_before)
        self.judge.bulk = self.bulk
        self.applied = 0
        self.repaired = 0
        self.unproven = known.unproven
        self.start = self.frontier.size
        """From which entry on this sync reads the log."""
        self._marks = known.marks
        self._page_roots: dict[int, bytes] = {}
        self._manifest: Manifest | None = None
        self._went_back = False
        self._repairing = False
        self._leaves: list[bytes] = []
        """Of a log that is read beside the one held, to show where they part."""

    def begin(self) -> list[Request]:
        """The first requests."""
        self.state = State.HEAD
        self.publisher = self.known.publisher
        return [
            Fetch(
                paths.HEAD,
                HEAD_BYTES,
                None if self.fresh or self.whole or self.witnesses else self.known.etag,
                self.fresh,
            )
        ]

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
        self.publisher = ring if self.publisher is None else keys.longer(self.publisher, ring)
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
        if stored is not None:
            heads.check_epoch(stored, head, now=self.now)
        # expiry comes last: a contradiction is evidence however old it is
        if heads.expired(head, self.now, role=self.publisher.role):
            expected = f"an instant after {self.now:%Y-%m-%dT%H:%M:%SZ}"
            refuse("HEAD-6", "/head/expires", expected=expected, came=f"{head.expires:%Y-%m-%dT%H:%M:%SZ}")
        self._relation = relation
        if self.witnesses is not None:
            self.state = State.CHECKPOINT
            return [Fetch(paths.CHECKPOINT, checkpoint.NOTE_BYTES, None, self.fresh)]
        return self._go_on()

    def _on_checkpoint(self, event: Fetched | Missing | Garbled) -> list[Request]:
        """WIT-9: only cosignatures of this very head's checkpoint count."""
        policy, why = self.witnesses or Policy(), "no checkpoint of this head"
        self.witnessed = policy.count(None, now=self.now)
        try:
            note = checkpoint.parse(event.body) if isinstance(event, Fetched) else None
            if note is not None and note.checkpoint.text == checkpoint.of_head(self._head()).text:
                self.witnessed = policy.count(note, now=self.now)
                why = f"{len(self.witnessed.cosigned)} of {self.witnessed.known}"
        except Refusal as refusal:
            why = str(refusal)
        check_enough(self.witnessed, policy, why)
        return self._go_on()

    def _go_on(self) -> list[Request]:
        """What to do about a head that may be believed."""
        head, stored, relation = self._head(), self.known.head, self._relation
        if self.whole and self.known.unproven and not head.floor:
            return self._from_start(head)
        if self.anew and self.known.head is not None and self._may_begin_anew():
            return self._from_start(head)
        # a hub may hold a head and, as yet, less than it covers
        more = relation is Relation.SAME and self.frontier.size < head.size
        if stored is not None and relation in (Relation.SAME, Relation.FORK, Relation.ROLLBACK) and not more:
            if relation is Relation.SAME and head.time < stored.time:
                self.head = stored
            return self._unchanged()
        if self._left is not None and head.raw == self._left[0].raw:  # no newer head: its file is missing
            if not self._may_begin_anew():
                refuse("PAGE-1", "", expected=f"the file {self._left[1]}", came="none")
            return self._from_start(head)
        return self._read(head, stored, relation)

    # Where to begin

    def _read(self, head: Head, stored: Head | None, relation: Relation) -> list[Request]:
        if stored is None:
            return self._from_start(head)
        voids = self._voids(head)
        return [*voids, *self._read_on(head, stored, relation)]

    def _voids(self, head: Head) -> list[Request]:
        """KEY-10: of a node's own feed its keys.json tells first what does not count any more."""
        ring, held = self.publisher, self.known.publisher
        if ring is None or ring.role != "node" or validity.standing(ring) == validity.standing(held):
            return []
        return [Void(ring, head.name)]

    def _read_on(self, head: Head, stored: Head, relation: Relation) -> list[Request]:
        requests: list[Request] = []
        if relation is Relation.NEW_EPOCH:
            mark = lineage.common((*self.known.marks, _mark(stored, self.known)), stored, head)
            if mark is None or self._without_repair:
                return self._from_start(head)
            if mark.size < self.frontier.size:
                requests = self._go_back(mark)
        if self.frontier.size < head.floor:
            return self._from_start(head)
        return [*requests, *self._ask_generations(head)]

    def _go_back(self, mark: Mark) -> list[Request]:
        """READ-15: the publisher lost what came after `mark`. What is held stays until the log is proven."""
        self.frontier = mark.frontier.copy()
        self._marks = tuple(m for m in self._marks if m.size <= mark.size)
        self.start = mark.size
        self._went_back = True
        return [GoBack(mark.size)]

    def _from_start(self, head: Head) -> list[Request]:
        """Begin anew, by a snapshot if there is one (READ-12): all that was held is replaced."""
        by_snapshot = head.snap is not None and not (self._without_snapshot and head.floor == 0)
        self._restart(Known(), replacing=by_snapshot or self.known.head is not None)
        self._tell_judge(head)
        requests: list[Request] = [Replace()] if self.replacing else []
        if by_snapshot and head.snap is not None:
            self.state = State.MANIFEST
            return [*requests, Fetch(head.snap["path"], MANIFEST_BYTES, None, self.fresh)]
        if head.floor > 0:
            held = self.known.frontier.size
            came = f"a floor of {head.floor} and no snapshot"
            refuse("READ-11", "/head/floor", expected=f"a floor at or below {held}, or a snapshot", came=came)
        return [*requests, *self._ask_generations(head)]

    # A snapshot

    def _on_manifest(self, event: Fetched) -> list[Request]:
        self._manifest = snapshot.parse(event.body, self._head())
        self._parts = SnapshotWalk(self._manifest, self.judge, self._head().jisr)
        self.state = State.PARTS
        return [*self._parts.more(fresh=self.fresh)] or self._parts_read()

    def _on_part(self, event: Fetched) -> list[Request]:
        self._parts.keep(event)
        return self._fold_parts()

    def _fold_parts(self, _: Continued | None = None) -> list[Request]:
        chunk = self._parts.chunk()
        if chunk:
            self.applied += len(chunk)
            return [*self._parts.more(fresh=self.fresh), Apply(chunk), Continue()]
        return self._parts_read() if self._parts.done else []

    def _parts_read(self) -> list[Request]:
        self.state = State.FOLDED
        return [Settle()]

    def _on_folded(self, event: Settled) -> list[Request]:
        manifest = self._manifest_read()
        snapshot.check_state(manifest, event.state_root, event.live)
        self.frontier = manifest.frontier.copy()
        self.unproven = manifest.seq
        self._marks = (Mark(manifest.seq, manifest.epoch, manifest.frontier),)
        return self._ask_generations(self._head())

    # Pages

    def _tell_judge(self, head: Head) -> None:
        self.judge.publisher, self.judge.head, self.judge.feed = self.publisher, head, head.name

    def _ask_generations(self, head: Head) -> list[Request]:
        """PAGE-5: which pages were written again is known before the first of them is fetched."""
        self._tell_judge(head)
        if head.gens is None or self.frontier.size == head.size:
            return self._ask_pages({})
        self.state = State.GENERATIONS
        return [Fetch(head.gens["path"], GENERATIONS_BYTES, None, self.fresh)]

    def _on_generations(self, event: Fetched) -> list[Request]:
        gens = self._head().gens or {}
        return self._ask_pages(generations.parse(event.body, gens["sha256"]))

    def _ask_pages(self, pages: dict[int, int]) -> list[Request]:
        self._generations = pages
        self._pages = PageWalk(self._head(), self.frontier, self.judge, pages)
        self.state = State.PAGES
        return [*self._pages.more(fresh=self.fresh)] or self._all_read()

    def _on_page(self, event: Fetched) -> list[Request]:
        requests: list[Request] = []
        for judged in self._pages.take(event):
            self.applied += len(judged)
            requests += [Apply(judged)] if judged else []
        self._note_places()
        return [*requests, *(self._all_read() if self._pages.done else self._pages.more(fresh=self.fresh))]

    def _note_places(self) -> None:
        for place in self._pages.places:
            self._marks = lineage.thinned((*self._marks, Mark(place.size, self._head().epoch, place)), place.size)
        self._pages.places.clear()
        self._page_roots |= self._pages.roots
        self._pages.roots.clear()

    def _all_read(self) -> list[Request]:
        head = self._head()
        if self.frontier.root().hex() != head.log_root:
            if self.fresh and self.known.head is not None and not self.replacing and not head.floor:
                return self._start_over(head) if self._went_back else self._probe()
            refuse("READ-5", "/head/log_root", expected=head.log_root, came=self.frontier.root().hex())
        if self.judge.stubs:
            node, record_id = next(iter(self.judge.stubs))
            refuse("ENT-7", "", expected=f"a later entry that takes {record_id} of {node} out", came="none")
        if self.judge.suspect is not None and not self.fresh:
            raise self.judge.suspect
        self._take_publisher_keys(head)
        self.state = State.SETTLING
        return [Settle()]

    def _take_publisher_keys(self, head: Head) -> None:
        """The log may say more of the publisher's keys than keys.json did: then that binds, for this head already."""
        ring = self.judge.ring(head.by)
        if ring is not None and self.publisher is not None:
            self.publisher = keys.longer(self.publisher, ring)
            heads.verified(head, self.publisher, now=self.now)

    # The set, and its repair

    def _on_settled(self, event: Settled) -> list[Request]:
        head = self._head()
        suspect = self.judge.suspect or event.suspect
        if suspect is not None and not self.fresh:
            raise suspect
        if (event.state_root.hex(), event.live) != (head.state_root, head.live):
            depth = depth_for(head.live)
            if self._may_repair() and depth <= MAX_DEPTH:
                self.state = State.SURVEY
                return [Survey(depth)]
            expected, came = f"{head.live} live, root {head.state_root}", event.state_root.hex()
            refuse("READ-6", "/head/state_root", expected=expected, came=f"{event.live} live, root {came}")
        self.state = State.DONE
        return [Commit(self._knows(head)), Done(Outcome.VERIFIED, changed=True)]

    def _may_repair(self) -> bool:
        """READ-14: only what came down from before is repaired. Whoever read all of a log has nobody else to blame."""
        return not (self.known.head is None or self.replacing or self._repairing or self._without_repair)

    def _on_surveyed(self, event: Surveyed) -> list[Request]:
        self._repairing = True
        head = self._head()
        self._walk = InventoryWalk(event.tree, event.rows, bytes.fromhex(head.state_root), head.jisr)
        self.state = State.INVENTORY
        return self._walk_on()

    def _on_inventory(self, event: Fetched) -> list[Request]:
        entry = self._walk.take(event)
        if entry is None:
            return self._walk_on()
        self.repaired += 1
        return [Apply([self.judge.judge(entry, past=True)]), *self._walk_on()]

    def _walk_on(self) -> list[Request]:
        requests: list[Request] = []
        if gone := self._walk.gone():
            self.repaired += len(gone)
            requests.append(Remove(gone, max(self._head().size - 1, 0)))
        requests += self._walk.more(fresh=self.fresh)
        if self._walk.done:
            self.state = State.SETTLING
            requests.append(Settle())
        return requests

    def _on_gone(self, event: Missing) -> list[Request]:
        """A file of the inventory is not there: perhaps a newer head was published, whose inventory is."""
        if self._heads_tried == HEADS_TRIED:
            return self._on_missing(event)
        self._heads_tried += 1
        self._left = self._head(), event.path
        self._restart(self.known)
        self.publisher = self.known.publisher
        self.state = State.HEAD
        return [Discard(), Fetch(paths.HEAD, HEAD_BYTES, None, fresh=True)]

    # The end

    def _unchanged(self) -> list[Request]:
        """The set is what it was; the head, its etag and the publisher's keys may be newer."""
        self.state = State.DONE
        return [Commit(self._knows(self._head())), Done(Outcome.VERIFIED)]

    def _knows(self, head: Head) -> Known:
        fresh = {node: made[-1][1] for node, made in self.judge.fresh.items()}
        held = {} if self.replacing else self.known.rings
        # a plain dict stays one; a rim that holds thousands of rings gets them back with what is new laid over
        rings = {**held, **fresh} if isinstance(held, dict) else ChainMap(fresh, cast("dict[str, KeyRing]", held))
        marks = lineage.thinned((*self._marks, Mark(head.size, head.epoch, self.frontier.copy())), head.size)
        return Known(
            head, self._etag, self.frontier, rings, head.by, head.name, self.publisher, marks, self.unproven,
            page_roots=self._page_roots,
        )  # fmt: skip

    def _on_unchanged(self, _: NotModified) -> list[Request]:
        stored = self.known.head
        if stored is None:
            return self._temporary(Unreachable(paths.HEAD, "it answered 'not modified' to a first request"))
        if heads.expired(stored, self.now, role=self.publisher.role if self.publisher else "node"):
            return self._again(Refusal("HEAD-6", "/head/expires", "a head that has not expired", str(stored.expires)))
        self.state = State.DONE
        return [Commit(self.known), Done(Outcome.VERIFIED)]

    def _probe(self) -> list[Request]:
        """The new entries do not continue what is held: if all of them meet the root, this is a fork (READ-4)."""
        self._restart(Known())
        self.state = State.PROBE
        self._pages = PageWalk(self._head(), self.frontier, self.judge, self._generations)
        return [Discard(), *self._pages.more(fresh=self.fresh)]

    def _on_probe(self, event: Fetched) -> list[Request]:
        head = self._head()
        for judged in self._pages.take(event):
            self._leaves += [one.entry.leaf for one in judged]
        if not self._pages.done:
            return [*self._pages.more(fresh=self.fresh)]
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
        """Once more around caches; then by another way; where there is none, or nothing can help, it is the end."""
        if not self.fresh and refusal.rule not in _NO_CACHE_TO_BLAME:
            self.fresh = True
            self._restart(self.known)
            return [Discard(), *self.begin()]
        if _OUTCOMES.get(refusal.rule) is not Outcome.CONTRADICTED and self._has_another_way():
            return self._start_over(self._head())
        return self._end(_OUTCOMES.get(refusal.rule, Outcome.BROKEN), refusal)

    def _has_another_way(self) -> bool:
        """Whether what did not work is a repair or a snapshot, for which something else can stand; and note so."""
        by_snapshot = self.state is State.MANIFEST or self._manifest is not None
        if by_snapshot and not self._without_snapshot and self._head().floor == 0:
            self._without_snapshot = True
            return True
        by_repair = self._repairing or (self.state is State.SETTLING and self._may_repair())
        if by_repair and not self._without_repair and self._may_begin_anew():
            self._without_repair = True
            return True
        return False

    def _may_begin_anew(self) -> bool:
        return self._head().floor == 0 or self._head().snap is not None

    def _start_over(self, head: Head) -> list[Request]:
        return [Discard(), *self._from_start(head)]

    def _end(self, outcome: Outcome, refusal: Refusal) -> list[Request]:
        self.state = State.DONE
        evidence = self._evidence(refusal) if outcome is Outcome.CONTRADICTED else None
        return [Discard(), Done(outcome, refusal, str(refusal), evidence)]

    def _evidence(self, refusal: Refusal) -> Evidence | None:
        """Both words of the publisher, as anybody can judge them."""
        if refusal.rule == "KEY-8" and self.known.publisher is not None:
            held, offered = self.known.publisher.statements, keys.parse_file(self._offered_keys)
            at = next(n for n, (a, b) in enumerate(zip(held, offered, strict=False)) if a.digest != b.digest)
            return Evidence("keys", (held[at], offered[at]), held[:at])
        if self.known.head is None or self.publisher is None:
            return None
        said = (self.known.head.envelope, self._head().envelope)
        kind = "rollback" if refusal.rule == "READ-3" else "fork"
        return Evidence(kind, said, self.publisher.statements, self._parting())

    def _parting(self) -> Prefix | None:
        """Where the log that was read beside the one held parts from it; else what a base says, if that is enough."""
        stored, offered = cast(Head, self.known.head), self._head()
        if self._leaves:
            began = merkle.Frontier()
            for leaf in self._leaves[: stored.size]:
                began.append(leaf)
            proof = [node.hex() for node in merkle.consistency_from(began, self._leaves[stored.size :])]
            return Prefix([[], proof], [stored.log_root, began.root().hex()], stored.size)
        for base in offered.bases:
            if (base["epoch"], base["size"]) == (stored.epoch, stored.size) and base["log_root"] != stored.log_root:
                return Prefix([[], []], [stored.log_root, base["log_root"]], stored.size)
        return None

    def _head(self) -> Head:
        if self.head is None:
            raise RuntimeError("a head is read before anything else")
        return self.head

    def _manifest_read(self) -> Manifest:
        if self._manifest is None:
            raise RuntimeError("a manifest is read before its parts")
        return self._manifest


_OUTCOMES = {
    "HEAD-6": Outcome.STALE,
    "READ-2": Outcome.STALE,
    "READ-3": Outcome.CONTRADICTED,
    "READ-4": Outcome.CONTRADICTED,
    "KEY-8": Outcome.CONTRADICTED,
    "READ-6": Outcome.DIVERGED,
    "WIT-9": Outcome.TEMPORARY,
}
_NO_CACHE_TO_BLAME = frozenset({"READ-3", "READ-4", "READ-6", "KEY-8"})

_FETCHED: dict[State, Callable[[Session, Any], list[Request]]] = {
    State.HEAD: Session._on_head,
    State.KEYS: Session._on_keys,
    State.CHECKPOINT: Session._on_checkpoint,
    State.MANIFEST: Session._on_manifest,
    State.PARTS: Session._on_part,
    State.GENERATIONS: Session._on_generations,
    State.PAGES: Session._on_page,
    State.PROBE: Session._on_probe,
    State.INVENTORY: Session._on_inventory,
}
_TRANSITIONS: dict[tuple[State, type], Callable[[Session, Any], list[Request]]] = {
    **{(state, Fetched): act for state, act in _FETCHED.items()},
    **{(state, Missing): Session._on_missing for state in _FETCHED},
    **{(state, Garbled): Session._on_garbled for state in _FETCHED},
    **{(state, Unreachable): Session._temporary for state in _FETCHED},
    (State.CHECKPOINT, Missing): Session._on_checkpoint,
    (State.CHECKPOINT, Garbled): Session._on_checkpoint,
    (State.HEAD, NotModified): Session._on_unchanged,
    (State.PARTS, Continued): Session._fold_parts,
    (State.FOLDED, Settled): Session._on_folded,
    (State.SETTLING, Settled): Session._on_settled,
    (State.SURVEY, Surveyed): Session._on_surveyed,
    (State.INVENTORY, Missing): Session._on_gone,
}


def _mark(stored: Head, known: Known) -> Mark:
    return Mark(stored.size, stored.epoch, known.frontier)


def _place(head: Head) -> str:
    return f"{head.size} entries in {head.epoch}, signed {head.time:%Y-%m-%dT%H:%M:%SZ}"
