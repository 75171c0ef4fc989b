"""The keys of a node: changed, ended, lost and taken back, by the command and across a crash."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from jisr_node import cli, key_work
from jisr_node.adapters import key_files
from jisr_node.app import Node, clock
from jisr_node.cli.shell import Exit
from jisr_protocol import keys

from .conftest import Command, file_of, organization


def states(jisr_node: Command) -> list[str]:
    return [row["state"] for row in jisr_node.json("keys", "list")["keys"]]


def sheet_of(jisr_node: Command) -> Path:
    return next(jisr_node.folder.glob("recovery-*.txt"))


@pytest.fixture
def published(jisr_node: Command, tmp_path: Path) -> Command:
    jisr_node("import", file_of(tmp_path, organization()))
    jisr_node("publish")
    return jisr_node


def test_a_key_is_rotated_and_the_old_one_retired(published: Command) -> None:
    assert states(published) == ["active", "recovery"]
    done = published.json("keys", "rotate")
    assert states(published) == ["retired", "active", "recovery"]
    rows = published.json("keys", "list")["keys"]
    assert [row["kid"] for row in rows[:2]] == [done["retired"], done["signing"]]
    assert rows[0]["since"] == rows[1]["since"] != ""
    file = keys.fold(keys.parse_file((published.folder / "keys.json").read_bytes()))
    assert file.keys[done["signing"]].state == "active"
    with Node.open(published.folder) as node:
        assert node.identity.key.kid == done["signing"]
        assert not (published.folder / key_files.NEXT_KEY).exists()


def test_a_stolen_key_is_revoked_with_its_reason_and_the_last_good_place(published: Command) -> None:
    stolen = published.json("keys", "list")["keys"][0]["kid"]
    published.json("keys", "revoke", stolen, "--reason", "the laptop is gone")
    row = published.json("keys", "list")["keys"][0]
    assert (row["state"], row["reason"]) == ("revoked", "the laptop is gone")
    assert row["good_up_to"]["public"][1] == 2
    again = published("keys", "revoke", stolen)
    assert again[0] == Exit.USAGE
    assert "Nothing was changed" in again[2]
    assert published("keys", "retire", "nobody's")[0] == Exit.USAGE
    assert published("keys", "revoke", stolen, "--reason", " ")[0] == Exit.USAGE


def test_the_recovery_file_takes_the_node_back(published: Command) -> None:
    sheet = sheet_of(published)
    (published.folder / key_files.SIGNING_KEY).unlink()
    assert published("publish")[0] == Exit.USAGE, "without its key it signs nothing"
    looked = published.json("recover", sheet, "--look")
    assert (looked["changed"], looked["signing"]) == (False, None)
    done = published.json("recover", sheet)
    assert done["changed"]
    assert done["last"]["public"][1] == 2
    assert states(published) == ["revoked", "active", "recovery"]
    assert published("publish")[0] == 0
    assert len(published.json("list")) == 1


@pytest.mark.parametrize(("begins", "ends"), [("Recovery key:", "The same"), ("in words:", "Whoever")])
def test_what_stands_on_the_sheet_does_too(
    published: Command, monkeypatch: pytest.MonkeyPatch, begins: str, ends: str
) -> None:
    text = sheet_of(published).read_text("utf-8")
    typed = text.split(begins)[1].split(ends)[0].replace("check", "").lower()
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert published("recover", "-")[0] == 0
    assert states(published) == ["revoked", "active", "recovery"]


def test_another_sheet_changes_nothing(published: Command, tmp_path: Path) -> None:
    cli.run(["init", str(tmp_path / "other"), "--name", "other", "--country", "MA", "--lang", "ar"])
    other = next((tmp_path / "other").glob("recovery-*.txt"))
    code, _, said = published("recover", other)
    assert (code, "another node" in said) == (Exit.REFUSED, True)
    bent = tmp_path / "bent.txt"
    text = sheet_of(published).read_text("utf-8")
    bent.write_text(text.replace("check ", "check X", 1)[: len(text)], "utf-8")
    for sheet in (bent, tmp_path / "none.txt"):
        code, _, said = published("recover", sheet)
        assert (code, bool(said)) == (Exit.USAGE, True)
    assert published("recover", sheet_of(published), "--good", "public")[0] == Exit.USAGE
    assert states(published) == ["active", "recovery"]


def test_fewer_entries_may_be_called_good(published: Command) -> None:
    done = published.json("recover", sheet_of(published), "--good", "public=1")
    assert done["last"]["public"][1] == 1
    assert done["new_epoch"]
    assert len(done["published_again"]) == 1


@pytest.mark.parametrize("when", ["before the commit", "after the commit"])
def test_dying_while_the_key_changes_leaves_one_that_signs(
    when: str, published: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with Node.open(published.folder) as node:
        old = node.identity.key.kid
        place = "mark" if when == "after the commit" else "sign"
        monkeypatch.setattr(node.feeds, place, die)
        monkeypatch.setattr(key_files, "drop_next", lambda folder: None)
        with pytest.raises(KeyboardInterrupt):
            key_work.rotate(node, now=clock())
    monkeypatch.undo()
    with Node.open(published.folder) as node:
        assert (node.identity.key.kid == old) == (when == "before the commit")
        node.publish()
    assert not (published.folder / key_files.NEXT_KEY).exists()
