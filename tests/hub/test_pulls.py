"""Feeds that the hub fetches: a push that the hub makes for a node, and each way in which one can go wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jisr_hub.following.pulls import Pulled, Pulls
from jisr_hub.ports import Pull
from jisr_protocol import evidence
from jisr_protocol.polling import Said
from tests.hub.author import Author
from tests.hub.hub_in_memory import MemoryHub
from tests.hub.static_feed import StaticFeed
from tests.reader.server import FeedServer

pytestmark = pytest.mark.anyio


@pytest.fixture
def feed(tmp_path: Path) -> StaticFeed:
    """A node's exported feed of 300 records and their keys: two pages."""
    made = StaticFeed(tmp_path / "feed")
    made.author.puts(300)
    made.publish()
    return made


async def admitting(feed: StaticFeed, **quota: int) -> MemoryHub:
    hub = await MemoryHub("hub").begin()
    await hub.admit(feed.author, **quota)
    return hub


def pulls_of(hub: MemoryHub, tmp_path: Path, **options: Any) -> Pulls:
    return Pulls(hub.hub, tmp_path / "pulls", **{"allow_private": True, **options})


async def ask(pulls: Pulls, feed: StaticFeed, address: str | Path) -> Pulled:
    return await pulls.pull(Pull(feed.author.id, str(address), ""))


async def test_a_feed_is_taken_as_if_the_node_had_pushed_it(feed: StaticFeed, tmp_path: Path) -> None:
    hub = await admitting(feed)
    with FeedServer(feed.folder) as server:
        pulls = pulls_of(hub, tmp_path)
        first = await ask(pulls, feed, server.address)
        assert (first.outcome, first.entries, first.quarantined, first.asked.said) == ("verified", 301, 0, Said.NEWS)
        assert first.answer is not None and first.answer.receipt.value["size"] == 301
        assert len(await hub.live()) == 300
        server.forget()
        again = await ask(pulls, feed, server.address)
        assert (again.outcome, again.entries, again.asked.said) == ("verified", 0, Said.QUIET)
        assert (server.asked, server.statuses) == (["head.json"], [304])
        feed.author.put("later")
        feed.publish()
        server.forget()
        later = await ask(pulls, feed, server.address)
        assert (later.outcome, later.entries) == ("verified", 1)
        assert len(server.asked) == 2, "the head and the page that grew"
    assert len(await hub.live()) == 301
    assert not list((tmp_path / "pulls").glob("*.spool"))


async def test_what_the_node_pushed_is_not_fetched_again(tmp_path: Path) -> None:
    """The other way in: a push of the first half, then the whole from its folder."""
    author = Author("dar")
    author.puts(20)
    hub = await MemoryHub("hub").begin()
    await hub.admit(author)
    await hub.push(author, 0, 10)
    feed = StaticFeed(tmp_path / "feed", author)
    feed.publish()
    pulled = await pulls_of(hub, tmp_path).take_folder(author.id, feed.folder)
    assert (pulled.outcome, pulled.entries, pulled.admitted) == ("verified", 11, 11)
    assert len(await hub.live()) == 20


async def test_a_renewed_head_is_taken_without_any_line(tmp_path: Path) -> None:
    author = Author("dar")
    author.puts(3)
    hub = await MemoryHub("hub").begin()
    await hub.admit(author)
    pulls = pulls_of(hub, tmp_path)
    StaticFeed(tmp_path / "feed", author).publish()
    await pulls.take_folder(author.id, tmp_path / "feed")
    author.now += timedelta(days=1)
    hub.clock.pass_time(days=1)
    StaticFeed(tmp_path / "feed", author).publish()
    pulled = await pulls.take_folder(author.id, tmp_path / "feed")
    held = await hub.hub.log_state(author.id, "public")
    assert (pulled.outcome, pulled.entries, held.head is not None and held.head.time) == ("verified", 0, author.now)


async def test_what_does_not_fit_is_quarantined_and_the_rest_proceeds(tmp_path: Path) -> None:
    author = Author("dar")
    author.puts(3)
    author.put("faulty", founded="long ago")
    hub = await MemoryHub("hub").begin()
    await hub.admit(author)
    StaticFeed(tmp_path / "feed", author).publish()
    pulled = await pulls_of(hub, tmp_path).take_folder(author.id, tmp_path / "feed")
    assert (pulled.outcome, pulled.admitted, pulled.quarantined) == ("verified", 4, 1)


# What goes wrong


async def ended(feed: StaticFeed, hub: MemoryHub, tmp_path: Path, address: str, **options: Any) -> Pulled:
    """Pull once; whatever came, what the hub held before is as it was."""
    before = await hub.lines()
    pulled = await ask(pulls_of(hub, tmp_path, **options), feed, address)
    assert await hub.lines() == before
    assert pulled.sentence, "a person is told why"
    return pulled


async def test_a_node_that_is_not_admitted_is_not_even_asked(feed: StaticFeed, tmp_path: Path) -> None:
    hub = await MemoryHub("hub").begin()
    with FeedServer(feed.folder) as server:
        assert (await ended(feed, hub, tmp_path, server.address)).outcome == "refused"
        assert server.asked == []


