"""Signed things: an object of one kind and the detached JWS over its canonical bytes (docs/spec/signed-things.md).

    {"jws":"<header>..<signature>","record":{…}}

The header is exactly the base64url of {"alg":"Ed25519","kid":"…","typ":"jisr-<kind>+jws"}, so a thing of one kind can
never be taken for another, and a verifier compares it with a constant instead of parsing it. The signed bytes are the
raw slice as it came; nothing here serialises a received object again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec
import nacl.bindings
import nacl.exceptions
import orjson

from . import canonical, identifiers
from .limits import RECORD_BYTES
from .refusal import refuse
from .signing import KINDS as KINDS
from .signing import PublicKey, SigningKey
from .signing import protected as protected

_SIGNATURE = re.compile(r"[A-Za-z0-9_-]{85}[AQgw]")
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_raw_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """A signed thing whose bytes are canonical. Its signature is NOT checked; see VerifiedEnvelope."""

    kind: str
    jws: str
    body: bytes
    value: dict[str, Any]

    @property
    def digest(self) -> str:
        return digest(self.kind, self.body)

    @property
    def raw(self) -> bytes:
        return wrap(self.kind, self.jws, self.body)


class VerifiedEnvelope(msgspec.Struct, frozen=True, gc=False):
    """An envelope whose signature was checked under the ring of `signer`. Made only by `verified`."""

    envelope: Envelope
    signer: str
    kid: str


def digest(kind: str, body: bytes) -> str:
    """SHA-256("jisr-<kind>-1" ‖ 0x00 ‖ body), lowercase hexadecimal."""
    return hashlib.sha256(b"jisr-%b-1\x00%b" % (kind.encode(), body)).hexdigest()


def wrap(kind: str, jws: str, body: bytes) -> bytes:
    """The canonical bytes of an envelope from its raw parts."""
    if kind < "jws":
        return b'{"%b":%b,"jws":"%b"}' % (kind.encode(), body, jws.encode())
    return b'{"jws":"%b","%b":%b}' % (jws.encode(), kind.encode(), body)


def slices(raw: bytes) -> dict[str, bytes]:
    """The raw bytes of each member of a canonical object; `raw` has been parsed before."""
    return {name: bytes(member) for name, member in _raw_members(raw).items()}


def parse(raw: bytes, kind: str, *, limit_bytes: int = RECORD_BYTES + 1024) -> Envelope:
    """Read one envelope of the given kind: canonical (CAN), with `jws` and that kind's member (SIG-6)."""
    value = canonical.parse(raw, limit_bytes=limit_bytes)
    if not isinstance(value, dict) or not isinstance(value.get(kind), dict) or not isinstance(value.get("jws"), str):
        refuse("SIG-6", "", expected=f"an object with 'jws' and '{kind}'", came=raw[:60].decode("utf-8", "replace"))
        return Envelope(kind, "", b"{}", {})
    return Envelope(kind, value["jws"], slices(raw)[kind], value[kind])


def sealed(kind: str, value: dict[str, Any], key: SigningKey) -> Envelope:
    """Sign `value` as a thing of `kind`."""
    body = canonical.dumps(value)
    return Envelope(kind, key.sign(kind, body), body, value)


def verified(thing: Envelope, ring: Any, *, active_only: bool = False) -> VerifiedEnvelope:
    """Check `thing` under a keys.KeyRing; the only maker of a VerifiedEnvelope."""
    return VerifiedEnvelope(thing, ring.id, ring.verify(thing, active_only=active_only))


def verify_bytes(thing: Envelope, keys: Mapping[str, PublicKey]) -> str:
    """Check a detached JWS against the keys that may have signed it; return the kid.

    `keys` maps a protected header of thing.kind to its key. Always checks: the form of the JWS (SIG-1), the header,
    byte for byte (SIG-2), that the key is one of `keys` (SIG-3) and not revoked (KEY-6), strict base64url of the
    signature (SIG-4), the signature itself by libsodium's strict rules (SIG-5). Does not check authority.
    """
    header, separator, signature = thing.jws.partition("..")
    if not separator or "." in signature:
        refuse("SIG-1", "/jws", expected="a detached JWS: header, two dots, signature", came=thing.jws)
    key = keys.get(header) or _explain_header(header, thing.kind, keys)
    if key is None:
        return ""
    if key.revoked:
        refuse("KEY-6", "/jws", expected="a key that is not revoked", came=key.kid)
    if not _SIGNATURE.fullmatch(signature):
        refuse("SIG-4", "/jws", expected="86 characters of strict base64url", came=signature)
    signed = (_decoded(signature), header.encode(), b".", base64.urlsafe_b64encode(thing.body).rstrip(b"="))
    try:
        nacl.bindings.crypto_sign_open(b"".join(signed), key.public)
    except (nacl.exceptions.CryptoError, ValueError):
        refuse("SIG-5", "/jws", expected=f"a signature of these bytes by {key.kid}", came=signature)
    return key.kid


def claimed_kid(thing: Envelope) -> str:
    """The kid that the protected header of `thing` names, "" when it names none; nothing is checked."""
    header = thing.jws.partition(".")[0]
    try:
        found = orjson.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"]
    except (ValueError, KeyError, TypeError):
        return ""
    return found if identifiers.kid(found) is None else ""


def _decoded(signature: str) -> bytes:
    """The 64 bytes of a checked signature; base64.urlsafe_b64decode costs thrice as much."""
    return binascii.a2b_base64(signature.encode().translate(_TO_STANDARD) + b"==")


def _explain_header(header: str, kind: str, keys: Mapping[str, PublicKey]) -> PublicKey | None:
    """Say why a header is not one of the expected ones: altered (SIG-2), or right but by a stranger's key (SIG-3)."""
    try:
        claimed = orjson.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
        claimed_kid = claimed["kid"]
    except (ValueError, KeyError, TypeError):
        claimed, claimed_kid = None, ""
    well_formed = identifiers.kid(claimed_kid) is None
    if not well_formed or header != protected(claimed_kid, kind):
        refuse("SIG-2", "/jws", expected=f"the header of a {kind} and nothing more", came=claimed or header)
    key = next((k for k in keys.values() if k.kid == claimed_kid), None)
    if key is None:
        refuse("SIG-3", "/jws", expected="a signing key of the writer", came=claimed_kid)
    return key
