"""Pushing a load to a hub that runs, and what taking it cost."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from bench.hub_process import HubProcess
from bench.load import Load, Writer
from jisr_protocol.reader.http import GuardedClient

HEADERS = {"Content-Type": "application/vnd.jisr.push+ndjson", "Content-Encoding": "zstd"}
LATER = {**HEADERS, "Prefer": "respond-async"}


@dataclass(frozen=True)
class Taken:
    """One run of a hub over a load: seconds for all records when they are new, and again; memory."""

    new_cpu: float
    new_wall: float
    unchanged_cpu: float
    unchanged_wall: float
    idle_bytes: int
    peak_bytes: int


def take(hub: HubProcess, load: Load, first: Load | None = None, beside: HubProcess | None = None) -> Taken:
    """Push all of the load to a new hub, twice; before that another one, on which no clock runs. Every other
    node pushes to `beside`, a process over the same database that runs already."""
    with hub:
        return asyncio.run(_take(hub, load, first, beside))


async def _take(hub: HubProcess, load: Load, first: Load | None, beside: HubProcess | None) -> Taken:
    async with GuardedClient(allow_private=True) as client:
        for one in (hub, beside) if beside is not None else (hub,):
            await one.ready(client)
        idle, size = hub.peak_bytes(), load.entries
        if first is not None:
            await push_all(client, hub, first, Writer.pushes)
            size += first.entries - 1
        new_cpu, new_wall = await _measured(hub, client, load, size, beside)
        again_cpu, again_wall = await _measured(hub, client, load, size, beside)
        return Taken(new_cpu, new_wall, again_cpu, again_wall, idle, hub.peak_bytes())


async def _measured(
    hub: HubProcess, client: GuardedClient, load: Load, size: int, beside: HubProcess | None
) -> tuple[float, float]:
    hubs = [hub, beside] if beside is not None else [hub]
    cpu, wall = sum(one.cpu_seconds() for one in hubs), time.monotonic()
    await push_all(client, hub, load, Writer.pushes, beside=beside)
    await hub.published(client, size)
    return sum(one.cpu_seconds() for one in hubs) - cpu, time.monotonic() - wall


async def push_all(
    client: GuardedClient,
    hub: HubProcess,
    load: Load,
    bodies: Callable[[Writer], Iterator[bytes]],
    headers: Mapping[str, str] | None = None,
    beside: HubProcess | None = None,
) -> None:
    """Send what these nodes have to push, each node in its order, all nodes side by side; every other one to the
    process beside."""
    async with asyncio.TaskGroup() as group:
        for place, writer in enumerate(load.writers):
            to = beside if beside is not None and place % 2 else hub
            group.create_task(push(client, to, writer.ring.id, bodies(writer), headers or HEADERS))


async def push(
    client: GuardedClient, hub: HubProcess, node: str, bodies: Iterator[bytes], headers: Mapping[str, str] = HEADERS
) -> None:
    """Send what a node has to push, in order. Raises RuntimeError when the hub does not take all of it."""
    address = f"{hub.address}/v1/nodes/{node}/feeds/public/log"
    for body in bodies:
        answer = await client.post(address, body, headers)
        while answer.status == 429:
            await asyncio.sleep(float(answer.headers.get("retry-after", "1")))
            answer = await client.post(address, body, headers)
        if answer.status not in (200, 202) or json.loads(answer.body)["quarantined"]:
            raise RuntimeError(f"the hub did not take the load: {answer.status} {answer.body[:300]!r}")
