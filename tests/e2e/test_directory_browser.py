"""The public pages in a real browser: direction, keyboard, accessibility, small screens, and no other host.

A uvicorn server on 127.0.0.1 runs in a thread; the browser is the machine's own chromium. Without one these
tests do not run, and the end of the run says so.
"""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from starlette.applications import Starlette

from jisr_hub.web.public import not_found, routes
from jisr_protocol.pages.language import NAMES
from tests.hub.memory_directory import NODE, NOW, MemoryDirectory, identifier, record
from tests.hub.memory_search import MemorySearch

pytestmark = pytest.mark.browser

# the one that has no window takes half of the processor's time
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
RECORD = f"/directory/{NODE}/{identifier(1)}"
HERE = ("127.0.0.1", "localhost")
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
SIGHTS = pytest.mark.parametrize(
    ("code", "colours", "viewport"),
    [("ar", "light", PHONE), ("ar", "dark", DESK), ("en", "dark", PHONE), ("en", "light", DESK)],
    ids=["ar-light-phone", "ar-dark-desk", "en-dark-phone", "en-light-desk"],
)
"""Every two of language, colours and size meet once."""
PATHS = ("/directory", RECORD, "/directory?page=0", "/nowhere")


def text(**languages: str) -> dict[str, dict[str, str]]:
    return {code: {"value": value, "origin": "author"} for code, value in languages.items()}


def directory() -> MemoryDirectory:
    """Hold two pages of records, one of them with every kind of fact."""
    rich = record(
        1,
        name=text(ar="مرافقة الأسر في الإدارة") | {"en": {"value": "Help with papers", "origin": "machine"}},
        description=text(ar="نرافق الأسر ونساعدها على ملء الاستمارات.\nالخدمة مفتوحة للجميع."),
        organization=identifier(2),
        schedule={
            "timezone": "Africa/Casablanca",
            "operating_hours": [
                {"label": "normal", "days": ["MO", "TU", "WE"], "intervals": [["09:00", "12:30"], ["15:00"]]},
                {"label": "ramadan", "valid_from": "2026-02-18", "days": ["FR"], "closed": True},
            ],
        },
        contact_points=[{"role": "reception", "phone": "+212539000000", "email": "house@example.org"}],
        languages=["ar", "zgh", "fr"],
        websites=["https://example.org/a-long-address-that-has-to-break-somewhere-on-a-small-screen"],
        assured={"by": NODE, "at": "2026-03-05", "method": "visit"},
        links=[{"rel": "part_of", "target": identifier(3)}],
    )
    many = [record(number, modified="2024-12-01T08:00:00Z") for number in range(3, 60)]
    house = record(2, "organization", name=text(ar="دار الجسر"), status="paused")
    old = record(60, "need", modified="2023-01-01T08:00:00Z")
    return MemoryDirectory([rich, house, old, *many], hub_name="محور طنجة", via=("jisr:" + "h" * 52,))


@pytest.fixture(scope="module")
def home() -> Iterator[str]:
    """Serve the directory; gives its address."""
    held = directory()
    made = routes(held, clock=lambda: NOW, search=MemorySearch(held.records))
    app = Starlette(routes=made, exception_handlers={404: not_found})
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < until, "the server did not start within 20 seconds"
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive(), "the server did not stop within 20 seconds"


