"""API tokens: what a program shows to act for somebody, until a day, and never for more than they may do themselves.

tokens = Tokens(kept, door)
token, written = await tokens.make(account, "export", {Right.LOOK}, days=90)     # shown once
bearer = await tokens.bearer(written)
bearer.check(Right.LOOK)

Only a person makes a token, who has just shown who they are: a token makes none. What a token may do is what its scopes
say and what its account may at that moment. It is kept by its hash.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from . import limiting, roles, sessions
from .accounts import Account
from .denied import Denied, Why
from .door import Door
from .roles import CONFIRMED, CONFIRMED_DAYS, RIGHTS, Right

PREFIX = "jisr_desk_"
"""By this a token is found where it should not lie."""
DAYS = 365
MOST = 20
"""Tokens of one account that have not ended."""
LABEL_CHARACTERS = 60
NOTED_SECONDS = 60
"""Use is written down once in this time."""


class Token(msgspec.Struct, frozen=True):
    """What is kept of a token. `key` is its hash, `id` names it where it is listed; times are seconds since 1970."""

    key: str
    id: str
    account: str
    label: str
    rights: frozenset[Right]
    made: int
    expires: int
    used: int = 0


class KeptTokens(Protocol):
    """Each method is durable when it returns, one transaction, and safe beside other processes."""

    async def add(self, token: Token, most: int) -> bool:
        """Keep it, and forget those that had ended when it was made; False when the account has `most` or is gone."""
        ...

    async def of(self, account: str) -> Sequence[Token]:
        """The oldest first; of everybody for ""."""
        ...

    async def get(self, key: str) -> tuple[Token, Account] | None: ...

    async def used(self, key: str, now: int) -> None: ...

    async def revoke(self, id: str, account: str) -> bool:
        """False when this account ("" for any) has no such token."""
        ...


@dataclass(frozen=True)
class Bearer:
    """Who came with a token, at this moment."""

    account: Account
    token: Token

    @property
    def rights(self) -> frozenset[Right]:
        """What the token may do now."""
        return self.token.rights & RIGHTS[self.account.role]

    def check(self, right: Right) -> None:
        """Raise Denied unless they may do this: whoever made the token has confirmed each scope."""
        roles.check(self.account.role, right, fresh=True)
        if right not in self.token.rights:
            raise Denied(Why.SCOPE)


class Tokens:
    """The tokens of one hub."""

    def __init__(self, kept: KeptTokens, door: Door) -> None:
        self.kept, self._door = kept, door

    async def make(self, account: Account, label: str, rights: Iterable[Right], days: int) -> tuple[Token, str]:
        """Make a token for an account: what is kept of it, and itself, told once. Raises Denied; then none is made."""
        label, scopes, now = label.strip(), frozenset(rights), self._door.now
        if not 0 < len(label) <= LABEL_CHARACTERS or not label.isprintable():
            raise Denied(Why.LABEL)
        if not scopes or not scopes <= RIGHTS[account.role]:
            raise Denied(Why.SCOPES)
        if not 1 <= days <= (CONFIRMED_DAYS if scopes & CONFIRMED else DAYS):
            raise Denied(Why.DAYS)
        written = PREFIX + sessions.new_token(self._door.random_bytes)
        token = Token(
            sessions.hashed(written),
            self._door.random_bytes(6).hex(),
            account.name,
            label,
            scopes,
            now,
            now + days * 86_400,
        )
        if not await self.kept.add(token, MOST):
            raise Denied(Why.MANY_TOKENS)
        return token, written

    async def bearer(self, written: str, network: str) -> Bearer:
        """Who has this token. Raises Denied: TOKEN, or TOO_MANY after many that were none."""
        found = await self.kept.get(sessions.hashed(written)) if written.startswith(PREFIX) else None
        now = self._door.now
        if found is None or found[0].expires <= now:
            await self._door.count(limiting.on_token(network))
            raise Denied(Why.TOKEN)
        token, account = found
        if now >= token.used + NOTED_SECONDS:
            await self.kept.used(token.key, now)
        return Bearer(account, token)

    async def revoke(self, id: str, account: str) -> bool:
        """End a token of this account ("" for any); False when there is none."""
        return await self.kept.revoke(id, account)
