"""One day of a schedule: the spans in which it is open, or in which nobody can say.

Which hours hold on a day: those of the holidays before those of Ramadan, those before the summer's, those before the
normal ones; of one label those with dates before those without. The first that say anything hold for the whole week:
a day that Ramadan's hours do not name is closed in Ramadan. Only lines that merely close some days leave the others to
the next. Occasions are added to whatever holds.

A wall-clock time that comes twice is its first, one that is skipped lies as far after the jump (RFC 5545 §3.3.5).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, product
from zoneinfo import ZoneInfo

from .answers import Why
from .calendar import Days
from .schedule import DAY_MINUTES, LABELS, Entry, Schedule

_SUMMER_MONTHS = range(6, 10)
"""In which summer hours without dates may hold."""
_ROUND_THE_CLOCK = timedelta(hours=23)
"""A day of 24 hours, one of which a clock change takes."""
_CLOSED_BY = {"holiday": Why.HOLIDAY, "ramadan": Why.RAMADAN, "summer": Why.SUMMER}
_DEPENDS_ON = {
    "holiday": Why.HOLIDAY_UNDECLARED,
    "ramadan": Why.RAMADAN_UNDECLARED,
    "summer": Why.SUMMER_UNDATED,
}


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` up to `end` (UTC) it is open, or for the reason `why` nobody can say; `begins` says that its start
    is a known opening."""

    start: datetime
    end: datetime
    why: Why | None = None
    begins: bool = True


@dataclass(frozen=True, slots=True)
class DayPlan:
    """The spans of one local day; `closed_by` is the season that closes or shortens it."""

    spans: tuple[Span, ...]
    closed_by: Why | None = None


def plan(schedule: Schedule, day: date, days: Days) -> DayPlan:
    """What holds on a local day; a span that begins on it may end on the next."""
    seasons = _seasons(schedule, day, days)
    unsure = [label for label, holds in seasons.items() if holds is None]
    plans = []
    for chosen in product((True, False), repeat=len(unsure)):
        known = {**seasons, **dict(zip(unsure, chosen, strict=True))}
        plans.append(_plan(schedule, day, {label: bool(holds) for label, holds in known.items()}))
    return plans[0] if len(set(plans)) == 1 else DayPlan(_agreed(plans, _DEPENDS_ON[unsure[0]]))


def occasions(schedule: Schedule) -> tuple[Span, ...]:
    """The spans of all occasions, by their start; one without an end lasts, not known how long, to its day's end."""
    found = []
    for start, end in schedule.occasions:
        first = _at(start, schedule.zone)
        last = _at(end, schedule.zone) if end is not None else _instant(start.date(), DAY_MINUTES, schedule.zone)
        if first < last:
            found.append(Span(first, last, None if end is not None else Why.END_MISSING))
    return tuple(sorted(found, key=lambda span: span.start))


def _seasons(schedule: Schedule, day: date, days: Days) -> dict[str, bool | None]:
    """Whether each kind of day is this one; None when that is not known and something here depends on it."""
    undated = {entry.label for entry in schedule.entries if not entry.dated}
    return {
        "holiday": days.holiday(day) if schedule.entries else False,
        "ramadan": days.ramadan(day) if "ramadan" in undated else False,
        "summer": None if "summer" in undated and day.month in _SUMMER_MONTHS else False,
    }


def _plan(schedule: Schedule, day: date, seasons: Mapping[str, bool]) -> DayPlan:
    for label, group in _in_force(schedule.entries, day, seasons):
        shut = [entry for entry in group if entry.closed]
        if any(entry.days is None or day.weekday() in entry.days for entry in shut):
            return DayPlan((), _CLOSED_BY.get(label))
        said = [entry for entry in group if not entry.closed]
        if said:
            spans = tuple(_spans(said, day, schedule.zone))
            if seasons["holiday"] and label != "holiday" and not all(entry.single_day for entry in said):
                spans = tuple(_in_doubt(spans))
            return DayPlan(spans, _CLOSED_BY.get(label))
    if not schedule.entries:
        return DayPlan(())
    start, end = (_instant(day, minutes, schedule.zone) for minutes in (0, DAY_MINUTES))
    return DayPlan((Span(start, end, Why.NOT_SAID, begins=False),))


def _in_force(
    entries: Sequence[Entry], day: date, seasons: Mapping[str, bool]
) -> Iterator[tuple[str, Sequence[Entry]]]:
    """(label, entries) in the order in which they count."""
    for label in LABELS:
        ours = [entry for entry in entries if entry.label == label]
        yield label, [entry for entry in ours if entry.dated and entry.covers(day)]
        if seasons.get(label, True):
            yield label, [entry for entry in ours if not entry.dated]


def _spans(entries: Sequence[Entry], day: date, zone: ZoneInfo) -> Iterator[Span]:
    ours = [entry for entry in entries if entry.days is None or day.weekday() in entry.days]
    starts = sorted(start for entry in ours for start, _ in entry.times)
    for entry in ours:
        # a holiday's own line needs no days: its label or its one date names them
        doubt = Why.DAYS_MISSING if entry.days is None and entry.label != "holiday" and not entry.single_day else None
        if not entry.times:
            yield Span(_instant(day, 0, zone), _instant(day, DAY_MINUTES, zone), Why.HOURS_MISSING, begins=False)
        for start, end in entry.times:
            why = doubt or (Why.END_MISSING if end is None else None)
            if end is None:
                end = next((later for later in starts if later > start), max(DAY_MINUTES, start))
            first, last = _instant(day, start, zone), _instant(day, end, zone)
            if first < last:
                yield Span(first, last, why, begins=doubt is None)


def _in_doubt(spans: Sequence[Span]) -> Iterator[Span]:
    """Of a public holiday nothing was said: what is open on other days may be closed. Round the clock stays so."""
    for span in spans:
        if span.why not in (None, Why.END_MISSING) or span.end - span.start >= _ROUND_THE_CLOCK:
            yield span
        else:
            yield Span(span.start, span.end, Why.PUBLIC_HOLIDAY, begins=False)


def _agreed(plans: Sequence[DayPlan], why: Why) -> tuple[Span, ...]:
    """What all plans say; where they differ nobody can say, for the reason `why`."""
    edges = sorted({edge for each in plans for span in each.spans for edge in (span.start, span.end)})
    found: list[Span] = []
    for start, end in pairwise(edges):
        states = {_state(each.spans, start) for each in plans}
        if states == {"closed"}:
            continue
        state = states.pop() if len(states) == 1 else why
        reason = None if state == "open" else Why(state)
        begins = all(span.begins for each in plans for span in each.spans if span.start == start)
        if found and (found[-1].end, found[-1].why) == (start, reason):
            found[-1] = replace(found[-1], end=end)
        else:
            found.append(Span(start, end, reason, begins=begins and state != why))
    return tuple(found)


def _state(spans: Sequence[Span], moment: datetime) -> str:
    here = [span.why for span in spans if span.start <= moment < span.end]
    return "closed" if not here else "open" if None in here else str(here[0])


def _instant(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    return _at(datetime(day.year, day.month, day.day) + timedelta(minutes=minutes), zone)


def _at(local: datetime, zone: ZoneInfo) -> datetime:
    return local.replace(tzinfo=zone).astimezone(UTC)
