"""Canonical bytes, hashes, names and keys, each from a label, so that every run makes the same bytes."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

KINDS = ("record", "tombstone", "key", "recovery", "head", "statement", "notice", "ack", "receipt")


def canonical(value: Any) -> bytes:
    """RFC 8785 bytes of a value within the profile."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def base32(content: bytes) -> str:
    return base64.b32encode(content).decode().rstrip("=").lower()


def digest(kind: str, body: bytes) -> str:
    return sha256(f"jisr-{kind}-1".encode() + b"\x00" + body).hex()


def uuid(label: str) -> str:
    """A version 4 UUID made of a label."""
    bits = bytearray(sha256(f"jisr vector uuid {label}".encode())[:16])
    bits[6] = bits[6] & 0x0F | 0x40
    bits[8] = bits[8] & 0x3F | 0x80
    text = bits.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def salt(label: str) -> str:
    return base64url(sha256(f"jisr vector salt {label}".encode())[:16])


def epoch(number: int, label: str = "vector") -> str:
    return f"{number}-{base32(sha256(f'jisr vector epoch {label}'.encode())[:5])}"


class Key:
    """An Ed25519 key whose seed is SHA-256("jisr vector key " + label)."""

    def __init__(self, label: str) -> None:
        self.seed = sha256(f"jisr vector key {label}".encode())
        self._private = Ed25519PrivateKey.from_private_bytes(self.seed)
        self.public = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.jwk = {"crv": "Ed25519", "kty": "OKP", "x": base64url(self.public)}
        self.kid = base64url(sha256(canonical(self.jwk)))

    def header(self, kind: str) -> str:
        return base64url(canonical({"alg": "Ed25519", "kid": self.kid, "typ": f"jisr-{kind}+jws"}))

    def signature(self, header: str, body: bytes) -> bytes:
        return self._private.sign(header.encode() + b"." + base64url(body).encode())

    def sign_raw(self, message: bytes) -> bytes:
        return self._private.sign(message)

    def compact(self, header: dict[str, Any], payload: bytes) -> str:
        """A compact JWS, which is no signed thing."""
        signed = f"{base64url(canonical(header))}.{base64url(payload)}"
        return f"{signed}.{base64url(self._private.sign(signed.encode()))}"

    def sign(self, kind: str, value: dict[str, Any]) -> dict[str, Any]:
        """The signed thing: its object and the detached JWS over the object's canonical bytes."""
        return {kind: value, "jws": self.jws(kind, canonical(value))}

    def jws(self, kind: str, body: bytes, header: str | None = None) -> str:
        header = self.header(kind) if header is None else header
        return f"{header}..{base64url(self.signature(header, body))}"


class Writer:
    """An identifier: its first key statement, its signing keys so far, its one recovery key."""

    def __init__(self, label: str, role: str = "node", created: str = "2026-01-01T00:00:00Z") -> None:
        self.label = label
        self.key = Key(label)
        self.recovery = Key(f"{label} recovery")
        first = {
            "action": "add",
            "created": created,
            "jwk": self.key.jwk,
            "n": 0,
            "recovery": [self.recovery.jwk],
            "role": role,
            "salt": salt(label),
        }
        self.id = identifier(first)
        self.statements = [self.key.sign("key", first)]

    def later(self, action: str, by: Key | None = None, **members: Any) -> dict[str, Any]:
        """The next key statement of the chain, signed by `by` (the current key), and taken into it."""
        value = {"action": action, "created": "2026-02-01T00:00:00Z", "n": len(self.statements), "node": self.id}
        statement = (by or self.key).sign("key", value | members)
        self.statements.append(statement)
        return statement

    def recover(self, fresh: Key, revoked: list[str], n: int, **members: Any) -> dict[str, Any]:
        """A recovery statement in the place of number n, not taken into the chain."""
        value = {
            "action": "recover",
            "created": "2026-03-01T00:00:00Z",
            "jwk": fresh.jwk,
            "n": n,
            "node": self.id,
            "revoked": revoked,
            **members,
        }
        return self.recovery.sign("recovery", value)


def identifier(first_statement: dict[str, Any]) -> str:
    return "jisr:" + base32(sha256(b"jisr-id-1\x00" + canonical(first_statement)))
