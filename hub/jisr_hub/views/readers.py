"""Who may read which restricted feed, as the operator has decided, and the tokens that are out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

from jisr_protocol.keys import KeyRing
from jisr_protocol.token import Assertion

LOG_STATE = "log-state"
"""The scope of a token by which a node asks how far this hub holds its own logs."""

MAILBOX = "mailbox"
"""The scope of a token by which a node fetches the messages that wait for it."""

USAGE = "usage"
"""The scope of a token by which a node asks how often its records were used here."""

OWN = frozenset({LOG_STATE, MAILBOX, USAGE})
"""What every admitted node may ask for, about itself."""


@dataclass(frozen=True)
class Reader:
    """Whoever may ask for tokens: its keys, and for what."""

    id: str
    ring: KeyRing
    audiences: frozenset[str]


@dataclass(frozen=True)
class Granted:
    """What a token that is out allows."""

    by: str
    audience: str


class Readers(Protocol):
    """Where readers and tokens are kept."""

    async def reader(self, id: str) -> Reader | None:
        """Whoever may read something here: readers that the operator has added, and admitted nodes their own logs."""
        ...

    async def use(self, said: Assertion, now: int) -> bool:
        """TOK-4: whether this assertion is used for the first time; remembered as long as it could be used again."""
        ...

    async def grant(self, token: str, granted: Granted, expires: int) -> None:
        """Remember a token by its hash."""
        ...

    async def granted(self, token: str, now: int) -> Granted | None:
        """What this token allows; None when it is not one of ours, has expired, or its reader was removed."""
        ...


def hashed(token: str) -> str:
    """How a token is remembered: whoever reads the database cannot use it."""
    return hashlib.sha256(token.encode()).hexdigest()
