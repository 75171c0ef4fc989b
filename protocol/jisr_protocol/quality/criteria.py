"""Named criteria: whether a record is right (accuracy) and whether it helps (usefulness), never summed up.

Each is met, not met, or not applicable: to a kind of record that does not say such a thing, or to a place that stays
hidden on purpose.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import msgspec

from .. import schema
from . import personal
from .findings import COULD_BE_BETTER, Finding, found

ACCURACY, USEFULNESS = "accuracy", "usefulness"
MET, NOT_MET, NOT_APPLICABLE = "met", "not met", "not applicable"
MONTH_DAYS = 365.25 / 12
FRESH_MONTHS, STALE_MONTHS = 6, 24
ENOUGH_WORDS = 40
"""Characters of a description that says something."""
NOT_AGEING = ("news", "grant", "membership", "assertion", "taxonomy", "indicator")
"""Kinds that say what was, and are not confirmed again."""
WITHOUT_PLACE = ("news", "membership", "assertion", "taxonomy", "standard")
WITHOUT_TERMS = ("membership", "assertion", "taxonomy", "indicator")
_NOTHING = ("", "")


class Judged(msgspec.Struct, frozen=True):
    """A criterion and a record: `pointer` is where it is met, or where it would be; `fact` what was found there."""

    code: str
    side: str
    state: str
    pointer: str = ""
    fact: str = ""

    @property
    def advises(self) -> bool:
        """Whether it is a finding of its own; what tells of persons has findings of its own."""
        return self.state == NOT_MET and self.code not in ("structure", "persons")

    def finding(self, type_name: str) -> Finding:
        """The same as something that could be better."""
        return found(self.code, COULD_BE_BETTER, self.pointer, type_name, came=self.fact)


class Criterion(msgspec.Struct, frozen=True):
    """`look` gives (state, pointer, fact)."""

    code: str
    side: str
    look: Callable[[Mapping[str, Any], str], tuple[str, str, str]]


def judge(record: Mapping[str, Any], today: str) -> list[Judged]:
    """Every criterion on a record of a known type that fits its schema, on a day (YYYY-MM-DD, UTC)."""
    return [Judged(one.code, one.side, *one.look(record, today)) for one in CRITERIA]


def misfit() -> list[Judged]:
    """The criteria on what does not fit its schema: its structure is not right, and nothing else can be told."""
    return [Judged(one.code, one.side, NOT_MET if one.code == "structure" else NOT_APPLICABLE) for one in CRITERIA]


def freshness(confirmed: str, today: str) -> float:
    """1.0 until six months after a day, then falling in a line to 0 at 24 months. Days are YYYY-MM-DD; a later day than
    today counts as today, one that cannot be read as long ago."""
    try:
        age = (date.fromisoformat(today[:10]) - date.fromisoformat(confirmed[:10])).days / MONTH_DAYS
    except ValueError:
        return 0.0
    return min(1.0, max(0.0, (STALE_MONTHS - age) / (STALE_MONTHS - FRESH_MONTHS)))


def confirmed(record: Mapping[str, Any]) -> str:
    """The day a record was last confirmed: by a check against reality, or by its author who wrote it anew."""
    assured = record.get("assured")
    checked = str(assured.get("at", "")) if isinstance(assured, Mapping) else ""
    return max(checked[:10], str(record.get("modified", ""))[:10])


def stale_on(confirmed_on: str, months: int = FRESH_MONTHS) -> str:
    """The day from which something confirmed on a day is not fresh any more; "" when that day cannot be told."""
    try:
        return (date.fromisoformat(confirmed_on[:10]) + timedelta(days=round(months * MONTH_DAYS))).isoformat()
    except (ValueError, OverflowError):
        return ""


# Accuracy


def _structure(record: Mapping[str, Any], today: str) -> tuple[str, str, str]:
    return (MET, "", str(record["type"])) if schema.accepts(str(record["type"]), dict(record)) else (NOT_MET, *_NOTHING)


def _fresh(record: Mapping[str, Any], today: str) -> tuple[str, str, str]:
    if _kind(record) in NOT_AGEING:
        return NOT_APPLICABLE, *_NOTHING
    day = confirmed(record)
    return MET if freshness(day, today) == 1.0 else NOT_MET, "/assured", day


def _review(record: Mapping[str, Any], today: str) -> tuple[str, str, str]:
    day = record.get("review_by")
    if not isinstance(day, str):
        return NOT_APPLICABLE, "/review_by", ""
    return NOT_MET if day < today else MET, "/review_by", day


def _over(record: Mapping[str, Any], today: str) -> tuple[str, str, str]:
    """Something that is over and still called active."""
    for pointer in ("/expires", "/period/until", "/deadline", "/window/closes", "/end"):
        day = _at(record, pointer)
        if isinstance(day, str):
            over = day[:10] < today and record.get("status") == "active"
            return NOT_MET if over else MET, pointer, day[:10]
    return NOT_APPLICABLE, "/expires", ""


def _checked(record: Mapping[str, Any], today: str) -> tuple[str, str, str]:
    """Somebody looked at reality, by whatever method; an author's word for itself is `self`."""
    if _kind(record) in NOT_AGEING:
        return NOT_APPLICABLE, *_NOTHING
    assured = record.get("assured")
    if not isinstance(assured, Mapping):
        return NOT_MET, "/assured", ""
    return MET if assured.get("method") != "self" else NOT_MET, "/assured", str(assured.get("at", ""))


