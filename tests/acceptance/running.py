"""A demo that runs, our commands beside it, and a wire in front of a hub that keeps what went through."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SUMMARY = {"nodes", "records", "hubs", "reader", "seconds"}


def equal_everywhere(summary: dict[str, Any]) -> str:
    """Check the demo's summary: every member, everything verified, one state root; return the root."""
    assert set(summary) == SUMMARY
    assert [set(hub) for hub in summary["hubs"]] == [{"id", "label", "feed", "size", "live", "state_root"}] * 2
    assert set(summary["reader"]) == {"verified", "live", "state_root"}
    assert summary["reader"]["verified"] is True
    ends = [*summary["hubs"], summary["reader"]]
    assert len({end["live"] for end in ends}) == 1 and ends[0]["live"] > 0
    roots = {end["state_root"] for end in ends}
    assert len(roots) == 1
    return str(roots.pop())


class Demo:
    """A demo that stays, in a folder that is kept; `summary` came when all was equal."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.said = folder.with_name(f"{folder.name}.said")
        command = [sys.executable, str(ROOT / "examples" / "demo.py"), "--json", "--dir", str(folder), *arguments]
        with self.said.open("wb") as said:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said)

    def summary(self, seconds: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        guard = threading.Timer(seconds, self._process.kill)
        guard.start()
        line = self._process.stdout.readline()
        guard.cancel()
        assert line, f"the demo ended: {self.said.read_text(encoding='utf-8')[-4000:]}"
        return dict(json.loads(line))

    def addresses(self) -> list[str]:
        said = self.said.read_text(encoding="utf-8")
        return re.findall(r"Open (http://127\.0\.0\.1:\d+)/directory", said)

    def stop(self) -> int:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(30)
        finally:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()


@contextmanager
def demo(folder: Path, *arguments: str) -> Iterator[Demo]:
    started = Demo(folder, *arguments)
    try:
        yield started
    finally:
        started.stop()


class Wire:
    """A port in front of a server, which hands on every byte and keeps what went through."""

    def __init__(self, address: str) -> None:
        self._to = ("127.0.0.1", int(address.rpartition(":")[2]))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._asked: list[bytearray] = []
        self.answered: list[bytearray] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(self._to)
                for source, target, kept in ((near, far, self._asked), (far, near, self.answered)):
                    kept.append(bytearray())
                    threading.Thread(target=self._carry, args=(source, target, kept[-1]), daemon=True).start()

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket, kept: bytearray) -> None:
        with suppress(OSError), source, target:
            while piece := source.recv(65536):
                kept += piece
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)

    def forget(self) -> None:
        for kept in (*self._asked, *self.answered):
            kept.clear()

    @property
    def requests(self) -> list[str]:
        return [line.decode() for kept in self._asked for line in re.findall(rb"(?m)^([A-Z]+ \S+) HTTP/1\.1\r$", kept)]

    @property
    def statuses(self) -> list[int]:
        return [int(status) for kept in self.answered for status in re.findall(rb"(?m)^HTTP/1\.1 (\d{3}) ", kept)]

    def close(self) -> None:
        self._listening.close()


def program(name: str, *arguments: str) -> str:
    """Run one of our commands as a person would; return what it prints."""
    command = [str(Path(sys.executable).with_name(name)), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def until(reached: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait for something that takes its way; return the seconds."""
    began = time.monotonic()
    while not reached():
        assert time.monotonic() - began < seconds, f"not after {seconds} s: {what}"
        time.sleep(0.2)
    return time.monotonic() - began


def head(address: str) -> dict[str, Any]:
    """The head a hub shows now."""
    with urllib.request.urlopen(f"{address}/feeds/public/head.json", timeout=30) as answer:
        return dict(json.loads(answer.read())["head"])
