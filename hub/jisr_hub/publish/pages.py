"""The pages of the hub's feed: under which path each stands, and writing those that grew or were emptied.

A page never changes. What grows is a wider page beside the narrower one, what was erased a page of the next generation;
the older file goes when no head needs it (leftovers.py).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from jisr_protocol import identifiers, paths
from jisr_protocol.head import Head
from jisr_protocol.limits import PAGE_ENTRIES
from jisr_protocol.merkle import Frontier

from ..ports import Pages, View
from . import forms

_PATH = re.compile(
    r"log/([1-9][0-9]{0,8}-[a-z2-7]{8})/((?:x[0-9]{3}/){0,4}[0-9]{3})"
    r"(?:\.p/([1-9][0-9]{0,2}))?(?:\.g([1-9][0-9]{0,5}))?\.ndjson"
)
Aside = Callable[[Callable[[], None]], Awaitable[None]]
"""Does slow work where nobody waits for it."""


async def in_place(work: Callable[[], None]) -> None:
    """Do it here and now: for programs that have nothing else to do."""
    work()


class Place(NamedTuple):
    """What the path of a page says."""

    epoch: str
    number: int
    width: int
    generation: int

    @property
    def end(self) -> int:
        """The position after its last entry."""
        return self.number * PAGE_ENTRIES + self.width

    @property
    def page_end(self) -> int:
        """The position after the last entry of the page when it is whole."""
        return (self.number + 1) * PAGE_ENTRIES


@lru_cache(1024)
def place_of(path: str) -> Place | None:
    """Read the path of a page, without `.zst`; None for any other path."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    epoch, name, width, generation = found.groups()
    number = int(name.replace("x", "").replace("/", ""))
    return Place(epoch, number, int(width or PAGE_ENTRIES), int(generation or 1))


@dataclass(frozen=True)
class Layout:
    """Where the pages of one head stand: its epoch, the bases it goes on from, floor, and generations by number."""

    epoch: str
    bases: Sequence[Mapping[str, Any]]
    floor: int
    generations: Mapping[int, int]

    @classmethod
    def of(cls, head: Head, generations: Mapping[int, int]) -> Layout:
        return cls(head.epoch, head.bases, head.floor, generations)

    def generation(self, number: int) -> int:
        return self.generations.get(number, 1)

    def epoch_of(self, number: int) -> str:
        """PATH-1: a page wholly below the size of a base stands under the epoch of the earliest such base."""
        end = (number + 1) * PAGE_ENTRIES
        holding = (str(base["epoch"]) for base in self.bases if end <= base["size"])
        return min(holding, key=identifiers.epoch_number, default=self.epoch)

    def path(self, number: int, width: int) -> str:
        return paths.page(self.epoch_of(number), number, width, self.generation(number))

    def pages(self, size: int, since: int = 0) -> Iterator[tuple[int, int, str]]:
        """(first entry, width, path) of every page from the floor, or from the one that holds `since`, up to `size`
        entries."""
        for number in range(max(self.floor, since) // PAGE_ENTRIES, -(-size // PAGE_ENTRIES)):
            first = number * PAGE_ENTRIES
            width = min(PAGE_ENTRIES, size - first)
            yield first, width, self.path(number, width)

    def partial(self, size: int) -> str | None:
        """The path of the last page of `size` entries if it is not a whole one."""
        number, width = divmod(size, PAGE_ENTRIES)
        return self.path(number, width) if width else None

    def of_size(self, size: int) -> Layout:
        """The same with the generations only of pages that a head of this floor and size promises."""
        lowest, end = self.floor // PAGE_ENTRIES, -(-size // PAGE_ENTRIES)
        kept = {number: g for number, g in self.generations.items() if g > 1 and lowest <= number < end}
        return Layout(self.epoch, self.bases, self.floor, kept)


def rose(layout: Layout, before: Mapping[int, int]) -> set[int]:
    """The numbers of the pages whose generation is higher than before: something in them was erased."""
    return {number for number, generation in layout.generations.items() if generation > before.get(number, 1)}


def whole_pages(position: int) -> int:
    """The largest position at or below this one at which a page begins."""
    return position - position % PAGE_ENTRIES


class PageWriter:
    """Writes the pages of one publish."""

    def __init__(self, pages: Pages, aside: Aside, layout: Layout) -> None:
        self._pages, self._aside, self._layout = pages, aside, layout
        self._written: set[int] = set()

    async def append(self, view: View, frontier: Frontier) -> None:
        """Take the entries after `frontier` into it, and write every page that grew: whole from its first entry."""
        first, page = frontier.size, list[bytes]()
        async for rows in view.entries(whole_pages(first)):
            for seq, line, leaf in rows:
                if seq >= first:
                    frontier.append(leaf)
                page.append(line)
                if len(page) == PAGE_ENTRIES:
                    await self._write(seq // PAGE_ENTRIES, page)
                    page = []
        if page and frontier.size > first:
            await self._write(frontier.size // PAGE_ENTRIES, page)

    async def again(self, view: View, numbers: Iterable[int]) -> None:
        """Write these pages under their new generation."""
        for number in sorted(set(numbers) - self._written):
            first = number * PAGE_ENTRIES
            page = [line async for rows in view.entries(first, first + PAGE_ENTRIES) for _, line, _ in rows]
            await self._write(number, page)

    async def _write(self, number: int, lines: list[bytes]) -> None:
        """Nothing is written below the floor."""
        if number < self._layout.floor // PAGE_ENTRIES:
            return
        self._written.add(number)
        path = self._layout.path(number, len(lines))
        await self._aside(lambda: forms.write(self._pages, path, b"\n".join(lines) + b"\n"))
