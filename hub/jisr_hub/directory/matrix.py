"""Goals × activities: what is offered, what is asked, and what nobody said.

    count = MatrixCount(today, meanings)
    count.take(record)      every live entry
    count.matrix()          cells by (goal, activity)

Goals and activities are the terms of these roles, as authors wrote them or as the hub mapped them. Supply are active
services, events and opportunities; demand are open needs. An entry that names a goal and no activity, or the other way
round, stands under UNKNOWN: it is not nothing, somebody has not said it yet.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

import msgspec

from ..curation.terms import Concept
from .efforts import active, objects
from .sides import NEED, OPPORTUNITY, is_open, kind_of

SUPPLY = ("service", "event", OPPORTUNITY)
UNKNOWN: Concept = ("", "")
_WORDS_KEPT = 8


class Crossing(msgspec.Struct, frozen=True):
    """One goal with one activity: entries of each type of supply, and open needs."""

    supply: tuple[int, ...] = (0,) * len(SUPPLY)
    demand: int = 0

    @property
    def offered(self) -> int:
        """Supply of all types."""
        return sum(self.supply)


class Matrix(msgspec.Struct, frozen=True):
    """Goals and activities in order, UNKNOWN last, with their authors' words; only crossings that hold something."""

    goals: tuple[Concept, ...]
    activities: tuple[Concept, ...]
    words: Mapping[Concept, Mapping[str, Any]]
    cells: Mapping[tuple[Concept, Concept], Crossing]
    silent: int = 0
    """Entries of these types that name neither."""

    def cell(self, goal: Concept, activity: Concept) -> Crossing:
        """A crossing; an empty one where nobody said anything."""
        return self.cells.get((goal, activity), Crossing())


class MatrixCount:
    """Counts entries, one at a time."""

    def __init__(self, today: str, meanings: Mapping[Concept, Concept]) -> None:
        self._today, self._meanings = today, meanings
        self._counted: dict[tuple[Concept, Concept], Counter[str]] = defaultdict(Counter)
        self._words: dict[Concept, Mapping[str, Any]] = {}
        self._silent = 0

    def take(self, value: Mapping[str, Any]) -> None:
        """Count a record; one of another type, or that is over, has no effect."""
        kind = kind_of(value)
        if kind not in (*SUPPLY, NEED) or not is_open(value, self._today) or not active(value, self._today):
            return
        goals, activities = self._terms(value, "goal"), self._terms(value, "activity")
        if not goals and not activities:
            self._silent += 1
            return
        for goal in goals or {UNKNOWN}:
            for activity in activities or {UNKNOWN}:
                self._counted[goal, activity][kind] += 1

    def matrix(self) -> Matrix:
        """What was counted."""
        cells = {
            crossing: Crossing(tuple(kinds[kind] for kind in SUPPLY), kinds[NEED])
            for crossing, kinds in self._counted.items()
        }
        goals, activities = ({crossing[side] for crossing in cells} for side in (0, 1))
        return Matrix(_ordered(goals), _ordered(activities), self._words, cells, self._silent)

    def _terms(self, value: Mapping[str, Any], role: str) -> set[Concept]:
        found = set()
        for term in objects(value.get("terms")):
            if term.get("role") == role:
                own = (str(term.get("scheme")), str(term.get("code")))
                meant = self._meanings.get(own, own)
                found.add(meant)
                label = term.get("label")
                if isinstance(label, Mapping) and len(label) <= _WORDS_KEPT:
                    self._words.setdefault(meant, label)
        return found


def _ordered(terms: set[Concept]) -> tuple[Concept, ...]:
    return tuple(sorted(terms, key=lambda one: (one == UNKNOWN, one)))
