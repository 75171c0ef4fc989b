"""USE-4: pages are counted and nobody who reads them; what is no reader's request is not counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from jisr_hub.app.serving import application
from jisr_hub.web.public.counted import REFERRALS, VIEWS, counted, note
from jisr_protocol import token
from tests.hub.author import Author, record_id
from tests.hub.kept_hub import KeptHub

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
KEY = ("jisr:" + "a" * 52, record_id("one"))


@dataclass
class Counts:
    noted: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)

    def note(self, kind: str, keys: Iterable[tuple[str, str]]) -> None:
        self.noted.append((kind, list(keys)))


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def client(counts: Counts) -> Iterator[TestClient]:
    async def page(request: Request) -> Response:
        note(request, VIEWS, [KEY])
        return PlainTextResponse("", int(request.query_params.get("status", "200")))

    async def sent(request: Request) -> Response:
        note(request, REFERRALS, [KEY])
        return RedirectResponse("/", 303)

    async def other(_: Request) -> Response:
        return PlainTextResponse("")

    routes = [Route("/", page), Route("/sent", sent, methods=["POST"]), Route("/other", other)]
    app = Starlette(routes=counted(routes, counts.note))
    with TestClient(app, headers={"user-agent": BROWSER}, follow_redirects=False) as client:
        yield client


def test_a_page_that_somebody_opens_is_counted_and_no_cookie_is_set(client: TestClient, counts: Counts) -> None:
    answer = client.get("/", headers={"sec-fetch-dest": "document"})
    client.get("/other")
    assert counts.noted == [(VIEWS, [KEY])] and "set-cookie" not in answer.headers
    client.post("/sent")
    assert counts.noted[1:] == [(REFERRALS, [KEY])]


@pytest.mark.parametrize(
    "headers",
    [
        {"user-agent": ""},
        {"user-agent": "curl/8.5.0"},
        {"user-agent": "python-httpx/0.27"},
        {"user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
        {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/130.0.0.0 Safari/537.36"},
        {"user-agent": "facebookexternalhit/1.1"},
        {"sec-purpose": "prefetch;prerender"},
        {"purpose": "prefetch"},
        {"x-moz": "prefetch"},
        {"x-purpose": "preview"},
        {"sec-fetch-dest": "empty"},
        {"sec-fetch-dest": "iframe"},
    ],
    ids=repr,
)
def test_what_says_that_it_is_nobody_is_not_counted(
    client: TestClient, counts: Counts, headers: dict[str, str]
) -> None:
    assert client.get("/", headers=headers).status_code == 200
    assert counts.noted == []


def test_what_shows_nothing_is_not_counted(client: TestClient, counts: Counts) -> None:
    client.get("/", params={"status": "404"})
    client.get("/", params={"status": "500"})
    client.head("/")
    assert counts.noted == []


@pytest.fixture
def author() -> Author:
    author = Author("dar")
    author.put("one")
    return author


@pytest.fixture
def kept(tmp_path: Path, author: Author) -> KeptHub:
    return KeptHub(tmp_path / "hub").fill(author)


@pytest.mark.anyio
async def test_a_served_hub_counts_writes_nothing_about_who_looked_and_tells_the_node(
    kept: KeptHub, author: Author
) -> None:
    """The whole way: a page, the counts, a restart, the report for the node alone."""
    secret = {"user-agent": f"{BROWSER} canary-agent", "cookie": "c=canary-cookie", "referer": "https://canary-from"}
    page = f"/directory/{author.id}/{record_id('one')}"
    with capture_logs() as logs:
        async with _served(kept) as client:
            for _ in range(6):
                assert (await client.get(page, headers=secret)).status_code == 200
    assert "canary" not in repr(logs)
    rows = kept.execute("SELECT node, id, views, referrals, applications FROM usage_day")
    assert rows == [(author.id, record_id("one"), 6, 0, 0)], "written down when the process ends"
    assert not any(b"canary" in file.read_bytes() for file in kept.folder.rglob("*") if file.is_file())
    kept.execute("UPDATE usage_day SET day = day - 7")
    async with _served(kept) as client:
        place = f"/v1/nodes/{author.id}/usage"
        refused = await client.get(place)
        assert (refused.status_code, refused.json()["rule"]) == (401, "USE-1")
        key = await _key_of(client, kept.id, author)
        value = (await client.get(place, headers=key)).json()
        assert value["records"][0]["views"][-2:] == [5, 0] and value["sum"]["views"][-2:] == [5, 0]
        assert (await client.get(place, params={"after": "2"}, headers=key)).json()["code"] == "malformed"
        offered = (await client.get("/.well-known/jisr.json")).json()
        assert offered["usage"] == "/v1/nodes/{node}/usage"


class _served:
    """A hub's application as it runs, without a socket."""

    def __init__(self, kept: KeptHub) -> None:
        self._app = application(kept.folder)

    async def __aenter__(self) -> httpx.AsyncClient:
        self._life = self._app.router.lifespan_context(self._app)
        await self._life.__aenter__()
        transport = httpx.ASGITransport(self._app)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://hub.example")
        return self._client

    async def __aexit__(self, *error: object) -> None:
        await self._client.aclose()
        await self._life.__aexit__(None, None, None)


async def _key_of(client: httpx.AsyncClient, hub: str, author: Author) -> dict[str, str]:
    from jisr_hub.app.folder import now

    said = token.assertion(author.writer.key, by=author.id, hub=hub, jti="one", now=now())
    form = {
        "grant_type": "client_credentials", "scope": "usage", "client_assertion": said,
        "client_assertion_type": token.ASSERTION_TYPE,
    }  # fmt: skip
    answer = await client.post("/v1/token", data=form)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}
