"""How often a node's records were looked at and used at a hub, as it may be told (docs/spec/usage.md).

    told(hub, node, today, days, all, corrected)   the report of a hub: weeks, in steps of five, of whole days only
    parse(raw, hub=…, node=…)                      the same at the node, judged before anything of it is shown

Pure: the days that were counted are an argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import msgspec

from . import canonical, identifiers
from .limits import USAGE_BYTES, USAGE_CORRECTED, USAGE_RECORDS, USAGE_STEP, USAGE_WEEKS
from .refusal import refuse
from .shapes import Check, Shape, list_of

KINDS = VIEWS, REFERRALS, APPLICATIONS = "views", "referrals", "applications"
_WEEK = timedelta(days=7)
Counts = list[list[int]]
"""Of each kind a number for each week."""


class Day(msgspec.Struct, frozen=True):
    """What was counted of a record on one day: as many of each of KINDS, in their order."""

    id: str
    day: date
    counts: tuple[int, int, int]


class Report(msgspec.Struct, frozen=True):
    """A page of a report. `weeks` are Mondays, the oldest first; of each kind there are as many numbers as weeks.

    `records` have `id`, the three kinds and `corrected_by`; `after` is where the next page begins, "" for the last.
    """

    until: str
    weeks: tuple[str, ...]
    records: tuple[Mapping[str, Any], ...]
    sum: Mapping[str, Sequence[int]]
    after: str


def at_least(count: int) -> int:
    """USE-2: the multiple of five that it reaches; of less than five nothing is told."""
    return count - count % USAGE_STEP


def weeks(today: date) -> tuple[date, ...]:
    """The Mondays of the weeks that a report tells of on this day, the oldest first."""
    monday = today - timedelta(days=today.weekday())
    return tuple(monday - _WEEK * back for back in reversed(range(USAGE_WEEKS)))


def told(
    hub: str,
    node: str,
    today: date,
    days: Iterable[Day],
    everything: Iterable[Day],
    corrected: Mapping[str, Iterable[str]],
    after: str = "",
) -> dict[str, Any]:
    """USE-2, USE-3: what a hub tells a node of its records: what ended before `today`, the hub's civil day.

    `days` of one week may be added up into one of them before; what stays below five in a week may be missing among
    them, but not among `everything`, from which the sum is made. `corrected` names who corrects a record. Records come
    in the order of their ids, those behind `after`.
    """
    found: dict[str, Counts] = {}
    for one in days:
        _add(found.setdefault(one.id, _zeros()), one, today)
    total = _zeros()
    for one in everything:
        _add(total, one, today)
    rows = [_row(id_, found.get(id_, _zeros()), corrected.get(id_, ())) for id_ in sorted({*found, *corrected})]
    shown = [row for row in rows if row["id"] > after and (row["corrected_by"] or any(any(row[k]) for k in KINDS))]
    return {
        "after": shown[USAGE_RECORDS - 1]["id"] if len(shown) > USAGE_RECORDS else "",
        "hub": hub,
        "node": node,
        "records": shown[:USAGE_RECORDS],
        "sum": _rounded(total),
        "until": (today - timedelta(days=1)).isoformat(),
        "weeks": [monday.isoformat() for monday in weeks(today)],
    }


def _add(counted: Counts, one: Day, today: date) -> None:
    first = weeks(today)[0]
    if first <= one.day < today:
        for kind, count in enumerate(one.counts):
            counted[kind][(one.day - first).days // 7] += count


def _zeros() -> Counts:
    return [[0] * USAGE_WEEKS for _ in KINDS]


def _rounded(counted: Counts) -> dict[str, list[int]]:
    return {kind: [at_least(count) for count in counts] for kind, counts in zip(KINDS, counted, strict=True)}


def _row(record_id: str, counted: Counts, corrected: Iterable[str]) -> dict[str, Any]:
    return {"corrected_by": sorted(corrected)[:USAGE_CORRECTED], "id": record_id, **_rounded(counted)}


# At the node


def _number(value: object) -> str | None:
    good = isinstance(value, int) and not isinstance(value, bool) and value >= 0 and value % USAGE_STEP == 0
    return None if good else f"a multiple of {USAGE_STEP}"


def _numbers(value: object) -> str | None:
    expected = f"{USAGE_WEEKS} multiples of {USAGE_STEP}"
    return None if isinstance(value, list) and len(value) == USAGE_WEEKS and not any(map(_number, value)) else expected


def _day(value: object) -> str | None:
    try:
        good = isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        good = False
    return None if good else "a day such as 2026-06-01"


def _place(value: object) -> str | None:
    return None if value == "" else identifiers.uuid(value)


def _mondays(value: object) -> str | None:
    expected = f"the Mondays of {USAGE_WEEKS} weeks, one after the other"
    if not isinstance(value, list) or len(value) != USAGE_WEEKS or any(map(_day, value)):
        return expected
    days = [date.fromisoformat(one) for one in value]
    follow = all(later - earlier == _WEEK for earlier, later in pairwise(days))
    return None if follow and days[0].weekday() == 0 else expected


_COUNTS: dict[str, Check] = dict.fromkeys(KINDS, _numbers)
_SUM = Shape("USE-6", _COUNTS)
_RECORD = Shape(
    "USE-6", {"id": identifiers.uuid, "corrected_by": list_of(identifiers.node, most=USAGE_CORRECTED), **_COUNTS}
)


def _objects(value: object) -> str | None:
    good = isinstance(value, list) and len(value) <= USAGE_RECORDS
    return None if good else f"a list of at most {USAGE_RECORDS} records"


_REPORT = Shape(
    "USE-6",
    {
        "after": _place,
        "hub": identifiers.node,
        "node": identifiers.node,
        "records": _objects,
        "sum": lambda value: None if isinstance(value, dict) else "an object",
        "until": _day,
        "weeks": _mondays,
    },
)


def parse(raw: bytes, *, hub: str, node: str) -> Report:
    """Read a page of a report of `hub` about the records of `node`. Raises Refusal (CAN, LIM-1, USE-6, USE-7)."""
    value = _REPORT.check(canonical.parse(raw.removesuffix(b"\n"), limit_bytes=USAGE_BYTES))
    for name, whose in (("hub", hub), ("node", node)):
        if value.get(name) != whose:
            refuse("USE-7", f"/{name}", expected=whose, came=value.get(name))
    _SUM.check(value.get("sum"), "/sum")
    for place, record in enumerate(value["records"]):
        _RECORD.check(record, f"/records/{place}")
    return Report(value["until"], tuple(value["weeks"]), tuple(value["records"]), value["sum"], value["after"])
