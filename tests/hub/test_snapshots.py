"""Snapshots of a hub's feed: when one is made, what stands in it, who begins by it, and that it costs little."""

from __future__ import annotations

import asyncio
import time
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jisr_hub import log
from jisr_hub.identity import Identity
from jisr_hub.ports import Change, Draft, Held, Remembered
from jisr_hub.publish import snapshots
from jisr_hub.publish.feed import Publisher
from jisr_hub.publish.snapshots import Cadence
from jisr_hub.storage.folder import FolderPages
from jisr_hub.storage.sql import SqlLedger
from jisr_protocol import identifiers, notice, state_tree
from jisr_protocol.limits import SNAPSHOT_PART_ENTRIES
from tests.hub.author import Author, record_id
from tests.hub.hub_in_memory import Clock, MemoryHub, copy_of
from tests.hub.published import (
    EPOCH,
    NEVER,
    assert_stands,
    entries_of,
    holding,
    hub_over,
    manifest_of,
    read_by,
    restart,
)
from tests.hub.test_erasure import erase, words
from tests.reader.publisher import NOW

pytestmark = pytest.mark.anyio
SOON = Cadence(entries=50, spared_share=0)


@pytest.fixture(scope="module")
def author() -> Author:
    """Three hundred records, some deleted, some changed; only ever read."""
    author = Author("dar")
    author.puts(300)
    for number in range(0, 40, 2):
        author.delete(f"r{number}")
        author.put(f"r{number + 1}")
    return author


@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgresql"])
async def test_it_holds_what_is_live_what_is_gone_and_the_keys(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, author: Author
) -> None:
    async with hub_over(kind, request, tmp_path, author) as hub:
        await hub.push(author)
        await hub.push(author, 0)
        head = await hub.publisher.publish(snapshot=True)
        said = await hub.log()
        manifest = manifest_of(hub)
        assert (manifest.seq, manifest.live, manifest.state_root) == (head.size, head.live, head.state_root)
        assert manifest.frontier.root().hex() == head.log_root
        live = {(e.node, e.id): e for e in said if e.op == "put"}
        gone = {(e.node, e.id): e for e in said if e.op == "del"}
        puts = [e for key, e in live.items() if key not in gone]
        puts.sort(key=lambda e: (state_tree.path(e.node or "", e.id or ""), e.node, e.id))
        assert [e.raw for e in entries_of(hub, "parts")] == [e.raw for e in puts]
        assert {e.raw for e in entries_of(hub, "tombstones")} == {e.raw for e in gone.values()}
        assert [e.raw for e in entries_of(hub, "keys")] == [e.raw for e in said if e.op == "key"]
        assert entries_of(hub, "guards") == []
        await assert_stands(hub)
        result = await read_by(hub, tmp_path, tmp_path / "copy")
        assert (result.unproven, result.live) == (head.size, 280)
        with copy_of(tmp_path / "copy") as copy:
            assert {(r.node, r.id, r.rev) for r in copy.records()} == {(e.node, e.id, e.rev) for e in puts}


async def test_a_reader_begins_by_it_and_goes_on_from_it(
    request: pytest.FixtureRequest, tmp_path: Path, author: Author
) -> None:
    async with hub_over("memory", request, tmp_path, author) as hub:
        await restart(hub, cadence=Cadence(entries=300, spared_share=0))
        for start, end in ((0, 290), (290, 320), (320, 330)):
            await hub.push(author, start, end)
            head = await hub.publish()
        assert head.snap is not None and head.snap["seq"] == 320 + 1  # the hub's own key comes first
        result = await read_by(hub, tmp_path, tmp_path / "copy")
        assert (result.unproven, result.live) == (321, head.live)
        await hub.push(author, 330)
        head = await hub.publish()
        again = await read_by(hub, tmp_path, tmp_path / "copy")
        assert (again.unproven, again.live, again.applied) == (321, head.live, len(author.feed().lines) - 330)


