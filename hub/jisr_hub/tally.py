"""What a process has done since it started, as plain numbers, for its metrics (web/metrics.py).

Counted once a push, a batch, a publish or a round, never once an entry: on the way of an entry it costs nothing. Names
that numbers are counted under come from lists of ours, or are hubs that the operator follows.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

PUSH, PEER = "push", "peer"
"""The ways by which entries come: from their node, or by way of another hub."""
PUBLISH_SECONDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)


@dataclass
class Durations:
    """How long something took, counted by upper bounds in seconds; the last of `counts` is for what took longer."""

    bounds: tuple[float, ...] = PUBLISH_SECONDS
    counts: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.counts = self.counts or [0] * (len(self.bounds) + 1)

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.seconds += seconds


@dataclass(frozen=True)
class Followed:
    """The last round with a peer that succeeded.

    `lag_seconds` lies between its signing of the newest head and our having that head.
    """

    at: datetime
    lag_seconds: float


class Tally:
    """Changed by the event loop only."""

    def __init__(self) -> None:
        self.entries: Counter[tuple[str, str]] = Counter()
        """Entries by way and outcome: admitted, duplicate, quarantined, refused."""
        self.published = Durations()
        """Publishes that signed a new head."""
        self.followed: dict[str, Followed] = {}

    def count(self, way: str, **outcomes: int) -> None:
        """Add what a batch came to."""
        for outcome, entries in outcomes.items():
            self.entries[way, outcome] += entries

    def follow(self, hub: str, now: datetime, signed: datetime, *, changed: bool) -> None:
        """A round with a peer succeeded; its head was signed then. Only news tells how far behind we are."""
        before = self.followed.get(hub)
        lag = (now - signed).total_seconds() if changed or before is None else before.lag_seconds
        self.followed[hub] = Followed(now, max(0.0, lag))


@dataclass(frozen=True)
class Measured:
    """What a ledger says when it is asked for its numbers (storage/measuring.py)."""

    seconds: float
    """How long its smallest question took."""
    entries: int
    quarantined: Mapping[str, int]
    """Entries put aside, by problem code."""
    overdue: int
    """Acks of erasures and holds that a follower should have given by now, one per notice and follower."""
    peers: Mapping[str, str]
    """How the last round with each peer ended, by hub."""
    pulls: Mapping[str, int]
    """Feeds that are fetched, by how the last round ended."""
