"""`python3 run.py bench [--json] [--quick] [--n N]`: what the hub costs, as a ratio to the floor of this machine.

Ratio = floor CPU seconds / (user + system CPU seconds of all hub processes); wall rates stand beside it. The load is
signed and compressed before any clock runs. Medians of three.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import corpus, floor
from bench.corpus import Writer
from bench.hub_process import HubProcess
from jisr_protocol.reader.http import GuardedClient

WRITERS = 4
HEADERS = {"Content-Type": "application/vnd.jisr.push+ndjson", "Content-Encoding": "zstd"}


@dataclass(frozen=True)
class Row:
    """One workload: CPU seconds of ours and of the floor for `n` records, their ratio over the runs."""

    name: str
    n: int
    ours: float
    floor: float
    unit: str
    ratio: float
    min: float
    max: float


@dataclass(frozen=True)
class Taken:
    """One run of the hub over the load: CPU and wall seconds for new and for unchanged records, peak memory."""

    new_cpu: float
    new_wall: float
    unchanged_cpu: float
    peak_bytes: int


def ingest(writers: list[Writer]) -> Taken:
    """Push everything to a real hub over HTTP until it is published, then push all of it again."""
    with tempfile.TemporaryDirectory() as folder:
        hub = HubProcess(Path(folder) / "hub")
        hub.init(writers)
        with hub:
            return asyncio.run(_ingest(hub, writers))


async def _ingest(hub: HubProcess, writers: list[Writer]) -> Taken:
    async with GuardedClient(allow_private=True) as client:
        await hub.ready(client)
        size = sum(w.records + 1 for w in writers) + 1
        cpu, wall = hub.cpu_seconds(), time.monotonic()
        await _push_all(client, hub, writers)
        await client.get(
            f"{hub.address}/feeds/public/head.json?after={size - 1}&wait=30", limit_bytes=65536, wait_seconds=30
        )
        taken = hub.cpu_seconds() - cpu, time.monotonic() - wall
        cpu = hub.cpu_seconds()
        await _push_all(client, hub, writers)
        return Taken(*taken, hub.cpu_seconds() - cpu, hub.peak_bytes())


async def _push_all(client: GuardedClient, hub: HubProcess, writers: list[Writer]) -> None:
    for writer in writers:
        url = f"{hub.address}/v1/nodes/{writer.ring.id}/feeds/public/log"
        for body in writer.pushes:
            answer = await client.post(url, body, HEADERS)
            while answer.status == 429:
                await asyncio.sleep(float(answer.headers.get("retry-after", "1")))
                answer = await client.post(url, body, HEADERS)
            told = json.loads(answer.body)
            if answer.status != 200 or told["quarantined"]:
                raise RuntimeError(f"the hub did not take the load: {answer.status} {answer.body[:300]!r}")


def load(count: int) -> list[Writer]:
    """The writers of a load of `count` records."""
    return [corpus.writer(count // WRITERS, number) for number in range(WRITERS)]


def measure(count: int, runs: int, say: Callable[[str], None]) -> list[Row]:
    """The ingest workloads over `count` records, `runs` times in turn with the floor."""
    say(f"{count} records: signing the load …")
    writers = load(count)
    floors, takens = [], []
    for number in range(runs):
        say(f"{count} records: run {number + 1} of {runs} …")
        floors.append(floor.cpu_seconds(writers))
        takens.append(ingest(writers))
        last = takens[-1]
        say(f"  floor {floors[-1] / count * 1e6:.0f} µs, hub {last.new_cpu / count * 1e6:.0f} µs a record, "
            f"{count / last.new_wall:.0f} records/s, unchanged {last.unchanged_cpu / count * 1e6:.1f} µs")  # fmt: skip
    return [
        _row("ingest", count, [t.new_cpu for t in takens], floors),
        _row("ingest_unchanged", count, [t.unchanged_cpu for t in takens], floors),
        Row("memory_hub", count, max(t.peak_bytes for t in takens) / 2**20, 0.0, "MiB", 0.0, 0.0, 0.0),
    ]


def _row(name: str, count: int, ours: list[float], floors: list[float]) -> Row:
    ratios = [f / o for f, o in zip(floors, ours, strict=True)]
    return Row(
        name,
        count,
        round(statistics.median(ours), 3),
        round(statistics.median(floors), 3),
        "CPU s",
        round(statistics.median(ratios), 3),
        round(min(ratios), 3),
        round(max(ratios), 3),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--quick", action="store_true", help="2,000 records, once")
    parser.add_argument("--n", type=int, action="append", help="how many records; may be given again")
    chosen = parser.parse_args()
    sizes = chosen.n or ([2000] if chosen.quick else [10_000, 100_000])
    rows = [row for n in sizes for row in measure(n, 1 if chosen.quick else 3, lambda s: print(s, file=sys.stderr))]
    print(f"{'workload':20}{'n':>9}{'ours':>10}{'floor':>10}  {'unit':8}{'ratio':>8}{'min':>8}{'max':>8}")
    for r in rows:
        print(f"{r.name:20}{r.n:>9}{r.ours:>10.3f}{r.floor:>10.3f}  {r.unit:8}{r.ratio:>8}{r.min:>8}{r.max:>8}")
    if chosen.json:
        machine = {"python": platform.python_version(), "system": platform.system(), "machine": platform.machine()}
        print(json.dumps({"machine": machine, "workloads": [asdict(r) for r in rows]}))


if __name__ == "__main__":
    main()
