"""Holds (NTC-8, NTC-11): out of all that is shown, kept for nobody to see, and back as it was, by unhold or the clock.

Each story runs over the ledger in memory, on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jisr_hub import log
from jisr_hub.cli import checking, holding, inspection, setting_up
from jisr_hub.desk.bench import CannotAct
from jisr_hub.following.taking import Offered
from jisr_protocol import identifiers
from jisr_protocol.notice import ALL
from jisr_protocol.reader.follow import follow
from jisr_protocol.reader.store import open_copy
from jisr_protocol.session import Outcome
from tests.faults.test_erased import forms
from tests.hub.author import Author, record_id
from tests.hub.hub_in_memory import MemoryHub, run
from tests.hub.kept_hub import KeptHub
from tests.hub.test_erasure import Begun, begun, erase, erasures_of, everything, say, words
from tests.hub.viewed import viewed_hub

__all__ = ["begun"]
pytestmark = pytest.mark.anyio


async def act(hub: MemoryHub, action: str, author: Author, label: str, **options: Any) -> Any:
    """The operator holds a record back, or all of a node, or ends that."""
    target = ALL if label == ALL else record_id(label)
    options.setdefault("basis", "a complaint")
    return await erasures_of(hub).say(action, author.id, (target,), id=str(uuid.uuid4()), **options)


async def lift(hub: MemoryHub) -> int:
    return await hub.ledger.lift(identifiers.to_instant(hub.clock()), log.number)


def published(hub: MemoryHub) -> bytes:
    """Every byte of its published files, and what they inflate to."""
    return b"\n".join(form for content in hub.pages.files.values() for form in forms(content))


async def shown(hub: MemoryHub, folder: Path, copy: str = "copy.jisr") -> dict[str, str]:
    """What a reader of its published files shows: id → how it stands in the tree."""
    await hub.publish()
    result = await follow(hub.write_out(folder / hub.id[5:13]), folder / copy, now=hub.clock)
    assert result.outcome is Outcome.VERIFIED, result.sentence
    with open_copy(folder / copy) as held:
        assert list(result.refused) == []
        return {record.id: record.value["name"]["ar"]["value"] for record in held.records()}


async def test_what_is_held_is_in_nothing_that_is_shown_and_comes_back_as_it_was(begun: Begun, tmp_path: Path) -> None:
    author = Author("dar")
    author.put("one", **words("canaryold"))
    author.put("two", **words("two"))
    author.put("one", **words("canaryone"))
    async with begun(author) as hub:
        await hub.push(author)
        before = await hub.log()
        was = await shown(hub, tmp_path)
        assert set(was.values()) == {"canaryone", "two"} and b"canaryone" in published(hub)

        done = await act(hub, "hold", author, "one")

        assert done.entries == 2
        assert set((await shown(hub, tmp_path)).values()) == {"two"}
        assert set((await shown(hub, tmp_path, "fresh.jisr")).values()) == {"two"}
        held = await hub.log()
        assert [e.leaf for e in held[: len(before)]] == [e.leaf for e in before]
        assert [e.gone for e in held if e.id == record_id("one")] == ["held", "held", None]
        assert b"canary" not in published(hub)
        (back,) = await hub.ledger.held_back()
        assert (back.rev, b"canaryone" in back.line) == (2, True)
        async with hub.ledger.reading() as view:
            assert await view.generations() == {0: 2}

        assert (await act(hub, "unhold", author, "one")).entries == 1

        after = await hub.log()
        assert [e.op for e in after[len(held) :]] == ["unhold", "put"]
        assert (after[-1].thing, after[-1].src) == (before[-1].thing, before[-1].src), "the very same bytes"
        assert await shown(hub, tmp_path) == was
        assert await shown(hub, tmp_path, "fresh.jisr") == was
        assert await hub.ledger.held_back() == []
        assert b"canaryold" not in await everything(hub.ledger), "a rev that was overtaken does not come back"


async def test_a_hold_ends_by_the_clock_after_fourteen_days_at_most(begun: Begun, tmp_path: Path) -> None:
    author = Author("dar")
    author.put("one", **words("one"))
    author.put("two", **words("two"))
    async with begun(author) as hub:
        await hub.push(author)
        await act(hub, "hold", author, "one", expires=hub.clock() + timedelta(days=3))
        await act(hub, "hold", author, "two", expires=hub.clock() + timedelta(days=90))
        assert await shown(hub, tmp_path) == {}
        hub.clock.pass_time(days=3, seconds=-1)
        assert await lift(hub) == 0
        hub.clock.pass_time(seconds=1)
        assert await lift(hub) == 1
        assert set((await shown(hub, tmp_path)).values()) == {"one"}
        hub.clock.pass_time(days=11)
        assert await lift(hub) == 1
        assert set((await shown(hub, tmp_path)).values()) == {"one", "two"}
        assert set((await shown(hub, tmp_path, "fresh.jisr")).values()) == {"one", "two"}
        await hub.publisher.publish(snapshot=True)
        assert set((await shown(hub, tmp_path, "snapshot.jisr")).values()) == {"one", "two"}
        assert await lift(hub) == 0


async def test_a_hold_that_is_renewed_lasts_longer(begun: Begun, tmp_path: Path) -> None:
    author = Author("dar")
    author.put("one", **words("one"))
    async with begun(author) as hub:
        await hub.push(author)
        await act(hub, "hold", author, "one", expires=hub.clock() + timedelta(days=10))
        hub.clock.pass_time(days=9)
        await act(hub, "hold", author, "one", expires=hub.clock() + timedelta(days=10))
        assert (await hub.log())[-1].op == "hold", "those who follow are told"
        hub.clock.pass_time(days=9)
        assert await lift(hub) == 0
        hub.clock.pass_time(days=1)
        assert await lift(hub) == 1
        assert set((await shown(hub, tmp_path)).values()) == {"one"}


async def test_what_comes_while_it_is_held_waits_and_only_the_newest_comes_back(begun: Begun, tmp_path: Path) -> None:
    author = Author("dar")
    author.put("one", **words("first"))
    async with begun(author) as hub:
        await hub.push(author)
        await act(hub, "hold", author, ALL)
        author.put("one", **words("second"))
        author.put("one", **words("third"))
        author.put("new", **words("new"))
        author.put("bad", status="gone")
        answer = await hub.push(author, 2)
        assert ([k.code for k in answer.quarantined], answer.admitted) == (["schema_invalid"], 3)
        assert await hub.live() == {} == await shown(hub, tmp_path)
        for word in (b"second", b"third", b'"new"'):
            assert word not in published(hub)
        assert (await hub.push(author, 2)).duplicates == 4 - 1
        assert (await act(hub, "unhold", author, ALL)).entries == 2
        assert set((await shown(hub, tmp_path)).values()) == {"third", "new"}
        sources = {e.src for e in await hub.log() if e.op == "put" and e.gone is None}
        assert sources == {("public", author.feed().epoch, 3), ("public", author.feed().epoch, 4)}


async def test_a_later_rev_than_it_names_is_lawful_and_what_was_deleted_meanwhile_stays_so(begun: Begun) -> None:
    author = Author("dar")
    author.put("one", **words("first"))
    author.put("two", **words("two"))
    async with begun(author) as hub:
        await hub.push(author)
        await act(hub, "hold", author, "one", max_rev=1)
        await act(hub, "hold", author, "two")
        author.put("one", **words("second"))
        author.delete("two")
        await hub.push(author, 3)
        assert await hub.names() == {"second"}
        assert (await act(hub, "unhold", author, ALL)).entries == 0
        assert await hub.names() == {"second"}
        assert await hub.ledger.held_back() == []


async def test_an_erasure_takes_what_is_held_back_too(begun: Begun) -> None:
    author = Author("dar")
    author.put("one", **words("canaryone"))
    async with begun(author) as hub:
        await hub.push(author)
        await act(hub, "hold", author, "one")
        assert b"canaryone" in await everything(hub.ledger)
        assert (await erase(hub, author, "one")).entries == 1
        assert b"canary" not in await everything(hub.ledger)
        assert [e.gone for e in await hub.log() if e.op == "put"] == ["erased"]
        assert (await act(hub, "unhold", author, "one")).entries == 0
        assert await hub.live() == {}


async def test_two_holds_end_when_both_have_ended_and_nobody_ends_anothers(begun: Begun) -> None:
    author = Author("dar")
    author.put("one", **words("one"))
    async with begun(author) as hub:
        await hub.push(author)
        await act(hub, "hold", author, "one")
        say(author, "one", action="hold", max_rev=None)
        await hub.push(author, 2)
        await act(hub, "unhold", author, "one")
        assert await hub.live() == {}
        say(author, "one", action="unhold", n=2, max_rev=None)
        await hub.push(author, 3)
        assert await hub.names() == {"one"}


async def test_a_nodes_own_hold_counts_in_its_feed_without_an_end(begun: Begun, tmp_path: Path) -> None:
    author = Author("dar")
    author.put("one", **words("canaryone"))
    say(author, "one", action="hold", max_rev=None)
    author.put("one", **words("canarytwo"))
    async with begun(author) as hub:
        await hub.push(author)
        assert [e.op for e in (await hub.log())[1:]] == ["key", "put", "hold"]
        assert await shown(hub, tmp_path) == {}
        hub.clock.pass_time(days=40)
        assert await lift(hub) == 0
        say(author, "one", action="unhold", n=2, max_rev=None)
        await hub.push(author, 4)
        assert await hub.names() == {"canarytwo"}


async def test_a_hold_that_was_said_in_a_restricted_feed_tells_the_public_nothing(begun: Begun) -> None:
    author = Author("dar")
    author.put("one", **words("one"))
    author.put("hidden", audience="hub")
    say(author, "one", action="hold", max_rev=None, feed="hub")
    async with begun(author) as hub:
        await hub.push(author)
        size = len(await hub.log())
        await hub.push(author, feed="hub")
        assert (len(await hub.log()), await hub.names()) == (size, {"one"})


async def test_a_narrowed_record_does_not_come_back_to_the_public(begun: Begun) -> None:
    author = Author("dar")
    author.put("one", **words("canaryone"))
    async with begun(author) as hub:
        await hub.push(author)
        await act(hub, "hold", author, "one")
        author.put("one", audience="hub", **words("hidden"))
        await hub.push(author, feed="hub")
        assert (await act(hub, "unhold", author, "one")).entries == 0
        assert await hub.live() == {}
        assert b"canary" not in await everything(hub.ledger)


# Downstream


async def test_a_home_hubs_hold_is_kept_by_those_who_follow_and_so_is_its_end(begun: Begun, tmp_path: Path) -> None:
    author = Author("dar")
    author.put("one", **words("canaryone"))
    author.put("two", **words("two"))
    async with begun(author, label="home") as home, begun(label="second") as second:
        await home.push(author)
        await home.publish()
        await second.follow(home, tmp_path)
        was = await shown(second, tmp_path)
        await act(home, "hold", author, "one")
        await home.publish()
        await second.follow(home, tmp_path)
        assert set((await shown(second, tmp_path)).values()) == {"two"}
        assert b"canary" not in published(second)
        assert [back.id for back in await second.ledger.held_back()] == [record_id("one")]
        assert [e.op for e in await second.log()].count("out") == 0
        await act(home, "unhold", author, "one")
        await home.publish()
        await second.follow(home, tmp_path)
        assert await shown(second, tmp_path) == was == await shown(home, tmp_path, "home.jisr")
        size = len(await second.log())
        await home.publish()
        await second.follow(home, tmp_path)
        assert len(await second.log()) == size, "the home hub's put is what is there already"


async def test_a_hub_that_missed_the_end_brings_it_back_by_its_own_clock(begun: Begun, tmp_path: Path) -> None:
    author = Author("dar")
    author.put("one", **words("one"))
    async with begun(author, label="home") as home, begun(label="second") as second:
        await home.push(author)
        await home.publish()
        await second.follow(home, tmp_path)
        await act(home, "hold", author, "one")
        await home.publish()
        await second.follow(home, tmp_path)
        assert await shown(second, tmp_path) == {}
        second.clock.pass_time(days=14)
        assert await lift(second) == 1
        assert set((await shown(second, tmp_path)).values()) == {"one"}


async def test_anothers_hold_is_advice_and_changes_nothing(begun: Begun, tmp_path: Path) -> None:
    author = Author("dar")
    author.put("one", **words("one"))
    async with begun(author, label="home") as home, begun(label="second") as second:
        await home.push(author)
        await home.publish()
        await second.follow(home, tmp_path)
        await act(second, "hold", author, "one", jurisdiction="NL")
        await second.publish()
        assert await second.live() == {}
        await home.follow(second, tmp_path)
        assert await home.names() == {"one"}
        (told,) = await home.ledger.handled()
        assert (told.outcome, told.task, told.source) == ("advice", "open", second.id)


# In a folder


def test_check_and_rebuild_know_what_is_held_back(tmp_path: Path) -> None:
    author = Author("dar", now=setting_up.now())
    author.puts(3)
    hub = KeptHub(tmp_path / "hub").fill(author)
    value = run(holding.hold(hub.folder, author.id, record_id("r1"), basis="a complaint", days=2, max_rev=None))
    assert value["entries"] == 1
    assert run(checking.check(hub.folder, lambda *_: None))["faults"] == []
    author.put("r1", **words("later"))
    assert run(checking.check(hub.folder, lambda *_: None))["faults"] == []
    assert run(inspection.rebuild(hub.folder))["live"] == 2
    assert run(checking.check(hub.folder, lambda *_: None))["faults"] == []
    assert run(holding.unhold(hub.folder, author.id, record_id("r1"), basis="settled"))["back"] == 1
    assert run(checking.check(hub.folder, lambda *_: None))["faults"] == []
    with pytest.raises(CannotAct, match="1 to 14 days, came 15"):
        run(holding.hold(hub.folder, author.id, record_id("r1"), basis="x", days=15, max_rev=None))
    with pytest.raises(CannotAct, match=r"holds .* back by that name"):
        run(holding.unhold(hub.folder, author.id, record_id("r2"), basis="x"))


async def test_a_view_holds_back_what_the_hub_holds_back(tmp_path: Path) -> None:
    author = Author("dar")
    author.put("one", **words("canaryone"))
    author.put("two", **words("two"))
    async with viewed_hub(tmp_path / "hub.sqlite") as hub:
        await hub.admit(author)
        await hub.view("all")
        await hub.push(author)
        await hub.round()
        assert len(await hub.live_of("all")) == 2
        await act(hub, "hold", author, "one")
        await hub.round()
        assert set(await hub.live_of("all")) == {(author.id, record_id("two"))}
        assert not any(b"canary" in content for content in hub.rooms["all"].pages.files.values())
        await act(hub, "unhold", author, "one")
        await hub.round()
        assert len(await hub.live_of("all")) == 2


# Away for longer than the log is kept


async def test_a_hub_that_was_away_longer_than_the_log_is_kept_loses_what_was_erased(
    begun: Begun, tmp_path: Path
) -> None:
    """No page tells it any more: the guards of the snapshot say what is gone, and go on keeping it out."""
    author = Author("dar")
    author.put("one", **words("canaryone"))
    author.put("two", **words("two"))
    async with begun(author, label="home") as home, begun(label="second") as second:
        second.clock = second.hub.clock = second.publisher.clock = home.clock
        await home.push(author)
        await home.publish()
        await second.follow(home, tmp_path)
        assert b"canaryone" in await everything(second.ledger)
        late = next(e for e in await home.log() if e.id == record_id("one"))
        await erase(home, author, "one")
        place = len(await home.log()) - 1
        author.puts(300, "r")
        await home.push(author, 3)
        for days in (1, 401, 31):
            home.clock.pass_time(days=days)
            await home.publisher.publish(snapshot=True)
        head = await home.publish()
        assert head.floor > place, "the entry that erased is in no page any more"
        await second.follow(home, tmp_path)
        assert b"canary" not in await everything(second.ledger)
        assert (author.id, record_id("one")) not in await second.live()
        assert (author.id, record_id("two")) in await second.live()
        key = (author.id, record_id("one"))
        assert (await second.ledger.guards([key]))[key] is None
        (peer,) = await second.ledger.peers()
        rings = await second.ledger.rings([author.id])
        assert await second.take(peer, [Offered(late.seq, late)], rings, peer.cursor) == 0
        assert b"canary" not in await everything(second.ledger)
