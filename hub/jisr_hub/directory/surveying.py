"""The survey of the whole directory: coverage, who fits whom, goals × activities, out of one reading of every entry.

It is kept for as long as nothing changed. When something did, it is made anew beside what is shown, and that takes a
twentieth of the time at most: what is shown says of when it is.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from datetime import date, datetime, timedelta

import msgspec
import structlog

from ..ports import Clock
from ..ports.directory import Directory
from ..ports.surveying import Measured, Surveyed
from .coverage import QUIET, Count, Coverage
from .efforts import THEMES
from .matrix import Matrix, MatrixCount
from .sides import Board

_TYPES = (
    ("location", "organization"),  # they say where others are
    ("service", "project", "event", "indicator", "need", "offer", "fund", "opportunity"),
)
SHARE = 20.0
BREATH = 100
"""Entries after which others get their turn."""
DAYS_KEPT = 60
"""How long every day is kept; of older months the first measured day."""
_log = structlog.get_logger()


class Survey(msgspec.Struct, frozen=True):
    """What stood at a moment."""

    at: datetime
    coverage: Coverage
    matrix: Matrix
    board: Board
    names: Mapping[str, object]
    """What the organization of each node calls itself."""
    entries: int = 0


class Surveys:
    """Gives the survey of now, or of a moment ago while a newer one is made."""

    def __init__(self, directory: Directory, surveyed: Surveyed, clock: Clock) -> None:
        self._directory, self._surveyed, self._clock = directory, surveyed, clock
        self._held: Survey | None = None
        self._of: Hashable = None
        self._again = 0.0
        self._making: asyncio.Task[Survey] | None = None

    async def now(self) -> Survey:
        """The survey. The first one is waited for, a later one is not."""
        of = (self.today, await self._surveyed.stand())
        if self._held is not None and (of == self._of or time.monotonic() < self._again):
            return self._held
        if self._making is None or self._making.done():
            self._making = asyncio.create_task(self._make(of))
            self._making.add_done_callback(_tell)
        return self._held if self._held is not None else await asyncio.shield(self._making)

    async def past(self, theme: str) -> list[Measured]:
        """What was measured of a theme, the oldest day first."""
        return [one for one in await self._surveyed.measured() if one.theme == theme]

    async def measure(self) -> bool:
        """Keep what stands today, once a day; whether it was done now."""
        today = self.today
        days = {one.day for one in await self._surveyed.measured()}
        if today in days:
            return False
        coverage = (await self.now()).coverage
        await self._surveyed.keep(today, measured(coverage, today), outdated(days, today))
        return True

    async def ended(self) -> None:
        """Wait for a survey that is being made."""
        if self._making is not None:
            await asyncio.wait([self._making])

    @property
    def today(self) -> str:
        """The day it is."""
        return self._clock().date().isoformat()

    async def _make(self, of: tuple[str, Hashable]) -> Survey:
        began = time.monotonic()
        made = await survey(self._directory, self._surveyed, self._clock())
        self._held, self._of = made, of
        ended = time.monotonic()
        self._again = ended + SHARE * (ended - began)
        return made


def _tell(task: asyncio.Task[Survey]) -> None:
    """Whoever waits gets the error; where nobody does, the log has it, and the next look tries again."""
    if not task.cancelled() and task.exception() is not None:
        _log.error("survey.failed", exc_info=task.exception())


async def survey(directory: Directory, surveyed: Surveyed, at: datetime) -> Survey:
    """Read every entry once, and count."""
    today = at.date().isoformat()
    meanings = await surveyed.meanings(today)
    count = Count(today, meanings, await surveyed.same())
    matrix, board, entries = MatrixCount(today, meanings), Board(today, meanings), 0
    names: dict[str, object] = {}
    for types in _TYPES:
        async for one in directory.stream([f"org.jisr.{name}/1" for name in types]):
            count.take(one.record)
            board.take(one.record)
            matrix.take(one.record)
            names.setdefault(one.node, one.author_name)
            entries += 1
            if not entries % BREATH:
                await asyncio.sleep(0)
    coverage = await asyncio.to_thread(count.coverage)
    await asyncio.to_thread(board.close)
    return Survey(at, coverage, matrix.matrix(), board, names, entries)


def measured(coverage: Coverage, day: str) -> list[Measured]:
    """The numbers of a day: areas by state, theme by theme. What the rule of small cells hides is in none of them."""
    found = []
    for theme in THEMES:
        states: dict[str, int] = defaultdict(int)
        services, most = 0, 0
        for area, told in coverage.areas.items():
            cell = coverage.cell(area, theme)
            states[cell.state] += 1
            if not told.holders and cell.state != QUIET:
                services, most = services + cell.services, most + cell.organizations
        counts = (states["covered"], states["thin"], states["none"], states["nobody"])
        found.append(Measured(day, theme, *counts, most, services))
    return found


def outdated(days: Iterable[str], today: str) -> list[str]:
    """Days that are not kept any more: older than DAYS_KEPT, but for the first of each month."""
    edge = str(date.fromisoformat(today) - timedelta(days=DAYS_KEPT))
    first: dict[str, str] = {}
    for day in sorted(days):
        first.setdefault(day[:7], day)
    return [day for day in sorted(days) if day < edge and first[day[:7]] != day]
