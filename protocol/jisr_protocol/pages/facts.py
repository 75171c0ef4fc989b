"""The facts of a record for a definition list, in the reader's language.

A fact is a label and its values. A member is written by its meaning where it has one (hours, money, contact),
else by the shape of its value: localised text, address of the web, reference, date, list, group of members.
Members without a label here are left out; the page shows the whole record as it was sent beside the facts.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .hours import hours, local_time, period
from .language import Language
from .text import Text, choose, is_localised
from .vocabulary import MEMBERS, RELATIONS, value_word

DEPTH = 4

_REFERENCE = re.compile(r"(?:(jisr:[a-z2-7]{52})/)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_WEB = re.compile(r"https?://[^\s<>\"]+")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_MAIL = re.compile(r"[^@\s<>\"?&]+@[^@\s<>\"?&]+")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\dZ)?)?")
_LANGUAGES = frozenset({"languages", "interpreting"})
_COUNTRIES = frozenset({"countries", "eligible_countries"})
_OWN_IDENTITY = frozenset({"id", "node", "source", "salt"})

Names = Mapping[tuple[str, str], Text]


@dataclass(frozen=True)
class Value:
    """One value of a fact: words, with `href` where they lead somewhere, or a group of `facts` below it.

    `code` marks what is no language: identifiers, phones, addresses of the web, numbers in a row.
    """

    words: Text
    href: str = ""
    code: bool = False
    facts: tuple["Fact", ...] = ()


@dataclass(frozen=True)
class Fact:
    """A label in the reader's language and at least one value."""

    label: str
    values: tuple[Value, ...]


def facts_of(
    record: Mapping[str, Any], language: Language, names: Names, address: Callable[[str, str], str], unknown: str
) -> list[Fact]:
    """Give the facts of a record in the order of `MEMBERS`, then its links by relation.

    `names` holds what referenced records are called, by (node, id), `address` gives where one is shown, and `unknown`
    is the sentence for those that have no name there.
    """
    scribe = _Scribe(language, names, address, unknown, str(record.get("node")), record.get("lang"))
    return [*scribe.group(record, 0), *scribe.links(record.get("links"))]