@contextmanager
def launched() -> Iterator[Browser]:
    """The machine's browser. While it runs, this thread has an event loop, so that nothing else may begin one here."""
    if CHROMIUM is None:
        pytest.skip("NOT RUN: no chromium on this machine; the pages were not seen by a browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@contextmanager
def opened(browser: Browser, **settings: Any) -> Iterator[Page]:
    """Open a page in a fresh context; a request to another host or an error in the console fails the test."""
    context = browser.new_context(**({"viewport": DESK, "locale": "en"} | settings))
    page = context.new_page()
    strangers: list[str] = []
    complaints: list[str] = []
    page.on(
        "request",
        lambda request: strangers.append(request.url) if urlsplit(request.url).hostname not in HERE else None,
    )
    page.on(
        "console",
        lambda message: complaints.append(message.text) if "Content Security Policy" in message.text else None,
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        yield page
    finally:
        context.close()
    assert strangers == []
    assert complaints == []


@pytest.mark.parametrize(
    "planted",
    [
        "document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.2:9/x.png'}))",
        "document.head.append(Object.assign(document.createElement('style'), {textContent: 'p { color: red }'}))",
    ],
)
def test_a_call_to_another_host_or_a_breach_of_the_policy_would_be_noticed(
    browser: Browser, home: str, planted: str
) -> None:
    def visit() -> None:
        with opened(browser) as page:
            page.goto(f"{home}/directory")
            page.evaluate(planted)
            page.wait_for_timeout(200)

    with pytest.raises(AssertionError, match=r"127\.0\.0\.2|Content Security Policy"):
        visit()


def test_the_arabic_page_runs_from_right_to_left(browser: Browser, home: str) -> None:
    with opened(browser, locale="ar") as page:
        page.goto(f"{home}/directory")
        assert page.evaluate("getComputedStyle(document.documentElement).direction") == "rtl"
        mark, switch = page.locator(".home").bounding_box(), page.locator(".languages summary").bounding_box()
        assert mark is not None
        assert switch is not None
        assert mark["x"] > switch["x"], "the mark stands at the right, the switch at the left"
        heading = page.locator("h2").first.bounding_box()
        assert heading is not None
        text_end = page.evaluate(
            "() => { const r = document.createRange(); r.selectNodeContents(document.querySelector('h2 bdi'));"
            " return r.getBoundingClientRect().right }"
        )
        assert abs(text_end - (heading["x"] + heading["width"])) < 2, "text begins at the right edge"


def test_an_arrow_points_onward_in_both_directions(browser: Browser, home: str) -> None:
    turned = "e => new DOMMatrix(getComputedStyle(e).transform).a"
    with opened(browser) as page:
        page.goto(f"{home}/directory?lang=en")
        assert page.locator("a[rel=next] .arrow").evaluate(turned) == 1
        page.goto(f"{home}/directory?lang=ar")
        assert page.locator("a[rel=next] .arrow").evaluate(turned) == -1
        page.goto(f"{home}/directory?lang=ar&page=2")
        assert page.locator("a[rel=prev] .arrow").evaluate(turned) == 1
        page.goto(f"{home}/directory?lang=en&page=2")
        assert page.locator("a[rel=prev] .arrow").evaluate(turned) == -1


def test_the_keyboard_reaches_the_content_and_the_languages(browser: Browser, home: str) -> None:
    with opened(browser) as page:
        page.goto(f"{home}/directory")
        page.keyboard.press("Tab")
        skip = page.locator(".skip")
        assert skip.evaluate("e => e === document.activeElement")
        box = skip.bounding_box()
        assert box is not None
        assert box["y"] >= 0, "the skip link shows itself when it is reached"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "content"
        page.goto(f"{home}/directory?lang=en")
        for _ in range(3):
            page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
        width = page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
        assert width >= 3, "the focus ring is at least 3 px"
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.lang") == "ar"
        page.keyboard.press("Enter")
        page.wait_for_url("**lang=ar")
        assert page.locator("html").get_attribute("dir") == "rtl"


AXE = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]},
    "rules": {"target-size": {"enabled": True}},
}


def violations(page: Page, part: str = "html") -> str:
    report = Axe().run(page, part, AXE)
    return "\n".join(
        f"{one['id']}: {one['help']}: {[node['html'][:160] for node in one['nodes'][:5]]}"
        for one in report.response["violations"]
    )


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("code", ["ar", "en"])
def test_axe_finds_nothing(browser: Browser, home: str, code: str, colours: Any, viewport: Any) -> None:
    with opened(browser, color_scheme=colours, viewport=viewport) as page:
        for path in ("/directory?page=2", RECORD + "?", "/directory?page=0"):
            page.goto(f"{home}{path}&lang={code}")
            page.locator("main details").evaluate_all("all => all.forEach(one => one.open = true)")
            assert violations(page) == "", path
        # The open list of languages floats over the page, so it is judged by itself.
        page.locator(".languages summary").click()
        assert violations(page, ".languages") == ""


def test_axe_would_find_a_planted_fault(browser: Browser, home: str) -> None:
    with opened(browser) as page:
        page.goto(f"{home}/directory")
        page.evaluate("document.querySelector('#results .count').style.color = '#bbb'")
        page.evaluate("document.documentElement.removeAttribute('lang')")
        found = violations(page)
        assert "color-contrast" in found
        assert "html-has-lang" in found


