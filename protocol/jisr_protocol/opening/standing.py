"""Whether what a record is about goes on: by its status and by its dates, at one moment. Pure.

A record's status is what its author said last; its dates go on telling when nobody touches it any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .answers import Why

_STATES = {"paused": Why.PAUSED, "planned": Why.PLANNED, "ended": Why.ENDED}
_PAST = ("org.jisr.grant/", "org.jisr.news/", "org.jisr.indicator/")
"""Types that tell of what was: their periods end nothing."""


def standing(record: Mapping[str, Any], now: datetime) -> Why | None:
    """ENDED, PLANNED, PAUSED or CANCELLED at the aware instant `now`; None for what goes on. Never raises.

    A last day is counted whole, in the record's own time zone where it names one.
    """
    if record.get("event_status") == "cancelled":
        return Why.CANCELLED
    said = _STATES.get(str(record.get("status")))
    if said is Why.ENDED or str(record.get("type")).startswith(_PAST):
        return said
    here = now.astimezone(_zone(record))
    if (last := ended(record)) is not None and last < here.date().isoformat():
        return Why.ENDED
    if isinstance(expires := record.get("expires"), str) and expires <= now.astimezone(UTC).isoformat()[:19] + "Z":
        return Why.ENDED
    begins = list(_days(record, (("period", "from"), ("window", "opens"), ("from",))))
    return said or (Why.PLANNED if begins and min(begins) > here.date().isoformat() else None)


def ended(record: Mapping[str, Any]) -> str | None:
    """The last day that a record's own dates name (YYYY-MM-DD), whenever that is; None when they name none."""
    names = (("period", "until"), ("window", "closes"), ("deadline",), ("until",))
    days = list(_days(record, names))
    if record.get("event_status") is not None and "schedule" not in record:
        days += list(_days(record, (("end",),))) or list(_days(record, (("start",),)))
    return min(days, default=None)


def _days(record: Mapping[str, Any], paths: tuple[tuple[str, ...], ...]) -> Iterator[str]:
    for path in paths:
        value: object = record
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        if isinstance(value, str):
            try:
                yield date.fromisoformat(value[:10]).isoformat()
            except ValueError:
                continue


def _zone(record: Mapping[str, Any]) -> tzinfo:
    places = record.get("at")
    for holder in (record, record.get("schedule"), *(places if isinstance(places, list) else ())):
        for one in (holder, holder.get("schedule")) if isinstance(holder, Mapping) else ():
            name = one.get("timezone") if isinstance(one, Mapping) else None
            if isinstance(name, str):
                try:
                    return ZoneInfo(name)
                except (ZoneInfoNotFoundError, ValueError, OSError):
                    continue
    return UTC
