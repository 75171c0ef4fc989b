"""The operator's desk: server-rendered, works without scripts. rim.py guards every address of it.

A room is a module with a class of endpoints and their `ways()`, and a line in `rooms`.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.routing import Route

from ...desk.door import Door
from ...desk.home import Open
from ...desk.passkeys import Ceremonies
from ...desk.tokens import Tokens
from ..oidc import Provider
from .door_pages import BACK, DoorPages
from .duplicates import Curating, Duplicates
from .home import Home
from .merged import Merged
from .passkeys import PasskeyPages
from .people import People
from .rim import Rim, Room
from .tokens import TokenPages

__all__ = ["BACK", "Curating", "Parts", "routes"]


@dataclass(frozen=True)
class Parts:
    """What the rooms work with. `address` is where people find this hub."""

    door: Door
    open_: Open
    address: str
    language: str
    provider: Provider | None = None
    ceremonies: Ceremonies | None = None
    tokens: Tokens | None = None
    curating: Curating | None = None


def rooms(rim: Rim, parts: Parts) -> list[Room]:
    """Every room of the desk."""
    return [
        DoorPages(rim, parts.provider, parts.ceremonies),
        *([PasskeyPages(rim, parts.ceremonies)] if parts.ceremonies is not None else []),
        *([TokenPages(rim, parts.tokens)] if parts.tokens is not None else []),
        Home(rim, parts.open_),
        People(rim),
        *([Duplicates(rim, parts.curating)] if parts.curating is not None else []),
        *([Merged(rim, parts.curating)] if parts.curating is not None else []),
    ]


def routes(parts: Parts) -> list[Route]:
    """Every route of the desk, each with what it needs."""
    rim = Rim(parts.door, parts.address, parts.language)
    return [rim.route(way, endpoint) for room in rooms(rim, parts) for way, endpoint in room.ways().items()]
