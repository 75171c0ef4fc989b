"""Hubs and nodes as processes of their own, to be killed and tormented."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from jisr_hub.cli import setting_up

START_SECONDS = 60.0


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class HubProcess:
    """`jisr-hub serve` in a folder; start, kill and start again as often as you like."""

    def __init__(self, folder: Path, *, name: str = "Hub") -> None:
        self.folder, self.port = folder, free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.feed = f"{self.address}/feeds/public"
        self.process: subprocess.Popen[bytes] | None = None
        made = setting_up.create(
            folder, name=name, country="MA", lang="fr", address=self.address, allow_private=True,
            random_bytes=secrets.token_bytes,
        )  # fmt: skip
        self.id = asyncio.run(made).id
        self.log = folder.with_suffix(".log")

    def start(self, **environment: str) -> HubProcess:
        """Start it and wait until it is ready."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from jisr_hub.cli import main; main()", "serve", "--port", str(self.port),
                 "--dir", str(self.folder)],
                stdout=log, stderr=log, env={**os.environ, **environment},
            )  # fmt: skip
        end = time.monotonic() + START_SECONDS
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"the hub did not start: {self.log.read_text()[-2000:]}")
            time.sleep(0.1)
        return self

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        """Kill it as a power cut would, leaving it no chance."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Ask it to end, and wait."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()

    def peak_mebibytes(self) -> float:
        """The most memory it ever held."""
        assert self.process is not None
        return peak_mebibytes(self.process.pid)

    def __enter__(self) -> HubProcess:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class NodeProcess:
    """`jisr-node serve` in the folder of a node."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> NodeProcess:
        command = ["-c", "from jisr_node.cli import main; main()", "serve", "--port", str(self.port)]
        self.process = subprocess.Popen(
            [sys.executable, *command, "--dir", str(self.folder)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        end = time.monotonic() + START_SECONDS
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError("the node did not start")
            time.sleep(0.1)
        return self

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/head.json", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def peak_mebibytes(self) -> float:
        """The most memory it ever held."""
        assert self.process is not None
        return peak_mebibytes(self.process.pid)

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(15)


def peak_mebibytes(pid: int) -> float:
    """VmHWM of a process: the most memory it ever held."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))
