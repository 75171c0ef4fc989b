"""Whatever a node goes through, in any order: its feeds are sound, no rev falls, what was erased is nowhere, and what a
hub acknowledged is not lost."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from jisr_node.adapters.sqlite import SqliteStore
from jisr_node.app import Node
from jisr_node.errors import NodeError
from jisr_protocol import entry

from .conftest import NOW, SETTINGS, backup, organization, seeded
from .fake_hub import FakeHub
from .test_erase import sound

STEPS = st.tuples(
    st.sampled_from(["add", "add", "edit", "delete", "erase", "again", "narrow", "keep", "put back", "rebase"]),
    st.integers(min_value=0, max_value=1),  # which record
    st.integers(min_value=0, max_value=2),  # and then: nothing, publish, publish and push
)


class World:
    """A node, its hub, and what has to be true of both."""

    def __init__(self) -> None:
        self.node = Node.in_memory(now=NOW, random_bytes=seeded("world"), **SETTINGS)
        self.hub = FakeHub()
        self.now: datetime = NOW
        self.count = 0
        self.kept: SqliteStore | None = None
        self.erased: set[str] = set()
        self.words: dict[int, set[str]] = {}
        self.taken_back: set[str] = set()
        """Records that their author ever wanted gone, or elsewhere."""

    def do(self, step: str, number: int, further: int = 0) -> None:
        self._do(step, number)
        for next_step in ("publish", "push")[:further]:
            self._do(next_step, number)

    def _do(self, step: str, number: int) -> None:
        self.now += timedelta(minutes=7)
        self.hub.now = self.now
        which = f"local:organization/{number}"
        with contextlib.suppress(NodeError):
            if step in ("add", "again"):
                self.write(number, again=step == "again")
            elif step in ("edit", "narrow"):
                self.node.find(which)
                self.write(number, audience="partners" if step == "narrow" else "public")
                self.taken_back |= {self.node.find(which)} if step == "narrow" else set()
            elif step == "delete":
                self.taken_back.add(self.node.find(which))
                self.node.delete(which)
            elif step == "erase":
                self.taken_back.add(self.node.find(which))
                self.node.erase(which, now=self.now)
                self.erased |= self.words.pop(number, set())
            elif step == "publish":
                self.node.publish(now=self.now)
            elif step == "push":
                asyncio.run(self.node.push(self.hub, now=self.now))
            elif step == "keep":
                self.kept = backup(self.node)
            elif step == "put back" and self.kept is not None:
                self.put_back(self.kept)
            elif step == "rebase":
                acknowledged = self.hub.records().keys() - self.taken_back
                asyncio.run(self.node.rebase(self.hub, now=self.now))
                here = {record["id"] for record in self.node.records()}
                assert acknowledged <= here, "the hub had it, and it is lost"

    def write(self, number: int, *, again: bool = False, audience: str = "public") -> None:
        self.count += 1
        word = f"canary-{self.count:04d}"
        draft = organization(str(number), name=word, audience=audience)
        if self.node.import_drafts([draft], again=again).ids:
            self.words.setdefault(number, set()).add(word)

    def put_back(self, kept: SqliteStore) -> None:
        copy = SqliteStore()
        kept._db.backup(copy._db)
        node = self.node
        self.node = Node(
            copy, node.fence, node.identity, folder=None, random_bytes=seeded(f"back {self.count}"), ledger=node.ledger
        )  # fmt: skip
        self.node.settle_erasures()

    def check(self) -> None:
        store = self.node.store
        assert isinstance(store, SqliteStore)
        content = "\n".join(store._db.iterdump()).encode() + b"".join(
            bytes(raw) for (raw,) in store._db.execute("SELECT raw FROM entry")
        )
        content += b"".join(bytes(raw or b"") for (raw,) in store._db.execute("SELECT content FROM record"))
        content += b"".join(bytes(raw or b"") for (raw,) in store._db.execute("SELECT content FROM change"))
        left = {word for word in self.erased if word.encode() in content}
        assert not left, left
        if not self.node.feeds.own_obstacles():
            sound(self.node)

    def check_revs(self) -> None:
        """Whatever the epoch: a rev of a record means one thing for ever, and the newest one is the highest."""
        seen: dict[str, dict[int, str | None]] = {}
        for body in self.hub.pushes:
            for raw in body.split(b"\n")[1:-1]:
                e = entry.parse(raw)
                if e.op in ("put", "del") and e.id is not None and e.rev is not None:
                    before = seen.setdefault(e.id, {}).setdefault(e.rev, e.digest)
                    assert e.digest == before, "two meanings of one rev"


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(STEPS, min_size=10, max_size=30))
def test_a_node_survives_any_order_of_days(steps: list[tuple[str, int, int]]) -> None:
    world = World()
    for step in steps:
        world.do(*step)
        world.check()
    world.do("rebase", 0)
    world.do("publish", 0)
    world.check()
    assert not world.node.feeds.obstacles()
    asyncio.run(world.node.push(world.hub, now=world.now))
    sound(world.node)
    held = world.node.store.feed("public")
    assert held is not None
    assert world.hub.log("public").held.frontier.root() == Node.reopened(world.node).deliveries.tree(held).root()
    world.check_revs()
    assert world.hub.records().keys() >= {r["id"] for r in world.node.records() if r["audience"] == "public"}
