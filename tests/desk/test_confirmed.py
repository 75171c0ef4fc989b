"""What was typed before a confirmation is done by one button after it: by its own session, once, within ten minutes."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import sqlalchemy as sa

from jisr_hub.desk import carrying, sessions
from jisr_hub.desk.accounts import Pending
from jisr_hub.desk.door import Visitor
from jisr_hub.desk.roles import Role
from jisr_hub.storage import tables as t
from tests.desk.acting import ActingWorld, acting_world
from tests.desk.test_desk_pages import browser
from tests.hub.desk_world import PASSWORD, DeskWorld, desk_world

pytestmark = pytest.mark.anyio
PAGE, NEW_FIELD = "/desk/confirmed", re.compile(r'name="word" value="([^"]+)"')


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[ActingWorld]:
    async with acting_world(tmp_path / "hub.sqlite") as acting:
        yield acting


@pytest.fixture
async def door(world: ActingWorld) -> DeskWorld:
    door = DeskWorld(world.hub.ledger)
    for name in ("desk-one", "desk-two"):
        await door.add(name, Role.OPERATOR)
    return door


@contextlib.asynccontextmanager
async def stale(
    world: ActingWorld, door: DeskWorld, name: str = "desk-one", seconds: int = sessions.FRESH_SECONDS + 60
) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who signed in so long ago."""
    async with browser(world, door) as client:
        await client.post("/desk/sign-in", data={"name": name, "password": PASSWORD})
        door.clock.pass_(seconds)
        yield client


def block(world: ActingWorld) -> dict[str, str]:
    return {"kind": "block", "subject": world.author.id, "reason": "they <b>harm</b>", "until": "2027-01-01",
            "note": "who told us", "back": "/desk/holds"}  # fmt: skip


async def blocked(world: ActingWorld) -> list[str]:
    return [f"{one.node} {one.note}" for one in await world.blocks.all()]


async def word_on(client: Any) -> str:
    found = NEW_FIELD.search((await client.get(PAGE)).text)
    return found[1] if found else ""


async def kept(world: ActingWorld) -> list[Any]:
    async with world.hub.ledger.database.reading() as connection:
        return list((await connection.execute(sa.select(t.desk_pending))).all())


