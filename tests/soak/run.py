"""`python3 run.py soak --minutes N`: does a hub under mixed load stay as small as it is, and leave nothing open?

A real hub process; nodes that push new, changed, deleted and erased records; readers that follow over HTTP; visitors
who read heads (also waiting for the next), pages and the directory. Now and then a node or a reader is killed.
Everybody is a fork of this process. One JSON line comes at the end:

    rss_mib      mean memory of the hub in the middle and in the last third of the time; `growth` is their ratio
    descriptors  open files and sockets of the hub, [before, after] the load, when everybody has gone
    tasks        its asyncio tasks, [before, after]
    faults       what is wrong, as sentences

Exit: 0 nothing is wrong · 1 memory grows by more than a tenth, or something was left behind.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jisr_node.adapters.hub import HttpHub
from jisr_node.app import Node
from jisr_node.errors import HubUnreachable
from jisr_protocol import paths
from jisr_protocol.reader import http as guarded
from jisr_protocol.reader.follow import follow_once
from jisr_protocol.session import Outcome
from tests.faults import forks, hub_path
from tests.faults.hub_path import draft
from tests.faults.kills import Told
from tests.faults.processes import free_port

NODES, READERS, VISITORS = 3, 2, 2
RECORDS = 60
"""Each node writes about so many records again and again, so that what is live stays as much."""
GROWTH_AT_MOST = 1.1
WARM_UP_PART = 0.15
SETTLE_SECONDS = 30.0
"""How long the hub gets to close what it has open, once everybody has gone."""
POOLS = 12
"""Connections a hub keeps to its database at most; SQLite holds three files open for each."""


@dataclass
class Soaked:
    """What a soak came to; see the module."""

    minutes: float
    pushes: int = 0
    follows: int = 0
    visits: int = 0
    killed: int = 0
    entries: int = 0
    rss_mib: list[float] = field(default_factory=list)
    growth: float = 0.0
    descriptors: list[int] = field(default_factory=list)
    tasks: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


# Actors: each works until it is killed


async def write(folder: Path, told: Told) -> None:
    chance = random.Random()
    client = guarded.GuardedClient(allow_private=True)
    with Node.open(folder) as node:
        hub = HttpHub(node.settings.hub, client)
        while True:
            numbers = dict.fromkeys(chance.randrange(RECORDS) for _ in range(chance.randint(1, 4)))
            node.import_drafts([draft(n, description=secrets.token_hex(40)) for n in numbers])
            live = [record for record in node.store.records() if record.content is not None]
            if live and chance.random() < 0.2:
                node.delete(chance.choice(live).id)
            node.publish()
            live = [record for record in node.store.records() if record.content is not None]
            if live and chance.random() < 0.03:
                node.erase(chance.choice(live).id)
            try:
                sent = await node.push(hub)
                told.say(pushed={done.feed: done.next for done in sent.delivered})
            except HubUnreachable:
                pass
            await asyncio.sleep(chance.uniform(0.1, 0.4))


def follow(feed: str, copy: Path, told: Told) -> None:
    while True:
        result = follow_once(feed, copy, allow_private=True)
        if result.outcome is not Outcome.VERIFIED:
            raise AssertionError(result.sentence)
        told.say(followed=result.applied)
        time.sleep(random.uniform(0.2, 0.6))


def visit(address: str, told: Told) -> None:
    """Heads, also waited for; pages, also such that are not there; the directory."""
    feed = f"{address}/feeds/public"
    while True:
        head = json.loads(_get(f"{feed}/{paths.HEAD}"))
        size, epoch = head["head"]["size"], head["head"]["epoch"]
        last = [path for _, _, path in paths.pages(epoch, 0, size)][-1]
        for url in (f"{feed}/{last}", f"{feed}/log/{epoch}/999.ndjson", f"{address}/directory", f"{address}/readyz"):
            _get(url)
        _get(f"{feed}/{paths.HEAD}?after={size}&wait=1")
        told.say(visited=size)


def _get(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        if error.code >= 500 and error.code != 503:
            raise
        return error.read()


class Crowd:
    """Everybody who uses the hub."""

    def __init__(self, folder: Path, address: str, nodes: list[Path]) -> None:
        self.told = Told(folder / "told.jsonl")
        self._log = os.open(folder / "crowd.log", os.O_CREAT | os.O_APPEND | os.O_RDWR)
        feed = f"{address}/feeds/public"
        lives: list[Callable[[], Any]] = [
            *(lambda node=node: asyncio.run(write(node, self.told)) for node in nodes),
            *(lambda n=n: follow(feed, folder / f"reader{n}.jisr", self.told) for n in range(READERS)),
            *([lambda: visit(address, self.told)] * VISITORS),
        ]
        self._lives, self._pids = lives, [0] * len(lives)
        self._path = folder / "crowd.log"

    def come(self) -> None:
        self._pids = [forks.live(life, log=self._log) for life in self._lives]

    def one_dies(self, chance: random.Random) -> None:
        """A node or a reader is killed and begins again."""
        which = chance.randrange(NODES + READERS)
        self._kill(self._pids[which])
        self._pids[which] = forks.live(self._lives[which], log=self._log)

    def go(self) -> None:
        for pid in self._pids:
            self._kill(pid)

    def _kill(self, pid: int) -> None:
        status = forks.kill(pid)
        assert status == 9, f"one of the crowd ended by itself: {self._path.read_text(errors='replace')[-2000:]}"


class Watched:
    """The hub process, and what it holds."""

    def __init__(self, folder: Path, port: int, scratch: Path) -> None:
        self._samples = scratch / "tasks.txt"
        self._log = (scratch / "hub.log").open("wb")
        command = [sys.executable, "-m", "tests.soak.hub", str(self._samples), "serve", "--dir", str(folder)]
        environment = {**os.environ, "JISR_HUB_PUBLISH_SECONDS": "0.3"}
        self._process = subprocess.Popen(
            [*command, "--port", str(port)], stderr=self._log, stdout=self._log, env=environment
        )
        self.folder, self.log = folder, scratch / "hub.log"

    def rss_mib(self) -> float:
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def tasks(self) -> int:
        lines = self._samples.read_text().splitlines() if self._samples.exists() else []
        return int(lines[-1]) if lines else 0

    def descriptors(self) -> tuple[int, int]:
        """(sockets, pipes and the like; files of the database)."""
        others = files = 0
        place = f"/proc/{self._process.pid}/fd"
        for name in os.listdir(place):
            try:
                path = os.readlink(f"{place}/{name}")
            except FileNotFoundError:
                continue
            if "hub.sqlite" in path:
                files += 1
            else:
                others += 1
        return others, files

    def settled(self) -> tuple[int, int, int]:
        """(others, files, tasks) as soon as nothing changes any more, not even what waits until the log has rested."""
        end = time.monotonic() + SETTLE_SECONDS
        before, same = (*self.descriptors(), self.tasks()), 0
        while same < 10 and time.monotonic() < end:
            time.sleep(0.8)
            now = (*self.descriptors(), self.tasks())
            same, before = (same + 1 if now == before else 0), now
        return before

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)
        self._log.close()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None


def soak(folder: Path, minutes: float, *, growth_at_most: float = GROWTH_AT_MOST) -> Soaked:
    """Run it. The first part warms up: what a hub keeps for good (pools, caches) is made then."""
    chance, port = random.Random(5), free_port()
    address, hub = f"http://127.0.0.1:{port}", folder / "hub"
    hub_path.prepare(folder / "warm")  # what is loaded on the way, all forks have
    guarded.GuardedClient()
    asyncio.run(hub_path.create_hub(hub, address))
    nodes = [folder / f"node{n}" for n in range(NODES)]
    for place in nodes:
        Node.init(place, name="Node", country="MA", lang="ar", hub=address, allow_private=True).close()
        asyncio.run(hub_path.admit(hub, place))
    watched = Watched(hub, port, folder)
    try:
        return _soak(watched, Crowd(folder, address, nodes), minutes, growth_at_most, chance, address)
    finally:
        watched.stop()


def _soak(
    watched: Watched, crowd: Crowd, minutes: float, growth_at_most: float, chance: random.Random, address: str
) -> Soaked:
    soaked = Soaked(minutes)
    while not _ready(address):
        assert watched.alive, watched.log.read_text(errors="replace")
        time.sleep(0.1)
    forks.settle()
    _load(watched, crowd, minutes * 60 * WARM_UP_PART, chance, soaked)
    others_before, _, tasks_before = watched.settled()
    rss = _load(watched, crowd, minutes * 60 * (1 - WARM_UP_PART), chance, soaked)
    others, files, tasks = watched.settled()
    third = len(rss) // 3
    middle, last = statistics.mean(rss[third : 2 * third]), statistics.mean(rss[2 * third :])
    soaked.rss_mib, soaked.growth = [round(middle, 1), round(last, 1)], round(last / middle, 3)
    soaked.descriptors, soaked.tasks = [others_before, others], [tasks_before, tasks]
    told = crowd.told.read()
    soaked.pushes = sum("pushed" in said for said in told)
    soaked.follows = sum("followed" in said for said in told)
    soaked.visits = sum("visited" in said for said in told)
    soaked.entries = max((said["visited"] for said in told if "visited" in said), default=0)
    if soaked.growth > growth_at_most:
        soaked.faults.append(f"memory grew from {middle:.0f} to {last:.0f} MiB")
    if others > others_before or files > 3 * POOLS:
        soaked.faults.append(
            f"descriptors left behind: {others_before} before, {others} after, {files} of the database"
        )
    if tasks > tasks_before:
        soaked.faults.append(f"tasks left behind: {tasks_before} before, {tasks} after")
    if "Traceback" in (said := watched.log.read_text(errors="replace")):
        soaked.faults.append(f"the hub stumbled: {said[-1500:]}")
    return soaked


def _load(watched: Watched, crowd: Crowd, seconds: float, chance: random.Random, soaked: Soaked) -> list[float]:
    """Let the crowd in for so long; the memory of the hub, twice a second."""
    rss: list[float] = []
    end = time.monotonic() + seconds
    next_death = time.monotonic() + min(5.0, seconds / 3)
    crowd.come()
    try:
        while time.monotonic() < end:
            time.sleep(0.5)
            assert watched.alive, "the hub died"
            rss.append(watched.rss_mib())
            if time.monotonic() > next_death:
                crowd.one_dies(chance)
                soaked.killed += 1
                next_death = time.monotonic() + chance.uniform(2.0, 8.0)
    finally:
        crowd.go()
    return rss


def _ready(address: str) -> bool:
    try:
        return bool(_get(f"{address}/readyz")) and b"busy" not in _get(f"{address}/readyz")
    except (urllib.error.URLError, OSError):
        return False


def main() -> int:
    parser = argparse.ArgumentParser(prog="run.py soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--growth", type=float, default=GROWTH_AT_MOST, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        soaked = soak(Path(folder), asked.minutes, growth_at_most=asked.growth)
    print(json.dumps(soaked.__dict__))
    return 1 if soaked.faults else 0


if __name__ == "__main__":
    sys.exit(main())
