"""What a node must do for the people of an organization, a line each."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from jisr_protocol import opening
from jisr_protocol.opening import Days, Declared, Open

_WEEK = ["MO", "TU", "WE", "TH"]
_OFFICE = [
    {"label": "normal", "days": _WEEK, "intervals": [["09:00", "12:30"], ["15:00", "18:00"]]},
    {"label": "normal", "days": ["FR"], "intervals": [["09:00", "12:00"], ["15:30", "18:00"]]},
    {"label": "ramadan", "days": [*_WEEK, "FR"], "intervals": [["10:00", "14:30"]]},
    {"label": "holiday", "closed": True},
]
_NIGHT = [{"label": "normal", "days": ["SA"], "intervals": [["22:00", "04:00"]]}]


def test_open_now_is_right_in_ramadan_on_a_split_friday_on_a_holiday_and_when_clocks_change(figure):
    morocco = Days("MA", [Declared.read("MA ramadan 2026-02-19 2026-03-19")])  # a day later than computed
    split, ramadan = [("09:00", "12:30"), ("15:00", "18:00")], [("10:00", "14:30")]
    days = {
        "2026-02-18": split,
        "2026-02-19": ramadan,
        "2026-02-20": ramadan,  # a Friday
        "2026-03-19": ramadan,
        "2026-03-20": [],  # the feast
        "2026-03-27": [("09:00", "12:00"), ("15:30", "18:00")],  # a Friday
        "2026-11-18": [],  # Independence Day
    }
    asked = sum(_walk("Africa/Casablanca", _OFFICE, morocco, day, spans) for day, spans in days.items())
    night = {"2026-03-29": [("00:00", "04:00")], "2026-10-25": [("00:00", "04:00")]}
    asked += sum(_walk("Europe/Amsterdam", _NIGHT, Days("NL"), day, spans) for day, spans in night.items())
    figure("moments at which it was asked whether it is open, all right", asked)


def _walk(zone, hours, days, day, spans):
    """Ask every five minutes of a real day, which may have 23 or 25 hours; how often it was asked."""
    here, asked = ZoneInfo(zone), 0
    moment = datetime.fromisoformat(day).replace(tzinfo=here).astimezone(ZoneInfo("UTC"))
    while (local := moment.astimezone(here)).date().isoformat() == day and asked < 400:
        clock = local.strftime("%H:%M")
        answer = opening.at({"timezone": zone, "operating_hours": hours}, moment, days)
        assert isinstance(answer, Open) == any(start <= clock < end for start, end in spans), (local, answer)
        moment, asked = moment + timedelta(minutes=5), asked + 1
    return asked
