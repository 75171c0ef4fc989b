"""Taking in a spreadsheet in a real browser, by keyboard: each page of it small and Arabic, and wide and English."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from jisr_node.app.arriving import Arriving
from tests.e2e.test_directory_browser import DESK, browser, opened, violations
from tests.e2e.test_node_browser import SMALL, come_in, reach_all, see
from tests.node.office_world import OfficeWorld, office_world

pytestmark = pytest.mark.browser
__all__ = ["browser"]

ROWS = "Naam;Plaats;Telefoon;Openingstijden\n" + "".join(
    f"Vereniging {n};Tanger;0539 12 34 {n};soms\n" for n in range(10, 70)
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OfficeWorld]:
    with office_world(tmp_path_factory.mktemp("sheets")) as world:
        yield world


@pytest.mark.parametrize(("code", "scheme", "viewport"), [("ar", "light", SMALL), ("en", "dark", DESK)])
def test_a_table_from_the_file_to_the_plan(
    browser: Browser, world: OfficeWorld, tmp_path: Path, code: str, scheme: str, viewport: dict[str, int]
) -> None:
    table = tmp_path / "verenigingen.csv"
    table.write_text(ROWS + "Vereniging fout;Tanger;12;ma-vr 9-17\n", encoding="utf-8")
    with opened(browser, viewport=viewport, locale=code, color_scheme=scheme) as page:
        come_in(page, world, "whole")
        page.goto(world.path("/sheets"))
        page.set_input_files("#file", table)
        page.locator("form[action='/sheets'] button").press("Enter")
        page.wait_for_url("**/sheets/table")
        for following in ("**/sheets/plan", None):
            see(page, code)
            assert violations(page) == "", page.url
            reach_all(page)
            if following:
                page.locator("a.act[href='/sheets/plan']").press("Enter")
                page.wait_for_url(following)
                page.wait_for_selector("#must", timeout=60_000)
        assert page.locator("#must + p + ul li").count() == 1
        with page.expect_download() as home:
            page.locator("a[href='/sheets/corrected']").press("Enter")
        assert re.fullmatch(r"verenigingen-jisr\.csv", home.value.suggested_filename)
        page.locator("form[action='/sheets/forget'] button").press("Enter")
        page.wait_for_url("**/sheets")


def test_while_the_rows_are_read_a_page_says_how_far_and_leads_on_by_itself(
    browser: Browser, world: OfficeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = [False, False]
    wait = Arriving.wait

    async def slow(arriving: Arriving, seconds: float) -> bool:
        return await wait(arriving, seconds) and (not waits or waits.pop())

    monkeypatch.setattr(Arriving, "wait", slow)
    table = tmp_path / "verenigingen.csv"
    table.write_text(ROWS, encoding="utf-8")
    with opened(browser, viewport=SMALL, locale="ar") as page:
        come_in(page, world, "whole")
        page.goto(world.path("/sheets"))
        page.set_input_files("#file", table)
        page.locator("form[action='/sheets'] button").press("Enter")
        page.wait_for_url("**/sheets/table")
        page.route("**/wait.js*", lambda route: route.abort())  # looked at in peace, as without a script
        page.goto(world.path("/sheets/plan"))
        assert page.locator("progress").count() == 1
        see(page, "ar")
        assert violations(page) == ""
        reach_all(page)
        page.unroute("**/wait.js*")
        page.reload()
        page.wait_for_selector("form[action='/sheets/publish']", timeout=60_000)
        page.locator("form[action='/sheets/forget'] button").press("Enter")
        page.wait_for_url("**/sheets")
