"""An entry as the formats read it: words in one language, what it points to, places, and ways to reach it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

import msgspec

from jisr_protocol.pages.text import Text, choose

from ...curation.merging import address
from ...curation.words import reference
from ...ports.catalogue import Key
from ...ports.directory import Listed

_PLACED = frozenset({"located_at", "offers_at"})
_PART_OF = "part_of"
Point = tuple[float, float]
"""Longitude and latitude in degrees, in the order of RFC 7946."""


class About(msgspec.Struct, frozen=True):
    """Who hands on, from where (`address` without a slash at the end), in which language, and when (aware)."""

    hub: str
    address: str
    lang: str
    now: datetime


def pointed(listed: Listed) -> set[Key]:
    """The records that an entry points to, as far as formats follow it."""
    record = listed.record
    said = [record.get(name) for name in ("organization", "organizer", "location", "parent", "lead")]
    said += [party.get("organization") for party in parties(record)]
    said += [one.get("location") for one in objects(record.get("at"))]
    said += [one.get("target") for one in objects(record.get("links")) if one.get("rel") in _PLACED | {_PART_OF}]
    return {key for one in said for key in meant(listed, one)}


def parties(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Who gave and who received, of a grant or a fund."""
    return objects([record.get("funder"), record.get("recipient")])


def meant(listed: Listed, said: object) -> list[Key]:
    """What a reference may name: of an entry out of several records, a record of any of their nodes."""
    if not isinstance(said, str):
        return []
    nodes = (listed.node, *(node for node, _, _ in listed.sources))
    return list(dict.fromkeys(reference(said, node) for node in nodes))


def objects(value: object) -> list[Mapping[str, Any]]:
    """The objects of a list; [] where there is none."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, Sequence) else []


def texts(value: object) -> list[str]:
    """The texts of a list."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list | tuple) else []


def waits(listed: Listed, now: datetime) -> bool:
    """Whether its author asks not to show it yet."""
    embargo = listed.record.get("embargo")
    return isinstance(embargo, str) and embargo > now.strftime("%Y-%m-%dT%H:%M:%SZ")


