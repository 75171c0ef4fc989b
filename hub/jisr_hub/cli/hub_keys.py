"""The hub's own keys: listed, rotated, taken back with the recovery key, protected by a passphrase.

The hub is stopped meanwhile; its next start puts the new statements into its feed.

A new key lies beside the old one as signing.key.next until keys.json says so: dying in between is finished by
`settle`, which every opening of the folder calls.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jisr_protocol import envelope, identifiers, keys, validity
from jisr_protocol.keys import KeyRing, SigningKey
from jisr_protocol.reader import private_keys

from .. import config, identity
from ..app.folder import KEYS, now, sole
from ..storage.sql import SqlLedger


class KeysError(Exception):
    """What was asked cannot be done; the sentence says why. Nothing was changed."""


def listed(folder: Path) -> list[dict[str, Any]]:
    """Every key that ever signed for the hub, and the recovery key."""
    ring = _ring(folder)
    rows = [
        {"kid": kid, "state": state.state, "since": state.at, "reason": state.reason}
        for kid, state in ring.keys.items()
    ]
    return [*rows, *({"kid": key.kid, "state": "recovery"} for key in ring.recovery)]


def rotate(folder: Path, random_bytes: Callable[[int], bytes]) -> dict[str, str]:
    """Go on with a new key and retire the old one, whose other signatures stay good."""
    with sole(folder):
        ring, old, fresh = _ring(folder), identity.read_key(folder), SigningKey(seed := random_bytes(32))
        ring = _later(ring, old, action="add", jwk=keys.jwk_of(fresh.public.public))
        ring = _later(ring, fresh, action="retire", kid=old.kid)
        _change(folder, ring, seed)
    return {"signing": fresh.kid, "retired": old.kid}


async def recover(folder: Path, sheet: str, reason: str, random_bytes: Callable[[int], bytes]) -> dict[str, Any]:
    """Take the hub back with its recovery key: a new key, every active one revoked, its feed good as far as the
    database holds it."""
    with sole(folder):
        ring, outranking, fresh = _ring(folder), SigningKey(_seed(sheet)), SigningKey(seed := random_bytes(32))
        if all(outranking.kid != key.kid for key in ring.recovery):
            raise KeysError(f"This recovery key is another hub's; expected that of {ring.id}. Nothing was changed.")
        revoked = sorted(kid for kid, state in ring.keys.items() if state.state == "active")
        place = await _place(folder)
        value = {
            "action": "recover",
            "created": identifiers.to_instant(now()),
            "jwk": keys.jwk_of(fresh.public.public),
            "last": validity.written({"public": place}),
            "n": ring.next_n,
            "node": ring.id,
            "reason": reason,
            "revoked": revoked,
        }
        _change(folder, ring.admit(envelope.sealed("recovery", value, outranking)), seed)
    return {"signing": fresh.kid, "revoked": revoked, "last": list(place)}


def protect(folder: Path, passphrase: bytes | None) -> None:
    """Encrypt the signing key, or keep it without a passphrase."""
    file = folder / identity.KEY_FILE
    content = file.read_bytes()
    seed = private_keys.seed_of(content, str(file), private_keys.passphrase)
    private_keys.write(file, private_keys.pem(seed, passphrase))


def _ring(folder: Path) -> KeyRing:
    return keys.fold(keys.parse_file((folder / KEYS).read_bytes()))


def _later(ring: KeyRing, key: SigningKey, **members: Any) -> KeyRing:
    value = {"created": identifiers.to_instant(now()), "n": ring.next_n, "node": ring.id, **members}
    return ring.admit(envelope.sealed("key", value, key))


async def _place(folder: Path) -> tuple[str, int]:
    ledger = await SqlLedger.open(config.place(folder, config.read(folder)))
    try:
        async with ledger.reading() as view:
            return await ledger.epoch(), view.size
    finally:
        await ledger.close()


def _change(folder: Path, ring: KeyRing, seed: bytes) -> None:
    file = folder / identity.KEY_FILE
    encrypted = file.is_file() and private_keys.is_encrypted(file.read_bytes())
    content = private_keys.pem(seed, private_keys.passphrase() if encrypted else None)
    private_keys.write(folder / identity.NEXT_KEY, content)
    private_keys.write(folder / KEYS, keys.write_file(ring))
    (folder / KEYS).chmod(0o644)  # it is public
    os.replace(folder / identity.NEXT_KEY, file)


def _seed(sheet: str) -> bytes:
    """The recovery key on a sheet: 52 letters in groups of four."""
    groups = re.search(r"(?<!\S)((?:[A-Z2-7]{4}\s+){12}[A-Z2-7]{4})(?!\S)", sheet.upper())
    try:
        letters = re.sub(r"\s", "", groups[1]) if groups else ""
        seed = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except ValueError:
        seed = b""
    if len(seed) != 32:
        raise KeysError("This is not a recovery sheet: expected 13 groups of four letters. Nothing was changed.")
    return seed
