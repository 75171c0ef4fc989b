"""Records are written by command: from files and from the input, one or many, good and bad."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from .conftest import Command, file_of, organization


def test_a_partly_good_import_ends_with_1_and_says_what_to_do(jisr_node: Command, tmp_path: Path) -> None:
    drafts = file_of(tmp_path, organization(), {"type": "org.jisr.service/1", "name": "بلا جمعية"})
    code, out, err = jisr_node("import", drafts)
    assert code == 1
    assert out == "1 added, 0 changed, 0 unchanged, 1 left out. Next: jisr-node publish\n"
    assert err == (
        "Line 2, the whole record: expected a member 'organization'; came nothing.\n"
        "1 record left out; the other 1 are safe. Correct what is named above and give the same command again: "
        "what is already in does not come twice.\n"
    )
    found = jisr_node.json("import", drafts, code=1)
    assert (found["unchanged"], found["refused"][0]["line"]) == (1, 2)
    assert found["refused"][0]["faults"][0].keys() == {"pointer", "code", "expected", "came"}


def test_records_are_added_edited_ended_and_deleted_by_id(jisr_node: Command, tmp_path: Path) -> None:
    added = jisr_node.json("add", file_of(tmp_path, organization(), name="one.json"))
    (record_id,) = added["ids"]
    jisr_node("publish")
    edited = file_of(tmp_path, organization(name="اسم آخر"), name="two.json")
    assert jisr_node.json("edit", record_id, edited)["changed"] == 1
    assert jisr_node.json("show", record_id)["waiting"]["name"]["ar"]["value"] == "اسم آخر"
    jisr_node("publish")
    assert jisr_node.json("end", "local:organization/dar") == {"id": record_id, "status": "ended"}
    jisr_node("publish")
    (row,) = jisr_node.json("list")
    assert (row["rev"], row["status"], row["state"], row["name"]) == (3, "ended", "published", "اسم آخر")
    assert jisr_node.json("delete", record_id) == {"id": record_id, "deleted": True}
    assert jisr_node.json("list")[0]["state"] == "to delete"
    jisr_node("publish")
    assert jisr_node.json("list") == []
    assert jisr_node("end", record_id)[0] == 64
    assert jisr_node("show", record_id) == (0, "", "It was deleted.\n")


def test_a_draft_may_come_from_the_input(jisr_node: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = json.dumps(organization()).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
    assert jisr_node.json("import", "-")["added"] == 1


def test_an_endless_line_is_refused_and_the_next_one_read(jisr_node: Command, tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    path.write_bytes(b"[" * 5_000_000 + b"\n" + json.dumps(organization()).encode() + b"\n")
    found = jisr_node.json("import", path, code=1)
    assert (found["added"], [refused["line"] for refused in found["refused"]]) == (1, [1])
    assert found["refused"][0]["faults"][0]["code"] == "too_large"


def test_a_partner_without_a_line_is_a_mistake(jisr_node: Command, tmp_path: Path) -> None:
    drafts = file_of(tmp_path, {**organization(), "node": "A"})
    code, _, err = jisr_node("import", drafts, "--node", "B")
    assert (code, "No line of" in err) == (64, True)
    assert jisr_node.json("import", drafts, "--node", "A")["added"] == 1


def test_a_refused_single_record_is_told_without_line_numbers(jisr_node: Command, tmp_path: Path) -> None:
    bad = file_of(tmp_path, {"type": "org.jisr.organization/1"}, name="bad.json")
    code, out, err = jisr_node("add", bad)
    assert (code, out) == (1, "0 added, 0 changed, 0 unchanged, 1 left out.\n")
    assert err == (
        "In the whole record: expected a member 'name'; came nothing.\n"
        "Nothing was changed. Correct what is named above and give the same command again.\n"
    )
