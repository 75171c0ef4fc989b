"""What the hub's core relies on, for every ledger and every place for pages: one suite, no case left out for any."""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jisr_hub import log
from jisr_hub.ports import (
    Change,
    Conflict,
    Held,
    Kept,
    Ledger,
    Member,
    Pages,
    Peer,
    Published,
    Pull,
    Remembered,
    Snapshot,
    Touch,
)
from jisr_hub.storage.folder import FolderPages
from jisr_hub.storage.memory import MemoryLedger, MemoryPages
from jisr_hub.storage.sql import SqlLedger
from jisr_protocol import entry, state_tree
from jisr_protocol.merkle import Frontier
from jisr_protocol.push import NodeLog
from tests import postgres
from tests.hub.author import Author, record_id
from tests.reader.publisher import FeedFolder, seeded

pytestmark = pytest.mark.anyio
AT = "2026-09-01T12:00:00Z"
EPOCH = "1-aaaaaaaa"
Opened = Callable[[], AbstractAsyncContextManager[Ledger]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def _opened(kind: str, server: str) -> AsyncIterator[Ledger]:
    if kind == "memory":
        yield MemoryLedger(EPOCH)
        return
    with contextlib.ExitStack() as stack:
        place: Path | str
        if kind == "postgresql":
            place = stack.enter_context(postgres.database(server))
        else:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "hub.sqlite"
        ledger = await SqlLedger.open(place, new_epoch=EPOCH)
        try:
            yield ledger
        finally:
            await ledger.close()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def opened(kind: str, request: pytest.FixtureRequest) -> Opened:
    server = request.getfixturevalue("postgres_server") if kind == "postgresql" else ""
    return lambda: _opened(kind, server)


@pytest.fixture(scope="module")
def author() -> Author:
    """A node with a few records; only ever read."""
    author = Author("contract")
    author.puts(6)
    return author


def drafts_of(author: Author, start: int = 0, end: int | None = None) -> list[Any]:
    """The hub's entries for the author's lines [start, end), without positions."""
    parsed = author.feed().entries()[start:end]
    return [log.draft(e, src=("public", EPOCH, e.seq)) for e in parsed]


def remembered(author: Author, start: int, end: int, *, live: bool = True) -> list[Remembered]:
    parsed = author.feed().entries()[start:end]
    return [
        Remembered(e.node or "", e.id or "", "public", Held(e.rev or 0, e.digest or "", e.type or "", live))
        for e in parsed
    ]


def node_log(author: Author, size: int) -> NodeLog:
    frontier = Frontier()
    for parsed in author.feed().entries()[:size]:
        frontier.append(parsed.leaf)
    return NodeLog(author.feed().epoch, frontier, author.head(size=size), author.ring)


async def rows_of(ledger: Ledger, start: int = 0) -> list[tuple[int, bytes, bytes]]:
    async with ledger.reading() as view:
        return [row async for part in view.entries(start) for row in part]


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
    async with _opened(which, postgres_server) as ledger:
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


# Nodes


async def test_held_keeps_each_audience_apart(opened: Opened, author: Author) -> None:
    public = remembered(author, 1, 2)[0]
    key, hub = (public.node, public.id), Held(3, "bb" * 32, "t/1", False)
    async with opened() as ledger:
        both = [public, Remembered(*key, "hub", hub)]
        await ledger.store(Change(AT, drafts_of(author, 1, 2), both), log.number)
        assert await ledger.held("public", [key]) == {key: public.held}
        assert await ledger.held("hub", [key]) == {key: hub}
        assert await ledger.held("partners", [key]) == {}
        async with ledger.reading() as view:
            assert await view.live() == 1


async def test_held_answers_for_more_records_than_one_query_takes(opened: Opened, author: Author) -> None:
    keys = [(author.id, f"{n:08d}-0000-4000-8000-000000000000") for n in range(1500)]
    held = Held(1, "aa" * 32, "t/1", False)
    async with opened() as ledger:
        await ledger.store(Change(AT, (), [Remembered(*key, "public", held) for key in keys]), log.number)
        assert await ledger.held("public", keys) == dict.fromkeys(keys, held)


async def test_members_are_admitted_changed_and_listed_in_order(opened: Opened) -> None:
    one, two = Author("one"), Author("two")
    async with opened() as ledger:
        for author in (one, two):
            await ledger.admit(Member(author.id, author.label, "", 10, 20, AT), author.ring.statements)
        changed = Member(one.id, "renamed", "", 5, 6, AT)
        await ledger.admit(changed, one.ring.statements)
        assert await ledger.member(one.id) == changed
        assert await ledger.member("jisr:nobody") is None
        assert [m.node for m in await ledger.members()] == sorted([one.id, two.id])
        ring = (await ledger.node_log(two.id, "public")).ring
        assert ring is not None and [s.digest for s in ring.statements] == [s.digest for s in two.ring.statements]


async def test_admission_with_an_old_key_file_takes_no_key_statement_back(opened: Opened) -> None:
    """A revocation once held binds; an operator who admits again from an older folder must not undo it."""
    author = Author("rotating")
    before = author.ring.statements
    stolen = author.writer.key
    author.writer.add_key()
    author.writer.revoke(stolen)
    async with opened() as ledger:
        member = Member(author.id, "n", "", 1, 1, AT)
        await ledger.admit(member, before)
        await ledger.store(Change(AT, (), (), {author.id: author.ring}), log.number)
        await ledger.admit(replace(member, name="again"), before)
        held = (await ledger.rings([author.id]))[author.id]
        assert held.keys[stolen.kid].state == "revoked"
        assert [s.digest for s in held.statements] == [s.digest for s in author.ring.statements]


async def test_members_a_peer_brings_never_replace_those_admitted_here(opened: Opened, author: Author) -> None:
    ours, theirs = Member(author.id, "ours", "", 5, 6, AT), Member(author.id, "", "jisr:peer", 0, 0, AT)
    async with opened() as ledger:
        await ledger.admit(ours, author.ring.statements)
        await ledger.store(Change(AT, (), (), members=[theirs]), log.number)
        assert await ledger.member(author.id) == ours


async def test_rings_come_back_whole_after_a_recovery_replaced_the_end_of_the_chain(opened: Opened) -> None:
    author = Author("recovering")
    stolen = author.writer.add_key()
    async with opened() as ledger:
        await ledger.store(Change(AT, (), (), {author.id: author.ring}), log.number)
        long_chain = author.ring
        author.writer.recover(author.writer.keys[1])
        await ledger.store(Change(AT, (), (), {author.id: author.ring}), log.number)
        held = (await ledger.rings([author.id, "jisr:unknown"]))[author.id]
        assert len(long_chain.statements) == len(held.statements) == 2
        assert [s.digest for s in held.statements] == [s.digest for s in author.ring.statements]
        assert stolen.digest not in {s.digest for s in held.statements}
        assert {k: v.state for k, v in held.keys.items()} | {author.writer.keys[1].kid: "revoked"} == {
            k: v.state for k, v in author.ring.keys.items()
        }


async def test_statements_logged_are_those_in_the_feed_also_when_a_recovery_replaced_them(opened: Opened) -> None:
    author = Author("logged")
    first = author.ring.statements[0]
    added = author.writer.add_key()
    async with opened() as ledger:
        await ledger.store(Change(AT, (), (), {author.id: author.ring}), log.number)
        assert await ledger.statements_logged(author.id) == set(), "held is not logged"
        drafts = [log.key_draft(s, author.id, "k") for s in author.ring.statements]
        await ledger.store(Change(AT, drafts, (), {author.id: author.ring}), log.number)
        assert await ledger.statements_logged(author.id) == {first.digest, added.digest}
        recovery = author.writer.recover(author.writer.keys[1])
        draft = log.key_draft(recovery, author.id, "k")
        await ledger.store(Change(AT, [draft], (), {author.id: author.ring}), log.number)
        assert await ledger.statements_logged(author.id) == {first.digest, added.digest, recovery.digest}
        assert await ledger.statements_logged("jisr:nobody") == set()


async def test_a_key_statement_enters_the_log_once(opened: Opened, author: Author) -> None:
    """Two processes that start at one moment both find it missing."""
    change = Change(AT, drafts_of(author, 0, 2), remembered(author, 1, 2), {author.id: author.ring})
    async with opened() as ledger:
        stored = await asyncio.gather(*(ledger.store(change, log.number) for _ in range(3)), return_exceptions=True)
        assert sorted(type(s).__name__ for s in stored) == ["Conflict", "Conflict", "int"]
        assert len(await rows_of(ledger)) == 2


async def test_a_node_log_comes_back_as_it_was_stored(opened: Opened, author: Author) -> None:
    kept = [
        Kept(0, b"\x01" * 32, None),
        Kept(1, b"\x02" * 32, b'{"a":1}', "schema_invalid", "/record/name", "expected a name", b"\x0b" * 32),
        Kept(2, b"\x03" * 32, b'{"a":2}', "rev_not_increasing", line_hash=b"\x0c" * 32),
    ]
    grown = node_log(author, 3)
    async with opened() as ledger:
        change = Change(AT, (), (), {author.id: author.ring}, node=author.id, name="hub", kept=kept, log=grown)
        await ledger.store(change, log.number)
        held = await ledger.node_log(author.id, "hub")
        assert held.head is not None and grown.head is not None
        assert (held.epoch, held.frontier.size, held.frontier.root()) == (grown.epoch, 3, grown.frontier.root())
        assert held.head.raw == grown.head.raw
        assert held.ring is not None and held.ring.statements[0].digest == author.ring.statements[0].digest
        assert await ledger.judged(author.id, "hub") == kept[1:]
        assert await ledger.judged(author.id, "public") == []
        assert await ledger.judged(author.id, "hub", 2) == await ledger.judged(author.id, "hub", 2, 3) == kept[2:]
        assert await ledger.judged(author.id, "hub", 0, 2) == kept[1:2]
        assert await ledger.node_leaves(author.id, "hub", 0, 3) == {k.seq: k.leaf for k in kept}
        assert await ledger.node_leaves(author.id, "hub", 1, 2) == {1: b"\x02" * 32}
        assert await ledger.node_leaves(author.id, "hub", 2, 2) == {}
        assert await ledger.node_line_hashes(author.id, "hub", 0, 3) == {1: b"\x0b" * 32, 2: b"\x0c" * 32}
        assert await ledger.node_line_hashes(author.id, "hub", 2, 9) == {2: b"\x0c" * 32}
        assert await ledger.node_line_hashes(author.id, "public", 0, 3) == {}
        assert (await ledger.node_log(author.id, "public")).epoch is None
        judged_again = replace(
            change, expected={"hub": (author.feed().epoch, 3)}, kept=[Kept(1, b"\x02" * 32, b'{"a":1}')]
        )
        await ledger.store(judged_again, log.number)
        assert await ledger.judged(author.id, "hub") == kept[2:]


# Publishing and peers


async def test_what_is_published_comes_back_and_the_epoch_stays(opened: Opened, tmp_path: Path) -> None:
    feed = FeedFolder(tmp_path / "feed", role="hub")
    feed.puts(4)
    frontier = Frontier()
    for parsed in feed.entries():
        frontier.append(parsed.leaf)
    async with opened() as ledger:
        assert await ledger.published() is None
        first = Published(feed.signed_head(), frontier)
        await ledger.publish(first, None)
        with pytest.raises(Conflict):
            await ledger.publish(first, None)
        published = await ledger.published()
        assert published is not None
        assert published.head.raw == feed.signed_head().raw
        assert (published.frontier.size, published.frontier.root()) == (5, frontier.root())
        feed.puts(1)
        await ledger.publish(Published(feed.signed_head(), frontier), published)
        with pytest.raises(Conflict):
            await ledger.publish(first, published)
        now_published = await ledger.published()
        assert now_published is not None and now_published.head.raw == feed.signed_head().raw
        assert await ledger.epoch() == EPOCH


async def test_one_leads_at_a_time(opened: Opened) -> None:
    async with opened() as ledger, ledger.leading("publisher") as first:
        assert first is not None
        async with ledger.leading("followers") as other:
            assert other is not None


async def test_a_peers_cursor_moves_only_with_what_it_brought(opened: Opened, author: Author) -> None:
    peer = Peer("jisr:hub", "Hub", "https://hub.example/feeds/public", 0, "")
    async with opened() as ledger:
        assert await ledger.peers() == []
        await ledger.keep_peer(peer)
        change = Change(AT, drafts_of(author, 0, 2), (), peer=peer.hub, cursor=7, peer_epoch="2-aaaaaaaa")
        await ledger.store(change, log.number)
        await ledger.keep_peer(replace(peer, name="Hub again", last_outcome="stale", last_detail="d", last_at=AT))
        assert await ledger.peers() == [Peer("jisr:hub", "Hub again", peer.feed, 7, "2-aaaaaaaa", "stale", "d", AT)]


async def test_a_feed_that_is_fetched_is_remembered_as_long_as_it_is_registered_there(opened: Opened) -> None:
    pull = Pull("jisr:node", "https://dar.example/jisr/", AT)
    async with opened() as ledger:
        await ledger.keep_pull(pull)
        assert await ledger.pulls() == [], "only a command registers"
        await ledger.keep_pull(pull, add=True)
        ended = replace(pull, outcome="stale", detail="d", at=AT)
        await ledger.keep_pull(ended)
        await ledger.keep_pull(replace(ended, address="https://old.example/", outcome="verified"))
        assert await ledger.pulls() == [ended], "how a round with an older address ended is nobody's concern"
        await ledger.keep_pull(replace(pull, address="https://new.example/"), add=True)
        assert [one.address for one in await ledger.pulls()] == ["https://new.example/"]
        await ledger.remove_pull("jisr:node")
        await ledger.keep_pull(ended)
        assert await ledger.pulls() == []


async def test_what_a_peer_brought_is_kept_when_the_peer_was_dropped_meanwhile(opened: Opened, author: Author) -> None:
    async with opened() as ledger:
        change = Change(AT, drafts_of(author, 0, 2), (), peer="jisr:dropped", cursor=7, peer_epoch="2-aaaaaaaa")
        assert await ledger.store(change, log.number) == 2
        assert await ledger.peers() == []


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


# Pages


@pytest.fixture(params=["memory", "folder"])
def pages(request: pytest.FixtureRequest, tmp_path: Path) -> Pages:
    return MemoryPages() if request.param == "memory" else FolderPages(tmp_path / "public")


async def test_files_are_read_as_written_replaced_and_removed(pages: Pages) -> None:
    path, other = "log/1-aaaaaaaa/x001/000.p/7.ndjson", "head.json"
    assert pages.read(path) is None
    pages.write(path, b"one\n")
    pages.write(other, b"{}")
    pages.flush()
    assert (pages.read(path), pages.read(other)) == (b"one\n", b"{}")
    pages.write(path, b"one\n")
    pages.write(path, b"two\n")
    assert (pages.read(path), pages.read(other)) == (b"two\n", b"{}")
    assert pages.read("log/1-aaaaaaaa/x001") is None, "a folder is no file"
    assert pages.read(path + "/more") is None
    pages.remove(path)
    pages.remove(path)
    assert pages.read(path) is None
    pages.flush()


async def test_files_are_listed_by_how_their_paths_begin(pages: Pages) -> None:
    assert list(pages.list("log/")) == []
    files = ["log/1-aaaaaaaa/000.ndjson", "log/1-aaaaaaaa/000.p/7.ndjson", "log/1-aaaaaaaa/001.ndjson", "head.json"]
    for path in files:
        pages.write(path, b"{}")
    assert set(pages.list("log/")) == set(files[:3])
    assert set(pages.list("log/1-aaaaaaaa/000.")) == set(files[:2])
    assert list(pages.list("snap/")) == list(pages.list("log/2-")) == []
    for path in list(pages.list("log/")):
        pages.remove(path)
    pages.flush()
    assert list(pages.list("log/")) == []


async def test_a_write_leaves_nothing_else_behind(tmp_path: Path) -> None:
    pages = FolderPages(tmp_path)
    for number in range(3):
        pages.write("log/000.ndjson", b"x" * number)
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["000.ndjson"]


async def test_a_write_that_is_cut_off_leaves_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = FolderPages(tmp_path)
    pages.write("head.json", b"old")

    def dies(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("jisr_hub.storage.folder.os.replace", dies)
    with pytest.raises(OSError, match="no space"):
        pages.write("head.json", b"new")
    assert pages.read("head.json") == b"old"


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


async def test_the_snapshots_that_were_published_come_back(opened: Opened, author: Author) -> None:
    stood = (Snapshot(EPOCH, 300, AT), Snapshot("2-bbbbbbbb", 900, "2026-09-02T12:00:00Z"))
    frontier = node_log(author, 3).frontier
    async with opened() as ledger:
        published = Published(author.head(size=3, floor=2), frontier, stood)
        await ledger.publish(replace(published, snapshots=()), None)
        before = await ledger.published()
        assert before is not None and before.snapshots == ()
        await ledger.publish(published, before)
        found = await ledger.published()
        assert found is not None and (found.snapshots, found.head.floor) == (stood, 2)


# Epochs


async def test_another_epoch_goes_on_at_the_same_positions(opened: Opened, author: Author) -> None:
    bases = [{"epoch": EPOCH, "log_root": "00" * 32, "size": 4}]
    async with opened() as ledger:
        await ledger.store(Change(AT, drafts_of(author, 0, 4), ()), log.number)
        assert (await ledger.epoch(), await ledger.bases()) == (EPOCH, ())
        with pytest.raises(Conflict):
            await ledger.rebase("3-cccccccc", bases, "2-bbbbbbbb")
        await ledger.rebase("2-bbbbbbbb", bases, EPOCH)
        assert (await ledger.epoch(), await ledger.bases()) == ("2-bbbbbbbb", tuple(bases))
        assert await ledger.store(Change(AT, drafts_of(author, 4, 6), ()), log.number) == 6
        assert [seq for seq, _, _ in await rows_of(ledger)] == list(range(6))


async def test_what_a_nodes_next_epoch_leaves_behind_is_put_aside(opened: Opened, author: Author) -> None:
    def kept(start: int, end: int, mark: bytes) -> list[Kept]:
        return [Kept(seq, mark * 32, b"{}", "schema_invalid", "/a", "why", mark * 32) for seq in range(start, end)]

    first = Change(AT, (), (), node=author.id, name="public", kept=kept(0, 6, b"\x01"), log=node_log(author, 6))
    size = {"public": (author.feed().epoch, 6)}
    later = replace(node_log(author, 5), epoch="2-bbbbbbbb")
    second = replace(first, expected=size, kept=kept(4, 5, b"\x02"), log=later, stays=4)
    async with opened() as ledger:
        await ledger.store(first, log.number)
        assert await ledger.put_aside(author.id, "public") == []
        await ledger.store(second, log.number)
        assert await ledger.node_places(author.id) == {"public": ("2-bbbbbbbb", 5)}
        assert await ledger.node_leaves(author.id, "public", 0, 9) == {
            **dict.fromkeys(range(4), b"\x01" * 32),
            4: b"\x02" * 32,
        }
        aside = [(author.feed().epoch, one) for one in kept(4, 6, b"\x01")]
        assert await ledger.put_aside(author.id, "public") == aside
        assert await ledger.put_aside(author.id, "hub") == []
        third = replace(first, expected={"public": ("2-bbbbbbbb", 5)}, kept=(), stays=5)
        await ledger.store(replace(third, log=replace(node_log(author, 5), epoch="3-cccccccc")), log.number)
        assert await ledger.put_aside(author.id, "public") == aside, "what goes on loses nothing"


async def test_the_place_of_a_record_in_its_authors_log_is_told(opened: Opened, author: Author) -> None:
    entries_of = author.feed().entries()
    record, other = entries_of[1], entries_of[2]
    key = (record.node or "", record.id or "")
    async with opened() as ledger:
        await ledger.store(Change(AT, drafts_of(author, 0, 2), remembered(author, 1, 2)), log.number)
        asked = [key, (other.node or "", other.id or "")]
        assert await ledger.sources(asked) == {key: ("public", EPOCH, 1)}
        gone = log.out_draft(*key, record.rev or 0, record.digest or "", record.type or "")
        await ledger.store(Change(AT, [gone], remembered(author, 1, 2, live=False)), log.number)
        assert await ledger.sources(asked) == {}, "that a record left is this hub's own word"
