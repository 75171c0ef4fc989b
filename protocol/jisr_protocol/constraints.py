"""What a hub or node may speak for: countries, types, organizations (docs/spec/authority.md).

    {"countries":["MA"],"organizations":["1f7a6a38-…"],"types":["org.jisr.service"]}

A list that is missing bounds nothing. Bounds only ever get narrower down a chain (`narrowed`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import identifiers
from .refusal import refuse
from .shapes import list_of

MOST = 512
"""Items of one list."""
_COUNTRY = re.compile(r"[A-Z]{2}")
_TYPE = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)+")
_ORGANIZATION_TYPE = "org.jisr.organization"


def _country(value: object) -> str | None:
    ok = isinstance(value, str) and _COUNTRY.fullmatch(value)
    return None if ok else "a country of two capital letters"


def _type(value: object) -> str | None:
    ok = isinstance(value, str) and len(value) <= 120 and _TYPE.fullmatch(value)
    return None if ok else "a type without its version, such as org.jisr.service"


_LISTS = {
    "countries": list_of(_country, most=MOST),
    "organizations": list_of(identifiers.uuid, most=MOST),
    "types": list_of(_type, most=MOST),
}


def form(value: object) -> str | None:
    """What was expected when this is no object of constraints (STMT-1); None when it is one."""
    if not isinstance(value, dict):
        return "an object"
    faults = (f"{name}: {e}" for name, check in _LISTS.items() if name in value and (e := check(value[name])))
    return next(faults, None)


@dataclass(frozen=True)
class Constraints:
    """Bounds; None where there is none. An empty set lets nothing through."""

    countries: frozenset[str] | None = None
    organizations: frozenset[str] | None = None
    types: frozenset[str] | None = None

    def narrowed(self, other: Constraints) -> Constraints:
        """What both let through."""
        return Constraints(
            _both(self.countries, other.countries),
            _both(self.organizations, other.organizations),
            _both(self.types, other.types),
        )

    def check(self, record: Mapping[str, Any]) -> None:
        """AUTH-4: a record stays within the bounds of its node. Raises Refusal (constraint_violated).

        Countries are those that the record names in any member `country` or `countries`; its organization is the record
        itself where it is one, else what its member `organization` points to among the node's own.
        """
        if self.types is not None and (name := str(record.get("type")).partition("/")[0]) not in self.types:
            refuse("AUTH-4", "/record/type", expected=_told("types", self.types), came=name)
        if self.countries is not None:
            for pointer, country in _countries(record, "/record"):
                if country not in self.countries:
                    refuse("AUTH-4", pointer, expected=_told("countries", self.countries), came=country)
        if self.organizations is not None and (found := _organization(record)) is not None:
            pointer, organization = found
            if organization not in self.organizations:
                refuse("AUTH-4", pointer, expected=_told("organizations", self.organizations), came=organization)

    def to_value(self) -> dict[str, list[str]]:
        """As it stands in a statement: only what is bounded, each list sorted."""
        lists = {"countries": self.countries, "organizations": self.organizations, "types": self.types}
        return {name: sorted(items) for name, items in lists.items() if items is not None}


UNBOUNDED = Constraints()


def of(value: Mapping[str, Any] | None) -> Constraints:
    """The constraints of a checked object; of none, no bounds."""
    lists = {name: frozenset(value[name]) for name in _LISTS if value is not None and name in value}
    return Constraints(**lists)


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _told(what: str, items: frozenset[str]) -> str:
    return f"one of the {what} this node may speak for: {', '.join(sorted(items)) or 'none'}"


def _countries(value: object, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _countries(item, f"{pointer}/{index}")
    elif isinstance(value, dict):
        for name, member in value.items():
            if name == "country" and isinstance(member, str):
                yield f"{pointer}/country", member
            elif name == "countries" and isinstance(member, list):
                yield from ((f"{pointer}/countries/{i}", str(item)) for i, item in enumerate(member))
            else:
                yield from _countries(member, f"{pointer}/{name}")


def _organization(record: Mapping[str, Any]) -> tuple[str, str] | None:
    if str(record.get("type")).partition("/")[0] == _ORGANIZATION_TYPE:
        return "/record/id", str(record.get("id"))
    named = record.get("organization")
    if not isinstance(named, str) or named.startswith("jisr:"):
        return None  # what another node says of its organization is that node's affair
    return "/record/organization", named
