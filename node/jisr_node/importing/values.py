"""One cell to one value, read kindly. Each reader gives the value, or raises Unread with the code of its sentence.

Every sentence says how to write it so that it can be read; nothing is guessed where two readings are left.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from . import dates, phones
from .heading_words import languages_by_word
from .text import ascii_digits, folded


class Unread(Exception):
    """A cell that cannot be read: a code of words.CELLS, and what would do."""

    def __init__(self, code: str, expected: str = "", came: str = "") -> None:
        super().__init__(code)
        self.code, self.expected, self.came = code, expected, came


_MAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+"
)
_WEB = re.compile(r"https?://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?(?:[/?#][^ <>\"\\^`{|}]*)?")
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}(?:[/?#][^ <>\"\\^`{|}]*)?")
_BANDS = ((0, "0"), (9, "1-9"), (49, "10-49"), (249, "50-249"))
_LISTED = re.compile(r"\s*[,;\n|،؛/•]+\s*|\s+(?:et|en|and|og|ve|y)\s+|\s+و(?=\w)")
_EMPTY_SIGNS = frozenset(
    {"", "-", "--", "---", "—", "–", "?", "??", "/", ".", "…", "#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!"}
)


def is_empty(text: str) -> bool:
    """Whether a cell says nothing: empty, a dash, n/a, an error of a formula."""
    return text in _EMPTY_SIGNS or folded(text) in answers("answers")["nothing"]


def listed(text: str) -> list[str]:
    """The several values of a cell, none twice."""
    return list(dict.fromkeys(part.strip(" .-•*") for part in _LISTED.split(text) if part.strip(" .-•*")))


def day(text: str, order: str) -> str:
    """A day as YYYY-MM-DD."""
    found = dates.read(text, order)
    if found is None:
        raise Unread("date", "2026-03-31", text)
    if found.other is not None:
        raise Unread("which_date", f"{found.day.isoformat()} | {found.other.isoformat()}", text)
    return found.day.isoformat()


def moment(text: str, order: str) -> str:
    """A local date and time, YYYY-MM-DDTHH:MM; at midnight where no time is said."""
    return f"{day(text, order)}T{dates.clock(text) or '00:00'}"


def year(text: str) -> str:
    """A year, or a year and a month."""
    plain = ascii_digits(text).strip()
    if re.fullmatch(r"[12][0-9]{3}", plain):
        return plain
    found = dates.read(text, "dmy")
    if found is None:
        raise Unread("date", "1998", text)
    return str(found.day.year)


def number(text: str, most: int) -> int:
    """A whole number; spaces and points between thousands, and a word behind it, are no part of it."""
    plain = re.sub(r"(?<=[0-9])[ .,'](?=[0-9]{3}(?:[^0-9]|$))", "", ascii_digits(text)).strip()
    match = re.fullmatch(r"(?:≈|±|~|ca\.?|env\.?)?\s*([0-9]{1,12})(?:[.,]0+)?\s*\+?[^0-9]{0,20}", plain)
    if match is None or int(match[1]) > most:
        raise Unread("number", "12", text)
    return int(match[1])


def yes_no(text: str) -> bool:
    """Yes or no, in eight languages or as a tick."""
    plain = folded(text) or text.strip()
    if plain in answers("answers")["yes"]:
        return True
    if plain in answers("answers")["no"]:
        return False
    raise Unread("yes_no", "", text)


def phone_numbers(text: str, country: str) -> list[str]:
    """Every number of a cell in E.164."""
    if phones.shortened(text):
        raise Unread("digits_lost", "", text)
    found = []
    for part in phones.several(text):
        one = phones.read(part, country)
        if one is None:
            # what was cut may be one number after all: 05 39-12 34 56
            whole = phones.read(text, country)
            if whole is None:
                raise Unread("phone", "+212 539 000000", part)
            return [whole]
        found.append(one)
    if not found:
        raise Unread("phone", "+212 539 000000", text)
    return list(dict.fromkeys(found))


def mails(text: str) -> list[str]:
    """Every mail address of a cell, small letters in the part that is a host."""
    parts = [
        part.strip("<>()[].,:\"' ")
        for part in re.split(r"[\s;,|،؛]+|\s/\s", text.replace("mailto:", ""))
        if part.strip("<>()[].,:\"' -/")
    ]
    for part in parts:
        if not _MAIL.fullmatch(part) or len(part) > 254:
            raise Unread("mail", "info@example.org", text)
    if not parts:
        raise Unread("mail", "info@example.org", text)
    return list(dict.fromkeys(part.partition("@")[0] + "@" + part.partition("@")[2].lower() for part in parts))


def webs(text: str) -> list[str]:
    """Every web address of a cell; https:// is put before one that has none."""
    found = []
    for part in re.split(r"[\s;|،؛]+|,(?=\s|https?:|www\.)", text):
        part = part.strip("<>()[],\"'")
        if not part or part == "-":
            continue
        address = part if re.match(r"https?://", part, re.IGNORECASE) else f"https://{part}"
        scheme, _, rest = address.partition("://")
        address = f"{scheme.lower()}://{rest}"
        if not _WEB.fullmatch(address) or (address != part and not _HOST.fullmatch(rest)) or len(address) > 1000:
            raise Unread("web", "https://example.org", part)
        found.append(address)
    if not found:
        raise Unread("web", "https://example.org", text)
    return list(dict.fromkeys(found))


