"""What a row of a table becomes: drafts that remember the column each member came from, so that what the validator says
of one leads to a cell."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

from jisr_protocol import core_terms

from .problems import MUST_FIX, Problem
from .text import folded

OWN_TERMS = "own"
"""The scheme of subjects that are none of the core terms: the node's own words."""
WORDS = "name:"
"""Begins a local id that is made of a row's words, where the table has no numbers of its own."""


@dataclass
class Draft:
    """A record without what the node gives. `cells` says by JSON pointer from which column it came; `owned` are the
    members that the table speaks of, also where a cell is empty."""

    type: str
    local_id: str
    record: dict[str, Any]
    title: str
    cells: dict[str, int] = field(default_factory=dict)
    owned: frozenset[str] = frozenset()
    whose: str = ""
    """What the organization cell says, "" for the node's own."""
    beside: dict[str, tuple[str, int, int, str]] = field(default_factory=dict)
    """Pointer → sheet, row, column and heading, for what another row than the draft's own says."""


@dataclass
class Made:
    """What one row made: drafts, the thing itself first, and what is wrong. `key` tells rows of one thing apart."""

    row: int
    title: str
    key: str
    drafts: list[Draft]
    problems: list[Problem]
    values: dict[int, str]
    """Column → the cell as it was understood, for a corrected file."""

    @property
    def good(self) -> bool:
        return bool(self.drafts) and not any(problem.level == MUST_FIX for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Setting:
    """What a row does not say itself: the node, the country and language of most rows, and the day of today."""

    node: str
    country: str
    lang: str
    today: str
    kind: str
    sheet: str = ""


def named(text: str) -> str:
    """A local id made of words: they themselves, or where they are long a part of them and a sum over all."""
    if len(text) <= 150:
        return WORDS + text
    return f"{WORDS}{text[:100]}#{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def term(word: str, role: str, label: dict[str, Any]) -> dict[str, Any]:
    """A core term by its words in any language, else one of the node's own."""
    if role == "focus" and (core := core_terms.find(word)):
        return {
            "scheme": core[0],
            "code": core[1],
            "role": "focus" if core[0] == core_terms.FOCUS else "sdg",
            "label": label,
        }
    plain = re.sub(r"[^a-z0-9]+", "-", folded(word)).strip("-")
    ascii_only = folded(word).isascii() and 0 < len(plain) <= 60
    code = plain if ascii_only else f"x{hashlib.sha256(folded(word).encode()).hexdigest()[:16]}"
    return {"scheme": OWN_TERMS, "code": code, "role": role, "label": label}