def _numbers(record: Mapping[str, Any], today: str) -> tuple[str, str, str]:
    """Where a number of a register is given, somebody has looked whether it exists. An association without a number is
    no worse for it."""
    held = record.get("identifiers")
    if not isinstance(held, list) or not held:
        return NOT_APPLICABLE, "/identifiers", ""
    for place, one in enumerate(held):
        if one.get("checked") not in ("existence", "ownership"):
            return NOT_MET, f"/identifiers/{place}/checked", str(one.get("checked", ""))
    return MET, "/identifiers", str(len(held))


def _persons(record: Mapping[str, Any], today: str) -> tuple[str, str, str]:
    findings = personal.look(record)
    return (NOT_MET, findings[0].pointer, str(len(findings))) if findings else (MET, "", "")


def _letters(record: Mapping[str, Any], today: str) -> tuple[str, str, str]:
    """Names in letters that are what they look like: no word of two alphabets. Signs that turn the direction cannot be
    signed at all (CAN)."""
    for pointer, text in personal.texts(record):
        if pointer.startswith(("/name/", "/title/", "/short_name/")) and (word := _mixed(text)):
            return NOT_MET, pointer, word
    return MET, "", ""


def _mixed(text: str) -> str:
    for word in text.split():
        scripts = {unicodedata.name(c, "").partition(" ")[0] for c in word if c.isalpha()}
        if len(scripts & {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"}) > 1:
            return word
    return ""


# Usefulness


def _any_of(*names: str) -> Callable[[Mapping[str, Any], str], tuple[str, str, str]]:
    """Met when one of these members stands there; for a type that has any of them."""

    def look(record: Mapping[str, Any], today: str) -> tuple[str, str, str]:
        mine = _members(record, names)
        if not mine:
            return NOT_APPLICABLE, *_NOTHING
        given = next((name for name in mine if record.get(name)), None)
        return (NOT_MET, f"/{mine[0]}", "") if given is None else (MET, f"/{given}", "")

    return look


def _described(record: Mapping[str, Any], today: str) -> tuple[str, str, str]:
    mine = _members(record, ("description", "purpose", "summary", "body"))
    if not mine:
        return NOT_APPLICABLE, *_NOTHING
    longest = max((len(text) for name in mine for text in _human(record.get(name))), default=0)
    return MET if longest >= ENOUGH_WORDS else NOT_MET, f"/{mine[0]}", str(longest)


def _reachable(record: Mapping[str, Any], today: str) -> tuple[str, str, str]:
    mine = _members(record, ("contact_points", "websites", "url", "apply_url", "online_url"))
    if not mine:
        return NOT_APPLICABLE, *_NOTHING
    points = [
        point for point in record.get("contact_points", []) if any(point.get(n) for n in ("email", "phone", "url"))
    ]
    ways = len(points) + sum(bool(record.get(name)) for name in mine if name != "contact_points")
    return MET if ways else NOT_MET, f"/{mine[0]}", str(ways)


def _where(record: Mapping[str, Any], today: str) -> tuple[str, str, str]:
    if record.get("privacy") == "hidden":
        return NOT_APPLICABLE, "/privacy", "hidden"
    names = ("addresses", "coordinates", "at", "location", "area", "countries", "municipality", "online_url")
    if _kind(record) in WITHOUT_PLACE:
        return NOT_APPLICABLE, *_NOTHING
    linked = any(link.get("rel") in ("located_at", "offers_at") for link in record.get("links", ()))
    given = next((name for name in names if record.get(name)), None)
    return (MET, f"/{given or 'links'}", "") if given or linked else (NOT_MET, "/area", "")


def _whom(record: Mapping[str, Any], today: str) -> tuple[str, str, str]:
    mine = _members(record, ("for_whom", "eligibility", "eligible_groups", "eligible_countries", "reach"))
    if not mine:
        return NOT_APPLICABLE, *_NOTHING
    by_term = any(term.get("role") in ("target_group", "situation") for term in record.get("terms", ()))
    given = next((name for name in mine if record.get(name)), None)
    return (MET, f"/{given or 'terms'}", "") if given or by_term else (NOT_MET, f"/{mine[0]}", "")


def _languages(record: Mapping[str, Any], today: str) -> tuple[str, str, str]:
    """Its name in a second language, by the author or a translator: a machine's words do not count (origin)."""
    name = next((name for name in ("name", "title") if isinstance(record.get(name), Mapping)), None)
    if name is None:
        return NOT_APPLICABLE, *_NOTHING
    written = sorted(lang for lang, text in record[name].items() if text.get("origin") in ("author", "human"))
    return MET if len(written) > 1 else NOT_MET, f"/{name}", ", ".join(written)


def _terms(record: Mapping[str, Any], today: str) -> tuple[str, str, str]:
    if _kind(record) in WITHOUT_TERMS:
        return NOT_APPLICABLE, *_NOTHING
    terms = record.get("terms") or []
    return MET if terms else NOT_MET, "/terms", str(len(terms))


CRITERIA = (
    Criterion("structure", ACCURACY, _structure),
    Criterion("fresh", ACCURACY, _fresh),
    Criterion("review", ACCURACY, _review),
    Criterion("over", ACCURACY, _over),
    Criterion("checked", ACCURACY, _checked),
    Criterion("numbers", ACCURACY, _numbers),
    Criterion("persons", ACCURACY, _persons),
    Criterion("letters", ACCURACY, _letters),
    Criterion("described", USEFULNESS, _described),
    Criterion("reachable", USEFULNESS, _reachable),
    Criterion("opening", USEFULNESS, _any_of("opening_hours", "schedule", "start", "window", "at")),
    Criterion("where", USEFULNESS, _where),
    Criterion("whom", USEFULNESS, _whom),
    Criterion("languages", USEFULNESS, _languages),
    Criterion("terms", USEFULNESS, _terms),
)


def _kind(record: Mapping[str, Any]) -> str:
    return str(record["type"]).removeprefix("org.jisr.").partition("/")[0]


def _members(record: Mapping[str, Any], names: tuple[str, ...]) -> list[str]:
    """Those of these members that the type of the record has."""
    known = schema.document(str(record["type"]))["properties"]
    return [name for name in names if name in known]


def _human(value: object) -> Iterator[str]:
    """The texts of a localised text that a person wrote."""
    if isinstance(value, Mapping):
        for text in value.values():
            if isinstance(text, Mapping) and text.get("origin") in ("author", "human"):
                yield str(text.get("value", "")).strip()


def _at(record: Mapping[str, Any], pointer: str) -> object:
    value: Any = record
    for step in pointer.split("/")[1:]:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value
