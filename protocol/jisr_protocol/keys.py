"""Keys and key statements: who may sign for an identifier (docs/spec/keys.md).

An identifier is the hash of its first key statement, so nobody has to vouch for it. Its statements form a numbered
chain: signing keys add and retire signing keys, a recovery key (named in the first statement, for ever) outranks them.
A retired key's earlier signatures stay good; a revoked key's do not count for anything that is not already held.

    Statement  first: {"action":"add","created","jwk","n":0,"recovery":[jwk],"role","salt"}       kind "key"
               later: {"action":"add"|"retire"|"revoke","created","n","node", "jwk" or "kid" …}   kind "key"
               {"action":"recover","created","jwk","n","node","revoked":[kid]}                    kind "recovery"

A revoke or recover statement may say in `last` how far each feed was good: {"public":["1-abc…",812]}. What the lost key
signed beyond that does not count, whenever it came (validity.py).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import nacl.bindings
import nacl.signing

from . import canonical, identifiers
from .envelope import Envelope, slices, verify_bytes
from .envelope import parse as parse_envelope
from .limits import KEYS_BYTES
from .refusal import refuse
from .shapes import Shape, list_of, one_of, position
from .signing import PublicKey as PublicKey
from .signing import SigningKey as SigningKey
from .signing import jwk_of as jwk_of
from .signing import thumbprint as thumbprint

_FEEDS = 16
Last = Mapping[str, tuple[str, int]]
"""Feed name → (epoch, size): how far each feed of an identifier was good when a key was lost."""


def jwk(value: object) -> str | None:
    """KEY-1: exactly crv, kty and x, and x a point of prime order in its one encoding."""
    expected = "an Ed25519 JWK of exactly crv, kty and x, on the curve and of prime order"
    if not isinstance(value, dict) or set(value) != {"crv", "kty", "x"} or identifiers.kid(value["x"]):
        return expected
    if value["crv"] != "Ed25519" or value["kty"] != "OKP":
        return expected
    public = base64.urlsafe_b64decode(value["x"] + "=")
    return None if nacl.bindings.crypto_core_ed25519_is_valid_point(public) else expected


_place = position(identifiers.epoch, identifiers.count)


def _places(value: object) -> str | None:
    """KEY-9: {feed name: [epoch, size]}, the entries [0, size) of each feed that stay good."""
    expected = "an object of feed names, each with [epoch, size]"
    if not isinstance(value, dict) or len(value) > _FEEDS:
        return expected
    return None if all(not identifiers.feed_name(name) and not _place(at) for name, at in value.items()) else expected


_FIRST = Shape(
    "KEY-1",
    {
        "action": one_of("add"),
        "created": identifiers.instant,
        "jwk": jwk,
        "n": identifiers.count,
        "recovery": list_of(jwk, most=4),
        "role": one_of("node", "hub"),
        "salt": identifiers.salt,
    },
)
_LATER = Shape(
    "KEY-1",
    {
        "action": one_of("add", "retire", "revoke"),
        "created": identifiers.instant,
        "n": identifiers.count,
        "node": identifiers.node,
    },
    {"jwk": jwk, "kid": identifiers.kid, "reason": identifiers.text},
)
_RECOVERY = Shape(
    "KEY-1",
    {
        "action": one_of("recover"),
        "created": identifiers.instant,
        "jwk": jwk,
        "n": identifiers.count,
        "node": identifiers.node,
        "revoked": list_of(identifiers.kid, most=64),
    },
    {"reason": identifiers.text},
)


@dataclass(frozen=True, slots=True)
class KeyState:
    """A signing key and what the chain says of it: active, retired or revoked, since when and why.

    `last` says how far a revoked key's signatures stay good; None where the revocation did not say.
    """

    key: PublicKey
    state: str
    at: str = ""
    reason: str = ""
    last: Last | None = None
    recovered: bool = False
    """A recovery statement said so, which outranks whatever a thief may say."""

    def ended(self, state: str, value: dict[str, Any], last: Last | None = None) -> KeyState:
        """The same key after a statement took its right to sign."""
        key = PublicKey(self.key.public, revoked=True) if state == "revoked" else self.key
        return KeyState(key, state, value["created"], value.get("reason", ""), last, value["action"] == "recover")


@dataclass(frozen=True)
class KeyRing:
    """The keys of one identifier after a chain of statements. Immutable: `admit` returns the next ring."""

    id: str
    role: str
    next_n: int
    keys: dict[str, KeyState]
    recovery: tuple[PublicKey, ...]
    statements: tuple[Envelope, ...]

    def admit(self, statement: Envelope) -> KeyRing:
        """Add the next statement of this chain. Raises Refusal (KEY-1 to KEY-5, SIG-1 to SIG-5)."""
        if statement.kind == "recovery":
            return self._recover(statement)
        value = _LATER.check(statement.value, "/key")
        if value.get("node") != self.id:
            refuse("KEY-3", "/key/node", expected=self.id, came=value.get("node"))
        if value.get("n") != self.next_n:
            refuse("KEY-4", "/key/n", expected=f"the next number {self.next_n}", came=value.get("n"))
        kid = self.verify(statement)
        if kid in self.keys and self.keys[kid].state == "retired":
            refuse("KEY-6", "/jws", expected="an active signing key", came=f"the retired key {kid}")
        return self._with(statement, self._changed(value))

    def _changed(self, value: dict[str, Any]) -> dict[str, KeyState]:
        keys = dict(self.keys)
        if value["action"] == "add":
            if "jwk" not in value:
                refuse("KEY-1", "/key", expected="a member 'jwk'", came="an object without it")
                return keys
            added = PublicKey(_public(value["jwk"]))
            self._never_named(added, "/key/jwk")
            keys[added.kid] = KeyState(added, "active", value["created"])
        else:
            kid = value.get("kid", "")
            if kid not in keys or keys[kid].state == "revoked":
                refuse("KEY-5", "/key/kid", expected="a signing key of this chain", came=kid)
                return keys
            state = {"revoke": "revoked", "retire": "retired"}[value["action"]]
            keys[kid] = keys[kid].ended(state, value, last_of(value) if state == "revoked" else None)
        return keys

    def _recover(self, statement: Envelope) -> KeyRing:
        """A recovery statement takes number n and replaces every later statement: it outranks them (KEY-4)."""
        value = _RECOVERY.check(statement.value, "/recovery")
        if value.get("node") != self.id:
            refuse("KEY-3", "/recovery/node", expected=self.id, came=value.get("node"))
        n = value.get("n", 0)
        if not 1 <= n <= self.next_n:
            refuse("KEY-4", "/recovery/n", expected=f"a number from 1 to {self.next_n}", came=n)
        verify_bytes(statement, {key.headers["recovery"]: key for key in self.recovery})
        base = fold(self.statements[:n])
        last, named = last_of(value, "/recovery"), set(value["revoked"])
        keys = dict(base.keys)
        for kid in named & (self.keys.keys() | keys.keys()):
            keys[kid] = (keys.get(kid) or self.keys[kid]).ended("revoked", value, last)
        for kid in self.keys.keys() - keys.keys():  # nothing that only the replaced statements brought was ever good
            keys[kid] = self.keys[kid].ended("revoked", value, None if last is None else {})
        fresh = PublicKey(_public(value["jwk"]))
        self._never_named(fresh, "/recovery/jwk")
        keys[fresh.kid] = KeyState(fresh, "active", value["created"])
        return replace(base, keys=keys, next_n=n + 1, statements=(*self.statements[:n], statement))

    def _never_named(self, key: PublicKey, pointer: str) -> None:
        if key.kid in self.keys or any(key.kid == r.kid for r in self.recovery):
            refuse("KEY-5", pointer, expected="a key that this chain has never named", came=key.kid)

    def _with(self, statement: Envelope, keys: dict[str, KeyState]) -> KeyRing:
        return replace(self, keys=keys, next_n=self.next_n + 1, statements=(*self.statements, statement))

    def verify(self, thing: Envelope, *, active_only: bool = False) -> str:
        """Check the signature of `thing` under this ring; return the kid that signed it.

        Always checks the protected header, the key, that it is not revoked (KEY-6), the signature (SIG-1 to SIG-5);
        with `active_only`, for things said now such as heads, that it is not retired either. Does not check
        what the thing says, nor whether its writer may say it.
        """
        headers = {state.key.headers[thing.kind]: state.key for state in self.keys.values()}
        kid = verify_bytes(thing, headers)
        if active_only and kid in self.keys and self.keys[kid].state == "retired":
            refuse("HEAD-4", "/jws", expected="an active signing key", came=f"the retired key {kid}")
        return kid

    def verifiers(self, kind: str) -> dict[str, PublicKey]:
        """Protected header → key, for every key of the chain; a revoked one refuses by itself (KEY-6)."""
        return {s.key.headers[kind]: s.key for s in self.keys.values()}


def last_of(value: dict[str, Any], pointer: str = "/key") -> Last | None:
    """KEY-9: how far a revocation or recovery says that each feed was good; None where it does not say."""
    if "last" not in value:
        return None
    if expected := _places(value["last"]):
        refuse("KEY-9", f"{pointer}/last", expected=expected, came=value["last"])
        return None
    return {str(name): (str(at[0]), int(at[1])) for name, at in value["last"].items()}


def begin(statement: Envelope) -> KeyRing:
    """Open the ring of a first key statement, which signs itself (KEY-1) and names its identifier (KEY-2)."""
    value = _FIRST.check(statement.value, "/key")
    if statement.kind != "key" or value.get("n") != 0 or "node" in value:
        refuse("KEY-4", "/key/n", expected="a first statement: n 0, no member node", came=value.get("n"))
    first = PublicKey(_public(value["jwk"]))
    verify_bytes(statement, {first.headers["key"]: first})
    recovery = tuple(PublicKey(_public(j)) for j in value["recovery"])
    if len({first.kid, *(key.kid for key in recovery)}) <= len(recovery):
        refuse("KEY-5", "/key/recovery", expected="no key twice", came=first.kid)
    return KeyRing(
        id=identifiers.identifier_of(statement.body),
        role=value["role"],
        next_n=1,
        keys={first.kid: KeyState(first, "active", value["created"])},
        recovery=recovery,
        statements=(statement,),
    )


def fold(statements: Iterable[Envelope], *, expected_id: str | None = None) -> KeyRing:
    """The ring of a whole chain, first statement first. With `expected_id` it must be that identifier's (KEY-2)."""
    ring: KeyRing | None = None
    for statement in statements:
        ring = begin(statement) if ring is None else ring.admit(statement)
    if ring is None:
        refuse("KEY-4", "", expected="at least one key statement", came="none")
        raise ValueError("no key statement")
    if expected_id is not None and ring.id != expected_id:
        refuse("KEY-2", "", expected=expected_id, came=ring.id)
    return ring


