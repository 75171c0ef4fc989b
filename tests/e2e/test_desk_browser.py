"""The desk in a real browser, in Arabic and in English: the keyboard alone, no script, no other host, axe silent."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page
from starlette.applications import Starlette

from jisr_hub.authority.admissions import Request
from jisr_hub.desk.roles import Role
from jisr_hub.ports import Peer
from jisr_hub.storage.admissions import SqlAdmissions
from jisr_hub.storage.desk_open import SqlOpen
from jisr_hub.web import desk
from jisr_hub.web.page import static_routes
from tests.e2e.test_directory_browser import SIGHTS, browser, opened, violations
from tests.hub.desk_world import PASSWORD, desk_world

pytestmark = pytest.mark.browser
__all__ = ["browser"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a desk where something is open; gives its address."""
    place = tmp_path_factory.mktemp("desk") / "hub.sqlite"
    app = Starlette(routes=static_routes())
    app.router.lifespan_context = lambda app: _served(app, place)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < until, "the server did not start within 60 seconds"
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive(), "the server did not stop within 20 seconds"


@contextlib.asynccontextmanager
async def _served(app: Starlette, place: Path) -> AsyncIterator[None]:
    async with desk_world(place) as world:
        for name, role in (("desk-one", Role.OPERATOR), ("desk-two", Role.CURATOR)):
            await world.add(name, role)
        asks = Request("jisr:" + "a" * 52, "دار الجسر", "192.0.2.0/24", "2026-08-30T08:00:00Z", b"")
        await SqlAdmissions(world.ledger.database).put(asks, most=9, of_one_source=9)
        away = Peer("jisr:" + "b" * 52, "Hub Away", "https://away.example", 0, "", "temporary", "no answer", "")
        await world.ledger.keep_peer(away)
        app.router.routes.extend(desk.routes(desk.Parts(world.door, SqlOpen(world.ledger), "http://127.0.0.1", "en")))
        yield


def sign_in(page: Page, home: str, code: str) -> None:
    """Sign in by the keyboard alone."""
    page.goto(f"{home}/desk/sign-in?lang={code}")
    page.locator("#name").focus()
    page.keyboard.type("desk-one")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk")


@SIGHTS
def test_axe_finds_nothing_on_any_page_of_the_desk(
    browser: Browser, home: str, code: str, colours: str, viewport: dict[str, int]
) -> None:
    with opened(browser, color_scheme=colours, viewport=viewport) as page:
        for path in (f"/desk/sign-in?lang={code}", "/desk/password?code=none", "/desk/sign-in?chosen=1"):
            page.goto(home + path)
            assert violations(page) == "", path
        page.goto(f"{home}/desk/password?code=none")
        page.locator("#password").fill("short")
        page.keyboard.press("Enter")
        page.wait_for_selector("[role=alert]")
        assert violations(page) == "", "a refusal"
        sign_in(page, home, code)
        for path in ("/desk", "/desk/people", "/desk/confirm"):
            page.goto(home + path)
            assert page.locator("html").get_attribute("dir") == ("rtl" if code == "ar" else "ltr")
            assert violations(page) == "", path
            assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], path


@pytest.mark.parametrize("code", ["ar", "en"])
def test_a_person_signs_in_looks_and_signs_out_without_a_script(browser: Browser, home: str, code: str) -> None:
    with opened(browser, java_script_enabled=False) as page:
        sign_in(page, home, code)
        assert "دار الجسر" in page.locator("main").inner_text()
        assert "Hub Away" in page.locator("main").inner_text()
        page.locator(".desk button").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/desk/sign-in")
        page.goto(f"{home}/desk")
        assert page.url.endswith("/desk/sign-in"), "who signed out is out"


def test_another_site_cannot_sign_anybody_out(browser: Browser, home: str) -> None:
    with opened(browser) as page:
        sign_in(page, home, "en")
        page.goto("about:blank")
        page.set_content(f'<form method="post" action="{home}/desk/sign-out"><button>win a prize</button></form>')
        page.locator("button").click()
        page.wait_for_url("**/desk/sign-out")
        assert "another website" in page.locator("h1").inner_text()
        page.goto(f"{home}/desk")
        assert page.url.endswith("/desk")
