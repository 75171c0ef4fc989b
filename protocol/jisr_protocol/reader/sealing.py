"""Sealing and opening messages with joserfc (docs/spec/sealed.md; RFC 7516, RFC 8037).

    seal(plaintext, ring)       a JWE for the owner of a chain, whose bytes only that owner can read
    unseal(found, keys)         the plaintext again, for whoever has the key; anything else is a Refusal

joserfc is imported where it is used: a node that gets no message does not load it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

from ..keys import KeyRing, encryption_key
from ..refusal import refuse
from ..sealed import ALGORITHM, ENCRYPTION, SIZES, TYPE, Sealed
from ..signing import OpeningKey, sealing_kid

_ONLY = (ALGORITHM, ENCRYPTION)


def seal(plaintext: bytes, ring: KeyRing) -> bytes:
    """Seal padded bytes (sealed.write) to the owner of a chain. Raises Refusal (SEAL-4) when it has no key for that."""
    from joserfc import jwe
    from joserfc.jwk import OKPKey

    public = encryption_key(ring)
    if public is None:
        refuse("SEAL-4", "/header/kid", expected="an addressee that has published an encryption key", came=ring.id)
        raise ValueError("no key to seal to")
    if len(plaintext) not in SIZES:
        raise ValueError("only what sealed.padded gave is sealed")
    header = {"alg": ALGORITHM, "enc": ENCRYPTION, "kid": sealing_kid(public), "typ": TYPE}
    try:
        return jwe.encrypt_compact(header, plaintext, OKPKey.import_key(_jwk(public)), algorithms=_ONLY).encode()
    except ValueError as error:  # a point that every secret shares gives no secret at all
        refuse("SEAL-4", "/header/kid", expected="an encryption key that can be used", came=str(error))
        raise


def unseal(found: Sealed, keys: Iterable[OpeningKey]) -> bytes:
    """Open a message that `sealed.parse` has read. Raises Refusal (SEAL-5): without the key, or with one changed bit,
    nothing of it comes out."""
    from joserfc import jwe
    from joserfc.errors import JoseError
    from joserfc.jwk import OKPKey

    key = next((key for key in keys if key.kid == found.kid), None)
    if key is None:
        refuse("SEAL-5", "/header/kid", expected="a key that is kept here", came=found.kid)
        return b""
    private = OKPKey.import_key({**_jwk(key.public), "d": _b64(key.private)})
    try:
        opened = jwe.decrypt_compact(found.text, private, algorithms=_ONLY).plaintext
    except (JoseError, ValueError) as error:
        refuse("SEAL-5", "", expected="what this key can open", came=type(error).__name__)
        return b""
    return opened or b""


def _jwk(public: bytes) -> dict[str, Any]:
    return {"crv": "X25519", "kty": "OKP", "x": _b64(public)}


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
