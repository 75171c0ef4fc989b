"""Open now in words, for a reader of each language."""

from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from jisr_protocol.opening import Closed, Declared, Open, Unknown, Why
from jisr_protocol.pages.language import NAMES, load_language
from jisr_protocol.pages.opening_now import Calendars, open_now, words

RABAT = ZoneInfo("Africa/Casablanca")
NOW = datetime(2026, 4, 3, 12, 30, tzinfo=RABAT)  # a Friday
FRIDAY = {
    "type": "org.jisr.organization/1",
    "status": "active",
    "opening_hours": {
        "timezone": "Africa/Casablanca",
        "operating_hours": [
            {"label": "normal", "days": ["FR"], "intervals": [["09:00", "12:00"], ["15:30", "18:00"]]},
            {"label": "ramadan", "closed": True},
        ],
    },
}


@cache
def languages():
    return {code: load_language(code) for code in NAMES}


def say(record, now, *declared, code="en"):
    return open_now(record, now, Calendars(tuple(map(Declared.read, declared))), languages()[code])


@pytest.mark.parametrize(
    ("answer", "level", "said", "then"),
    [
        (Open(NOW.replace(hour=18, minute=0)), "good", "Open now, until 18:00", ""),
        (Open(NOW.replace(day=4, hour=2)), "good", "Open now, until Saturday, 02:30", ""),
        (Open(None), "good", "Open now", ""),
        (Closed(NOW.replace(hour=15)), "harm", "Closed now", "Next opening: 15:30"),
        (Closed(NOW.replace(day=6), True), "harm", "Closed now", "Next opening: Monday, 12:30, perhaps earlier"),
        (Closed(NOW.replace(month=9, day=1)), "harm", "Closed now", "Next opening: 1 September 2026, 12:30"),
        (Closed(None, why=Why.RAMADAN), "harm", "Closed now (Ramadan)", ""),
        (Closed(None, why=Why.PAUSED), "harm", "Closed now", ""),
        (
            Unknown(Why.END_MISSING, NOW.replace(hour=12, minute=0)),
            "careful",
            "Opened at 12:00; until when is not known",
            "",
        ),
        (Unknown(Why.NOT_SAID), "careful", "The hours of today are not known", ""),
    ],
)
def test_each_answer_has_its_words(answer, level, said, then):
    now = words(answer, NOW, languages()["en"])
    assert now is not None and (now.level, now.words, now.then) == (level, said, then)


def test_where_the_schedule_says_all_there_is_nothing_is_added():
    assert words(Unknown(Why.WORDS_ONLY), NOW, languages()["en"]) is None
    assert say({"status": "active"}, NOW) is None


@pytest.mark.parametrize("code", NAMES)
def test_every_reason_is_said_in_every_language(code):
    language = languages()[code]
    told = {why: words(Unknown(why, NOW), NOW, language) for why in Why}
    assert all(now.words for now in told.values() if now is not None)
    assert (
        code == "en"
        or told[Why.PUBLIC_HOLIDAY].words != words(Unknown(Why.PUBLIC_HOLIDAY), NOW, languages()["en"]).words
    )


def test_the_calendar_is_that_of_the_schedules_country_and_follows_what_was_declared():
    eve = datetime(2027, 2, 8, 10, tzinfo=RABAT)
    monday = {**FRIDAY, "opening_hours": {**FRIDAY["opening_hours"]}}
    monday["opening_hours"]["operating_hours"] = [
        {"label": "normal", "days": ["MO"], "intervals": [["09:00", "12:00"]]},
        {"label": "ramadan", "closed": True},
    ]
    assert say(monday, eve).words == "Ramadan begins or ends about now: the hours may differ"
    assert say(monday, eve, "MA ramadan 2027-02-09").level == "good"
    assert say(monday, eve, "MA ramadan 2027-02-08").words == "Closed now (Ramadan)"
    assert say(monday, eve, "TR ramadan 2027-02-08").level == "careful"
