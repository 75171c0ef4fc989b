"""The page of forms in a browser: accessible, in two directions, on a small screen."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette

from jisr_hub.web.exports import Exports
from jisr_hub.web.page import static_routes
from jisr_hub.web.public.formats import Formats
from jisr_hub.web.public.rim import Rim
from tests.e2e.test_coverage_browser import fits, listening
from tests.e2e.test_directory_browser import launched, opened, violations
from tests.hub.memory_directory import NOW, MemoryDirectory, record


def test_the_page_of_forms_is_accessible_in_two_directions_and_fits_a_small_screen() -> None:
    directory = MemoryDirectory([record(1), record(2, "organization"), record(3, "event"), record(4, "news")])
    catalogue: Any = directory
    exports = Exports(catalogue, directory, None, "Hub", "https://hub-of-a-country.example.org", "en", lambda: NOW)
    exports.sizes["all.csv"] = 1_234_567
    app = Starlette(routes=[*Formats(exports, Rim(directory)).routes(), *static_routes()])
    with listening(app) as home, launched() as browser:
        for language, size in (("ar", {"width": 320, "height": 640}), ("en", {"width": 1280, "height": 900})):
            with opened(browser, viewport=size, locale=language) as page:
                page.goto(f"{home}/formats")
                assert page.locator("html").get_attribute("lang") == language
                assert fits(page)
                assert violations(page) == ""
