"""The answers that were sent last, whole and ready to go out again."""

from __future__ import annotations

import asyncio
import os
from typing import NamedTuple

HELD_BYTES = 8 * 1024 * 1024
HELD_SECONDS = 10.0


class Held(NamedTuple):
    """An answer 200: its headers as they go out, its body, and the file it was read from as that stood then."""

    headers: list[tuple[bytes, bytes]]
    body: bytes | bytearray
    stood: tuple[int, int, int]


class Shelf:
    """At most HELD_BYTES, emptied every HELD_SECONDS; used by one event loop.

    Whoever takes an answer has just looked at its file. So what was erased, by whichever process, is not sent from here
    any more; and it does not stay in memory for longer than that.
    """

    def __init__(self) -> None:
        self._held: dict[str, Held] = {}
        self._bytes = 0

    def take(self, file: str, stands: os.stat_result) -> Held | None:
        """The answer made of this file as it stands now."""
        held = self._held.get(file)
        return held if held is not None and held.stood == stood(stands) else None

    def put(self, file: str, held: Held) -> None:
        """Keep an answer for a while; the oldest give way."""
        if not self._held:
            asyncio.get_running_loop().call_later(HELD_SECONDS, self.clear)
        self.drop(file)
        self._held[file] = held
        self._bytes += len(held.body)
        while self._bytes > HELD_BYTES:
            self.drop(next(iter(self._held)))

    def drop(self, file: str) -> None:
        """Hold nothing of this file; safe to call twice."""
        if (held := self._held.pop(file, None)) is not None:
            self._bytes -= len(held.body)

    def clear(self) -> None:
        """Hold nothing."""
        self._held.clear()
        self._bytes = 0


def stood(stands: os.stat_result) -> tuple[int, int, int]:
    """What tells one file of a path from a later one."""
    return stands.st_ino, stands.st_mtime_ns, stands.st_size
