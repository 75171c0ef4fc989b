"""A hub in memory and a clock that moves when told, for tests without files or sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from jisr_hub import identity
from jisr_hub.answers import PushAnswer
from jisr_hub.authority.attesting import Attesting, Held
from jisr_hub.following import taking
from jisr_hub.following.peers import Followers
from jisr_hub.following.taking import Offered
from jisr_hub.hub import Hub
from jisr_hub.node_heads import NodeHeads
from jisr_hub.ports import Peer
from jisr_hub.publish.feed import Publisher
from jisr_hub.storage.memory import MemoryLedger, MemoryPages
from jisr_protocol import entry, live, state_tree
from jisr_protocol.authority import Standing
from jisr_protocol.constraints import Constraints
from jisr_protocol.entry import Entry
from jisr_protocol.head import Head
from jisr_protocol.merkle import Frontier
from jisr_protocol.reader.follow import follow
from jisr_protocol.reader.store import Copy
from jisr_protocol.statement import Statement
from tests.hub.author import Author
from tests.reader.publisher import NOW, seeded


class Clock:
    """Says `now`; `pass_time` moves it."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_time(self, **parts: float) -> None:
        self.now += timedelta(**parts)


class Silent(Attesting):
    """Says nothing of any node, and asks nobody."""

    def at_home(self, held: Held, node: str, at: datetime) -> Standing | None:
        return None

    async def attest(self, node: str, name: str, bounds: Constraints | None = None) -> Statement | None:
        return None

    async def renew(self) -> list[str]:
        return []


class MemoryHub:
    """A hub over the ledger in memory (or another), with its publisher."""

    def __init__(
        self,
        label: str,
        *,
        clock: Clock | None = None,
        ledger: Any = None,
        attests: bool = False,
        who: identity.Identity | None = None,
        **options: Any,
    ) -> None:
        """With `attests` it says of its nodes that they are its own; else its log holds only what others write. `who`
        it is by keys that it has not made itself just now."""
        self.clock = clock or Clock()
        self.identity = who or identity.create(
            label,
            seed=seeded(label, "hub key"),
            recovery_seed=seeded(label, "hub recovery"),
            salt=seeded(label, "hub salt")[:16],
            now=self.clock.now,
        )
        self.ledger = ledger or MemoryLedger("1-" + "hhhhhhh" + "abcdefgh"[len(label) % 8])
        self.pages = MemoryPages()
        self.hub = Hub(self.identity, self.ledger, self.clock, **options)
        if not attests:
            self.hub.attesting = Silent(self.identity, self.ledger, self.clock)
        self.publisher = Publisher(self.identity, self.ledger, self.pages, self.clock)

    @property
    def id(self) -> str:
        return self.identity.id

    async def begin(self) -> MemoryHub:
        await self.hub.begin()
        await self.publisher.begin()
        return self

    async def admit(self, *authors: Author, per_hour: int = 100_000, per_day: int = 100_000) -> None:
        for author in authors:
            ring = author.writer.ring
            await self.hub.admit(author.label, ring.statements, ring, per_hour=per_hour, per_day=per_day)

    async def push(
        self, author: Author, start: int = 0, end: int | None = None, *, feed: str = "public", **head_changes: Any
    ) -> PushAnswer:
        return await self.hub.push(author.id, feed, author.push(start, end, feed=feed, **head_changes))

    async def lines(self) -> list[bytes]:
        """Every line of the hub's feed."""
        async with self.ledger.reading() as view:
            return [line async for rows in view.entries(0) for _, line, _ in rows]

    async def log(self) -> list[Entry]:
        """The hub's feed, each line read again; positions and leaves are checked on the way."""
        async with self.ledger.reading() as view:
            rows = [row async for part in view.entries(0) for row in part]
        parsed = [entry.parse(line) for _, line, _ in rows]
        assert [seq for seq, _, _ in rows] == [e.seq for e in parsed] == list(range(len(rows)))
        assert [leaf for _, _, leaf in rows] == [e.leaf for e in parsed]
        return parsed

    async def live(self) -> dict[tuple[str, str], tuple[int, str]]:
        """The live set as the log says; the ledger's records must say the same."""
        folded = live.fold(await self.log())
        async with self.ledger.reading() as view:
            rows = [row async for part in view.rows(None) for row in part]
            assert await view.live() == len(rows)
        assert {(node, id_): (rev, digest) for _, node, id_, rev, digest in rows} == folded
        return folded

    async def names(self) -> set[str]:
        """What the live records are called, in Arabic."""
        held = await self.live()
        values = [e.thing.value for e in await self.log() if e.op == "put" and e.thing is not None]
        return {v["name"]["ar"]["value"] for v in values if held.get((v["node"], v["id"]), (0, ""))[0] == v["rev"]}

    async def publish(self) -> Head:
        """Publish; the head must say what the log says."""
        head = await self.publisher.publish()
        parsed = (await self.log())[: head.size]
        frontier = Frontier()
        for e in parsed:
            frontier.append(e.leaf)
        tree, _ = state_tree.build((*key, *version) for key, version in live.fold(parsed).items())
        assert head.log_root == frontier.root().hex()
        assert (head.state_root, head.live) == (tree.root().hex(), len(live.fold(parsed)))
        return head

    def write_out(self, folder: Path) -> Path:
        """The published files in a folder, as a static host would have them."""
        for path, content in self.pages.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        return folder

    # Following

    async def follow(self, other: MemoryHub, folder: Path) -> int:
        """Follow another hub once, by its published files; return how many entries our log grew by."""
        return await self.follow_folder(other.write_out(folder / other.id[5:13]), other.id, folder)

    async def follow_folder(self, feed: Path, hub: str, folder: Path) -> int:
        held = {peer.hub: peer for peer in await self.ledger.peers()}
        if hub not in held:
            await self.ledger.keep_peer(Peer(hub, "peer", str(feed), 0, ""))
        peer = {peer.hub: peer for peer in await self.ledger.peers()}[hub]
        async with self.ledger.reading() as view:
            before = view.size
        file = folder / f"{self.id[5:13]}-of-{hub[5:13]}.copy"
        await follow(feed, file, expected_id=hub, now=self.clock)
        followers = Followers(self.hub, folder, 60.0, allow_private=True)
        followers.heads = NodeHeads(self.hub, pause=timedelta(0))
        if file.exists():
            await followers.take_all(peer, file)
        async with self.ledger.reading() as view:
            return view.size - before

    async def take(self, peer: Peer, offered: Sequence[Offered], rings: Any, cursor: int = 1) -> int:
        return await taking.take(self.hub, peer, offered, rings, cursor)


@contextlib.contextmanager
def copy_of(file: Path) -> Any:
    with contextlib.closing(Copy(file)) as copy:
        yield copy


def run(story: Any) -> Any:
    """Run a coroutine to its end."""
    return asyncio.run(story)
