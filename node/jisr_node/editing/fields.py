"""The plain fields of a form: a member of a record as text that can be typed, and back.

A field reads its holder (a record, or an object within one) into values by key, and writes typed values into it. Keys
are its code, or begin with its code and a dot. Whatever is typed is kept: what does not fit stays as the text it is,
for the validator to name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote

from ..author import tidy

Holder = MutableMapping[str, Any]
Values = Mapping[str, str]
ON = "on"
"""What a ticked box sends; one that is not ticked sends nothing."""

_ZONES = {
    "MA": "Africa/Casablanca", "NL": "Europe/Amsterdam", "BE": "Europe/Brussels", "FR": "Europe/Paris",
    "ES": "Europe/Madrid", "DK": "Europe/Copenhagen", "TR": "Europe/Istanbul", "BI": "Africa/Bujumbura",
}  # fmt: skip
_CURRENCIES = {"MA": "MAD", "DK": "DKK", "TR": "TRY", "BI": "BIF"}
_TRUNKS = {"MA": "+212", "NL": "+31", "BE": "+32", "FR": "+33", "TR": "+90"}
"""Countries where a number within the country begins with a 0 that falls away abroad."""
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}(/\S*)?")
_PAGE = re.compile(r"(?:jisr:[a-z2-7]{52}/)?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?=$|[?#/])")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Writing:
    """Who writes: the language of the record's author, the country of the node, the language of the pages."""

    lang: str
    country: str
    reader: str = "en"

    def default(self, name: str) -> Any:
        """A value that is given when nobody wrote one: @timezone, @currency and @country follow the node's country."""
        if name == "@true":
            return True
        if name == "@timezone":
            return _ZONES.get(self.country, "UTC")
        if name == "@currency":
            return _CURRENCIES.get(self.country, "EUR")
        return self.country if name == "@country" else name


class Field(Protocol):
    """A part of a form. `default` is what goes along with others and is nothing by itself; "" for most."""

    @property
    def code(self) -> str: ...
    @property
    def member(self) -> str:
        """The member of the holder that it shows."""

    @property
    def default(self) -> str: ...
    def read(self, holder: Mapping[str, Any], writing: Writing) -> dict[str, str]: ...
    def write(self, holder: Holder, values: Values, writing: Writing) -> None: ...


def values_of(fields: Iterable[Field], holder: Mapping[str, Any], writing: Writing) -> dict[str, str]:
    """What these fields show of a holder."""
    return {key: value for field in fields for key, value in field.read(holder, writing).items()}


def apply(fields: Iterable[Field], holder: Holder, values: Values, writing: Writing) -> None:
    """Write what was typed into a holder, as far as it differs from what was shown."""
    for field in fields:
        shown = field.read(holder, writing)
        typed = {
            key: tidy(value) for key, value in values.items() if key == field.code or key.startswith(f"{field.code}.")
        }
        if any(typed.get(key, "") != tidy(shown.get(key, "")) for key in typed.keys() | shown.keys()):
            field.write(holder, typed, writing)


@dataclass(frozen=True)
class Plain:
    """A text, number, date or choice that is one value. `kind` is text, url, email, phone, date, moment (local date and
    time), instant (a day, kept as its first second in UTC), decimal, whole, zone, country, currency, reference, choice;
    `choices` are the values of a closed list, `label` names its words where those of its code do not fit."""

    code: str
    kind: str = "text"
    choices: tuple[str, ...] = ()
    default: str = ""
    required: bool = False
    label: str = ""

    @property
    def member(self) -> str:
        return self.code

    def read(self, holder: Mapping[str, Any], writing: Writing) -> dict[str, str]:
        value = holder.get(self.code)
        text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        return {self.code: text[:10] if self.kind == "instant" and _DAY.match(text) else text}

    def write(self, holder: Holder, values: Values, writing: Writing) -> None:
        text = values.get(self.code, "").strip()
        if text:
            holder[self.code] = _FORMS.get(self.kind, _as_it_is)(text, writing)
        else:
            holder.pop(self.code, None)


@dataclass(frozen=True)
class Yes:
    """Yes, no, or not said."""

    code: str
    default: str = ""
    required: bool = False

    @property
    def member(self) -> str:
        return self.code

    def read(self, holder: Mapping[str, Any], writing: Writing) -> dict[str, str]:
        value = holder.get(self.code)
        return {self.code: "" if not isinstance(value, bool) else "yes" if value else "no"}

    def write(self, holder: Holder, values: Values, writing: Writing) -> None:
        text = values.get(self.code, "")
        if text in ("yes", "no"):
            holder[self.code] = text == "yes"
        else:
            holder.pop(self.code, None)


@dataclass(frozen=True)
class Tick:
    """True, or not there."""

    code: str
    default: str = ""
    required: bool = False

    @property
    def member(self) -> str:
        return self.code

    def read(self, holder: Mapping[str, Any], writing: Writing) -> dict[str, str]:
        return {self.code: ON if holder.get(self.code) is True else ""}

    def write(self, holder: Holder, values: Values, writing: Writing) -> None:
        if values.get(self.code) == ON:
            holder[self.code] = True
        else:
            holder.pop(self.code, None)


