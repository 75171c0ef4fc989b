"""API tokens: made by a person who was there just now, for less than they may do, until a day, and ended at once."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from jisr_hub.desk import sessions, tokens
from jisr_hub.desk.denied import Denied, Why
from jisr_hub.desk.roles import CONFIRMED, RIGHTS, Right, Role
from jisr_hub.desk.tokens import Bearer, Tokens
from jisr_hub.storage.desk_tokens import SqlTokens
from tests.hub.desk_world import NETWORK, DeskWorld, desk_world
from tests.hub.test_desk_web import browser, sign_in

pytestmark = pytest.mark.anyio
DAY = 86_400


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[DeskWorld]:
    async with desk_world(tmp_path / "hub.sqlite") as world:
        for role in Role:
            await world.add(f"the-{role.value}", role)
        yield world


@pytest.fixture
async def client(world: DeskWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(world) as client:
        yield client


def tokens_of(world: DeskWorld) -> Tokens:
    return Tokens(SqlTokens(world.ledger.database), world.door)


async def made(world: DeskWorld, *rights: Right, who: str = "the-operator", days: int = 1) -> str:
    account = await world.accounts.account(who)
    assert account is not None
    return (await tokens_of(world).make(account, "export", rights, days))[1]


async def refused(doing: Any, why: Why) -> None:
    with pytest.raises(Denied) as denied:
        await doing
    assert denied.value.why is why


def allowed(bearer: Bearer) -> set[Right]:
    """What a bearer may do, asked right by right."""
    found = set()
    for right in Right:
        with contextlib.suppress(Denied):
            bearer.check(right)
            found.add(right)
    return found


@pytest.mark.parametrize("role", Role)
async def test_a_token_may_what_its_scopes_say_of_what_its_account_may(world: DeskWorld, role: Role) -> None:
    for right in Right:
        making = made(world, right, who=f"the-{role.value}")
        if right not in RIGHTS[role]:
            await refused(making, Why.SCOPES)
            continue
        written = await making
        bearer = await tokens_of(world).bearer(written, NETWORK)
        assert allowed(bearer) == bearer.rights == {right}
        await tokens_of(world).revoke(bearer.token.id, "")


async def test_a_token_loses_what_its_account_loses(world: DeskWorld) -> None:
    written = await made(world, Right.LOOK, Right.ADMIT)
    await world.accounts.remove("the-operator")
    await refused(tokens_of(world).bearer(written, NETWORK), Why.TOKEN)
    written = await made(world, Right.LOOK, Right.CURATE, who="the-curator")
    bearer = await tokens_of(world).bearer(written, NETWORK)
    lesser = Bearer(type(bearer.account)("the-curator", Role.AUDITOR, bearer.account.made), bearer.token)
    assert allowed(lesser) == {Right.LOOK}


async def test_a_token_ends_on_its_day_and_when_it_is_revoked(world: DeskWorld) -> None:
    written, other = await made(world, Right.LOOK, days=2), await made(world, Right.LOOK, days=365)
    world.clock.pass_(2 * DAY - 1)
    bearer = await tokens_of(world).bearer(written, NETWORK)
    world.clock.pass_(1)
    await refused(tokens_of(world).bearer(written, NETWORK), Why.TOKEN)
    assert not await tokens_of(world).revoke(bearer.token.id, "the-curator"), "of another account"
    kept = await tokens_of(world).bearer(other, NETWORK)
    assert await tokens_of(world).revoke(kept.token.id, "the-operator")
    assert not await tokens_of(world).revoke(kept.token.id, "the-operator")
    await refused(tokens_of(world).bearer(other, NETWORK), Why.TOKEN)


@pytest.mark.parametrize(
    ("rights", "days", "why"),
    [
        ((), 1, Why.SCOPES),
        ((Right.LOOK,), 0, Why.DAYS),
        ((Right.LOOK,), -1, Why.DAYS),
        ((Right.LOOK,), tokens.DAYS + 1, Why.DAYS),
        *(((Right.LOOK, right), tokens.CONFIRMED_DAYS + 1, Why.DAYS) for right in sorted(CONFIRMED)),
    ],
)
async def test_no_token_without_scopes_or_for_too_long(
    world: DeskWorld, rights: tuple[Right, ...], days: int, why: Why
) -> None:
    await refused(made(world, *rights, days=days), why)
    assert not await tokens_of(world).kept.of("")


async def test_the_database_cannot_be_used_as_tokens(world: DeskWorld) -> None:
    written = await made(world, Right.LOOK)
    (kept,) = await tokens_of(world).kept.of("the-operator")
    assert written.startswith(tokens.PREFIX) and written not in str(kept) and kept.key == sessions.hashed(written)
    for guess in (kept.key, kept.id, tokens.PREFIX + kept.key, written.removeprefix(tokens.PREFIX), "", written + "x"):
        await refused(tokens_of(world).bearer(guess, NETWORK), Why.TOKEN)


async def test_a_session_is_no_token_and_a_token_no_session(world: DeskWorld, client: Any) -> None:
    token = await world.door.begin("the-operator", "password")
    await refused(tokens_of(world).bearer(token, NETWORK), Why.TOKEN)
    written = await made(world, *RIGHTS[Role.OPERATOR])
    client.cookies.set("__Host-jisr_desk", written, domain="hub.example")
    assert (await client.get("/desk", headers={"Authorization": f"Bearer {written}"})).status_code == 303


async def test_use_is_written_down_once_a_minute(world: DeskWorld) -> None:
    written = await made(world, Right.LOOK)
    start = world.door.now
    for seconds, used in ((0, 0), (5, 0), (60, 65)):
        world.clock.pass_(seconds)
        await tokens_of(world).bearer(written, NETWORK)
        (kept,) = await tokens_of(world).kept.of("the-operator")
        assert kept.used == start + used


async def test_an_account_has_not_tokens_without_end_and_ended_ones_do_not_count(world: DeskWorld) -> None:
    for _ in range(tokens.MOST):
        await made(world, Right.LOOK)
    await refused(made(world, Right.LOOK), Why.MANY_TOKENS)
    assert await made(world, Right.LOOK, who="the-curator")
    world.clock.pass_(DAY)
    assert await made(world, Right.LOOK)
    assert len(await tokens_of(world).kept.of("")) == 1, "those that ended are forgotten"


async def test_a_wrong_program_is_told_to_wait_and_a_right_one_is_not(world: DeskWorld) -> None:
    written = await made(world, Right.LOOK)
    for _ in range(50):
        await refused(tokens_of(world).bearer(tokens.PREFIX + "wrong", NETWORK), Why.TOKEN)
    await refused(tokens_of(world).bearer(tokens.PREFIX + "wrong", NETWORK), Why.TOO_MANY)
    assert await tokens_of(world).bearer(written, NETWORK)


async def test_the_page_makes_a_token_shows_it_once_and_revokes_it(world: DeskWorld, client: Any) -> None:
    await sign_in(client, "the-curator")
    form = {"label": "تصدير <b>", "days": "30", "scope": ["look", "curate"]}
    page = (await client.post("/desk/tokens", data=form)).text
    (written,) = re.findall(tokens.PREFIX + r"[\w-]{43}", page)
    bearer = await tokens_of(world).bearer(written, NETWORK)
    assert bearer.rights == {Right.LOOK, Right.CURATE}
    again = (await client.get("/desk/tokens")).text
    assert written not in again and "تصدير &lt;b&gt;" in again and bearer.token.id in again
    for more, why in (
        ({"scope": "block"}, Why.SCOPES),
        ({"scope": "everything"}, Why.SCOPES),
        ({"days": "x"}, Why.DAYS),
        ({"days": "٣٠"}, Why.DAYS),
        ({"days": "99999999"}, Why.DAYS),
        ({"label": ""}, Why.LABEL),
    ):
        answer = await client.post("/desk/tokens", data=form | more)
        assert (answer.status_code, why.value in answer.text) in ((422, True), (403, True)), more
    world.clock.pass_(sessions.FRESH_SECONDS)
    assert (await client.post("/desk/tokens", data=form)).status_code == 403
    assert (await client.post("/desk/tokens/revoke", data={"id": bearer.token.id})).status_code == 303
    await refused(tokens_of(world).bearer(written, NETWORK), Why.TOKEN)
