"""The command itself: how it ends, what it says of mistakes and damage, and that it speaks every script."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from jisr_node import cli
from jisr_node.app import Node

from .conftest import INIT, Command, file_of, organization

MISTAKES = [
    ["nonsense"],
    ["list", "--nonsense"],
    ["show", "00000000-0000-4000-8000-000000000000"],
    ["show", "local:organization/none"],
    ["import", "no-such-file.jsonl"],
    ["add", "no-such-file.json"],
    ["push"],
    ["push", "--hub", "ftp://hub.example"],
]


@pytest.mark.parametrize("arguments", MISTAKES, ids=" ".join)
def test_a_mistake_ends_with_64_and_a_sentence(jisr_node: Command, arguments: list[str]) -> None:
    code, out, err = jisr_node(*arguments)
    assert (code, out) == (64, "")
    assert err.strip()
    assert "Traceback" not in err


def test_an_error_is_json_too(jisr_node: Command) -> None:
    found = jisr_node.json("push", code=64)
    assert found["error"]["code"] == "mistaken"
    assert "knows no hub" in found["error"]["sentence"]


def test_a_folder_without_a_node_says_how_to_get_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["status", "--dir", str(tmp_path)]) == 64
    assert "jisr-node init" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [], "looking leaves nothing behind"


def test_a_missing_signing_key_is_named_and_the_records_are_safe(jisr_node: Command) -> None:
    (jisr_node.folder / "signing.key").unlink()
    code, _, err = jisr_node("publish")
    assert (code, "Your records are safe in node.sqlite" in err) == (64, True)


def test_a_signing_key_of_another_node_signs_nothing(jisr_node: Command, tmp_path: Path) -> None:
    assert cli.run(["init", str(tmp_path / "other"), *INIT]) == 0
    other = (tmp_path / "other" / "signing.key").read_bytes()
    (jisr_node.folder / "signing.key").write_bytes(other)
    code, _, err = jisr_node("publish")
    assert (code, "does not belong to this node" in err) == (1, True)


def test_a_file_that_is_no_database_is_named(jisr_node: Command) -> None:
    (jisr_node.folder / "node.sqlite").write_bytes(b"no database at all, but long enough to be one" * 40)
    code, _, err = jisr_node("status")
    assert (code, "is not a node's database" in err) == (64, True)


def test_a_second_writer_gets_a_sentence(jisr_node: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from jisr_node.adapters import sqlite

    monkeypatch.setattr(sqlite, "LOCK_SECONDS", 0.05)
    with Node.open(jisr_node.folder) as first, first.store.transaction():
        code, _, err = jisr_node("import", file_of(tmp_path, organization()))
        assert (code, "Another jisr-node is writing" in err) == (1, True)
        assert jisr_node("list")[0] == 0, "looking is always possible"


def test_the_program_itself_speaks_arabic_to_a_pipe(tmp_path: Path) -> None:
    """In a process of its own, with a pipe that knows the letters of Western Europe only, as on some Windows."""

    def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "jisr_node.cli", *arguments],
            cwd=tmp_path,
            env={**os.environ, "JISR_NODE_DIR": str(tmp_path / "n"), "LC_ALL": "C", "PYTHONIOENCODING": "cp1252"},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
        )

    assert run("init", "n", *INIT).returncode == 0
    file_of(tmp_path, organization(name="جمعية دار الشباب 🌉"), name="one.json")
    assert run("add", "one.json").returncode == 0
    listed = run("list")
    assert listed.returncode == 0, listed.stderr
    assert b"\\u062f\\u0627\\u0631" in listed.stdout
    assert json.loads(run("list", "--json").stdout)[0]["name"] == "جمعية دار الشباب 🌉"
    assert run("nonsense").returncode == 64


def test_the_readme_names_every_verb() -> None:
    told = (Path(__file__).parents[2] / "node" / "README.md").read_text(encoding="utf-8")
    table = told.partition("## Every verb")[2].partition("\n## ")[0]
    assert set(re.findall(r"`([a-z-]+)`", table)) - {"jisr-node"} == {*cli._COMMANDS, *cli._GROUPS}
