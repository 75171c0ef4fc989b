"""What is compared of a record: its names, keys, places and relations, in a form that is small and quick to compare."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import msgspec

from .folding import fold
from .keys import keys_of
from .wording import Name, name

Key = tuple[str, str]
"""(node, id) of a record."""
ORGANIZATION, SERVICE, LOCATION = "organization", "service", "location"
KINDS = {f"org.jisr.{kind}/1": kind for kind in (ORGANIZATION, SERVICE, LOCATION)}
MOST_NAMES = 12
_MOST_PLACES = 8


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where something is: a point in degrees where it is exact, and the words of its address."""

    latitude: float | None = None
    longitude: float | None = None
    exact: bool = False
    """Whether the point is that of a house or a street; else only of a town or a region."""
    localities: tuple[Name, ...] = ()
    streets: tuple[str, ...] = ()
    """Folded, with the number of the house."""
    names: tuple[Name, ...] = ()
    """What the place is called, which tells two places of one town apart."""


class Profile(msgspec.Struct, frozen=True, gc=False):
    """One record as it is compared."""

    key: Key
    kind: str
    names: tuple[Name, ...]
    keys: tuple[str, ...]
    ended: bool
    by: Key | None
    """The organization of a service."""
    at: tuple[Key, ...]
    """The locations of an organization or a service."""
    places: tuple[Place, ...]
    areas: tuple[str, ...]
    """Codes of where it works."""
    terms: frozenset[str]
    kin: frozenset[Key]
    """What it says it follows or is a part of."""


def profile(record: dict[str, Any]) -> Profile | None:
    """Take what is compared out of a record; None for another type, or where there is no name.

    Members that have not the form of the schema are passed over: what comes here was validated, or is a draft.
    """
    kind = KINDS.get(str(record.get("type")))
    names = tuple(_names(record))
    if kind is None or not names:
        return None
    node, id = sys.intern(str(record.get("node"))), str(record.get("id"))
    addresses = [each for each in _list(record, "addresses")[:_MOST_PLACES] if isinstance(each, dict)]
    country = next((a["country"] for a in addresses if isinstance(a.get("country"), str)), None) or _country(record)
    links = [link for link in _list(record, "links")[:100] if isinstance(link, dict)]
    at = [_reference(node, link.get("target")) for link in links if link.get("rel") in ("located_at", "offers_at")]
    at += [_reference(node, each.get("location")) for each in _list(record, "at")[:20] if isinstance(each, dict)]
    kin = [_reference(node, link.get("target")) for link in links if link.get("rel") in ("successor_of", "part_of")]
    kin.append(_reference(node, record.get("parent")))
    return Profile(
        key=(node, id),
        kind=kind,
        names=names,
        keys=tuple(sys.intern(key) for key in keys_of(record, country)),
        ended=record.get("status") == "ended",
        by=_reference(node, record.get("organization")) if kind == SERVICE else None,
        at=tuple(dict.fromkeys(key for key in at if key))[:_MOST_PLACES],
        places=_places(record, addresses, names) if kind == LOCATION else (),
        areas=tuple(_areas(record)),
        terms=frozenset(_terms(record)),
        kin=frozenset(key for key in kin if key),
    )


def _list(record: dict[str, Any], member: str) -> list[Any]:
    value = record.get(member)
    return value if isinstance(value, list) else []


def _labels(value: Any) -> Iterator[tuple[str, str]]:
    """(language, text) of a localised text, in the order of languages."""
    if isinstance(value, dict):
        for lang in sorted(value)[:MOST_NAMES]:
            text = value[lang].get("value") if isinstance(value[lang], dict) else None
            if isinstance(text, str):
                yield lang, text


def _names(record: dict[str, Any]) -> Iterator[Name]:
    found: list[Name | None] = [name(text, lang) for lang, text in _labels(record.get("name"))]
    for value in [record.get("short_name"), *_list(record, "alternate_names")]:
        found += [name(text, lang, main=False) for lang, text in _labels(value)]
    if isinstance(letters := record.get("acronym"), str):
        found.append(name(letters, "", main=False, acronym=True))
    seen: set[tuple[tuple[str, ...], str]] = set()
    for each in found:
        if each is not None and (each.words, each.lang) not in seen and len(seen) < MOST_NAMES:
            seen.add((each.words, each.lang))
            yield each


def _reference(node: str, target: Any) -> Key | None:
    if not isinstance(target, str):
        return None
    before, slash, id = target.rpartition("/")
    return (sys.intern(before), id) if slash else (node, target)


def _country(record: dict[str, Any]) -> str | None:
    for area in _list(record, "area"):
        if isinstance(area, dict) and isinstance(area.get("code"), str) and "3166" in str(area.get("scheme")):
            return str(area["code"])[:2].upper()
    return None


def _places(record: dict[str, Any], addresses: list[dict[str, Any]], names: tuple[Name, ...]) -> tuple[Place, ...]:
    found = []
    localities = [name(text, lang) for a in addresses for lang, text in _labels(a.get("locality"))]
    streets = [fold(text) for a in addresses for _, text in _labels(a.get("street"))]
    latitude, longitude, exact = None, None, False
    point = record.get("coordinates")
    if isinstance(point, dict):
        try:
            latitude, longitude = float(point["latitude"]), float(point["longitude"])
        except (KeyError, TypeError, ValueError):
            latitude = longitude = None
        exact = latitude is not None and point.get("precision") in ("exact", "street")
    if latitude is not None or localities or streets:
        kept = tuple(each for each in localities if each)[:MOST_NAMES]
        found.append(Place(latitude, longitude, exact, kept, tuple(s for s in streets if s)[:MOST_NAMES], names))
    return tuple(found)


def _areas(record: dict[str, Any]) -> Iterator[str]:
    """Codes finer than a country, and names where there is no code."""
    for area in _list(record, "area")[:20]:
        if not isinstance(area, dict):
            continue
        code, scheme = area.get("code"), area.get("scheme")
        if isinstance(code, str):
            if scheme != "iso3166-1":
                yield sys.intern(f"{scheme}:{code}")
        else:
            yield from (sys.intern(f":{fold(text)}") for _, text in _labels(area.get("name")))


def _terms(record: dict[str, Any]) -> Iterator[str]:
    for term in _list(record, "terms")[:60]:
        if isinstance(term, dict) and isinstance(term.get("code"), str):
            yield sys.intern(f"{term.get('scheme')}:{term['code']}")
