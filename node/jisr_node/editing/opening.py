"""Opening hours as rows: what they are for, days as boxes, times in pairs, dates; `operating_hours` exactly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .fields import Along, Holder, Many, Plain, Tick, Values, Words, Writing, digits
from .groups import Group, Rows

WEEK = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
SEASONS = ("normal", "ramadan", "summer", "holiday")
PAIRS = 2
"""How many pairs of times a row shows at least: before and after noon."""
MOST_PAIRS = 8


@dataclass(frozen=True)
class Times:
    """Pairs of times; a second one that is missing stays missing."""

    code: str = "intervals"
    default: str = ""
    required: bool = False

    @property
    def member(self) -> str:
        return self.code

    def read(self, holder: Mapping[str, Any], writing: Writing) -> dict[str, str]:
        found: dict[str, str] = {}
        for place, pair in enumerate(_pairs(holder.get(self.code))):
            found[f"{self.code}.{place}.from"], found[f"{self.code}.{place}.to"] = pair
        return found

    def write(self, holder: Holder, values: Values, writing: Writing) -> None:
        pairs = []
        for place in range(MOST_PAIRS):
            start, end = (_time(values.get(f"{self.code}.{place}.{side}", "")) for side in ("from", "to"))
            if start or end:
                pairs.append([start, end] if end else [start])
        if pairs:
            holder[self.code] = pairs
        else:
            holder.pop(self.code, None)


def _pairs(value: object) -> list[tuple[str, str]]:
    found = []
    for pair in value if isinstance(value, list) else []:
        if isinstance(pair, list):
            start, end, *_ = [*(one if isinstance(one, str) else "" for one in pair), "", ""]
            found.append((start, end))
    return found


def _time(text: str) -> str:
    """A time of day as HH:MM: 9, 9.30, 9h30 and 09:30 are known; anything else stays as it is."""
    plain = digits(text.strip())
    if (match := re.fullmatch(r"([0-9]{1,2})(?:\s*[:.hH]\s*([0-9]{2})?)?", plain)) is None:
        return plain
    return f"{int(match[1]):02}:{match[2] or '00'}"


def _is_closing(row: Mapping[str, Any]) -> bool:
    return row.get("closed") is True and ("valid_from" in row or "valid_to" in row)


_DATES = (Plain("valid_from", "date"), Plain("valid_to", "date"))
ROWS = Rows(
    "operating_hours",
    (
        Plain("label", "choice", SEASONS, default="normal"),
        Many("days", WEEK),
        Times(),
        *_DATES,
        Tick("closed"),
        Words("note"),
    ),
)


def hours(code: str) -> Group:
    """A schedule: rows, a sentence beside them, and the time zone of the node's country when there was none."""
    return Group(code, (ROWS, Words("note"), Plain("timezone", "zone", default="@timezone")))


CLOSINGS = Rows(
    "operating_hours",
    (
        *_DATES,
        Words("note"),
        Plain("label", "choice", ("holiday", "summer", "ramadan", "normal"), default="holiday"),
        Along("closed", default="@true"),
    ),
    only=_is_closing,
)


def closings(code: str) -> Group:
    """Of a schedule the times when it is closed: first and last day, and why. The other rows stay as they are."""
    return Group(code, (CLOSINGS, Along("timezone", default="@timezone")))
