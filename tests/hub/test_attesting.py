"""Who may speak for whom at a hub: attested, renewed, lapsed, withdrawn, moved; with and without an anchor."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jisr_hub import identity, log
from jisr_hub.authority.attesting import draft
from jisr_hub.node_heads import NodeHeads
from jisr_hub.ports import Change
from jisr_hub.storage.curation import SqlCuration
from jisr_hub.storage.directory import SqlDirectory
from jisr_hub.storage.sql import SqlLedger
from jisr_protocol import completeness, envelope, identifiers, keys, statement, validity
from jisr_protocol.constraints import Constraints
from jisr_protocol.entry import Entry
from jisr_protocol.keys import KeyRing, SigningKey
from jisr_protocol.refusal import switched_off
from tests.hub.anchored import Network, names_home, put_in
from tests.hub.author import Author, record_id
from tests.hub.hub_in_memory import Clock, MemoryHub
from tests.hub.published import EPOCH, entries_of
from tests.reader.publisher import seeded

pytestmark = pytest.mark.anyio


async def hub_at(clock: Clock, label: str) -> MemoryHub:
    return await MemoryHub(label, clock=clock, attests=True).begin()


async def said(hub: MemoryHub, type: str = statement.NODE) -> list[Entry]:
    """The statements of a type in a hub's feed."""
    return [e for e in await hub.log() if e.op == "statement" and e.type == type]


def codes(answer: Any) -> list[str]:
    return [kept.code for kept in answer.quarantined]


async def test_a_hub_says_once_that_an_admitted_node_is_its_own() -> None:
    hub, author = await MemoryHub("home", attests=True).begin(), Author("dar")
    await hub.admit(author)
    await hub.admit(author)
    author.put("one")
    assert codes(await hub.push(author)) == []
    await hub.hub.renew()
    (found,) = await said(hub)
    assert found.thing is not None
    assert (found.node, found.rev, found.thing.value["by"]) == (author.id, 1, hub.id)
    assert found.thing.value["expires"] == identifiers.to_instant(hub.clock.now + timedelta(days=30))
    member = await hub.ledger.member(author.id)
    assert member is not None and (member.upstream, member.home) == ("", hub.id)


async def test_it_is_renewed_by_itself_when_a_third_is_left_and_never_lapses() -> None:
    clock = Clock()
    hub, author = await MemoryHub("home", clock=clock, attests=True).begin(), Author("dar")
    await hub.admit(author)
    clock.pass_time(days=19.9)
    assert await hub.hub.renew() == []
    for number in range(2, 6):
        clock.pass_time(days=20)
        assert await hub.hub.renew() == [author.id]
        assert [e.rev for e in await said(hub)] == list(range(1, number + 1))
        author.put(f"after {number}")
        assert codes(await hub.push(author, time=clock.now)) == []
    assert len(await hub.ledger.told([author.id])) == 1, "only the newest is held beside the log"


async def test_a_lapse_puts_new_records_aside_and_a_renewal_takes_them() -> None:
    clock = Clock()
    hub, author = await MemoryHub("home", clock=clock, attests=True).begin(), Author("dar")
    await hub.admit(author)
    author.put("before")
    author.put("to delete")
    await hub.push(author)
    clock.pass_time(days=30)  # nobody renewed: the hub was off
    author.put("late")
    author.edit("before")
    author.delete("to delete")
    author.statement(author.writer.add_key())
    answer = await hub.push(author, 3, time=clock.now)
    assert codes(answer) == ["attestation_lapsed", "attestation_lapsed"]
    assert set(await hub.live()) == {(author.id, record_id("before"))}, "what is there stays, deletions go on"
    assert [e.op for e in await hub.log()][-2:] == ["del", "key"]
    assert await hub.hub.renew() == [author.id]
    assert {key[1]: rev for key, (rev, _) in (await hub.live()).items()} == {
        record_id("before"): 2,
        record_id("late"): 1,
    }
    assert await hub.ledger.judged(author.id, "public") == []


