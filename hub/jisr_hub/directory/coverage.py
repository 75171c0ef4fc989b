"""Coverage: who does something on which theme, area by area, and where nobody would tell us.

    count = Count("2026-03-06", meanings, same)       a day, what own terms mean, which records are one organization
    count.take(record)                                every live entry; locations before what is given there
    told = count.coverage()                           cells by (area, theme)

A cell has one of four states:

    covered   at least two organizations are active, and one was confirmed within two years
    thin      something is active, and less than that
    none      somebody reports from this area, and nothing active on this theme
    nobody    nobody reports from this area at all, so nothing is known: never read as a lack of help

An entry counts in the areas it names and in the areas that hold these. A service for a whole country says nothing
of each of its towns: there it stands beside the cell as `wider`.

What could lead to a person or a hidden shelter is not told (the rule of small cells, docs/coverage.md): an entry with a
hidden place counts in its country alone, and a cell of a guarded theme in less than a country with fewer than three
organizations is QUIET, whether there are two, one or none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Literal

import msgspec

from ..curation.terms import Concept
from ..ports import Key
from .areas import COUNTRY, Area, Atlas, areas_of
from .efforts import THEMES, Effort, Place, effort_of, place_of, themes_of

State = Literal["covered", "thin", "none", "nobody", "quiet"]
STATES: tuple[State, ...] = ("covered", "thin", "none", "nobody")
QUIET: State = "quiet"
ENOUGH_ORGANIZATIONS = 2
FRESH_DAYS = 730
GUARDED = frozenset({"protection"})
"""Themes whose small cells are not told."""
SMALLEST_TOLD = 3
"""Organizations that a cell of a guarded theme has at least, else it is QUIET."""
_LOCATION, _INDICATOR = "org.jisr.location/1", "org.jisr.indicator/1"


class Cell(msgspec.Struct, frozen=True, gc=False):
    """One theme in one area. `services` are active, `room` says what of them is free, by unit. `newest` is the day of
    the last check or change of any active entry, `wider` how many active entries name only an area around this one.
    """

    state: State
    organizations: int = 0
    services: int = 0
    room: tuple[tuple[str, int], ...] = ()
    newest: str = ""
    wider: int = 0
    entries: tuple[Key, ...] = ()


class Denominator(msgspec.Struct, frozen=True):
    """How many there are of what, on which day, as an `indicator` record says; `theme` where it counts those meant."""

    value: int
    unit: str
    as_of: str
    source: Mapping[str, Any]
    key: Key
    theme: str = ""


class Reporter(msgspec.Struct, frozen=True):
    """Who reports from an area, how many entries, and the day of the newest."""

    node: str
    entries: int
    newest: str


class AreaTold(msgspec.Struct, frozen=True):
    """An area: its names as records give them, the areas that hold it, who reports, and how many people there are."""

    area: Area
    name: Mapping[str, Any]
    holders: tuple[Area, ...]
    reporters: tuple[Reporter, ...]
    denominators: tuple[Denominator, ...]
    parts: int = 0
    middle: tuple[float, float] | None = None
    """(latitude, longitude) between the places that records show there."""

    def denominator(self, theme: str) -> Denominator | None:
        """What to divide by: those meant by the theme where somebody counted them, else all; the newest."""
        fit = [one for one in self.denominators if one.theme in ("", theme)]
        return max(fit, key=lambda one: (one.theme == theme, one.as_of, one.key), default=None)


class Coverage(msgspec.Struct, frozen=True):
    """What stands on a day. `placeless` counts active entries that name no area."""

    day: str
    areas: Mapping[Area, AreaTold]
    cells: Mapping[tuple[Area, str], Cell]
    placeless: int = 0

    def cell(self, area: Area, theme: str) -> Cell:
        """The cell of an area and a theme: those that nobody touched are not kept one by one."""
        found = self.cells.get((area, theme))
        if found is not None:
            return found
        told = self.areas.get(area)
        return Cell("none" if told is not None and told.reporters else "nobody")

    def inside(self, wider: Area | None) -> list[AreaTold]:
        """The areas directly within one, or those that nothing holds; in the order of their codes."""
        return [told for _, told in sorted(self.areas.items()) if (told.holders[0] if told.holders else None) == wider]


class _Sum:
    """A cell while it is counted."""

    __slots__ = ("entries", "newest", "organizations", "room", "services")

    def __init__(self) -> None:
        self.organizations: set[Key] = set()
        self.services = 0
        self.room: dict[str, int] = {}
        self.newest = ""
        self.entries: list[Key] = []

    def take(self, effort: Effort, organization: Key) -> None:
        self.organizations.add(organization)
        self.entries.append(effort.key)
        self.newest = max(self.newest, effort.confirmed)
        if effort.kind == "service":
            self.services += 1
            for unit, free in effort.room:
                self.room[unit] = self.room.get(unit, 0) + free


class Count:
    """Counts entries, one at a time. What it keeps grows with cells and with the entries in them."""

    def __init__(self, today: str, meanings: Mapping[Concept, Concept], same: Mapping[Key, Key]) -> None:
        self._today, self._meanings, self._same = today, meanings, same
        self._places: dict[Key, Place] = {}
        self._atlas = Atlas()
        self._efforts: list[Effort] = []
        self._denominators: dict[Area, list[Denominator]] = defaultdict(list)

    def take(self, value: Mapping[str, Any]) -> None:
        """Count a record; one of a type that does not count here has no effect."""
        type_ = value.get("type")
        if type_ == _LOCATION:
            place = self._places[str(value["node"]), str(value["id"])] = place_of(value)
            if place.point is not None:
                self._atlas.mark(place.areas, *place.point)
        elif type_ == _INDICATOR:
            self._measure(value)
        else:
            effort = effort_of(value, self._today, self._meanings, self._places)
            if effort is None:
                return
            self._efforts.append(effort)
        self._atlas.take(value)

    def coverage(self) -> Coverage:
        """What was counted, after the rule of small cells."""
        sums: dict[tuple[Area, str], _Sum] = defaultdict(_Sum)
        wide: dict[tuple[Area, str], int] = defaultdict(int)
        reports: dict[Area, dict[str, list[Any]]] = defaultdict(dict)
        placeless = 0
        for effort in self._efforts:
            at = self._counts_in(effort)
            placeless += effort.active and not effort.areas
            for area in at:
                if area[0] == COUNTRY or not GUARDED.issuperset(effort.themes):
                    report = reports[area].setdefault(effort.node, [0, ""])
                    report[0] += 1
                    report[1] = max(report[1], effort.confirmed)
            if effort.active:
                organization = self._one(effort.organization or effort.key)
                for theme in effort.themes:
                    for area in at:
                        sums[area, theme].take(effort, organization)
                    for area in effort.areas:
                        wide[area, theme] += not effort.hidden
        areas = self._areas(reports)
        cells = {place: self._cell(one, areas[place[0]]) for place, one in sums.items()}
        return Coverage(self._today, areas, _guarded(_beside(cells, areas, wide), areas), placeless)

    def _counts_in(self, effort: Effort) -> set[Area]:
        """The areas an effort counts in; with a hidden place only the countries."""
        found = {up for area in effort.areas for up in (area, *self._atlas.holders(area))}
        return {area for area in found if area[0] == COUNTRY} if effort.hidden else found

    def _one(self, organization: Key) -> Key:
        return self._same.get(organization, organization)

    def _areas(self, reports: Mapping[Area, Mapping[str, list[Any]]]) -> dict[Area, AreaTold]:
        known = {*self._atlas.areas(), *reports, *self._denominators}
        known |= {up for area in known for up in self._atlas.holders(area)}
        parts: dict[Area, int] = defaultdict(int)
        for area in known:
            for up in self._atlas.holders(area)[:1]:
                parts[up] += 1
        return {
            area: AreaTold(
                area,
                self._atlas.name(area),
                self._atlas.holders(area),
                tuple(Reporter(node, *said) for node, said in sorted(reports.get(area, {}).items())),
                tuple(self._denominators.get(area, ())),
                parts[area],
                self._atlas.middle(area),
            )
            for area in known
        }

    def _measure(self, value: Mapping[str, Any]) -> None:
        number, key = value.get("value"), (str(value["node"]), str(value["id"]))
        if not isinstance(number, int) or isinstance(number, bool):
            return
        themes = [theme for theme in themes_of(value, self._meanings) if theme in THEMES[:-1]] or [""]
        citation = value.get("citation")
        source = citation.get("name", {}) if isinstance(citation, Mapping) else {}
        unit = str(value.get("unit") or "people")
        for area, _ in areas_of(value, "area"):
            self._denominators[area] += [
                Denominator(number, unit, str(value.get("as_of", ""))[:10], source, key, theme) for theme in themes
            ]

    def _cell(self, one: _Sum, told: AreaTold) -> Cell:
        fresh = one.newest >= str(date.fromisoformat(self._today) - timedelta(days=FRESH_DAYS))
        enough = len(one.organizations) >= ENOUGH_ORGANIZATIONS
        room = tuple(sorted(one.room.items()))
        entries = tuple(sorted(set(one.entries)))
        state: State = "covered" if enough and fresh else "thin"
        return Cell(state, len(one.organizations), one.services, room, one.newest, 0, entries)


def _beside(
    cells: Mapping[tuple[Area, str], Cell],
    areas: Mapping[Area, AreaTold],
    wide: Mapping[tuple[Area, str], int],
) -> dict[tuple[Area, str], Cell]:
    """Each cell with what works in an area around it, and a cell for what has only that."""
    found = dict(cells)
    by_area: dict[Area, list[str]] = defaultdict(list)
    for area, theme in wide:
        by_area[area].append(theme)
    for area, told in areas.items():
        for theme in {theme for up in told.holders for theme in by_area[up]}:
            around = sum(wide.get((up, theme), 0) for up in told.holders)
            cell = found.get((area, theme)) or Cell("none" if told.reporters else "nobody")
            found[area, theme] = msgspec.structs.replace(cell, wider=around)
    return found


def _guarded(cells: Mapping[tuple[Area, str], Cell], areas: Mapping[Area, AreaTold]) -> dict[tuple[Area, str], Cell]:
    """The rule of small cells. Where exactly one part of an area is quiet, the whole is too: the rest would tell it."""
    found = dict(cells)
    for theme in GUARDED:
        quiet: dict[Area, int] = defaultdict(int)
        for area, told in sorted(areas.items(), key=lambda one: -len(one[1].holders)):
            cell = found.get((area, theme)) or Cell("none" if told.reporters else "nobody")
            if not told.reporters and cell.organizations < SMALLEST_TOLD:
                found[area, theme] = Cell("nobody")  # a quiet cell alone in its area would say that there is something
                continue
            small = area[0] != COUNTRY and cell.organizations < SMALLEST_TOLD
            if small or quiet[area] == 1:
                found[area, theme] = Cell(QUIET)
                for up in told.holders[:1]:
                    quiet[up] += 1
    return found
