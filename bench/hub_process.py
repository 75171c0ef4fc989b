"""A real hub in processes of its own, on the cores it is given, and what they have used."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from bench import cores
from bench.load import Load
from jisr_hub.cli import setting_up
from jisr_hub.ports import Member
from jisr_protocol import identifiers
from jisr_protocol.reader.http import ExchangeError, GuardedClient


def free_port() -> int:
    """A port of the loopback interface that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def until_listening(port: int, seconds: float = 60.0) -> None:
    """Wait until somebody takes connections there."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.02)


def highest_bytes(pid: int | str) -> int:
    """The most memory that this process has held (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


class HubProcess:
    """`jisr-hub serve` over a folder, on a free port of the loopback interface, with settings of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.folder, self.address = folder, f"http://127.0.0.1:{self.port}"
        self.cores = cores.MEASURED
        self.settings: dict[str, str] = {}
        """By their names in the environment, without JISR_HUB_."""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def feed(self) -> str:
        return f"{self.address}/feeds/public"

    def init(self, load: Load | None = None, database: str = "") -> Self:
        """Make the hub and admit the load's nodes, with quotas that never bind."""

        async def set_up() -> None:
            await setting_up.create(
                self.folder,
                name="Bench",
                country="MA",
                lang="en",
                address=self.address,
                allow_private=True,
                random_bytes=os.urandom,
                database=database,
            )

        asyncio.run(set_up())
        if load is not None:
            self.admit(load)
        return self

    def admit(self, load: Load) -> None:
        """Admit the nodes of a load while the hub does not run."""

        async def all_of_them() -> None:
            async with setting_up.opened(self.folder) as ledger:
                for writer in load.writers:
                    ring, at = writer.ring, identifiers.to_instant(setting_up.now())
                    member = Member(ring.id, f"node {writer.number}", "", 10**9, 10**9, at)
                    await ledger.admit(member, ring.statements)

        asyncio.run(all_of_them())

    def follow(self, other: HubProcess) -> None:
        """Follow another hub, which runs, from the next start on."""

        async def peer() -> None:
            await setting_up.add_peer(self.folder, await setting_up.find_peer(self.folder, other.address))

        asyncio.run(peer())

    def on(self, chosen: set[int]) -> Self:
        """Let it run on these cores from its next start on."""
        self.cores = chosen
        return self

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "jisr_hub", "serve", "--dir", str(self.folder), "--port", str(self.port)]
        environment = {**os.environ, **{f"JISR_HUB_{name}": value for name, value in self.settings.items()}}
        with cores.pinned(self.cores):  # which its threads and its own processes take over
            self._process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=60)
            self._process = None

    def _pids(self) -> Iterator[int]:
        """The server and every process it has begun."""
        assert self._process is not None
        parents = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue  # it has ended meanwhile
        family = {self._process.pid}
        while more := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= more
        return iter(family)

    def cpu_seconds(self) -> float:
        """User and system seconds of the hub so far, of all its processes that run."""
        return sum(time.clock_gettime(~pid << 3 | 2) for pid in self._pids())  # the clock of another process (Linux)

    def peak_bytes(self) -> int:
        """The most memory the hub has held: its processes, each at its highest."""
        return sum(highest_bytes(pid) for pid in self._pids())

    async def ready(self, client: GuardedClient, seconds: float = 60.0) -> None:
        """Wait until the hub answers."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if (await client.get(f"{self.address}/readyz", limit_bytes=4096)).status == 200:
                    return
            except ExchangeError:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.05)

    async def size(self, client: GuardedClient) -> int:
        """How many entries its head covers."""
        return await self._counted("size", client)

    async def live(self, client: GuardedClient) -> int:
        """How many live records its head covers."""
        return await self._counted("live", client)

    async def _counted(self, member: str, client: GuardedClient) -> int:
        answer = await client.get(f"{self.feed}/head.json", limit_bytes=65536)
        return int(json.loads(answer.body)["head"][member]) if answer.status == 200 else 0

    async def published(self, client: GuardedClient, size: int, seconds: float = 300.0) -> None:
        """Wait until the head covers so many entries."""
        deadline = time.monotonic() + seconds
        while await self.size(client) < size:
            if time.monotonic() > deadline:
                raise RuntimeError(f"no head of {size} entries after {seconds:.0f} s")
            address = f"{self.feed}/head.json?after={size - 1}&wait=30"
            await client.get(address, limit_bytes=65536, wait_seconds=30)

    async def holds(self, client: GuardedClient, live: int, seconds: float = 300.0) -> None:
        """Wait until the head covers so many live records: a hub that follows takes no version that was replaced."""
        deadline = time.monotonic() + seconds
        while (held := await self.live(client)) < live:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{held} live records after {seconds:.0f} s, not {live}")
            await asyncio.sleep(0.2)
