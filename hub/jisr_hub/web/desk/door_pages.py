"""Signing in and out, choosing a password, and confirming that it is still the same person."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ...desk.denied import Denied, Why
from ...desk.door import Visitor
from ...desk.passkeys import Ceremonies
from ...desk.roles import Right
from ..oidc import Provider
from . import passkeys
from .confirmed import PAGE as CARRIED
from .rim import Endpoint, Rim, Way, form_of

PROVIDER = "/desk/provider"
BACK = "/desk/provider/back"


class DoorPages:
    """The pages before the desk."""

    def __init__(self, rim: Rim, provider: Provider | None, ceremonies: Ceremonies | None) -> None:
        self.rim, self._provider, self._ceremonies = rim, provider, ceremonies

    def ways(self) -> dict[Way, Endpoint]:
        """None is open to all."""
        return {
            Way("GET", "/desk/sign-in", None): self.sign_in_page,
            Way("POST", "/desk/sign-in", None): self.sign_in,
            Way("POST", "/desk/sign-out", None): self.sign_out,
            Way("GET", "/desk/password", None): self.password_page,
            Way("POST", "/desk/password", None): self.password,
            Way("GET", PROVIDER, None): self.to_provider,
            Way("GET", BACK, None): self.from_provider,
            Way("GET", "/desk/confirm", Right.LOOK): self.confirm_page,
            Way("POST", "/desk/confirm", Right.LOOK): self.confirm,
        }

    @property
    def _shared(self) -> dict[str, Any]:
        passkey = passkeys.SIGN_IN if self._ceremonies is not None and self._ceremonies.possible else ""
        return {"provider": PROVIDER if self._provider is not None else "", "passkey": passkey}

    async def _ways_to_confirm(self, visitor: Visitor | None) -> dict[str, Any]:
        if visitor is None or self._ceremonies is None:
            return self._shared
        held = await self._ceremonies.kept.of(visitor.account.name)
        return {**self._shared, "passkey": passkeys.CONFIRM if held else ""}

    async def sign_in_page(self, request: Request, visitor: Visitor | None) -> Response:
        """Ask for name and password; who is in already goes on."""
        chosen = request.query_params.get("chosen") == "1"
        return (
            self.rim.go("/desk")
            if visitor
            else self.rim.show(request, "sign_in.html", None, chosen=chosen, name="", **self._shared)
        )

    async def sign_in(self, request: Request, visitor: Visitor | None) -> Response:
        """Begin a session, under a token nobody knew before."""
        name, password = await form_of(request, "name", "password")
        name = name.strip().lower()
        try:
            token = await self.rim.door.sign_in(name, password, self.rim.network(request), self.rim.token(request))
        except Denied as denied:
            return self.rim.refused(request, denied, None, "sign_in.html", chosen=False, name=name[:40], **self._shared)
        return self.rim.go("/desk", token)

    async def sign_out(self, request: Request, visitor: Visitor | None) -> Response:
        """End the session; safe without one."""
        await self.rim.door.sign_out(self.rim.token(request))
        return self.rim.go("/desk/sign-in", "")

    async def password_page(self, request: Request, visitor: Visitor | None) -> Response:
        """Ask whoever has a link for their password. Looking uses nothing up: mail programs look too."""
        return self.rim.show(request, "password.html", None, code=request.query_params.get("code", "")[:100])

    async def password(self, request: Request, visitor: Visitor | None) -> Response:
        """Keep the password that was chosen."""
        code, password = await form_of(request, "code", "password")
        try:
            await self.rim.door.choose(code, password, self.rim.network(request))
        except Denied as denied:
            return self.rim.refused(request, denied, None, "password.html", code=code[:100])
        return self.rim.go("/desk/sign-in?chosen=1")

    async def to_provider(self, request: Request, visitor: Visitor | None) -> Response:
        """Send somebody to the provider; only from a page of ours, so that nobody is signed in unasked."""
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise Denied(Why.CROSS_SITE)
        if self._provider is None:
            return self.rim.go("/desk/sign-in")
        where, token = await self._provider.start(self.rim.door.accounts, self.rim.door.now)
        return self.rim.mark(self.rim.go(where), token)

    async def from_provider(self, request: Request, visitor: Visitor | None) -> Response:
        """Let in whom the provider sent back; who was in already has confirmed, and finds what was typed before."""
        if self._provider is None:
            return self.rim.go("/desk/sign-in")
        said = dict(request.query_params)
        accounts, now = self.rim.door.accounts, self.rim.door.now
        subject = await self._provider.finish(accounts, said, self.rim.marked(request), now)
        token = await self.rim.door.come_from_provider(subject, self.rim.token(request))
        return self.rim.mark(self.rim.go(CARRIED if visitor is not None else "/desk", token), "")

    async def confirm_page(self, request: Request, visitor: Visitor | None) -> Response:
        """Ask for the password once more."""
        return self.rim.show(request, "confirm.html", visitor, **await self._ways_to_confirm(visitor))

    async def confirm(self, request: Request, visitor: Visitor | None) -> Response:
        """Go on under a new token that is fresh."""
        (password,) = await form_of(request, "password")
        if visitor is None:
            raise Denied(Why.SIGNED_OUT)
        try:
            token = await self.rim.door.confirm(visitor, password, self.rim.network(request))
        except Denied as denied:
            shown = await self._ways_to_confirm(visitor)
            return self.rim.refused(request, denied, visitor, "confirm.html", **shown)
        return self.rim.go(CARRIED, token)
