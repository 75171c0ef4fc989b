"""The node's own pages: server-rendered, work without scripts. rim.py guards every address, room.py says what a room
is.

A room is a module and a line in `ROOMS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from ...app.lobby import Lobby
from .begin import Begin
from .door import Doors
from .history import History
from .home import Home
from .hub import Hub
from .keep import Keep
from .languages import Languages
from .messages import Letters
from .publishing import Publishing
from .rim import Rim
from .room import Room
from .sheets import Sheets
from .still import Still
from .usage import Usage
from .volunteers import Volunteers
from .where import Where
from .writing import Writing

__all__ = ["ROOMS", "pages"]

ROOMS: tuple[Callable[[Rim], Room], ...] = (
    Doors,
    Begin,
    Keep,
    Home,
    Hub,
    Writing,
    Languages,
    History,
    Publishing,
    Sheets,
    Still,
    Letters,
    Volunteers,
    Where,
    Usage,
)
"""Every room."""


def pages(
    lobby: Lobby,
    *,
    hosts: Sequence[str],
    secure: bool = False,
    cookie: str = "jisr_node",
    rooms: Sequence[Callable[[Rim], Room]] = ROOMS,
) -> Starlette:
    """The pages of the nodes in this lobby; see rim.Rim."""
    rim = Rim(lobby, hosts=hosts, secure=secure, cookie=cookie)
    return Starlette(routes=rim.furnish([room(rim) for room in rooms]), exception_handlers={HTTPException: rim.nowhere})
