"""The node's own feeds: one for each audience, gap-free, signed entry by entry and then as a whole by a head.

`local` records enter none. A feed begins with the node's key statements. `publish` is one transaction: every pending
change becomes entries, then each touched feed gets a new head. Nothing leaves the node before that transaction is
durable, so a retry always sends the same lines, and a crash at any moment leaves the old state or the new one.

When a change takes a record out of a feed's audience, that feed first gets a signed tombstone with the next rev; the
put elsewhere has a higher one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from jisr_protocol import canonical, envelope, identifiers, keys

from .feeds import PUBLIC as PUBLIC
from .feeds import Feeds, Open, reopened
from .identity import Identity
from .ports import Change, Store, Stored

REV_FLOOR = "rev_floor"
"""The setting above which every new rev lies: what others may have seen of this node and is not known here."""


@dataclass
class Published:
    """What a publish did: entries appended by feed, records kept local, feeds whose head was signed."""

    entries: dict[str, int] = field(default_factory=dict)
    local: int = 0
    heads: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(self.entries.values())


class Outbox:
    """Turns what is pending in a store into signed feeds."""

    def __init__(self, feeds: Feeds) -> None:
        self._feeds, self._store, self._identity = feeds, feeds.store, feeds.identity

    @property
    def store(self) -> Store:
        return self._store

    def become(self, identity: Identity) -> None:
        """Go on signing with another key of the same node."""
        self._identity = identity

    def obstacles(self) -> list[str]:
        """Why nothing may be signed; see feeds.Feeds."""
        return self._feeds.obstacles()

    def publish(self, now: datetime, only: Collection[str] = ()) -> Published:
        """Sign everything pending, or what is pending of some records `only`, and heads that are due; twice is once.
        Raises Busy or Contradiction."""
        return self._signed(now, lambda opened, done: self.carry_out_all(opened, now, done, only))

    def publish_these(self, changes: Callable[[], Iterable[Change]], now: datetime) -> Published:
        """Sign these changes, which did not wait, and nothing that does. `changes` is called in the transaction, and
        what it raises leaves no trace."""

        def carry_out(opened: dict[str, Open], done: Published) -> None:
            for change in changes():
                self.carry_out(change, opened, now, done)

        return self._signed(now, carry_out)

    def _signed(self, now: datetime, carry_out: Callable[[dict[str, Open], Published], None]) -> Published:
        done = Published()
        with self._store.transaction():
            self._feeds.check_may_sign()
            opened = self._feeds.open_all(now)
            carry_out(opened, done)
            for feed in opened.values():
                if feed.added or self._feeds.due(feed, now):
                    self._feeds.sign(feed, now)
                    done.heads.append(feed.name)
                if feed.added:
                    done.entries[feed.name] = feed.added
        # Dying here leaves the fence behind the store, which is allowed; the next publish brings it up.
        self._feeds.mark()
        return done

    def carry_out_all(
        self, opened: dict[str, Open], now: datetime, done: Published, only: Collection[str] = ()
    ) -> None:
        """Append what is pending, or what is of some records; part of a transaction."""
        for change in self._store.changes():
            if only and change.id not in only:
                continue
            self.carry_out(change, opened, now, done)
            self._store.drop_change(change.id)

    def renew(self, now: datetime) -> list[str]:
        """Sign again the heads that are a third through, and nothing else; return their feeds."""
        with self._store.transaction():
            self._feeds.check_may_sign()
            due = [feed for feed in map(reopened, self._store.feeds()) if self._feeds.due(feed, now)]
            for feed in due:
                self._feeds.sign(feed, now)
        self._feeds.mark()
        return [feed.name for feed in due]

    def carry_out(self, change: Change, opened: dict[str, Open], now: datetime, done: Published) -> None:
        """Append what one change needs, in the feeds as they are opened; part of a transaction."""
        at = identifiers.to_instant(now)
        held = self._store.record(change.id) or Stored(change.id, change.type, 0, None, None, at, at)
        target = None if change.content is None else feed_for(change.content)
        if held.feed is not None and held.feed != target:
            held = self.withdraw(held, opened[held.feed], now)
        if change.content is None:
            self._store.put_record(replace(held, content=None, feed=None, modified=at))
            return
        held = replace(
            held, type=change.type, rev=self._next_rev(held), content=change.content, feed=target, modified=at
        )
        self._store.put_record(held)
        if target is None:
            done.local += 1
            return
        if target not in opened:
            opened[target] = self._feeds.begin(target, now)
        record = {**json.loads(change.content), **self._given(held)}
        thing = envelope.sealed("record", record, self._identity.key)
        self._feeds.append(opened[target], "put", thing, held.id, now)
        self._store.put_live(target, held.id, held.rev, thing.digest)

    def _given(self, held: Stored) -> dict[str, Any]:
        return {
            "node": self._identity.id,
            "rev": held.rev,
            "salt": identifiers.new_salt(self._feeds.random(16)),
            "created": held.created,
            "modified": held.modified,
        }

    def withdraw(self, held: Stored, feed: Open, now: datetime) -> Stored:
        """Take a record out of the feed it is live in, by a signed tombstone with the next rev."""
        rev = self._next_rev(held)
        tombstone = {
            "audience": feed.name,
            "id": held.id,
            "modified": identifiers.to_instant(now),
            "node": self._identity.id,
            "of": held.type,
            "rev": rev,
            "salt": identifiers.new_salt(self._feeds.random(16)),
        }
        thing = envelope.sealed("tombstone", tombstone, self._identity.key)
        self._feeds.append(feed, "del", thing, held.id, now)
        self._store.drop_live(feed.name, held.id)
        return replace(held, rev=rev, feed=None)

    def _next_rev(self, held: Stored) -> int:
        return max(held.rev, int(self._store.settings().get(REV_FLOOR) or 0)) + 1


def feed_for(content: bytes) -> str | None:
    """The feed that an authored record belongs to; `local` belongs to none."""
    audience: str = json.loads(content)["audience"]
    return None if audience == "local" else audience


def key_file(identity: Identity) -> bytes:
    """The node's keys.json."""
    return keys.write_file(identity.ring)


def show(node: str, stored: Stored) -> dict[str, Any]:
    """A record as last published, without its salt; of a deleted one only what is left."""
    value: dict[str, Any] = json.loads(stored.content) if stored.content is not None else {"id": stored.id}
    given = {"node": node, "rev": stored.rev, "created": stored.created, "modified": stored.modified}
    return {**value, "type": stored.type, **given}


def content_with(content: bytes, **members: Any) -> bytes:
    """An authored record with some members replaced."""
    return canonical.dumps({**json.loads(content), **members})
