"""A node and its home: let in by a link, moved by its own word, with everything it has."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from jisr_hub.authority.admissions import Admissions, MemoryStore, invite
from jisr_node.app import Node
from jisr_node.errors import HubRefused, Mistaken
from jisr_node.homes import read_link
from jisr_protocol import entry, keys
from jisr_protocol.constraints import UNBOUNDED
from jisr_protocol.refusal import Refusal
from tests.hub.hub_in_memory import Clock, MemoryHub
from tests.reader.publisher import NOW, seeded

pytestmark = pytest.mark.anyio


class Door:
    """A hub in memory, as a node speaks to it."""

    def __init__(self, hub: MemoryHub) -> None:
        self.hub, self.address, self.store = hub, f"https://{hub.id[5:13]}.example", MemoryStore()
        self.admissions = Admissions(hub.hub, self.store, hub.clock, per_hour=10**6, per_day=10**6)

    async def keys(self) -> bytes:
        return keys.write_file(self.hub.identity.ring)

    async def ask(self, body: bytes) -> bool:
        try:
            return (await self.admissions.ask(body, "203.0.113.5")).admitted
        except Refusal as refusal:
            raise HubRefused(refusal.code, str(refusal)) from refusal

    async def log_state(self, node: str, feed: str) -> bytes:
        try:
            log = await self.hub.hub.log_state(node, feed)
        except Refusal as refusal:
            raise HubRefused(refusal.code, str(refusal)) from refusal
        return orjson.dumps({"epoch": log.epoch, "log_root": log.frontier.root().hex(), "next": log.frontier.size})

    async def lines_about(self, node: str) -> list[bytes]:
        return [line for line in await self.hub.lines() if node.encode() in line]

    async def push(self, node: str, feed: str, body: bytes, *, later: bool = False) -> bytes:
        answer = await self.hub.hub.push(node, feed, body)
        quarantined = [{"seq": k.seq, "code": k.code} for k in answer.quarantined]
        value = {"next": answer.next, "receipt": orjson.Fragment(answer.receipt.raw), "quarantined": quarantined}
        return orjson.dumps(value)


def node_of() -> Node:
    node = Node.in_memory(now=NOW, name="Dar Chabab", country="MA", lang="ar", allow_private=True)
    node.import_drafts([{"type": "org.jisr.organization/1", "name": "دار"}])
    return node


async def link_of(door: Door) -> str:
    code, _ = await invite(
        door.store, "Dar", UNBOUNDED, now=door.hub.clock.now, days=1, random_bytes=lambda n: seeded("code")[:n]
    )
    return f"{door.address}/join#{door.hub.id.removeprefix('jisr:')}.{code}"


async def test_a_link_lets_a_node_in_and_it_says_so_in_its_own_feed() -> None:
    door, node = Door(await MemoryHub("home", attests=True).begin()), node_of()
    assert await node.join(await link_of(door), via=door, now=NOW)
    assert (node.settings.hub, node.settings.hub_id) == (door.address, door.hub.id)
    node.publish(now=NOW + timedelta(seconds=5))
    sent = await node.push(door, now=NOW)
    assert [d.quarantined for d in sent.delivered] == [[]]
    assert len(await door.hub.live()) == 1
    said = [e for e in await door.hub.log() if e.op == "statement"]
    assert [(e.type, e.thing.value["by"] if e.thing else "") for e in said] == [
        ("org.jisr.node/1", door.hub.id),
        ("org.jisr.home/1", node.id),
    ]
    assert await node.join(await link_of(door), via=door, now=NOW), "again is safe"
    assert node.store.feed("public") is not None and node.store.feed("public").size == 3


async def test_without_an_invitation_it_waits_and_nothing_is_said() -> None:
    door, node = Door(await MemoryHub("home", attests=True).begin()), node_of()
    assert not await node.join(door.address, via=door, now=NOW)
    assert node.store.feed("public") is None and node.settings.hub == ""
    await door.admissions.approve(node.id)
    assert await node.join(door.address, via=door, now=NOW)
    assert node.settings.hub == door.address


async def test_a_link_of_another_hub_is_refused_before_anything_is_sent() -> None:
    door, node = Door(await MemoryHub("home", attests=True).begin()), node_of()
    link = f"{door.address}/join#{'b' * 52}.code"
    with pytest.raises(HubRefused):
        await node.join(link, via=door, now=NOW)
    assert await door.store.requests() == []


@pytest.mark.parametrize("text", ["hub.example", "https://hub.example/join#abc.def", "https://hub.example/join#", "#"])
def test_half_a_link_is_a_mistake(text: str) -> None:
    with pytest.raises(Mistaken):
        read_link(text)


async def test_a_node_moves_with_everything_it_has(tmp_path: Path) -> None:
    clock = Clock()
    old, new = [Door(await MemoryHub(label, clock=clock, attests=True).begin()) for label in ("old home", "new home")]
    node = node_of()
    assert await node.join(await link_of(old), via=old, now=NOW)
    node.import_drafts([{"type": "org.jisr.organization/1", "name": f"دار {n}"} for n in range(20)])
    node.publish(now=NOW + timedelta(seconds=5))
    await node.push(old, now=NOW)
    with pytest.raises(HubRefused):
        await node.move(new, now=NOW)  # it has not admitted us
    assert node.settings.hub == old.address
    ring = node.identity.ring
    await new.hub.hub.admit("Dar", ring.statements, ring, per_hour=10**6, per_day=10**6)
    sent: Any = await node.move(new, now=NOW + timedelta(seconds=9))
    assert not sent.errors and (node.settings.hub, node.settings.hub_id) == (new.address, new.hub.id)
    assert await new.hub.live() == await old.hub.live()
    assert len(await new.hub.live()) == 21
    held = await new.hub.ledger.member(node.id)
    assert held is not None and held.home == new.hub.id
    homes = [e for line in await new.lines_about(node.id) if (e := entry.parse(line)).type == "org.jisr.home/1"]
    assert [e.rev for e in homes] == [1, 2]
