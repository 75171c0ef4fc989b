"""Taking a node back with its recovery key after the signing key was lost or stolen (docs/spec/keys.md).

    recovery = Recovery(feeds, outbox, erasures, heard, last={})
    recovery.plan                        what would be done: the last good place of each feed, what the thief touched
    recovery.run(identity, now)          do it, with the identity that the recovery statement made

Up to the last good place everything stays valid. Of what came after, the hubs let go by the recovery statement itself;
this node says anew what it knows: each record that somebody else touched gets a put or a tombstone above it. Where a
hub went on with the thief's log, a new epoch begins at the last place that is sure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from jisr_protocol import entry, head, identifiers, validity
from jisr_protocol.entry import Entry
from jisr_protocol.head import Head
from jisr_protocol.keys import KeyRing
from jisr_protocol.limits import REV_JUMP
from jisr_protocol.merkle import Tree
from jisr_protocol.notice import ALL
from jisr_protocol.refusal import Refusal

from . import retrieval
from .erasure import Erasures
from .feeds import PUBLIC, Feeds, Open
from .identity import Identity
from .outbox import Outbox
from .ports import Stored
from .rebase import LEAP, Rebase, Rebased
from .retrieval import Word


@dataclass(frozen=True)
class Heard:
    """What one hub shows under this node's name, whoever signed it."""

    hub: str
    epoch: str
    size: int
    log_root: str
    head: Head | None
    lines: tuple[bytes, ...]

    def entries(self, node: str) -> list[Entry]:
        """Its entries about this node, as far as they can be read."""
        found = []
        for line in self.lines:
            try:
                said = entry.parse(line)
            except Refusal:
                continue
            if said.node == node:
                found.append(said)
        return found

    def word(self, ring: KeyRing) -> Word:
        """The same as a rebase takes it: only what this node has signed, under the head that the hub shows."""
        said = retrieval.heard(self.hub, self.epoch, self.size, self.log_root, None, self.lines, ring)
        return replace(said, head=self.head)


def heard(hub: str, epoch: str, size: int, log_root: str, shown: bytes | None, lines: Iterable[bytes]) -> Heard:
    """A hub's word. Its head may be a thief's, so nobody's signature is asked for."""
    signed = None
    if shown is not None:
        try:
            signed = head.parse(shown)
        except Refusal:
            signed = None
    if signed is not None and signed.epoch == epoch and signed.size > size:
        # a hub may ask for entries again that it has held back; what was signed goes further
        size, log_root = signed.size, signed.log_root
    return Heard(hub, epoch, size, log_root, signed, tuple(lines))


@dataclass
class Plan:
    """What a recovery will do. `last` is the last good place of each feed; `touched` the highest rev that somebody else
    gave a record, by id; `added` those of them that this node does not know, with their type."""

    last: dict[str, tuple[str, int]] = field(default_factory=dict)
    touched: dict[str, int] = field(default_factory=dict)
    added: dict[str, str] = field(default_factory=dict)
    forked: list[str] = field(default_factory=list)
    """The hubs that went on with another log than this folder's."""
    hubs: list[str] = field(default_factory=list)
    renewed: bool = False
    """Whether a new epoch is needed."""


