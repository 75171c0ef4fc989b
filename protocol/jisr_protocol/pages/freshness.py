"""How fresh a record is, in words: the age of its last confirmation or change.

Bands follow the freshness of the records' design: full under 6 months, falling to nothing at 24. Each band has
a word and a sign, so that colour is never alone. Under a week the age is told in days.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .language import Language

_MONTH = timedelta(days=365.25 / 12)
_CLOCK_SKEW = timedelta(minutes=10)


@dataclass(frozen=True)
class Freshness:
    """The age of a record for a reader: `level` is good, careful or harm, `age` the same in words.

    `last` is the instant that counts (None when the record has no readable one), `date` that day in words, and
    `checked` says that it was a check against reality rather than a change of the record.
    """

    level: str
    age: str
    last: datetime | None = None
    date: str = ""
    checked: bool = False


def instant(value: object) -> datetime | None:
    """Read an instant `YYYY-MM-DDTHH:MM:SSZ` or a day `YYYY-MM-DD` (midnight UTC); None when it is neither."""
    if not isinstance(value, str):
        return None
    for shape in ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"):
        try:
            return datetime.strptime(value, shape).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def freshness(record: Mapping[str, Any], language: Language, now: datetime) -> Freshness:
    """Judge a record by the later of its last check against reality and its last change."""
    assured = record.get("assured")
    checked = instant(assured.get("at")) if isinstance(assured, Mapping) else None
    changed = instant(record.get("modified"))
    last = max((moment for moment in (checked, changed) if moment), default=None)
    if last is None:
        return Freshness("careful", language.gettext("Age unknown"))
    level, age = _band(last, language, now)
    return Freshness(level, age, last, language.date(last), checked=last == checked)


def _band(last: datetime, language: Language, now: datetime) -> tuple[str, str]:
    _ = language.gettext
    age = now - last
    if age < -_CLOCK_SKEW:
        return "careful", _("Dated in the future")
    days = (now.astimezone(UTC).date() - last.date()).days
    if days < 7:
        return "good", _days(max(days, 0), language)
    if age < 6 * _MONTH:
        return "good", _("Less than 6 months old")
    if age < 24 * _MONTH:
        return "careful", _("More than 6 months old")
    return "harm", _("More than 2 years old")


def _days(days: int, language: Language) -> str:
    if days == 0:
        return language.gettext("Today")
    if days == 1:
        return language.gettext("Yesterday")
    return language.ngettext("%(count)s day ago", "%(count)s days ago", days) % {"count": language.number(days)}
