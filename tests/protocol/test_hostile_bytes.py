"""Good vectors with one value replaced by any other: everything that parses returns or refuses, and nothing else.

Random bytes hardly ever come past the first check; a good object with one strange member comes past most of them.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jisr_protocol import canonical
from jisr_protocol.refusal import Refusal
from tests.protocol.judge import cases, judge
from tests.protocol.operations.given import Case, bytes_of
from tests.protocol.test_canonical_properties import names, values

HOLDERS = {
    "accept": "line", "bucket": "content", "capabilities": "bytes", "chain": "statements", "entry": "line",
    "head": "bytes", "inner": "content", "key_file": "bytes", "lines": "bytes", "push": "body", "receipt": "bytes",
    "verify": "thing",
}  # fmt: skip
GOOD = [case for case in cases() if case["operation"] in HOLDERS and "result" in case["expect"]]
BY_OPERATION = {name: [case for case in GOOD if case["operation"] == name] for name in HOLDERS}


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside `value`, its own last."""
    inner: list[tuple[Any, ...]] = []
    if isinstance(value, dict):
        inner = [place for name, member in value.items() for place in _places(member, (*path, name))]
    elif isinstance(value, list):
        inner = [place for index, item in enumerate(value) for place in _places(item, (*path, index))]
    return [*inner, path]


def _bent(value: Any, data: st.DataObject) -> Any:
    """A copy with one value inside replaced, left out, or set beside the others."""
    path = data.draw(st.sampled_from(_places(value)))
    if not path:
        return data.draw(values)
    value = copy.deepcopy(value)
    holder = value
    for step in path[:-1]:
        holder = holder[step]
    deed = data.draw(st.sampled_from(["replace", "drop", "add", "swap"]))
    if deed == "drop":
        del holder[path[-1]]
    elif deed == "add" and isinstance(holder, dict):
        holder[data.draw(names)] = data.draw(values)
    elif deed == "swap":
        here = _places(value)
        other: Any = value
        for step in data.draw(st.sampled_from(here)):
            other = other[step]
        holder[path[-1]] = copy.deepcopy(other)
    else:
        holder[path[-1]] = data.draw(values)
    return value


def _bent_bytes(raw: bytes, data: st.DataObject) -> bytes:
    """Lines of canonical JSON with one of them bent."""
    lines = raw.split(b"\n")
    full = [number for number, line in enumerate(lines) if line]
    if not full:
        return raw
    at = data.draw(st.sampled_from(full))
    lines[at] = orjson.dumps(_bent(json.loads(lines[at]), data), option=orjson.OPT_SORT_KEYS)
    return b"\n".join(lines)


def _bent_case(case: Case, data: st.DataObject) -> Case:
    bent = copy.deepcopy(case)
    holder = HOLDERS[case["operation"]]
    if holder == "statements":
        statement = data.draw(st.sampled_from(bent["input"]["statements"]))
        statement["hex"] = _bent_bytes(bytes_of(statement), data).hex()
    else:
        raw = bytes_of(bent["input"][holder])
        bent["input"][holder] = {"hex": _bent_bytes(raw, data).hex()}
        bent["input"].pop("seed_hex", None)
    return bent


@pytest.mark.parametrize("operation", sorted(HOLDERS))
def test_one_strange_value_is_taken_or_refused(operation: str) -> None:
    assert BY_OPERATION[operation]

    @given(st.sampled_from(BY_OPERATION[operation]), st.data())
    def returns_or_refuses(case: Case, data: st.DataObject) -> None:
        ended = judge(_bent_case(case, data))
        assert set(ended) in ({"result"}, {"refused"})

    returns_or_refuses()


@given(st.sampled_from(GOOD), st.data())
def test_a_refusal_says_where_in_words_a_person_can_read(case: Case, data: st.DataObject) -> None:
    bent = _bent_case(case, data)
    ended = judge(bent)
    if "refused" in ended:
        assert ended["refused"]["pointer"] == "" or ended["refused"]["pointer"].startswith("/")


@given(values)
def test_a_refusal_can_always_be_printed(value: Any) -> None:
    refusal = Refusal("CAN-1", "/a", expected="anything", came=value)
    assert str(refusal)
    assert len(refusal.came) <= 120
    assert canonical.escape("~/") == "~0~1"
