"""A hub that serves majors 1 and 2, and the readers of either as programs of their own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.hub.author import Author
from tests.hub.kept_hub import KeptHub

ROOT = Path(__file__).resolve().parents[2]
OLD = [sys.executable, "-m", "jisr_protocol.reader.cli"]
"""`jisr` as it is: it speaks 1."""
NEW = [sys.executable, "-m", "tests.federation.major_two", "jisr"]
"""`jisr` as it would be: it speaks 1 and 2."""
HUB = [sys.executable, "-m", "tests.federation.major_two", "hub"]
PUBLIC = "/feeds/public"
PUBLIC_2 = "/feeds/2/public"


def program(command: list[str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run one of them to its end."""
    return subprocess.run([*command, *words], capture_output=True, text=True, timeout=120, env=_environment(), cwd=ROOT)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONUTF8": "1", "JISR_HUB_PUBLISH_SECONDS": "0.05"}


def follow(command: list[str], feed: str, copy: Path, *words: str) -> dict[str, Any]:
    """Follow with a program, to a verified end; what it says of it."""
    done = program(command, "follow", feed, "--into", str(copy), "--allow-private", "--json", *words)
    assert done.returncode == 0, done.stderr
    value: dict[str, Any] = json.loads(done.stdout)
    return value


def dumped(command: list[str], copy: Path) -> tuple[list[str], dict[str, Any]]:
    """Every record of a copy, and where it stands."""
    done = program(command, "dump", str(copy))
    assert done.returncode == 0, done.stderr
    *records, last = done.stdout.splitlines()
    return records, json.loads(last)


@contextlib.contextmanager
def serving(hub: KeptHub) -> Iterator[str]:
    """The hub as a program; its address."""
    words = [*HUB, "serve", "--dir", str(hub.folder), "--port", "0"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=_environment()) as process:
        assert process.stderr is not None
        try:
            yield process.stderr.readline().split(" listens on ")[1].split()[0]
        finally:
            process.terminate()
            process.stderr.read()


def push(address: str, author: Author, start: int) -> None:
    """Send what the author wrote from `start` on, and wait until the hub's head covers it."""
    before = _head(address, 0)["size"]
    request = urllib.request.Request(
        f"{address}/v1/nodes/{author.id}/feeds/public/log", author.push(start), {"Jisr-Version": "1"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert json.load(answer)["next"] == len(author.feed().lines)
    assert _head(address, before + len(author.feed().lines) - start - 1)["size"] > before


def _head(address: str, after: int) -> dict[str, Any]:
    with urllib.request.urlopen(f"{address}{PUBLIC}/head.json?after={after}&wait=20", timeout=60) as answer:
        head: dict[str, Any] = json.load(answer)["head"]
        return head
