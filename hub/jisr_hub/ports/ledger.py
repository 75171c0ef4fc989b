"""The ledger: what one change stores, what it is judged against, and all that is asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from jisr_protocol.envelope import Envelope
from jisr_protocol.keys import KeyRing
from jisr_protocol.push import NodeLog

from .entries import Draft, Held, Kept, Key, Number, Place, Position, Remembered, Unjudged
from .following import Peer, Pull
from .nodes import Member, Nullified, Stated, Told
from .notices import HeldBack, NoticeLedger
from .publishing import Published
from .takedown import Erased, Erasure, Said
from .trees import BranchPlace, KeptTree
from .view import View


@dataclass(frozen=True)
class Change:
    """Everything that one push or one imported batch stores, in one transaction or not at all."""

    at: str
    drafts: Sequence[Draft]
    remembered: Sequence[Remembered]
    rings: dict[str, KeyRing] = field(default_factory=dict)
    guards: Mapping[Key, int | None] = field(default_factory=dict)
    """The guards under which it was judged (`Ledger.guards`)."""
    holds: Mapping[Key, int | None] = field(default_factory=dict)
    """The holds under which it was judged (`Ledger.holds`)."""
    back: Sequence[HeldBack] = ()
    """The content of puts that a hold keeps back."""
    erasures: Sequence[Erasure] = ()
    """Acted on after everything else of the change, in the same transaction."""
    nullified: Mapping[str, frozenset[Nullified]] = field(default_factory=dict)
    """By node: all of its versions and notices that do not count, in the place of what was held of that. The guards of
    such a notice are lifted. A record of which nothing counts has the rev 0."""
    # of statements
    told: Sequence[Told] = ()
    outdated: Sequence[tuple[str, str]] = ()
    """(digest, kid) of statements that newer ones replace."""
    homes: Mapping[str, str] = field(default_factory=dict)
    """node → its home hub from now on; `upstreams`: the peer it is taken from."""
    upstreams: Mapping[str, str] = field(default_factory=dict)
    # of a push
    node: str = ""
    name: str = ""
    expected: Mapping[str, Place] = field(default_factory=dict)
    """Where all the node's feeds stood when they were judged against (`Ledger.node_places`)."""
    kept: Sequence[Kept] = ()
    log: NodeLog | None = None
    stays: int | None = None
    """In a new epoch of the node: how many of the entries held stay its log; those after them are put aside."""
    unjudged: Unjudged | None = None
    """New entries of the log that wait. They are in nothing else: no feed, no record, no table of entries."""
    judges: Unjudged | None = None
    """The first entries that wait in this feed; they do so no longer. `log` stays as it stands; `expected` says how far
    the node's feeds are judged (`Before.settled`)."""
    # of a peer
    peer: str = ""
    cursor: int = 0
    peer_epoch: str = ""
    members: Sequence[Member] = ()
    # of nodes' heads
    stated: Sequence[Stated] = ()
    """Nodes that were judged as of `touched`; the head is said anew where the drafts hold a nodehead of the node."""


@dataclass(frozen=True)
class Before:
    """What is held of a node before a push of entries [start, end) of one of its feeds is read."""

    member: Member | None
    places: Mapping[str, Place]
    """How far each feed of the node is held (`Ledger.node_places`)."""
    log: NodeLog
    line_hashes: Mapping[int, bytes]
    """push.line_hash of the lines held in [start, end), by position."""
    quarantined: Sequence[Kept]
    """The entries held in [start, end) that are quarantined, in order."""
    unjudged: Mapping[str, int] = field(default_factory=dict)
    """Of each feed in which something waits: the first position that does. Everything after it waits too."""

    def settled(self) -> dict[str, Place]:
        """How far each feed of the node is judged: up to what waits, or all of it."""
        return {name: (epoch, self.unjudged.get(name, size)) for name, (epoch, size) in self.places.items()}


