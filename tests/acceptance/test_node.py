"""The NGO's own node: from an invitation to a published service, pages for everybody, and what the daily work rests on.

Each test prints its figure. Short by default, whole with `--long`.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

from playwright.sync_api import Page

from jisr_hub.cli import authority, setting_up
from jisr_node import recovery_words
from jisr_node.app import Node, clock
from jisr_node.app.lobby import Lobby
from jisr_protocol import opening
from jisr_protocol.opening import Days, Declared, Open
from jisr_protocol.pages.language import NAMES
from tests.acceptance.running import until
from tests.e2e.keyboard import Keyboard
from tests.e2e.test_directory_browser import launched, opened, violations
from tests.e2e.test_node_browser import PAGES, SMALL, come_in, of, see
from tests.faults.processes import HubProcess
from tests.node import messy_checks as checks
from tests.node import messy_tables as messy
from tests.node.office_world import office_world, served

STEPS = 25
NAME, SERVICE = "جمعية دار الجسر", "دروس القراءة للكبار"


# The first five minutes


@contextmanager
def two_countries(folder: Path) -> Iterator[tuple[HubProcess, HubProcess, str]]:
    """A hub in Morocco, one in the Netherlands that follows it, and an invitation to the first."""
    with ThreadPoolExecutor(1) as aside:  # a browser that is driven from here keeps an event loop in this thread
        home, away = aside.submit(
            lambda: [HubProcess(folder / "ma", name="Jisr Maroc"), HubProcess(folder / "nl", name="Jisr Nederland")]
        ).result()
        try:
            home.start(JISR_HUB_PUBLISH_SECONDS="0.1")

            def met() -> str:
                peer = asyncio.run(setting_up.find_peer(away.folder, home.address))
                asyncio.run(setting_up.add_peer(away.folder, peer))
                return str(asyncio.run(authority.invite(home.folder, "Dar Al Jisr", 7.0, None))["link"])

            link = aside.submit(met).result()
            away.start(JISR_HUB_PUBLISH_SECONDS="0.1", JISR_HUB_POLL_SECONDS="0.5")
            yield home, away, link
        finally:
            home.stop()
            away.stop()


def first_minutes(page: Page, keys: Keyboard, link: str, invitation: str, look: Callable[[], None]) -> None:
    """From the link that the program opens to a published service, by the keyboard alone."""
    page.goto(f"{link}?invitation={quote(invitation, safe='')}")
    look()
    keys.fill("#name", NAME)
    keys.reach("#country")
    keys.steps += 1
    page.keyboard.press("ArrowDown")
    keys.fill("#purpose", "نعلّم الكبار القراءة والكتابة في أحياء طنجة.")
    keys.fill("#contact", "info@dar.example")
    keys.fill("#hub", invitation)
    keys.use("form[action='/begin'] button", "**/recovery")
    look()
    words = page.locator(".words li bdi").all_inner_texts()
    assert len(words) == recovery_words.COUNT
    keys.use("a[href='/recovery/words']")
    look()
    for place in ("1", "2"):
        label = page.locator(f"label[for=word{place}]").inner_text()
        number = int("".join(letter for letter in label if letter.isdigit()))
        keys.fill(f"#word{place}", words[number - 1])
    keys.use("form[action='/recovery/words'] button", "**/records/*")
    look()
    keys.fill("#f-name", SERVICE)
    keys.fill("#f-description", "مساءً، ومجانًا، لكل من فاته أن يتعلّم.")
    keys.use("button[value='go:publish']", "**/publish")
    look()
    keys.use("form[action$='/publish'] button", "**/publish")
    look()


def test_from_an_invitation_to_a_service_that_another_country_shows(
    tmp_path: Path, figure: Callable[..., None]
) -> None:
    """In Arabic, on a phone, by the keyboard alone."""
    lobby = Lobby(tmp_path / "node", allow_private=True)
    with (
        launched() as browser,
        two_countries(tmp_path) as (home, away, invitation),
        served(lobby, upkeep=True) as address,
        opened(browser, viewport=SMALL, locale="ar") as page,
    ):
        keys = Keyboard(page)
        link = f"{address}/open/{lobby.link()}"
        first_minutes(page, keys, link, invitation, lambda: see(page, "ar"))

        def shown() -> bool:
            with urllib.request.urlopen(f"{away.address}/directory?lang=ar", timeout=30) as answer:
                return SERVICE in answer.read().decode()

        seconds = until(shown, 90, "the other country shows the service")
        page.goto(address)
        assert NAME in keys.says()
        assert page.locator(".well").count() == 1, keys.says()
    with Node.open(tmp_path / "node") as node:
        assert node.settings.hub == home.address
        assert node.status(now=clock())["todo"] == []
    figure(
        f"{keys.steps} steps from the invitation to a published service; another country shows it {seconds:.0f} s on"
    )
    assert keys.steps <= STEPS


# Pages for everybody


def test_every_page_is_whole_in_every_language_on_the_smallest_screen(
    tmp_path: Path, long: bool, figure: Callable[..., None]
) -> None:
    """axe, right to left, no other host, no overflow, no letter without a shape, nothing left in English. By keyboard:
    tests/e2e/test_node_browser.py. The short run sees a part of the pages, in Tamazight."""
    codes = list(NAMES) if long else ["zgh"]
    seen = 0
    with launched() as browser, office_world(tmp_path) as world:
        for name, code in ((name, code) for code in codes for name in ("new", "sheet", "whole")):
            with opened(browser, viewport=SMALL, locale=code) as page:
                come_in(page, world, name)
                for path in of(name) if long else of(name)[::3]:
                    page.goto(world.path(path))
                    see(page, code)
                    assert violations(page) == "", (path, code)
                    seen += 1
    figure(f"{seen} views: {len(PAGES)} pages in {len(codes)} languages, 320 px wide")
    assert seen == len(PAGES) * len(NAMES) if long else seen >= 3


# What the daily work rests on

_WEEK = ["MO", "TU", "WE", "TH"]
_OFFICE = [
    {"label": "normal", "days": _WEEK, "intervals": [["09:00", "12:30"], ["15:00", "18:00"]]},
    {"label": "normal", "days": ["FR"], "intervals": [["09:00", "12:00"], ["15:30", "18:00"]]},
    {"label": "ramadan", "days": [*_WEEK, "FR"], "intervals": [["10:00", "14:30"]]},
    {"label": "holiday", "closed": True},
]
_NIGHT = [{"label": "normal", "days": ["SA"], "intervals": [["22:00", "04:00"]]}]


def test_open_now_is_right_in_ramadan_on_a_split_friday_on_a_holiday_and_when_clocks_change(figure):
    morocco = Days("MA", [Declared.read("MA ramadan 2026-02-19 2026-03-19")])  # a day later than computed
    split, ramadan = [("09:00", "12:30"), ("15:00", "18:00")], [("10:00", "14:30")]
    days = {
        "2026-02-18": split,
        "2026-02-19": ramadan,
        "2026-02-20": ramadan,  # a Friday
        "2026-03-19": ramadan,
        "2026-03-20": [],  # the feast
        "2026-03-27": [("09:00", "12:00"), ("15:30", "18:00")],  # a Friday
        "2026-11-18": [],  # Independence Day
    }
    asked = sum(_walk("Africa/Casablanca", _OFFICE, morocco, day, spans) for day, spans in days.items())
    night = {"2026-03-29": [("00:00", "04:00")], "2026-10-25": [("00:00", "04:00")]}
    asked += sum(_walk("Europe/Amsterdam", _NIGHT, Days("NL"), day, spans) for day, spans in night.items())
    figure("moments at which it was asked whether it is open, all right", asked)


def _walk(zone, hours, days, day, spans):
    """Ask every five minutes of a real day, which may have 23 or 25 hours; how often it was asked."""
    here, asked = ZoneInfo(zone), 0
    moment = datetime.fromisoformat(day).replace(tzinfo=here).astimezone(ZoneInfo("UTC"))
    while (local := moment.astimezone(here)).date().isoformat() == day and asked < 400:
        clock = local.strftime("%H:%M")
        answer = opening.at({"timezone": zone, "operating_hours": hours}, moment, days)
        assert isinstance(answer, Open) == any(start <= clock < end for start, end in spans), (local, answer)
        moment, asked = moment + timedelta(minutes=5), asked + 1
    return asked


def test_a_sealed_message_is_read_by_its_node_alone_and_leaves_nothing_behind(tmp_path, figure):
    from tests.node.sealed_story import a_message

    story = a_message(tmp_path)
    assert story.read == story.written
    assert story.found == {"database": 0, "log": 0, "pages": 0, "backup": 0, "bytes after it was taken": 0}
    assert story.refused == {
        "replay": "message_seen",
        "wrong key": "unopenable",
        "full": "mailbox_full",
        "another hub's": "not_here",
        "expired": 0,
    }
    assert story.full_says.startswith("after:") and "nothing was kept" in story.full_title
    figure("places searched for the canary and for the sealed bytes", story.searched, "found", 0)


def test_a_volunteer_is_in_no_output_of_a_hub_and_delete_me_removes_every_copy_with_receipts(tmp_path, figure):
    from tests.node.sealed_story import a_volunteer

    story = a_volunteer(tmp_path)
    assert story.found == {"public outputs": 0, "hub's files, what was local": 0, "after delete-me": 0, "at home": 0}
    assert story.held_before, "the one who agreed to partners was in a restricted feed, or nothing was shown"
    assert story.local_receipt == ({}, "")
    assert set(story.shared_receipt) == {"done"}, "signed by the hub"
    figure("outputs searched", story.searched, "hubs that signed the erasure", len(story.shared_receipt))


def test_kill_9_at_any_moment_of_editing_importing_publishing(tmp_path, long, figure):
    from tests.node.test_editing_crash import killed

    rounds = 40 if long else 3
    saves = killed(tmp_path, rounds)
    assert saves >= rounds
    figure("kills while editing, importing, publishing:", rounds, "saves said before:", saves, "lost: 0")


def test_a_messy_spreadsheet_has_every_planted_error_named_by_its_cell_and_no_other(shared, figure, long):
    services, count, faults = shared / "data/services-ar-en/services.jsonl", 540 if long else 60, 8 if long else 2
    text = messy.make(services, 7, count, faults=faults, digits=False)
    home = checks.check("services.csv", text, messy.as_csv(text, "cp1256", ";"))
    checks.without_fault("services.csv", checks.mended_csv(home, text, ";"), count)
    book = messy.make(services, 11, count, faults=faults, digits=True)
    home = checks.check("services.xlsx", book, messy.as_xlsx(book))
    checks.without_fault("services.xlsx", checks.mended_xlsx(home, book), count)
    figure("planted errors named by their cell, none beside:", len(text.planted) + len(book.planted))


def test_a_long_spreadsheet_is_taken_in_with_a_bar_in_bounded_memory(tmp_path, figure, long):
    rows = 10_000 if long else 600
    said = subprocess.run(
        [sys.executable, "-c", _LONG_TABLE, str(tmp_path), str(rows)], capture_output=True, text=True, check=True
    )
    told = json.loads(said.stdout)
    assert told["added"] >= rows and told["again"] == 0
    assert told["steps"] == sorted(told["steps"]) and told["steps"][-1] == rows + 1 and len(told["steps"]) > rows // 60
    assert told["peak_mb"] < 160
    figure(f"{rows} rows: {told['seconds']:.1f} s of processor, at most {told['peak_mb']} MB")


_LONG_TABLE = """
import json, re, sys, time
from pathlib import Path
from openpyxl import Workbook
from jisr_node.app import Node
folder, rows = sys.argv[1], int(sys.argv[2])
book = Workbook(write_only=True)
sheet = book.create_sheet("Associations")
sheet.append(["No", "Name", "Purpose", "Town", "Telephone", "E-mail", "Founded", "Languages"])
for n in range(rows):
    phone = f"0539{n % 900000 + 100000}"
    sheet.append([n, f"Association {n}", "We teach people to read. " * 4, f"Town {n % 90}", phone,
                  f"info{n}@example.org", 1990 + n % 30, "Arabic, French"])
book.save(f"{folder}/list.xlsx")
Node.init(f"{folder}/node", name="Dar", country="MA", lang="fr").close()
with Node.open(f"{folder}/node") as node, open(f"{folder}/list.xlsx", "rb") as file:
    steps, begun = [], time.process_time()
    with node.importing("list.xlsx", file) as found:
        found.prepare(lambda done, total: steps.append(done))
        added = len(found.plan.added)
        found.carry_out()
    seconds = time.process_time() - begun
    peak = int(re.search(r"VmHWM:\\s+([0-9]+)", Path("/proc/self/status").read_text())[1]) // 1024
    file.seek(0)
    with node.importing("list.xlsx", file) as found:
        again = len(found.plan.added) + len(found.plan.changed) + len(found.plan.ended)
print(json.dumps({"added": added, "again": again, "steps": steps, "seconds": seconds, "peak_mb": peak}))
"""