def longer(held: KeyRing, offered: KeyRing) -> KeyRing:
    """KEY-8: a chain only grows, unless a recovery statement takes its place from some number on.

    A chain that only lacks the newest statements is an old copy of the same: what is held stays.
    """
    for index, (mine, theirs) in enumerate(zip(held.statements, offered.statements, strict=False)):
        if mine.digest != theirs.digest:
            if mine.kind == "recovery" and theirs.kind != "recovery":
                return held
            if theirs.kind != "recovery":
                refuse("KEY-8", f"/keys/{index}", expected=mine.digest, came=theirs.digest)
            return offered
    return offered if len(offered.statements) > len(held.statements) else held


def first_statement(
    key: SigningKey, recovery: list[PublicKey], *, role: str, created: str, salt: str
) -> dict[str, Any]:
    """The first key statement of a new identifier, to be signed by `key` as kind "key"."""
    return {
        "action": "add",
        "created": created,
        "jwk": jwk_of(key.public.public),
        "n": 0,
        "recovery": [jwk_of(r.public) for r in recovery],
        "role": role,
        "salt": salt,
        **({"enc": key.opening.jwk} if role == "node" else {}),
    }


def encryption_key(ring: KeyRing) -> bytes | None:
    """KEY-17: the X25519 public key by which messages are sealed to the owner of a chain; None when it has none.

    It came with an active signing key, the newest of those. One of another form counts as none: readers that do not
    know the member take the chain all the same, so nobody may refuse it.
    """
    found = None
    for statement in ring.statements:
        value = statement.value
        state = ring.keys.get(thumbprint(_public(value["jwk"]))) if "jwk" in value else None
        if state is not None and state.state == "active" and "enc" in value:
            found = _sealing(value["enc"])
    return found


