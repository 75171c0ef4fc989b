"""As fast as the machine, and past one machine.

Each test prints its figure. Short by default, whole with `--long`: times and rates are asserted only then, alone on the
machine, the best of three; counts, bytes and memory always.
"""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import run
from bench.place import Place
from bench.rows import Row
from jisr_protocol import paths
from tests.contracts.test_replicas import fail_over
from tests.hub.fronts import Hub, Nginx, Process, Varnish, ask, free_port
from tests.hub.test_samples import FEED, answers_without_hub, filled
from tests.replicated import pair

# Replicas


def test_a_replica_is_promoted_with_the_first_write_in_under_two_seconds_and_no_position_lost(
    tmp_path: Path, long: bool, figure: Callable[..., None]
) -> None:
    """The primary is killed in the middle of pushes; the hub goes on serving and finds the other one by itself."""
    took = []
    for number in range(3 if long else 1):
        with pair() as servers:
            seconds, entries = fail_over(servers, tmp_path / f"hub{number}", 2_000 if long else 80)
        took.append(seconds)
        figure(f"{seconds:.2f} s from the primary's death to the first write; {entries} positions, none lost")
    assert not long or min(took) < 2.0


# Immutable bytes


@pytest.mark.parametrize("kind", [Nginx, Varnish])
def test_nginx_and_varnish_answer_with_the_hub_dead(
    kind: type[Nginx] | type[Varnish], tool: Callable[[str], str], tmp_path: Path, figure: Callable[..., None]
) -> None:
    """With docs/samples: a reader that never came before verifies everything after the hub was killed."""
    answered = answers_without_hub(kind, tool, tmp_path)
    figure(f"{kind.__name__}: {answered} requests of a new reader were answered with the hub dead; verified")
    assert answered >= 3


@pytest.mark.parametrize("coding", ["zstd", "gzip", "identity"])
def test_prebuilt_pages_go_out_as_fast_as_a_constant(
    coding: str, tool: Callable[[str], str], tmp_path: Path, long: bool, figure: Callable[..., None]
) -> None:
    """A page of 256 entries from the hub, against the same server that answers a constant of that many bytes."""
    _, head = filled(tmp_path / "hub")
    path = FEED + paths.page(head.epoch, 0)
    with Hub(tmp_path / "hub") as hub:
        size = len(ask(hub.address + path, accept_encoding=coding).body)
        port = free_port()
        with Process([sys.executable, "-m", "tests.hub.constant", str(port), str(size)], port) as constant:
            seconds = 3 if long else 1
            ours = most = 0.0
            for _ in range(5 if long else 1):  # in turn, so that both meet the same machine
                ours = max(ours, rate(tool("wrk"), hub.address + path, coding, seconds))
                most = max(most, rate(tool("wrk"), constant.address + "/constant", coding, seconds))
    figure(f"{coding}, {size} bytes: {ours:.0f} pages/s, a constant {most:.0f}/s: {ours / most:.2f}")
    assert not long or ours / most >= 0.75


