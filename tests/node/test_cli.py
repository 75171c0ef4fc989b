"""The command: what it says, what it prints for programs, and how it ends."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jisr_node import cli
from jisr_node.adapters import key_files
from jisr_node.app import Node
from jisr_protocol.problems import PROBLEMS

from .conftest import NOW, organization, service
from .fake_hub import FakeHub

INIT = ["--name", "جمعية دار الشباب", "--country", "MA", "--lang", "ar"]


class Command:
    """Runs jisr-node in this process, in one node's folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys

    def __call__(self, *arguments: str | Path) -> tuple[int, str, str]:
        self._capsys.readouterr()
        code = cli.run([*map(str, arguments), "--dir", str(self.folder)])
        out, err = self._capsys.readouterr()
        return code, out, err

    def json(self, *arguments: str | Path, code: int = 0) -> Any:
        ended, out, _ = self(*arguments, "--json")
        assert ended == code, out
        assert out.count("\n") == 1, "one JSON value on one line"
        return json.loads(out)


@pytest.fixture
def jisr_node(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    folder = tmp_path / "node"
    assert cli.run(["init", str(folder), *INIT]) == 0
    return Command(folder, capsys)


def file_of(tmp_path: Path, *drafts: dict[str, Any], name: str = "drafts.jsonl") -> Path:
    path = tmp_path / name
    path.write_text("\n".join(json.dumps(draft, ensure_ascii=False) for draft in drafts), encoding="utf-8")
    return path


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
    terminal.isatty = lambda: True  # type: ignore[method-assign]  # a terminal of this test's own
    monkeypatch.setattr(sys, "stdin", terminal)
    monkeypatch.setattr(cli.typer, "prompt", prompt)
    assert cli.run(["init", str(tmp_path / "n")]) == 0
    assert len(asked) == 5
    with Node.open(tmp_path / "n") as node:
        assert (node.settings.lang, node.settings.hub) == ("fr", "https://hub.example")


def test_a_draft_goes_all_the_way_to_an_exported_feed(jisr_node: Command, tmp_path: Path) -> None:
    drafts = file_of(tmp_path, organization(), service())
    assert jisr_node("import", drafts)[:2] == (
        0,
        "2 added, 0 changed, 0 unchanged, 0 left out. Next: jisr-node publish\n",
    )
    assert jisr_node("import", drafts)[:2] == (0, "0 added, 0 changed, 2 unchanged, 0 left out.\n")
    assert jisr_node("publish")[:2] == (0, "Signed: 3 entries in public.\n")
    assert jisr_node("publish")[:2] == (0, "Nothing new to publish.\n")
    code, out, _ = jisr_node("export", tmp_path / "out")
    assert code == 0
    assert "Only public records are in it." in out
    assert (tmp_path / "out" / "head.json").is_file()


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


def test_a_folder_that_cannot_be_written_is_named(jisr_node: Command, tmp_path: Path) -> None:
    jisr_node("publish")
    (tmp_path / "file").write_text("not a folder")
    code, _, err = jisr_node("export", tmp_path / "file" / "feed")
    assert code == 1
    assert str(tmp_path / "file") in err
    assert "Traceback" not in err


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


def test_status_in_words_begins_with_what_to_do(jisr_node: Command, tmp_path: Path) -> None:
    with Node.open(jisr_node.folder) as node:
        hub = FakeHub()
        hub.keep_back[2] = {"code": "policy_refused", "pointer": "/record/type", "detail": "only organizations"}
        node.import_drafts([organization(), service(), organization("local", audience="local")])
        node.publish(now=NOW)
        asyncio.run(node.push(hub, now=NOW))
        node.import_drafts([organization(name="اسم آخر")])
        found = node.status(now=NOW)
    for sheet in jisr_node.folder.glob("recovery-*.txt"):
        sheet.unlink()
    jisr_node("recovery-kept")
    service_id = found["refused"][0]["id"]
    found["todo"] = [advice for advice in found["todo"] if advice["code"] != "recovery"]
    assert cli.status_lines(found) == [
        "→ The hub keeps back 1 record. Correct each with jisr-node edit, then sync.",
        "→ 1 change not published yet. Next: jisr-node publish",
        "",
        f"جمعية دار الشباب  {found['node']}",
        "Records: 2 public, 1 local",
        "Waiting: 1 to publish, 0 to delete",
        "Last backup: none yet",
        "Feed public: 3 entries, signed 1 September 2026, good until 16 October 2026",
        "Hub https://hub.example, public: received 3, waiting 0, receipt of 1 September 2026",
        f"Kept back: دروس مسائية {service_id}: {PROBLEMS['policy_refused'].title} at /record/type (only organizations)",
    ]


def test_list_shows_names_as_they_are_written(jisr_node: Command, tmp_path: Path) -> None:
    jisr_node("import", file_of(tmp_path, organization(), service()))
    out = jisr_node("list")[1]
    assert "جمعية دار الشباب" in out
    assert "دروس مسائية" in out


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


def test_a_hub_that_cannot_be_reached_ends_with_30_and_nothing_lost(jisr_node: Command, tmp_path: Path) -> None:
    jisr_node("import", file_of(tmp_path, organization()))
    code, out, err = jisr_node("sync", "--hub", "https://hub.invalid")
    assert code == 30
    assert "Signed: 2 entries in public." in out, "it is published, and goes with the next push"
    assert "Nothing is lost" in err
    (delivery,) = jisr_node.json("status")["deliveries"]
    assert (delivery["waiting"], delivery["receipt"]) == (2, None)
    assert "hub.invalid" in delivery["problem"]


def test_a_private_address_is_refused_unless_it_was_allowed(jisr_node: Command, tmp_path: Path) -> None:
    jisr_node("publish")
    code, _, err = jisr_node("push", "--hub", "http://127.0.0.1:9999")
    assert (code, "only the public internet is allowed" in err) == (1, True)
    folder = tmp_path / "private"
    assert cli.run(["init", str(folder), *INIT, "--allow-private"]) == 0
    assert cli.run(["publish", "--dir", str(folder)]) == 0
    assert cli.run(["push", "--hub", "http://127.0.0.1:9", "--dir", str(folder)]) == 1, "port 9 stays shut"


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
