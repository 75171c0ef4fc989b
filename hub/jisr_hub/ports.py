"""What the hub's core asks of the world: a ledger that keeps, and a place for pages. Adapters stand in storage/.

The ledger is the truth. Each method says what an adapter must guarantee; tests/contracts runs one suite over all.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec

from jisr_protocol.envelope import Envelope
from jisr_protocol.head import Head
from jisr_protocol.keys import KeyRing
from jisr_protocol.merkle import Frontier
from jisr_protocol.notice import Notice
from jisr_protocol.push import NodeLog
from jisr_protocol.statement import HUB, Statement

from .takedown.noticing import HeldBack, NoticeLedger

Position = tuple[str, str, int]
"""(feed name, epoch, seq): a place in a node's own feed."""
Key = tuple[str, str]
"""(node, id) of a record; the id is `*` where all records of the node are meant."""


Place = tuple[str, int]
"""(epoch, size): how far a node's feed is held."""


class Held(msgspec.Struct, frozen=True, gc=False):
    """What is held of one record in one audience: its newest rev, and whether it is live in the hub's feed."""

    rev: int
    digest: str
    type: str
    live: bool


class Draft(msgspec.Struct, frozen=True, gc=False):
    """An entry of the hub's feed without a position yet: the columns of its leaf, and its members in raw bytes.

    `before` are the members that stand between `at` and `seq` in its line, `after` those after `seq`, each as they
    will be written: `"name":value`, with commas between.
    """

    op: str
    type: str | None
    node: str | None
    id: str | None
    rev: int | None
    digest: str | None
    src: Position | None
    before: bytes
    after: bytes
    path: int | None = None
    """The record's path in the state tree; None for what is no record."""


class Numbered(msgspec.Struct, frozen=True, gc=False):
    """A draft that got its position: its line (without line feed) and its leaf hash."""

    seq: int
    line: bytes
    leaf: bytes
    draft: Draft


class Kept(msgspec.Struct, frozen=True, gc=False):
    """One entry of a node's own log as the hub keeps it. `code` is None when admitted; `line` is kept where the hub's
    own feed does not hold the content."""

    seq: int
    leaf: bytes
    line: bytes | None
    code: str | None = None
    pointer: str = ""
    detail: str = ""
    line_hash: bytes | None = None
    """By which the line is known when it is sent again (push.line_hash)."""


class Remembered(msgspec.Struct, frozen=True, gc=False):
    """The new state of one record in one audience. What is live has its entry among the drafts of the same change."""

    node: str
    id: str
    audience: str
    held: Held


@dataclass(frozen=True)
class Erasure:
    """One target of a notice, and the entry that says so where the hub's feed held anything of it."""

    notice: Notice
    target: str
    draft: Draft
    feed: str = "public"
    """The feed it came in; what came in a restricted one must not name its targets in public."""
    binds: bool = True
    """Else it is kept for the operator to decide, and nothing is erased."""
    source: str = ""
    """The peer it came from; "" when from the node itself or from here."""
    again: bool = False
    """It was said before, and the database does not know it: stubs that are there already get their cause too."""


@dataclass(frozen=True)
class Erased:
    """How many entries of the hub's feed, and how many lines of nodes' logs, lost their content."""

    entries: int = 0
    lines: int = 0


@dataclass(frozen=True)
class Said:
    """A notice as it is held: the feed it came in, when, and the targets it keeps out here; none when it is advice."""

    notice: Notice
    feed: str
    at: str
    guards: tuple[str, ...]


class Nullified(msgspec.Struct, frozen=True, gc=False):
    """One version of a record, or one target of a notice, that a lost key had signed: it does not count (KEY-10).

    `audience` is that of the record, or NOTICE; `digest` that of the version or the notice.
    """

    node: str
    id: str
    audience: str
    digest: str


NOTICE = "notice"


@dataclass(frozen=True)
class Member:
    """A node known here. Where it is taken from and who attests it are two things."""

    node: str
    name: str
    upstream: str
    """The identifier of the peer it is taken from, "" when it is admitted here and taken from the node itself."""
    per_hour: int
    per_day: int
    admitted_at: str
    home: str = ""
    """The identifier of the hub that attests it; "" as long as no statement has said which."""

    def home_hub(self, here: str) -> str:
        """Its home hub as far as it is known at the hub `here`: until a statement says it, where it is taken from."""
        return self.home or self.upstream or here