async def test_a_fork_is_found_and_kept_as_evidence(feed: StaticFeed, tmp_path: Path) -> None:
    hub = await admitting(feed)
    await ask(pulls_of(hub, tmp_path), feed, feed.folder)
    other = StaticFeed(tmp_path / "other")
    other.author.puts(301, "another")
    other.publish()
    assert other.author.id == feed.author.id
    pulled = await ended(feed, hub, tmp_path, str(other.folder))
    assert pulled.outcome == "contradicted" and "evidence" in pulled.sentence
    [case] = (tmp_path / "pulls").glob("*.evidence/*")
    assert evidence.judge(evidence.parse(case.read_bytes())).by == feed.author.id


async def test_a_head_that_expired_is_stale_and_what_is_held_stays(feed: StaticFeed, tmp_path: Path) -> None:
    hub = await admitting(feed)
    await ask(pulls_of(hub, tmp_path), feed, feed.folder)
    hub.clock.pass_time(days=60)
    assert (await ended(feed, hub, tmp_path, str(feed.folder))).outcome == "stale"
    assert len(await hub.live()) == 300


async def test_a_page_that_was_changed_is_broken(feed: StaticFeed, tmp_path: Path) -> None:
    hub = await admitting(feed)
    bent = feed.folder / feed.pages[0]
    bent.write_bytes(bent.read_bytes().replace(b"r0", b"r1", 1))
    assert (await ended(feed, hub, tmp_path, str(feed.folder))).outcome == "broken"


async def test_a_host_that_does_not_answer_is_unreachable(feed: StaticFeed, tmp_path: Path) -> None:
    hub = await admitting(feed)
    with FeedServer(feed.folder) as server:
        address = server.address
    pulled = await ended(feed, hub, tmp_path, address)
    assert (pulled.outcome, pulled.asked.said) == ("unreachable", Said.FAILED)


async def test_a_host_that_asks_for_a_pause_has_not_failed(feed: StaticFeed, tmp_path: Path) -> None:
    hub = await admitting(feed)
    with FeedServer(feed.folder) as server:
        server.answers["head.json"] = 429
        pulled = await ended(feed, hub, tmp_path, server.address)
    assert (pulled.outcome, pulled.asked.said, pulled.asked.wait_seconds) == ("throttled", Said.BUSY, 60.0)


async def test_an_address_inside_is_not_asked(feed: StaticFeed, tmp_path: Path) -> None:
    hub = await admitting(feed)
    with FeedServer(feed.folder) as server:
        assert (await ended(feed, hub, tmp_path, server.address, allow_private=False)).outcome == "forbidden"
        assert server.asked == []


async def test_a_redirect_elsewhere_is_not_followed(feed: StaticFeed, tmp_path: Path) -> None:
    hub = await admitting(feed)
    with FeedServer(feed.folder) as server, FeedServer(feed.folder) as inner:
        server.redirects["head.json"] = f"{inner.address}/head.json"
        assert (await ended(feed, hub, tmp_path, server.address)).outcome == "forbidden"
        assert inner.asked == []


async def test_endless_data_is_cut_off(feed: StaticFeed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = await admitting(feed)
    (feed.folder / "head.json").write_bytes(b"x" * 10**6)
    assert (await ended(feed, hub, tmp_path, str(feed.folder))).outcome == "broken"
    feed.publish()
    monkeypatch.setattr("jisr_hub.following.pulls.MOST_BYTES", 100_000)
    pulled = await ended(feed, hub, tmp_path, str(feed.folder))
    assert pulled.outcome == "broken" and "100000 bytes" in pulled.sentence
    monkeypatch.setattr("jisr_hub.following.pulls.MOST_ENTRIES", 200)
    assert "200 new entries" in (await ended(feed, hub, tmp_path, str(feed.folder))).sentence


async def test_a_quota_lets_the_rest_wait_and_fetches_nothing_twice(feed: StaticFeed, tmp_path: Path) -> None:
    """The first batch crosses the line of 100 an hour; what is left comes an hour later, out of the spool."""
    feed.author.puts(400, "more")
    feed.publish()
    hub = await admitting(feed, per_hour=100)
    pulls = pulls_of(hub, tmp_path)
    with FeedServer(feed.folder) as server:
        first = await ask(pulls, feed, server.address)
        assert (first.outcome, first.entries, first.asked.said) == ("waiting", 500, Said.BUSY)
        hub.clock.pass_time(hours=2)
        server.forget()
        second = await ask(pulls, feed, server.address)
        assert (second.outcome, second.entries) == ("verified", 201)
        assert server.asked == ["head.json"], "its pages were kept"
    assert len(await hub.live()) == 700


async def test_a_cut_in_the_middle_repeats_nothing_that_came(feed: StaticFeed, tmp_path: Path) -> None:
    hub = await admitting(feed)
    pulls = pulls_of(hub, tmp_path)
    with FeedServer(feed.folder) as server:
        page = next(path for path in feed.pages if ".p/" in path)
        server.answers[page] = 503
        assert (await ask(pulls, feed, server.address)).outcome == "unreachable"
        server.answers.clear()
        server.forget()
        assert (await ask(pulls, feed, server.address)).outcome == "verified"
        assert [path for path in server.asked if path.startswith("log/")] == [page]
