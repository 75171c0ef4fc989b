"""Acts about other hubs: following one, and awaiting the acks of one."""

from __future__ import annotations

from jisr_protocol import identifiers

from ...ports import Peer
from ...ports.notices import Follower
from ..bench import Asked, Bench, CannotAct, Result, Undo


async def add(bench: Bench, asked: Asked) -> Result:
    """Follow a hub (`name`, `feed`) from the next round on; who it is was compared before."""
    if identifiers.node(asked.subject) or not asked.text("feed"):
        raise CannotAct("Nothing was changed. Expected a hub's identifier and the address of its feed.")
    if any(one.hub == asked.subject for one in await bench.hub.ledger.peers()):
        raise CannotAct("Nothing was changed: %(hub)s is followed already.", hub=asked.subject)
    await bench.hub.ledger.keep_peer(Peer(asked.subject, asked.text("name"), asked.text("feed"), 0, ""))
    return Result({"hub": asked.subject, "name": asked.text("name"), "feed": asked.text("feed")})


async def add_follower(bench: Bench, asked: Asked) -> Result:
    """Await the acks of a hub from now on."""
    if expected := identifiers.node(asked.subject):
        raise CannotAct(
            "Nothing was changed. Expected a hub's or node's identifier, %(expected)s; came %(came)s.",
            expected=expected,
            came=asked.subject,
        )
    at = identifiers.to_instant(bench.hub.clock())
    await bench.hub.ledger.keep_follower(Follower(asked.subject, asked.text("name"), at))
    facts = {"hub": asked.subject, "name": asked.text("name")}
    return Result(facts, undo=Undo("follower_remove", asked.subject))


async def remove_follower(bench: Bench, asked: Asked) -> Result:
    """Await nothing of a hub any more."""
    held = {one.hub: one for one in await bench.hub.ledger.followers()}
    if asked.subject not in held:
        raise CannotAct("Nothing was changed: %(hub)s is not listed.", hub=asked.subject)
    await bench.hub.ledger.drop_follower(asked.subject)
    undo = Undo("follower_add", asked.subject, {"name": held[asked.subject].name})
    return Result({"hub": asked.subject}, undo=undo)
