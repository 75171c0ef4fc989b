"""Counting pages and nobody who reads them (docs/spec/usage.md).

    counting.note(VIEWS, [(node, id), …])    one more for each, today; in memory
    await counting.flush()                   written down in one go; what fails is kept for the next time

Of a request nothing is known here but that it was one (USE-4). A process that is killed loses what was not yet written
down, a minute at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo

from jisr_protocol.limits import USAGE_DAYS
from jisr_protocol.opening.holidays import COUNTRY_OF_ZONE
from jisr_protocol.usage import KINDS, Day

from ..ports import Clock, Key

WAITING_MOST = 20_000
"""Records that are counted in memory at a time: about 5 MB. More are written down at once, or not counted."""
AT_ONCE = 200
"""Rows of one transaction: the writer's lock is held for milliseconds."""
UTC = "UTC"
Row = tuple[Key, date, tuple[int, int, int]]


class Uses(Protocol):
    """Where counts are kept. Everything is durable when it returns."""

    async def add(self, rows: Sequence[Row]) -> None:
        """Add to what was counted, of records that are shown here; others are left out."""
        ...

    async def forget(self, before: date) -> int:
        """USE-5: delete what is older; how many rows."""
        ...

    async def days(self, node: str, first: date, end: date, after: str, most: int) -> Sequence[Day]:
        """A node's records behind `after` in the order of their ids, at most `most` rows: each week in which something
        reached five, added up into one of its days."""
        ...

    async def everything(self, node: str, first: date, end: date) -> Sequence[Day]:
        """All of a node's records together, each week added up into one of its days."""
        ...

    async def sums(self, first: date, end: date, most: int) -> Sequence[tuple[str, str, tuple[int, int, int]]]:
        """(node, its name, counts) of the nodes that were used most."""
        ...

    async def corrected(self, node: str) -> Mapping[str, Iterable[str]]:
        """Who says a correction now, by record of this node."""
        ...


def zone_of(name: str, country: str) -> tzinfo:
    """The zone of a hub's civil day: the one that was set, that of its country where it has one, else UTC."""
    zones = [zone for zone, of in COUNTRY_OF_ZONE.items() if of == country]  # of several the mainland's is the last
    return ZoneInfo(name or [UTC, *zones][-1])


class Counting:
    """What one process has counted and not yet written down."""

    def __init__(self, uses: Uses, clock: Clock, zone: tzinfo) -> None:
        self._uses, self._clock, self._zone = uses, clock, zone
        self._counted: dict[tuple[Key, date], list[int]] = {}
        self.full = asyncio.Event()
        """Set when there is no room for another record: somebody must write down."""
        self.lost = 0
        """How many were not counted because there was no room."""

    def today(self) -> date:
        """The hub's civil day."""
        return civil_day(self._clock(), self._zone)

    def note(self, kind: str, keys: Iterable[Key]) -> None:
        """One more for each of these records."""
        day, place = self.today(), KINDS.index(kind)
        for key in keys:
            counts = self._counted.get((key, day))
            if counts is None:
                if len(self._counted) >= WAITING_MOST:
                    self.full.set()
                    self.lost += 1
                    continue
                counts = self._counted[key, day] = [0] * len(KINDS)
            counts[place] += 1

    async def flush(self) -> int:
        """Write down what was counted; how many rows. When it fails, all of it is counted still."""
        taken, self._counted = list(self._counted.items()), {}
        self.full.clear()
        for start in range(0, len(taken), AT_ONCE):
            part = taken[start : start + AT_ONCE]
            try:
                await self._uses.add([(key, day, (c[0], c[1], c[2])) for (key, day), c in part])
            except BaseException:
                self._give_back(taken[start:])
                raise
        return len(taken)

    def _give_back(self, taken: list[tuple[tuple[Key, date], list[int]]]) -> None:
        for place, counts in taken:
            held = self._counted.setdefault(place, [0] * len(KINDS))
            for kind, count in enumerate(counts):
                held[kind] += count

    async def forget(self) -> int:
        """USE-5: delete what is too old."""
        return await self._uses.forget(self.today() - timedelta(days=USAGE_DAYS))


def civil_day(now: datetime, zone: tzinfo) -> date:
    """The day it is there."""
    return now.astimezone(zone).date()