async def test_a_withdrawal_ends_it_until_the_node_is_attested_again() -> None:
    hub, author = await MemoryHub("home", attests=True).begin(), Author("dar")
    await hub.admit(author)
    author.put("one")
    await hub.push(author)
    await hub.hub.attesting.withdraw(author.id, "the association has closed")
    author.put("two")
    assert codes(await hub.push(author, 2)) == ["attestation_lapsed"]
    assert await hub.hub.renew() == [], "what was withdrawn is not renewed"
    author.delete("one")
    assert "attestation_lapsed" in codes(await hub.push(author, 3)) or await hub.live() == {}
    await hub.admit(author)
    assert set(await hub.live()) == {(author.id, record_id("two"))}
    assert [e.rev for e in await said(hub)] == [1, 3]


async def test_a_node_speaks_within_its_bounds_only() -> None:
    hub, author = await MemoryHub("home", attests=True).begin(), Author("dar")
    narrow = Constraints(types=frozenset({"org.jisr.event"}))
    ring = author.writer.ring
    await hub.hub.admit("dar", ring.statements, ring, per_hour=10**6, per_day=10**6, bounds=narrow)
    author.put("one")
    answer = await hub.push(author)
    assert [(k.code, k.pointer) for k in answer.quarantined] == [("constraint_violated", "/record/type")]
    wide = Constraints(types=frozenset({"org.jisr.event", "org.jisr.organization"}))
    await hub.hub.admit("dar", ring.statements, ring, per_hour=10**6, per_day=10**6, bounds=wide)
    assert len(await hub.live()) == 1, "what waited is taken when the bounds are widened"
    await hub.admit(author)
    (told,) = await hub.ledger.told([author.id])
    assert told.statement.constraints == wide, "admitting again leaves the bounds as they are"


async def test_where_an_anchor_is_trusted_the_hubs_own_chain_has_to_hold() -> None:
    clock, network = Clock(), Network()
    hub = await MemoryHub("home", clock=clock, attests=True, anchors=[network.anchor]).begin()
    author = Author("dar")
    await hub.admit(author)
    author.put("one")
    assert codes(await hub.push(author)) == ["not_attested"]
    await put_in(hub, network.says(hub.id, clock.now, signers=(0,)))
    await hub.hub.renew()
    assert await hub.live() == {}, "one key of the anchor is not enough"
    await put_in(hub, network.says(hub.id, clock.now, signers=(2,), days=40))
    await hub.hub.renew()
    assert await hub.live() == {}, "another content of another key is not enough either"
    await put_in(hub, network.says(hub.id, clock.now, n=2, days=25, signers=(1, 2)))
    await hub.hub.renew()
    assert len(await hub.live()) == 1
    clock.pass_time(days=25)
    await hub.hub.renew()
    author.put("two")
    assert codes(await hub.push(author, 2, time=clock.now)) == ["attestation_lapsed"]
    await put_in(hub, network.says(hub.id, clock.now, n=3))
    await hub.hub.renew()
    assert len(await hub.live()) == 2


# Between hubs


async def follow(hub: MemoryHub, other: MemoryHub, folder: Path) -> int:
    hub.clock.pass_time(seconds=1)
    await other.publish()
    return await hub.follow(other, folder)


async def test_statements_travel_with_provenance_and_once(tmp_path: Path) -> None:
    clock = Clock()
    home, near, far = [await hub_at(clock, label) for label in ("home", "near", "far off")]
    author = Author("dar")
    await home.admit(author)
    author.put("one")
    await home.push(author)
    for hub, other in ((near, home), (far, near), (far, home), (home, far)):
        await follow(hub, other, tmp_path)
    first, second, third = [await said(hub) for hub in (home, near, far)]
    assert len(first) == len(second) == len(third) == 1
    assert [hop["by"] for hop in third[0].via] == [home.id, near.id]
    assert len({e.thing.raw for e in (*first, *second, *third) if e.thing}) == 1
    assert second[0].src == ("public", await home.ledger.epoch(), first[0].seq)


