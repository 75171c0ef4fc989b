"""The three answers, as values. Times are aware and in the schedule's own zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Why(StrEnum):
    """Why nobody can say, or why it is closed."""

    # nobody can say
    END_MISSING = "end_missing"
    """It opened, and when it closes was never said."""
    HOURS_MISSING = "hours_missing"
    """Days without hours."""
    DAYS_MISSING = "days_missing"
    """Hours without days."""
    NOT_SAID = "not_said"
    """The schedule has nothing for this day."""
    WORDS_ONLY = "words_only"
    """The schedule is a note."""
    PUBLIC_HOLIDAY = "public_holiday"
    """A public holiday, of which the schedule says nothing."""
    HOLIDAY_UNDECLARED = "holiday_undeclared"
    """It depends on a holiday of the Islamic calendar that may fall a day earlier or later."""
    RAMADAN_UNDECLARED = "ramadan_undeclared"
    """It depends on whether Ramadan has begun or ended."""
    SUMMER_UNDATED = "summer_undated"
    """It depends on summer hours without dates."""
    ZONE_UNKNOWN = "zone_unknown"
    """This machine's list of time zones lacks the schedule's."""
    NOT_UNDERSTOOD = "not_understood"
    """The schedule has another form than its schema says."""
    # closed
    HOLIDAY = "holiday"
    RAMADAN = "ramadan"
    SUMMER = "summer"
    PAUSED = "paused"
    PLANNED = "planned"
    ENDED = "ended"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Open:
    """Open. `until` is how long that is known, None when no end is in sight within a week."""

    until: datetime | None


@dataclass(frozen=True, slots=True)
class Closed:
    """Closed. `opens` is the next opening that is known, None when none is; with `perhaps_earlier` days before it are
    not known. `why` is a season or a state of the record, None on an ordinary day."""

    opens: datetime | None
    perhaps_earlier: bool = False
    why: Why | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can say. `since` is when it opened if that is known, `opens` the next opening that is."""

    why: Why
    since: datetime | None = None
    opens: datetime | None = None


Answer = Open | Closed | Unknown
