"""The live set as a pure function of a feed's entries, and the rule that revs rise (docs/spec/live-set.md).

Two things are kept apart. The *state tree* follows the entries blindly, so that it meets the publisher's state_root.
The *accepted set* takes only what was verified and whose rev rises; what it refuses stays in the tree with a code.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from .entry import AcceptedEntry, Entry
from .keys import KeyRing, PublicKey
from .refusal import Refusal


class Void(msgspec.Struct, frozen=True, gc=False):
    """What these keys do not count any more leaves the accepted set, and is kept as evidence (KEY-10).

    `name` is that of the feed that is read: an entry without `src` stands in its writer's own.
    """

    ring: KeyRing
    name: str


class Judged(msgspec.Struct, frozen=True, gc=False):
    """An entry and what became of it: accepted, refused with a Refusal, or neither because it carries no content."""

    entry: Entry
    accepted: AcceptedEntry | None
    refusal: Refusal | None
    void: Void | None = None
    """A key statement may take away what was held."""
    waiting: PublicKey | None = None
    """In bulk, the key by which a put must be signed; whether it is has not been checked (READ-18)."""


class Effect(Enum):
    """What an entry does to the state tree."""

    SET = "set"
    REMOVE = "remove"
    REMOVE_MATCHING = "remove matching"
    NONE = "none"


_EFFECTS = {
    "put": Effect.SET,
    "del": Effect.REMOVE,
    "out": Effect.REMOVE,
    "erase": Effect.REMOVE_MATCHING,
    "hold": Effect.REMOVE_MATCHING,
}


def effect(entry: Entry) -> Effect:
    """LIVE-1: the effect of an op; an op this version does not know has none."""
    return _EFFECTS.get(entry.op, Effect.NONE)


def matches(entry: Entry, node: str, record_id: str, rev: int) -> bool:
    """LIVE-2: whether an erase or hold entry takes out this record: its target or `*`, at or below max_rev."""
    return entry.node == node and entry.id in (record_id, "*") and reaches(entry.rev, rev)


def reaches(max_rev: int | None, rev: int) -> bool:
    """Whether an erase, a hold, or the guard that stays of it covers this rev; null covers any (LIVE-2, READ-13)."""
    return max_rev is None or rev <= max_rev


class Order(Enum):
    """How a put or del stands to what is already held of the same record."""

    RISES = "rises"
    SAME = "same"
    FALLS = "falls"
    CONTRADICTS = "contradicts"


def order(rev: int, digest: str, held_rev: int | None, held_digest: str | None) -> Order:
    """LIVE-3: one writer per record: its rev rises, and an equal rev is the same digest."""
    if held_rev is None or rev > held_rev:
        return Order.RISES
    if rev < held_rev:
        return Order.FALLS
    return Order.SAME if digest == held_digest else Order.CONTRADICTS


def fold(entries: list[Entry]) -> dict[tuple[str, str], tuple[int, str]]:
    """The live set after these entries, in order: (node, id) → (rev, digest). The reference for every faster form."""
    live: dict[tuple[str, str], tuple[int, str]] = {}
    for entry in entries:
        done = effect(entry)
        if done is Effect.SET and entry.node and entry.id and entry.rev and entry.digest:
            live[entry.node, entry.id] = (entry.rev, entry.digest)
        elif done is Effect.REMOVE and entry.node and entry.id:
            live.pop((entry.node, entry.id), None)
        elif done is Effect.REMOVE_MATCHING:
            live = {k: v for k, v in live.items() if not matches(entry, *k, v[0])}
    return live
