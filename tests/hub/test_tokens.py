"""Restricted feeds over HTTP: who gets a token, and what it opens (TOK-1 to TOK-5)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2 as httpx
import orjson
import pytest
from starlette.applications import Starlette

from jisr_hub.storage.readers import SqlReaders
from jisr_hub.web import api, problem_documents
from jisr_hub.web.tokens import Tokens
from jisr_protocol import canonical, token
from jisr_protocol.keys import SigningKey
from tests.hub.author import Author
from tests.hub.viewed import ViewedHub, viewed_hub
from tests.reader.publisher import seeded

pytestmark = pytest.mark.anyio
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[ViewedHub]:
    async with viewed_hub(tmp_path / "hub.sqlite") as hub:
        author, reader = Author("dar"), Author("reader")
        await hub.admit(author)
        author.put("shared", audience="partners")
        author.put("inner", audience="hub")
        await hub.push(author, feed="partners")
        await hub.push(author, feed="hub")
        for name in ("partners", "hub"):
            await hub.view(name, audience=name)
        await SqlReaders(hub.ledger).add(reader.ring, "partners", "2026-09-01T12:00:00Z")
        await hub.publish()
        await hub.round()
        yield hub


@pytest.fixture
async def client(hub: ViewedHub) -> AsyncIterator[httpx.AsyncClient]:
    def feeds() -> dict[str, api.Feed]:
        shown = hub.views.shown.items()
        return {name: api.Feed(one.publisher, one.room.pages, one.feed.audience) for name, one in shown}

    tokens = Tokens(SqlReaders(hub.ledger), hub.id, hub.clock)
    routes = api.routes(hub.hub, hub.publisher, hub.pages, wake_peers=lambda: None, feeds=feeds, tokens=tokens)
    app = Starlette(routes=list(routes), exception_handlers=problem_documents.HANDLERS)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub.example") as client:
        yield client


def signed(hub: ViewedHub, who: str = "reader", **changed: Any) -> str:
    """An assertion of this author; `changed` replaces claims, `key` and `header` what their names say."""
    author = Author(who)
    key = changed.pop("key", author.writer.key)
    header = {"alg": "Ed25519", "kid": key.kid, "typ": token.TYPE} | changed.pop("header", {})
    seconds = int(hub.clock().timestamp())
    claims = {"aud": hub.id, "exp": seconds + 100, "iss": author.id, "jti": "one", "sub": author.id} | changed
    return str(key.sign_compact(canonical.dumps(header), canonical.dumps(claims)))


async def ask(client: httpx.AsyncClient, assertion: str, scope: str = "partners", **fields: str) -> httpx.Response:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": token.ASSERTION_TYPE,
        "client_assertion": assertion,
        "scope": scope,
    } | fields
    return await client.post("/v1/token", content=urlencode(form), headers=FORM)


def bearer(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 200, answer.content
    assert answer.headers["cache-control"] == "no-store"
    return {"Authorization": f"Bearer {orjson.loads(answer.content)['access_token']}"}


def restricted(answer: httpx.Response, rule: str = "") -> None:
    value = orjson.loads(answer.content)
    assert (answer.status_code, value["code"]) == (401, "restricted"), value
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert not rule or value["rule"] == rule, value


async def test_a_reader_gets_a_token_and_with_it_every_file_of_the_feed(
    hub: ViewedHub, client: httpx.AsyncClient
) -> None:
    """TOK-5."""
    with_token = bearer(await ask(client, signed(hub)))
    head = hub.publisher_of("partners").head
    assert head is not None
    for path in ("head.json", f"log/{head.epoch}/000.p/{head.size}.ndjson", f"inv/{head.state_root}.json"):
        restricted(await client.get(f"/feeds/partners/{path}"), "TOK-5")
        answer = await client.get(f"/feeds/partners/{path}", headers=with_token)
        assert answer.status_code == 200, path
        assert answer.headers["cache-control"].startswith("private")
    public = await client.get("/feeds/public/head.json")
    assert (public.status_code, public.headers["cache-control"].startswith("public")) == (200, True)


async def test_a_token_opens_one_audience_and_ends(hub: ViewedHub, client: httpx.AsyncClient) -> None:
    """TOK-5: not the other restricted feed, not after ten minutes, not when the reader was removed."""
    with_token = bearer(await ask(client, signed(hub)))
    restricted(await client.get("/feeds/hub/head.json", headers=with_token), "TOK-5")
    restricted(await client.get("/feeds/hub/log/1-aaaaaaaa/000.ndjson", headers={"Authorization": "Bearer x"}))
    restricted(await ask(client, signed(hub, jti="two"), scope="hub"), "TOK-5")
    hub.clock.pass_time(seconds=601)
    restricted(await client.get("/feeds/partners/head.json", headers=with_token), "TOK-5")
    again = bearer(await ask(client, signed(hub, jti="three")))
    await SqlReaders(hub.ledger).remove(Author("reader").id, "partners")
    restricted(await client.get("/feeds/partners/head.json", headers=again), "TOK-5")
    restricted(await ask(client, signed(hub, jti="four")))


@pytest.mark.parametrize(
    ("rule", "changed"),
    [
        ("TOK-2", {"aud": "jisr:" + "a" * 52}),
        ("TOK-2", {"aud": "http://hub.example"}),
        ("TOK-2", {"aud": None}),
        ("TOK-3", {"exp": 1}),
        ("TOK-3", {"exp": 10**10}),
        ("TOK-3", {"jti": ""}),
        ("TOK-1", {"header": {"alg": "none"}}),
        ("TOK-1", {"header": {"alg": "HS256"}}),
        ("TOK-1", {"header": {"typ": "JWT"}}),
        ("TOK-1", {"key": SigningKey(seeded("thief"))}),
        ("TOK-1", {"key": SigningKey(seeded("thief")), "header": {"kid": Author("reader").writer.key.kid}}),
        ("", {"who": "nobody"}),
        ("", {"sub": Author("dar").id}),
        ("", {"iss": Author("dar").id}),
    ],
)
async def test_whoever_does_not_prove_it_gets_none(
    hub: ViewedHub, client: httpx.AsyncClient, rule: str, changed: dict[str, Any]
) -> None:
    """TOK-1 to TOK-3: wrong audience, expired, another key, unknown reader, no algorithm."""
    restricted(await ask(client, signed(hub, **changed)), rule)
    bearer(await ask(client, signed(hub)))


async def test_a_changed_assertion_does_not_fit_its_signature(hub: ViewedHub, client: httpx.AsyncClient) -> None:
    """TOK-1."""
    header, _, signature = signed(hub).split(".")
    other = signed(hub, exp=int((hub.clock() + timedelta(seconds=200)).timestamp())).split(".")[1]
    restricted(await ask(client, f"{header}.{other}.{signature}"), "TOK-1")
    for broken in ("", "x", "a.b", "a.b.c", f"{header}.{other}.", f"{header}..{signature}", "é.é.é"):
        restricted(await ask(client, broken))


async def test_an_assertion_is_used_once(hub: ViewedHub, client: httpx.AsyncClient) -> None:
    """TOK-4."""
    assertion = signed(hub)
    bearer(await ask(client, assertion))
    restricted(await ask(client, assertion), "TOK-4")
    restricted(await ask(client, signed(hub, exp=int(hub.clock().timestamp()) + 200)), "TOK-4")
    bearer(await ask(client, signed(hub, jti="another")))


async def test_the_form_must_be_the_one_of_the_grant(hub: ViewedHub, client: httpx.AsyncClient) -> None:
    """TOK-3."""
    for changed in (
        {"grant_type": "password"},
        {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
        {"scope": ""},
        {"scope": "partners hub"},
        {"scope": "public"},
    ):
        restricted(await ask(client, signed(hub, jti=str(changed)), **changed))
    assert (await client.post("/v1/token", content=b"\xff" * 50, headers=FORM)).status_code == 401
    assert (await client.post("/v1/token", content=b"x" * 20_000, headers=FORM)).status_code == 413
    assert (await client.get("/v1/token")).status_code == 405


async def test_a_revoked_key_opens_nothing_any_more(hub: ViewedHub, client: httpx.AsyncClient) -> None:
    """TOK-1: what the reader's own log says of its keys is newer than what the operator was given."""
    reader = Author("reader")
    old = reader.writer.key
    bearer(await ask(client, signed(hub)))
    await hub.admit(reader)
    reader.put("mine")
    reader.statement(reader.writer.add_key())
    reader.statement(reader.writer.revoke(old))
    await hub.push(reader)
    restricted(await ask(client, signed(hub, jti="two", key=old)), "TOK-1")
    bearer(await ask(client, signed(hub, jti="three", key=reader.writer.key)))


async def test_a_node_asks_for_the_state_of_its_own_restricted_log(hub: ViewedHub, client: httpx.AsyncClient) -> None:
    """TOK-5: the node itself, a reader of the audience, and nobody else."""
    dar = Author("dar")
    path = f"/v1/nodes/{dar.id}/feeds/partners/log/state"
    restricted(await client.get(path), "TOK-5")
    own = bearer(await ask(client, signed(hub, who="dar", iss=dar.id, sub=dar.id), scope="log-state"))
    answer = await client.get(path, headers=own)
    assert (answer.status_code, orjson.loads(answer.content)["next"]) == (200, 2)
    restricted(await client.get("/feeds/partners/head.json", headers=own), "TOK-5")
    other = bearer(await ask(client, signed(hub)))
    assert (await client.get(path, headers=other)).status_code == 200
    restricted(await client.get(path.replace("/partners/", "/hub/"), headers=other), "TOK-5")
    restricted(await ask(client, signed(hub, jti="x"), scope="log-state"), "TOK-5")
