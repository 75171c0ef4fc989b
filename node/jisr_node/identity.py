"""Who this node is: its key statements and the key it signs with. Pure; files are adapters/key_files.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jisr_protocol import envelope, identifiers, keys, validity
from jisr_protocol.keys import KeyRing, Last, PublicKey, SigningKey

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


def rotated(identity: Identity, seed: bytes, now: datetime, *, lost: str = "", last: Last | None = None) -> Identity:
    """The same node with a new key, and the old one retired; or revoked, when `lost` says why, good up to `last`."""
    key, old = SigningKey(seed), identity.key.kid
    ring = _later(
        identity.ring, identity.key, now, action="add", enc=key.opening.jwk, jwk=keys.jwk_of(key.public.public)
    )
    return Identity(ended(Identity(ring, key), old, now, lost=lost, last=last), key)


def ended(identity: Identity, kid: str, now: datetime, *, lost: str = "", last: Last | None = None) -> KeyRing:
    """The ring after a key was retired, or revoked when `lost` says why; signed by the identity's own key."""
    members: dict[str, Any] = {"action": "revoke" if lost else "retire", "kid": kid}
    if lost:
        members |= {"reason": lost, "last": validity.written(last or {})}
    return _later(identity.ring, identity.key, now, **members)


def _later(ring: KeyRing, key: SigningKey, now: datetime, **members: Any) -> KeyRing:
    value = {"created": identifiers.to_instant(now), "n": ring.next_n, "node": ring.id, **members}
    return ring.admit(envelope.sealed("key", value, key))


def recovered(
    ring: KeyRing, recovery_seed: bytes, seed: bytes, now: datetime, *, last: Last, reason: str = ""
) -> Identity:
    """The node with a new key, by its recovery key: every active key of before is revoked, good up to `last`.

    Raises Declined when the recovery key is that of another node.
    """
    outranking, key = SigningKey(recovery_seed), SigningKey(seed)
    if all(outranking.kid != known.kid for known in ring.recovery):
        raise Declined(
            "This recovery key belongs to another node. Nothing was changed. Look for the sheet that names the address "
            f"{ring.id}"
        )
    value: dict[str, Any] = {
        "action": "recover",
        "created": identifiers.to_instant(now),
        "enc": key.opening.jwk,
        "jwk": keys.jwk_of(key.public.public),
        "last": validity.written(last),
        "n": ring.next_n,
        "node": ring.id,
        "revoked": sorted(kid for kid, state in ring.keys.items() if state.state == "active"),
    }
    if reason:
        value["reason"] = reason
    return Identity(ring.admit(envelope.sealed("recovery", value, outranking)), key)


def is_active(ring: KeyRing, seed: bytes) -> bool:
    """Whether the chain lets the key of this seed sign."""
    state = ring.keys.get(SigningKey(seed).kid)
    return state is not None and state.state == "active"


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
