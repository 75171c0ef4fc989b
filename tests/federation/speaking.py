"""Authority as stories over hubs in memory: a lapse along the chain, a move with everything, a thousand strangers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from jisr_hub.authority.admissions import WAITING_MOST, Admissions, MemoryStore
from jisr_protocol import admission, identifiers, statement
from jisr_protocol.refusal import Refusal
from tests.hub.anchored import Network, names_home, put_in
from tests.hub.author import Author
from tests.hub.hub_in_memory import Clock, MemoryHub

RECORDS = 60


async def _hub(label: str, clock: Clock, network: Network | None = None) -> MemoryHub:
    anchors = [network.anchor] if network is not None else []
    return await MemoryHub(label, clock=clock, attests=True, anchors=anchors).begin()


async def _follow(hub: MemoryHub, other: MemoryHub, folder: Path) -> None:
    hub.clock.pass_time(seconds=1)
    await other.publish()
    await hub.follow(other, folder)


async def lapse(folder: Path) -> str:
    """Anchor, hub, node: the chain ends, everything stays, nothing new comes, and what waited comes afterwards."""
    clock, network, author = Clock(), Network(), Author("dar")
    home, reader = await _hub("home", clock, network), await _hub("reader", clock, network)
    await put_in(home, network.says(home.id, clock.now, days=15))
    await home.admit(author)
    author.puts(RECORDS)
    await home.push(author)
    await _follow(reader, home, folder)
    assert len(await reader.live()) == RECORDS
    clock.pass_time(days=16)
    author.put("late")
    author.delete("r0")
    answer = await home.push(author, RECORDS + 1, time=clock.now)
    assert [kept.code for kept in answer.quarantined] == ["attestation_lapsed"]
    await _follow(reader, home, folder)
    assert len(await reader.live()) == RECORDS - 1
    await put_in(home, network.says(home.id, clock.now, n=2))
    await home.hub.renew()
    await _follow(reader, home, folder)
    assert len(await reader.live()) == len(await home.live()) == RECORDS
    return f"{RECORDS} records stayed, 1 waited, 1 was deleted meanwhile; none lost"


async def move(folder: Path) -> str:
    """A node goes to another home; three hubs agree, and no record is lost or stored twice."""
    clock, author = Clock(), Author("dar")
    old, new, far = [await _hub(label, clock) for label in ("old home", "new home", "far off")]
    await old.admit(author)
    names_home(author, old.id, clock.now)
    author.puts(RECORDS)
    await old.push(author)
    for hub in (new, far):
        await _follow(hub, old, folder)
    clock.pass_time(days=1)
    names_home(author, new.id, clock.now, n=2)
    author.put("after the move")
    await new.admit(author)
    assert not (await new.push(author, time=clock.now)).quarantined
    for hub, other in ((old, new), (far, new), (far, old)):
        await _follow(hub, other, folder)
    lives = [await hub.live() for hub in (old, new, far)]
    assert lives[0] == lives[1] == lives[2] and len(lives[0]) == RECORDS + 1
    puts = [[(e.id, e.rev) for e in await hub.log() if e.op == "put"] for hub in (old, new, far)]
    assert all(len(one) == len(set(one)) for one in puts)
    members = [await hub.ledger.member(author.id) for hub in (old, far)]
    assert all(member is not None and member.upstream == new.id for member in members)
    return f"{RECORDS + 1} records at 3 hubs with one state, each stored once"


async def strangers(_: Path) -> str:
    """A thousand strangers ask to be let in: bounded, and nobody is admitted."""
    clock, store = Clock(), MemoryStore()
    hub = await _hub("home", clock)
    door = Admissions(hub.hub, store, clock, per_hour=10, per_day=10)
    refused = 0
    for number in range(1000):
        author = Author(f"stranger {number}")
        said = statement.write(
            author.writer.key,
            statement.HOME,
            id="5d2c1f3e-0000-4000-8000-000000000001",
            by=author.id,
            subject=author.id,
            n=1,
            issued=identifiers.to_instant(clock.now),
            home=hub.id,
        )
        try:
            await door.ask(admission.write(author.ring, home=said, name=author.label), f"198.51.{number % 250}.7")
        except Refusal:
            refused += 1
    waiting = await store.requests()
    assert len(waiting) <= WAITING_MOST and await hub.ledger.members() == []
    return f"1,000 requests: {len(waiting)} wait, {sum(len(one.keys) for one in waiting)} bytes, {refused} refused"


STORIES: dict[str, Callable[[Path], Awaitable[str]]] = {"lapse": lapse, "move": move, "strangers": strangers}
