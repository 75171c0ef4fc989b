"""Runs one vector through the core: operation and input → {"result": …} or {"refused": {"rule", "code", "pointer"}}.

What each operation means is told in the file of vectors that uses it (its member `about`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from jisr_protocol.refusal import Refusal
from tests.protocol.operations import feeds, forms, logs, statements
from tests.protocol.operations.given import VECTORS, Case

_OPERATIONS = forms.OPERATIONS | logs.OPERATIONS | feeds.OPERATIONS | statements.OPERATIONS


def cases() -> Iterator[Case]:
    """Every case of every JSON file of vectors."""
    for file in sorted(VECTORS.glob("*.json")):
        yield from json.loads(file.read_text("utf-8"))["cases"]


def judge(case: Case) -> Case:
    """What the core makes of a case."""
    try:
        return {"result": _OPERATIONS[case["operation"]](case["input"])}
    except Refusal as refusal:
        return {"refused": {"code": refusal.code, "pointer": refusal.pointer, "rule": refusal.rule}}
