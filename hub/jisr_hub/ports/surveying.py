"""What the survey of the directory asks beside its entries: what own terms mean, which records are one; and what it
measured before."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Protocol

import msgspec

from .entries import Key

Concept = tuple[str, str]


class Measured(msgspec.Struct, frozen=True):
    """One theme on one day: in how many areas it stood how, and how many organizations and services there were."""

    day: str
    theme: str
    covered: int
    thin: int
    none: int
    nobody: int
    organizations: int
    services: int


class Surveyed(Protocol):
    """Read what a survey counts; keep what it measured."""

    async def stand(self) -> Hashable:
        """Changes whenever anything did that a survey counts."""
        ...

    async def meanings(self, today: str) -> Mapping[Concept, Concept]:
        """What nodes' own terms were mapped to."""
        ...

    async def same(self) -> Mapping[Key, Key]:
        """Of records that are one with others: the record that leads their entry."""
        ...

    async def measured(self, since: str = "") -> Sequence[Measured]:
        """What was measured, the oldest day first."""
        ...

    async def keep(self, day: str, measured: Collection[Measured], drop: Collection[str]) -> None:
        """Keep what was measured on a day in place of what was, and drop other days; durable when this returns."""
        ...
