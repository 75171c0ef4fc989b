"""The hub's own identity: its signing key, its recovery key, its chain of key statements."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from jisr_protocol import envelope, identifiers, keys
from jisr_protocol.keys import KeyRing, SigningKey

KEY_FILE = "signing.key"


@dataclass(frozen=True)
class Identity:
    """Who this hub is: its name for people, its ring, the key it signs with."""

    name: str
    ring: KeyRing
    key: SigningKey

    @property
    def id(self) -> str:
        return self.ring.id


def create(name: str, *, seed: bytes, recovery_seed: bytes, salt: bytes, now: datetime) -> Identity:
    """A new identity from 32, 32 and 16 random bytes."""
    key, recovery = SigningKey(seed), SigningKey(recovery_seed)
    value = keys.first_statement(
        key,
        [recovery.public],
        role="hub",
        created=identifiers.to_instant(now),
        salt=identifiers.new_salt(salt),
    )
    return Identity(name, keys.begin(envelope.sealed("key", value, key)), key)


def write_key(folder: Path, seed: bytes) -> None:
    """Keep the private key as PKCS #8 PEM, readable by its owner alone where the system knows owners."""
    pem = Ed25519PrivateKey.from_private_bytes(seed).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    put_key(folder, pem)


def put_key(folder: Path, pem: bytes) -> None:
    """Put a private key file into a folder that has none."""
    handle = os.open(folder / KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())


def read_key(folder: Path) -> SigningKey:
    """The private key of a hub's folder."""
    loaded = serialization.load_pem_private_key((folder / KEY_FILE).read_bytes(), password=None)
    if not isinstance(loaded, Ed25519PrivateKey):
        raise ValueError(f"{folder / KEY_FILE} holds another kind of key than Ed25519")
    return SigningKey(loaded.private_bytes_raw())


def recovery_sheet(identity: Identity, recovery_seed: bytes) -> str:
    """The words to print and put away: with this key alone a stolen or lost hub is taken back."""
    code = base64.b32encode(recovery_seed).decode().rstrip("=")
    groups = " ".join(code[i : i + 4] for i in range(0, len(code), 4))
    return (
        f"Recovery key of the Jisr hub {identity.name}\n{identity.id}\n\n{groups}\n\n"
        "Print this sheet, keep it where the hub is not, and delete the file.\n"
        "Whoever holds it can take the hub's name over; without it a lost key cannot be replaced.\n"
    )
