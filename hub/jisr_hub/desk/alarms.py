"""What of sources and peers needs somebody, as one queue: the more harm and the more likely, the sooner; each with the
one act that is mostly right.

    harm         4 people lose what they look for, or somebody lies · 3 much may be wrong · 1 it gets old
    likelihood   3 it is so · 2 it is mostly so · 1 it often ends by itself
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

import msgspec

from jisr_protocol import identifiers

from ..following.history import CREPT, EMPTIED, MUCH_GONE, NEUTRAL, OPEN_AFTER, RENAMED, WELL
from ..ports.history import Way
from .sources import AT_ONCE, BROKEN_SECONDS, Direction, Source

STALE_SECONDS = 30 * 24 * 3600
BRAKE, CONTRADICTS, ACKS, BROKEN, FAILS, STALE = "brake", "contradicts", "acks", "broken", "fails", "stale"
HARM: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        CONTRADICTS: (4, 3),
        BRAKE: (4, 3),
        EMPTIED: (4, 2),
        MUCH_GONE: (3, 2),
        CREPT: (3, 2),
        RENAMED: (3, 2),
        ACKS: (3, 2),
        BROKEN: (1, 3),
        STALE: (1, 2),
        FAILS: (1, 1),
    }
)
LOOK, RETRY = "look", "retry"


class Alarm(msgspec.Struct, frozen=True):
    """One thing that needs somebody: of which source, what, since when (an instant, "" where not known), and the main
    act: RETRY, or LOOK at the source's page, where the rest is decided."""

    kind: str
    source: str
    name: str
    since: str
    outcome: str = ""
    detail: str = ""
    count: int = 0
    act: str = LOOK

    @property
    def weight(self) -> int:
        """Harm times likelihood."""
        harm, likelihood = HARM[self.kind]
        return harm * likelihood


def alarms(sources: Iterable[Source], overdue: Mapping[str, int], now: datetime) -> list[Alarm]:
    """The queue, what weighs most first, then the oldest. `overdue` is how many acks of each hub are late."""
    found: list[Alarm] = []
    for one in sources:
        name = one.name or one.id
        brake = one.brake
        if brake is not None and not brake.released and brake.leaving > one.kept:
            found.append(Alarm(BRAKE, one.id, name, "", count=brake.leaving))
        for each in one.alarms:
            kind = each.alarm if each.alarm in HARM else MUCH_GONE
            found.append(Alarm(kind, one.id, name, each.ended, count=each.renamed if kind == RENAMED else each.gone))
        if late := overdue.get(one.id):
            found.append(Alarm(ACKS, one.id, name, "", count=late))
        found += [said for each in one.directions if (said := _of(one, name, each, now)) is not None]
    return sorted(found, key=lambda one: (-one.weight, one.since, one.name, one.source))


def _of(source: Source, name: str, direction: Direction, now: datetime) -> Alarm | None:
    held = direction.now
    if direction.order.stopped_at or not held.run_at:
        return None
    since = held.success_at or held.since
    seconds = (now - identifiers.from_instant(since)).total_seconds() if since else 0
    if held.failures and held.outcome not in WELL | NEUTRAL:
        late = seconds >= BROKEN_SECONDS or held.failures >= OPEN_AFTER
        kind = CONTRADICTS if held.outcome in AT_ONCE else BROKEN if late else FAILS
        act = RETRY if direction.way in (Way.PEER, Way.PULL) and kind != CONTRADICTS else LOOK
        return Alarm(kind, source.id, name, since, held.outcome, held.detail, held.failures, act)
    if direction.way != Way.BACK and seconds >= STALE_SECONDS:
        return Alarm(STALE, source.id, name, since, count=int(seconds // 86_400))
    return None
