"""Accounts, and the port of what keeps them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

import msgspec

from .limiting import Limit
from .roles import Role
from .sessions import Session

NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,38}[a-z0-9])?")
LINK_SECONDS = 3 * 24 * 3600


class Account(msgspec.Struct, frozen=True):
    """Somebody who may sign in. `subject` is who they are at the provider: "" for who signs in with a password."""

    name: str
    role: Role
    made: str
    subject: str = ""


class Pending(msgspec.Struct, frozen=True):
    """A sign-in that is under way at the provider; `key` is the hash of its state and of the browser it began in."""

    key: str
    nonce: str
    verifier: str
    expires: int


class Accounts(Protocol):
    """Each method is durable when it returns, one transaction, and safe beside other processes."""

    async def add(self, account: Account) -> bool:
        """False, and nothing is changed, when the name or the subject has an account."""
        ...

    async def remove(self, name: str) -> bool:
        """Take the account away, its password, passkeys and tokens, and every session; False when there is none."""
        ...

    async def account(self, name: str) -> Account | None: ...

    async def of_subject(self, subject: str) -> Account | None: ...

    async def all(self) -> Sequence[Account]:
        """By name."""
        ...

    async def keep_link(self, name: str, key: str, expires: int) -> None:
        """Let whoever has the link with this hash choose a password, once; an earlier link is worth nothing now."""
        ...

    async def linked(self, key: str, now: int) -> str | None:
        """Whose link this is; None when it is used or too old."""
        ...

    async def use_link(self, key: str, password: str, now: int) -> str | None:
        """Keep this password (its hash) for whose link it is, and end their sessions; None as for `linked`."""
        ...

    async def password(self, name: str) -> str:
        """The hash; "" for none."""
        ...

    async def keep_password(self, name: str, password: str, *, end: bool) -> None:
        """Keep another hash; with `end` every session, passkey and token of theirs ends too, and so does a link."""
        ...

    async def begin(self, session: Session, now: int) -> None:
        """Keep a new session, and forget those that have ended."""
        ...

    async def session(self, key: str) -> tuple[Session, Account] | None: ...

    async def seen(self, key: str, now: int) -> None: ...

    async def exchange(self, old: str, new: Session) -> bool:
        """The new session in the place of the old; False when the old one is gone."""
        ...

    async def end(self, key: str) -> None:
        """Safe to call twice."""
        ...

    async def end_all(self, name: str) -> int:
        """End every session of an account; how many there were."""
        ...

    async def count(self, limits: Sequence[Limit], now: int) -> bool:
        """Count one try towards all of these; False, and nothing is counted, when one of them is used up."""
        ...

    async def forgive(self, limit: Limit, now: int) -> None:
        """Forget what was counted towards this one."""
        ...

    async def wait(self, pending: Pending, now: int) -> None:
        """Keep a sign-in that is under way, and forget those that have expired."""
        ...

    async def pending(self, key: str, now: int) -> Pending | None:
        """What is under way, left where it is."""
        ...

    async def arrive(self, key: str, now: int) -> Pending | None:
        """Take it out again: it comes back once."""
        ...
