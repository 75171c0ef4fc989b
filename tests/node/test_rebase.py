"""Bad days: an older database, a folder that lives twice, everything restored, a hub that lost its end."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from jisr_node.adapters.fence import MemoryFence
from jisr_node.adapters.ledger import MemoryLedger
from jisr_node.adapters.sqlite import SqliteStore
from jisr_node.app import Node
from jisr_node.errors import Contradiction, HubRefused, HubUnreachable, Mistaken
from jisr_protocol import entry
from jisr_protocol.head import parse as head_of

from .conftest import NOW, backup, need, organization, seeded
from .fake_hub import FakeHub
from .test_erase import sound


def hour(number: int) -> datetime:
    return NOW + timedelta(hours=number)


def deliver(node: Node, hub: FakeHub, when: datetime) -> None:
    hub.now = when
    asyncio.run(node.push(hub, now=when))


def say(node: Node, hub: FakeHub | None, when: datetime, *drafts: dict[str, Any]) -> list[str]:
    ids = node.import_drafts(drafts).ids
    node.publish(now=when)
    if hub is not None:
        deliver(node, hub, when)
    return ids


def put_back(node: Node, kept: SqliteStore, *, fence: MemoryFence | None = None, seed: str = "again") -> Node:
    """The node with an older database; its fence stays unless another is given."""
    return Node(
        kept, fence or node.fence, node.identity, folder=None, random_bytes=seeded(seed), ledger=node.ledger
    )  # fmt: skip


def rebased(node: Node, *hubs: FakeHub, when: datetime, **options: Any) -> Any:
    done, _ = asyncio.run(node.rebase(*hubs, now=when, **options))
    return done


def names(node: Node) -> set[str]:
    return {record["name"]["ar"]["value"] for record in node.records()}


def revs(hub: FakeHub) -> dict[str, int]:
    """The highest rev that the hub ever saw of each record."""
    seen: dict[str, int] = {}
    for e in [*hub.aside, *(e for log in hub.logs.values() for e in log.entries)]:
        if e.op in ("put", "del") and e.id:
            seen[e.id] = max(seen.get(e.id, 0), e.rev or 0)
    return seen


def test_an_older_database_takes_back_exactly_what_the_hub_holds(node: Node) -> None:
    hub = FakeHub()
    say(node, hub, NOW, organization("1", name="one"), organization("2", name="two"))
    kept = backup(node)
    say(node, hub, hour(1), organization("1", name="one, later"), organization("3", name="three"))
    node.delete("local:organization/2")
    say(node, hub, hour(2))
    newest = node.store.feed("public")
    assert newest is not None
    old = put_back(node, kept)
    with pytest.raises(Contradiction, match="jisr-node rebase"):
        old.publish(now=hour(3))
    done = rebased(old, hub, when=hour(3))
    assert (done.taken, done.epochs, done.records, done.lost) == (3, {}, [], 0)
    held = old.store.feed("public")
    assert held is not None
    assert (held.epoch, held.size, held.frontier) == (newest.epoch, newest.size, newest.frontier)
    assert names(old) == {"one, later", "three"}
    sound(old)
    say(old, hub, hour(4), organization("4", name="four"))
    assert {record["name"]["ar"]["value"] for record in hub.records().values()} == {"one, later", "three", "four"}
    assert not old.feeds.obstacles()


def test_what_the_hub_keeps_back_cannot_be_shown_so_a_new_epoch_begins(node: Node) -> None:
    hub = FakeHub()
    say(node, hub, NOW, organization("1", name="one"))
    kept = backup(node)
    hub.keep_back[3] = {"code": "schema_invalid", "pointer": "/record"}
    say(node, hub, hour(1), organization("2", name="two"), organization("3", name="three"))
    seen = revs(hub)
    old = put_back(node, kept)
    done = rebased(old, hub, when=hour(2))
    assert done.taken == 0
    assert set(done.epochs) == {"public"}
    sound(old)
    assert names(old) == {"one", "two"}, "what the hub does not show is known to nobody"
    hub.keep_back.clear()
    deliver(old, hub, hour(3))
    held = hub.log("public").held
    assert held.epoch == done.epochs["public"]
    assert {e.seq for e in hub.aside} == {2, 3}, "kept as evidence"
    now_live = {record_id: record["rev"] for record_id, record in hub.records().items()}
    assert all(now_live[i] > rev for i, rev in seen.items() if i in now_live and i in {e.id for e in hub.aside})
    say(old, hub, hour(4), organization("1", name="one again"))


def test_entries_that_reached_nobody_leave_room_for_their_revs(node: Node) -> None:
    hub = FakeHub()
    (record_id,) = say(node, hub, NOW, organization("1", name="one"))
    kept = backup(node)
    for number in range(5):
        say(node, None, hour(1 + number), organization("1", name=f"lost {number}"))
    old = put_back(node, kept)
    done = rebased(old, hub, when=hour(9))
    assert (done.lost, done.taken) == (5, 0)
    assert set(done.epochs) == {"public"}
    say(old, hub, hour(10), organization("1", name="new"))
    assert hub.records()[record_id]["rev"] > 6
    signed = head_of(old.store.feed("public").head)  # it has published
    assert [(base["size"], base["epoch"] != signed.epoch) for base in signed.bases] == [(2, True)]
    sound(old)


def twins(node: Node, hub: FakeHub) -> tuple[Node, Node]:
    """One folder, copied: both have the same past, each its own fence."""
    say(node, hub, NOW, organization("1", name="one"), organization("2", name="two"), need("n", of="1"))
    fence = MemoryFence()
    fence.write(node.fence.read())
    twin = Node(
        backup(node), fence, node.identity, folder=None, random_bytes=seeded("twin"), ledger=MemoryLedger()
    )  # fmt: skip
    return node, twin


def test_a_folder_that_lived_twice_loses_no_record_of_either_side(node: Node) -> None:
    hub = FakeHub()
    first, second = twins(node, hub)
    say(first, hub, hour(1), organization("1", name="one, by the first"), organization("a", name="only the first"))
    say(second, None, hour(2), organization("1", name="one, by the second"), organization("b", name="only the second"))
    second.delete("local:organization/2")
    second.publish(now=hour(3))
    with pytest.raises(Contradiction, match="jisr-node rebase"):
        deliver(second, hub, hour(4))
    with pytest.raises(Contradiction):
        second.publish(now=hour(4))
    done = rebased(second, hub, when=hour(5))
    assert set(done.epochs) == {"public", "partners"}
    assert [version["name"]["ar"]["value"] for version in done.aside] == ["one, by the first"]
    sound(second)
    before = revs(hub)
    deliver(second, hub, hour(6))
    assert {r["name"]["ar"]["value"] for r in hub.records().values()} == {
        "one, by the second", "only the first", "only the second"
    }  # fmt: skip
    gone = {e.id for e in hub.aside if e.op in ("put", "del")}
    assert all(revs(hub)[record_id] > before[record_id] for record_id in gone if record_id)
    assert not second.feeds.obstacles()


def test_the_other_twin_can_follow_and_go_on_too(node: Node) -> None:
    hub = FakeHub()
    first, second = twins(node, hub)
    say(first, hub, hour(1), organization("a", name="only the first"))
    say(second, None, hour(2), organization("b", name="only the second"))
    rebased(second, hub, when=hour(3))
    deliver(second, hub, hour(3))
    first.import_drafts([organization("c", name="the first goes on")])
    first.publish(now=hour(4))
    with pytest.raises(Contradiction):
        deliver(first, hub, hour(4))
    rebased(first, hub, when=hour(5))
    sound(first)
    deliver(first, hub, hour(6))
    wanted = {"one", "two", "only the first", "only the second", "the first goes on"}
    assert {r["name"]["ar"]["value"] for r in hub.records().values()} == wanted
    assert hub.log("public").held.epoch.startswith("3-")  # the push came through
    say(first, hub, hour(7), organization("d", name="and on"))


def test_restored_with_its_fence_the_hub_tells_and_rebase_helps(node: Node) -> None:
    hub = FakeHub()
    say(node, hub, NOW, organization("1", name="one"))
    kept, fence = backup(node), MemoryFence()
    fence.write(node.fence.read())
    say(node, hub, hour(1), organization("2", name="two"))
    old = put_back(node, kept, fence=fence)
    assert not old.feeds.obstacles(), "nothing here can tell"
    with pytest.raises(Contradiction, match="jisr-node rebase"):
        asyncio.run(old.sync(hub, now=hour(2)))
    assert rebased(old, hub, when=hour(3)).taken == 1
    assert names(old) == {"one", "two"}
    say(old, hub, hour(4), organization("3", name="three"))


def test_a_hub_that_lost_its_end_is_sent_it_again(node: Node) -> None:
    hub = FakeHub()
    say(node, hub, NOW, organization("1"))
    earlier = dict(hub.logs)
    say(node, hub, hour(1), organization("2"), organization("3"))
    hub.logs = earlier
    say(node, hub, hour(2), organization("4"))
    assert len(hub.records()) == 4
    told = [advice["sentence"] for advice in node.status(now=hour(2))["todo"] if advice["code"] == "hub_behind"]
    assert len(told) == 1
    assert "confirmed 4 entries" in told[0]
    deliver(node, hub, hour(3))
    assert not [advice for advice in node.status(now=hour(3))["todo"] if advice["code"] == "hub_behind"]


def test_a_fenced_hub_is_for_later(node: Node) -> None:
    hub = FakeHub()
    say(node, hub, NOW, organization("1"))
    node.import_drafts([organization("2")])
    node.publish(now=hour(1))
    hub.refuse_next = [HubUnreachable("fenced", retry_after=300.0)]
    with pytest.raises(HubUnreachable):
        deliver(node, hub, hour(1))
    assert not node.feeds.obstacles()
    deliver(node, hub, hour(2))
    assert len(hub.records()) == 2


def test_where_nothing_is_missing_nothing_changes(node: Node) -> None:
    hub = FakeHub()
    say(node, hub, NOW, organization("1"))
    before = node.store.feed("public")
    done = rebased(node, hub, when=hour(1))
    assert not done.changed
    assert node.store.feed("public") == before


def test_without_a_hub_there_is_a_sentence_and_a_way(node: Node) -> None:
    say(node, None, NOW, organization("1", name="one"))
    kept = backup(node)
    say(node, None, hour(1), organization("2", name="two"))
    old = put_back(node, kept)
    with pytest.raises(Mistaken, match="--without-hub"):
        rebased(old, when=hour(2))
    done = rebased(old, when=hour(2), without_hub=True)
    assert (set(done.epochs), done.lost) == ({"public"}, 1)
    old.publish(now=hour(3))
    sound(old)


def test_a_hub_that_does_not_answer_holds_the_rebase_up(node: Node) -> None:
    hub, away = FakeHub(), FakeHub(seed=b"a" * 32, address="https://away.example")
    say(node, hub, NOW, organization("1"))
    kept = backup(node)
    say(node, hub, hour(1), organization("2"))

    async def no_answer() -> bytes:
        raise HubUnreachable("not now")

    away.keys = no_answer  # this hub is away
    old = put_back(node, kept)
    with pytest.raises(HubUnreachable):
        rebased(old, hub, away, when=hour(2))
    assert rebased(old, hub, away, when=hour(2), without_hub=True).taken == 1


def test_what_a_hub_bends_is_not_taken(node: Node) -> None:
    hub = FakeHub()
    (record_id,) = say(node, hub, NOW, organization("1", name="one"))
    kept = backup(node)
    say(node, hub, hour(1), organization("1", name="true"))
    line = json.loads(hub.shown[-1])
    line["record"]["name"]["ar"]["value"] = "false"
    hub.shown[-1] = json.dumps(line, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    old = put_back(node, kept)
    done = rebased(old, hub, when=hour(2))
    assert done.taken == 0
    assert names(old) == {"one"}
    assert record_id not in done.aside


def test_an_erasure_at_the_hub_is_an_erasure_here(node: Node) -> None:
    """An older database holds what was erased since: it goes, by the ledger at once, by the hub's word otherwise."""
    hub = FakeHub()
    say(node, hub, NOW, organization("1", name="stays"), organization("2", name="goes"))
    kept, elsewhere = backup(node), backup(node)
    node.erase("local:organization/2", now=hour(1))
    deliver(node, hub, hour(1))
    with_ledger = put_back(node, kept)
    with_ledger.settle_erasures()
    assert names(with_ledger) == {"stays"}
    with pytest.raises(Contradiction, match="erased"):
        with_ledger.publish(now=hour(2))
    without = Node(elsewhere, MemoryFence(), node.identity, folder=None, random_bytes=seeded("x"))
    for old in (with_ledger, without):
        hub_copy = FakeHub()
        hub_copy.logs, hub_copy.shown = dict(hub.logs), list(hub.shown)
        rebased(old, hub_copy, when=hour(3))
        assert names(old) == {"stays"}
        sound(old)
        lines = [entry.parse(line.raw) for line in old.store.lines("public", 0, 99)]
        assert [e.op for e in lines].count("erase") >= 1
        deliver(old, hub_copy, hour(4))
        assert not old.feeds.obstacles()
        assert old.import_drafts([organization("2")]).refused


def test_a_deletion_on_one_side_and_nothing_on_the_other_stays_a_deletion(node: Node) -> None:
    hub = FakeHub()
    first, second = twins(node, hub)
    first.delete("local:organization/2")
    say(first, hub, hour(1))
    say(second, None, hour(2), organization("b", name="only the second"))
    rebased(second, hub, when=hour(3))
    deliver(second, hub, hour(3))
    assert {r["name"]["ar"]["value"] for r in hub.records().values()} == {"one", "only the second"}


def test_a_refusal_of_the_hub_says_rebase(node: Node) -> None:
    hub = FakeHub()
    say(node, hub, NOW, organization("1"))
    hub.refuse_next = [HubRefused("feed_fork", "no")]
    node.import_drafts([organization("2")])
    node.publish(now=hour(1))
    with pytest.raises(Contradiction, match="jisr-node rebase"):
        deliver(node, hub, hour(1))
