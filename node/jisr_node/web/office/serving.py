"""The pages as a server: on this computer for one node, or behind an address for several; beside it the upkeep."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from ...app.lobby import Lobby
from ..http import Http

WHERE = "pages.json"
"""The file in the folder that says where the pages are served, while they are."""
LOOK_SECONDS = 10.0
"""How often a host looks for nodes that were added."""


def bound(host: str, port: int, *, another: bool = True) -> socket.socket:
    """A socket on this port, or with `another` on any free one where it is taken. Raises OSError."""
    for wanted in (port, 0) if another else (port,):
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        if os.name != "nt":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, wanted))
            return listener
        except OSError:
            listener.close()
            if not (wanted and another):
                raise
    raise OSError("no port is free")


def address_of(listener: socket.socket) -> str:
    """The address of a bound socket, without a slash at its end."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(app: Starlette, lobby: Lobby, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until Ctrl-C or a stop signal; `ready` is called once it answers."""
    app.router.lifespan_context = lambda _: kept_up(lobby)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="on", http=Http, ws="none", server_header=False
    )
    server = _Server(config, ready)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(server.serve(sockets=[listener]))
    lobby.close()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


@contextlib.asynccontextmanager
async def kept_up(lobby: Lobby) -> AsyncIterator[None]:
    """Keep every node up, also those that are added meanwhile, as long as this lasts."""
    keeping = asyncio.create_task(_keep(lobby))
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def _keep(lobby: Lobby) -> None:
    """The upkeep of every node, also of those that are added meanwhile."""
    rounds: dict[str, asyncio.Task[None]] = {}
    try:
        while True:
            for office in lobby.offices():
                if str(office.folder) not in rounds:
                    rounds[str(office.folder)] = asyncio.create_task(office.upkeep())
            await asyncio.sleep(LOOK_SECONDS)
    finally:
        for task in rounds.values():
            task.cancel()
        await asyncio.gather(*rounds.values(), return_exceptions=True)


def note_address(folder: Path, address: str) -> None:
    """Write down where the pages are served, for a second start."""
    (folder / WHERE).write_text(json.dumps({"address": address}), encoding="utf-8")


def noted_address(folder: Path) -> str | None:
    """Where the pages of this folder are served, as far as the file knows."""
    try:
        said = json.loads((folder / WHERE).read_text(encoding="utf-8"))["address"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return said if isinstance(said, str) else None
