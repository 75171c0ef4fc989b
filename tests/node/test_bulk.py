"""A node that has much to bring does not wait for the hub's judgement, and learns it in the end. (PUSH-11, PUSH-12)"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from jisr_hub.web.api import answered
from jisr_node import bulk
from jisr_node.app.node import Node
from jisr_node.errors import HubRefused
from jisr_protocol import keys
from tests.hub.hub_in_memory import MemoryHub
from tests.node.fake_hub import FakeHub
from tests.reader.publisher import NOW


class Slow(FakeHub):
    """A real hub in memory, which judges a slice only when `judging`, each time that it is asked for the outcome."""

    def __init__(self, hub: MemoryHub) -> None:
        super().__init__()
        self.hub, self.judging, self.later = hub, True, list[bool]()

    async def keys(self) -> bytes:
        return keys.write_file(self.hub.identity.ring)

    async def log_state(self, node: str, feed: str) -> bytes:
        log = await self.hub.hub.log_state(node, feed)
        return orjson.dumps({"epoch": log.epoch, "log_root": log.frontier.root().hex(), "next": log.frontier.size})

    async def push(self, node: str, feed: str, body: bytes, *, later: bool = False) -> bytes:
        self.later.append(later)
        return answered(await self.hub.hub.push(node, feed, body, later=later))

    async def outcome(self, node: str, feed: str) -> bytes:
        if self.judging:
            await self.hub.hub.bulk.judge_next()
        return answered(await self.hub.hub.receipt(node, feed))


@pytest.fixture
def node() -> Iterator[Node]:
    with Node.in_memory(now=NOW, name="Dar", country="MA", lang="ar", allow_private=True) as node:
        yield node


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "FROM_ENTRIES", 5)
    monkeypatch.setattr(bulk, "ASK_SECONDS", 0.0)
    monkeypatch.setattr("jisr_node.delivery.BATCH_ENTRIES", 4)
    monkeypatch.setattr("jisr_node.delivery.LEAST_LINES", 4)


def written(node: Node, count: int) -> None:
    node.import_drafts([{"type": "org.jisr.organization/1", "name": f"دار {number}"} for number in range(count)])
    node.publish(now=NOW)


async def slow(node: Node) -> Slow:
    """A hub that lets nobody's record through whose name holds a 3."""

    def policy(entry: Any) -> str | None:
        return "no threes" if "3" in str(entry.thing.value["name"]) else None

    hub = await MemoryHub("hub", policy=policy).begin()
    ring = node.identity.ring
    await hub.hub.admit("node", ring.statements, ring, per_hour=10_000, per_day=10_000)
    return Slow(hub)


def test_much_is_brought_in_bulk_and_its_outcome_is_known_at_the_end(node: Node) -> None:
    written(node, 10)

    async def story() -> None:
        hub = await slow(node)
        sent = await node.push(hub, now=NOW)
        (public,) = sent.delivered
        assert hub.later and all(hub.later[:2])
        assert (public.next, public.waiting, public.size) == (public.size, 0, public.size)
        assert [one.code for one in public.quarantined] == ["policy_refused"]
        assert [one.code for one in node.store.quarantined()] == ["policy_refused"]
        assert bulk.told(node.store.settings()) == []
        assert len(await hub.hub.live()) == 9

    asyncio.run(story())


def test_a_delivery_does_not_wait_for_ever_and_the_next_one_asks_first(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MOST_SECONDS", 0.0)
    written(node, 10)

    async def story() -> None:
        hub = await slow(node)
        hub.judging = False
        (public,) = (await node.push(hub, now=NOW)).delivered
        assert public.waiting > 0 and public.quarantined == []
        (said,) = [todo["sentence"] for todo in node.status(now=NOW)["todo"] if todo["code"] == "unjudged"]
        assert f"still checks {public.waiting}" in said
        hub.judging = True
        while (public := (await node.push(hub, now=NOW)).delivered[0]).waiting:
            pass
        assert [one.code for one in node.store.quarantined()] == ["policy_refused"]
        assert bulk.told(node.store.settings()) == []

    asyncio.run(story())


def test_little_is_brought_as_ever_and_a_hub_that_knows_nothing_of_it_is_no_fault(node: Node) -> None:
    written(node, 3)

    async def story() -> None:
        hub = await slow(node)
        await node.push(hub, now=NOW)
        assert not any(hub.later)

    asyncio.run(story())


def test_an_outcome_without_a_receipt_that_holds_is_not_taken(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    written(node, 10)

    async def story() -> None:
        hub = await slow(node)
        true = hub.outcome

        async def bent(name: str, feed: str) -> bytes:
            value = orjson.loads(await true(name, feed))
            value["receipt"]["receipt"]["size"] = 1
            return orjson.dumps(value)

        monkeypatch.setattr(hub, "outcome", bent)
        with pytest.raises(HubRefused, match="receipt"):
            await node.push(hub, now=NOW)
        assert node.store.quarantined() == []
        assert bulk.told(node.store.settings()), "and it asks again next time"

    asyncio.run(story())
