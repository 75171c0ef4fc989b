"""What needs, offers, funds and opportunities ask and give, as aspects that can be matched (matching.py).

    board = Board(today, meanings)
    board.take(record)              every live entry; organizations before what they ask and give
    board.matches(record, most)     for a need the offers and funds that fit; for an offer or fund the needs

Volunteers never stand here: what can be known of them are groups of at least five (jisr_protocol/matching.py, MAT-2).
`volunteer_features` and `vacancy_aspects` match coarse facts where profiles are held, and name nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jisr_protocol.matching import Facts

from ..curation.terms import Concept
from ..curation.words import reference
from ..ports import Key
from .areas import COUNTRY, Area, areas_of, holders, narrowest
from .efforts import UNMAPPED, confirmed_of, themes_of
from .matching import Aspect, Features, Index, Match, merged

NEED, OFFER, FUND, OPPORTUNITY = "need", "offer", "fund", "opportunity"
SIDES = frozenset({NEED, OFFER, FUND})
GIVEN = {"kind": 30, "theme": 25, "near": 20, "country": 10, "amount": 10, "language": 5}
"""Points between a need and an offer."""
FUNDED = {"theme": 40, "country": 25, "amount": 20, "language": 15}
"""Points between a need for money and a fund."""
VOLUNTEERED = {"skill": 35, "language": 25, "near": 20, "when": 15, "country": 5}
"""Points between an opportunity and a volunteer."""
_ANYWHERE = "*"
_FUNDING = "funding"
_BANDS = (0, 500, 2_000, 10_000, 50_000, 250_000, 1_000_000, 10_000_000)


class Board:
    """Who asks for what, and who gives what, at one moment."""

    def __init__(self, today: str, meanings: Mapping[Concept, Concept]) -> None:
        self._today, self._meanings = today, meanings
        self._homes: dict[Key, tuple[Area, ...]] = {}
        self._index = {kind: Index() for kind in SIDES}

    def take(self, value: Mapping[str, Any]) -> None:
        """Note a record; one that asks and gives nothing has no effect but as somebody's home."""
        kind = kind_of(value)
        if kind == "organization":
            self._homes[_key(value)] = narrowest({area for area, _ in areas_of(value, "area")})
        elif kind in SIDES and is_open(value, self._today):
            self._index[kind].add(_key(value), self._features(value), confirmed_of(value, self._today))

    def close(self) -> None:
        """Nothing comes any more: it then takes a small part of the memory."""
        for index in self._index.values():
            index.close()

    def matches(self, value: Mapping[str, Any], most: int) -> list[Match]:
        """What fits a need, an offer or a fund; nothing for what is not open, and nothing of the same organization."""
        kind = kind_of(value)
        if kind not in SIDES or not is_open(value, self._today):
            return []
        has = self._features(value)
        without = {"organization": has["organization"]}
        if kind == FUND:
            return self._index[NEED].best(_to_need(has), most, without)
        if kind == OFFER:
            return self._index[NEED].best(_aspects(has, GIVEN, "kind"), most, without)
        offers = self._index[OFFER].best(_aspects(has, GIVEN, "kind"), most, without)
        if _FUNDING not in has["kind"]:
            return offers
        return merged((offers, self._index[FUND].best(_to_fund(has), most, without)), most)

    def __len__(self) -> int:
        return sum(len(index) for index in self._index.values())

    def _features(self, value: Mapping[str, Any]) -> dict[str, frozenset[str]]:
        kind, node = kind_of(value), str(value["node"])
        funder = value.get("funder")
        by = funder.get("organization") if kind == FUND and isinstance(funder, Mapping) else value.get("organization")
        organization = reference(by, node) if isinstance(by, str) else (node, "")
        areas = narrowest({area for area, _ in areas_of(value, "area")}) or self._homes.get(organization, ())
        countries = _countries(areas)
        if kind == FUND:
            eligible = value.get("eligible_countries")
            named = frozenset(str(code) for code in eligible) if isinstance(eligible, list) else frozenset()
            countries = named or frozenset({_ANYWHERE})
        tongues = value.get("languages")
        spoken = tongues if isinstance(tongues, list) else [value.get("lang")]
        return {
            "kind": frozenset({_FUNDING if kind == FUND else str(value.get("kind", ""))}),
            "theme": frozenset(themes_of(value, self._meanings)) - {UNMAPPED},
            "near": _near(areas),
            "country": countries,
            "amount": _amounts(value.get("amount")),
            "language": frozenset(str(tag).partition("-")[0] for tag in spoken if isinstance(tag, str)),
            "organization": frozenset({"/".join(organization)}),
        }


