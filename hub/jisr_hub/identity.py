"""The hub's own identity: its signing key, its recovery key, its chain of key statements."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from jisr_protocol import envelope, identifiers, keys
from jisr_protocol.keys import KeyRing, SigningKey
from jisr_protocol.reader import private_keys

KEY_FILE = "signing.key"
NEXT_KEY = "signing.key.next"
"""The key that is to follow, until keys.json says so."""
_log = structlog.get_logger()


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
    put_key(folder, private_keys.pem(seed))


def put_key(folder: Path, pem: bytes) -> None:
    """Put a private key file into a folder that has none."""
    handle = os.open(folder / KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())


def read_key(folder: Path) -> SigningKey:
    """The private key of a hub's folder, or the one that systemd hands over where there is none. Raises
    private_keys.KeyProblem, OSError. Says it when others may read the file."""
    place = private_keys.place(folder / KEY_FILE)
    seed = private_keys.seed_of(place.read_bytes(), str(place), private_keys.passphrase)
    if place == folder / KEY_FILE and (sentence := private_keys.warning(place)):
        _log.warning("key.open", sentence=sentence)
    return SigningKey(seed)


def settle(folder: Path, ring: KeyRing) -> None:
    """Finish or forget a change of keys that was cut off: keys.json says what was done."""
    file = folder / NEXT_KEY
    if not file.is_file():
        return
    key = SigningKey(private_keys.seed_of(file.read_bytes(), str(file), private_keys.passphrase))
    if key.kid in ring.keys and ring.keys[key.kid].state == "active":
        os.replace(file, folder / KEY_FILE)
    else:
        file.unlink()


def recovery_sheet(identity: Identity, recovery_seed: bytes) -> str:
    """The words to print and put away: with this key alone a stolen or lost hub is taken back."""
    code = base64.b32encode(recovery_seed).decode().rstrip("=")
    groups = " ".join(code[i : i + 4] for i in range(0, len(code), 4))
    return (
        f"Recovery key of the Jisr hub {identity.name}\n{identity.id}\n\n{groups}\n\n"
        "Print this sheet, keep it where the hub is not, and delete the file.\n"
        "Whoever holds it can take the hub's name over; without it a lost key cannot be replaced.\n"
    )
