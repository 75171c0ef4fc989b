"""Two records side by side for whoever decides: reasons with their values, fields that differ, where they are.

What is kept of a pair is its grade and the codes of its reasons; the values are read here from the records as they
stand, so nothing of them is kept anywhere else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ..ports import Key
from .folding import fold
from .likeness import FEW, KEY_CODES, Comparison, Grade, Reason
from .merging import fields
from .places import metres
from .profiles import Place, Profile, profile


class Row(msgspec.Struct, frozen=True):
    """One field of two records; None where one does not have it."""

    name: str
    one: Any
    other: Any
    same: bool


class Spot(msgspec.Struct, frozen=True):
    """A point on the map: of which record (0 or 1), degrees, and what stands there."""

    side: int
    latitude: float
    longitude: float
    label: str


def related(records: Iterable[Mapping[str, Any]]) -> set[Key]:
    """The organizations and locations these records point to."""
    found = (profile(dict(record)) for record in records)
    return {key for one in found if one for key in (*one.at, *((one.by,) if one.by else ()))}


def reasons(
    one: Mapping[str, Any],
    other: Mapping[str, Any],
    around: Iterable[Mapping[str, Any]],
    codes: Sequence[str],
    givers: Grade | None,
) -> list[Reason]:
    """Why two records may be of one thing, as `codes` said it, with values; the codes alone where the records have
    changed since. `givers` is the grade of the two organizations."""
    a, b = profile(dict(one)), profile(dict(other))
    there = _profiles(around)

    def shared(kind: str, key: str) -> int:
        return 0 if KEY_CODES[key.split(":")[0]] in codes else FEW + 1

    def like(key: Key) -> dict[Key, Grade]:
        return {each: givers for each in there if each != key} if givers is not None else {}

    found = Comparison(there.get, shared, like).likeness(a, b) if a is not None and b is not None else None
    if found is not None:
        return list(found.reasons)
    return [Reason(code.removeprefix("-"), (), not code.startswith("-")) for code in codes]


def side_by_side(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[Row]:
    """Every field of two records: what differs first."""
    a, b = fields(one), fields(other)
    rows = [Row(name, a.get(name), b.get(name), _same(a.get(name), b.get(name))) for name in sorted({*a, *b})]
    return sorted(rows, key=lambda row: (row.same, row.one is None or row.other is None, row.name))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict) and "value" in one and "value" in other:
        return fold(str(one["value"])) == fold(str(other["value"])) and fold(str(one["value"])) != ""
    return bool(one == other)


def spots(one: Mapping[str, Any], other: Mapping[str, Any], around: Iterable[Mapping[str, Any]]) -> list[Spot]:
    """Where the two are, as far as that is known to a street."""
    there = _profiles(around)
    found: list[Spot] = []
    for side, record in enumerate((one, other)):
        taken = profile(dict(record))
        if taken is not None:
            for place in _places(taken, there):
                if place.latitude is not None and place.longitude is not None and place.exact:
                    label = place.names[0].shown if place.names else taken.names[0].shown
                    found.append(Spot(side, place.latitude, place.longitude, label))
    return found


def apart_metres(found: Collection[Spot]) -> int | None:
    """The shortest way between the two sides; None where one has no point."""
    sides = [[Place(spot.latitude, spot.longitude) for spot in found if spot.side == side] for side in (0, 1)]
    ways = [way for a in sides[0] for b in sides[1] if (way := metres(a, b)) is not None]
    return round(min(ways)) if ways else None


def _profiles(records: Iterable[Mapping[str, Any]]) -> dict[Key, Profile]:
    return {found.key: found for record in records if (found := profile(dict(record))) is not None}


def _places(of: Profile, there: Mapping[Key, Profile]) -> list[Place]:
    return [*of.places, *(place for key in of.at if key in there for place in there[key].places)]
