"""An ack: a hub's signed word on what it did about a notice (docs/spec/notices.md).

    {"ack":{"at":"…","awaits":["jisr:…"],"by":"jisr:…","notice":"<digest>","outcome":"done"},"jws":"…"}

done      what the notice names was here, and is gone from everything this hub keeps and publishes; or is held back
guarded   nothing of it was here; a guard keeps it out
advice    it does not bind here, and nobody has decided yet
refused   it does not bind here, and the operator declined it, for a reason

`awaits` names the hubs that follow this one and whose acks it asks for, so that an author can see the whole way down.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from . import envelope, identifiers
from .envelope import Envelope
from .keys import KeyRing, SigningKey
from .limits import ACK_AWAITS, BASIS_CHARACTERS, CLOCK_SKEW_SECONDS
from .refusal import refuse
from .shapes import Shape, list_of, one_of

OUTCOMES = ("done", "guarded", "advice", "refused")


def _reason(value: object) -> str | None:
    fits = isinstance(value, str) and 0 < len(value) <= BASIS_CHARACTERS
    return None if fits else f"a text of 1 to {BASIS_CHARACTERS} characters"


_ACK = Shape(
    "ACK-1",
    {
        "at": identifiers.instant,
        "by": identifiers.node,
        "notice": identifiers.digest,
        "outcome": one_of(*OUTCOMES),
    },
    {"awaits": list_of(identifiers.node, most=ACK_AWAITS), "reason": _reason},
)


class Ack(msgspec.Struct, frozen=True):
    """A well-formed ack. Its signature is NOT checked; see `verified`."""

    envelope: Envelope
    by: str
    notice: str
    outcome: str
    at: datetime
    awaits: tuple[str, ...]
    reason: str


def parse(raw: bytes) -> Ack:
    """Read a signed ack: canonical (CAN), of its form (ACK-1). Raises Refusal."""
    return of(envelope.parse(raw, "ack"))


def of(thing: Envelope) -> Ack:
    """The ack that an envelope of kind ack holds (ACK-1)."""
    value = _ACK.check(thing.value, "/ack")
    at, awaits = identifiers.from_instant(value["at"]), tuple(value.get("awaits", ()))
    return Ack(thing, value["by"], value["notice"], value["outcome"], at, awaits, value.get("reason", ""))


def verified(ack: Ack, ring: KeyRing, *, now: datetime) -> Ack:
    """Check an ack under the keys of the hub it says it is by.

    Always checks: the ring is its signer's and a hub's (ACK-2), the signature (SIG-1 to SIG-5, KEY-6), that it was
    signed at most ten minutes ahead of `now` (ACK-3). Does not check that there is such a notice.
    """
    if ring.id != ack.by or ring.role != "hub":
        refuse("ACK-2", "/ack/by", expected=f"the hub {ring.id}", came=ack.by)
    ring.verify(ack.envelope)
    if ack.at > now + timedelta(seconds=CLOCK_SKEW_SECONDS):
        refuse("ACK-3", "/ack/at", expected=f"at most 10 minutes after {now:%Y-%m-%dT%H:%M:%SZ}", came=str(ack.at))
    return ack


def write(
    key: SigningKey,
    *,
    by: str,
    notice: str,
    outcome: str,
    at: datetime,
    awaits: tuple[str, ...] = (),
    reason: str = "",
) -> Ack:
    """Sign what `by` did about the notice of this digest. Made after the commit, never before."""
    value: dict[str, Any] = {"at": identifiers.to_instant(at), "by": by, "notice": notice, "outcome": outcome}
    if awaits:
        value["awaits"] = sorted(awaits)
    if reason:
        value["reason"] = reason
    return of(envelope.sealed("ack", value, key))
