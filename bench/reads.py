"""Many who read: a page of the log from a hub that has published it.

reads_2, reads_8, reads_32      pages a second, as zstd, over so many connections, from a hub on one core. The floor is
                                what the same server on that core gives of a constant of that many bytes.
reads_2_nginx, …                the same from nginx before the hub, with docs/samples, on that core; the same floor

The generator is wrk, on another core. Where wrk or nginx is missing it is said, and there are no such rows.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

from bench import cores
from bench.hub_process import HubProcess, free_port
from bench.place import Place
from bench.rows import Row, rates
from jisr_protocol import head as heads
from jisr_protocol import paths
from jisr_protocol.reader.http import GuardedClient
from tests.hub.fronts import Nginx, Process

CONNECTIONS = (2, 8, 32)


def reads(place: Place, records: int) -> Iterator[Row]:
    """From the hub, and from nginx before it."""
    wrk, nginx = _found(place, "wrk"), _found(place, "nginx")
    if wrk is None:
        return
    with contextlib.ExitStack() as served:
        hub = served.enter_context(place.filled(records).on(cores.MEASURED))
        path, size = asyncio.run(_page(hub))
        with cores.pinned(cores.MEASURED):  # which what is started here takes over
            constant = served.enter_context(_constant(size))
            front = served.enter_context(Nginx(lambda _: str(nginx), hub, place.folder)) if nginx else None
        for connections in CONNECTIONS:
            floors = [_rate(wrk, f"{constant.address}/constant", connections, place) for _ in range(place.runs)]
            for server, suffix in ((hub, ""), (front, "_nginx")):
                if server is not None:
                    ours = [_rate(wrk, server.address + path, connections, place) for _ in range(place.runs)]
                    name = f"reads_{connections}{suffix}"
                    yield rates(name, records, ours, floors, "pages/s", beside=f"{size:,} bytes each")
    shutil.rmtree(place.folder / "nginx", ignore_errors=True)


def _found(place: Place, program: str) -> str | None:
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if path is None:
        place.say(f"NOT RUN: the program {program} is missing")
    return path


async def _page(hub: HubProcess) -> tuple[str, int]:
    """Where the first page of the log stands, and how many bytes of zstd it is."""
    async with GuardedClient(allow_private=True) as client:
        await hub.ready(client)
        head = heads.parse((await client.get(f"{hub.feed}/head.json", limit_bytes=65536)).body)
    page = paths.page(head.epoch, 0, min(head.size, 256), 1)
    return f"/feeds/public/{page}", (hub.folder / "public" / f"{page}.zst").stat().st_size


def _constant(size: int) -> Process:
    port = free_port()
    return Process([sys.executable, "-m", "tests.hub.constant", str(port), str(size)], port)


def _rate(wrk: str, address: str, connections: int, place: Place) -> float:
    """Answers a second; every one of them 200."""
    command = [wrk, "-t1", f"-c{connections}", f"-d{place.seconds}s", "-H", "Accept-Encoding: zstd", address]
    with cores.pinned(cores.LOAD):
        said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    found = re.search(r"Requests/sec:\s+([0-9.]+)", said)
    if found is None or "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(f"not every page came: {said}")
    return float(found[1])
