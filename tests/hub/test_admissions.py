"""Who is let in: by a code at once, else by the operator; a thousand strangers make a hub keep little, send nothing."""

from __future__ import annotations

import socket
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from jisr_hub.authority import admissions
from jisr_hub.authority.admissions import Admissions, MemoryStore, Store
from jisr_hub.storage.admissions import SqlAdmissions
from jisr_hub.storage.sql import SqlLedger
from jisr_protocol import admission, constraints, identifiers, statement
from jisr_protocol.refusal import Refusal
from tests import postgres
from tests.hub.author import Author
from tests.hub.hub_in_memory import Clock, MemoryHub, run
from tests.protocol.proofs import proves, refused
from tests.reader.publisher import NOW, seeded

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
    elif request.param == "sqlite":
        ledger = await SqlLedger.open(tmp_path / "hub.sqlite", new_epoch="1-aaaaaaaa")
        yield SqlAdmissions(ledger.database)
        await ledger.close()
    else:
        with postgres.database(request.getfixturevalue("postgres_server")) as address:
            ledger = await SqlLedger.open(address, new_epoch="1-aaaaaaaa")
            yield SqlAdmissions(ledger.database)
            await ledger.close()


def request_of(author: Author, hub: str, *, code: str = "", **changed: Any) -> bytes:
    """What `jisr-node join` sends."""
    said = statement.write(
        changed.pop("key", author.writer.key),
        statement.HOME,
        id=str(uuid.UUID(bytes=seeded(author.label, "ask")[:16], version=4)),
        by=changed.pop("by", author.id),
        subject=changed.pop("subject", author.id),
        n=1,
        issued=identifiers.to_instant(NOW),
        home=changed.pop("home", hub),
    )
    return admission.write(author.writer.ring, home=said, name=author.label, code=code)


async def hub_with(store: Store, clock: Clock | None = None) -> tuple[MemoryHub, Admissions]:
    hub = await MemoryHub("home", clock=clock, attests=True).begin()
    return hub, Admissions(hub.hub, store, hub.clock, per_hour=1000, per_day=9000)


async def invited(store: Store, clock: Clock, bounds: constraints.Constraints = constraints.UNBOUNDED) -> str:
    random = iter(range(1000))
    code, _ = await admissions.invite(
        store, "Dar", bounds, now=clock.now, days=14, random_bytes=lambda n: seeded("code", next(random))[:n]
    )
    return code


async def test_an_invitation_lets_one_node_in_at_once_within_its_bounds(store: Store) -> None:
    clock, author = Clock(), Author("dar")
    hub, door = await hub_with(store, clock)
    code = await invited(store, clock, constraints.Constraints(countries=frozenset({"MA"})))
    assert (await door.ask(request_of(author, hub.id, code=code.upper()), "203.0.113.5")).admitted
    member = await hub.ledger.member(author.id)
    assert member is not None and (member.name, member.upstream, member.home) == ("Dar", "", hub.id)
    (told,) = await hub.ledger.told([author.id])
    assert told.statement.constraints.countries == {"MA"}
    author.put("one")
    assert not (await hub.push(author)).quarantined
    assert (await door.ask(request_of(author, hub.id, code=code), "203.0.113.5")).admitted, (
        "a lost answer is asked again"
    )
    with pytest.raises(Refusal) as caught:
        await door.ask(request_of(Author("other"), hub.id, code=code), "203.0.113.5")
    assert caught.value.code == "invitation_invalid"
    assert await hub.ledger.member(Author("other").id) is None


async def test_an_invitation_ends(store: Store) -> None:
    clock = Clock()
    hub, door = await hub_with(store, clock)
    code = await invited(store, clock)
    clock.pass_time(days=14)
    with pytest.raises(Refusal) as caught:
        await door.ask(request_of(Author("dar"), hub.id, code=code), "203.0.113.5")
    assert caught.value.code == "invitation_invalid"


async def test_a_request_waits_until_the_operator_decides(store: Store) -> None:
    hub, door = await hub_with(store)
    one, two = Author("one"), Author("two")
    for author in (one, two, one):
        assert not (await door.ask(request_of(author, hub.id), "203.0.113.5")).admitted
    assert {waiting.node for waiting in await store.requests()} == {one.id, two.id}
    assert await hub.ledger.members() == []
    assert await door.approve(one.id, "Dar One") is not None
    assert await store.drop(two.id) and not await store.drop(two.id)
    assert await store.requests() == []
    assert (await door.ask(request_of(one, hub.id), "203.0.113.5")).admitted
    assert await door.approve(two.id) is None
    assert [m.name for m in await hub.ledger.members()] == ["Dar One"]