class Recovery(Rebase):
    """One recovery over one store. `chosen` says of feeds how many entries are good, where fewer are than is known."""

    def __init__(
        self, feeds: Feeds, outbox: Outbox, erasures: Erasures, said: list[Heard], chosen: Mapping[str, int]
    ) -> None:
        super().__init__(feeds, outbox, erasures, [])
        self._said = said
        self._node, self._before = feeds.identity.id, feeds.identity.ring
        self._words = [one.word(self._before) for one in said if one.size]
        self.done.hubs = [one.hub for one in said]
        self.plan = self._planned(chosen)

    # Looking

    def _planned(self, chosen: Mapping[str, int]) -> Plan:
        plan = Plan(hubs=[one.hub for one in self._said])
        tree = self._tree(PUBLIC)
        plan.forked = [word.hub for word in self._words if not word.agrees(tree)]
        for feed in self._store.feeds():
            good = min(self._good(feed.name), chosen.get(feed.name, feed.size))
            plan.last[feed.name] = (feed.epoch, good)
            plan.renewed |= good < feed.size
        plan.renewed |= bool(plan.forked)
        for said in (one for hub in self._said for one in hub.entries(self._node)):
            if said.src is None or not validity.good(plan.last, said.src):
                self._note_touched(plan, said)
        return plan

    def _good(self, name: str) -> int:
        """Up to where this feed is certainly what this folder wrote, at every hub: as far as hubs agree with it, and
        where they do not, or do not answer, as far as their own receipts show."""
        tree = self._tree(name)
        agreeing = {word.hub for word in self._words if word.agrees(tree)} if name == PUBLIC else set()
        silent = [one.hub for one in self._said if not one.size] if name == PUBLIC else []
        doubtful = {d.hub for d in self._store.deliveries() if d.feed == name and d.receipt} - agreeing - {*silent}
        doubtful |= {word.hub for word in self._words} - agreeing if name == PUBLIC else set()
        return min([tree.size, *(self._proven(hub, name, tree) for hub in doubtful)])

    def _note_touched(self, plan: Plan, said: Entry) -> None:
        if said.op in ("put", "del") and said.id is not None:
            plan.touched[said.id] = max(said.rev or 0, plan.touched.get(said.id, 0))
            if self._store.record(said.id) is None:
                plan.added[said.id] = said.type or ""
        elif said.op in ("erase", "hold"):
            ids = [record.id for record in self._store.records()] if said.id == ALL else [said.id or ""]
            for record_id in ids:
                plan.touched.setdefault(record_id, 0)

    # Doing

    def recover(self, identity: Identity, now: datetime) -> Rebased:
        """Do it: `identity` holds the new key and the recovery statement. Part of one transaction of the store."""
        self._feeds.identity = identity
        self._outbox.become(identity)
        self._words = [self._counted(word, identity.ring) for word in self._words]
        self._raise_touched()
        names = {feed.name for feed in self._store.feeds()}
        self._bring_up(names if self.plan.renewed else set(), now)
        self._clear()
        return self.done

    def _counted(self, word: Word, ring: KeyRing) -> Word:
        """A hub's word without what a thief has put in our mouth."""
        kept = [e for e in word.entries if e.thing and e.src and _counts(ring, e)]
        return replace(word, entries=tuple(kept))

    def _raise_touched(self) -> None:
        """Above what somebody else wrote, as far as a hub lets a rev rise at once; it does not count what he wrote."""
        for record_id, rev in self.plan.touched.items():
            stored = self._store.record(record_id)
            if stored is not None:
                above = max(stored.rev + 1, rev if rev <= stored.rev + REV_JUMP - 2 * LEAP else 0)
                self._store.put_record(replace(stored, rev=above))

    def _publish(self, opened: dict[str, Open], states: dict[str, dict[str, Entry]], now: datetime) -> None:
        super()._publish(opened, states, now)
        at = identifiers.to_instant(now)
        for record_id, rev in sorted(self.plan.touched.items()):
            stored = self._store.record(record_id)
            if stored is None and record_id in self.plan.added:
                known = rev if rev <= REV_JUMP - 2 * LEAP else 0
                stored = Stored(record_id, self.plan.added[record_id], known, None, None, at, at)
            if stored is not None and stored.content is None and PUBLIC in opened:
                self._store.put_record(self._outbox.withdraw(stored, opened[PUBLIC], now))
                self.done.records.append(record_id)

    # Where the histories part

    def _sure(self, name: str, tree: Tree) -> int:
        sizes = [self.plan.last[name][1] if name in self.plan.last else 0]
        feed = self._store.feed(name)
        for word in self._words if name == PUBLIC else []:
            if feed is not None and word.epoch != feed.epoch and not word.agrees(tree):
                sizes.append(self._base_of(word, tree))
        if name != PUBLIC and self._shown_epochs() - self._own_epochs(name):
            sizes.append(0)
        return min(sizes)


def _counts(ring: KeyRing, said: Entry) -> bool:
    if said.thing is None or said.src is None:
        return False
    return validity.counts(ring, validity.kid_of(said.thing.jws), said.src)
