"""REC-1 and REC-2: known types are judged by their schema, unknown ones and unknown members are carried."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jisr_protocol import canonical, entry, envelope, schema
from jisr_protocol.keys import SigningKey

SCHEMAS = Path(__file__).resolve().parents[2] / "protocol" / "schemas"
KEY = SigningKey(bytes(32))
RECORD = {
    "audience": "public",
    "id": "498bd98d-6e9b-4d9a-bab9-0a451da49f44",
    "node": "jisr:" + "a" * 52,
    "rev": 1,
    "salt": "A" * 22,
    "type": "example.tree/3",
}


def line_of(record: dict[str, Any]) -> bytes:
    return entry.write("put", envelope.sealed("record", record, KEY), seq=0, at="2026-05-01T08:00:00Z")


@pytest.mark.parametrize("type_name", schema.types())
def test_a_record_of_every_known_type_is_judged_by_its_schema(type_name: str) -> None:
    """REC-1: the bare members of an unknown type are not enough for any known one."""
    assert not schema.accepts(type_name, RECORD | {"type": type_name})
    assert schema.errors(type_name, RECORD | {"type": type_name})


def test_a_record_of_an_unknown_type_is_an_entry_like_any_other() -> None:
    """REC-2."""
    assert not schema.known("example.tree/3")
    found = entry.parse(line_of(RECORD))
    assert (found.type, found.id) == ("example.tree/3", RECORD["id"])


def test_unknown_members_are_kept_to_the_byte() -> None:
    """REC-2."""
    record = RECORD | {"later": {"deep": [1, "سوق"]}}
    found = entry.parse(line_of(record))
    assert found.thing is not None
    assert found.thing.body == canonical.dumps(record)
    assert json.loads(found.thing.body)["later"] == record["later"]


def test_a_valid_example_with_unknown_members_still_fits() -> None:
    """REC-2: a schema closes no object."""
    seen = 0
    for type_name in schema.types():
        name = type_name.removeprefix("org.jisr.").partition("/")[0]
        for file in sorted((SCHEMAS / name / "examples" / "valid").glob("*.json")):
            record = json.loads(file.read_text("utf-8"))
            assert schema.accepts(type_name, record), file
            assert schema.accepts(type_name, record | {"later_member": {"x": 1}}), file
            seen += 1
    assert seen >= len(schema.types())
