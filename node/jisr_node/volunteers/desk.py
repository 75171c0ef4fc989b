"""Who enrolled as a volunteer here: reached by a link that they alone have, gone when they say so or when it is time.

The link holds 160 random bits; the store has their hash alone, so whoever reads it opens nothing. What they wrote of
themselves lies sealed (messages.box): the file alone tells nobody how to reach them. After they have gone a row without
content stays for some days, so that their link still shows which copies were erased.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Protocol

SECRET_BYTES = 20
RECEIPT_DAYS = 30
"""How long the link of somebody who has gone shows what became of the copies."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """One row: the hash of the link, the record, when it ends; `gone` is when it was erased, "" before."""

    key: str
    record: str
    until: str
    gone: str
    sealed: bytes | None


class Volunteers(Protocol):
    """The part of the store that keeps volunteers."""

    def volunteer(self, key: str) -> Enrolled | None: ...
    def volunteers(self) -> list[Enrolled]: ...
    def put_volunteer(self, one: Enrolled) -> None: ...
    def drop_volunteer(self, key: str) -> None: ...


def word_of(random_bytes: bytes) -> str:
    """The word of a link."""
    return base64.b32encode(random_bytes).decode().rstrip("=").lower()


def key_of(word: str) -> str:
    """How a link is known here."""
    return hashlib.sha256(b"jisr-volunteer-1\0" + word.encode()).hexdigest()
