"""How often somebody may try to sign in, counted in the database: a restart or a second process forgives nothing.

Counted before the password is looked at, so that many tries at once get no further than one after the other.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

TRIES = 10
"""Of one name from one network, in a quarter of an hour."""
OF_NETWORK = 50
"""In a quarter of an hour."""
OF_NAME = 100
"""In an hour, from everywhere."""
IN_ALL = 2000
"""In an hour: what passwords may cost this machine."""


@dataclass(frozen=True)
class Limit:
    """At most so many in each stretch of so many seconds."""

    key: str
    most: int
    seconds: int

    def window(self, now: int) -> int:
        """When the stretch began that `now` lies in; seconds since 1970."""
        return now - now % self.seconds


def on_signing_in(name: str, network: str) -> tuple[Limit, ...]:
    """What one try counts towards, the narrowest first.

    The first keeps a guesser in one network slow and leaves the owner of the name, who is elsewhere, alone; the third
    bounds guessing from many networks, at the price that it can keep the owner out for the rest of an hour.
    """
    return (
        Limit(_key("name and network", name, network), TRIES, 15 * 60),
        Limit(_key("network", network), OF_NETWORK, 15 * 60),
        Limit(_key("name", name), OF_NAME, 60 * 60),
        Limit(_key("all"), IN_ALL, 60 * 60),
    )


def on_passkey(network: str) -> tuple[Limit, ...]:
    """What beginning to sign in with a passkey counts towards: nothing is guessed, but each costs a row."""
    return (Limit(_key("passkey", network), OF_NETWORK, 15 * 60), Limit(_key("passkeys"), IN_ALL, 60 * 60))


def on_token(network: str) -> tuple[Limit, ...]:
    """What a token that is none counts towards. Nobody guesses 256 bits: this keeps a wrong program quiet."""
    return (Limit(_key("token", network), OF_NETWORK, 15 * 60),)


def _key(*parts: str) -> str:
    """By its hash: people type their password into the wrong field."""
    return hashlib.sha256("\x00".join(("jisr-desk-try", *parts)).encode("utf-8", "surrogatepass")).hexdigest()
