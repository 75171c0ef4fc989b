"""Profiles for the Murmurations network, for organizations and alliances: `organizations_schema-v1.0.0`, its fields as
the library of the network had them on 2026-11-23 (MurmurationsNetwork/MurmurationsLibrary on GitHub).

A profile is read by an index at an address of its own (`/export/<entry>.murmurations.json`); the whole list is an array
of the same. Who is read for a place must not be hidden there, so of a hidden place nothing is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from .shown import About, Shown

SCHEMA = "organizations_schema-v1.0.0"
_LONGEST_TAG, _MOST_TAGS = 100, 100
_STATUS = {"active": "active", "planned": "in_planning", "paused": "on_hold", "ended": "completed"}
_KNOWN = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY "
    "BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK "
    "FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR "
    "IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK "
    "ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM "
    "PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF "
    "TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW "
)
_COUNTRIES = frozenset(_KNOWN.split())
"""Countries that the schema knows, those of ISO 3166-1; with any other code the network refuses a whole profile."""


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
        "country_iso_3166": next((code for code in _countries(one) if code in _COUNTRIES), ""),
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


def _countries(one: Shown) -> list[str]:
    return [str(each.get("country")) for place in one.places for each in place.postal]


def _logo(one: Shown) -> str:
    logo = one.record.get("logo")
    return str(logo.get("url", "")) if isinstance(logo, dict) else ""
