"""Two hubs over real HTTP: one follows the other and cosigns its heads; a reader asks for that."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jisr_protocol import checkpoint

HUB = [sys.executable, "-m", "jisr_hub"]
READER = [sys.executable, "-m", "jisr_protocol.reader.cli"]


def run(*command: str, status: int = 0) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    environment = {**os.environ, "PYTHONUTF8": "1", "JISR_HUB_POLL_SECONDS": "0.2", "JISR_HUB_PUBLISH_SECONDS": "0"}
    command = [*HUB, "serve", "--dir", str(folder), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        try:
            yield process.stderr.readline().split(" listens on ")[1].split()[0]
        finally:
            process.kill()
            process.stderr.close()


def post(address: str, body: bytes) -> tuple[int, str, bytes]:
    """Status, type and body of the answer."""
    request = urllib.request.Request(address, data=body, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read()


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    made = tmp_path / "ma", tmp_path / "nl"
    for folder, country in zip(made, ("MA", "NL"), strict=True):
        name = ("--name", f"Jisr {country}", "--country", country, "--allow-private")
        run(*HUB, "init", str(folder), *name)
    return made


def test_a_hub_has_its_heads_cosigned_by_one_that_follows_it(folders: tuple[Path, Path], tmp_path: Path) -> None:
    publisher, follower = folders
    with serving(publisher) as at, serving(follower) as other:
        run(*HUB, "peer", "add", at, "--yes", "--dir", str(follower))
        assert "Add --expect" in run(*HUB, "witness", "add", other, "--dir", str(publisher), status=64)
        run(*HUB, "witness", "add", other, "--yes", "--dir", str(publisher))
        listed = json.loads(run(*HUB, "witness", "list", "--json", "--dir", str(publisher)))
        [asked] = listed["witnesses"]
        own = json.loads(run(*HUB, "witness", "list", "--json", "--dir", str(follower)))["own"]
        assert (asked["key"], asked["address"]) == (own, f"{other}/v1/witness")
        policy = tmp_path / "policy.txt"
        policy.write_text(f"# whom we trust\nwitness nl {own} {other}\nquorum nl\n", encoding="utf-8")
        end = time.monotonic() + 90
        command = [*READER, "follow", f"{at}/feeds/public", "--into", str(tmp_path / "copy"), "--allow-private"]
        while True:
            done = subprocess.run(
                [*command, "--witness-policy", str(policy)], capture_output=True, text=True, timeout=60
            )
            if done.returncode == 0 or time.monotonic() > end:
                break
            assert done.returncode == 30, done.stderr
            assert "too few of the witnesses you trust" in done.stderr
        assert "witnessed    by 1 of 1: nl" in done.stdout, done.stderr
        with urllib.request.urlopen(f"{at}/feeds/public/checkpoint", timeout=30) as answer:
            note = checkpoint.parse(answer.read())
        assert len(note.signatures) == 2
        witness = f"{other}/v1/witness"
        status, kind, body = post(witness, b"old 0\n\n" + note.raw)
        assert (status, kind.partition(";")[0], int(body)) == (409, "text/x.tlog.size", note.checkpoint.size)
        assert post(witness, b"old x\n\n" + note.raw)[0] == 400
        assert post(witness, b"old 1\n\n" + note.raw.replace(b"\n1\n", b"\n7\n"))[0] == 403
    (tmp_path / "bad.txt").write_text("quorum somebody\n", encoding="utf-8")
    said = run(*command, "--witness-policy", str(tmp_path / "bad.txt"), status=64)
    assert "cannot be used" in said and "Nothing was fetched" in said
    assert "is asked no more" in run(*HUB, "witness", "remove", asked["address"], "--dir", str(publisher))
