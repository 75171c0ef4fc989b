"""Which groups of volunteers fit, over HTTP (docs/spec/matching.md). Neither questions nor who asks are logged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jisr_protocol import matching
from jisr_protocol.limits import MATCH_BYTES, MATCHES_PER_SOURCE_HOUR
from jisr_protocol.matching import Facts

from ..authority.admissions import network_of
from ..mailbox.carrying import Hour
from .api import body

PATH = "/v1/matches"
Held = Callable[[], Awaitable[Iterable[tuple[str, Facts]]]]


def routes(held: Held, clock: Callable[[], datetime]) -> list[Route]:
    """The one route. `held` gives (node, facts) of every profile that may count, as they are now."""
    hour = Hour("MAT-4", MATCHES_PER_SOURCE_HOUR)

    async def ask(request: Request) -> Response:
        address = request.client.host if request.client is not None else ""
        hour.count(network_of(address), clock(), "questions an hour from one network")
        asked = matching.parse(await body(request, MATCH_BYTES))
        told = matching.groups(asked, await held())
        value = {"groups": [{"at_least": least, "node": node} for node, least in told.items()]}
        return Response(orjson.dumps(value) + b"\n", 200, {"Cache-Control": "no-store"}, "application/json")

    return [Route(PATH, ask, methods=["POST"])]
