"""Is it open now, until when, and when does it open next? Of a record's schedule, the time, and a calendar. Pure.

    days = Days("MA", declared)                     what Ramadan and public holidays are there
    answer = opening.at(record["opening_hours"], now, days)
    match answer:
        case Open(until=until): …                   open; known to stay so until then
        case Closed(opens=opens): …                 closed; the next known opening
        case Unknown(why=why): …                    nobody can say, and why

Whether the matter goes on at all is in standing.py, what a schedule says in schedule.py, one day of it in plan.py,
Ramadan and holidays in calendar.py. Pages make the words. Nothing is ever "open" that is not known to be: a missing
end, a public holiday that the schedule is silent about, or a Ramadan that nobody has declared yet is `Unknown` with its
reason.
"""

from .answers import Answer, Closed, Open, Unknown, Why
from .at import HORIZON_DAYS, at, of_record, open_between, schedules
from .calendar import Days, Declared, country_of
from .standing import ended, standing

__all__ = [
    "HORIZON_DAYS",
    "Answer",
    "Closed",
    "Days",
    "Declared",
    "Open",
    "Unknown",
    "Why",
    "at",
    "country_of",
    "ended",
    "of_record",
    "open_between",
    "schedules",
    "standing",
]
