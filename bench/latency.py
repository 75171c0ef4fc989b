"""How soon a change is verified and stored at a reader: from the first byte of its push on.

latency_one_hub     at a reader of the hub that it was pushed to
latency_two_hubs    at a reader of a second hub, which follows the first

The reader follows over one connection and waits for the next head (`?after=…&wait=…`), as the second hub does at the
first; one change at a time, while everything else is at rest, over the loopback interface. The floor is the push alone,
until the hub has answered that it is durable: nobody can know of it sooner. Medians of all changes; milliseconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import cores
from bench.filling import push
from bench.hub_process import HubProcess
from bench.load import Load, make_single
from bench.place import Place
from bench.rows import Row, costs
from jisr_protocol.limits import LONG_POLL_SECONDS
from jisr_protocol.reader.follow import follow
from jisr_protocol.reader.http import GuardedClient
from jisr_protocol.reader.store import open_copy

REST_SECONDS = 2.0
"""Between two changes: longer than the shortest time between two heads."""


@dataclass(frozen=True)
class Arrived:
    """Of one change: milliseconds until it was durable at the hub, and until the reader had verified it."""

    durable_ms: float
    verified_ms: float


def one_hub(place: Place, records: int) -> Iterator[Row]:
    """The hub holds `records` others."""
    hub, singles = place.larger(records), _singles(place, 1000)
    hub.on(set(cores.ALL)).admit(singles)
    with hub:
        arrived = asyncio.run(_arrivals(hub, hub, singles, place.folder / "near.jisr"))
    yield _row("latency_one_hub", records, arrived)


def two_hubs(place: Place, records: int) -> Iterator[Row]:
    """Both hubs hold `records` others."""
    hub, singles = place.larger(records), _singles(place, 1001)
    hub.on(set(cores.ALL)).admit(singles)
    second = place.new_hub("second").init().on(set(cores.ALL))
    with hub:
        asyncio.run(_ready(hub))
        second.follow(hub)
        with second:
            arrived = asyncio.run(_arrivals(hub, second, singles, place.folder / "far.jisr"))
    yield _row("latency_two_hubs", records, arrived)


def _singles(place: Place, number: int) -> Load:
    return place.signed(f"node-{number}", lambda folder: make_single(folder, 1, 9 * place.runs - 5, first=number))


def _row(name: str, records: int, arrived: list[Arrived]) -> Row:
    verified, durable = [a.verified_ms for a in arrived], [a.durable_ms for a in arrived]
    beside = f"{min(verified):.1f} to {max(verified):.1f} ms, {len(arrived)} changes"
    return costs(name, records, verified, durable, "ms", beside=beside)


async def _ready(hub: HubProcess) -> None:
    async with GuardedClient(allow_private=True) as client:
        await hub.ready(client)


async def _arrivals(first: HubProcess, last: HubProcess, singles: Load, copy: Path) -> list[Arrived]:
    """Push one change after the other to `first`, and wait for each at a reader of `last`."""
    writer = singles.writers[0]
    node, found = writer.ring.id, list[Arrived]()
    async with GuardedClient(allow_private=True) as pusher, GuardedClient(allow_private=True) as client:
        await first.ready(client)
        await last.ready(client)
        await last.holds(client, await first.live(client))
        for number, body in enumerate(writer.pushes()):
            await asyncio.sleep(REST_SECONDS)
            await follow(last.feed, copy, client=client)
            with open_copy(copy) as held:
                size = held.head.size
            began = time.monotonic()
            waiting = asyncio.create_task(_verified(client, last, copy, size, node))
            await push(pusher, first, node, iter([body]))
            durable = time.monotonic()
            ended = await waiting
            if number > 1:  # the first brings the keys, the second warms up
                found.append(Arrived((durable - began) * 1e3, (ended - began) * 1e3))
    return found


async def _verified(client: GuardedClient, hub: HubProcess, copy: Path, size: int, node: str) -> float:
    """When the copy holds more than `size` entries, one of them of this node, verified."""
    while True:
        result = await follow(hub.feed, copy, client=client, wait_seconds=LONG_POLL_SECONDS)
        ended = time.monotonic()
        with open_copy(copy) as held:
            if any(change.node == node for change in held.changes(size - 1)):
                return ended
            size = held.head.size
        if result.outcome != 0:
            raise RuntimeError(f"the reader did not verify it: {result.sentence}")
