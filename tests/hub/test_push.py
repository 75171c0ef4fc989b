"""What a hub does with a whole push: each told as a story, with the whole log checked at its end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from jisr_hub.quota import QuotaExhausted
from jisr_protocol import envelope, receipt
from jisr_protocol.limits import BATCH_ENTRIES, PER_NODE_SECOND
from tests.hub.author import Author, record_id
from tests.hub.hub_in_memory import MemoryHub
from tests.hub.pushing import codes, hub_of, refusal_of
from tests.reader.publisher import NOW

pytestmark = pytest.mark.anyio


# A sound push


async def test_a_push_enters_the_log_in_order_with_provenance_and_the_authors_own_bytes() -> None:
    author = Author("dar")
    one, two = author.put("one"), author.put("two")
    gone = author.delete("one")
    hub = await hub_of(author)
    answer = await hub.push(author)
    assert (answer.next, answer.admitted, answer.duplicates, codes(answer)) == (4, 4, 0, [])
    log = await hub.log()
    assert [e.op for e in log] == ["key", "key", "put", "put", "del"]
    assert [e.thing.body for e in log[2:] if e.thing] == [one.body, two.body, gone.body]
    assert [e.src for e in log[1:]] == [("public", author.feed().epoch, seq) for seq in range(4)]
    assert all(e.via == () for e in log)
    assert await hub.live() == {(author.id, record_id("two")): (1, two.digest)}


async def test_the_receipt_is_the_hubs_signed_word_over_the_nodes_own_root() -> None:
    author = Author("dar")
    author.puts(3)
    hub = await hub_of(author)
    answer = await hub.push(author, 0, 3)
    thing = receipt.parse(answer.receipt.raw)
    envelope.verified(thing, hub.identity.ring)
    assert thing.value["size"] == answer.next == 3
    assert thing.value["log_root"] == author.feed().tree().root(3).hex()
    assert (thing.value["by"], thing.value["node"], thing.value["name"]) == (hub.id, author.id, "public")


async def test_the_same_push_again_is_answered_and_changes_nothing() -> None:
    author = Author("dar")
    author.puts(3)
    hub = await hub_of(author)
    first = await hub.push(author)
    before = await hub.lines()
    again = await hub.push(author)
    assert (again.next, again.admitted, again.duplicates) == (first.next, 0, 4)
    assert await hub.lines() == before


@pytest.mark.parametrize("cuts", [[0, 1, 2, 3, 4, 5], [0, 3, 5], [0, 2, 1, 4, 3, 5], [0, 5, 0, 5]])
async def test_slices_overlaps_and_repetitions_come_to_the_same(cuts: list[int]) -> None:
    author = Author("dar")
    author.puts(4)
    whole, parts = await hub_of(author), await hub_of(author)
    await whole.push(author)
    for start, end in pairwise(cuts):
        await parts.push(author, min(start, end), max(start, end))
    assert await parts.live() == await whole.live()
    assert [e.digest for e in await parts.log()] == [e.digest for e in await whole.log()]


async def test_a_push_that_continues_takes_only_what_is_new() -> None:
    author = Author("dar")
    author.puts(2)
    hub = await hub_of(author)
    await hub.push(author)
    author.edit("r0", name={"ar": {"origin": "author", "value": "جديد"}})
    answer = await hub.push(author, 1)
    assert (answer.admitted, answer.duplicates, answer.next) == (1, 2, 4)
    assert (await hub.live())[author.id, record_id("r0")][0] == 2


async def test_pushes_of_many_nodes_at_once_leave_one_whole_log() -> None:
    authors = [Author(f"node {n}") for n in range(8)]
    for author in authors:
        author.puts(5)
    hub = await hub_of(*authors)
    slices = [hub.push(author, 0, end) for author in authors for end in (2, 4, 6)]
    await asyncio.gather(*slices, *(hub.push(author) for author in authors))
    assert len(await hub.live()) == 40
    assert len(await hub.log()) == 1 + 8 * 6


# A push that is refused as a whole


async def test_a_gap_says_where_the_hub_stands_and_stores_nothing() -> None:
    author = Author("dar")
    author.puts(5)
    hub = await hub_of(author)
    await hub.push(author, 0, 2)
    before = await hub.lines()
    assert (await refusal_of(hub.push(author, 3))).code == "seq_gap"
    assert (await refusal_of(hub.push(author, 5, 5))).code == "seq_gap", "also without a line"
    assert (await hub.hub.log_state(author.id, "public")).frontier.size == 2
    assert await hub.lines() == before


async def test_another_history_is_a_fork_and_stores_nothing() -> None:
    honest, forked = Author("dar"), Author("dar")
    honest.put("one")
    forked.put("other")
    forked.put("two")
    hub = await hub_of(honest)
    await hub.push(honest)
    before = await hub.lines()
    assert (await refusal_of(hub.push(forked))).code == "feed_fork"
    assert (await refusal_of(hub.push(forked, 2))).code in ("feed_fork", "proof_invalid")
    assert await hub.lines() == before


async def test_lines_that_the_head_does_not_cover_are_refused() -> None:
    author, liar = Author("dar"), Author("dar")
    author.puts(3)
    liar.puts(2)
    liar.put("not signed off")
    head = author.head()
    bent = liar.push().replace(liar.head().envelope.raw, head.envelope.raw)
    hub = await hub_of(author)
    assert (await refusal_of(hub.hub.push(author.id, "public", bent))).code == "proof_invalid"
    assert len(await hub.log()) == 1


async def test_a_head_of_another_node_or_feed_is_refused() -> None:
    author, other = Author("dar"), Author("other")
    author.put("one")
    other.put("one")
    hub = await hub_of(author, other)
    assert (await refusal_of(hub.hub.push(author.id, "public", other.push()))).rule == "PUSH-7"
    author.put("hidden", audience="hub")
    assert (await refusal_of(hub.hub.push(author.id, "public", author.push(feed="hub")))).rule == "PUSH-7"
    assert (await refusal_of(hub.hub.push(author.id, "local", author.push()))).rule == "PUSH-7"


async def test_an_older_head_brings_nothing_new_and_a_replay_takes_nothing_back() -> None:
    author = Author("dar")
    author.puts(4)
    old = author.push(0, 3, size=3)
    author.now += timedelta(minutes=5)
    hub = await hub_of(author, clock=None)
    hub.clock.pass_time(minutes=10)
    await hub.push(author)
    held = (await hub.ledger.node_log(author.id, "public")).head
    answer = await hub.hub.push(author.id, "public", old)
    assert (answer.next, answer.admitted) == (5, 0)
    assert (await hub.ledger.node_log(author.id, "public")).head == held
    author.put("late")
    late = author.push(5, time=NOW - timedelta(days=1))
    assert (await refusal_of(hub.hub.push(author.id, "public", late))).code == "head_older"


async def test_a_head_from_the_future_is_refused() -> None:
    author = Author("dar", now=NOW + timedelta(minutes=11))
    author.put("one")
    hub = await hub_of(author)
    assert (await refusal_of(hub.push(author))).code == "clock_skew"


async def test_a_push_of_500_entries_passes_and_one_of_501_does_not() -> None:
    author = Author("many")
    author.puts(BATCH_ENTRIES)
    hub = await hub_of(author)
    assert (await refusal_of(hub.push(author))).code == "too_large"
    assert (await hub.push(author, 0, BATCH_ENTRIES)).admitted == BATCH_ENTRIES
    assert (await hub.push(author, BATCH_ENTRIES)).admitted == 1


async def test_a_node_known_by_way_of_a_peer_only_may_not_push() -> None:
    author = Author("dar")
    author.put("one")
    hub = await hub_of(author)
    member = await hub.ledger.member(author.id)
    assert member is not None
    await hub.ledger.admit(replace(member, upstream="jisr:" + "b" * 52), author.ring.statements)
    assert (await refusal_of(hub.push(author))).code == "not_admitted"


async def test_a_stranger_is_refused_before_a_byte_is_read() -> None:
    hub = await hub_of()
    refusal = await refusal_of(hub.hub.push("jisr:" + "a" * 52, "public", b"\x00" * 100))
    assert refusal.code == "not_admitted"


# Keys


async def test_a_head_signed_by_a_key_added_further_on_is_known() -> None:
    author = Author("rotating")
    author.puts(2)
    hub = await hub_of(author)
    author.statement(author.writer.add_key())
    author.put("under the new key")
    await hub.push(author, 0, 2)
    await hub.push(author, 2)
    assert len(await hub.live()) == 3
    assert [e.op for e in await hub.log()].count("key") == 3, "each statement once, the hub's own too"


async def test_a_revoked_key_signs_nothing_more_and_the_rest_proceeds() -> None:
    author = Author("stolen")
    author.put("before")
    stolen = author.writer.key
    author.statement(author.writer.add_key())
    author.statement(author.writer.revoke(stolen))
    author.add(author.sign(author.value("thief"), key=stolen))
    author.put("after")
    hub = await hub_of()
    first = Author("stolen")
    await hub.admit(first)
    answer = await hub.push(author)
    assert (4, "key_revoked") in codes(answer)
    assert (author.id, record_id("thief")) not in await hub.live()
    assert (author.id, record_id("after")) in await hub.live()


async def test_a_statement_that_came_by_one_feed_is_not_repeated_by_another() -> None:
    author = Author("dar")
    author.put("public")
    author.put("hidden", audience="hub")
    hub = await hub_of(author)
    await hub.push(author)
    await hub.push(author, feed="hub")
    log = await hub.log()
    assert [e.op for e in log if e.node == author.id] == ["key", "put"]


# Quota


async def test_a_quota_is_never_a_failure_and_nothing_is_lost() -> None:
    author = Author("busy")
    author.puts(9)
    hub = await MemoryHub("hub").begin()
    await hub.admit(author, per_hour=5, per_day=8)
    assert (await hub.push(author, 0, 6)).next == 6, "a batch that crosses the line still passes"
    with pytest.raises(QuotaExhausted) as caught:
        await hub.push(author, 6, 8)
    assert (caught.value.code, caught.value.retry_after) == ("rate_limited", 900)
    assert (await hub.push(author, 0, 6)).next == 6, "a repetition costs nothing"
    hub.clock.pass_time(hours=1, seconds=1)
    assert (await hub.push(author, 6, 9)).next == 9
    hub.clock.pass_time(hours=1, seconds=1)
    with pytest.raises(QuotaExhausted) as caught:
        await hub.push(author, 9)
    assert caught.value.retry_after == 3600
    await hub.admit(author, per_hour=100, per_day=100)
    assert (await hub.push(author, 9)).next == 10
    assert len(await hub.live()) == 9


async def test_one_nodes_hurry_does_not_slow_another() -> None:
    hasty, calm = Author("hasty"), Author("calm")
    hasty.puts(PER_NODE_SECOND + 2)
    calm.puts(1)
    hub = await hub_of(hasty, calm)
    for end in range(1, PER_NODE_SECOND + 1):
        await hub.push(hasty, 0, end)
    with pytest.raises(QuotaExhausted) as caught:
        await hub.push(hasty)
    assert caught.value.retry_after == 1
    assert (await hub.push(calm)).next == 2
    hub.clock.pass_time(seconds=1)
    assert (await hub.push(hasty)).next == PER_NODE_SECOND + 3
