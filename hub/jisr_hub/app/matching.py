"""Matching at a running hub: profiles stand in its restricted feeds, each in a ledger of its own."""

from __future__ import annotations

from jisr_protocol import identifiers
from jisr_protocol.matching import Facts

from ..storage.matching import held_facts
from ..storage.sql import SqlLedger
from ..web.matches import Held
from .opening import Running


def profiles_of(running: Running) -> Held:
    """Every profile in a restricted feed of this hub, once: who agreed to no more is in none."""

    async def held() -> list[tuple[str, Facts]]:
        now, found = identifiers.to_instant(running.hub.clock()), list[tuple[str, Facts]]()
        for audience in ("partners", "hub"):  # a record is in feeds of its own audience only: one feed of each
            shown = (one for one in running.views.shown.values() if one.feed.audience == audience)
            first = next(shown, None)
            if first is not None and isinstance(first.room.ledger, SqlLedger):
                found += await held_facts(first.room.ledger, now)
        return found

    return held
