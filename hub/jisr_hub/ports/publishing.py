"""Where a feed is published: pages, the fence, and what was published last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from jisr_protocol.head import Head
from jisr_protocol.merkle import Frontier


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

    def remove(self, path: str, *, alone: bool = False) -> None:
        """Remove a file, and then its compressed forms: none may outlive it; `alone`, only the file."""
        ...

    def list(self, prefix: str) -> Iterator[str]:
        """The paths that begin so, of files that stand and of what a write that was cut off left."""
        ...


class Fence(Protocol):
    """What was published last, remembered outside the database, so that an older database put back is noticed."""

    def read(self) -> Mark | None:
        """None when nothing was published yet. Raises OSError or ValueError when nobody can tell."""
        ...

    def swap(self, before: Mark | None, after: Mark) -> bool:
        """Put `after` in the place of `before`; durable when it returns True. False when another mark stands there."""
        ...
