"""Two hubs over real HTTP: one follows the other and cosigns its heads; a reader asks for that."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jisr_protocol import checkpoint
from tests.hub.test_cli import Command, jisr_hub

__all__ = ["jisr_hub"]
READER = [sys.executable, "-m", "jisr_protocol.reader.cli"]


def run(*command: str, status: int = 0) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    environment = {**os.environ, "PYTHONUTF8": "1", "JISR_HUB_POLL_SECONDS": "0.2", "JISR_HUB_PUBLISH_SECONDS": "0"}
    command = [sys.executable, "-m", "jisr_hub", "serve", "--dir", str(folder), "--port", "0"]
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


def wait(come: Callable[[], bool]) -> None:
    end = time.monotonic() + 90
    while not come():
        assert time.monotonic() < end
        time.sleep(0.1)


def signed_by(number: int, at: str) -> checkpoint.Note:
    """The checkpoint of the hub at this address, when it has so many signatures."""
    notes: list[checkpoint.Note] = []

    def come() -> bool:
        try:
            with urllib.request.urlopen(f"{at}/feeds/public/checkpoint", timeout=30) as answer:
                notes.append(checkpoint.parse(answer.read()))
        except urllib.error.HTTPError as error:
            error.close()
            return False
        return len(notes[-1].signatures) == number

    wait(come)
    return notes[-1]


@pytest.fixture
def folders(tmp_path: Path, jisr_hub: Command) -> tuple[Path, Path]:
    made = tmp_path / "ma", tmp_path / "nl"
    for folder, country in zip(made, ("MA", "NL"), strict=True):
        name = ("--name", f"Jisr {country}", "--country", country, "--allow-private")
        assert jisr_hub("init", folder, *name).status == 0
    return made


def test_a_hub_has_its_heads_cosigned_by_one_that_follows_it(
    folders: tuple[Path, Path], tmp_path: Path, jisr_hub: Command
) -> None:
    publisher, follower = folders
    with serving(publisher) as at, serving(follower) as other:
        assert jisr_hub("peer", "add", at, "--yes", "--dir", follower).status == 0
        own = jisr_hub("witness", "list", "--json", "--dir", follower).json["own"]
        policy = tmp_path / "policy.txt"
        policy.write_text(f"# whom we trust\nwitness nl {own} {other}\nquorum nl\n", encoding="utf-8")
        command = [*READER, "follow", f"{at}/feeds/public", "--into", str(tmp_path / "copy"), "--allow-private"]
        follow = [*command, "--witness-policy", str(policy)]
        witness = f"{other}/v1/witness"
        note = signed_by(1, at)
        assert "too few of the witnesses you trust" in run(*follow, status=30)
        # who is asked before it has followed is asked again in a minute
        wait(lambda: post(witness, b"old 1\n\n" + note.raw)[0] == 409)
        refused = jisr_hub("witness", "add", other, "--dir", publisher)
        assert (refused.status, "Add --expect" in refused.err) == (64, True)
        assert jisr_hub("witness", "add", other, "--yes", "--dir", publisher).status == 0
        [asked] = jisr_hub("witness", "list", "--json", "--dir", publisher).json["witnesses"]
        assert (asked["key"], asked["address"]) == (own, witness)
        note = signed_by(2, at)
        assert "witnessed    by 1 of 1: nl" in run(*follow)
        status, kind, body = post(witness, b"old 0\n\n" + note.raw)
        assert (status, kind.partition(";")[0], int(body)) == (409, "text/x.tlog.size", note.checkpoint.size)
        assert post(witness, b"old x\n\n" + note.raw)[0] == 400
        assert post(witness, b"old 1\n\n" + note.raw.replace(b"\n1\n", b"\n7\n"))[0] == 403
    (tmp_path / "bad.txt").write_text("quorum somebody\n", encoding="utf-8")
    said = run(*command, "--witness-policy", str(tmp_path / "bad.txt"), status=64)
    assert "cannot be used" in said and "Nothing was fetched" in said
    removed = jisr_hub("witness", "remove", asked["address"], "--dir", publisher)
    assert removed.status == 0 and "is asked no more" in removed.out + removed.err
