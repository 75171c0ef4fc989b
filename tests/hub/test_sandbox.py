"""The hub to try things on: example records that a reader proves, and feeds that misbehave as the vectors say."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from starlette.applications import Starlette
from typer.testing import CliRunner

from jisr_hub.cli import command_for
from jisr_hub.web import sandbox
from jisr_protocol.reader.follow import follow_once
from jisr_protocol.reader.store import open_copy
from tests.javascript import client
from tests.javascript.served_hub import served

SAMPLED = 9
"""Of so many feeds one is read over HTTP; all of them with `--long`."""


def test_feeds_that_misbehave_are_served_as_a_publisher_would(
    tool: Callable[[str], str], tmp_path: Path, long: bool, figure: Any
) -> None:
    with served(Starlette(routes=sandbox.routes(client.VECTORS))) as address:
        with urllib.request.urlopen(f"{address}/sandbox") as answer:
            listed = orjson.loads(answer.read())["feeds"]
        assert {one["name"]: one["exit"] for one in listed} == {
            name: told["exit"] for name, told in client.FEEDS.items()
        }
        compressed = ["page-zstd-alone", "page-zstd-other", "page-gzip-cut", "page-gzip-alone"]
        read = [one["name"] for one in listed][:: 1 if long else SAMPLED] + compressed
        named = {name: told for name, told in client.named().items() if name in read}
        ends = client.in_node(tool("node"), "feeds", named, None, f"{address}/sandbox/feeds", folder=tmp_path)
        wrong = client.wrong_ends({**_right(), **ends})
        figure("bent feeds over HTTP", len(ends))
        assert wrong == []
        for name in ("small", "wrong-state-root"):
            told = client.FEEDS[name]
            now = datetime.fromisoformat(told["now"])
            feed = f"{address}/sandbox/feeds/{name}/feed/"
            result = follow_once(feed, tmp_path / f"{name}.jisr", allow_private=True, now=lambda now=now: now)
            assert result.outcome == told["exit"]


def _right() -> dict[str, Any]:
    """The ends of feeds that were not read, as they should be."""
    return {
        name: {
            "first": 0 if told["before"] else None, "outcome": told["exit"], "code": told["code"], "sentence": "",
            "refused": told["refused"], "rows": told["live"], "kept": told["live"],
        }
        for name, told in client.FEEDS.items()
    }  # fmt: skip


def test_a_file_is_refused_when_that_is_asked_and_none_outside_is_given() -> None:
    with served(Starlette(routes=sandbox.routes(client.VECTORS))) as address:
        for path, status in (
            ("/sandbox/feeds/small/feed/head.json?status=503", 503),
            ("/sandbox/feeds/small/expect.json", 404),
            ("/sandbox/feeds/small/feed/..%2f..%2f..%2fmake.py", 404),
        ):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(address + path)
            refused.value.close()
            assert refused.value.code == status


def test_a_sandbox_serves_its_records_and_is_another_hub_after_its_time(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path)}
    program = [sys.executable, "-c", "from jisr_hub.cli import main; main()", "sandbox", "--port", "0"]
    with subprocess.Popen(
        [*program, "--reset-minutes", "0.1"], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            lives = []
            for _ in range(2):
                told = process.stderr.readline()
                assert "15 example records" in told
                feed = told.partition("records at ")[2].partition(",")[0]
                copy = tmp_path / f"{len(lives)}.jisr"
                result = follow_once(feed, copy, allow_private=True)
                assert result.outcome == 0, result.sentence
                with open_copy(copy) as held:
                    lives.append((held.head.by, held.live()))
            assert lives[0][0] != lives[1][0]
            assert [live for _, live in lives] == [15, 15]
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
    until = time.monotonic() + 10
    while list(tmp_path.glob("jisr-sandbox-*")) and time.monotonic() < until:
        time.sleep(0.1)
    assert list(tmp_path.glob("jisr-sandbox-*")) == [], "nothing of it is left"


def test_a_folder_without_vectors_is_told_in_a_sentence(tmp_path: Path) -> None:
    words = ["sandbox", "--vectors", str(tmp_path)]
    result = CliRunner().invoke(command_for(words), words)
    assert result.exit_code == 64
    assert "no vectors" in result.output
