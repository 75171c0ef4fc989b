"""The merged directory as it is handed on: whole, in order, by name; the port that feeds and formats read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

from .directory import Listed

Key = tuple[str, str]


class State(msgspec.Struct, frozen=True):
    """Which state of the directory something was made of. Whatever changes what an export holds changes `tag`;
    `modified` (aware, UTC) is when it last did, None while that is not known."""

    tag: str
    modified: datetime | None = None


class Line(NamedTuple):
    """A public record as it stands in the hub's log: the whole line, byte for byte, and the entry it is in."""

    node: str
    id: str
    type: str
    entry: str
    content: bytes


class Slice(msgspec.Struct, frozen=True):
    """A part of the entries of some types, in the order of node and id: at most `limit` from `offset` on.

    `since` (aware): only those that changed here at this time or later. `nodes`: only of these. `containing`: only
    those whose line holds each of these bytes; a first look that may find too much.
    """

    types: tuple[str, ...]
    offset: int = 0
    limit: int = 50
    since: datetime | None = None
    nodes: tuple[str, ...] = ()
    containing: tuple[bytes, ...] = ()


class Catalogue(Protocol):
    """Read the live public entries of a hub; nothing deleted, held, suppressed or less than public."""

    async def state(self) -> State:
        """What the directory is now."""
        ...

    def stream(self, types: Collection[str] = ()) -> AsyncIterator[Listed]:
        """Every entry; see Directory.stream."""
        ...

    def lines(self, types: Collection[str] = ()) -> AsyncIterator[Line]:
        """Every record of every entry, in the order of node and id, read in steps as `stream` is."""
        ...

    async def lines_of(self, keys: Iterable[Key]) -> list[Line]:
        """The lines of these records, without those that are not public."""
        ...

    async def listed(self, keys: Iterable[Key]) -> list[Listed]:
        """The entries that these records lead, in the order of the keys."""
        ...

    async def resolved(self, keys: Collection[Key]) -> dict[Key, Listed]:
        """The entry that each of these records is in, whether it leads it or not."""
        ...

    async def part(self, asked: Slice) -> tuple[int, list[Listed]]:
        """(how many there are in all, those that were asked for)."""
        ...

    async def named(self, start: str, types: Collection[str], fits: Callable[[str], bool]) -> Key | None:
        """The public record of one of these types whose node begins with `start` and whose id fits."""
        ...
