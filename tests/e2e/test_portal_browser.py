"""What the makers of portals are given, in a real browser: the reference of the calls, the directory in any page."""

from __future__ import annotations

import hashlib
import json
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route as Way

from jisr_hub.cli import setting_up
from jisr_hub.web import openapi, reference
from jisr_hub.web.origins import OpenToPortals
from tests.e2e.test_directory_browser import browser, opened, violations
from tests.hub.author import Author
from tests.hub.exported import text
from tests.javascript.served_hub import served, served_hub

__all__ = ["browser"]
pytestmark = pytest.mark.browser
VENDOR = Path(reference.__file__).with_name("static") / "vendor"
HITS = [
    {
        "node": "jisr:" + "a" * 52, "id": f"00000000-0000-4000-8000-{number:012x}",
        "entry": f"/directory/entry-{number}",
        "type": "org.jisr.location/1", "matched": [], "nearly": False, "points": [[-5 - number / 10, 35 + number / 10]],
        "record": {
            "name": {"ar": {"value": f"دار {number}", "origin": "author"}},
            "description": {"ar": {"value": "<b>وصف</b> " * 40, "origin": "author"}},
        },
    }
    for number in range(1, 4)
]  # fmt: skip


async def search(request: Request) -> JSONResponse:
    """Three hits a page, of two pages; none for the word "nothing"; cookies are told on."""
    assert "cookie" not in request.headers
    asked = request.query_params
    none = asked.get("q") == "nothing"
    return JSONResponse(
        {
            "total": 0 if none else 6,
            "of": 1 if none else 2,
            "page": int(asked.get("page", 1)),
            "hits": [] if none else HITS,
        }
    )


async def somewhere(request: Request) -> HTMLResponse:
    """A page of somebody else, on another origin, whose own policy takes only scripts and answers of the hub."""
    hub = request.query_params.get("hub") or str(request.base_url).rstrip("/").replace("localhost", "127.0.0.1")
    attributes = request.query_params["with"]
    body = (
        "<!doctype html><html lang=en><title>p</title><link rel=icon href=data:><main><h1>p</h1>"
        f"<jisr-directory {attributes}></jisr-directory></main><script type=module src='{hub}/embed.js'></script>"
    )
    policy = f"default-src 'none'; script-src {hub}; connect-src {hub}; img-src data:"
    return HTMLResponse(body, headers={"Content-Security-Policy": policy})


@pytest.fixture(scope="module")
def home() -> Iterator[str]:
    ways = [*reference.routes(), Way("/v1/search", search)]
    document = openapi.route(ways, "http://hub.example", "1.0")
    routes = [*ways, document, Way("/portal", somewhere)]
    with served(Starlette(routes=routes, middleware=[Middleware(OpenToPortals)])) as address:
        yield address


def test_what_is_vendored_is_what_the_table_says() -> None:
    told = tomllib.loads((VENDOR / "vendor.toml").read_text("utf-8"))["swagger-ui"]
    assert told["licence_file"] in told["files"]
    for name, digest in told["files"].items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest, name


def test_the_reference_of_the_calls_is_drawn_and_no_other_host_is_asked(browser: Browser, home: str) -> None:
    with opened(browser) as page:
        answer = page.goto(f"{home}/docs/api")
        assert answer is not None
        assert "script-src 'self';" in answer.headers["content-security-policy"]
        page.wait_for_selector(".opblock")
        assert page.locator(".opblock-summary-path").all_inner_texts()
        page.locator(".opblock-summary-control").first.click()
        page.wait_for_selector(".opblock-body")
        page.wait_for_timeout(300)


def embedded(page: Page, home: str, attributes: str, hub: str = "") -> None:
    """Open the page of somebody else, with the element."""
    page.goto(f"{home.replace('127.0.0.1', 'localhost')}/portal?with={quote(attributes)}&hub={quote(hub)}")
    page.wait_for_selector("jisr-directory li")


