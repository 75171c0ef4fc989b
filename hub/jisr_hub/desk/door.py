"""Who comes in: signing in, confirming, signing out, and choosing a password by a link.

door = Door(accounts, passwords, clock, random_bytes, aside=asyncio.to_thread)
token = await door.sign_in("desk-one", password, network)
visitor = await door.visitor(token)
visitor.check(Right.ADMIT)
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from ..ports import Clock
from . import carrying, limiting, passwords, roles, sessions
from .accounts import LINK_SECONDS, Account, Accounts
from .denied import Denied, Why
from .passwords import Passwords
from .roles import Right
from .sessions import RandomBytes, Session

WAITING_MOST = 8
"""How many may wait for their password to be looked at; one is looked at at a time, since each takes 64 MiB."""
_log = structlog.get_logger()

Aside = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Visitor:
    """Somebody who is signed in, at this moment."""

    account: Account
    session: Session
    fresh: bool

    def check(self, right: Right) -> None:
        """Raise Denied unless they may do this now."""
        roles.check(self.account.role, right, fresh=self.fresh)


class Door:
    """One process's way in; what it remembers stands in `accounts`."""

    def __init__(
        self, accounts: Accounts, passwords: Passwords, clock: Clock, random_bytes: RandomBytes, *, aside: Aside
    ) -> None:
        self.accounts, self.random_bytes = accounts, random_bytes
        self._passwords, self._clock, self._aside = passwords, clock, aside
        self._one = asyncio.Lock()
        self._waiting = 0

    @property
    def now(self) -> int:
        """Seconds since 1970."""
        return int(self._clock().timestamp())

    async def sign_in(self, name: str, password: str, network: str, old: str = "") -> str:
        """Give the token of a new session; `old` is the token the browser had, which ends. Raises Denied."""
        await self._try(name, password, network)
        await self.sign_out(old)
        return await self.begin(name, "password")

    async def come_from_provider(self, subject: str, old: str = "") -> str:
        """The same for who was sent by the provider. Raises Denied (STRANGER)."""
        account = await self.accounts.of_subject(subject)
        if account is None:
            _log.warning("desk.stranger", subject=subject)
            raise Denied(Why.STRANGER, subject)
        held = await self.visitor(old)
        if held is not None and held.account.name == account.name:
            return await self.exchange(held)
        await self.sign_out(old)
        return await self.begin(account.name, "provider")

    async def visitor(self, token: str) -> Visitor | None:
        """Who has this token; None when it is worth nothing (any more)."""
        if not token:
            return None
        found = await self.accounts.session(sessions.hashed(token))
        now = self.now
        if found is None:
            return None
        session, account = found
        if session.is_over(now):
            await self.accounts.end(session.key)
            return None
        if now >= session.seen + sessions.NOTED_SECONDS:
            await self.accounts.seen(session.key, now)
        return Visitor(account, session, session.is_fresh(now))

    async def confirm(self, visitor: Visitor, password: str, network: str) -> str:
        """Give the token that takes the place of the visitor's, and is fresh. Raises Denied."""
        await self._try(visitor.account.name, password, network)
        return await self.exchange(visitor)

    async def sign_out(self, token: str) -> None:
        """End the session of this token, if there is one."""
        if token:
            await self.accounts.end(sessions.hashed(token))
            await carrying.drop(self.accounts, sessions.hashed(token), self.now)

    async def link(self, name: str) -> str:
        """A one-time code with which its holder chooses a password for this account; told once and kept nowhere."""
        code = sessions.new_token(self.random_bytes)
        await self.accounts.keep_link(name, sessions.hashed(code), self.now + LINK_SECONDS)
        return code

    async def choose(self, code: str, password: str, network: str) -> str:
        """Keep the password of whoever has this code; their name. Raises Denied."""
        await self.count(limiting.on_signing_in("", network))
        key = sessions.hashed(code)
        name = await self.accounts.linked(key, self.now)
        if name is None:
            raise Denied(Why.LINK)
        passwords.check(name, password)
        kept = await self._alone(self._passwords.hashed, password)
        if await self.accounts.use_link(key, kept, self.now) is None:
            raise Denied(Why.LINK)
        _log.info("desk.password", account=name)
        return name

    async def begin(self, name: str, by: str) -> str:
        """Give the token of a new session of whoever has shown who they are."""
        token, session = sessions.begin(name, by, self.now, self.random_bytes)
        await self.accounts.begin(session, self.now)
        _log.info("desk.signed_in", account=name, by=by)
        return token

    async def exchange(self, visitor: Visitor) -> str:
        """Give the token that takes the place of a visitor's who has shown again who they are. Raises Denied."""
        token, session = sessions.confirmed(visitor.session, self.now, self.random_bytes)
        if not await self.accounts.exchange(visitor.session.key, session):
            raise Denied(Why.SIGNED_OUT)
        await carrying.follow(self.accounts, visitor.session, session, self.now)
        return token

    async def count(self, limits: tuple[limiting.Limit, ...]) -> None:
        """Count one try. Raises Denied (TOO_MANY)."""
        if not await self.accounts.count(limits, self.now):
            raise Denied(Why.TOO_MANY)

    async def _try(self, name: str, password: str, network: str) -> None:
        """Raise Denied unless this is the password. Every answer takes as long, whether there is such a name or not."""
        limits = limiting.on_signing_in(name, network)
        await self.count(limits)
        kept = await self.accounts.password(name)
        if not await self._alone(self._passwords.fits, kept, password):
            _log.warning("desk.wrong", network=network)
            raise Denied(Why.WRONG)
        await self.accounts.forgive(limits[0], self.now)
        if self._passwords.is_outdated(kept):
            await self.accounts.keep_password(name, await self._alone(self._passwords.hashed, password), end=False)

    async def _alone(self, work: Callable[..., Any], *arguments: str) -> Any:
        if self._waiting >= WAITING_MOST:
            raise Denied(Why.BUSY)
        self._waiting += 1
        try:
            async with self._one:
                return await self._aside(work, *arguments)
        finally:
            self._waiting -= 1
