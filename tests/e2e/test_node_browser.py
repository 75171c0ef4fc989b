"""Every page of the node in a real browser: axe silent, the keyboard everywhere, both directions of writing, 320 px,
eight languages, no other host, no message left in English, no letter without a shape.

A room adds its pages to `PAGES`: the node whose page it is ("new", "sheet" or "whole") and the path, with names of
tests/node/office_world.py in braces. The whole walk, every page in every language, is in tests/acceptance/test_node.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest
from playwright.sync_api import Browser, Page

from jisr_protocol.pages.language import NAMES, load_language
from tests.e2e.test_directory_browser import DESK, browser, opened, violations
from tests.node.office_world import OfficeWorld, office_world

pytestmark = pytest.mark.browser
__all__ = ["browser"]

PAGES: list[tuple[str, str]] = [
    ("new", "/begin"),
    ("sheet", "/recovery"),
    ("sheet", "/recovery/words"),
    ("whole", "/"),
    ("whole", "/hub"),
    ("whole", "/messages"),
    ("whole", "/volunteers"),
    ("whole", "/volunteer/new/whole"),
    ("whole", "/volunteer/{profile}?said=kept"),
    ("whole", "/volunteer/{gone}"),
    ("whole", "/sheets"),
    ("whole", "/still"),
    ("whole", "/where"),
    ("whole", "/usage"),
    ("whole", "/nowhere"),
    ("whole", "/records/new"),
    ("whole", "/records/{service}"),
    ("whole", "/records/{service}?step=when"),
    ("whole", "/records/{organization}?step=contact"),
    ("whole", "/records/{organization}?step=who"),
    ("whole", "/records/{place}?step=map"),
    ("whole", "/records/{project}?step=where"),
    ("whole", "/records/{membership}"),
    ("whole", "/records/{service}/languages?in=fr"),
    ("whole", "/records/{place}/publish"),
    ("whole", "/records/{place}/history"),
    ("whole", "/trash"),
]
SMALL = {"width": 320, "height": 640}
LOOKS = [("ar", "light", SMALL), ("en", "dark", DESK)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OfficeWorld]:
    with office_world(tmp_path_factory.mktemp("offices")) as world:
        yield world


def come_in(page: Page, world: OfficeWorld, name: str) -> None:
    """Open the pages of one of the nodes, as from a link that was sent."""
    page.goto(world.link(name))
    page.locator("main form button").click()
    page.wait_for_url(re.compile(r"/(begin|recovery)?$"))


def see(page: Page, code: str) -> None:
    """What must be true of every page in every language, whatever it is about. Nothing is clicked."""
    width = page.viewport_size["width"] if page.viewport_size else 0
    page.locator("main details").evaluate_all("all => all.forEach(one => one.open = true)")
    assert page.locator("html").get_attribute("lang") == code
    assert page.locator("html").get_attribute("dir") == ("rtl" if code == "ar" else "ltr")
    assert page.evaluate("document.documentElement.scrollWidth") <= width, (
        f"{page.url} runs out of {width} px in {code}"
    )
    assert english_left(page, code) == [], page.url
    assert shapeless(page) == [], page.url


def english_left(page: Page, code: str) -> list[str]:
    """The words of this page that are an English message which has a translation."""
    if code == "en":
        return []
    said = page.evaluate(
        "() => { const found = []; const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);"
        " while (walk.nextNode()) if (!walk.currentNode.parentElement.closest('[lang=en]'))"
        " found.push(walk.currentNode.textContent.trim()); return [...found, document.title]; }"
    )
    forms = _english(code)
    return [words for words in said if len(words) > 2 and any(form.fullmatch(words) for form in forms)]


@cache
def _english(code: str) -> list[re.Pattern[str]]:
    language = load_language(code, "jisr_node.web")
    catalogue = getattr(language.translations, "_catalog", {})
    messages = {key if isinstance(key, str) else key[0]: said for key, said in catalogue.items() if key}
    own = [english for english, said in messages.items() if said != english]
    return [re.compile(re.sub(r"%\\\(\w+\\\)s", ".+", re.escape(english))) for english in own]


def shapeless(page: Page) -> list[str]:
    """The letters of this page for which no font here has a shape: they look like what no letter is."""
    return list(
        page.evaluate(
            """() => {
              const canvas = document.createElement('canvas');
              canvas.width = canvas.height = 40;
              const pen = canvas.getContext('2d', { willReadFrequently: true });
              const drawn = (letter, font) => {
                pen.clearRect(0, 0, 40, 40);
                pen.font = '24px ' + font;
                pen.fillText(letter, 4, 30);
                return pen.getImageData(0, 0, 40, 40).data.join();
              };
              const font = getComputedStyle(document.body).fontFamily;
              const nothing = drawn('\\u{10FFFF}', font);
              const letters = new Set(document.body.innerText.replace(/[\\s\\p{Cc}\\p{Cf}\\p{M}]/gu, ''));
              return [...letters].filter(letter => drawn(letter, font) === nothing);
            }"""
        )
    )


def reach_all(page: Page) -> None:
    """Go by Tab through the whole page: every control is met, and shows that it is."""
    wanted = page.evaluate(
        "() => [...document.querySelectorAll('a[href], button, input, select, textarea, summary')]"
        ".filter(one => one.type !== 'hidden' && one.checkVisibility() && !one.closest('.languages details ul'))"
        # of radio buttons that belong together Tab meets the chosen one
        ".filter(one => one.type !== 'radio' || one.checked).length"
    )
    page.evaluate("document.activeElement.blur()")
    met: set[str] = set()
    # a box for a date or a time has a stop for each of its parts
    timed = page.locator("input[type=date], input[type=time], input[type=datetime-local]").count()
    for _ in range(wanted + 5 + 6 * timed):
        page.keyboard.press("Tab")
        where = page.evaluate(
            "() => { const one = document.activeElement; if (one === document.body) return null;"
            " return [[...document.querySelectorAll('*')].indexOf(one),"
            " parseFloat(getComputedStyle(one).outlineWidth), one.outerHTML.slice(0, 120)]; }"
        )
        if where is not None and where[0] >= 0:
            assert where[1] >= 3, f"no focus ring of 3 px: {where[2]}"
            met.add(str(where[0]))
    assert len(met) >= wanted, f"{len(met)} of {wanted} controls are reached by Tab on {page.url}"


def of(name: str) -> list[str]:
    """The listed paths of one node."""
    return [path for who, path in PAGES if who == name]


@pytest.mark.parametrize(("code", "colours", "viewport"), LOOKS, ids=["ar-320", "en-desk"])
def test_axe_finds_nothing_and_the_keyboard_reaches_everything(
    browser: Browser, world: OfficeWorld, code: str, colours: str, viewport: dict[str, int]
) -> None:
    for name in ("new", "sheet", "whole"):
        with opened(browser, color_scheme=colours, viewport=viewport, locale=code) as page:
            come_in(page, world, name)
            for path in of(name):
                page.goto(world.path(path))
                see(page, code)
                assert violations(page) == "", path
                reach_all(page)


@pytest.mark.parametrize("code", NAMES)
def test_a_page_is_whole_in_each_language_on_a_small_screen(browser: Browser, world: OfficeWorld, code: str) -> None:
    """Two pages of each node a language, others in others; the whole is in the acceptance tests."""
    turn = list(NAMES).index(code)
    for name in ("new", "sheet", "whole"):
        paths = of(name)
        with opened(browser, viewport=SMALL, locale=code) as page:
            come_in(page, world, name)
            for path in {paths[turn % len(paths)], paths[(turn + 3) % len(paths)]}:
                page.goto(world.path(path))
                see(page, code)


def test_what_is_looked_for_would_be_found(browser: Browser, world: OfficeWorld) -> None:
    with opened(browser, viewport=SMALL, locale="nl") as page:
        come_in(page, world, "whole")
        page.evaluate("document.querySelector('h1').textContent = 'All is well.'")
        assert english_left(page, "nl") == ["All is well."]
        page.evaluate("document.querySelector('h1').textContent = '\\u{10FFFE}'")
        assert shapeless(page) == ["\U0010fffe"]
        page.evaluate("document.querySelector('h1').style.width = '2000px'")
        with pytest.raises(AssertionError, match="runs out of 320"):
            see(page, "nl")
