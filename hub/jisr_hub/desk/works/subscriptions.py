"""Acts about portals that are told when the feed has grown: call one now, tell one no more."""

from __future__ import annotations

import msgspec

from ...webhooks.telling import OFF, Subscription, Subscriptions, renewed
from ..bench import N_, Asked, Bench, CannotAct, Result


async def retry(bench: Bench, asked: Asked) -> Result:
    """Call a portal in the next round, whatever pause it has; one that was switched off is asked anew. The subject is
    the subscription's id."""
    kept, one = await _found(bench, asked)
    if not one.failed and one.state != OFF:
        raise CannotAct(N_("Nothing was changed: no call to this portal has failed."))
    now = int(bench.hub.clock().timestamp())
    await kept.save(renewed(one, now) if one.state == OFF else msgspec.structs.replace(one, due=now))
    return Result({"subscription": one.id, "host": one.host}, sentence=one.host)


async def end(bench: Bench, asked: Asked) -> Result:
    """Tell a portal no more; it may subscribe anew."""
    kept, one = await _found(bench, asked)
    await kept.remove(one.id)
    return Result({"subscription": one.id, "host": one.host}, sentence=one.host)


async def _found(bench: Bench, asked: Asked) -> tuple[Subscriptions, Subscription]:
    one = await bench.subscriptions.get(asked.subject) if bench.subscriptions is not None else None
    if bench.subscriptions is None or one is None:
        raise CannotAct(N_("Nothing was changed: there is no such subscription."))
    return bench.subscriptions, one
