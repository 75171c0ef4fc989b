"""A node's pages are light: their memory is held, their start is told. In a process of its own, as a person does it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx2 as httpx
import pytest

from jisr_node.app import Node
from jisr_protocol import capabilities

from .conftest import NOW, SETTINGS, seeded
from .test_office import FIELDS, words_on

MOST_MB = 80.0
START = "from jisr_node.cli import main; main()"


def resident_mb(process: int) -> float:
    """What a process holds in memory now."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="NOT RUN: memory is read from /proc")
def test_the_first_minutes_fit_in_80_mb(tmp_path: Path, figure: Callable[..., None]) -> None:
    command = [sys.executable, "-c", START, "start", "--dir", str(tmp_path / "node"), "--port", "0", "--json"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            seconds, early = time.monotonic() - began, resident_mb(process.pid)
            with httpx.Client(base_url=told["address"], follow_redirects=True, timeout=60) as client:
                client.headers["Origin"] = told["address"]
                assert client.get(told["link"]).url.path == "/begin"
                shown = resident_mb(process.pid)
                sheet = client.post("/begin", data=FIELDS)
                words = words_on(sheet.text)
                page = client.get("/recovery/words").text
                first, second = map(int, re.findall(r">Word (\d+)<", page))
                client.post("/recovery/words", data={"word1": words[first - 1], "word2": words[second - 1]})
                home = client.post("/first", data={"name": "دروس", "description": "دروس للكبار"})
                assert home.url.path == "/"
                written = resident_mb(process.pid)
        finally:
            process.terminate()
    figure(
        f"answers after {seconds:.2f} s; {early:.0f} MB then, {shown:.0f} MB after the first page, {written:.0f} MB "
        "after a record was published"
    )
    assert written < MOST_MB


def test_the_capability_document_is_as_the_protocol_writes_it() -> None:
    with Node.in_memory(now=NOW, random_bytes=seeded("light"), **SETTINGS) as node:
        raw = node.store.settings()["capabilities"].encode()
    assert capabilities.parse(raw).to_bytes() == raw
