"""The pages of sources in a real browser: axe silent, narrow enough, both directions of writing, the keyboard alone."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
import uvicorn
from playwright.sync_api import Browser
from starlette.applications import Starlette

from jisr_hub.desk.roles import Role
from jisr_hub.web import desk
from jisr_hub.web.page import static_routes
from tests.desk.acting import acting_world
from tests.desk.watched import PEER, Watched, parts_of
from tests.e2e.test_desk_browser import sign_in
from tests.e2e.test_directory_browser import DESK, PHONE, browser, opened, violations
from tests.hub.desk_world import DeskWorld

pytestmark = pytest.mark.browser
__all__ = ["browser"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A desk whose sources need somebody; gives its address and what there is to look at."""
    place = tmp_path_factory.mktemp("sources") / "hub.sqlite"
    app = Starlette(routes=static_routes())
    found: dict[str, str] = {}
    app.router.lifespan_context = lambda app: _served(app, place, found)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < until, "the server did not start within 60 seconds"
        time.sleep(0.02)
    found["home"] = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield found
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive(), "the server did not stop within 20 seconds"


@contextlib.asynccontextmanager
async def _served(app: Starlette, place: Path, found: dict[str, str]) -> AsyncIterator[None]:
    async with acting_world(place) as world, httpx.AsyncClient() as nobody:
        door = DeskWorld(world.hub.ledger)
        await door.add("desk-one", Role.OPERATOR)
        watched = await Watched(world, nobody, door).begin()
        last = (await watched.sources.rounds(watched.author.id))[0]
        found["source"] = f"/desk/sources/{watched.author.id}"
        found["names"] = f"{found['source']}/names?way={last.way}&began={last.began}&by={last.by}&did=gone"
        app.router.routes.extend(desk.routes(parts_of(world, door, "http://127.0.0.1")))
        yield


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("code", ["ar", "en"])
def test_axe_finds_nothing_on_the_pages_of_sources(
    browser: Browser, served: dict[str, str], code: str, viewport: dict[str, int]
) -> None:
    with opened(browser, viewport=viewport) as page:
        sign_in(page, served["home"], code)
        for path in ("/desk/sources", "/desk/peers", f"/desk/sources/{PEER}", served["source"], served["names"]):
            page.goto(served["home"] + path)
            assert page.locator("html").get_attribute("dir") == ("rtl" if code == "ar" else "ltr")
            assert violations(page) == "", path
            assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], path


def test_a_person_stops_and_resumes_a_source_by_the_keyboard_without_a_script(
    browser: Browser, served: dict[str, str]
) -> None:
    with opened(browser, java_script_enabled=False) as page:
        sign_in(page, served["home"], "en")
        for before, after in (("Stop", "Resume"), ("Resume", "Stop")):
            page.goto(f"{served['home']}/desk/sources/{PEER}")
            page.get_by_role("button", name=before, exact=True).focus()
            page.keyboard.press("Enter")
            page.get_by_role("button", name=after, exact=True).wait_for()
