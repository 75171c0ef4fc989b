"""Requests to be let in over HTTP (docs/spec/authority.md, ADM-5): kept or answered; nothing goes out for one."""

from __future__ import annotations

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jisr_protocol.limits import ADMISSION_BYTES

from ..authority.admissions import Admissions
from .api import body

PATH = "/v1/admissions"


def routes(admissions: Admissions) -> list[Route]:
    """The one route."""

    async def ask(request: Request) -> Response:
        address = request.client.host if request.client is not None else ""
        answer = await admissions.ask(await body(request, ADMISSION_BYTES), address)
        value = {"admitted": answer.admitted, "node": answer.node}
        status = 200 if answer.admitted else 202
        return Response(orjson.dumps(value) + b"\n", status, {"Cache-Control": "no-store"}, "application/json")

    return [Route(PATH, ask, methods=["POST"])]
