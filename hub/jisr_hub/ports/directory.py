"""What the hub's directory holds, for pages, searches and files: what is public, one by one.

Nothing here knows how it is kept or shown. Keeping everything else than what is public out is the port's promise.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True)
class Listed:
    """One public record as the hub holds it.

    `record` is the signed record with all its members. `author_name` is what the node's organization calls
    itself: a localised text or plain words, None when the hub holds no organization record of that node. `via`
    names the hubs the record came through, nearest to the author first, empty when the author brought it here.
    `digest` is the record's digest as in the log, `received_at` (aware, UTC) when this hub took it in. `lapsed` says
    that nobody speaks for its author any more (docs/spec/authority.md): the record stays, and nothing new is taken.
    Of several records that are one, `record` is what they show together, `entry` their address, `sources` all of them
    (node, id, when confirmed) and `others` what is not shown (member, language, value). `between` is what the two
    sides of a membership are called.
    """

    node: str
    id: str
    type: str
    record: Mapping[str, Any]
    author_name: Mapping[str, Any] | str | None
    received_at: datetime
    via: tuple[str, ...] = ()
    digest: str = ""
    lapsed: bool = False
    entry: str = ""
    sources: tuple[tuple[str, str, str], ...] = ()
    others: tuple[tuple[str, str, Any], ...] = ()
    between: tuple[object, object] = (None, None)


@dataclass(frozen=True)
class Summary:
    """What stands at the head of the directory.

    `types` counts the public records by full type name; its sum is `records`. `nodes` counts the authors of
    these records, `published_at` (aware, UTC) dates the newest head, `feed` is the address of the feed.
    """

    hub_name: str
    records: int
    nodes: int
    feed: str
    published_at: datetime | None = None
    types: Mapping[str, int] = field(default_factory=dict)


class Directory(Protocol):
    """Read the live public records of a hub; nothing deleted, held, suppressed or less than public."""

    async def summary(self) -> Summary:
        """Count what `page` would list."""

    async def page(self, type: str | None, offset: int, limit: int) -> list[Listed]:
        """Give at most `limit` records from `offset` on, newest change first, then by node and id, so that two
        pages of one state never overlap; `type` is a full type name, None means all. Past the end: empty."""

    async def record(self, node: str, id: str) -> Listed | None:
        """Give one record as its author wrote it, None when the public view does not hold it; `entry` is the address
        of the entry it is in with others, "" where it is alone."""

    async def listed(self, keys: Iterable[tuple[str, str]]) -> list[Listed]:
        """Give the entries that these (node, id) lead, in the order of the keys; one that is not public, or leads no
        entry now, is left out."""
        ...

    def stream(self, types: Collection[str] = ()) -> AsyncIterator[Listed]:
        """Give every entry of these types (full names; none means all) in the order of node and id, in constant memory.
        It is read on in steps, so what changes meanwhile may be there as it was or as it is; nothing that stayed as
        it was is left out or comes twice."""
        ...

    async def entry(self, address: str) -> Listed | None:
        """Give the entry at an address, or the one that this address leads to; `entry` says where it stands."""

    async def beside(self, node: str, limit: int) -> list[Listed]:
        """Give at most `limit` entries that a record of this node leads, newest change first; places are left out."""
        ...

    def dated_keys(self, offset: int, limit: int) -> AsyncIterator[tuple[str, str, str]]:
        """Give (node, id, when this hub took it in, an instant) of the leading records of at most `limit` entries from
        `offset` on, in the order of the keys, in constant memory."""
        ...
