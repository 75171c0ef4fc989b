"""What is applied to a list, and what else can be: chips and facets, in words.

A code is called what the core terms call it, else what records call it (called.py), else as it is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jisr_hub.directory.areas import COUNTRY, holders
from jisr_hub.directory.query import PARTS
from jisr_hub.ports.search import Found
from jisr_protocol import core_terms
from jisr_protocol.pages.language import N_, Language
from jisr_protocol.pages.text import Text, choose
from jisr_protocol.pages.vocabulary import kinds_word, value_word

from .asked import Asked

SHOWN = 8
"""How many ways of one facet stand on a page; what is chosen is always among them."""
LABELS: Mapping[str, str] = {
    "type": N_("Kind"),
    "theme": N_("Subject"),
    "for": N_("For whom"),
    "what": N_("What is done"),
    "lang_spoken": N_("Languages"),
    "cost": N_("Cost"),
    "area": N_("Area"),
}
ORDERS = (("best", N_("Best first")), ("near", N_("Nearest first")), ("new", N_("Newest first")))
WITHIN = ("5", "10", "25", "50", "100")
"""Kilometres that a list can be narrowed to."""


@dataclass(frozen=True)
class Way:
    """One code of a facet; its address asks for it too, or no more when it is chosen."""

    words: Text
    count: int | None
    chosen: bool
    address: str


@dataclass(frozen=True)
class Facet:
    name: str
    label: str
    ways: tuple[Way, ...]

    @property
    def chosen(self) -> bool:
        return any(way.chosen for way in self.ways)


@dataclass(frozen=True)
class Chip:
    """One thing that is applied, and the address without it."""

    label: str
    words: Text
    address: str


@dataclass(frozen=True)
class Words:
    """Codes in the words of one reader; `named` is what records call theirs."""

    language: Language
    named: Mapping[str, Text] = field(default_factory=dict)

    def facets(self, found: Found, asked: Asked) -> list[Facet]:
        """The facets that have something to choose, each with its most frequent codes."""
        facets = []
        for part, label in LABELS.items():
            counts = dict(found.facets.get(PARTS.get(part, part), ()))
            chosen, codes = asked.all(part), _shown(part, found, asked)
            ways = tuple(
                Way(
                    self.code(part, code),
                    counts.get(code),
                    code in chosen,
                    asked.without(part, code) if code in chosen else asked.with_(part, code),
                )
                for code in codes
            )
            if ways:
                facets.append(Facet(part, self.language.gettext(label), ways))
        return facets

    def chips(self, asked: Asked) -> list[Chip]:
        """What is applied, in the order of the address."""
        return [Chip(*self._chip(name, value), asked.without(name, value)) for name, value in asked.pairs]

    def unnamed(self, found: Found, asked: Asked) -> list[tuple[str, str]]:
        """(part, code) of what is shown and called by nobody yet."""
        return [
            (part, code)
            for part in LABELS
            for code in _shown(part, found, asked)
            if code and self.name(part, code) is None
        ]

    def code(self, part: str, code: str) -> Text:
        """What one code of a part of the query string is called; itself, where nobody calls it anything."""
        return self.name(part, code) or Text(_plain(code.rpartition(":")[2]))

    def name(self, part: str, code: str) -> Text | None:
        """What one code is called; None where nobody calls it anything."""
        own = self.language.code
        match part:
            case "type":
                return Text(kinds_word(code if "/" in code else f"org.jisr.{code}/1", self.language), own)
            case "lang_spoken":
                return Text(self.language.language_name(code) or code, own)
            case "cost":
                return Text(self.language.gettext("Free of charge") if code == "free" else _plain(code), own)
        scheme, _, bare = code.rpartition(":")
        for core in (core_terms.FOCUS, core_terms.GOALS) if part != "area" else ():
            if scheme in ("", core) and core_terms.known(core, bare):
                return Text(core_terms.label(core, bare, own), own if core == core_terms.FOCUS else "en")
        said = self.language.country_name(_country(scheme, bare)) if part == "area" else None
        said = said or (value_word("group", bare, self.language) if part == "for" else None)
        said = said or (value_word("kind", bare, self.language) if scheme == "kind" else None)
        return Text(said, own) if said else self.named.get(code) or (None if scheme else self.named.get(bare))

    def _chip(self, name: str, value: str) -> tuple[str, Text]:
        _, own = self.language.gettext, self.language.code
        match name:
            case "q":
                return "", Text(value)
            case "near":
                return _("Near"), Text(value)
            case "within":
                return "", Text(_("within %(count)s km") % {"count": value}, own)
            case "open":
                return "", Text(_("Open now") if value == "now" else self._moment(value), own)
            case "remote":
                return "", Text(value_word("delivery", "remote", self.language) or value, own)
            case "order":
                return "", Text(_(dict(ORDERS).get(value, value)), own)
        return _(LABELS[name]), self.code(name, value)

    def _moment(self, value: str) -> str:
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            return value
        when = f"{self.language.date(at.date())}{self.language.comma}{at:%H:%M}"
        return self.language.gettext("Open on %(time)s") % {"time": when}


def names_in(records: Iterable[Mapping[str, Any]], code: str) -> dict[str, Text]:
    """What these records call their own terms and areas, by code alone and with its scheme."""
    found: dict[str, Text] = {}
    for record in records:
        for member, label in (("terms", "label"), ("area", "name"), ("admin_codes", "name"), ("municipality", "name")):
            entries: Any = record.get(member)
            for one in entries if isinstance(entries, list) else [entries]:
                match one:
                    case {"code": str(name)} if (said := choose(one.get(label), code, record.get("lang"))) is not None:
                        found.setdefault(name, said)
                        found.setdefault(f"{one.get('scheme')}:{name}", said)
    return found


def _shown(part: str, found: Found, asked: Asked) -> list[str]:
    """The codes of a facet that stand on a page: what is chosen, then the most frequent."""
    chosen = asked.all(part)
    others = [code for code, _ in found.facets.get(PARTS.get(part, part), ()) if code not in chosen]
    return [*chosen, *others][: max(SHOWN, len(chosen))]


def _country(scheme: str, bare: str) -> str:
    """The country that a code is of; "" for any other area."""
    if scheme == "nuts" and len(bare) == 2:
        return next(code for name, code in holders((scheme, bare)) if name == COUNTRY)
    return bare if scheme in ("", COUNTRY) and len(bare) == 2 else ""


def _plain(code: str) -> str:
    return code.replace("_", " ").replace("-", " ")
