"""The rooms in which a hub looks at what its records say, and asks: quality, terms, campaigns and letters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ...curation.terms import Concept, Mapped
from ...desk.acts import Acts
from ...desk.bench import Asking
from ...desk.quality import Records
from ...ports import Clock
from .campaigns import Asks
from .quality import Quality
from .rim import Rim, Room
from .terms import Terms, Values


class AllRecords(Records, Values, Protocol):
    """A node's records, and all of them."""


@dataclass(frozen=True)
class Work:
    """What these rooms work with. `mappings` gives what terms mean on a day."""

    acts: Acts
    asking: Asking
    records: AllRecords
    mappings: Callable[[str], Awaitable[Mapping[Concept, Mapped]]]
    clock: Clock


def rooms(rim: Rim, work: Work, language: str) -> list[Room]:
    """The rooms; `language` is the hub's own."""
    return [
        Quality(rim, work.records, work.clock, language),
        Terms(rim, work.records, work.mappings, work.clock, language),
        Asks(rim, work.asking, work.acts, work.clock, language),
    ]
