"""The desk for programs: one table says who may do what, and it is the same by page and by token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from starlette.applications import Starlette

from jisr_hub.desk.accounts import Account
from jisr_hub.desk.acts import By
from jisr_hub.desk.bench import CannotAct
from jisr_hub.desk.denied import Denied, Why
from jisr_hub.desk.door import Door
from jisr_hub.desk.passwords import Passwords
from jisr_hub.desk.roles import CONFIRMED, RIGHTS, Right, Role
from jisr_hub.desk.table import ACTS
from jisr_hub.desk.tokens import Tokens
from jisr_hub.storage.desk import SqlAccounts
from jisr_hub.storage.desk_open import SqlOpen
from jisr_hub.storage.desk_tokens import SqlTokens
from jisr_hub.web import problem_documents
from jisr_hub.web.desk_api import RESERVED, DeskApi
from jisr_protocol.refusal import Refusal
from tests.desk.acting import AT, ActingWorld, acting_world, actor
from tests.hub.desk_world import CHEAP, NETWORK, Draw

pytestmark = pytest.mark.anyio


class World:
    """A hub whose people act by tokens."""

    def __init__(self, acting: ActingWorld) -> None:
        self.acting = acting
        database = acting.hub.ledger.database
        self.accounts = SqlAccounts(database)
        passwords = Passwords(Draw(), CHEAP)
        self.door = Door(self.accounts, passwords, acting.hub.clock, Draw(), aside=asyncio.to_thread)
        self.tokens = Tokens(SqlTokens(database), self.door)
        self.api = DeskApi(self.tokens, acting.acts, SqlOpen(acting.hub.ledger), self.accounts)
        app = Starlette(routes=self.api.routes(), exception_handlers=problem_documents.HANDLERS)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://hub.example")

    async def token(self, role: Role, rights: frozenset[Right] | None = None, name: str = "") -> str:
        """A token of somebody of this role, with all their rights unless others are named."""
        name = name or f"the-{role.value}"
        await self.accounts.add(Account(name, role, AT))
        account = await self.accounts.account(name)
        assert account is not None
        scopes = RIGHTS[role] if rights is None else rights
        return (await self.tokens.make(account, "test", scopes, 1))[1]

    async def call(self, token: str, method: str, path: str, value: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return await self.client.request(method, path, json=value, headers=headers)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with acting_world(tmp_path / "hub.sqlite") as acting:
        yield World(acting)


def code(answer: httpx.Response) -> str:
    """The code of a refusal, "" for what was done."""
    return str(answer.json()["code"]) if answer.status_code >= 400 else ""


ADDRESSES = {"{n}": "1", "{ticket}": "none"}


def address(path: str) -> str:
    for name, value in ADDRESSES.items():
        path = path.replace(name, value)
    return path


@pytest.mark.parametrize("role", Role)
async def test_every_call_is_open_to_those_whose_right_it_needs_and_to_nobody_else(world: World, role: Role) -> None:
    whole = await world.token(role)
    for one in world.api.calls():
        value = {"kind": "nothing"} if one.path == "/v1/desk/acts" and one.method == "POST" else {}
        said = None if one.method == "GET" else value
        assert code(await world.call("", one.method, address(one.path), said)) == "token_needed"
        assert code(await world.call("jisr_desk_x", one.method, address(one.path), said)) == "token_needed"
        refused = code(await world.call(whole, one.method, address(one.path), said)) == "not_allowed"
        assert refused is (one.right not in RIGHTS[role]), one.path
        if one.right in RIGHTS[role] and len(RIGHTS[role]) > 1:
            less = await world.token(role, RIGHTS[role] - {one.right})
            assert code(await world.call(less, one.method, address(one.path), said)) == "not_allowed", one.path


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("kind", sorted(ACTS))
async def test_every_act_needs_its_right_by_page_and_by_token(world: World, kind: str, role: Role) -> None:
    """What passes the check fails afterwards, since it names nothing: no act here changes the hub."""
    right = ACTS[kind].right
    before = await world.acting.view()
    asked = {"kind": kind, "subject": "nothing", "reason": "because"}
    answer = code(await world.call(await world.token(role), "POST", "/v1/desk/acts", asked))
    assert (answer == "not_allowed") is (right not in RIGHTS[role])
    if right in RIGHTS[role] and right is not Right.LOOK:
        less = await world.token(role, frozenset({Right.LOOK}))
        assert code(await world.call(less, "POST", "/v1/desk/acts", asked)) == "not_allowed"
    for fresh in (True, False):
        why = None
        try:
            await world.acting.do(kind, "nothing", "because", actor(role, fresh=fresh, by=By.PAGE))
        except Denied as denied:
            why = denied.why
        except (CannotAct, Refusal):
            pass
        expected = None if right not in CONFIRMED or fresh else Why.CONFIRM
        assert why is (expected if right in RIGHTS[role] else Why.ROLE)
    if kind != "invite":  # which names nobody
        assert await world.acting.view() == before


@pytest.mark.parametrize("predicate", ["", "liked", "same_as"])
async def test_a_word_that_cannot_be_said_is_refused_in_a_sentence(world: World, predicate: str) -> None:
    token, subject = await world.token(Role.CURATOR), world.acting.subject("one")
    asked = {"kind": "say", "subject": subject, "reason": "so", "members": {"predicate": predicate}}
    answer = await world.call(token, "POST", "/v1/desk/acts", asked)
    assert (answer.status_code, code(answer)) == (409, "cannot_act")
    assert "Nothing was said" in answer.json()["detail"]


async def test_a_program_does_and_undoes_what_a_person_would(world: World) -> None:
    token = await world.token(Role.CURATOR)
    before = await world.acting.view()
    asked = {"kind": "hold", "subject": world.acting.subject("one"), "reason": "a wrong number", "members": {"days": 3}}
    done = (await world.call(token, "POST", "/v1/desk/acts", asked)).json()
    assert await world.acting.view() != before
    (line, *_) = await world.acting.lines()
    assert (line.n, line.who, line.by, line.kind) == (done["n"], "the-curator", "token", "hold")
    reader = await world.token(Role.AUDITOR)
    told = (await world.call(reader, "GET", f"/v1/desk/acts/{done['n']}")).json()
    assert told["can_undo"] and told["words"]["reason"] == "a wrong number"
    assert (
        await world.call(token, "POST", f"/v1/desk/acts/{done['n']}/undo", {"reason": "it was right"})
    ).status_code == 200
    assert await world.acting.view() == before
    again = await world.call(token, "POST", f"/v1/desk/acts/{done['n']}/undo")
    assert (again.status_code, code(again)) == (409, "cannot_act")
    acts = (await world.call(reader, "GET", "/v1/desk/acts?kind=hold&most=1")).json()["acts"]
    assert [one["n"] for one in acts] == [done["n"]]
    assert await world.acting.faults() == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"{", 400),
        (b'{"kind": 7}', 400),
        (b'{"kind": "hold", "more": 1}', 400),
        (b'{"kind": "hold", "members": []}', 400),
        (b'{"kind": "hold", "reason": "a\\u0000b"}', 400),
        (b'{"kind": "hold", "members": {"basis": "\\u0007"}}', 400),
        (b'{"kind": "hold", "subject": "\\ud800"}', 400),
        (b"[" * 5000, 400),
        (b'{"kind": "' + b"x" * 70_000 + b'"}', 413),
        (b'{"kind": "nothing"}', 409),
        (b'{"kind": "rebase", "reason": "x"}', 409),
        *((b'{"kind": "hold", "members": {"%b": 1}}' % name.encode(), 409) for name in sorted(RESERVED)),
    ],
)
async def test_what_is_no_act_is_a_problem_and_never_a_failure(world: World, body: bytes, status: int) -> None:
    token = await world.token(Role.OPERATOR)
    headers = {"Authorization": f"Bearer {token}"}
    answer = await world.client.post("/v1/desk/acts", content=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


@pytest.mark.parametrize("query", ["most=0", "most=201", "most=x", "before=-1", "who=%00", f"before={'9' * 20}"])
async def test_a_query_that_is_none_is_a_problem(world: World, query: str) -> None:
    token = await world.token(Role.AUDITOR)
    answer = await world.call(token, "GET", f"/v1/desk/acts?{query}")
    assert (answer.status_code, code(answer)) == (400, "malformed")


async def test_two_people_approve_by_token_and_one_alone_cannot(tmp_path: Path) -> None:
    async with acting_world(tmp_path / "hub.sqlite", second_person=True) as acting:
        world = World(acting)
        one = await world.token(Role.OPERATOR, name="desk-one")
        two = await world.token(Role.OPERATOR, name="desk-two")
        again = await world.token(Role.OPERATOR, name="desk-one")
        before = await acting.view()
        asked = {"kind": "block", "subject": acting.author.id, "reason": "harm", "members": {"until": "2027-01-01"}}
        waits = await world.call(one, "POST", "/v1/desk/acts", asked)
        assert waits.status_code == 202 and await acting.view() == before
        ticket = waits.json()["waits"]
        assert [w["ticket"] for w in (await world.call(two, "GET", "/v1/desk/waiting")).json()["waiting"]] == [ticket]
        for same in (one, again):
            answer = await world.call(same, "POST", f"/v1/desk/waiting/{ticket}/approve")
            assert (answer.status_code, Why.SAME_PERSON.value in answer.text) == (403, True)
        less = await world.token(Role.OPERATOR, RIGHTS[Role.OPERATOR] - {Right.BLOCK}, "desk-two")
        assert code(await world.call(less, "POST", f"/v1/desk/waiting/{ticket}/approve")) == "not_allowed"
        assert await acting.view() == before
        assert (await world.call(two, "POST", f"/v1/desk/waiting/{ticket}/approve")).status_code == 200
        assert await acting.view() != before
        assert code(await world.call(two, "POST", f"/v1/desk/waiting/{ticket}/approve")) == "cannot_act"


async def test_no_cookie_opens_the_api(world: World) -> None:
    await world.token(Role.OPERATOR)
    session = await world.door.begin("the-operator", "password")
    for name in ("__Host-jisr_desk", "jisr_desk"):
        answer = await world.client.get("/v1/desk/me", headers={"Cookie": f"{name}={session}"})
        assert code(answer) == "token_needed"
    with pytest.raises(Denied):
        await world.tokens.bearer(session, NETWORK)
