"""What a ledger remembers of nodes' heads (NHD-8), the same on every kind: who was touched, what was said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from jisr_hub import log
from jisr_hub.node_heads import NodeHeads
from jisr_hub.ports import Change, Conflict, Held, Ledger, Remembered
from jisr_protocol import completeness, entry, state_tree
from tests.contracts.stored import AT, Opened, drafts_of, remembered
from tests.hub.author import Author, record_id
from tests.hub.hub_in_memory import MemoryHub

pytestmark = pytest.mark.anyio


@pytest.fixture
def author() -> Author:
    author = Author("stated")
    author.puts(6)
    return author


async def filled(ledger: Ledger, author: Author, start: int = 0) -> None:
    await ledger.store(Change(AT, drafts_of(author, start), remembered(author, 1, 7)), log.number)


async def test_a_node_is_touched_until_it_was_judged_as_it_is(opened: Opened, author: Author) -> None:
    async with opened() as ledger:
        assert await ledger.stated() == []
        await filled(ledger, author)
        (touched,) = await ledger.stated()
        assert (touched.node, touched.head, touched.seq) == (author.id, b"", -1)
        await ledger.store(Change(AT, (), (), stated=[touched]), log.number)
        assert await ledger.stated() == []
        assert [one.node for one in await ledger.stated([author.id])] == [author.id]
        await filled(ledger, author, 1)
        assert [one.touched for one in await ledger.stated()] == [touched.touched + 1]


async def test_what_was_said_is_remembered_with_its_place(opened: Opened, author: Author) -> None:
    async with opened() as ledger:
        await filled(ledger, author)
        (touched,) = await ledger.stated()
        said = replace(touched, head=author.head().raw, missing={"policy": 2})
        draft = log.node_head_draft(author.head(), {"policy": 2})
        size = await ledger.store(Change(AT, [draft], (), stated=[said]), log.number)
        (held,) = await ledger.stated([author.id])
        assert (held.head, dict(held.missing), held.seq, held.at) == (said.head, {"policy": 2}, size - 1, AT)
        assert await ledger.stated() == []  # saying it touches nobody
        async with ledger.reading() as view:
            line = (await view.lines([size - 1]))[size - 1]
        found = completeness.of(entry.parse(line))
        assert (found.node, found.absent, found.head.raw) == (author.id, 2, author.head().raw)


async def test_a_node_that_was_touched_meanwhile_is_judged_again(opened: Opened, author: Author) -> None:
    async with opened() as ledger:
        await filled(ledger, author)
        (touched,) = await ledger.stated()
        await filled(ledger, author, 1)
        draft = log.node_head_draft(author.head(), {})
        async with ledger.reading() as view:
            size = view.size
        with pytest.raises(Conflict):
            await ledger.store(Change(AT, [draft], (), stated=[touched]), log.number)
        async with ledger.reading() as view:
            assert view.size == size
        assert len(await ledger.stated()) == 1


async def test_the_records_of_a_node_and_what_was_taken_out_of_sight(opened: Opened, author: Author) -> None:
    other = Author("another")
    other.puts(2)
    async with opened() as ledger:
        await filled(ledger, author)
        await ledger.store(Change(AT, drafts_of(other), remembered(other, 1, 3)), log.number)
        gone = author.feed().entries()[2]
        key = (gone.node or "", gone.id or "")
        out = log.out_draft(*key, gone.rev or 0, gone.digest or "", gone.type or "", "policy")
        left = Remembered(*key, "public", Held(gone.rev or 0, gone.digest or "", gone.type or "", False))
        author.delete("r3")
        deleted = author.feed().entries()[-1]
        by_author = Held(deleted.rev or 0, deleted.digest or "", deleted.type or "", False)
        tombstone = Remembered(deleted.node or "", deleted.id or "", "public", by_author)
        await ledger.store(Change(AT, [out, *drafts_of(author, 7)], [left, tombstone]), log.number)
        async with ledger.reading() as view:
            rows = [row async for part in view.of_node(author.id) for row in part]
            taken = [entry.parse(line) for line in await view.taken_out(author.id)]
    alive = {record_id(f"r{number}") for number in range(6)} - {gone.id, record_id("r3")}
    assert {row[1] for row in rows} == alive
    assert rows == sorted(rows)
    assert all(path == state_tree.path(author.id, id_) for path, id_, _, _ in rows)
    assert [(one.op, one.id) for one in taken] == [("out", gone.id)]


async def test_a_hub_on_any_ledger_says_what_is_true(opened: Opened, author: Author, tmp_path: Path) -> None:
    author.put("bad", status="gone")
    author.edit("r1", status="gone")
    author.delete("r2")
    async with opened() as ledger:
        hub = await MemoryHub("hub", ledger=ledger).begin()
        await hub.admit(author)
        await hub.push(author)
        heads = NodeHeads(hub.hub, pause=timedelta(0))
        assert await heads.state() == 1
        assert await heads.state() == 0
        (held,) = await ledger.stated([author.id])
        assert dict(held.missing) == {"older": 1, "quarantined": 2}
