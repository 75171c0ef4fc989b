"""`python3 run.py bench [--quick] [--long] [--only NAME]… [--n N]… [--json]`: what Jisr costs on this machine.

Every workload stands beside its floor: the least that the same work costs here. The ratio is 1 where ours does as well.
Costs are CPU seconds (user and system, of all processes of a hub), and wall rates stand beside them. What is measured,
and what its floor is, stands in the module of its kind. Loads are signed before any clock runs.

Medians of three at 10,000 and 100,000 records; with --long once at 1,000,000 as well; --quick is one small size, once.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import ingest, latency, reads, rows, single, stored, sync
from bench.place import Place
from bench.rows import Row

Workload = Callable[[Place, int], Iterator[Row]]
WORKLOADS: dict[Workload, tuple[str, ...]] = {
    ingest.ingest: ("ingest", "ingest_unchanged", "memory_hub"),
    ingest.two: ("ingest_two",),
    ingest.bulk: ("ingest_bulk",),
    ingest.postgres: ("ingest_postgres",),
    ingest.two_postgres: ("ingest_two_postgres",),
    stored.stored_bytes: ("stored_bytes",),
    stored.page_bytes: ("page_bytes",),
    sync.first_sync: ("first_sync", "first_sync_bulk", "memory_reader"),
    sync.changes: ("nothing", "one_percent", "change"),
    single.single: ("ingest_single",),
    reads.reads: tuple(f"reads_{n}{front}" for n in reads.CONNECTIONS for front in ("", "_nginx")),
    latency.one_hub: ("latency_one_hub",),
    latency.two_hubs: ("latency_two_hubs",),
}
"""What measures, and the names of its rows."""
QUICK, USUAL, LONG = 2_000, (10_000, 100_000), 1_000_000
ONCE_FROM = 1_000_000
"""From so many records on, everything is measured once."""


def measured(place: Place, records: int, only: list[str]) -> Iterator[Row]:
    """The rows of the workloads that are named, or of all, at one size."""
    for workload, names in WORKLOADS.items():
        if not only or set(only) & set(names):
            for row in workload(place, records):
                if not only or row.name in only:
                    place.say(rows.table([row]).splitlines()[1])
                    yield row


def machine() -> dict[str, str | int]:
    """What it ran on."""
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "cores": os.cpu_count() or 1,
    }


def main() -> None:
    """Measure what was asked for."""
    names = [name for several in WORKLOADS.values() for name in several]
    parser = argparse.ArgumentParser(
        prog="run.py bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} records, once: under two minutes")
    parser.add_argument("--long", action="store_true", help=f"also {LONG:,} records, once: most of an hour")
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=f"one of: {', '.join(names)}")
    parser.add_argument("--n", type=int, action="append", help="how many records; may be given again")
    chosen = parser.parse_args()
    sizes = chosen.n or ([QUICK] if chosen.quick else [*USUAL, *([LONG] if chosen.long else [])])
    found: list[Row] = []
    for records in sizes:
        with tempfile.TemporaryDirectory() as folder:
            place = Place(
                Path(folder), runs=1 if chosen.quick or records >= ONCE_FROM else 3, seconds=1 if chosen.quick else 3
            )
            found += measured(place, records, chosen.only or [])
    print(rows.table(found))
    if chosen.json:
        print(json.dumps({"machine": machine(), "workloads": [row.told() for row in found]}))


if __name__ == "__main__":
    main()
