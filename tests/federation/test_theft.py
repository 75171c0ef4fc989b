"""A stolen key: whatever the thief did, the owner's last good set stands again, and what he writes after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jisr_hub.following.taking import Offered
from jisr_node import key_work
from jisr_node.feeds import reopened
from jisr_protocol import entry, envelope, keys
from tests.federation.stolen import interleaved
from tests.federation.theft import Theft

pytestmark = pytest.mark.anyio


async def test_a_thief_who_goes_on_with_the_log_leaves_nothing(tmp_path: Path) -> None:
    world = await Theft(tmp_path).begin()
    ids = await world.say("one", "two", "three", "four")
    await world.spread()
    await world.assert_good()
    world.steal()
    await world.edit(ids[0], "thief's one")
    await world.add("thief's own")
    await world.delete(ids[1])
    await world.spread()
    done = await world.recover()
    assert done.plan.renewed
    assert len(done.plan.touched) == 3
    await world.spread()
    await world.assert_good()
    assert len(world.good()) == 4
    await world.say("five")
    world.owner.edit(ids[0], {"type": "org.jisr.organization/1", "name": "one again"})
    world.owner.publish(now=world.now)
    await world.say("six")
    await world.spread()
    await world.assert_good()
    await world.assert_good("late reader")


async def test_a_thief_who_erases_everything_leaves_no_guard(tmp_path: Path) -> None:
    world = await Theft(tmp_path).begin()
    ids = await world.say("one", "two", "three")
    await world.spread()
    world.steal()
    await world.erase(ids[0])
    await world.erase(None)
    await world.spread()
    assert not any((await world.seen()).values())
    await world.recover()
    await world.spread()
    await world.assert_good()
    await world.assert_good("late reader")
    for hub in (world.home, world.second):
        guards = await hub.ledger.guards([(world.owner.id, "*"), *((world.owner.id, one) for one in ids)])
        assert set(guards.values()) == {0}, "what a thief erased may come back"


async def test_a_thief_who_takes_the_keys_over_is_outranked(tmp_path: Path) -> None:
    world = await Theft(tmp_path).begin()
    ids = await world.say("one", "two", "three")
    await world.spread()
    world.steal()
    await world.take_over()
    await world.edit(ids[0], "by a key of his own")
    await world.add("another by a key of his own")
    await world.spread()
    await world.recover()
    await world.spread()
    await world.assert_good()
    await world.say("four")
    await world.add("too late")
    await world.spread()
    await world.assert_good()
    await world.assert_good("late reader")


async def test_what_is_pushed_after_the_recovery_is_refused(tmp_path: Path) -> None:
    """The thief signs back-dated records while nobody looks, and pushes them afterwards."""
    world = await Theft(tmp_path).begin()
    ids = await world.say("one", "two", "three")
    await world.spread()
    world.steal()
    await world.edit(ids[0], "back-dated", push=False)
    await world.add("back-dated too", push=False)
    await world.delete(ids[1], push=False)
    await world.say("four", push=False)
    done = await world.recover()
    assert not done.plan.renewed, "the hub stands where the owner left it: no new epoch"
    await world.spread()
    await world.add("now pushed")
    assert world.refused != []
    assert set(world.refused) <= {"key_revoked", "feed_fork", "epoch_unknown", "Contradiction"}
    await world.spread()
    await world.assert_good()
    await world.assert_good("late reader")


async def test_a_hub_says_in_order_what_a_recovery_makes_of_its_feed(tmp_path: Path) -> None:
    """KEY-15: the statement, an `out` for what does not count, the good version with its proof; at once, before the
    node has said anything anew. KEY-16: in the new epoch the statement comes first."""
    world = await Theft(tmp_path).begin()
    ids = await world.say("one", "two")
    world.steal()
    await world.edit(ids[0], "thief's one")
    added = await world.add("thief's own")
    before = len(await world.home.log())
    await world.recover()
    said = [(e.op, e.id, e.rev, "proof" in e.parts) for e in (await world.home.log())[before:]]
    kid = world.owner.identity.key.kid
    assert said[0] == ("recovery", kid, None, False)
    assert {(op, id_) for op, id_, _, _ in said[1:3]} | {said[3][:2]} >= {("out", ids[0]), ("out", added)}
    again = [one for one in said if one[3]]
    assert again == [("put", ids[0], 1, True)]
    feed = world.owner.store.feed("public")
    assert feed is not None
    assert feed.epoch.startswith("2-")
    base = reopened(feed).bases[-1]["size"]
    first = world.owner.store.lines("public", base, base + 1)[0]
    assert first.op == "recovery"


async def test_a_hub_serves_the_keys_of_every_writer_for_ever(tmp_path: Path) -> None:
    """KEY-14: the chain with its retired and revoked keys, instant and reason; also where the node is only relayed."""
    world = await Theft(tmp_path).begin()
    await world.say("one")
    old = world.owner.identity.key.kid
    key_work.rotate(world.owner, now=world.now)
    await world.say("two")
    await world.spread()
    for hub in (world.home, world.second):
        ring = (await hub.ledger.rings([world.owner.id]))[world.owner.id]
        assert ring.keys[old].state == "retired"
        held = keys.fold(keys.parse_file(keys.write_file(ring)), expected_id=world.owner.id)
        assert held.keys[old].at == ring.keys[old].at != ""
    await world.assert_good()


@pytest.mark.parametrize("seed", range(10))
async def test_in_any_order_the_owners_set_stands_in_the_end(seed: int, tmp_path: Path) -> None:
    world = await interleaved(seed, tmp_path)
    await world.assert_good()
    await world.assert_good("late reader")


async def test_an_invented_place_proves_nothing(tmp_path: Path) -> None:
    """A peer relays what the thief signed after the revocation, with a `src` from before the theft."""
    world = await Theft(tmp_path).begin()
    ids = await world.say("one", "two")
    await world.spread()
    world.steal()
    await world.recover()
    await world.spread()
    thing = envelope.sealed("record", _bent(world, ids[0]), world.stolen.identity.key)
    epoch = world.owner.store.feeds()[0].epoch
    line = entry.write("put", thing, seq=99, at="2026-08-01T00:00:00Z", src=("public", epoch, 1))
    peer = (await world.second.ledger.peers())[0]
    before = len(await world.second.log())
    await world.second.take(peer, [Offered(99, entry.parse(line))], {}, cursor=peer.cursor)
    assert len(await world.second.log()) == before
    await world.assert_good()


def _bent(world: Theft, record_id: str) -> dict[str, Any]:
    found = next(record for record in world.stolen.records() if record["id"] == record_id)
    return {**found, "rev": 7, "salt": "AAAAAAAAAAAAAAAAAAAAAA"}
