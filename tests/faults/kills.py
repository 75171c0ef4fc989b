"""Kill -9, many times a second, of hub, nodes, readers and publisher: a program, as forks want one thread.

    python -m tests.faults.kills FOLDER --world network --hub 250 --node 300 --reader 200 --seed 1
    python -m tests.faults.kills FOLDER --world publisher --publisher 250

Every life is a fork of this process, where all is imported, so it works a moment after it began; it is killed at a
random moment of its work, or of its start, and the next life takes its folder over.

network     `jisr-hub serve` on a loopback port, on PostgreSQL (--database) two of them; nodes that import, delete,
            publish and push to it in a loop; readers that follow it over HTTP. Whoever is killed, the others go on.
publisher   no network: lives that open a hub's folder, take pushes and publish; a copy follows the folder after each.

After each death of a hub or publisher, and before anybody can send anything again, its ledger must hold all that it
gave receipts for. No life may end by itself. Now and then, and at the end, `jisr-hub check` reads everything, every
head that was ever shown must be proven by the log, no entry may be there twice, every copy is verified line by line,
and at the end holds exactly what the nodes hold. The last line printed is the report, as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import mmap
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio._backends._asyncio
import stamina
import uvicorn.lifespan.on
import uvicorn.loops.auto
import uvicorn.protocols.http.httptools_impl
import uvloop

from jisr_hub.app.opening import open_hub
from jisr_hub.cli import checking, setting_up
from jisr_hub.cli import main as jisr_hub
from jisr_hub.quota import QuotaExhausted
from jisr_hub.web import http, server
from jisr_node.adapters.hub import HttpHub
from jisr_node.app import Node
from jisr_node.errors import HubUnreachable
from jisr_protocol import head as heads
from jisr_protocol import push as pushes
from jisr_protocol.limits import BATCH_ENTRIES
from jisr_protocol.merkle import Tree
from jisr_protocol.reader import http as guarded
from jisr_protocol.reader import verification
from jisr_protocol.reader.follow import follow_once
from jisr_protocol.reader.store import open_copy
from jisr_protocol.session import Outcome
from tests.faults import forks, hub_path
from tests.faults.hub_path import draft
from tests.faults.processes import free_port

PRELOADED = (uvicorn, uvloop, http, guarded, server, anyio._backends._asyncio)
"""What lives need and would each load for themselves, if it were not there when they are forked."""
NODES = 2
PATIENCE_SECONDS = 60.0
FULL_CHECKS = 4
WORDS = ("خدمة", "دار", "عون", "أمل")
AT_WORK_SECONDS = {"hub": 0.9, "node": 0.7, "reader": 0.6, "publisher": 0.3}
"""How long a life works at most, once it has begun to."""
START_SECONDS = 0.25
FIRST_ROUND_SECONDS = 0.7
DIES_AT_START = 0.15


Works = Callable[[], None]


class Told:
    """A file of JSON lines that survives whoever writes it: what was acknowledged, shown or verified."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read = 0
        self.lines: list[dict[str, Any]] = []

    def say(self, **told: Any) -> None:
        with self.path.open("ab", buffering=0) as file:
            file.write(json.dumps(told).encode() + b"\n")

    def read(self) -> list[dict[str, Any]]:
        """All that was told so far; one write is whole or was never made."""
        if self.path.exists():
            with self.path.open("rb") as file:
                file.seek(self._read)
                came = file.read()
            whole = came[: came.rfind(b"\n") + 1]
            self._read += len(whole)
            self.lines += [json.loads(line) for line in whole.splitlines()]
        return self.lines


