"""Which major a call asks for and an answer is of; when one ends (docs/spec/versions.md).

Stands around every route of the protocol, so that no endpoint can forget it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from email.utils import format_datetime

from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jisr_protocol.capabilities import Ending
from jisr_protocol.identifiers import to_instant
from jisr_protocol.majors import MAJOR, check_called
from jisr_protocol.refusal import Refusal

from ..config import Sunset
from .problem_documents import refusal_document

CALLS = "/v1/"
"""Below this every address is a call; what is not, is a file."""
FEEDS = "/feeds/"
CALLED = (MAJOR,)
"""The majors of calls."""


def versioned(routes: Iterable[Route], endings: Mapping[str, Sunset]) -> list[Route]:
    """The same routes, each with what every answer of the protocol says of its version."""
    guarded = []
    for route in routes:
        if endings or route.path.startswith(CALLS):  # of a file there is something to say only when its major ends
            route.app = Versioned(route.app, endings)
        guarded.append(route)
    return guarded


class Versioned:
    """ASGI around one route."""

    def __init__(self, app: ASGIApp, endings: Mapping[str, Sunset]) -> None:
        self._app = app
        self._said = {major: _headers(ending) for major, ending in endings.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        is_call = path.startswith(CALLS)
        major = str(scope.get("path_params", {}).get("major", MAJOR))
        headers = self._said.get(major, {}) if is_call or path.startswith(FEEDS) else {}
        if is_call:
            headers = {"Jisr-Version": MAJOR, **headers}

        async def saying(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        if is_call:
            try:
                check_called(Headers(scope=scope).get("jisr-version", MAJOR), CALLED)
            except Refusal as refusal:
                await refusal_document(refusal, supported=list(CALLED))(scope, receive, saying)
                return
        await self._app(scope, receive, saying)


def _headers(ending: Sunset) -> dict[str, str]:
    """RFC 9745 and RFC 8594."""
    return {
        "Deprecation": f"@{int(_instant(ending.deprecated).timestamp())}",
        "Sunset": format_datetime(_instant(ending.sunset), usegmt=True),
    }


def _instant(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def offered(endings: Mapping[str, Sunset]) -> dict[str, Ending] | None:
    """What the capability document says of majors that end."""
    return {
        major: Ending(deprecated=to_instant(_instant(ending.deprecated)), sunset=to_instant(_instant(ending.sunset)))
        for major, ending in endings.items()
    } or None
