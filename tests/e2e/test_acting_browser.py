"""The pages on which people act, in a real browser: axe silent, no other host, narrow enough, the keyboard alone."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser
from starlette.applications import Starlette

from jisr_hub.desk.roles import Role
from jisr_hub.desk.sessions import FRESH_SECONDS
from jisr_hub.storage.desk_open import SqlOpen
from jisr_hub.storage.histories import SqlHistories
from jisr_hub.web import desk
from jisr_hub.web.page import static_routes
from tests.desk.acting import acting_world
from tests.e2e.test_desk_browser import sign_in
from tests.e2e.test_directory_browser import DESK, PHONE, browser, opened, violations
from tests.hub.desk_world import PASSWORD, DeskWorld

pytestmark = pytest.mark.browser
__all__ = ["browser"]


_doors: list[DeskWorld] = []
"""The newest is that of the desk that is served."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A desk of a hub where somebody has acted; gives its address and what there is to look at."""
    place = tmp_path_factory.mktemp("acting") / "hub.sqlite"
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
    async with acting_world(place) as world:
        door = DeskWorld(world.hub.ledger)
        await door.add("desk-one", Role.OPERATOR)
        _doors.append(door)
        world.author.put("one", name={"ar": {"value": "الاسم الجديد", "origin": "author"}})
        await world.hub.push(world.author)
        one, two, node = world.subject("one"), world.subject("two"), world.author.id
        await world.do("say", one, "", predicate="corrects", pointer="/status", value="paused")
        await world.do("hold", two, "a wrong number", days=3)
        await world.do("block", world.subject("three"), "a complaint", until="2027-01-31", note="of the police")
        found |= {"one": one, "two": two, "node": node}
        open_, past = SqlOpen(world.hub.ledger), SqlHistories(world.hub.ledger)
        parts = desk.Parts(door.door, open_, "http://127.0.0.1", "en", bench=world.bench, acts=world.acts, past=past)
        app.router.routes.extend(desk.routes(parts))
        yield


@pytest.mark.parametrize(("viewport", "colours"), [(PHONE, "light"), (DESK, "dark")], ids=["phone", "desk"])
@pytest.mark.parametrize("code", ["ar", "en"])
def test_axe_finds_nothing_on_any_page_where_people_act(
    browser: Browser, served: dict[str, str], code: str, colours: str, viewport: dict[str, int]
) -> None:
    with opened(browser, color_scheme=colours, viewport=viewport) as page:
        sign_in(page, served["home"], code)
        for path in (
            "/desk", "/desk?done=2", "/desk/log", "/desk/nodes", "/desk/holds", f"/desk/node?of={served['node']}",
            f"/desk/record?of={served['one']}", f"/desk/record?of={served['two']}", "/desk/record?of=none",
        ):  # fmt: skip
            page.goto(served["home"] + path)
            assert page.locator("html").get_attribute("dir") == ("rtl" if code == "ar" else "ltr")
            assert violations(page) == "", path
            assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], path


@pytest.mark.parametrize("code", ["ar", "en"])
def test_a_record_is_held_and_shown_again_by_the_keyboard_without_a_script(
    browser: Browser, served: dict[str, str], code: str
) -> None:
    with opened(browser, java_script_enabled=False) as page:
        sign_in(page, served["home"], code)
        page.locator("#of").focus()
        page.keyboard.type(served["one"])
        page.keyboard.press("Enter")
        page.wait_for_url("**/desk/record?of=**")
        page.locator("#hold ~ form input[name=days]").focus()
        page.keyboard.press("Tab")
        page.keyboard.type("رقم خاطئ")
        page.keyboard.press("Enter")
        page.wait_for_url("**done=**")
        said = page.locator("[role=status]")
        assert said.count() == 1
        assert "رقم خاطئ" in page.locator("main").inner_text()
        said.locator("button").focus()
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert page.locator("[role=status]").count() == 1
        page.goto(f"{served['home']}/desk/log?kind=unhold")
        assert "desk-one" in page.locator("main ol").inner_text()


def test_what_was_typed_before_a_confirmation_is_done_by_one_button_after_it(
    browser: Browser, served: dict[str, str]
) -> None:
    with opened(browser, viewport=PHONE) as page:
        sign_in(page, served["home"], "ar")
        page.goto(f"{served['home']}/desk/holds")
        _doors[-1].clock.pass_(FRESH_SECONDS + 60)
        with page.expect_navigation():
            page.locator("form:has(input[value=unblock]) button").last.press("Enter")
        page.goto(f"{served['home']}/desk/confirm")
        page.locator("#password").focus()
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/desk/confirmed")
        assert page.locator("html").get_attribute("dir") == "rtl"
        assert violations(page) == ""
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        page.locator("form[action='/desk/confirmed'] button").focus()
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert "done=" in page.url
