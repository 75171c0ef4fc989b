"""What the desk shows of sources, and which of them are broken."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from jisr_protocol import identifiers

from ..following.history import NEUTRAL, OPEN_AFTER, WELL
from ..ports import Member, Peer, Pull
from ..ports.history import KEPT_DAYS, Condition, Order, Round, Way
from ..views.policies import Brake

BROKEN_SECONDS = 24 * 3600
"""A source that fails for so long is broken; what ends in a contradiction is at once."""
AT_ONCE = frozenset({"contradicted", "fork", "feed_fork", "rollback", "forbidden"})
STUCK_SECONDS = 1800


@dataclass(frozen=True)
class Day:
    """How one direction went on one day: rounds that ended well, and that failed."""

    day: str
    well: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Direction:
    """One direction of a source: how it is, what was decided, and its last 30 days, oldest first."""

    way: str
    now: Condition
    order: Order
    days: Sequence[Day]

    @property
    def level(self) -> str:
        """One of stopped, new, good, careful (it failed the last time), harm (so often that it is asked seldom)."""
        if self.order.stopped_at:
            return "stopped"
        if not self.now.run_at:
            return "new"
        if not self.now.failures:
            return "good"
        return "harm" if self.now.failures >= OPEN_AFTER else "careful"

    @property
    def is_open(self) -> bool:
        """Whether it failed so often that it is asked seldom now: the circuit breaker."""
        return self.now.failures >= OPEN_AFTER


@dataclass(frozen=True)
class Source:
    """A node or a hub that records come from. `brake` is what waits of a hub's feed, `alarms` what nobody looked at."""

    id: str
    name: str
    address: str
    is_hub: bool
    directions: Sequence[Direction]
    brake: Brake | None = None
    kept: int = 0
    alarms: Sequence[Round] = ()
    voice: str = ""
    """Whether what a hub says of records counts here: "accept", "ignore", or "" where nothing was decided."""

    @property
    def harm(self) -> int:
        """The more the sooner somebody should look."""
        levels = {"harm": 4, "careful": 1}
        waits = self.brake is not None and not self.brake.released and self.brake.leaving > self.kept
        return 8 * waits + 6 * bool(self.alarms) + max((levels.get(one.level, 0) for one in self.directions), default=0)


