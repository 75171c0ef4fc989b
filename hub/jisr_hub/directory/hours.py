"""What is open at a moment, of many entries at once.

    hours = Hours(declared)
    hours.put(doc, said)                   what an entry says; the same hours are kept once
    for _ in hours.preparing(day): ...     work a day out, a step for each of the different hours
    hours.open(at)                         the documents that are open, as bits; after `preparing` of its day

A day is worked out once, by the same plan as a page shows; a moment then takes no more than a look at its spans.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from jisr_hub.directory.docs import Docs
from jisr_hub.directory.document import DATED
from jisr_protocol import opening
from jisr_protocol.opening import Days, Declared, country_of

DAYS_KEPT = 4
"""Today, tomorrow, and days that somebody asked for."""
_encoder = msgspec.json.Encoder(order="sorted")
_Spans = tuple[tuple[datetime, datetime], ...]


class Hours:
    """The hours of all documents."""

    def __init__(self, declared: tuple[Declared, ...] = ()) -> None:
        self._declared = declared
        self._calendars: dict[str, Days] = {}
        self._by_hours: dict[bytes, Docs] = {}
        self._of: dict[int, bytes] = {}
        self._same: dict[bytes, bytes] = {}
        """Each of the different hours as it is kept, once for all documents that have them."""
        self._dated: dict[bytes, dict[str, Any]] = {}
        """What begins or ends at some date, which every moment is asked about."""
        self._days: dict[date, dict[bytes, _Spans]] = {}
        self._asked: tuple[datetime, int] | None = None
        """The moment that was asked for last, by its minute, and what is open then."""

    def put(self, doc: int, said: dict[str, Any]) -> None:
        """Take what a document says of its hours, in place of what it said; {} for none."""
        self.drop(doc)
        if said:
            encoded = _encoder.encode(said)
            self._of[doc] = kept = self._same.setdefault(encoded, encoded)
            self._by_hours.setdefault(kept, Docs()).add(doc)
            if not DATED.isdisjoint(said):
                self._dated[kept] = said
            self._asked = None

    def drop(self, doc: int) -> None:
        kept = self._of.pop(doc, None)
        if kept is None:
            return
        docs = self._by_hours[kept]
        docs.drop(doc)
        if not docs.count:
            del self._by_hours[kept], self._same[kept]
            self._dated.pop(kept, None)
            for spans in self._days.values():
                spans.pop(kept, None)
        self._asked = None

    def preparing(self, day: date) -> Iterator[None]:
        """Work out when everything is open on a day (UTC); a step for each of the different hours it is not known of.
        Of many days that were asked for, the older ones are forgotten."""
        spans = self._days.pop(day, None)
        self._days[day] = spans = {} if spans is None else spans
        while len(self._days) > DAYS_KEPT:
            self._days.pop(next(iter(self._days)))
        if len(spans) != len(self._by_hours):
            for kept in [one for one in self._by_hours if one not in spans]:
                if kept in self._by_hours:
                    spans[kept] = self._worked_out(kept, day)
                yield

    def open(self, at: datetime) -> int:
        """The documents that are known to be open at an instant (aware), as bits. What `preparing` was not run for is
        worked out now."""
        at = at.astimezone(UTC).replace(second=0, microsecond=0)
        if self._asked is not None and self._asked[0] == at:
            return self._asked[1]
        for _ in self.preparing(at.date()):
            pass
        spans, found = self._days[at.date()], 0
        one_by_one = Docs()
        for kept, docs in self._by_hours.items():
            if any(start <= at < end for start, end in spans[kept]) and self._goes_on(kept, at):
                few = docs.few()
                if few is None:
                    found |= docs.bits()
                else:
                    for doc in few:
                        one_by_one.add(doc)
        self._asked = at, found | one_by_one.bits()
        return self._asked[1]

    def _goes_on(self, kept: bytes, at: datetime) -> bool:
        said = self._dated.get(kept)
        return said is None or opening.standing(said, at) is None

    def _worked_out(self, kept: bytes, day: date) -> _Spans:
        schedules = list(opening.schedules(msgspec.json.decode(kept)))
        # a record goes by the calendar of its first schedule's country, as its page does
        country = country_of(schedules[0].get("timezone"))
        calendar = self._calendars.setdefault(country, Days(country, self._declared))
        first = datetime(day.year, day.month, day.day, tzinfo=UTC)
        last = first + timedelta(days=1)
        return tuple(span for one in schedules for span in opening.open_between(one, first, last, calendar))
