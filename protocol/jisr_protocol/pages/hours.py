"""A schedule of a record in words, line by line: "Monday – Thursday: 09:00–12:30, 15:00–18:00".

Times are local to the schedule's zone and stay as the author wrote them; a missing end stays missing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .freshness import instant
from .language import Language
from .text import Text, choose
from .vocabulary import value_word

# A word joiner keeps the two ends of an interval on one line.
_TIED = "\u2060"

WEEK = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def hours(schedule: Mapping[str, Any], language: Language, author: object) -> list[Text]:
    """Write a schedule as lines; `author` is the language of the record's author, for its notes."""
    lines: list[Text] = []
    for entry in _mappings(schedule.get("operating_hours")):
        lines.append(Text(_line(entry, language), language.code))
        lines += _note(entry, language, author)
    for occasion in _mappings(schedule.get("events")):
        words = period(occasion.get("start"), occasion.get("end"), language)
        lines += [Text(words, language.code)] if words else []
        lines += _note(occasion, language, author)
    return [line for line in lines if line.value] + _note(schedule, language, author)


def local_time(value: object, language: Language) -> str:
    """Write a date or a local time `YYYY-MM-DDTHH:MM` in words; "" for anything else."""
    if not isinstance(value, str):
        return ""
    day = instant(value[:10])
    clock = value[11:16] if len(value) == 16 else ""
    return language.date(day) + (f"{language.comma}{clock}" if clock else "") if day else ""


def period(start: object, end: object, language: Language) -> str:
    """Write a period in words, open where an end is missing; "" when both are."""
    first, last = local_time(start, language), local_time(end, language)
    if first and last:
        return f"{first} – {last}"
    if first:
        return language.gettext("from %(date)s") % {"date": first}
    return language.gettext("until %(date)s") % {"date": last} if last else ""


def _line(entry: Mapping[str, Any], language: Language) -> str:
    label = value_word("label", str(entry.get("label")), language) or ""
    dates = period(entry.get("valid_from"), entry.get("valid_to"), language)
    season = f"{label} ({dates})" if label and dates else label or dates
    when = language.comma.join(part for part in (season, _days(entry.get("days"), language)) if part)
    if entry.get("closed") is True:
        times = language.gettext("closed")
    else:
        times = language.comma.join(_times(entry.get("intervals"), language))
    return f"{when}{language.colon}{times}" if when and times else when or times


def _times(intervals: object, language: Language) -> Iterator[str]:
    for interval in intervals if isinstance(intervals, list) else []:
        match interval:
            case [str(start), str(end)]:
                yield f"{start}{_TIED}–{_TIED}{end}"
            case [str(start)]:
                yield language.gettext("from %(time)s") % {"time": start}


def _days(days: object, language: Language) -> str:
    """Name the days; three and more in a row are written as a stretch."""
    names = language.locale.days["stand-alone"]["wide"]
    numbers = sorted(WEEK.index(day) for day in days if day in WEEK) if isinstance(days, list) else []
    words = []
    for first, last in _stretches(numbers):
        if last - first > 1:
            words.append(f"{names[first]} – {names[last]}")
        else:
            words += [names[day] for day in range(first, last + 1)]
    return language.comma.join(words)


def _stretches(numbers: Sequence[int]) -> list[tuple[int, int]]:
    stretches: list[tuple[int, int]] = []
    for number in numbers:
        if stretches and stretches[-1][1] == number - 1:
            stretches[-1] = (stretches[-1][0], number)
        else:
            stretches.append((number, number))
    return stretches


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def _note(entry: Mapping[str, Any], language: Language, author: object) -> list[Text]:
    note = choose(entry.get("note"), language.code, author)
    return [note] if note else []
