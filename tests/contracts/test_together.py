"""Pushes that come at once: read together, stored together, and none fails for another's sake."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from jisr_hub import log
from jisr_hub.ports import Change, Conflict, Held, Kept, Ledger, Remembered
from jisr_hub.storage import engines, lane, sqlite
from jisr_hub.storage.dialogue import Ask, Dialogue, beside, several
from jisr_hub.storage.sql import SqlLedger
from jisr_hub.storage.storing import GROUP_CHANGES, GROUP_ENTRIES, joining
from jisr_hub.storage.together import Together
from tests.contracts.stored import AT, EPOCH, Opened, drafts_of, node_log, remembered, rows_of
from tests.hub.author import Author

pytestmark = pytest.mark.anyio


def authors(count: int, records: int = 2) -> list[Author]:
    made = [Author(f"together {number}") for number in range(count)]
    for author in made:
        author.puts(records)
    return made


def grows(author: Author, start: int, end: int, **more: Any) -> Change:
    """The change of a push of [start, end)."""
    parsed = author.feed().entries()[start:end]
    places = {"public": (author.feed().epoch, start)} if start else {}
    return Change(
        AT, drafts_of(author, start, end), remembered(author, max(start, 1), end), {author.id: author.ring},
        node=author.id, name="public", expected=more.pop("expected", places),
        kept=[Kept(e.seq, e.leaf, None, line_hash=b"h" * 32) for e in parsed], log=node_log(author, end), **more,
    )  # fmt: skip


async def stored(ledger: Ledger, changes: Sequence[Change], number: Any = log.number) -> list[int | BaseException]:
    return list(await asyncio.gather(*(ledger.store(each, number) for each in changes), return_exceptions=True))


async def test_changes_that_come_at_once_each_get_their_own_positions(opened: Opened) -> None:
    them = authors(7)
    async with opened() as ledger:
        sizes = await stored(ledger, [grows(author, 0, 3) for author in them])
        assert sizes == [3, 6, 9, 12, 15, 18, 21], "in the order in which they came"
        rows = await rows_of(ledger)
        assert [seq for seq, _, _ in rows] == list(range(21))
        for author in them:
            assert (await ledger.node_log(author.id, "public")).frontier.size == 3
            assert len(await ledger.held("public", {(e.node or "", e.id or "") for e in author.feed().entries()})) == 2


async def test_who_was_overtaken_is_told_and_the_others_are_stored(opened: Opened) -> None:
    one, two, three, four = authors(4)
    gone = {(four.id, "*"): 5}
    async with opened() as ledger:
        results = await stored(
            ledger,
            [
                grows(one, 0, 3),
                grows(two, 0, 3, expected={"public": (EPOCH, 2)}),
                grows(three, 0, 3),
                grows(four, 0, 3, guards=gone),
                grows(one, 0, 3),
            ],
        )
        assert [r if isinstance(r, int) else type(r) for r in results] == [3, Conflict, 6, Conflict, Conflict]
        assert len(await rows_of(ledger)) == 6
        for author in (two, four):
            assert (await ledger.node_log(author.id, "public")).head is None
            assert await ledger.rings([author.id]) == {}


async def test_what_fails_alone_fails_nobody_else(opened: Opened) -> None:
    them = authors(5)

    def fails(draft: Any, seq: int, at: str) -> Any:
        if draft.node == them[2].id:
            raise RuntimeError("planted")
        return log.number(draft, seq, at)

    async with opened() as ledger:
        results = await stored(ledger, [grows(author, 0, 3) for author in them], fails)
        assert [type(r) for r in results] == [int, int, RuntimeError, int, int]
        assert sorted(r for r in results if isinstance(r, int)) == [3, 6, 9, 12]
        rows = await rows_of(ledger)
        assert [seq for seq, _, _ in rows] == list(range(12)), "no gap where somebody failed"
        assert (await ledger.node_log(them[2].id, "public")).head is None
        assert await ledger.store(grows(them[2], 0, 3), log.number) == 15


async def test_a_record_is_found_at_its_place_before_whoever_stands_between(opened: Opened) -> None:
    one, two = authors(2, records=1)
    async with opened() as ledger:
        await stored(ledger, [grows(one, 0, 2), grows(two, 0, 2)])
        for author in (one, two):
            author.edit("r0")
        await stored(ledger, [grows(one, 2, 3), grows(two, 2, 3)])
        async with ledger.reading() as view:
            assert await view.priors([4, 5]) == {4: 1, 5: 3}
            assert await view.live() == 2


async def test_before_and_around_say_what_their_parts_say(opened: Opened) -> None:
    one, two = authors(2, records=4)
    async with opened() as ledger:
        bad = Kept(4, b"\x01" * 32, b"{}", "signature_invalid", "/jws", "bent", b"x" * 32)
        change = grows(one, 0, 5)
        await ledger.store(Change(**{**vars(change), "kept": [*change.kept[:4], bad]}), log.number)
        await ledger.store(grows(two, 0, 5), log.number)
        key = (one.id, one.feed().entries()[1].id or "")
        await ledger.store(Change(AT, (), [Remembered(*key, "hub", Held(9, "cc" * 32, "t/1", False))]), log.number)
        asked = [(one.id, 0, 5), (one.id, 3, 9), (two.id, 0, 2), (two.id, 5, 5), ("jisr:nobody", 0, 4)]
        found = await asyncio.gather(*(ledger.before(node, "public", *place) for node, *place in asked))
        for (node, start, end), before in zip(asked, found, strict=True):
            assert before.member == await ledger.member(node)
            assert before.places == await ledger.node_places(node)
            assert dict(before.line_hashes) == await ledger.node_line_hashes(node, "public", start, end)
            assert list(before.quarantined) == await ledger.judged(node, "public", start, end)
            alone = await ledger.node_log(node, "public")
            assert (before.log.epoch, before.log.frontier.root()) == (alone.epoch, alone.frontier.root())
            assert (before.log.head, before.log.ring) == (alone.head, alone.ring)
        keys = {(e.node or "", e.id or "") for author in (one, two) for e in author.feed().entries()[1:]}
        around = await asyncio.gather(ledger.around(one.id, keys), ledger.around(two.id, set()))
        for audience in ("public", "partners", "hub"):
            assert around[0].held.get(audience, {}) == await ledger.held(audience, keys)
            assert around[1].held.get(audience, {}) == {}
        reaching = {*keys, (one.id, "*"), (two.id, "*")}
        assert around[0].guards == await ledger.guards(reaching) == dict.fromkeys(reaching, 0)
        assert around[0].holds == await ledger.holds(reaching)
        assert around[1].guards == {(two.id, "*"): 0}


async def test_many_changes_are_few_transactions(place: Path | str, monkeypatch: pytest.MonkeyPatch) -> None:
    them = authors(40, records=1)
    ledger = await SqlLedger.open(place, new_epoch=EPOCH)
    written: list[object] = []
    write = ledger.database.write

    async def counted(dialogue: Any) -> Any:
        written.append(dialogue)
        return await write(dialogue)

    monkeypatch.setattr(ledger.database, "write", counted)
    assert await stored(ledger, [grows(author, 0, 2) for author in them]) == [2 * n for n in range(1, 41)]
    assert len(written) <= 2
    await ledger.close()


def test_one_transaction_takes_one_change_of_a_node_and_ends_somewhere() -> None:
    def change(node: str, entries: int = 1) -> Change:
        return Change(AT, (), (), node=node, kept=[Kept(n, b"", None) for n in range(entries)])

    assert joining([change("a")]) == 1
    assert joining([change("a"), change("b"), change("a"), change("c")]) == 2
    assert joining([change(str(n)) for n in range(GROUP_CHANGES + 9)]) == GROUP_CHANGES
    assert joining([change("a", GROUP_ENTRIES + 9), change("b")]) == 1, "a large one goes, alone"
    assert joining([change("a", GROUP_ENTRIES - 1), change("b"), change("c")]) == 2


async def test_who_waits_together_and_is_cancelled_takes_nobody_along() -> None:
    begun, go_on, asked = asyncio.Event(), asyncio.Event(), []

    async def work(group: Sequence[int]) -> Sequence[int | Exception]:
        asked.append(list(group))
        begun.set()
        await go_on.wait()
        return [2 * one for one in group]

    together = Together(work, len)
    first = asyncio.create_task(together(1))
    await begun.wait()
    rest = [asyncio.create_task(together(n)) for n in (2, 3, 4)]
    await asyncio.sleep(0)
    rest[1].cancel()
    go_on.set()
    results = await asyncio.gather(first, *rest, return_exceptions=True)
    assert [r if isinstance(r, int) else type(r) for r in results] == [2, 4, asyncio.CancelledError, 8]
    assert asked == [[1], [2, 3, 4]]
    await together.settled()
    assert await together(5) == 10


async def test_dialogues_side_by_side_hear_what_they_would_hear_alone(place: Path | str) -> None:
    """Of different lengths, one of which asks nothing at all; each turn is one trip."""
    database = engines.of(place)
    turns: list[int] = []

    def counting(*numbers: int) -> Dialogue[list[int]]:
        heard = []
        for number in numbers:
            one, two = yield [Ask(f"SELECT {number}"), Ask(f"SELECT {number + 1}")]
            heard += [one[0][0], two[0][0]]
        return heard

    def watched(dialogue: Dialogue[Any]) -> Dialogue[Any]:
        rows: Any = None
        try:
            while True:
                asked = dialogue.send(rows)
                turns.append(len(asked))
                rows = yield asked
        except StopIteration as done:
            return done.value

    try:
        await database.prepare()
        together = beside(counting(1, 10, 20), counting(), counting(5))
        assert await database.ask(watched(together)) == [[1, 2, 10, 11, 20, 21], [], [5, 6]]
    finally:
        await database.close()
    assert turns == [4, 2, 2]


async def test_a_log_that_somebody_always_reads_does_not_grow_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two readers, of which one is always there: no commit ever finds the log unread."""
    monkeypatch.setattr(lane, "EMPTYING_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(sqlite, "LOG_BYTES", 400_000)
    place, over, longest = tmp_path / "log.sqlite", threading.Event(), 0
    database = sqlite.Sqlite(place)

    def reading() -> None:
        readers = [sqlite3.connect(place, isolation_level=None, check_same_thread=False, timeout=30) for _ in "ab"]
        for comes, leaves in itertools.cycle([readers, readers[::-1]]):
            comes.execute("BEGIN").execute("SELECT count(*) FROM heap").fetchone()
            if leaves.in_transaction:
                leaves.execute("COMMIT")
            if over.wait(0.005):
                break
        for reader in readers:
            reader.close()

    def filling() -> Dialogue[None]:
        yield [Ask("INSERT INTO heap VALUES (randomblob(40000))")]

    try:
        await database.ask(several(Ask("CREATE TABLE heap (content BLOB)")))
        thread = threading.Thread(target=reading)
        thread.start()
        for _ in range(60):
            await database.write(filling())
            longest = max(longest, lane.log_bytes(place))
    finally:
        over.set()
        thread.join()
        await database.close()
    assert longest < 1_200_000
