"""Which records age, and when: six months after the last confirmation, or on the day their author set.

A month before, the author is reminded. What says what was (news, grants) does not age, and neither does what has ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

from jisr_protocol.quality.criteria import NOT_AGEING, confirmed, stale_on

NOBODY: Mapping[str, str] = MappingProxyType({})
REMINDED = timedelta(days=30)
"""How long before it ages a record is named."""


@dataclass(frozen=True, slots=True)
class Ageing:
    """A record that should be confirmed: last confirmed and to be confirmed by these days (YYYY-MM-DD); `over` says
    that this day is past."""

    id: str
    rev: int
    confirmed: str
    by: str
    over: bool


def ageing(records: Iterable[Mapping[str, Any]], today: str, said: Mapping[str, str] = NOBODY) -> list[Ageing]:
    """The published records that age within a month or have done so, the longest overdue first. `said` is by record
    the day on which somebody else confirmed it."""
    soon = (date.fromisoformat(today) + REMINDED).isoformat()
    found = []
    for record in records:
        also = min(said.get(record["id"], ""), today)
        by = confirm_by(record, also)
        if by is not None and by <= soon:
            found.append(Ageing(record["id"], record["rev"], max(confirmed(record), also), by, by <= today))
    return sorted(found, key=lambda one: (one.by, one.id))


def confirm_by(record: Mapping[str, Any], also: str = "") -> str | None:
    """The day by which a record should be confirmed, if it was confirmed on the day `also` too; None for what does not
    age."""
    kind = str(record.get("type", "")).removeprefix("org.jisr.").partition("/")[0]
    if kind in NOT_AGEING or record.get("status") == "ended":
        return None
    last, review = max(confirmed(record), also), record.get("review_by")
    ages = stale_on(last)
    if isinstance(review, str) and last < _before(review):
        return min(ages, review)
    return ages or None


def _before(review_by: str) -> str:
    """Whoever confirmed in the month before the day that was set has kept it."""
    return (date.fromisoformat(review_by) - REMINDED).isoformat()
