"""The command jisr-hub: every outcome is a sentence and an exit status, never a traceback."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from jisr_hub import config
from jisr_hub.app import opening
from jisr_hub.app.opening import open_hub
from jisr_hub.cli import main, setting_up
from jisr_hub.ports import Peer
from jisr_hub.storage.lock import only_one
from jisr_protocol import checkpoint, keys, paths
from jisr_protocol.keys import SigningKey
from tests.faults.processes import free_port
from tests.hub.author import Author
from tests.hub.hub_in_memory import run


class Said(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Said]


@pytest.fixture
def jisr_hub(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command as a shell would, not on a terminal."""

    def command(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["jisr-hub", *map(str, arguments)])
        monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
        status = 0
        try:
            main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Said(status, out, err)

    return command


@pytest.fixture
def hub(jisr_hub: Command, tmp_path: Path) -> Path:
    """A new hub's folder."""
    folder = tmp_path / "hub"
    assert jisr_hub("init", folder, "--name", "Hub Maroc", "--country", "ma", "--lang", "fr").status == 0
    return folder


@pytest.fixture
def author(tmp_path: Path) -> Author:
    """A node with records of every audience, one of them faulty; its key file lies in the folder."""
    author = Author("dar")
    author.puts(260)
    author.put("faulty", founded="long ago")
    author.delete("r7")
    author.put("hidden", audience="hub")
    (tmp_path / "node").mkdir()
    (tmp_path / "node" / "keys.json").write_bytes(keys.write_file(author.ring))
    return author


@pytest.fixture
def filled(hub: Path, author: Author, jisr_hub: Command, tmp_path: Path) -> Path:
    """The hub with the node's records, published."""
    assert jisr_hub("admit", tmp_path / "node", "--name", "Dar", "--yes", "--dir", hub).status == 0

    async def push() -> None:
        running = await open_hub(hub)
        for feed, start in (("public", 0), ("hub", 0)):
            await running.hub.push(author.id, feed, author.push(start, feed=feed))
        await running.publisher.publish()
        await running.close()

    author.now = setting_up.now()
    run(push())
    return hub


# init


def test_init_makes_a_hub_once_and_says_what_to_keep(jisr_hub: Command, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    arguments = ("init", folder, "--name", "Hub", "--country", "NL")
    made = jisr_hub(*arguments, "--json")
    assert made.status == 0
    assert re.fullmatch(r"jisr:[a-z2-7]{52}", made.json["id"])
    sheet = Path(made.json["recovery_sheet"])
    assert made.json["id"] in sheet.read_text("utf-8")
    assert (folder / "signing.key").stat().st_mode & 0o077 == 0
    before = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    again = jisr_hub(*arguments)
    assert (again.status, "nothing was changed" in again.err) == (1, True)
    assert {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()} == before


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--name", "Hub", "--country", "Morocco"], "country"),
        (["--name", "", "--country", "MA"], "name"),
        (["--name", "Hub"], "--country"),
        (["--name", "Hub", "--country", "MA", "--colour", "red"], "--colour"),
    ],
)
def test_a_bad_setting_is_told_and_makes_nothing(
    jisr_hub: Command, tmp_path: Path, arguments: list[str], expected: str
) -> None:
    said = jisr_hub("init", tmp_path / "new", *arguments)
    assert said.status in (1, 64)
    assert expected in said.err
    assert not (tmp_path / "new" / "hub.json").exists()


# admit and quota


def test_a_node_is_admitted_only_when_its_fingerprint_was_compared(
    jisr_hub: Command, hub: Path, author: Author, tmp_path: Path
) -> None:
    refused = jisr_hub("admit", tmp_path / "node", "--dir", hub)
    assert (refused.status, author.id in refused.err) == (64, True)
    assert jisr_hub("status", "--dir", hub, "--json").json["nodes"] == []
    for source in (tmp_path / "node", tmp_path / "node" / "keys.json"):
        taken = jisr_hub("admit", source, "--name", "Dar", "--yes", "--dir", hub, "--json")
        assert (taken.status, taken.json["node"], taken.json["name"]) == (0, author.id, "Dar")
        assert taken.json["fingerprint"].replace(" ", "") == author.id
    [node] = jisr_hub("status", "--dir", hub, "--json").json["nodes"]
    assert (node["node"], node["name"], node["upstream"]) == (author.id, "Dar", "")