async def test_another_hubs_word_is_carried_and_not_believed(tmp_path: Path) -> None:
    clock = Clock()
    home, thief, reader = [await hub_at(clock, label) for label in ("home", "thief", "reader")]
    author = Author("dar")
    await home.admit(author)
    names_home(author, home.id, clock.now)
    author.put("one")
    await home.push(author)
    await thief.hub.attesting.say(
        statement.NODE, author.id, name="mine", expires="2027-01-01T00:00:00Z", constraints={"types": []}
    )
    for other in (thief, home):
        await follow(reader, other, tmp_path)
    assert len(await said(reader)) == 2
    member = await reader.ledger.member(author.id)
    assert member is not None and member.home == home.id
    held = await reader.hub.attesting.authority([member])
    assert held.fold().node(author.id, clock.now).by == home.id
    assert len(await reader.live()) == 1


async def test_a_follower_with_an_anchor_takes_a_node_only_while_its_chain_holds(tmp_path: Path) -> None:
    clock, network = Clock(), Network()
    home = await MemoryHub("home", clock=clock, attests=True).begin()
    reader = await MemoryHub("reader", clock=clock, attests=True, anchors=[network.anchor]).begin()
    author = Author("dar")
    await home.admit(author)
    author.put("one")
    await home.push(author)
    await follow(reader, home, tmp_path)
    assert await reader.live() == {}, "no anchor says that this hub is one"
    await put_in(home, network.says(home.id, clock.now, days=15))
    await follow(reader, home, tmp_path)
    assert len(await reader.live()) == 1, "what was refused is taken when the chain holds"
    clock.pass_time(days=15)
    author.put("two")
    author.edit("one")
    await home.push(author, 2, time=clock.now)
    await follow(reader, home, tmp_path)
    assert {rev for rev, _ in (await reader.live()).values()} == {1}, "what is there stays, nothing new comes"
    author.delete("one")
    await home.push(author, 4, time=clock.now)
    await follow(reader, home, tmp_path)
    assert await reader.live() == {}, "a deletion is always taken"
    await put_in(home, network.says(home.id, clock.now, n=2))
    await follow(reader, home, tmp_path)
    assert set(await reader.live()) == {(author.id, record_id("two"))}
    await put_in(home, network.withdraws(home.id, clock.now, n=3))
    author.put("three")
    await home.push(author, 5, time=clock.now)
    await follow(reader, home, tmp_path)
    assert set(await reader.live()) == {(author.id, record_id("two"))}


async def test_the_word_of_an_anchor_passes_through_a_hub_that_does_not_know_it(tmp_path: Path) -> None:
    clock, network = Clock(), Network()
    home, between = [await hub_at(clock, label) for label in ("home", "between")]
    reader = await MemoryHub("reader", clock=clock, attests=True, anchors=[network.anchor]).begin()
    author = Author("dar")
    await home.admit(author)
    author.put("one")
    await home.push(author)
    await put_in(home, network.says(home.id, clock.now))
    await follow(between, home, tmp_path)
    await follow(reader, between, tmp_path)
    assert len(await said(between, statement.HUB)) == 2
    assert len(await reader.live()) == 1


async def test_a_node_moves_with_all_its_records_and_none_is_lost_or_doubled(tmp_path: Path) -> None:
    clock = Clock()
    old, new, other = [await hub_at(clock, label) for label in ("old home", "new home", "other")]
    author = Author("dar")
    await old.admit(author)
    author.puts(5)
    author.delete("r4")
    names_home(author, old.id, clock.now)
    await old.push(author)
    for hub in (other, new):
        await follow(hub, old, tmp_path)
    await follow(other, new, tmp_path)
    # it moves: its own word in its own feed, and its whole log to the new hub
    clock.pass_time(days=1)
    author.edit("r1")
    names_home(author, new.id, clock.now, n=2)
    author.put("after")
    await new.admit(author)
    assert codes(await new.push(author, time=clock.now)) == []
    for hub, followed in ((old, new), (other, old), (other, new), (old, other), (new, old)):
        await follow(hub, followed, tmp_path)
    lives = [await hub.live() for hub in (old, new, other)]
    assert lives[0] == lives[1] == lives[2]
    assert len(lives[0]) == 5
    for hub in (old, other):
        member = await hub.ledger.member(author.id)
        assert member is not None and (member.upstream, member.home) == (new.id, new.id)
        entered = [(e.op, e.id, e.rev) for e in await hub.log() if e.op in ("put", "del", "out")]
        assert len(entered) == len(set(entered)), "nothing enters twice"
    # from now on it comes by its new home only
    author.put("much later")
    await new.push(author, len(author.feed().lines) - 1, time=clock.now)
    await follow(old, new, tmp_path)
    await follow(other, new, tmp_path)
    assert len(await other.live()) == len(await old.live()) == 6
    clock.pass_time(days=25)
    assert await old.hub.renew() == [], "the hub it left says nothing more of it"
    assert await new.hub.renew() == [author.id]


