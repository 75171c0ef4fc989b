"""Proving who one is to a hub, for a token to its restricted feeds (docs/spec/tokens.md; RFC 7523, private_key_jwt).

The assertion is a compact JWS of the reader's own signing key. Its header says what it is, so no signed thing of ours
can be taken for one, nor the other way round. Verifying the signature is the hub's; this says what must stand in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from . import canonical
from .keys import KeyRing
from .limits import ASSERTION_SECONDS
from .refusal import refuse
from .signing import SigningKey

TYPE = "client-authentication+jwt"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
JTI_CHARACTERS = 128


class Assertion(msgspec.Struct, frozen=True):
    """What a checked assertion says: who, its own name, until when (seconds since 1970)."""

    by: str
    jti: str
    expires: int


def assertion(key: SigningKey, *, by: str, hub: str, jti: str, now: datetime) -> str:
    """Sign an assertion of `by` for one hub. It lives half as long as it may: a clock may be two minutes off."""
    header = {"alg": "Ed25519", "kid": key.kid, "typ": TYPE}
    issued = int(now.timestamp())
    claims = {"aud": hub, "exp": issued + ASSERTION_SECONDS // 2, "iat": issued, "iss": by, "jti": jti, "sub": by}
    return key.sign_compact(canonical.dumps(header), canonical.dumps(claims))


def signer(header: Mapping[str, Any], ring: KeyRing | None) -> str:
    """TOK-1: the kid of the active key of the reader that the header names."""
    kid = header.get("kid")
    if header.get("alg") != "Ed25519" or header.get("typ") != TYPE:
        refuse("TOK-1", "/header", expected=f"alg Ed25519 and typ {TYPE}", came=dict(header))
    if ring is None or not isinstance(kid, str) or kid not in ring.keys or ring.keys[kid].state != "active":
        refuse("TOK-1", "/header/kid", expected="an active key of a reader that is known here", came=kid)
    return str(kid)


def checked(claims: Mapping[str, Any], *, hub: str, now: datetime) -> Assertion:
    """What the claims of an assertion say to this hub (TOK-2, TOK-3)."""
    by, jti, expires = claims.get("iss"), claims.get("jti"), claims.get("exp")
    if not isinstance(by, str) or claims.get("sub") != by:
        refuse("TOK-3", "/sub", expected="iss and sub, both the reader's identifier", came=claims.get("sub"))
    if claims.get("aud") != hub:
        refuse("TOK-2", "/aud", expected=f"{hub} and nobody else", came=claims.get("aud"))
    if not isinstance(jti, str) or not 1 <= len(jti) <= JTI_CHARACTERS:
        refuse("TOK-3", "/jti", expected=f"a text of 1 to {JTI_CHARACTERS} characters", came=jti)
    seconds = now.timestamp()
    if not isinstance(expires, int) or isinstance(expires, bool):
        refuse("TOK-3", "/exp", expected="a number of seconds since 1970", came=expires)
        expires = 0
    if not seconds < expires <= seconds + ASSERTION_SECONDS:
        refuse("TOK-3", "/exp", expected="an instant within the next five minutes", came=expires)
    return Assertion(str(by), str(jti), expires)