class Role:
    """One place that always has somebody living in it."""

    def __init__(self, kind: str, name: str, live: Callable[[Works], Any], folder: Path) -> None:
        self.kind, self.name, self._live = kind, name, lambda: live(self.works)
        self.log = os.open(folder / f"{name}.log", os.O_CREAT | os.O_APPEND | os.O_RDWR)
        self.log_path = folder / f"{name}.log"
        self._working = mmap.mmap(-1, 1)
        self.pid = 0
        self._dies_at: float | None = None
        self._lasts = 0.0

    def start(self, chance: random.Random, pace: float = 1.0) -> None:
        """Begin a life, and decide how it will end; at a slow pace lives are longer."""
        self._working[0], self._log_size = 0, os.fstat(self.log).st_size
        self._born, self._dies_at = time.monotonic(), None
        self._lasts = pace * chance.uniform(0.0, AT_WORK_SECONDS[self.kind])
        if chance.random() < DIES_AT_START:
            self._dies_at = self._born + pace * chance.uniform(0.0, START_SECONDS)
        self.pid = forks.live(self._live, log=self.log)

    def works(self) -> None:
        """Called by a life when its start is over."""
        self._working[0] = 1

    def due(self) -> bool:
        """Whether its time has come. A program of its own shows that it works by its first word."""
        now = time.monotonic()
        if self._dies_at is None and (self._working[0] or os.fstat(self.log).st_size > self._log_size):
            self._dies_at = now + self._lasts
        assert self._dies_at is not None or now < self._born + PATIENCE_SECONDS, f"{self.name} does not begin to work"
        return self._dies_at is not None and now >= self._dies_at

    def kill(self) -> None:
        """Kill it; it must have been alive, and have had nothing to complain of."""
        status = forks.kill(self.pid)
        said = self.log_path.read_text(errors="replace")
        assert status == 9, f"{self.name} ended by itself: {said[-2000:]}"
        assert "Traceback" not in said, f"{self.name} stumbled: {said[-3000:]}"


# Lives


def serve(folder: Path, port: int) -> None:
    sys.argv = ["jisr-hub", "serve", "--port", str(port), "--dir", str(folder)]
    jisr_hub()


async def write_and_push(folder: Path, told: Told, works: Works) -> None:
    """A node's life: write, publish, push, and say what is acknowledged."""
    chance = random.Random()
    client = guarded.GuardedClient(allow_private=True)
    with Node.open(folder) as node:
        hub = HttpHub(node.settings.hub, client)
        works()
        while True:
            numbers = dict.fromkeys(chance.randrange(40) for _ in range(chance.randint(1, 4)))
            node.import_drafts([draft(n, description=" ".join(chance.choices(WORDS, k=4))) for n in numbers])
            live = [record for record in node.store.records() if record.content is not None]
            if live and chance.random() < 0.2:
                node.delete(chance.choice(live).id)
            node.publish()
            try:
                sent = await node.push(hub)
            except HubUnreachable:
                pass
            else:
                told.say(node=node.id, sizes={done.feed: done.next for done in sent.delivered})
            # each head is dated a second after the one before: who signs faster is ahead of the clock in the end
            await asyncio.sleep(chance.uniform(0.2, 0.5))


def read_on(feed: str, copy: Path, told: Told, works: Works) -> None:
    """A reader's life: follow for ever. A hub that is down is no fault."""
    works()
    while True:
        result = follow_once(feed, copy, allow_private=True)
        if result.outcome not in (Outcome.VERIFIED, Outcome.TEMPORARY):
            raise AssertionError(result.sentence)
        if result.changed:
            told.say(verified=result.head.size if result.head else 0)
        time.sleep(0.02)


class Prepared:
    """A node's log that is pushed piece by piece."""

    def __init__(self, folder: Path, rounds: int) -> None:
        with Node.init(folder, name="Node", country="MA", lang="ar") as node:
            for round_ in range(rounds):
                node.import_drafts([draft(number, description=str(round_)) for number in range(100)])
                node.publish()
            feed = node.store.feed("public")
            assert feed is not None
            self.id, self.head, self.size = node.id, heads.parse(feed.head), feed.size
            self.lines = [line.raw for line in node.store.lines("public", 0, feed.size)]
            self.tree = Tree(node.store.leaves("public", 0, feed.size))
            self.keys = node.store.key_lines("public")

    def push(self, start: int, count: int) -> bytes:
        return pushes.write(self.head, self.lines[start : start + count], start, self.tree, self.keys)


