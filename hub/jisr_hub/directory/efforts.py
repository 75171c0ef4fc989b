"""What counts of a live entry for coverage: who does something, on which theme, in which area, and since when we know.

    effort_of(value, today, meanings, places)    a record of a counted type as an Effort; None for any other type

An effort is an organization, a service, a project or an event that a record tells of. Themes are the core focus areas
(jisr_protocol/core_terms.py): a node's own term counts as what it was mapped to, and as UNMAPPED until somebody does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from sys import intern
from typing import Any

import msgspec

from jisr_protocol.core_terms import FOCUS, FOCUS_AREAS, GOALS

from ..curation.terms import Concept
from ..curation.words import reference
from ..ports import Key
from .areas import COUNTRY, Area, areas_of, narrowest

COUNTED: Mapping[str, str] = {"organization": "", "service": "organization", "project": "lead", "event": "organizer"}
"""Types that count, and the member that names the organization; an organization is its own."""
UNMAPPED = "unmapped"
THEMES = (*FOCUS_AREAS, UNMAPPED)
_ROLES = frozenset({"focus", "theme", "goal", "activity", "competence", "domain"})
"""Roles of terms that say what somebody works on; others say for whom, or with which skill."""
_HIDDEN = "hidden"


class Place(msgspec.Struct, frozen=True):
    """What counts of a location: the areas it lies in, and whether it may be shown where it is."""

    areas: tuple[Area, ...] = ()
    hidden: bool = False
    point: tuple[float, float] | None = None
    """(latitude, longitude) of a place that is shown where it is."""


class Effort(msgspec.Struct, frozen=True, gc=False):
    """One live entry. `areas` are the narrowest that it names.

    `room` sums what its capacity statements say is free, by unit. `confirmed` is the day of its last check or change.
    `hidden`: a place of it must not be found by what is counted.
    """

    key: Key
    kind: str
    organization: Key | None
    themes: tuple[str, ...]
    areas: tuple[Area, ...]
    active: bool
    room: tuple[tuple[str, int], ...]
    confirmed: str
    hidden: bool

    @property
    def node(self) -> str:
        """Who reports it."""
        return self.key[0]


def place_of(value: Mapping[str, Any]) -> Place:
    """A location record as it counts; a hidden one lies in no area but its country's."""
    areas = narrowest({area for area, _ in areas_of(value, "admin_codes")})
    return Place(areas, value.get("privacy") == _HIDDEN, _point(value))


def _point(value: Mapping[str, Any]) -> tuple[float, float] | None:
    said = value.get("coordinates")
    if value.get("privacy") != "exact" or not isinstance(said, Mapping):
        return None
    try:
        return float(str(said["latitude"])), float(str(said["longitude"]))
    except (KeyError, ValueError):
        return None


def effort_of(
    value: Mapping[str, Any], today: str, meanings: Mapping[Concept, Concept], places: Mapping[Key, Place]
) -> Effort | None:
    """Read a record. `today` is a day, `meanings` what own terms were mapped to, `places` the locations so far."""
    kind = str(value.get("type", "")).removeprefix("org.jisr.").partition("/")[0]
    if kind not in COUNTED:
        return None
    key = (intern(str(value["node"])), str(value["id"]))
    given = _given_at(value, places)
    countries = value.get("countries")
    areas = [area for area, _ in areas_of(value, "area")]
    areas += [(COUNTRY, str(code)) for code in (countries if isinstance(countries, list) else ())]
    if not areas:  # who says where help is given says where it works
        areas = [area for place in given for area in place.areas]
    return Effort(
        key,
        kind,
        key if kind == "organization" else _key(value.get(COUNTED[kind]), key[0]),
        themes_of(value, meanings),
        narrowest(areas),
        active(value, today),
        _room(value),
        confirmed_of(value, today),
        any(place.hidden for place in given),
    )


def themes_of(value: Mapping[str, Any], meanings: Mapping[Concept, Concept]) -> tuple[str, ...]:
    """The focus areas of a record, and UNMAPPED where a term of its own waits for a meaning or nothing else is said."""
    found = set()
    for term in objects(value.get("terms")):
        if str(term.get("role")) in _ROLES:
            own = (str(term.get("scheme")), str(term.get("code")))
            scheme, code = meanings.get(own, own)
            if scheme != GOALS:  # a development goal is too wide for a theme
                found.add(code if scheme == FOCUS and code in FOCUS_AREAS else UNMAPPED)
    return tuple(sorted(found or {UNMAPPED}))


def confirmed_of(value: Mapping[str, Any], today: str) -> str:
    """The day of a record's last check or change; none that is still to come."""
    checked = value.get("assured")
    said = str(checked.get("at", "")) if isinstance(checked, Mapping) else ""
    return max(min(day[:10], today) for day in (said, str(value.get("modified", ""))))


def active(value: Mapping[str, Any], today: str) -> bool:
    """Whether it is there now: said to be active, not expired, not over, not cancelled, and its period has begun."""
    period = value.get("period")
    since, until = (period.get("from"), period.get("until")) if isinstance(period, Mapping) else (None, None)
    last = (value.get("expires"), until, value.get("end") or value.get("start"))
    over = any(str(day)[:10] < today for day in last if day)
    begun = since is None or str(since) <= today
    return value.get("status") == "active" and begun and not over and value.get("event_status") != "cancelled"


def objects(value: object) -> Iterable[Mapping[str, Any]]:
    """The objects of a list; nothing for what is no list."""
    return (one for one in value if isinstance(one, Mapping)) if isinstance(value, list) else ()


def _given_at(value: Mapping[str, Any], places: Mapping[Key, Place]) -> list[Place]:
    node = str(value["node"])
    named = [one.get("location") for one in objects(value.get("at"))] + [value.get("location")]
    keys = (_key(one, node) for one in named)
    return [places[key] for key in keys if key is not None and key in places]


def _key(said: object, node: str) -> Key | None:
    return reference(said, node) if isinstance(said, str) and said else None


def _room(value: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    free: dict[str, int] = {}
    for one in objects(value.get("capacity")):
        available = one.get("available")
        if isinstance(available, int) and not isinstance(available, bool):
            unit = str(one.get("unit", ""))
            free[unit] = free.get(unit, 0) + available
    return tuple(sorted(free.items()))
