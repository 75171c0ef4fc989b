"""What the makers of portals are given by a hub: the reference of its calls (`/docs/api`), and a script to embed.

The reference is Swagger UI over `/v1/openapi.json`; `/embed.js` shows results of `/v1/search` in any page.
Both come from this hub alone; the policy in the headers lets the page call no other host.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from jisr_protocol.pages.rendering import media_type

from .negotiation import has
from .page import SECURITY_HEADERS

PATH, EMBED = "/docs/api", "/embed.js"
_STATIC = files("jisr_hub.web").joinpath("static")
_FILES = {
    "/static/vendor/swagger-ui.css": "vendor/swagger-ui.css",
    "/static/vendor/swagger-ui-bundle.js": "vendor/swagger-ui-bundle.js",
    "/static/reference.js": "reference.js",
    EMBED: "embed.js",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger UI writes styles into what it draws; scripts come from files alone."""
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API of this hub</title>
<link rel="icon" href="/static/mark.svg">
<link rel="stylesheet" href="/static/vendor/swagger-ui.css">
<main id="reference"><p>Without scripts, read <a href="/v1/openapi.json">the document</a> itself.</p></main>
<script src="/static/vendor/swagger-ui-bundle.js"></script>
<script src="/static/reference.js"></script>
</html>
"""
_DAY, _HOUR = "public, max-age=86400", "public, max-age=3600"


def routes() -> list[Route]:
    """The page, the script, and the files they need."""
    return [Route(PATH, _page), *(Route(path, _file) for path in _FILES)]


async def _page(request: Request) -> Response:
    headers = {**SECURITY_HEADERS, "Content-Security-Policy": _POLICY, "Cache-Control": _HOUR}
    return HTMLResponse(_PAGE, headers=headers)


async def _file(request: Request) -> Response:
    name = _FILES[request.url.path]
    content = _STATIC.joinpath(name).read_bytes()
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    caching = _HOUR if request.url.path == EMBED else _DAY
    headers = {"Cache-Control": caching, "ETag": tag, "X-Content-Type-Options": "nosniff"}
    if request.url.path == EMBED:
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        if has(request.headers.get("if-none-match"), tag):
            return Response(None, 304, headers)
    return Response(content, 200, headers, media_type(name))
