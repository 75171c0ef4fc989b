"""A line that is cut: what came is not fetched again where the server offers the rest, elsewhere at most one file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from jisr_protocol.reader.follow import follow_once
from jisr_protocol.reader.http import GuardedClient
from jisr_protocol.reader.places import HttpPlace, Spool
from jisr_protocol.session import Fetch, Fetched, Unreachable
from tests.federation.cut_server import CutServer
from tests.reader.publisher import FeedFolder


@pytest.fixture
def feed(tmp_path: Path) -> FeedFolder:
    made = FeedFolder(tmp_path / "feed")
    made.fill(600)
    made.publish()
    return made


def page_of(feed: FeedFolder) -> str:
    return next(f.relative_to(feed.folder).as_posix() for f in sorted(feed.folder.glob("log/*/000.ndjson")))


def fetched(server: CutServer, path: str, spool: Path | None = None) -> tuple[Any, HttpPlace]:
    async def story() -> tuple[Any, HttpPlace]:
        async with GuardedClient(allow_private=True) as client:
            place = HttpPlace(server.address, client)
            return await (Spool(place, spool) if spool else place).fetch(Fetch(path, 10**7)), place

    return asyncio.run(story())


@pytest.mark.parametrize("packed", [True, False], ids=["compressed", "as it is"])
def test_the_rest_of_a_page_is_asked_for_and_nothing_comes_twice(feed: FeedFolder, packed: bool) -> None:
    path = page_of(feed)
    with CutServer(feed.folder, packed=packed) as server:
        server.cuts = [1000, 3000, 9000, 9001]
        event, place = fetched(server, path)
        whole = server.body(path)[0]
    assert isinstance(event, Fetched) and event.body == (feed.folder / path).read_bytes()
    assert (place.wire_bytes, place.repeated) == (len(whole), [])
    assert [headers.get("range") for headers in server.headers[:2]] == [None, "bytes=1000-"]


def test_without_ranges_a_cut_costs_what_had_come_of_one_page(feed: FeedFolder) -> None:
    path = page_of(feed)
    with CutServer(feed.folder, ranges=False) as server:
        server.cuts = [1000, 9000]
        event, place = fetched(server, path)
        whole = len(server.body(path)[0])
    assert isinstance(event, Fetched)
    assert (sum(place.repeated), place.wire_bytes) == (
        9000,
        whole + 9000,
    )  # the second cut is at the 9,000th byte of all


def test_what_came_before_a_run_ended_is_not_asked_for_again(feed: FeedFolder, tmp_path: Path) -> None:
    path, spool = page_of(feed), tmp_path / "spool"
    with CutServer(feed.folder) as server:
        server.cuts = [5000]
        server.dead_after_cuts = True
        event, place = fetched(server, path, spool)
        assert isinstance(event, Unreachable) and place.wire_bytes == 5000
        server.dead_after_cuts = False
        event, place = fetched(server, path, spool)
        assert isinstance(event, Fetched) and place.wire_bytes == len(server.body(path)[0]) - 5000
    assert server.headers[-1]["range"] == "bytes=5000-" and not list(spool.glob("*.cut"))


def test_a_page_that_was_written_again_is_taken_whole(feed: FeedFolder, tmp_path: Path) -> None:
    """If-Range: the rest of another file is never put behind the beginning of this one."""
    path, spool = page_of(feed), tmp_path / "spool"
    with CutServer(feed.folder) as server:
        server.cuts = [5000]
        server.dead_after_cuts = True
        fetched(server, path, spool)
        server.dead_after_cuts = False
        other = (feed.folder / path).read_bytes().replace(b"r", b"q")
        (feed.folder / path).write_bytes(other)
        event, place = fetched(server, path, spool)
    assert isinstance(event, Fetched) and event.body == other and place.repeated == [5000]


def test_a_server_that_goes_on_with_something_else_is_asked_anew(feed: FeedFolder) -> None:
    path = page_of(feed)
    with CutServer(feed.folder) as server:
        server.cuts = [5000]
        server.lie = "bytes 4999-9000/9001"
        event, _ = fetched(server, path)
    assert isinstance(event, Fetched) and event.body == (feed.folder / path).read_bytes()


def test_a_whole_follow_over_a_line_that_is_cut_at_every_turn(feed: FeedFolder, tmp_path: Path) -> None:
    with CutServer(feed.folder) as server:
        server.cuts = list(range(2_000, 60_000, 4_000))
        result = follow_once(server.address, tmp_path / "copy.jisr", allow_private=True, now=lambda: feed.now)
    assert result.outcome == 0 and result.live == 599
    assert server.sent_bytes == server.needed_bytes(), "no byte came twice"
