"""A node goes on in a new epoch: the hub keeps its log up to the base, puts the rest aside, and keeps its own feed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jisr_hub.answers import Gap
from jisr_protocol.refusal import Refusal, switched_off
from tests.hub.author import Author, Log, record_id
from tests.hub.hub_in_memory import MemoryHub

pytestmark = pytest.mark.anyio
SECOND = "2-bbbbbbbb"


async def hub_of(author: Author) -> MemoryHub:
    hub = await MemoryHub("hub").begin()
    await hub.admit(author)
    await hub.push(author)
    return hub


def next_epoch(author: Author, base: int, feed: str = "public") -> tuple[dict[str, Any], ...]:
    """The author's folder was put back to `base` entries; it goes on in a new epoch. Returns its bases."""
    old = author.feed(feed)
    root = old.tree().root(base).hex()
    key_lines = {seq: raw for seq, raw in old.key_lines.items() if seq < base}
    author.feeds[feed] = Log(feed, SECOND, old.lines[:base], key_lines)
    return ({"epoch": old.epoch, "log_root": root, "size": base},)


async def test_a_new_epoch_goes_on_from_its_base_and_the_rest_is_kept_as_evidence() -> None:
    author = Author("dar")
    author.puts(6)
    hub = await hub_of(author)
    old = list(author.feed().lines)
    bases = next_epoch(author, 4)
    author.revs.update(r3=10)
    author.put("r3")
    author.put("new")
    answer = await hub.push(author, 4, bases=bases)
    assert (answer.admitted, answer.next, [kept.code for kept in answer.quarantined]) == (2, 6, [])
    assert await hub.ledger.node_places(author.id) == {"public": (SECOND, 6)}
    aside = await hub.ledger.put_aside(author.id, "public")
    assert [(epoch, kept.seq) for epoch, kept in aside] == [("1-nnnnnnnn", seq) for seq in (4, 5, 6)]
    log = await hub.log()
    assert len(log) == len(old) + 1 + 2, "what is in the hub's own feed stays there"
    assert (await hub.live())[author.id, record_id("r3")][0] == 11
    assert (await hub.live())[author.id, record_id("r5")][0] == 1, "its author says nothing newer of it"
    author.put("after")
    assert (await hub.push(author, 6, bases=bases)).admitted == 1
    await hub.publish()


async def test_the_same_push_twice_stores_nothing_twice() -> None:
    author = Author("dar")
    author.puts(6)
    hub = await hub_of(author)
    bases = next_epoch(author, 4)
    author.put("new")
    first = await hub.push(author, 4, bases=bases)
    again = await hub.push(author, 4, bases=bases)
    assert (first.next, again.next, again.admitted, again.duplicates) == (5, 5, 0, 1)
    assert len(await hub.ledger.put_aside(author.id, "public")) == 3


async def test_a_rev_that_the_lost_end_had_given_already_is_put_aside() -> None:
    author = Author("dar")
    author.puts(6)
    author.put("r3")
    hub = await hub_of(author)
    bases = next_epoch(author, 5)
    author.revs["r3"] = 1
    author.put("r3", name={"ar": {"origin": "author", "value": "another"}})
    author.put("r4", rev=1, name={"ar": {"origin": "author", "value": "another"}})
    codes = [kept.code for kept in (await hub.push(author, 5, bases=bases)).quarantined]
    assert codes == ["equivocation", "equivocation"]
    author.put("r3", rev=1)
    codes = [kept.code for kept in (await hub.push(author, 7, bases=bases)).quarantined]
    assert codes == ["rev_not_increasing"], "it stands after what overtook it in no log of this node"


async def test_a_push_that_begins_beyond_the_base_is_told_where_the_hub_stands() -> None:
    author = Author("dar")
    author.puts(6)
    hub = await hub_of(author)
    bases = next_epoch(author, 4)
    author.puts(5, "new ")
    with pytest.raises(Gap) as gap:
        await hub.push(author, 7, bases=bases)
    assert gap.value.next == 4
    assert (await hub.push(author, gap.value.next, bases=bases)).next == 9


async def test_a_base_above_what_is_held_puts_nothing_aside() -> None:
    author = Author("dar")
    author.puts(6)
    hub = await MemoryHub("hub").begin()
    await hub.admit(author)
    await hub.push(author, 0, 3)
    bases = next_epoch(author, 7)
    author.put("new")
    answer = await hub.push(author, 3, bases=bases)
    assert (answer.next, answer.admitted, await hub.ledger.put_aside(author.id, "public")) == (8, 5, [])


@pytest.mark.parametrize("bent", ["another root", "no base", "not later"])
async def test_an_epoch_that_does_not_go_on_from_what_is_held_changes_nothing(bent: str) -> None:
    author = Author("dar")
    author.puts(6)
    hub = await hub_of(author)
    bases = next_epoch(author, 4)
    author.put("new")
    if bent == "another root":
        bases = ({**bases[0], "log_root": "00" * 32},)
    elif bent == "no base":
        bases = ()
    else:
        author.feed().epoch = "1-bbbbbbbb"
    places = await hub.ledger.node_places(author.id)
    with pytest.raises(Refusal) as refused:
        await hub.push(author, 4, bases=bases)
    assert refused.value.code == "epoch_unknown"
    assert await hub.ledger.node_places(author.id) == places


async def test_what_a_restored_hub_gets_back_is_no_fault_although_later_revs_are_held() -> None:
    """ING-3: a peer brought the newest rev; the node now sends its whole log, from the first rev on."""
    author = Author("dar")
    author.put("one")
    author.put("one")
    author.put("one")
    hub = await MemoryHub("hub").begin()
    await hub.admit(author)
    entries = author.feed().entries()
    bench = [entries[0], entries[3]]
    await _came_back(hub, author, bench)
    answer = await hub.push(author)
    assert ([kept.code for kept in answer.quarantined], answer.admitted) == ([], 1), "its key statement is known by now"
    assert (await hub.live())[author.id, record_id("one")][0] == 3


async def _came_back(hub: MemoryHub, author: Author, entries: list[Any]) -> None:
    """As a rebase takes it from a peer."""
    from jisr_hub import log
    from jisr_hub.ports import Change, Held, Remembered

    drafts = [log.draft(e, src=("public", author.feed().epoch, e.seq)) for e in entries]
    held = [
        Remembered(e.node or "", e.id or "", "public", Held(e.rev or 0, e.digest or "", e.type or "", True))
        for e in entries
        if e.op == "put"
    ]
    await hub.ledger.store(Change("2026-09-01T12:00:00Z", drafts, held), log.number)


def test_without_the_rule_a_falling_rev_would_pass() -> None:
    async def story() -> list[str | None]:
        author = Author("dar")
        author.put("one", rev=5)
        author.put("one", rev=3)
        hub = await MemoryHub("hub").begin()
        await hub.admit(author)
        return [kept.code for kept in (await hub.push(author)).quarantined]

    assert asyncio.run(story()) == ["rev_not_increasing"]
    with switched_off("ING-3"):
        assert asyncio.run(story()) == []
