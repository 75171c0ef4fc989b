"""What a hub does that its own signature shows: receipts that contradict each other, a feed that stands still. Pure."""

from __future__ import annotations

import contextlib
from datetime import datetime

from jisr_protocol import evidence, head, identifiers, receipt
from jisr_protocol.envelope import Envelope
from jisr_protocol.evidence import Evidence
from jisr_protocol.keys import KeyRing
from jisr_protocol.refusal import Refusal

FROZEN = "frozen "
"""Begins the name of each setting that says a hub signs no new head of its public feed."""


def between(held: bytes | None, came: Envelope, ring: KeyRing) -> Evidence | None:
    """The evidence that a hub's receipt contradicts the one held of the same feed; None when it does not."""
    if held is None:
        return None
    for kind in ("fork", "rollback"):
        case = Evidence(kind, (receipt.parse(held), came), ring.statements)
        with contextlib.suppress(Refusal):
            evidence.judge(case)
            return case
    return None


def frozen(address: str, raw: bytes, ring: KeyRing, now: datetime) -> str:
    """What to tell about the head that a hub shows its readers: "" when it is one that can be relied on."""
    try:
        shown = head.verified(head.parse(raw), ring, now=now).head
    except Refusal as refusal:
        return (
            f"The hub {address} shows its readers a head that is not one of its own ({refusal}). What it confirmed to "
            "this node it may not be showing. Nothing is lost here. Ask its operator."
        )
    if not head.expired(shown, now, role=ring.role):
        return ""
    return (
        f"The hub {address} has signed nothing new for its readers since {identifiers.to_instant(shown.time)}: they do "
        "not see what it confirmed to this node after that. Nothing is lost here. Ask its operator."
    )
