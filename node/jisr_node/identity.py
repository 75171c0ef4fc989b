"""Who this node is: its key statements and the key it signs with. Pure; files are adapters/key_files.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from jisr_protocol import envelope, identifiers, keys
from jisr_protocol.keys import KeyRing, PublicKey, SigningKey

from .errors import Declined

RandomBytes = Callable[[int], bytes]
"""Gives that many random bytes: os.urandom, or a seeded source in tests."""
SEED_BYTES = 32


@dataclass(frozen=True)
class Identity:
    """A node that can sign: `ring` folds its statements, `key` is an active key of that ring."""

    ring: KeyRing
    key: SigningKey

    @property
    def id(self) -> str:
        return self.ring.id


@dataclass(frozen=True)
class Birth:
    """A new identity and the two secrets to be kept: the signing seed here, the recovery seed elsewhere."""

    identity: Identity
    signing_seed: bytes
    recovery_seed: bytes


def create(random_bytes: RandomBytes, now: datetime) -> Birth:
    """Make a signing key, a recovery key and the first key statement that names both."""
    signing_seed, recovery_seed = random_bytes(SEED_BYTES), random_bytes(SEED_BYTES)
    key = SigningKey(signing_seed)
    recovery: list[PublicKey] = [SigningKey(recovery_seed).public]
    statement = keys.first_statement(
        key,
        recovery,
        role="node",
        created=identifiers.to_instant(now),
        salt=identifiers.new_salt(random_bytes(16)),
    )
    ring = keys.fold([envelope.sealed("key", statement, key)])
    return Birth(Identity(ring, key), signing_seed, recovery_seed)


def restore(key_file: bytes, signing_seed: bytes) -> Identity:
    """The identity of a keys.json and the seed kept beside it. Raises Declined when they do not belong together."""
    ring = keys.fold(keys.parse_file(key_file))
    key = SigningKey(signing_seed)
    state = ring.keys.get(key.kid)
    if state is None or state.state != "active":
        raise Declined(
            "The file signing.key does not belong to this node. Nothing was signed and nothing is lost. "
            "Put back the signing.key that was made together with this folder, or take both from one backup."
        )
    return Identity(ring, key)
