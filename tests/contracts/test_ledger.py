"""What the hub's core relies on, for every ledger: one suite, no case left out for any."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jisr_hub import log
from jisr_hub.ports import Change, Conflict, Held, Kept, Ledger, Member, Peer, Remembered, Touch
from jisr_hub.storage.sql import SqlLedger
from jisr_protocol import entry, state_tree
from tests.contracts.stored import AT, EPOCH, Opened, drafts_of, ledger_of, node_log, remembered, rows_of
from tests.hub.author import Author, record_id
from tests.reader.publisher import seeded

pytestmark = pytest.mark.anyio


# The log


async def test_positions_begin_at_0_and_have_no_gap(opened: Opened, author: Author) -> None:
    async with opened() as ledger:
        assert await ledger.store(Change(AT, drafts_of(author, 0, 3), ()), log.number) == 3
        assert await ledger.store(Change(AT, (), ()), log.number) == 3
        assert await ledger.store(Change(AT, drafts_of(author, 3, 7), ()), log.number) == 7
        rows = await rows_of(ledger)
    assert [seq for seq, _, _ in rows] == list(range(7))
    for seq, line, leaf in rows:
        parsed = entry.parse(line)
        assert (parsed.seq, parsed.leaf, parsed.at) == (seq, leaf, AT)


async def test_reading_from_a_position_gives_the_rest_and_nothing_past_the_end(opened: Opened, author: Author) -> None:
    async with opened() as ledger:
        await ledger.store(Change(AT, drafts_of(author), ()), log.number)
        assert [seq for seq, _, _ in await rows_of(ledger, 5)] == [5, 6]
        assert await rows_of(ledger, 7) == []
        assert await rows_of(ledger, 700) == []


async def test_a_store_that_fails_stores_nothing(opened: Opened, author: Author) -> None:
    def fails(draft: Any, seq: int, at: str) -> Any:
        if seq == 3:
            raise RuntimeError("planted")
        return log.number(draft, seq, at)

    change = Change(
        AT, drafts_of(author, 2, 5), remembered(author, 2, 5), {author.id: author.ring}, node=author.id,
        name="public", kept=[Kept(0, b"\x01" * 32, b"{}")], log=node_log(author, 5), peer="jisr:hub", cursor=9,
        peer_epoch="9-aaaaaaaa", members=[Member(author.id, "n", "", 1, 1, AT)],
    )  # fmt: skip
    async with opened() as ledger:
        await ledger.keep_peer(Peer("jisr:hub", "Hub", "https://hub.example", 0, ""))
        await ledger.store(Change(AT, drafts_of(author, 0, 2), ()), log.number)
        with pytest.raises(RuntimeError, match="planted"):
            await ledger.store(change, fails)
        assert len(await rows_of(ledger)) == 2
        assert await ledger.member(author.id) is None
        assert await ledger.rings([author.id]) == {}
        assert await ledger.held("public", {(r.node, r.id) for r in change.remembered}) == {}
        assert (await ledger.node_log(author.id, "public")).frontier.size == 0
        assert await ledger.node_leaves(author.id, "public", 0, 5) == {}
        assert [(p.cursor, p.epoch) for p in await ledger.peers()] == [(0, "")]
        assert await ledger.store(change, log.number) == 5, "the ledger goes on after a failure"


async def test_a_change_judged_against_an_older_node_log_is_a_conflict_and_stores_nothing(
    opened: Opened, author: Author
) -> None:
    def change(expected: dict[str, tuple[str, int]], end: int) -> Change:
        drafts = drafts_of(author, expected.get("public", ("", 0))[1], end)
        return Change(
            AT, drafts, (), node=author.id, name="public", expected=expected, log=node_log(author, end)
        )  # fmt: skip

    async with opened() as ledger:
        assert await ledger.node_places(author.id) == {}
        await ledger.store(change({}, 3), log.number)
        epoch = author.feed().epoch
        assert await ledger.node_places(author.id) == {"public": (epoch, 3)}
        others = ({}, {"public": (epoch, 4)}, {"public": ("1-bbbbbbbb", 3)}, {"public": (epoch, 3), "hub": (epoch, 1)})
        for otherwise in others:
            with pytest.raises(Conflict):
                await ledger.store(change(otherwise, 5), log.number)
        assert len(await rows_of(ledger)) == 3
        await ledger.store(change({"public": (epoch, 3)}, 5), log.number)
        assert (await ledger.node_log(author.id, "public")).frontier.root() == node_log(author, 5).frontier.root()


async def test_fifty_concurrent_stores_leave_no_gap_and_lose_nothing(opened: Opened) -> None:
    authors = [Author(f"many {n}") for n in range(10)]
    for one in authors:
        one.puts(5)

    async def slowly(ledger: Ledger, one: Author, at: int) -> int:
        await asyncio.sleep(0)
        return await ledger.store(Change(AT, drafts_of(one, at, at + 1), remembered(one, at, at + 1)), log.number)

    async with opened() as ledger:
        sizes = await asyncio.gather(*(slowly(ledger, one, at) for one in authors for at in range(1, 6)))
        rows = await rows_of(ledger)
        async with ledger.reading() as view:
            assert (view.size, await view.live()) == (50, 50)
    assert sorted(sizes) == list(range(1, 51)), "each store saw the size it made"
    assert [seq for seq, _, _ in rows] == list(range(50))
    assert len({entry.parse(line).digest for _, line, _ in rows}) == 50


async def test_writers_that_fail_between_others_leave_no_gap(opened: Opened, author: Author) -> None:
    def fails(*_: Any) -> Any:
        raise RuntimeError("planted")

    async def store(ledger: Ledger, turn: int) -> None:
        with contextlib.suppress(RuntimeError):
            await ledger.store(Change(AT, drafts_of(author, 1, 2), ()), fails if turn % 3 == 0 else log.number)

    async with opened() as ledger:
        await asyncio.gather(*(store(ledger, turn) for turn in range(30)))
        assert [seq for seq, _, _ in await rows_of(ledger)] == list(range(20))


async def test_a_reader_that_follows_by_position_misses_nothing_of_sixteen_writers(opened: Opened) -> None:
    """Serial numbers that show out of order lost others their rows: here a position that is seen is the next one."""
    writers = [Author(f"writer {n}") for n in range(16)]
    chance = random.Random(16)
    stored: list[str] = []

    def fails(*_: Any) -> Any:
        raise RuntimeError("planted")

    async def write(ledger: Ledger, author: Author) -> None:
        for number in range(8):
            author.put(f"r{number}")
            await asyncio.sleep(chance.random() / 200)
            drafts = drafts_of(author, number + 1, number + 2)
            try:
                await ledger.store(Change(AT, drafts, ()), fails if chance.random() < 0.05 else log.number)
            except RuntimeError:
                continue
            stored.append(drafts[0].digest)

    async def tail(ledger: Ledger, done: asyncio.Event) -> list[str]:
        seen: list[str] = []
        while True:
            last_look = done.is_set()
            for seq, line, _ in await rows_of(ledger, len(seen)):
                assert seq == len(seen)
                seen.append(entry.parse(line).digest or "")
            if last_look:
                return seen
            await asyncio.sleep(0.001)

    async with opened() as ledger:
        done = asyncio.Event()
        reader = asyncio.create_task(tail(ledger, done))
        await asyncio.gather(*(write(ledger, author) for author in writers))
        done.set()
        seen = await reader
    assert sorted(seen) == sorted(stored)
    assert len(seen) > 100


# Views


async def test_a_store_during_a_reading_does_not_show_in_it(opened: Opened, author: Author) -> None:
    async with opened() as ledger:
        await ledger.store(Change(AT, drafts_of(author, 0, 3), remembered(author, 1, 3)), log.number)
        async with ledger.reading() as view:
            await ledger.store(Change(AT, drafts_of(author, 3, 7), remembered(author, 3, 7)), log.number)
            await ledger.store(Change(AT, (), remembered(author, 1, 2, live=False)), log.number)
            assert view.size == 3
            assert [row[0] async for part in view.entries(0) for row in part] == [0, 1, 2]
            assert await view.live() == 2
            assert len([row async for part in view.rows(None) for row in part]) == 2
            assert len(await view.touched(0)) == 2
        async with ledger.reading() as view:
            assert (view.size, await view.live()) == (7, 5)


async def test_several_readings_stand_beside_each_other_and_beside_a_writer(opened: Opened, author: Author) -> None:
    async def read(ledger: Ledger) -> int:
        async with ledger.reading() as view:
            await asyncio.sleep(0.01)
            return len([row async for part in view.entries(0) for row in part]) - view.size

    async with opened() as ledger:
        stores = (ledger.store(Change(AT, drafts_of(author, 1, 2), ()), log.number) for _ in range(10))
        results = await asyncio.gather(*stores, *(read(ledger) for _ in range(20)))
        assert results[10:] == [0] * 20


_step = st.tuples(st.integers(0, 3), st.integers(0, 30), st.booleans())


@settings(max_examples=settings().max_examples // 4)  # each makes a database
@given(steps=st.lists(st.lists(_step, min_size=1, max_size=5), max_size=6), cut=st.integers(0, 2**18 - 1))
@pytest.mark.parametrize("which", ["memory", "sqlite", "postgresql"])
async def test_records_rows_and_touched_paths_equal_a_model(
    postgres_server: str, which: str, steps: list[list[tuple[int, int, bool]]], cut: int
) -> None:
    """Each step is one store of some revs of some records, live or not."""
    model: dict[tuple[str, str], Held] = {}
    touched: list[int] = []
    async with ledger_of(which, postgres_server) as ledger:
        for number, step in enumerate(steps):
            changed = {}
            for node_number, id_number, is_live in step:
                key = (f"jisr:{'abcd'[node_number] * 52}", f"{id_number:08d}-0000-4000-8000-000000000000")
                rev = model[key].rev + 1 if key in model else 1
                changed[key] = Held(rev, seeded(*key, rev, number).hex(), "org.jisr.news/1", is_live)
            model |= changed
            drafts = [log.out_draft(*key, h.rev, h.digest, h.type) for key, h in changed.items()]
            touched += [state_tree.path(*key) for key in changed]
            remember = [Remembered(*key, "public", h) for key, h in changed.items()]
            assert await ledger.store(Change(AT, drafts, remember), log.number) == len(touched)
        assert await ledger.held("public", [*model, ("jisr:none", "none")]) == model
        assert await ledger.held("hub", model) == {}
        expected = {(state_tree.path(*key), *key, h.rev, h.digest) for key, h in model.items() if h.live}
        async with ledger.reading() as view:
            assert await view.live() == len(expected)
            assert {row async for part in view.rows(None) for row in part} == expected
            ranges = [(0, cut), (cut + 1, 2**18 - 1)]
            assert {row async for part in view.rows(ranges) for row in part} == expected
            assert {row async for part in view.rows(ranges[:1]) for row in part} == {r for r in expected if r[0] <= cut}
            assert [row async for part in view.rows([]) for row in part] == []
            for start in (0, len(touched) // 2, len(touched)):
                assert await view.touched(start) == set(touched[start:])


async def test_a_reading_that_stops_halfway_keeps_nothing_open(
    opened: Opened, author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was erased could else not leave the database's files before the garbage collector comes by."""
    monkeypatch.setattr("jisr_hub.storage.view._STREAMED_ROWS", 2)
    async with opened() as ledger:
        await ledger.store(Change(AT, drafts_of(author, 1), remembered(author, 1, 7)), log.number)
        async with ledger.reading() as view:
            halfway = view.rows(None)
            assert await anext(halfway)
        await ledger.forget()  # raises StillSeen
        assert len(await rows_of(ledger)) == 6
        await halfway.aclose()


