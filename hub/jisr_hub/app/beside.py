"""The search for duplicates in a process of its own: its index takes memory, and comparing takes time from nobody.

The process starts with the first records, yields to all others (nice), and ends with the hub. When it dies, what was
asked last raises Ended, and it is filled anew; what it found stands in the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import multiprocessing
import os
import re
import sys
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ..curation.profiles import Key
from ..curation.searching import Row, Search
from ..proving import end_with_parent

T = TypeVar("T")


class Ended(Exception):
    """The process of the search has ended; the index is gone with it."""


class Beside(Protocol):
    """A search, wherever it is."""

    async def clear(self) -> None:
        """Begin with an empty index."""
        ...

    async def take(self, lines: Sequence[bytes], gone: Collection[Key], nodes: Collection[str]) -> list[Key]: ...

    async def find(self, keys: Sequence[Key]) -> tuple[list[Key], list[Row]]: ...

    async def part(self, start: int, count: int) -> list[Row]: ...

    async def size(self) -> tuple[int, int]:
        """Records in the index, and megabytes of memory that the process takes (0 where it is not known)."""
        ...

    def close(self) -> None: ...


class Process:
    """The search in a process beside this one."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    async def clear(self) -> None:
        self.close()
        context = multiprocessing.get_context("spawn")  # not forked: this process has threads and open databases
        self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_begin)

    async def take(self, lines: Sequence[bytes], gone: Collection[Key], nodes: Collection[str]) -> list[Key]:
        return await self._ask(_take, lines, gone, nodes)

    async def find(self, keys: Sequence[Key]) -> tuple[list[Key], list[Row]]:
        return await self._ask(_find, keys)

    async def part(self, start: int, count: int) -> list[Row]:
        return await self._ask(_part, start, count)

    async def size(self) -> tuple[int, int]:
        return await self._ask(_size)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    async def _ask(self, what: Callable[..., T], *given: Any) -> T:
        if self._pool is None:
            raise Ended("the search has not begun")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, what, *given)
        except BrokenProcessPool as error:
            self.close()
            raise Ended("the process of the search has ended") from error


class Within:
    """The search in this very process: for few records, and for tests."""

    def __init__(self) -> None:
        self.search = Search()

    async def clear(self) -> None:
        self.search = Search()

    async def take(self, lines: Sequence[bytes], gone: Collection[Key], nodes: Collection[str]) -> list[Key]:
        return self.search.take(lines, gone, nodes)

    async def find(self, keys: Sequence[Key]) -> tuple[list[Key], list[Row]]:
        return self.search.find(keys)

    async def part(self, start: int, count: int) -> list[Row]:
        return self.search.part(start, count)

    async def size(self) -> tuple[int, int]:
        return len(self.search), 0

    def close(self) -> None:
        """Nothing is open."""


# In the process itself

_search = Search()


def _begin() -> None:
    end_with_parent()
    if hasattr(os, "nice"):
        os.nice(10)


def _take(lines: Sequence[bytes], gone: Collection[Key], nodes: Collection[str]) -> list[Key]:
    taken = _search.take(lines, gone, nodes)
    gc.freeze()  # what is in the index stays: a collector that looks through all of it stops a query for most of 1 s
    return taken


def _find(keys: Sequence[Key]) -> tuple[list[Key], list[Row]]:
    return _search.find(keys)


def _part(start: int, count: int) -> list[Row]:
    return _search.part(start, count)


def _size() -> tuple[int, int]:
    return len(_search), _megabytes()


def _megabytes() -> int:
    """The most memory that this process has taken. Not what getrusage says on Linux: that is inherited from whoever
    began the process, however large."""
    with contextlib.suppress(OSError):
        found = re.search(r"^VmHWM:\s+([0-9]+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
        return int(found[1]) >> 10 if found else 0
    if sys.platform == "win32":
        return 0
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most >> 20 if sys.platform == "darwin" else most >> 10)
