"""Writing in a real browser: what is typed is kept without a button, and what waits for its connection is said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.test_directory_browser import browser, opened
from tests.e2e.test_node_browser import SMALL, come_in
from tests.node.office_world import OfficeWorld, office_world

pytestmark = pytest.mark.browser
__all__ = ["browser"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OfficeWorld]:
    with office_world(tmp_path_factory.mktemp("writing")) as world:
        yield world


def test_what_is_typed_is_kept_by_itself_and_a_lost_connection_is_said(browser: Browser, world: OfficeWorld) -> None:
    with opened(browser, viewport=SMALL, locale="en") as page:
        come_in(page, world, "whole")
        page.goto(world.path("/records/{service}"))
        page.locator("#f-name").press_sequentially(" one")
        expect(page.locator(".kept")).to_contain_text("Saved at", timeout=20_000)
        page.route("**/records/*", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
        page.locator("#f-name").press_sequentially(" two")
        expect(page.locator(".kept.harm")).to_contain_text("Not saved yet", timeout=20_000)
        page.unroute("**/records/*")
        expect(page.locator(".kept:not(.harm)")).to_contain_text("Saved at", timeout=30_000)
        typed = page.locator("#f-name").input_value()
        assert "one" in typed and "two" in typed
        page.reload()
        assert page.locator("#f-name").input_value() == typed.strip()


def test_two_windows_that_write_at_one_place_are_asked_about(browser: Browser, world: OfficeWorld) -> None:
    with opened(browser, viewport=SMALL, locale="en") as page:
        come_in(page, world, "whole")
        page.goto(world.path("/records/{organization}"))
        other = page.context.new_page()
        other.goto(page.url)
        page.locator("#f-name").fill("Here")
        expect(page.locator(".kept")).to_contain_text("Saved at", timeout=20_000)
        other.locator("#f-name").fill("There")
        expect(other.locator(".kept.harm")).to_contain_text("changed in another window", timeout=20_000)
        other.locator("button[value=keep]").first.press("Enter")
        other.wait_for_load_state()
        assert "Here" in other.locator("main").inner_text() and "There" in other.locator("main").inner_text()