async def test_a_thousand_requests_stay_bounded_and_send_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, figure: Any
) -> None:
    """ADM-5: nothing goes out because of a request that nobody approved."""
    hub, door = await hub_with(store)
    outbound: list[Any] = []
    if isinstance(store, MemoryStore):  # a database of its own is reached over sockets
        monkeypatch.setattr(socket.socket, "connect", lambda self, address: outbound.append(address))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *words, **named: outbound.append(words))
    codes: set[str] = set()
    kept = refused_requests = 0
    for number in range(1000):
        author = Author(f"stranger {number}")
        source = f"198.51.{number % 250}.7" if number % 2 else "203.0.113.9"
        try:
            await door.ask(request_of(author, hub.id), source)
            kept += 1
        except Refusal as refusal:
            codes.add(refusal.code)
            refused_requests += 1
        hub.clock.pass_time(seconds=1)
    waiting = await store.requests()
    size = sum(len(one.keys) + len(one.name) for one in waiting)
    assert outbound == []
    assert codes == {"rate_limited"}
    assert kept + refused_requests == 1000
    assert len(waiting) <= admissions.WAITING_MOST
    assert size <= admissions.WAITING_MOST * 16 * 1024
    assert sum(one.source == "203.0.113.0/24" for one in waiting) <= admissions.WAITING_OF_ONE_SOURCE
    assert await hub.ledger.members() == [] and not any(e.op == "statement" for e in await hub.log())
    figure(
        f"1,000 requests: {len(waiting)} kept ({size} bytes), {refused_requests} refused, {len(outbound)} outbound"
        " connections"
    )


async def test_one_network_has_only_so_many_tries_an_hour() -> None:
    clock = Clock()
    hub, door = await hub_with(MemoryStore(), clock)
    for number in range(admissions.TRIES_AN_HOUR):
        with pytest.raises(Refusal) as caught:
            await door.ask(request_of(Author("dar"), hub.id, code=f"guess {number}"), "2001:db8:1:2::1")
        assert caught.value.code == "invitation_invalid"
    with pytest.raises(Refusal) as caught:
        await door.ask(request_of(Author("dar"), hub.id, code="another guess"), "2001:db8:1:ffff::9")
    assert caught.value.code == "rate_limited"
    clock.pass_time(hours=1, seconds=1)
    with pytest.raises(Refusal) as caught:
        await door.ask(request_of(Author("dar"), hub.id, code="another guess"), "2001:db8:1:2::1")
    assert caught.value.code in ("invitation_invalid", "clock_skew")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.5", "203.0.113.0/24"),
        ("::ffff:203.0.113.5", "203.0.113.0/24"),
        ("2001:db8:1:2::1", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("testclient", "unknown"),
        ("", "unknown"),
    ],
)
def test_addresses_are_counted_by_their_network(address: str, network: str) -> None:
    assert admissions.network_of(address) == network


# Proofs of the rules


HUB = "jisr:" + "b" * 52


@proves("ADM-1")
def a_request_without_a_name_is_refused() -> None:
    raw = request_of(Author("dar"), HUB).replace(b'"name":"dar"', b'"name":""')
    refused("ADM-1", lambda: admission.parse(raw, hub=HUB, now=NOW))


@proves("ADM-1")
def a_request_with_a_long_code_is_refused() -> None:
    raw = request_of(Author("dar"), HUB, code="x" * 101)
    refused("ADM-1", lambda: admission.parse(raw, hub=HUB, now=NOW))


@proves("ADM-2")
def a_word_that_names_another_hub_asks_nothing_of_this_one() -> None:
    raw = request_of(Author("dar"), "jisr:" + "c" * 52)
    refused("ADM-2", lambda: admission.parse(raw, hub=HUB, now=NOW))


def test_nobody_asks_in_the_name_of_another_node() -> None:
    author, thief = Author("dar"), Author("thief")
    raw = request_of(author, HUB, key=thief.writer.key)
    with pytest.raises(Refusal) as caught:
        admission.parse(raw, hub=HUB, now=NOW)
    assert caught.value.code == "key_unknown"
    raw = request_of(author, HUB, key=thief.writer.key, by=thief.id, subject=thief.id)
    with pytest.raises(Refusal) as caught:
        admission.parse(raw, hub=HUB, now=NOW)
    assert caught.value.code == "not_authoritative"


@proves("ADM-3")
def a_code_nobody_gave_lets_nobody_in() -> None:
    async def story() -> None:
        hub, door = await hub_with(MemoryStore())
        await door.ask(request_of(Author("dar"), hub.id, code="guess"), "203.0.113.5")

    refused("ADM-3", lambda: run(story()))


@proves("ADM-4")
def one_network_has_only_so_many_requests_waiting() -> None:
    async def story() -> None:
        hub, door = await hub_with(MemoryStore())
        for number in range(admissions.WAITING_OF_ONE_SOURCE + 1):
            await door.ask(request_of(Author(f"n{number}"), hub.id), f"203.0.113.{number}")

    refused("ADM-4", lambda: run(story()))
