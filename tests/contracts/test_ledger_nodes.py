"""What every ledger keeps of nodes: members, key statements, what is held of each, and their own logs."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from jisr_hub import log
from jisr_hub.ports import Change, Held, Kept, Member, Remembered
from tests.contracts.stored import AT, EPOCH, Opened, drafts_of, node_log, remembered, rows_of
from tests.hub.author import Author

pytestmark = pytest.mark.anyio


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
