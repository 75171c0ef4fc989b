"""Waiting at other hubs for their next head: news goes on at once, and who does not wait is asked as before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from jisr_hub.following import waiting
from jisr_hub.following.rounds import Asked, Rounds
from jisr_hub.following.waiting import AT_ONCE, Waiting
from jisr_hub.ports import Peer
from jisr_hub.publish import feed as publishing
from jisr_protocol.polling import Bounds, Said
from jisr_protocol.reader.answers import Answer, Unreachable
from tests.hub.author import Author
from tests.hub.hub_in_memory import MemoryHub

pytestmark = pytest.mark.anyio


class Server:
    """Answers for a hub's heads, as a client that asks there does."""

    def __init__(self, hub: MemoryHub, *, waits: bool = True) -> None:
        self.hub, self.waits, self.asked = hub, waits, list[str]()

    async def get(self, url: str, *, limit_bytes: int, wait_seconds: float) -> Answer:
        self.asked.append(url)
        after = int(url.partition("after=")[2].partition("&")[0])
        head = await self.hub.publisher.wait(after, wait_seconds if self.waits else 0.0)
        assert head is not None and len(head.raw) <= limit_bytes
        return Answer(200, {}, head.raw, None)


@asynccontextmanager
async def waits(server: Any, held: dict[str, int], came: list[str], *names: str) -> AsyncIterator[Waiting]:
    async def come(name: str) -> None:
        came.append(name)
        held[name] = server.hub.publisher.head.size

    one = Waiting(server, held.get, come)
    one.keep({name: Peer(name, name, f"https://{name}.example/feeds/public", 0, "") for name in names})
    try:
        yield one
    finally:
        await one.end()


async def a_hub() -> tuple[MemoryHub, Author]:
    hub, author = await MemoryHub("hub").begin(), Author("dar")
    await hub.admit(author)
    author.put("first")
    await hub.push(author)
    await hub.publish()
    return hub, author


async def until(what: Any) -> None:
    async with asyncio.timeout(20):
        while not what():
            await asyncio.sleep(0.01)


async def test_a_hub_is_asked_when_its_next_head_comes_and_not_before() -> None:
    hub, author = await a_hub()
    assert hub.publisher.head is not None
    server, came, held = Server(hub), list[str](), {"far": hub.publisher.head.size}
    async with waits(server, held, came, "far"):
        await until(lambda: server.asked)
        await asyncio.sleep(0.1)
        assert (came, len(server.asked)) == ([], 1), "one question waits"
        author.put("second")
        await hub.push(author, 2)
        await hub.publish()
        await until(lambda: len(server.asked) == 2)
        assert came == ["far"]
        assert server.asked[0] == "https://far.example/feeds/public/head.json?after=3&wait=55"


async def test_who_does_not_wait_or_does_not_answer_is_left_in_peace() -> None:
    hub, _ = await a_hub()
    assert hub.publisher.head is not None
    server, came = Server(hub, waits=False), list[str]()

    class Away(Server):
        async def get(self, url: str, **_: Any) -> Answer:
            self.asked.append(url)
            raise Unreachable(url, "it is off")

    away = Away(hub)
    async with waits(server, {"far": 3}, came, "far"), waits(away, {"off": 3}, came, "off"):
        await until(lambda: server.asked and away.asked)
        await asyncio.sleep(0.2)
        assert (len(server.asked), len(away.asked), came) == (1, 1, [])


async def test_what_cannot_be_taken_is_not_asked_for_again_and_again() -> None:
    hub, _ = await a_hub()
    server, came = Server(hub), list[str]()

    async def come(name: str) -> None:
        came.append(name)  # and nothing of it could be taken

    one = Waiting(server, {"far": 1}.get, come)  # it asks as a client does
    one.keep({"far": Peer("far", "far", "https://far.example/f", 0, "")})
    await until(lambda: came)
    await asyncio.sleep(0.2)
    await one.end()
    assert came == ["far"]


async def test_one_waits_at_so_many_at_once_and_not_at_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    hub, _ = await a_hub()
    server, names = Server(hub), [f"h{n}" for n in range(AT_ONCE + 3)]
    async with waits(server, dict.fromkeys(names, 3), [], *names) as one:
        await until(lambda: len(server.asked) == AT_ONCE)
        one.keep({"folder": Peer("folder", "folder", "/srv/feed", 0, "")})
        await asyncio.sleep(0.05)
        assert len(server.asked) == AT_ONCE
    monkeypatch.setattr(waiting, "SOON_SECONDS", 0.01)
    server.asked.clear()
    held: dict[str, int] = {}
    async with waits(server, held, [], "new"):
        await asyncio.sleep(0.1)
        assert server.asked == [], "a first round comes first"
        held["new"] = 3
        await until(lambda: server.asked)


async def test_only_so_many_may_wait_at_a_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    hub, _ = await a_hub()
    monkeypatch.setattr(publishing, "WAITING_AT_MOST", 2)
    both = [asyncio.create_task(hub.publisher.wait(10, 30)) for _ in range(2)]
    await asyncio.sleep(0.01)
    async with asyncio.timeout(5):
        assert await hub.publisher.wait(10, 30) is hub.publisher.head
    for task in both:
        task.cancel()
    await asyncio.gather(*both, return_exceptions=True)
    started = asyncio.get_running_loop().time()
    await hub.publisher.wait(10, 0.05)
    assert asyncio.get_running_loop().time() - started >= 0.04, "there is room again"


async def test_a_source_that_says_there_is_news_is_asked_at_once_unless_it_asked_for_a_pause() -> None:
    asked: list[str] = []

    async def sources() -> dict[str, str]:
        return {"one": "1", "tired": "2"}

    async def ask(source: str) -> Asked:
        asked.append(source)
        return Asked(Said.BUSY, 300.0) if source == "2" else Asked(Said.QUIET)

    rounds = Rounds(Bounds(300, 300), sources, ask)
    running = asyncio.create_task(rounds.run())
    await until(lambda: sorted(asked) == ["1", "2"])
    async with asyncio.timeout(5):
        await rounds.come("one")
    assert asked.count("1") == 2
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await rounds.come("tired")
    assert asked.count("2") == 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
