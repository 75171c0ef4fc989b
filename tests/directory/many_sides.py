"""Many opportunities and many volunteers, of a seed; each volunteer carries a canary that must show nowhere."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from jisr_hub.directory.matching import Index
from jisr_hub.directory.sides import vacancy_aspects, volunteer_features
from jisr_protocol.core_terms import FOCUS_AREAS
from jisr_protocol.matching import DAYS, PARTS, Facts, facts_of, groups

LANGUAGES = ("nl", "ar", "fr", "tr", "es", "da", "zgh", "en", "so", "uk")
AREAS = tuple(f"{country}{number}" for country in ("NL", "FR", "ES", "DK", "BE") for number in range(310, 342))
NODES = tuple("jisr:" + letter * 52 for letter in "abcdefghijklmnopqrst")
TOP = 20


def canary(number: int) -> str:
    return f"canary-{number:05d}-kestrel"


def person(number: int, draw: random.Random) -> dict[str, Any]:
    """A profile as a node holds it: coarse facts, and words that must never leave."""
    return {
        "id": canary(number),
        "node": draw.choice(NODES),
        "wishes": {"nl": {"value": canary(number), "origin": "author"}},
        **_facts(draw),
        "availability": {day: [draw.choice(PARTS)] for day in draw.sample(DAYS, 3)},
    }


def vacancy(draw: random.Random) -> dict[str, Any]:
    return _facts(draw)


def _facts(draw: random.Random) -> dict[str, Any]:
    skills = draw.sample(sorted(FOCUS_AREAS), draw.randint(1, 3))
    return {
        "skills": [{"scheme": "jisr-focus", "code": code, "name": {}} for code in skills],
        "languages": [{"lang": lang, "level": "B2"} for lang in draw.sample(LANGUAGES, draw.randint(1, 3))],
        "area": [{"scheme": "nuts", "code": draw.choice(AREAS)}],
    }


def world(many: int, seed: int = 8) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(opportunities, profiles)"""
    draw = random.Random(seed)
    return [vacancy(draw) for _ in range(many)], [person(number, draw) for number in range(many)]


def matched(vacancies: list[dict[str, Any]], profiles: list[dict[str, Any]]) -> Iterator[list[Any]]:
    """The TOP matches of each opportunity; the index knows the node and the coarse facts of a profile, no more."""
    index = Index()
    for profile in profiles:
        index.add((profile["node"], ""), volunteer_features(facts_of(profile)))
    for one in vacancies:
        yield index.best(vacancy_aspects(facts_of(one)), TOP)


def tried(one: dict[str, Any], profiles: list[dict[str, Any]]) -> list[int]:
    """The scores of the TOP, by trying everybody."""
    asked = {aspect.code: aspect for aspect in vacancy_aspects(facts_of(one))}
    scores = []
    for profile in profiles:
        features = volunteer_features(facts_of(profile))
        fit = [code for code, aspect in asked.items() if aspect.values & set(features[code])]
        if set(fit) - {"country", "language"}:
            scores.append(sum(asked[code].weight for code in fit))
    return sorted(scores, reverse=True)[:TOP]


def told(one: dict[str, Any], held: list[tuple[str, Facts]]) -> dict[str, int]:
    """What anybody may know of who could help: groups of at least five."""
    return groups(facts_of(one), held)
