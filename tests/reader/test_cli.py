"""The command `jisr`: its statuses, what it prints where, and that it says what to do next."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from tests.reader.conftest import Reader
from tests.reader.publisher import FeedFolder
from tests.reader.server import FeedServer

ROOT = Path(__file__).parents[2]


def jisr(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "jisr_protocol.reader.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)


@pytest.fixture
def today(tmp_path: Path) -> FeedFolder:
    """A feed signed now: the command asks the clock."""
    return FeedFolder(tmp_path / "feed", now=datetime.now(UTC).replace(microsecond=0))


def test_follow_dump_show_and_verify(today: FeedFolder, tmp_path: Path) -> None:
    record = today.put(note="مرحبا")
    today.puts(2)
    today.publish()
    file = tmp_path / "copy.jisr"
    followed = jisr("follow", today.folder, "--into", file)
    assert (followed.returncode, followed.stderr.split()[0]) == (0, "OK")
    assert "records      3" in followed.stdout
    dumped = jisr("dump", file)
    lines = [orjson.loads(line) for line in dumped.stdout.splitlines()]
    assert [list(line) for line in lines[:-1]] == [["node", "id", "rev", "digest", "status"]] * 3
    assert lines[:-1] == sorted(lines[:-1], key=lambda line: (line["node"], line["id"]))
    assert lines[-1] == {
        "cursor": {"epoch": today.epoch, "seq": 4},
        "state_root": today.signed_head().state_root,
    }
    shown = jisr("show", record.value["id"], "--in", file)
    assert (shown.returncode, today.writer.id in shown.stdout, "مرحبا" in shown.stdout) == (0, True, True)
    assert jisr("show", f"{today.writer.id}/{record.value['id']}", "--in", file, "--json").returncode == 0
    for place in (file, today.folder):
        verified = jisr("verify", place)
        assert (verified.returncode, verified.stderr.split()[0]) == (0, "OK"), verified.stderr


def test_json_is_one_object_on_stdout_and_nothing_else(today: FeedFolder, tmp_path: Path) -> None:
    today.put()
    today.put(crit=["org.example.new"])
    today.publish()
    file = tmp_path / "copy.jisr"
    with FeedServer(today.folder) as server:
        done = jisr("follow", server.address, "--into", file, "--allow-private", "--json")
        result = json.loads(done.stdout)
        assert (result["outcome"], result["status"], result["live"], result["refused_live"]) == ("verified", 0, 2, 1)
        assert result["refused"][0]["code"] == "crit_unknown"
        server.answers["head.json"] = 503
        failed = jisr("follow", server.address, "--into", file, "--allow-private", "--json")
        assert json.loads(failed.stdout)["outcome"] == "temporary"
        assert failed.returncode == 30
        assert failed.stderr.count("\n") == 1


def test_each_status_is_the_one_documented(today: FeedFolder, tmp_path: Path) -> None:
    file = tmp_path / "copy.jisr"
    today.puts(5)
    today.publish()
    older = (today.folder / "head.json").read_bytes()
    today.puts(5)
    today.publish(time=today.now)
    assert jisr("follow", today.folder, "--into", file).returncode == 0
    newest = (today.folder / "head.json").read_bytes()
    before = jisr("dump", file).stdout

    def status(*words: object) -> int:
        done = jisr("follow", today.folder, "--into", file, *words)
        assert done.stderr.startswith("FAIL ")
        assert jisr("dump", file).stdout == before
        return done.returncode

    today.write("head.json", older)
    assert status() == 10
    today.bend.head(state_root=bytes(32))
    assert status() == 20
    today.write("head.json", b"not a head\n")
    assert status() == 21
    today.write("head.json", newest)
    today.put()
    today.publish(live=3, time=today.now)
    assert status() == 22
    (today.folder).rename(tmp_path / "elsewhere")
    done = jisr("follow", "http://127.0.0.1:65001/feed", "--into", file, "--allow-private")
    assert done.returncode == 30
    assert "untouched" in done.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "Usage"),
        (["fly"], "No such command"),
        (["follow"], "Missing argument"),
        (["follow", "FEED"], "--into"),
        (["follow", "nowhere", "--into", "x.jisr"], "neither an http or https address nor a folder"),
        (["follow", "https://hub.example/feed?x=1", "--into", "x.jisr"], "has a query"),
        (["follow", "http://127.0.0.1/feed", "--into", "x.jisr"], "special address"),
        (["follow", "http://hub.example:25/feed", "--into", "x.jisr"], "port"),
        (["follow", "https://hub.example/", "--into", "no/such/folder/x.jisr"], "no folder"),
        (["follow", "https://hub.example/", "--into", "x.jisr", "--expect", "jisr:me"], "an identifier: jisr: and 52"),
        (["dump", "none.jisr"], "There is no copy none.jisr"),
        (["show", "4d3b", "--in", "none.jisr"], "jisr follow"),
        (["verify", "none.jisr"], "no file or folder"),
        (["follow", "FEED", "--into", "x", "--watch", "0"], "--watch"),
    ],
)
def test_a_persons_mistake_is_64_and_says_what_to_do(
    words: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-m", "jisr_protocol.reader.cli", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.returncode == 64, done.stderr
    assert sentence in " ".join((done.stdout + done.stderr).split())
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir() if not path.name.endswith(".lock")] == []


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        ("UPDATE record SET body = CAST(replace(body, 'public', 'publik') AS BLOB) WHERE op = 'put'", "ENT-5"),
        ("UPDATE record SET jws = replace(jws, '..', '..A') WHERE op = 'put'", "SIG-4"),
        ("DELETE FROM record WHERE rowid = (SELECT max(rowid) FROM record)", "READ-6"),
        ("UPDATE leaf SET rev = rev + 1", "READ-6"),
        ("UPDATE leaf SET code = NULL WHERE code IS NOT NULL", "READ-6"),
        ("UPDATE record SET op = 'out' WHERE op = 'put'", "READ-6"),
        ("DELETE FROM key_statement; UPDATE record SET node = 'jisr:x'", "SIG-3"),
    ],
)
def test_verify_finds_what_was_changed_in_a_copy(feed: FeedFolder, reader: Reader, damage: str, rule: str) -> None:
    import sqlite3

    feed.puts(3)
    feed.put(crit=["org.example.new"])
    feed.publish()
    reader.verified()
    assert jisr("verify", reader.file).returncode == 0
    connection = sqlite3.connect(reader.file)
    connection.executescript(damage)
    connection.close()
    done = jisr("verify", reader.file)
    assert done.returncode == 21
    assert rule in done.stderr
    assert "jisr follow" in done.stderr


def test_verify_finds_a_wrong_or_missing_file_of_the_inventory(today: FeedFolder) -> None:
    today.puts(3)
    today.publish()
    assert jisr("verify", today.folder).returncode == 0
    files = sorted((today.folder / "inv").iterdir(), key=lambda path: path.stat().st_size)
    bucket = next(path for path in files if path.read_bytes().startswith(b'["jisr:'))
    whole = bucket.read_bytes()
    bucket.write_bytes(whole[:-1])
    done = jisr("verify", today.folder)
    assert (done.returncode, "STA-4" in done.stderr) == (21, True)
    bucket.unlink()
    assert jisr("verify", today.folder).returncode == 21


def test_a_copy_is_verified_also_when_a_key_was_revoked_after_it_was_used(feed: FeedFolder, reader: Reader) -> None:
    stolen = feed.writer.key
    feed.put()
    feed.key_entry(feed.writer.add_key())
    feed.key_entry(feed.writer.revoke(stolen))
    feed.put()
    feed.publish()
    reader.verified()
    assert jisr("verify", reader.file).returncode == 0


def test_watch_goes_on_until_it_is_stopped(today: FeedFolder, tmp_path: Path) -> None:
    import os
    import signal

    today.put()
    today.publish()
    file = tmp_path / "copy.jisr"
    command = [sys.executable, "-m", "jisr_protocol.reader.cli", "follow", today.folder, "--into", file, "--watch", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, cwd=ROOT) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("OK everything")
        today.put()
        today.publish(time=today.now)
        while not (line := process.stderr.readline()).startswith("OK everything"):
            assert line.startswith("OK nothing")
        process.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
        rest = process.stderr.read()
    assert process.returncode == 130, rest
    assert "Stopped. What was stored before is untouched" in rest
