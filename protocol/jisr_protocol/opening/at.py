"""The answer for one moment: spans of some days laid one after the other, from the day before on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from .answers import Answer, Closed, Open, Unknown, Why
from .calendar import Days
from .plan import Span, occasions, plan
from .schedule import Schedule, Unreadable, read
from .standing import standing

HORIZON_DAYS = 130
"""How far ahead the next opening is looked for: longer than a summer's closing."""
_ALWAYS_DAYS = 8
"""What is open for longer has no end in sight."""

_MEMBERS = ("opening_hours", "schedule")


def at(schedule: object, now: datetime, days: Days) -> Answer:
    """Answer for a schedule (docs/records.md) at the instant `now`, which is aware. Never raises for a schedule."""
    try:
        known = read(schedule)
    except Unreadable as unreadable:
        return Unknown(unreadable.why)
    here = now.astimezone(UTC)
    spans = _Spans(known, here, days)
    if (until := spans.open_until()) is not None:
        return Open(None if until - here > timedelta(days=_ALWAYS_DAYS) else until.astimezone(known.zone))
    opens, perhaps = spans.opens()
    opens = opens.astimezone(known.zone) if opens is not None else None
    if (span := spans.unknown()) is not None:
        since = span.start.astimezone(known.zone) if span.begins else None
        return Unknown(span.why or Why.NOT_SAID, since, opens)
    today = plan(known, here.astimezone(known.zone).date(), days)
    return Closed(opens, perhaps, today.closed_by)


def open_between(schedule: object, first: datetime, last: datetime, days: Days) -> list[tuple[datetime, datetime]]:
    """The spans (start, end), UTC, in which it is known to be open and that touch [first, last); `at` says Open at
    exactly the moments in them. Never raises for a schedule."""
    try:
        known = read(schedule)
    except Unreadable:
        return []
    spans = list(occasions(known))
    # what began the evening before may last until the first moment
    day = first.astimezone(known.zone).date() - timedelta(days=1)
    while day <= last.astimezone(known.zone).date():
        spans += plan(known, day, days).spans
        day += timedelta(days=1)
    return [(one.start, one.end) for one in spans if one.why is None and one.start < last and one.end > first]


def of_record(record: Mapping[str, Any], now: datetime, days: Days) -> Answer | None:
    """Answer for a record as a whole: open where one of its schedules is; None when it has none.

    A record that is paused, not yet begun or over, by its status or its dates, and an event that is cancelled, is
    closed whatever its schedule says.
    """
    found = list(schedules(record))
    if not found:
        return None
    if (state := standing(record, now)) is not None:
        return Closed(None, why=state)
    answers = [at(schedule, now, days) for schedule in found]
    return min(answers, key=_order)


def schedules(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schedules that say when it is open: its own, and those of the places where it is given."""
    places = record.get("at")
    for holder in (record, *(places if isinstance(places, list) else ())):
        for member in _MEMBERS if isinstance(holder, Mapping) else ():
            if isinstance(holder.get(member), Mapping):
                yield holder[member]


def _order(answer: Answer) -> tuple[int, float]:
    """The answer that helps most first: open longest, then unknown, then closed with the earliest opening."""
    match answer:
        case Open(until):
            return 0, -until.timestamp() if until else float("-inf")
        case Unknown(opens=opens):
            return 1, opens.timestamp() if opens else float("inf")
        case Closed(opens=opens):
            return 2, opens.timestamp() if opens else float("inf")


class _Spans:
    """The spans of a schedule around one moment, planned no further ahead than is asked for."""

    def __init__(self, schedule: Schedule, now: datetime, days: Days) -> None:
        self._schedule, self._days, self._now = schedule, days, now
        # what began yesterday evening may last until now
        self._first = now.astimezone(schedule.zone).date() - timedelta(days=1)
        self._planned: list[tuple[Span, ...]] = []
        self._occasions = occasions(schedule)

    def _day(self, number: int) -> tuple[Span, ...]:
        while len(self._planned) <= number:
            day = self._first + timedelta(days=len(self._planned))
            self._planned.append(plan(self._schedule, day, self._days).spans)
        return self._planned[number]

    def _near(self, days: int) -> list[Span]:
        found = [*self._occasions, *(span for number in range(days) for span in self._day(number))]
        return sorted(found, key=lambda span: span.start)

    def open_until(self) -> datetime | None:
        """Until when it is known to stay open; None when it is not open."""
        end: datetime | None = None
        for span in self._near(_ALWAYS_DAYS + 3):
            if span.why is None and span.start <= (end or self._now) < span.end:
                end = span.end
        return end

    def unknown(self) -> Span | None:
        """Why nobody can say whether it is open now; asked only when it is not known to be."""
        return next((span for span in self._near(3) if span.start <= self._now < span.end), None)

    def opens(self) -> tuple[datetime | None, bool]:
        """The next known opening, and whether days before it are not known."""
        ahead = (span for span in self._occasions if span.start > self._now)
        occasion = next(ahead, None)
        last = occasion.start if occasion is not None else None
        perhaps = False
        for span in self._weekly(last):
            if span.begins:
                return span.start, perhaps
            perhaps = True
        return last, perhaps

    def _weekly(self, last: datetime | None) -> Iterator[Span]:
        """What begins after now, and before `last`, in its order."""
        for number in range(HORIZON_DAYS if self._schedule.entries else 0):
            spans = sorted(self._day(number), key=lambda span: span.start)
            if last is not None and spans and spans[0].start >= last:
                return
            yield from (span for span in spans if span.start > self._now and (last is None or span.start < last))
