"""A network anchor: a few keys that together say which hubs belong to a network (docs/spec/authority.md).

    {"anchor":{"created":"…","jwks":[…],"name":"Bridge of the strait","salt":"…","threshold":2}}

Its identifier is the hash of exactly these bytes, so nobody has to vouch for it, and its keys never change. Its
word counts when `threshold` different keys of it have signed the same bytes, each in an envelope of its own.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from . import canonical, identifiers, keys
from .envelope import slices, verify_bytes
from .keys import PublicKey
from .limits import ANCHOR_KEYS, HEAD_BYTES
from .refusal import refuse
from .shapes import Shape, list_of
from .statement import Statement, Verified, check_issued

_ANCHOR = Shape(
    "AUTH-7",
    {
        "created": identifiers.instant,
        "jwks": list_of(keys.jwk, most=ANCHOR_KEYS),
        "name": identifiers.text,
        "salt": identifiers.salt,
        "threshold": identifiers.rev,
    },
)


@dataclass(frozen=True)
class Anchor:
    """The keys of an anchor by their thumbprints, and how many of them have to sign."""

    id: str
    name: str
    threshold: int
    keys: Mapping[str, PublicKey]

    def verified(self, statement: Statement, *, now: datetime) -> Verified:
        """Check one signature of one of its keys (STMT-2, STMT-3, SIG-1 to SIG-5). How many there are is `enough`."""
        if statement.by != self.id:
            refuse("STMT-2", "/statement/by", expected=self.id, came=statement.by)
        kid = verify_bytes(statement.envelope, {key.headers["statement"]: key for key in self.keys.values()})
        check_issued(statement, now)
        return Verified(statement, kid)

    def enough(self, kids: Iterable[str]) -> bool:
        """AUTH-3: whether so many different keys of this anchor have signed."""
        return len({kid for kid in kids if kid in self.keys}) >= self.threshold


def parse_file(raw: bytes) -> Anchor:
    """Read an anchor file (AUTH-7). Raises Refusal."""
    value = canonical.parse(raw.removesuffix(b"\n"), limit_bytes=HEAD_BYTES)
    if not isinstance(value, dict) or not isinstance(value.get("anchor"), dict):
        refuse("AUTH-7", "", expected="an object with a member 'anchor'", came=raw[:60].decode("utf-8", "replace"))
        return Anchor("", "", 1, {})
    told = _ANCHOR.check(value["anchor"], "/anchor")
    public = [PublicKey(base64.urlsafe_b64decode(jwk["x"] + "=")) for jwk in told["jwks"]]
    by_kid = {key.kid: key for key in public}
    if len(by_kid) < len(public):
        refuse("AUTH-7", "/anchor/jwks", expected="different keys", came="a key twice")
    if not 1 <= told["threshold"] <= len(by_kid):
        expected = f"a number from 1 to {len(by_kid)}, the number of keys"
        refuse("AUTH-7", "/anchor/threshold", expected=expected, came=told["threshold"])
    return Anchor(identifier_of(slices(raw)["anchor"]), told["name"], told["threshold"], by_kid)


def identifier_of(body: bytes) -> str:
    """The identifier that follows from the canonical bytes of an anchor."""
    hashed = hashlib.sha256(b"jisr-anchor-1\x00" + body).digest()
    return "jisr:" + base64.b32encode(hashed).decode().rstrip("=").lower()


def write_file(public: Sequence[PublicKey], *, name: str, threshold: int, created: str, salt: str) -> bytes:
    """The file of a new anchor. Raises Refusal when it would not be taken."""
    jwks = [keys.jwk_of(key.public) for key in public]
    value = {"created": created, "jwks": jwks, "name": name, "salt": salt, "threshold": threshold}
    raw = canonical.dumps({"anchor": value}) + b"\n"
    parse_file(raw)
    return raw
