"""What holds for every value and every input of canonical.py, not only for the vectors."""

from __future__ import annotations

import json
import string
import unicodedata
from typing import Any

import orjson
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from jisr_protocol import canonical
from jisr_protocol.limits import INTEGER_MAX
from tests.protocol.refusals import refusal_of

FORBIDDEN = {*map(chr, range(0x0A)), *map(chr, range(0x0B, 0x20)), *map(chr, range(0x7F, 0xA0)), "\ufeff"}
FORBIDDEN |= set(map(chr, range(0x202A, 0x202F))) | set(map(chr, range(0x2066, 0x206A)))


def _kept(text: str) -> str:
    """The nearest text that keeps the profile."""
    return "".join(c for c in unicodedata.normalize("NFC", text) if c not in FORBIDDEN)


texts = st.text(max_size=20).map(_kept).filter(lambda text: unicodedata.is_normalized("NFC", text))
names = st.text(string.printable[:95], max_size=8)
leaves = st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | texts
values = st.recursive(leaves, lambda v: st.lists(v, max_size=4) | st.dictionaries(names, v, max_size=4), max_leaves=12)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v, max_size=3),
    max_leaves=10,
)


@given(values)
def test_sorted_orjson_is_rfc_8785_under_the_profile(value: Any) -> None:
    assert canonical.dumps(value) == rfc8785.dumps(value)


@given(values)
def test_what_is_written_reads_back_as_the_same_value(value: Any) -> None:
    assert canonical.parse(canonical.dumps(value)) == value


@given(values)
def test_a_value_has_one_spelling(value: Any) -> None:
    """CAN-2: every other way in which json writes it is refused, whatever stands in it."""
    good = canonical.dumps(value)
    for other in (json.dumps(value), json.dumps(value, indent=1), json.dumps(value, ensure_ascii=False)):
        if other.encode() != good:
            refusal = refusal_of(canonical.parse, other.encode())
            assert refusal is not None, other
            assert refusal.code == "not_canonical"


def _returns_or_refuses(raw: bytes) -> None:
    if refusal := refusal_of(canonical.parse, raw):
        assert refusal.rule.startswith(("CAN-", "LIM-"))
        assert str(refusal)
    else:
        assert canonical.dumps(canonical.parse(raw)) == raw


@given(st.binary(max_size=200))
def test_no_bytes_make_parse_do_anything_but_return_or_refuse(raw: bytes) -> None:
    _returns_or_refuses(raw)


@given(any_json)
def test_no_json_makes_parse_do_anything_but_return_or_refuse(value: Any) -> None:
    _returns_or_refuses(
        json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8", "replace")
    )
    _returns_or_refuses(json.dumps(value).encode())


@given(values, st.data())
def test_a_changed_byte_is_another_value_or_refused(value: Any, data: st.DataObject) -> None:
    raw = canonical.dumps(value)
    at = data.draw(st.integers(0, len(raw) - 1))
    bent = raw[:at] + bytes([raw[at] ^ 1 << data.draw(st.integers(0, 7))]) + raw[at + 1 :]
    _returns_or_refuses(bent)


def test_any_depth_is_refused_and_costs_no_stack() -> None:
    for levels in (17, 100, 1000, 1030, 30_000, 100_000):
        for raw in (b"[" * levels, b"[" * levels + b"]" * levels, b'{"a":' * levels + b"1" + b"}" * levels):
            refusal = refusal_of(canonical.parse, raw, limit_bytes=10_000_000)
            assert refusal is not None
            assert refusal.code in ("not_json", "not_canonical")


@given(any_json)
def test_dumps_writes_what_parse_takes_or_refuses(value: Any) -> None:
    if refusal := refusal_of(canonical.dumps, value):
        assert refusal.rule.startswith(("CAN-", "LIM-"))
    else:
        raw = canonical.dumps(value)
        assert canonical.parse(raw) == value == orjson.loads(raw)


@given(st.sampled_from(sorted(FORBIDDEN)), texts, texts)
def test_a_forbidden_character_is_found_wherever_it_stands(character: str, before: str, after: str) -> None:
    raw = orjson.dumps({"a": [before + character + after]})
    refusal = refusal_of(canonical.parse, raw)
    assert refusal is not None
    assert refusal.code == "not_canonical"


@given(texts)
def test_texts_of_the_profile_pass_alone_and_beside_others(text: str) -> None:
    """CAN-6 is decided on the bytes of the whole value: neighbours must not compose."""
    value = {"a": text, "b": [text, text]}
    assert canonical.parse(orjson.dumps(value)) == value