async def test_it_is_made_when_the_log_grew_so_much_or_so_long_ago() -> None:
    due = Cadence().due
    day = timedelta(hours=24)
    assert not due(9_999, 100, None, 9_899) and due(10_000, 100, None, 9_900)
    assert not due(49_999, 100_000, day / 2, 5_000) and due(50_000, 100_000, day / 2, 5_000)
    assert not due(1_000, 100_000, day, 0) and due(1_001, 100_000, day, 0) and not due(1_001, 100_000, day / 2, 1_000)
    assert not due(100_000, 100_000, None, 999) and due(100_000, 100_000, None, 1_000)


async def test_a_log_of_which_all_is_live_has_none_until_something_in_it_is_outdated(
    request: pytest.FixtureRequest, tmp_path: Path, author: Author
) -> None:
    async with hub_over("sqlite", request, tmp_path, author) as hub:
        await restart(hub, cadence=Cadence(entries=100))
        await hub.push(author, 0, 300)
        assert (await hub.publish()).snap is None
        await hub.push(author, 300)  # twenty deleted, which is two entries each that nobody needs, and twenty edited
        head = await hub.publish()
        assert head.snap is not None and head.snap["seq"] == head.size


async def test_an_older_one_stays_an_hour_and_a_restart_goes_on(
    request: pytest.FixtureRequest, tmp_path: Path, author: Author
) -> None:
    def folders() -> set[str]:
        return {path.split("/")[1] for path in hub.pages.files if path.startswith("snap/")}

    async with hub_over("sqlite", request, tmp_path, author) as hub:
        await restart(hub, cadence=SOON)
        await hub.push(author, 0, 60)
        await hub.publish()
        assert folders() == {f"{EPOCH}-61"}
        await hub.push(author, 60, 100)
        head = await hub.publish()
        assert head.snap is not None and head.snap["seq"] == 61 and folders() == {f"{EPOCH}-61"}
        await restart(hub, cadence=SOON)
        await hub.push(author, 100, 104)
        assert (await hub.publish()).snap == head.snap
        await hub.push(author, 104, 200)
        head = await hub.publish()
        assert head.snap is not None and head.snap["seq"] == 201
        assert folders() == {f"{EPOCH}-61", f"{EPOCH}-201"}
        hub.clock.pass_time(hours=1)
        await hub.push(author, 200, 201)
        await hub.publish()
        assert folders() == {f"{EPOCH}-201"}
        await assert_stands(hub)
        hub.pages.files.clear()
        again = await hub.publisher.publish_again()
        assert again.snap is not None and again.snap["seq"] == again.size
        await assert_stands(hub)
        await read_by(hub, tmp_path, tmp_path / "copy")


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_after_an_erasure_there_is_one_without_the_record_before_the_head(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    author = Author("dar")
    author.put("secret", **words("kanarienvogel"))
    author.puts(60)
    author.put("gone", **words("kanarienvogel"))
    author.delete("gone")
    async with hub_over(kind, request, tmp_path, author) as hub:
        await restart(hub, cadence=SOON)
        await hub.push(author)
        before = await hub.publish()
        assert [path for path in holding(hub, "kanarienvogel") if path.startswith("snap/")]
        await erase(hub, author, "secret")
        await erase(hub, author, "gone")
        head = await hub.publish()
        assert head.snap != before.snap and head.snap is not None and head.snap["seq"] == head.size
        assert holding(hub, "kanarienvogel") == []
        assert len(entries_of(hub, "guards")) == 2 and entries_of(hub, "tombstones") == []
        await assert_stands(hub)
        assert (await read_by(hub, tmp_path, tmp_path / "copy")).live == 60


async def test_a_hold_that_was_lifted_binds_no_more() -> None:
    class Said:
        async def said(self, ops: Any) -> Any:
            yield [said.raw for said in author.feed().entries() if said.op in ops]

    author = Author("dar")
    steps = [("hold", "a"), ("hold", "b"), ("erase", "c"), ("unhold", "a"), ("unhold", "c"), ("hold", "d")]
    said = [_notice(author, action, label, n) for n, (action, label) in enumerate(steps, start=1)]
    kept = [author.feed().lines[said[place]] for place in (1, 2, 5)]
    # Said has what is asked of a view here
    lines = [line async for part in snapshots._binding(Said()) for line in part]
    assert sorted(lines) == sorted(kept)


def _notice(author: Author, action: str, label: str, n: int) -> int:
    said = notice.write(
        author.writer.key, id=record_id(f"notice {n}"), action=action, by=author.id, node=author.id,
        ids=(record_id(label),), max_rev=None, n=n, issued=identifiers.to_instant(NOW), basis="a reason",
    )  # fmt: skip
    return author.add(said.envelope, op=action, target=record_id(label))


# Cost


def synthetic(start: int, count: int) -> list[Draft]:
    """Puts of records that no author signed: a publisher does not look."""
    node = "jisr:" + "a" * 52
    drafts = []
    for number in range(start, start + count):
        record_id = f"00000000-0000-4000-8000-{number:012d}"
        record = b'{"id":"%b","name":"%b"}' % (record_id.encode(), b"x" * 400)
        before = b'"jws":"%b","op":"put","record":%b' % (b"A" * 150, record)
        after = b'"src":["public","1-aaaaaaaa",%d]' % number
        digest = f"{number:064x}"
        path = state_tree.path(node, record_id)
        src = ("public", "1-aaaaaaaa", number)
        drafts.append(Draft("put", "t/1", node, record_id, 1, digest, src, before, after, path))
    return drafts


async def stored(ledger: SqlLedger, start: int, count: int) -> None:
    for first in range(start, start + count, 5_000):
        drafts = synthetic(first, min(5_000, start + count - first))
        held = [Remembered(d.node or "", d.id or "", "public", Held(1, d.digest or "", "t/1", True)) for d in drafts]
        await ledger.store(Change(identifiers.to_instant(NOW), drafts, held), log.number)


class Heart:
    """Beats as often as it can, and knows the longest pause between two beats."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def beat(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            self.longest = max(self.longest, time.perf_counter() - began)

    async def during(self, work: Any) -> Any:
        task = asyncio.create_task(self.beat())
        try:
            return await work
        finally:
            task.cancel()


async def test_publishing_costs_what_changed_and_a_snapshot_little_memory(
    tmp_path: Path, figure: Callable[..., None], long: bool
) -> None:
    """The hub goes on answering while a snapshot of everything is written."""
    count = 100_000 if long else 20_000
    who: Identity = MemoryHub("hub").identity
    ledger = await SqlLedger.open(tmp_path / "hub.sqlite", new_epoch=EPOCH)
    try:
        publisher = Publisher(
            who, ledger, FolderPages(tmp_path / "public"), Clock(), cadence=NEVER, aside=asyncio.to_thread
        )
        await stored(ledger, 0, count)
        await publisher.publish()
        took = []
        for number in range(5):
            await stored(ledger, count + number, 1)
            began = time.perf_counter()
            head = await publisher.publish()
            took.append(time.perf_counter() - began)
        assert head.live == count + 5
        heart = Heart()
        tracemalloc.start()
        began = time.perf_counter()
        head = await heart.during(publisher.publish(snapshot=True))
        seconds = time.perf_counter() - began
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    finally:
        await ledger.close()
    assert head.snap is not None and head.snap["seq"] == head.size
    parts = len(list((tmp_path / "public" / head.snap["path"]).parent.glob("*.ndjson.zst")))
    assert parts == -(-head.live // SNAPSHOT_PART_ENTRIES)
    assert peak < 40 * 1024 * 1024
    assert heart.longest < seconds / 2, "it was never away for long"
    figure(f"one more of {count} live: published in {sorted(took)[2] * 1000:.1f} ms (median of 5)")
    figure(
        f"a snapshot of {count} live: {seconds:.1f} s, {peak / 1024 / 1024:.1f} MiB at most,"
        f" the event loop away for {heart.longest * 1000:.0f} ms at most"
    )