async def moved_to_a_narrower_home(tmp_path: Path) -> tuple[Author, MemoryHub, Clock]:
    """(a node that moved with two records to a home that vouches for none, a hub that follows both homes, its time)."""
    clock = Clock()
    old, new, other = [await hub_at(clock, label) for label in ("old home", "new home", "other")]
    author = Author("dar")
    await old.admit(author)
    author.puts(2)
    await old.push(author)
    await follow(other, old, tmp_path)
    ring = author.writer.ring
    narrow = Constraints(types=frozenset())
    await new.hub.admit("dar", ring.statements, ring, per_hour=10**6, per_day=10**6, bounds=narrow)
    names_home(author, new.id, clock.now)
    await new.push(author)
    await follow(other, new, tmp_path)
    return author, other, clock


async def test_a_record_the_new_home_does_not_have_leaves_with_the_move(tmp_path: Path) -> None:
    _, other, _ = await moved_to_a_narrower_home(tmp_path)
    assert await other.live() == {}


async def test_what_left_with_a_move_is_counted_as_left_and_not_as_nullified(tmp_path: Path) -> None:
    author, other, clock = await moved_to_a_narrower_home(tmp_path)
    assert await other.live() == {}
    names_home(author, other.id, clock.now, n=2)
    await other.admit(author)
    await other.push(author)
    assert await NodeHeads(other.hub, pause=timedelta(0)).state() == 1
    (head,) = [e for e in await other.log() if e.op == "nodehead" and e.node == author.id]
    assert dict(completeness.of(head).missing) == {"left": 2}


async def test_people_see_that_the_attestation_of_a_node_has_lapsed(tmp_path: Path) -> None:
    ledger, clock = await SqlLedger.open(tmp_path / "hub.sqlite", new_epoch=EPOCH), Clock()
    try:
        hub, author = await MemoryHub("home", clock=clock, attests=True, ledger=ledger).begin(), Author("dar")
        other = Author("other")
        await hub.admit(author, other)
        for one in (author, other):
            one.put("one")
            await hub.push(one)
        directory = SqlDirectory(
            ledger, "Hub", "/feeds/public", hub.hub.attesting.lapsed, SqlCuration(ledger, hub.id), hub.clock
        )

        async def labelled() -> set[str]:
            listed = await directory.page(None, 0, 9)
            assert len(listed) == 2
            return {one.node for one in listed if one.lapsed}

        assert await labelled() == set()
        clock.pass_time(days=31)
        assert await labelled() == {author.id, other.id}
        assert set(await hub.hub.renew()) == {author.id, other.id}
        assert await labelled() == set()
        await hub.hub.attesting.withdraw(author.id, "it has closed")
        assert await labelled() == {author.id}
    finally:
        await ledger.close()