async def test_after_confirming_one_button_does_what_was_typed_and_only_once(
    world: ActingWorld, door: DeskWorld, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    async with stale(world, door) as client:
        refused = await client.post("/desk/act", data=block(world))
        assert (refused.status_code, "is kept for 10 minutes" in refused.text) == (403, True)
        confirmed = await client.post("/desk/confirm", data={"password": PASSWORD})
        assert confirmed.headers["location"] == PAGE
        page = (await client.get(PAGE)).text
        assert "they &lt;b&gt;harm&lt;/b&gt;" in page and "who told us" in page
        assert await blocked(world) == []
        word = await word_on(client)
        assert (await client.post(PAGE, data={"word": "x" * 43})).status_code == 400
        done = await client.post(PAGE, data={"word": word})
        assert done.headers["location"].startswith("/desk/holds?done=")
        assert await blocked(world) == [f"{world.author.id} who told us"]
        (line,) = await world.lines(kinds=("block",), outcome="done")
        assert (line.who, line.by) == ("desk-one", "page")
        assert (await client.post(PAGE, data={"word": word})).status_code == 400
        assert len(await world.lines(kinds=("block",), outcome="done")) == 1
        assert (await client.get(PAGE)).headers["location"] == "/desk"
        assert await kept(world) == []
    said = capsys.readouterr()
    assert "who told us" not in caplog.text + said.out + said.err


async def test_without_confirming_nothing_is_done(world: ActingWorld, door: DeskWorld) -> None:
    async with stale(world, door) as client:
        await client.post("/desk/act", data=block(world))
        word = await word_on(client)
        assert (await client.post(PAGE, data={"word": word})).status_code == 403
        assert await blocked(world) == []
        await client.post("/desk/confirm", data={"password": PASSWORD})
        assert await word_on(client) == word, "a refusal kept it"


async def test_a_form_of_another_session_or_another_site_is_worth_nothing(world: ActingWorld, door: DeskWorld) -> None:
    async with (
        stale(world, door, "desk-two", 0) as two,
        stale(world, door, seconds=0) as again,  # the same person in another browser
        stale(world, door) as one,
    ):
        await one.post("/desk/act", data=block(world))
        word = await word_on(one)
        for other in (two, again):
            await other.post("/desk/confirm", data={"password": PASSWORD})
            assert await word_on(other) == ""
            assert (await other.post(PAGE, data={"word": word})).status_code == 400
        planted = await one.post("/desk/act", data=block(world), headers={"Sec-Fetch-Site": "cross-site"})
        assert planted.status_code == 403 and await word_on(one) == word, "another site changes nothing of it"
        async with browser(world, door) as nobody:
            await nobody.post("/desk/act", data=block(world))
            assert (await nobody.post(PAGE, data={"word": word})).status_code == 401
        assert await blocked(world) == []
        assert len(await kept(world)) == 1


async def test_a_form_that_was_planted_among_what_is_kept_opens_nothing(world: ActingWorld, door: DeskWorld) -> None:
    """Whatever stands there under another key than the session's own is shown to nobody."""
    async with stale(world, door) as client:
        await client.post("/desk/confirm", data={"password": PASSWORD})
        fields = f'["/desk/act", [["kind", "block"], ["subject", "{world.author.id}"], ["reason", "x"]]]'
        for number, key in enumerate(
            ("", "desk-one", sessions.hashed("desk-one"), sessions.hashed("form of desk-one"))
        ):
            await door.accounts.wait(Pending(key, f"word{number}", fields, door.door.now + 600), door.door.now)
            assert await word_on(client) == ""
            assert (await client.post(PAGE, data={"word": f"word{number}"})).status_code == 400
        assert await blocked(world) == []


async def test_ten_minutes_later_it_is_gone_and_signing_out_forgets_it(world: ActingWorld, door: DeskWorld) -> None:
    async with stale(world, door) as client:
        await client.post("/desk/act", data=block(world))
        door.clock.pass_(carrying.KEPT_SECONDS)
        await client.post("/desk/confirm", data={"password": PASSWORD})
        assert (await client.get(PAGE)).headers["location"] == "/desk"
        door.clock.pass_(sessions.FRESH_SECONDS + 1)
        await client.post("/desk/act", data=block(world))
        assert len(await kept(world)) == 1
        await client.post("/desk/sign-out")
        assert await kept(world) == []


async def test_one_form_is_kept_of_a_session_and_none_that_is_too_large(world: ActingWorld, door: DeskWorld) -> None:
    async with stale(world, door) as client:
        for reason in ("first", "second"):
            await client.post("/desk/act", data={**block(world), "reason": reason})
        (row,) = await kept(world)
        assert "second" in row.verifier
        page = await client.post("/desk/holds/import", data={"list": "x" * (carrying.MOST_BYTES + 1)})
        assert page.status_code in (403, 413) and "is kept" not in page.text
        (row,) = await kept(world)
        assert "second" in row.verifier


# By a passkey and by a provider: both go through `exchange`


async def test_a_form_follows_its_session_by_every_way_to_confirm(tmp_path: Path) -> None:
    async with desk_world(tmp_path / "hub.sqlite") as world:
        await world.add("desk-one", Role.OPERATOR, subject="https://id.example|7")
        await world.add("desk-two", Role.OPERATOR, subject="https://id.example|8")
        token = await world.door.begin("desk-one", "provider")
        visitor = await visit(world, token)
        fields = [("kind", "block"), ("reason", "سبب")]
        assert await carrying.keep(world.accounts, visitor.session, "/desk/act", fields, world.door.now, world.draw)
        token = await world.door.come_from_provider("https://id.example|7", token)  # comes back confirmed
        again = await visit(world, token)
        assert await carrying.shown(world.accounts, visitor.session, world.door.now) is None, "the old token is nothing"
        held = await carrying.shown(world.accounts, again.session, world.door.now)
        assert held is not None and list(held.fields) == fields
        passkey = await visit(world, await world.door.exchange(again))  # as a passkey's ceremony does
        assert await carrying.take(world.accounts, passkey.session, held.word, world.door.now) == held
        assert await carrying.keep(world.accounts, passkey.session, "/desk/act", fields, world.door.now, world.draw)
        stranger = await visit(world, await world.door.come_from_provider("https://id.example|8", ""))
        assert await carrying.shown(world.accounts, stranger.session, world.door.now) is None
        for path in ("/desk/sign-in", "/desk/confirm", "/desk/password", "/desk/passkeys/add"):
            assert not await carrying.keep(world.accounts, stranger.session, path, fields, 0, world.draw)


async def visit(world: DeskWorld, token: str) -> Visitor:
    found = await world.door.visitor(token)
    assert found is not None
    return found
