"""The inventory and the record files that a hub serves are those of the head that is out, whatever was stored since."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from jisr_hub.publish import inventory, records
from jisr_hub.publish.records import ErasedRecord
from jisr_protocol import entry, identifiers, live, state_tree
from jisr_protocol.entry import Entry
from jisr_protocol.exchange import Event, Fetch, Fetched, Missing
from jisr_protocol.reader.follow import follow
from jisr_protocol.reader.places import FolderPlace
from jisr_protocol.session import Outcome
from tests.hub.author import Author, record_id
from tests.hub.hub_in_memory import MemoryHub
from tests.hub.published import hub_over, publisher_of, read_by
from tests.hub.test_erasure import erase

pytestmark = pytest.mark.anyio


async def something_happens(chance: random.Random, hub: MemoryHub, authors: list[Author], sent: dict[str, int]) -> None:
    """Records come, change, go, come back, leave public sight, or are erased; one push at a time."""
    author = chance.choice(authors)
    for _ in range(chance.randint(1, 12)):
        label = f"r{chance.randint(0, 25)}"
        known, kind = label in author.revs, chance.random()
        if known and kind < 0.2:
            author.delete(label)
        elif known and kind < 0.27:
            author.delete(label)
            author.put(label, audience="hub")
        else:
            author.put(label)
    await hub.push(author, sent.get(author.id, 0))
    sent[author.id] = len(author.feed().lines)
    if "hub" in author.feeds:
        await hub.push(author, 0, feed="hub")
    if chance.random() < 0.35:
        label = chance.choice([*author.revs, "*"] if chance.random() < 0.2 else [*author.revs])
        await erase(hub, author, label, None if label == "*" else author.revs[label])
        if label == "*":
            authors.remove(author)  # whatever it writes is kept out from now on


async def files(hub: MemoryHub, size: int, found: inventory.Inventory) -> dict[bytes, bytes]:
    """Every file of an inventory by the hash it was asked for, found by walking from the root."""
    walked: dict[bytes, bytes] = {}
    waiting = [(found.tree.root(), 0)]
    async with hub.ledger.reading() as view:
        while waiting:
            hashed, level = waiting.pop()
            place = found.place(hashed)
            assert place is not None
            content = await found.file(view, *place)
            assert content is not None, f"the node {place} of the tree after {size} entries is not answered"
            walked[hashed] = content
            if level < found.tree.depth:
                waiting += [
                    (child, level + 1) for child in set(state_tree.parse_inner(content, hashed)) - walked.keys()
                ]
    return walked


def as_it_was(said: list[Entry], size: int) -> tuple[state_tree.StateTree, dict[int, bytes]]:
    return state_tree.build((*key, *version) for key, version in live.fold(said[:size]).items())


@pytest.mark.parametrize(("kind", "seeds"), [("memory", 5), ("sqlite", 2), ("postgresql", 1)])
async def test_for_any_log_and_any_earlier_head_it_is_the_tree_of_that_head(
    kind: str, seeds: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    compared = 0
    for seed in range(seeds):
        chance = random.Random(seed)
        authors = [Author(f"{name}{seed}") for name in "ab"]
        folder = tmp_path / str(seed)
        folder.mkdir()
        async with hub_over(kind, request, folder, *authors) as hub:
            sent: dict[str, int] = {}
            for _ in range(10):
                if authors:
                    await something_happens(chance, hub, authors, sent)
            said = await hub.log()
            before = None
            for size in sorted({*chance.sample(range(len(said)), 5), len(said)}):
                tree, buckets = as_it_was(said, size)
                tree.root()
                async with hub.ledger.reading() as view:
                    whole = await inventory.fold(view, size, None)
                    folded = await inventory.fold(view, size, before)
                assert whole.tree.levels == folded.tree.levels == tree.levels
                assert whole.live == folded.live == len(live.fold(said[:size]))
                walked = await files(hub, size, whole)
                assert set(buckets.values()) <= set(walked.values())
                before, compared = folded, compared + len(walked)
    assert compared > 100


async def test_what_is_stored_after_the_head_changes_nothing_that_is_served(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    author = Author("dar")
    author.puts(70)
    async with hub_over("sqlite", request, tmp_path, author) as hub:
        await hub.push(author)
        head = await hub.publish()
        served = await everything_served(hub)
        for number in range(70):
            author.put(f"r{number}") if number % 3 else author.delete(f"r{number}")
        await hub.push(author, 71)
        await erase(hub, author, "r1")
        assert hub.publisher.head == head
        assert await everything_served(hub) == served
        serving = publisher_of(hub)  # a process that never published
        await serving.begin()
        hub.publisher, publishing = serving, hub.publisher
        assert await everything_served(hub) == served
        await publishing.publish()
        await serving.refresh()
        assert serving.head == publishing.head
        fresh = await everything_served(hub)
        assert fresh != served
        root = bytes.fromhex(head.state_root)
        assert await serving.inventory(root) == served[root], "the head before stays answerable for whoever is at it"


async def everything_served(hub: MemoryHub) -> dict[bytes, bytes]:
    head = hub.publisher.head
    assert head is not None
    depth, walked = state_tree.depth_for(head.live), dict[bytes, bytes]()
    waiting = [(bytes.fromhex(head.state_root), 0)]
    while waiting:
        hashed, level = waiting.pop()
        content = await hub.publisher.inventory(hashed)
        assert content is not None
        walked[hashed] = content
        if level < depth:
            waiting += [(child, level + 1) for child in set(state_tree.parse_inner(content, hashed)) - walked.keys()]
    return walked


@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgresql"])
async def test_a_record_file_is_the_line_that_the_head_has(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    author = Author("dar")
    author.puts(5)
    async with hub_over(kind, request, tmp_path, author) as hub:
        publisher = hub.publisher

        async def file_of(label: str, rev: int) -> Any:
            found = await publisher.record(author.id, record_id(label), rev)
            return entry.parse(found.removesuffix(b"\n")) if found is not None else None

        await hub.push(author)
        assert await publisher.record(author.id, record_id("r1"), 1) is None, "nothing is published yet"
        await hub.publish()
        first = await file_of("r1", 1)
        assert (first.raw, first.rev) == ((await hub.lines())[first.seq], 1)
        for _ in range(3):
            author.put("r1")
        author.delete("r2")
        await hub.push(author, 6)
        assert (await file_of("r1", 1)).raw == first.raw and await file_of("r1", 4) is None
        assert (await file_of("r2", 1)).rev == 1
        await hub.publish()
        assert await file_of("r1", 1) is None and (await file_of("r1", 4)).rev == 4
        assert await file_of("r2", 1) is None and await file_of("r2", 2) is None
        assert await publisher.record(author.id, record_id("stranger"), 1) is None
        assert await publisher.record("jisr:" + "a" * 52, record_id("r1"), 1) is None
        await erase(hub, author, "r3")
        with pytest.raises(ErasedRecord):
            await file_of("r3", 1)
        assert identifiers.uuid(record_id("r3")) is None and records.ErasedRecord is ErasedRecord


class Served(FolderPlace):
    """The hub's files, those that it renders too, while others push on."""

    def __init__(self, hub: MemoryHub, folder: Path, meanwhile: Callable[[], Awaitable[Any]]) -> None:
        super().__init__(hub.write_out(folder))
        self._hub, self._meanwhile = hub, meanwhile
        self.rendered = 0

    async def fetch(self, wanted: Fetch) -> Event:
        kind, *rest = wanted.path.removesuffix(".json").split("/")
        if kind not in ("inv", "rec"):
            return await super().fetch(wanted)
        await self._meanwhile()
        self.rendered += 1
        publisher = self._hub.publisher
        if kind == "inv":
            content = await publisher.inventory(bytes.fromhex(rest[0]))
        else:
            content = await publisher.record(f"jisr:{rest[0]}", rest[1], int(rest[2]))
        return Fetched(wanted.path, content) if content is not None else Missing(wanted.path)