def kind_of(value: Mapping[str, Any]) -> str:
    """The short name of a record's type."""
    return str(value.get("type", "")).removeprefix("org.jisr.").partition("/")[0]


def is_open(value: Mapping[str, Any], today: str) -> bool:
    """Whether somebody may still answer: active, not met, not past its last day, with a place left."""
    window, period, places = (
        found if isinstance(found := value.get(name), Mapping) else {} for name in ("window", "period", "places")
    )
    last = (value.get("expires"), value.get("deadline"), window.get("closes"), period.get("until"))
    past = any(str(day)[:10] < today for day in last if day)
    return value.get("status") == "active" and value.get("met") != "fully" and places.get("open") != 0 and not past


def volunteer_features(facts: Facts) -> Features:
    """What a profile gives, of its coarse facts alone."""
    areas = tuple(("nuts", code) for code in facts.areas)
    return {
        "skill": facts.skills,
        "language": facts.languages,
        "when": facts.when,
        "near": _near(areas),
        "country": _countries(areas),
    }


def vacancy_aspects(facts: Facts) -> list[Aspect]:
    """What an opportunity asks, of its coarse facts alone."""
    return _aspects(volunteer_features(facts), VOLUNTEERED)


def _aspects(has: Features, weights: Mapping[str, int], must: str = "") -> list[Aspect]:
    return [Aspect(code, weight, frozenset(has[code]), code == must) for code, weight in weights.items()]


def _to_fund(has: Features) -> list[Aspect]:
    """A need asks a fund: its country must be eligible."""
    asked = {**has, "country": {*has["country"], _ANYWHERE}}
    return _aspects(asked, FUNDED, "country")


def _to_need(has: Features) -> list[Aspect]:
    """A fund asks needs: for money, and in its countries."""
    anywhere = _ANYWHERE in has["country"]
    asked = {**has, "country": () if anywhere else has["country"]}
    return [*_aspects(asked, FUNDED, "country"), Aspect("kind", 0, frozenset({_FUNDING}), must=True)]


def _near(areas: Iterable[Area]) -> frozenset[str]:
    """Areas smaller than a country with those that hold them, so that a part meets its whole."""
    wider = {up for area in areas for up in (area, *holders(area))}
    return frozenset("/".join(area) for area in wider if area[0] != COUNTRY)


def _countries(areas: Iterable[Area]) -> frozenset[str]:
    wider = {up for area in areas for up in (area, *holders(area))}
    return frozenset(code for scheme, code in wider if scheme == COUNTRY)


def _amounts(value: object) -> frozenset[str]:
    """The bands that a range of money touches, in its currency."""
    if not isinstance(value, Mapping):
        return frozenset()
    least, most = _number(value.get("minimum"), 0.0), _number(value.get("maximum"), float(_BANDS[-1]))
    currency = str(value.get("currency", ""))
    edges = zip(_BANDS, (*_BANDS[1:], float("inf")), strict=True)
    return frozenset(f"{currency}/{low}" for low, high in edges if least < high and low <= most)


def _number(value: object, missing: float) -> float:
    try:
        return float(str(value)) if value is not None else missing
    except ValueError:
        return missing


def _key(value: Mapping[str, Any]) -> Key:
    return str(value["node"]), str(value["id"])