async def test_key_statements_touch_no_record(opened: Opened, author: Author) -> None:
    async with opened() as ledger:
        await ledger.store(Change(AT, drafts_of(author, 0, 1), ()), log.number)
        async with ledger.reading() as view:
            assert await view.touched(0) == set()


# What a publisher asks of a moment


async def test_a_moment_tells_lines_ops_tombstones_and_where_words_about_a_record_stand(opened: Opened) -> None:
    author = Author("moment")
    author.puts(3)
    author.delete("r0")
    author.put("r1")  # after the key come puts at 1 to 3, a del at 4, a put at 5
    ids = [record_id(f"r{number}") for number in range(3)]
    paths = [state_tree.path(author.id, each) for each in ids]
    async with opened() as ledger:
        await ledger.store(Change(AT, drafts_of(author, 0, 4), remembered(author, 1, 4)), log.number)
        newer = [*remembered(author, 4, 5, live=False), *remembered(author, 5, 6)]
        await ledger.store(Change(AT, drafts_of(author, 4, 6), newer), log.number)
        lines = [line for _, line, _ in await rows_of(ledger)]
        async with ledger.reading() as view:
            assert [seq async for part in view.entries(1, 4) for seq, _, _ in part] == [1, 2, 3]
            assert await view.lines([5, 0]) == {0: lines[0], 5: lines[5]} and await view.lines([]) == {}
            assert await _all(view.said(["key"])) == lines[:1] and await _all(view.said(["put"], 2, 5)) == lines[2:4]
            assert await _all(view.said(["put", "del"])) == lines[1:] and await _all(view.said(["erase"])) == []
            assert await view.generations() == {}
            by_path = sorted([(paths[1], 5), (paths[2], 3)])
            assert await _all(view.puts()) == [lines[seq] for _, seq in by_path]
            assert await _all(view.gone(0)) == [lines[4]] and await _all(view.gone(5)) == []
            assert [row[0] for row in await _all(view.rows(None))] == sorted([paths[1], paths[2]])
            assert await view.newest(author.id, "*") == {ids[0]: 4, ids[1]: 5, ids[2]: 3}
            assert await view.newest(author.id, ids[1]) == {ids[1]: 5} and await view.newest("jisr:x", "*") == {}
            assert await view.touched(4) == {paths[0], paths[1]} and await view.touched(4, 5) == {paths[0]}
            touches = await view.touching(4, 0, 2**18 - 1)
            assert touches == [Touch(4, "del", lines[4], 1), Touch(5, "put", lines[5], 2)]
            assert await view.touching(3, paths[1], paths[1]) == touches[1:]


async def _all(batches: AsyncIterator[Any]) -> list[Any]:
    return [each async for batch in batches for each in batch]


async def test_a_ledger_that_is_opened_again_holds_what_was_answered(tmp_path: Path, author: Author) -> None:
    """Durability is asked of what has a file; a ledger in memory lives as long as its object."""
    file = tmp_path / "hub.sqlite"
    ledger = await SqlLedger.open(file, new_epoch=EPOCH)
    await ledger.store(Change(AT, drafts_of(author), remembered(author, 1, 7)), log.number)
    await ledger.close()
    again = await SqlLedger.open(file, new_epoch="2-bbbbbbbb")
    assert await again.epoch() == EPOCH, "an epoch is given once"
    assert len(await rows_of(again)) == 7
    await again.close()