async def test_who_begins_with_a_snapshot_gets_the_statements_that_hold(tmp_path: Path) -> None:
    clock, network, author = Clock(), Network(), Author("dar")
    home = await hub_at(clock, "home")
    reader = await MemoryHub("reader", clock=clock, attests=True, anchors=[network.anchor]).begin()
    await home.admit(author)
    author.put("one")
    names_home(author, home.id, clock.now)
    await home.push(author)
    await put_in(home, network.says(home.id, clock.now))
    await put_in(home, network.says(home.id, clock.now, n=2, signers=(0,)))
    clock.pass_time(days=25)
    await home.hub.renew()
    await home.publisher.publish(snapshot=True)
    before = [e for e in await home.log() if e.op == "statement"]
    told = entries_of(home, "statements")
    kept = [(e.type, e.rev) for e in told]
    assert len(before) == len(told) + 1 == 6, "what was renewed is told once, and the word of an anchor stays whole"
    assert sorted(kept) == [(statement.HOME, 1), *[(statement.HUB, n) for n in (1, 1, 2)], (statement.NODE, 2)]
    feed = home.write_out(tmp_path / "feed")
    for page in (feed / "log").rglob("*"):
        if page.is_file():
            page.unlink()
    await reader.follow_folder(feed, home.id, tmp_path)
    assert len(await reader.live()) == 1, "the whole chain came with the snapshot"
    assert len(await said(reader, statement.HUB)) == 3
    assert len(await said(reader)) == 1


# After a hub's key was stolen


async def holds(hub: MemoryHub, node: str) -> bool:
    """Whether a node's home hub speaks for it, as far as this hub knows."""
    member = await hub.ledger.member(node)
    assert member is not None
    return (await hub.hub.attesting.authority([member])).fold().node(node, hub.clock.now).holds


def recovered(hub: MemoryHub, place: tuple[str, int]) -> identity.Identity:
    """The hub after its recovery key took it back; its feed was good up to `place`."""
    fresh, ring = SigningKey(seeded("fresh key of", hub.identity.name)), hub.identity.ring
    value = {
        "action": "recover", "created": "2026-09-01T00:00:00Z", "jwk": keys.jwk_of(fresh.public.public),
        "last": validity.written({"public": place}), "n": ring.next_n, "node": ring.id,
        "revoked": [hub.identity.key.kid],
    }  # fmt: skip
    outranking = SigningKey(seeded(hub.identity.name, "hub recovery"))
    return identity.Identity(hub.identity.name, ring.admit(envelope.sealed("recovery", value, outranking)), fresh)


async def learns(hub: MemoryHub, ring: KeyRing) -> None:
    await hub.ledger.store(Change(identifiers.to_instant(hub.clock()), (), (), rings={ring.id: ring}), log.number)


@pytest.mark.parametrize("good", [False, True])
async def test_what_a_lost_key_of_a_hub_has_said_counts_as_far_as_it_was_good(good: bool, tmp_path: Path) -> None:
    clock, author = Clock(), Author("dar")
    home, reader = await hub_at(clock, "home"), await hub_at(clock, "reader")
    await home.admit(author)
    author.put("one")
    await home.push(author)
    await follow(reader, home, tmp_path)
    assert await holds(reader, author.id)
    (stated,) = await said(reader)
    assert stated.src is not None
    _, epoch, seq = stated.src
    await learns(reader, recovered(home, (epoch, seq + good)).ring)
    assert await holds(reader, author.id) is good
    with switched_off("AUTH-8"):
        assert await holds(reader, author.id), "it is this rule that decides"


@pytest.fixture(params=["in memory", "on disk"])
async def reader_of_thieves(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MemoryHub]:
    if request.param == "in memory":
        yield await hub_at(Clock(), "reader")
        return
    ledger = await SqlLedger.open(tmp_path / "reader.sqlite", new_epoch=EPOCH)
    try:
        yield await MemoryHub("reader", clock=Clock(), attests=True, ledger=ledger).begin()
    finally:
        await ledger.close()


