"""Terms of a node's own that stand for terms of a core scheme, as the words that count say it (`maps_term`).

Records keep the terms their authors wrote; a mapping is looked up when they are shown or counted, so one word changes
one line here however many records bear the term.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from .words import MAPS, OWN, Voices, Word

Concept = tuple[str, str]
"""(scheme, code) of a term."""


class Mapped(msgspec.Struct, frozen=True):
    """What a term means: `match` is exact or close."""

    to: Concept
    match: str
    by: str
    word: str


def mappings(words: Iterable[Word], voices: Voices) -> dict[Concept, Mapped]:
    """What each term means by words that count: this hub's own word before others, else the latest."""
    best: dict[Concept, Word] = {}
    for word in words:
        if word.predicate != MAPS:
            continue
        term = _concept(word.mapping["from"])
        if term not in best or _weight(word, voices) > _weight(best[term], voices):
            best[term] = word
    return {
        term: Mapped(_concept(word.mapping["to"]), str(word.mapping["match"]), *word.key)
        for term, word in sorted(best.items())
    }


def _weight(word: Word, voices: Voices) -> tuple[bool, tuple[str, bool, str]]:
    return voices.rank(word.by) == OWN, word.age


def _concept(value: Mapping[str, Any]) -> Concept:
    return str(value["scheme"]), str(value["code"])
