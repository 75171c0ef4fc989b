"""Portals are told that the feed has grown: after a challenge, signed, again when it failed; on both databases."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Way
from typer.testing import CliRunner

from jisr_hub.app.telling import GuardedCaller
from jisr_hub.cli import command_for
from jisr_hub.storage.webhooks import SqlSubscriptions
from jisr_hub.web import problem_documents
from jisr_hub.web.webhooks import routes, signed
from jisr_hub.webhooks.telling import LEASE_SECONDS, MOST_A_HOST, OFF, ON, Failed, Subscription, Telling
from jisr_protocol.head import Head
from jisr_protocol.reader.http import GuardedClient
from tests.hub.author import Author
from tests.hub.kept_hub import KeptHub
from tests.hub.viewed import viewed_hub
from tests.javascript.served_hub import served

pytestmark = pytest.mark.anyio
HOOK = "https://portal.example/hook?for=me"


@dataclass
class Portal:
    """The other side, in memory: what it was asked and told; `fails` is what it says instead."""

    told: list[tuple[str, str, int, bytes]] = field(default_factory=list)
    echo: bool = True
    fails: Failed | None = None

    async def ask(self, callback: str, challenge: str) -> str:
        return challenge if self.echo else "what?"

    async def tell(self, callback: str, secret: str, id: str, at: int, body: bytes) -> None:
        if self.fails:
            raise self.fails
        self.told.append((secret, id, at, body))


class World:
    """A hub's subscriptions, their routes, and a portal."""

    def __init__(self, kept: SqlSubscriptions) -> None:
        self.kept, self.portal, self.now = kept, Portal(), datetime(2026, 9, 1, 12, tzinfo=UTC)
        self.telling = Telling(kept, self.portal, lambda: self.now, lambda: "guess me")
        ways = routes(kept, lambda: self.now, allow_private=False)
        app = Starlette(routes=ways, exception_handlers=problem_documents.HANDLERS)
        self.http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://hub.example")

    async def subscribe(self, callback: str = HOOK, status: int = 202) -> dict[str, Any]:
        answer = await self.http.post("/v1/subscriptions", content=orjson.dumps({"callback": callback}))
        assert answer.status_code == status, answer.text
        value: dict[str, Any] = orjson.loads(answer.content)
        return value

    async def call(self, method: str, one: dict[str, Any], path: str = "", secret: str = "") -> httpx2.Response:
        bearer = {"Authorization": f"Bearer {secret or one['secret']}"}
        return await self.http.request(method, f"/v1/subscriptions/{one['id']}{path}", headers=bearer)

    async def state(self, one: dict[str, Any]) -> dict[str, Any]:
        value: dict[str, Any] = orjson.loads((await self.call("GET", one)).content)
        return value

    async def round(self, size: int, later: float = 0) -> None:
        self.now += timedelta(seconds=later)
        await self.telling.round(head_of(size))


def head_of(size: int) -> Head:
    author = Author("dar")
    author.puts(size - 1)
    return author.head()


@pytest.fixture
async def world(place: Path | str) -> AsyncIterator[World]:
    async with viewed_hub(place) as hub:
        world = World(SqlSubscriptions(hub.ledger))
        async with world.http:
            yield world


async def test_a_portal_that_answers_the_challenge_is_told_once_of_each_size(world: World) -> None:
    one = await world.subscribe()
    assert (one["state"], one["secret"][:6]) == ("asked", "whsec_")
    await world.round(3)
    assert world.portal.told == [], "nothing but the challenge before it was answered"
    for _ in range(3):
        await world.round(3)
    await world.round(5)
    sizes = [orjson.loads(body)["data"]["size"] for _, _, _, body in world.portal.told]
    assert sizes == [3, 5]
    secret, id, at, body = world.portal.told[-1]
    headers = signed(secret, id, at, body)
    key = base64.b64decode(one["secret"].removeprefix("whsec_"))
    expected = hmac.new(key, f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body, hashlib.sha256)
    assert headers["webhook-signature"] == "v1," + base64.b64encode(expected.digest()).decode()
    assert (await world.state(one))["state"] == ON


async def test_who_does_not_answer_the_challenge_is_never_told_anything(world: World) -> None:
    world.portal.echo = False
    one = await world.subscribe()
    for _ in range(4):
        await world.round(3, later=20_000)
    assert world.portal.told == []
    await world.round(3, later=90_000)
    state = await world.state(one)
    assert state["state"] == OFF
    assert "did not answer the challenge" in state["why"]