@dataclass(frozen=True)
class Along:
    """Not shown: what is given when something stands beside it."""

    code: str
    default: str
    required: bool = False

    @property
    def member(self) -> str:
        return self.code

    def read(self, holder: Mapping[str, Any], writing: Writing) -> dict[str, str]:
        return {}

    def write(self, holder: Holder, values: Values, writing: Writing) -> None:
        """There is nothing that could be typed."""


@dataclass(frozen=True)
class Words:
    """The author's words: a localised text in the language of the record. The other languages are not touched."""

    code: str
    long: bool = False
    required: bool = False
    default: str = ""

    @property
    def member(self) -> str:
        return self.code

    def read(self, holder: Mapping[str, Any], writing: Writing) -> dict[str, str]:
        return {self.code: words_in(holder.get(self.code), writing.lang)}

    def write(self, holder: Holder, values: Values, writing: Writing) -> None:
        put_words(holder, self.code, writing.lang, values.get(self.code, "").strip(), "author")


@dataclass(frozen=True)
class Many:
    """A list of values, each a box; with `more` also any others, typed with commas or spaces between."""

    code: str
    choices: tuple[str, ...]
    more: bool = False
    default: str = ""
    required: bool = False

    @property
    def member(self) -> str:
        return self.code

    def offered(self, holder: Mapping[str, Any]) -> list[str]:
        """The values that get a box: those of the list, then what else the record has."""
        return list(dict.fromkeys([*self.choices, *_strings(holder.get(self.code))]))

    def read(self, holder: Mapping[str, Any], writing: Writing) -> dict[str, str]:
        held = set(_strings(holder.get(self.code)))
        boxes = {f"{self.code}.{value}": ON if value in held else "" for value in self.offered(holder)}
        return boxes | ({f"{self.code}.": ""} if self.more else {})

    def write(self, holder: Holder, values: Values, writing: Writing) -> None:
        held = _strings(holder.get(self.code))
        ticked = {key.removeprefix(f"{self.code}.") for key, value in values.items() if value == ON}
        typed = re.split(r"[\s,;،]+", values.get(f"{self.code}.", "").strip()) if self.more else []
        kept = [value for value in held if value in ticked]
        new = [value for value in self.offered(holder) if value in ticked and value not in kept]
        chosen = list(dict.fromkeys([*kept, *new, *filter(None, typed)]))
        if not held and self.code in holder and not isinstance(holder[self.code], list):
            return  # nothing that a box can show stands there
        if chosen:
            in_order = sorted(chosen, key=self.choices.index) if set(chosen) <= set(self.choices) else chosen
            holder[self.code] = in_order if not self.more else chosen
        else:
            holder.pop(self.code, None)


def words_in(text: object, lang: str) -> str:
    """The words of a localised text in a language; "" for none."""
    entry = text.get(lang) if isinstance(text, Mapping) else None
    value = entry.get("value") if isinstance(entry, Mapping) else None
    return value if isinstance(value, str) else ""


def put_words(holder: Holder, member: str, lang: str, words: str, origin: str) -> None:
    """Set the words of a localised text in one language; without words the language goes, with the last the text."""
    text = holder.get(member)
    held = dict(text) if isinstance(text, Mapping) else {}
    entry = held.get(lang)
    if words:
        held[lang] = {**(entry if isinstance(entry, Mapping) else {}), "value": words, "origin": origin}
    else:
        held.pop(lang, None)
    if held:
        holder[member] = held
    else:
        holder.pop(member, None)


def _strings(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def digits(text: str) -> str:
    """Digits of any script as 0 to 9."""
    return "".join(str(unicodedata.digit(c, c)) for c in text)


def _as_it_is(text: str, writing: Writing) -> Any:
    return text


def _whole(text: str, writing: Writing) -> Any:
    plain = digits(text)
    return int(plain) if re.fullmatch(r"-?[0-9]{1,15}", plain) else text


def _decimal(text: str, writing: Writing) -> Any:
    plain = digits(text).replace("\u066b", ".").replace("\u00a0", "").replace(" ", "")
    return plain.replace(",", ".") if re.fullmatch(r"-?[0-9]+([.,][0-9]{1,8})?", plain) else text


def _phone(text: str, writing: Writing) -> Any:
    """As people write it: spaces and signs fall away, 00 and a national 0 become the country's number."""
    plain = re.sub(r"[\s().\u00a0/\u200e\u200f-]", "", digits(text))
    if plain.startswith("00"):
        plain = f"+{plain[2:]}"
    elif plain.startswith("0") and writing.country in _TRUNKS:
        plain = _TRUNKS[writing.country] + plain[1:]
    return plain if re.fullmatch(r"\+[0-9]+", plain) else text


def _url(text: str, writing: Writing) -> Any:
    return f"https://{text}" if _DOMAIN.fullmatch(text) else text


def _reference(text: str, writing: Writing) -> Any:
    """A record, also by the address of its page in a directory: …/directory/jisr:…/UUID."""
    match = _PAGE.search(unquote(text))
    return match[0] if match else text


def _date(text: str, writing: Writing) -> Any:
    return digits(text)


def _instant(text: str, writing: Writing) -> Any:
    plain = digits(text)
    return f"{plain}T00:00:00Z" if _DAY.fullmatch(plain) else text


_FORMS = {
    "whole": _whole,
    "decimal": _decimal,
    "phone": _phone,
    "url": _url,
    "reference": _reference,
    "date": _date,
    "moment": _date,
    "time": _date,
    "instant": _instant,
}
