"""Asking a hub to be let in (docs/spec/authority.md): a node's keys, its own word that this hub is its home, a code.

    {"code":"…","home":{"jws":"…","statement":{…}},"keys":[…],"name":"Dar Chabab"}

`parse` gives back only what proves itself: the chain of keys, and under it the node's word. Whether the code is good is
the hub's to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import orjson

from . import canonical, envelope, keys, statement
from .envelope import slices
from .keys import KeyRing
from .limits import ADMISSION_BYTES
from .refusal import refuse
from .shapes import Shape, any_object
from .statement import HOME, Verified

NAME_CHARACTERS = 300


def _name(value: object) -> str | None:
    fits = isinstance(value, str) and 0 < len(value) <= NAME_CHARACTERS
    return None if fits else f"a text of 1 to {NAME_CHARACTERS} characters"


def _code(value: object) -> str | None:
    return None if isinstance(value, str) and len(value) <= 100 else "a text of at most 100 characters"


def _chain(value: object) -> str | None:
    return None if isinstance(value, list) and value else "a list of signed key statements"


_REQUEST = Shape("ADM-1", {"code": _code, "home": any_object, "keys": _chain, "name": _name})


@dataclass(frozen=True)
class Asked:
    """Who asks: its keys, its name for people, its word about its home hub, and the code of an invitation or ""."""

    ring: KeyRing
    name: str
    home: Verified
    code: str


def write(ring: KeyRing, *, home: statement.Statement, name: str, code: str = "") -> bytes:
    """The body of a request."""
    chain = b",".join(one.raw for one in ring.statements)
    told = b'"keys":[%b],"name":%b' % (chain, orjson.dumps(name))
    return b'{"code":%b,"home":%b,%b}\n' % (orjson.dumps(code), home.envelope.raw, told)


def parse(raw: bytes, *, hub: str, now: datetime) -> Asked:
    """Read a request to `hub`. Raises Refusal: ADM-1 its form, KEY and SIG its keys, ADM-2 that the node asks."""
    value = canonical.parse(raw.removesuffix(b"\n"), limit_bytes=ADMISSION_BYTES)
    told = _REQUEST.check(value)
    parts = slices(raw)
    ring = keys.fold(keys.parse_file(b'{"keys":%b}' % parts["keys"]))
    home = statement.of(envelope.parse(parts["home"], "statement"))
    if ring.role != "node":
        refuse("ADM-2", "/keys", expected="the keys of a node", came=f"those of a {ring.role}")
    if home.type != HOME or home.value.get("home") != hub:
        refuse("ADM-2", "/home", expected=f"a statement that names {hub}", came=str(home.value.get("home")))
    return Asked(ring, told["name"], statement.verified(home, ring, now=now), told["code"])