@pytest.mark.parametrize("code", NAMES)
@pytest.mark.parametrize("path", ["/directory", RECORD])
def test_nothing_runs_out_of_a_small_screen(browser: Browser, home: str, path: str, code: str) -> None:
    with opened(browser, viewport=PHONE) as page:
        page.goto(f"{home}{path}?lang={code}")
        page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_what_can_be_touched_is_large_enough(browser: Browser, home: str, viewport: Any) -> None:
    with opened(browser, viewport=viewport) as page:
        for path in PATHS:
            page.goto(f"{home}{path}")
            page.locator("nav details").evaluate_all("all => all.forEach(one => one.open = true)")
            small = page.evaluate(
                "() => [...document.querySelectorAll('a, summary, input:not([type=hidden]), button')]"
                ".filter(one => !one.matches('.skip') && one.checkVisibility())"
                ".filter(one => one.getBoundingClientRect().height < 43.5).map(one => one.outerHTML.slice(0, 120))"
            )
            assert small == [], path


def test_the_page_works_without_scripts(browser: Browser, home: str) -> None:
    with opened(browser, java_script_enabled=False, viewport=PHONE) as page:
        page.goto(f"{home}/directory")
        page.locator(".languages summary").click()
        page.locator(".languages a[lang=fr]").click()
        assert page.locator("h2").first.inner_text() == "Toutes les fiches"
        page.locator("a[rel=next]").click()
        assert "Page 2 sur 3" in page.locator("nav.pages").inner_text()
        page.locator(".hits .name a").first.click()
        assert page.locator("#trust").inner_text() == "D’où cela vient"


def test_results_come_while_somebody_types_and_are_those_of_the_page(browser: Browser, home: str) -> None:
    with opened(browser, viewport=PHONE) as page:
        asked: list[str] = []
        page.on("request", lambda one: asked.append(one.url) if one.resource_type == "fetch" else None)
        page.goto(f"{home}/directory?lang=en")
        page.evaluate("window.stayed = true")
        page.locator("#q").press_sequentially("papers", delay=20)
        page.wait_for_url("**q=papers*")
        assert page.locator(".hits > li").count() == 1 and "Help with papers" in page.locator(".hits").inner_text()
        assert page.locator("#q").evaluate("one => one === document.activeElement && one.value === 'papers'")
        assert page.evaluate("window.stayed"), "the page stayed, its results changed"
        typed, address = page.locator("#results").inner_html(), page.url
        asked.clear()
        page.locator("#q").evaluate(
            "one => { for (const letter of 'xyz') { one.value += letter;"
            " one.dispatchEvent(new InputEvent('input', { bubbles: true })) } }"
        )
        page.wait_for_url("**q=papersxyz*")
        assert len(asked) == 1, "it waits until somebody pauses"
        assert "Nothing here answers all of this." in page.locator("#results").inner_text()
        page.go_back()
        page.locator(".hits > li").nth(1).wait_for()
        assert page.locator("#q").input_value() == "" and page.evaluate("window.stayed")
        page.goto(address)
        assert page.locator("#results").inner_html() == typed, "who reloads sees the same"


def test_text_of_another_language_keeps_its_own_direction(browser: Browser, home: str) -> None:
    with opened(browser) as page:
        page.goto(f"{home}{RECORD}?lang=en")
        direction = "e => getComputedStyle(e).direction"
        assert page.locator(".text").evaluate(direction) == "rtl"
        assert page.locator("h1 span").evaluate(direction) == "ltr"
        page.goto(f"{home}{RECORD}?lang=ar")
        assert page.locator("a[href^='tel:'] bdi").evaluate(direction) == "ltr"


def test_nothing_moves_for_a_reader_who_asked_for_stillness(browser: Browser, home: str) -> None:
    moving = "getComputedStyle(document.querySelector('.facets a')).transitionDuration"
    with opened(browser, reduced_motion="reduce") as page:
        page.goto(f"{home}/directory")
        assert page.evaluate(moving) == "0s"
    with opened(browser, reduced_motion="no-preference") as page:
        page.goto(f"{home}/directory")
        assert page.evaluate(moving) != "0s"
