"""The world finds what it is there to find: each fault below is planted into the running code, one at a time.

Every fault is one that took somebody's data elsewhere. The smallest place that can have it is replaced; the world then
has to fail, for the reason named, within the number of worlds that CI runs.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

import orjson
import pytest
from msgspec import structs

from jisr_hub import ingest, log
from jisr_hub.following import taking
from jisr_hub.hub import Hub
from jisr_hub.publish.pages import PageWriter
from jisr_hub.storage.memory import MemoryLedger
from jisr_node import feeds, outbox
from jisr_protocol import entry, live
from jisr_protocol.merkle import Frontier
from jisr_protocol.reader.sheet import Sheet
from jisr_protocol.reader.store import Copy

from .actors import HubActor, MortalLedger
from .runs import explore

WORLDS = 300
STEPS = 50
Fault = Callable[[], Any]


def inclusive_cursor() -> Any:
    """A hub takes the position it wants next for one it has, and goes on behind it."""
    changes = Copy.changes

    def later(copy: Copy, after: int = -1, **options: Any) -> Any:
        return changes(copy, after + 1 if after >= 0 else after, **options)

    return mock.patch.object(Copy, "changes", later)


def cursor_before_data() -> Any:
    """A hub moves its cursor over a peer's feed, and then stores what it read."""

    async def store(ledger: MortalLedger, change: Any, number: Any) -> int:
        if change.peer:
            peer = ledger._s.peers[change.peer]
            ledger._s.peers[change.peer] = replace(peer, cursor=change.cursor, epoch=change.peer_epoch)
        return await mortal_store(ledger, change, number)

    mortal_store = MortalLedger.store
    return mock.patch.object(MortalLedger, "store", store)


def lost_tombstone_between_hubs() -> Any:
    """A hub takes puts from its peers and forgets deletes."""
    take = taking._Batch.take

    def forgets(batch: Any, offered: Any) -> None:
        if offered.entry.op != "del":
            take(batch, offered)

    return mock.patch.object(taking._Batch, "take", forgets)


def lost_tombstone_at_a_reader() -> Any:
    """A reader's copy goes on showing what was deleted; its tree is right."""

    def keeps(sheet: Sheet, judged: Any) -> None:
        sheet._leaves[judged.entry.node or "", judged.entry.id or ""] = None

    return mock.patch.object(Sheet, "_remove", keeps)


def lost_tombstone_at_a_node() -> Any:
    """A node takes a record out of its live set and tells nobody."""

    def forgets(box: Any, held: Any, feed: Any, now: Any) -> Any:
        box._store.drop_live(feed.name, held.id)
        return replace(held, rev=held.rev + 1, feed=None)

    return mock.patch.object(outbox.Outbox, "withdraw", forgets)


def hub_trusted_for_the_authors_signature() -> Any:
    """Whoever relays a record is believed that its author signed it."""
    return mock.patch.object(entry, "verify_bytes", lambda thing, keys: next(iter(keys), ""))


def position_given_outside_the_store() -> Any:
    """Positions come from a counter in memory, taken before the transaction that may fail."""
    counters: dict[int, int] = {}

    async def store(ledger: MemoryLedger, change: Any, number: Any) -> int:
        counters.setdefault(id(ledger), 0)

        def counted(draft: Any, _: int, at: str) -> Any:
            seq = counters[id(ledger)]
            counters[id(ledger)] += 1
            return number(draft, seq, at)

        return await plain_store(ledger, change, counted)

    plain_store = MemoryLedger.store
    return mock.patch.object(MemoryLedger, "store", store)


