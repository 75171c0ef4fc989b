"""jisr-hub acts, block, unblock: what commands did is listed, undone by number, proven by check, and in a backup."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from jisr_hub.cli import checking
from tests.curation.curated import key_of
from tests.hub.hub_in_memory import run
from tests.hub.kept_hub import KeptHub, some_author
from tests.hub.test_cli import Command, jisr_hub

__all__ = ["jisr_hub"]


@pytest.fixture
def hub(tmp_path: Path) -> KeptHub:
    return KeptHub(tmp_path / "hub").fill(some_author(records=3))


def faults(folder: Path) -> list[str]:
    found: list[str] = run(checking.check(folder, lambda *_: None))["faults"]
    return found


def test_what_commands_did_is_listed_undone_and_restored(jisr_hub: Command, hub: KeptHub, tmp_path: Path) -> None:
    node, record = key_of(some_author(records=3), "r0")
    at = ("--dir", hub.folder, "--json")
    jisr_hub("hold", node, record, "--days", "2", "--basis", "a wrong number", *at)
    jisr_hub("quota", node, "--per-hour", "5", "--per-day", "9", *at)
    jisr_hub("block", f"{node}/{record}", "--until", "2036-01-01", "--reason", "a complaint", "--note", "secret", *at)
    acts = jisr_hub("acts", "list", *at).json["acts"]
    assert [(one["n"], one["kind"], one["who"], one["by"], one["outcome"]) for one in acts] == [
        (3, "block", "command", "command", "done"),
        (2, "quota", "command", "command", "done"),
        (1, "hold", "command", "command", "done"),
    ]
    assert jisr_hub("unhold", node, record, "--dir", hub.folder).status == 1, "what is blocked is not shown by unhold"
    assert jisr_hub("acts", "undo", "3", *at).json["undone"] == 3
    assert "undone by 5" in jisr_hub("acts", "list", "--dir", hub.folder).out
    refused = jisr_hub("acts", "undo", "3", "--dir", hub.folder)
    assert (refused.status, "act 3 was undone already, by act 5" in refused.err) == (1, True)
    (held,) = jisr_hub("acts", "list", "--about", record, "--kind", "hold", *at).json["acts"][:1]
    assert held["reason"] == "a wrong number"
    assert jisr_hub("check", *at).json["acts"] == 5
    jisr_hub("backup", tmp_path / "kept.tar", "--with-key", *at)
    restored = jisr_hub("restore", tmp_path / "kept.tar", tmp_path / "again", "--yes")
    assert restored.status == 0, restored.err
    there = jisr_hub("acts", "list", "--dir", tmp_path / "again", "--json").json
    assert there == jisr_hub("acts", "list", *at).json
    assert not any("audit log" in fault for fault in faults(tmp_path / "again"))


@pytest.mark.parametrize(
    ("meddled", "said"),
    [
        ("UPDATE act SET line = replace(line, 'a', 'b') WHERE n = 1", "act 1 of the audit log"),
        ("DELETE FROM act WHERE n = 1", "lacks the acts 1 to 1"),
        ("DELETE FROM act WHERE n = 2", "does not hold act 2 as it was written down; it ends at act 1"),
        ("UPDATE act SET who = 'somebody' WHERE n = 1", "its columns are not what its line says"),
        ("UPDATE act SET words = x'7b7d' WHERE n = 1", "its words are not those that were signed"),
    ],
)
def test_check_names_what_was_changed(jisr_hub: Command, hub: KeptHub, meddled: str, said: str) -> None:
    node, _ = key_of(some_author(records=3), "r0")
    for per_hour in ("5", "6"):
        jisr_hub("quota", node, "--per-hour", per_hour, "--per-day", "9", "--dir", hub.folder)
    assert faults(hub.folder) == []
    with sqlite3.connect(hub.folder / "hub.sqlite") as connection:
        connection.execute(meddled)
    connection.close()
    assert any(said in fault for fault in faults(hub.folder))


def test_an_invitation_by_command_is_written_down_with_its_days(jisr_hub: Command, hub: KeptHub) -> None:
    at = ("--dir", hub.folder, "--json")
    made = jisr_hub("invite", "--name", "Dar", "--days", "2.5", *at)
    assert made.status == 0, made.err
    (line,) = jisr_hub("acts", "list", *at).json["acts"]
    assert (line["kind"], line["outcome"], line["members"]["days"]) == ("invite", "done", "2.5")
    assert made.json["code"] not in str(line)


def test_a_backup_put_back_is_said_in_the_log_and_a_new_folder_knows_of_no_loss(
    jisr_hub: Command, hub: KeptHub, tmp_path: Path
) -> None:
    node, _ = key_of(some_author(records=3), "r0")
    at = ("--dir", hub.folder)
    jisr_hub("quota", node, "--per-hour", "5", "--per-day", "9", *at)
    jisr_hub("backup", tmp_path / "kept.tar", "--with-key", *at)
    jisr_hub("quota", node, "--per-hour", "6", "--per-day", "9", *at)
    elsewhere = jisr_hub("restore", tmp_path / "kept.tar", tmp_path / "elsewhere", "--yes")
    assert elsewhere.status == 0 and not any("hold act" in fault for fault in faults(tmp_path / "elsewhere"))
    assert jisr_hub("restore", tmp_path / "kept.tar", hub.folder, "--yes").status == 0
    assert any("does not hold act 2" in fault for fault in faults(hub.folder))
    assert jisr_hub("acts", "accept-loss", "--reason", "Monday's backup", *at).status == 64, "nobody is asked here"
    assert jisr_hub("acts", "accept-loss", "--reason", "Monday's backup", "--yes", *at).status == 0
    assert not any("hold act" in fault for fault in faults(hub.folder))
