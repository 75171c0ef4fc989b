"""Notices: erase, hold and unhold, said by somebody who may (docs/spec/notices.md).

    {"jws":"…","notice":{"action":"erase","basis":"…","by":"jisr:…","id":"…","ids":["…"],"issued":"…","max_rev":3,
                         "n":1,"node":"jisr:…"}}

A notice names records of one node, by their ids or as `*`, up to a rev. In a log it stands once for each target, as an
entry whose op is its action (`target`). What it does to the live set is live.py's; whether it binds is `force`.
Pure: what is held already, and the time, are arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import msgspec

from . import envelope, identifiers, live
from .entry import Entry
from .envelope import Envelope, verify_bytes
from .keys import KeyRing, PublicKey, SigningKey
from .limits import BASIS_CHARACTERS, CLOCK_SKEW_SECONDS, HOLD_DAYS, NOTICE_TARGETS, REV_JUMP
from .live import Order
from .refusal import refuse
from .shapes import Shape, list_of, one_of

ALL = "*"
"""Stands for every record of the node."""
ACTIONS = ("erase", "hold", "unhold")
_uuids = list_of(identifiers.uuid, most=NOTICE_TARGETS)


def _ids(value: object) -> str | None:
    if value == ALL:
        return None
    if not isinstance(value, list) or not value or _uuids(value) or len(set(value)) != len(value):
        return f'"*", or a list of 1 to {NOTICE_TARGETS} different UUIDs'
    return None


def _max_rev(value: object) -> str | None:
    return None if value is None else identifiers.rev(value)


def _basis(value: object) -> str | None:
    fits = isinstance(value, str) and 0 < len(value) <= BASIS_CHARACTERS
    return None if fits else f"a text of 1 to {BASIS_CHARACTERS} characters"


_NOTICE = Shape(
    "NTC-1",
    {
        "action": one_of(*ACTIONS),
        "basis": _basis,
        "by": identifiers.node,
        "id": identifiers.uuid,
        "ids": _ids,
        "issued": identifiers.instant,
        "max_rev": _max_rev,
        "n": identifiers.rev,
        "node": identifiers.node,
    },
    {"expires": identifiers.instant, "jurisdiction": identifiers.text},
)


class Notice(msgspec.Struct, frozen=True):
    """A well-formed notice. Its signature is NOT checked; see `verified`. `ids` is empty when it names all records."""

    envelope: Envelope
    id: str
    action: str
    by: str
    node: str
    ids: tuple[str, ...]
    max_rev: int | None
    n: int
    issued: datetime
    expires: datetime | None

    @property
    def targets(self) -> tuple[str, ...]:
        """What its entries name, one each."""
        return self.ids or (ALL,)


class Force(Enum):
    """What a notice does at whoever received it."""

    BINDS = "binds"
    ADVICE = "advice"


def parse(raw: bytes) -> Notice:
    """Read a signed notice: canonical (CAN), of its form (NTC-1). Raises Refusal."""
    return of(envelope.parse(raw, "notice"))


def of(thing: Envelope) -> Notice:
    """The notice that an envelope of kind notice holds (NTC-1)."""
    value = _NOTICE.check(thing.value, "/notice")
    issued = identifiers.from_instant(value["issued"])
    expires = identifiers.from_instant(value["expires"]) if "expires" in value else None
    if expires is not None and expires <= issued:
        refuse("NTC-1", "/notice/expires", expected="an instant after issued", came=value["expires"])
    ids = () if value["ids"] == ALL else tuple(value["ids"])
    return Notice(
        thing, value["id"], value["action"], value["by"], value["node"], ids, value["max_rev"], value["n"], issued,
        expires,
    )  # fmt: skip


def target(entry: Entry) -> Notice:
    """The notice of an erase, hold or unhold entry: the op is its action, the target one of its own (NTC-2)."""
    if entry.thing is None or entry.thing.kind != "notice":
        refuse("NTC-2", "/op", expected="an entry with a notice", came=entry.op)
        raise ValueError("an entry without a notice has no target")
    found = of(entry.thing)
    if entry.op != found.action:
        refuse("NTC-2", "/op", expected=f"{found.action}, the action of its notice", came=entry.op)
    if entry.id not in found.targets:
        refuse("NTC-2", "/id", expected="one of the ids of its notice", came=entry.id)
    return found


def verified(notice: Notice, ring: KeyRing, *, now: datetime, keys: Mapping[str, PublicKey] | None = None) -> Notice:
    """Check a notice under the keys of the one it says it is by: all of `ring`, or these by their headers.

    Always checks: the ring is its signer's (NTC-3), the signature (SIG-1 to SIG-5, KEY-6), that it was issued at most
    ten minutes ahead of `now` (NTC-4). Does not check `expires`, which labels, nor whether it binds (`force`).
    """
    if ring.id != notice.by:
        refuse("NTC-3", "/notice/by", expected=ring.id, came=notice.by)
    verify_bytes(notice.envelope, ring.verifiers("notice") if keys is None else keys)
    if notice.issued > now + timedelta(seconds=CLOCK_SKEW_SECONDS):
        latest = f"at most 10 minutes after {now:%Y-%m-%dT%H:%M:%SZ}"
        refuse("NTC-4", "/notice/issued", expected=latest, came=str(notice.issued))
    return notice


def judge(notice: Notice, held: tuple[int, str] | None, newest_rev: int) -> Order:
    """Whether a notice goes on from (n, digest) of the last one held of the same (by, node), None when there is none.

    `newest_rev` is the highest rev held of what it names, 0 when nothing is. RISES: it is new. SAME: it is the one that
    is held. Refuses an older one, and another one with the same number (NTC-5), and a leap of n or max_rev (NTC-6).
    """
    n, digest = held or (0, "")
    order = live.order(notice.n, notice.envelope.digest, *(held or (None, None)))
    if order is Order.FALLS or order is Order.CONTRADICTS:
        expected = f"more than {n}" if order is Order.FALLS else f"the digest {digest} of this number"
        refuse("NTC-5", "/notice/n", expected=expected, came=notice.n)
    if notice.n - n > REV_JUMP:
        refuse("NTC-6", "/notice/n", expected=f"at most {n + REV_JUMP}", came=notice.n)
    if notice.max_rev is not None and notice.max_rev - newest_rev > REV_JUMP:
        refuse("NTC-6", "/notice/max_rev", expected=f"at most {newest_rev + REV_JUMP}", came=notice.max_rev)
    return order


def force(notice: Notice, *, own_feed: bool, home: str | None) -> Force:
    """Who may bind: the node itself by an entry of its own feed, or its home hub; all others give advice.

    `own_feed` says that the notice stands in a feed of the node, `home` who its home hub now is, None if not known.
    """
    own = notice.by == notice.node and own_feed
    return Force.BINDS if own or (home is not None and notice.by == home) else Force.ADVICE


def check_binds(notice: Notice, *, own_feed: bool, home: str | None) -> None:
    """Refuse what is advice only (NTC-7), for whoever is about to act on it; see `force`."""
    if force(notice, own_feed=own_feed, home=home) is Force.ADVICE:
        expected = f"{notice.node} in its own feed, or its home hub"
        refuse("NTC-7", "/notice/by", expected=expected, came=notice.by)


def ends(notice: Notice) -> datetime | None:
    """NTC-8: until when a hold binds; None for a node's own hold that names no end. A hub's ends by itself."""
    if notice.by == notice.node:
        return notice.expires
    last = notice.issued + timedelta(days=HOLD_DAYS)
    return last if notice.expires is None else min(notice.expires, last)


def holds_at(notice: Notice, now: datetime) -> bool:
    """Whether a hold still binds at this time (NTC-8)."""
    end = ends(notice)
    return end is None or now < end


def write(
    key: SigningKey,
    *,
    id: str,
    action: str,
    by: str,
    node: str,
    ids: tuple[str, ...],
    max_rev: int | None,
    n: int,
    issued: str,
    basis: str,
    expires: str | None = None,
    jurisdiction: str | None = None,
) -> Notice:
    """Make and sign a notice; no `ids` means all records of the node. Raises Refusal when it would not be taken."""
    value: dict[str, Any] = {
        "action": action,
        "basis": basis,
        "by": by,
        "id": id,
        "ids": list(ids) or ALL,
        "issued": issued,
        "max_rev": max_rev,
        "n": n,
        "node": node,
    }
    if expires is not None:
        value["expires"] = expires
    if jurisdiction is not None:
        value["jurisdiction"] = jurisdiction
    return of(envelope.sealed("notice", value, key))
