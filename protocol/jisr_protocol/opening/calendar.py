"""What kind of day a day is in one country: in Ramadan, a public holiday, or not known yet.

The months of the Islamic calendar are computed (Umm al-Qura) and may begin a day earlier or later where the moon is
looked for. Such a day is unsure, None, until an operator says what was declared:

    MA ramadan 2026-02-19 2026-03-20
    MA holiday 2026-05-27 2026-05-28

What is declared takes the place of what was computed; the feast after Ramadan follows a declared last day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from .holidays import COUNTRY_OF_ZONE, RAMADAN, RULES, SHAWWAL, fixed

_DAY = timedelta(days=1)
_SAME_FEAST = timedelta(days=4)
"""How far a declared day may lie from the computed one it stands for."""
SHORTEST_MONTH = timedelta(days=29)
KINDS = ("ramadan", "holiday")


@dataclass(frozen=True, slots=True)
class Declared:
    """What was declared in a country (ISO 3166-1, two letters): `kind` is one of KINDS, from `first` to `last`, both
    included. A Ramadan whose end nobody knows yet has no `last`."""

    country: str
    kind: str
    first: date
    last: date | None = None

    @classmethod
    def read(cls, line: str) -> Declared:
        """Read `MA ramadan 2026-02-19 2026-03-20`. Raises ValueError that says what was expected."""
        match line.split():
            case [country, kind, first] | [country, kind, first, _] if kind in KINDS and _is_country(country):
                said = line.split()[3:]
                declared = cls(country, kind, date.fromisoformat(first), date.fromisoformat(said[0]) if said else None)
                if declared.last is None or declared.first <= declared.last:
                    return declared
        raise ValueError(f'expected a line such as "MA ramadan 2026-02-19 2026-03-20"; came "{line.strip()[:80]}"')


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Days of the Islamic calendar in a row, `sure` when they were declared."""

    first: date
    last: date
    sure: bool

    def holds(self, day: date) -> bool | None:
        if self.sure:
            return self.first <= day <= self.last
        if self.first < day < self.last:
            return True
        return None if self.first - _DAY <= day <= self.last + _DAY else False


class Days:
    """The calendar of one country, "" for one that is not known. Remembers what it computed."""

    def __init__(self, country: str = "", declared: Iterable[Declared] = ()) -> None:
        self.country = country
        self._declared = [each for each in declared if each.country == country]
        self._fixed: dict[int, frozenset[date]] = {}
        self._feasts: dict[int, tuple[_Stretch, ...]] = {}

    def ramadan(self, day: date) -> bool | None:
        """Whether the day is in Ramadan; None when nobody knows yet."""
        return _any(self._month(year).holds(day) for year in _hijri_years(day.year))

    def holiday(self, day: date) -> bool | None:
        """Whether the country rests on this day; None when nobody knows yet. False where no table is."""
        if day.year not in self._fixed:
            self._fixed[day.year] = frozenset(fixed(self.country, day.year))
            self._feasts[day.year] = tuple(self._computed(day.year))
        if day in self._fixed[day.year]:
            return True
        declared = any(e.kind == "holiday" and e.first <= day <= (e.last or e.first) for e in self._declared)
        return declared or _any(feast.holds(day) for feast in self._feasts[day.year])

    def _month(self, year: int) -> _Stretch:
        """Ramadan of a year of the Islamic calendar."""
        first, after = _gregorian(year, RAMADAN, 1), _gregorian(year, SHAWWAL, 1)
        for said in self._declared:
            if said.kind == "ramadan" and abs(said.first - first) <= _SAME_FEAST:
                if said.last is not None:
                    return _Stretch(said.first, said.last, sure=True)
                return _Begun(said.first, said.first + SHORTEST_MONTH, sure=False)
        return _Stretch(first, after - _DAY, sure=False)

    def _computed(self, year: int) -> Iterator[_Stretch]:
        """The feasts of the Islamic calendar around a year, but for those that a declared holiday stands for."""
        for hijri in _hijri_years(year):
            for month, first, last in RULES[self.country].hijri if self.country in RULES else ():
                start = _gregorian(hijri, month, first)
                ramadan = self._month(hijri)
                sure = month == SHAWWAL and ramadan.sure
                if sure:
                    start = ramadan.last + first * _DAY
                if not self._said(start):
                    yield _Stretch(start, start + (last - first) * _DAY, sure)

    def _said(self, start: date) -> bool:
        return any(each.kind == "holiday" and abs(each.first - start) <= _SAME_FEAST for each in self._declared)


class _Begun(_Stretch):
    """A Ramadan whose first day was declared and whose last is its 29th or its 30th."""

    def holds(self, day: date) -> bool | None:
        return None if day == self.last else self.first <= day < self.last


def country_of(zone: object) -> str:
    """The country whose calendar a time zone follows; "" when it is none of those with a table."""
    return COUNTRY_OF_ZONE.get(str(zone), "")


def _is_country(code: str) -> bool:
    return len(code) == 2 and code.isascii() and code.isupper() and code.isalpha()


def _any(found: Iterable[bool | None]) -> bool | None:
    said = set(found)
    return True if True in said else None if None in said else False


@cache
def _hijri_years(year: int) -> tuple[int, ...]:
    """The years of the Islamic calendar whose Ramadan or feasts may fall in a year; none where it is not computed."""
    near = int((year - 622) * 33 / 32)
    return tuple(each for each in range(near - 1, near + 3) if 1343 <= each < 1500)


@cache
def _gregorian(year: int, month: int, day: int) -> date:
    from hijridate import Hijri  # only who asks for such a day loads the table of its months

    return date(*Hijri(year, month, day).to_gregorian().datetuple())
