"""Rounds as both databases keep them: written down, summed up, named from the log; and a sync goes on without them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest
import structlog

from jisr_hub.following.peers import Followers
from jisr_hub.following.pulls import Pulls
from jisr_hub.ports import Peer, Pull
from jisr_hub.ports.history import KEPT_DAYS, Condition, Order, Round, Way
from jisr_hub.storage.named import moved
from jisr_hub.storage.rounds import ALARMS_KEPT, SqlHistory
from jisr_protocol.refusal import Refusal
from tests.hub.author import Author
from tests.hub.static_feed import StaticFeed
from tests.hub.viewed import ViewedHub, viewed_hub

pytestmark = pytest.mark.anyio
TODAY = "2026-09-01"


@pytest.fixture
async def hub(place: Path | str) -> AsyncIterator[ViewedHub]:
    async with viewed_hub(place) as hub:
        yield hub


def history_of(hub: ViewedHub) -> SqlHistory:
    assert hub.ledger is not None
    return SqlHistory(hub.ledger)


async def flush(hub: ViewedHub) -> SqlHistory:
    store = history_of(hub)
    hub.clock.pass_time(seconds=100)
    await hub.hub.notes.flush(store, 0.0, all=True)
    return store


def called(name: str) -> dict[str, object]:
    return {"ar": {"origin": "author", "value": name}}


def a_round(day: str, minute: int, **members: object) -> Round:
    at = f"{day}T{minute // 60:02}:{minute % 60:02}:00Z"
    return Round("jisr:one", str(members.pop("way", Way.PEER)), at, str(members.pop("by", "a")), at, **members)


async def test_what_is_kept_comes_back_and_takes_the_place_of_what_was_held(hub: ViewedHub) -> None:
    store, one = history_of(hub), a_round(TODAY, 1, outcome="verified", added=3, first=7, next=10)
    now = Condition("jisr:one", Way.PEER, TODAY, "verified", "", TODAY, TODAY, 0, TODAY, "fetching", 3, 9, TODAY)
    await store.keep([one], [now])
    one.added, now.failures = 5, 2
    await store.keep([one], [now])
    assert await store.rounds("jisr:one") == [one] == [await store.round(one.key)]
    assert await store.conditions() == [now]
    await store.order("jisr:one", Way.PEER, stopped_at=TODAY)
    await store.order("jisr:one", Way.PEER, retry_at="later", kept=4)
    await store.keep([], [now])
    assert await store.orders(Way.PEER) == {"jisr:one": Order(TODAY, "later")}, "a round takes no decision back"
    assert (await store.orders(Way.BACK), await hub.store.kept("jisr:one")) == ({}, 4)


async def test_days_are_summed_up_and_the_old_is_dropped_and_no_round_is_counted_twice(hub: ViewedHub) -> None:
    store, rounds = history_of(hub), []
    for days in range(KEPT_DAYS + 10):
        day = str(date.fromisoformat(TODAY) - timedelta(days=days))
        for minute in range(0, 60, 10):
            outcome = "broken" if minute == 30 else "verified"
            rounds.append(a_round(day, minute, outcome=outcome, added=1, first=minute, next=minute + 5))
            rounds.append(a_round(day, minute, outcome=outcome, way=Way.BACK))
    await store.keep(rounds, [])
    kept = [one for one in rounds if one.ended >= str(date.fromisoformat(TODAY) - timedelta(days=KEPT_DAYS))]
    before = await store.days(kept[-1].ended[:10])
    assert await store.fold(TODAY) > 0
    assert await store.fold(TODAY) == 0, "safe to call twice"
    assert await store.days("") == before, "every round of the last days is still counted"
    held = await store.rounds("jisr:one", limit=10_000)
    assert len(held) == 2 * (2 * 6 + (KEPT_DAYS - 1) * 2), "today and yesterday whole, each earlier day by outcome"
    older = next(one for one in held if one.ended < "2026-08-31" and one.way == Way.PEER and one.outcome == "verified")
    assert (older.runs, older.added, older.first, older.next) == (5, 5, 0, 55)


async def test_an_alarm_stays_whole_until_somebody_has_looked_and_there_are_never_many(hub: ViewedHub) -> None:
    store = history_of(hub)
    alarms = [a_round("2026-08-20", n, outcome="verified", gone=9, alarm="much_gone") for n in range(ALARMS_KEPT + 20)]
    await store.keep(alarms, [])
    await store.fold(TODAY)
    waiting = await store.alarms()
    assert len(waiting) == ALARMS_KEPT + (1 if waiting[-1].runs > 1 else 0)
    assert all(one.gone == 9 for one in waiting[:ALARMS_KEPT])
    for one in waiting:
        assert await store.look(one, "the-operator")
    assert await store.alarms() == []
    await store.fold(TODAY)
    assert sum(one.runs for one in await store.rounds("jisr:one")) == ALARMS_KEPT + 20


async def test_a_node_that_pushes_is_noted_with_what_it_did_by_name(hub: ViewedHub) -> None:
    author, other = Author("dar"), Author("other")
    author.puts(10)
    other.puts(3)
    await hub.admit(author, other)
    await hub.push(author)
    await hub.push(other)
    store = await flush(hub)
    start = len(author.feed().lines)
    author.edit("r1", name=called("سوق"))
    for label in ("r2", "r3"):
        author.delete(label)
    author.put("new")
    await hub.push(author, start)
    await hub.push(author, start)
    other.edit("r1")
    await hub.push(other, 4)
    store = await flush(hub)
    second, first = await store.rounds(author.id)
    assert (first.outcome, first.added, first.changed, first.gone) == ("verified", 10, 0, 0)
    assert (second.runs, second.added, second.changed, second.gone) == (2, 1, 1, 2)
    assert (second.live, second.alarm) == (10, "")
    names = [(one.did, one.id, one.has_another_name) async for one in moved(hub.ledger, author.id, *_place(second))]
    assert [did for did, _, _ in names] == ["changed", "gone", "gone", "added"]
    assert names[0][2], "the name is another one"
    gone = [one.before async for one in moved(hub.ledger, author.id, *_place(second), "gone")]
    assert all(record is not None and record["name"] for record in gone), "deleted by name"
    (now,) = [one for one in await store.conditions() if one.source == author.id]
    assert (now.way, now.outcome, now.failures, bool(now.success_at)) == (Way.PUSH, "verified", 0, True)


def _place(one: Round) -> tuple[str, int, int]:
    return one.way, one.first, one.next


async def test_a_source_that_ends_renames_or_drops_much_is_an_alarm(hub: ViewedHub) -> None:
    for how, alarm in (("end all", "emptied"), ("end half", "much_gone"), ("rename", "renamed"), ("edit", "")):
        author = Author(how)
        author.puts(20)
        await hub.admit(author)
        await hub.push(author)
        await flush(hub)
        start = len(author.feed().lines)
        for number in range(10 if how == "end half" else 20):
            if how.startswith("end"):
                author.delete(f"r{number}")
            elif how == "rename":
                author.edit(f"r{number}", name=called(f"another {number}"))
            else:
                author.edit(f"r{number}", name=called(f"دار r{number} 1"), x_note="moved")
        await hub.push(author, start)
        store = await flush(hub)
        latest = (await store.rounds(author.id))[0]
        assert (latest.alarm, latest.live) == (alarm, 20), how
        assert latest.renamed == (20 if how == "rename" else 0)
    assert {one.alarm for one in await history_of(hub).alarms()} == {"emptied", "much_gone", "renamed"}


async def test_a_stranger_makes_no_source_look_ill_and_a_node_with_a_fault_does(hub: ViewedHub) -> None:
    author, thief = Author("dar"), Author("thief")
    author.puts(2)
    await hub.admit(author)
    await hub.push(author)
    author.put("more")
    body = author.push()
    with pytest.raises(Refusal):
        await hub.hub.push(author.id, "public", body.replace(b'"to":4', b'"to":9'))
    thief.puts(1)
    with pytest.raises(Refusal):
        await hub.hub.push(author.id, "public", thief.push())
    with pytest.raises(Refusal):
        await hub.hub.push(thief.id, "public", thief.push())
    noted = {one.outcome for one in await (await flush(hub)).rounds(author.id)}
    assert "verified" in noted and len(noted) == 2, "only what the node has signed is its fault"
    assert await history_of(hub).rounds(thief.id) == []


async def test_a_pulled_feed_has_rounds_with_stages_and_sentences(hub: ViewedHub, tmp_path: Path) -> None:
    feed = StaticFeed(tmp_path / "feed")
    feed.author.puts(300)
    feed.publish()
    await hub.admit(feed.author)
    pulls, pull = Pulls(hub.hub, tmp_path / "pulls", allow_private=True), Pull(feed.author.id, str(feed.folder), "")
    stages: list[tuple[str, int, int]] = []
    told = hub.hub.notes.stage

    def listen(source: str, way: Way, stage: str, done: int = 0, total: int = 0) -> None:
        stages.append((stage, done, total))
        told(source, way, stage, done, total)

    hub.hub.notes.stage = listen
    for _ in range(2):
        await pulls.pull(pull)
        hub.clock.pass_time(seconds=2)
    feed.folder.rename(tmp_path / "elsewhere")
    await pulls.pull(pull)
    lost, quiet, first = await (await flush(hub)).rounds(feed.author.id)
    assert (first.way, first.outcome, first.added, first.runs) == (Way.PULL, "verified", 300, 1)
    assert (quiet.outcome, quiet.moved, lost.outcome, bool(lost.detail)) == ("verified", 0, "unreachable", True)
    assert [stage for stage, _, _ in stages[:1]] == ["asking"]
    assert ("fetching", 301, 301) in stages and ("taking", 301, 301) in stages


async def test_the_two_directions_of_a_peer_are_two_healths(place: Path | str, tmp_path: Path) -> None:
    """Two hubs follow each other: when one cannot be fetched any more, that it takes from here heals nothing."""
    async with viewed_hub(place, "here") as here, viewed_hub(tmp_path / "there.sqlite", "there") as there:
        ours, theirs = Author("ours"), Author("theirs")
        for hub, author in ((here, ours), (there, theirs)):
            author.puts(5)
            await hub.admit(author)
            await hub.push(author)
            await hub.publish()
        folder = there.write_out(tmp_path / "feed of there")
        followers = Followers(here.hub, tmp_path / "peers", 60.0, allow_private=True)

        async def ask() -> None:
            await followers.once((await here.ledger.peers())[0])

        await here.ledger.keep_peer(Peer(there.id, "there", str(folder), 0, ""))
        await ask()
        (tmp_path / "they read").mkdir()
        await there.follow(here, tmp_path / "they read")
        there.clock.pass_time(seconds=2)
        await there.publish()
        there.write_out(folder)
        here.clock.now = there.clock.now
        await ask()
        folder.rename(tmp_path / "gone")
        await ask()
        store = await flush(here)
        now = {one.way: one for one in await store.conditions() if one.source == there.id}
        assert (now["peer"].outcome, now["peer"].failures, bool(now["peer"].success_at)) == ("temporary", 1, True)
        assert (now["back"].outcome, now["back"].failures) == ("verified", 0)
        rounds = await store.rounds(there.id)
        assert [one.added for one in rounds if one.way == Way.BACK] == [5]
        assert {one.refused for one in rounds} == {0}, "what they have from here is no fault of theirs"
        assert sum(one.added for one in rounds if one.way == Way.PEER) == 5


async def test_a_sync_goes_on_when_nothing_can_be_noted_and_the_log_says_so(
    hub: ViewedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    author = Author("dar")
    author.puts(3)
    await hub.admit(author)
    monkeypatch.setattr(hub.hub.notes, "_round", None)
    with structlog.testing.capture_logs() as logs:
        assert (await hub.push(author)).admitted == 4
    assert "history.failed" in {line["event"] for line in logs}
    assert len(await hub.live()) == 3


async def test_small_rounds_of_one_day_that_end_much_together_are_an_alarm(hub: ViewedHub) -> None:
    author = Author("creeps")
    author.puts(100)
    await hub.admit(author)
    await hub.push(author)
    store = await flush(hub)
    hub.clock.pass_time(seconds=86_400)
    alarms = []
    for number in range(9):
        start = len(author.feed().lines)
        author.delete(f"r{number}")
        await hub.push(author, start)
        await flush(hub)
        hub.clock.pass_time(seconds=3600)
        alarms.append((await store.rounds(author.id))[0].alarm)
    assert alarms == ["", "", "", "", "", "crept", "", "", ""], "six of a hundred; what follows is counted anew"
    (told,) = await store.alarms()
    assert told.detail == "6 of 100 records ended within a day"
    await store.look(told, "meant")
    for number in range(9, 11):
        hub.clock.pass_time(seconds=86_400)
        start = len(author.feed().lines)
        author.delete(f"r{number}")
        await hub.push(author, start)
        await flush(hub)
        assert await store.alarms() == [], "one a day is a directory that is looked after"


async def test_what_comes_and_goes_within_a_day_creeps_nowhere(hub: ViewedHub) -> None:
    author = Author("drafts")
    author.puts(30)
    await hub.admit(author)
    await hub.push(author)
    for number in range(8):
        start = len(author.feed().lines)
        author.put(f"draft{number}")
        await hub.push(author, start)
        await flush(hub)
        start = len(author.feed().lines)
        author.delete(f"draft{number}")
        await hub.push(author, start)
        store = await flush(hub)
    assert await store.alarms() == []


async def test_a_peer_whose_records_are_all_renamed_is_an_alarm(hub: ViewedHub, tmp_path: Path) -> None:
    async with viewed_hub(tmp_path / "there.sqlite", "there") as there:
        author = Author("renames")
        author.puts(20)
        await there.admit(author)
        await there.push(author)
        await there.publish()
        peer = Peer(there.id, "there", str(there.write_out(tmp_path / "feed")), 0, "")
        await hub.ledger.keep_peer(peer)
        followers = Followers(hub.hub, tmp_path / "peers", 60.0, allow_private=True)
        hub.clock.now = there.clock.now
        await followers.once(peer)
        await flush(hub)
        start = len(author.feed().lines)
        for number in range(20):
            author.edit(f"r{number}", name=called(f"another {number}"))
        await there.push(author, start)
        there.clock.pass_time(seconds=200)
        await there.publish()
        there.write_out(tmp_path / "feed")
        hub.clock.now = there.clock.now
        await followers.once((await hub.ledger.peers())[0])
        store = await flush(hub)
        latest = next(one for one in await store.rounds(there.id) if one.way == Way.PEER)
        assert (latest.alarm, latest.renamed, latest.live) == ("renamed", 20, 20)
