"""Passkeys in a real browser, with its virtual device: added, shown, shown again, taken away, and a copy noticed."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, CDPSession, Page
from starlette.applications import Starlette

from jisr_hub.desk.passkeys import Ceremonies
from jisr_hub.desk.roles import Role
from jisr_hub.storage.desk_open import SqlOpen
from jisr_hub.storage.passkeys import SqlPasskeys
from jisr_hub.web import desk
from jisr_hub.web.page import static_routes
from tests.e2e.test_directory_browser import DESK, PHONE, browser, opened, violations
from tests.hub.desk_world import PASSWORD, desk_world

pytestmark = pytest.mark.browser
__all__ = ["browser"]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[str]:
    """Serve a desk at a name for which browsers have passkeys; gives its address."""
    line = socket.create_server(("127.0.0.1", 0))
    address = f"http://localhost:{line.getsockname()[1]}"

    @contextlib.asynccontextmanager
    async def served(app: Starlette) -> AsyncIterator[None]:
        async with desk_world(tmp_path / "hub.sqlite") as world:
            await world.add("desk-one", Role.OPERATOR)
            ceremonies = Ceremonies(SqlPasskeys(world.ledger.database), world.door, address, "Hub")
            parts = desk.Parts(world.door, SqlOpen(world.ledger), address, "en", ceremonies=ceremonies)
            app.router.routes.extend(desk.routes(parts))
            yield

    app = Starlette(routes=static_routes(), lifespan=served)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [line]}, daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < until, "the server did not start within 60 seconds"
        time.sleep(0.02)
    yield address
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive(), "the server did not stop within 20 seconds"


class Device:
    """The browser's own virtual device; what is done with it is done as with one of metal."""

    def __init__(self, page: Page) -> None:
        self._line: CDPSession = page.context.new_cdp_session(page)
        self._line.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        self.id = self._line.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def keys(self) -> list[dict[str, Any]]:
        held = self._line.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        return [dict(one) for one in held["credentials"]]

    def put_back(self, key: dict[str, Any]) -> None:
        """Have it hold a key as it was: what a copy of it would hold."""
        self._line.send("WebAuthn.clearCredentials", {"authenticatorId": self.id})
        self._line.send("WebAuthn.addCredential", {"authenticatorId": self.id, "credential": key})

    def recognise(self, known: bool) -> None:
        """Whether it takes the person for its owner."""
        self._line.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": known})


def press(page: Page) -> None:
    """The one button of the page, by the keyboard."""
    page.locator("main .form button").focus()
    page.keyboard.press("Enter")


def sign_in(page: Page, home: str) -> None:
    page.goto(f"{home}/desk/sign-in")
    page.locator("#name").fill("desk-one")
    page.locator("#password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk")


def add(page: Page, home: str, label: str = "الهاتف") -> None:
    page.goto(f"{home}/desk/passkeys/add")
    page.locator("#label").fill(label)
    press(page)
    page.wait_for_url("**/desk/passkeys")


def show(page: Page, home: str) -> None:
    page.goto(f"{home}/desk/sign-in")
    page.locator('a[href="/desk/passkey"]').click()
    press(page)


def test_a_passkey_is_added_and_opens_the_desk_and_confirms(browser: Browser, home: str) -> None:
    with opened(browser) as page:
        device = Device(page)
        sign_in(page, home)
        add(page, home)
        assert "الهاتف" in page.locator("main").inner_text()
        page.goto(f"{home}/desk/passkeys/add")
        page.locator("#label").fill("the same device")
        press(page)
        page.wait_for_selector("#failed:visible")
        assert len(device.keys()) == 1, "a device has one key here"
        page.locator(".desk button").click()
        page.wait_for_url("**/desk/sign-in")
        device.recognise(False)
        show(page, home)
        page.wait_for_selector("#failed:visible")
        device.recognise(True)
        press(page)
        page.wait_for_url("**/desk")
        assert "desk-one" in page.locator(".desk").inner_text()
        page.goto(f"{home}/desk/confirm")
        page.locator('a[href="/desk/confirm/passkey"]').click()
        press(page)
        page.wait_for_url("**/desk")
        page.goto(f"{home}/desk/passkeys")
        page.locator(".open button").click()
        page.wait_for_load_state()
        assert "none yet" in page.locator("main").inner_text()
        page.locator(".desk button").click()
        page.wait_for_url("**/desk/sign-in")
        show(page, home)
        page.wait_for_selector("h1:has-text('not accepted')")


def test_a_copied_key_is_noticed(browser: Browser, home: str) -> None:
    with opened(browser) as page:
        device = Device(page)
        sign_in(page, home)
        add(page, home)
        (copy,) = device.keys()
        for _ in range(2):
            page.goto(f"{home}/desk/passkey")
            press(page)
            page.wait_for_url("**/desk")
        device.put_back(copy)
        page.goto(f"{home}/desk/passkey")
        press(page)
        page.wait_for_selector("h1:has-text('copy')")


@pytest.mark.parametrize("code", ["ar", "en"])
def test_axe_finds_nothing_on_the_pages_of_passkeys(browser: Browser, home: str, code: str) -> None:
    for colours, viewport in (("light", DESK), ("dark", PHONE)):
        with opened(browser, color_scheme=colours, viewport=viewport) as page:
            Device(page)
            page.goto(f"{home}/desk/sign-in?lang={code}")
            sign_in(page, home)
            if colours == "light":
                add(page, home, "الهاتف <b>")
            for path in ("/desk/passkey", "/desk/confirm/passkey", "/desk/passkeys/add", "/desk/passkeys"):
                page.goto(home + path)
                assert page.locator("html").get_attribute("dir") == ("rtl" if code == "ar" else "ltr")
                assert violations(page) == "", path
                assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], path


def test_without_a_script_the_page_says_what_works(browser: Browser, home: str) -> None:
    with opened(browser, java_script_enabled=False) as page:
        page.goto(f"{home}/desk/passkey")
        assert "A password works without it" in page.locator("main").inner_text()
        page.locator("main a").click()
        page.wait_for_url("**/desk/sign-in")
