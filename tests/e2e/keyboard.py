"""A browser that is used by its keyboard alone: Tab until something has the focus, then type or press."""

from __future__ import annotations

from playwright.sync_api import Page

MOST_TABS = 250


class Keyboard:
    """One person at one page. `steps` counts what they did: a field that was filled, a button or link that was used."""

    def __init__(self, page: Page) -> None:
        self.page, self.steps = page, 0

    def reach(self, selector: str) -> None:
        """Go from control to control until the first element of this selector has the focus."""
        wanted = self.page.locator(selector).first
        wanted.wait_for(timeout=10_000)
        for _ in range(MOST_TABS):
            if wanted.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{selector} is not reached by {MOST_TABS} tabs on {self.page.url}")

    def use(self, selector: str, wait: str = "") -> None:
        """Follow a link or press a button; with `wait`, until the address is like this."""
        self.reach(selector)
        self.steps += 1
        with self.page.expect_navigation(url=wait or None, timeout=20_000):
            self.page.keyboard.press("Enter")

    def fill(self, selector: str, text: str) -> None:
        """Write into a field, over what it holds."""
        self.reach(selector)
        self.steps += 1
        self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.type(text)

    def says(self) -> str:
        """The words of the page."""
        return self.page.locator("main").inner_text()
