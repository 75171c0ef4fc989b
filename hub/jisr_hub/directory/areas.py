"""Areas as records name them, and which wider areas hold them.

    areas_of(value, "area")             what a record names: (scheme, code), and its words for it
    holders(("nuts", "NL329"))          (("nuts", "NL32"), ("nuts", "NL3"), ("iso3166-1", "NL"))

Only what the codes themselves say is known here. An area of any other scheme is held by the country that most records
name beside it (Atlas).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any

from ..curation.folding import fold

Area = tuple[str, str]
"""(scheme, code). An area that has only a name stands under the scheme NAMED, by its name folded."""
COUNTRY, NAMED = "iso3166-1", "name"
VARIANTS = 8
_OF_ONE_COUNTRY: Mapping[str, str] = {"hcp": "MA", "insee": "FR", "cbs": "NL"}
_COUNTRIES_OF_NUTS: Mapping[str, str] = {"EL": "GR", "UK": "GB"}
_TWO_LETTERS = re.compile(r"[A-Z]{2}")


def areas_of(value: Mapping[str, Any], member: str) -> Iterator[tuple[Area, Mapping[str, Any]]]:
    """Each area of a list of a record, with its localised name ({} where it has none)."""
    found = value.get(member)
    for one in found if isinstance(found, list) else ():
        if not isinstance(one, Mapping):
            continue
        scheme, code, name = one.get("scheme"), one.get("code"), one.get("name")
        words = name if isinstance(name, Mapping) else {}
        if isinstance(scheme, str) and isinstance(code, str):
            yield (scheme, code), words
        elif words:
            yield (NAMED, fold(_first(words))), words


@lru_cache(maxsize=16384)
def holders(area: Area) -> tuple[Area, ...]:
    """The wider areas that hold this one, the narrowest first; () where its code does not say."""
    scheme, code = area
    if scheme == "nuts":
        country = _COUNTRIES_OF_NUTS.get(code[:2], code[:2])
        return (*(("nuts", code[:length]) for length in range(len(code) - 1, 2, -1)), (COUNTRY, country))
    if scheme == "iso3166-2" and _TWO_LETTERS.fullmatch(code[:2]):
        return ((COUNTRY, code[:2]),)
    return ((COUNTRY, _OF_ONE_COUNTRY[scheme]),) if scheme in _OF_ONE_COUNTRY else ()


def narrowest(areas: Collection[Area]) -> tuple[Area, ...]:
    """These areas without those that hold another of them: who names a town and its country works in the town."""
    wider = {holder for area in areas for holder in holders(area)}
    return tuple(sorted(set(areas) - wider))


class Atlas:
    """What records say of areas: how each is called, and which country holds it. The most frequent word counts."""

    def __init__(self) -> None:
        self._names: dict[Area, Counter[tuple[tuple[str, str], ...]]] = defaultdict(Counter)
        self._countries: dict[Area, Counter[str]] = defaultdict(Counter)
        self._points: dict[Area, tuple[float, float, int]] = {}

    def take(self, value: Mapping[str, Any]) -> None:
        """Note the areas of a record. More than VARIANTS names of one area are not kept."""
        for member in ("area", "admin_codes"):
            named = list(areas_of(value, member))
            countries = {area[1] for area, _ in named if area[0] == COUNTRY}
            for area, words in named:
                names = self._names[area]
                said = tuple(sorted((str(lang), _value(text)) for lang, text in words.items()))
                if said and (said in names or len(names) < VARIANTS):
                    names[said] += 1
                if len(countries) == 1 and area[0] != COUNTRY and not holders(area):
                    self._countries[area].update(countries)

    def mark(self, areas: Collection[Area], latitude: float, longitude: float) -> None:
        """Note that something stands there, in these areas."""
        for area in {up for one in areas for up in (one, *self.holders(one))}:
            north, east, points = self._points.get(area, (0.0, 0.0, 0))
            self._points[area] = (north + latitude, east + longitude, points + 1)

    def middle(self, area: Area) -> tuple[float, float] | None:
        """(latitude, longitude) of the middle of what stands in an area; None where nobody said a point."""
        north, east, points = self._points.get(area, (0.0, 0.0, 0))
        return (round(north / points, 2), round(east / points, 2)) if points else None

    def areas(self) -> set[Area]:
        """Every area that a record named."""
        return set(self._names)

    def name(self, area: Area) -> Mapping[str, Any]:
        """What it is called, a localised text; {} where nobody said."""
        names = self._names.get(area)
        said = max(names.items(), key=lambda one: (one[1], one[0]))[0] if names else ()
        return {lang: {"value": value, "origin": "author"} for lang, value in said if value}

    def holders(self, area: Area) -> tuple[Area, ...]:
        """The areas that hold it, the narrowest first."""
        said = self._countries.get(area)
        learned = ((COUNTRY, max(said.items(), key=lambda one: (one[1], one[0]))[0]),) if said else ()
        return holders(area) or learned


def _value(text: object) -> str:
    return str(text.get("value", "")) if isinstance(text, Mapping) else ""


def _first(words: Mapping[str, Any]) -> str:
    return next((value for _, text in sorted(words.items()) if (value := _value(text))), "")
