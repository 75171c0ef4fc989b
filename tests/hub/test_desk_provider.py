"""Signing in at a provider of our own: what must hold before somebody is let in, broken one by one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2 as httpx
import orjson
import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey
from starlette.applications import Starlette

from jisr_hub.desk.denied import Why
from jisr_hub.desk.roles import Role
from jisr_hub.storage.desk_open import SqlOpen
from jisr_hub.web import desk, problem_documents
from jisr_hub.web.oidc import DISCOVERY, Provider
from tests.hub.desk_world import DeskWorld, desk_world

pytestmark = pytest.mark.anyio
HUB, ISSUER, CLIENT = "https://hub.example", "https://id.example/realm", "the-hub"
COOKIE = "__Host-jisr_desk"


class SmallProvider:
    """Enough of OpenID Connect to be believed, and knobs to break it."""

    def __init__(self, world: DeskWorld) -> None:
        self.world = world
        self.key = self.shown = ECKey.generate_key("P-256", {"kid": "one"})
        self.codes: dict[str, dict[str, str]] = {}
        self.claims: dict[str, Any] = {}
        self.algorithm = "ES256"
        self.issuer = ISSUER
        self.headers: Mapping[str, str] = {}

    def authorize(self, address: str) -> dict[str, str]:
        """What somebody who was sent here brings back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert (asked["client_id"], asked["response_type"], asked["scope"]) == (CLIENT, "code", "openid")
        assert (asked["redirect_uri"], asked["code_challenge_method"]) == (f"{HUB}/desk/provider/back", "S256")
        self.codes["code"] = asked
        return {"code": "code", "state": asked["state"]}

    async def exchange(self, address: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
        if address == ISSUER + DISCOVERY:
            where = {"authorization_endpoint": "a", "token_endpoint": "t", "jwks_uri": "k"}
            return orjson.dumps({"issuer": self.issuer} | {name: f"{ISSUER}/{path}" for name, path in where.items()})
        if address == f"{ISSUER}/k":
            return orjson.dumps(KeySet([self.shown]).as_dict(private=False))
        assert address == f"{ISSUER}/t" and body is not None
        self.headers = headers
        form = dict(parse_qsl(body.decode()))
        asked = self.codes.pop(form["code"], None)
        if asked is None or create_s256_code_challenge(form["code_verifier"]) != asked["code_challenge"]:
            raise ConnectionError("400 invalid_grant")
        now = self.world.door.now
        claims = {
            "iss": ISSUER, "sub": "17", "aud": CLIENT, "exp": now + 300, "iat": now, "auth_time": now,
            "nonce": asked["nonce"], **self.claims,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": self.algorithm, "kid": "one"}
        return orjson.dumps({"id_token": jwt.encode(header, claims, self.key, algorithms=[self.algorithm])})


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[DeskWorld]:
    async with desk_world(tmp_path / "hub.sqlite") as world:
        await world.add("desk-one", Role.OPERATOR, f"{ISSUER}|17")
        yield world


@pytest.fixture
async def small(world: DeskWorld) -> SmallProvider:
    return SmallProvider(world)


@pytest.fixture
async def client(world: DeskWorld, small: SmallProvider) -> AsyncIterator[httpx.AsyncClient]:
    provider = Provider(ISSUER, CLIENT, "s3cret", f"{HUB}/desk/provider/back", small.exchange, world.draw)
    routes = desk.routes(desk.Parts(world.door, SqlOpen(world.ledger), HUB, "en", provider))
    app = Starlette(routes=routes, exception_handlers=problem_documents.HANDLERS)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HUB) as client:
        yield client


async def go(client: httpx.AsyncClient, small: SmallProvider) -> dict[str, str]:
    return small.authorize((await client.get("/desk/provider")).headers["location"])


async def refused(client: httpx.AsyncClient, back: dict[str, str], why: Why = Why.PROVIDER) -> None:
    answer = await client.get("/desk/provider/back", params=back)
    assert (answer.status_code, why.value in answer.text) == (403, True)
    assert COOKIE not in client.cookies


async def test_who_comes_back_from_the_provider_is_in(world: DeskWorld, client: Any, small: SmallProvider) -> None:
    assert "/desk/provider" in (await client.get("/desk/sign-in")).text
    answer = await client.get("/desk/provider/back", params=await go(client, small))
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk")
    assert small.headers["Authorization"].startswith("Basic ")
    visitor = await world.door.visitor(client.cookies[COOKIE])
    assert visitor is not None
    assert (visitor.account.name, visitor.session.by, visitor.fresh) == ("desk-one", "provider", True)
    before = client.cookies[COOKIE]
    answer = await client.get("/desk/provider/back", params=await go(client, small))
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/confirmed")
    assert client.cookies[COOKIE] != before, "a second time is a confirmation, under a new token"
    assert await world.door.visitor(before) is None


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"}, {"nonce": None}, {"aud": "another-client"}, {"aud": None}, {"iss": "https://evil.example"},
        {"exp": 1_788_000_000 - 10_000_000}, {"exp": None}, {"sub": None}, {"auth_time": None}, {"auth_time": 1},
        {"aud": ["the-hub", "another"], "azp": "another"},
    ],
    ids=str,
)  # fmt: skip
async def test_a_claim_that_does_not_hold_lets_nobody_in(client: Any, small: SmallProvider, claims: Any) -> None:
    small.claims = claims
    await refused(client, await go(client, small))


async def test_a_code_works_once_and_in_time(world: DeskWorld, client: Any, small: SmallProvider) -> None:
    back = await go(client, small)
    world.clock.pass_(601)
    await refused(client, back)
    back = await go(client, small)
    small.codes.clear()
    await refused(client, back)
    back = await go(client, small)
    assert (await client.get("/desk/provider/back", params=back)).status_code == 303
    client.cookies.clear()
    await refused(client, back)


async def test_a_rotated_key_is_taken_and_another_one_is_not(client: Any, small: SmallProvider) -> None:
    back = await go(client, small)
    small.key = ECKey.generate_key("P-256", {"kid": "one"})
    await refused(client, back)
    small.shown = small.key
    assert (await client.get("/desk/provider/back", params=await go(client, small))).status_code == 303


async def test_a_shared_secret_is_no_signature(client: Any, small: SmallProvider) -> None:
    small.key, small.algorithm = OctKey.import_key("s3cret" * 6), "HS256"
    await refused(client, await go(client, small))


async def test_another_browser_another_state_and_another_issuer_are_refused(
    client: Any, small: SmallProvider, world: DeskWorld
) -> None:
    back = await go(client, small)
    await refused(client, back | {"state": "another"})
    await refused(client, back | {"iss": "https://evil.example"})
    await refused(client, {"error": "access_denied", "state": (await go(client, small))["state"]})
    back = await go(client, small)
    client.cookies.clear()
    await refused(client, back)


async def test_who_has_no_account_stays_out(client: Any, small: SmallProvider) -> None:
    small.claims = {"sub": "18"}
    await refused(client, await go(client, small), Why.STRANGER)


async def test_a_provider_that_is_another_or_silent_lets_nobody_leave(client: Any, small: SmallProvider) -> None:
    small.issuer = "https://evil.example"
    answer = await client.get("/desk/provider")
    assert (answer.status_code, Why.PROVIDER.value in answer.text) == (403, True)
    answer = await client.get("/desk/provider", headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, Why.CROSS_SITE.value in answer.text) == (403, True)
