"""Goals × activities: supply, demand, and what nobody said."""

from __future__ import annotations

from typing import Any

from jisr_hub.directory.matrix import UNKNOWN, Crossing, Matrix, MatrixCount
from tests.directory.three_w import common, text

NODE = "jisr:" + "a" * 52
MEET, WALK = ("goals", "meeting"), ("acts", "walking")


def entry(type_: str, name: str, *terms: tuple[str, str, str], **members: Any) -> Any:
    said = [{"scheme": scheme, "code": code, "role": role, "label": text(code)} for scheme, code, role in terms]
    return common(NODE, type_, name) | {"terms": said} | members


def matrix(*records: Any, meanings: Any = None) -> Matrix:
    count = MatrixCount("2026-03-06", meanings or {})
    for record in records:
        count.take(record)
    return count.matrix()


def test_supply_and_demand_stand_in_their_crossing_and_half_said_things_beside_unknown() -> None:
    both = ((*MEET, "goal"), (*WALK, "activity"))
    found = matrix(
        entry("service", "s", *both),
        entry("opportunity", "o", *both),
        entry("event", "e", (*MEET, "goal"), start="2026-04-01T10:00"),
        entry("need", "n", *both, kind="people"),
        entry("service", "silent"),
        entry("news", "no supply", *both),
        entry("need", "met", *both, kind="people", met="fully"),
        entry("event", "past", *both, start="2026-01-01T10:00"),
    )
    assert found.goals == (MEET,) and found.activities == (WALK, UNKNOWN)
    assert found.cell(MEET, WALK) == Crossing((1, 0, 1), 1)
    assert found.cell(MEET, UNKNOWN).offered == 1
    assert (found.cell(UNKNOWN, WALK).offered, found.silent) == (0, 1)


def test_terms_stand_under_what_they_were_mapped_to() -> None:
    own = ("own", "koffie")
    found = matrix(entry("service", "s", (*own, "goal")), meanings={own: MEET})
    assert found.goals == (MEET,) and found.words[MEET]["en"]["value"] == "koffie"
