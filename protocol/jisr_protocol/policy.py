"""Policies: which records a feed takes, written down in a file that the feed's head names (docs/spec/policies.md).

    policy = parse(raw)                       the file: {"policy":{"allow":{…},"deny":{…},"id":…,"version":…}} and LF
    judge(policy, record, facts)              None when the record may stand in the feed, else the reason why not

A policy judges a record by what the record says and by what is known of its author: `Facts`. It knows no time and asks
nobody, so whoever has the file, the record and the facts comes to the same verdict.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from . import canonical, identifiers
from .limits import POLICY_BYTES, POLICY_ITEMS
from .refusal import Refusal, refuse
from .shapes import Check, Shape, any_object

_COUNTRY = re.compile(r"[A-Z]{2}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_MARK = re.compile(r"[a-z][a-z0-9-]{0,63}")
_ID = re.compile(r"[a-z][a-z0-9-]{0,63}-[1-9][0-9]{0,8}")


def _matching(form: re.Pattern[str], expected: str) -> Check:
    return lambda value: None if isinstance(value, str) and form.fullmatch(value) else expected


def _list_once(check: Check) -> Check:
    """A check for a list that is not empty and names nothing twice."""

    def checked(value: object) -> str | None:
        if not isinstance(value, list) or not 1 <= len(value) <= POLICY_ITEMS:
            return f"a list of 1 to {POLICY_ITEMS} items"
        if expected := next((f"a list, each item {e}" for item in value if (e := check(item))), None):
            return expected
        return None if len(set(value)) == len(value) else "a list without an item twice"

    return checked


MEMBERS: Mapping[str, Check] = {
    "countries": _list_once(_matching(_COUNTRY, "a country of ISO 3166-1, two capital letters")),
    "hubs": _list_once(identifiers.node),
    "languages": _list_once(_matching(_LANGUAGE, "a language tag of BCP 47")),
    "marks": _list_once(_matching(_MARK, "a mark: small letters, digits and hyphens")),
    "nodes": _list_once(identifiers.node),
    "types": _list_once(identifiers.type_name),
}
"""What a policy may say something of, each a list; every one that is absent means: any."""
_SIDE = Shape("POL-2", {}, MEMBERS)
_POLICY = Shape(
    "POL-1",
    {
        "allow": any_object,
        "deny": any_object,
        "id": _matching(_ID, "a name, a hyphen and the version, such as public-7"),
        "version": identifiers.rev,
    },
)


class Facts(msgspec.Struct, frozen=True):
    """What is known of a record's author beside the record: its home hub, that hub's countries, the author's marks."""

    home: str = ""
    countries: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()


class Policy(msgspec.Struct, frozen=True):
    """A checked policy and the bytes of its file."""

    id: str
    version: int
    allow: Mapping[str, Sequence[str]]
    deny: Mapping[str, Sequence[str]]
    raw: bytes

    @property
    def sha256(self) -> str:
        """By this the policy is known: the hash of its file."""
        return hashlib.sha256(self.raw).hexdigest()

    @property
    def named(self) -> dict[str, str]:
        """How a head names it (POL-5)."""
        return {"id": self.id, "sha256": self.sha256}


def parse(raw: bytes) -> Policy:
    """Read a policy file. Raises Refusal (POL-1 to POL-3, CAN, LIM-1)."""
    if not raw.endswith(b"\n"):
        refuse("POL-1", "", expected="one line, ended by a line feed", came=raw[-20:])
    value = canonical.parse(raw.removesuffix(b"\n"), limit_bytes=POLICY_BYTES)
    if not isinstance(value, dict) or not isinstance(value.get("policy"), dict):
        refuse("POL-1", "", expected="an object with the member 'policy'", came=value)
        return Policy("", 0, {}, {}, raw)
    said = _POLICY.check(value["policy"], "/policy")
    for side in ("allow", "deny"):
        _check_side(said[side], f"/policy/{side}")
    if said["id"].rpartition("-")[2] != str(said["version"]):
        refuse("POL-3", "/policy/id", expected=f"an id that ends with -{said['version']}", came=said["id"])
    return Policy(said["id"], said["version"], said["allow"], said["deny"], raw)