def _sealing(value: object) -> bytes | None:
    if not isinstance(value, dict) or set(value) != {"crv", "kty", "x"} or identifiers.kid(value["x"]):
        return None
    return _public(value) if value["crv"] == "X25519" and value["kty"] == "OKP" else None


def subject_of(statement: Envelope) -> tuple[str, str]:
    """(identifier, kid) that a statement is about: the columns `node` and `id` of its leaf."""
    value = statement.value
    node = value.get("node") or identifiers.identifier_of(statement.body)
    kid = thumbprint(_public(value["jwk"])) if "jwk" in value else value.get("kid", "")
    return node, kid


def write_file(ring: KeyRing) -> bytes:
    """The file keys.json: the chain of key statements of a publisher (KEY-7)."""
    return b'{"keys":[' + b",".join(statement.raw for statement in ring.statements) + b"]}\n"


def parse_file(raw: bytes) -> list[Envelope]:
    """Read a keys.json; fold it with `fold` (KEY-7). Raises Refusal."""
    value = canonical.parse(raw.removesuffix(b"\n"), limit_bytes=KEYS_BYTES)
    if not isinstance(value, dict) or not isinstance(value.get("keys"), list) or not value["keys"]:
        refuse("KEY-7", "/keys", expected="a list of signed key statements", came=value)
        return []
    parts = msgspec.json.decode(slices(raw)["keys"], type=list[msgspec.Raw])
    kinds = ["recovery" if isinstance(s, dict) and "recovery" in s else "key" for s in value["keys"]]
    return [parse_envelope(bytes(p), k) for p, k in zip(parts, kinds, strict=True)]


def _public(value: dict[str, str]) -> bytes:
    return base64.urlsafe_b64decode(value["x"] + "=")


def parse_statement(kind: str, jws: str, body: bytes) -> Envelope:
    """A key statement kept in its raw parts; canonical bytes are checked again (CAN)."""
    return Envelope(kind, jws, body, canonical.parse(body))