def choice(text: str, what: str) -> str:
    """One of some choices (status, need_kind), by its own name or by a word for it in eight languages."""
    plain = folded(text)
    for code, told in answers(what).items():
        if plain in told:
            return code
    raise Unread("choice", ", ".join(answers(what)), text)


def is_free(text: str) -> bool:
    """Whether a cost says that there is none."""
    return folded(text) in answers("answers")["free"]


def size(text: str) -> str:
    """A number of staff as its band."""
    plain = ascii_digits(text).replace("–", "-").replace(" ", "")
    if plain in ("0", "1-9", "10-49", "50-249", "250+"):
        return plain
    count = number(text, 10_000_000)
    return next(
        band for most, band in ((0, "0"), (9, "1-9"), (49, "10-49"), (249, "50-249"), (10**9, "250+")) if count <= most
    )


def languages(text: str) -> list[str]:
    """Languages by their names in any of eight languages, or by their codes."""
    found = []
    for part in listed(text):
        lang = languages_by_word().get(folded(part))
        if lang is None and re.fullmatch(r"[a-z]{2,3}(?:-[A-Z]{2})?", part):
            lang = part
        if lang is None:
            raise Unread("language", "ar, fr, nl", part)
        found.append(lang)
    return list(dict.fromkeys(found))


def country(text: str) -> str:
    """A country's code by its code or its name."""
    plain = folded(text)
    code = _countries().get(plain) or _all_countries().get(plain)
    if code is None:
        raise Unread("country", "MA, NL, BE", text)
    return code


def degrees(text: str, most: int) -> str:
    """A latitude (most 90) or longitude (most 180) as a decimal string of at most 8 decimals."""
    plain = ascii_digits(text).strip().replace(",", ".").rstrip("°NEne ").strip()
    if plain[-1:] in ("S", "W", "s", "w", "O", "o"):
        plain = "-" + plain[:-1].rstrip("° ")
    match = re.fullmatch(r"([+-]?)0*([0-9]{1,3})(?:\.([0-9]{1,20}))?", plain)
    if match is None or int(match[2]) > most or (int(match[2]) == most and (match[3] or "").strip("0")):
        raise Unread("degrees", "35.7806", text)
    decimals = (match[3] or "")[:8].rstrip("0")
    sign = "-" if match[1] == "-" and (int(match[2]) or decimals) else ""
    return f"{sign}{int(match[2])}{'.' + decimals if decimals else ''}"


def point(text: str) -> tuple[str, str]:
    """Latitude and longitude from one cell."""
    parts = [
        part
        for part in re.split(r"\s*[;|/]\s*|\s*,\s+|\s+|(?<=[0-9]{3}),(?=-?[0-9])", ascii_digits(text).strip(" ()"))
        if part
    ]
    if len(parts) != 2:
        raise Unread("degrees", "35.7806, -5.8137", text)
    return degrees(parts[0].rstrip(","), 90), degrees(parts[1], 180)


def postal_code(text: str) -> str:
    """A postal code as a record can hold it."""
    plain = ascii_digits(text).strip().upper()
    if not re.fullmatch(r"[A-Z0-9][A-Z0-9 -]{0,11}", plain):
        raise Unread("postal_code", "90000", text)
    return plain


def register(text: str) -> str:
    """A number of a register."""
    plain = ascii_digits(text).strip()
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ./_-]{0,59}", plain):
        raise Unread("register", "12/2019", text)
    return plain


@cache
def answers(what: str) -> Mapping[str, frozenset[str]]:
    """Code → the folded words for it, of one part of answer_words.txt."""
    text = (Path(__file__).parent / "answer_words.txt").read_text("utf-8")
    part = text.partition(f"[{what}]\n")[2].partition("\n\n")[0]
    found = {}
    for line in part.splitlines():
        code, _, words = line.partition(":")
        found[code] = frozenset(folded(word) or word.strip() for word in words.split(","))
    return MappingProxyType(found)


@cache
def _countries() -> Mapping[str, str]:
    found: dict[str, Any] = {}
    for line in (Path(__file__).parent / "country_words.txt").read_text("utf-8").splitlines():
        code, _, words = line.partition(":")
        found.update({folded(word): code for word in words.split(",")})
    return MappingProxyType(found)


@cache
def _all_countries() -> Mapping[str, str]:
    """Every country by its code and its names in eight languages. Made when the short table has not the word, for most
    cells name a country that is near."""
    from jisr_protocol.pages import countries

    return MappingProxyType(countries.codes(folded))
