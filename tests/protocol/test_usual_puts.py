"""The short way through a put takes exactly what the ordinary way takes, and reads the same in it (ENT-1, ENT-2)."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jisr_protocol import entry
from jisr_protocol.entry import Entry
from jisr_protocol.refusal import Refusal

NODE = "jisr:" + "a" * 52
RECORD: dict[str, Any] = {
    "audience": "public",
    "id": "0b7f3a52-6c2e-4d1b-9a53-3f5d7c1e2a90",
    "name": {"ar": {"origin": "author", "value": 'جمعية "الأمل"\n'}},
    "node": NODE,
    "rev": 3,
    "salt": "AAAAAAAAAAAAAAAAAAAAAA",
    "type": "org.jisr.service/1",
}
OWN: dict[str, Any] = {"at": "2026-09-01T10:02:11Z", "jws": "aGVhZA..c2ln", "op": "put", "record": RECORD, "seq": 7}
FAR: dict[str, Any] = {
    **OWN,
    "src": ["public", "1-aaaaaaaa", 7],
    "via": [{"by": NODE, "epoch": "1-bbbbbbbb", "seq": 9}, {"by": NODE, "epoch": "2-cccccccc", "seq": 12}],
}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.text(st.sampled_from('aZ09-_.:/\\"\n é"'), max_size=30),
    st.sampled_from(["public", "put", "del", NODE, RECORD["id"], "2026-02-30T10:02:11Z", "2026-09-01T10:02:11Z"]),
    st.lists(st.sampled_from(["public", "1-aaaaaaaa", 7, -1]), max_size=4),
    st.just({}),
    st.just({"seq": 7}),
)


def outcome(raw: bytes) -> Entry | tuple[str, str, str]:
    """The entry, or what was refused where."""
    try:
        return entry.parse(raw)
    except Refusal as refusal:
        return refusal.rule, refusal.pointer, refusal.came


def agree(value: dict[str, Any]) -> Entry | tuple[str, str, str]:
    raw = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    short = outcome(raw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entry, "_usual_put", lambda *_: None)
        assert short == outcome(raw)
    return short


@given(
    st.sampled_from([OWN, {**OWN, "src": FAR["src"]}, FAR]),
    st.dictionaries(st.sampled_from(["at", "jws", "op", "record", "seq", "src", "via", "crit", "gone", "zz"]), ODD),
    st.dictionaries(st.sampled_from([*RECORD, "crit", "more"]), ODD),
    st.sets(st.sampled_from([*FAR, *RECORD])),
)
def test_both_ways_read_the_same_or_refuse_the_same(
    base: dict[str, Any], bent: dict[str, Any], bent_record: dict[str, Any], without: set[str]
) -> None:
    record = {name: value for name, value in (RECORD | bent_record).items() if name not in without}
    agree({name: value for name, value in (base | {"record": record} | bent).items() if name not in without})


@pytest.mark.parametrize("value", [OWN, {**OWN, "src": FAR["src"]}, FAR], ids=["own", "home", "far"])
def test_the_usual_forms_go_the_short_way(value: dict[str, Any]) -> None:
    raw = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entry._ENTRY.__class__, "check", None)  # so the ordinary way would fail
        said = entry.parse(raw)
    assert isinstance(agree(value), Entry)
    assert said.thing is not None
    assert said.thing.body == orjson.dumps(RECORD, option=orjson.OPT_SORT_KEYS)
    between = b'"jws":"aGVhZA..c2ln","op":"put","record":%b' % said.thing.body
    assert entry.between(said) == between