def test_what_is_no_node_is_not_admitted(jisr_hub: Command, hub: Path, tmp_path: Path) -> None:
    missing = jisr_hub("admit", tmp_path / "nowhere", "--yes", "--dir", hub)
    assert (missing.status, "There is no" in missing.err) == (1, True)
    other = jisr_hub("admit", hub / "keys.json", "--yes", "--dir", hub)
    assert (other.status, "peer add" in other.err) == (1, True)
    (tmp_path / "keys.json").write_bytes(b'{"keys":[]}\n')
    broken = jisr_hub("admit", tmp_path / "keys.json", "--yes", "--dir", hub)
    assert (broken.status, "KEY-7" in broken.err) == (1, True)
    assert jisr_hub("status", "--dir", hub, "--json").json["nodes"] == []


def test_an_address_that_does_not_answer_ends_with_30(jisr_hub: Command, tmp_path: Path) -> None:
    folder = tmp_path / "open"
    jisr_hub("init", folder, "--name", "Hub", "--country", "MA", "--allow-private")
    nowhere = f"http://127.0.0.1:{free_port()}"
    for command in (("admit", nowhere, "--yes"), ("peer", "add", nowhere, "--yes")):
        said = jisr_hub(*command, "--dir", folder)
        assert (said.status, "Could not reach" in said.err) == (30, True), said
    guarded = tmp_path / "guarded"
    jisr_hub("init", guarded, "--name", "Hub", "--country", "MA")
    said = jisr_hub("peer", "add", nowhere, "--yes", "--dir", guarded)
    assert (said.status, "does not connect" in said.err) == (1, True), said


def test_a_quota_is_changed_for_an_admitted_node_only(
    jisr_hub: Command, hub: Path, author: Author, tmp_path: Path
) -> None:
    change = ("quota", author.id, "--per-hour", 50_000, "--per-day", 90_000, "--dir", hub)
    assert "not admitted" in jisr_hub(*change).err
    jisr_hub("admit", tmp_path / "node", "--yes", "--dir", hub)
    assert jisr_hub(*change, "--json").json == {"node": author.id, "per_hour": 50_000, "per_day": 90_000}

    async def held() -> tuple[int, int]:
        async with setting_up.opened(hub) as ledger:
            member = await ledger.member(author.id)
            assert member is not None
            return member.per_hour, member.per_day

    assert run(held()) == (50_000, 90_000)
    jisr_hub("admit", tmp_path / "node", "--yes", "--dir", hub)
    assert run(held()) == (50_000, 90_000), "admitting again leaves the quota"
    assert jisr_hub("quota", author.id, "--per-hour", 0, "--per-day", 1, "--dir", hub).status == 64


# status, check, rebuild, rejudge


def test_status_tells_what_is_held_and_what_was_put_aside_and_why(
    jisr_hub: Command, filled: Path, author: Author
) -> None:
    facts = jisr_hub("status", "--dir", filled, "--json").json
    assert (facts["live"], facts["size"], facts["published"]) == (259, 264, 264)
    [node] = facts["nodes"]
    [kept] = node["feeds"]["public"]["quarantined"]
    assert (kept["code"], kept["seq"], kept["pointer"]) == ("schema_invalid", 261, "/record/founded")
    assert node["feeds"]["hub"] == {"size": 2, "quarantined": []}
    words = jisr_hub("status", "--dir", filled).out
    assert "Hub Maroc" in words and "Dar" in words and "1 quarantined" in words


def test_check_finds_all_well(jisr_hub: Command, filled: Path) -> None:
    said = jisr_hub("check", "--dir", filled)
    assert (said.status, said.err.strip()) == (0, "OK")
    assert jisr_hub("check", "--dir", filled, "--json").json == {"entries": 264, "live": 259, "acts": 1, "faults": []}


def sql(folder: Path, statement: str, *values: object) -> int:
    connection = sqlite3.connect(folder / "hub.sqlite")
    with connection:
        count = connection.execute(statement, values).rowcount
    connection.close()
    return count


