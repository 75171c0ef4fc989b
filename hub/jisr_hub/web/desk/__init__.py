"""The operator's desk: server-rendered, works without scripts. rim.py guards every address of it.

A room is a module with a class of endpoints and their `ways()`, and a line in `rooms`.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.routing import Route

from ...desk.acts import Acts
from ...desk.bench import Bench
from ...desk.door import Door
from ...desk.histories import Histories
from ...desk.home import Open
from ...desk.passkeys import Ceremonies
from ...desk.tokens import Tokens
from ..oidc import Provider
from . import asking
from .acts import ActPages
from .confirmed import Confirmed
from .door_pages import BACK, DoorPages
from .duplicates import Curating, Duplicates
from .holds import Holds
from .home import Home
from .merged import Merged
from .nodes import Nodes
from .passkeys import PasskeyPages
from .people import People
from .records import Records
from .returned import Back, Returned
from .rim import Rim, Room
from .sources import SourcePages, Watching
from .subscriptions import SubscriptionPages
from .tokens import TokenPages

__all__ = ["BACK", "Back", "Curating", "Parts", "Watching", "routes"]


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
    bench: Bench | None = None
    """With `acts` and `past`: what people may do here."""
    acts: Acts | None = None
    past: Histories | None = None
    asking: asking.Work | None = None
    watching: Watching | None = None
    back: Back | None = None


def rooms(rim: Rim, parts: Parts) -> list[Room]:
    """Every room of the desk."""
    return [
        DoorPages(rim, parts.provider, parts.ceremonies),
        *([PasskeyPages(rim, parts.ceremonies, parts.acts)] if parts.ceremonies is not None else []),
        *([TokenPages(rim, parts.tokens, parts.acts)] if parts.tokens is not None else []),
        Confirmed(rim),
        Home(rim, parts.open_, parts.acts, parts.bench),
        People(rim, parts.acts),
        *([Duplicates(rim, parts.curating)] if parts.curating is not None else []),
        *([Merged(rim, parts.curating)] if parts.curating is not None else []),
        *_acting(rim, parts),
        *(asking.rooms(rim, parts.asking, parts.language) if parts.asking is not None else []),
        *([SourcePages(rim, parts.watching, parts.language)] if parts.watching is not None else []),
        *([Returned(rim, parts.back)] if parts.back is not None else []),
    ]


def _acting(rim: Rim, parts: Parts) -> list[Room]:
    acts, bench, past = parts.acts, parts.bench, parts.past
    if acts is None or bench is None or past is None:
        return []
    return [
        ActPages(rim, acts),
        Nodes(rim, acts, bench),
        Holds(rim, acts, bench),
        Records(rim, acts, bench, past),
        *([SubscriptionPages(rim, acts, bench.subscriptions)] if bench.subscriptions is not None else []),
    ]


def routes(parts: Parts) -> list[Route]:
    """Every route of the desk, each with what it needs."""
    rim = Rim(parts.door, parts.address, parts.language)
    ways = [pair for room in rooms(rim, parts) for pair in room.ways().items()]
    rim.paths = frozenset(way.path for way, _ in ways)
    return [rim.route(way, endpoint) for way, endpoint in ways]
