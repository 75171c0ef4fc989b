"""A search in memory: the port Search over a few records, for tests of what stands in front of it.

Plain and slow: every word asked for must begin a word of the record. It knows no merged entries and no spelling.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jisr_hub.curation.folding import fold
from jisr_hub.ports.search import FACETS, NEAR, NEW, Found, Hit, Query

_ROLES = {
    "theme": ("focus", "theme", "domain"),
    "audience": ("target_group", "situation"),
    "what": ("activity", "goal", "competence", "skill"),
}


@dataclass
class MemorySearch:
    """Finds among `records`, which a test may change at any time."""

    records: list[dict[str, Any]] = field(default_factory=list)

    async def find(self, query: Query) -> Found:
        hits = [one for one in self.records if _answers(one, query)]
        distances = {id(one): _distance(one, query) for one in hits}
        if query.within_km is not None and query.near is not None:
            hits = [one for one in hits if (distances[id(one)] or math.inf) <= query.within_km]
        hits.sort(key=lambda one: (one["node"], one["id"]))
        if query.order == NEAR:
            hits.sort(key=lambda one: distances[id(one)] or math.inf)
        elif query.order == NEW:
            hits.sort(key=lambda one: str(one["modified"]), reverse=True)
        asked = tuple(fold(query.words).split())
        shown = hits[query.offset : query.offset + query.limit]
        facets = {name: _counted(hits, name) for name in ("type", *FACETS)}
        found = tuple(Hit(one["node"], one["id"], distances[id(one)], asked) for one in shown)
        return Found(len(hits), found, facets, {"good": len(hits)} if hits else {}, (), query.near)


def _answers(record: Mapping[str, Any], query: Query) -> bool:
    words = fold(" ".join(_texts(record))).split()
    asked = fold(query.words).split()
    return (
        all(any(word.startswith(one) for word in words) for one in asked)
        and (not query.types or set(_codes(record, "type")) & set(query.types) != set())
        and all(set(_codes(record, name)) & set(codes) for name, codes in query.facets.items() if codes)
        and (query.remote is None or ("remote" in record.get("delivery", ())) is query.remote)
    )


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, Mapping):
        if isinstance(value.get("value"), str):
            yield value["value"]
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def _codes(record: Mapping[str, Any], facet: str) -> list[str]:
    if facet == "type":
        return [str(record["type"]).removeprefix("org.jisr.").removesuffix("/1")]
    if facet == "language":
        return list(record.get("languages", ()))
    if facet == "cost":
        return ["free"] if record.get("cost", {}).get("free") else []
    if facet == "area":
        areas = (*record.get("area", ()), *record.get("admin_codes", ()))
        return [f"{one['scheme']}:{one['code']}" for one in areas if "code" in one]
    return [f"{one['scheme']}:{one['code']}" for one in record.get("terms", ()) if one["role"] in _ROLES[facet]]


def _counted(records: Iterable[Mapping[str, Any]], facet: str) -> tuple[tuple[str, int], ...]:
    counts = Counter(code for one in records for code in set(_codes(one, facet)))
    return tuple(sorted(counts.items(), key=lambda count: (-count[1], count[0])))


def _distance(record: Mapping[str, Any], query: Query) -> float | None:
    point = record.get("coordinates")
    if query.near is None or not point or record.get("privacy") == "hidden":
        return None
    north, east = float(point["latitude"]) - query.near[0], float(point["longitude"]) - query.near[1]
    return round(111.2 * math.hypot(north, east * math.cos(math.radians(query.near[0]))), 1)
