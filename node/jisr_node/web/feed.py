"""The public feed of a node as a small web site: the files of its export, and nothing that is not one of them.

Heads are fresh for ten seconds, pages and inventory never change. Each file is answered in its zstd, gzip or plain
form, with an ETag over its bytes, so that "nothing changed" costs one answer 304.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jisr_protocol import paths
from jisr_protocol.limits import PAGE_CACHE_SECONDS
from jisr_protocol.problems import PROBLEMS

_FEED_FILE = re.compile(
    r"head\.json|keys\.json|\.well-known/jisr\.json|(inv|gens)/[0-9a-f]{64}\.json"
    r"|log/[0-9]+-[a-z2-7]{8}(/x?[0-9]{3})*(\.p/[0-9]{1,3})?(\.g[0-9]{1,15})?\.ndjson"
)
_IMMUTABLE = f"public, max-age={PAGE_CACHE_SECONDS}, immutable"
_CACHE = {
    paths.HEAD: "public, max-age=10, stale-if-error=86400",
    paths.KEYS: "public, max-age=300",
    paths.CAPABILITIES: "public, max-age=300",
}
_SUFFIX = {"zstd": ".zst", "gzip": ".gz"}
_PROBLEM_OF_STATUS = {404: "not_found", 405: "method_not_allowed"}


def site(folder: Path, node: str) -> Starlette:
    """The web site of the feed in `folder`, which may be filled and changed while it is served."""

    async def feed_file(request: Request) -> Response:
        return _file(folder, request)

    async def healthz(_: Request) -> Response:
        return _json({"node": node, "status": "ok"})

    return Starlette(
        routes=[Route("/healthz", healthz), Route("/{path:path}", feed_file)],
        exception_handlers={HTTPException: _problem},
    )


def _file(folder: Path, request: Request) -> Response:
    path = request.path_params["path"]
    if not _FEED_FILE.fullmatch(path):
        raise HTTPException(404)
    encoding = _encoding(request.headers.get("accept-encoding", ""))
    try:
        content = (folder / (path + _SUFFIX.get(encoding, ""))).read_bytes()
    except OSError:
        raise HTTPException(404) from None
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {
        "Access-Control-Allow-Origin": "*",
        "Cache-Control": _CACHE.get(path, _IMMUTABLE),
        "ETag": etag,
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if etag in re.findall(r'"[^"]*"', request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    if encoding:
        headers["Content-Encoding"] = encoding
    kind = "application/x-ndjson" if path.endswith(".ndjson") else "application/json"
    return Response(content, headers=headers, media_type=kind)


def _encoding(accepted: str) -> str:
    """The best form the other side takes (RFC 9110 section 12.5.3); "" is the plain one."""
    offered = {}
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        offered[name.strip()] = weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return next((name for name in _SUFFIX if offered.get(name)), "")


def problem_document(code: str, status: int) -> dict[str, object]:
    """The members of a problem document (RFC 9457)."""
    problem = PROBLEMS[code]
    kind = f"urn:jisr:problem:{code}"
    return {"code": code, "retry": problem.retry, "status": status, "title": problem.title, "type": kind}


async def _problem(_: Request, error: Exception) -> Response:
    """RFC 9457: every error is a problem document with a code of the protocol."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = _PROBLEM_OF_STATUS.get(status, "internal")
    body = problem_document(code, status)
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return _json(body, status=status, kind="application/problem+json", headers=headers)


def _json(
    value: object, *, status: int = 200, kind: str = "application/json", headers: dict[str, str] | None = None
) -> Response:
    no_store = {"Cache-Control": "no-store", **(headers or {})}
    return Response(orjson.dumps(value), status_code=status, headers=no_store, media_type=kind)
