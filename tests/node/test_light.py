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
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from jisr_node.app import Node
from jisr_protocol import capabilities
from jisr_protocol.reader import private_keys

from .conftest import NOW, SETTINGS, seeded
from .test_office import FIELDS, choice, hidden, words_on

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
                form = client.post("/recovery/words", data={"word1": words[first - 1], "word2": words[second - 1]})
                typed = {"name": "دروس", "description": "دروس للكبار", "act": "go:publish"}
                kept = {**hidden(form.text), "organization": choice(form.text, "organization")}
                looked = client.post(form.url.path, data={**kept, **typed})
                assert client.post(looked.url.path, data=hidden(looked.text)).status_code == 200
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


def test_a_key_without_a_passphrase_is_written_as_the_library_writes_it() -> None:
    seed = bytes(range(32))
    theirs = Ed25519PrivateKey.from_private_bytes(seed).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    assert private_keys.pem(seed) == theirs
    assert private_keys.seed_of(theirs, "key", lambda: None) == seed
    assert private_keys.seed_of(theirs.replace(b"\n", b"\r\n"), "key", lambda: None) == seed
    locked = private_keys.pem(seed, b"four words of mine")
    assert private_keys.seed_of(locked, "key", lambda: b"four words of mine") == seed
    with pytest.raises(private_keys.KeyProblem):
        private_keys.seed_of(theirs.replace(b"MC4C", b"MC4D"), "key", lambda: None)
