"""Record ids: random ones, and those that follow from the id a record has in another system."""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

_LOCAL = re.compile(r"local:([a-z][a-z0-9-]*)/(.+)", re.DOTALL)


def family(type_name: str) -> str:
    """A type's name without its major: org.jisr.service/1 → org.jisr.service"""
    return type_name.partition("/")[0]


def derived(secret: bytes, type_name: str, local_id: str) -> str:
    """The id of a record of another system: UUIDv8 from HMAC-SHA256(secret, type LF local id).

    The type is its name without the major, so that a record keeps its id when its type gets a new one. The secret
    keeps others from testing guesses of local ids against record ids.
    """
    message = f"{family(type_name)}\n{local_id}".encode()
    return uuid8(hmac.digest(secret, message, hashlib.sha256))


def local_id_of(draft: Mapping[str, Any]) -> str | None:
    """`source.local_id`, None if there is none."""
    source = draft.get("source")
    local_id = source.get("local_id") if isinstance(source, dict) else None
    return unicodedata.normalize("NFC", local_id) if isinstance(local_id, str) and local_id else None


def local_reference(text: str) -> tuple[str, str] | None:
    """(type name without major, local id) of `local:service/41`, None if it is no such thing."""
    match = _LOCAL.fullmatch(text)
    return (f"org.jisr.{match[1]}", unicodedata.normalize("NFC", match[2])) if match else None


def uuid8(random_or_hash: bytes) -> str:
    """A UUID of version 8 (RFC 9562 section 5.8) from the first 16 of these bytes."""
    raw = bytearray(random_or_hash[:16])
    raw[6] = raw[6] & 0x0F | 0x80
    raw[8] = raw[8] & 0x3F | 0x80
    digits = raw.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def uuid4(random_bytes: bytes) -> str:
    """A UUID of version 4 from 16 random bytes."""
    digits = uuid8(random_bytes)
    return digits[:14] + "4" + digits[15:]
