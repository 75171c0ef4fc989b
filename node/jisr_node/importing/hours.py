"""Opening hours as people write them, to rows of days and times; what is not understood stays as its own words.

Mo-Fr 09:00-17:00 · lun-ven 9h-12h30, 14h-18h · ma t/m vr 9.00-17.00 uur · الاثنين - الجمعة 9:00-17:00 · 24/7
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from .text import ascii_digits, folded

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_NAMES = """
MO mo mon monday lu lun lundi maandag ma_nl mandag man lunes pazartesi pzt الاثنين الإثنين اثنين ⴰⵢⵏⴰⵙ
TU tu tue tues tuesday mar mardi dinsdag di_nl tirsdag tir martes sali salı الثلاثاء ثلاثاء ⴰⵙⵉⵏⴰⵙ
WE we wed wednesday me mer mercredi woensdag wo onsdag ons miercoles mie çarşamba carsamba الأربعاء اربعاء ⴰⴽⵕⴰⵙ
TH th thu thur thurs thursday je jeu jeudi donderdag do torsdag tor jueves jue perşembe persembe الخميس خميس ⴰⴽⵡⴰⵙ
FR fr fri friday ve ven vendredi vrijdag vr fredag fre viernes vie cuma الجمعة جمعة ⴰⵙⵉⵎⵡⴰⵙ
SA sa sat saturday sam samedi zaterdag za lørdag lordag lør sabado sab cumartesi السبت سبت ⴰⵙⵉⴹⵢⴰⵙ
SU su sun sunday dim dimanche zondag zo søndag sondag søn domingo dom pazar الأحد احد ⴰⵙⴰⵎⴰⵙ
"""
_DAILY = (
    *("daily", "every day", "everyday", "tous les jours", "chaque jour", "7/7", "dagelijks", "elke dag"),
    *("alle dage", "hver dag", "todos los días", "her gün", "يوميا", "كل يوم"),
)
_TIME = r"([01]?[0-9]|2[0-4])\s*(?:[:.hHuU]\s*([0-5][0-9])?|(?=\s*(?:am|pm)))?\s*(am|pm)?"
_TO = r"\s*(?:uur|h|kl)?\s*(?:-|–|—|à|a|to|tot|til|until|hasta|إلى|الى|حتى)\s*(?:kl\.?\s*)?"
_INTERVAL = re.compile(
    rf"(?<![0-9]){_TIME}{_TO}{_TIME}(?![0-9])\s*(?:uur|heures|h\b)?",
    re.IGNORECASE,
)
_ONE_TIME = re.compile(rf"{_TIME}", re.IGNORECASE)
_RANGE = re.compile(r"\s*[-–—]\s*|\s+(?:t/m|tot en met|tot|à|au|to|til|a|إلى|الى|through)\s+")
_ALWAYS = re.compile(r"24\s*/\s*7|24h\s*/?\s*7")
_CLOSED = frozenset(
    folded(word) for word in ("closed", "fermé", "gesloten", "lukket", "cerrado", "kapalı", "مغلق", "ferme")
)
ZONES = {
    "MA": "Africa/Casablanca", "DZ": "Africa/Algiers", "TN": "Africa/Tunis", "EG": "Africa/Cairo",
    "LY": "Africa/Tripoli", "MR": "Africa/Nouakchott", "SN": "Africa/Dakar", "ML": "Africa/Bamako",
    "CI": "Africa/Abidjan", "GN": "Africa/Conakry", "NG": "Africa/Lagos", "KE": "Africa/Nairobi",
    "UG": "Africa/Kampala", "TZ": "Africa/Dar_es_Salaam", "RW": "Africa/Kigali", "BI": "Africa/Bujumbura",
    "CD": "Africa/Kinshasa", "ET": "Africa/Addis_Ababa", "SD": "Africa/Khartoum", "SO": "Africa/Mogadishu",
    "NL": "Europe/Amsterdam", "BE": "Europe/Brussels", "FR": "Europe/Paris", "ES": "Europe/Madrid",
    "DK": "Europe/Copenhagen", "DE": "Europe/Berlin", "GB": "Europe/London", "IT": "Europe/Rome",
    "PT": "Europe/Lisbon", "LU": "Europe/Luxembourg", "CH": "Europe/Zurich", "AT": "Europe/Vienna",
    "SE": "Europe/Stockholm", "NO": "Europe/Oslo", "IE": "Europe/Dublin", "GR": "Europe/Athens",
    "TR": "Europe/Istanbul", "JO": "Asia/Amman", "LB": "Asia/Beirut", "SY": "Asia/Damascus", "IQ": "Asia/Baghdad",
    "PS": "Asia/Hebron", "SA": "Asia/Riyadh", "AE": "Asia/Dubai",
}  # fmt: skip
"""The time zone of countries that have one, or one where nearly all live."""

Hours = list[dict[str, Any]]


def read(text: str) -> Hours | None:
    """Rows of operating hours; None for what is not understood in every word."""
    plain = ascii_digits(text).casefold().replace("٬", "،")
    if _ALWAYS.search(plain) and not _ALWAYS.sub("", plain).strip(" .,"):
        return [{"label": "normal", "days": list(DAYS), "intervals": [["00:00", "24:00"]]}]
    rows: Hours = []
    for part in re.split(r"[;\n|؛]+", plain):
        if part.strip():
            made = _parts(part)
            if made is None:
                return None
            rows += made
    return rows or None


def days(text: str) -> list[str] | None:
    """The days that a text names; None when it names something else too."""
    plain = folded(text.replace("&", " ").replace("+", " "))
    if plain in _every():
        return list(DAYS)
    found: list[str] = []
    for piece in re.split(
        r"\s*(?:,|،|/(?!m)|&|\+|\band\b|\bet\b|\ben\b|\bog\b|\bve\b|\by\b|\sو\s?)\s*", ascii_digits(text).casefold()
    ):
        ends = [_day(end) for end in _RANGE.split(piece.strip(" .:"))] if piece.strip(" .:") else []
        if len(ends) == 2 and ends[0] and ends[1]:
            first, last = DAYS.index(ends[0]), DAYS.index(ends[1])
            found += [DAYS[place % 7] for place in range(first, first + (last - first) % 7 + 1)]
        elif len(ends) == 1 and ends[0]:
            found.append(ends[0])
        elif ends:
            return None
    return sorted(set(found), key=DAYS.index) or None


def time(text: str) -> str | None:
    """One time of day, HH:MM. 12:00am can be read in two ways, and 13:00pm is a 24-hour clock with pm added."""
    match = _ONE_TIME.fullmatch(ascii_digits(text).casefold().strip().removesuffix("uur").strip())
    return _clock(match[1], match[2], match[3]) if match else None


def _parts(part: str) -> Hours | None:
    """`mo-fr 9-12, 14-18, sa 9-12`: every interval belongs to the days named last before it."""
    rows: Hours = []
    place = 0
    for match in _INTERVAL.finditer(part):
        before = part[place : match.start()].strip(" ,.:،-()")
        start, end = _clock(match[1], match[2], match[3]), _clock(match[4], match[5], match[6])
        if start is None or end is None:
            return None
        named = (
            days(before)
            if before and before not in ("et", "en", "and", "og", "ve", "y", "و", "&", "kl", "van", "de")
            else []
        )
        if named is None:
            return None
        if named or not rows:
            rows.append({"label": "normal", **({"days": named} if named else {}), "intervals": []})
        rows[-1]["intervals"].append([start, end])
        place = match.end()
    rest = part[place:].strip(" ,.:،()")
    if rest in ("uur", "h", "heures"):
        rest = ""
    if rest and (closed := _closed(rest)) is not None:
        return [*rows, closed]
    return None if rest or not rows else rows


def _closed(text: str) -> dict[str, Any] | None:
    words = text.replace(":", " ").split()
    if not any(folded(word) in _CLOSED for word in words):
        return None
    named = days(" ".join(word for word in words if folded(word) not in _CLOSED))
    return {"label": "normal", "days": named, "closed": True} if named else None


def _clock(hour: str, minute: str | None, half: str | None) -> str | None:
    number = int(hour)
    if half and number == 12:
        return None
    if half == "pm" and number < 12:
        number += 12
    return f"{number:02}:{minute or '00'}" if number < 24 or (number == 24 and not int(minute or 0)) else None


@cache
def _names() -> dict[str, str]:
    found = {}
    for line in _NAMES.strip().split("\n"):
        day, *words = line.split()
        found.update({folded(word.partition("_")[0]): day for word in words})
    return found


@cache
def _every() -> frozenset[str]:
    return frozenset(map(folded, _DAILY))


def _day(text: str) -> str | None:
    plain = folded(text)
    return (
        _names().get(plain)
        or _names().get(plain.removesuffix("s"))
        or _names().get(plain.removeprefix("les ").removeprefix("يوم "))
    )
