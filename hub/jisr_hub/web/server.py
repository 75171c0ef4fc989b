"""The server around the application, which says where it listens once it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import uvicorn


class Server(uvicorn.Server):
    """`ready` gets the address when connections are taken, so that whoever reads it may come at once."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[str], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._ready(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
