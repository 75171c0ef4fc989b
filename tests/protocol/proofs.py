"""What proves a rule: something that passes while the rule is enforced, and fails when a test has switched it off.

    @proves("CAN-3")
    def a_fraction_is_refused() -> None: …

Every invalid vector and every bent feed is a proof of its rule; what no vector can say is written down as a function
with `proves`. tests/test_spec.py runs them all, twice.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

from jisr_protocol.reader.follow import follow_once
from tests.protocol.judge import cases, judge
from tests.protocol.operations.forms import FORMS, RULE_OF_FORM
from tests.protocol.operations.given import VECTORS, Case
from tests.protocol.refusals import refusal_of

Proof = Callable[[], None]
PROOFS: defaultdict[str, list[Proof]] = defaultdict(list)


def proves(rule: str) -> Callable[[Proof], Proof]:
    """Register a function without arguments that fails when `rule` is not enforced."""

    def register(proof: Proof) -> Proof:
        PROOFS[rule].append(proof)
        return proof

    return register


def refused(rule: str, act: Callable[[], object]) -> None:
    """Assert that `act` is refused under `rule`."""
    refusal = refusal_of(act)
    assert refusal is not None, f"nothing was refused; expected {rule}"
    assert refusal.rule == rule, str(refusal)


def _vector(case: Case) -> None:
    assert judge(case) == case["expect"], case["id"]


def _name(form: str, value: str) -> None:
    assert FORMS[form](value) is not None, (form, value)


def _feed(folder: Path) -> None:
    """Follow a feed with the whole reader; assert that it ends as its expect.json says."""
    expected = json.loads((folder / "expect.json").read_text("utf-8"))
    now = datetime.fromisoformat(expected["now"])
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "copy.jisr"
        if expected["before"]:
            follow_once(folder / expected["before"], copy, now=lambda: now)
        result = follow_once(folder / "feed", copy, now=lambda: now)
    found = [{"code": one.code, "seq": one.seq} for one in result.refused]
    assert int(result.outcome) == expected["exit"], folder.name
    if expected["exit"]:
        assert result.refusal is not None
        assert result.refusal.rule == expected["rule"], folder.name
    else:
        assert found == expected["refused"], folder.name


def _register_vectors() -> None:
    for case in cases():
        if "refused" in case["expect"]:
            PROOFS[case["rule"]].append(partial(_vector, case))
    for file in sorted(VECTORS.glob("identifiers/*.invalid.txt")):
        form = file.name.partition(".")[0]
        for line in file.read_text("utf-8").split("\n"):
            if line and not line.startswith("#"):
                PROOFS[RULE_OF_FORM[form]].append(partial(_name, form, line))
    for path in sorted(VECTORS.glob("feeds/*/expect.json")):
        expected = json.loads(path.read_text("utf-8"))
        if expected["exit"] or expected["refused"]:
            PROOFS[expected["rule"]].append(partial(_feed, path.parent))


_register_vectors()
