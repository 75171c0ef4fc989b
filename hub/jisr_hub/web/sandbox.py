"""Feeds that misbehave on purpose, for whoever writes a reader: those of the vectors, each as a publisher serves it.

    /sandbox                                  what there is: of each feed its addresses, the time to take, the right end
    /sandbox/feeds/{name}/before/head.json    what is to be read first, where the list says so
    /sandbox/feeds/{name}/feed/head.json      the feed itself
    …?status=503                              any of these files, refused with that status instead

What stands compressed alone is given out at its path, as PATH-3 lets a publisher; what cannot be undone stands as is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jisr_protocol.inflate import inflate
from jisr_protocol.limits import PAGE_BYTES
from jisr_protocol.refusal import Refusal

from .problem_documents import document

PATH = "/sandbox"
_CODINGS = {".zst": "zstd", ".gz": "gzip"}
_STATUSES = ("429", "500", "503")
_HEADERS = {"Cache-Control": "no-store"}


def routes(vectors: Path) -> list[Route]:
    """The routes for the feeds in a folder of vectors; of a folder without any, a list of none."""
    files = _files(vectors / "feeds")
    listed = orjson.dumps(_listed(vectors / "feeds"), option=orjson.OPT_INDENT_2) + b"\n"

    async def everything(request: Request) -> Response:
        return Response(listed, 200, _HEADERS, "application/json")

    async def file(request: Request) -> Response:
        if (status := request.query_params.get("status")) in _STATUSES:
            return Response(None, int(status), _HEADERS)
        content = files.get(request.path_params["path"])
        if content is None:
            return document("not_found", "no feed of the vectors has this file")
        return Response(content, 200, _HEADERS, "application/octet-stream")

    return [Route(PATH, everything), Route(PATH + "/feeds/{path:path}", file)]


def _listed(feeds: Path) -> dict[str, Any]:
    listed = []
    for place in sorted(feeds.glob("*/expect.json")):
        told = orjson.loads(place.read_bytes())
        address = f"{PATH}/feeds/{place.parent.name}"
        before = f"{address}/{told['before']}/" if told["before"] else None
        kept = {name: told[name] for name in ("comment", "exit", "code", "rule", "now", "refused")}
        listed.append({"name": place.parent.name, "before": before, "feed": f"{address}/feed/", **kept})
    return {"about": "exit: 0 verified, 10 stale, 20 contradicted, 21 broken, 22 diverged", "feeds": listed}


def _files(feeds: Path) -> dict[str, bytes]:
    """Every file by its path below the feeds; some megabytes."""
    found: dict[str, bytes] = {}
    for place in sorted(feeds.glob("*/*/**/*")):
        if not place.is_file():
            continue
        path, content = place.relative_to(feeds).as_posix(), place.read_bytes()
        try:
            found[path.removesuffix(place.suffix)] = inflate(content, _CODINGS[place.suffix], PAGE_BYTES)
        except (KeyError, Refusal):
            found[path] = content
    return found
