"""Reading a snapshot: its parts in the order of snapshot.LISTS, a few entries at a time, however large they are."""

from __future__ import annotations

from itertools import islice

from . import entry as entries
from . import majors, snapshot
from .exchange import Fetch, Fetched
from .judging import Judge
from .limits import PAGE_ENTRIES, PARALLEL_FETCHES, SNAPSHOT_PART_BYTES
from .live import Judged
from .refusal import Refusal
from .snapshot import Manifest


class SnapshotWalk:
    """The parts of one snapshot. A part is opened when it is its turn; at most four are asked for ahead of that."""

    def __init__(self, manifest: Manifest, judge: Judge, major: str = majors.MAJOR) -> None:
        self._parts = manifest.lists
        self._order = snapshot.Order(manifest)
        self._judge, self._major = judge, majors.of(major)
        self._arrived: dict[str, bytes] = {}
        self._lines: list[bytes] = []
        """What is left of the part that is being read, last line first."""
        self._next = self._asked = 0

    @property
    def done(self) -> bool:
        """Whether every line was read."""
        return self._next == len(self._parts) and not self._lines

    def more(self, *, fresh: bool) -> list[Fetch]:
        """Ask for further parts."""
        ahead = islice(self._parts, self._asked, self._next + PARALLEL_FETCHES)
        requests = [Fetch(part.path, min(part.bytes, SNAPSHOT_PART_BYTES), None, fresh) for _, part in ahead]
        self._asked += len(requests)
        return requests

    def keep(self, event: Fetched) -> None:
        """Take a part that came."""
        self._arrived[event.path] = event.body

    def chunk(self) -> list[Judged]:
        """The next entries, at most a page of them; none when the part whose turn it is has not come yet."""
        if not self._lines and not self._open():
            return []
        name, part = self._parts[self._next - 1]
        judged = []
        for _ in range(min(PAGE_ENTRIES, len(self._lines))):
            number = part.count - len(self._lines)
            judged.append(self._read(name, self._lines.pop(), f"/{number}"))
        return judged

    def _open(self) -> bool:
        if self._next == len(self._parts) or self._parts[self._next][1].path not in self._arrived:
            return False
        part = self._parts[self._next][1]
        self._lines = snapshot.open_part(part, self._arrived.pop(part.path))[::-1]
        self._next += 1
        return True

    def _read(self, name: str, line: bytes, pointer: str) -> Judged:
        try:
            entry = entries.parse(self._major.read(line))
            self._order.check(name, entry)
        except Refusal as refusal:
            raise refusal.below(pointer) from None
        return self._judge.judge(entry)
