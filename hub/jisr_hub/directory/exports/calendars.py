"""Activities as a calendar (RFC 5545), an event each; what returns has a rule and the zone it is said in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from icalendar import Calendar, Event, Timezone, vRecur

from .columns import sound
from .shown import About, Shown, objects

PRODUCT = "-//Jisr//Jisr hub//EN"
_STATES = {"scheduled": "CONFIRMED", "moved": "CONFIRMED", "cancelled": "CANCELLED"}
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_END = b"END:VCALENDAR\r\n"
_ZONE_YEARS = 10


class Activities:
    """A calendar of events. A zone is described before the first event that is said in it."""

    def __init__(self, about: About) -> None:
        self._about = about
        self._zones: set[str] = set()

    def begin(self) -> bytes:
        calendar = Calendar()
        calendar.add("prodid", PRODUCT)
        calendar.add("version", "2.0")
        calendar.add("name", sound(self._about.hub))
        written: bytes = calendar.to_ical()
        return written.removesuffix(_END)

    def part(self, entries: Sequence[Shown]) -> bytes:
        return b"".join(self._written(one) for one in entries)

    def end(self) -> bytes:
        return _END

    def _written(self, one: Shown) -> bytes:
        found = b""
        for number, (times, zone) in enumerate(occasions(one, self._about.now)):
            if zone not in self._zones:
                self._zones.add(zone)
                found += _described(zone, self._about.now)
            found += _event(one, self._about, times, number).to_ical()
        return found


def occasions(one: Shown, now: datetime) -> Iterator[tuple[dict[str, Any], str]]:
    """When it is, and in which zone: its own start, or the occasions and hours of its schedule. One that says neither
    a zone nor a time that exists gives nothing."""
    record = one.record
    if isinstance(record.get("start"), str):
        found = _single(record, record.get("timezone"))
        if found is not None:
            yield found
        return
    schedule = record.get("schedule")
    if not isinstance(schedule, Mapping):
        return
    for each in objects(schedule.get("events")):
        if (found := _single(each, schedule.get("timezone"))) is not None:
            yield found
    for hours in objects(schedule.get("operating_hours")):
        yield from _weekly(hours, schedule.get("timezone"), now)


def _zone(name: object) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if isinstance(name, str) else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _single(said: Mapping[str, Any], named: object) -> tuple[dict[str, Any], str] | None:
    zone, start, end = _zone(named), _local(said.get("start")), _local(said.get("end"))
    if zone is None or start is None:
        return None
    times = {"dtstart": start.replace(tzinfo=zone)}
    if end is not None and end > start:
        times["dtend"] = end.replace(tzinfo=zone)
    return times, zone.key


def _weekly(hours: Mapping[str, Any], named: object, now: datetime) -> Iterator[tuple[dict[str, Any], str]]:
    """Hours of the week as a rule each, from the first day they hold; of Ramadan and holidays only those with dates."""
    zone, days = _zone(named), [day for day in _DAYS if day in (hours.get("days") or ())]
    first, last = _day(hours.get("valid_from")), _day(hours.get("valid_to"))
    undated = hours.get("label") != "normal" and first is None
    if zone is None or not days or hours.get("closed") is True or undated:
        return
    begin = first or now.astimezone(zone).date()
    while _DAYS[begin.weekday()] not in days:
        begin += timedelta(1)
    for interval in hours.get("intervals") or ():
        start = _local(f"{begin}T{interval[0]}") if interval else None
        end = _local(f"{begin}T{interval[1]}") if len(interval) > 1 else None
        if start is None or (last is not None and last < begin):
            continue
        rule: dict[str, Any] = {"freq": ["WEEKLY"], "byday": days}
        if last is not None:
            rule["until"] = [datetime(last.year, last.month, last.day, 23, 59, 59, tzinfo=zone).astimezone(UTC)]
        times: dict[str, Any] = {"dtstart": start.replace(tzinfo=zone), "rrule": vRecur(rule)}
        if end is not None:
            times["dtend"] = (end if end > start else end + timedelta(1)).replace(tzinfo=zone)
        yield times, zone.key


def _local(value: object) -> datetime | None:
    """A local time; 24:00 is the end of its day."""
    if not isinstance(value, str):
        return None
    try:
        if value.endswith("T24:00"):
            return datetime.fromisoformat(f"{value[:-5]}00:00") + timedelta(1)
        found = datetime.fromisoformat(value)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo is None and 1900 < found.year < 9000 else None


def _day(value: object) -> date | None:
    found = _local(f"{value}T00:00") if isinstance(value, str) else None
    return found.date() if found is not None else None


def _event(one: Shown, about: About, times: Mapping[str, Any], number: int) -> Event:
    event = Event()
    event.add("uid", f"{one.entry}{f'-{number}' if number else ''}@{about.address.partition('//')[2] or about.hub}")
    event.add("dtstamp", _stamp(one))
    event.add("last-modified", _stamp(one))
    for name, value in times.items():
        event.add(name, value)
    event.add("summary", sound(one.name))
    about_it = [one.description, one.words(one.record.get("for_whom")), f"{one.licence} – {one.author} – {one.page}"]
    event.add("description", sound(" – ".join(filter(None, about_it))))
    if place := next(one.addressed(), "") or next((each.name for each in one.places), ""):
        event.add("location", sound(place))
    if len(points := one.points) == 1:
        event.add("geo", (points[0][1], points[0][0]))
    event.add("url", one.page)
    event.add("status", _STATES.get(str(one.record.get("event_status")), "CONFIRMED"))
    return event


def _stamp(one: Shown) -> datetime:
    try:
        return datetime.fromisoformat(one.modified).astimezone(UTC)
    except ValueError:
        return one.listed.received_at


def _described(zone: str, now: datetime) -> bytes:
    """A zone as RFC 5545 asks for it, from the year before this one on."""
    years = date(now.year - 1, 1, 1), date(now.year + _ZONE_YEARS, 1, 1)
    written: bytes = Timezone.from_tzid(zone, first_date=years[0], last_date=years[1]).to_ical()
    return written
