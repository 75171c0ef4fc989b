"""Coverage, matches and goals in a real browser: accessible, from right to left, on a small screen."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from playwright.sync_api import Page
from starlette.applications import Starlette

from jisr_hub.curation.merging import address
from tests.directory.test_coverage import NODE, OTHER, effort, population
from tests.directory.test_coverage_pages import MEASURED, served_app
from tests.directory.test_two_ways import HEALTH, at, side
from tests.directory.three_w import common
from tests.e2e.test_directory_browser import launched, opened, violations

pytestmark = pytest.mark.browser


@contextmanager
def listening(app: Starlette) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < until, "the server did not start within 20 seconds"
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(20)


def place(name: str, code: str, latitude: str, longitude: str) -> object:
    point = {"latitude": latitude, "longitude": longitude, "precision": "exact"}
    codes = {"admin_codes": [{"scheme": "nuts", "code": code}]}
    return common(NODE, "location", name) | {"privacy": "exact", "coordinates": point} | codes


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_the_pages_are_accessible_in_two_directions_and_fit_a_small_screen() -> None:
    need, offer = (
        side("need", NODE, terms=HEALTH, area=at("NL329")),
        side("offer", OTHER, terms=HEALTH, area=at("NL32")),
    )
    places = [place("a", "NL329", "52.37", "4.9"), place("b", "NL111", "53.2", "6.5")]
    entries = effort("one"), effort("two", node=OTHER), effort("p", "protection"), population(), *places, need, offer
    app = served_app(*entries, past=MEASURED)
    country = "in=iso3166-1:NL"
    paths = [
        f"/coverage?{country}",
        f"/coverage?theme=health&{country}",
        "/coverage/entries?theme=health&area=nuts:NL329",
        f"/matches/{address((NODE, need['id']))}",
        "/matrix",
    ]
    with listening(app) as home, launched() as browser:
        for language, size in (("ar", {"width": 320, "height": 640}), ("en", {"width": 1280, "height": 900})):
            with opened(browser, viewport=size, locale=language) as page:
                for path in paths:
                    page.goto(home + path)
                    assert page.locator("html").get_attribute("lang") == language
                    assert fits(page), path
                    assert violations(page) == "", path
