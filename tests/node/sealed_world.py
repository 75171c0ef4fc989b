"""A real hub behind real HTTP in a thread of this process, and nodes that it has admitted."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from jisr_hub.app.opening import open_hub
from jisr_hub.app.serving import application
from jisr_node.app import Node
from tests.hub.kept_hub import KeptHub
from tests.node.conftest import SETTINGS


@contextmanager
def served(folder: Path, *nodes: Node) -> Iterator[str]:
    """Serve a hub that has admitted these nodes; gives its address."""
    kept = KeptHub(folder)

    async def admit() -> None:
        running = await open_hub(kept.folder)
        try:
            for node in nodes:
                ring = node.identity.ring
                await running.hub.admit(node.settings.name, ring.statements, ring, per_hour=1000, per_day=1000)
        finally:
            await running.close()

    asyncio.run(admit())
    with served_again(folder) as address:
        yield address


@contextmanager
def served_again(folder: Path) -> Iterator[str]:
    """Serve a hub that is there already; gives its address."""
    config = uvicorn.Config(application(folder), host="127.0.0.1", port=0, log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < until, "the hub did not start within 60 seconds"
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive(), "the hub did not stop within 20 seconds"


def made(folder: Path, name: str = "دار الشباب") -> Node:
    """A node in a folder, which speaks with this machine."""
    return Node.init(folder, **{**SETTINGS, "name": name, "allow_private": True})
