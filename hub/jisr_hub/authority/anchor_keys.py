"""The key files of a network anchor: PKCS #8 PEM, each kept by another person, none of them in a hub's folder."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from jisr_protocol.keys import SigningKey


def write(file: Path, seed: bytes) -> None:
    """Write a new file that only its owner may read. Raises FileExistsError."""
    pem = Ed25519PrivateKey.from_private_bytes(seed).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(pem)
        opened.flush()
        os.fsync(opened.fileno())


def read(file: Path) -> SigningKey:
    """The private key in a file. Raises OSError, ValueError."""
    loaded = serialization.load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(loaded, Ed25519PrivateKey):
        raise ValueError(f"{file} holds another kind of key than Ed25519")
    return SigningKey(loaded.private_bytes_raw())
