"""Rows of "who does what where" as records, and counted a second time without any of our code."""

from __future__ import annotations

import csv
import re
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

COUNTRIES = {"Guinea": "GN", "Liberia": "LR", "Sierra Leone": "SL"}
NODES = {name: "jisr:" + letter * 52 for name, letter in zip(COUNTRIES, "abc", strict=True)}
"""Who reports: one clearing house a country."""
MEANT = {
    "Psychological Support": "mental-health",
    "Food distribution": "food",
    "Protection": "protection",
    "WASH": "health",
    "Safe Burial": "health",
    "Rule of law": "legal-help",
    "Livelihood": "work",
}
"""What a curator mapped; everything else waits."""
MEANINGS = {("3w", re.sub(r"\W+", "-", name)): ("jisr-focus", code) for name, code in MEANT.items()}
DAY = "2014-11-20"


def rows(shared: Path) -> list[dict[str, str]]:
    with (shared / "data" / "3w" / "west-africa-3w.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def text(words: str) -> dict[str, Any]:
    return {"en": {"value": words, "origin": "author"}}


def common(node: str, type_: str, name: str) -> dict[str, Any]:
    return {
        "type": f"org.jisr.{type_}/1",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{node}/{type_}/{name}")),
        "node": node,
        "rev": 1,
        "status": "active",
        "created": f"{DAY}T08:00:00Z",
        "modified": f"{DAY}T08:00:00Z",
        "lang": "en",
        "audience": "public",
        "licence": "CC-BY-4.0",
        "salt": "AAAAAAAAAAAAAAAAAAAAAA",
        "name": text(name),
    }


def records(found: list[dict[str, str]]) -> Iterator[dict[str, Any]]:
    """An organization for every name at a node, then a service for every row."""
    organizations: dict[tuple[str, str], dict[str, Any]] = {}
    for row in found:
        key = (NODES[row["Country"]], row["Organisation"])
        organizations.setdefault(key, common(key[0], "organization", key[1]))
    yield from organizations.values()
    for number, row in enumerate(found):
        node = NODES[row["Country"]]
        service = common(node, "service", f"{number} {row['Activity']}")
        yield service | {
            "organization": organizations[node, row["Organisation"]]["id"],
            "area": [
                {"scheme": "iso3166-1", "code": COUNTRIES[row["Country"]]},
                {"scheme": "pcode", "code": row["Pcode"], "name": text(row["Region"])},
            ],
            "terms": [{"scheme": "3w", "code": re.sub(r"\W+", "-", row["Activity"]), "role": "activity"}],
        }


def counted(found: list[dict[str, str]]) -> Mapping[tuple[str, str], tuple[str, int, int]]:
    """(place code, theme) → (state, distinct organizations, services), for every place that occurs and every theme that
    does; by hand."""
    organizations: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    services: dict[tuple[str, str], int] = defaultdict(int)
    for row in found:
        theme = MEANT.get(row["Activity"], "unmapped")
        for place in (row["Pcode"], COUNTRIES[row["Country"]]):
            organizations[place, theme].add((row["Country"], row["Organisation"]))
            services[place, theme] += 1
    themes = {theme for _, theme in organizations}
    result = {}
    for place in {place for place, _ in organizations}:
        for theme in themes:
            many, rows_ = len(organizations[place, theme]), services[place, theme]
            state = "covered" if many > 1 else "thin" if many else "none"
            if theme == "protection" and len(place) > 2 and many < 3:
                state, many, rows_ = "quiet", 0, 0
            result[place, theme] = (state, many, rows_)
    return result


def someone_lives_in(code: str) -> dict[str, Any]:
    """How many people live somewhere: it names the area, and reports no effort there."""
    area = [{"scheme": "pcode", "code": code}]
    cited = {"citation": {"name": text("census")}, "as_of": "2013-01-01"}
    return common(NODES["Liberia"], "indicator", code) | {"area": area, "value": 80_000} | cited
