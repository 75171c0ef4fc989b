"""Acts about sources: ask one no more, ask it again, ask it now; and what to do where much has gone at once."""

from __future__ import annotations

from jisr_protocol import identifiers

from ...ports.history import Way
from ...takedown.acknowledging import Acknowledgements, Receipt
from ...views.policies import Brake
from ..alarms import Alarm, alarms
from ..bench import N_, Asked, Bench, CannotAct, Result, Undo
from ..sources import Sources, listed


async def stop(bench: Bench, asked: Asked) -> Result:
    """Ask a source no more until it is resumed; what came of it stays."""
    sources, way = await _fetched(bench, asked)
    if (held := (await sources.orders(way)).get(asked.subject)) is not None and held.stopped_at:
        raise CannotAct(N_("Nothing was changed: this source is stopped already."))
    await sources.order(asked.subject, way, stopped_at=_now(bench))
    return Result({"source": asked.subject}, undo=Undo("source_resume", asked.subject))


async def resume(bench: Bench, asked: Asked) -> Result:
    """Ask a source again, at once."""
    sources, way = await _fetched(bench, asked)
    if (held := (await sources.orders(way)).get(asked.subject)) is None or not held.stopped_at:
        raise CannotAct(N_("Nothing was changed: this source is not stopped."))
    await sources.order(asked.subject, way, stopped_at="", retry_at=_now(bench))
    return Result({"source": asked.subject}, undo=Undo("source_stop", asked.subject))


async def retry(bench: Bench, asked: Asked) -> Result:
    """Ask a source now, whatever pause it has."""
    sources, way = await _fetched(bench, asked)
    await sources.order(asked.subject, way, retry_at=_now(bench))
    return Result({"source": asked.subject})


async def look(bench: Bench, asked: Asked) -> Result:
    """Remember that somebody has looked at what much a source has ended or renamed, and that it is meant."""
    key = (asked.subject, asked.text("way"), asked.text("began"), asked.text("by"))
    found = await _sources(bench).round(key)
    if found is None or not found.alarm or found.looked:
        raise CannotAct(N_("Nothing was changed: nothing of this source waits for you."))
    await _sources(bench).look(found, "meant")
    return Result({"source": asked.subject, "gone": found.gone, "renamed": found.renamed})


async def release(bench: Bench, asked: Asked) -> Result:
    """Let what a peer's feed has dropped leave here too, in its next round."""
    sources, brake = await _brake(bench, asked)
    at = _now(bench)
    await sources.keep_brake(asked.subject, Brake(asked.subject, brake.leaving, brake.live, True), at)
    await sources.begin_again(asked.subject)
    await sources.order(asked.subject, Way.PEER, kept=0, retry_at=at)
    return Result({"peer": asked.subject, "leaving": brake.leaving, "live": brake.live})


async def keep(bench: Bench, asked: Asked) -> Result:
    """Keep what a peer's feed has dropped; asked again only when it drops more."""
    sources, brake = await _brake(bench, asked)
    await sources.order(asked.subject, Way.PEER, kept=brake.leaving)
    return Result({"peer": asked.subject, "kept": brake.leaving}, undo=Undo("brake_ask", asked.subject))


async def ask(bench: Bench, asked: Asked) -> Result:
    """Take back that what a peer's feed has dropped is kept: it waits for somebody again."""
    sources, brake = await _brake(bench, asked)
    await sources.order(asked.subject, Way.PEER, kept=0)
    return Result({"peer": asked.subject}, undo=Undo("brake_keep", asked.subject) if brake.leaving else None)


async def overdue(bench: Bench) -> dict[str, list[Receipt]]:
    """The notices about which a hub's ack is late, by hub."""
    found: dict[str, list[Receipt]] = {}
    for receipt in await Acknowledgements(bench.hub).receipts():
        for hub in receipt.overdue:
            found.setdefault(hub, []).append(receipt)
    return found


async def alarms_of(bench: Bench) -> list[Alarm]:
    """What of sources and peers needs somebody, what weighs most first."""
    found = await listed(_sources(bench), bench.hub.clock())
    late = {hub: len(receipts) for hub, receipts in (await overdue(bench)).items()}
    return alarms(found, late, bench.hub.clock())


def _sources(bench: Bench) -> Sources:
    if bench.sources is None:
        raise RuntimeError("these acts need what is kept of sources")
    return bench.sources


def _now(bench: Bench) -> str:
    return identifiers.to_instant(bench.hub.clock())


async def _fetched(bench: Bench, asked: Asked) -> tuple[Sources, Way]:
    """By which way this hub asks a source. Raises CannotAct where it does not."""
    if any(one.hub == asked.subject for one in await bench.hub.ledger.peers()):
        return _sources(bench), Way.PEER
    if any(one.node == asked.subject for one in await bench.hub.ledger.pulls()):
        return _sources(bench), Way.PULL
    raise CannotAct(N_("Nothing was changed: this hub does not fetch from there."))


async def _brake(bench: Bench, asked: Asked) -> tuple[Sources, Brake]:
    brake = (await _sources(bench).brakes()).get(asked.subject)
    if brake is None or brake.released:
        raise CannotAct(N_("Nothing was changed: nothing of this source waits for you."))
    return _sources(bench), brake
