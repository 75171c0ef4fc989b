"""Accounts, sessions and tries at the desk, the same on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jisr_hub.desk import sessions
from jisr_hub.desk.accounts import Account, Pending
from jisr_hub.desk.limiting import Limit
from jisr_hub.desk.roles import Role
from tests.hub.desk_world import AT, DeskWorld, desk_world

pytestmark = pytest.mark.anyio
NOW = 1_788_000_000


@pytest.fixture
async def world(place: Path | str) -> AsyncIterator[DeskWorld]:
    async with desk_world(place) as world:
        yield world


async def test_a_name_and_a_subject_have_one_account(world: DeskWorld) -> None:
    store = world.accounts
    operator = Account("desk-one", Role.OPERATOR, AT, "https://id.example|1")
    assert await store.add(operator)
    assert not await store.add(Account("desk-one", Role.AUDITOR, AT))
    assert not await store.add(Account("desk-two", Role.AUDITOR, AT, "https://id.example|1"))
    assert await store.add(Account("zineb", Role.AUDITOR, AT))
    assert await store.add(Account("desk-two", Role.AUDITOR, AT)), "two accounts without a subject do not collide"
    assert await store.account("desk-one") == operator
    assert await store.of_subject("https://id.example|1") == operator
    assert await store.of_subject("") is None
    assert [one.name for one in await store.all()] == ["desk-one", "desk-two", "zineb"]


async def test_who_is_removed_keeps_no_password_no_link_and_no_session(world: DeskWorld) -> None:
    store = world.accounts
    await world.add("desk-one")
    await store.keep_link("desk-one", "link", NOW + 60)
    token, session = sessions.begin("desk-one", "password", NOW, world.draw)
    await store.begin(session, NOW)
    assert await store.remove("desk-one")
    assert not await store.remove("desk-one")
    assert await store.session(sessions.hashed(token)) is None
    assert await store.linked("link", NOW) is None
    await store.add(Account("desk-one", Role.OPERATOR, AT))
    assert await store.password("desk-one") == "", "a later account of that name begins without a password"
    assert await store.session(sessions.hashed(token)) is None


async def test_a_link_works_once_and_in_time(world: DeskWorld) -> None:
    store = world.accounts
    await world.add("desk-one")
    await store.keep_link("desk-one", "early", NOW + 60)
    await store.keep_link("desk-one", "link", NOW + 60)
    assert await store.linked("early", NOW) is None, "a new link ends the one before"
    assert await store.use_link("link", "hash", NOW + 60) is None, "too late"
    assert await store.use_link("", "hash", NOW) is None
    _, session = sessions.begin("desk-one", "password", NOW, world.draw)
    await store.begin(session, NOW)
    used = await asyncio.gather(*(store.use_link("link", f"hash {n}", NOW) for n in range(4)))
    assert sorted(used, key=str) == [None, None, None, "desk-one"], "of four at once one wins"
    assert await store.password("desk-one") == f"hash {used.index('desk-one')}"
    assert await store.session(session.key) is None, "sessions of before have ended"
    await store.keep_link("nobody", "other", NOW + 60)
    assert await store.linked("other", NOW) is None


async def test_a_session_is_exchanged_once(world: DeskWorld) -> None:
    store = world.accounts
    await world.add("desk-one", Role.AUDITOR)
    _, old = sessions.begin("desk-one", "password", NOW, world.draw)
    await store.begin(old, NOW)
    held = await store.session(old.key)
    assert held is not None
    assert held[0] == old
    assert held[1].role is Role.AUDITOR
    news = [sessions.confirmed(old, NOW + 5, world.draw)[1] for _ in range(3)]
    done = await asyncio.gather(*(store.exchange(old.key, new) for new in news))
    assert sorted(done) == [False, False, True]
    kept = [new for new in news if await store.session(new.key) is not None]
    assert kept == [news[done.index(True)]]
    assert await store.session(old.key) is None
    assert await store.end_all("desk-one") == 1
    assert await store.end_all("desk-one") == 0


async def test_ended_sessions_are_forgotten_by_the_next_sign_in(world: DeskWorld) -> None:
    store = world.accounts
    await world.add("desk-one")
    _, old = sessions.begin("desk-one", "password", NOW, world.draw)
    await store.begin(old, NOW)
    await store.seen(old.key, NOW + 100)
    later = NOW + 100 + sessions.IDLE_SECONDS
    await store.begin(sessions.begin("desk-one", "password", later - 1, world.draw)[1], later - 1)
    assert await store.session(old.key) is not None
    await store.begin(sessions.begin("desk-one", "password", later, world.draw)[1], later)
    assert await store.session(old.key) is None


async def test_tries_are_counted_together_and_each_in_its_own_time(world: DeskWorld) -> None:
    store = world.accounts
    narrow, wide = Limit("narrow", 3, 900), Limit("wide", 5, 3600)
    counted = await asyncio.gather(*(store.count((narrow, wide), NOW) for _ in range(6)))
    assert sum(counted) == 3, "also at once no more than three"
    assert [await store.count((wide,), NOW) for _ in range(3)] == [True, True, False], "refused ones are not counted"
    await store.forgive(narrow, NOW)
    assert not await store.count((narrow, wide), NOW)
    assert await store.count((narrow,), NOW)
    assert await store.count((narrow, wide), NOW + 3600)


async def test_a_sign_in_under_way_comes_back_once_and_in_time(world: DeskWorld) -> None:
    store = world.accounts
    pending = Pending("key", "nonce", "verifier", NOW + 600)
    await store.wait(pending, NOW)
    assert await store.arrive("other", NOW) is None
    found = await asyncio.gather(*(store.arrive("key", NOW) for _ in range(3)))
    assert [one for one in found if one is not None] == [pending]
    await store.wait(pending, NOW)
    assert await store.arrive("key", NOW + 600) is None