@contextmanager
def answer_before_the_commit() -> Iterator[None]:
    """A hub signs its receipt when the change is in memory; it reaches the disk at the next one, unless it dies."""
    waiting: dict[int, Any] = {}

    async def catch_up(ledger: MortalLedger) -> None:
        if (earlier := waiting.pop(id(ledger), None)) is not None:
            await mortal_store(ledger, *earlier)

    async def store(ledger: MortalLedger, change: Any, number: Any) -> int:
        await catch_up(ledger)
        if not change.node:
            return await mortal_store(ledger, change, number)
        waiting[id(ledger)] = (change, number)
        return len(ledger._s.entries) + len(change.drafts)

    async def push(hub: Hub, node: str, name: str, body: bytes) -> Any:
        await catch_up(hub.ledger)
        return await plain_push(hub, node, name, body)

    def start(hub: HubActor) -> None:
        waiting.pop(id(hub.ledger), None)
        plain_start(hub)

    mortal_store, plain_push, plain_start = MortalLedger.store, Hub.push, HubActor.start
    with (
        mock.patch.object(MortalLedger, "store", store),
        mock.patch.object(Hub, "push", push),
        mock.patch.object(HubActor, "start", start),
    ):
        yield


def narrowed_audience_not_taken_out() -> Any:
    """A hub holds a record for partners and goes on showing its older public rev."""
    return mock.patch.object(ingest, "_leaves_public")


def restricted_records_in_the_public_feed() -> Any:
    """A node puts what is for partners into its public feed."""
    feed_for = outbox.feed_for
    return mock.patch.object(outbox, "feed_for", lambda content: feed_for(content) and "public")


def head_shown_before_its_pages() -> Any:
    """A hub shows the head and writes the pages that it promises next time."""

    async def later(writer: PageWriter, view: Any, frontier: Frontier) -> None:
        async for rows in view.entries(frontier.size):
            for _, _, leaf in rows:
                frontier.append(leaf)

    return mock.patch.object(PageWriter, "append", later)


def state_tree_of_stale_buckets() -> Any:
    """A hub hashes only the buckets of the newest entry anew."""

    async def touched(view: Any, start: int, end: int | None = None) -> set[int]:
        return set(list(await plain(view, start, end))[-1:])

    from jisr_hub.storage.memory import _View

    plain = _View.touched
    return mock.patch.object(_View, "touched", touched)


def same_record_emitted_again() -> Any:
    """A hub does not remember what it holds, and says everything its peers say once more."""

    async def held(_: Any, __: str, ___: Any) -> dict[Any, Any]:
        return {}

    return mock.patch.object(MemoryLedger, "held", held)


def way_not_remembered() -> Any:
    """A hub passes records on without a word of where it has them from."""
    return mock.patch.object(taking, "way", return_value=None)


def bytes_serialised_again() -> Any:
    """A hub passes on what it makes of a record, without the members it does not know."""
    draft = log.draft

    def known_members(accepted: Any, **more: Any) -> Any:
        made = draft(accepted, **more)
        members = orjson.loads(b"{" + made.before + b"}")
        if members.get("record", {}).pop("a_member_of_tomorrow", None) is None:
            return made
        return structs.replace(made, before=orjson.dumps(members, option=orjson.OPT_SORT_KEYS)[1:-1])

    return mock.patch.object(log, "draft", known_members)


def nothing_unknown_passes() -> Any:
    """A hub keeps back records of types it has no schema for."""
    fits = ingest.fits_schema

    def strict(bench: Any, item: Any) -> None:
        if item.op == "put" and not ingest.schema.known(item.type or ""):
            ingest.refuse("ING-6", "/record/type", expected="a type known here", came=item.type)
        fits(bench, item)

    steps = tuple((name, strict if step is fits else step) for name, step in ingest.STEPS)
    return mock.patch.object(ingest, "STEPS", steps)


def old_head_taken_for_a_new_one() -> Any:
    """A reader takes whatever its publisher signed for news."""
    from jisr_protocol import head as heads

    compare = heads.compare

    def believes(stored: Any, offered: Any) -> Any:
        relation = compare(stored, offered)
        return heads.Relation.NEW_EPOCH if relation is heads.Relation.ROLLBACK else relation

    return mock.patch.object(heads, "compare", believes)


