"""The rounds with each source, one direction apart from the other: what a hub remembers of them for its operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import msgspec

KEPT_DAYS = 30
"""How long rounds are remembered."""
LEFT_OUT_KEPT = 10_000
"""Of one peer."""


class Way(StrEnum):
    """How something comes, or goes: each is a direction of its own, with a health of its own."""

    PUSH = "push"
    """A node sends."""
    PULL = "pull"
    """A node's feed is fetched."""
    PEER = "peer"
    """Another hub's feed is fetched."""
    BACK = "back"
    """What that hub shows that it took from here."""


class Round(msgspec.Struct):
    """One round, or several that were alike and changed nothing, on one day (UTC). Instants as ID-3 writes them.

    `by` is the process that noted it. Its entries stand in [first, next) of this hub's log, among those of others; -1
    where there are none. `live` is how many records the source had here before it, -1 where nobody asked; `alarm` says
    why a person should look (an Alarm), `looked` who has.
    """

    source: str
    way: str
    began: str
    by: str
    ended: str
    outcome: str = ""
    detail: str = ""
    runs: int = 1
    added: int = 0
    changed: int = 0
    gone: int = 0
    refused: int = 0
    first: int = -1
    next: int = -1
    live: int = -1
    renamed: int = 0
    alarm: str = ""
    looked: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.source, self.way, self.began, self.by

    @property
    def moved(self) -> int:
        """How many records it brought, changed or ended."""
        return self.added + self.changed + self.gone


class Since(msgspec.Struct, frozen=True):
    """What several rounds came to: records added and gone, and the first entry of theirs in this hub's log."""

    added: int = 0
    gone: int = 0
    first: int = -1


class LeftOut(msgspec.Struct, frozen=True):
    """An entry of a peer's feed that was not taken: the record, the problem code, and where in it."""

    node: str
    id: str
    rev: int
    code: str
    pointer: str


class Condition(msgspec.Struct):
    """How one direction of a source is now. `since` is when it began to end so, `next_at` when it is asked next (""
    where nobody knows). While a round runs, `stage` says what it does and `done` of `total` how far it is."""

    source: str
    way: str
    run_at: str = ""
    outcome: str = ""
    detail: str = ""
    since: str = ""
    success_at: str = ""
    failures: int = 0
    next_at: str = ""
    stage: str = ""
    done: int = 0
    total: int = 0
    stage_at: str = ""


@dataclass(frozen=True)
class Order:
    """What the operator decided: ask this source no more, or ask it now, both with their instant, "" for never."""

    stopped_at: str = ""
    retry_at: str = ""


class History(Protocol):
    """Where it is kept. Nothing of it is needed to take records in, so every failure of it is only told."""

    async def conditions(self) -> list[Condition]: ...

    async def orders(self, way: Way) -> Mapping[str, Order]:
        """By source; those of which nothing was decided are missing."""
        ...

    async def keep(self, rounds: Sequence[Round], conditions: Sequence[Condition]) -> None:
        """Store these in the place of what is held under the same keys, in one transaction. What an operator decided
        stays."""
        ...

    async def keep_left_out(self, source: str, kept: Sequence[LeftOut], at: str) -> None:
        """Remember what was not taken of a peer's feed, LEFT_OUT_KEPT at most."""
        ...

    async def live(self, source: str, way: str) -> int:
        """How many live records come from there."""
        ...

    async def since(self, done: Round, since: str) -> Since:
        """What earlier rounds of this source and way did since an instant, after the last of them that is an alarm."""
        ...

    async def ended(self, source: str, way: str, first: int, next: int) -> int:
        """How many records of the source that were live before these entries of the log are not after them."""
        ...

    async def renamed(self, source: str, way: str, first: int, next: int) -> int:
        """How many records of the source have another name after these entries of the log than before them."""
        ...

    async def fold(self, today: str) -> int:
        """Sum up what is older than yesterday by day and outcome, and drop what is older than KEPT_DAYS; how many rows
        went. What a person has not looked at yet stays whole for KEPT_DAYS."""
        ...
