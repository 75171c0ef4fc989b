"""What the benchmark says, and what it counts with, without measuring anything."""

from bench import rows, run
from bench.line import Line
from bench.rows import costs, rates

ASKED = {
    "ingest",
    "ingest_two",
    "ingest_unchanged",
    "ingest_single",
    "first_sync",
    "first_sync_bulk",
    "one_percent",
    "nothing",
    "latency_one_hub",
    "latency_two_hubs",
    "stored_bytes",
    "page_bytes",
    "memory_hub",
    "memory_reader",
    "reads_2",
    "reads_8",
    "reads_32",
}


def test_every_workload_has_one_name_and_is_there() -> None:
    names = [name for several in run.WORKLOADS.values() for name in several]
    assert len(names) == len(set(names))
    assert set(names) >= ASKED


def test_a_row_tells_programs_just_its_figures() -> None:
    row = costs("ingest", 2, [4.0, 2.0, 5.0], [1.0, 1.0, 1.0], "CPU s", beside="12 records/s", rate=12.0)
    told = {"name": "ingest", "n": 2, "ours": 4.0, "floor": 1.0, "unit": "CPU s", "ratio": 0.25, "min": 0.2, "max": 0.5}
    assert row.told() == told
    assert "12 records/s" in rows.table([row])


def test_what_should_be_large_has_its_ratio_the_other_way_round() -> None:
    row = rates("reads_2", 2, [50.0, 60.0], [100.0, 100.0], "pages/s")
    assert (row.ratio, row.rate) == (0.55, 60.0)


def test_steps_are_the_longest_chain_of_requests_that_waited_for_one_another() -> None:
    line = Line(0)
    assert line.serial_steps() == 0
    line._spans = [[0.0, 1.0], [1.0, 2.0], [2.1, 3.0], [2.2, 2.9], [2.3, 3.5], [2.4, 2.8]]
    assert line.serial_steps() == 3