def came(page: Page, part: str) -> None:
    """Wait until something with this in its address was fetched."""
    page.wait_for_function(
        "part => performance.getEntriesByType('resource').some(one => one.name.includes(part))", arg=part
    )


def test_a_directory_stands_in_any_page_by_one_tag(browser: Browser, home: str) -> None:
    with opened(browser) as page:
        asked: list[dict[str, Any]] = []
        page.on(
            "request", lambda one: asked.append(parse_qs(urlsplit(one.url).query)) if "/v1/search" in one.url else None
        )
        embedded(page, home, "query='type=location&theme=x' lang=ar view=map")
        inside = page.locator("jisr-directory section")
        assert inside.evaluate("e => getComputedStyle(e).direction") == "rtl"
        assert asked[-1]["type"] == ["location"]
        assert asked[-1]["theme"] == ["x"]
        assert page.locator("jisr-directory li a").first.get_attribute("href") == f"{home}/directory/entry-1"
        assert "<b>" in page.locator("jisr-directory li p").first.inner_text(), "what records say is text"
        assert page.locator("jisr-directory svg a").count() == 3
        assert violations(page) == ""
        page.locator("jisr-directory input").focus()
        page.keyboard.type("dar")
        page.keyboard.press("Enter")
        came(page, "q=dar")
        page.locator("jisr-directory nav button").last.focus()
        page.keyboard.press("Enter")
        page.wait_for_function(
            "() => performance.getEntriesByType('resource').some(one => one.name.includes('page=2'))"
        )
        page.locator("jisr-directory input").fill("nothing")
        page.locator("jisr-directory input").press("Enter")
        page.get_by_text("لا توجد نتائج").wait_for()
        assert page.context.cookies() == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_hub_that_cannot_be_reached_is_told_in_a_sentence(browser: Browser, home: str) -> None:
    with opened(browser) as page:
        embedded(page, home, "lang=en")
        page.route("**/v1/search*", lambda route: route.abort())
        page.locator("jisr-directory").evaluate("e => e.setAttribute('lang', 'fr')")
        page.get_by_text("L’annuaire est injoignable").wait_for()


def place(author: Author, name: str, longitude: str, latitude: str) -> str:
    point = {"longitude": longitude, "latitude": latitude, "precision": "exact"}
    author.put(name, type="org.jisr.location/1", name=text(name), privacy="exact", coordinates=point)
    return str(author.feed().entries()[-1].id)


def test_the_map_of_a_real_hub_has_land_and_a_link_for_each_place(browser: Browser, home: str, tmp_path: Path) -> None:
    author = Author("house", now=setting_up.now())
    at = [
        {"location": place(author, "Tanger", "-5.80", "35.77")},
        {"location": place(author, "Tarifa", "-5.60", "36.01")},
    ]
    author.put("lessons", type="org.jisr.service/1", name=text("Lessons"), organization=str(uuid4()), at=at)
    with served_hub(tmp_path / "hub", author) as hub, opened(browser) as page:
        until = time.monotonic() + 30  # what is searched comes a moment after the log
        while not json.loads(page.request.get(f"{hub}/v1/search?q=lessons").text())["total"]:
            assert time.monotonic() < until, "the search does not come up to the log"
            time.sleep(0.05)
        embedded(page, home, "query='type=service' lang=en view=map", hub)
        inside = page.locator("jisr-directory")
        inside.locator(".land[d]").wait_for(state="attached")
        drawn = inside.locator(".land").get_attribute("d") or ""
        assert drawn.startswith("M") and len(drawn) < 100_000
        assert inside.locator("svg a").count() == 2 and inside.locator("li").count() == 1
        [sea, morocco, spain] = (
            inside.evaluate(
                "(e, [x, y]) => e.shadowRoot.querySelector('.land').isPointInFill(new DOMPoint(x, y))", point
            )
            for point in ((200, 200), (200, 395), (200, 5))
        )
        assert (sea, morocco, spain) == (False, True, True)
        assert violations(page) == ""
