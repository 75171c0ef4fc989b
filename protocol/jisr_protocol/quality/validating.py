"""validate: everything that must be fixed in a record, and everything that could be better, as findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from .. import canonical, schema
from ..refusal import Refusal
from ..schema import SchemaError
from . import criteria, personal
from .findings import COULD_BE_BETTER, MUST_FIX, Finding, Verdict, found

LIKE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "a mail address": ("mail", "info@example.org"),
        "a phone number in E.164, + and 7 to 15 digits without spaces": ("phone", "+212539000000"),
        "a web address that begins with http:// or https://": ("web", "https://example.org"),
        "a date, YYYY-MM-DD": ("date", "2026-03-03"),
        "a year, or a year and month": ("year", "2026-03"),
        "an instant in UTC, YYYY-MM-DDTHH:MM:SSZ": ("moment", "2026-03-03T14:05:00Z"),
        "a local date and time, YYYY-MM-DDTHH:MM, without an offset": ("moment", "2026-03-03T14:05"),
        "a time of day, HH:MM": ("time", "09:30"),
        "an IANA time zone such as Africa/Casablanca, never an offset": ("timezone", "Africa/Casablanca"),
        "a language tag of BCP 47 such as ar, zgh or nl-BE": ("language", "ar, zgh, nl-BE"),
        "a country of ISO 3166-1, two capital letters": ("country", "MA"),
        "a currency of ISO 4217 such as MAD": ("currency", "MAD"),
        'a decimal number written as a string, such as "1250.50"': ("number", '"1250.50"'),
        "a latitude in degrees as a decimal string, -90 to 90, at most 8 decimals": ("coordinate", '"35.7806"'),
        "a longitude in degrees as a decimal string, -180 to 180, at most 8 decimals": ("coordinate", '"-5.8137"'),
        "an SPDX or Creative Commons identifier such as CC-BY-4.0": ("licence", "CC-BY-4.0"),
        "an org-id prefix such as NL-KVK, or an interim one such as JISR-MA-ICE": ("register", "NL-KVK"),
        "a postal code": ("postal_code", "90000"),
        "a type with its major, such as org.jisr.service/1": ("kind", "org.jisr.service/1"),
    }
)
"""A form by its name in the schemas: the code, and an example that fits it."""
BY_FORM: Mapping[str, str] = MappingProxyType(
    {
        "a whole number": "whole",
        "true or false": "yes_no",
        "a text that is not blank": "blank",
        "a text of at most 200 characters that is not blank": "blank",
        "a number or code of a register": "code",
        "the identifier in the other system": "blank",
        "a short localised text, one entry per language": "words",
        "a localised text, one entry per language": "words",
        "a long localised text, one entry per language": "words",
        "an object with value and origin": "words",
        "no member that tells who a person is": "nobody",
        "a text without mail address or phone number": "contact_in_text",
        "no address and no point in a public record of a hidden place": "hidden_place",
        "no street in a public record of a place shown as an area": "area_place",
        "locality or region, because the place is public and not exact": "area_place",
        "a UUID in lowercase": "reference",
        "a reference: a UUID of the same node, or jisr:…/UUID": "reference",
        "a node identifier or a reference to a record": "reference",
        "a node identifier, jisr: and 52 characters of base32": "reference",
        "a short word of small Latin letters, digits, _ and -": "code",
        "the short name of a code list": "code",
        "a code of Latin letters, digits and . _ : / + -": "code",
    }
)
_BY_KEYWORD: Mapping[str, str] = MappingProxyType(
    {
        "required": "missing",
        "dependentRequired": "missing",
        "anyOf": "missing_one",
        "maxLength": "too_long",
        "minLength": "blank",
        "maxItems": "too_many",
        "maxProperties": "too_many",
        "minItems": "too_few",
        "minProperties": "too_few",
        "maximum": "too_high",
        "minimum": "too_low",
        "uniqueItems": "twice",
    }
)


def validate(record: Mapping[str, Any], today: str) -> Verdict:
    """Every finding on a record on a day (YYYY-MM-DD, UTC), none cut; what must be fixed comes first.

    `record` is a whole record, its members given by the node included. Whatever it holds, this returns: a value that is
    no record is a finding. Says nothing of signatures, or of who may write what.
    """
    must = list(_must(record))
    better: list[Finding] = []
    if not must:
        better = [one.finding(str(record["type"])) for one in criteria.judge(record, today) if one.advises]
    if isinstance(record, Mapping):
        better += personal.look(record)
    return Verdict((*must, *better), today)


def _must(record: Any) -> Iterator[Finding]:
    if not isinstance(record, Mapping):
        yield found("form", MUST_FIX, "", "", expected="{…}", came=type(record).__name__)
        return
    type_name = record.get("type")
    if not isinstance(type_name, str) or not schema.known(type_name):
        came = type_name if isinstance(type_name, str) else ""
        yield found("kind_unknown", MUST_FIX, "/type", "", expected=", ".join(schema.types()), came=came)
        return
    try:
        canonical.dumps(dict(record))
    except Refusal as refusal:
        yield found("unsignable", MUST_FIX, refusal.pointer, type_name, expected=refusal.expected, came=refusal.came)
        return
    if not schema.accepts(type_name, dict(record)):
        for error in schema.errors(type_name, dict(record)):
            yield _of_schema(error, type_name)


def _of_schema(error: SchemaError, type_name: str) -> Finding:
    """A fault of the schema in our codes: the stable part, whatever the schema calls it."""
    code, expected = _code(error)
    came: object = error.came
    if error.keyword in ("maxLength", "maxItems", "minItems", "maxProperties", "minProperties"):
        came = len(error.came)
    elif came is None or isinstance(came, dict | list):
        came = "" if came is None else "{…}" if isinstance(came, dict) else "[…]"
    elif isinstance(came, bool):
        came = str(came).lower()
    return found(code, MUST_FIX, error.pointer, type_name, expected=expected, came=came)


def _code(error: SchemaError) -> tuple[str, str]:
    expected = error.expected
    told = ", ".join(map(str, expected)) if isinstance(expected, list) else str(expected)
    if error.form == "no member that tells who a person is":
        return "nobody", ""
    if error.keyword == "propertyNames":
        return LIKE["a language tag of BCP 47 such as ar, zgh or nl-BE"]
    if error.keyword in _BY_KEYWORD:
        return _BY_KEYWORD[error.keyword], told
    if error.form in BY_FORM:
        return BY_FORM[error.form], ""
    if error.form in LIKE:
        return LIKE[error.form]
    if error.keyword == "enum":
        return "choice", told
    return "form", error.form or f"{error.keyword} {told}"


CODES = frozenset(
    {code for code, _ in LIKE.values()}
    | set(BY_FORM.values())
    | set(_BY_KEYWORD.values())
    | {"choice", "form", "kind_unknown", "unsignable"}
    | set(personal.CODES)
    | {one.code for one in criteria.CRITERIA}
)
"""Every code of a finding. One that was published keeps its meaning."""

__all__ = ["CODES", "COULD_BE_BETTER", "LIKE", "MUST_FIX", "validate"]
