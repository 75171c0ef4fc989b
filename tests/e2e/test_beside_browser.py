"""Refer somebody in a real browser: sealed there, opened by the node alone, no byte of it in between (SEAL-20).

With the page of an invitation, whose code the hub never sees, and the form that works without scripts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from jisr_node.homes import read_link
from tests.e2e.referred import NEED, REPLY, WORDS, Home, home_in, opened, referred
from tests.e2e.test_directory_browser import launched

pytestmark = pytest.mark.browser
CODE = "c" * 16


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with home_in(tmp_path_factory.mktemp("beside")) as home:
        yield home


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


def test_a_referral_is_sealed_in_the_browser_and_only_the_node_reads_it(
    home: Home, browser: Browser, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    story = referred(home, opened(browser), tmp_path / "backup", lambda: "".join(capfd.readouterr()))
    assert not any(story.found.values()), story.found
    assert len(story.sent) >= 3
    value = story.read
    assert (value["text"], value["reply"], value["sender"]) == (WORDS, REPLY, {"kind": "person"})
    assert value["referral"] == {"consent": True, "languages": ["ar", "fr"], "need": NEED, "urgency": "this_week"}
    assert value["about"]["node"] == home.node.id and value["purpose"] == "referral"


@pytest.mark.parametrize("code", ["en", "ar"])
def test_the_pages_are_for_everybody(home: Home, browser: Browser, code: str) -> None:
    page = opened(browser)
    page.set_viewport_size({"width": 320, "height": 640})
    beside = [f"{home.entry}/{name}?" for name in ("refer", "refer/sheet", "contact", "report")]
    for name in (*beside, f"{home.address}/directory/missing?q=bread&"):
        page.goto(f"{name}lang={code}")
        faults = Axe().run(page)
        assert faults.violations_count == 0, faults.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name


def test_without_scripts_or_without_the_curve_there_is_paper_and_a_sentence(home: Home, browser: Browser) -> None:
    page = opened(browser, script=False)
    page.goto(f"{home.entry}/refer")
    assert page.is_visible("text=Print the sheet; nothing was sent.") and not page.is_visible("form[data-to]")
    page.click("text=Open the sheet to print")
    assert page.is_visible("text=To be written by hand")
    page = opened(browser)
    page.add_init_script(
        "crypto.subtle.generateKey = async () => { throw new DOMException('no', 'NotSupportedError') }"
    )
    page.goto(f"{home.entry}/refer")
    assert page.is_visible("text=Print the sheet; nothing was sent.") and not page.is_visible("form[data-to]")


def test_what_the_hub_does_not_take_is_said_and_stays_in_the_form(home: Home, browser: Browser) -> None:
    page = opened(browser)
    answer = {"status": 429, "content_type": "application/problem+json", "body": '{"code":"mailbox_full"}'}
    page.route("**/v1/nodes/**", lambda route: route.fulfill(**answer))
    page.goto(f"{home.entry}/refer")
    page.wait_for_selector("form[data-to]:not([hidden])")
    page.fill("#need", NEED)
    page.fill("#reply", REPLY)
    page.check("#agreed")
    page.click("text=Seal and send")
    page.wait_for_selector("text=No more messages are taken for now. Nothing was sent.")
    assert page.input_value("#need") == NEED


def test_a_mistake_is_reported_without_scripts(home: Home, browser: Browser) -> None:
    page = opened(browser, script=False)
    page.goto(f"{home.entry}/report?lang=ar")
    page.check("input[value=hours]")
    page.fill("#words", "مغلق يوم الجمعة")
    page.click("form.form button")
    assert "said=taken" in page.url and page.is_visible(".said.good")


def test_an_invitation_is_shown_ready_to_paste_and_its_code_is_never_sent(home: Home, browser: Browser) -> None:
    page, asked = opened(browser), list[str]()
    page.on("request", lambda request: asked.append(f"{request.url} {request.headers}"))
    hash_ = f"#{home.kept.id.removeprefix('jisr:')}.{CODE}"
    page.goto(f"{home.address}/join{hash_}")
    page.wait_for_selector("#invitation:not([hidden])")
    faults = Axe().run(page)
    assert faults.violations_count == 0, faults.generate_report()
    link = page.input_value("#link")
    assert link.endswith(f"/join{hash_}") and read_link(link).code == CODE and not page.is_visible("#bare")
    assert not any(CODE in one for one in asked)
    page.goto("about:blank")
    page.goto(f"{home.address}/join#broken")
    assert page.is_visible("#bare") and not page.is_visible("#invitation")
