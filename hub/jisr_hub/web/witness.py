"""Witnesses over HTTP: C2SP add-checkpoint, and the checkpoint beside the head (docs/spec/witnesses.md)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jisr_protocol import paths
from jisr_protocol.refusal import Refusal
from jisr_protocol.witness import REQUEST_BYTES, Elsewhere

from ..ports import Pages
from ..witness.cosigning import Witness
from .api import body
from .problem_documents import document, refusal_document

PATH = "/v1/witness"
_STATUS = {"WIT-2": 403, "WIT-3": 404, "WIT-6": 422, "KEY-2": 403}
_PLAIN = "text/plain; charset=utf-8"


def routes(witness: Witness, pages: Pages) -> list[Route]:
    """Where this hub cosigns, and where its own checkpoint is read."""

    async def add(request: Request) -> Response:
        try:
            line = await witness.add(await body(request, REQUEST_BYTES))
        except Elsewhere as elsewhere:
            return Response(f"{elsewhere.size}\n", 409, {"Cache-Control": "no-store"}, "text/x.tlog.size")
        except Refusal as refusal:
            answer = refusal_document(refusal)
            answer.status_code = _STATUS.get(refusal.rule, 400)
            return answer
        return Response(line, 200, {"Cache-Control": "no-store"}, _PLAIN)

    async def checkpoint(_: Request) -> Response:
        content = pages.read(paths.CHECKPOINT)
        if content is None:
            return document("not_found", "this feed has no checkpoint yet")
        return Response(content, 200, {"Cache-Control": "public, max-age=10"}, _PLAIN)

    return [
        Route(PATH, add, methods=["POST"]),
        Route(f"/feeds/public/{paths.CHECKPOINT}", checkpoint),
        Route(f"/feeds/{{major:int}}/public/{paths.CHECKPOINT}", checkpoint),  # the log is the same in all of them
    ]
