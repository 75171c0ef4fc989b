"""What one change costs a hub is counted in a small feed and in one of three times as many records: it is the same.

Counted are steps of SQLite's machine, in hundreds, over all connections, and files that are written. In the smaller
feed, too, the state trees of its nodes are kept; those of smaller nodes are made of all records (node_trees.py).
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from jisr_hub import log, node_trees
from jisr_hub.node_heads import Account, compare
from jisr_hub.ports import Change, Draft, Held, Remembered
from jisr_hub.publish.feed import Publisher
from jisr_hub.publish.keeping import pack_all
from jisr_hub.storage.curation import SqlCuration
from jisr_hub.storage.directory import SqlDirectory
from jisr_hub.storage.folder import FolderPages
from jisr_hub.storage.measuring import measure
from jisr_hub.storage.sql import SqlLedger
from jisr_protocol import state_tree
from tests.hub.hub_in_memory import MemoryHub
from tests.hub.published import EPOCH, NEVER

pytestmark = pytest.mark.anyio
NODES = ["jisr:" + letter * 52 for letter in "ab"]
TYPE = "org.jisr.service/1"
AT = "2026-09-01T12:00:00Z"
SIZES = (10_000, 30_000)


class Steps:
    """Counts what SQLite does."""

    def __init__(self) -> None:
        self.count = 0

    def tick(self) -> int:
        self.count += 1
        return 0


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    counted, connect = Steps(), sqlite3.connect

    def connected(*args: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*args, **options)
        connection.set_progress_handler(counted.tick, 100)
        return connection

    monkeypatch.setattr(sqlite3, "connect", connected)
    return counted


class CountedPages(FolderPages):
    """Files in a folder; how many were written, and how many bytes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.written: Counter[str] = Counter()

    def write(self, path: str, content: bytes) -> None:
        self.written.update(files=1, bytes=len(content))
        super().write(path, content)


def put(node: str, number: int, rev: int) -> tuple[Draft, Remembered]:
    """A record that nobody signed, as the log holds it."""
    record_id, digest = f"{number:08x}-0000-4000-8000-000000000000", f"{number:032x}{rev:032x}"
    record = orjson.dumps({"id": record_id, "name": {"ar": {"origin": "author", "value": "دار"}}, "node": node})
    draft = Draft("put", TYPE, node, record_id, rev, digest, None, b'"jws":"","op":"put","record":' + record, b"",
                  state_tree.path(node, record_id))  # fmt: skip
    return draft, Remembered(node, record_id, "public", Held(rev, digest, TYPE, True))


async def store(ledger: SqlLedger, numbers: range, rev: int = 1, node: str = NODES[0]) -> None:
    pairs = [put(node, number, rev) for number in numbers]
    await ledger.store(Change(AT, [draft for draft, _ in pairs], [held for _, held in pairs]), log.number)


@contextmanager
def counted(name: str, steps: Steps, costs: dict[str, int]) -> Iterator[None]:
    before = steps.count
    yield
    costs[name] = steps.count - before


async def of_one_change(folder: Path, size: int, steps: Steps) -> dict[str, int]:
    """What each part of the work costs when one of so many records changes."""
    folder.mkdir()
    ledger, costs = await SqlLedger.open(folder / "hub.sqlite", new_epoch=EPOCH), dict[str, int]()
    try:
        hub = await MemoryHub("hub", ledger=ledger).begin()
        for start in range(0, size // 2, 1_000):
            for node in NODES:
                await store(ledger, range(start, start + 1_000), node=node)
        pages = CountedPages(folder / "public")
        publisher = Publisher(hub.identity, ledger, pages, hub.clock, cadence=NEVER)
        first = await publisher.publish()
        pack_all(pages, first)
        await node_trees.keep(ledger, NODES[0], size // 2)

        with counted("store", steps, costs):
            await store(ledger, range(77, 78), rev=2)
        with counted("node head", steps, costs):
            await node_trees.keep(ledger, NODES[0], size // 2)
            async with ledger.reading() as view:
                await view.taken_out(NODES[0])
                await ledger.judged(NODES[0], "public")
                assert (await compare(view, NODES[0], Account(), size // 2))[2] == size // 2
        pages.written.clear()
        with counted("publish", steps, costs):
            head = await publisher.publish()
        assert head.size == first.size + 1
        costs["files written"] = pages.written["files"]
        with counted("file of the inventory", steps, costs):
            assert await publisher.inventory(bytes.fromhex(head.state_root))
        asked: Counter[str] = Counter()
        reading(pages, asked)
        assert pack_all(pages, head, first) > 0
        costs["files packed"] = asked["files"]

        directory = SqlDirectory(
            ledger, "Hub", "https://hub.example/feeds/public", nobody, SqlCuration(ledger, "jisr:x"), hub.clock
        )
        for name, page in (
            ("page of all", directory.page(None, 50, 50)),
            ("page of a type", directory.page(TYPE, 0, 50)),
        ):
            with counted(name, steps, costs):
                assert len(await page) == 50
        with counted("metrics", steps, costs):
            assert (await measure(ledger, hub.clock())).entries == head.size
        assert sum((await directory.summary()).types.values()) == size
        with counted("summary again", steps, costs):
            await directory.summary()
        return costs
    finally:
        await ledger.close()


def reading(pages: CountedPages, asked: Counter[str]) -> None:
    """Count which files are looked at from now on."""
    stands: Callable[[str], bool] = pages.stands

    def looked(path: str) -> bool:
        asked.update(files=1)
        return stands(path)

    pages.stands = looked


async def nobody(_: Any) -> set[str]:
    return set()


async def test_one_change_costs_the_same_in_a_large_feed(
    tmp_path: Path, steps: Steps, figure: Callable[..., None]
) -> None:
    small, large = [await of_one_change(tmp_path / str(size), size, steps) for size in SIZES]
    told = "; ".join(f"{name} {small[name]} and {large[name]}" for name in small)
    figure(f"one change among {SIZES[0]:,} and {SIZES[1]:,}: {told}")
    for name, count in small.items():
        assert large[name] <= 1.5 * count + 8, name
    assert max(large.values()) < SIZES[1] / 100
