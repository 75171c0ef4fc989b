"""What the node's core asks of the world, and the plain values that pass between them.

Store   keeps everything of one node (adapters/sqlite.py)
Fence   remembers beside it what was signed last (adapters/fence.py)
Ledger  remembers beside it what was erased (adapters/ledger.py)
Hub     carries bytes to one hub and its answers back (adapters/hub.py)
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Change:
    """What the author wants and has not published: `content` is the canonical authored record, None to delete."""

    id: str
    type: str
    content: bytes | None


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as last published. `feed` is where it is live, None when local or deleted.

    `content` is the canonical authored record, None once deleted; the row stays, for its rev must go on rising.
    """

    id: str
    type: str
    rev: int
    content: bytes | None
    feed: str | None
    created: str
    modified: str


@dataclass(frozen=True, slots=True)
class Feed:
    """One of the node's feeds: `frontier` is merkle.Frontier.to_bytes() over `size` leaves, `head` the signed file."""

    name: str
    epoch: str
    size: int
    frontier: bytes
    head: bytes


@dataclass(frozen=True, slots=True)
class Line:
    """An entry of a feed as it left: `id` is its record, None for keys."""

    seq: int
    op: str
    id: str | None
    raw: bytes
    leaf: bytes


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a feed had been signed, and the root there."""

    epoch: str
    size: int
    log_root: str


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased: the records `ids`, none for all, up to `max_rev` (0: it had never been published).

    `notice` is the id of the signed notice, `n` its number; `signed` says whether this store's feeds hold it.
    """

    notice: str
    n: int
    ids: tuple[str, ...]
    max_rev: int
    at: str
    signed: bool = True


