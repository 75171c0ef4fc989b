"""Several `jisr-hub serve` over one PostgreSQL: no position lost or given twice, one head at a time, whoever dies."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from jisr_hub.cli import checking, setting_up
from jisr_protocol import entry as entries
from jisr_protocol import head as heads
from jisr_protocol.head import Head, Relation, compare
from tests.hub.author import Author
from tests.hub.hub_in_memory import run
from tests.hub.kept_hub import KeptHub
from tests.hub.test_cli import Command, jisr_hub

__all__ = ["jisr_hub"]
PROGRAM = [sys.executable, "-m", "jisr_hub", "serve", "--port", "0", "--dir"]
PUSH = "application/vnd.jisr.push+ndjson"


class Process:
    """One `jisr-hub serve`; its log stands in a file."""

    def __init__(self, hub: KeptHub, log: Path) -> None:
        self.log = log
        with log.open("wb") as out:
            environment = {**os.environ, "JISR_HUB_PUBLISH_SECONDS": "0.1", "PYTHONUTF8": "1"}
            environment.pop("PYTHONDONTWRITEBYTECODE", None)
            self.process = subprocess.Popen([*PROGRAM, str(hub.folder)], stderr=out, env=environment)
        self.address = ""

    def ready(self, seconds: float = 60.0) -> Process:
        end = time.monotonic() + seconds
        while not self.address or not self.told().get("ready"):
            assert self.process.poll() is None and time.monotonic() < end, self.log.read_text()
            said = [line for line in self.log.read_text().splitlines() if " listens on " in line]
            self.address = said[0].split(" listens on ")[1].split()[0] if said else ""
            time.sleep(0.1)
        return self

    def told(self) -> dict[str, Any]:
        """What /readyz says."""
        try:
            with urllib.request.urlopen(f"{self.address}/readyz", timeout=10) as answer:
                return dict(json.loads(answer.read()))
        except urllib.error.HTTPError as error:
            return dict(json.loads(error.read()))

    def head(self, query: str = "") -> Head:
        with urllib.request.urlopen(f"{self.address}/feeds/public/head.json{query}", timeout=60) as answer:
            return heads.parse(answer.read())

    def push(self, author: Author, start: int, end: int) -> int:
        """Push [start, end) as a node does, until it is taken; returns `next`."""
        address = f"{self.address}/v1/nodes/{author.id}/feeds/public/log"
        body = author.push(start, end)
        for _ in range(200):
            request = urllib.request.Request(address, body, {"Content-Type": PUSH}, method="POST")
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return int(json.loads(answer.read())["next"])
            except urllib.error.HTTPError as error:
                if error.code not in (429, 503):
                    raise
            time.sleep(0.05)
        raise AssertionError("a push was put off two hundred times")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


@pytest.fixture
def hub(tmp_path: Path, postgres_address: str) -> KeptHub:
    return KeptHub(tmp_path / "hub", postgres_address)


@pytest.fixture
def started(hub: KeptHub, tmp_path: Path) -> Iterator[list[Process]]:
    """Three processes over one hub."""
    processes = [Process(hub, tmp_path / f"{number}.log") for number in range(3)]
    try:
        yield [process.ready() for process in processes]
    finally:
        for process in processes:
            if process.process.poll() is None:
                process.kill()


def admitted(hub: KeptHub, label: str, records: int) -> Author:
    author = Author(label, now=setting_up.now())
    author.puts(records)

    async def story() -> None:
        async with setting_up.opened(hub.folder) as ledger:
            from jisr_hub.ports import Member

            member = Member(author.id, label, "", 10**6, 10**6, "2026-09-01T00:00:00Z")
            await ledger.admit(member, author.ring.statements)

    run(story())
    return author


class Watch:
    """Asks every process for its head without pause; any two heads it ever saw must be of one history."""

    def __init__(self, processes: list[Process]) -> None:
        self.processes, self.seen, self.stopped = processes, list[Head](), threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def _run(self) -> None:
        while not self.stopped.is_set():
            for process in list(self.processes):
                try:
                    head = process.head()
                except OSError:
                    continue
                if head.raw not in {seen.raw for seen in self.seen}:
                    self.seen.append(head)

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self._thread.join()

    def forks(self) -> list[tuple[int, int]]:
        """Pairs of heads that contradict each other."""
        ordered = sorted(self.seen, key=lambda head: (head.size, head.time))
        allowed = (Relation.SAME, Relation.LARGER)
        return [(a.size, b.size) for a, b in itertools.pairwise(ordered) if compare(a, b) not in allowed]


def publishers(processes: list[Process]) -> list[Process]:
    return [process for process in processes if process.process.poll() is None and process.told()["publishes"]]


def wait_for_one_publisher(processes: list[Process], seconds: float = 20.0) -> tuple[Process, float]:
    began = time.monotonic()
    while not (found := publishers(processes)):
        assert time.monotonic() - began < seconds, [process.told() for process in processes]
        time.sleep(0.1)
    assert len(found) == 1
    return found[0], time.monotonic() - began


def test_pushes_go_to_each_in_turn_and_the_publisher_dies(
    hub: KeptHub, started: list[Process], long: bool, figure: Any
) -> None:
    records = 600 if long else 90
    authors = [admitted(hub, f"author{number}", records) for number in range(4)]
    leader, _ = wait_for_one_publisher(started)
    alive = [process for process in started if process is not leader]

    def deliver(author: Author, killed: threading.Event) -> None:
        turn = itertools.cycle(started)
        at, last = 0, len(author.feed().lines)
        while at < last:
            process = next(turn)
            if process is leader and (killed.is_set() or at > last // 2):
                continue
            at = process.push(author, at, min(at + 7, last))

    with Watch(started) as watch:
        killed = threading.Event()
        with ThreadPoolExecutor(4) as pool:
            done = [pool.submit(deliver, author, killed) for author in authors]
            while leader.head().size < records:
                time.sleep(0.05)
            killed.set()
            time.sleep(2.0)  # for the push that is on its way on a busy machine
            leader.kill()
            successor, seconds = wait_for_one_publisher(alive)
            for each in done:
                each.result()
        size = 1 + sum(len(author.feed().lines) for author in authors)
        found = [process.head(f"?after={size - 1}&wait=20") for process in alive]
        # beside them stands what the hub says of each node by itself, when its time comes
        assert min(head.size for head in found) >= size
    assert watch.forks() == [] and len(watch.seen) > 1
    assert successor in alive

    rows = hub.execute("SELECT seq, line FROM entry ORDER BY seq")
    assert [seq for seq, _ in rows] == list(range(len(rows)))
    came = [e for _, line in rows if (e := entries.parse(bytes(line))).op not in ("statement", "nodehead")]
    assert len(came) == size
    for author in authors:
        sent = [e.digest for e in author.feed().entries()]
        assert [e.digest for e in came if e.node == author.id] == sent, "each once, in the order of its author"
    assert [process.stop() for process in alive] == [0, 0]
    assert run(checking.check(hub.folder, lambda *_: None))["faults"] == []
    heads_seen = f"{len(watch.seen)} heads of one history"
    figure(f"3 processes, {size} entries, {heads_seen}; {seconds:.1f} s from a kill to a new publisher")


def test_a_process_that_does_not_publish_answers_a_long_poll(hub: KeptHub, started: list[Process]) -> None:
    author = admitted(hub, "author", 5)
    leader, _ = wait_for_one_publisher(started)
    other, third = (process for process in started if process is not leader)
    before = other.head().size
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(other.head, f"?after={before}&wait=20")
        time.sleep(0.5)
        assert not waiting.done()
        began = time.monotonic()
        third.push(author, 0, len(author.feed().lines))
        assert waiting.result().size > before
        assert time.monotonic() - began < 10
    pages = other.head()
    with urllib.request.urlopen(f"{other.address}/feeds/public/log/{pages.epoch}/000.p/{pages.size}.ndjson") as answer:
        assert answer.read().count(b"\n") == pages.size


def test_commands_that_need_the_hub_alone_say_that_it_is_served(
    hub: KeptHub, started: list[Process], jisr_hub: Command
) -> None:
    wait_for_one_publisher(started)
    done = jisr_hub("rebuild", "--dir", hub.folder)
    assert (done.status, "another process serves the database" in done.err) == (1, True)


def test_a_second_process_on_a_sqlite_hub_ends_with_a_sentence(tmp_path: Path) -> None:
    hub = KeptHub(tmp_path / "hub")
    first = Process(hub, tmp_path / "first.log").ready()
    try:
        done = subprocess.run([*PROGRAM, str(hub.folder)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 1
        assert (
            done.stderr.startswith("FAIL  another process already serves the hub in")
            and "nothing was changed" in done.stderr
        )
        assert first.told()["ready"] is True
    finally:
        assert first.stop() == 0
