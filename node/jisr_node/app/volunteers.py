"""Volunteers without a node, at the node of an intermediary.

    enrol(node, offer)          a profile, and the word of their link
    look(node, word)            what they filled in; None when the link leads to nothing
    change(node, word, offer)   the same with other words
    leave(node, word)           every copy goes: here at once, at hubs by a signed notice
    receipts(node, word)        which hubs have confirmed that
    expire(node)                what is over goes in the same way

Whatever a form says is kept as a draft: it is signed with the intermediary's next publish, which people decide.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

from jisr_protocol import identifiers, sealed
from jisr_protocol.reader import sealing
from jisr_protocol.refusal import Refusal

from .. import talking
from ..errors import Busy, Declined, HubRefused, HubUnreachable, Mistaken, Unscrubbed
from ..receipts import notices
from ..volunteers import desk, profiles
from ..volunteers.desk import Enrolled, Volunteers
from ..volunteers.profiles import Offer
from .messages import SCRUB, box_of
from .node import Node, clock

BASIS = "a volunteer asked for it"
ENROLLED_AT_MOST = 500
"""The form is open to anybody."""


@dataclass(frozen=True)
class Receipts:
    """What became of the copies of somebody who has gone. `here` is when the node erased its own; `hubs` the outcome at
    each hub that held one, `waiting` those that have not answered yet."""

    here: str
    hubs: dict[str, str]
    waiting: tuple[str, ...] = ()
    unheard: str = ""
    """Why hubs could not be asked now, in a sentence."""


def enrol(node: Node, offer: Offer, *, now: datetime | None = None) -> str:
    """Keep a profile; returns the word of its link. Raises Mistaken, with nothing kept, when something is at fault."""
    moment = now or clock()
    if sum(not row.gone for row in _store(node).volunteers()) >= ENROLLED_AT_MOST:
        raise Declined(f"There are {ENROLLED_AT_MOST} profiles already. Nothing was kept. Try again another day.")
    word = desk.word_of(node.random(desk.SECRET_BYTES))
    _keep(node, desk.key_of(word), offer, "", moment)
    return word


def look(node: Node, word: str, *, now: datetime | None = None) -> Offer | None:
    """What they filled in; None when the link is nobody's, or they have gone."""
    row = _row(node, word)
    if row is None or row.sealed is None or row.until <= identifiers.to_instant(now or clock()):
        return None
    return profiles.offer_of(_opened(node, row.sealed))


def change(node: Node, word: str, offer: Offer, *, now: datetime | None = None) -> None:
    """Replace what they filled in. Raises Mistaken."""
    if look(node, word, now=now) is None:
        raise Mistaken("This link leads to no profile. Nothing was changed.")
    row = _row(node, word)
    assert row is not None
    _keep(node, row.key, offer, row.record, now or clock())


def leave(node: Node, word: str, *, now: datetime | None = None) -> None:
    """Erase every copy: when this returns no file of the folder holds it; what hubs hold goes with the next push, by a
    notice that is signed now. Calling twice is safe. Raises Mistaken for a link that leads to nothing."""
    row = _row(node, word)
    if row is None:
        raise Mistaken("This link leads to no profile. Nothing was changed.")
    _erase(node, row, now or clock())


async def receipts(node: Node, word: str, *, now: datetime | None = None) -> Receipts | None:
    """Which copies are gone, as signed by the hubs; None when the link is nobody's or they have not gone."""
    row = _row(node, word)
    if row is None or not row.gone:
        return None
    found = Receipts(row.gone, {})
    if not any(row.record in said.ids for said in notices(node.store)):
        return found  # it never left this node
    try:
        told = await talking.confirmed(node, None, now or clock())
    except (HubUnreachable, HubRefused, Mistaken) as error:
        return replace(found, unheard=str(error))
    mine = [one for one in told if row.record in one.said.ids]
    hubs = {hub: outcome for one in mine for hub, outcome in one.confirmed.items()}
    waiting = sorted({hub for one in mine for hub in (*one.overdue, *one.waited_for)})
    return replace(found, hubs=hubs, waiting=tuple(waiting))


def expire(node: Node, *, now: datetime | None = None) -> int:
    """Erase what is over, and forget receipts that are old; how many profiles went."""
    moment, gone = now or clock(), 0
    for row in _store(node).volunteers():
        if not row.gone and row.until <= identifiers.to_instant(moment):
            _erase(node, row, moment)
            gone += 1
        elif row.gone and row.gone <= identifiers.to_instant(moment - timedelta(days=desk.RECEIPT_DAYS)):
            with node.store.transaction():
                _store(node).drop_volunteer(row.key)
    return gone


def listed(node: Node) -> list[Offer]:
    """Who is enrolled now, for those who keep this node: what they filled in, how to reach them too."""
    rows = [row.sealed for row in _store(node).volunteers() if not row.gone]
    return [profiles.offer_of(_opened(node, raw)) for raw in rows if raw is not None]


def _keep(node: Node, key: str, offer: Offer, record: str, now: datetime) -> None:
    if faults := offer.faults():
        name, code = next(iter(faults.items()))
        raise Mistaken(f"What was filled in does not fit: {name} ({code}). Nothing was kept.")
    draft = offer.draft(_intermediary(node), now)
    private = _sealed(node, offer)
    taken = node.edit(record, draft) if record else node.import_drafts([draft])
    if taken.refused:
        raise Mistaken(f"What was filled in does not fit: {taken.refused[0].faults[0]}. Nothing was kept.")
    until = identifiers.to_instant(offer.ends(now))
    with node.store.transaction():
        _store(node).put_volunteer(Enrolled(key, record or taken.ids[0], until, "", private))
        node.store.set(SCRUB, "yes")
    _scrub(node)


def _erase(node: Node, row: Enrolled, now: datetime) -> None:
    at = identifiers.to_instant(now)
    try:
        if not row.gone:
            node.erase(row.record, basis=BASIS, now=now)
    except (Unscrubbed, Mistaken):
        pass  # signed, and the scrub below does the rest; or the people here have erased the record themselves
    with node.store.transaction():
        _store(node).put_volunteer(Enrolled(row.key, row.record, at, row.gone or at, None))
        node.store.set(SCRUB, "yes")
    _scrub(node)


def _scrub(node: Node) -> None:
    """What was deleted or replaced leaves the files; while another process reads here, the next deletion does it."""
    try:
        node.store.scrub(SCRUB)
    except Busy:
        return


def _intermediary(node: Node) -> str:
    """The record of the organization that keeps this node."""
    for record in node.overview():
        if record["type"].startswith("org.jisr.organization/"):
            return str(record["id"])
    raise Declined("This node has no record of its organization yet, so it can stand for nobody. Add that first.")


def _store(node: Node) -> Volunteers:
    return cast(Volunteers, node.store)


def _row(node: Node, word: str) -> Enrolled | None:
    return _store(node).volunteer(desk.key_of(word))


def _sealed(node: Node, offer: Offer) -> bytes:
    plain = sealed.padded(json.dumps(offer.private()).encode())
    try:
        return sealing.seal(plain, node.identity.ring)
    except Refusal:
        raise Declined(
            "This node has no key for sealed things yet. Nothing was kept. Make one: jisr-node keys rotate"
        ) from None


def _opened(node: Node, raw: bytes) -> dict[str, Any]:
    plain = sealing.unseal(sealed.parse(raw), box_of(node).keys())
    value: dict[str, Any] = json.loads(plain.partition(b"\n")[0])
    return value
