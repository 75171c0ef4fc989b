"""Notices and acks over HTTP: anybody may bring them, anybody who knows a notice may ask (docs/spec/notices.md).

No call makes this hub ask anybody anything.
"""

from __future__ import annotations

import re
import time

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jisr_protocol import limits, notice_call
from jisr_protocol.envelope import Envelope

from ..hub import Hub
from ..quota import QuotaExhausted
from ..takedown.acknowledging import Acknowledgements
from .api import body as body_of
from .problem_documents import document

NOTICES = "/v1/notices"
CALLS_A_MINUTE = 120
"""From all strangers together: a call costs up to 64 signatures to check."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


def routes(hub: Hub) -> list[Route]:
    """The routes of notices."""
    api = _Notices(hub)
    return [Route(NOTICES, api.take, methods=["POST"]), Route(NOTICES + "/{digest}/acks", api.acks)]


class _Notices:
    def __init__(self, hub: Hub) -> None:
        self._acknowledgements = Acknowledgements(hub)
        self._minute, self._calls = 0, 0

    async def take(self, request: Request) -> Response:
        """Take notices and acks; each is answered by itself, in order."""
        self._count()
        call = notice_call.parse(await body_of(request, limits.NOTICES_BYTES))
        answers = await self._acknowledgements.take(call.said, call.chains)
        body = orjson.dumps({"answers": [{k: _plain(v) for k, v in answer.items()} for answer in answers]})
        return Response(body + b"\n", 200, {"Cache-Control": "no-store"}, "application/json")

    async def acks(self, request: Request) -> Response:
        """Every ack that is held of a notice: this hub's own, and those of hubs that follow."""
        digest = request.path_params["digest"]
        found = await self._acknowledgements.told(digest) if _DIGEST.fullmatch(digest) else None
        if found is None:
            return document("not_found", "no notice of this digest is held here")
        acks, rings = found
        body = notice_call.write((ack.envelope for ack in acks), rings)
        return Response(body, 200, {"Cache-Control": "no-store"}, "application/json")

    def _count(self) -> None:
        minute = int(time.monotonic() // 60)
        self._minute, self._calls = minute, self._calls + 1 if minute == self._minute else 1
        if self._calls > CALLS_A_MINUTE:
            raise QuotaExhausted("", f"at most {CALLS_A_MINUTE} calls a minute", self._calls, 60)


def _plain(value: object) -> object:
    return orjson.Fragment(value.raw) if isinstance(value, Envelope) else value
