"""Open now, until when, and when next: examples of people, and every minute against a second way of counting."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from jisr_protocol import opening
from jisr_protocol.opening import Closed, Days, Declared, Open, Unknown, Why
from jisr_protocol.opening.holidays import easter

WEEK = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
RABAT, ENSCHEDE = "Africa/Casablanca", "Europe/Amsterdam"
SPLIT = [["09:00", "12:30"], ["15:00", "18:00"]]
OFFICE = {
    "timezone": RABAT,
    "operating_hours": [
        {"label": "normal", "days": ["MO", "TU", "WE", "TH"], "intervals": SPLIT},
        {"label": "normal", "days": ["FR"], "intervals": [["09:00", "12:00"], ["15:30", "18:00"]]},
        {"label": "ramadan", "days": ["MO", "TU", "WE", "TH", "FR"], "intervals": [["10:00", "14:30"]]},
        {"label": "holiday", "closed": True},
    ],
}
MOROCCO = Days("MA", [Declared.read("MA ramadan 2026-02-19 2026-03-19")])


def local(zone, text):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def ask(text, schedule=OFFICE, days=MOROCCO):
    return opening.at(schedule, local(schedule["timezone"], text), days)


def week(zone, *intervals, days=WEEK, **more):
    return {
        "timezone": zone,
        "operating_hours": [{"label": "normal", "days": list(days), "intervals": [*intervals], **more}],
    }


def clock(moment):
    return None if moment is None else moment.strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("when", "until"),
    [
        ("2026-04-02T09:00", "2026-04-02 12:30"),
        ("2026-04-02T12:29", "2026-04-02 12:30"),
        ("2026-04-03T11:59", "2026-04-03 12:00"),
        ("2026-04-03T15:30", "2026-04-03 18:00"),
        ("2026-02-24T14:29", "2026-02-24 14:30"),
    ],
)
def test_it_is_open_until_the_end_of_its_interval(when, until):
    answer = ask(when)
    assert isinstance(answer, Open) and clock(answer.until) == until


@pytest.mark.parametrize(
    ("when", "opens", "why"),
    [
        ("2026-04-02T12:30", "2026-04-02 15:00", None),
        ("2026-04-03T12:00", "2026-04-03 15:30", None),
        ("2026-04-03T18:00", "2026-04-06 09:00", None),
        ("2026-02-24T15:30", "2026-02-25 10:00", Why.RAMADAN),
        ("2026-11-18T10:00", "2026-11-19 09:00", Why.HOLIDAY),
        ("2026-04-30T18:00", "2026-05-04 09:00", None),  # 1 May is a Friday
    ],
)
def test_it_is_closed_until_the_next_opening(when, opens, why):
    answer = ask(when)
    assert isinstance(answer, Closed) and not answer.perhaps_earlier
    assert (clock(answer.opens), answer.why) == (opens, why)


def test_the_first_day_of_ramadan_is_not_known_before_somebody_declared_it():
    computed, declared = Days("MA"), MOROCCO
    assert ask("2026-02-18T16:00", days=computed) == Unknown(
        Why.RAMADAN_UNDECLARED, None, ask("2026-02-18T16:00", days=computed).opens
    )
    assert isinstance(ask("2026-02-18T16:00", days=declared), Open)  # the moon was seen a day later than computed
    assert isinstance(ask("2026-02-19T16:00", days=declared), Closed)
    # what both ways of counting say is known all the same
    assert isinstance(ask("2026-02-18T11:00", days=computed), Open)
    assert isinstance(ask("2026-02-18T20:00", days=computed), Closed)


def test_a_ramadan_that_has_begun_ends_after_29_or_30_days():
    days = Days("MA", [Declared.read("MA ramadan 2026-02-19")])
    assert [days.ramadan(date(2026, 2, 18)), days.ramadan(date(2026, 2, 19)), days.ramadan(date(2026, 3, 19))] == [
        False,
        True,
        True,
    ]
    assert days.ramadan(date(2026, 3, 20)) is None and days.ramadan(date(2026, 3, 21)) is False


def test_the_feast_follows_the_declared_last_day_of_ramadan():
    assert [MOROCCO.holiday(date(2026, 3, day)) for day in (19, 20, 21, 22)] == [False, True, True, False]
    assert Days("MA").holiday(date(2026, 3, 20)) is None


def test_a_declared_feast_takes_the_place_of_the_computed_one():
    days = Days("MA", [Declared.read("MA holiday 2026-05-28 2026-05-29")])
    assert [days.holiday(date(2026, 5, day)) for day in (26, 27, 28, 29, 30)] == [False, False, True, True, False]


def test_of_another_country_nothing_is_declared():
    days = Days("TR", [Declared.read("MA ramadan 2026-02-19 2026-03-19")])
    assert days.ramadan(date(2026, 2, 18)) is None


@pytest.mark.parametrize(
    "line", ["", "MA", "MA ramadan", "ma ramadan 2026-02-19", "MA easter 2026-04-05", "MA ramadan 19-02-2026"]
)
def test_a_declaration_of_another_form_is_refused(line):
    with pytest.raises(ValueError):
        Declared.read(line)


def test_a_declaration_that_ends_before_it_begins_is_refused():
    with pytest.raises(ValueError, match="expected a line"):
        Declared.read("MA ramadan 2026-03-19 2026-02-19")


def test_ramadan_hours_with_dates_hold_on_these_dates_alone():
    dated = {
        "label": "ramadan",
        "valid_from": "2026-02-20",
        "valid_to": "2026-03-18",
        "days": ["TH"],
        "intervals": [["10:00", "11:00"]],
    }
    schedule = {**OFFICE, "operating_hours": [OFFICE["operating_hours"][0], dated]}
    assert isinstance(ask("2026-02-19T16:00", schedule), Open)  # the author's dates are the author's word
    assert isinstance(ask("2026-03-05T16:00", schedule), Closed)


def test_a_missing_end_is_never_open_and_says_so():
    schedule = week(RABAT, ["18:00"])
    assert ask("2026-04-02T17:59", schedule) == Closed(local(RABAT, "2026-04-02T18:00"))
    answer = ask("2026-04-02T18:30", schedule)
    assert isinstance(answer, Unknown) and answer.why is Why.END_MISSING
    assert (clock(answer.since), clock(answer.opens)) == ("2026-04-02 18:00", "2026-04-03 18:00")


def test_an_interval_past_midnight_belongs_to_the_day_it_begins_on():
    schedule = week(RABAT, ["22:00", "02:00"], days=["FR"])
    answer = ask("2026-04-04T01:59", schedule)
    assert isinstance(answer, Open) and clock(answer.until) == "2026-04-04 02:00"
    assert isinstance(ask("2026-04-04T02:00", schedule), Closed)
    assert isinstance(ask("2026-04-03T01:00", schedule), Closed)


def test_round_the_clock_has_no_end_in_sight_and_holidays_do_not_close_it():
    schedule = week(RABAT, ["00:00", "24:00"])
    assert ask("2026-11-18T03:00", schedule) == Open(None)


def test_a_public_holiday_of_which_nothing_is_said_is_not_known():
    schedule = week(RABAT, ["09:00", "12:00"])
    answer = ask("2026-11-18T10:00", schedule)
    assert isinstance(answer, Unknown) and (answer.why, clock(answer.opens)) == (Why.PUBLIC_HOLIDAY, "2026-11-19 09:00")
    assert ask("2026-11-17T20:00", schedule) == Closed(local(RABAT, "2026-11-19T09:00"), perhaps_earlier=True)
    assert isinstance(ask("2026-11-18T13:00", schedule), Closed)


def test_closed_for_a_time_and_an_occasion_in_it():
    schedule = week(ENSCHEDE, ["09:00", "17:00"])
    schedule["operating_hours"].append(
        {"label": "summer", "valid_from": "2026-07-13", "valid_to": "2026-08-23", "closed": True}
    )
    schedule["events"] = [{"start": "2026-08-01T10:00", "end": "2026-08-02T12:00"}]
    days = Days("NL")
    assert ask("2026-07-20T10:00", schedule, days) == Closed(local(ENSCHEDE, "2026-08-01T10:00"), why=Why.SUMMER)
    assert isinstance(ask("2026-08-02T11:59", schedule, days), Open)
    assert ask("2026-08-03T10:00", schedule, days) == Closed(local(ENSCHEDE, "2026-08-24T09:00"), why=Why.SUMMER)


def test_a_line_that_closes_one_day_leaves_the_others():
    schedule = week(ENSCHEDE, ["09:00", "17:00"])
    schedule["operating_hours"].append(
        {"label": "summer", "valid_from": "2026-07-01", "valid_to": "2026-08-31", "days": ["FR"], "closed": True}
    )
    assert isinstance(ask("2026-07-03T10:00", schedule, Days("NL")), Closed)
    assert isinstance(ask("2026-07-02T10:00", schedule, Days("NL")), Open)


def test_when_clocks_change_an_hour_is_neither_lost_nor_won_by_day():
    schedule = week(ENSCHEDE, ["00:00", "04:00"])
    spring, autumn = (ask(f"2026-{day}T00:00", schedule, Days("NL")).until for day in ("03-29", "10-25"))
    assert spring - local(ENSCHEDE, "2026-03-29T00:00") == timedelta(hours=4)  # the same zone: wall clocks
    assert spring.astimezone(UTC) - datetime(2026, 3, 28, 23, tzinfo=UTC) == timedelta(hours=3)
    assert autumn.astimezone(UTC) - datetime(2026, 10, 24, 22, tzinfo=UTC) == timedelta(hours=5)


def test_a_time_that_comes_twice_is_its_first_and_one_that_is_skipped_lies_after_the_jump():
    """RFC 5545 §3.3.5."""
    autumn = ask("2026-10-25T01:00", week(ENSCHEDE, ["00:30", "02:30"]), Days("NL"))
    assert autumn.until.astimezone(UTC) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    spring = ask("2026-03-29T01:00", week(ENSCHEDE, ["00:30", "02:30"]), Days("NL"))
    assert clock(spring.until) == "2026-03-29 03:30"


def test_an_end_at_its_start_is_a_whole_day_later():
    answer = ask("2026-04-03T02:00", week(RABAT, ["09:00", "09:00"], days=["TH"]))
    assert isinstance(answer, Open) and clock(answer.until) == "2026-04-03 09:00"


def test_morocco_is_an_hour_behind_its_usual_clock_in_ramadan():
    before, within = ask("2026-02-10T09:30"), ask("2026-03-03T10:30")
    assert before.until.utcoffset() == timedelta(hours=1) and within.until.utcoffset() == timedelta(0)
    assert within.until.astimezone(UTC) == datetime(2026, 3, 3, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "why"),
    [
        ({"timezone": RABAT, "note": {}}, Why.WORDS_ONLY),
        ({"timezone": "Africa/Nowhere", "operating_hours": []}, Why.ZONE_UNKNOWN),
        ({"timezone": "../etc/passwd", "operating_hours": []}, Why.NOT_UNDERSTOOD),
        ({"operating_hours": []}, Why.NOT_UNDERSTOOD),
        ([], Why.NOT_UNDERSTOOD),
        ({"timezone": RABAT, "operating_hours": [{"label": "winter"}]}, Why.NOT_UNDERSTOOD),
        ({"timezone": RABAT, "operating_hours": [None]}, Why.NOT_UNDERSTOOD),
        (week(RABAT, ["18:00", "20:00"], days=[]), Why.DAYS_MISSING),
        (week(RABAT), Why.HOURS_MISSING),
        (week(RABAT, ["09:00", "21:00"], valid_to="2026-01-01"), Why.NOT_SAID),
    ],
)
def test_what_cannot_be_told_has_its_reason(schedule, why):
    answer = opening.at(schedule, local(RABAT, "2026-04-02T19:00"), MOROCCO)
    assert isinstance(answer, Unknown) and answer.why is why


def test_a_record_is_open_where_one_of_its_schedules_is():
    service = {
        "status": "active",
        "at": [{"schedule": week(RABAT, ["08:00", "09:00"])}, {"schedule": week(ENSCHEDE, ["09:00", "18:00"])}, 7],
    }
    now = local(ENSCHEDE, "2026-04-02T12:00")
    assert isinstance(opening.of_record(service, now, MOROCCO), Open)
    assert opening.of_record({**service, "status": "paused"}, now, MOROCCO) == Closed(None, why=Why.PAUSED)
    assert opening.of_record({**service, "event_status": "cancelled"}, now, MOROCCO) == Closed(None, why=Why.CANCELLED)
    assert opening.of_record({"status": "active"}, now, MOROCCO) is None


def test_easter_of_years_that_everybody_can_look_up():
    assert [easter(year) for year in (2024, 2025, 2026, 2038)] == [
        date(2024, 3, 31),
        date(2025, 4, 20),
        date(2026, 4, 5),
        date(2038, 4, 25),
    ]


# Every minute, counted in another way: the minutes of the world are walked once, wall clocks are looked up in them,
# and each interval paints the minutes it holds.


class Told:
    """A calendar as somebody wrote it down."""

    def __init__(self, ramadan, holidays):
        self._ramadan, self._holidays = ramadan, holidays

    def ramadan(self, day):
        return self._ramadan.get(day, False)

    def holiday(self, day):
        return self._holidays.get(day, False)


class Minutes:
    """The minutes from `begin` on, and what each wall clock of a zone showed first in them."""

    def __init__(self, zone, begin, count):
        self.begin, self.count = begin, count
        self.wall = [(begin + timedelta(minutes=n)).astimezone(zone).replace(tzinfo=None) for n in range(count)]
        self.first = {}
        for number, wall in enumerate(self.wall):
            self.first.setdefault(wall, number)

    def of(self, wall):
        """A wall clock that was skipped lies as far behind the last one that was shown."""
        shown, late = wall, 0
        while shown not in self.first and late < 61:
            shown, late = shown - timedelta(minutes=1), late + 1
        return self.first.get(shown, self.count) + late


@cache
def walked(zone, begin):
    return Minutes(ZoneInfo(zone), begin, 10 * 1440)


RANK = {"holiday": 0, "ramadan": 2, "summer": 4, "normal": 6}


def said(entries, day, flags):
    """The entries that hold on a day: of each rank that is in force either it closes the day, or it opens the week."""
    ranked = {}
    for entry in entries:
        dated = "valid_from" in entry or "valid_to" in entry
        iso = day.isoformat()
        if dated and not entry.get("valid_from", "0") <= iso <= entry.get("valid_to", "9"):
            continue
        if not dated and not flags.get(entry["label"], True):
            continue
        ranked.setdefault(RANK[entry["label"]] + (not dated), []).append(entry)
    for _, group in sorted(ranked.items()):
        if any(e.get("closed") and (not e.get("days") or WEEK[day.weekday()] in e["days"]) for e in group):
            return []
        if openers := [e for e in group if not e.get("closed")]:
            return openers
    return None


def painted(schedule, day, flags, minutes):
    paint = {}
    noon = datetime(day.year, day.month, day.day)

    def put(start, end, mark):
        for number in range(minutes.of(start), minutes.of(end)):
            if paint.get(number) != "open":
                paint[number] = mark

    entries = said(schedule["operating_hours"], day, flags)
    if entries is None:
        put(noon, noon + timedelta(days=1), "unknown")
        return paint
    single = all("valid_from" in e and e["valid_from"] == e.get("valid_to") for e in entries)
    doubtful = flags["holiday"] and not single and any(e["label"] != "holiday" for e in entries)
    todays = [e for e in entries if not e.get("days") or WEEK[day.weekday()] in e["days"]]
    every = sorted(i[0] for e in todays for i in e.get("intervals", []))
    for entry in todays:
        one = "valid_from" in entry and entry["valid_from"] == entry.get("valid_to")
        vague = not entry.get("days") and entry["label"] != "holiday" and not one
        if not entry.get("intervals"):
            put(noon, noon + timedelta(days=1), "unknown")
        for interval in entry.get("intervals", []):
            start = noon + timedelta(hours=int(interval[0][:2]), minutes=int(interval[0][3:]))
            if len(interval) == 2:
                end = noon + timedelta(hours=int(interval[1][:2]), minutes=int(interval[1][3:]))
                end += timedelta(days=end <= start)
            else:
                later = [text for text in every if text > interval[0]]
                text = later[0] if later else "24:00"
                end = noon + timedelta(hours=int(text[:2]), minutes=int(text[3:]))
            whole = minutes.of(end) - minutes.of(start) >= 23 * 60
            sure = len(interval) == 2 and not vague and not (doubtful and not whole)
            put(start, end, "open" if sure else "unknown")
    return paint


def oracle(schedule, days, minutes):
    """The state of every minute."""
    state = ["closed"] * minutes.count
    for day in sorted({wall.date() for wall in minutes.wall})[:-1]:
        kinds = {
            "holiday": days.holiday(day),
            "ramadan": days.ramadan(day),
            "summer": None if day.month in (6, 7, 8, 9) else False,
        }
        unsure = [kind for kind, holds in kinds.items() if holds is None]
        layers = [
            painted(schedule, day, {**kinds, **dict(zip(unsure, chosen, strict=True))}, minutes)
            for chosen in product((True, False), repeat=len(unsure))
        ]
        for number in {number for layer in layers for number in layer}:
            marks = {layer.get(number, "closed") for layer in layers}
            mark = marks.pop() if len(marks) == 1 else "unknown"
            if number < minutes.count and state[number] != "open" and mark != "closed":
                state[number] = mark
    for occasion in schedule.get("events", []):
        start = datetime.fromisoformat(occasion["start"])
        midnight = datetime(start.year, start.month, start.day) + timedelta(days=1)
        end = datetime.fromisoformat(occasion["end"]) if "end" in occasion else midnight
        for number in range(minutes.of(start), min(minutes.of(end), minutes.count)):
            if state[number] != "open":
                state[number] = "open" if "end" in occasion else "unknown"
    return state


times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
ends = times | st.just("24:00")
intervals = st.lists(st.lists(times, min_size=1, max_size=1) | st.tuples(times, ends).map(list), max_size=3)
weekdays = st.lists(st.sampled_from(WEEK), unique=True, max_size=7)


@st.composite
def worlds(draw):
    """A schedule, a calendar and six days around one on which a clock changes, or Ramadan begins, or neither."""
    zone, first = draw(
        st.sampled_from(
            [
                (ENSCHEDE, date(2026, 3, 27)),
                (ENSCHEDE, date(2026, 10, 23)),
                (RABAT, date(2026, 2, 13)),
                (RABAT, date(2026, 3, 20)),
                (RABAT, date(2026, 7, 28)),
                ("Europe/Istanbul", date(2026, 5, 25)),
            ]
        )
    )
    window = [first + timedelta(days=number) for number in range(7)]
    some_day = st.sampled_from(window)
    entries = []
    for _ in range(draw(st.integers(1, 5))):
        entry = {"label": draw(st.sampled_from(["normal", "normal", "ramadan", "summer", "holiday"]))}
        if draw(st.booleans()):
            entry["days"] = draw(weekdays)
        if draw(st.integers(0, 2)) == 0:
            ends_of_it = sorted([draw(some_day), draw(some_day)])
            entry["valid_from"] = ends_of_it[0].isoformat()
            if draw(st.booleans()):
                entry["valid_to"] = ends_of_it[1].isoformat()
        if draw(st.integers(0, 3)) == 0:
            entry["closed"] = True
        else:
            entry["intervals"] = draw(intervals)
        entries.append(entry)
    schedule = {"timezone": zone, "operating_hours": entries}
    if draw(st.integers(0, 3)) == 0:
        start = datetime.combine(draw(some_day), datetime.min.time()) + timedelta(minutes=15 * draw(st.integers(0, 95)))
        occasion = {"start": start.isoformat(timespec="minutes")}
        if draw(st.booleans()):
            occasion["end"] = (start + timedelta(minutes=15 * draw(st.integers(0, 120)))).isoformat(timespec="minutes")
        schedule["events"] = [occasion]
    kind = st.sampled_from([False, False, True, None])
    days = Told({day: draw(kind) for day in window}, {day: draw(kind) for day in window})
    return schedule, days, first


KINDS = {Open: "open", Closed: "closed", Unknown: "unknown"}


@settings(
    max_examples=30,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)
@given(worlds(), st.lists(st.integers(2 * 1440, 5 * 1440), min_size=6, max_size=6))
def test_every_minute_is_what_counting_minutes_says(world, asked):
    schedule, days, first = world
    begin = datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(days=1)
    minutes = walked(schedule["timezone"], begin)
    state = oracle(schedule, days, minutes)
    edges = [n for n in range(2 * 1440, 5 * 1440) if state[n] != state[n - 1]]
    for number in [*asked, *(edge + near for edge in edges[:6] for near in (-1, 0))]:
        now = begin + timedelta(minutes=number)
        answer = opening.at(schedule, now, days)
        assert KINDS[type(answer)] == state[number], (now, answer)
        if isinstance(answer, Open) and answer.until is not None:
            until = min((answer.until - begin) // timedelta(minutes=1), 8 * 1440)
            assert all(each == "open" for each in state[number:until])
            assert until == 8 * 1440 or state[until] != "open"
        if isinstance(answer, Closed):
            _check_next(state, number, answer, begin)


def _check_next(state, number, answer, begin):
    """Up to the next opening all is closed, or not known where the answer says so."""
    last = 7 * 1440
    opens = last if answer.opens is None else min((answer.opens.astimezone(UTC) - begin) // timedelta(minutes=1), last)
    ahead = set(state[number:opens])
    assert "open" not in ahead
    assert answer.perhaps_earlier or ahead <= {"closed"}
    assert opens == last or state[opens] != "closed"
