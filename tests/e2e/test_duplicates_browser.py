"""Likely duplicates in a real browser: axe silent, and decided by the keyboard, with a script and without."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import uvicorn
from playwright.sync_api import Browser, Page
from starlette.applications import Starlette

from jisr_hub.desk.roles import Role
from jisr_protocol.pages.language import NAMES
from tests.desk.doubles_world import DoublesWorld, doubles_world
from tests.e2e.test_desk_browser import sign_in
from tests.e2e.test_directory_browser import SIGHTS, browser, opened, violations

pytestmark = pytest.mark.browser
__all__ = ["browser"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, DoublesWorld]]:
    """Serve a desk where pairs wait; gives its address, and the world for its names."""
    place, worlds = tmp_path_factory.mktemp("doubles") / "hub.sqlite", list[DoublesWorld]()
    app = Starlette()

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with doubles_world(place) as world:
            await world.desk.add("desk-one", Role.OPERATOR)
            app.router.routes.extend(world.routes("http://127.0.0.1"))
            worlds.append(world)
            yield

    app.router.lifespan_context = lifespan
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < until, "the server did not start within 60 seconds"
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", worlds[0]
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive(), "the server did not stop within 20 seconds"


def is_sound(page: Page, address: str, width: int) -> None:
    page.goto(address)
    assert violations(page) == "", address
    assert page.evaluate("document.documentElement.scrollWidth") <= width, address


@SIGHTS
def test_axe_finds_nothing_and_nothing_stands_over_the_edge(
    browser: Browser, served: tuple[str, DoublesWorld], code: str, colours: str, viewport: dict[str, int]
) -> None:
    home, world = served
    with opened(browser, color_scheme=colours, viewport=viewport) as page:
        hosts: list[str] = []
        page.on("request", lambda asked: hosts.append(asked.url))
        sign_in(page, home, code)
        for path in (
            "/desk/duplicates", "/desk/duplicates/answers", world.pair("amal", "amal2"), world.pair("dar", "dar2"),
        ):  # fmt: skip
            is_sound(page, home + path, viewport["width"])
        assert page.locator("html").get_attribute("dir") == ("rtl" if code == "ar" else "ltr")
        assert {url for url in hosts if not url.startswith((home, "data:"))} == set()


@pytest.mark.parametrize("code", sorted(NAMES))
def test_each_language_fits_a_small_phone(browser: Browser, served: tuple[str, DoublesWorld], code: str) -> None:
    home, world = served
    with opened(browser, viewport={"width": 320, "height": 640}) as page:
        sign_in(page, home, code)
        for path in ("/desk/duplicates", world.pair("amal", "amal2")):
            page.goto(home + path)
            assert page.locator("html").get_attribute("lang") == code
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, path


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_a_pair_is_merged_undone_and_split_by_the_keyboard_alone(
    browser: Browser, served: tuple[str, DoublesWorld], script: bool
) -> None:
    home, world = served
    both = world.pair("amal", "amal2") if script else world.pair("dar", "dar2")
    with opened(browser, java_script_enabled=script) as page:
        sign_in(page, home, "en")
        page.goto(home + both)
        if script:
            page.locator("h1").click()
            page.keyboard.press("m")
        else:
            page.locator("[value=merge]").focus()
            page.keyboard.press("Enter")
        page.wait_for_url("**/desk/duplicates?done=merge*")
        assert "They are one entry now." in page.locator("[role=status]").inner_text()
        page.goto(home + both)
        page.get_by_role("link", name="Look at the entry").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/desk/merged*")
        if script:
            assert violations(page) == "", "an entry"
        page.get_by_role("button", name="Split off").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**done=split*")
        page.get_by_role("button", name="Undo").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**done=undone*")
        page.goto(home + both)
        assert "one entry already" in page.locator("main").inner_text()


def test_a_letter_written_in_a_field_decides_nothing(browser: Browser, served: tuple[str, DoublesWorld]) -> None:
    home, world = served
    with opened(browser) as page:
        sign_in(page, home, "en")
        page.goto(home + world.pair("dar", "dar2"))
        page.locator("#reason").focus()
        page.keyboard.type("mnul")
        assert page.locator("#reason").input_value() == "mnul"
        assert "/pair?" in page.url
