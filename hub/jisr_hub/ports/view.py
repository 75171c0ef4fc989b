"""One moment of the hub's feed, as it is read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Protocol

from .entries import Touch
from .trees import BranchPlace, KeptTree


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

    def of_node(
        self, node: str, ranges: Sequence[tuple[int, int]] | None = None
    ) -> AsyncIterator[Sequence[tuple[int, str, int, str]]]:
        """(path, id, rev, digest) of the live records of one node in the order of their paths, in batches; or of those
        with a path in one of the ranges [low, high], in any order."""
        ...

    async def kept_tree(self, node: str) -> KeptTree | None:
        """How far the tree that is kept of this node goes; None where none is."""
        ...

    async def branches(self, node: str, places: Iterable[BranchPlace] | None) -> dict[BranchPlace, bytes]:
        """The branches that are kept of its tree at these places, or all; as they were folded last."""
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
