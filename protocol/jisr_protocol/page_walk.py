"""Reading pages: which files hold the entries that are missing, and their entries in the order of the log."""

from __future__ import annotations

from collections.abc import Mapping

from . import entry as entries
from . import identifiers, lineage, majors, merkle, paths
from .entry import Entry
from .exchange import Fetch, Fetched
from .head import Head
from .judging import Judge
from .limits import PAGE_BYTES, PAGE_ENTRIES, PARALLEL_FETCHES
from .live import Judged
from .merkle import Frontier
from .refusal import Refusal, refuse


class PageWalk:
    """The pages that hold entries [frontier.size, head.size). Their leaves go into `frontier`."""

    def __init__(self, head: Head, frontier: Frontier, judge: Judge, generations: Mapping[int, int]) -> None:
        self._pages = Pages(head, frontier.size, generations)
        self._frontier, self._judge, self._major = frontier, judge, majors.of(head.jisr)
        self.places: list[Frontier] = []
        """The frontier at the end of each whole page that was read, since somebody took them out."""
        self.roots: dict[int, bytes] = {}
        """The Merkle root of each whole page that was read: a subtree of the log's own tree."""
        self._arrived: dict[str, bytes] = {}
        self._next = self._asked = 0

    @property
    def done(self) -> bool:
        """Whether all of it was read."""
        return self._next == len(self._pages)

    def more(self, *, fresh: bool) -> list[Fetch]:
        """Ask for further pages, at most four ahead of the one to be read next."""
        requests = []
        while self._asked < min(len(self._pages), self._next + PARALLEL_FETCHES):
            requests.append(Fetch(self._pages[self._asked][2], PAGE_BYTES, None, fresh))
            self._asked += 1
        return requests

    def take(self, event: Fetched) -> list[list[Judged]]:
        """Read the page that came, and those after it that came before it: what was not read before, judged."""
        self._arrived[event.path] = event.body
        pages = []
        while not self.done:
            number, width, path = self._pages[self._next]
            if path not in self._arrived:
                break
            pages.append(self._read_page(number, width, self._arrived.pop(path)))
            self._next += 1
        return pages

    def _read_page(self, number: int, width: int, body: bytes) -> list[Judged]:
        """PAGE-3, PAGE-4: a page holds exactly its entries, in order."""
        body, first = self._major.read_lines(body), number * PAGE_ENTRIES
        if (tail := rest_of_page(body, first, width, self._frontier.size)) is not None:
            return [self._read_new(entry) for entry in tail]
        page = entries.parse_lines(body)
        if [entry.seq for entry in page] != list(range(first, first + width)):
            refuse("PAGE-3", "", expected=f"entries {first} to {first + width - 1}", came=f"{len(page)} others")
        held = max(self._frontier.size - first, 0)
        if width == PAGE_ENTRIES:
            self.roots[number] = merkle.block_root([entry.leaf for entry in page])
        if width == PAGE_ENTRIES and not held:
            self._frontier.append_block(self.roots[number], width)
        else:
            for entry in page[held:]:
                self._frontier.append(entry.leaf)
        if width == PAGE_ENTRIES:
            self.places.append(self._frontier.copy())
        return [self._judged(entry) for entry in page[held:]]

    def _read_new(self, entry: Entry) -> Judged:
        self._frontier.append(entry.leaf)
        return self._judged(entry)

    def _judged(self, entry: Entry) -> Judged:
        self._judge.note_stub(entry)
        return self._judge.judge(entry)


def rest_of_page(body: bytes, first: int, width: int, size: int) -> list[Entry] | None:
    """The entries from `size` on of a page that is not whole yet, without reading those before, which are held.

    The root proves the new ones together with those that are held; what the page says instead of these once more has no
    effect. None when they do not look as they did, or the new ones are not in order: then the whole page is judged.
    """
    held = size - first
    if held <= 0 or width == PAGE_ENTRIES:
        return None
    lines = body.split(b"\n")
    if len(lines) != width + 1 or lines.pop():
        return None
    if any(b'"seq":%d' % seq not in line for seq, line in enumerate(lines[:held], start=first)):
        return None
    try:
        rest = [entries.parse(line) for line in lines[held:]]
    except Refusal:
        return None
    return rest if [entry.seq for entry in rest] == list(range(size, first + width)) else None


class Pages:
    """(number, width, path) of the pages that hold entries [start, head.size), each made when it is asked for: a head
    may claim any size."""

    def __init__(self, head: Head, start: int, generations: Mapping[int, int]) -> None:
        self._head, self._first, self._generations = head, start // PAGE_ENTRIES, generations
        self._count = (head.size - 1) // PAGE_ENTRIES - self._first + 1 if start < head.size else 0

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> tuple[int, int, str]:
        if not 0 <= index < self._count:
            raise IndexError(index)
        number = self._first + index
        width = min(PAGE_ENTRIES, self._head.size - number * PAGE_ENTRIES)
        epoch, generation = epoch_of_page(self._head, number), self._generations.get(number, 1)
        return number, width, paths.page(epoch, number, width, generation)


def epoch_of_page(head: Head, number: int) -> str:
    """A page wholly below a base's size stands under that base's epoch, the earliest that holds it (PATH-1)."""
    end = (number + 1) * PAGE_ENTRIES
    holding = (epoch for epoch, size in lineage.reach(head).items() if end <= size)
    return min(holding, key=identifiers.epoch_number, default=head.epoch)
