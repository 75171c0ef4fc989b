"""Whether it is open now, in words: an answer of `jisr_protocol.opening` for a reader."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from babel.dates import format_date

from .. import opening
from ..opening import Answer, Closed, Days, Declared, Open, Unknown, Why, country_of
from .language import Language
from .vocabulary import value_word

_SEASONS = (Why.RAMADAN, Why.SUMMER, Why.HOLIDAY)
_SILENT = (Why.WORDS_ONLY, Why.ZONE_UNKNOWN, Why.NOT_UNDERSTOOD)


@dataclass(frozen=True)
class Now:
    """`level` is good when it is open, careful when nobody can say, harm when it is closed; `then` what comes next,
    "" for nothing."""

    level: str
    words: str
    then: str = ""


class Calendars:
    """The calendars of all countries, each with what was declared there. Remembers what it computed."""

    def __init__(self, declared: tuple[Declared, ...] = ()) -> None:
        self._declared = declared
        self._known: dict[str, Days] = {}

    def of(self, record: Mapping[str, Any]) -> Days:
        """The calendar of the country that a record's first schedule lies in."""
        zone = next((schedule.get("timezone") for schedule in opening.schedules(record)), None)
        country = country_of(zone)
        return self._known.setdefault(country, Days(country, self._declared))


def open_now(record: Mapping[str, Any], now: datetime, calendars: Calendars, language: Language) -> Now | None:
    """Say whether a record's matter is open at the instant `now`; None when its hours are not told, or in words."""
    answer = opening.of_record(record, now, calendars.of(record))
    return None if answer is None else words(answer, now, language)


def words(answer: Answer, now: datetime, language: Language) -> Now | None:
    """Write an answer; None when the schedule itself says all there is."""
    _ = language.gettext
    match answer:
        case Open(until):
            if until is None:
                return Now("good", _("Open now"))
            return Now("good", _("Open now, until %(time)s") % {"time": _moment(until, now, language)})
        case Closed(opens, perhaps, why):
            season = value_word("label", why, language) if why in _SEASONS else None
            said = f"{_('Closed now')} ({season})" if season else _("Closed now")
            return Now("harm", said, _next(opens, perhaps, now, language))
        case Unknown(why, since, opens):
            if why in _SILENT:
                return None
            return Now("careful", _reason(why, since, now, language), _next(opens, False, now, language))


def _reason(why: Why, since: datetime | None, now: datetime, language: Language) -> str:
    _ = language.gettext
    if why is Why.END_MISSING and since is not None:
        return _("Opened at %(time)s; until when is not known") % {"time": _moment(since, now, language)}
    said: Mapping[Why, Callable[[], str]] = {
        Why.PUBLIC_HOLIDAY: lambda: _("Today is a public holiday: the hours may differ"),
        Why.HOLIDAY_UNDECLARED: lambda: _("Today may be a holiday: the hours may differ"),
        Why.RAMADAN_UNDECLARED: lambda: _("Ramadan begins or ends about now: the hours may differ"),
    }
    return said[why]() if why in said else _("The hours of today are not known")


def _next(opens: datetime | None, perhaps: bool, now: datetime, language: Language) -> str:
    if opens is None:
        return ""
    _ = language.gettext
    when = {"time": _moment(opens, now, language)}
    return (_("Next opening: %(time)s, perhaps earlier") if perhaps else _("Next opening: %(time)s")) % when


def _moment(moment: datetime, now: datetime, language: Language) -> str:
    """The time of day in the place's own zone; with its weekday within a week, with its date later."""
    today = now.astimezone(moment.tzinfo).date()
    days = (moment.date() - today).days
    clock = moment.strftime("%H:%M")
    if days == 0:
        return clock
    day = format_date(moment.date(), "EEEE", locale=language.locale) if 0 < days < 7 else language.date(moment.date())
    return f"{day}{language.comma}{clock}"
