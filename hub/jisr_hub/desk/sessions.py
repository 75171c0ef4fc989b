"""Sessions: a random token that the browser keeps, and what the hub remembers of it under the token's hash.

A token is new at each sign-in and each confirmation, and the old one is worth nothing then: whoever planted or saw a
token before has no part in what follows. A session ends after a time without use, and in any case after a working day.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

import msgspec

IDLE_SECONDS = 30 * 60
LONGEST_SECONDS = 12 * 60 * 60
FRESH_SECONDS = 10 * 60
"""How long a sign-in or a confirmation counts for acts that need one."""
NOTED_SECONDS = 60
"""Use is written down once in this time, not with each page."""
TOKEN_BYTES = 32

RandomBytes = Callable[[int], bytes]


class Session(msgspec.Struct, frozen=True):
    """What is kept of a session; times are seconds since 1970. `by` is "password" or "provider"."""

    key: str
    account: str
    by: str
    made: int
    seen: int
    confirmed: int

    def is_over(self, now: int) -> bool:
        """Whether it has ended by itself. A clock that ran backwards ends nothing early."""
        return now >= self.seen + IDLE_SECONDS or now >= self.made + LONGEST_SECONDS

    def is_fresh(self, now: int) -> bool:
        """Whether the person has just shown who they are."""
        return now < self.confirmed + FRESH_SECONDS


def begin(account: str, by: str, now: int, random_bytes: RandomBytes) -> tuple[str, Session]:
    """A new session: its token, which is told once and kept nowhere, and what is kept."""
    token = new_token(random_bytes)
    return token, Session(hashed(token), account, by, now, now, now)


def confirmed(old: Session, now: int, random_bytes: RandomBytes) -> tuple[str, Session]:
    """The same session under a new token, fresh again. Its longest time goes on from where it began."""
    token = new_token(random_bytes)
    return token, msgspec.structs.replace(old, key=hashed(token), seen=now, confirmed=now)


def new_token(random_bytes: RandomBytes) -> str:
    """256 random bits, as they may stand in a cookie or an address."""
    return base64.urlsafe_b64encode(random_bytes(TOKEN_BYTES)).decode().rstrip("=")


def hashed(token: str) -> str:
    """What is kept of a token: whoever reads the database cannot use it."""
    return hashlib.sha256(b"jisr-desk-1\x00" + token.encode("utf-8", "surrogatepass")).hexdigest()
