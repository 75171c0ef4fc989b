"""The desk over HTTP: who gets in where, cookies, requests from elsewhere, and refusals as sentences."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from starlette.applications import Starlette

from jisr_hub.desk import sessions
from jisr_hub.desk.denied import Why
from jisr_hub.desk.passkeys import Ceremonies
from jisr_hub.desk.roles import Right, Role
from jisr_hub.desk.tokens import Tokens
from jisr_hub.storage.admissions import SqlAdmissions
from jisr_hub.storage.desk_open import SqlOpen
from jisr_hub.storage.desk_tokens import SqlTokens
from jisr_hub.storage.passkeys import SqlPasskeys
from jisr_hub.web import desk, problem_documents
from jisr_hub.web.desk import people, rim
from jisr_hub.web.page import static_routes
from jisr_protocol.pages.language import NAMES
from tests.hub.desk_world import PASSWORD, DeskWorld, desk_world

pytestmark = pytest.mark.anyio
HUB = "https://hub.example"
OURS = {"Sec-Fetch-Site": "same-origin"}
COOKIE = "__Host-jisr_desk"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[DeskWorld]:
    async with desk_world(tmp_path / "hub.sqlite") as world:
        for role in Role:
            await world.add(f"the-{role.value}", role)
        yield world


def parts(world: DeskWorld, address: str = HUB) -> desk.Parts:
    ceremonies = Ceremonies(SqlPasskeys(world.ledger.database), world.door, address, "Hub")
    tokens = Tokens(SqlTokens(world.ledger.database), world.door)
    return desk.Parts(world.door, SqlOpen(world.ledger), address, "en", ceremonies=ceremonies, tokens=tokens)


def browser(world: DeskWorld, address: str = HUB) -> httpx.AsyncClient:
    routes = [*desk.routes(parts(world, address)), *static_routes()]
    app = Starlette(routes=routes, exception_handlers=problem_documents.HANDLERS)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=address, headers=OURS)


@pytest.fixture
async def client(world: DeskWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(world) as client:
        yield client


async def sign_in(client: httpx.AsyncClient, name: str = "the-operator", password: str = PASSWORD) -> Any:
    return await client.post("/desk/sign-in", data={"name": name, "password": password})


# What each address needs: who gets in, and what the others are told. A new route without a line here fails.
NOBODY, AUDITOR, CURATOR, OPERATOR, STALE = "nobody", "auditor", "curator", "operator", "operator, an hour later"
ALL = (NOBODY, AUDITOR, CURATOR, OPERATOR, STALE)
FORMS: dict[str, dict[str, str]] = {
    "/desk/sign-in": {"name": "the-curator", "password": "wrong"},
    "/desk/sign-out": {},
    "/desk/password": {"code": "none", "password": "x"},
    "/desk/confirm": {"password": "wrong"},
    "/desk/people/sign-out": {"name": "the-curator"},
    "/desk/passkey": {"credential": "{}"},
    "/desk/confirm/passkey": {"credential": "{}"},
    "/desk/confirmed": {"word": "none"},
    "/desk/passkeys/add": {"label": "phone", "credential": "{}"},
    "/desk/passkeys/remove": {"id": "none"},
    "/desk/tokens": {"label": "export", "days": "366", "scope": "look"},
    "/desk/tokens/revoke": {"id": "none"},
}
MAY = {
    ("GET", "/desk/sign-in"): (200, 303, 303, 303, 303),
    ("POST", "/desk/sign-in"): (403, 403, 403, 403, 403),
    ("POST", "/desk/sign-out"): (303, 303, 303, 303, 303),
    ("GET", "/desk/password"): (200, 200, 200, 200, 200),
    ("POST", "/desk/password"): (404, 404, 404, 404, 404),
    ("GET", "/desk/provider"): (303, 303, 303, 303, 303),
    ("GET", "/desk/provider/back"): (303, 303, 303, 303, 303),
    ("GET", "/desk"): (303, 200, 200, 200, 200),
    ("GET", "/desk/confirm"): (303, 200, 200, 200, 200),
    ("POST", "/desk/confirm"): (401, 403, 403, 403, 403),
    ("GET", "/desk/people"): (303, 200, 403, 200, 200),
    ("POST", "/desk/people/sign-out"): (401, 403, 403, 303, 403),
    ("GET", "/desk/passkey"): (200, 200, 200, 200, 200),
    ("POST", "/desk/passkey"): (403, 403, 403, 403, 403),
    ("GET", "/desk/confirm/passkey"): (303, 200, 200, 200, 200),
    ("GET", "/desk/confirmed"): (303, 303, 303, 303, 303),
    ("POST", "/desk/confirmed"): (401, 400, 400, 400, 403),
    ("POST", "/desk/confirm/passkey"): (401, 403, 403, 403, 403),
    ("GET", "/desk/passkeys"): (303, 200, 200, 200, 200),
    ("GET", "/desk/passkeys/add"): (303, 200, 200, 200, 403),
    ("POST", "/desk/passkeys/add"): (401, 403, 403, 403, 403),
    ("POST", "/desk/passkeys/remove"): (401, 303, 303, 303, 403),
    ("GET", "/desk/tokens"): (303, 200, 200, 200, 200),
    ("POST", "/desk/tokens"): (401, 422, 422, 422, 403),
    ("POST", "/desk/tokens/revoke"): (401, 303, 303, 303, 303),
}


async def test_every_route_of_the_desk_stands_in_the_table(world: DeskWorld) -> None:
    routes = desk.routes(parts(world))
    assert {(way.partition(" ")[0], route.path) for route in routes for way in [route.name]} == MAY.keys()
    assert {path for method, path in MAY if method == "POST"} == FORMS.keys()


@pytest.mark.parametrize("who", ALL)
async def test_each_role_gets_where_the_table_says_and_nowhere_else(world: DeskWorld, who: str) -> None:
    for (method, path), answers in MAY.items():
        async with browser(world) as client:
            if who != NOBODY:
                assert (await sign_in(client, f"the-{who.partition(',')[0]}")).status_code == 303
            if who == STALE:
                for _ in range(3):
                    world.clock.pass_(sessions.IDLE_SECONDS - 600)
                    assert (await client.get("/desk")).status_code == 200
            answer = await client.request(method, path, data=FORMS.get(path) if method == "POST" else None)
            assert answer.status_code == answers[ALL.index(who)], (method, path)
            if answer.status_code >= 400:
                assert re.search(r"<h1>|role=\"alert\"", answer.text), "a refusal is a sentence on a page"


async def test_who_signs_out_others_must_have_just_shown_who_they_are(world: DeskWorld, client: Any) -> None:
    other = await world.door.sign_in("the-curator", PASSWORD, "elsewhere")
    await sign_in(client)
    world.clock.pass_(sessions.FRESH_SECONDS)
    refused = await client.post("/desk/people/sign-out", data={"name": "the-curator"})
    assert (refused.status_code, "/desk/confirm" in refused.text) == (403, True)
    assert await world.door.visitor(other) is not None
    before = client.cookies[COOKIE]
    assert (await client.post("/desk/confirm", data={"password": PASSWORD})).status_code == 303
    assert client.cookies[COOKIE] != before, "a new token, so that the one before is worth nothing"
    assert await world.door.visitor(before) is None
    assert (await client.post("/desk/people/sign-out", data={"name": "the-curator"})).status_code == 303
    assert await world.door.visitor(other) is None


async def test_a_token_from_before_the_sign_in_is_worth_nothing_after_it(world: DeskWorld, client: Any) -> None:
    planted = await world.door.sign_in("the-auditor", PASSWORD, "attacker")
    client.cookies.set(COOKIE, planted, domain="hub.example")
    answer = await sign_in(client)
    assert planted not in answer.headers["set-cookie"]
    assert await world.door.visitor(planted) is None
    client.cookies.clear()
    client.cookies.set(COOKIE, "a-token-of-the-attackers-choice", domain="hub.example")
    answer = await sign_in(client)
    assert "a-token-of-the-attackers-choice" not in answer.headers["set-cookie"]
    assert await world.door.visitor("a-token-of-the-attackers-choice") is None


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": HUB},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://hub.example"},
        {},
    ],
    ids=str,
)
async def test_no_form_is_taken_from_another_site(world: DeskWorld, path: str, headers: dict[str, str]) -> None:
    async with browser(world) as client:
        await sign_in(client)
        token = client.cookies[COOKIE]
        del client.headers["Sec-Fetch-Site"]
        form = {**FORMS[path], "password": PASSWORD}
        answer = await client.post(path, data=form, headers=headers)
        assert (answer.status_code, Why.CROSS_SITE.value in answer.text) == (403, True)
        assert "set-cookie" not in answer.headers
        assert await world.door.visitor(token) is not None, "nothing was changed"


async def test_an_old_browser_that_names_its_origin_is_served(world: DeskWorld) -> None:
    async with browser(world) as client:
        del client.headers["Sec-Fetch-Site"]
        data = {"name": "the-operator", "password": PASSWORD}
        assert (await client.post("/desk/sign-in", data=data, headers={"Origin": HUB})).status_code == 303


@pytest.mark.parametrize(("address", "secure"), [(HUB, True), ("http://127.0.0.1:8470", False)])
async def test_the_cookie_is_for_this_hub_alone(world: DeskWorld, address: str, secure: bool) -> None:
    async with browser(world, address) as client:
        cookie = (await sign_in(client)).headers["set-cookie"]
        name, _, rest = cookie.partition("=")
        flags = {flag.strip().lower() for flag in rest.split(";")[1:]}
        assert name == (COOKIE if secure else "jisr_desk")
        assert {"httponly", "samesite=lax", "path=/"} <= flags
        assert ("secure" in flags) is secure
        assert not any(flag.startswith(("domain", "expires", "max-age")) for flag in flags)
        gone = (await client.post("/desk/sign-out", data={})).headers["set-cookie"]
        assert gone.startswith(f'{name}=""') and "max-age=0" in gone.lower()
        assert (await client.get("/desk")).status_code == 303


async def test_no_page_is_kept_framed_or_may_run_a_script(world: DeskWorld, client: Any) -> None:
    await sign_in(client)
    for path in ("/desk", "/desk/people", "/desk/confirm", "/desk/password?code=x"):
        answer = await client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "script" not in policy and "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=|https?://", answer.text), path


async def test_a_guesser_is_told_to_wait(world: DeskWorld, client: Any) -> None:
    answers = [await sign_in(client, "the-operator", f"wrong {n}") for n in range(11)]
    assert [a.status_code for a in answers] == [403] * 10 + [429]
    assert answers[-1].headers["retry-after"] == "900"
    assert Why.TOO_MANY.value in answers[-1].text


async def test_a_password_is_chosen_by_the_link_and_opens_the_desk(world: DeskWorld, client: Any) -> None:
    code = await world.door.link("the-curator")
    assert code in (await client.get(f"/desk/password?code={code}")).text
    short = await client.post("/desk/password", data={"code": code, "password": "short"})
    assert (short.status_code, Why.SHORT.value in short.text, code in short.text) == (422, True, True)
    done = await client.post("/desk/password", data={"code": code, "password": "a whole new password"})
    assert done.headers["location"] == "/desk/sign-in?chosen=1"
    assert (await client.post("/desk/password", data={"code": code, "password": "and another one"})).status_code == 404
    assert (await sign_in(client, " The-Curator", "a whole new password")).status_code == 303


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("name=a", "application/x-www-form-urlencoded"),
        ("name=a&name=b&password=c", "application/x-www-form-urlencoded"),
        ("name=%ff&password=c", "application/x-www-form-urlencoded"),
        ("é", "application/x-www-form-urlencoded"),
        ('{"name": "a", "password": "b"}', "application/json"),
        ("name=a&password=b", "text/plain"),
        ("&".join(f"f{n}=1" for n in range(99)), "application/x-www-form-urlencoded"),
    ],
)
async def test_a_form_that_is_none_is_refused_with_a_sentence(client: Any, body: str, kind: str) -> None:
    answer = await client.post("/desk/sign-in", content=body.encode(), headers={"Content-Type": kind})
    assert (answer.status_code, Why.FORM.value in answer.text) == (400, True)


NAUGHTY = (
    "<script>alert(1)</script>",
    '" onfocus="alert(1)',
    "{{ 7*7 }}",
    "'; DROP TABLE account;--",
    "a\u202eb",
    "\0",
)


@pytest.mark.parametrize("text", NAUGHTY)
async def test_what_is_typed_comes_back_as_text(world: DeskWorld, client: Any, text: str) -> None:
    for path, data in (
        ("/desk/sign-in", {"name": text, "password": text}),
        ("/desk/password", {"code": text, "password": text}),
    ):
        answer = await client.post(path, data=data)
        assert answer.status_code in (403, 404)
        assert not re.search(r"<script|\sonfocus=\"|49|\u202e", answer.text)
    assert len(await world.accounts.all()) == 3


async def test_the_home_shows_what_is_open(world: DeskWorld, client: Any) -> None:
    from jisr_hub.authority.admissions import Request
    from jisr_hub.ports import Peer

    asks = Request("jisr:" + "a" * 52, "دار الجسر", "192.0.2.0/24", "2026-08-30T08:00:00Z", b"")
    assert await SqlAdmissions(world.ledger.database).put(asks, most=9, of_one_source=9)
    away = Peer("jisr:" + "b" * 52, "Hub Away", "https://away.example", 0, "", "temporary", "no answer", "")
    await world.ledger.keep_peer(away)
    well = Peer("jisr:" + "c" * 52, "Hub Well", "https://well.example", 0, "", "verified", "", "2026-08-30T08:00:00Z")
    await world.ledger.keep_peer(well)
    await sign_in(client, "the-curator")
    text = (await client.get("/desk?lang=en")).text
    assert "دار الجسر" in text and "30 August 2026" in text
    assert "Hub Away" in text and "no answer" in text
    assert "Hub Well" not in text
    assert "Nothing is put aside." in text


@pytest.mark.parametrize("code", NAMES)
async def test_the_desk_speaks_each_language(client: Any, code: str) -> None:
    page = (await client.get(f"/desk/sign-in?lang={code}")).text
    assert f'<html lang="{code}" dir="{"rtl" if code == "ar" else "ltr"}">' in page
    assert ("<h1>Sign in</h1>" in page) is (code == "en")


def test_every_reason_that_a_page_gives_has_words_and_they_are_the_same() -> None:
    assert {why.value for why in rim.WORDS} == set(rim.WORDS.values())
    assert set(Why) - rim.WORDS.keys() == {Why.SAME_PERSON, Why.TOKEN, Why.SCOPE}
    assert all(role in people.ROLES for role in Role)
    assert Right.LOOK in Right


async def test_a_served_hub_has_its_desk(tmp_path: Path) -> None:
    from jisr_hub.app.serving import application
    from jisr_hub.cli import accounts, setting_up

    made = setting_up.create(
        tmp_path / "hub", name="Hub Maroc", country="MA", lang="fr", address="http://127.0.0.1:8470",
        allow_private=True, random_bytes=secrets.token_bytes, database="",
    )  # fmt: skip
    await made
    await accounts.add(tmp_path / "hub", "desk-one", Role.OPERATOR, "", PASSWORD)
    app = application(tmp_path / "hub")
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8470", headers=OURS) as client:
            assert (await sign_in(client, "desk-one")).status_code == 303
            assert (await client.get("/desk")).status_code == 200
