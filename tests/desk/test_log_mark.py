"""The mark of the audit log: lines cut off its end are noticed, a crash is no alarm, a loss is said for ever.

And what people do to their own account stands in the log.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import sqlalchemy as sa
from starlette.applications import Starlette

from jisr_hub.desk import marking
from jisr_hub.desk.acts import COMMAND
from jisr_hub.desk.bench import CannotAct
from jisr_hub.desk.denied import Denied
from jisr_hub.desk.marking import ActMark, Loss
from jisr_hub.desk.roles import Role
from jisr_hub.desk.tokens import Tokens
from jisr_hub.storage import tables as t
from jisr_hub.storage.desk_open import SqlOpen
from jisr_hub.storage.desk_tokens import SqlTokens
from jisr_hub.storage.fence import FileActMark
from jisr_hub.web import desk, problem_documents
from tests.desk.acting import ActingWorld, acting_world, actor
from tests.hub.desk_world import PASSWORD, DeskWorld

pytestmark = pytest.mark.anyio
HUB, OURS = "https://hub.example", {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def world(place: Path | str, tmp_path: Path) -> AsyncIterator[ActingWorld]:
    async with acting_world(place) as acting:
        acting.acts._mark = FileActMark(tmp_path / "acts.json")
        yield acting


async def quotas(world: ActingWorld, count: int) -> None:
    for number in range(count):
        await world.do("quota", world.author.id, per_hour=number + 1, per_day=9)


async def cut(world: ActingWorld, last: int) -> None:
    """Take every line after `last` away."""
    async with world.hub.ledger.database.writing() as connection:
        await connection.execute(sa.delete(t.act).where(t.act.c.n > last))


def mark_of(world: ActingWorld) -> ActMark | None:
    assert world.acts._mark is not None
    return world.acts._mark.read()


async def test_lines_cut_off_the_end_are_noticed_until_it_is_said_why(world: ActingWorld) -> None:
    await quotas(world, 3)
    assert (held := mark_of(world)) is not None and held.n == 3
    assert await world.acts.loss() is None
    with pytest.raises(CannotAct, match="holds all"):
        await world.acts.accept_loss(COMMAND, "for no reason")
    await cut(world, 1)
    assert await world.faults() == [], "the chain alone does not tell"
    assert await world.acts.loss() == Loss(3, 1)
    await quotas(world, 4)
    assert await world.acts.loss() == Loss(3, 5), "new lines do not cover what is gone"
    assert mark_of(world) == held
    with pytest.raises(Denied):
        await world.acts.accept_loss(actor(Role.AUDITOR), "because")
    with pytest.raises(CannotAct, match="Say why"):
        await world.acts.accept_loss(COMMAND, " ")
    assert mark_of(world) == held
    await world.acts.accept_loss(COMMAND, "the backup of Monday was put back")
    assert await world.acts.loss() is None
    line = (await world.lines(kinds=("log_loss",), outcome="done"))[0]
    assert line.words is not None and line.words.members["line"] == held.line
    await quotas(world, 1)
    assert (now := mark_of(world)) is not None and now.n == line.n + 1
    assert await world.faults() == []


async def test_whoever_dies_between_line_and_mark_raises_no_alarm(
    world: ActingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await quotas(world, 2)

    async def dies(*_: Any) -> bool:
        raise OSError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(marking, "advance", dies)
        await quotas(world, 1)
    assert (held := mark_of(world)) is not None and held.n == 2
    assert await world.acts.loss() is None
    await quotas(world, 1)
    assert (held := mark_of(world)) is not None and held.n == 4


async def test_a_slower_process_moves_no_mark_back_and_an_unknown_mark_is_no_loss(world: ActingWorld) -> None:
    await quotas(world, 3)
    file, journal = world.acts._mark, world.journal
    assert isinstance(file, FileActMark)
    assert await marking.advance(journal, file, ActMark("x", 2, await journal.hash_at(2)))
    assert (held := mark_of(world)) is not None and held.n == 3
    file.file.write_text("no mark")
    assert await world.acts.loss() is None
    await quotas(world, 1)
    with pytest.raises(ValueError, match="is not what this hub wrote"):
        file.read()


# What people do to their own account


@pytest.fixture
async def client(world: ActingWorld) -> AsyncIterator[httpx.AsyncClient]:
    door = DeskWorld(world.hub.ledger)
    await door.add("the-operator", Role.OPERATOR)
    tokens = Tokens(SqlTokens(world.hub.ledger.database), door.door)
    parts = desk.Parts(door.door, SqlOpen(world.hub.ledger), HUB, "en", tokens=tokens, bench=world.bench,
                       acts=world.acts, past=None)  # fmt: skip
    app = Starlette(routes=desk.routes(parts), exception_handlers=problem_documents.HANDLERS)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HUB, headers=OURS) as client:
        await client.post("/desk/sign-in", data={"name": "the-operator", "password": PASSWORD})
        yield client


async def test_making_and_ending_a_token_stands_in_the_log_and_the_token_does_not(
    world: ActingWorld, client: httpx.AsyncClient
) -> None:
    page = (await client.post("/desk/tokens", data={"label": "export", "days": "3", "scope": "look"})).text
    found = re.search(r"jisr_desk_[A-Za-z0-9_-]+", page)
    assert found is not None
    (made,) = await world.lines(kinds=("token_make",))
    assert (made.who, made.outcome, made.words and made.words.members["label"]) == ("the-operator", "done", "export")
    assert found[0] not in str(made)
    assert made.words is not None
    refused = await client.post("/desk/tokens", data={"label": "", "days": "3", "scope": "look"})
    assert refused.status_code == 422
    assert [one.outcome for one in await world.lines(kinds=("token_make",))] == ["refused", "done"]
    await client.post("/desk/tokens/revoke", data={"id": made.words.sentence})
    await client.post("/desk/tokens/revoke", data={"id": made.words.sentence})
    assert len(await world.lines(kinds=("token_end",))) == 1, "what was gone was not ended again"
    await client.post("/desk/people/sign-out", data={"name": "the-operator"})
    assert (await world.lines(kinds=("account",)))[0].subject == "the-operator"


async def test_the_desk_says_that_the_log_lost_its_end(world: ActingWorld, client: httpx.AsyncClient) -> None:
    await quotas(world, 3)
    assert "accept-loss" not in (await client.get("/desk")).text
    await cut(world, 2)
    assert "does not hold act 3" in (await client.get("/desk")).text
