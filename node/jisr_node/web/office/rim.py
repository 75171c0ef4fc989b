"""The rim of the node's pages: who asks, whether the request comes from our own page, the language, every refusal as a
page in a sentence.

Each room says in its `ways()` what each of its addresses needs; the routes are made of it, so none is open by
oversight. A page comes from this computer's own server, so a name that somebody else's DNS gave it is turned away.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, urlencode

from jinja2 import Environment
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from jisr_protocol.pages.language import N_, NAMES, Language, load_language, negotiate
from jisr_protocol.pages.rendering import Assets, environment, media_type

from ...app.lobby import Lobby
from ...app.office import NoNode, Office, Stage
from ...errors import Busy, Contradiction, Declined, HubRefused, HubUnreachable, Mistaken, NodeError, Unwritable
from .room import Endpoint, Nav, Room, Visit, Way

PACKAGE = "jisr_node.web"
FIELDS = 400
LONG_FIELDS = 3000
LANGUAGE_COOKIE = "jisr_language"
COOKIE_SECONDS = 365 * 24 * 3600
SESSION_SECONDS = 90 * 24 * 3600
HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        ),
        "Cache-Control": "no-store",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
)
SCRIPTED = HEADERS["Content-Security-Policy"] + "; script-src 'self'; connect-src 'self'"
"""The policy of pages that are better with a script of ours."""
WHERE: Mapping[Stage, str] = MappingProxyType({Stage.NOTHING: "/begin", Stage.SHEET: "/recovery", Stage.WHOLE: "/"})
"""The page that comes before all others."""

log = logging.getLogger("jisr_node")
_assets = Assets(PACKAGE)


class Why(Enum):
    """Why a page is not shown or a form is not taken."""

    SIGNED_OUT = N_("These pages are closed to this browser. Open them with a link.")
    CROSS_SITE = N_("This request came from another website, so it was not carried out.")
    LINK = N_("This link is used up, too old, or not complete.")
    FORM = N_("The form did not arrive whole.")
    LARGE = N_("This is larger than can be taken at once.")
    NOWHERE = N_("There is no page at this address.")
    METHOD = N_("This page cannot be used in this way.")
    BROKEN = N_("Something went wrong in this program. It is noted, and what was kept before is safe.")


STATUS: Mapping[Why, int] = MappingProxyType(
    {Why.SIGNED_OUT: 401, Why.CROSS_SITE: 403, Why.LINK: 404, Why.FORM: 400, Why.LARGE: 413, Why.NOWHERE: 404}
    | {Why.METHOD: 405, Why.BROKEN: 503}
)
NEXT: Mapping[Why, str] = MappingProxyType(
    {
        Why.SIGNED_OUT: N_("Start Jisr again on this computer, or ask for a new link where your node is kept."),
        Why.LINK: N_("Start Jisr again on this computer, or ask for a new link where your node is kept."),
        Why.FORM: N_("Nothing was changed. Go back and send it once more."),
        Why.LARGE: N_("Nothing was changed. Send it in parts."),
    }
)
"""What to do next, where there is more than the way home."""

# the first that fits is said
_SAID: tuple[tuple[type[NodeError], str], ...] = (
    (Busy, N_("Another program is writing in this node at the moment. Nothing was changed. Try again in a minute.")),
    (Unwritable, N_("The disk is full or may not be written. Nothing of this was kept; all from before is safe.")),
    (
        Contradiction,
        N_("A hub holds another history than this node. Nothing was signed. Ask who helps you."),
    ),
    (HubUnreachable, N_("The hub did not answer. Nothing is lost; it is tried again by itself.")),
    (HubRefused, N_("The hub said no. Nothing is lost.")),
    (Mistaken, N_("This does not fit. Nothing was changed.")),
    (Declined, N_("The node did not do this, to keep something safe.")),
)


class Denied(Exception):
    """Raised where a request is turned away."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


