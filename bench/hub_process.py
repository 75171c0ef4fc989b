"""A real hub in a process of its own, and the CPU seconds it has used."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from bench.corpus import Writer
from jisr_hub.cli import setting_up
from jisr_protocol import keys
from jisr_protocol.reader.http import ExchangeError, GuardedClient

_TICKS = os.sysconf("SC_CLK_TCK")


class HubProcess:
    """`jisr-hub serve` on a free port of the loopback interface."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder, self.address = folder, f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def init(self, writers: list[Writer]) -> None:
        """Make the hub and admit the writers with quotas that never bind."""

        async def set_up() -> None:
            await setting_up.create(
                self.folder,
                name="Bench",
                country="MA",
                lang="en",
                address=self.address,
                allow_private=True,
                random_bytes=os.urandom,
            )
            for number, writer in enumerate(writers):
                found = setting_up.Candidate(writer.ring.id, "", keys.parse_file(writer.key_file))
                await setting_up.admit(self.folder, found, f"writer {number}")
                await setting_up.set_quota(self.folder, writer.ring.id, 10**9, 10**9)

        asyncio.run(set_up())

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "jisr_hub", "serve", "--dir", str(self.folder), "--port", str(self.port)]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=20)

    def cpu_seconds(self) -> float:
        """User and system seconds of the hub so far."""
        assert self._process is not None
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def peak_bytes(self) -> int:
        """The most memory the hub has held."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    async def ready(self, client: GuardedClient, seconds: float = 20.0) -> None:
        """Wait until the hub answers."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if (await client.get(f"{self.address}/readyz", limit_bytes=4096)).status == 200:
                    return
            except ExchangeError:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.1)
