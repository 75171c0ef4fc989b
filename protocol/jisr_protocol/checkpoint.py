"""A head as a C2SP checkpoint: the signed note that witnesses cosign (docs/spec/witnesses.md).

    jisr:q7fc…/public/1-lzpfi5ma            origin: owner, name and epoch of the feed
    5                                       size of the log
    zEbou9sB/2xWhMaZ7X8G/zYcNbFEiNM+…=      its root
    jisr-head-1 4f0c…                       the digest of the head that says the same

    — jisr:q7fc…/public/1-lzpfi5ma …        the publisher's signature
    — jisr:aa4d…/witness …                  a cosignature, with its time

The forms are those of c2sp.org/signed-note, tlog-checkpoint and tlog-cosignature. A note of ours begins with "jisr:",
what a JWS signs with "eyJ", so a signature of one is never one of the other.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec
import nacl.bindings
import nacl.exceptions

from . import identifiers, keys
from .head import Head
from .keys import KeyRing
from .limits import CLOCK_SKEW_SECONDS, INTEGER_MAX
from .refusal import refuse
from .signing import SigningKey

NOTE_BYTES = 64 * 1024
SIGNATURES = 100
"""Signature lines of one note."""
EXTENSION = "jisr-head-1 "
LOG, COSIGNATURE = 1, 4
"""The signature types of c2sp.org/signed-note and tlog-cosignature, both Ed25519."""
_LINE = re.compile(r"— (\S+) ([A-Za-z0-9+/]+={0,2})")
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")


class Checkpoint(msgspec.Struct, frozen=True):
    """What a note says: no signature is checked. `text` is what is signed, with its last line feed."""

    by: str
    name: str
    epoch: str
    size: int
    root: bytes
    head: str
    text: str

    @property
    def origin(self) -> str:
        return f"{self.by}/{self.name}/{self.epoch}"


class Signature(msgspec.Struct, frozen=True):
    """One signature line of a note: whose it claims to be, the key's short hash, and what was signed with it."""

    name: str
    key_hash: bytes
    value: bytes

    @property
    def line(self) -> str:
        return f"— {self.name} {base64.b64encode(self.key_hash + self.value).decode()}\n"


class Note(msgspec.Struct, frozen=True):
    """A checkpoint and its signature lines, unchecked."""

    checkpoint: Checkpoint
    signatures: tuple[Signature, ...]

    @property
    def raw(self) -> bytes:
        return write(self.checkpoint, self.signatures)


class WitnessKey(msgspec.Struct, frozen=True):
    """The public key of a witness, as `name+hash+key` says it; it signs nothing but cosignatures (WIT-11)."""

    name: str
    public: bytes

    @property
    def key_hash(self) -> bytes:
        return _key_hash(self.name, COSIGNATURE, self.public)

    def __str__(self) -> str:
        return f"{self.name}+{self.key_hash.hex()}+{base64.b64encode(bytes([COSIGNATURE]) + self.public).decode()}"


