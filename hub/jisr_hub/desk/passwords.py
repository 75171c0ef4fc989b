"""Passwords: which are taken, and how they are kept (argon2id)."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from .denied import Denied, Why

SHORTEST = 15
"""Characters, where a password is all that is asked for (NIST SP 800-63B-4, section 3.1.1.2)."""
LONGEST_BYTES = 1024


@dataclass(frozen=True)
class Cost:
    """What one guess costs: RFC 9106 section 4, the second recommended option."""

    passes: int = 3
    memory_kib: int = 64 * 1024
    lanes: int = 4


COST = Cost()
SALT_BYTES = 16
TAG_BYTES = 32


def check(name: str, password: str) -> None:
    """Raise Denied when this password is not taken for an account of this name."""
    if len(_normal(password)) < SHORTEST:
        raise Denied(Why.SHORT)
    if len(_normal(password).encode("utf-8", "surrogatepass")) > LONGEST_BYTES:
        raise Denied(Why.LONG)
    if name.casefold() in password.casefold():
        raise Denied(Why.IS_NAME)


class Passwords:
    """Makes and tries hashes. Each takes a good part of a second and 64 MiB, so not on the event loop."""

    def __init__(self, random_bytes: Callable[[int], bytes], cost: Cost = COST) -> None:
        self._random = random_bytes
        self._hasher = PasswordHasher(cost.passes, cost.memory_kib, cost.lanes, TAG_BYTES, SALT_BYTES)

    @cached_property
    def _decoy(self) -> str:
        """What is tried where there is nothing to try, so that the answer takes as long."""
        return self.hashed("")

    def hashed(self, password: str) -> str:
        """The hash, with its parameters and a new salt, as the database keeps it."""
        return self._hasher.hash(_raw(password), salt=self._random(SALT_BYTES))

    def fits(self, kept: str, password: str) -> bool:
        """Whether the password is the one kept. Without one ("") it takes as long and is no."""
        try:
            return self._hasher.verify(kept or self._decoy, _raw(password)) and bool(kept)
        except (VerificationError, InvalidHashError):
            return False

    def is_outdated(self, kept: str) -> bool:
        """Whether the hash was made at another cost than today's."""
        return self._hasher.check_needs_rehash(kept)


def _normal(password: str) -> str:
    """Keyboards compose letters in different ways (RFC 8265, OpaqueString)."""
    return unicodedata.normalize("NFC", password)


def _raw(password: str) -> bytes:
    return _normal(password).encode("utf-8", "surrogatepass")[: LONGEST_BYTES + 1]
