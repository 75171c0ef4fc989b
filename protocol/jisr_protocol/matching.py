"""Matching without moving a person: coarse facts in, groups of at least five out (docs/spec/matching.md).

    asked = parse(body)                        what is looked for, of closed lists only (MAT-1)
    facts_of(record)                           the coarse facts of a volunteer's profile; nothing else
    groups(asked, [(node, facts), …])          node → how many it has at least; groups below five are not told

A person is reached by a sealed message to the node of a group, which asks them. Pure: what is held is an argument.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from . import canonical
from .core_terms import FOCUS, FOCUS_AREAS
from .limits import MATCH_BYTES, MATCH_GROUP
from .refusal import refuse
from .shapes import Check, list_of, one_of

VOLUNTEER = "org.jisr.volunteer"
DAYS, PARTS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU"), ("morning", "afternoon", "evening", "night")
WHEN = tuple(f"{day}-{part}" for day in DAYS for part in PARTS)
_AREA = re.compile(r"[A-Z]{2}[A-Z0-9]{0,3}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")


class Facts(msgspec.Struct, frozen=True):
    """Coarse facts: codes of focus areas, languages without region, codes of NUTS down to level 3, parts of days."""

    skills: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    areas: frozenset[str] = frozenset()
    when: frozenset[str] = frozenset()


def _area(value: object) -> str | None:
    good = isinstance(value, str) and _AREA.fullmatch(value)
    return None if good else "a code of NUTS, of level 3 at most, such as NL329"


def _language(value: object) -> str | None:
    good = isinstance(value, str) and _LANGUAGE.fullmatch(value)
    return None if good else "a language without region, such as ar"


_MEMBERS: dict[str, Check] = {
    "skills": list_of(one_of(*FOCUS_AREAS), most=3),
    "languages": list_of(_language, most=3),
    "areas": list_of(_area, most=3),
    "when": list_of(one_of(*WHEN), most=len(WHEN)),
}


def parse(raw: bytes) -> Facts:
    """Read a question. Raises Refusal (CAN, MAT-1): it has no room for anything about a person."""
    value = canonical.parse(raw.removesuffix(b"\n"), limit_bytes=MATCH_BYTES)
    if not isinstance(value, dict) or not value:
        refuse("MAT-1", "", expected="an object with one of the four lists at least", came=value)
        return Facts()
    for name, member in value.items():
        expected = _MEMBERS[name](member) if name in _MEMBERS else f"one of {', '.join(_MEMBERS)}"
        if expected:
            refuse("MAT-1", f"/{canonical.escape(name)}", expected=expected, came=member)
    return Facts(**{name: _set(value.get(name)) for name in _MEMBERS})


def facts_of(record: Mapping[str, Any]) -> Facts:
    """The coarse facts of a record (MAT-3). Words, names, hours and anything finer have no effect."""
    skills = (one.get("code") for one in _objects(record, "skills") if one.get("scheme") == FOCUS)
    languages = (str(one.get("lang", "")).partition("-")[0] for one in _objects(record, "languages"))
    areas = (str(one.get("code", "")) for one in _objects(record, "area") if one.get("scheme") == "nuts")
    grid = record.get("availability")
    pairs = grid.items() if isinstance(grid, dict) else ()
    when = (f"{day}-{part}" for day, parts in pairs if isinstance(parts, list) for part in parts)
    return Facts(
        _set(code for code in skills if code in FOCUS_AREAS),
        _set(tag for tag in languages if _LANGUAGE.fullmatch(tag)),
        _set(code[:5] for code in areas if _AREA.fullmatch(code[:5])),
        _set(one for one in when if one in WHEN),
    )


def fits(asked: Facts, held: Facts) -> bool:
    """Whether what is held meets every fact that was asked for: of each kind one is enough."""
    plain = all(
        not wanted or wanted & there
        for wanted, there in (
            (asked.skills, held.skills),
            (asked.languages, held.languages),
            (asked.when, held.when),
        )
    )
    near = any(one.startswith(other) or other.startswith(one) for one in asked.areas for other in held.areas)
    return plain and (near or not asked.areas)


def groups(asked: Facts, held: Iterable[tuple[str, Facts]]) -> dict[str, int]:
    """MAT-2: node → how many it has at least, a multiple of five; nodes with fewer than five are left out."""
    counted = Counter(node for node, facts in held if fits(asked, facts))
    return {node: count - count % MATCH_GROUP for node, count in sorted(counted.items()) if count >= MATCH_GROUP}


def _objects(record: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = record.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _set(found: Iterable[Any] | None) -> frozenset[str]:
    return frozenset(found or ())
