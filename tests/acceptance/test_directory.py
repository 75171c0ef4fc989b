"""The open directory: what a hub holds is found, shown, counted and handed on, whatever database keeps it.

Each test prints its figure. Short by default, whole with `--long`.
"""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jisr_hub.directory.coverage import Count
from jisr_hub.directory.query import read
from jisr_protocol.matching import facts_of
from jisr_protocol.pages.language import NAMES
from jisr_protocol.reader.follow import follow_once
from jisr_protocol.reader.store import open_copy
from tests.directory import every_page, many_sides, three_w
from tests.directory.real_services import served_services
from tests.e2e.referred import NEED, WORDS, home_in, opened, referred
from tests.e2e.test_directory_browser import PHONE, launched, violations
from tests.e2e.test_directory_browser import opened as watched
from tests.hub.export_growth import growth
from tests.hub.exported import OF_ONE, Standard, exported, judged
from tests.hub.hub_in_memory import run
from tests.hub.kept_hub import some_author
from tests.hub.search_load import areas, asked_hub, filled_folder, questions
from tests.hub.search_table import RECORDS, TABLE
from tests.hub.search_world import searched_hub
from tests.javascript import client
from tests.javascript.served_hub import served_hub
from tests.node.usage_story import looked_at


def test_a_portal_in_javascript_proves_a_hubs_feed_and_every_bent_one(
    tool: Callable[[str], str], tmp_path: Path, figure: Any, long: bool
) -> None:
    """One file follows a hub's feed in Chromium and in Node, comes to the root that the Python reader comes to, and
    ends as the vectors say on every feed among them."""
    node = tool("node")
    with served_hub(tmp_path / "hub", some_author(records=3000 if long else 30)) as hub:
        feed = f"{hub}/feeds/public/"
        assert follow_once(feed, tmp_path / "copy.jisr", allow_private=True).outcome == 0
        with open_copy(tmp_path / "copy.jisr") as copy:
            root = copy.state_root.hex()
        in_node = client.in_node(node, "followed", feed, folder=tmp_path)
        ends = client.in_node(node, "feeds", client.named(), client.files(), folder=tmp_path)
        with launched() as browser, client.portal(browser) as page:
            in_chromium = client.in_browser(page, "followed", feed)
            same = client.in_browser(page, "feeds", client.named(), client.files())
    figure("state root", root[:16], "records", in_node["live"], "bent feeds", len(ends), "in Node and Chromium")
    assert in_node["stateRoot"] == in_chromium["stateRoot"] == root
    assert client.wrong_ends(ends) == client.wrong_ends(same) == []


# Coverage, and who fits whom


def test_coverage_of_real_rows_is_what_a_count_by_hand_says(shared: Path, figure: Callable[..., None]) -> None:
    rows = three_w.rows(shared)
    silent = random.Random(3).choice(sorted({row["Pcode"] for row in rows if row["Country"] == "Liberia"}))
    left = [row for row in rows if row["Pcode"] != silent]
    count = Count(three_w.DAY, three_w.MEANINGS, {})
    for record in three_w.records(left):
        count.take(record)
    count.take(three_w.someone_lives_in(silent))
    coverage, by_hand = count.coverage(), three_w.counted(left)
    for (code, theme), expected in by_hand.items():
        cell = coverage.cell(("iso3166-1" if len(code) == 2 else "pcode", code), theme)
        assert (cell.state, cell.organizations, cell.services) == expected, (code, theme)
    themes = {theme for _, theme in by_hand}
    assert {coverage.cell(("pcode", silent), theme).state for theme in themes} == {"nobody"}
    figure(f"{len(left)} rows: {len(by_hand)} cells as by hand; {silent}, from where nobody reports, is never 'none'")


