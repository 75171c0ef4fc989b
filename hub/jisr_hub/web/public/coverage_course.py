"""How a theme stood over the days that were measured: a line a state, drawn here.

The days stand to scale, the oldest where a reader's line begins: left, or right in Arabic. Where more than a month was
not measured a line stops, since nothing is known of what was between. Dashes, and a legend in words, tell the lines
apart without colour; the table below has the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from jisr_hub.directory.coverage import State
from jisr_hub.ports.surveying import Measured
from jisr_protocol.pages.language import Language

from .coverage_words import state_word

WIDTH, HEIGHT = 320, 176
"""Small, so that its words can be read on a small screen, where a picture of 640 would be halved."""
_SIDE, _FAR, _TOP, _FOOT = 30, 10, 10, 26
_GAP_DAYS = 31
_STATES: tuple[State, ...] = ("covered", "thin", "none", "nobody")


@dataclass(frozen=True)
class Line:
    """A state and its word: the path of its line, where it ends, and in how many areas it stood so on the last day."""

    state: State
    word: str
    path: str
    end: tuple[float, float]
    last: int


@dataclass(frozen=True)
class Course:
    """The lines, the heights that are named (pixels and number of areas), and what is drawn between."""

    lines: tuple[Line, ...]
    heights: tuple[tuple[float, int], ...]
    left: int
    right: int
    begin: int
    aside: int
    """Where the first day and the numbers stand, from left."""
    first: date
    last: date

    @property
    def end(self) -> int:
        """Where the last day stands."""
        return self.left + self.right - self.begin


def course(measured: Sequence[Measured], language: Language) -> Course | None:
    """Draw what was measured of one theme, the oldest day first; less than two days make no line."""
    days = [date.fromisoformat(one.day) for one in measured]
    if len(days) < 2:
        return None
    mirrored = language.direction == "rtl"
    left, right = (_FAR, WIDTH - _SIDE) if mirrored else (_SIDE, WIDTH - _FAR)
    counted = [dict(zip(_STATES, (one.covered, one.thin, one.none, one.nobody), strict=True)) for one in measured]
    most = max(1, *(areas for one in counted for areas in one.values()))
    wide, high = (right - left) / (days[-1] - days[0]).days, (HEIGHT - _TOP - _FOOT) / most

    def across(day: date) -> float:
        far = (day - days[0]).days * wide
        return round(right - far if mirrored else left + far, 1)

    def down(areas: int) -> float:
        return round(HEIGHT - _FOOT - areas * high, 1)

    def line(state: State) -> Line:
        points = [(across(day), down(one[state])) for day, one in zip(days, counted, strict=True)]
        joined = [False, *((later - day).days <= _GAP_DAYS for day, later in pairwise(days))]
        path = "".join(f"{'L' if on else 'M'}{x:g} {y:g}" for (x, y), on in zip(points, joined, strict=True))
        return Line(state, state_word(state, language), path, points[-1], counted[-1][state])

    named = sorted({0, most // 2, most} if most > 3 else {0, most})
    return Course(
        lines=tuple(line(state) for state in _STATES),
        heights=tuple((down(areas), areas) for areas in named),
        left=left,
        right=right,
        begin=right if mirrored else left,
        aside=right + 6 if mirrored else left - 6,
        first=days[0],
        last=days[-1],
    )
