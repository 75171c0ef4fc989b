"""Sealed messages: what a hub carries to a node and cannot read (docs/spec/sealed.md).

    header.key.iv.ciphertext.tag    a compact JWE: ECDH-ES with X25519, A256GCM; the part for the key is empty
    {"expires","id","purpose","reply","sender","sent","text","to"}   what is inside, filled up to one of three sizes

This is the pure part: the form of what is carried, the form of what is inside. Sealing draws random bytes and stands in
reader/sealing.py.

    parse(raw)                        whoever carries it: its form, for which key it is, under which digest it is known
    check_key(found, ring)            it is sealed to the key that this chain names now
    write(…) → padded plaintext       whoever seals
    read(plaintext, to=…, now=…)      whoever has opened it

Does not check who sent it: nobody signs a message. What it says of its sender is the sender's word.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
import orjson

from . import canonical, identifiers
from .keys import KeyRing, encryption_key
from .limits import CLOCK_SKEW_SECONDS, MESSAGE_CHARACTERS, MESSAGE_DAYS, SEALED_BYTES
from .refusal import refuse
from .shapes import Shape, any_object, list_of, one_of
from .signing import sealing_kid

TYPE = "jisr-sealed+jwe"
ALGORITHM, ENCRYPTION = "ECDH-ES", "A256GCM"
MEDIA_TYPE = "application/jose"
SIZES = (2_048, 8_192, 32_768)
"""Bytes of what is sealed: from outside a short question looks like a long one of the same size."""
MESSAGE, REFERRAL = "message", "referral"
_HEADER_BYTES = 512
_PART = re.compile(r"[A-Za-z0-9_-]*")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_AREA = re.compile(r"[A-Z]{2}[A-Z0-9]{0,8}")


class Sealed(msgspec.Struct, frozen=True):
    """A message as it is carried: `text` the JWE, `kid` the key it is sealed to, `digest` of its bytes."""

    text: str
    kid: str
    digest: str


class Message(msgspec.Struct, frozen=True):
    """A message that was opened. `value` holds every member, also those nobody here knows."""

    id: str
    purpose: str
    expires: str
    sent: str
    value: dict[str, Any]


# What is carried


def parse(raw: bytes) -> Sealed:
    """Read a sealed message without opening it. Raises Refusal (LIM-1, SEAL-1 to SEAL-3)."""
    if len(raw) > SEALED_BYTES:
        refuse("LIM-1", "", expected=f"at most {SEALED_BYTES} bytes", came=f"{len(raw)} bytes")
    text = raw.decode("ascii", "replace")
    parts = text.split(".")
    if len(parts) != 5 or parts[1] or any(not _strict(part) for part in parts):
        refuse("SEAL-1", "", expected="a compact JWE of five strict base64url parts, the second empty", came=text[:40])
        return Sealed(text, "", hashlib.sha256(raw).hexdigest())
    header, _, iv, ciphertext, tag = (_decoded(part) for part in parts)
    if len(iv) != 12 or len(tag) != 16:
        refuse("SEAL-1", "", expected="12 bytes of iv and 16 of tag", came=f"{len(iv)} and {len(tag)}")
    kid = _kid(header)
    if len(ciphertext) not in SIZES:
        refuse("SEAL-3", "", expected=f"one of {SIZES} bytes sealed", came=len(ciphertext))
    return Sealed(text, kid, hashlib.sha256(raw).hexdigest())


def _strict(part: str) -> bool:
    """One spelling for the same bytes: else a replay would only have to be written in another way."""
    return bool(_PART.fullmatch(part)) and len(part) % 4 != 1 and _spelled(_decoded(part)) == part


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _spelled(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _kid(header: bytes) -> str:
    """SEAL-2: exactly the five members; so nothing about the message stands outside it."""
    expected = "a header of exactly alg, enc, epk, kid and typ"
    try:
        value = orjson.loads(header) if len(header) <= _HEADER_BYTES else None
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict) or set(value) != {"alg", "enc", "epk", "kid", "typ"}:
        refuse("SEAL-2", "/header", expected=expected, came=header[:80].decode("ascii", "replace"))
        return ""
    if (value["alg"], value["enc"], value["typ"]) != (ALGORITHM, ENCRYPTION, TYPE):
        refuse("SEAL-2", "/header", expected=f"{ALGORITHM}, {ENCRYPTION}, {TYPE}", came=value)
    epk = value["epk"]
    if not isinstance(epk, dict) or set(epk) != {"crv", "kty", "x"} or identifiers.kid(epk["x"]):
        refuse("SEAL-2", "/header/epk", expected="an X25519 key of exactly crv, kty and x", came=epk)
    elif (epk["crv"], epk["kty"]) != ("X25519", "OKP"):
        refuse("SEAL-2", "/header/epk", expected="crv X25519 and kty OKP", came=epk)
    if identifiers.kid(value["kid"]):
        refuse("SEAL-2", "/header/kid", expected="a thumbprint", came=value["kid"])
    return str(value["kid"])


def check_key(found: Sealed, ring: KeyRing) -> None:
    """SEAL-4: sealed to the key that the chain of its addressee names now, which its owner can open."""
    key = encryption_key(ring)
    if key is None or sealing_kid(key) != found.kid:
        expected = "the encryption key of the addressee" if key else "an addressee that has published an encryption key"
        refuse("SEAL-4", "/header/kid", expected=expected, came=found.kid)


# What is inside


def _text(most: int) -> Any:
    def checked(value: object) -> str | None:
        good = isinstance(value, str) and 0 < len(value) <= most
        return None if good else f"a text of 1 to {most} characters"

    return checked


def _matching(pattern: re.Pattern[str], expected: str) -> Any:
    return lambda value: None if isinstance(value, str) and pattern.fullmatch(value) else expected


def _reference(value: object) -> str | None:
    expected = "an object of exactly node and id, a record"
    if not isinstance(value, dict) or set(value) != {"id", "node"}:
        return expected
    return expected if identifiers.node(value["node"]) or identifiers.uuid(value["id"]) else None


_language = _matching(_LANGUAGE, "a language tag such as ar or nl-BE")
_SENDER = Shape(
    "SEAL-7", {"kind": one_of("person", "organization")}, {"name": _text(300), "node": identifiers.node}
)  # fmt: skip
_MESSAGE = Shape(
    "SEAL-7",
    {
        "expires": identifiers.instant,
        "id": identifiers.uuid,
        "purpose": one_of(MESSAGE, REFERRAL),
        "reply": _text(300),
        "sender": any_object,
        "sent": identifiers.instant,
        "text": _text(MESSAGE_CHARACTERS),
        "to": identifiers.node,
    },
    {"about": _reference, "lang": _language},
)
_SHEET: dict[str, Any] = {
    "area": _matching(_AREA, "a NUTS or country code such as NL329"),
    "consent": lambda value: None if value is True else "true: the person agreed",
    "languages": list_of(_language, most=8),
    "need": _text(500),
    "urgency": one_of("today", "this_week", "later"),
}
"""SEAL-8: what a referral sheet may hold. No place for a name, a birthday, a number: they can only stand in words."""


def write(
    *,
    id: str,
    to: str,
    sent: datetime,
    text: str,
    reply: str,
    sender: Mapping[str, Any],
    expires: datetime | None = None,
    referral: Mapping[str, Any] | None = None,
    **more: Any,
) -> bytes:
    """The bytes to be sealed, filled up to their size. Raises Refusal (SEAL-6 to SEAL-8, SEAL-10)."""
    value: dict[str, Any] = {
        "expires": identifiers.to_instant(expires or sent + timedelta(days=MESSAGE_DAYS)),
        "id": id,
        "purpose": MESSAGE if referral is None else REFERRAL,
        "reply": reply,
        "sender": dict(sender),
        "sent": identifiers.to_instant(sent),
        "text": text,
        "to": to,
        **more,
    }
    if referral is not None:
        value["referral"] = dict(referral)
    _check(value)
    _in_time(value, sent)
    return padded(canonical.dumps(value))


def padded(raw: bytes) -> bytes:
    """The smallest size that holds it: the bytes, LF, zeros (SEAL-6)."""
    size = next((size for size in SIZES if len(raw) < size), 0)
    if not size:
        refuse("SEAL-6", "", expected=f"less than {SIZES[-1]} bytes", came=f"{len(raw)} bytes")
    return (raw + b"\n").ljust(size, b"\0")


def read(plaintext: bytes, *, to: str, now: datetime, seen: bool = False) -> Message:
    """What was opened, for the node `to`; `seen` says whether this id came before, given by `id_in`.

    Raises Refusal (CAN, SEAL-6 to SEAL-11).
    """
    value = _value(plaintext)
    _check(value)
    if value.get("to") != to:
        refuse("SEAL-9", "/to", expected=to, came=value.get("to"))
    _in_time(value, now)
    if seen:
        refuse("SEAL-11", "/id", expected="a message that did not come before", came=value.get("id"))
    return Message(value["id"], value["purpose"], value["expires"], value["sent"], value)


def id_in(plaintext: bytes) -> str:
    """The id that it claims, "" when it has none; nothing else is checked."""
    value = _value(plaintext).get("id")
    return value if isinstance(value, str) else ""


def _value(plaintext: bytes) -> dict[str, Any]:
    raw, end, rest = plaintext.partition(b"\n")
    size = next((size for size in SIZES if len(raw) < size), 0)
    if not end or len(plaintext) != size or rest.strip(b"\0"):
        expected = f"JSON, LF, and zeros up to the smallest of {SIZES} that holds it"
        refuse("SEAL-6", "", expected=expected, came=f"{len(raw)} bytes in {len(plaintext)}")
    value = canonical.parse(raw, limit_bytes=SIZES[-1])
    return value if isinstance(value, dict) else {}


def _check(value: dict[str, Any]) -> None:
    _MESSAGE.check(value)
    _SENDER.check(value.get("sender"), "/sender")
    if ("referral" in value) != (value.get("purpose") == REFERRAL):
        refuse("SEAL-7", "/referral", expected="a sheet if and only if it is a referral", came=value.get("purpose"))
    sheet = value.get("referral", {})
    if not isinstance(sheet, dict) or ("referral" in value and sheet.get("consent") is not True):
        refuse("SEAL-8", "/referral/consent", expected="a sheet that says that the person agreed", came=sheet)
        return
    for name, member in sheet.items():
        expected = _SHEET[name](member) if name in _SHEET else f"one of {', '.join(sorted(_SHEET))}"
        if expected:
            refuse("SEAL-8", f"/referral/{canonical.escape(name)}", expected=expected, came=member)


def _in_time(value: dict[str, Any], now: datetime) -> None:
    """SEAL-10: a message has an end, soon enough that its id need not be remembered for ever."""
    sent, expires = identifiers.from_instant(value["sent"]), identifiers.from_instant(value["expires"])
    if not sent < expires <= sent + timedelta(days=MESSAGE_DAYS):
        expected = f"an instant within {MESSAGE_DAYS} days after it was sent"
        refuse("SEAL-10", "/expires", expected=expected, came=value["expires"])
    if sent > now + timedelta(seconds=CLOCK_SKEW_SECONDS):
        refuse("SEAL-10", "/sent", expected=f"at most {CLOCK_SKEW_SECONDS} seconds ahead", came=value["sent"])
    if expires <= now:
        refuse("SEAL-10", "/expires", expected=f"an instant after {identifiers.to_instant(now)}", came=value["expires"])
