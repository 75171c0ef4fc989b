"""The floor of the hub's feed: below it no reader is told any more which records are gone, and no page stands.

It only moves forward, to where a page begins. A tombstone stays TOMBSTONE_DAYS; and for a month readers that still
stand below must have had a snapshot at or above it to go over to. What is live is in that snapshot, so nothing of it
goes with the pages.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import orjson

from jisr_protocol import identifiers
from jisr_protocol.limits import TOMBSTONE_DAYS

from ..ports import Snapshot, View
from .pages import whole_pages

TOMBSTONES_STAY = timedelta(days=TOMBSTONE_DAYS)
SNAPSHOT_STANDS = timedelta(days=30)
"""How long a snapshot must have been published before pages that it replaces may go."""


async def floor(view: View, snapshots: Iterable[Snapshot], before: int, now: datetime) -> int:
    """Where the floor may stand now, never below where it stood `before`."""
    proven = [s.seq for s in snapshots if identifiers.from_instant(s.at) <= now - SNAPSHOT_STANDS]
    highest = min(max(proven, default=0), view.size)
    if highest <= before:
        return before
    return max(before, whole_pages(await _first_since(view, now - TOMBSTONES_STAY, before, highest)))


async def _first_since(view: View, instant: datetime, low: int, high: int) -> int:
    """The first position in [low, high] whose entry is not older than `instant`; `high` when all below it are."""
    while low < high:
        middle = (low + high) // 2
        line = (await view.lines([middle]))[middle]
        if identifiers.from_instant(orjson.loads(line)["at"]) < instant:
            low = middle + 1
        else:
            high = middle
    return low
