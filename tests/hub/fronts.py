"""Real servers in front of a real hub: `jisr-hub serve` as a process, nginx and Varnish with docs/samples.

with Hub(folder) as hub, Nginx(tool, hub, tmp_path) as front:
    get(front.address + "/feeds/public/head.json")
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "docs" / "samples"
SECONDS = 90.0
"""Machines that build are slow."""


@dataclass(frozen=True)
class Answered:
    """One answer, as it came over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(address: str, method: str = "GET", **headers: str) -> Answered:
    """Ask for an address with just these headers; `_` stands for `-` in their names. Nothing is decoded."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS)
    try:
        connection.putrequest(
            method, parts.path + (f"?{parts.query}" if parts.query else ""), skip_accept_encoding=True
        )
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        return Answered(answer.status, {n.lower(): v for n, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def until_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until somebody takes connections there."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, f"it ended with {process.returncode}"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise AssertionError(f"nobody listens on {port}")


class Process:
    """A server on a port of this machine."""

    def __init__(self, command: list[str], port: int, **environment: str) -> None:
        self.port, self.address = port, f"http://127.0.0.1:{port}"
        self._command, self._environment = command, environment
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, env={**os.environ, **self._environment}, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        until_listening(self.port, self._process)
        return self

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(30)

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(30)
        if self._process.poll() is None:
            self.kill()


class Hub(Process):
    """`jisr-hub serve` over a folder."""

    def __init__(self, folder: Path, **environment: str) -> None:
        port = free_port()
        self.folder = folder
        command = [sys.executable, "-m", "jisr_hub", "serve", "--dir", str(folder), "--port", str(port)]
        super().__init__(command, port, **environment)


class Nginx(Process):
    """nginx as docs/samples/nginx.conf says, with folders and ports of a test."""

    def __init__(self, tool: Callable[[str], str], hub: Hub, folder: Path) -> None:
        self._program, self._folder, port = tool("nginx"), folder / "nginx", free_port()
        self._folder.mkdir()
        sample = (SAMPLES / "nginx.conf").read_text(encoding="utf-8")
        for said, here in {
            "127.0.0.1:8470": f"127.0.0.1:{hub.port}",
            "/srv/jisr/my-hub": str(hub.folder),
            "/var/cache/nginx/jisr": str(self._folder / "cache"),
            "listen 80;": f"listen 127.0.0.1:{port};",
        }.items():
            assert said in sample
            sample = sample.replace(said, here)
        kept = "\n".join(f"    {kind}_temp_path {self._folder / kind};"
                         for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))  # fmt: skip
        user = "user root;\n" if os.geteuid() == 0 else ""  # else its workers cannot read the folder of a test
        self.config = self._folder / "nginx.conf"
        self.config.write_text(
            f"{user}daemon off;\nworker_processes 1;\nerror_log {self._folder}/error.log;\npid {self._folder}/pid;\n"
            f"events {{ worker_connections 512; }}\nhttp {{\n    access_log off;\n{kept}\n{sample}\n}}\n"
        )
        super().__init__([self._program, "-p", str(self._folder), "-c", str(self.config)], port)

    def check(self) -> subprocess.CompletedProcess[str]:
        """`nginx -t`."""
        command = [self._program, "-t", "-p", str(self._folder), "-c", str(self.config)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


class Varnish(Process):
    """varnishd as docs/samples/varnish.vcl says."""

    def __init__(self, tool: Callable[[str], str], hub: Hub, folder: Path) -> None:
        program, port, made = tool("varnishd"), free_port(), folder / "varnish"
        made.mkdir()
        sample = (SAMPLES / "varnish.vcl").read_text(encoding="utf-8")
        assert '.port = "8470"' in sample
        (made / "jisr.vcl").write_text(sample.replace('.port = "8470"', f'.port = "{hub.port}"'))
        command = [program, "-F", "-n", str(made / "work"), "-f", str(made / "jisr.vcl"), "-a", f"127.0.0.1:{port}",
                   "-s", "malloc,64m", "-j", "none"]  # fmt: skip
        super().__init__(command, port)
