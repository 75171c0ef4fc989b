"""Terms of nodes' own that nobody has mapped to a core term yet: how many records bear them, and what they may mean.

They count in every view as "unmapped"; a mapping is a word of the hub (terms.py) and changes no record.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec
from rapidfuzz import fuzz

from jisr_protocol.core_terms import FOCUS, GOALS, labels

from .folding import fold
from .terms import Concept

CORE_SCHEMES = frozenset({FOCUS, GOALS})
SUGGESTED_MOST = 3
LIKE_ENOUGH = 72.0
"""Of 100, how like two folded labels are before one is suggested."""
_LABELS_KEPT = 8


class Unmapped(msgspec.Struct):
    """A term that waits. `labels` are the words of its authors, by language; `records` and `nodes` how many bear it."""

    concept: Concept
    records: int = 0
    nodes: set[str] = msgspec.field(default_factory=set)
    labels: dict[str, str] = msgspec.field(default_factory=dict)


class Tally:
    """Counts terms, a record at a time."""

    def __init__(self, mapped: Collection[Concept]) -> None:
        self._mapped = frozenset(mapped)
        self._found: dict[Concept, Unmapped] = {}

    def take(self, record: Mapping[str, Any]) -> None:
        """Count the terms of a record, each once."""
        for concept, label in _terms(record):
            if concept in self._mapped or concept[0] in CORE_SCHEMES:
                continue
            one = self._found.setdefault(concept, Unmapped(concept))
            one.records += 1
            one.nodes.add(str(record.get("node", "")))
            for lang, text in label.items():
                if len(one.labels) < _LABELS_KEPT:
                    one.labels.setdefault(lang, text)

    def result(self) -> list[Unmapped]:
        """What waits, the most used first."""
        return sorted(self._found.values(), key=lambda one: (-one.records, one.concept))


def suggested(one: Unmapped) -> list[Concept]:
    """Core terms that a term may stand for, the likest first; by its words in any language, and its code."""
    words = [fold(text) for text in (*one.labels.values(), one.concept[1].replace("-", " ").replace("_", " "))]
    scored = []
    for concept, known in labels().items():
        best = max(_likeness(mine, fold(theirs)) for mine in words for theirs in known)
        if best >= LIKE_ENOUGH:
            scored.append((-best, concept))
    return [concept for _, concept in sorted(scored)[:SUGGESTED_MOST]]


def _likeness(mine: str, theirs: str) -> float:
    if not mine or not theirs:
        return 0.0
    return max(fuzz.ratio(mine, theirs), 0.95 * fuzz.token_set_ratio(mine, theirs))


def _terms(record: Mapping[str, Any]) -> Iterable[tuple[Concept, dict[str, str]]]:
    found: dict[Concept, dict[str, str]] = {}
    for term in record.get("terms") or ():
        if isinstance(term, Mapping) and isinstance(term.get("scheme"), str) and isinstance(term.get("code"), str):
            label = term.get("label")
            texts = label.items() if isinstance(label, Mapping) else ()
            words = {lang: str(text.get("value", "")) for lang, text in texts if isinstance(text, Mapping)}
            found.setdefault((term["scheme"], term["code"]), words)
    return found.items()
