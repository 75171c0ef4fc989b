"""Searching the public directory: what is asked, what is found, and the port that finds it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import msgspec

FACETS = ("theme", "audience", "what", "language", "cost", "area")
"""What a search can be narrowed by, beside the type: focus, for whom, activity or kind of service, language spoken,
cost, administrative area."""
BEST, NEAR, NEW = "best", "near", "new"
LONGEST_PAGE = 100
"""Hits that are given at once, at most."""
DEEPEST = 10_000
"""How far into a list of hits a page may begin."""


class Query(msgspec.Struct, frozen=True):
    """What is looked for. Codes of one facet are alternatives, facets narrow one another. The codes of themes,
    audiences, areas and of what is done are written `scheme:code`, a language as its tag, a cost is "free" or "paid".

    `types` are short names ("service") or full ones of others; `near` is (latitude, longitude) in degrees; `place` the
    name of a place, which stands for a point where `near` is None; `open_at` is aware. A query with nothing in it finds
    all entries.
    """

    words: str = ""
    types: tuple[str, ...] = ()
    facets: Mapping[str, tuple[str, ...]] = {}
    near: tuple[float, float] | None = None
    within_km: float | None = None
    place: str = ""
    open_at: datetime | None = None
    remote: bool | None = None
    order: str = BEST
    offset: int = 0
    limit: int = 20


class Hit(msgspec.Struct, frozen=True):
    """An entry that was found, by the key of its leading record. `distance_km` is None where no distance is asked for,
    or where it has no place that may be shown. `matched` are the folded words of it that answer the words asked for;
    with `nearly` at least one of them is only spelled like it. `points` are (latitude, longitude) of its places, as far
    as they may be shown."""

    node: str
    id: str
    distance_km: float | None = None
    matched: tuple[str, ...] = ()
    nearly: bool = False
    points: tuple[tuple[float, float], ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        return self.node, self.id


class Found(msgspec.Struct, frozen=True):
    """One page of hits, and counts over all of them.

    `facets` has for each facet, and for "type", (code, count), most first, then by code: how many hits the query has
    with that code chosen and no other of its facet. `fresh` counts the hits by band of freshness: good (confirmed
    less than 6 months ago), careful, harm (24 months or more). `nearly` are the spellings that were looked for
    instead of a word that stands nowhere. `at` is the point that distances are from.
    """

    total: int = 0
    hits: tuple[Hit, ...] = ()
    facets: Mapping[str, tuple[tuple[str, int], ...]] = {}
    fresh: Mapping[str, int] = {}
    nearly: tuple[str, ...] = ()
    at: tuple[float, float] | None = None


class Search(Protocol):
    """Find entries of the public directory; nothing deleted, held, suppressed, expired or less than public."""

    async def find(self, query: Query) -> Found:
        """Give the hits from `offset` on, at most `limit`, best first. One state of the directory gives one answer,
        whatever database keeps it. Never raises for a query. What changed is found about a second later."""
        ...
