"""What is noted of rounds: one direction apart from the other, bounded, and never in the way of a sync."""

from __future__ import annotations

import structlog
from hypothesis import given
from hypothesis import strategies as st

from jisr_hub.following import history
from jisr_hub.following.history import NEUTRAL, WELL, Counted, Notes, alarm_of, counted, rest_seconds
from jisr_hub.log import out_draft
from jisr_hub.ports import Draft, Key
from jisr_hub.ports.history import Way
from tests.desk.notes_world import MemoryHistory
from tests.hub.hub_in_memory import Clock, run

OUTCOMES = ("verified", "braked", "throttled", "waiting", "temporary", "broken")
FETCHING = (Way.PULL, Way.PEER)
steps = st.lists(
    st.tuples(
        st.sampled_from(["one", "two"]),
        st.sampled_from(list(Way)),
        st.sampled_from(OUTCOMES),
        st.integers(0, 3),
        st.integers(0, 40_000),
    ),
    max_size=60,
)


def noted(notes: Notes, source: str, way: Way, outcome: str, added: int = 0) -> None:
    """One round that ends so."""
    if way in FETCHING:
        notes.begin(source, way)
        notes.took(source, way, Counted(added))
        notes.end(source, way, outcome)
    elif way is Way.PUSH:
        notes.pushed(source, Counted(added), outcome)
    else:
        notes.seen_back(source, added)


@given(steps)
def test_what_happens_in_one_direction_says_nothing_of_another(steps: list[tuple[str, Way, str, int, int]]) -> None:
    """Each direction is as if the others were not there, and what is written down counts every round once."""
    whole, clock = Notes(Clock()), Clock()
    whole._clock = clock
    alone: dict[tuple[str, Way], tuple[Notes, Clock]] = {}
    for source, way, outcome, added, seconds in steps:
        clock.pass_time(seconds=seconds)
        notes, its = alone.setdefault((source, way), (Notes(Clock()), Clock()))
        its.now, notes._clock = clock.now, its
        noted(whole, source, way, outcome, added)
        noted(notes, source, way, outcome, added)
    for (source, way), (notes, _) in alone.items():
        assert whole.condition(source, way) == notes.condition(source, way)
    store = MemoryHistory()
    run(whole.flush(store, 0.0, all=True))
    for source, way in alone:
        rounds = [one for one in store.rounds.values() if (one.source, one.way) == (source, way)]
        mine = [step for step in steps if step[:2] == (source, way)]
        assert sum(one.runs for one in rounds) == len(mine)
        assert sum(one.added for one in rounds) == sum(step[3] for step in mine)
        assert all(one.began[:10] == one.ended[:10] or one.way in FETCHING for one in rounds)


@given(st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=30))
def test_failures_are_counted_in_a_row_and_a_pause_that_was_asked_for_is_none(outcomes: list[str]) -> None:
    notes, failures, success = Notes(Clock()), 0, ""
    for outcome in outcomes:
        noted(notes, "one", Way.PEER, outcome)
        if outcome in WELL:
            failures, success = 0, notes.condition("one", Way.PEER).run_at
        elif outcome not in NEUTRAL:
            failures += 1
        assert (notes.failures("one", Way.PEER), notes.condition("one", Way.PEER).success_at) == (failures, success)
        assert notes.condition("one", Way.PEER).run_at, "the last run is another thing than the last success"


def test_a_restart_forgives_no_failures() -> None:
    store, notes = MemoryHistory(), Notes(Clock())
    for _ in range(3):
        noted(notes, "one", Way.PULL, "broken")
    run(notes.flush(store, 0.0))
    after = Notes(Clock())
    run(after.load(store))
    assert after.failures("one", Way.PULL) == 3
    assert after.failures("one", Way.PUSH) == 0


def test_quiet_rounds_of_a_day_are_one_row_and_cost_one_write_a_minute() -> None:
    clock, store = Clock(), MemoryHistory()
    notes, calls = Notes(clock), []
    for second in range(0, 3600, 5):
        if second % 60 == 0:
            noted(notes, "one", Way.PEER, "verified")
        clock.pass_time(seconds=5)
        before = store.calls
        run(notes.flush(store, float(second)))
        calls.append(store.calls - before)
    assert len(store.rounds) == 1 and next(iter(store.rounds.values())).runs >= 59
    assert sum(calls) <= 62, "a write a minute, not one each flush"


