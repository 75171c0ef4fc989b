"""The desk's page of API tokens: one's own, making one, revoking one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol.pages.language import N_

from ...desk.acts import Acts
from ...desk.denied import Denied, Why
from ...desk.door import Visitor
from ...desk.roles import CONFIRMED_DAYS, RIGHTS, Right
from ...desk.tokens import DAYS, LABEL_CHARACTERS, Tokens
from .acts import noted
from .rim import Endpoint, Rim, Way, chosen, fields_of, form_of

LIST = "/desk/tokens"
REVOKE = "/desk/tokens/revoke"
RIGHTS_SAID = {
    Right.LOOK: N_("look at everything here"),
    Right.AUDIT: N_("see who signs in and what they did"),
    Right.CURATE: N_("join, separate and correct records"),
    Right.HOLD: N_("hold records back"),
    Right.ADMIT: N_("let nodes in"),
    Right.PEERS: N_("look after other hubs"),
    Right.BLOCK: N_("block"),
    Right.ERASE: N_("erase"),
    Right.KEYS: N_("change keys"),
    Right.REBASE: N_("begin the log anew"),
    Right.ACCOUNTS: N_("look after accounts"),
}


class TokenPages:
    """Each method is an endpoint behind the rim."""

    def __init__(self, rim: Rim, tokens: Tokens, acts: Acts | None = None) -> None:
        self._rim, self._tokens, self._acts = rim, tokens, acts

    def ways(self) -> dict[Way, Endpoint]:
        """One's own are for everybody who is signed in; making one for who was there just now."""
        return {
            Way("GET", LIST, Right.LOOK): self.listed,
            Way("POST", LIST, Right.LOOK, fresh=True): self.make,
            Way("POST", REVOKE, Right.LOOK): self.revoke,
        }

    async def listed(self, request: Request, visitor: Visitor | None) -> Response:
        """One's own tokens, and a form for another."""
        return self._rim.show(request, "tokens.html", visitor, **await self._shown(visitor))

    async def make(self, request: Request, visitor: Visitor | None) -> Response:
        """Make a token and show it, this once."""
        if visitor is None:
            raise Denied(Why.SIGNED_OUT)
        fields = await fields_of(request)
        label, days = chosen(fields, "label", "days")
        try:
            rights = [Right(value) for name, value in fields if name == "scope"]
            if not days.isascii() or not days.isdigit() or len(days) > 4:
                raise Denied(Why.DAYS)
            written = ""

            async def made() -> str:
                nonlocal written
                token, written = await self._tokens.make(visitor.account, label, rights, int(days))
                return token.id

            scopes = sorted(right.value for right in rights)
            await noted(self._acts, visitor, "token_make", made, label=label, scopes=scopes, days=int(days))
        except ValueError as error:
            raise Denied(Why.SCOPES) from error
        except Denied as denied:
            return self._rim.refused(request, denied, visitor, "tokens.html", **await self._shown(visitor))
        return self._rim.show(request, "tokens.html", visitor, **await self._shown(visitor, written))

    async def revoke(self, request: Request, visitor: Visitor | None) -> Response:
        """End one of one's own; safe when it is gone."""
        if visitor is None:
            raise Denied(Why.SIGNED_OUT)
        (token,) = await form_of(request, "id")
        held = {one.id for one in await self._tokens.kept.of(visitor.account.name)}
        if token in held:

            async def ended() -> str:
                await self._tokens.revoke(token, visitor.account.name)
                return token

            await noted(self._acts, visitor, "token_end", ended, token=token)
        return self._rim.go(LIST)

    async def _shown(self, visitor: Visitor | None, written: str = "") -> dict[str, Any]:
        if visitor is None:
            raise Denied(Why.SIGNED_OUT)
        held = await self._tokens.kept.of(visitor.account.name)
        mine = RIGHTS[visitor.account.role]
        return {
            "written": written,
            "tokens": [(one, _said(one.rights), _moment(one.expires), _moment(one.used)) for one in held],
            "scopes": [(right.value, RIGHTS_SAID[right]) for right in Right if right in mine],
            "days": CONFIRMED_DAYS,
            "most_days": DAYS,
            "longest": LABEL_CHARACTERS,
        }


def _said(rights: frozenset[Right]) -> list[str]:
    return [RIGHTS_SAID[right] for right in Right if right in rights]


def _moment(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
