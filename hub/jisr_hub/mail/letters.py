"""A letter and its way, who agreed to get letters, and the port of what is kept of both.

A letter is named by its cause, so nothing is written twice for one. Its text is made when it is sent: what is kept
holds no words of a record, and no link that would work for whoever reads a backup.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

WAITING, SENT, REFUSED, GIVEN_UP, WITHDRAWN = "waiting", "sent", "refused", "given up", "withdrawn"
UNDELIVERED = (REFUSED, GIVEN_UP)
DIGEST, BROKEN, STILL_CORRECT, REPORTED = "digest", "broken", "still correct", "reported"
HUB = ""
"""The node of letters to the hub's own people."""
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)


class NoAddress(ValueError):
    """What came is no mail address that a letter can go to."""


class Correspondent(msgspec.Struct, frozen=True):
    """Somebody who agreed to be written to about a node, or as one of the hub's own people.

    `agreed` is when (an instant), `how` in the operator's words, `ended` when they wanted no more, "" before.
    """

    address: str
    node: str
    lang: str
    agreed: str
    how: str
    ended: str = ""


class Letter(msgspec.Struct, frozen=True):
    """A letter in the queue. `about` are facts for its text, `due` seconds since 1970, `said` the server's last answer,
    `at` when it came to its state."""

    cause: str
    address: str
    node: str
    kind: str
    about: Mapping[str, Any]
    made: str
    state: str = WAITING
    tries: int = 0
    due: int = 0
    said: str = ""
    at: str = ""


class Link(msgspec.Struct, frozen=True):
    """What a link in a letter leads to. `key` is the hash of its word; `expires` in seconds, 0 for never."""

    key: str
    purpose: str
    address: str
    about: Mapping[str, Any]
    expires: int


class Postbox(Protocol):
    """Letters, consent and links, in the ledger's database. Everything is durable when it returns."""

    async def agree(self, one: Correspondent) -> None:
        """Keep that somebody agreed; anew, when they had ended it."""
        ...

    async def end(self, address: str, at: str) -> bool:
        """Write to this address no more, and withdraw what waits; False when nobody there had agreed."""
        ...

    async def forget(self, address: str) -> bool:
        """Leave nothing of an address here: consent, letters, links."""
        ...

    async def correspondents(self, node: str | None = None) -> Sequence[Correspondent]:
        """Who agreed and has not ended it; all, or those of a node."""
        ...

    async def put(self, letter: Letter) -> bool:
        """Put a letter into the queue; False when there is one of this cause, whatever became of it."""
        ...

    async def claim(self, now: int, until: int) -> Letter | None:
        """The next letter that is due, with one more try, not due again before `until`; None when there is none. No two
        processes get the same one."""
        ...

    async def settle(self, cause: str, state: str, due: int, said: str, at: str) -> None: ...

    async def letters(self, most: int) -> Sequence[Letter]:
        """The newest first."""
        ...

    async def retry(self, cause: str, due: int) -> bool:
        """Have a letter wait again that was refused or given up; False when there is none such."""
        ...

    async def keep_link(self, link: Link) -> None: ...

    async def link(self, key: str, now: int) -> Link | None:
        """What a link leads to; None when it is unknown or too old."""
        ...


def address_of(text: str) -> str:
    """A mail address, its domain in small letters. Raises NoAddress: nothing that could end a header or name two."""
    said = text.strip()
    if len(said) > 254 or not _ADDRESS.fullmatch(said):
        raise NoAddress(said[:80])
    local, _, domain = said.rpartition("@")
    return f"{local}@{domain.lower()}"


def name_of(address: str) -> str:
    """How the audit log names somebody: by a part of a hash. An address can be forgotten, the log cannot."""
    return hashlib.sha256(address.encode()).hexdigest()[:16]


def letter_name(letter: Letter) -> str:
    """How a letter is named at the desk and in the audit log: its cause holds an address."""
    return name_of(letter.cause)