def _check_side(side: dict[str, Any], pointer: str) -> None:
    """POL-2: a member that is not known would be passed over, and let in or keep out what nobody meant."""
    for name in side:
        if name not in MEMBERS:
            expected = "one of " + ", ".join(MEMBERS)
            refuse("POL-2", f"{pointer}/{canonical.escape(name)}", expected=expected, came=name)
    _SIDE.check(side, pointer)


def write(
    name: str,
    version: int,
    *,
    allow: Mapping[str, Sequence[str]] | None = None,
    deny: Mapping[str, Sequence[str]] | None = None,
) -> Policy:
    """Make a policy, for example `write("public", 7, deny={"countries": ["XX"]})`. Raises Refusal."""
    sides = {"allow": dict(allow or {}), "deny": dict(deny or {})}
    value = {"policy": {**sides, "id": f"{name}-{version}", "version": version}}
    return parse(canonical.dumps(value, limit_bytes=POLICY_BYTES) + b"\n")


def named_by(named: Mapping[str, str], raw: bytes) -> Policy:
    """The policy that a head names, from the file that stands there (POL-5, POL-1 to POL-3)."""
    found = hashlib.sha256(raw).hexdigest()
    if found != named["sha256"]:
        refuse("POL-5", "", expected=named["sha256"], came=found)
    policy = parse(raw)
    if policy.id != named["id"]:
        refuse("POL-5", "/policy/id", expected=named["id"], came=policy.id)
    return policy


def check(policy: Policy, record: Mapping[str, Any], facts: Facts) -> None:
    """POL-4: refuse a record that the policy keeps out; deny outranks allow."""
    said = {name: values(name, record, facts) for name in {*policy.deny, *policy.allow}}
    for name, denied in policy.deny.items():
        if hit := _common(name, denied, said[name]):
            refuse("POL-4", "/record", expected=f"nothing of {name} {hit}, says the policy {policy.id}", came=hit)
    for name, allowed in policy.allow.items():
        if not _common(name, allowed, said[name]):
            some = ", ".join(allowed[:8])
            came = ", ".join(sorted(said[name])) or "nothing"
            refuse("POL-4", "/record", expected=f"one of {name} {some}, says the policy {policy.id}", came=came)


def judge(policy: Policy, record: Mapping[str, Any], facts: Facts) -> str | None:
    """None when the record may stand in the feed, else what the policy expected (POL-4)."""
    try:
        check(policy, record, facts)
    except Refusal as refusal:
        return refusal.expected
    return None


def values(name: str, record: Mapping[str, Any], facts: Facts) -> set[str]:
    """What a record and its author have of one member of a policy."""
    if name == "countries":
        return set(_countries(record)) or set(facts.countries)
    if name == "languages":
        return {str(record.get("lang")), *_languages(record)}
    known = {
        "hubs": (facts.home,),
        "marks": facts.marks,
        "nodes": (record.get("node"),),
        "types": (record.get("type"),),
    }
    return {str(value) for value in known[name]}


def _common(name: str, listed: Sequence[str], said: set[str]) -> str | None:
    """The first item of the list that fits something said; of languages, `nl` fits nl-BE too."""
    if name == "languages":
        return next((item for item in listed for one in said if one == item or one.startswith(item + "-")), None)
    return next((item for item in listed if item in said), None)


def _countries(value: object) -> Iterator[str]:
    """The countries a record names: members `country` and `countries`, and areas of ISO 3166."""
    if isinstance(value, list):
        for item in value:
            yield from _countries(item)
    elif isinstance(value, dict):
        if isinstance(value.get("country"), str):
            yield value["country"]
        if isinstance(value.get("countries"), list):
            yield from (item for item in value["countries"] if isinstance(item, str))
        if value.get("scheme") in ("iso3166-1", "iso3166-2") and isinstance(value.get("code"), str):
            yield value["code"][:2]
        for item in value.values():
            yield from _countries(item)


def _languages(value: object) -> Iterator[str]:
    """The languages in which a record has a text: {"ar": {"value", "origin"}, …}."""
    if isinstance(value, list):
        for item in value:
            yield from _languages(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, dict) and "origin" in item and "value" in item:
                yield name
            else:
                yield from _languages(item)