async def take_and_publish(folder: Path, prepared: Prepared, told: Told, works: Works) -> None:
    """A publisher's life."""
    chance = random.Random()
    running = await open_hub(folder)
    works()
    heads_left = 3  # of a life: each is dated a second after the one before
    while True:
        held = (await running.ledger.node_log(prepared.id, "public")).frontier.size
        if held < prepared.size:
            try:
                answer = await running.hub.push(prepared.id, "public", prepared.push(held, chance.randint(1, 6)))
            except QuotaExhausted as wait:  # where a disk costs nothing, it is as fast as it is allowed to be
                await asyncio.sleep(wait.retry_after)
                continue
            told.say(node=prepared.id, sizes={"public": answer.next})
        if heads_left and chance.random() < 0.5:
            heads_left -= 1
            told.say(head=(await running.publisher.publish()).raw.decode())


# Worlds


class World:
    """Roles, and what must hold between their deaths. Raises AssertionError with the first violation."""

    def __init__(self, folder: Path, quota: dict[str, int], seed: int) -> None:
        self.folder, self.quota, self.chance = folder, quota, random.Random(seed)
        self.hub = folder / "hub"
        self.killed: Counter[str] = Counter()
        self.acknowledged = Told(folder / "acknowledged.jsonl")
        self.verified = Told(folder / "verified.jsonl")
        self.shown: list[bytes] = []
        self.roles: list[Role] = []
        self.pace = 1.0

    def torment(self) -> None:
        """Kill until every kind has died as often as it should."""
        guarded.GuardedClient()  # reads whom TLS trusts, once for all lives
        stamina.set_testing(True, attempts=1)  # no life is long enough to wait between tries
        forks.settle()
        for role in self.roles:
            role.start(self.chance)
        try:
            self.pace = self._first_round()
            while any(self.killed[kind] < count for kind, count in self.quota.items()):
                self._glance()
                due = [role for role in self.roles if role.due()]
                for role in due:
                    role.kill()
                    self.killed[role.kind] += 1
                    self.died(role)
                    role.start(self.chance, self.pace)
                time.sleep(0.004)
        finally:
            for role in self.roles:
                forks.kill(role.pid)

    def _first_round(self) -> float:
        """Wait until everybody has done what they do, and tell how many times slower than a free machine that was."""
        began = time.monotonic()
        while len(self.acknowledged.read()) < len(self.roles) or len(self.verified.read()) < bool(
            self.quota.get("reader")
        ):
            assert time.monotonic() < began + PATIENCE_SECONDS, "the lives come to nothing even if nobody dies"
            time.sleep(0.01)
        return min(10.0, max(1.0, (time.monotonic() - began) / FIRST_ROUND_SECONDS))

    def died(self, role: Role) -> None:
        """Look at what the dead leave, before anybody goes on."""
        if role.kind in ("hub", "publisher"):
            sizes = self._promised()
            whole = self.killed[role.kind] % max(1, self.quota[role.kind] // FULL_CHECKS) == 0
            forks.in_fork(lambda: asyncio.run(self._ledger_holds(sizes, whole)))

    def _glance(self) -> None:
        try:
            raw = (self.hub / "public" / "head.json").read_bytes()
        except FileNotFoundError:
            return
        if raw not in self.shown[-1:]:
            self.shown.append(raw)

    def _promised(self) -> dict[tuple[str, str], int]:
        sizes: dict[tuple[str, str], int] = {}
        for said in self.acknowledged.read():
            for feed, size in said.get("sizes", {}).items():
                sizes[said["node"], feed] = max(size, sizes.get((said["node"], feed), 0))
        return sizes

    async def _ledger_holds(self, sizes: dict[tuple[str, str], int], whole: bool) -> None:
        async with setting_up.opened(self.hub) as ledger:
            for (node, feed), size in sizes.items():
                held = (await ledger.node_log(node, feed)).frontier.size
                assert held >= size, f"acknowledged and lost: {feed} of {node} up to {size}, held {held}"
        if whole:
            faults = (await checking.check(self.hub, lambda *_: None))["faults"]
            faults = [fault for fault in faults if not fault.startswith(("head.json", "keys.json"))]
            assert faults == [], faults

    async def _log_is_sound(self) -> None:
        told = [said["head"].encode() for said in self.acknowledged.read() if "head" in said]
        running = await open_hub(self.hub)
        try:
            for shown in (self.shown, told):
                found = await hub_path.log_is_sound(running, shown)
                assert found == [], found[:3]
        finally:
            await running.close()

    def report(self) -> dict[str, Any]:
        result = asyncio.run(checking.check(self.hub, lambda *_: None))
        assert result["faults"] == []
        receipts = sum("sizes" in said for said in self.acknowledged.read())
        return {
            "pace": round(self.pace, 1), "killed": dict(self.killed), "receipts": receipts,
            "followed": len(self.verified.read()), "heads": len(self.shown), "entries": result["entries"],
            "live": result["live"],
        }  # fmt: skip


def copy_verifies(copy: Path) -> set[tuple[str, str, int]]:
    """Prove a copy line by line; (node, id, rev) of its records."""
    verdict = verification.copy(copy)
    assert verdict.outcome is Outcome.VERIFIED, verdict.sentence
    with open_copy(copy) as held:
        return {(record.node, record.id, record.rev) for record in held.records()}


class Network(World):
    """A hub, nodes and readers over HTTP. On PostgreSQL the hub is two processes."""

    def __init__(self, folder: Path, quota: dict[str, int], seed: int, database: str = "") -> None:
        super().__init__(folder, quota, seed)
        os.environ["JISR_HUB_PUBLISH_SECONDS"] = "0.4"
        ports = [free_port() for _ in range(2 if database else 1)]
        addresses = [f"http://127.0.0.1:{port}" for port in ports]
        self.feed = f"{addresses[0]}/feeds/public"
        self.nodes = [folder / f"node{n}" for n in range(NODES)]
        self._prepare(addresses, database)
        self.copies = [folder / "reader0.jisr"]
        self.serving = [
            Role("hub", f"hub{n}", lambda _, port=port: serve(self.hub, port), folder) for n, port in enumerate(ports)
        ]
        self.roles = [
            *self.serving,
            *(
                Role(
                    "node",
                    node.name,
                    lambda works, node=node: asyncio.run(write_and_push(node, self.acknowledged, works)),
                    folder,
                )
                for node in self.nodes
            ),
            *(
                Role(
                    "reader", copy.name, lambda works, copy=copy: read_on(self.feed, copy, self.verified, works), folder
                )
                for copy in self.copies
            ),
        ]

    def _prepare(self, addresses: list[str], database: str) -> None:
        hub_path.prepare(self.folder / "warm")  # what is loaded on the way, all lives have
        asyncio.run(hub_path.create_hub(self.hub, addresses[0], database))
        for number, folder in enumerate(self.nodes):
            address = addresses[number % len(addresses)]
            Node.init(
                folder, name=f"Node {number}", country="MA", lang="ar", hub=address, allow_private=True
            ).close()  # fmt: skip
            asyncio.run(hub_path.admit(self.hub, folder))

    def end(self) -> None:
        """Everybody finishes: nodes bring the rest, copies follow, and all hold the same."""
        for role in self.serving:
            role.start(self.chance)
        try:
            held = forks.in_fork(self._finish)
            end = time.monotonic() + PATIENCE_SECONDS
            for copy in [*self.copies, self.folder / "new.jisr"]:
                while forks.in_fork(partial(self._follow, copy)) != held:
                    assert time.monotonic() < end, f"{copy.name} does not come to hold what the nodes hold"
        finally:
            for role in self.serving:
                forks.kill(role.pid)
        forks.in_fork(lambda: asyncio.run(self._log_is_sound()))

    def _finish(self) -> set[tuple[str, str, int]]:
        held = set()
        for folder in self.nodes:
            with Node.open(folder) as node:
                node.publish()
                for attempt in range(100):
                    sent = asyncio.run(node.attempt())
                    if not sent.errors:
                        break
                    assert attempt < 99 and all(isinstance(e, HubUnreachable) for _, e in sent.errors), sent.errors
                    time.sleep(0.05)
                held |= {(node.id, r.id, r.rev) for r in node.store.records() if r.content is not None}
        return held

    def _follow(self, copy: Path) -> set[tuple[str, str, int]]:
        result = follow_once(self.feed, copy, allow_private=True)
        assert result.outcome in (Outcome.VERIFIED, Outcome.TEMPORARY), result.sentence
        return copy_verifies(copy) if copy.exists() else set()

    def died(self, role: Role) -> None:
        super().died(role)
        if role.kind == "reader" and self.killed["reader"] % 25 == 0:
            copy = self.folder / role.name
            forks.in_fork(lambda: copy_verifies(copy) if _stands(copy) else None)


def _stands(copy: Path) -> bool:
    if not copy.exists():
        return False
    with open_copy(copy) as held:
        return held.stands


class Publishing(World):
    """A hub's folder without a network."""

    def __init__(self, folder: Path, quota: dict[str, int], seed: int) -> None:
        super().__init__(folder, quota, seed)
        hub_path.prepare(folder / "warm")
        asyncio.run(hub_path.create_hub(self.hub))
        self.prepared = Prepared(folder / "node", 3 + quota["publisher"] // 4)
        asyncio.run(hub_path.admit(self.hub, folder / "node"))
        self.copy = folder / "copy.jisr"
        self.roles = [Role("publisher", "publisher", self._publish, folder)]

    def died(self, role: Role) -> None:
        super().died(role)
        self._glance()
        if self.shown:
            forks.in_fork(self._follow)
            self.verified.say(verified=True)

    def _publish(self, works: Works) -> None:
        asyncio.run(take_and_publish(self.hub, self.prepared, self.acknowledged, works))

    def _follow(self) -> None:
        result = follow_once(self.hub / "public", self.copy)
        assert result.outcome is Outcome.VERIFIED, result.sentence

    def end(self) -> None:
        """The rest is pushed and published, and the copy holds what the log's live set is."""
        forks.in_fork(lambda: asyncio.run(self._finish()))
        self._glance()
        forks.in_fork(self._follow)
        forks.in_fork(lambda: asyncio.run(self._log_is_sound()))
        held = forks.in_fork(lambda: copy_verifies(self.copy))
        with Node.open(self.folder / "node") as node:
            assert held == {(node.id, r.id, r.rev) for r in node.store.records()}

    async def _finish(self) -> None:
        running = await open_hub(self.hub)
        for start in range(0, self.prepared.size, BATCH_ENTRIES):
            await running.hub.push(self.prepared.id, "public", self.prepared.push(start, BATCH_ENTRIES))
        await running.publisher.publish()
        await running.close()


WORLDS: dict[str, tuple[type[Network] | type[Publishing], tuple[str, ...]]] = {
    "network": (Network, ("hub", "node", "reader")),
    "publisher": (Publishing, ("publisher",)),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--world", choices=WORLDS, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", default="", help="of the network's hub; SQLite without it")
    for kind in AT_WORK_SECONDS:
        parser.add_argument(f"--{kind}", type=int, default=0)
    asked = parser.parse_args()
    made, kinds = WORLDS[asked.world]
    asked.folder.mkdir(parents=True, exist_ok=True)
    quota = {kind: getattr(asked, kind) for kind in kinds}
    more = {"database": asked.database} if asked.database else {}
    world = made(asked.folder, quota, asked.seed, **more)
    world.torment()
    world.end()
    sys.stdout.write(json.dumps(world.report()) + "\n")


if __name__ == "__main__":
    main()
