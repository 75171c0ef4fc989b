"""From the fields of a step to what a template writes: labels, values, choices in words, findings beside each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from jisr_protocol import core_terms
from jisr_protocol.pages.language import Language
from jisr_protocol.quality import words
from jisr_protocol.quality.findings import Finding

from ...editing.fields import Along, Field, Many, Plain, Tick, Words, Writing, Yes
from ...editing.groups import Group, Rows
from ...editing.judging import Told
from ...editing.opening import MOST_PAIRS, PAIRS, Times
from ...editing.terms import TermWords
from . import writing_words

_INPUTS = {
    "date": ("date", r"\d{4}-\d\d-\d\d"),
    "instant": ("date", r"\d{4}-\d\d-\d\d"),
    "moment": ("datetime-local", r"\d{4}-\d\d-\d\dT\d\d:\d\d"),
    "time": ("time", r"\d\d:\d\d"),
}
_MODES = {"phone": "tel", "email": "email", "url": "url", "whole": "numeric", "decimal": "decimal"}
_LISTS: Mapping[str, tuple[str, ...]] = {
    "country": ("MA", "NL", "BE", "FR", "ES", "DK", "TR", "BI"),
    "currency": ("MAD", "EUR", "DKK", "TRY", "BIF", "USD"),
    "unit": ("pieces", "people", "hours", "kilograms"),
    "zone": (
        *("Africa/Casablanca", "Africa/Bujumbura", "Europe/Amsterdam", "Europe/Brussels", "Europe/Copenhagen"),
        *("Europe/Istanbul", "Europe/Madrid", "Europe/Paris", "UTC"),
    ),
}
TERMS = "core-terms"
"""The name of the list of suggestions for terms."""
MOST_WORDS, MOST_LONG = 300, 5000


@dataclass(frozen=True)
class Option:
    """A value that can be chosen."""

    value: str
    label: str
    chosen: bool = False
    consequence: str = ""


@dataclass(frozen=True)
class Widget:
    """One part of a form. `kind` is line, long, choice, radios, boxes, tick, group, rows, row or times; `code` is the
    last part of its key."""

    kind: str
    key: str
    code: str
    label: str = ""
    help: str = ""
    value: str = ""
    input: str = "text"
    mode: str = ""
    lang: str = ""
    code_like: bool = False
    suggestions: str = ""
    most: int = MOST_WORDS
    required: bool = False
    options: Sequence[Option] = ()
    parts: Sequence[Widget] = ()
    more: bool = False
    must: Sequence[str] = ()
    better: Sequence[str] = field(default=())

    @property
    def id(self) -> str:
        """What the page calls it."""
        return "f-" + re.sub(r"[^A-Za-z0-9_-]", "-", self.key)

    @property
    def flawed(self) -> bool:
        return bool(self.must)


Names = Mapping[str, Sequence[tuple[str, str]]]
"""Kind of reference (organization, location) → (id, name) of those that can be chosen."""


class Maker:
    """Makes the widgets of one page. `add` names lists that get one more empty row."""

    def __init__(
        self,
        writing: Writing,
        language: Language,
        told: Iterable[Told],
        names: Names,
        add: frozenset[str] = frozenset(),
    ) -> None:
        self._writing, self._language, self._names, self._add = writing, language, names, add
        self._told: dict[str, list[Finding]] = {}
        for one in told:
            self._told.setdefault(one.key, []).append(one.finding)

    def widgets(self, fields: Iterable[Field], holder: Mapping[str, Any], within: str = "") -> list[Widget]:
        """What these fields show of a record, or of an object in it at the key `within`."""
        return [self._widget(one, holder, within) for one in fields if not isinstance(one, Along)]

    def sentences(self, key: str, *, must: bool) -> list[str]:
        """The findings at a key in the reader's language."""
        level = "must fix" if must else "could be better"
        return [said(one, self._language) for one in self._told.get(key, ()) if one.level == level]

    def _widget(self, one: Field, holder: Mapping[str, Any], within: str) -> Widget:
        key = f"{within}.{one.code}" if within else one.code
        shown = one.read(holder, self._writing)
        parts: dict[str, Any] = {
            "key": key,
            "code": one.code,
            "label": writing_words.label(getattr(one, "label", "") or one.code, self._language),
            "help": writing_words.help_(one.code, self._language),
            "must": self.sentences(key, must=True),
            "better": self.sentences(key, must=False),
            "required": bool(getattr(one, "required", False)),
            "value": shown.get(one.code, ""),
        }
        match one:
            case Words():
                kind, most = ("long", MOST_LONG) if one.long else ("line", MOST_WORDS)
                return Widget(kind, **parts, lang=self._writing.lang, most=most)
            case TermWords():
                return Widget("line", **parts, lang=self._writing.reader, suggestions=TERMS)
            case Plain():
                return self._plain(one, parts)
            case Yes():
                return Widget("choice", **parts, options=self._yes(parts["value"]))
            case Tick():
                return Widget("tick", **parts)
            case Many():
                return Widget("boxes", **parts, options=self._boxes(one, holder, shown), more=one.more)
            case Times():
                return Widget("times", **parts, parts=self._times(one, shown, key))
            case Group():
                held = holder.get(one.code)
                inner = self.widgets(one.parts, held if isinstance(held, Mapping) else {}, key)
                return Widget("group", **parts, parts=inner)
            case Rows():
                return Widget("rows", **parts, parts=self._rows(one, holder, key))
        raise TypeError(type(one).__name__)

    def _plain(self, one: Plain, parts: dict[str, Any]) -> Widget:
        if one.kind in ("audience", "privacy"):
            # the third picture that few need is there for who has chosen it
            pictured = [value for value in one.choices if value != "hub" or parts["value"] == "hub"]
            return Widget(
                "radios", **parts, options=[self._option(one.code, value, parts["value"]) for value in pictured]
            )
        if one.kind in self._names:
            options = [Option(value, name, value == parts["value"]) for value, name in self._names[one.kind]]
            return Widget("choice", **parts, options=self._with("", options, parts["value"]))
        if one.choices or one.kind in _LISTS:
            values = one.choices or _LISTS[one.kind]
            chosen = parts["value"] or (str(self._writing.default(one.default)) if one.default else "")
            options = [self._option(one.code, value, chosen) for value in values]
            return Widget("choice", **parts, options=self._with("" if not one.default else None, options, chosen))
        kind, form = _INPUTS.get(one.kind, ("text", ""))
        # what is no date stands in a line, for a box for dates would show nothing and send nothing
        fits = not parts["value"] or (form and re.fullmatch(form, parts["value"]) is not None)
        return Widget(
            "line",
            **parts,
            input=kind if fits else "text",
            mode=_MODES.get(one.kind, ""),
            code_like=one.kind not in ("text", "date", "moment", "instant"),
        )

    def _with(self, empty: str | None, options: list[Option], value: str) -> list[Option]:
        """Options with the empty one first, and with a value that none of them has."""
        known = any(option.value == value for option in options)
        first = [Option("", "—", not value)] if empty is not None else []
        return [*first, *options, *([] if known or not value else [Option(value, value, True)])]

    def _option(self, code: str, value: str, chosen: str) -> Option:
        word = self._language.country_name(value) if code == "country" else None
        word = word or writing_words.value(code, value, self._language)
        return Option(value, word, value == chosen, writing_words.consequence(code, value, self._language))

    def _yes(self, value: str) -> list[Option]:
        _ = self._language.gettext
        return [
            Option("", "—", not value),
            Option("yes", _("Yes"), value == "yes"),
            Option("no", _("No"), value == "no"),
        ]

    def _boxes(self, one: Many, holder: Mapping[str, Any], shown: Mapping[str, str]) -> list[Option]:
        if one.code == "days":
            names = self._language.locale.days["stand-alone"]["wide"]
            said = {value: names[place] for place, value in enumerate(one.choices)}
        elif one.code in ("countries", "eligible_countries"):
            said = {value: self._language.country_name(value) or value for value in one.offered(holder)}
        elif one.code == "languages":
            said = {value: self._language.language_name(value) or value for value in one.offered(holder)}
        else:
            said = {value: writing_words.value(one.code, value, self._language) for value in one.offered(holder)}
        return [Option(value, said[value], bool(shown.get(f"{one.code}.{value}"))) for value in one.offered(holder)]

    def _times(self, one: Times, shown: Mapping[str, str], key: str) -> list[Widget]:
        held = len(shown) // 2
        _ = self._language.gettext
        found = []
        for place in range(min(MOST_PAIRS, max(PAIRS, held + (1 if held >= PAIRS else 0)))):
            for side, word in (("from", _("from")), ("to", _("until"))):
                value = shown.get(f"{one.code}.{place}.{side}", "")
                fits = not value or re.fullmatch(r"\d\d:\d\d", value)
                name = f"{key}.{place}.{side}"
                found.append(Widget("line", name, side, label=word, value=value, input="time" if fits else "text"))
        return found

    def _rows(self, one: Rows, holder: Mapping[str, Any], key: str) -> list[Widget]:
        rows = one.rows(holder)
        empty = 1 if not rows or key in self._add else 0
        found = []
        for place in [*rows, *range(one.next_row(holder), one.next_row(holder) + empty)]:
            row = f"{key}.{place}"
            found.append(
                Widget(
                    "row",
                    row,
                    str(place),
                    parts=self.widgets(one.parts, rows.get(place, {}), row),
                    must=self.sentences(row, must=True),
                    better=self.sentences(row, must=False),
                    more=place in rows,
                )
            )
        return found


def said(finding: Finding, language: Language) -> str:
    """A finding for a person: names of members as the form calls them."""
    if finding.code in ("missing", "missing_one"):
        named = [writing_words.label(name, language) for name in finding.expected.split(", ")]
        finding = msgspec.structs.replace(finding, expected=language.comma.join(named))
    elif finding.code == "choice":
        member = finding.pointer.rpartition("/")[2]
        named = [writing_words.value(member, one, language) for one in finding.expected.split(", ")]
        finding = msgspec.structs.replace(finding, expected=language.comma.join(named))
    return words.sentence(finding, language.code)


def suggestions(language: Language) -> list[str]:
    """The core terms in the reader's language."""
    return sorted(core_terms.label(core_terms.FOCUS, code, language.code) for code in core_terms.FOCUS_AREAS)