def test_opportunities_find_volunteers_and_nobody_learns_of_one(long: bool, figure: Callable[..., None]) -> None:
    many = 10_000 if long else 400
    vacancies, profiles = many_sides.world(many)
    held = [(profile["node"], facts_of(profile)) for profile in profiles]
    tracemalloc.start()
    began, found, public = time.process_time(), 0, bytearray()
    for number, matches in enumerate(many_sides.matched(vacancies, profiles)):
        assert len(matches) <= many_sides.TOP
        assert all(one.score == sum(reason.weight for reason in one.reasons) for one in matches)
        found += len(matches)
        if number % (many // 20) == 0:
            assert [one.score for one in matches] == many_sides.tried(vacancies[number], profiles)
            told = many_sides.told(vacancies[number], held)
            assert all(least >= 5 for least in told.values())
            public += msgspec.json.encode([matches, told])
    seconds, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 << 20
    assert b"canary" not in public and all(
        profile["wishes"]["nl"]["value"].startswith("canary") for profile in profiles
    )
    figure(
        f"{many} × {many}: {found} matches with reasons, {seconds:.1f} s of processor, {peak / 2**20:.0f} MB at most"
    )


# Search


@pytest.mark.anyio
async def test_what_people_type_finds_the_same_in_the_same_order_on_both_databases(
    place: Path | str, figure: Callable[..., None]
) -> None:
    """Five scripts and spellings: Arabic, Latin with its accents, Turkish, Danish, Tifinagh."""
    async with searched_hub(place) as world:
        await world.fill(RECORDS)
        for why, pairs, expected in TABLE:
            found = await world.searching.find(read(pairs, world.hub.clock()).query)
            assert world.called(found) == expected, why
            assert found.total == len(expected), why
    figure(f"{len(TABLE)} questions over {len(RECORDS)} records found what they should, in order")
    assert len(TABLE) >= 24


def test_a_large_directory_answers_at_once(tmp_path: Path, long: bool, figure: Callable[..., None]) -> None:
    """An open loop of 20 questions a second, each with words, facets, hours or pages of a seeded mix; then changes."""
    with asked_hub(tmp_path, 100_000 if long else 2_000) as asked:
        whole = asked.search("")
        assert whole["total"] == asked.load.records
        counts = {one["code"]: one["count"] for one in whole["facets"]["area"]}
        assert counts == areas(asked.load)
        done = asked.open_loop(questions(1_000 if long else 60), 20)
        megabytes = asked.highest_bytes() / 1e6
        times = f"median {done.share(0.5):.0f} ms, 99th {done.share(0.99):.0f} ms"
        figure(f"{whole['total']} entries, all found {asked.found_after:.0f} s after the last push")
        figure(f"{len(done.waited_ms)} questions at 20 a second: {times}; the hub took {megabytes:.0f} MB at most")
        assert megabytes < 600
        soon = asked.found_in()
        figure(f"a change is found {min(soon):.2f} to {max(soon):.2f} s after it was pushed")
        if long:
            assert min(soon) < 1
            assert done.share(0.5) < 50 and done.share(0.99) < 200
            rates = [asked.open_loop(questions(5 * rate), rate) for rate in (40, 60, 80, 120, 160)]
            held = [one.rate for one in rates if one.share(0.99) < 200]
            figure(f"highest rate with a 99th percentile below 200 ms: {max(held, default=20):.0f} a second")


def test_every_object_and_page_of_the_hsds_api_fits_the_standard(shared: Path, tmp_path: Path, figure: Any) -> None:
    """Every endpoint, in every fullness: objects against the compiled schemas, answers against the API description."""
    standard = Standard(shared)
    with exported(tmp_path) as hub:
        assert standard.answer_faults("/", hub.get("/hsds/").json()) == []
        walked = {endpoint: judged(hub, standard, endpoint, 1000) for endpoint in OF_ONE}
    figure("HSDS pages", sum(one[0] for one in walked.values()), "objects", sum(one[1] for one in walked.values()))
    assert all(one[1] for one in walked.values())
    assert [fault for one in walked.values() for fault in one[2]] == []


def test_an_export_takes_no_more_memory_however_much_there_is(tmp_path: Path, figure: Any, long: bool) -> None:
    """Everything goes out in each form while memory grows by far less than there is: 100,000 records under 200 MB."""
    records = 100_000 if long else 1000
    folder = filled_folder(tmp_path, records)
    for ending in ("csv", "xlsx", "jsonl", "geojson", "jsonld")[: 5 if long else 3]:
        size, grown = run(growth(folder, f"/export/all.{ending}"))
        figure(records, "records", ending, f"{size / 1e6:.1f} MB went out", f"memory grew by {grown / 1e6:.1f} MB")
        assert grown < (200e6 if long else 4e6)


# What comes back to those who publish


def test_counts_reach_the_node_and_nothing_of_who_looked_stays(tmp_path: Path, figure: Callable[..., None]) -> None:
    """Benefit back: pages of a served hub are looked at, it ends, the node is told by weeks in steps of five."""
    story = looked_at(tmp_path, times=17)
    assert story.told == {"views": 15, "referrals": 5, "applications": 0}, "17 views, 6 sheets, 3 contacts"
    assert story.found == [] and story.cookies == []
    figure("pages looked at", story.requests, "told", story.told, "traces of who looked", len(story.found))


def test_a_referral_from_a_page_is_read_by_the_node_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], figure: Callable[..., None]
) -> None:
    """Sealed in a real browser: database, files, log, pages and backup of the hub hold no plain byte of it."""
    with home_in(tmp_path / "home") as home, launched() as browser:
        story = referred(home, opened(browser), tmp_path / "backup", lambda: "".join(capfd.readouterr()))
    assert story.read["text"] == WORDS and story.read["referral"]["need"] == NEED
    assert not any(story.found.values())
    figure("places searched for the canaries", len(story.found), "found", 0, "requests of the browser", len(story.sent))


