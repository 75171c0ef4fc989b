"""A node is made, with its keys: what is asked, what is said, what is never overwritten."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from jisr_node import cli
from jisr_node.adapters import key_files
from jisr_node.app import Node

from .conftest import INIT, Command


def test_init_makes_key_and_recovery_file_and_insists(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "node"
    assert cli.run(["init", str(folder), *INIT]) == 0
    out = capsys.readouterr().out
    (sheet,) = folder.glob("recovery-*.txt")
    assert str(sheet) in out
    assert "nobody can give it to you a second time" in out
    assert "Then say: jisr-node recovery-kept" in out
    if os.name == "posix":
        assert [(folder / name).stat().st_mode & 0o777 for name in ("signing.key", sheet.name)] == [0o600, 0o600]
    assert (folder / "signing.key").read_text().startswith("-----BEGIN PRIVATE KEY-----")


def test_the_recovery_sheet_holds_the_key_the_first_statement_names(jisr_node: Command) -> None:
    from jisr_protocol.keys import SigningKey

    (sheet,) = jisr_node.folder.glob("recovery-*.txt")
    seed = key_files.read_recovery_sheet(sheet.read_text("utf-8"))
    with Node.open(jisr_node.folder) as node:
        assert [key.kid for key in node.identity.ring.recovery] == [SigningKey(seed).kid]
        assert seed not in (jisr_node.folder / "node.sqlite").read_bytes()


def test_a_wrong_letter_on_the_recovery_sheet_is_noticed(jisr_node: Command) -> None:
    from jisr_node.errors import Mistaken

    (sheet,) = jisr_node.folder.glob("recovery-*.txt")
    text = sheet.read_text("utf-8")
    at = text.index("    ", text.index("Recovery key:")) + 4
    for wrong in (text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :], text[: at + 60], "", "Recovery key:"):
        with pytest.raises(Mistaken):
            key_files.read_recovery_sheet(wrong)


def test_status_warns_until_the_recovery_file_is_kept_elsewhere(jisr_node: Command) -> None:
    (advice,) = jisr_node.json("status")["todo"]
    assert advice["code"] == "recovery"
    code, _, err = jisr_node("recovery-kept")
    assert (code, "still in this folder" in err) == (1, True)
    for sheet in jisr_node.folder.glob("recovery-*.txt"):
        sheet.unlink()
    assert jisr_node("status")[1].startswith("→ The recovery key is in ")
    assert jisr_node("recovery-kept")[0] == 0
    assert jisr_node("status")[1].startswith("All is well.\n")


def test_a_second_init_leaves_the_first_node_as_it_is(jisr_node: Command) -> None:
    before = {path: path.read_bytes() for path in jisr_node.folder.iterdir()}
    assert cli.run(["init", str(jisr_node.folder), *INIT]) == 1
    assert {path: path.read_bytes() for path in jisr_node.folder.iterdir()} == before


def test_init_never_overwrites_a_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "signing.key").write_text("precious")
    assert cli.run(["init", str(tmp_path), *INIT]) == 1
    assert "was left as it is" in capsys.readouterr().err
    assert (tmp_path / "signing.key").read_text() == "precious"
    assert not (tmp_path / "node.sqlite").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [("--country", "Morocco"), ("--lang", "Arabic"), ("--licence", "?"), ("--hub", "hub.example"), ("--name", " ")],
)
def test_init_names_the_setting_that_does_not_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    assert cli.run(["init", str(tmp_path / "n"), *INIT, option, value]) == 64
    err = capsys.readouterr().err
    assert option in err
    assert "Nothing was changed" in err
    assert not (tmp_path / "n").exists()


def test_init_asks_nothing_without_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["init", str(tmp_path / "n"), "--name", "x"]) == 64
    assert "--country is missing" in capsys.readouterr().err


def test_init_asks_five_things_on_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    answers = iter(["Atelier du Port", "MA", "fr", "CC-BY-4.0", "https://hub.example/"])

    def prompt(question: str, **_: Any) -> str:
        asked.append(question)
        return next(answers)

    terminal = io.StringIO()
    terminal.isatty = lambda: True  # a terminal of this test's own
    monkeypatch.setattr(sys, "stdin", terminal)
    monkeypatch.setattr(typer, "prompt", prompt)
    assert cli.run(["init", str(tmp_path / "n")]) == 0
    assert len(asked) == 5
    with Node.open(tmp_path / "n") as node:
        assert (node.settings.lang, node.settings.hub) == ("fr", "https://hub.example")
