"""Days as people write them: 2026-03-31, 31/3/2026, 31.03.26, 31 mars 2026, ٣١ مارس ٢٠٢٦, March 31, 2026.

Three numbers have an order that a column shows in its other cells: where one begins with 13 or more, all begin with the
day. A column that does not show it is asked about; nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache

from .text import ascii_digits, folded

_ISO = re.compile(r"([12][0-9]{3})[-/. ]([0-9]{1,2})[-/. ]([0-9]{1,2})(?:[T ].*)?")
_SIGN = r"\s*[-/.\u060c,\\ ]\s*"
_THREE = re.compile(
    rf"([0-9]{{1,2}}){_SIGN}([0-9]{{1,2}}){_SIGN}([12][0-9]{{3}}|[0-9]{{2}})(?:[T ,]+[0-9]{{1,2}}[:.h].*)?"
)
_SERIAL = re.compile(r"[0-9]{5}")
_CLOCK = re.compile(r"(?:T|\s|,)\s*([0-9]{1,2})\s*[:.hu]\s*([0-9]{2})")
_MONTHS = """
1 january jan janvier janv januari januar enero ene ocak يناير جانفي كانون_الثاني ⵉⵏⵏⴰⵢⵔ
2 february feb fevrier fevr fev februari februar febrero subat فبراير فيفري شباط ⴱⵕⴰⵢⵕ
3 march mar mars maart mrt marts marzo mart مارس اذار ⵎⴰⵕⵚ
4 april apr avril avr abril abr nisan ابريل افريل نيسان ⵉⴱⵔⵉⵔ
5 may mai mei maj mayo mayis ماي مايو ايار ⵎⴰⵢⵢⵓ
6 june jun juin juni junio haziran يونيو يونيه جوان حزيران ⵢⵓⵏⵢⵓ
7 july jul juillet juil juli julio temmuz يوليو يوليوز جويليه تموز ⵢⵓⵍⵢⵓⵣ
8 august aug aout augustus agosto ago agustos غشت اغسطس اوت اب ⵖⵓⵛⵜ
9 september sep sept septembre septiembre eylul شتنبر سبتمبر ايلول ⵛⵓⵜⴰⵏⴱⵉⵔ
10 october oct octobre oktober okt octubre ekim اكتوبر تشرين_الاول ⴽⵜⵓⴱⵔ
11 november nov novembre noviembre kasim نونبر نوفمبر تشرين_الثاني ⵏⵓⵡⴰⵏⴱⵉⵔ
12 december dec decembre diciembre dic aralik دجنبر ديسمبر كانون_الاول ⴷⵓⵊⴰⵏⴱⵉⵔ
"""  # fmt: skip
_FILLERS = frozenset(
    [
        "de",
        "del",
        "le",
        "la",
        "el",
        "of",
        "the",
        "den",
        "d",
        "du",
        "1er",
        "er",
        "st",
        "nd",
        "rd",
        "th",
        "om",
        "op",
        "den",
    ]
)
EARLIEST, LATEST = 1800, 2200


@dataclass(frozen=True, slots=True)
class Day:
    """A day, or the two that three numbers may mean: then `day` is with the day first and `other` with the month."""

    day: date
    other: date | None = None


def order_of(texts: Iterable[str]) -> str:
    """dmy or mdy where at least one cell shows it and none shows the other; "" where none does, "both" where both."""
    seen = set()
    for text in texts:
        match = _THREE.fullmatch(ascii_digits(text).strip())
        if match:
            first, second = int(match[1]), int(match[2])
            if first > 12 >= second:
                seen.add("dmy")
            elif second > 12 >= first:
                seen.add("mdy")
    return "both" if len(seen) > 1 else next(iter(seen), "")


def read(text: str, order: str = "") -> Day | None:
    """The day that a cell says, with the order of its column; None for what is none."""
    plain = ascii_digits(text).strip()
    if match := _ISO.fullmatch(plain):
        return _day(int(match[1]), int(match[2]), int(match[3]))
    if match := _THREE.fullmatch(plain):
        return _three(int(match[1]), int(match[2]), _year(match[3]), order)
    if _SERIAL.fullmatch(plain) and 20000 <= int(plain) <= 80000:
        # a day that lost its format in a spreadsheet counts from 30 December 1899
        return Day(date.fromordinal(date(1899, 12, 30).toordinal() + int(plain)))
    return _words(plain)


def clock(text: str) -> str:
    """The time of day behind a date, HH:MM; "" where there is none."""
    match = _CLOCK.search(ascii_digits(text))
    return f"{int(match[1]):02}:{match[2]}" if match and int(match[1]) < 24 and int(match[2]) < 60 else ""


def _three(first: int, second: int, year: int, order: str) -> Day | None:
    day_first, month_first = _day(year, second, first), _day(year, first, second)
    if order == "mdy":
        return month_first or None
    if order == "dmy":
        return day_first or None
    if day_first and month_first and first != second:
        return Day(day_first.day, month_first.day)
    return day_first or month_first


def _day(year: int, month: int, day: int) -> Day | None:
    try:
        return Day(date(year, month, day)) if EARLIEST <= year <= LATEST else None
    except ValueError:
        return None


def _year(text: str) -> int:
    return int(text) if len(text) == 4 else 2000 + int(text) if int(text) < 70 else 1900 + int(text)


@cache
def _months() -> dict[str, int]:
    found = {}
    for line in _MONTHS.strip().split("\n"):
        number, *words = line.split()
        found.update({folded(word): int(number) for word in words})
    return found


def _words(plain: str) -> Day | None:
    """Day, month by name, year, in any order; a name of the weekday before it says nothing more."""
    numbers, month = [], 0
    for part in re.findall(r"[0-9]+|[^\W\d_]+(?:_[^\W\d_]+)*", plain):
        if part.isdigit():
            numbers.append(part)
        elif folded(part) in _months():
            if month:
                return None
            month = _months()[folded(part)]
        elif folded(part) not in _FILLERS and len(numbers) + bool(month) > 0:
            return None
    if not month or len(numbers) != 2:
        return None
    years = [number for number in numbers if len(number) == 4]
    days = [number for number in numbers if len(number) <= 2]
    return _day(int(years[0]), month, int(days[0])) if len(years) == len(days) == 1 else None