class Rim:
    """What every page of the node shares."""

    def __init__(self, lobby: Lobby, *, hosts: Sequence[str], secure: bool = False, cookie: str = "jisr_node") -> None:
        """`hosts` are the values of Host that are answered; with `secure` cookies go over https only."""
        self.lobby, self._hosts, self._secure = lobby, frozenset(hosts), secure
        self.cookie = f"__Host-{cookie}" if secure else cookie
        self.rooms: tuple[Room, ...] = ()
        self.paths: frozenset[str] = frozenset()
        """What there is to look at: a page leads nowhere else."""

    def furnish(self, rooms: Sequence[Room]) -> list[Route]:
        """The routes of all rooms."""
        self.rooms = tuple(rooms)
        ways = [pair for room in rooms for pair in room.ways().items()]
        self.paths = frozenset(way.path for way, _ in ways)
        return [*(self.route(way, endpoint) for way, endpoint in ways), Route("/static/{name}", static)]

    @property
    def navs(self) -> list[Nav]:
        """The lines of the navigation, in order."""
        return sorted((room.nav for room in self.rooms if room.nav), key=lambda nav: (nav.order, nav.path))

    def route(self, way: Way, endpoint: Endpoint) -> Route:
        """The route of one way, which lets in only who may."""

        async def guarded(request: Request) -> Response:
            if request.headers.get("host", "") not in self._hosts:
                return self._kept(PlainTextResponse("This is not the address of these pages.\n", 421))
            visit: Visit | None = None
            try:
                visit = await self._visit(request)
                if request.method == "POST" and not self._is_ours(request):
                    raise Denied(Why.CROSS_SITE)
                if visit is None and not way.open_:
                    raise Denied(Why.SIGNED_OUT)
                if visit is not None and not way.open_ and (away := await self._away(way, visit.office)):
                    return self.go(away)
                request.state.most_bytes = way.most_bytes
                answer = await endpoint(request, visit or _stranger(request))
                return self._kept(answer, SCRIPTED if way.script else None)
            except Denied as denied:
                return self.refused(request, denied.why, visit)
            except (NodeError, OSError) as error:
                return self.cannot(request, visit, error)
            except ClientDisconnect:
                return Response(status_code=400)
            # a fault of ours, of whatever kind: it is logged whole, and the person reads that nothing was lost
            except Exception:
                log.exception("a page failed: %s %s", request.method, way.path)
                return self.refused(request, Why.BROKEN, visit)

        return Route(way.path, guarded, methods=[way.method], name=f"{way.method} {way.path}")

    async def nowhere(self, request: Request, error: Exception) -> Response:
        """What starlette itself turns away, as a page."""
        status = error.status_code if isinstance(error, HTTPException) else 404
        return self.refused(request, Why.METHOD if status == 405 else Why.NOWHERE, None)

    async def _visit(self, request: Request) -> Visit | None:
        session = request.cookies.get(self.cookie, "")
        office = self.lobby.office(session) if session else None
        return Visit(office, reader_language(request), session) if office is not None else None

    async def _away(self, way: Way, office: Office) -> str | None:
        """The page that must come first; None for what may be shown now."""
        stage = await office.stage()
        return WHERE[stage] if stage is not way.stage else None

    def show(self, request: Request, template: str, visit: Visit | None, status: int = 200, **context: Any) -> Response:
        """A page in the reader's language."""
        language = visit.language if visit is not None else reader_language(request)
        inside = visit is not None and bool(visit.session)
        kept = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"][:20]
        body = (
            _environment(language.code)
            .get_template(f"office/{template}")
            .render(
                home="/",
                switch={code: "?" + urlencode([*kept, ("lang", code)]) for code in NAMES},
                navs=self.navs if inside else [],
                here=request.url.path,
                paths=self.paths,
                **context,
            )
        )
        response = HTMLResponse(body, status, {"Content-Language": language.code, "Vary": "Accept-Language, Cookie"})
        if request.query_params.get("lang") == language.code:
            response.set_cookie(
                LANGUAGE_COOKIE, language.code, COOKIE_SECONDS, httponly=True, samesite="lax", secure=self._secure
            )
        return self._kept(response)

    def go(self, path: str, session: str | None = None) -> Response:
        """Lead on, with a new cookie where there is a session; "" takes the cookie away."""
        response = RedirectResponse(path, 303)
        if session:
            flags: dict[str, Any] = {"secure": self._secure, "httponly": True, "samesite": "lax"}
            response.set_cookie(self.cookie, session, SESSION_SECONDS, path="/", **flags)
        elif session == "":
            response.delete_cookie(self.cookie, path="/", secure=self._secure, httponly=True, samesite="lax")
        return self._kept(response)

    def refused(self, request: Request, why: Why, visit: Visit | None) -> Response:
        """A refusal as a page: the sentence, and a way on."""
        return self.show(
            request, "refused.html", visit, STATUS[why], sentence=why.value, next_=NEXT.get(why, ""), detail=""
        )

    def cannot(self, request: Request, visit: Visit | None, error: Exception) -> Response:
        """What could not be done, as a page: a sentence in the reader's language, and what the program says of it."""
        if isinstance(error, NoNode):
            return self.go(WHERE[Stage.NOTHING])
        if isinstance(error, OSError):
            error = Unwritable(error.strerror or type(error).__name__)
        sentence = next((words for kind, words in _SAID if isinstance(error, kind)), Why.BROKEN.value)
        return self.show(request, "refused.html", visit, 409, sentence=sentence, next_="", detail=str(error))

    def _is_ours(self, request: Request) -> bool:
        """Whether a page of this node sent the form: browsers say so, and no page can make them. Old browsers name the
        origin only."""
        if (site := request.headers.get("sec-fetch-site")) is not None:
            return site == "same-origin"
        scheme = "https" if self._secure else "http"
        return request.headers.get("origin", "") == f"{scheme}://{request.headers.get('host', '')}"

    def _kept(self, response: Response, policy: str | None = None) -> Response:
        response.headers.update(HEADERS)
        if policy is not None:
            response.headers["Content-Security-Policy"] = policy
        return response


