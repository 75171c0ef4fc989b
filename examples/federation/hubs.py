"""A hub of the demo: its folder made in this process, served by a process of its own, `jisr-hub serve`."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import socket
import sys
from contextlib import suppress
from pathlib import Path

from jisr_hub.cli import setting_up
from jisr_protocol import head as heads
from jisr_protocol.head import Head
from jisr_protocol.limits import HEAD_BYTES
from jisr_protocol.reader.answers import ExchangeError
from jisr_protocol.reader.http import GuardedClient

QUICK = {
    # seconds of a few minutes' show; what an operator would set is in jisr_hub.config
    "JISR_HUB_PUBLISH_SECONDS": "0.2",
    "JISR_HUB_POLL_SECONDS": "0.5",
    # a whole directory comes in one go
    "JISR_HUB_PER_HOUR": "1000000",
    "JISR_HUB_PER_DAY": "1000000",
}
READY_SECONDS = 90
STOP_SECONDS = 10


class NotServing(Exception):
    """A hub does not come up, or went away; the sentence says what it said last."""


def quick_settings() -> None:
    """Set the environment of every hub of this demo; other settings of hubs on this machine are not for them."""
    for name in [name for name in os.environ if name.startswith("JISR_HUB_") and name != "JISR_HUB_LOG"]:
        del os.environ[name]
    os.environ.update(QUICK)


def ports(number: int, first: int | None) -> list[int]:
    """That many ports on 127.0.0.1: any free ones, or those from `first` on. Raises OSError when one is taken."""
    taken: list[socket.socket] = []
    try:
        for i in range(number):
            taken.append(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            if os.name != "nt":
                # as the server will: a port whose last connections are just going away is free
                taken[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            wanted = 0 if first is None else first + i
            try:
                taken[-1].bind(("127.0.0.1", wanted))
            except (OSError, OverflowError) as error:
                why = getattr(error, "strerror", None) or error
                raise OSError(f"The port {wanted} cannot be used ({why}). Choose another one with --port.") from None
        return [int(one.getsockname()[1]) for one in taken]
    finally:
        for one in taken:
            one.close()


class Hub:
    """One hub: `label` is what drafts call it, `head` the newest that was seen, `home` the nodes admitted here."""

    def __init__(self, label: str, name: str, country: str, lang: str, folder: Path, port: int) -> None:
        self.label, self.name, self.country, self.lang = label, name, country, lang
        self.folder, self.port = folder, port
        self.address = f"http://127.0.0.1:{port}"
        self.feed = f"{self.address}/feeds/public"
        self.id = ""
        self.head: Head | None = None
        self.home: set[str] = set()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def said(self) -> Path:
        """Where the process writes what it says."""
        return self.folder.with_name(f"{self.folder.name}.log")

    async def make(self) -> None:
        """Make the hub's folder, keys and database."""
        made = await setting_up.create(
            self.folder,
            name=self.name,
            country=self.country,
            lang=self.lang,
            address=self.address,
            allow_private=True,
            random_bytes=secrets.token_bytes,
        )
        self.id = made.id

    async def start(self) -> None:
        """Start the process; `ready` waits until it answers."""
        places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        program = shutil.which("jisr-hub", path=places)
        if program is None:
            raise NotServing("the program jisr-hub is not installed beside this Python: start it with run.py")
        with self.said.open("wb") as out:
            self._process = await asyncio.create_subprocess_exec(
                program,
                *("serve", "--dir", str(self.folder), "--host", "127.0.0.1", "--port", str(self.port)),
                env={**os.environ, "PYTHONUTF8": "1"},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=asyncio.subprocess.STDOUT,
            )

    async def ready(self, client: GuardedClient) -> None:
        """Wait until the hub has signed its first head. Raises NotServing."""
        with suppress(TimeoutError):
            async with asyncio.timeout(READY_SECONDS):
                while not await self.look(client):
                    self.check_alive()
                    await asyncio.sleep(0.1)
                return
        raise NotServing(f"{self.name} does not answer at {self.address} after {READY_SECONDS} seconds{self._last()}")

    async def look(self, client: GuardedClient) -> bool:
        """Read the head; tell whether it is another one than before. No answer is no news."""
        try:
            answer = await client.get(f"{self.feed}/head.json", limit_bytes=HEAD_BYTES)
        except ExchangeError:
            return False
        if answer.status != 200:
            return False
        before, self.head = self.head, heads.parse(answer.body)
        return before is None or before.raw != self.head.raw

    def check_alive(self) -> None:
        """Raise NotServing when the process has ended by itself."""
        if self._process is None or self._process.returncode is not None:
            status = "never started" if self._process is None else f"ended with status {self._process.returncode}"
            raise NotServing(f"{self.name} {status}{self._last()}")

    async def ended(self) -> None:
        """Wait until the process has ended."""
        if self._process is not None:
            await self._process.wait()

    async def stop(self) -> None:
        """Stop the process: ask, wait, then end it. Safe to call twice and before `start`."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    await process.wait()
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    def _last(self) -> str:
        lines = self.said.read_text(encoding="utf-8", errors="replace").splitlines() if self.said.exists() else []
        return f". It said last: {lines[-1]}" if lines else ""
