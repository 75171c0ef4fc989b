"""A world: its hubs, who follows whom, and who writes what; declared in a folder of examples/ as `world.json`.

`all` is the joint federation: the nodes of the four worlds, each at home at the hub of its own country where there is
one, else at the hub its own world gave it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .partners import Bad, Partner, Turn, of_a_file, of_a_world

EXAMPLES = Path(__file__).resolve().parents[1]
WORLDS = ("tangier", "enschede", "burundi", "alliance")
ALL = "all"
HUBS = {
    "MA": ("Jisr Maroc", "fr"),
    "NL": ("Jisr Nederland", "nl"),
    "BE": ("Jisr Belgique", "fr"),
    "FR": ("Jisr France", "fr"),
    "ES": ("Jisr España", "es"),
}
"""Name and language of the hub of each country."""

Ids = dict[str, tuple[str, str]]
"""(node, record) of each "<label>/<type>/<local id>" that was written."""


@dataclass
class World:
    """Who is in it. `links` are pairs of hubs that follow each other; the reader follows the hub `reader`."""

    title: str
    hubs: list[str]
    links: list[tuple[str, str]]
    reader: str
    partners: list[Partner]
    later: list[Turn] = field(default_factory=list)
    """In the order in which they happen: each may refer to what was written before it."""
    meanings: list[tuple[str, str, str]] = field(default_factory=list)
    """What terms of nodes' own stand for: term, core term, "exact" or "close"; the word of each hub's operator."""
    portal: bool = False
    """Whether a Danish portal is made of the reader's copy."""
    bad: list[Bad] = field(default_factory=list)


def world(name: str) -> World:
    """One of WORLDS, or ALL."""
    told = json.loads((EXAMPLES / name / "world.json").read_text(encoding="utf-8"))
    partners, later = _everybody(told["hubs"]) if name == ALL else of_a_world(EXAMPLES / name, told["nodes"])
    meanings = [one for each in WORLDS for one in world(each).meanings] if name == ALL else told["meanings"]
    return World(
        title=told["title"],
        hubs=told["hubs"],
        links=[(one, other) for one, other in told["links"]],
        reader=told["reader"],
        partners=partners,
        later=later,
        meanings=[(own, core, match) for own, core, match in meanings],
        portal=told.get("portal", False),
    )


def _everybody(hubs: list[str]) -> tuple[list[Partner], list[Turn]]:
    worlds = [world(name) for name in WORLDS]
    partners = [partner for each in worlds for partner in each.partners]
    at_home = [replace(one, hub=one.country if one.country in hubs else one.hub) for one in partners]
    return at_home, [turn for each in worlds for turn in each.later]


def outside(file: Path) -> World:
    """A federation of two hubs for drafts from outside. Raises Unusable when there is none in the file."""
    hubs = ["MA", "NL"]
    partners, bad = of_a_file(file, [(hub, hub) for hub in hubs])
    return World(str(file), hubs, [("MA", "NL")], "NL", partners, bad=bad)


def resolved(value: Any, ids: Ids) -> Any:
    """A draft with each `node:<label>/<type>/<local id>` made a reference to that record."""
    if isinstance(value, dict):
        return {name: resolved(member, ids) for name, member in value.items()}
    if isinstance(value, list):
        return [resolved(item, ids) for item in value]
    if isinstance(value, str) and value.startswith("node:"):
        return "/".join(ids[value.removeprefix("node:")])
    return value