def reader_language(request: Request) -> Language:
    """Choose the language of the reader who sent this request (`?lang=`, cookie, browser)."""
    accept = request.headers.get("accept-language")
    code = negotiate(request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE), accept)
    return load_language(code, PACKAGE)


async def static(request: Request) -> Response:
    """A static file; its address changes with its content."""
    try:
        name = request.path_params["name"]
        content, digest = _assets.read(name)
        kind = media_type(name)
    except (OSError, KeyError, ValueError):
        raise HTTPException(404) from None
    lasting = request.query_params.get("v") == digest
    caching = "public, max-age=31536000, immutable" if lasting else "public, max-age=300"
    return Response(content, media_type=kind, headers={**HEADERS, "Cache-Control": caching})


async def body_of(request: Request) -> bytes:
    """The body, at most as large as its way allows. Raises Denied (LARGE)."""
    received = bytearray()
    async for piece in request.stream():
        received += piece
        if len(received) > request.state.most_bytes:
            raise Denied(Why.LARGE)
    return bytes(received)


async def fields_of(request: Request, *, most: int = FIELDS) -> list[tuple[str, str]]:
    """The fields of a form, as they came. Raises Denied (FORM, LARGE)."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise Denied(Why.FORM)
    try:
        raw = (await body_of(request)).decode("ascii")
        return parse_qsl(raw, keep_blank_values=True, max_num_fields=most, errors="strict")
    except ValueError as error:
        raise Denied(Why.FORM) from error


async def long_form(request: Request) -> list[tuple[str, str]]:
    """The fields of a form that may be long, each once. Raises Denied (FORM, LARGE)."""
    fields = await fields_of(request, most=LONG_FIELDS)
    if len(dict(fields)) != len(fields):
        raise Denied(Why.FORM)
    return fields


async def once_of(request: Request) -> dict[str, str]:
    """The fields of a form by their names. Raises Denied (FORM) where one came twice."""
    fields = await fields_of(request)
    if len({name for name, _ in fields}) != len(fields):
        raise Denied(Why.FORM)
    return dict(fields)


@cache
def _environment(code: str) -> Environment:
    return environment(PACKAGE, load_language(code, PACKAGE), _assets)


def _stranger(request: Request) -> Visit:
    """Who has no session yet, on a page that is open to all."""
    return Visit(_NOBODY, reader_language(request))


_NOBODY: Any = None
"""There is no node behind a visit without a session."""
