"""Statements: who says what of whom, so that others may rely on it (docs/spec/authority.md).

    {"jws":"…","statement":{"by":"jisr:…","constraints":{"countries":["MA"]},"expires":"…","id":"…","issued":"…","n":1,
                            "name":"Dar Chabab","subject":"jisr:…","type":"org.jisr.node/1"}}

`parse` reads one, `verified` checks it under its signer's keys, `judge` says how it stands to the one that is held.
What statements come to together is authority.py. Pure: what is held already, and the time, are arguments.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import msgspec

from . import constraints, envelope, identifiers, live
from .constraints import Constraints
from .envelope import Envelope, claimed_kid
from .keys import KeyRing, SigningKey
from .limits import CLOCK_SKEW_SECONDS, REV_JUMP
from .live import Order
from .refusal import refuse
from .shapes import Check, Shape

HUB = "org.jisr.hub/1"
"""By a network anchor: the subject is a hub of its network."""
NODE = "org.jisr.node/1"
"""By a hub: the subject is a node it has admitted and speaks for."""
WITHDRAWAL = "org.jisr.withdrawal/1"
"""By whoever made a statement: it does not hold any more."""
HOME = "org.jisr.home/1"
"""By a node about itself, in its own feed: which hub is its home from that position on."""
DOMAIN = "org.jisr.domain/1"
"""By a hub: the subject was seen to control a domain."""

_DOMAIN = re.compile(r"(?=.{4,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])")


def domain(value: object) -> str | None:
    """A name of the Internet in lowercase A-labels: no address, no port, no final dot."""
    ok = isinstance(value, str) and _DOMAIN.fullmatch(value)
    return None if ok else "a domain name in lowercase, such as dar-chabab.ma"


_BASE = {
    "by": identifiers.node,
    "id": identifiers.uuid,
    "issued": identifiers.instant,
    "n": identifiers.rev,
    "subject": identifiers.node,
    "type": identifiers.type_name,
}
_ENDS: dict[str, Check] = {"expires": identifiers.instant}
_MEMBERS: dict[str, tuple[dict[str, Check], dict[str, Check]]] = {
    HUB: (_ENDS, {"constraints": constraints.form, "name": identifiers.text}),
    NODE: (_ENDS | {"name": identifiers.text}, {"constraints": constraints.form}),
    WITHDRAWAL: ({"of": identifiers.type_name, "reason": identifiers.text}, {}),
    HOME: ({"home": identifiers.node}, {}),
    DOMAIN: ({"checked": identifiers.instant, "domain": domain}, _ENDS),
}
_SHAPES = {
    name: Shape("STMT-1", {**_BASE, **required}, {**_ENDS, **optional})
    for name, (required, optional) in _MEMBERS.items()
}
_UNKNOWN = Shape("STMT-1", _BASE, _ENDS)


class Statement(msgspec.Struct, frozen=True):
    """A well-formed statement. Its signature is NOT checked; see Verified."""

    envelope: Envelope
    type: str
    by: str
    subject: str
    n: int
    issued: datetime
    expires: datetime | None

    @property
    def digest(self) -> str:
        return self.envelope.digest

    @property
    def claimed_kid(self) -> str:
        """The key it says it is signed with; nothing is checked."""
        return claimed_kid(self.envelope)

    @property
    def about(self) -> str:
        """The type that it gives or takes back."""
        return str(self.value["of"]) if self.type == WITHDRAWAL else self.type

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Under which its number rises: who, of whom, what, and what a withdrawal withdraws."""
        return self.by, self.subject, self.type, self.about

    @property
    def value(self) -> dict[str, Any]:
        return self.envelope.value

    @property
    def constraints(self) -> Constraints:
        return constraints.of(self.value.get("constraints"))


class Verified(msgspec.Struct, frozen=True):
    """A statement and the key that signed it. Made by `verified` and anchor.Anchor.verified, or read from a ledger that
    keeps only such."""

    statement: Statement
    kid: str


def parse(raw: bytes) -> Statement:
    """Read a signed statement: canonical (CAN), of its form (STMT-1). Raises Refusal."""
    return of(envelope.parse(raw, "statement"))


def of(thing: Envelope) -> Statement:
    """The statement that an envelope of that kind holds. One of an unknown type needs the common members only."""
    named = thing.value.get("type")
    value = _SHAPES.get(named if isinstance(named, str) else "", _UNKNOWN).check(thing.value, "/statement")
    issued = identifiers.from_instant(value["issued"])
    expires = identifiers.from_instant(value["expires"]) if "expires" in value else None
    if expires is not None and expires <= issued:
        refuse("STMT-1", "/statement/expires", expected="an instant after issued", came=value["expires"])
    if named == HOME and value["by"] != value["subject"]:
        refuse("STMT-2", "/statement/by", expected=f"the node itself, {value['subject']}", came=value["by"])
    return Statement(thing, value["type"], value["by"], value["subject"], value["n"], issued, expires)


def verified(statement: Statement, ring: KeyRing, *, now: datetime) -> Verified:
    """Check a statement under the keys of the one it says it is by.

    Always checks: the ring is its signer's (STMT-2), the signature (SIG-1 to SIG-5, KEY-6), that it was issued at most
    ten minutes ahead of `now` (STMT-3). Does not check `expires`, nor whether anybody has to believe it (authority.py).
    """
    if ring.id != statement.by:
        refuse("STMT-2", "/statement/by", expected=ring.id, came=statement.by)
    kid = ring.verify(statement.envelope)
    check_issued(statement, now)
    return Verified(statement, kid)


def check_issued(statement: Statement, now: datetime) -> None:
    """STMT-3: nobody speaks from the future."""
    if statement.issued > now + timedelta(seconds=CLOCK_SKEW_SECONDS):
        latest = f"at most 10 minutes after {now:%Y-%m-%dT%H:%M:%SZ}"
        refuse("STMT-3", "/statement/issued", expected=latest, came=identifiers.to_instant(statement.issued))


def judge(statement: Statement, held: tuple[int, str] | None) -> Order:
    """Whether a statement goes on from (n, digest) of the newest one held under the same `key`.

    RISES: it is new. SAME: it is the one that is held, perhaps with a further signature. Refuses an older one, another
    one with the same number, and a leap of n (STMT-4).
    """
    n, digest = held or (0, "")
    order = live.order(statement.n, statement.digest, *(held or (None, None)))
    if order is Order.FALLS or order is Order.CONTRADICTS:
        expected = f"more than {n}" if order is Order.FALLS else f"the digest {digest} of this number"
        refuse("STMT-4", "/statement/n", expected=expected, came=statement.n)
    if statement.n - n > REV_JUMP:
        refuse("STMT-4", "/statement/n", expected=f"at most {n + REV_JUMP}", came=statement.n)
    return order


def write(
    key: SigningKey, type: str, *, id: str, by: str, subject: str, n: int, issued: str, **members: Any
) -> Statement:
    """Make and sign a statement; `members` are those of its type. Raises Refusal when it would not be taken."""
    value = {"by": by, "id": id, "issued": issued, "n": n, "subject": subject, "type": type, **members}
    return of(envelope.sealed("statement", value, key))
