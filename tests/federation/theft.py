"""A node whose signing key is stolen: its owner, a thief with a copy of everything, two hubs and their readers.

The hubs, the node and the readers are the real ones; only sockets are left out. The second hub follows the first.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from jisr_node import key_work
from jisr_node.adapters.fence import MemoryFence
from jisr_node.adapters.ledger import MemoryLedger
from jisr_node.app import Node
from jisr_node.key_work import Recovered
from jisr_protocol.reader.follow import follow
from jisr_protocol.reader.store import Copy
from jisr_protocol.refusal import Refusal
from tests.flow.node_bad_days import Link
from tests.hub.hub_in_memory import Clock, MemoryHub
from tests.node.conftest import NOW, SETTINGS, backup, organization, seeded

HIGH = 900_000
"""How far a thief raises a rev at once: just within what a home hub takes."""


class Theft:
    """The world of one theft. Every public method is one thing that somebody does."""

    def __init__(self, folder: Path, *, label: str = "theft", ledgers: Iterable[Any] = (None, None)) -> None:
        self.folder, self.clock, self.label = folder, Clock(NOW), label
        chance = seeded(label)
        self.recovery_seed = b""

        def noted(count: int) -> bytes:
            made = chance(count)
            self._seeds.append(made)
            return made

        self._seeds: list[bytes] = []
        self.owner = Node.in_memory(now=NOW, random_bytes=noted, **SETTINGS)
        self.recovery_seed = [seed for seed in self._seeds if len(seed) == 32][1]
        first, second = ledgers
        self.home = MemoryHub("home hub", clock=self.clock, ledger=first)
        self.second = MemoryHub("second hub", clock=self.clock, ledger=second)
        self.thief: Node | None = None
        self.offline: list[tuple[str, bytes]] = []
        self.refused: list[str] = []
        self.counts: dict[str, int] = {}

    @property
    def now(self) -> datetime:
        return self.clock.now

    async def begin(self) -> Theft:
        for hub in (self.home, self.second):
            await hub.begin()
        ring = self.owner.identity.ring
        await self.home.hub.admit("node", ring.statements, ring, per_hour=100_000, per_day=100_000)
        return self

    def count(self, what: str, number: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + number

    # The owner

    async def say(self, *labels: str, push: bool = True, node: Node | None = None, **members: Any) -> list[str]:
        """Write these records, publish, and push them; return their ids."""
        node = node or self.owner
        self.clock.pass_time(minutes=1)
        drafts = [organization(label, name=label, **members) for label in labels]
        ids = node.import_drafts(drafts).ids
        node.publish(now=self.now)
        if push:
            await node.push(Link(self.home), now=self.now)
        return ids

    async def work_on(self, which: random.Random, *, push: bool) -> None:
        """The owner adds, edits, deletes or erases something, by chance."""
        own = [record["id"] for record in self.owner.records()]
        self.clock.pass_time(minutes=1)
        what = which.choice(["add", "add", "edit", "delete", "erase"]) if own else "add"
        label = f"{what} {which.random()}"
        if what == "add":
            self.owner.import_drafts([organization(label, name=label)])
        elif what == "edit":
            self.owner.edit(which.choice(own), {"type": "org.jisr.organization/1", "name": label})
        elif what == "delete":
            self.owner.delete(which.choice(own))
        else:
            self.owner.erase(which.choice(own), now=self.now)
        self.owner.publish(now=self.now)
        if push:
            await self.owner.attempt(Link(self.home), now=self.now)

    async def thieve(self, which: random.Random, *, push: bool) -> None:
        """The thief does any of the things that he can do, as long as his own copy lets him."""
        if self.stolen.feeds.obstacles():
            return
        there = [record["id"] for record in self.stolen.records()]
        what = which.choice(["add", "edit", "edit", "delete", "erase", "erase all", "take over"]) if there else "add"
        if what == "add":
            await self.add(f"thief's {which.random()}", push=push)
        elif what == "edit":
            await self.edit(which.choice(there), f"thief's {which.random()}", push=push)
        elif what == "delete":
            await self.delete(which.choice(there), push=push)
        elif what == "take over":
            await self.take_over(push=push)
        else:
            await self.erase(which.choice(there) if what == "erase" else None, push=push)

    async def recover(self, **options: Any) -> Recovered:
        self.clock.pass_time(minutes=1)
        done = await key_work.recover(self.owner, self.recovery_seed, Link(self.home), now=self.now, **options)
        await self.owner.push(Link(self.home), now=self.now)
        return done

    # The thief

    def steal(self) -> Node:
        """From now on the thief has a copy of the whole folder, the key with it."""
        self.thief = Node(
            backup(self.owner), MemoryFence(), self.owner.identity, folder=None,
            random_bytes=seeded(f"{self.label} thief"), ledger=MemoryLedger(),
        )  # fmt: skip
        return self.thief

    @property
    def stolen(self) -> Node:
        assert self.thief is not None
        return self.thief

    def exhaust(self, record_id: str) -> None:
        """The next rev of this record will be very high."""
        stored = self.stolen.store.record(record_id)
        assert stored is not None
        self.stolen.store.put_record(replace(stored, rev=stored.rev + HIGH))

    async def edit(self, record_id: str, name: str, *, push: bool = True) -> None:
        """The thief changes a record, with a very high rev."""
        self.exhaust(record_id)
        draft = {"type": "org.jisr.organization/1", "name": name}
        self.stolen.edit(record_id, draft)
        self.count("edited with a high rev")
        await self._thief_sends(push)

    async def add(self, name: str, *, push: bool = True) -> str:
        ids = self.stolen.import_drafts([organization(name, name=name)]).ids
        self.count("added")
        await self._thief_sends(push)
        return ids[0]

    async def delete(self, record_id: str, *, push: bool = True) -> None:
        self.exhaust(record_id)
        self.stolen.delete(record_id)
        self.count("deleted")
        await self._thief_sends(push)

    async def erase(self, record_id: str | None, *, push: bool = True) -> None:
        self.clock.pass_time(minutes=1)
        self.stolen.erase(record_id, now=self.now)
        self.count("erased everything" if record_id is None else "erased")
        await self._thief_sends(push)

    async def take_over(self, *, push: bool = True) -> None:
        """The thief adds a key of his own and revokes the owner's."""
        self.clock.pass_time(minutes=1)
        key_work.rotate(self.stolen, now=self.now, lost="taken over")
        self.count("key of his own, and the owner's revoked")
        await self._thief_sends(push)

    async def _thief_sends(self, push: bool) -> None:
        self.clock.pass_time(minutes=1)
        self.stolen.publish(now=self.now)
        if push:
            sent = await self.stolen.attempt(Link(self.home), now=self.now)
            self.refused += [getattr(error, "code", type(error).__name__) for _, error in sent.errors]

    async def force(self) -> None:
        """The thief sends his log as it is, whatever the hub said of its own."""
        for start in range(self.stolen.store.feeds()[0].size):
            body = self.stolen.next_push("public", start)
            assert body is not None
            try:
                await self.home.hub.push(self.stolen.id, "public", body)
            except Refusal as refusal:
                self.refused.append(refusal.code)

    # Hubs and readers

    async def spread(self, *, readers: bool = True) -> None:
        """The hubs publish, the second follows the first, and the readers follow both."""
        for _ in range(2):
            self.clock.pass_time(minutes=1)
            await self.home.publish()
            await self.second.follow(self.home, self.folder)
            await self.second.publish()
        if readers:
            for hub in (self.home, self.second):
                await self.read(hub)

    async def read(self, hub: MemoryHub, name: str = "reader") -> Path:
        """A reader follows a hub."""
        feed = hub.write_out(self.folder / hub.id[5:13])
        file = self.folder / f"{name}-of-{hub.id[5:13]}.jisr"
        result = await follow(str(feed), file, now=self.clock)
        assert result.outcome == 0, result.sentence
        return file

    async def seen(self, name: str = "reader") -> dict[str, set[tuple[str, str]]]:
        """What each of them shows: (id, name) of every record of the node, by who it is."""
        found = {}
        for hub, label in ((self.home, "home"), (self.second, "second")):
            live = await hub.live()
            values = {e.digest: e.thing.value for e in await hub.log() if e.op == "put" and e.thing is not None}
            found[label] = {(key[1], _name(values[digest])) for key, (_, digest) in live.items()}
            with Copy(await self.read(hub, name)) as copy:
                found[f"{name} of {label}"] = {(record.id, _name(record.value)) for record in copy.records()}
        return found

    def good(self) -> set[tuple[str, str]]:
        """What the owner says."""
        return {(record["id"], _name(record)) for record in self.owner.records()}

    async def assert_good(self, name: str = "reader") -> None:
        """Everybody shows exactly what the owner says."""
        good = self.good()
        for who, shown in (await self.seen(name)).items():
            assert shown == good, (who, sorted(shown ^ good))

    def pass_days(self, days: int) -> None:
        self.clock.now += timedelta(days=days)


def _name(value: dict[str, Any]) -> str:
    return str(value["name"]["ar"]["value"])