async def test_a_thiefs_high_number_keeps_out_nothing_that_the_hub_says_afterwards(
    reader_of_thieves: MemoryHub, tmp_path: Path
) -> None:
    reader, clock, author = reader_of_thieves, reader_of_thieves.clock, Author("dar")
    home, carrier = await hub_at(clock, "home"), await hub_at(clock, "carrier")
    await home.admit(author)
    author.put("one")
    await home.push(author)
    await follow(reader, home, tmp_path)
    await follow(carrier, home, tmp_path)
    async with home.ledger.reading() as view:
        place = await home.ledger.epoch(), view.size
    # the thief says through another hub that the node is none of its home hub's
    withdrawn = statement.write(
        home.identity.key, statement.WITHDRAWAL, id=str(uuid.uuid4()), by=home.id, subject=author.id, n=900_000,
        of=statement.NODE, reason="no", issued=identifiers.to_instant(clock.now),
    )  # fmt: skip
    await put_in(carrier, [withdrawn])
    widened = statement.write(
        home.identity.key, statement.NODE, id=str(uuid.uuid4()), by=home.id, subject=author.id, n=900_000, name="mine",
        issued=identifiers.to_instant(clock.now), expires=identifiers.to_instant(clock.now + timedelta(days=9000)),
    )  # fmt: skip
    await put_in(carrier, [widened])
    await follow(reader, carrier, tmp_path)
    assert not await holds(reader, author.id), "a stolen key speaks like its owner"
    # its owner takes it back; keys and what it says again come in one batch
    home = await MemoryHub("home", clock=clock, ledger=home.ledger, attests=True, who=recovered(home, place)).begin()
    assert [e.rev for e in await said(home)] == [1, 2], "what the lost key has said is said again at once"
    await follow(reader, home, tmp_path)
    assert await holds(reader, author.id)
    held = {(t.statement.type, t.statement.n, t.kid) for t in await reader.ledger.told([author.id])}
    assert (statement.NODE, 2, home.identity.key.kid) in held
    assert not [t for t in held if t[:2] == (statement.NODE, 900_000)], "what was replaced goes"
    clock.pass_time(days=25)
    await home.hub.renew()
    await follow(reader, home, tmp_path)
    assert await holds(reader, author.id)


async def test_who_begins_with_a_snapshot_gets_what_a_thiefs_number_would_keep_out(tmp_path: Path) -> None:
    clock, network, author = Clock(), Network(), Author("dar")
    home = await hub_at(clock, "home")
    await home.admit(author)
    author.put("one")
    await home.push(author)
    async with home.ledger.reading() as view:
        place = await home.ledger.epoch(), view.size
    thiefs = statement.write(
        home.identity.key, statement.NODE, id=str(uuid.uuid4()), by=home.id, subject=author.id, n=900_000, name="mine",
        issued=identifiers.to_instant(clock.now), expires=identifiers.to_instant(clock.now + timedelta(days=9000)),
    )  # fmt: skip
    await home.hub.ledger.store(Change(identifiers.to_instant(clock.now), [draft(thiefs)], ()), log.number)
    home = await MemoryHub("home", clock=clock, ledger=home.ledger, attests=True, who=recovered(home, place)).begin()
    await put_in(home, network.says(home.id, clock.now))
    await home.publisher.publish(snapshot=True)
    assert {e.rev for e in entries_of(home, "statements") if e.type == statement.NODE} == {2, 900_000}
    feed = home.write_out(tmp_path / "feed")
    for page in (feed / "log").rglob("*"):
        if page.is_file():
            page.unlink()
    reader = await MemoryHub("reader", clock=clock, attests=True, anchors=[network.anchor]).begin()
    await reader.follow_folder(feed, home.id, tmp_path)
    assert len(await reader.live()) == 1


async def test_two_processes_that_renew_at_once_say_one_thing() -> None:
    clock = Clock()
    hub, author = await MemoryHub("home", clock=clock, attests=True).begin(), Author("dar")
    twin = MemoryHub("home", clock=clock, attests=True, ledger=hub.ledger)
    await hub.admit(author)
    clock.pass_time(days=25)
    store = hub.ledger.store
    raced = []

    async def between(change: Change, number: Any) -> int:
        if not raced and change.told:
            raced.append(True)
            await twin.hub.renew()
        return await store(change, number)

    hub.ledger.store = between
    assert await hub.hub.renew() == []
    assert [e.rev for e in await said(hub)] == [1, 2]
