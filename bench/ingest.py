"""Taking records in: over HTTP, verified, validated, durable, published.

ingest              CPU seconds of a hub on one core from the first push to the head that covers everything: floor.py is
                    what taking in the same pushes costs at least. Beside it the wall rate. What a hub does when its
                    log rests (documents for its search, likely duplicates) comes after, and is not in it
ingest_unchanged    the same for pushing all of it a second time; its floor is that of new records, so that the ratio
                    says how many times cheaper than taking them in it is
memory_hub          the most memory that hub has held, in MiB, against one that was started and has taken nothing
ingest_two          as ingest, by a hub with one verifying worker, on two cores. Beside it how many times the wall rate
                    of a hub on one core that is, measured in turn with it
ingest_bulk         records a second that a hub on one core takes in bulk, from the first push to the last answer: they
                    are durable and proven against their heads, and judged after. The floor is an ordinary hub, measured
                    in turn with it and as far. Beside it when all was judged and published, and the CPU until then
ingest_postgres     records a second of a hub on one core whose ledger is in PostgreSQL, which runs where it likes. The
                    floor is the same hub with SQLite, measured in turn with it
ingest_two_postgres records a second of two hubs over one database in PostgreSQL, each on a core of its own, with two of
                    the four nodes each. The floor is one such hub on one core, measured in turn with it. Server and
                    generator share these cores
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench import cores, floor
from bench.filling import HEADERS, LATER, push_all, take
from bench.hub_process import HubProcess
from bench.load import Load, Writer, make
from bench.place import Place
from bench.rows import Row, costs, rates
from jisr_protocol.reader.http import GuardedClient


def ingest(place: Place, records: int) -> Iterator[Row]:
    """Measure all three."""
    load = place.load(records)
    floors, takens = [], []
    for number in range(place.runs):
        floors.append(floor.cpu_seconds(load))
        takens.append(place.fill(records))
        last = takens[-1]
        place.say(f"{records} records, run {number + 1}: floor {floors[-1] / records * 1e6:.0f} µs, hub"
                  f" {last.new_cpu / records * 1e6:.0f} µs a record, {records / last.new_wall:.0f} records/s, unchanged"
                  f" {last.unchanged_cpu / records * 1e6:.1f} µs")  # fmt: skip
    rate, again = (max(records / wall for wall in walls) for walls in (
        [t.new_wall for t in takens], [t.unchanged_wall for t in takens]))  # fmt: skip
    new, unchanged = [t.new_cpu for t in takens], [t.unchanged_cpu for t in takens]
    yield costs("ingest", records, new, floors, "CPU s", beside=f"{rate:,.0f} records/s", rate=rate)
    beside = f"{again:,.0f} records/s"
    yield costs("ingest_unchanged", records, unchanged, new, "CPU s", beside=beside, rate=again)
    peak, idle = max(t.peak_bytes for t in takens) / 2**20, min(t.idle_bytes for t in takens) / 2**20
    yield costs("memory_hub", records, [peak], [idle], "MiB")


def two(place: Place, records: int) -> Iterator[Row]:
    """The writer on one core, a worker on the other."""
    if len(cores.ALL) < 2:
        place.say("NOT RUN: ingest_two needs two cores")
        return
    load = place.load(records)
    first = place.signed("first", lambda folder: make(folder, 40, writers=1, first=2000))
    floors, ones, twos = [], [], []
    for _ in range(place.runs):
        floors.append(floor.cpu_seconds(load))
        ones.append(take(place.new_hub("one").init(load), load))
        with_worker = place.new_hub("two").init(load).on(set(cores.ALL[-2:]))
        with_worker.admit(first)
        with_worker.settings["VERIFIERS"] = "1"
        twos.append(take(with_worker, load, first))  # its worker starts with the first lines that come
    rate = max(records / taken.new_wall for taken in twos)
    times = rate / max(records / taken.new_wall for taken in ones)
    beside = f"{rate:,.0f} records/s, {times:.2f} times one core"
    yield costs("ingest_two", records, [t.new_cpu for t in twos], floors, "CPU s", beside=beside, rate=times)


def bulk(place: Place, records: int) -> Iterator[Row]:
    """Ordinary and bulk in turn."""
    load = place.load(records)
    plain, bulky = [], []
    for _ in range(place.runs):
        plain.append(answered(place.new_hub("plain").init(load), load, HEADERS))
        bulky.append(answered(place.new_hub("bulk").init(load), load, LATER))
    ours, theirs = ([records / taken.wall for taken in each] for each in (bulky, plain))
    told = [
        [min(values) for values in zip(*((t.published, t.cpu) for t in each), strict=True)] for each in (bulky, plain)
    ]
    (after, cpu), (after_plain, cpu_plain) = told
    beside = (f"all judged and published after {after:.1f} s, ordinarily {after_plain:.1f} s; CPU a record"
              f" {cpu / records * 1e6:.0f} µs, ordinarily {cpu_plain / records * 1e6:.0f} µs")  # fmt: skip
    yield rates("ingest_bulk", records, ours, theirs, "records/s", beside=beside)


@dataclass(frozen=True)
class Answered:
    """One run: seconds until everything was answered, and published; CPU until then."""

    wall: float
    published: float
    cpu: float


def answered(hub: HubProcess, load: Load, headers: Mapping[str, str]) -> Answered:
    """Push all of the load to a new hub with these headers."""

    async def run() -> Answered:
        async with GuardedClient(allow_private=True) as client:
            await hub.ready(client)
            cpu, began = hub.cpu_seconds(), time.monotonic()
            await push_all(client, hub, load, Writer.pushes, headers)
            wall = time.monotonic() - began
            await hub.published(client, load.entries)
            return Answered(wall, time.monotonic() - began, hub.cpu_seconds() - cpu)

    with hub:
        return asyncio.run(run())


def postgres(place: Place, records: int) -> Iterator[Row]:
    """The server comes by pip, as for the tests."""
    try:
        from tests import postgres as servers
    except ImportError as error:
        place.say(f"NOT RUN: PostgreSQL is missing: {error}")
        return
    load = place.load(records)
    ours, theirs = [], []
    with servers.server(place.folder / "postgres") as address:
        for _ in range(place.runs):
            theirs.append(records / take(place.new_hub("sqlite").init(load), load).new_wall)
            with servers.database(address) as database:
                ours.append(records / take(place.new_hub("postgres-hub").init(load, database), load).new_wall)
    yield rates("ingest_postgres", records, ours, theirs, "records/s")


def two_postgres(place: Place, records: int) -> Iterator[Row]:
    """Two processes of one hub over one database."""
    if len(cores.ALL) < 2:
        place.say("NOT RUN: ingest_two_postgres needs two cores")
        return
    try:
        from tests import postgres as servers
    except ImportError as error:
        place.say(f"NOT RUN: PostgreSQL is missing: {error}")
        return
    load = place.load(records)
    ones, twos = [], []
    with servers.server(place.folder / "postgres") as address:
        for _ in range(place.runs):
            with servers.database(address) as database:
                ones.append(take(place.new_hub("one").init(load, database), load))
            with servers.database(address) as database:
                hub = place.new_hub("two").init(load, database)
                with HubProcess(hub.folder).on(cores.LOAD) as beside:
                    twos.append(take(hub, load, beside=beside))
    two, one = ([records / taken.new_wall for taken in each] for each in (twos, ones))
    cpu = [min(taken.new_cpu for taken in each) / records * 1e6 for each in (twos, ones)]
    says = f"{cpu[0]:.0f} µs of CPU a record, one process {cpu[1]:.0f}"
    yield rates("ingest_two_postgres", records, two, one, "records/s", beside=says)