class Told(msgspec.Struct, frozen=True):
    """A statement as it is held, once for each key that signed it."""

    statement: Statement
    kid: str
    proven: bool = True
    """False: of a signer whose keys are not known here, so it is carried for others to judge."""
    at: str = ""

    @property
    def by_anchor(self) -> bool:
        """Whether it is of the kind that several keys sign, each on its own."""
        return self.statement.about == HUB


@dataclass(frozen=True)
class Peer:
    """A hub that is followed."""

    hub: str
    name: str
    feed: str
    cursor: int
    epoch: str
    last_outcome: str = ""
    last_detail: str = ""
    last_at: str = ""


@dataclass(frozen=True)
class Pull:
    """A node's feed that this hub fetches: its address or folder, and how the last round ended (pulls.py)."""

    node: str
    address: str
    added_at: str
    outcome: str = ""
    detail: str = ""
    at: str = ""
    """Since when it ends so."""


@dataclass(frozen=True)
class Stated:
    """The head of a node that this feed said last, and how often the node was touched up to now."""

    node: str
    touched: int
    """Rises with every change of the node's log or of its records here."""
    head: bytes = b""
    """The file of that head; empty when none was ever said."""
    missing: Mapping[str, int] = field(default_factory=dict)
    seq: int = -1
    at: str = ""
    """When it was said."""


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


@dataclass(frozen=True)
class Around:
    """What entries about some records of a node are judged against. The reaches are those of `guards` and `holds`, of
    each record and of all of the node; `told` is all that is said about the node."""

    held: Mapping[str, dict[Key, Held]]
    """By audience."""
    guards: dict[Key, int | None]
    holds: dict[Key, int | None]
    told: Sequence[Told]


class Snapshot(msgspec.Struct, frozen=True):
    """A snapshot that was published: of entries [0, seq), under this epoch, first named by a head of this time."""

    epoch: str
    seq: int
    at: str
    live: int = 0
    """How many records are in it."""


@dataclass(frozen=True)
class Published:
    """What was last published: the head, the frontier it stands for, and since when snapshots have been there."""

    head: Head
    frontier: Frontier
    snapshots: tuple[Snapshot, ...] = ()
    """By position; the last is the one that the head names."""


class Mark(msgspec.Struct, frozen=True):
    """How far a feed of `by` was published, as its head says."""

    by: str
    epoch: str
    size: int
    log_root: str
    time: str


class StillSeen(Exception):
    """Somebody reads the database as it was before an erasure, so bytes of it are still in its files; a second try
    finishes."""


class Conflict(Exception):
    """The ledger moved on since the change was judged; judge again."""


class Touch(msgspec.Struct, frozen=True, gc=False):
    """An entry that says something of records. `prior` is where the entry about the same record before it stands."""

    seq: int
    op: str
    line: bytes
    prior: int | None


