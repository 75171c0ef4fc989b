"""What a hub publishes: pages byte for byte, heads that never step back, an inventory that is exactly the live set."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from jisr_hub.publish import forms
from jisr_hub.publish.feed import Publisher
from jisr_protocol import keys, paths, state_tree
from jisr_protocol.head import Head, Relation, compare
from jisr_protocol.limits import HUB_HEAD_HOURS
from jisr_protocol.reader.follow import follow
from jisr_protocol.session import Outcome
from tests.hub.author import Author
from tests.hub.hub_in_memory import Clock, MemoryHub, copy_of

pytestmark = pytest.mark.anyio


async def hub_of(*authors: Author) -> MemoryHub:
    hub = await MemoryHub("hub").begin()
    await hub.admit(*authors)
    return hub


async def assert_pages(hub: MemoryHub, head: Head) -> None:
    """The pages of this head hold its entries, byte for byte, and stand compressed."""
    lines = await hub.lines()
    joined = b""
    for _, _, path in paths.pages(head.epoch, 0, head.size):
        page = forms.read(hub.pages, path)
        assert page is not None, path
        assert forms.source(hub.pages, path) == path + ".zst"
        joined += page
    assert joined == b"".join(line + b"\n" for line in lines[: head.size])


async def test_pages_hold_the_entries_byte_for_byte_whole_and_partial() -> None:
    author = Author("many")
    author.puts(600)
    hub = await hub_of(author)
    for end in (1, 100, 255, 256, 500, 601):
        await hub.push(author, (await hub.hub.log_state(author.id, "public")).frontier.size, end)
        await assert_pages(hub, await hub.publish())
    assert forms.read(hub.pages, paths.page(await hub.ledger.epoch(), 0)) is not None
    assert hub.pages.read(paths.HEAD) == (hub.publisher.head or await hub.publish()).raw
    assert hub.pages.read(paths.KEYS) == keys.write_file(hub.identity.ring)


async def test_what_stands_in_a_page_is_never_changed() -> None:
    author = Author("dar")
    hub = await hub_of(author)
    seen: dict[str, bytes] = {}
    for number in range(6):
        author.puts(60, f"round {number} ")
        await hub.push(author, len(await hub.lines()) - 1)
        await hub.publish()
        for path, content in hub.pages.files.items():
            if path not in (paths.HEAD, paths.KEYS):
                assert seen.setdefault(path, content) == content, path


async def test_partial_pages_go_an_hour_after_a_wider_one_came(tmp_path: Path) -> None:
    author = Author("slow")
    author.puts(300)
    hub = await hub_of(author)
    for end in range(30, 301, 30):
        await hub.push(author, end - 30, end)
        await hub.publisher.publish()
        hub.clock.pass_time(seconds=1)
    partial = [path for path in hub.pages.files if ".p/" in path]
    assert len(partial) == 10, "readers on their way still find theirs"
    hub.clock.pass_time(hours=1)
    await hub.push(author, 300)
    head = await hub.publish()
    assert {path.removesuffix(".zst") for path in hub.pages.files if ".p/" in path} == {
        paths.page(head.epoch, 1, head.size - 256),
        paths.page(head.epoch, 1, head.size - 257),
    }
    await assert_pages(hub, head)
    result = await follow(hub.write_out(tmp_path / "feed"), tmp_path / "copy", now=hub.clock)
    assert result.outcome is Outcome.VERIFIED, result.sentence


async def test_the_page_of_a_publish_that_was_tried_twice_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """It filled one page, began the next, and found the disk full; an hour later the hub renews its head."""
    author = Author("slow")
    author.puts(300)
    hub = await hub_of(author)
    await hub.push(author, 0, 100)
    await hub.publish()
    await hub.push(author, 100)
    with monkeypatch.context() as full:

        def no_room() -> None:
            raise OSError(28, "No space left on device")

        full.setattr(hub.pages, "flush", no_room)
        with pytest.raises(OSError):
            await hub.publisher.publish()
    await hub.publish()
    hub.clock.pass_time(hours=13)
    await assert_pages(hub, await hub.publish())


async def test_nothing_new_signs_no_new_head_until_it_grows_old() -> None:
    hub = await hub_of()
    first = await hub.publish()
    hub.clock.pass_time(hours=11)
    assert await hub.publish() == first
    hub.clock.pass_time(hours=2)
    renewed = await hub.publish()
    assert compare(first, renewed) is Relation.SAME
    assert renewed.time > first.time
    assert renewed.expires - renewed.time == timedelta(hours=HUB_HEAD_HOURS)


@pytest.mark.parametrize("step", [{}, {"hours": -5}, {"seconds": 0.2}], ids=["stands", "steps back", "crawls"])
async def test_a_clock_that_stands_or_steps_back_makes_no_rollback(step: dict[str, float]) -> None:
    author = Author("dar")
    hub = await hub_of(author)
    clock = hub.publisher.clock = Clock()
    heads = [await hub.publish()]
    for number in range(4):
        author.put(f"r{number}")
        await hub.push(author, number)
        clock.pass_time(**step)
        heads.append(await hub.publish())
    for older, newer in pairwise(heads):
        assert compare(older, newer) is Relation.LARGER
        assert newer.time > older.time
        assert compare(newer, older) is Relation.OLDER, "an old copy is told from a rollback"


async def served(hub: MemoryHub, head: Head) -> set[tuple[str, str, int, str]]:
    """Walk the inventory from the root; every node must be what its hash says; return the rows of the buckets."""
    depth = state_tree.depth_for(head.live)
    rows: set[tuple[str, str, int, str]] = set()

    async def walk(hashed: bytes, level: int) -> None:
        content = await hub.publisher.inventory(hashed)
        assert content is not None
        if level == depth:
            assert state_tree.bucket_hash(content) == hashed
            rows.update(state_tree.parse_bucket(content, hashed))
            return
        children = state_tree.parse_inner(content, hashed)
        for child in set(children):
            await walk(child, level + 1)

    await walk(bytes.fromhex(head.state_root), 0)
    return rows


async def test_the_inventory_is_exactly_the_live_set() -> None:
    author = Author("many")
    hub = await hub_of(author)
    for count, gone in ((0, 0), (3, 1), (70, 10), (300, 5)):
        author.puts(count, f"{count} ")
        for number in range(gone):
            author.delete(f"{count} {number}")
        await hub.push(author, (await hub.hub.log_state(author.id, "public")).frontier.size)
        head = await hub.publish()
        live = {(*key, *version) for key, version in (await hub.live()).items()}
        assert await served(hub, head) == live
    assert await hub.publisher.inventory(b"\x07" * 32) is None


async def test_edits_deletes_and_narrowing_keep_the_incremental_tree_true() -> None:
    """MemoryHub.publish compares each head with the fold of the whole log."""
    author = Author("busy")
    author.puts(80)
    hub = await hub_of(author)
    await hub.push(author)
    await hub.publish()
    for round_ in range(5):
        for number in range(round_, 80, 7):
            author.put(f"r{number}") if number % 2 else author.delete(f"r{number}")
        author.delete(f"r{round_}")
        author.put(f"r{round_}", audience="hub")
        await hub.push(author, (await hub.hub.log_state(author.id, "public")).frontier.size)
        await hub.push(author, 0, feed="hub")
        hub.clock.pass_time(seconds=2)
        await hub.publish()


async def test_a_publisher_that_starts_again_goes_on_where_it_stood() -> None:
    author = Author("dar")
    author.puts(300)
    hub = await hub_of(author)
    await hub.push(author, 0, 200)
    before = await hub.publish()
    await hub.push(author, 200)
    again = MemoryHub("hub", ledger=hub.ledger, clock=hub.clock)
    again.pages = hub.pages
    again.publisher = Publisher(hub.identity, hub.ledger, hub.pages, hub.clock)
    await again.begin()
    assert again.publisher.head is not None and again.publisher.head.raw == before.raw
    after = await again.publish()
    assert compare(before, after) is Relation.LARGER
    await assert_pages(again, after)


@pytest.mark.parametrize("dies_at", range(5))
async def test_a_publisher_that_dies_at_any_step_shows_nothing_half_done(dies_at: int, tmp_path: Path) -> None:
    """Whatever step fails, the files that stand are one whole feed, and the next publish mends it."""
    author = Author("dar")
    author.puts(300)
    hub = await hub_of(author)
    await hub.push(author, 0, 250)
    await hub.publish()
    await hub.push(author, 250)
    steps = 0

    class Dies:
        def __getattr__(self, name: str) -> object:
            def act(*arguments: object) -> object:
                nonlocal steps
                if name in ("write", "flush"):
                    steps += 1
                    if steps == dies_at + 1:
                        raise OSError("planted")
                return getattr(hub.pages, name)(*arguments)

            return act

    hub.publisher.pages = Dies()  # it has what a publisher calls
    with pytest.raises(OSError, match="planted"):
        await hub.publisher.publish()
    result = await follow(hub.write_out(tmp_path / "feed"), tmp_path / "copy", now=hub.clock)
    assert result.outcome is Outcome.VERIFIED, result.sentence
    again = Publisher(hub.identity, hub.ledger, hub.pages, hub.clock)
    await again.begin()
    hub.publisher = again
    await assert_pages(hub, await hub.publish())
    result = await follow(hub.write_out(tmp_path / "feed"), tmp_path / "copy", now=hub.clock)
    assert (result.outcome, result.live) == (Outcome.VERIFIED, 300), result.sentence


async def test_rebuilding_from_the_log_gives_the_same_pages_and_roots() -> None:
    author = Author("dar")
    author.puts(300)
    author.delete("r5")
    hub = await hub_of(author)
    await hub.push(author)
    before, files = await hub.publish(), dict(hub.pages.files)
    hub.pages.files.clear()
    after = await hub.publisher.publish_again()
    assert compare(before, after) is Relation.SAME
    whole = {path + ".zst" for _, _, path in paths.pages(after.epoch, 0, after.size)}
    assert {path: hub.pages.files[path] for path in whole} == {path: files[path] for path in whole}


async def test_a_reader_proves_what_is_published(tmp_path: Path) -> None:
    author = Author("dar")
    author.puts(260)
    author.delete("r1")
    hub = await hub_of(author)
    await hub.push(author)
    head = await hub.publish()
    result = await follow(hub.write_out(tmp_path / "feed"), tmp_path / "copy", now=hub.clock)
    assert (result.outcome, result.live, result.refused) == (Outcome.VERIFIED, 259, [])
    with copy_of(tmp_path / "copy") as copy:
        assert copy.state_root.hex() == head.state_root


async def test_waiting_for_more_ends_when_there_is_more_or_the_time_is_over() -> None:
    author = Author("dar")
    author.put("one")
    hub = await hub_of(author)
    head = await hub.publish()
    assert await hub.publisher.wait(head.size, 0.01) == head
    assert await hub.publisher.wait(0, 5) == head
    waiting = asyncio.create_task(hub.publisher.wait(head.size, 5))
    await asyncio.sleep(0)
    await hub.push(author)
    grown = await hub.publish()
    assert await waiting == grown
