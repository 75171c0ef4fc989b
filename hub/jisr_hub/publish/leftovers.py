"""Files that no head needs any more: gone at once where they may hold what was erased, else an hour later.

    at once    older generations of a page, pages wholly below the floor, older snapshots, writes that were cut off,
               and pages as an older release left them beside their `.zst` (forms.py)
    an hour    narrower pages beside a wider one, the snapshot before: readers are on their way with an older head

A process remembers what it made superfluous; the whole folder is looked through at its first publish, after every
erasure and after a publish that failed (`sweep`). All of it happens when the newer head stands, durable and shown.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum

from jisr_protocol import identifiers, paths
from jisr_protocol.head import Head

from ..ports import Clock, Pages
from . import forms
from .pages import Layout, place_of

STAYS = timedelta(hours=1)
"""How long readers on their way with an older head find what it promised."""
FOLDERS = ("log/", "snap/", "gens/")


class Fate(Enum):
    """What becomes of a file."""

    STAYS = "stays"
    LATER = "goes in an hour"
    NOW = "goes now"


class Leftovers:
    """What is to go from one folder of pages, and when."""

    def __init__(self, pages: Pages, clock: Clock) -> None:
        self._pages, self._clock = pages, clock
        self._due: dict[str, datetime] = {}

    def replaced(self, old: Head, old_layout: Layout, new: Head, new_layout: Layout) -> None:
        """Note what the newer head does not promise any more: it goes in an hour."""
        gone: list[str] = []
        if (partial := old_layout.partial(old.size)) and partial != new_layout.partial(new.size):
            gone.append(partial)
        if old.gens is not None and old.gens != new.gens:
            gone.append(old.gens["path"])
        if old.snap is not None and new.snap is not None and old.snap["path"] != new.snap["path"]:
            gone += self._pages.list(old.snap["path"].rpartition("/")[0] + "/")
        for path in gone:
            self._due.setdefault(path, self._clock() + STAYS)

    def sweep(self, head: Head, layout: Layout) -> None:
        """Look at every file: what must not be there goes, what is not needed goes in an hour."""
        for folder in FOLDERS:
            for path in list(self._pages.list(folder)):
                fate = fate_of(path, head, layout)
                if fate is Fate.NOW:
                    self._pages.remove(path)
                    self._due.pop(path, None)
                elif path.endswith(".ndjson") and self._pages.stands(path + forms.ZSTD):
                    self._pages.remove(path, alone=True)
                elif fate is Fate.LATER:
                    self._due.setdefault(path, self._clock() + STAYS)
        self._pages.flush()

    def remove_due(self, head: Head, layout: Layout) -> None:
        """Remove what has had its hour, unless the head needs it again."""
        now = self._clock()
        for path in [path for path, due in self._due.items() if due <= now]:
            del self._due[path]
            if fate_of(path, head, layout) is not Fate.STAYS:
                self._pages.remove(path)


def fate_of(path: str, head: Head, layout: Layout) -> Fate:
    """What becomes of this file under this head."""
    if path.endswith(".draft"):
        return Fate.NOW
    plain = paths.plain(path)
    if path.startswith("gens/"):
        return Fate.STAYS if head.gens is not None and head.gens["path"] == plain else Fate.LATER
    if path.startswith("snap/"):
        return _of_snapshot(plain, head)
    return _of_page(plain, head, layout)


def _of_page(path: str, head: Head, layout: Layout) -> Fate:
    place = place_of(path)
    if place is None:
        return Fate.STAYS
    if place.page_end <= head.floor or place.generation < layout.generation(place.number):
        return Fate.NOW
    whole = place.end == place.page_end and place.end <= head.size
    needed = (whole or place.end == head.size) and path == layout.path(place.number, place.width)
    return Fate.STAYS if needed else Fate.LATER


def _of_snapshot(path: str, head: Head) -> Fate:
    folder = path.rpartition("/")[0]
    if head.snap is None:
        return Fate.LATER
    if folder == head.snap["path"].rpartition("/")[0]:
        return Fate.STAYS
    epoch, _, seq = folder.removeprefix("snap/").rpartition("-")
    if not seq.isdigit() or identifiers.epoch(epoch) is not None:
        return Fate.STAYS
    return Fate.NOW if int(seq) < head.snap["seq"] else Fate.LATER
