"""The node's own feeds while something is added to them: entries appended, heads signed, and leave to sign at all.

Whoever changes a feed does it in one transaction of the store:

    writer.check_may_sign()
    opened = writer.open_all(now)              every feed there is, the public one made if there is none
    writer.append(opened["public"], "put", thing, record_id, now)
    writer.sign(opened["public"], now)
    … commit …
    writer.mark()                              the fence follows the store, never leads
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from jisr_protocol import entry, generations, head, identifiers, state_tree
from jisr_protocol.envelope import Envelope
from jisr_protocol.head import Head
from jisr_protocol.limits import CLOCK_SKEW_SECONDS, NODE_HEAD_DAYS
from jisr_protocol.merkle import Frontier, Tree

from .errors import Contradiction
from .identity import Identity, RandomBytes
from .ports import Feed, Fence, Line, Mark, Store

PUBLIC = "public"
HEAD_VALID = timedelta(days=NODE_HEAD_DAYS)
HEAD_RENEWED = HEAD_VALID / 3
"""A head older than this is signed again, although nothing changed: a node may then be offline for a month."""
BLOCKED = "blocked by "
"""Begins the name of each setting that holds a sentence why nothing may be signed; see errors.Contradiction."""

MISDATED = "misdated "
"""Begins the name of each setting that says a hub refused the head of a feed for its date: it is to be signed anew."""

RESTORED = "restored"
"""The setting that says from a backup of when this store was put back; "" once a rebase has cleared it up."""


@dataclass
class Open:
    """A feed while something is added to it."""

    name: str
    epoch: str
    frontier: Frontier
    head: Head | None
    bases: tuple[dict[str, Any], ...] = ()
    added: int = 0


class Feeds:
    """Writes the feeds of one identity into a store, behind a fence."""

    def __init__(self, store: Store, fence: Fence, identity: Identity, random_bytes: RandomBytes) -> None:
        self.store, self.fence, self.identity, self.random = store, fence, identity, random_bytes

    # Leave to sign

    def obstacles(self) -> list[str]:
        """Why nothing may be signed: two entries for one position are a fork, for ever. Empty when all is well."""
        return [*self.own_obstacles(), *blocks(self.store)]

    def own_obstacles(self) -> list[str]:
        """The obstacles that this folder itself shows, whatever a hub says."""
        found = []
        if since := self.store.settings().get(RESTORED):
            found.append(
                f"This node was put back from a backup of {since}. What was signed after that is not known here yet, "
                f"so nothing was signed now, and nothing is lost. {REBASE}"
            )
        elif any(not erasure.signed for erasure in self.store.erasures()):
            found.append(
                "Records were erased after this node.sqlite was copied; they are erased in it again now, and that has "
                f"to be signed anew. An older database was put back. {REBASE}"
            )
        held = {feed.name: feed for feed in self.store.feeds()}
        for name, mark in self.fence.read().items():
            feed = held.get(name)
            if feed is None or not self.reaches(feed, mark):
                size = feed.size if feed is not None else 0
                found.append(
                    f"This folder once signed {mark.size} entries of the feed {name}; node.sqlite holds {size}, or "
                    "others. An older database was put back. Nothing was signed now. Put the newest node.sqlite back; "
                    f"if there is none: {REBASE}"
                )
        return found

    def check_may_sign(self) -> None:
        """Raise Contradiction while there is an obstacle."""
        for sentence in self.obstacles():
            raise Contradiction(sentence)

    def reaches(self, feed: Feed, mark: Mark) -> bool:
        """Whether a feed goes on from a mark."""
        if feed.epoch != mark.epoch or feed.size < mark.size:
            return False
        if feed.size == mark.size:
            return Frontier.from_bytes(feed.size, feed.frontier).root().hex() == mark.log_root
        return Tree(self.store.leaves(feed.name, 0, mark.size)).root().hex() == mark.log_root

    def mark(self) -> None:
        """Bring the fence up to the store."""
        roots = {feed: Frontier.from_bytes(feed.size, feed.frontier).root().hex() for feed in self.store.feeds()}
        marks = {feed.name: Mark(feed.epoch, feed.size, root) for feed, root in roots.items()}
        if marks != self.fence.read():
            self.fence.write(marks)

    # Entries

    def open_all(self, now: datetime) -> dict[str, Open]:
        """Every feed, ready for more; the public one is begun when there is none."""
        opened = {feed.name: reopened(feed) for feed in self.store.feeds()}
        if PUBLIC not in opened:
            opened[PUBLIC] = self.begin(PUBLIC, now)
        return opened

    def begin(self, name: str, now: datetime) -> Open:
        """A feed begins with the node's key statements."""
        feed = Open(name, identifiers.new_epoch(1, self.random(5)), Frontier(), None)
        self.append_statements(feed, now)
        return feed

    def append_statements(self, feed: Open, now: datetime) -> None:
        """Append the node's key statements that do not stand in this feed (any more): first in a new epoch (KEY-16)."""
        there = {entry.parse(raw).digest for raw in self.store.key_lines(feed.name).values()}
        for statement in self.identity.ring.statements:
            if statement.digest not in there:
                self.append(feed, "recovery" if statement.kind == "recovery" else "key", statement, None, now)

    def append(
        self, feed: Open, op: str, thing: Envelope, record_id: str | None, now: datetime, *, target: str | None = None
    ) -> None:
        """Append an entry; `target` is the id that a notice acts on."""
        raw = entry.write(op, thing, seq=feed.frontier.size, at=identifiers.to_instant(now), target=target)
        leaf = entry.parse(raw).leaf  # read back as every receiver will: what could not be read is never signed off
        self.store.append(feed.name, Line(feed.frontier.size, op, record_id, raw, leaf))
        feed.frontier.append(leaf)
        feed.added += 1

    # Heads

    def due(self, feed: Open, now: datetime) -> bool:
        """Whether a head is to be signed although nothing was added."""
        if feed.head is None or now - feed.head.time >= HEAD_RENEWED or _ahead(feed.head, now):
            return True
        return bool(self.store.settings().get(MISDATED + feed.name))

    def sign(self, feed: Open, now: datetime) -> None:
        """Sign the feed as it stands, and keep it."""
        live = [(self.identity.id, *row) for row in self.store.live(feed.name)]
        tree, _ = state_tree.build(live)
        later = self.store.generations(feed.name)
        feed.head = head.write(
            self.identity.key,
            by=self.identity.id,
            name=feed.name,
            epoch=feed.epoch,
            bases=feed.bases,
            size=feed.frontier.size,
            live=len(live),
            log_root=feed.frontier.root(),
            state_root=tree.root(),
            time=self._moment(feed, now),
            valid_for=HEAD_VALID,
            next_in=HEAD_RENEWED,
            gens=generations.named(generations.write(later)) if later else None,
        )
        size, frontier = feed.frontier.size, feed.frontier.to_bytes()
        self.store.put_feed(Feed(feed.name, feed.epoch, size, frontier, feed.head.raw))
        if self.store.settings().get(MISDATED + feed.name):
            self.store.set(MISDATED + feed.name, "")

    def _moment(self, feed: Open, now: datetime) -> datetime:
        """When a new head is dated: now, and always later than the last one.

        Readers take an older date for an old copy, and an equal one for a rollback. A last one that was dated by a
        clock gone wrong does not count; one that a hub took does.
        """
        taken = [d.head_time for d in self.store.deliveries() if d.feed == feed.name and d.head_time]
        before = [identifiers.from_instant(time) for time in taken]
        if feed.head is not None and not _ahead(feed.head, now):
            before.append(feed.head.time)
        return max([now.replace(microsecond=0), *(time + timedelta(seconds=1) for time in before)])


REBASE = "What is missing can be fetched back from your hub. Next: jisr-node rebase"


def reopened(feed: Feed) -> Open:
    """A feed as it was last signed, ready for more."""
    signed = head.parse(feed.head)
    return Open(feed.name, feed.epoch, Frontier.from_bytes(feed.size, feed.frontier), signed, signed.bases)


def blocks(store: Store) -> list[str]:
    """The sentences of the hubs that hold another history than this store."""
    return [value for name, value in store.settings().items() if name.startswith(BLOCKED) and value]


def _ahead(last: Head, now: datetime) -> bool:
    """A head further ahead of the clock than hubs take: the clock was wrong when it was signed, or it is wrong now."""
    return last.time > now + timedelta(seconds=CLOCK_SKEW_SECONDS)
