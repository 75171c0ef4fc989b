"""Five hubs and twenty nodes in memory, linked as a ring, a star or a mesh: what a change costs, and where it ends.

The world of tests/flow with people of its own: nothing goes wrong here, and every byte on a link is counted.
"""

from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from jisr_protocol import head as heads
from jisr_protocol import paths
from tests.flow.actors import FeedPlace, HubActor, NodeActor, Numbers, Trouble, at_once
from tests.flow.world import ENOUGH, World

HUBS, NODES = 5, 20
FORMS = ("ring", "star", "mesh")
ORGANIZATION = "org.jisr.organization/1"
ROUNDS = 6


def links(form: str, count: int = HUBS) -> list[tuple[int, int]]:
    """Who follows whom: (follower, followed), both ways along every line of the drawing."""
    if form == "ring":
        lines = [(i, (i + 1) % count) for i in range(count)]
    elif form == "line":
        lines = [(i, i + 1) for i in range(count - 1)]
    elif form == "star":
        lines = [(0, i) for i in range(1, count)]
    else:
        lines = [(i, j) for i in range(count) for j in range(i)]
    return sorted({*lines, *((j, i) for i, j in lines)})


@dataclass
class Traffic:
    """What went over the links, without heads that had not changed."""

    pages: int = 0
    bytes: int = 0
    requests: int = 0


class _Counted(FeedPlace):
    traffic: Traffic

    async def fetch(self, wanted: Any) -> Any:
        before = self.received_bytes
        answer = await super().fetch(wanted)
        self.traffic.requests += 1
        self.traffic.bytes += self.received_bytes - before
        self.traffic.pages += wanted.path.startswith("log/")
        return answer


class Federation(World):
    """A world of one form; use it as a context, as World."""

    def __init__(self, form: str, hubs: int = HUBS, nodes: int = NODES) -> None:
        super().__init__(11)
        self.form, self._hub_count, self._node_count = form, hubs, nodes
        self.traffic = Traffic()
        self._read: dict[tuple[str, str], bytes] = {}

    def _people(self, numbers: Numbers) -> None:
        self.hubs = [
            HubActor(f"hub{i}", self._clock(numbers), self._chance(f"hub{i}"), self.folder, liar=False)
            for i in range(self._hub_count)
        ]
        self.honest, self.liars, self.readers, self.sites = self.hubs, [], [], []
        self._edges(self.form)
        self.nodes = [
            NodeActor(f"node{i}", self._clock(numbers), self._chance(f"node{i}")) for i in range(self._node_count)
        ]
        self._homes = {}
        for i, actor in enumerate(self.nodes):
            home, ring = self.hubs[i % self._hub_count], actor.node.identity.ring
            self._homes[actor.node.id] = home
            at_once(home.hub.admit(actor.label, ring.statements, ring, per_hour=ENOUGH, per_day=ENOUGH))

    def _pairs(self, form: str) -> list[tuple[int, int]]:
        return links(form, self._hub_count)

    @asynccontextmanager
    async def _place(self, feed: Any, *_: Any, **__: Any) -> Any:
        place = _Counted(next(hub for hub in self.hubs if hub.address == feed), self.trouble)
        place.traffic = self.traffic
        yield place

    def write(self, actor: NodeActor, name: str) -> str:
        """One record more at a node, at its hub; its id."""
        taken = actor.node.import_drafts(
            [{"type": ORGANIZATION, "name": name, "audience": "public", "source": {"local_id": name}}]
        )
        found: str = actor.node.find(f"local:organization/{name}")
        assert taken
        actor.wanted[found] = "public"
        self.send(actor)
        return found

    def send(self, actor: NodeActor) -> None:
        """Sign what is pending at a node and bring it to its hub, a minute after whatever was before."""
        self.move_clock(timedelta(minutes=1))
        actor.node.publish(now=actor.now())
        assert self.push(actor, "none") == []

    def settle(self) -> int:
        """Let every hub publish and follow until nothing is new; how many rounds had news."""
        for number in range(ROUNDS + 1):
            for hub in self.hubs:
                self.publish_hub(hub)
            sizes = self.sizes()
            for hub, peer in self.edges:
                head = peer.pages.shown[-1]
                if self._read.get((hub.label, peer.label)) != head:
                    assert self.follow(hub, peer, Trouble()) == "verified"
                    self._read[hub.label, peer.label] = head
            if self.sizes() == sizes:
                return number
        raise AssertionError(f"{self.form}: not quiet after {ROUNDS} rounds")

    def sizes(self) -> list[int]:
        """Entries in the log of each hub."""
        return [len(hub.ledger._s.entries) for hub in self.hubs]

    def signed(self) -> list[tuple[int, str]]:
        """(live, state root) of each hub's head."""
        read = [heads.parse(hub.pages.read(paths.HEAD) or b"") for hub in self.hubs]
        return [(head.live, head.state_root) for head in read]

    def stored(self, record_id: str) -> list[Counter[int]]:
        """Of each hub: how often each rev of a record stands in its log."""
        return [
            Counter(e.draft.rev for e in hub.ledger._s.entries if e.draft.id == record_id and e.draft.op == "put")
            for hub in self.hubs
        ]

    def spend(self, change: Any) -> tuple[Traffic, list[int], int]:
        """Do one thing and let it settle: what the links carried, how much each log grew, in how many rounds."""
        before, self.traffic = self.sizes(), Traffic()
        change()
        rounds = self.settle()
        return self.traffic, [now - was for now, was in zip(self.sizes(), before, strict=True)], rounds