class View(Protocol):
    """One consistent moment of the hub's feed; nothing that is stored later shows through."""

    size: int

    def entries(self, start: int, end: int | None = None) -> AsyncIterator[Sequence[tuple[int, bytes, bytes]]]:
        """(seq, line, leaf) in [start, end), or to the last one, in order, in batches."""
        ...

    async def lines(self, seqs: Iterable[int]) -> dict[int, bytes]:
        """The lines at these positions."""
        ...

    def said(self, ops: Iterable[str], start: int = 0, end: int | None = None) -> AsyncIterator[Sequence[bytes]]:
        """The lines of entries of these ops in [start, end), or to the last one, in order, in batches."""
        ...

    def of_node(self, node: str) -> AsyncIterator[Sequence[tuple[int, str, int, str]]]:
        """(path, id, rev, digest) of the live records of one node in the order of their paths, in batches."""
        ...

    async def taken_out(self, node: str) -> list[bytes]:
        """Of every record of the node that is not live here, though its author has not deleted it: the line of the
        newest entry about it, which is a put, a stub of one, or an out."""
        ...

    async def priors(self, seqs: Iterable[int]) -> dict[int, int | None]:
        """Where the records that these entries are about stood before them; None where that was nowhere."""
        ...

    async def generations(self) -> dict[int, int]:
        """The pages that were written again, and how often: page number → generation."""
        ...

    # Records

    async def live(self) -> int:
        """How many records are live."""
        ...

    def rows(self, ranges: Sequence[tuple[int, int]] | None) -> AsyncIterator[Sequence[tuple[int, str, str, int, str]]]:
        """(path, node, id, rev, digest) of the live records with a path in one of the ranges [low, high], or of all in
        the order of their paths."""
        ...

    def puts(self) -> AsyncIterator[Sequence[bytes]]:
        """The lines that set the live records, by (path, node, id), in small batches."""
        ...

    def gone(self, floor: int) -> AsyncIterator[Sequence[bytes]]:
        """The lines of every del and out at `floor` or after that is the newest word of its record."""
        ...

    async def newest(self, node: str, record_id: str) -> dict[str, int]:
        """Where the newest word of this record of the node stands, or of each one (`*`): id → position."""
        ...

    async def touched(self, start: int, end: int | None = None) -> set[int]:
        """The 18-bit paths of the records that entries in [start, end), or to the last one, touched; not of those that
        a notice took out."""
        ...

    async def touching(self, start: int, low: int, high: int) -> list[Touch]:
        """The entries from `start` on, in order, that touched a record with a path in [low, high], and all notices."""
        ...


Lead = Callable[[], Awaitable[None]]
"""Waits while this process leads; raises when another one may."""
Number = Callable[[Draft, int, str], Numbered]


class Ledger(NoticeLedger, Protocol):
    """The hub's durable memory."""

    async def member(self, node: str) -> Member | None: ...

    async def members(self) -> list[Member]: ...

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


class Pages(Protocol):
    """Where immutable files stand. Writing one again is harmless."""

    def write(self, path: str, content: bytes) -> None:
        """Write a file: it appears whole or not at all."""
        ...

    def flush(self) -> None:
        """Everything written is durable when this returns."""
        ...

    def read(self, path: str) -> bytes | None: ...

    def stands(self, path: str) -> bool: ...

    def place(self, path: str) -> Path | None:
        """Where the file would stand in a file system; None when this is none."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file, and then its compressed forms: none may outlive it."""
        ...

    def list(self, prefix: str) -> Iterator[str]:
        """The paths that begin so, of files that stand and of what a write that was cut off left."""
        ...


@dataclass(frozen=True)
class Shown:
    """How a store shows an object to those who read it over HTTP."""

    content_type: str
    cache_control: str
    content_encoding: str = ""


class Unstored(Exception):
    """The store of objects cannot be reached, or refuses; the sentence says why. What stands there may be half of what
    was to be put, each object whole. The same again later does the rest."""


class Objects(Protocol):
    """A store of objects by name, such as a bucket. Everything raises Unstored."""

    async def put(self, path: str, content: bytes | Path, shown: Shown) -> None:
        """Put an object: whole or not at all, durable and seen by whoever asks from now on when this returns.

        Putting it again is harmless. Raises FileNotFoundError when the file `content` is not there.
        """
        ...

    async def get(self, path: str) -> bytes | None:
        """An object as it stands now; None if there is none."""
        ...

    async def delete(self, names: Sequence[str]) -> None:
        """Delete objects; those that are not there do no harm."""
        ...

    def list(self) -> AsyncIterator[str]:
        """The names of all objects, in any order."""
        ...


class Fence(Protocol):
    """What was published last, remembered outside the database, so that an older database put back is noticed."""

    def read(self) -> Mark | None:
        """None when nothing was published yet. Raises OSError or ValueError when nobody can tell."""
        ...

    def swap(self, before: Mark | None, after: Mark) -> bool:
        """Put `after` in the place of `before`; durable when it returns True. False when another mark stands there."""
        ...


Clock = Callable[[], datetime]
Sleep = Callable[[float], Awaitable[None]]