def flip(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.mark.parametrize("at", [20, 200, 450, 620])
def test_check_names_the_entry_whose_byte_was_flipped(jisr_hub: Command, filled: Path, at: int) -> None:
    connection = sqlite3.connect(filled / "hub.sqlite")
    [line] = connection.execute("SELECT line FROM entry WHERE seq = 100").fetchone()
    connection.close()
    sql(filled, "UPDATE entry SET line = ? WHERE seq = 100", flip(line, at))
    said = jisr_hub("check", "--dir", filled, "--json")
    assert said.status == 1
    assert any("entry 100" in fault for fault in said.json["faults"]), said.json
    assert said.err.strip() == "FAIL  1 faults"


FORGERIES = {
    "a leaf": ("UPDATE entry SET leaf = zeroblob(32) WHERE seq = 7", "entry 7: its leaf hash"),
    "an entry that is gone": ("DELETE FROM entry WHERE seq = 9", "entry 9 is missing"),
    "the last entry": ("DELETE FROM entry WHERE seq = 262", "262"),
    "a record's rev": ("UPDATE record SET rev = 9 WHERE seq = 5", "rev is 9, the log says 1"),
    "a record that is gone": ("DELETE FROM record WHERE seq = 5", "is missing in the table of records"),
    "a restricted line": ("UPDATE node_entry SET line = '{}' WHERE name = 'hub' AND seq = 1", "entry 1 of the log of"),
    "a node's leaf": (
        "UPDATE node_entry SET leaf = zeroblob(32) WHERE name = 'public' AND seq = 3",
        "entries 0 to 255",
    ),
}


@pytest.mark.parametrize("what", FORGERIES)
def test_check_finds_what_was_changed_in_the_database(jisr_hub: Command, filled: Path, what: str) -> None:
    statement, expected = FORGERIES[what]
    assert sql(filled, statement.replace("'{}'", "x'7b7d'")) == 1
    said = jisr_hub("check", "--dir", filled, "--json")
    assert said.status == 1
    assert any(expected in fault for fault in said.json["faults"]), said.json


def published_files(folder: Path) -> list[Path]:
    """What the head promises: the pages of its entries, head and keys."""
    [epoch] = [place.name for place in (folder / "public" / "log").iterdir()]
    pages = [folder / "public" / f"{path}.zst" for _, _, path in paths.pages(epoch, 0, 264)]
    return [*pages, folder / "public" / paths.HEAD, folder / "public" / paths.KEYS]


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("how", ["changed", "gone"])
def test_check_finds_a_published_file_that_was_changed(jisr_hub: Command, filled: Path, number: int, how: str) -> None:
    file = published_files(filled)[number]
    if how == "changed":
        file.write_bytes(flip(file.read_bytes(), len(file.read_bytes()) // 2))
    else:
        file.unlink()
    said = jisr_hub("check", "--dir", filled, "--json")
    assert said.status == 1
    [fault] = said.json["faults"]
    assert file.name in fault


def test_rebuild_computes_the_same_from_the_log_alone(jisr_hub: Command, filled: Path) -> None:
    before = jisr_hub("status", "--dir", filled, "--json").json
    pages = {file: file.read_bytes() for file in published_files(filled)[:2]}
    sql(filled, "DELETE FROM record WHERE rev < 3")
    for file in published_files(filled):
        file.unlink()
    assert jisr_hub("check", "--dir", filled).status == 1
    said = jisr_hub("rebuild", "--dir", filled, "--json")
    assert (said.status, said.json["state_root"], said.json["live"]) == (0, before["state_root"], 259)
    assert {file: file.read_bytes() for file in pages} == pages
    assert jisr_hub("check", "--dir", filled).status == 0


@pytest.mark.parametrize("forgets", ["some of it", "all of it"])
def test_an_older_database_signs_nothing(jisr_hub: Command, filled: Path, author: Author, forgets: str) -> None:
    """The head stands outside the database, as a fence: a backup put back must not become a rollback."""
    backup = sqlite3.connect(filled / "backup.sqlite")
    live = sqlite3.connect(filled / "hub.sqlite")
    live.backup(backup)
    live.close()
    if forgets == "all of it":
        backup.execute("UPDATE feed SET published_head = NULL")
        backup.commit()
    backup.close()

    async def grow() -> None:
        running = await open_hub(filled)
        author.put("late")
        await running.hub.push(author.id, "public", author.push(263))
        await running.publisher.publish()
        await running.close()

    run(grow())
    before = (filled / "public" / "head.json").read_bytes()
    for suffix in ("", "-wal", "-shm"):
        (filled / f"hub.sqlite{suffix}").unlink(missing_ok=True)
    (filled / "backup.sqlite").rename(filled / "hub.sqlite")
    for command in ("rebuild", "rejudge"):
        said = jisr_hub(command, "--dir", filled)
        assert (said.status, "Nothing was signed" in said.err) == (1, True), said
    assert (filled / "public" / "head.json").read_bytes() == before
    said = jisr_hub("check", "--dir", filled)
    assert (said.status, "jisr-hub rebase --check" in said.out) == (1, True), said
    assert "FENCED  The database is older" in jisr_hub("status", "--dir", filled).out


def test_what_was_put_aside_is_judged_again(jisr_hub: Command, filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert jisr_hub("rejudge", "--dir", filled, "--json").json == {"judged": 1, "admitted": 0}
    monkeypatch.setattr("jisr_protocol.schema.accepts", lambda *_: True)
    assert jisr_hub("rejudge", "--dir", filled, "--json").json == {"judged": 1, "admitted": 1}
    assert jisr_hub("status", "--dir", filled, "--json").json["live"] == 260
    assert jisr_hub("check", "--dir", filled).status == 0


# Trouble


def test_a_hub_is_served_by_one_process(jisr_hub: Command, filled: Path) -> None:
    with only_one(filled):
        for command in (("serve", "--port", 0), ("rebuild",), ("rejudge",)):
            said = jisr_hub(*command, "--dir", filled)
            assert said.status == 1
            assert "another process already serves" in said.err
        assert jisr_hub("check", "--dir", filled).status == 0, "looking is allowed"
        assert jisr_hub("status", "--dir", filled).status == 0


@pytest.mark.parametrize("command", ["serve", "status", "check", "rebuild", "rejudge", "admit x", "peer add x"])
def test_where_there_is_no_hub_it_says_so(jisr_hub: Command, tmp_path: Path, command: str) -> None:
    said = jisr_hub(*command.split(), "--dir", tmp_path / "empty")
    assert (said.status, "There is no hub in" in said.err) == (1, True), said
    assert not (tmp_path / "empty").exists()


@pytest.mark.parametrize("command", ["serve", "status", "check", "rebuild", "rejudge"])
@pytest.mark.parametrize("missing", ["hub.sqlite", "keys.json", "signing.key"])
def test_a_missing_file_is_named_and_none_is_made_in_its_place(
    jisr_hub: Command, hub: Path, command: str, missing: str
) -> None:
    (hub / missing).unlink()
    said = jisr_hub(command, "--dir", hub)
    assert (said.status, missing in said.err, "backup" in said.err) == (1, True, True), said
    assert not (hub / missing).exists()


@pytest.mark.parametrize("command", ["status", "check", "rebuild", "serve"])
@pytest.mark.parametrize("file", ["hub.json", "keys.json", "signing.key", "hub.sqlite"])
def test_a_file_of_rubbish_is_a_sentence(jisr_hub: Command, hub: Path, command: str, file: str) -> None:
    for suffix in ("-wal", "-shm"):
        (hub / (file + suffix)).unlink(missing_ok=True)
    (hub / file).write_bytes(b"rubbish " * 1000)
    said = jisr_hub(command, "--dir", hub)
    assert said.status == 1, said
    assert said.err.startswith("FAIL  ")


def test_the_settings_name_every_fault(jisr_hub: Command, hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JISR_HUB_PUBLISH_SECONDS", "soon")
    monkeypatch.setenv("JISR_HUB_COUNTRY", "Morocco")
    said = jisr_hub("status", "--dir", hub)
    assert said.status == 1
    assert "publish_seconds" in said.err and "country" in said.err


def test_no_arguments_and_wrong_ones_are_usage(jisr_hub: Command) -> None:
    assert "Usage" in jisr_hub("--help").out
    for wrong in (("fly",), ("status", "--dir"), ("peer",), ("peer", "fly"), ("quota", "x")):
        said = jisr_hub(*wrong)
        assert said.status in (2, 64) or "Usage" in said.out, said


def test_an_operator_sets_a_quorum_of_witnesses_for_a_peer_and_takes_it_away(jisr_hub: Command, tmp_path: Path) -> None:
    folder, peer, good = tmp_path / "hub", "jisr:" + "a" * 52, tmp_path / "good.txt"
    key = checkpoint.witness_key(SigningKey(bytes(32)), "a/witness")
    good.write_text(f"witness a {key}\nquorum a\n", encoding="utf-8")
    assert jisr_hub("init", folder, "--name", "Hub", "--country", "NL").status == 0

    def set_(*words: object) -> Said:
        return jisr_hub("peer", "witnesses", peer, *words, "--dir", folder)

    said = set_("--policy", good)
    assert (said.status, "is not a peer of this hub" in said.err) == (1, True)
    run(setting_up.add_peer(folder, Peer(peer, "peer", "https://peer.example", 0, "")))
    for text in ("quorum somebody\n", f"witness a {key}\nquorum none\n"):
        (tmp_path / "bad.txt").write_text(text, encoding="utf-8")
        said = set_("--policy", tmp_path / "bad.txt")
        assert (said.status, "Nothing was changed" in said.err) == (1, True), said.err
    assert set_().status == set_("--none", "--policy", good).status == 64
    assert config.read(folder).quorums == {}
    assert set_("--policy", good).status == 0
    assert opening.quorums_of(config.read(folder))[peer].quorum == "a"
    assert set_("--none").status == 0
    assert config.read(folder).quorums == {}


# duplicates


def test_duplicates_are_listed_and_an_unknown_record_is_a_sentence(jisr_hub: Command, filled: Path) -> None:
    found = jisr_hub("duplicates", "--json", "--dir", filled)
    assert found.status == 0 and found.json["records"] > 200
    assert "Nothing was joined" in jisr_hub("duplicates", "--dir", filled).out
    unknown = jisr_hub("duplicates", "nothing", "--dir", filled)
    assert (unknown.status, "there is no live organization" in unknown.err) == (1, True)
