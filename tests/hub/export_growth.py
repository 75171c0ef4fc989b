"""How much memory an export takes while it goes out, read by somebody who keeps nothing of it.

found = await growth(folder, "/export/all.csv")         (bytes that went out, bytes of memory at most while they did)
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from jisr_hub.app.opening import open_hub
from jisr_hub.storage.catalogue import SqlCatalogue
from jisr_hub.storage.curation import SqlCuration
from jisr_hub.storage.directory import SqlDirectory
from jisr_hub.web.exports import Exports


async def nobody(nodes: Iterable[str]) -> set[str]:
    return set()


async def growth(folder: Path, address: str) -> tuple[int, int]:
    running = await open_hub(folder)
    try:
        curation, clock = SqlCuration(running.reads, running.hub.identity.id), running.hub.clock
        directory = SqlDirectory(running.reads, "Hub", "/feeds/public", nobody, curation, clock)
        catalogue = SqlCatalogue(running.reads, directory, curation, clock)
        exports = Exports(catalogue, directory, None, "Hub", "http://hub.example", "en", clock)
        app = Starlette(routes=[*exports.routes()])
        await _read(app, f"{address.rpartition('.')[0].replace('all', 'event')}.csv")  # what is imported once
        gc.collect()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            size = await _read(app, address)
            return size, tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()
    finally:
        await running.close()


async def _read(app: Starlette, address: str) -> int:
    """Ask for an address and count the bytes of the answer."""
    size = 0

    async def send(message: Any) -> None:
        nonlocal size
        if message["type"] == "http.response.start":
            assert message["status"] == 200
        size += len(message.get("body", b""))

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "method": "GET", "path": address, "raw_path": address.encode(), "query_string": b"",
             "headers": [], "http_version": "1.1", "scheme": "http", "server": ("hub.example", 80)}  # fmt: skip
    await app(scope, receive, send)
    return size