@dataclass(frozen=True)
class Problem:
    """An entry that was not taken: why (a problem code, and where in the record), and the last good version, which is
    shown meanwhile: its rev and since when; 0 for none."""

    code: str
    pointer: str
    detail: str
    id: str
    rev: int
    record: Mapping[str, Any] | None
    shown_rev: int = 0
    shown_since: str = ""
    shown: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Cause:
    """Everything that was not taken for one reason, complete."""

    code: str
    problems: Sequence[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class Broken:
    """A source that somebody should be told of. `since` is when it last went well, or began to fail where it never did:
    the same as long as it fails."""

    source: str
    name: str
    address: str
    way: str
    outcome: str
    detail: str
    since: str
    failures: int

    @property
    def node(self) -> str:
        """Whose records come from there."""
        return self.source

    @property
    def says(self) -> str:
        """How it ended, for a letter."""
        return self.detail or self.outcome


class Named(Protocol):
    """A record that a round has added, changed or ended: storage.named.Moved."""

    @property
    def id(self) -> str: ...

    @property
    def seq(self) -> int: ...

    @property
    def before(self) -> Mapping[str, Any] | None: ...

    @property
    def after(self) -> Mapping[str, Any] | None: ...

    @property
    def has_another_name(self) -> bool: ...


class Sources(Protocol):
    """What is kept of sources, and of what the operator decides about them."""

    async def conditions(self) -> list[Condition]: ...

    async def orders(self, way: Way) -> Mapping[str, Order]: ...

    async def order(self, source: str, way: Way, **changes: Any) -> None: ...

    async def kept(self, peer: str) -> int: ...

    async def rounds(self, source: str, since: str = "", limit: int = 200) -> list[Round]: ...

    async def round(self, key: tuple[str, str, str, str]) -> Round | None: ...

    async def days(self, since: str) -> dict[tuple[str, str], dict[str, dict[str, int]]]: ...

    async def alarms(self) -> list[Round]: ...

    async def look(self, one: Round, by: str) -> bool: ...

    async def members(self) -> Sequence[Member]:
        """The nodes that are known here."""
        ...

    async def peers(self) -> Sequence[Peer]: ...

    async def pulls(self) -> Sequence[Pull]: ...

    async def brakes(self) -> Mapping[str, Brake]: ...

    async def keep_brake(self, peer: str, brake: Brake | None, at: str) -> None: ...

    async def begin_again(self, peer: str) -> None: ...

    async def voices(self) -> Mapping[str, str]: ...

    async def causes(self, source: str) -> Sequence[Cause]:
        """What of a source was not taken, grouped, the most first."""
        ...

    async def braked(self, peer: str) -> Sequence[Mapping[str, Any]]:
        """The records that a peer's feed has dropped and that stay here, as they are shown."""
        ...

    async def contact(self, node: str) -> Mapping[str, Any] | None:
        """The record by which a node says who it is; None where it has none."""
        ...

    def moved(self, source: str, way: str, first: int, next: int, did: str = "") -> AsyncIterator[Named]: ...


async def listed(sources: Sources, now: datetime) -> list[Source]:
    """Every source, the one that needs somebody most first."""
    today = now.date()
    since = str(today - timedelta(days=KEPT_DAYS - 1))
    days, alarms, voices = await sources.days(since), await sources.alarms(), await sources.voices()
    held = {(one.source, one.way): one for one in await sources.conditions()}
    orders = {way: await sources.orders(way) for way in Way}

    def directions(source: str, *ways: Way) -> list[Direction]:
        return [
            Direction(
                way,
                held.get((source, way), Condition(source, way)),
                orders[way].get(source, Order()),
                days_of(days.get((source, way), {}), today),
            )
            for way in ways
        ]

    pulls = {one.node: one for one in await sources.pulls()}
    found = []
    for member in await sources.members():
        if not member.upstream:
            pull = pulls.get(member.node)
            ways = [Way.PULL] if pull else []
            if not pull or (member.node, Way.PUSH) in held:
                ways.append(Way.PUSH)
            found.append(Source(member.node, member.name, pull.address if pull else "", False,
                                directions(member.node, *ways), alarms=_of(alarms, member.node)))  # fmt: skip
    brakes = await sources.brakes()
    for peer in await sources.peers():
        both = directions(peer.hub, Way.PEER, Way.BACK)
        found.append(Source(peer.hub, peer.name, peer.feed, True, both, brakes.get(peer.hub),
                            await sources.kept(peer.hub), _of(alarms, peer.hub), voices.get(peer.hub, "")))  # fmt: skip
    return sorted(found, key=lambda one: (-one.harm, one.name, one.id))


def days_of(counts: Mapping[str, Mapping[str, int]], today: date) -> list[Day]:
    """The last 30 days, oldest first, also those on which nothing came."""
    found = []
    for back in range(KEPT_DAYS - 1, -1, -1):
        day = str(today - timedelta(days=back))
        ends = counts.get(day, {})
        failed = sum(runs for outcome, runs in ends.items() if outcome not in WELL | NEUTRAL)
        found.append(Day(day, sum(runs for outcome, runs in ends.items() if outcome in WELL), failed))
    return found


async def broken_sources(sources: Sources, now: datetime) -> list[Broken]:
    """The directions that fail for a day, or contradict themselves; none that the operator has stopped. Asking twice
    gives the same: whoever tells of it remembers `(source, way, since)`."""
    found = []
    for source in await listed(sources, now):
        for one in source.directions:
            held = one.now
            if not held.failures or one.order.stopped_at or held.outcome in WELL | NEUTRAL:
                continue
            since = held.success_at or held.since
            late = (now - identifiers.from_instant(since)).total_seconds() >= BROKEN_SECONDS
            if late or held.outcome in AT_ONCE:
                said = (held.outcome, held.detail, since, held.failures)
                found.append(Broken(source.id, source.name, source.address, one.way, *said))
    return found


def _of(alarms: Sequence[Round], source: str) -> list[Round]:
    return [one for one in alarms if one.source == source]