async def test_a_copy_is_repaired_while_others_push_and_nothing_is_published(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    author = Author("dar")
    author.puts(200)
    async with hub_over("sqlite", request, tmp_path, author) as hub:
        await hub.push(author)
        await hub.publish()
        file = tmp_path / "copy"
        await read_by(hub, tmp_path, file)
        with contextlib.closing(sqlite3.connect(file)) as damaged, damaged:
            damaged.execute("UPDATE leaf SET rev = rev + 1 WHERE seq = 7")
            damaged.execute("DELETE FROM leaf WHERE seq = 8")
            damaged.execute("DELETE FROM record WHERE seq = 8")
            damaged.execute("UPDATE feed SET live = live - 1")
            damaged.execute("DELETE FROM branch")
        start = len(author.feed().lines)
        author.put("new")
        await hub.push(author, start)
        head = await hub.publish()

        async def meanwhile() -> None:
            """Every record changes under the reader's hands, one after the other."""
            start = len(author.feed().lines)
            for number in range(40):
                author.put(f"r{(start + number) % 200}")
            hub.clock.pass_time(seconds=1)
            await hub.push(author, start)

        served = Served(hub, tmp_path / "served", meanwhile)

        @contextlib.asynccontextmanager
        async def place(*_: Any, **__: Any) -> Any:
            yield served

        monkeypatch.setattr("jisr_protocol.reader.follow._place", place)
        result = await follow("https://hub.example/", file, now=hub.clock)
        assert (result.outcome, result.repaired, result.live) == (Outcome.VERIFIED, 2, 201), result.sentence
        assert served.rendered == 5 and hub.publisher.head == head, "a root, two buckets, two records"
