"""Acts about notices that do not bind here: doing what one asks by a notice of this hub, or leaving it undone."""

from __future__ import annotations

from jisr_protocol.limits import BASIS_CHARACTERS

from ...ports.notices import OPEN
from ...takedown.acknowledging import Acknowledgements, Receipt
from ..bench import N_, Asked, Bench, CannotAct, Result
from . import holding


async def open_notices(bench: Bench) -> list[Receipt]:
    """Notices that wait for a decision, oldest first."""
    return [one for one in await Acknowledgements(bench.hub).receipts() if one.handled.task == OPEN]


async def accept(bench: Bench, asked: Asked) -> Result:
    """Hold back here too what a notice asks to hold. What it asks to erase is done by a command, which waits until no
    file holds it."""
    waiting = await _named(bench, asked)
    said = waiting.said.notice
    if said.action != "hold":
        raise CannotAct(N_("Nothing was changed. Erasing is done by a command: jisr-hub notices accept."))
    basis = f"as asked by {said.by}: {asked.reason}"[:BASIS_CHARACTERS]
    for target in said.targets:
        wanted = Asked("hold", f"{said.node}/{target}", basis, {"max_rev": said.max_rev})
        await holding.hold(bench, wanted)
    await Acknowledgements(bench.hub).accept(said.envelope.digest, asked.reason)
    return Result({"notice": said.id, "decided": "accepted", "action": said.action, "reason": asked.reason})


async def decline(bench: Bench, asked: Asked) -> Result:
    """Leave it undone; whoever asked may read the reason."""
    said = (await _named(bench, asked)).said.notice
    await Acknowledgements(bench.hub).decline(said.envelope.digest, asked.reason)
    return Result({"notice": said.id, "decided": "declined", "action": said.action, "reason": asked.reason})


async def _named(bench: Bench, asked: Asked) -> Receipt:
    found = [one for one in await open_notices(bench) if one.said.notice.id == asked.subject]
    if len(found) != 1:
        raise CannotAct(N_("Nothing was changed: this was decided already."))
    return found[0]
