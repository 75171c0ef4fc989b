"""One server-rendered page: template, language, and the headers that keep it harmless.

Templates are jinja2 with autoescape, one environment per language so that `_()` and `ngettext()` are bound to
it. No page needs a script, a cookie or another host; the policy in the headers says so to the browser.
"""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from jisr_hub.web.language import SOURCE, Language, load_languages, negotiate

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

# Embeddings, overrides and isolates (UAX 9 §2); the plain marks U+200E, U+200F and U+061C do no harm.
_DIRECTION_CONTROLS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])

MEDIA_TYPES = {
    "desk.css": "text/css; charset=utf-8",
    "jisr.css": "text/css; charset=utf-8",
    "mark.svg": "image/svg+xml",
    "four_keys.js": "text/javascript; charset=utf-8",
    "passkey.js": "text/javascript; charset=utf-8",
}


def _undirected(value: Any) -> Any:
    """Take the characters that turn or isolate direction out of whatever a template writes.

    Elements isolate what they hold, but a stray U+2069 inside one ends that, and a title knows no elements.
    """
    return value.translate(_DIRECTION_CONTROLS) if isinstance(value, str) else value


@cache
def _environment(code: str) -> Environment:
    language = load_languages()[code]
    environment = Environment(
        loader=PackageLoader("jisr_hub.web"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_undirected,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    # install_gettext_callables is added by the i18n extension, so jinja2's types do not know it.
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        language.gettext, language.ngettext, newstyle=True
    )
    environment.globals |= {
        "language": language,
        "languages": tuple(load_languages().values()),
        "asset": lambda name: f"/static/{name}?v={_asset(name)[1]}",
    }
    return environment


@cache
def _asset(name: str) -> tuple[bytes, str]:
    """Read a static file once; give its bytes and the short digest that its address carries."""
    content = files("jisr_hub.web").joinpath("static", name).read_bytes()
    return content, sha256(content).hexdigest()[:12]


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


def page(request: Request, language: Language, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """Render a template of this package for a reader; a language asked for by `?lang=` is remembered."""
    kept = {name: value for name, value in request.query_params.items() if name in ("type", "page", "code")}
    context["home"] = "/directory" + query(request)
    context["switch"] = {code: query(request, **kept, lang=code) for code in load_languages()}
    body = _environment(language.code).get_template(template).render(context)
    response = HTMLResponse(body, status, dict(SECURITY_HEADERS))
    response.headers["Content-Language"] = language.code
    response.headers["Vary"] = "Accept-Language, Cookie"
    response.headers["Cache-Control"] = "private, max-age=30" if status == 200 else "no-store"
    if request.query_params.get("lang") == language.code:
        response.set_cookie(COOKIE, language.code, COOKIE_SECONDS, httponly=True, samesite="lax")
    return response


async def _static(request: Request) -> Response:
    content, digest = _asset(request.url.path.rsplit("/", 1)[1])
    lasting = request.query_params.get("v") == digest
    caching = "public, max-age=31536000, immutable" if lasting else "public, max-age=300"
    headers = {**SECURITY_HEADERS, "Cache-Control": caching}
    return Response(content, media_type=MEDIA_TYPES[request.url.path.rsplit("/", 1)[1]], headers=headers)


def static_routes() -> list[Route]:
    """Give the routes of the style sheet and the mark, each with an address that changes with its content."""
    return [Route(f"/static/{name}", _static) for name in MEDIA_TYPES]
