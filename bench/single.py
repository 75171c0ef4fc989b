"""Many who have little to say: pushes of one entry, each durable before it is answered.

ingest_single    pushes a second that a hub on one core answers over 50 connections, by which many nodes push in turn
                 (one node may send ten a second), with a head of its own for every entry; everything is signed and
                 written out as HTTP before. The floor is
                 what the same generator gets of a server that answers with a constant: it shows that the generator is
                 not what is measured. Beside it the CPU that the generator and the hub took.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from itertools import zip_longest

from bench import cores
from bench.connections import Driven, drive, post
from bench.filling import HEADERS
from bench.hub_process import HubProcess, free_port, until_listening
from bench.load import Load, make_single
from bench.place import Place
from bench.rows import Row, rates
from jisr_protocol.reader.http import GuardedClient

CONNECTIONS = 50
EACH = 5
"""How many records a node has. At most ten of one node are taken in a second (ING-10)."""
MOST = 10_000
"""More would be signed for long, and say nothing else."""
ANSWER_BYTES = 600
"""About what a hub answers to a push."""


def single(place: Place, records: int) -> Iterator[Row]:
    """Measure it with at most 10,000 pushes; nothing at larger sizes."""
    if records > MOST:
        return
    load = place.signed(f"single-{records}", lambda folder: make_single(folder, records // EACH, EACH))
    ours, floors, beside = [], [], ""
    for _ in range(place.runs):
        floors.append(_against_a_constant(load))
        ours.append(_against_a_hub(place, load))
        driven, cpu = ours[-1]
        beside = (f"generator {driven.busy}, with a constant {floors[-1].busy}; hub"
                  f" {cpu / driven.requests * 1e6:.0f} µs of CPU a push")  # fmt: skip
    yield rates("ingest_single", load.records, [driven.rate for driven, _ in ours], [f.rate for f in floors],
                "pushes/s", beside=beside)  # fmt: skip


def _scripts(port: int, load: Load) -> tuple[list[list[bytes]], list[list[bytes]]]:
    """What goes over each connection: the keys of its nodes, and then their records, the nodes taking turns."""
    nodes = [
        [post(port, f"/v1/nodes/{writer.ring.id}/feeds/public/log", HEADERS, body) for body in writer.pushes()]
        for writer in load.writers
    ]
    shares = [nodes[number::CONNECTIONS] for number in range(CONNECTIONS)]
    keys = [[script[0] for script in share] for share in shares]
    turns = [zip_longest(*(script[1:] for script in share), fillvalue=b"") for share in shares]
    return keys, [[push for turn in each for push in turn if push] for each in turns]


def _against_a_hub(place: Place, load: Load) -> tuple[Driven, float]:
    hub = place.new_hub("single").init(load)
    keys, records = _scripts(hub.port, load)
    with hub, cores.pinned(cores.LOAD):
        asyncio.run(_ready(hub))
        drive(hub.port, keys)
        cpu = hub.cpu_seconds()
        driven = drive(hub.port, records)
        return driven, hub.cpu_seconds() - cpu


async def _ready(hub: HubProcess) -> None:
    async with GuardedClient(allow_private=True) as client:
        await hub.ready(client)


def _against_a_constant(load: Load) -> Driven:
    port = free_port()
    _, records = _scripts(port, load)
    with cores.pinned(cores.MEASURED):
        server = subprocess.Popen([sys.executable, "-m", "bench.connections", str(port), str(ANSWER_BYTES)])
    try:
        until_listening(port)
        with cores.pinned(cores.LOAD):
            return drive(port, records)
    finally:
        server.terminate()
        server.wait()
