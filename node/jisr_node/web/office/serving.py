"""The pages as a server: on this computer for one node, or behind an address for several; beside it the upkeep."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette

from ...app.lobby import Lobby
from ...errors import Declined
from ..http import Http

WHERE = "pages.json"
"""The file in the folder that says where the pages are served, while they are."""
_SILENT = 60
"""Above every level of logging."""
IDLE_SECONDS = 60.0
"""How long a hosted node that nobody asks anything stays open."""
LOOK_SECONDS = 10.0
"""How often a host looks for nodes that were added."""


@dataclass(frozen=True)
class Place:
    """Where is listened: a bound socket, and the address of the pages without a slash at its end."""

    socket: Any
    address: str


def bound(host: str, port: int, *, another: bool = True) -> Place:
    """Listen on this port, or with `another` on any free one where it is taken. Raises Declined."""
    for wanted in (port, 0) if another else (port,):
        with contextlib.suppress(SystemExit):  # uvicorn's way of saying that a port is taken
            listener = uvicorn.Config("", host=host, port=wanted, log_level=_SILENT).bind_socket()
            found, number = listener.getsockname()[:2]
            return Place(listener, f"http://[{found}]:{number}" if ":" in found else f"http://{found}:{number}")
    raise Declined(
        f"The port {port} at {host} is taken, so the pages were not opened. Nothing was changed. Name another: --port"
    )


def serve(app: Starlette, lobby: Lobby, place: Place, ready: Callable[[], None]) -> None:
    """Serve until Ctrl-C or a stop signal; `ready` is called once it answers."""
    app.router.lifespan_context = lambda _: kept_up(lobby)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="on", http=Http, ws="none", server_header=False
    )
    server = _Server(config, ready)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(server.serve(sockets=[place.socket]))
    lobby.close()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[Any] | None = None) -> None:
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
                if lobby.several:
                    office.rest(IDLE_SECONDS)
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
