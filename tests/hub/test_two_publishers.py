"""Two processes publish one feed at once, interleaved wherever one may wait; and one that only serves it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from jisr_hub.ports import Conflict
from jisr_hub.publish.feed import Publisher
from jisr_hub.publish.snapshots import Cadence
from jisr_hub.storage.folder import FolderPages
from jisr_hub.storage.sql import SqlLedger
from jisr_protocol import head as heads
from jisr_protocol import paths
from jisr_protocol.head import Relation, compare
from jisr_protocol.reader.follow import follow
from jisr_protocol.session import Outcome
from tests.hub.author import Author
from tests.hub.hub_in_memory import MemoryHub, copy_of
from tests.hub.published import hub_over, publisher_of
from tests.hub.test_erasure import erase, words

pytestmark = pytest.mark.anyio
SECRET = "kanarienvogel"


class Turns:
    """Lets those who take part go on one at a time, in an order drawn by chance, from one wait to the next."""

    def __init__(self, chance: random.Random) -> None:
        self._chance, self._waiting = chance, list[asyncio.Future[None]]()
        self.taken = self.lost = 0

    async def turn(self) -> None:
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting

    async def run(self, *stories: Any) -> None:
        tasks = [asyncio.create_task(story) for story in stories]
        try:
            while not all(task.done() for task in tasks):
                while len(self._waiting) < sum(not task.done() for task in tasks):
                    await asyncio.sleep(0.0002)
                for task in tasks:
                    if task.done():
                        task.result()
                if self._waiting:
                    self.taken += 1
                    self._waiting.pop(self._chance.randrange(len(self._waiting))).set_result(None)
                    await asyncio.sleep(0)
        finally:
            for task in tasks:
                task.cancel()


class Taking:
    """A ledger, a view or a folder of pages whose every call waits for its turn."""

    def __init__(self, of: Any, turns: Turns) -> None:
        self._of, self._turns = of, turns

    def __getattr__(self, name: str) -> Any:
        act = getattr(self._of, name)
        if name == "reading":
            return self._reading
        if not asyncio.iscoroutinefunction(act):
            return act

        async def in_turn(*arguments: Any) -> Any:
            await self._turns.turn()
            try:
                return await act(*arguments)
            except Conflict:
                self._turns.lost += 1
                raise

        return in_turn

    @asynccontextmanager
    async def _reading(self) -> Any:
        await self._turns.turn()
        async with self._of.reading() as view:
            yield Taking(view, self._turns)


def taking_turns(hub: MemoryHub, folder: Path, turns: Turns) -> Publisher:
    async def aside(work: Callable[[], None]) -> None:
        await turns.turn()
        work()

    ledger: Any = Taking(hub.ledger, turns)
    cadence = Cadence(entries=40, spared_share=0)
    return Publisher(hub.identity, ledger, FolderPages(folder), hub.clock, cadence=cadence, aside=aside)


@pytest.mark.parametrize(("kind", "seed"), [*(("memory", seed) for seed in range(2)), ("postgresql", 4)])
async def test_whoever_loses_goes_on_and_damages_nothing(
    kind: str, seed: int, request: pytest.FixtureRequest, tmp_path: Path, figure: Callable[..., None]
) -> None:
    author, chance = Author("dar"), random.Random(seed)
    async with hub_over(kind, request, tmp_path, author) as hub:
        turns = Turns(chance)
        folder = tmp_path / "public"
        both = [taking_turns(hub, folder, turns) for _ in range(2)]
        shown: list[bytes] = []

        async def watch() -> None:
            """A reader that looks at every turn: the head never goes back, and what it promises is there."""
            while pushing or len(done) < 2:
                await turns.turn()
                raw = (folder / paths.HEAD).read_bytes() if (folder / paths.HEAD).exists() else b""
                if raw and (not shown or raw != shown[-1]):
                    shown.append(raw)
                    for _, _, path in paths.pages(heads.parse(raw).epoch, 0, heads.parse(raw).size):
                        at = [folder / f"{each}.zst" for each in (path, path.replace(".ndjson", ".g2.ndjson"))]
                        assert any(file.exists() for file in at), path

        async def push() -> None:
            nonlocal pushing
            for number in range(8):
                for _ in range(chance.randint(1, 25)):
                    await turns.turn()
                hub.clock.pass_time(seconds=1)
                start = len(author.feeds["public"].lines) if author.feeds else 0
                author.put(f"secret {number}", **words(SECRET)) if number == 2 else author.puts(25, f"{number} ")
                await hub.push(author, start)
                if number == 5:
                    await erase(hub, author, "secret 2")
            pushing = False

        async def publish(publisher: Publisher) -> None:
            await publisher.begin()
            while pushing:
                await publisher.publish()
                await turns.turn()
            await publisher.publish()
            done.append(True)

        pushing, done = True, list[bool]()
        await turns.run(watch(), push(), *(publish(publisher) for publisher in both))
        await turns.run(*(publisher.publish() for publisher in both))
        await turns.run(*(publisher.refresh() for publisher in both))
        seen = [heads.parse(raw) for raw in shown]
        for older, newer in pairwise(seen):
            assert compare(older, newer) in (Relation.LARGER, Relation.SAME) and newer.time > older.time
        # both have published by now
        assert (folder / paths.HEAD).read_bytes() == both[0].head.raw == both[1].head.raw
        assert _holding(folder, SECRET) == []
        result = await follow(folder, tmp_path / "copy", now=hub.clock)
        assert result.outcome is Outcome.VERIFIED, result.sentence
        with copy_of(tmp_path / "copy") as copy:
            assert {(r.node, r.id): (r.rev, r.digest) for r in copy.records()} == await hub.live()
        figure(f"two publishers on {kind}: {turns.taken} turns, {turns.lost} lost, {len(shown)} heads, none went back")
        assert turns.lost > 0


def _holding(folder: Path, text: str) -> list[str]:
    import zstandard

    found = []
    for file in folder.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            content = zstandard.decompress(content) if file.suffix == ".zst" else content
            found += [file.name] if text.encode() in content else []
    return found


async def test_an_older_head_never_takes_the_place_of_a_newer_one(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """One has remembered its head and is slow to show it; the other has published and shown the next one meanwhile."""
    author = Author("dar")
    author.puts(20)
    async with hub_over("memory", request, tmp_path, author) as hub:
        await hub.push(author, 0, 10)
        other = publisher_of(hub)
        await other.begin()
        remember = hub.ledger.publish

        async def slow(published: Any, before: Any) -> None:
            await remember(published, before)
            hub.ledger.publish = remember
            await hub.push(author, 10)
            await other.refresh()
            hub.clock.pass_time(seconds=5)
            await other.publish()

        hub.ledger.publish = slow
        await hub.publisher.publish()
        assert hub.pages.read(paths.HEAD) == other.head.raw  # it has published
        assert await hub.publisher.publish() == other.head


async def test_a_process_that_only_serves_tells_those_who_wait_and_starts_beside_one_that_publishes(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    author = Author("dar")
    author.puts(20)
    async with hub_over("sqlite", request, tmp_path, author) as hub:
        await hub.push(author, 0, 10)
        first = await hub.publish()
        serving = publisher_of(hub)
        known = hub.ledger.published
        late: list[Any] = []

        async def published_before_the_next_head() -> Any:
            found = await known()
            if not late:
                late.append(found)
                await hub.push(author, 10)
                await hub.publish()
            return found

        hub.ledger.published = published_before_the_next_head  # others get in between
        await serving.begin()
        hub.ledger.published = known  # as it was before
        assert serving.head == hub.publisher.head != first
        waiting = asyncio.create_task(serving.wait(serving.head.size, 5))  # begun above
        await asyncio.sleep(0)
        start = len(author.feed().lines)
        author.put("new")
        await hub.push(author, start)
        grown = await hub.publish()
        await serving.refresh()
        assert await waiting == serving.head == grown
        assert isinstance(hub.ledger, SqlLedger)
