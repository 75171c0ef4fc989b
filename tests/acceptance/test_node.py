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


def test_a_sealed_message_is_read_by_its_node_alone_and_leaves_nothing_behind(tmp_path, figure):
    from tests.node.sealed_story import a_message

    story = a_message(tmp_path)
    assert story.read == story.written
    assert story.found == {"database": 0, "log": 0, "pages": 0, "backup": 0, "bytes after it was taken": 0}
    assert story.refused == {
        "replay": "message_seen",
        "wrong key": "unopenable",
        "full": "mailbox_full",
        "another hub's": "not_here",
        "expired": 0,
    }
    assert story.full_says.startswith("after:") and "nothing was kept" in story.full_title
    figure("places searched for the canary and for the sealed bytes", story.searched, "found", 0)


def test_a_volunteer_is_in_no_output_of_a_hub_and_delete_me_removes_every_copy_with_receipts(tmp_path, figure):
    from tests.node.sealed_story import a_volunteer

    story = a_volunteer(tmp_path)
    assert story.found == {"public outputs": 0, "hub's files, what was local": 0, "after delete-me": 0, "at home": 0}
    assert story.held_before, "the one who agreed to partners was in a restricted feed, or nothing was shown"
    assert story.local_receipt == ({}, "")
    assert set(story.shared_receipt) == {"done"}, "signed by the hub"
    figure("outputs searched", story.searched, "hubs that signed the erasure", len(story.shared_receipt))
