"""The node's own feeds: one for each audience, gap-free, signed entry by entry and then as a whole by a head.

`local` records enter none. A feed begins with the node's key statements. `publish` is one transaction: every pending
change becomes entries, then each touched feed gets a new head. Nothing leaves the node before that transaction is
durable, so a retry always sends the same lines, and a crash at any moment leaves the old state or the new one.

When a change takes a record out of a feed's audience, that feed first gets a signed tombstone with the next rev; the
put elsewhere has a higher one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from jisr_protocol import canonical, entry, envelope, head, identifiers, keys, state_tree
from jisr_protocol.envelope import Envelope
from jisr_protocol.head import Head
from jisr_protocol.limits import CLOCK_SKEW_SECONDS, NODE_HEAD_DAYS
from jisr_protocol.merkle import Frontier, Tree

from .errors import Contradiction
from .identity import Identity, RandomBytes
from .ports import Change, Feed, Fence, Line, Mark, Store, Stored

PUBLIC = "public"
HEAD_VALID = timedelta(days=NODE_HEAD_DAYS)
HEAD_RENEWED = HEAD_VALID / 3
"""A head older than this is signed again, although nothing changed: a node may then be offline for a month."""
BLOCKED = "blocked by "
"""Begins the name of each setting that holds a sentence why nothing may be signed; see errors.Contradiction."""

MISDATED = "misdated "
"""Begins the name of each setting that says a hub refused the head of a feed for its date: it is to be signed anew."""


@dataclass
class Published:
    """What a publish did: entries appended by feed, records kept local, feeds whose head was signed."""

    entries: dict[str, int] = field(default_factory=dict)
    local: int = 0
    heads: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(self.entries.values())


@dataclass
class _Open:
    """A feed while a publish adds to it."""

    name: str
    epoch: str
    frontier: Frontier
    head: Head | None
    added: int = 0


class Outbox:
    """Turns what is pending in a store into signed feeds of one identity."""

    def __init__(self, store: Store, fence: Fence, identity: Identity, random_bytes: RandomBytes) -> None:
        self._store, self._fence, self._identity, self._random = store, fence, identity, random_bytes

    def publish(self, now: datetime) -> Published:
        """Sign everything pending, and heads that are due; twice is once. Raises Busy or Contradiction."""
        done = Published()
        with self._store.transaction():
            self._check_may_sign()
            opened = {feed.name: self._reopen(feed) for feed in self._store.feeds()}
            if PUBLIC not in opened:
                opened[PUBLIC] = self._begin(PUBLIC, now)
            for change in self._store.changes():
                self._carry_out(change, opened, now, done)
                self._store.drop_change(change.id)
            for feed in opened.values():
                if feed.added or self._due(feed, now):
                    self._sign_head(feed, now)
                    done.heads.append(feed.name)
                if feed.added:
                    done.entries[feed.name] = feed.added
        # Dying here leaves the fence behind the store, which is allowed; the next publish brings it up.
        self._mark()
        return done

    def renew(self, now: datetime) -> list[str]:
        """Sign again the heads that are a third through, and nothing else; return their feeds."""
        with self._store.transaction():
            self._check_may_sign()
            due = [feed for feed in map(self._reopen, self._store.feeds()) if self._due(feed, now)]
            for feed in due:
                self._sign_head(feed, now)
        self._mark()
        return [feed.name for feed in due]

    def obstacles(self) -> list[str]:
        """Why nothing may be signed: two entries for one position are a fork, for ever. Empty when all is well."""
        held = {feed.name: feed for feed in self._store.feeds()}
        found = blocks(self._store)
        for name, mark in self._fence.read().items():
            feed = held.get(name)
            if feed is None or feed.epoch != mark.epoch or not self._reaches(feed, mark):
                size = feed.size if feed is not None else 0
                found.append(
                    f"This folder once signed {mark.size} entries of the feed {name}; node.sqlite holds {size}, or "
                    "others. An older database was put back. Nothing was signed now. Put the newest node.sqlite back; "
                    "if there is none, keep the folder as it is and ask your hub's operator, who holds the entries."
                )
        return found

    def _check_may_sign(self) -> None:
        for sentence in self.obstacles():
            raise Contradiction(sentence)

    def _reaches(self, feed: Feed, mark: Mark) -> bool:
        if feed.size == mark.size:
            return Frontier.from_bytes(feed.size, feed.frontier).root().hex() == mark.log_root
        return feed.size > mark.size and Tree(self._store.leaves(feed.name, 0, mark.size)).root().hex() == mark.log_root

    def _mark(self) -> None:
        """Bring the fence up to the store."""
        roots = {feed: Frontier.from_bytes(feed.size, feed.frontier).root().hex() for feed in self._store.feeds()}
        marks = {feed.name: Mark(feed.epoch, feed.size, root) for feed, root in roots.items()}
        if marks != self._fence.read():
            self._fence.write(marks)

    def _reopen(self, feed: Feed) -> _Open:
        return _Open(feed.name, feed.epoch, Frontier.from_bytes(feed.size, feed.frontier), head.parse(feed.head))

    def _begin(self, name: str, now: datetime) -> _Open:
        feed = _Open(name, identifiers.new_epoch(1, self._random(5)), Frontier(), None)
        for statement in self._identity.ring.statements:
            self._append(feed, "recovery" if statement.kind == "recovery" else "key", statement, None, now)
        return feed

    def _carry_out(self, change: Change, opened: dict[str, _Open], now: datetime, done: Published) -> None:
        at = identifiers.to_instant(now)
        held = self._store.record(change.id) or Stored(change.id, change.type, 0, None, None, at, at)
        target = None if change.content is None else feed_for(change.content)
        if held.feed is not None and held.feed != target:
            held = self._withdraw(held, opened[held.feed], now)
        if change.content is None:
            self._store.put_record(replace(held, content=None, feed=None, modified=at))
            return
        held = replace(held, type=change.type, rev=held.rev + 1, content=change.content, feed=target, modified=at)
        self._store.put_record(held)
        if target is None:
            done.local += 1
            return
        if target not in opened:
            opened[target] = self._begin(target, now)
        record = {**json.loads(change.content), **self._given(held)}
        thing = envelope.sealed("record", record, self._identity.key)
        self._append(opened[target], "put", thing, held.id, now)
        self._store.put_live(target, held.id, held.rev, thing.digest)

    def _given(self, held: Stored) -> dict[str, Any]:
        return {
            "node": self._identity.id,
            "rev": held.rev,
            "salt": identifiers.new_salt(self._random(16)),
            "created": held.created,
            "modified": held.modified,
        }

    def _withdraw(self, held: Stored, feed: _Open, now: datetime) -> Stored:
        """Take a record out of the feed it is live in, by a signed tombstone with the next rev."""
        tombstone = {
            "audience": feed.name,
            "id": held.id,
            "modified": identifiers.to_instant(now),
            "node": self._identity.id,
            "of": held.type,
            "rev": held.rev + 1,
            "salt": identifiers.new_salt(self._random(16)),
        }
        thing = envelope.sealed("tombstone", tombstone, self._identity.key)
        self._append(feed, "del", thing, held.id, now)
        self._store.drop_live(feed.name, held.id)
        return replace(held, rev=held.rev + 1, feed=None)

    def _append(self, feed: _Open, op: str, thing: Envelope, record_id: str | None, now: datetime) -> None:
        raw = entry.write(op, thing, seq=feed.frontier.size, at=identifiers.to_instant(now))
        leaf = entry.parse(raw).leaf  # read back as every receiver will: what could not be read is never signed off
        self._store.append(feed.name, Line(feed.frontier.size, op, record_id, raw, leaf))
        feed.frontier.append(leaf)
        feed.added += 1

    def _due(self, feed: _Open, now: datetime) -> bool:
        if feed.head is None or now - feed.head.time >= HEAD_RENEWED or _ahead(feed.head, now):
            return True
        return bool(self._store.settings().get(MISDATED + feed.name))

    def _moment(self, feed: _Open, now: datetime) -> datetime:
        """When a new head is dated: now, and always later than the last one.

        Readers take an older date for an old copy, and an equal one for a rollback. A last one that was dated by a
        clock gone wrong does not count; one that a hub took does.
        """
        taken = [d.head_time for d in self._store.deliveries() if d.feed == feed.name and d.head_time]
        before = [identifiers.from_instant(time) for time in taken]
        if feed.head is not None and not _ahead(feed.head, now):
            before.append(feed.head.time)
        return max([now.replace(microsecond=0), *(time + timedelta(seconds=1) for time in before)])

    def _sign_head(self, feed: _Open, now: datetime) -> None:
        live = [(self._identity.id, *row) for row in self._store.live(feed.name)]
        tree, _ = state_tree.build(live)
        feed.head = head.write(
            self._identity.key,
            by=self._identity.id,
            name=feed.name,
            epoch=feed.epoch,
            size=feed.frontier.size,
            live=len(live),
            log_root=feed.frontier.root(),
            state_root=tree.root(),
            time=self._moment(feed, now),
            valid_for=HEAD_VALID,
            next_in=HEAD_RENEWED,
        )
        size, frontier = feed.frontier.size, feed.frontier.to_bytes()
        self._store.put_feed(Feed(feed.name, feed.epoch, size, frontier, feed.head.raw))
        if self._store.settings().get(MISDATED + feed.name):
            self._store.set(MISDATED + feed.name, "")


def blocks(store: Store) -> list[str]:
    """The sentences of the hubs that hold another history than this store."""
    return [value for name, value in store.settings().items() if name.startswith(BLOCKED) and value]


def feed_for(content: bytes) -> str | None:
    """The feed that an authored record belongs to; `local` belongs to none."""
    audience: str = json.loads(content)["audience"]
    return None if audience == "local" else audience


def key_file(identity: Identity) -> bytes:
    """The node's keys.json."""
    return keys.write_file(identity.ring)


def _ahead(last: Head, now: datetime) -> bool:
    """A head further ahead of the clock than hubs take: the clock was wrong when it was signed, or it is wrong now."""
    return last.time > now + timedelta(seconds=CLOCK_SKEW_SECONDS)


def show(identity: Identity, stored: Stored) -> dict[str, Any]:
    """A record as last published, without its salt; of a deleted one only what is left."""
    value: dict[str, Any] = json.loads(stored.content) if stored.content is not None else {"id": stored.id}
    given = {"node": identity.id, "rev": stored.rev, "created": stored.created, "modified": stored.modified}
    return {**value, "type": stored.type, **given}


def content_with(content: bytes, **members: Any) -> bytes:
    """An authored record with some members replaced."""
    return canonical.dumps({**json.loads(content), **members})
