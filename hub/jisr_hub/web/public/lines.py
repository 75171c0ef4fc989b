"""One entry as a line of a list: what a person needs to choose, in their own language.

Name · what, for whom · where and how far · open now or until when · languages · last confirmed · source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from jisr_hub.ports.directory import Listed
from jisr_protocol.opening import Why, ended, standing
from jisr_protocol.pages.facts import references
from jisr_protocol.pages.freshness import Freshness, freshness
from jisr_protocol.pages.language import Language
from jisr_protocol.pages.opening_now import Calendars, Now, open_now
from jisr_protocol.pages.text import Text, choose
from jisr_protocol.pages.vocabulary import kind_word, value_word

from .rim import Key, path_of

_SHORT = 160


@dataclass(frozen=True)
class Line:
    """One entry in words of one reader. `state` is "" for what goes on; `kilometres` how far it is, "" unknown."""

    listed: Listed
    address: str
    name: Text
    kind: str
    author: Text | None
    state: str
    freshness: Freshness
    purpose: Text | None
    for_whom: Text | None
    where: tuple[Text, ...]
    kilometres: str
    now: Now | None
    languages: str


@dataclass(frozen=True)
class Reader:
    """For whom lines are written: their language, the moment, what they keep in addresses, what is known of days."""

    language: Language
    now: datetime
    calendars: Calendars
    kept: str = ""

    def line(self, listed: Listed, related: Mapping[Key, Listed], kilometres: float | None = None) -> Line:
        record, language = listed.record, self.language
        return Line(
            listed=listed,
            address=path_of(listed) + self.kept,
            name=self.name(listed),
            kind=kind_word(listed.type, language),
            author=choose(listed.author_name, language.code),
            state=state_of(record, self.now, language),
            freshness=freshness(record, language, self.now),
            purpose=self.text(record, "summary", "description", "purpose", "body"),
            for_whom=self.text(record, "for_whom"),
            where=tuple(self.places(record, related)),
            kilometres=far(kilometres, language),
            now=self.open_now(listed),
            languages=spoken(record, language),
        )

    def name(self, listed: Listed) -> Text:
        """What an entry is called here; of a membership, its two sides."""
        nameless = Text(self.language.gettext("Record without a name"), self.language.code)
        said = choose(named(listed.record), self.language.code, listed.record.get("lang"))
        return said or self._between(listed) or nameless

    def text(self, record: Mapping[str, Any], *members: str) -> Text | None:
        """The first sentence of the first of these members that is there."""
        for member in members:
            found = choose(record.get(member), self.language.code, record.get("lang"))
            if found is not None:
                return Text(first_sentence(found.value), found.lang, found.origin)
        return None

    def open_now(self, listed: Listed) -> Now | None:
        """Whether it is open; nothing is said of what is over, and of what nobody speaks for."""
        if listed.lapsed or standing(listed.record, self.now) is not None:
            return None
        return open_now(listed.record, self.now, self.calendars, self.language)

    def places(self, record: Mapping[str, Any], related: Mapping[Key, Listed]) -> Iterator[Text]:
        """Where it is, place by place: names of places, else areas; what comes from a distance says so."""
        found = False
        for key in place_keys(record):
            if key in related:
                found = True
                yield self.name(related[key])
        areas = record.get("area") or record.get("admin_codes")
        for area in areas if isinstance(areas, list) and not found else []:
            said = self.area(area)
            if said is not None:
                yield said
        delivery = record.get("delivery")
        if "remote" in (delivery if isinstance(delivery, list) else ()) or record.get("mode") == "remote":
            yield Text(value_word("delivery", "remote", self.language) or "", self.language.code)

    def area(self, area: object) -> Text | None:
        """What an area is called; None for one that has a code alone."""
        if not isinstance(area, Mapping):
            return None
        said = choose(area.get("name"), self.language.code)
        if said is None and area.get("scheme") == "iso3166-1" and isinstance(area.get("code"), str):
            country = self.language.country_name(area["code"])
            return Text(country, self.language.code) if country else None
        return said

    def _between(self, listed: Listed) -> Text | None:
        names = [choose(side, self.language.code) for side in listed.between]
        said = [name.value for name in names if name is not None]
        lang = {name.lang for name in names if name is not None}
        return Text(" – ".join(said), lang.pop() if len(lang) == 1 else "") if said else None


def named(record: Mapping[str, Any]) -> object:
    return record.get("name") or record.get("title")


def place_keys(record: Mapping[str, Any]) -> list[Key]:
    """The places that a record names."""
    at = record.get("at")
    places = [one.get("location") for one in at if isinstance(one, Mapping)] if isinstance(at, list) else []
    return references({"node": record.get("node"), "at": [*places, record.get("location")]})


def state_of(record: Mapping[str, Any], now: datetime, language: Language) -> str:
    """In a word why it does not go on, with its day where that is known; "" for what does."""
    _ = language.gettext
    match standing(record, now):
        case Why.ENDED:
            last = ended(record)
            over = last is not None and last < now.date().isoformat()
            return (
                _("Ended on %(date)s") % {"date": language.date(date.fromisoformat(str(last)))} if over else _("Ended")
            )
        case Why.CANCELLED:
            return _("Cancelled")
        case Why.PAUSED:
            return _("Paused")
        case Why.PLANNED:
            return _("Planned")
    return _("Moved") if record.get("event_status") == "moved" else ""


def spoken(record: Mapping[str, Any], language: Language) -> str:
    """The languages it is given in, as one row of names."""
    codes = record.get("languages")
    said = [one.get("lang") if isinstance(one, Mapping) else one for one in codes] if isinstance(codes, list) else []
    return language.listing([language.language_name(code) or code for code in said if isinstance(code, str)])


def far(kilometres: float | None, language: Language) -> str:
    """A distance for people: whole kilometres, and what is nearer than one."""
    if kilometres is None:
        return ""
    if kilometres < 1:
        return language.gettext("less than 1 km away")
    return language.gettext("%(count)s km away") % {"count": language.number(round(kilometres))}


def first_sentence(text: str) -> str:
    """The first sentence of a text, cut at a word when it is long."""
    line = " ".join(text.split("\n", 1)[0].split())
    for mark in (". ", "! ", "? ", "؟ ", "。"):
        line = line.split(mark, 1)[0] + mark.strip() if mark in line else line
    return line if len(line) <= _SHORT else line[:_SHORT].rsplit(" ", 1)[0] + "…"
