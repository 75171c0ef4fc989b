"""A device that makes passkeys and signs with them, in software, with a knob for each thing it may get wrong."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Device:
    """Holds one key. What is None is taken from what it is asked."""

    origin: str
    host: str | None = None
    id: bytes = b"credential-of-the-device"
    count: int = 0
    flags: int = PRESENT | VERIFIED
    challenge: bytes | None = None
    handle: bytes | None = None
    kind: str | None = None
    spoil: bool = False
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def make(self, options: str) -> str:
        """What a browser gives back for the options of a page where a passkey is added."""
        asked = json.loads(options)
        self.handle = self.handle or raw(asked["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        attested = bytes(16) + struct.pack(">H", len(self.id)) + self.id + cbor2.dumps(public)
        told = self._told(self.host or asked["rp"]["id"], self.flags | ATTESTED) + attested
        statement = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": told})
        response = {"clientDataJSON": self._client("webauthn.create", asked), "attestationObject": text(statement)}
        return self._written(response)

    def sign(self, options: str) -> str:
        """What a browser gives back for the options of a page where a passkey is shown."""
        asked = json.loads(options)
        self.count += 1 if self.count else 0
        told, client = self._told(self.host or asked["rpId"], self.flags), self._client("webauthn.get", asked)
        over = told + hashlib.sha256(raw(client)).digest()
        signature = self.key.sign(over + b"!" if self.spoil else over, ec.ECDSA(hashes.SHA256()))
        response = {"clientDataJSON": client, "authenticatorData": text(told), "signature": text(signature)}
        return self._written(response | ({"userHandle": text(self.handle)} if self.handle else {}))

    def _told(self, host: str, flags: int) -> bytes:
        return hashlib.sha256(host.encode()).digest() + bytes([flags]) + struct.pack(">I", self.count)

    def _client(self, kind: str, asked: dict[str, Any]) -> str:
        challenge = text(self.challenge) if self.challenge is not None else asked["challenge"]
        said = {"type": self.kind or kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return text(json.dumps(said).encode())

    def _written(self, response: dict[str, str]) -> str:
        name = text(self.id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})
