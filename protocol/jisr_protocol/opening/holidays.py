"""Public holidays of eight countries, as rules: fixed dates, days from Easter, days of the Islamic calendar.

Only days on which a whole country rests; regions and towns have more. Sources, as they stood in November 2026:
MA decree 2-77-169 as amended (14 January since 2024, 31 October since 2026) · NL Algemene termijnenwet art. 3, with
5 May in the fifth years alone, as it is kept · BE law of 4 January 1974 · FR Code du travail L3133-1 · ES Estatuto de
los Trabajadores art. 37.2 and the national list of each year · DK the Church's holidays, without Great Prayer Day
since 2024 · BI decree 100/150 of 2021 and its list · TR law 2429.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

# days from Easter Sunday
_MAUNDY_THURSDAY, _GOOD_FRIDAY, _EASTER, _EASTER_MONDAY = -3, -2, 0, 1
_ASCENSION, _PENTECOST, _WHIT_MONDAY = 39, 49, 50

MUHARRAM, RABI_I, RAMADAN, SHAWWAL, DHU_AL_HIJJA = 1, 3, 9, 10, 12


@dataclass(frozen=True, slots=True)
class Rest:
    """When a country rests: `fixed` month and day, `since` the first year of some of them, `easter` days from Easter
    Sunday, `hijri` month, first and last day in the Islamic calendar."""

    fixed: tuple[tuple[int, int], ...]
    easter: tuple[int, ...] = ()
    hijri: tuple[tuple[int, int, int], ...] = ()
    since: Mapping[tuple[int, int], int] | None = None


_EID_TWO_DAYS = ((SHAWWAL, 1, 2), (DHU_AL_HIJJA, 10, 11))

RULES: Mapping[str, Rest] = {
    "MA": Rest(
        ((1, 1), (1, 11), (1, 14), (5, 1), (7, 30), (8, 14), (8, 20), (8, 21), (10, 31), (11, 6), (11, 18)),
        hijri=((MUHARRAM, 1, 1), (RABI_I, 12, 13), *_EID_TWO_DAYS),
        since={(1, 14): 2024, (10, 31): 2026},
    ),
    "NL": Rest(
        ((1, 1), (4, 27), (5, 5), (12, 25), (12, 26)),
        (_GOOD_FRIDAY, _EASTER, _EASTER_MONDAY, _ASCENSION, _PENTECOST, _WHIT_MONDAY),
    ),
    "BE": Rest(
        ((1, 1), (5, 1), (7, 21), (8, 15), (11, 1), (11, 11), (12, 25)),
        (_EASTER, _EASTER_MONDAY, _ASCENSION, _PENTECOST, _WHIT_MONDAY),
    ),
    "FR": Rest(
        ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)),
        (_EASTER_MONDAY, _ASCENSION, _WHIT_MONDAY),
    ),
    "ES": Rest(
        ((1, 1), (1, 6), (5, 1), (8, 15), (10, 12), (11, 1), (12, 6), (12, 8), (12, 25)),
        (_GOOD_FRIDAY,),
    ),
    "DK": Rest(
        ((1, 1), (12, 25), (12, 26)),
        (_MAUNDY_THURSDAY, _GOOD_FRIDAY, _EASTER, _EASTER_MONDAY, _ASCENSION, _PENTECOST, _WHIT_MONDAY),
    ),
    "BI": Rest(
        ((1, 1), (2, 5), (4, 6), (5, 1), (6, 8), (7, 1), (8, 15), (10, 13), (10, 21), (11, 1), (12, 25)),
        (_ASCENSION,),
        ((SHAWWAL, 1, 1), (DHU_AL_HIJJA, 10, 10)),
    ),
    "TR": Rest(
        ((1, 1), (4, 23), (5, 1), (5, 19), (7, 15), (8, 30), (10, 29)),
        hijri=((SHAWWAL, 1, 3), (DHU_AL_HIJJA, 10, 13)),
    ),
}

COUNTRY_OF_ZONE: Mapping[str, str] = {
    "Africa/Bujumbura": "BI",
    "Africa/Casablanca": "MA",
    "Africa/Ceuta": "ES",
    "Atlantic/Canary": "ES",
    "Europe/Amsterdam": "NL",
    "Europe/Brussels": "BE",
    "Europe/Copenhagen": "DK",
    "Europe/Istanbul": "TR",
    "Europe/Madrid": "ES",
    "Europe/Paris": "FR",
}


def fixed(country: str, year: int) -> Iterator[date]:
    """The holidays of a year that no moon decides; none for a country without a table."""
    rest = RULES.get(country)
    if rest is None:
        return
    for month, day in rest.fixed:
        if year >= (rest.since or {}).get((month, day), 0):
            yield from _kept(country, date(year, month, day))
    sunday = easter(year)
    yield from (sunday + timedelta(days=days) for days in rest.easter)


def _kept(country: str, day: date) -> Iterator[date]:
    """A fixed day as it is kept in its year."""
    if country == "BI" and day.weekday() == 6:
        yield day + timedelta(days=1)
    if country == "NL" and (day.month, day.day) == (4, 27) and day.weekday() == 6:
        day -= timedelta(days=1)
    if country != "NL" or (day.month, day.day) != (5, 5) or day.year % 5 == 0:
        yield day


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the algorithm of Meeus, Jones and Butcher)."""
    golden, (century, rest) = year % 19, divmod(year, 100)
    leap, odd = divmod(century, 4)
    shift = (century - (century + 8) // 25 + 1) // 3
    moon = (19 * golden + century - leap - shift + 15) % 30
    day = (32 + 2 * odd + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (golden + 11 * moon + 22 * day) // 451
    month, before = divmod(moon + day - 7 * late + 114, 31)
    return date(year, month, before + 1)
