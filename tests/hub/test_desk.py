"""The desk's door without a web: sessions that end, tokens that change, tries that run out, and what each role may."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jisr_hub.desk import limiting, roles, sessions
from jisr_hub.desk.denied import Denied, Why
from jisr_hub.desk.passwords import SALT_BYTES, Cost, Passwords
from jisr_hub.desk.roles import Right, Role
from tests.hub.desk_world import CHEAP, NETWORK, PASSWORD, DeskWorld, desk_world

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[DeskWorld]:
    async with desk_world(tmp_path / "hub.sqlite") as world:
        await world.add("desk-one", Role.OPERATOR)
        yield world


async def denied(work: object) -> Why:
    with pytest.raises(Denied) as caught:
        await work
    return caught.value.why


async def test_who_signs_in_is_known_by_the_token_and_the_database_does_not_hold_it(world: DeskWorld) -> None:
    token = await world.door.sign_in("desk-one", PASSWORD, NETWORK)
    visitor = await world.door.visitor(token)
    assert visitor is not None
    assert (visitor.account.name, visitor.account.role, visitor.fresh) == ("desk-one", Role.OPERATOR, True)
    assert visitor.session.key != token
    assert await world.door.visitor(visitor.session.key) is None, "what the database holds opens nothing"
    assert await world.door.visitor("") is None


async def test_a_token_that_somebody_planted_is_worth_nothing_after_the_sign_in(world: DeskWorld) -> None:
    """Session fixation: the attacker has a session of their own and puts its token into the victim's browser."""
    await world.add("mallory", Role.AUDITOR)
    planted = await world.door.sign_in("mallory", PASSWORD, NETWORK)
    token = await world.door.sign_in("desk-one", PASSWORD, NETWORK, planted)
    assert token != planted
    assert await world.door.visitor(planted) is None
    assert await world.door.visitor("a-token-that-nobody-gave") is None


async def test_a_confirmation_changes_the_token_and_does_not_lengthen_the_day(world: DeskWorld) -> None:
    token = await world.door.sign_in("desk-one", PASSWORD, NETWORK)
    world.clock.pass_(sessions.FRESH_SECONDS)
    visitor = await world.door.visitor(token)
    assert visitor is not None
    assert not visitor.fresh
    assert await denied(world.door.confirm(visitor, "a password that is not it", NETWORK)) is Why.WRONG
    assert await world.door.visitor(token) is not None, "a wrong confirmation ends nothing"
    newer = await world.door.confirm(visitor, PASSWORD, NETWORK)
    assert await world.door.visitor(token) is None
    again = await world.door.visitor(newer)
    assert again is not None
    assert again.fresh
    assert again.session.made == visitor.session.made
    assert await denied(world.door.confirm(visitor, PASSWORD, NETWORK)) is Why.SIGNED_OUT


