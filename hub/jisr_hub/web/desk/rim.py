"""The desk's rim: cookies, who asks, whether the request comes from our own page, and every refusal as a page.

Each room of pages says in its `ways()` what right each of its addresses needs; the routes are made of it, so none is
open by oversight.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from jisr_protocol.pages.language import N_
from jisr_protocol.refusal import Refusal

from ...authority.admissions import network_of
from ...desk import carrying
from ...desk.bench import CannotAct
from ...desk.denied import Denied, Why
from ...desk.door import Door, Visitor
from ...desk.roles import Right
from ..api import body
from ..page import page, reader_language

FORM_BYTES = 16 * 1024
FIELDS = 32
MARK_SECONDS = 600
HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        ),
        "Cache-Control": "no-store",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
)
SCRIPTED = HEADERS["Content-Security-Policy"] + "; script-src 'self'"
"""The policy of the few pages that a browser can show only by a script of ours."""
WORDS: Mapping[Why, str] = MappingProxyType(
    {
        Why.SIGNED_OUT: N_("You are not signed in, or it was too long ago."),
        Why.ROLE: N_("Your role here does not allow this."),
        Why.CONFIRM: N_("Confirm first that it is you."),
        Why.CROSS_SITE: N_("This request came from another website, so it was not carried out."),
        Why.WRONG: N_("This name and password do not belong together."),
        Why.TOO_MANY: N_("There were too many tries. Wait a quarter of an hour."),
        Why.BUSY: N_("Many people sign in at this moment. Try again in a minute."),
        Why.LINK: N_("This link is used up, too old, or not complete."),
        Why.SHORT: N_("A password here has at least 15 characters. Four words that do not belong together are good."),
        Why.LONG: N_("This password is too long."),
        Why.IS_NAME: N_("The password must not contain the name."),
        Why.PROVIDER: N_("The sign-in at your provider did not succeed."),
        Why.STRANGER: N_("Your provider knows you, but this hub has no account for you."),
        Why.PASSKEY: N_("This passkey was not accepted. Try once more, or give your password."),
        Why.COPIED: N_(
            "There may be a copy of this passkey, so it opens nothing any more. Give your password, then remove it."
        ),
        Why.PROVIDER_ONLY: N_("You sign in at your provider, so passkeys are kept there."),
        Why.MANY_PASSKEYS: N_("There are as many passkeys as one account can have. Remove one first."),
        Why.LABEL: N_("Expected a name of 1 to 60 letters, digits or other signs."),
        Why.SCOPES: N_("Choose what the token may do, of what you may do yourself."),
        Why.DAYS: N_("Expected 1 to 365 days, and at most 30 with what needs a confirmation."),
        Why.MANY_TOKENS: N_("There are as many tokens as one account can have. Revoke one first."),
        Why.FORM: N_("The form did not arrive whole."),
    }
)
STATUS: Mapping[Why, int] = MappingProxyType(
    {Why.SIGNED_OUT: 401, Why.TOO_MANY: 429, Why.BUSY: 503, Why.SHORT: 422, Why.LONG: 422, Why.IS_NAME: 422}
    | {Why.FORM: 400, Why.LINK: 404, Why.LABEL: 422, Why.MANY_PASSKEYS: 409}
    | {Why.SCOPES: 422, Why.DAYS: 422, Why.MANY_TOKENS: 409, Why.TOKEN: 401}
)
"""403 for all others."""
RETRY_SECONDS: Mapping[Why, int] = MappingProxyType({Why.TOO_MANY: 900, Why.BUSY: 60})


@dataclass(frozen=True)
class Way:
    """One address of the desk with one method; `right` is None for what is open to all.

    With `fresh` only for who has just shown who they are, whatever the right; with `script` the page may run ours.
    """

    method: str
    path: str
    right: Right | None
    fresh: bool = False
    script: bool = False


Endpoint = Callable[[Request, Visitor | None], Awaitable[Response]]


class Room(Protocol):
    """Pages that belong together, each a method that is an endpoint behind the rim."""

    def ways(self) -> dict[Way, Endpoint]:
        """Every way in, and what it needs."""
        ...


class Rim:
    """What every page of the desk shares. `address` is where people find this hub."""

    def __init__(self, door: Door, address: str, default_language: str) -> None:
        self.door, self._default = door, default_language
        self._origin = origin_of(address)
        self._secure = address.startswith("https://")
        self.paths: frozenset[str] = frozenset()
        """What there is to look at: a page leads nowhere else."""
        self.forms: dict[str, tuple[Way, Endpoint]] = {}
        """Where forms are sent to, for what is carried over a confirmation."""
        self.cookie = "__Host-jisr_desk" if self._secure else "jisr_desk"

    def route(self, way: Way, endpoint: Endpoint) -> Route:
        """The route of one way, which lets in only who may."""

        async def guarded(request: Request) -> Response:
            visitor: Visitor | None = None
            try:
                visitor = await self.door.visitor(self.token(request))
                if request.method == "POST" and not self._is_ours(request):
                    raise Denied(Why.CROSS_SITE)
                if way.right is not None:
                    if visitor is None:
                        if request.method != "POST":
                            return self.go("/desk/sign-in")
                        raise Denied(Why.SIGNED_OUT)
                    visitor.check(way.right)
                    if way.fresh and not visitor.fresh:
                        raise Denied(Why.CONFIRM)
                answer = self._kept(await endpoint(request, visitor))
                if way.script:
                    answer.headers["Content-Security-Policy"] = SCRIPTED
                return answer
            except Denied as denied:
                kept = denied.why is Why.CONFIRM and await self._keep(request, visitor, way)
                return self.refused(request, denied, visitor, kept=kept)

        if way.method == "POST":
            self.forms[way.path] = way, endpoint
        return Route(way.path, guarded, methods=[way.method], name=f"{way.method} {way.path}")

    def token(self, request: Request) -> str:
        """The token in the browser's cookie; "" without one."""
        return request.cookies.get(self.cookie, "")

    def network(self, request: Request) -> str:
        """The network the request came from."""
        return network_of(request.client.host if request.client is not None else "")

    def show(
        self, request: Request, template: str, visitor: Visitor | None, status: int = 200, **context: Any
    ) -> Response:
        """A page of the desk, in the reader's language."""
        language = reader_language(request, self._default)
        return self._kept(
            page(request, language, f"desk/{template}", status, visitor=visitor, paths=self.paths, **context)
        )

    def go(self, path: str, token: str | None = None) -> Response:
        """Lead on, with a new cookie where there is a token; "" takes the cookie away."""
        response = RedirectResponse(path, 303)
        if token:
            response.set_cookie(self.cookie, token, path="/", secure=self._secure, httponly=True, samesite="lax")
        elif token == "":
            response.delete_cookie(self.cookie, path="/", secure=self._secure, httponly=True, samesite="lax")
        return self._kept(response)

    def mark(self, response: Response, token: str) -> Response:
        """Have the browser keep a token while somebody is at the provider; "" takes it away."""
        age = MARK_SECONDS if token else 0
        flags: dict[str, Any] = {"path": "/", "secure": self._secure, "httponly": True, "samesite": "lax"}
        response.set_cookie(f"{self.cookie}_way", token, max_age=age, **flags)
        return response

    def marked(self, request: Request) -> str:
        """The token that `mark` left."""
        return request.cookies.get(f"{self.cookie}_way", "")

    def refused(
        self, request: Request, denied: Denied, visitor: Visitor | None, template: str = "refused.html", **context: Any
    ) -> Response:
        """A refusal as a page: the sentence, and a way on."""
        _ = reader_language(request, self._default).gettext
        sentence = _(WORDS.get(denied.why, denied.why.value))
        status = STATUS.get(denied.why, 403)
        shown = self.show(request, template, visitor, status, sentence=sentence, why=denied.why.name, **context)
        if denied.why in RETRY_SECONDS:
            shown.headers["Retry-After"] = str(RETRY_SECONDS[denied.why])
        return shown

    def cannot(
        self, request: Request, visitor: Visitor | None, error: Exception, back: str, status: int = 422
    ) -> Response:
        """An act that could not be carried out, as a page: the sentence, in the reader's language where we wrote it."""
        _ = reader_language(request, self._default).gettext
        if isinstance(error, CannotAct):
            sentence = _(error.sentence) % error.values if error.values else _(error.sentence)
        else:
            sentence = str(error)
        return self.show(request, "cannot.html", visitor, status, sentence=sentence, back=back)

    async def _keep(self, request: Request, visitor: Visitor | None, way: Way) -> bool:
        """Keep what was typed while its person confirms who they are; a page of ours sent it."""
        if visitor is None or way.method != "POST" or hasattr(request.state, "carried"):
            return False
        try:
            fields = await fields_of(request, carrying.MOST_BYTES)
        except (Denied, Refusal):
            return False
        door = self.door
        return await carrying.keep(door.accounts, visitor.session, way.path, fields, door.now, door.random_bytes)

    def _is_ours(self, request: Request) -> bool:
        """Whether a page of this hub sent the form: browsers say so, and no page can make them. Old browsers, and all
        on plain http, name the origin only."""
        if (site := request.headers.get("sec-fetch-site")) is not None:
            return site == "same-origin"
        origin = request.headers.get("origin", "")
        return origin == self._origin or origin == f"{request.url.scheme}://{request.headers.get('host', '')}"

    def _kept(self, response: Response) -> Response:
        response.headers.update({"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", **HEADERS})
        return response


