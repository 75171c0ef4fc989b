"""A store of objects, such as a bucket, for a copy of the feed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


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