# The public pages


@pytest.mark.browser
@pytest.mark.parametrize(
    ("code", "words", "near", "open_until", "over"),
    [
        ("ar", "تعليم", "محافظة اربد", "مفتوح الآن، حتى 17:00", "انتهى"),
        ("en", "education", "Irbid Governorate", "Open now, until 17:00", "Ended"),
    ],
    ids=["ar", "en"],
)
def test_somebody_finds_a_service_that_is_open_on_sunday_at_ten(
    shared: Path, tmp_path: Path, long: bool, figure: Any, code: str, words: str, near: str, open_until: str, over: str
) -> None:
    """The real services in a browser at 2014-06-01 09:00 UTC: asked for, read, printed; today all are over."""
    sunday, script = datetime(2014, 6, 1, 9, 0, tzinfo=UTC), code == "en"
    with (
        served_services(shared, tmp_path, sunday, None if long else 14) as hub,
        launched() as browser,
        watched(browser, viewport=PHONE, java_script_enabled=script, locale=code) as page,
    ):
        page.goto(f"{hub.address}/?lang={code}")
        page.locator("#q").fill(words)
        page.locator("#near").fill(near)
        page.keyboard.press("Enter")
        page.wait_for_url("**near=**")
        page.goto(page.url + "&within=50&type=service&open=2014-06-01T10:00")
        found = page.locator(".hits > li", has_text=open_until)
        assert found.first.locator(".where").inner_text().endswith((" km away", "1 كم", "كيلومتر"))
        found.first.locator(".name a").click()
        assert open_until in page.locator(".glance").inner_text()
        page.emulate_media(media="print")
        assert page.locator(".glance").is_visible() and not page.locator(".share").is_visible()
        printed = len(page.pdf())
        page.emulate_media(media="screen")
        name = page.locator("h1").inner_text().strip()
        page.goto(page.locator("a[href*='/refer']").first.evaluate("one => one.href"))
        page.goto(page.locator("a[href*='/refer/sheet']").evaluate("one => one.href"))
        page.emulate_media(media="print")
        assert name in page.locator("main").inner_text() and page.locator("input, textarea").count() == 0
        sheet = len(page.pdf())
        page.emulate_media(media="screen")
        hub.at, shown = datetime.now(UTC), 0
        for number in range(1, 60 if long else 2):
            answer = page.goto(f"{hub.address}/directory?type=service&page={number}&lang={code}")
            if answer is None or answer.status == 404:
                break
            states = page.locator(".hits .status").all_inner_texts()
            assert len(states) == page.locator(".hits > li").count() and all(over in one for one in states)
            assert page.locator(".hits .open-now").count() == 0
            shown += len(states)
        page.goto(f"{hub.address}/directory?type=service&open=now&lang={code}")
        assert page.locator(".hits > li").count() == 0, "nothing that is over is open"
    figure(f"{code}: found, read, printed ({printed} bytes), with a sheet to refer somebody ({sheet} bytes)")
    figure(f"{code}: {shown} services shown today, all ended, none open")


@pytest.mark.browser
def test_every_public_page_is_whole_on_the_smallest_screen_and_light_on_a_bad_line(long: bool, figure: Any) -> None:
    """Every type of page, eight languages, 320 px; axe, no other host; the first view of the results in Arabic."""
    seen = 0
    with every_page.served() as home, launched() as browser:
        for number, path in enumerate(every_page.paths()):
            codes = list(NAMES) if long else [list(NAMES)[number % len(NAMES)]]
            for code in codes:
                scheme: Any = "dark" if (number + len(code)) % 2 else "light"
                with watched(browser, viewport={"width": 320, "height": 640}, color_scheme=scheme) as page:
                    page.goto(f"{home}{path}{'&' if '?' in path else '?'}lang={code}")
                    page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
                    assert page.evaluate("document.documentElement.scrollWidth") <= 320, (path, code)
                    page.locator(".languages details").evaluate("one => one.open = false")
                    assert violations(page) == "", (path, code)
                    seen += 1
        with watched(browser, viewport=PHONE, locale="ar") as page:
            session = page.context.new_cdp_session(page)
            session.send("Network.enable")
            loaded: list[float] = []
            session.on("Network.loadingFinished", lambda event: loaded.append(event["encodedDataLength"]))
            page.goto(f"{home}/directory?type=service&lang=ar", wait_until="networkidle")
    figure(
        f"{seen} pages at 320 px, axe silent; first view in Arabic {sum(loaded) / 1024:.1f} KB in {len(loaded)} answers"
    )
    assert len(loaded) >= 4 and sum(loaded) <= 60 * 1024