def _key_hash(name: str, kind: int, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def of_head(head: Head) -> Checkpoint:
    """The checkpoint that says what this head says."""
    root = bytes.fromhex(head.log_root)
    lines = (f"{head.by}/{head.name}/{head.epoch}", str(head.size), base64.b64encode(root).decode())
    text = "".join(f"{line}\n" for line in (*lines, EXTENSION + head.envelope.digest))
    return Checkpoint(head.by, head.name, head.epoch, head.size, root, head.envelope.digest, text)


def signed(head: Head, key: SigningKey) -> Note:
    """The note of a head under its publisher's signing key."""
    said = of_head(head)
    key_hash = _key_hash(said.origin, LOG, key.public.public)
    return Note(said, (Signature(said.origin, key_hash, key.sign_note(said.text)),))


def write(said: Checkpoint, signatures: Iterable[Signature]) -> bytes:
    """The bytes of a note."""
    return f"{said.text}\n{''.join(one.line for one in signatures)}".encode()


def parse(raw: bytes) -> Note:
    """Read a note (WIT-1). Raises Refusal."""
    try:
        text, blank, below = raw.decode("utf-8").partition("\n\n")
    except UnicodeDecodeError:
        text, blank, below = "", "", ""
    lines = below.splitlines()
    if len(raw) > NOTE_BYTES or not blank or not below.endswith("\n") or not 1 <= len(lines) <= SIGNATURES:
        refuse(
            "WIT-1",
            "",
            expected=f"a note with 1 to {SIGNATURES} signature lines",
            came=raw[:60].decode("utf-8", "replace"),
        )
    return Note(_checkpoint(text + "\n"), tuple(signature(line) for line in lines))


def signature(line: str) -> Signature:
    """One signature line, without its line feed (WIT-1)."""
    match = _LINE.fullmatch(line)
    value = _decoded(match[2]) if match else b""
    if match is None or len(value) < 5:
        refuse("WIT-1", "", expected="a signature line: —, a name, base64", came=line)
        return Signature("", b"", b"")
    return Signature(match[1], value[:4], value[4:])


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _checkpoint(text: str) -> Checkpoint:
    origin, size, root, head = (*text.split("\n"), "", "", "")[:4]
    by, _, rest = origin.partition("/")
    name, _, epoch = rest.partition("/")
    forms = (
        ("an origin by/name/epoch", identifiers.node(by) or identifiers.feed_name(name) or identifiers.epoch(epoch)),
        ("a size in decimal", not _SIZE.fullmatch(size) or int(size or 0) > INTEGER_MAX),
        (
            "a root of 32 bytes in base64",
            len(_decoded(root)) != 32 or base64.b64encode(_decoded(root)).decode() != root,
        ),
        ("the head's digest", not head.startswith(EXTENSION) or identifiers.digest(head.removeprefix(EXTENSION))),
    )
    for expected, wrong in forms:
        if wrong:
            refuse("WIT-1", "", expected=expected, came=text[:100])
    whole = int(size) if _SIZE.fullmatch(size) else 0
    return Checkpoint(by, name, epoch, whole, _decoded(root), head.removeprefix(EXTENSION), text)


def verified(note: Note, ring: KeyRing) -> Checkpoint:
    """Check the publisher's signature under its keys (WIT-2): by a key that is not revoked. Raises Refusal."""
    said = note.checkpoint
    if ring.id != said.by:
        refuse("KEY-2", "", expected=ring.id, came=said.by)
    found = False
    for state in ring.keys.values():
        key_hash = _key_hash(said.origin, LOG, state.key.public)
        for one in note.signatures:
            if (one.name, one.key_hash) == (said.origin, key_hash):
                good = state.state != "revoked" and _fits(one.value, said.text.encode(), state.key.public)
                found = good or _bad(one)
    if not found:
        refuse("WIT-2", "", expected=f"a signature of {said.by}", came="none that fits")
    return said


def _bad(one: Signature) -> bool:
    refuse("WIT-2", "", expected=f"a signature of these lines by {one.name}", came=base64.b64encode(one.value).decode())
    return True


def _fits(value: bytes, message: bytes, public: bytes) -> bool:
    try:
        nacl.bindings.crypto_sign_open(value + message, public)
    except (nacl.exceptions.CryptoError, ValueError, TypeError):
        return False
    return True


# Cosignatures


def witness_key(key: SigningKey, name: str) -> WitnessKey:
    """The public side of a witness's own key."""
    return WitnessKey(name, key.public.public)


def parse_witness_key(text: str) -> WitnessKey:
    """Read `name+hash+key` (WIT-7). Raises Refusal."""
    name, _, rest = text.partition("+")
    hashed, _, encoded = rest.partition("+")
    content = _decoded(encoded)
    found = WitnessKey(name, content[1:])
    known = len(content) == 33 and content[0] == COSIGNATURE and keys.jwk(_jwk(content[1:])) is None
    if not name or not known or found.key_hash.hex() != hashed:
        refuse("WIT-7", "", expected="the key of a witness: name+hash+key", came=text)
    return found


def _jwk(public: bytes) -> dict[str, str]:
    return keys.jwk_of(public)


def cosigned(said: Checkpoint, key: SigningKey, name: str, now: datetime) -> Signature:
    """The cosignature of a witness, dated. Only ever called for what the witness has durably remembered (WIT-10)."""
    seconds = int(now.timestamp())
    value = seconds.to_bytes(8, "big") + key.sign_note(_dated(said, seconds))
    return Signature(name, witness_key(key, name).key_hash, value)


def _dated(said: Checkpoint, seconds: int) -> str:
    return f"cosignature/v1\ntime {seconds}\n{said.text}"


def cosignature(note: Note, witness: WitnessKey, *, now: datetime) -> datetime | None:
    """When this witness cosigned the note; None when it did not.

    A line in its name that does not fit, or is dated more than ten minutes ahead, is refused (WIT-8): unknown
    signatures are passed over, a known one that is bad spoils the note.
    """
    for one in note.signatures:
        if (one.name, one.key_hash) != (witness.name, witness.key_hash):
            continue
        seconds = int.from_bytes(one.value[:8], "big")
        limit = now + timedelta(seconds=CLOCK_SKEW_SECONDS)
        fits = _fits(one.value[8:], _dated(note.checkpoint, seconds).encode(), witness.public)
        if not fits or seconds > limit.timestamp():
            refuse("WIT-8", "", expected=f"a cosignature by {witness.name}, not ahead of the clock", came=one.line)
            return None
        return datetime.fromtimestamp(seconds, UTC)
    return None