async def test_a_session_ends_without_use_and_after_a_day_of_use(world: DeskWorld) -> None:
    token = await world.door.sign_in("desk-one", PASSWORD, NETWORK)
    world.clock.pass_(sessions.IDLE_SECONDS)
    assert await world.door.visitor(token) is None
    token = await world.door.sign_in("desk-one", PASSWORD, NETWORK)
    step = sessions.IDLE_SECONDS - 1
    for _ in range(sessions.LONGEST_SECONDS // step):
        world.clock.pass_(step)
        assert await world.door.visitor(token) is not None
    world.clock.pass_(step)
    assert await world.door.visitor(token) is None
    world.clock.pass_(-step)
    assert await world.door.visitor(token) is None, "what has ended does not come back with the clock"


async def test_who_signed_out_is_out(world: DeskWorld) -> None:
    token = await world.door.sign_in("desk-one", PASSWORD, NETWORK)
    await world.door.sign_out(token)
    await world.door.sign_out(token)
    assert await world.door.visitor(token) is None


async def test_a_guesser_is_stopped_and_the_owner_elsewhere_is_not(world: DeskWorld) -> None:
    answers = [await denied(world.door.sign_in("desk-one", f"a wrong password {n}", NETWORK)) for n in range(12)]
    assert answers == [Why.WRONG] * 10 + [Why.TOO_MANY] * 2
    assert await denied(world.door.sign_in("desk-one", PASSWORD, NETWORK)) is Why.TOO_MANY, "not even the right one"
    assert await world.door.sign_in("desk-one", PASSWORD, "198.51.100.0/24")
    world.clock.pass_(15 * 60)
    assert await world.door.sign_in("desk-one", PASSWORD, NETWORK)
    assert await denied(world.door.sign_in("desk-one", "wrong again", NETWORK)) is Why.WRONG, "success forgives"


async def test_guesses_at_once_and_after_a_restart_count_as_guesses_one_by_one(world: DeskWorld) -> None:
    async def guess(door: DeskWorld, number: int) -> Why:
        return await denied(door.door.sign_in("desk-one", f"wrong {number}", NETWORK))

    answers = await asyncio.gather(*(guess(world, n) for n in range(40)))
    assert answers.count(Why.WRONG) + answers.count(Why.BUSY) == 10
    other = DeskWorld(world.ledger)
    assert await guess(other, 1) is Why.TOO_MANY


async def test_many_names_from_one_network_and_one_name_from_many_are_bounded(
    world: DeskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiting, "OF_NETWORK", 3)
    answers = [await denied(world.door.sign_in(f"name{n}", "wrong", NETWORK)) for n in range(4)]
    assert answers == [Why.WRONG] * 3 + [Why.TOO_MANY]
    monkeypatch.setattr(limiting, "OF_NAME", 3)
    answers = [await denied(world.door.sign_in("desk-one", "wrong", f"10.{n}.0.0/24")) for n in range(4)]
    assert answers == [Why.WRONG] * 3 + [Why.TOO_MANY]
    monkeypatch.setattr(limiting, "IN_ALL", 6)
    assert await denied(world.door.sign_in("desk-two", "wrong", "10.9.0.0/24")) is Why.TOO_MANY


async def test_an_unknown_name_costs_as_much_as_a_known_one(world: DeskWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    fits = world.passwords.fits

    def noted(kept: str, password: str) -> bool:
        tried.append(kept)
        return fits(kept, password)

    monkeypatch.setattr(world.passwords, "fits", noted)
    assert await denied(world.door.sign_in("desk-one", "wrong", NETWORK)) is Why.WRONG
    assert await denied(world.door.sign_in("nobody", "wrong", NETWORK)) is Why.WRONG
    assert await denied(world.door.sign_in("nobody", "", NETWORK)) is Why.WRONG, "the decoy's own password is no way in"
    assert [bool(kept) for kept in tried] == [True, False, False]


async def test_a_password_is_chosen_by_a_link_once(world: DeskWorld) -> None:
    token = await world.door.sign_in("desk-one", PASSWORD, NETWORK)
    code = await world.door.link("desk-one")
    for bad, why in (("short", Why.SHORT), ("this is Desk-One herself", Why.IS_NAME), ("x" * 1025, Why.LONG)):
        assert await denied(world.door.choose(code, bad, NETWORK)) is why
    assert await world.door.choose(code, "a whole new password", NETWORK) == "desk-one"
    assert await denied(world.door.choose(code, "and yet another one", NETWORK)) is Why.LINK
    assert await world.door.visitor(token) is None, "sessions of before have ended"
    assert await denied(world.door.sign_in("desk-one", PASSWORD, NETWORK)) is Why.WRONG
    assert await world.door.sign_in("desk-one", "a whole new password", NETWORK)


async def test_a_hash_of_another_cost_is_made_anew(world: DeskWorld) -> None:
    dear = Passwords(world.draw, Cost(passes=2, memory_kib=8, lanes=1)).hashed(PASSWORD)
    await world.accounts.keep_password("desk-one", dear, end=False)
    assert await world.door.sign_in("desk-one", PASSWORD, NETWORK)
    kept = await world.accounts.password("desk-one")
    assert kept != dear
    assert world.passwords.fits(kept, PASSWORD)


async def test_a_password_typed_on_another_keyboard_is_the_same(world: DeskWorld) -> None:
    kept = world.passwords.hashed("une clé très étonnante")
    assert world.passwords.fits(kept, "une cle\u0301 tre\u0300s e\u0301tonnante")
    assert not world.passwords.fits(kept, "une cle tres etonnante")
    assert not world.passwords.fits("no hash at all", PASSWORD)
    assert not world.passwords.fits(kept, "\ud800")


def test_the_cost_is_what_the_source_says() -> None:
    assert Passwords(lambda n: bytes(n)).hashed("x").startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert Passwords(lambda n: bytes([n]) * n, CHEAP).hashed("x") == Passwords(lambda n: bytes([n]) * n, CHEAP).hashed(
        "x"
    )
    assert SALT_BYTES == 16


def test_every_role_may_what_the_table_says_and_no_more() -> None:
    def allowed(role: Role, *, fresh: bool) -> set[Right]:
        found = set()
        for right in Right:
            with contextlib.suppress(Denied):
                roles.check(role, right, fresh=fresh)
                found.add(right)
        return found

    assert allowed(Role.AUDITOR, fresh=True) == {Right.LOOK, Right.AUDIT}
    assert allowed(Role.CURATOR, fresh=True) == {Right.LOOK, Right.CURATE, Right.HOLD}
    assert allowed(Role.OPERATOR, fresh=True) == set(Right)
    assert allowed(Role.OPERATOR, fresh=False) == set(Right) - roles.CONFIRMED
    assert {Right.BLOCK, Right.ERASE, Right.KEYS, Right.REBASE} <= roles.CONFIRMED


def test_the_second_person_is_another_one_who_may_do_it_too() -> None:
    roles.check_second("desk-one", "desk-two", Role.OPERATOR, Right.ERASE, fresh=True)
    for by, role, fresh, why in (
        ("desk-one", Role.OPERATOR, True, Why.SAME_PERSON),
        ("desk-two", Role.CURATOR, True, Why.ROLE),
        ("desk-two", Role.OPERATOR, False, Why.CONFIRM),
    ):
        with pytest.raises(Denied) as caught:
            roles.check_second("desk-one", by, role, Right.ERASE, fresh=fresh)
        assert caught.value.why is why