@dataclass(frozen=True)
class Around:
    """What entries about some records of a node are judged against. The reaches are those of `guards` and `holds`, of
    each record and of all of the node; `told` is all that is said about the node."""

    held: Mapping[str, dict[Key, Held]]
    """By audience."""
    guards: dict[Key, int | None]
    holds: dict[Key, int | None]
    told: Sequence[Told]


class Conflict(Exception):
    """The ledger moved on since the change was judged; judge again."""


Lead = Callable[[], Awaitable[None]]
"""Waits while this process leads; raises when another one may."""


class Ledger(NoticeLedger, Protocol):
    """The hub's durable memory."""

    async def member(self, node: str) -> Member | None: ...

    async def members(self, nodes: Collection[str] | None = None) -> list[Member]:
        """Every node that is known, or those of these, by identifier."""
        ...

    async def admit(self, member: Member, statements: Sequence[Envelope]) -> None:
        """Add or change a node; durable when it returns. Keys that are held of it stay: its feeds tell newer."""
        ...

    async def node_log(self, node: str, name: str) -> NodeLog:
        """How far this feed of the node is held, and the node's keys."""
        ...

    async def before(self, node: str, name: str, start: int, end: int) -> Before:
        """What a push of [start, end) finds; the places are of no later moment than the rest."""
        ...

    async def around(self, node: str, keys: Collection[Key]) -> Around:
        """What entries about these records of a node find."""
        ...

    async def node_places(self, node: str) -> dict[str, Place]:
        """How far each feed of the node is held, by name; only those that are."""
        ...

    async def node_leaves(self, node: str, name: str, start: int, end: int) -> dict[int, bytes]: ...

    async def node_line_hashes(self, node: str, name: str, start: int, end: int) -> dict[int, bytes]:
        """push.line_hash of the lines held in [start, end), by position."""
        ...

    async def judged(self, node: str, name: str, start: int = 0, end: int | None = None) -> list[Kept]:
        """The entries of this feed in [start, end) that are quarantined, in order."""
        ...

    async def unjudged(self, node: str, name: str, start: int, end: int, most: int = 1_000_000) -> list[Unjudged]:
        """What waits in this feed and has a part in [start, end), in order, at most so many."""
        ...

    async def unjudged_feeds(self) -> list[tuple[str, str]]:
        """(node, feed name) of every feed in which something waits, in order."""
        ...

    async def put_aside(self, node: str, name: str) -> list[tuple[str, Kept]]:
        """(epoch, entry) of what left the node's log when it went on in a new epoch: evidence, in order."""
        ...

    async def sources(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Position]:
        """Where the newest entry about each of these public records stands in its author's own log, if that is told."""
        ...

    async def held(self, audience: str, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Held]: ...

    async def rings(self, nodes: Iterable[str]) -> dict[str, KeyRing]: ...

    async def statements_logged(self, node: str) -> set[str]:
        """By what is known that stands in the hub's feed of a node once (log.once): its key statements, replaced ones
        too, and entries of ops this version does not know."""
        ...

    async def versions(self, node: str) -> list[bytes]:
        """The lines of every put and del of this node in the hub's feed, in order."""
        ...

    async def kept(self, node: str, name: str) -> list[Kept]:
        """Every entry of the node's feed as it is kept, in order."""
        ...

    async def nullified(self, node: str) -> frozenset[Nullified]:
        """What does not count of this node."""
        ...

    async def store(self, change: Change, number: Number) -> int:
        """Store a change and give its drafts the next positions, under the writer's lock, in one transaction.

        Durable when it returns the new size of the hub's feed. Raises Conflict when the node's feeds have not the sizes
        `change.expected` any more, guards are not `change.guards` any more, a node of `change.stated` was touched
        since, or a statement of the change or of its drafts stands in the log already, or a newer one, perhaps by
        another process; then nothing was stored.
        """
        ...

    async def told(self, subjects: Iterable[str]) -> list[Told]:
        """Every statement that is held about these subjects."""
        ...

    async def waiting(self, codes: Iterable[str]) -> list[tuple[str, str]]:
        """(node, feed name) of every feed in which something is quarantined with one of these codes, in order."""
        ...

    async def stated(self, nodes: Iterable[str] | None = None) -> list[Stated]:
        """What was said last of these nodes; without `nodes`, of those that were touched since it was judged."""
        ...

    # Nodes' trees (node_trees.py): a ledger may as well keep none

    async def begin_tree(self, node: str) -> None:
        """Note from now on which records of the node are touched; branches that are kept are forgotten."""
        ...

    async def keep_tree(
        self, node: str, before: KeptTree, depth: int, made: Mapping[BranchPlace, bytes], *, whole: bool
    ) -> bool:
        """Keep the branches that were folded from `before`, with what had been touched by then; `whole` are all there
        are. False, and nothing was kept, when another process has kept something meanwhile."""
        ...

    async def drop_tree(self, node: str) -> None:
        """Keep no tree of this node any more."""
        ...

    # Erasure

    async def erase(self, at: str, erasures: Sequence[Erasure], number: Number) -> Erased:
        """Take out the content that these notices name, in one transaction under the writer's lock.

        Lines become stubs, leaves stay; what was live is not; pages that held any of it get their next generation. The
        notices and their guards are kept for ever. The entry of an erasure is appended when an entry of the hub's feed
        became a stub for it, so doing it again appends nothing. Durable when it returns; `forget` does the rest.
        """
        ...

    async def empty(self, erasures: Sequence[Erasure]) -> Erased:
        """Take the content out and say nothing: for an older database, which is to be made whole before it grows."""
        ...

    async def forget(self) -> list[str]:
        """Leave nothing of what was erased in the database's files; says what remains elsewhere, a sentence each.

        Raises StillSeen when it is not done.
        """
        ...

    async def guards(self, keys: Iterable[Key]) -> dict[Key, int | None]:
        """Up to which rev each of these is kept out by an erasure: None for any rev, 0 for none."""
        ...

    async def notices(self, node: str | None = None) -> list[Said]:
        """Every notice that is held, or those about one node."""
        ...

    async def last_notice(self, by: str, node: str, feed: str) -> tuple[int, str] | None:
        """(n, digest) of the newest notice of `by` about `node` in a feed of this name."""
        ...

    async def newest_rev(self, node: str, target: str) -> int:
        """The highest rev held of a record in any audience, of any record of the node for `*`; 0 for none."""
        ...

    def reading(self) -> AbstractAsyncContextManager[View]: ...

    async def published(self) -> Published | None: ...

    async def epoch(self) -> str: ...

    async def bases(self) -> tuple[dict[str, Any], ...]:
        """The earlier epochs this feed goes on from, as its heads name them: epoch, size, log_root."""
        ...

    async def rebase(self, epoch: str, bases: Sequence[dict[str, Any]], before: str) -> None:
        """Go on in another epoch than `before`; entries and positions stay. Raises Conflict when it is not in that."""
        ...

    async def publish(self, published: Published, before: Published | None) -> None:
        """Remember what is published after `before`; durable when it returns. Raises Conflict when another process
        published meanwhile: two heads for one moment would be a fork."""
        ...

    def leading(self, role: str) -> AbstractAsyncContextManager[Lead | None]:
        """Be the one process of this ledger that does this work; None while another one is."""
        ...

    async def peers(self) -> list[Peer]: ...

    async def keep_peer(self, peer: Peer) -> None:
        """Add a peer, or change its name, feed and last outcome; its cursor moves only in `store`."""
        ...

    async def pulls(self) -> list[Pull]:
        """The feeds that are fetched, by node."""
        ...

    async def keep_pull(self, pull: Pull, *, add: bool = False) -> None:
        """Remember how a round ended, as long as the feed is registered at this address; `add` registers it."""
        ...

    async def remove_pull(self, node: str) -> None:
        """Fetch this node's feed no more."""
        ...
