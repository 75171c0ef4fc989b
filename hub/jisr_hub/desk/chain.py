"""The audit log: a chain of signed lines, one for each act, that nobody can change, leave out or put in unseen.

    line    a compact JWS (RFC 7515) by a key of the hub, typ `jisr-act+jws`, over canonical JSON
    prev    SHA-256("jisr-act-1" ‖ 0x00 ‖ the line before); 64 zeros before the first
    words   SHA-256("jisr-act-words-1" ‖ 0x00 ‖ the words), of what may name a person: reason, members, the sentence.
            They stand beside the line with 128 random bits of salt, and may be erased: the chain stays whole, and
            nobody can guess at them

    line = write(said, words, prev, key)          proof = Proof(ring); for row in rows: faults += proof.take(row)

That lines at its end were taken away the chain cannot show: a mark of the newest line stands outside the database
(marking.py).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

import msgspec
import nacl.exceptions
import orjson

from jisr_protocol import canonical
from jisr_protocol.keys import KeyRing
from jisr_protocol.signing import SigningKey

TYPE = "jisr-act+jws"
BEGIN = "0" * 64
SALT_BYTES = 16


class Outcome(StrEnum):
    """How an act ended."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    ASKED = "asked"
    """It waits for a second person."""
    DECLINED = "declined"
    """A second person said no."""
    INTERRUPTED = "interrupted"
    """The program ended on the way: it may have been carried out or not."""


class Words(msgspec.Struct, frozen=True):
    """What may name a person. `undo` is [kind, subject, members] of the act that undoes this one."""

    salt: str
    reason: str = ""
    members: Mapping[str, Any] = {}
    sentence: str = ""
    undo: Sequence[Any] = ()


class Line(msgspec.Struct, frozen=True):
    """One act as the log has it. `n` counts from 1; `second` approved it; `undoes` is the act it took back, else 0."""

    n: int
    at: str
    who: str
    by: str
    kind: str
    subject: str
    outcome: str
    second: str = ""
    undoes: int = 0
    words: Words | None = None
    undone_by: int = 0
    """The later act that took this one back; read from there, no part of the line."""


class Row(msgspec.Struct, frozen=True):
    """What is kept of a line: the line itself, and its words unless they were erased."""

    n: int
    line: str
    words: bytes | None


class Journal(Protocol):
    """Where the audit log is kept. Each method is durable when it returns, one transaction, safe beside others."""

    async def begin(self, ticket: str, asked: bytes, at: str, *, waits: bool) -> None:
        """Write down what somebody is about to do, or asks a second person to approve."""
        ...

    async def open(self, ticket: str = "") -> list[Ticket]:
        """What has begun and not ended, or waits, oldest first; or this one alone."""
        ...

    async def take(self, ticket: str) -> bool:
        """Have what waits begin; False when somebody else did already."""
        ...

    async def end(self, ticket: str, write: Writing) -> Line:
        """Write the next line of the chain, by what `write` makes of the last (number, its hash), and forget the
        ticket."""
        ...

    async def lines(self, wanted: Wanted) -> list[Line]: ...

    async def line(self, n: int) -> Line | None: ...

    async def size(self) -> int: ...

    async def hash_at(self, n: int) -> str:
        """What the line after this one would name it by; "" where there is no such line."""
        ...


class Ticket(msgspec.Struct, frozen=True):
    """An act that has begun, or `waits` for a second person."""

    ticket: str
    asked: bytes
    at: str
    waits: bool


class Wanted(msgspec.Struct, frozen=True):
    """Which lines: newest first, before line `before` (0 for the end), at most so many. "" asks for all."""

    who: str = ""
    kinds: tuple[str, ...] = ()
    subject: str = ""
    outcome: str = ""
    since: str = ""
    until: str = ""
    before: int = 0
    most: int = 50


class Writing(Protocol):
    """Makes the next line of the chain."""

    def __call__(self, n: int, prev: str) -> tuple[Line, Row]: ...


def salted(salt: bytes, **members: Any) -> Words:
    """Words with their salt."""
    return Words(base64.urlsafe_b64encode(salt).decode().rstrip("="), **members)


def write(said: Line, prev: str, key: SigningKey) -> Row:
    """Sign a line. What cannot be written as canonical JSON is a fault of the caller (ValueError)."""
    words = canonical.dumps(msgspec.to_builtins(said.words))
    value = {
        "at": said.at, "by": said.by, "kind": said.kind, "n": said.n, "outcome": said.outcome, "prev": prev,
        "second": said.second, "subject": said.subject, "undoes": said.undoes, "who": said.who,
        "words": digest_of(words),
    }  # fmt: skip
    return Row(said.n, key.sign_compact(_header(key.kid), canonical.dumps(value)), words)


def read(row: Row) -> Line:
    """What a line says; nothing is checked. Raises ValueError for what is no line."""
    value = orjson.loads(_bytes(row.line.split(".")[1]))
    words = msgspec.json.decode(row.words, type=Words) if row.words is not None else None
    names = ("n", "at", "who", "by", "kind", "subject", "outcome", "second", "undoes")
    return Line(**{name: value[name] for name in names}, words=words)


def hash_of(line: str) -> str:
    """What the next line names this one by."""
    return hashlib.sha256(b"jisr-act-1\x00" + line.encode()).hexdigest()


def digest_of(words: bytes) -> str:
    """What a line says of its words."""
    return hashlib.sha256(b"jisr-act-words-1\x00" + words).hexdigest()


class Proof:
    """Reads a chain from its first line on and says what is wrong with it, by number."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring, self._n, self._prev = ring, 0, BEGIN

    @property
    def size(self) -> int:
        """How many lines were read."""
        return self._n

    def take(self, row: Row) -> list[str]:
        """The faults of the next row: a line that is lost, changed, out of its place, or not signed by this hub."""
        found: list[str] = []
        if row.n != self._n + 1:
            found.append(f"the audit log lacks the acts {self._n + 1} to {row.n - 1}")
        found += [f"act {row.n} of the audit log: {fault}" for fault in self._faults(row)]
        self._n, self._prev = row.n, hash_of(row.line)
        return found

    def _faults(self, row: Row) -> list[str]:
        if not self._signed(row.line):
            return ["it is not signed by a key of this hub, or was changed"]
        value = orjson.loads(_bytes(row.line.split(".")[1]))
        found = []
        if value["n"] != row.n:
            found.append(f"it says it is act {value['n']}")
        if value["prev"] != self._prev and row.n == self._n + 1:
            found.append("the act before it is not the one that stood there when it was signed")
        if row.words is not None and digest_of(row.words) != value["words"]:
            found.append("its words are not those that were signed")
        return found

    def _signed(self, line: str) -> bool:
        signed, _, signature = line.rpartition(".")
        header = signed.partition(".")[0]
        for state in self._ring.keys.values():
            if header == _text(_header(state.key.kid)):
                try:
                    state.key.verify_key.verify(signed.encode(), _bytes(signature))
                except (nacl.exceptions.CryptoError, ValueError, TypeError):
                    return False
                return True
        return False


def _header(kid: str) -> bytes:
    return canonical.dumps({"alg": "Ed25519", "kid": kid, "typ": TYPE})


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def undone(line: Line, by: int) -> Line:
    """The same with the later act that took it back."""
    return msgspec.structs.replace(line, undone_by=by)
