"""Working on after a bad day: an older database put back, a folder that lived twice, everything restored at once.

    1  take back, line by line, what the hubs hold beyond this log, where it can be shown to be exactly ours
    2  where something remains unknown, or the histories part, open a new epoch based on the last position that is sure
    3  publish in it every record whose newest state the log does not show, with a rev above all that was ever seen

In one transaction. Nothing that a hub acknowledged is lost while it holds it; of two versions of one record the later
one is published, and the other is handed back, to be kept aside. Restricted feeds cannot be read back from a hub: what
of them is not here stays with the hub, as it is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from jisr_protocol import canonical, entry, identifiers, live, notice, receipt
from jisr_protocol.entry import Entry
from jisr_protocol.merkle import Frontier, Tree

from .author import GIVEN
from .erasure import DEFAULT_BASIS, Erasures
from .errors import Declined
from .feeds import BLOCKED, PUBLIC, RESTORED, Feeds, Open, reopened
from .ids import uuid4
from .outbox import REV_FLOOR, Outbox, Published, feed_for
from .ports import Change, Erasure, Feed, Line, Mark, Stored
from .retrieval import Word, continued

LEAP = 1000
"""How far revs are raised above all that is known: a restricted feed may have gone on where nobody here can see."""


@dataclass
class Rebased:
    """What a rebase did: entries taken back exactly, new epochs by feed, records published again, versions set aside
    (the authored content of each), entries known to have been signed and found nowhere."""

    taken: int = 0
    epochs: dict[str, str] = field(default_factory=dict)
    records: list[str] = field(default_factory=list)
    aside: list[dict[str, Any]] = field(default_factory=list)
    lost: int = 0
    hubs: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return bool(self.taken or self.epochs)


@dataclass(frozen=True)
class _Version:
    """One state of a record: `content` None when it is gone."""

    type: str
    rev: int
    content: bytes | None
    created: str
    modified: str

    @property
    def age(self) -> tuple[str, int]:
        return self.modified, self.rev


class Rebase:
    """One rebase over one store; make a new one for the next."""

    def __init__(self, feeds: Feeds, outbox: Outbox, erasures: Erasures, words: list[Word]) -> None:
        self._feeds, self._store, self._outbox, self._erasures = feeds, feeds.store, outbox, erasures
        self._words = [word for word in words if word.size]
        self._marks = feeds.fence.read()
        self._gone: dict[str, list[Entry]] = {}
        """The puts and dels that left the node's log, by feed."""
        self._digests: set[str | None] = set()
        """Of every version that this store ever held in a feed."""
        self.done = Rebased(hubs=[word.hub for word in words])

    def run(self, now: datetime) -> Rebased:
        """Do it. Raises Busy, Declined."""
        with self._store.transaction():
            parted = self._take_back()
            unsure = bool(self._store.settings().get(RESTORED)) and not self._marks
            unsigned = any(not erasure.signed for erasure in self._store.erasures())
            names = {feed.name for feed in self._store.feeds()} | self._marks.keys()
            unknown = self.done.taken and len(names) > 1  # of what cannot be read back, there may be more too
            renewed = parted or unsure or unsigned or unknown or not all(self._reaches(name) for name in names)
            if renewed or self.done.taken:
                self._bring_up(names if renewed else set(), now)
            self._clear()
        self._feeds.mark()
        return self.done

    # What the hubs hold beyond this log

    def _take_back(self) -> bool:
        """Append what continues this log exactly; say whether the histories of this folder and a hub part."""
        parted = False
        for word in sorted(self._words, key=lambda word: -word.size):
            feed = self._store.feed(PUBLIC)
            leaves = self._store.leaves(PUBLIC, 0, feed.size) if feed else []
            if word.agrees(Tree(leaves)):
                continue
            found = continued(word, feed.epoch if feed else "", leaves)
            if found is not None:
                parted |= found[0] < len(leaves)
                self._adopt(word, *found)
        tree = self._tree(PUBLIC)
        return parted or not all(word.agrees(tree) for word in self._words)

    def _adopt(self, word: Word, start: int, lines: list[Line]) -> None:
        feed = self._store.feed(PUBLIC)
        self._cut(PUBLIC, start)
        for line in lines:
            self._store.append(PUBLIC, line)
        frontier = Frontier()
        for leaf in self._store.leaves(PUBLIC, 0, start + len(lines)):
            frontier.append(leaf)
        if word.head is None and feed is None:
            raise Declined(f"The hub {word.hub} shows no head of this node. Nothing was changed. Try another hub.")
        raw = word.head.raw if word.head is not None else feed.head if feed is not None else b""
        self._store.put_feed(Feed(PUBLIC, word.epoch, frontier.size, frontier.to_bytes(), raw))
        self.done.taken += len(lines)

    # A new epoch

    def _reaches(self, name: str) -> bool:
        mark, feed = self._marks.get(name), self._store.feed(name)
        return mark is None or (feed is not None and self._feeds.reaches(feed, mark))

    def _bring_up(self, renewed: set[str], now: datetime) -> None:
        self._hear_erasures()
        opened = {feed.name: reopened(feed) for feed in self._store.feeds()}
        if renewed:
            # one name for all feeds: whoever learns of it by the public one can base the restricted ones on it too
            number = 1 + max(identifiers.epoch_number(epoch) for epoch in self._epochs())
            epoch = identifiers.new_epoch(number, self._feeds.random(5))
            opened |= {name: self._renew(name, epoch) for name in sorted(renewed)}
        states = {name: self._fold(feed) for name, feed in opened.items()}
        self._raise_floor(renewed)
        for feed in opened.values():
            self._feeds.append_statements(feed, now)
        self._say_erasures(opened, states, now)
        self._publish(opened, states, now)
        for name, feed in opened.items():
            self._feeds.sign(feed, now)
            if name in renewed:
                self.done.epochs[name] = feed.epoch

    def _epochs(self) -> set[str]:
        """Every epoch this node is known to have had."""
        own = {epoch for feed in self._store.feeds() for epoch in self._own_epochs(feed.name)}
        return own | self._shown_epochs() | {mark.epoch for mark in self._marks.values()}

    def _cut(self, name: str, size: int) -> None:
        """Let go of the entries from `size` on, but remember what they were about."""
        feed = self._store.feed(name)
        for line in self._store.lines(name, size, feed.size if feed is not None else 0):
            if line.op in ("put", "del"):
                self._gone.setdefault(name, []).append(entry.parse(line.raw))
        self._store.cut(name, size)

    def _renew(self, name: str, epoch: str) -> Open:
        """The feed in a new epoch, cut back to the last position that is sure."""
        feed, mark = self._store.feed(name), self._marks.get(name)
        tree = self._tree(name)
        size = self._sure(name, tree)
        if mark is not None and (feed is None or mark.size > tree.size):
            self.done.lost += mark.size - tree.size
        self._cut(name, size)
        bases = self._bases(name, feed, mark, tree, size)
        frontier = Frontier()
        for leaf in self._store.leaves(name, 0, size):
            frontier.append(leaf)
        for delivery in self._store.deliveries():
            if delivery.feed == name:
                self._store.put_delivery(replace(delivery, next=min(delivery.next, size)))
        signed = reopened(feed).head if feed is not None else None
        shown = [word.head for word in self._words if word.head is not None and name == PUBLIC]
        newest = max([*shown, *([signed] if signed else [])], key=lambda one: one.time, default=None)
        return Open(name, epoch, frontier, newest, bases)

    def _sure(self, name: str, tree: Tree) -> int:
        """Up to where this log is certainly that of every hub: as far as it goes, or as a receipt or a base proves."""
        sizes = [tree.size]
        for word in self._words if name == PUBLIC else []:
            if not word.agrees(tree):
                sizes.append(max(self._proven(word.hub, name, tree), self._base_of(word, tree)))
        if name != PUBLIC:
            sizes += [self._proven(d.hub, name, tree) for d in self._store.deliveries() if d.feed == name and d.receipt]
            if self._shown_epochs() - self._own_epochs(name):
                sizes.append(0)  # it went on under an epoch that is not ours, from where nobody here can see
        return min(sizes)

    def _own_epochs(self, name: str) -> set[str]:
        feed = self._store.feed(name)
        return {feed.epoch, *(str(base["epoch"]) for base in reopened(feed).bases)} if feed is not None else set()

    def _shown_epochs(self, name: str = PUBLIC) -> set[str]:
        """The epochs of a feed that hubs know: the public one tells, and from the second on all feeds share a name."""
        bases = {str(base["epoch"]) for word in self._words if word.head is not None for base in word.head.bases}
        known = bases | {word.epoch for word in self._words}
        return {epoch for epoch in known if name == PUBLIC or identifiers.epoch_number(epoch) > 1}

    def _proven(self, hub: str, name: str, tree: Tree) -> int:
        """How far a receipt of this hub shows the entries that stand here."""
        delivery = self._store.delivery(hub, name)
        if delivery is None or delivery.receipt is None:
            return 0
        said = receipt.parse(delivery.receipt).value
        size = int(said["size"])
        return size if size <= tree.size and tree.root(size).hex() == said["log_root"] else 0

    def _base_of(self, word: Word, tree: Tree) -> int:
        feed = self._store.feed(PUBLIC)
        base = word.base(feed.epoch) if feed is not None else None
        if base is None or base[0] > tree.size or tree.root(base[0]).hex() != base[1]:
            return 0
        return base[0]

    def _bases(
        self, name: str, feed: Feed | None, mark: Mark | None, tree: Tree, size: int
    ) -> tuple[dict[str, Any], ...]:
        """Every epoch in which somebody may hold this feed, with the size up to which it goes on here."""
        sizes: dict[str, int] = {}
        if feed is not None:
            sizes |= {str(base["epoch"]): int(base["size"]) for base in reopened(feed).bases}
            sizes[feed.epoch] = size
        for epoch in self._shown_epochs():
            sizes.setdefault(epoch, size)
        if mark is not None:
            sizes.setdefault(mark.epoch, size)
        cut = sorted((min(s, size), identifiers.epoch_number(epoch), epoch) for epoch, s in sizes.items())
        return tuple({"epoch": epoch, "log_root": tree.root(s).hex(), "size": s} for s, _, epoch in cut)

    def _tree(self, name: str) -> Tree:
        feed = self._store.feed(name)
        return Tree(self._store.leaves(name, 0, feed.size) if feed is not None else [])

    # Records

    def _fold(self, feed: Open) -> dict[str, Entry]:
        """The puts that are live in a feed as it now is, and the store's live set after them."""
        entries = [entry.parse(line.raw) for line in self._store.lines(feed.name, 0, feed.frontier.size)]
        held = live.fold(entries)
        self._store.drop_live(feed.name, None)
        for (_, record_id), (rev, digest) in held.items():
            self._store.put_live(feed.name, record_id, rev, digest)
        puts = {(e.node, e.id): e for e in entries if e.op == "put"}
        self._digests |= {e.digest for e in [*entries, *self._gone.get(feed.name, ())] if e.op in ("put", "del")}
        return {key[1]: puts[key] for key in held if key in puts}

    def _raise_floor(self, renewed: set[str]) -> None:
        revs = [record.rev for record in self._store.records()]
        revs += [e.rev or 0 for word in self._words for e in word.entries if e.op in ("put", "del")]
        floor = int(self._store.settings().get(REV_FLOOR) or 0)
        if renewed:
            self._store.set(REV_FLOOR, str(max([floor, *revs]) + self.done.lost + LEAP))

    def _publish(self, opened: dict[str, Open], states: dict[str, dict[str, Entry]], now: datetime) -> None:
        """Append what the log does not show of the newest state of each record."""
        published = Published()
        shown = self._shown()
        for record_id in sorted({record.id for record in self._store.records()} | shown.keys()):
            stored = self._store.record(record_id)
            version = self._newest(record_id, stored, shown.get(record_id))
            held = {name: state[record_id] for name, state in states.items() if record_id in state}
            target = feed_for(version.content) if version.content is not None else None
            where = target if target in held else next(iter(held), None)
            elsewhere = self._may_be_elsewhere(record_id, shown.get(record_id), states) - {target}
            stands = _stands(version, held, target) and not elsewhere
            now_held = Stored(
                record_id, version.type, version.rev, version.content, where, version.created, version.modified
            )
            if stands:
                self._store.put_record(replace(now_held, feed=target))
                continue
            for name in sorted(elsewhere | held.keys() - {where}):
                now_held = replace(self._outbox.withdraw(now_held, opened[name], now), feed=where)
            self._store.put_record(now_held)
            self._outbox.carry_out(Change(record_id, version.type, version.content), opened, now, published)
            self.done.records.append(record_id)

    def _may_be_elsewhere(self, record_id: str, shown: Entry | None, states: dict[str, dict[str, Entry]]) -> set[str]:
        """The feeds whose log does not hold this record, but did, or does at a hub: somebody may still show it."""
        names = {name for name, gone in self._gone.items() if any(e.id == record_id for e in gone)}
        if shown is not None and shown.op == "put":
            names.add(PUBLIC)
        return {name for name in names if name in states and record_id not in states[name]}

    def _shown(self) -> dict[str, Entry]:
        """The newest entry of each record that a hub shows."""
        newest: dict[str, Entry] = {}
        for word in self._words:
            for e in word.entries:
                if e.op in ("put", "del") and e.id is not None and not self._is_erased(e.id, e.rev or 0):
                    newest[e.id] = max(newest.get(e.id, e), e, key=lambda one: one.rev or 0)
        return newest

    def _newest(self, record_id: str, stored: Stored | None, shown: Entry | None) -> _Version:
        """The later of what stands here and what a hub shows; the earlier, if it says something else, goes aside."""
        versions = []
        if stored is not None:
            versions.append(_Version(stored.type, stored.rev, stored.content, stored.created, stored.modified))
        if shown is not None:
            versions.append(_version(shown, stored))
        newest = max(versions, key=lambda one: one.age)
        if shown is not None and len(versions) == 2:
            older = versions[0] if newest is versions[1] else versions[1]
            unseen = self._only_here(record_id) if older is versions[0] else shown.digest not in self._digests
            if unseen and older.content is not None and older.content != newest.content:
                self.done.aside.append(json.loads(older.content))
        return replace(newest, rev=max(version.rev for version in versions))

    def _only_here(self, record_id: str) -> bool:
        """Whether what left the log said something of this record that no hub shows."""
        seen = {e.digest for word in self._words for e in word.entries}
        return any(e.id == record_id and e.digest not in seen for gone in self._gone.values() for e in gone)

    # Erasures

    def _is_erased(self, record_id: str, rev: int) -> bool:
        return any((not e.ids or record_id in e.ids) and rev <= e.max_rev for e in self._store.erasures())

    def _hear_erasures(self) -> None:
        """What was erased by entries of ours that are not known here, is erased here too."""
        known = {erasure.notice for erasure in self._store.erasures()}
        for word in self._words:
            for e in word.entries:
                if e.op == "erase":
                    said = notice.target(e)
                    if said.id not in known and said.max_rev is not None:
                        known.add(said.id)
                        at = identifiers.to_instant(said.issued)
                        self._erasures.take(Erasure(said.id, said.n, said.ids, said.max_rev, at))

    def _say_erasures(self, opened: dict[str, Open], states: dict[str, dict[str, Entry]], now: datetime) -> None:
        """Say anew each erasure that a feed does not hold and that covers something in it."""
        said = {name: self._notices(feed) for name, feed in opened.items()}
        for erasure in self._store.erasures():
            missing = [
                name
                for name in opened
                if erasure.max_rev and erasure.notice not in said[name] and self._covers(erasure, name)
            ]
            if missing:
                fresh = self._erasures.numbered(
                    replace(erasure, notice=uuid4(self._feeds.random(16)), at=identifiers.to_instant(now), signed=True)
                )
                for name in missing:
                    self._erasures.say(fresh, opened[name], DEFAULT_BASIS, now)
                    states[name] = {i: e for i, e in states[name].items() if not _names(erasure, i, e.rev or 0)}
                self._store.put_erasure(fresh)
            self._store.put_erasure(replace(erasure, signed=True))

    def _notices(self, feed: Open) -> set[str]:
        lines = self._store.lines(feed.name, 0, feed.frontier.size)
        return {str(e.thing.value["id"]) for line in lines if line.op == "erase" and (e := entry.parse(line.raw)).thing}

    def _covers(self, erasure: Erasure, name: str) -> bool:
        lines = [line for i in erasure.ids or (None,) for line in self._store.lines_of(name, i)]
        return any((entry.parse(line.raw).rev or 0) <= erasure.max_rev for line in lines)

    def _clear(self) -> None:
        """Nothing holds up signing any more."""
        for name, value in self._store.settings().items():
            if value and (name.startswith(BLOCKED) or name == RESTORED):
                self._store.set(name, "")


def _version(shown: Entry, stored: Stored | None) -> _Version:
    value: dict[str, Any] = shown.thing.value if shown.thing is not None else {}
    created = stored.created if stored is not None else str(value.get("created") or value["modified"])
    content = None
    if shown.op == "put":
        content = canonical.dumps({name: member for name, member in value.items() if name not in GIVEN})
    return _Version(shown.type or "", shown.rev or 0, content, str(value.get("created") or created), value["modified"])


def _stands(version: _Version, held: dict[str, Entry], target: str | None) -> bool:
    """Whether the feeds show exactly this."""
    if version.content is None or target is None:
        return not held
    if set(held) != {target} or held[target].thing is None:
        return False
    found = held[target]
    return _version(found, None).content == version.content and found.rev == version.rev


def _names(erasure: Erasure, record_id: str, rev: int) -> bool:
    return (not erasure.ids or record_id in erasure.ids) and rev <= erasure.max_rev