def test_pushes_close_to_each_other_are_one_round_and_a_pull_takes_its_own_into_it() -> None:
    clock, store = Clock(), MemoryHistory()
    notes = Notes(clock)
    for _ in range(10):
        notes.pushed("one", Counted(added=5, first=3, next=8))
        clock.pass_time(seconds=20)
    run(notes.flush(store, 0.0))
    clock.pass_time(seconds=100)
    run(notes.flush(store, 5.0))
    notes.begin("one", Way.PULL)
    notes.pushed("one", Counted(added=2))
    notes.end("one", Way.PULL, "verified")
    run(notes.flush(store, 10.0, all=True))
    counts = {(one.way, one.runs, one.added) for one in store.rounds.values()}
    assert counts == {(Way.PUSH, 10, 50), (Way.PULL, 1, 2)}


def test_what_cannot_be_written_down_waits_and_is_bounded() -> None:
    clock, store = Clock(), MemoryHistory()
    notes = Notes(clock)
    store.fails = True
    for number in range(history.MOST_WAITING + 500):
        noted(notes, f"node-{number}", Way.PULL, "verified", 1)
    for second in range(3):
        try:
            run(notes.flush(store, float(second)))
        except OSError:
            continue
        raise AssertionError("a store that fails is told")
    store.fails = False
    with structlog.testing.capture_logs() as logs:
        run(notes.flush(store, 9.0))
    assert len(store.rounds) == history.MOST_WAITING and not logs, "the oldest were let go when the memory was full"
    assert run(notes.flush(store, 10.0)) == 0


def test_a_fault_in_the_notes_is_told_and_passes_nobody() -> None:
    def broken() -> object:
        raise RuntimeError("no clock")

    notes = Notes(broken)
    with structlog.testing.capture_logs() as logs:
        noted(notes, "one", Way.PEER, "verified", 1)
        noted(notes, "one", Way.PUSH, "verified", 1)
        notes.due("one", Way.PEER, 5.0)
    assert {line["event"] for line in logs} == {"history.failed"}


def _put(node: str, id: str, op: str = "put") -> Draft:
    left = out_draft(node, id, 1, "d", "t")
    return Draft(op, left.type, node, id, 1, "d", None, left.before, left.after, left.path)


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(["put", "del", "out"])), max_size=20),
    st.sets(st.sampled_from("abcdef")),
)
def test_the_counts_are_what_the_entries_come_to(entries: list[tuple[str, str]], live: set[str]) -> None:
    before: set[Key] = {("n", id) for id in live}
    found = counted((_put("n", id, op) for id, op in entries), before, size=100)
    after = set(live)
    for id, op in entries:
        after.add(id) if op == "put" else after.discard(id)
    assert found.added - found.gone == len(after) - len(live)
    assert found.gone == len(live - after)
    assert found.changed == len({id for id, _ in entries} & live & after)
    assert (found.first, found.next) == ((100 - len(entries), 100) if entries else (-1, -1))


def test_an_alarm_is_all_or_much_and_never_the_one_record_of_many() -> None:
    assert alarm_of(1, 0, 1) == alarm_of(80, 0, 80) == "emptied"
    assert alarm_of(1, 0, 3) == alarm_of(4, 0, 10) == alarm_of(5, 0, 100) == ""
    assert alarm_of(5, 0, 10) == alarm_of(6, 0, 100) == "much_gone"
    assert alarm_of(0, 51, 100) == "renamed"
    assert alarm_of(0, 50, 100) == alarm_of(0, 4, 4) == ""


def test_who_failed_for_long_is_left_alone_for_longer_and_for_six_hours_at_most() -> None:
    waits = [rest_seconds(failures) for failures in range(60)]
    assert waits == sorted(waits) and waits[19] == 0 and waits[20] == 3600 and waits[-1] == 6 * 3600