def origin_of(address: str) -> str:
    """The origin (RFC 6454) of an address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def may(visitor: Visitor | None, right: Right) -> bool:
    """Whether they may do this now: what is not allowed is not offered."""
    try:
        if visitor is not None:
            visitor.check(right)
    except Denied as denied:
        return denied.why is Why.CONFIRM  # they are asked to confirm when they do it
    return visitor is not None


async def fields_of(request: Request, most_bytes: int = FORM_BYTES) -> list[tuple[str, str]]:
    """The fields of a form, as they came, or as they were carried over a confirmation. Raises Denied (FORM)."""
    for name in ("carried", "fields"):
        if hasattr(request.state, name):
            return list(getattr(request.state, name))
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise Denied(Why.FORM)
    try:
        raw = (await body(request, most_bytes)).decode("ascii")
        request.state.fields = parse_qsl(raw, keep_blank_values=True, max_num_fields=FIELDS, errors="strict")
        return list(request.state.fields)
    except ValueError as error:
        raise Denied(Why.FORM) from error


async def form_of(request: Request, *names: str) -> list[str]:
    """The fields of a form, in this order. Raises Denied (FORM) unless each came once."""
    return chosen(await fields_of(request), *names)


def chosen(fields: Sequence[tuple[str, str]], *names: str) -> list[str]:
    """Of these fields the named ones, in this order. Raises Denied (FORM) unless each came once."""
    found = [[value for key, value in fields if key == name] for name in names]
    if any(len(values) != 1 for values in found):
        raise Denied(Why.FORM)
    return [values[0] for values in found]


async def once_of(request: Request, most_bytes: int = FORM_BYTES) -> dict[str, str]:
    """The fields of a form by their names. Raises Denied (FORM) where one came twice."""
    fields = await fields_of(request, most_bytes)
    if len({name for name, _ in fields}) != len(fields):
        raise Denied(Why.FORM)
    return dict(fields)
