"""A reader and a hub that stands: what it costs to be brought up to date, verified.

first_sync      CPU seconds of a reader that holds nothing, until its copy of all records is verified and stored. The
                floor is verifying the signatures of the same records alone: signing input, base64, Ed25519.
first_sync_bulk the same with `bulk`, which puts off the signatures of records until they are asked for; the same floor
memory_reader   the most memory that reader has held, in MiB, against one that has only been started
nothing         bytes both ways when nothing has changed; the floor is the least a request and its 304 can be
one_percent     bytes of all answers, with their headers, after 1 % of the records have changed. The floor is the
                changed entries of the hub's log, compressed alone in one piece. Beside it the requests, and how many
                of them had to wait for one another.
change          CPU seconds of hub and reader together for these changes: pushed, published, verified, stored. The floor
                is taking the same pushes in as floor.py does.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bench import cores, filling, floor, stored
from bench.hub_process import HubProcess
from bench.line import Line
from bench.load import Load, Writer
from bench.place import Place
from bench.reader_process import Read, read
from bench.rows import Row, costs
from jisr_protocol.reader.http import GuardedClient

LEAST_EXCHANGE = (
    b'GET /feeds/public/head.json HTTP/1.1\r\nHost: 127.0.0.1:8470\r\nIf-None-Match: "0123456789abcdef"\r\n\r\n'
    b'HTTP/1.1 304 Not Modified\r\nETag: "0123456789abcdef"\r\nDate: Sun, 22 Nov 2026 21:00:00 GMT\r\n\r\n'
)
STEP_SECONDS = 0.3
"""The round trip of the line over which steps are counted: longer than checking a page takes."""


@dataclass(frozen=True)
class Exchanged:
    """What one follow took, and what went over its line."""

    read: Read
    requests: int
    statuses: list[int]
    sent_bytes: int
    received_bytes: int
    serial_steps: int


def first_sync(place: Place, records: int) -> Iterator[Row]:
    """From nothing to all of it; the last copy is kept for what comes after."""
    load, hub = place.load(records), place.filled(records)
    floors, reads, bulk = [], [], []
    with hub.on(cores.LOAD):
        for number in range(place.runs):
            floors.append(floor.signature_seconds(load))
            bulk.append(asyncio.run(_first(hub, load, place.folder / "bulk.jisr", bulk=True)))
            reads.append(asyncio.run(_first(hub, load, place.copy(records))))
            place.say(f"{records} records, run {number + 1}: signatures {floors[-1] / records * 1e6:.0f} µs, reader"
                      f" {reads[-1].cpu_seconds / records * 1e6:.0f} µs a record")  # fmt: skip
    rate = max(records / one.wall_seconds for one in reads)
    cpu = [one.cpu_seconds for one in reads]
    yield costs("first_sync", records, cpu, floors, "CPU s", beside=f"{rate:,.0f} records/s", rate=rate)
    rate = max(records / one.wall_seconds for one in bulk)
    cpu = [one.cpu_seconds for one in bulk]
    yield costs("first_sync_bulk", records, cpu, floors, "CPU s", beside=f"{rate:,.0f} records/s", rate=rate)
    peak, idle = max(one.peak_bytes for one in reads) / 2**20, min(one.idle_bytes for one in reads) / 2**20
    yield costs("memory_reader", records, [peak], [idle], "MiB")


def changes(place: Place, records: int) -> Iterator[Row]:
    """Nothing, and then what has changed, over the copy of a reader that holds all of it."""
    load, hub = place.load(records), place.filled(records)
    if not place.copy(records).exists():
        list(first_sync(replace(place, runs=1), records))
    with hub.on(cores.MEASURED):
        still, cpu, changed = asyncio.run(_changed(hub, load, place.copy(records)))
    place.has_more(records)
    both = still.sent_bytes + still.received_bytes
    beside = f"{still.requests} request, answered {still.statuses}"
    yield costs("nothing", records, [both], [len(LEAST_EXCHANGE)], "bytes", beside=beside)
    least = stored.compressed_size(_newest_puts(hub.folder, load.changed))
    beside = f"{changed.requests} requests in {changed.serial_steps} steps, for {load.changed} entries"
    yield costs("one_percent", records, [changed.received_bytes], [least], "bytes", beside=beside)
    ours = cpu + changed.read.cpu_seconds
    beside = f"{ours / load.changed * 1e6:.0f} µs a changed record, {cpu / load.changed * 1e6:.0f} of it the hub"
    yield costs("change", records, [ours], [floor.cpu_seconds(load, Writer.changes)], "CPU s", beside=beside)


async def _first(hub: HubProcess, load: Load, copy: Path, *, bulk: bool = False) -> Read:
    for file in copy.parent.glob(f"{copy.name}*"):
        file.unlink()
    async with GuardedClient(allow_private=True) as client:
        await _settled(hub, client, load)
    return await read(hub.feed, copy, bulk=bulk)


async def _changed(hub: HubProcess, load: Load, copy: Path) -> tuple[Exchanged, float, Exchanged]:
    async with GuardedClient(allow_private=True) as client:
        settled = await _settled(hub, client, load)
        still = await _over_a_line(hub, copy)
        before = hub.cpu_seconds()
        await filling.push_all(client, hub, load, Writer.changes)
        await hub.published(client, settled + load.changed)
        return still, hub.cpu_seconds() - before, await _over_a_line(hub, copy)


async def _settled(hub: HubProcess, client: GuardedClient, load: Load) -> int:
    """Wait until the feed says of each node how much of it is there, which it does a moment after the last push."""
    settled = load.entries + len(load.writers)
    await hub.ready(client)
    await hub.published(client, settled)
    return settled


def _newest_puts(folder: Path, count: int) -> Iterator[bytes]:
    with contextlib.closing(sqlite3.connect(folder / "hub.sqlite")) as database:
        for (line,) in database.execute("SELECT line FROM entry WHERE op = 'put' ORDER BY seq DESC LIMIT ?", [count]):
            yield line


async def _over_a_line(hub: HubProcess, copy: Path) -> Exchanged:
    async with Line(hub.port, delay_seconds=STEP_SECONDS) as line:
        done = await read(f"{line.address}/feeds/public", copy)
        counted = line.sent_bytes, line.received_bytes, line.serial_steps()
        return Exchanged(done, len(line.requests), line.statuses, *counted)
