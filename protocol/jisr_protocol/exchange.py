"""What passes between a session and its rim: what is held, events in, requests out, and how it ends.

Known      what the rim holds of a feed when a session begins, and what it shall hold after a Commit
Event      what the rim tells: Fetched · NotModified · Missing · Garbled · Unreachable · Settled · Surveyed · Continued
Request    what the rim shall do: Fetch · Replace · GoBack · Void · Apply · Remove · Settle · Survey · Continue ·
           Commit · Discard · Done
Outcome    how a sync ended
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import msgspec

from .evidence import Evidence
from .head import Head
from .keys import KeyRing
from .lineage import Mark
from .live import Judged
from .live import Void as Void
from .merkle import Frontier
from .refusal import Refusal
from .state_tree import StateTree


class Outcome(IntEnum):
    """How a sync ended; the value is the exit status of `jisr follow`."""

    VERIFIED = 0
    STALE = 10
    CONTRADICTED = 20
    BROKEN = 21
    DIVERGED = 22
    TEMPORARY = 30


@dataclass(frozen=True)
class Known:
    """What the rim holds of a feed: nothing at first.

    `publisher` is the chain of keys.json, under which heads are judged. `rings` are the key rings of the writers as the
    entries of this log made them, by identifier: records are judged by the keys at their place in the log, so a reader
    that was there from the start and one that comes late accept the same; `ring_before` gives the keys that entries
    below a position gave a node. `marks` are places verified earlier (lineage.py). `unproven`: so many entries at the
    beginning were never read here, since a snapshot stood for them.
    """

    head: Head | None = None
    etag: str | None = None
    frontier: Frontier = field(default_factory=Frontier)
    rings: Mapping[str, KeyRing] = field(default_factory=dict)
    by: str | None = None
    name: str | None = None
    publisher: KeyRing | None = None
    marks: tuple[Mark, ...] = ()
    unproven: int = 0
    ring_before: Callable[[str, int], KeyRing | None] | None = None
    page_roots: Mapping[int, bytes] = field(default_factory=dict)
    """On Commit: the Merkle roots of the whole pages that this sync read, by number."""


class Fetched(msgspec.Struct, frozen=True):
    """A whole file; `etag` is for the next conditional request."""

    path: str
    body: bytes
    etag: str | None = None


class NotModified(msgspec.Struct, frozen=True):
    """The answer to a Fetch with an etag: still the same."""

    path: str


class Missing(msgspec.Struct, frozen=True):
    """The place exists and has no such file (404, 410, no file in the folder)."""

    path: str


class Garbled(msgspec.Struct, frozen=True):
    """What came under this path cannot be taken: too large (LIM-4), of an unknown or broken encoding (LIM-5, LIM-6)."""

    path: str
    refusal: Refusal


class Unreachable(msgspec.Struct, frozen=True):
    """Not reachable, 429 or 5xx; `reason` is for a person."""

    path: str
    reason: str


class Settled(msgspec.Struct, frozen=True):
    """The state root and number of live records after everything applied, and the first signature that was found wrong
    among those that waited (READ-18)."""

    state_root: bytes
    live: int
    suspect: Refusal | None = None


class Surveyed(msgspec.Struct, frozen=True):
    """The own state tree, and the lines of its buckets: (node, id, rev, digest). `rows` may read them as asked for."""

    tree: StateTree
    rows: Mapping[int, list[tuple[str, str, int, str]]]


class Continued(msgspec.Struct, frozen=True):
    """What was asked for so far is done."""


Event = Fetched | NotModified | Missing | Garbled | Unreachable | Settled | Surveyed | Continued


class Fetch(msgspec.Struct, frozen=True):
    """Fetch a file below the feed's address. `fresh` goes around caches."""

    path: str
    limit_bytes: int
    etag: str | None = None
    fresh: bool = False


class Replace(msgspec.Struct, frozen=True):
    """Begin an empty shadow set: what follows replaces all that was held, on Commit."""


class GoBack(msgspec.Struct, frozen=True):
    """The entries from `size` on were not the publisher's last word: what follows takes their place. The set stays."""

    size: int


class Apply(msgspec.Struct, frozen=True):
    """Take these entries, in order, into the tree and the accepted set (live.py)."""

    judged: list[Judged]


class Remove(msgspec.Struct, frozen=True):
    """Take these (node, id) out of the tree as of position `seq`: this feed does not hold them, which says nothing of
    their author."""

    records: list[tuple[str, str]]
    seq: int


class Settle(msgspec.Struct, frozen=True):
    """Answer with Settled."""


class Survey(msgspec.Struct, frozen=True):
    """Answer with Surveyed: the own tree at this depth."""

    depth: int


class Continue(msgspec.Struct, frozen=True):
    """Answer with Continued: so that no large file need be in memory as entries all at once."""


class Commit(msgspec.Struct, frozen=True):
    """Make all of it durable in one transaction: what was applied, head, etag, frontier, rings."""

    known: Known


class Discard(msgspec.Struct, frozen=True):
    """Forget what was applied since the last Commit, and every fetch still under way."""


class Done(msgspec.Struct, frozen=True):
    """The end. `evidence` is what contradicts itself, to be kept for ever."""

    outcome: Outcome
    refusal: Refusal | None = None
    reason: str = ""
    evidence: Evidence | None = None
    changed: bool = False


Request = Fetch | Replace | GoBack | Void | Apply | Remove | Settle | Survey | Continue | Commit | Discard | Done