def revs_may_fall() -> Any:
    """A late push of a record overwrites a newer one of another feed's history."""

    async def forgets_positions(hub: Hub, node: str, name: str, body: bytes) -> Any:
        hub.ledger._s.logs.pop((node, name), None)
        return await plain(hub, node, name, body)

    plain = Hub.push
    with_order = mock.patch.object(live, "order", return_value=live.Order.RISES)
    stack = ExitStack()
    stack.enter_context(mock.patch.object(Hub, "push", forgets_positions))
    stack.enter_context(with_order)
    return stack


def heads_of_one_date() -> Any:
    """A node dates its head by the clock, also twice within a second."""
    return mock.patch.object(feeds.Feeds, "_moment", lambda box, feed, now: now)


def misdated_head_kept() -> Any:
    """A node whose clock was wrong keeps the head it signed then, though no hub takes it."""
    return mock.patch.object(feeds.Feeds, "due", lambda box, feed, now: feed.head is None)


def bent_line_kept_for_the_true_one() -> Any:
    """A hub that was brought a line with a bent signature takes the true line for a repetition."""

    async def none(*_: Any) -> list[Any]:
        return []

    return mock.patch.object(Hub, "_came_otherwise", none)


@dataclass(frozen=True)
class Planted:
    """A fault and the words of the complaint it must lead to."""

    fault: Fault
    words: str
    part: int = 0
    """In which part of all worlds one begins to look: some faults show themselves sooner in another."""


# A hub that skips entries may also skip the keys of a node, and then shows records that no reader takes.
PLANTED = (
    Planted(inclusive_cursor, "differs in|shows other records|key_unknown"),
    Planted(
        cursor_before_data, r"differs in|key_unknown|differs from the nodes|shows other records|and it is \(", part=1
    ),
    Planted(lost_tombstone_between_hubs, "differs in"),
    Planted(lost_tombstone_at_a_reader, "differs in|shows other records"),
    Planted(lost_tombstone_at_a_node, "signs|differs from the nodes|says the head of node"),
    Planted(hub_trusted_for_the_authors_signature, "never signed|invented"),
    Planted(position_given_outside_the_store, "has a gap"),
    Planted(answer_before_the_commit, "signed for"),
    Planted(narrowed_audience_not_taken_out, "is for (partners|hub)"),
    Planted(restricted_records_in_the_public_feed, "is for (partners|hub)"),
    Planted(head_shown_before_its_pages, "is not what its log holds|ends broken"),
    Planted(state_tree_of_stale_buckets, "another state root|ends diverged"),
    Planted(same_record_emitted_again, "twice|two contents"),
    Planted(way_not_remembered, "set out"),
    Planted(bytes_serialised_again, "other bytes|never signed|leaf"),
    Planted(nothing_unknown_passes, "keeps back"),
    Planted(old_head_taken_for_a_new_one, "takes a rollback"),
    Planted(heads_of_one_date, "dated like an earlier one"),
    Planted(misdated_head_kept, "refused"),
    Planted(bent_line_kept_for_the_true_one, "stands where it stood|keeps back|refused"),
    Planted(revs_may_fall, "fall|twice|two contents"),
)


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.fault.__name__)
def test_the_world_finds(planted: Planted, figure: Callable[..., None]) -> None:
    with planted.fault():
        tally = explore(WORLDS, STEPS, planted.part, shrink=False)
    assert tally.failure is not None, f"{WORLDS} worlds and no complaint"
    figure(f"found in world {tally.failed_at} of {WORLDS}, after {tally.seconds:.1f} s")
    with pytest.raises(AssertionError, match=planted.words):
        raise tally.failure


def test_without_a_fault_the_same_worlds_hold() -> None:
    tally = explore(30, STEPS, 0)
    if tally.failure:
        raise tally.failure
    assert tally.worlds >= 30
