"""What the desk's home shows: what waits for somebody here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..authority.admissions import Request
from ..ports import Peer, Pull


@dataclass(frozen=True)
class PutAside:
    """How many entries of a node are quarantined for one reason (a problem code)."""

    node: str
    name: str
    code: str
    entries: int


@dataclass(frozen=True)
class Failing:
    """A feed that could not be read the last time: of whom, why, since when (an instant; "" when not known)."""

    name: str
    outcome: str
    detail: str
    since: str


class Open(Protocol):
    """Read what is open."""

    async def waiting(self) -> Sequence[Request]:
        """Nodes that ask to be let in, oldest first."""
        ...

    async def peers(self) -> Sequence[Peer]: ...

    async def pulls(self) -> Sequence[Pull]: ...

    async def put_aside(self) -> Sequence[PutAside]:
        """The most first."""
        ...


WELL = frozenset({"", "verified", "throttled", "waiting"})
"""How rounds end that need nobody; "" is one that has not been."""


async def failing(open_: Open) -> list[Failing]:
    """The feeds that somebody must look at: of other hubs, then of nodes."""
    peers = [Failing(p.name or p.hub, p.last_outcome, p.last_detail, p.last_at) for p in await open_.peers()]
    pulls = [Failing(p.address or p.node, p.outcome, p.detail, p.at) for p in await open_.pulls()]
    return [one for one in (*peers, *pulls) if one.outcome not in WELL]