def references(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Find the records this one points to, as (node, id), each once, in the order of their place."""
    node = str(record.get("node"))
    found = {_target(text, node): None for text in _strings(record) if _REFERENCE.fullmatch(text)}
    return list(found)


def _strings(value: object, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping) and depth < DEPTH:
        for name, member in value.items():
            if name not in _OWN_IDENTITY:
                yield from _strings(member, depth + 1)
    elif isinstance(value, list) and depth < DEPTH:
        for member in value:
            yield from _strings(member, depth + 1)


def _target(reference: str, node: str) -> tuple[str, str]:
    found = _REFERENCE.fullmatch(reference)
    assert found is not None
    return found[1] or node, found[2]


@dataclass(frozen=True)
class _Scribe:
    """Write one record's values for one reader."""

    language: Language
    names: Names
    address: Callable[[str, str], str]
    unknown: str
    node: str
    author: object

    def group(self, members: Mapping[str, Any], depth: int) -> tuple[Fact, ...]:
        """Write the members that have a label, in the order of the labels."""
        facts = []
        for member, label in MEMBERS.items():
            values = self.values(member, members[member], depth) if member in members else ()
            if values:
                facts.append(Fact(self.language.gettext(label), values))
        return tuple(facts)

    def links(self, links: object) -> list[Fact]:
        """Write the relations of a record, one fact for each relation."""
        found: dict[str, list[Value]] = {}
        for link in links if isinstance(links, list) else []:
            match link:
                case {"rel": str(rel), "target": str(target)} if rel in RELATIONS and _REFERENCE.fullmatch(target):
                    found.setdefault(rel, []).append(self.reference(target))
        return [Fact(self.language.gettext(RELATIONS[rel]), tuple(values)) for rel, values in found.items()]

    def values(self, member: str, value: object, depth: int) -> tuple[Value, ...]:
        """Write what a member holds; nothing when it cannot be said in words."""
        if depth > DEPTH:
            return ()
        if isinstance(value, list):
            if member in _LANGUAGES | _COUNTRIES:
                return self.row(member, value)
            return tuple(one for entry in value for one in self.values(member, entry, depth))
        if isinstance(value, Mapping):
            return self.mapping(member, value, depth)
        words = self.scalar(member, value)
        return (words,) if words else ()

    def row(self, member: str, codes: list[Any]) -> tuple[Value, ...]:
        """Write language tags or country codes as one sentence of names."""
        name = self.language.country_name if member in _COUNTRIES else self.language.language_name
        said = [code["lang"] if isinstance(code, Mapping) and "lang" in code else code for code in codes]
        words = [name(code) or code for code in said if isinstance(code, str)]
        return (self.plain(self.language.listing(words)),) if words else ()

    def scalar(self, member: str, value: object) -> Value | None:
        """Write a word, number, date, address or reference."""
        if isinstance(value, bool):
            return self.plain(self.language.gettext("Yes") if value else self.language.gettext("No"))
        if isinstance(value, int):
            return self.plain(self.language.number(value))
        if not isinstance(value, str) or not value.strip():
            return None
        for shape, write in self._shapes():
            if shape.fullmatch(value):
                return write(value)
        known = value_word(member, value, self.language)
        return self.plain(known) if known else Value(Text(value), code=True)

    def _shapes(self) -> tuple[tuple[re.Pattern[str], Callable[[str], Value]], ...]:
        return (
            (_REFERENCE, self.reference),
            (_WEB, lambda url: Value(Text(url), url, code=True)),
            (_PHONE, lambda phone: Value(Text(phone), f"tel:{phone}", code=True)),
            (_MAIL, lambda mail: Value(Text(mail), f"mailto:{mail}", code=True)),
            (_DATE, lambda date: self.plain(local_time(date[:16], self.language) or date)),
        )

    def reference(self, reference: str) -> Value:
        """Write the name of the record pointed to, leading there; say so when it has no name here."""
        node, id_ = _target(reference, self.node)
        if (node, id_) not in self.names:
            return self.plain(self.unknown)
        return Value(self.names[node, id_], self.address(node, id_))

    def mapping(self, member: str, value: Mapping[str, Any], depth: int) -> tuple[Value, ...]:
        """Write a group: text, hours, a period, money, a place on the map, or facts below a fact."""
        if is_localised(value):
            text = choose(value, self.language.code, self.author)
            return (Value(text),) if text else ()
        if "timezone" in value:
            return tuple(Value(line) for line in hours(value, self.language, self.author))
        said = self._phrase(value)
        if said:
            return (said,)
        title = self._title(value)
        # A term or an area is its label; its scheme and role are for machines.
        if {"scheme", "code"} <= set(value):
            return (title,) if title else ()
        # A label says what a role's code would, in words.
        said_by_title = {"role"} if "label" in value else set()
        facts = self.group({name: value[name] for name in value if name not in said_by_title}, depth + 1)
        return (replace(title or Value(Text("")), facts=facts),) if facts or title else ()

    def _phrase(self, value: Mapping[str, Any]) -> Value | None:
        """Write the groups that read as one phrase."""
        match value:
            case {"amount": str(amount), "currency": str(unit)} | {"amount": str(amount), "unit": str(unit)}:
                return Value(Text(f"{amount} {unit}"), code=True)
            case {"minimum": str(least), "maximum": str(most), "currency": str(unit)}:
                return Value(Text(f"{least} – {most} {unit}"), code=True)
            case {"minimum": str(least), "currency": str(unit)}:
                return self.plain(self.language.gettext("at least %(amount)s") % {"amount": f"{least} {unit}"})
            case {"maximum": str(most), "currency": str(unit)}:
                return self.plain(self.language.gettext("at most %(amount)s") % {"amount": f"{most} {unit}"})
            case {"latitude": str(north), "longitude": str(east)}:
                return Value(Text(f"{north}, {east}"), code=True)
            case {"scheme": str(scheme), "value": str(number)}:
                return Value(Text(f"{scheme} {number}"), code=True)
            case {"url": str(url), "name": name} if _WEB.fullmatch(url):
                return Value(choose(name, self.language.code, self.author) or Text(url), url)
            case {"organization": str(reference)} if _REFERENCE.fullmatch(reference):
                return self.reference(reference)
        return self._period(value) or self._address(value)

    def _period(self, value: Mapping[str, Any]) -> Value | None:
        words = period(value.get("from"), value.get("until"), self.language)
        return self.plain(words) if words and not set(value) - {"from", "until"} else None

    def _address(self, value: Mapping[str, Any]) -> Value | None:
        """Write an address in one line in the order of its country's envelope, the small before the large."""
        if not {"locality", "street", "country"} & set(value):
            return None
        lines = [choose(value.get(name), self.language.code, self.author) for name in ("street", "locality", "region")]
        country = value.get("country")
        words = [line.value for line in lines if line]
        words += [value["postal_code"]] if isinstance(value.get("postal_code"), str) else []
        words += [self.language.country_name(country) or country] if isinstance(country, str) else []
        return Value(Text(self.language.comma.join(words), next((line.lang for line in lines if line), "")))

    def _title(self, value: Mapping[str, Any]) -> Value | None:
        """Write what a group is called: its label or name, else its code."""
        for member in ("label", "name", "what"):
            text = choose(value.get(member), self.language.code, self.author)
            if text:
                return Value(text)
        match value:
            case {"provided": bool(provided)}:
                return self.scalar("provided", provided)
            case {"scheme": "sdg", "code": str(code)}:
                return Value(Text(f"SDG {code}"), code=True)
            case {"free": True}:
                return self.plain(self.language.gettext("Free of charge"))
            case {"scheme": "iso3166-1", "code": str(code)}:
                return self.plain(self.language.country_name(code) or code)
            case {"code": str(code)} | {"feature": str(code)}:
                return Value(Text(code), code=True)
        return None

    def plain(self, words: str) -> Value:
        """Give words of the interface's own language."""
        return Value(Text(words, self.language.code))