@dataclass(frozen=True, slots=True)
class KnownHub:
    """A hub met before: its identifier, fixed at first contact, and its key file as last read."""

    address: str
    id: str
    keys: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far a feed has come at a hub. `next` is the hub's, `head_time` that of the head it took.

    `receipt` is the newest verified receipt, `problem` the sentence of the last try if it failed.
    """

    hub: str
    feed: str
    next: int
    head_time: str | None
    receipt: bytes | None
    tried: str
    problem: str | None


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An entry the hub keeps back: it arrived, and is not shown."""

    hub: str
    feed: str
    seq: int
    code: str
    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A record that somebody is writing. `n` is the version that stands in it; nothing of it is signed yet."""

    id: str
    type: str
    n: int


@dataclass(frozen=True, slots=True)
class Version:
    """A record as it stood at a moment while it was written: `content` is a JSON object, perhaps half done.

    `kind` is saved, aside (another window's words), published, deleted, or "back 3", which is the third one again.
    """

    id: str
    n: int
    at: str
    kind: str
    content: bytes


class Store(Protocol):
    """All state of one node. Reads see the last committed state, or inside a transaction one's own writes."""

    def transaction(self) -> AbstractContextManager[None]:
        """One writer at a time: durable when the block ends, without a trace if it raises. Raises errors.Busy."""

    def close(self) -> None:
        """Let go of it. Safe to call twice."""

    def settings(self) -> dict[str, str]: ...
    def set(self, name: str, value: str) -> None: ...

    def change(self, record_id: str) -> Change | None: ...
    def changes(self) -> list[Change]:
        """In the order in which they were first wanted."""

    def put_change(self, change: Change) -> None:
        """Replace what was wanted for this record; it keeps its place in the order."""

    def drop_change(self, record_id: str) -> None: ...

    def record(self, record_id: str) -> Stored | None: ...
    def records(self) -> list[Stored]:
        """In the order in which they were first published, deleted ones too."""

    def put_record(self, record: Stored) -> None: ...

    def draft(self, record_id: str) -> Draft | None: ...
    def drafts(self) -> list[Draft]:
        """In the order in which they were begun."""

    def put_draft(self, draft: Draft) -> None: ...
    def drop_draft(self, record_id: str) -> None:
        """Its versions stay."""

    def versions(self, record_id: str) -> list[Version]:
        """In their order."""

    def version_ids(self) -> list[str]:
        """Every record of which there are versions."""

    def put_version(self, version: Version, most: int) -> None:
        """Add one, and let go of the oldest where there are more than `most`."""

    def written_for(self, record_id: str) -> str:
        """What is remembered of the translations of a record; see editing.translating. "" for nothing."""

    def put_written_for(self, record_id: str, text: str) -> None: ...
    def forget_drafts(self, record_id: str | None) -> None:
        """Let go of the draft, every version and what is remembered of one record, or of all."""

    def local_id(self, type_name: str, local_id: str) -> str | None:
        """The record that an id of another system stands for."""

    def put_local_id(self, type_name: str, local_id: str, record_id: str) -> None: ...

    def local_ids(self, record_id: str | None) -> list[tuple[str, str]]:
        """(type name without major, local id) that stand for this record, or for any."""

    def drop_local_ids(self, record_id: str | None) -> None: ...

    def feed(self, name: str) -> Feed | None: ...
    def feeds(self) -> list[Feed]: ...
    def put_feed(self, feed: Feed) -> None: ...
    def append(self, feed: str, line: Line) -> None: ...
    def lines(self, feed: str, start: int, end: int) -> list[Line]:
        """The entries [start, end), fewer where the feed ends."""

    def leaves(self, feed: str, start: int, end: int) -> list[bytes]: ...
    def key_lines(self, feed: str) -> dict[int, bytes]: ...
    def lines_of(self, feed: str, record_id: str | None) -> list[Line]:
        """The puts and dels of one record, or of all, in order."""

    def rewrite(self, feed: str, seq: int, raw: bytes) -> None:
        """Put a stub in the place of a line; its leaf stays."""

    def cut(self, feed: str, size: int) -> None:
        """Let go of the entries from `size` on."""

    def latest(self, feed: str, record_id: str) -> int | None:
        """The seq of the last entry about this record."""

    def live(self, feed: str) -> list[tuple[str, int, str]]:
        """(id, rev, digest) of the live set."""

    def put_live(self, feed: str, record_id: str, rev: int, digest: str) -> None: ...
    def drop_live(self, feed: str, record_id: str | None) -> None:
        """Of one record, or of all."""

    def generations(self, feed: str) -> dict[int, int]:
        """Page number → generation, of the pages that were written again."""

    def put_generation(self, feed: str, page: int, generation: int) -> None: ...

    def erasures(self) -> list[Erasure]:
        """In the order in which they were said."""

    def put_erasure(self, erasure: Erasure) -> None:
        """Add one, or change whether it is signed."""

    def erased_at(self, record_id: str) -> str | None:
        """Since when a record is erased and not wanted back."""

    def put_erased(self, record_id: str, at: str) -> None: ...
    def drop_erased(self, record_id: str) -> None: ...

    def imported(self, list_name: str) -> list[str]:
        """The records that a list of somebody's brought, and that no other list has brought since."""

    def put_imported(self, list_name: str, record_id: str) -> None: ...
    def drop_imported(self, record_id: str | None) -> None:
        """Of one record, or of all."""

    def table_choice(self, shape: str) -> str | None:
        """What a person chose for files of a shape, as it was put."""

    def put_table_choice(self, shape: str, choice: str) -> None: ...

    def scrub(self, pending: str) -> None:
        """Leave no byte of what was deleted or replaced in any file of the store, then empty the setting `pending`.

        Outside a transaction. Raises Busy while another process reads or writes; calling again finishes it."""

    def hub(self, address: str) -> KnownHub | None: ...
    def put_hub(self, hub: KnownHub) -> None: ...
    def deliveries(self) -> list[Delivery]: ...
    def delivery(self, hub: str, feed: str) -> Delivery | None: ...
    def put_delivery(self, delivery: Delivery) -> None: ...
    def quarantined(self) -> list[Quarantined]: ...
    def put_quarantined(self, hub: str, feed: str, start: int, end: int, entries: Iterable[Quarantined]) -> None:
        """Replace what is known of the entries [start, end)."""

    def forget_problems(self) -> None:
        """Let go of the sentences of hubs, which may quote what was sent."""


class Fence(Protocol):
    """What was signed last, by feed, kept where a backup of the store alone does not reach."""

    def read(self) -> dict[str, Mark]:
        """Empty at first. Raises errors.Declined when it cannot be read."""

    def write(self, marks: dict[str, Mark]) -> None:
        """Durable when it returns. Called after the store's commit: a fence may lag behind it, and never leads."""


class Ledger(Protocol):
    """What was erased, kept where a backup of the store does not reach: an older store put back is erased again."""

    def read(self) -> list[Erasure]:
        """Empty at first. Raises errors.Declined when it cannot be read."""

    def append(self, erasures: list[Erasure]) -> None:
        """Durable when it returns. Called after the store's commit: it may lag behind the store, and never leads."""


class Hub(Protocol):
    """One hub. Every method raises errors.HubUnreachable or errors.HubRefused and nothing else."""

    @property
    def address(self) -> str: ...

    async def keys(self) -> bytes:
        """The hub's key file."""

    async def log_state(self, node: str, feed: str) -> bytes:
        """What the hub holds of this feed, as JSON."""

    async def lines_about(self, node: str) -> list[bytes]:
        """The entry lines of the hub's public feed that name this node, in their order, as the hub wrote them: its own,
        what others say of its records, and what became of that. They are not judged: each of the node's own carries its
        signature, and says by `src` where it stood in the node's feed."""

    async def shown_head(self) -> bytes:
        """The head of its public feed, as every reader gets it."""

    async def ask(self, body: bytes) -> bool:
        """Hand over a request to be let in; whether it was admitted. False: it waits for the operator."""

    async def acks(self, notice: str) -> bytes | None:
        """What hubs have signed about the notice of this digest; None when the hub does not hold it."""

    async def push(self, node: str, feed: str, body: bytes, *, later: bool = False) -> bytes:
        """Hand over one push; return the hub's answer, as JSON. After HubUnreachable it may have been taken.

        With `later` the hub may judge what it brings after the answer (PUSH-11); `outcome` then tells what it came to.
        """
        ...

    async def outcome(self, node: str, feed: str) -> bytes:
        """The hub's answer to the last push of a public feed, made anew, as JSON."""
