"""A schedule as read from a record: its entries and occasions as values, its zone as a zone.

The schema has judged what was accepted; what it would refuse is refused here too, so that no page falls over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .answers import Why

WEEK = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
LABELS = ("holiday", "ramadan", "summer", "normal")
"""What counts more comes first."""
DAY_MINUTES = 24 * 60


class Unreadable(Exception):
    """Nothing can be said of this schedule, for the reason `why`."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of hours. `days` are numbers from Monday's 0, None when not said; `times` are minutes of the day."""

    label: str
    first: date | None
    last: date | None
    days: frozenset[int] | None
    times: tuple[tuple[int, int | None], ...]
    closed: bool

    @property
    def dated(self) -> bool:
        return self.first is not None or self.last is not None

    @property
    def single_day(self) -> bool:
        return self.first is not None and self.first == self.last

    def covers(self, day: date) -> bool:
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True)
class Schedule:
    """`occasions` are pairs of local times, the end None when not said."""

    zone: ZoneInfo
    entries: tuple[Entry, ...]
    occasions: tuple[tuple[datetime, datetime | None], ...]


def read(value: object) -> Schedule:
    """Read a schedule (docs/records.md). Raises Unreadable."""
    if not isinstance(value, Mapping):
        raise Unreadable(Why.NOT_UNDERSTOOD)
    try:
        zone = ZoneInfo(str(value["timezone"]))
    except (ZoneInfoNotFoundError, OSError):
        raise Unreadable(Why.ZONE_UNKNOWN) from None
    except (KeyError, ValueError):
        raise Unreadable(Why.NOT_UNDERSTOOD) from None
    try:
        entries = tuple(_entry(each) for each in value.get("operating_hours", ()))
        occasions = tuple(_occasion(each) for each in value.get("events", ()))
    except (AttributeError, KeyError, TypeError, ValueError):
        raise Unreadable(Why.NOT_UNDERSTOOD) from None
    if not entries and not occasions:
        raise Unreadable(Why.WORDS_ONLY)
    return Schedule(zone, entries, occasions)


def _entry(value: Mapping[str, Any]) -> Entry:
    if value["label"] not in LABELS:
        raise ValueError
    days = value.get("days")
    return Entry(
        label=value["label"],
        first=_date(value.get("valid_from")),
        last=_date(value.get("valid_to")),
        days=frozenset(WEEK.index(day) for day in days) if days else None,
        times=tuple(_interval(*each) for each in value.get("intervals", ())),
        closed=value.get("closed") is True,
    )


def _date(value: str | None) -> date | None:
    return None if value is None else date.fromisoformat(value)


def _interval(start: str, end: str | None = None) -> tuple[int, int | None]:
    """An end at or before the start is on the next day."""
    first, last = _minutes(start), None if end is None else _minutes(end)
    return first, last + DAY_MINUTES if last is not None and last <= first else last


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def _occasion(value: Mapping[str, Any]) -> tuple[datetime, datetime | None]:
    end = value.get("end")
    return datetime.fromisoformat(value["start"]), None if end is None else datetime.fromisoformat(end)