def rate(wrk: str, address: str, coding: str, seconds: int) -> float:
    """Answers a second to sixteen connections; every one of them 200."""
    command = [wrk, "-t1", "-c16", f"-d{seconds}s", "-H", f"Accept-Encoding: {coding}", address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "Non-2xx" not in done.stdout and "Socket errors" not in done.stdout, done.stdout
    found = re.search(r"Requests/sec:\s+([0-9.]+)", done.stdout)
    assert found is not None, done.stdout
    return float(found[1])


# What `run.py bench` measures


class Bench:
    """The rows of the benchmark, each measured once: loads and hubs are shared by the lines below.

    A short run has one size, which leaves the log in the middle of a page. A thousand records change in it, and in a
    long run 1 %, but not less than a thousand.
    """

    def __init__(self, folder: Path, *, long: bool) -> None:
        self.small, self.usual, self.most = (10_000, 100_000, 1_000_000) if long else (1_140,) * 3
        self._folder, self._runs = folder, 3 if long else 1
        self._places: dict[int, Place] = {}
        self._rows: dict[tuple[str, int], Row] = {}

    def __call__(self, name: str, records: int) -> Row:
        """The row of this name."""
        if (name, records) not in self._rows:
            workload = next(workload for workload, names in run.WORKLOADS.items() if name in names)
            self._rows |= {(row.name, records): row for row in workload(self._place(records), records)}
        return self._rows[name, records]

    def growth(self, name: str) -> float:
        """CPU a record at the largest size, in those at the small one."""
        per_record = [self(name, records).ours / self._counted(name, records) for records in (self.most, self.small)]
        return per_record[0] / per_record[1]

    def _counted(self, name: str, records: int) -> int:
        return self._place(records).changed(records) if name == "change" else records

    def _place(self, records: int) -> Place:
        if records not in self._places:
            runs = 1 if records >= run.ONCE_FROM else self._runs
            folder = self._folder / str(records)
            folder.mkdir()
            self._places[records] = Place(
                folder, runs, changed=lambda records: max(records // 100, min(1_000, records))
            )
        return self._places[records]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, long: bool) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"), long=long)


def test_records_are_taken_in_near_the_floor_and_unchanged_ones_for_nearly_nothing(
    bench: Bench, long: bool, figure: Callable[..., None]
) -> None:
    new, unchanged = bench("ingest", bench.usual), bench("ingest_unchanged", bench.usual)
    ends = f"{new.min:.2f} to {new.max:.2f}"
    figure(f"{new.n} records on one core: ratio to the floor {new.ratio:.2f} ({ends}), {new.beside}")
    figure(f"unchanged {unchanged.ratio:.1f} times cheaper ({unchanged.min:.1f} to {unchanged.max:.1f})")
    assert new.ours > 0 and unchanged.ours > 0
    if long:
        assert new.max >= 0.70
        assert unchanged.max >= 12


def test_a_second_core_is_used(bench: Bench, long: bool, figure: Callable[..., None]) -> None:
    """By one worker that verifies beside the hub."""
    row = bench("ingest_two", bench.small)
    figure(f"{row.n} records: {row.beside}; ratio of CPU to the floor {row.ratio:.2f}")
    assert row.ours > 0
    assert not long or row.rate >= 1.6


def test_in_bulk_a_node_is_answered_sooner(bench: Bench, long: bool, figure: Callable[..., None]) -> None:
    row = bench("ingest_bulk", bench.usual)
    figure(f"{row.n} records: {row.ours:,.0f} records/s, {row.ratio:.2f} times the ordinary rate; {row.beside}")
    assert row.ours > 0
    assert not long or row.max >= 1.7


@pytest.mark.long
def test_postgresql_takes_in_nearly_as_much_as_sqlite(bench: Bench, figure: Callable[..., None]) -> None:
    row = bench("ingest_postgres", bench.small)
    figure(f"{row.n} records: PostgreSQL {row.ours:,.0f} records/s, SQLite {row.floor:,.0f}: {row.ratio:.2f}")
    assert row.max >= 0.70


def test_what_a_hub_keeps_is_at_most_three_times_its_records(bench: Bench, figure: Callable[..., None]) -> None:
    row = bench("stored_bytes", bench.usual)
    figure(f"{row.ours:,.0f} bytes stored for {row.floor:,.0f} of records: {row.ours / row.floor:.2f} ({row.beside})")
    assert row.ours <= 3 * row.floor


def test_pages_take_little_more_than_the_signed_records_alone(bench: Bench, figure: Callable[..., None]) -> None:
    row = bench("page_bytes", bench.usual)
    figure(f"{row.ours:,.0f} bytes of pages, {row.floor:,.0f} of the records alone: {row.ours / row.floor:.3f}")
    assert row.ours <= 1.15 * row.floor


def test_a_first_sync_costs_little_more_than_its_signatures(
    bench: Bench, long: bool, figure: Callable[..., None]
) -> None:
    row, bulk = bench("first_sync", bench.usual), bench("first_sync_bulk", bench.usual)
    figure(f"{row.n} records: {1 / row.ratio:.2f} times the CPU of their signatures, {row.beside}")
    figure(f"in bulk: {1 / bulk.ratio:.2f} times, {bulk.beside}")
    assert row.ours > 0 and bulk.ours > 0
    if long:
        assert 1 / row.max <= 2
        assert 1 / bulk.max < 1


def test_what_changed_costs_what_changed_and_nothing_costs_one_request(
    bench: Bench, figure: Callable[..., None]
) -> None:
    nothing, changed = bench("nothing", bench.usual), bench("one_percent", bench.usual)
    figure(f"nothing changed: {nothing.beside}, {nothing.ours:.0f} bytes both ways")
    figure(
        f"changed: {changed.ours:,.0f} bytes, {changed.ours / changed.floor:.3f} of the entries alone; {changed.beside}"
    )
    assert nothing.beside == "1 request, answered [304]"
    assert nothing.ours < 400
    assert changed.ours <= 1.3 * changed.floor
    assert " in 3 steps" in changed.beside


@pytest.mark.parametrize(("name", "most_ms"), [("latency_one_hub", 20), ("latency_two_hubs", 150)])
def test_one_change_is_soon_verified_at_a_reader(
    name: str, most_ms: float, bench: Bench, long: bool, figure: Callable[..., None]
) -> None:
    row = bench(name, bench.small)
    figure(f"{row.ours:.1f} ms (median; {row.beside}), {row.floor:.1f} ms of it until the push is durable")
    assert row.ours > row.floor
    assert not long or row.ours < most_ms


def test_single_pushes_are_many_and_the_generator_could_send_three_times_as_many(
    bench: Bench, long: bool, figure: Callable[..., None]
) -> None:
    row = bench("ingest_single", 10_000 if long else 500)
    figure(f"{row.ours:.0f} pushes/s over 50 connections, {row.floor:.0f}/s against a constant; {row.beside}")
    assert row.ours > 0
    if long:
        assert row.floor >= 3 * 1_500
        assert row.rate >= 1_500


def test_a_million_records_need_little_memory_and_each_costs_what_it_costs_among_few(
    bench: Bench, long: bool, figure: Callable[..., None]
) -> None:
    """Hub and reader; a record taken in, read for the first time, changed."""
    growths = {name: bench.growth(name) for name in ("ingest", "first_sync", "change")}
    hub, reader = bench("memory_hub", bench.most), bench("memory_reader", bench.most)
    figure(f"{hub.n} records: a hub at most {hub.ours:.0f} MiB, a reader at most {reader.ours:.0f} MiB")
    figure(
        f"CPU a record, against {bench.small}: {', '.join(f'{name} {grown:.2f}' for name, grown in growths.items())}"
    )
    assert hub.ours * 2**20 < 400e6
    assert reader.ours * 2**20 < 300e6
    assert not long or max(growths.values()) <= 1.3