class Shown:
    """One entry, in one language."""

    def __init__(self, listed: Listed, about: About, found: Mapping[Key, Listed]) -> None:
        self.listed, self.about, self._found = listed, about, found
        self.record = listed.record

    def of(self, listed: Listed) -> Shown:
        """Another entry, seen the same way."""
        return Shown(listed, self.about, self._found)

    def text(self, value: object) -> Text | None:
        return choose(value, self.about.lang, self.record.get("lang"))

    def words(self, value: object) -> str:
        """The words for the reader; "" where there are none."""
        found = self.text(value)
        return found.value if found is not None else ""

    @property
    def type(self) -> str:
        """Its short name: "service"; whole where it is no type of ours."""
        return short(self.listed.type)

    @property
    def name(self) -> str:
        one, other = (self.text(side) for side in self.listed.between)
        sides = " – ".join(side.value for side in (one, other) if side is not None)
        return self.words(self.record.get("name") or self.record.get("title")) or sides

    @property
    def lang(self) -> str:
        """The language that the name is in."""
        found = self.text(self.record.get("name") or self.record.get("title"))
        return found.lang if found is not None else ""

    @property
    def description(self) -> str:
        for name in ("description", "purpose", "body", "summary"):
            if words := self.words(self.record.get(name)):
                return words
        return ""

    @property
    def entry(self) -> str:
        return self.listed.entry or address((self.listed.node, self.listed.id))

    @property
    def page(self) -> str:
        """Where people read it."""
        return f"{self.about.address}/directory/{self.entry}"

    @property
    def licence(self) -> str:
        return str(self.record.get("licence", ""))

    @property
    def author(self) -> str:
        found = choose(self.listed.author_name, self.about.lang)
        return found.value if found is not None else self.listed.node

    @property
    def modified(self) -> str:
        return str(self.record.get("modified", ""))

    @property
    def nodes(self) -> list[str]:
        """Who wrote what it is made of."""
        return list(dict.fromkeys((self.listed.node, *(node for node, _, _ in self.listed.sources))))

    def target(self, said: object) -> Shown | None:
        """What a reference names, where it is public here."""
        found = next((self._found[key] for key in meant(self.listed, said) if key in self._found), None)
        return self.of(found) if found is not None else None

    @cached_property
    def organization(self) -> Shown | None:
        return self.target(self.record.get("organization") or self.record.get("organizer"))

    @cached_property
    def places(self) -> list[Shown]:
        """Itself where it is a place; else those it points to, each once."""
        if self.type == "location":
            return [self]
        said = [one.get("location") for one in objects(self.record.get("at"))] + [self.record.get("location")]
        said += [one.get("target") for one in objects(self.record.get("links")) if one.get("rel") in _PLACED]
        found = [place for one in said if (place := self.target(one)) is not None and place.type == "location"]
        return list({place.entry: place for place in found}.values())

    @cached_property
    def project(self) -> Shown | None:
        """The project that it says to be a part of; the first of several."""
        said = (one.get("target") for one in objects(self.record.get("links")) if one.get("rel") == _PART_OF)
        found = (self.target(one) for one in said)
        return next((one for one in found if one is not None and one.type == "project"), None)

    @property
    def point(self) -> Point | None:
        """Of a place: where it is; None where that is not said or may not be shown."""
        found = self.record.get("coordinates")
        if self.record.get("privacy") == "hidden" or not isinstance(found, Mapping):
            return None
        try:
            east, north = float(found["longitude"]), float(found["latitude"])
        except (KeyError, TypeError, ValueError):
            return None
        return (east, north) if abs(east) <= 180 and abs(north) <= 90 else None

    @property
    def points(self) -> list[Point]:
        return [point for place in self.places if (point := place.point) is not None]

    @property
    def postal(self) -> list[Mapping[str, Any]]:
        """Of a place: its addresses, none where it is hidden."""
        return [] if self.record.get("privacy") == "hidden" else objects(self.record.get("addresses"))

    def addressed(self) -> Iterator[str]:
        """The addresses of its places, each in a line."""
        for place in self.places:
            for one in place.postal:
                town = " ".join(filter(None, (one.get("postal_code"), place.words(one.get("locality")))))
                parts = (place.words(one.get("street")), town, place.words(one.get("region")), one.get("country"))
                yield ", ".join(str(part) for part in parts if part)

    def reached(self, by: str) -> list[str]:
        """Its telephones ("phone"), mail ("email") or web addresses ("url")."""
        points = objects(self.record.get("contact_points"))
        points += [point for one in objects(self.record.get("at")) for point in objects(one.get("contact"))]
        return list(dict.fromkeys(str(one[by]) for one in points if isinstance(one.get(by), str)))

    @property
    def websites(self) -> list[str]:
        said = [self.record.get("url"), self.record.get("apply_url"), *texts(self.record.get("websites"))]
        return list(dict.fromkeys(one for one in said if isinstance(one, str)))

    @property
    def languages(self) -> list[str]:
        """Codes of the languages that are spoken, or asked for."""
        said = self.record.get("languages")
        return texts(said) + [str(one["lang"]) for one in objects(said) if "lang" in one]

    @property
    def terms(self) -> list[tuple[str, str, str, str]]:
        """(scheme, code, role, label or "") of what it is about."""
        found = []
        for one in objects(self.record.get("terms")):
            scheme, code, role = (str(one.get(name, "")) for name in ("scheme", "code", "role"))
            found.append((scheme, code, role, self.words(one.get("label"))))
        return found


def short(type_: str) -> str:
    """A type of Jisr's own for an address: "service" of "org.jisr.service/1"."""
    return type_.removeprefix("org.jisr.").removesuffix("/1") if type_.startswith("org.jisr.") else type_


def full(name: str) -> str:
    return name if "." in name else f"org.jisr.{name}/1"


def shown_of(entries: Collection[Listed], about: About, found: Mapping[Key, Listed]) -> list[Shown]:
    """These entries without those that wait for their day."""
    return [Shown(one, about, found) for one in entries if not waits(one, about.now)]
