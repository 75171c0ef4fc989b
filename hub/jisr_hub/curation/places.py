"""How near two records are: by the points of their places, their streets, their towns, or the areas they work in."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache
from math import asin, cos, radians, sin, sqrt

import msgspec
from rapidfuzz.distance import OSA

from . import names
from .profiles import Place
from .wording import Name


class Nearness(IntEnum):
    """From far to near."""

    APART = 0
    UNKNOWN = 1
    AREA = 2
    TOWN = 3
    NEAR = 4
    """Within 100 m, or in the same street at the same number."""
    HERE = 5
    """Within 10 m."""


class Found(msgspec.Struct, frozen=True, gc=False):
    """How near, and by what: metres, a street, a town, a code."""

    nearness: Nearness
    by: str = ""
    value: str = ""
    points: bool = False
    """Whether it was told from two exact points."""


UNKNOWN = Found(Nearness.UNKNOWN)
HERE_METRES, NEAR_METRES, TOWN_METRES, APART_METRES = 10, 100, 1_000, 5_000
_EARTH_METRES = 6_371_000


def metres(a: Place, b: Place) -> float | None:
    """The way between two points along the earth; None where one is not known."""
    if a.latitude is None or a.longitude is None or b.latitude is None or b.longitude is None:
        return None
    north, south = radians(a.latitude), radians(b.latitude)
    across = sin(radians(b.longitude - a.longitude) / 2) ** 2
    half = sin((south - north) / 2) ** 2 + cos(north) * cos(south) * across
    return 2 * _EARTH_METRES * asin(sqrt(min(1.0, half)))


def compare(one: Sequence[Place], other: Sequence[Place], areas: tuple[Sequence[str], Sequence[str]]) -> Found:
    """The nearest pair of places; the areas where there are no places on both sides."""
    if one and other:
        found = [_pair(a, b) for a in one for b in other]
        best = max(found, key=lambda each: (each.nearness, each.by, each.value))
        if best.nearness is not Nearness.UNKNOWN:
            return best
    first, second = areas
    if first and second:
        if common := sorted(set(first) & set(second)):
            return Found(Nearness.AREA, "area", common[0])
        if {scheme for code in first if (scheme := code.split(":")[0])} & {code.split(":")[0] for code in second}:
            return Found(Nearness.APART, "area", "")
    return UNKNOWN


def _pair(a: Place, b: Place) -> Found:
    way = metres(a, b)
    exact = a.exact and b.exact
    if way is not None and exact and way <= NEAR_METRES:
        return Found(Nearness.HERE if way <= HERE_METRES else Nearness.NEAR, "metres", str(round(way)), True)
    towns = _town(a, b)  # the empty text for two towns
    if towns != "" and (street := _street(a, b)):
        return Found(Nearness.NEAR, "street", street)
    if way is not None and way > (TOWN_METRES if exact else APART_METRES):
        # a town is large; the same town named on both sides is still the same town
        far = Nearness.TOWN if towns and way <= APART_METRES else Nearness.APART
        return Found(far, "metres", str(round(way)), exact)
    if towns:
        return Found(Nearness.TOWN, "town", towns, exact and way is not None)
    if towns == "":
        return Found(Nearness.APART, "town", "")
    return UNKNOWN if way is None else Found(Nearness.TOWN, "metres", str(round(way)), exact)


def _town(a: Place, b: Place) -> str | None:
    """The name of the town that both are in; "" where they are in two; None where nobody knows."""
    one, other = (a.localities, b.localities) if a.localities and b.localities else (a.names, b.names)
    if not one or not other:
        return None
    return _town_of(one, other)


@lru_cache(maxsize=16384)
def _town_of(one: tuple[Name, ...], other: tuple[Name, ...]) -> str | None:
    found = names.compare(one, other)
    if found.level >= names.Level.LIKE:
        return min(found.one, found.other)
    return None if found.level in (names.Level.UNREADABLE, names.Level.PART) else ""


def _street(a: Place, b: Place) -> str:
    """The street with its number where both have it, with at most one letter in seven other."""
    for one in a.streets:
        numbers, plain = _read(one)
        if not numbers:
            continue
        for other in b.streets:
            others, with_ = _read(other)
            longest = max(len(plain), len(with_))
            if numbers == others and longest >= 5 and OSA.distance(plain, with_) * 7 <= longest:
                return min(one, other)
    return ""


@lru_cache(maxsize=16384)
def _read(street: str) -> tuple[tuple[str, ...], str]:
    """The numbers of a street, and its words as one, both in order."""
    words = sorted(street.split())
    return tuple(word for word in words if word.isdigit()), "".join(word for word in words if not word.isdigit())
