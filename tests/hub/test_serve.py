"""`jisr-hub serve`: it says where it listens once it does, and why it cannot."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

PROGRAM = [sys.executable, "-m", "jisr_hub"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "hub"
    command = [*PROGRAM, "init", str(made), "--name", "Jisr Maroc", "--country", "MA"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return made


def serve(folder: Path, port: int) -> "subprocess.Popen[str]":
    command = [*PROGRAM, "serve", "--dir", str(folder), "--port", str(port)]
    environment = {**os.environ, "PYTHONUTF8": "1"}
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)


def test_whoever_reads_the_address_may_come_at_once(folder: Path) -> None:
    with serve(folder, 0) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        address = line.split(" listens on ")[1].split()[0]
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=30) as answer:
                assert answer.status == 200
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_a_taken_port_is_told_in_a_sentence(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with serve(folder, port) as process:
            try:
                _, said = process.communicate(timeout=60)
            finally:
                process.kill()
    assert process.returncode == 1
    assert f"FAIL  The hub cannot listen on 127.0.0.1:{port}" in said
    assert "listens on" not in said
