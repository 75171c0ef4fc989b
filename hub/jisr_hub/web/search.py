"""`GET /v1/search`: the search of the pages, for programs. The same query string; any is answered.

{"total", "page", "of", "hits": [{"node", "id", "entry", "type", "record", "matched", "nearly", "points",
           "distance_km"?}], "facets": {"theme": [{"code", "count"}]…}, "fresh", "nearly", "at"?, "left_out", "query"}

`entry` is the address of its page, `record` what the page shows, `points` where its places are: longitude and latitude,
in the order of GeoJSON, of those that may be shown. `left_out` names the parts of the query string that were not
understood, `query` is what was, in the order that is best for a cache.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jisr_hub.curation.merging import address
from jisr_hub.directory.query import Asked, read, written
from jisr_hub.ports.directory import Directory, Listed
from jisr_hub.ports.search import DEEPEST, Found, Hit, Search

PATH = "/v1/search"
FRESH_SECONDS = 5
"""How long a cache may give an answer again without asking."""


def routes(search: Search, directory: Directory, clock: Callable[[], datetime]) -> list[Route]:
    """The one route."""

    async def find(request: Request) -> Response:
        now = clock()
        asked = read(request.query_params.multi_items(), now)
        found = await search.find(asked.query)
        listed = {(one.node, one.id): one for one in await directory.listed(hit.key for hit in found.hits)}
        raw = orjson.dumps(_told(asked, found, listed, now), option=orjson.OPT_SORT_KEYS) + b"\n"
        tag = f'"{hashlib.blake2b(raw, digest_size=16).hexdigest()}"'
        headers = {
            "Cache-Control": f"public, max-age={FRESH_SECONDS}",
            "ETag": tag,
            "Access-Control-Allow-Origin": "*",
        }
        if tag in request.headers.get("if-none-match", ""):
            return Response(None, 304, headers)
        return Response(raw, 200, headers, "application/json")

    return [Route(PATH, find, methods=["GET"])]


def _told(asked: Asked, found: Found, listed: dict[tuple[str, str], Listed], now: datetime) -> dict[str, Any]:
    reached = min(found.total, DEEPEST + asked.query.limit)
    value: dict[str, Any] = {
        "total": found.total,
        "page": asked.page,
        "of": max(1, -(-reached // asked.query.limit)),
        # one that left the directory a moment ago is in the index still, and not shown
        "hits": [_hit(hit, listed[hit.key]) for hit in found.hits if hit.key in listed],
        "facets": {
            name: [{"code": code, "count": count} for code, count in counts] for name, counts in found.facets.items()
        },
        "fresh": dict(found.fresh),
        "nearly": list(found.nearly),
        "left_out": list(asked.left_out),
        "query": urlencode(written(asked.query, now, asked.page)),
    }
    if found.at is not None:
        value["at"] = list(found.at)
    return value


def _hit(hit: Hit, listed: Listed) -> dict[str, Any]:
    value: dict[str, Any] = {
        "node": hit.node,
        "id": hit.id,
        "entry": f"/directory/{listed.entry or address(hit.key)}",
        "type": listed.type,
        "record": listed.record,
        "matched": list(hit.matched),
        "nearly": hit.nearly,
        "points": [(east, north) for north, east in hit.points],
    }
    if hit.distance_km is not None:
        value["distance_km"] = hit.distance_km
    return value
