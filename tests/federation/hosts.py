"""Several hosts on one machine: each in a network namespace of its own, joined by a bridge; else on loopback.

    with Network(folder) as network:
        host = network.host("ma")          an address of its own, and programs that run there
        host.run("-m", "jisr_node.cli", …) one that ends;   host.start(…) one that serves
        host.cut(); host.heal()            its line;        host.slow("256kbit")

`network.kind` says which it is. On loopback a cut host is one whose programs are stopped for a while, and nothing is
slow. Everything is taken away at the end, whatever happened.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import shutil
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

_CLOCKED = """
import datetime, runpy, sys
import time_machine
wrong = datetime.timedelta(seconds=float(sys.argv[1]))
time_machine.travel(datetime.datetime.now(datetime.UTC) + wrong, tick=True).start()
sys.argv = sys.argv[2:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
RUN_SECONDS = 120


class Host:
    """One host. `clock` is how wrong the clocks of programs are that start from now on."""

    def __init__(self, network: Network, name: str, number: int) -> None:
        self.name, self._network, self._number = name, network, number
        self.clock = timedelta()
        self.running: list[subprocess.Popen[bytes]] = []
        self.namespace = f"{network.label}{number}"
        self.ip = f"10.77.0.{number}" if network.namespaces else f"127.77.0.{number}"
        if network.namespaces:
            self._join()

    def _join(self) -> None:
        net, link = self._network, f"v{self._number}"
        net.ip("netns", "add", self.namespace)
        net.ip("link", "add", "eth0", "netns", self.namespace, "type", "veth", "peer", "name", link, "netns", net.label)
        net.ip("-n", self.namespace, "addr", "add", f"{self.ip}/24", "dev", "eth0")
        net.ip("-n", self.namespace, "link", "set", "eth0", "up")
        net.ip("-n", self.namespace, "link", "set", "lo", "up")
        net.ip("-n", net.label, "link", "set", link, "master", "bridge", "up")

    def _command(self, module: str, *words: object) -> list[str]:
        inside = ["ip", "netns", "exec", self.namespace] if self._network.namespaces else []
        wrong = str(self.clock.total_seconds())
        program = ["-c", _CLOCKED, wrong, module] if self.clock else ["-m", module]
        return [*inside, sys.executable, *program, *map(str, words)]

    def run(self, module: str, *words: object, status: int | None = 0) -> str:
        """Run a program here to its end; what it printed. With `status` None it may end as it likes."""
        done = subprocess.run(
            self._command(module, *words), capture_output=True, text=True, timeout=RUN_SECONDS, check=False
        )
        if status is not None and done.returncode != status:
            raise AssertionError(f"{self.name}: {module} {words} ended {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def start(self, module: str, *words: object, log: Path, **environment: str) -> subprocess.Popen[bytes]:
        """Start a program that serves; it ends with the network."""
        with log.open("ab") as out:
            process = subprocess.Popen(
                self._command(module, *words),
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, env={**os.environ, **environment},
            )  # fmt: skip
        self.running.append(process)
        return process

    def stop(self) -> None:
        """End every program here."""
        for process in self.running:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in self.running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            process.kill()
            process.wait()
        self.running.clear()

    def cut(self) -> None:
        """Take its line away."""
        self._line("down", signal.SIGSTOP)

    def heal(self) -> None:
        """Give its line back."""
        self._line("up", signal.SIGCONT)

    def _line(self, state: str, instead: signal.Signals) -> None:
        if self._network.namespaces:
            self._network.ip("-n", self._network.label, "link", "set", f"v{self._number}", state)
            return
        for process in self.running:
            process.send_signal(instead)

    def slow(self, rate: str) -> bool:
        """Make its line slow both ways, such as `256kbit`; whether it is."""
        if not self._network.namespaces or shutil.which("tc") is None:
            return False
        for namespace, device in ((self.namespace, "eth0"), (self._network.label, f"v{self._number}")):
            words = [
                "tc",
                "qdisc",
                "replace",
                "dev",
                device,
                "root",
                "tbf",
                "rate",
                rate,
                "burst",
                "8kb",
                "latency",
                "1s",
            ]
            subprocess.run(["ip", "netns", "exec", namespace, *words], check=True, capture_output=True)
        return True


class Network:
    """The hosts of one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.label = f"jisr{secrets.token_hex(3)}n"
        self.namespaces = self._may()
        self.hosts: list[Host] = []
        self._numbers = itertools.count(1)

    @property
    def kind(self) -> str:
        """What the hosts are, for whoever reads the figure."""
        return "network namespaces" if self.namespaces else "LOOPBACK (this machine allows no namespaces)"

    def ip(self, *words: str) -> None:
        """Run `ip` of iproute2."""
        subprocess.run(["ip", *words], check=True, capture_output=True, text=True)

    def _may(self) -> bool:
        """Make the namespace of the bridge, if this machine allows it."""
        if shutil.which("ip") is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
            return False
        try:
            self.ip("netns", "add", self.label)
            self.ip("-n", self.label, "link", "add", "bridge", "type", "bridge")
            self.ip("-n", self.label, "link", "set", "bridge", "up")
        except subprocess.CalledProcessError:
            subprocess.run(["ip", "netns", "del", self.label], check=False, capture_output=True)
            return False
        return True

    def host(self, name: str) -> Host:
        """One more host."""
        self.hosts.append(Host(self, name, next(self._numbers)))
        return self.hosts[-1]

    def __enter__(self) -> Network:
        return self

    def __exit__(self, *_: Any) -> None:
        for host in self.hosts:
            host.stop()
        for namespace in [*(host.namespace for host in self.hosts), self.label] if self.namespaces else []:
            subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True)
