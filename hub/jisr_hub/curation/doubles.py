"""A pair of records that may be of one thing, as it waits in the queue; and what a person answered."""

from __future__ import annotations

import msgspec

from .candidates import Pair
from .likeness import Grade

UNSURE, LATER = "unsure", "later"


class Double(msgspec.Struct, frozen=True):
    """Two records that may be of one thing: the smaller key first."""

    pair: Pair
    kind: str
    grade: Grade
    codes: tuple[str, ...]
    """Codes of reasons (curation/likeness.py), the surest first; one against it begins with a minus."""


class Answer(msgspec.Struct, frozen=True):
    """What a person answered who did not decide: UNSURE, or LATER until a day."""

    pair: Pair
    answer: str
    until: str
    account: str
    at: str
