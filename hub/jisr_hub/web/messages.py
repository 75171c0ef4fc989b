"""Sealed messages over HTTP (docs/spec/sealed.md): anybody leaves them, their node alone fetches them.

Nothing of a message is written to the log: not its digest, not who sent it, not for whom it was.
"""

from __future__ import annotations

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jisr_protocol import identifiers, limits

from ..mailbox.carrying import Mailboxes
from ..views.readers import MAILBOX
from .api import body
from .problem_documents import document
from .tokens import Tokens

PATH = "/v1/nodes/{node}/messages"
_TAKEN_BYTES = 16 * 1024
_TAKEN_MOST = 64


class _Taken(msgspec.Struct):
    digests: list[str]


def routes(mailboxes: Mailboxes, tokens: Tokens) -> list[Route]:
    """The three calls."""

    async def leave(request: Request) -> Response:
        address = request.client.host if request.client is not None else ""
        raw = await body(request, limits.SEALED_BYTES)
        return _answer({"digest": await mailboxes.leave(request.path_params["node"], raw, address)}, 202)

    async def waiting(request: Request) -> Response:
        node = request.path_params["node"]
        await tokens.check_own(request, node, MAILBOX)
        found, more = await mailboxes.waiting(node)
        shown = [{"digest": one.digest, "sealed": one.sealed.decode("ascii")} for one in found]
        return _answer({"messages": shown, "more": more})

    async def taken(request: Request) -> Response:
        node = request.path_params["node"]
        await tokens.check_own(request, node, MAILBOX)
        try:
            said = msgspec.json.decode(await body(request, _TAKEN_BYTES), type=_Taken)
        except msgspec.MsgspecError:
            said = _Taken([""])
        if len(said.digests) > _TAKEN_MOST or any(identifiers.digest(one) for one in said.digests):
            return document("malformed", f'expected {{"digests":[…]}}, at most {_TAKEN_MOST} digests of messages')
        return _answer({"gone": await mailboxes.taken(node, said.digests)})

    return [
        Route(PATH, leave, methods=["POST"]),
        Route(PATH, waiting, methods=["GET"]),
        Route(PATH + "/taken", taken, methods=["POST"]),
    ]


def _answer(value: object, status: int = 200) -> Response:
    return Response(orjson.dumps(value) + b"\n", status, {"Cache-Control": "no-store"}, "application/json")