async def test_what_fails_is_tried_again_ever_later_and_after_days_no_more(world: World) -> None:
    one = await world.subscribe()
    await world.round(3)
    world.portal.fails = Failed("it answered 500")
    waits = []
    for _ in range(5):
        await world.round(3, later=30_000)
        state = await world.state(one)
        waits.append((datetime.fromisoformat(state["next_try"]) - world.now).total_seconds())
    assert waits == [30, 60, 120, 240, 480]
    await world.round(3, later=1)
    assert (await world.state(one))["failed"] == 5, "not before its time"
    await world.round(3, later=5 * 86_400)
    state = await world.state(one)
    assert state["state"] == OFF
    assert state["why"].startswith("No call has gone well since 2026-09-01T")
    world.portal.fails = None
    await world.round(3, later=86_400)
    assert world.portal.told == [], "switched off"
    assert (await world.call("POST", one, "/renew")).status_code == 200
    for _ in range(2):
        await world.round(3)
    assert len(world.portal.told) == 1, "renewed, challenged again, and told"


async def test_one_that_says_it_is_gone_is_called_no_more(world: World) -> None:
    one = await world.subscribe()
    await world.round(3)
    world.portal.fails = Failed("it answered 410", gone=True)
    await world.round(3)
    assert (await world.state(one))["state"] == OFF


async def test_a_lease_ends_unless_it_is_renewed(world: World) -> None:
    one, other = await world.subscribe(), await world.subscribe("https://other.example/")
    await world.round(3, later=LEASE_SECONDS - 60)
    await world.call("POST", one, "/renew")
    await world.round(3, later=120)
    assert [kept.id for kept in await world.kept.all()] == [one["id"]]
    assert (await world.call("GET", other)).status_code == 404


async def test_only_the_secret_shows_renews_and_ends_a_subscription(world: World) -> None:
    one = await world.subscribe()
    for method, path in (("GET", ""), ("POST", "/renew"), ("DELETE", "")):
        assert (await world.call(method, one, path, secret="whsec_AAAA")).status_code == 404
    assert "secret" not in (await world.state(one))
    assert (await world.call("DELETE", one)).status_code == 204
    assert await world.kept.all() == []


async def test_what_is_no_address_of_the_web_and_too_many_are_refused(world: World) -> None:
    wrong = ("http://portal.example/", "ftp://portal.example/", "https://a:b@portal.example/", "https://", "", "//x")
    for callback in wrong:
        assert (await world.subscribe(callback, 400))["code"] == "malformed"
    assert (await world.http.post("/v1/subscriptions", content=b"[")).status_code == 400
    for _ in range(MOST_A_HOST):
        await world.subscribe()
    assert (await world.subscribe(status=503))["code"] == "busy"


@pytest.mark.parametrize(
    "callback", ["http://127.0.0.1:8080/", "http://[::1]:8080/", "http://169.254.169.254/latest", "http://10.0.0.1/"]
)
async def test_no_private_address_is_called(callback: str) -> None:
    async with GuardedClient() as client:
        caller = GuardedCaller(client)
        with pytest.raises(Failed, match="does not connect"):
            await caller.ask(callback, "x")
        with pytest.raises(Failed):
            await caller.tell(callback, "whsec_AAAA", "1", 1, b"{}")


class Hook:
    """A portal's own address, over HTTP: it echoes challenges and keeps what it was sent."""

    def __init__(self) -> None:
        self.came: list[tuple[dict[str, str], bytes]] = []

    async def answer(self, request: Request) -> Response:
        if request.method == "GET":
            return Response(request.query_params["challenge"])
        self.came.append((dict(request.headers), await request.body()))
        return Response(status_code=410 if len(self.came) > 1 else 204)


async def test_over_http_a_challenge_is_echoed_and_a_message_carries_its_signature() -> None:
    hook = Hook()
    with served(Starlette(routes=[Way("/hook", hook.answer, methods=["GET", "POST"])])) as address:
        async with GuardedClient(allow_private=True) as client:
            caller = GuardedCaller(client)
            assert await caller.ask(f"{address}/hook?for=me", "guess me") == "guess me"
            await caller.tell(f"{address}/hook", "whsec_AAAA", "id", 1, b"{}")
            with pytest.raises(Failed) as gone:
                await caller.tell(f"{address}/hook", "whsec_AAAA", "id", 1, b"{}")
    assert gone.value.gone
    headers, body = hook.came[0]
    assert body == b"{}"
    assert signed("whsec_AAAA", "id", 1, b"{}").items() <= {**headers, "Content-Type": headers["content-type"]}.items()


def test_the_operator_sees_who_is_told_and_never_a_secret(tmp_path: Path) -> None:
    folder = KeptHub(tmp_path / "hub").folder
    words = ["subscriptions", "list", "--dir", str(folder), "--json"]
    assert orjson.loads(CliRunner().invoke(command_for(words), words).output) == {"subscriptions": []}
    one = Subscription(
        "id", HOOK, "portal.example", "whsec_AAAA", OFF, 2_000_000_000, 0, why="It said that it is gone."
    )
    assert "whsec" not in str(one.health())
