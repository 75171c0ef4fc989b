"""A reader and a hub that stands: what it costs to be brought up to date, verified.

first_sync     CPU seconds of a reader that holds nothing, until its copy of all records is verified and stored. The
               floor is verifying the signatures of the same records alone: signing input, base64, Ed25519.
one_percent    bytes of all answers, with their headers, after 1 % of the records have changed. The floor is the
               changed entries' lines, compressed alone in one piece (zstd 3). Beside it the requests, and how many of
               them had to wait for one another.
nothing        bytes both ways when nothing has changed; the floor is the least an HTTP request and its 304 can be
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import ingest, stored
from bench.hub_process import HubProcess
from bench.line import Line
from bench.load import Load, Writer
from bench.place import Place
from bench.rows import Row, costs
from jisr_protocol.reader.follow import Result, follow
from jisr_protocol.reader.http import GuardedClient

LEAST_EXCHANGE = (
    b'GET /feeds/public/head.json HTTP/1.1\r\nHost: 127.0.0.1:8470\r\nIf-None-Match: "0123456789abcdef"\r\n\r\n'
    b'HTTP/1.1 304 Not Modified\r\nETag: "0123456789abcdef"\r\nDate: Sun, 22 Nov 2026 21:00:00 GMT\r\n\r\n'
)
STEP_SECONDS = 0.05
"""The round trip of the line over which steps are counted."""


@dataclass(frozen=True)
class Exchanged:
    """What went over the line in one follow."""

    requests: list[str]
    statuses: list[int]
    sent_bytes: int
    received_bytes: int
    serial_steps: int


def one_percent(place: Place, records: int) -> Iterator[Row]:
    """Nothing, and then what has changed, over the copy of a reader that held all of it before."""
    load, hub = place.load(records), place.filled(records)
    with hub:
        still, changed = asyncio.run(_changed(hub, load, place.folder / f"copy-{records}.jisr"))
    place.forget(records)
    floor = stored.compressed_size(load.lines(Writer.changes))
    steps = f"{len(changed.requests)} requests in {changed.serial_steps} steps, for {load.changed} entries"
    yield costs("one_percent", records, [changed.received_bytes], [floor], "bytes", beside=steps)
    both = still.sent_bytes + still.received_bytes
    beside = f"{len(still.requests)} request, answered {still.statuses}"
    yield costs("nothing", records, [both], [len(LEAST_EXCHANGE)], "bytes", beside=beside)


async def _changed(hub: HubProcess, load: Load, copy: Path) -> tuple[Exchanged, Exchanged]:
    async with GuardedClient(allow_private=True) as client:
        await hub.ready(client)
        settled = load.entries + len(load.writers)  # with each node's own head, which is said a moment later
        await hub.published(client, settled)
        await verified(hub.feed, copy)
        still = await _over_a_line(hub, copy)
        await ingest.push_all(client, hub, load, Writer.changes)
        await hub.published(client, settled + load.changed)
        return still, await _over_a_line(hub, copy)


async def _over_a_line(hub: HubProcess, copy: Path) -> Exchanged:
    async with Line(hub.port, delay_seconds=STEP_SECONDS) as line:
        await verified(f"{line.address}/feeds/public", copy)
        return Exchanged(line.requests, line.statuses, line.sent_bytes, line.received_bytes, line.serial_steps())


async def verified(feed: str, copy: Path) -> Result:
    """Follow a feed; raise RuntimeError unless every entry of it was verified."""
    result = await follow(feed, copy, allow_private=True)
    if result.outcome != 0 or result.refused:
        raise RuntimeError(f"the reader did not verify it: {result.sentence} {result.refused[:3]}")
    return result
