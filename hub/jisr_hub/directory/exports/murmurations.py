"""Profiles for the Murmurations network, for organizations and alliances: `organizations_schema-v1.0.0`, its fields as
the library of the network had them on 2026-11-23 (MurmurationsNetwork/MurmurationsLibrary on GitHub).

A profile is read by an index at an address of its own (`/export/<entry>.murmurations.json`); the whole list is an array
of the same. Who is read for a place must not be hidden there, so of a hidden place nothing is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from jisr_protocol.pages import countries

from .shown import About, Shown

SCHEMA = "organizations_schema-v1.0.0"
_LONGEST_TAG, _MOST_TAGS = 100, 100
_STATUS = {"active": "active", "planned": "in_planning", "paused": "on_hold", "ended": "completed"}


class Profiles:
    """An array of profiles; with `single` the profile alone."""

    def __init__(self, about: About, single: bool = False) -> None:
        self._single, self._first = single, True

    def begin(self) -> bytes:
        return b"" if self._single else b"[\n"

    def part(self, entries: Sequence[Shown]) -> bytes:
        written = b",\n".join(orjson.dumps(profile(one)) for one in entries)
        before = b"" if self._first or not written else b",\n"
        self._first = self._first and not written
        return before + written

    def end(self) -> bytes:
        return b"\n" if self._single else b"\n]\n"


def profile(one: Shown) -> dict[str, Any]:
    """An organization as its profile; `licence`, `source` and `author_nodes` are beyond the schema."""
    webs, points = one.websites, one.points
    tags = [label or code for _, code, _, label in one.terms]
    value: dict[str, Any] = {
        "linked_schemas": [SCHEMA],
        "name": one.name or one.entry,
        "nickname": one.words(one.record.get("short_name")),
        "primary_url": webs[0] if webs else one.page,
        "tags": list(dict.fromkeys(tag[:_LONGEST_TAG] for tag in tags))[:_MOST_TAGS],
        "urls": [{"name": web, "url": web} for web in webs if web != webs[0]],
        "description": one.description,
        "status": _STATUS.get(str(one.record.get("status")), ""),
        "full_address": next(one.addressed(), ""),
        "country_iso_3166": _country(one),
        "geolocation": {"lon": points[0][0], "lat": points[0][1]} if points else {},
        "image": _logo(one),
        "contact_details": {"email": one.reached("email")[0]} if one.reached("email") else {},
        "telephone": next(iter(one.reached("phone")), ""),
        "unique_id": one.entry,
        "licence": one.licence,
        "source": one.page,
        "author_nodes": one.nodes,
    }
    return {name: member for name, member in value.items() if member}


def _country(one: Shown) -> str:
    """Of its first place in a country of ISO 3166-1: with any other code the network refuses a whole profile."""
    given = (str(each.get("country")) for place in one.places for each in place.postal)
    return next((code for code in given if code in countries.names("en")), "")


def _logo(one: Shown) -> str:
    logo = one.record.get("logo")
    return str(logo.get("url", "")) if isinstance(logo, dict) else ""
