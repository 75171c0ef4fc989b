"""One server-rendered page: template, language, and the headers that keep it harmless.

Templates are jinja2 with autoescape, one environment per language so that `_()` and `ngettext()` are bound to
it. No page needs a script, a cookie or another host; the policy in the headers says so to the browser.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from jisr_hub.web.encoded import smallest, takes_gzip
from jisr_hub.web.language import load_languages
from jisr_protocol.pages.language import SOURCE, Language, negotiate
from jisr_protocol.pages.rendering import Assets, environment, media_type

COOKIE = "jisr_language"
COOKIE_SECONDS = 365 * 24 * 3600

SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'none'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}

KEPT = ("type", "page", "code", "theme", "in", "area")
"""What of a query stays when the language changes."""
VENDOR = ("maplibre-gl-csp.js", "maplibre-gl-csp-worker.js", "maplibre-gl.css", "land.json")
"""What others made and we hand out as it is: static/vendor/vendor.toml says whose, which and under what licence."""
STATIC = (
    *(
        "coverage.css",
        "desk.css",
        "jisr.css",
        "mark.svg",
        "four_keys.js",
        "passkey.js",
        "public.css",
        "public.js",
        "map.js",
    ),
    *("refer.js", "refer.css", "join.js"),
    *(f"vendor/{name}" for name in VENDOR),
)
ROOMS = ("/directory", "/coverage", "/matrix", "/formats", "/docs/api")
"""What every page for the public leads to, where the hub serves it."""
_assets = Assets("jisr_hub.web")


@cache
def _environment(code: str) -> Environment:
    return environment("jisr_hub.web", load_languages()[code], _assets)


def reader_language(request: Request, default: str = SOURCE) -> Language:
    """Choose the language of the reader who sent this request (`?lang=`, cookie, browser, default)."""
    accept = request.headers.get("accept-language")
    return load_languages()[negotiate(request.query_params.get("lang"), request.cookies.get(COOKIE), accept, default)]


def query(request: Request, **changes: str) -> str:
    """Write a query that keeps a chosen language and takes the given members; "" when there are none.

    Links within a page are made of queries alone, so that no path a stranger typed is ever written back.
    """
    asked = request.query_params.get("lang", "")
    members = ({"lang": asked} if asked in load_languages() else {}) | changes
    return "?" + urlencode(members) if members else ""


def serves(request: Request, path: str) -> bool:
    """Whether this hub serves an address, as routes write it: a page leads to no room that is not there."""
    return any(getattr(route, "path", "") == path for route in request.app.routes)


def page(request: Request, language: Language, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """Render a template of this package for a reader; a language asked for by `?lang=` is remembered."""
    kept = {name: value for name, value in request.query_params.items() if name in KEPT}
    context.setdefault("home", "/directory" + query(request))
    context["rooms"] = {path: path + query(request) for path in ROOMS if serves(request, path)}
    context.setdefault("switch", {code: query(request, **kept, lang=code) for code in load_languages()})
    body = _environment(language.code).get_template(template).render(context)
    response = HTMLResponse(body, status, dict(SECURITY_HEADERS))
    response.headers["Content-Language"] = language.code
    response.headers["Vary"] = "Accept-Language, Cookie"
    response.headers["Cache-Control"] = "private, max-age=30" if status == 200 else "no-store"
    if request.query_params.get("lang") == language.code:
        response.set_cookie(COOKIE, language.code, COOKIE_SECONDS, httponly=True, samesite="lax")
    return response


async def _static(request: Request) -> Response:
    name = request.url.path.removeprefix("/static/")
    content, digest = _assets.read(name)
    lasting = request.query_params.get("v") == digest
    caching = "public, max-age=31536000, immutable" if lasting else "public, max-age=300"
    headers = {**SECURITY_HEADERS, "Cache-Control": caching, "Vary": "Accept-Encoding"}
    if takes_gzip(request):
        content, headers["Content-Encoding"] = smallest(content), "gzip"
    return Response(content, media_type=media_type(name), headers=headers)


def static_routes() -> list[Route]:
    """Give the routes of the style sheet and the mark, each with an address that changes with its content."""
    return [Route(f"/static/{name}", _static) for name in STATIC]
