"""Refusals as problem documents (RFC 9457): the one place that knows which status a code has."""

from __future__ import annotations

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from jisr_protocol import canonical
from jisr_protocol.problems import PROBLEMS
from jisr_protocol.refusal import Refusal

from ..failures import Unwritable
from ..hub import Fenced
from ..mailbox.carrying import TooMany
from ..ports import Conflict
from ..quota import QuotaExhausted

MEDIA_TYPE = "application/problem+json"
_STATUS = {
    "not_json": 400,
    "not_canonical": 400,
    "malformed": 400,
    "version_unsupported": 400,
    "encoding_broken": 400,
    "not_admitted": 403,
    "invitation_invalid": 403,
    "not_authoritative": 403,
    "restricted": 401,
    "token_needed": 401,
    "not_allowed": 403,
    "cannot_act": 409,
    "not_found": 404,
    "not_here": 404,
    "page_missing": 404,
    "method_not_allowed": 405,
    "seq_gap": 409,
    "feed_fork": 409,
    "epoch_unknown": 409,
    "head_older": 409,
    "notice_old": 409,
    "cursor_below_floor": 410,
    "erased": 410,
    "too_large": 413,
    "inflate_limit": 413,
    "encoding_unsupported": 415,
    "rate_limited": 429,
    "mailbox_full": 429,
    "message_seen": 409,
    "quota_exhausted": 429,
    "internal": 500,
    "busy": 503,
    "fenced": 503,
}
DETAIL_CHARACTERS = 2000
UNWRITABLE_SECONDS = 60
"""When to come back to a hub that cannot write."""
_CODE_OF_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
_log = structlog.get_logger()


def document(code: str, detail: str, **members: object) -> Response:
    """Answer with a problem. `members` stand beside the standard ones; `retry_after` (seconds) is also a header."""
    problem = PROBLEMS[code]
    status = _STATUS.get(code, 422)
    retry_after = members.pop("retry_after", None)
    retry = f"after:{retry_after}" if retry_after else problem.retry
    value = {
        "code": code,
        "detail": _plain(detail),
        "retry": retry,
        "status": status,
        "title": problem.title,
        "type": f"urn:jisr:problem:{code}",
        **{name: member for name, member in members.items() if member is not None},
    }
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="jisr"'
    if retry.startswith("after:"):
        headers["Retry-After"] = retry.partition(":")[2]
    return Response(canonical.dumps(value) + b"\n", status, headers, MEDIA_TYPE)


def _plain(text: str) -> str:
    """What came may hold characters that our own answers must not (CAN-6, CAN-8), and be as long as a push."""
    text = text[:DETAIL_CHARACTERS]
    return text if text.isascii() and text.isprintable() else ascii(text)[1:-1]


async def refused(_: Request, error: Exception) -> Response:
    """Answer a Refusal that nobody on the way knew more about."""
    assert isinstance(error, Refusal)
    return refusal_document(error)


def refusal_document(refusal: Refusal, **members: object) -> Response:
    """The problem document of a Refusal: its code, rule and pointer, and what else the caller can tell."""
    after = refusal.retry_after if isinstance(refusal, QuotaExhausted | TooMany) else None
    place = _plain(refusal.pointer)
    return document(refusal.code, str(refusal), rule=refusal.rule, pointer=place, retry_after=after, **members)


async def http_error(_: Request, error: Exception) -> Response:
    """Answer what the router refuses: no such address, no such method."""
    assert isinstance(error, HTTPException)
    answer = document(_CODE_OF_STATUS.get(error.status_code, "malformed"), str(error.detail))
    for name in error.headers or {}:
        answer.headers[name] = (error.headers or {})[name]  # a 405 names what is allowed
    return answer


async def busy(_: Request, error: Exception) -> Response:
    """Answer a push that lost every race for its own log, or a request that waited too long for the ledger."""
    return document("busy", "others were first; the same again in a moment")


async def unwritable(request: Request, error: Exception) -> Response:
    """Answer while the disk is full or the database away: nothing was stored, the same later will do."""
    _log.error("request.unstored", path=request.url.path, exc_info=error)
    return document("busy", str(error), retry_after=UNWRITABLE_SECONDS)


async def fenced(_: Request, error: Exception) -> Response:
    """Answer while the hub may not sign: what is sent now would get a position that may be given already."""
    return document("fenced", str(error))


async def failed(request: Request, error: Exception) -> Response:
    """Answer our own failure, and write it down. Nothing was stored; the sender may send again."""
    _log.error("request.failed", path=request.url.path, exc_info=error)
    return document("internal", "the hub failed; its operator finds the reason in the log")


async def gone(_: Request, error: Exception) -> Response:
    """The sender went away in the middle of its body; nobody hears this."""
    return document("malformed", "the request was cut off")


HANDLERS = {
    Refusal: refused,
    HTTPException: http_error,
    Conflict: busy,
    Unwritable: unwritable,
    Fenced: fenced,
    ClientDisconnect: gone,
    Exception: failed,
}
