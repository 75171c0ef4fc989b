"""The desk's pages about passkeys: one's own, adding one, signing in and confirming with one.

These are the only pages with a script: static/passkey.js, which hands what the form carries to the browser and sends
the form with what came back.
"""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from ...desk.acts import Acts
from ...desk.denied import Denied, Why
from ...desk.door import Visitor
from ...desk.passkeys import LABEL_CHARACTERS, Ceremonies
from ...desk.roles import Right
from .acts import noted
from .confirmed import PAGE as CARRIED
from .rim import Endpoint, Rim, Way, form_of

SIGN_IN = "/desk/passkey"
CONFIRM = "/desk/confirm/passkey"
LIST = "/desk/passkeys"
ADD = "/desk/passkeys/add"
REMOVE = "/desk/passkeys/remove"


class PasskeyPages:
    """Each method is an endpoint behind the rim."""

    def __init__(self, rim: Rim, ceremonies: Ceremonies, acts: Acts | None = None) -> None:
        self._rim, self._ceremonies, self._acts = rim, ceremonies, acts

    def ways(self) -> dict[Way, Endpoint]:
        """One's own are for everybody who is signed in; adding and removing for who was there just now."""
        return {
            Way("GET", SIGN_IN, None, script=True): self.sign_in_page,
            Way("POST", SIGN_IN, None): self.sign_in,
            Way("GET", CONFIRM, Right.LOOK, script=True): self.confirm_page,
            Way("POST", CONFIRM, Right.LOOK): self.confirm,
            Way("GET", LIST, Right.LOOK): self.listed,
            Way("GET", ADD, Right.LOOK, fresh=True, script=True): self.add_page,
            Way("POST", ADD, Right.LOOK, fresh=True): self.add,
            Way("POST", REMOVE, Right.LOOK, fresh=True): self.remove,
        }

    async def sign_in_page(self, request: Request, visitor: Visitor | None) -> Response:
        """Ask for a passkey; only from a page of ours, since it costs a row."""
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise Denied(Why.CROSS_SITE)
        options, browser = await self._ceremonies.to_sign_in(self._rim.network(request))
        shown = self._rim.show(request, "passkey_use.html", None, options=options, action=SIGN_IN, back="/desk/sign-in")
        return self._rim.mark(shown, browser)

    async def sign_in(self, request: Request, visitor: Visitor | None) -> Response:
        """Begin a session, under a token nobody knew before."""
        (credential,) = await form_of(request, "credential")
        token = await self._ceremonies.sign_in(credential, self._rim.marked(request), self._rim.token(request))
        return self._rim.mark(self._rim.go("/desk", token), "")

    async def confirm_page(self, request: Request, visitor: Visitor | None) -> Response:
        """Ask for one of the visitor's passkeys."""
        options = await self._ceremonies.to_confirm(_sure(visitor))
        back = "/desk/confirm"
        return self._rim.show(request, "passkey_use.html", visitor, options=options, action=CONFIRM, back=back)

    async def confirm(self, request: Request, visitor: Visitor | None) -> Response:
        """Go on under a new token that is fresh."""
        (credential,) = await form_of(request, "credential")
        return self._rim.go(CARRIED, await self._ceremonies.confirm(_sure(visitor), credential))

    async def listed(self, request: Request, visitor: Visitor | None) -> Response:
        """One's own passkeys."""
        held = await self._ceremonies.kept.of(_sure(visitor).account.name)
        rows = [(one, _moment(one.made), _moment(one.used), _moment(one.copied)) for one in held]
        may_add = self._ceremonies.possible and not _sure(visitor).account.subject
        return self._rim.show(request, "passkeys.html", visitor, passkeys=rows, may_add=may_add)

    async def add_page(self, request: Request, visitor: Visitor | None) -> Response:
        """Ask for a name, and for the device to make a key."""
        options = await self._ceremonies.to_add(_sure(visitor))
        return self._rim.show(request, "passkey_add.html", visitor, options=options, longest=LABEL_CHARACTERS)

    async def add(self, request: Request, visitor: Visitor | None) -> Response:
        """Keep the key that was made."""
        label, credential = await form_of(request, "label", "credential")

        async def added() -> str:
            return (await self._ceremonies.add(_sure(visitor), label, credential)).id

        await noted(self._acts, visitor, "passkey_add", added, label=label.strip()[:LABEL_CHARACTERS])
        return self._rim.go(LIST)

    async def remove(self, request: Request, visitor: Visitor | None) -> Response:
        """Take one of one's own away; safe when it is gone."""
        (passkey,) = await form_of(request, "id")
        name = _sure(visitor).account.name
        held = {one.id: one.label for one in await self._ceremonies.kept.of(name)}
        if passkey in held:

            async def removed() -> str:
                await self._ceremonies.kept.remove(name, passkey)
                return passkey

            await noted(self._acts, visitor, "passkey_remove", removed, label=held[passkey])
        return self._rim.go(LIST)


def _sure(visitor: Visitor | None) -> Visitor:
    if visitor is None:
        raise Denied(Why.SIGNED_OUT)
    return visitor


def _moment(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
