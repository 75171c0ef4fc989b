"""Which requests for a page count, for USE-4: those by which somebody opens one, as far as they themselves say.

A page says what it was about, and whoever serves it counts once it has gone out well:

    note(request, VIEWS, keys_of(listed))          in the page
    routes = counted(routes, counting.note)        where the pages are served

What is looked at here of a request is kept nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jisr_hub.ports import Key
from jisr_hub.ports.directory import Listed
from jisr_protocol.usage import APPLICATIONS, REFERRALS, VIEWS

__all__ = ["APPLICATIONS", "REFERRALS", "VIEWS", "by_somebody", "counted", "keys_of", "note"]

Note = Callable[[str, Iterable[Key]], None]
_STATE = "used"
_SHOWN = (200, 303)
"""An answer that shows something, or leads to what was asked for with a form."""
_BROWSER = ("Mozilla/", "Opera/")
_ROBOT = re.compile(
    "bot|crawl|spider|slurp|scrap|monitor|preview|headless|lighthouse|externalhit|archive|scan|validat|mediapartners",
    re.IGNORECASE,
)
_AHEAD = re.compile(r"prefetch|prerender|preview", re.IGNORECASE)
_AHEAD_HEADERS = ("sec-purpose", "purpose", "x-purpose", "x-moz")


def keys_of(shown: Listed) -> list[Key]:
    """The records that a page about this shows."""
    return [(node, id_) for node, id_, _ in shown.sources] or [(shown.node, shown.id)]


def note(request: Request, kind: str, keys: Iterable[Key]) -> None:
    """Say what the answer to this request will have been about."""
    request.scope.setdefault("state", {})[_STATE] = (kind, tuple(keys))


def counted(routes: Iterable[BaseRoute], count: Note) -> list[BaseRoute]:
    """The same routes, whose answers are counted."""
    found = list(routes)
    for route in found:
        if isinstance(route, Route):
            route.app = _Counted(route.app, count)
    return found


class _Counted:
    def __init__(self, app: ASGIApp, count: Note) -> None:
        self._app, self._count = app, count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self._app(scope, receive, noting)
        used: Any = scope.get("state", {}).get(_STATE)
        if used is not None and status in _SHOWN and scope["method"] != "HEAD" and by_somebody(Headers(scope=scope)):
            self._count(*used)


def by_somebody(headers: Headers) -> bool:
    """Whether a request says nothing that speaks against a person who opens a page now (USE-4)."""
    agent = headers.get("user-agent", "")
    if not agent.startswith(_BROWSER) or _ROBOT.search(agent):
        return False
    if any(_AHEAD.search(headers.get(name, "")) for name in _AHEAD_HEADERS):
        return False
    return headers.get("sec-fetch-dest", "document") == "document"
