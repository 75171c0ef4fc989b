"""The pages of coverage, matches and goals: eight languages, an answer to every address, files, nobody told."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from jisr_hub.curation.merging import address
from jisr_hub.directory.surveying import Surveys
from jisr_hub.ports.surveying import Measured
from jisr_hub.web import public
from jisr_hub.web.language import load_languages
from jisr_hub.web.public import coverage, matches, matrix
from jisr_hub.web.public.paper import Paper
from jisr_hub.web.public.rim import Rim
from jisr_protocol.matching import facts_of
from jisr_protocol.pages.language import NAMES
from tests.directory.many_sides import canary
from tests.directory.test_coverage import NODE, OTHER, effort, population
from tests.directory.test_surveying import Clock, Kept
from tests.directory.test_two_ways import HEALTH, at, side
from tests.directory.three_w import common, text
from tests.hub.memory_directory import MemoryDirectory

NL, HUB = "iso3166-1:NL", "https://hub.example"


def client(*records: Any, volunteers: int = 0, past: Sequence[Measured] = ()) -> TestClient:
    return TestClient(served_app(*records, volunteers=volunteers, past=past), headers={"accept-language": "en"})


def served_app(*records: Any, volunteers: int = 0, past: Sequence[Measured] = ()) -> Starlette:
    """The pages over these records; so many volunteers of one node could help with health, in Arabic, near."""
    directory, kept = MemoryDirectory(list(records)), Kept()
    kept.kept = {one.day: [one] for one in past}
    surveys = Surveys(directory, kept, Clock())
    person = {
        "languages": [{"lang": "ar"}],
        "area": at("NL329"),
        "wishes": text(canary(1)),
        "skills": [{"scheme": "jisr-focus", "code": "health", "name": {}}],
    }

    async def held() -> list[Any]:
        return [(NODE, facts_of(person))] * volunteers

    rim = Rim(directory, address=HUB)
    fitting = matches.Fitting(surveys, rim, held)
    rooms = (coverage.Pages(surveys, rim), fitting, matrix.Pages(surveys, rim))
    served = [route for room in rooms for route in room.routes()]
    return Starlette(routes=[*served, *public.routes(directory, fitting=fitting.block)])


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


@pytest.fixture
def small() -> TestClient:
    protected = effort("shelter", "protection", area=at("NL111"))
    other = effort("other", "debt", area=at("NL111"))
    return client(effort("one"), effort("two", node=OTHER), protected, other, population("NL329"), population("NL412"))


def test_the_sentence_comes_first_and_every_state_is_a_word(small: TestClient) -> None:
    page = small.get("/coverage", params={"theme": "health", "in": "nuts:NL32"}).text
    assert words(page).index("Health: 1 covered, 0 thin, 0 with none reported.") < words(page).index("Area ")
    assert "In 0 of 1 areas nobody reports." in page and "2,500 people" in words(page)
    whole = small.get("/coverage", params={"in": NL}).text
    assert {"Covered", "None reported", "Nobody reports here"} <= set(
        re.findall(r'class="state \w+">(?:<a[^>]+>)?([^<]+)', whole)
    )
    assert 'href="/coverage?in=nuts%3ANL3"' in whole


@pytest.mark.parametrize("code", NAMES)
def test_every_language_has_its_own_words(small: TestClient, code: str) -> None:
    page = small.get("/coverage", params={"lang": code, "theme": "debt", "in": "nuts:NL1"})
    said = load_languages()[code].gettext("Coverage")
    assert said in page.text and (code == "en") == (said == "Coverage")
    assert f'lang="{code}"' in page.text and "style=" not in page.text and "<script" not in page.text
    assert f"?theme=debt&amp;in=nuts%3ANL1&amp;lang={code}" in page.text  # the choice stays when the language changes


@pytest.mark.parametrize(
    ("path", "title", "indexed"),
    [
        ("/coverage", "Coverage", True),
        ("/coverage?theme=health&in=nuts%3ANL3", "Coverage – NL3", True),
        ("/coverage/entries?theme=health&area=nuts%3ANL329", "Health – NL329", False),
        ("/matrix", "Goals and activities", True),
    ],
)
def test_every_page_names_itself_in_the_eight_languages_and_to_who_passes_it_on(
    small: TestClient, path: str, title: str, indexed: bool
) -> None:
    page = small.get(path)
    links = re.findall(r'<link rel="(\w+)"(?: hreflang="([\w-]+)")? href="([^"]+)">', page.text.replace("&amp;", "&"))
    found = {(rel, code): href for rel, code, href in links}
    assert found["canonical", ""] == found["alternate", "x-default"] == HUB + path
    joint = "&" if "?" in path else "?"
    assert {code: found["alternate", code] for code in NAMES} == {c: f"{HUB}{path}{joint}lang={c}" for c in NAMES}
    assert f'<meta property="og:title" content="{title}">' in page.text
    assert f'<meta property="og:url" content="{HUB}{path.replace("&", "&amp;")}">' in page.text
    assert ("x-robots-tag" not in page.headers) is indexed
    assert "script-src 'none'" in page.headers["content-security-policy"]


def test_a_cell_leads_to_its_entries_and_a_quiet_one_to_nothing(small: TestClient) -> None:
    shown = small.get("/coverage/entries", params={"theme": "health", "area": "nuts:NL329"}).text
    assert "2 entries" in shown and ">one<" in shown and ">two<" in shown
    quiet = small.get("/coverage/entries", params={"theme": "protection", "area": "nuts:NL111"}).text
    assert "Too few to show" in quiet and "shelter" not in quiet
    everything = small.get("/coverage", params={"theme": "protection", "in": "nuts:NL11"}).text
    assert "Too few to show" in everything and "/coverage/entries?theme=protection" not in everything


@pytest.mark.parametrize(
    "query",
    ["theme=nothing", "in=nuts:XX", "in=%00", "page=0", "page=9999999", "page=7", "page=x", "theme=health&in=a"],
)
def test_an_address_of_nothing_is_answered_with_a_page(small: TestClient, query: str) -> None:
    answer = small.get(f"/coverage?{query}")
    assert answer.status_code == 404 and "no such theme, area or page" in answer.text
    assert small.get("/coverage/entries?theme=health&area=nuts:XX").status_code == 404


def test_the_table_has_every_cell_and_no_formula() -> None:
    code = {"scheme": "pcode", "code": "X1", "name": text("=HYPERLINK(1)")}
    answer = client(effort("one", area=[code]), effort("p", "protection", area=[code])).get("/coverage.csv")
    found = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    by_theme = {row["theme_code"]: row for row in found}
    assert by_theme["health"]["area"] == "'=HYPERLINK(1)" and by_theme["health"]["organizations"] == "1"
    assert (by_theme["protection"]["state"], by_theme["protection"]["organizations"]) == ("quiet", "")
    assert by_theme["debt"]["state"] == "none" and len(found) == 25


@pytest.mark.parametrize("code", ["ar", "zgh", "nl"])
def test_the_report_is_a_pdf_in_the_readers_script(small: TestClient, code: str) -> None:
    for query in ({"in": "nuts:NL32"}, {"in": "nuts:NL32", "theme": "health"}):
        answer = small.get("/coverage.pdf", params={"lang": code, **query})
        assert answer.headers["content-type"] == "application/pdf" and answer.content.startswith(b"%PDF-")
        family = {"ar": b"NotoNaskhArabic", "zgh": b"NotoSansTifinagh", "nl": b"NotoSans"}[code]
        assert family in answer.content and len(answer.content) < 200_000


def test_the_report_says_what_of_where_and_when_and_each_page_its_number(
    small: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    say = Paper.say

    def heard(paper: Paper, words: str, **how: Any) -> None:
        said.append(re.sub("[\u2068\u2069]", "", words))
        say(paper, words, **how)

    monkeypatch.setattr(Paper, "say", heard)
    small.get("/coverage.pdf", params={"in": NL, "theme": "health"})
    assert said[:3] == ["Coverage: Health", "Netherlands", "Tangier hub · As of 6 March 2026, 12:00 UTC"]
    assert said[-2:] == [f"Tangier hub: {HUB}/coverage?theme=health&in=iso3166-1%3ANL", f"{said[2]} · Page 1 of 1"]
    said.clear()
    small.get("/coverage.pdf", params={"in": NL, "lang": "nl"})
    numbers = [words.rpartition(" · ")[2] for words in said if "Pagina" in words]
    assert numbers[-2:] == ["Pagina 1 van 2", "Pagina 2 van 2"]


def letters(stream: bytes) -> list[bytes]:
    """The font that each run of letters of a page stands in, as a reader finds it: `q` keeps it, `Q` puts it back."""
    kept, font, found = list[bytes](), b"", []
    for token in re.finditer(rb"(?<!\S)(?:(q)|(Q)|/(F\d+) [\d.]+ Tf|\(((?:[^()\\]|\\.)+)\) Tj)(?!\S)", stream, re.S):
        if token[1]:
            kept.append(font)
        elif token[2]:
            font = kept.pop()
        elif token[3]:
            font = token[3]
        else:
            found.append(font)
    return found


def test_a_line_after_words_in_another_script_stands_in_its_own_letters() -> None:
    paper = Paper(load_languages()["ar"], "foot", 1)
    paper.set_compression(False)
    paper.tabled(
        [[("Noord-Holland 11", None)] * 6]
    )  # the name is in other letters than the number, which has a line alone
    content = bytes(paper.output())
    (page, _, _) = content[content.index(b"stream\n") :].partition(b"endstream")
    found = letters(page)
    assert found[:18] == [b"F4", b"F4", b"F2"] * 6


def test_programs_get_the_same_numbers_and_nothing_of_what_is_quiet(small: TestClient) -> None:
    wrong = small.get("/v1/coverage", params={"theme": "no theme of ours"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "malformed")
    cells = small.get("/v1/coverage", params={"in": "nuts:NL11"}).json()["cells"]
    said = {cell["theme"]: (cell["state"], cell["organizations"]) for cell in cells}
    assert said["protection"] == ("quiet", None) and said["debt"] == ("thin", 1) and said["health"] == ("none", 0)


def test_a_need_shows_who_can_help_with_a_sentence_and_points_for_each_reason() -> None:
    need = side("need", NODE, terms=HEALTH, area=at("NL329"))
    offer = side("offer", OTHER, terms=HEALTH, area=at("NL32"))
    pages = client(need, offer)
    page = words(pages.get(f"/matches/{address((NODE, need['id']))}").text)
    assert "Who can help" in page and "90 of 100 points" in page and "Both work on: health. +25" in page
    assert "Who asks for this" in pages.get(f"/matches/{address((OTHER, offer['id']))}").text
    entry = words(pages.get(f"/directory/{NODE}/{need['id']}").text)
    assert "Who can help" in entry and "90 of 100 points" in entry
    plain = pages.get(f"/v1/matches/{address((NODE, need['id']))}").json()["matches"]
    assert plain[0]["score"] == sum(reason["weight"] for reason in plain[0]["reasons"]) == 90
    assert pages.get("/matches/nothing").status_code == pages.get("/v1/matches/nothing").status_code == 404
    for code in set(NAMES) - {"en"}:
        translated = pages.get(f"/matches/{address((NODE, need['id']))}", params={"lang": code}).text
        assert "Both work on" not in translated and "+25" in translated


@pytest.mark.parametrize(("many", "told"), [(0, 0), (4, 0), (5, 5), (9, 5), (12, 10)])
def test_an_opportunity_tells_volunteers_in_groups_of_five_and_nothing_of_any(many: int, told: int) -> None:
    record = common(NODE, "opportunity", "help") | {
        "organization": common(NODE, "organization", "o")["id"],
        "area": at("NL329"),
        "languages": [{"lang": "ar"}],
    }
    pages = client(record, volunteers=many)
    where = address((NODE, record["id"]))
    page = pages.get(f"/matches/{where}").text
    assert ("At least" in page) == bool(told) and (f"At least {told} volunteers" in page or not told)
    assert pages.get(f"/v1/matches/{where}").json()["groups"] == ([{"at_least": told, "node": NODE}] if told else [])
    assert "canary" not in page


def test_goals_and_activities_stand_side_by_side_and_empty_is_unknown() -> None:
    def entry(type_: str, name: str, *terms: tuple[str, str]) -> Any:
        said = [{"scheme": "own", "code": code, "role": role, "label": text(code)} for role, code in terms]
        return common(NODE, type_, name) | {"terms": said, "organization": common(NODE, "organization", "o")["id"]}

    pages = client(
        entry("service", "a", ("goal", "meeting"), ("activity", "walking")),
        entry("service", "b", ("goal", "advice"), ("activity", "talking")),
        entry("service", "c", ("goal", "advice")),
        entry("service", "silent"),
    )
    page = words(pages.get("/matrix").text)
    assert "1 offered" in page and "Unknown" in page and "Not said" in page
    assert "name neither a goal nor an activity: 1" in page
    table = list(csv.DictReader(io.StringIO(pages.get("/matrix.csv").content.decode("utf-8-sig"))))
    assert {(row["goal"], row["activity"], row["service"]) for row in table} == {
        ("meeting", "walking", "1"),
        ("advice", "talking", "1"),
        ("advice", "", "1"),
    }
    assert "Nobody has named a goal" in client().get("/matrix").text
    assert "Nobody reports anything here yet" in client().get("/coverage").text


def test_a_map_shows_land_and_what_is_placed_and_one_place_alone_makes_none() -> None:
    def place(name: str, code: str, latitude: str, longitude: str) -> Any:
        point = {"latitude": latitude, "longitude": longitude, "precision": "exact"}
        codes = {"admin_codes": [{"scheme": "nuts", "code": code}]}
        return common(NODE, "location", name) | {"privacy": "exact", "coordinates": point} | codes

    two = [place("a", "NL329", "52.37", "4.9"), place("b", "NL111", "53.2", "6.5")]
    page = client(effort("one"), *two).get("/coverage", params={"in": NL, "theme": "health"}).text
    assert 'class="land"' in page and page.count('r="9"') == 2 and len(page) < 60_000
    assert 'class="coverage-map"' not in client(effort("one"), two[0]).get("/coverage", params={"in": NL}).text


def day(said: str, covered: int, nobody: int = 0) -> Measured:
    return Measured(said, "health", covered, 1, 2, nobody, 0, 0)


MEASURED = (day("2025-11-01", 0, 4), day("2025-12-01", 1, 3), day("2026-02-27", 1, 3), day("2026-03-06", 4))


def lines(page: str) -> dict[str, list[tuple[str, float, float]]]:
    """Of each state the points of its line: moved to or drawn to, across and down."""
    drawn = re.search(r'<figure class="course">\s*<svg.*?</svg>', page, re.S)
    paths = re.findall(r'<g class="(\w+)"><path d="([^"]+)"', drawn[0]) if drawn else []
    point = re.compile(r"([ML])([\d.]+) ([\d.]+)")
    return {state: [(how, float(x), float(y)) for how, x, y in point.findall(path)] for state, path in paths}


def test_the_past_is_a_line_a_state_with_a_word_to_scale_and_stops_where_nothing_was_measured() -> None:
    page = client(effort("one"), past=MEASURED).get("/coverage", params={"theme": "health"}).text
    found = lines(page)
    assert list(found) == ["covered", "thin", "none", "nobody"]
    assert [how for how, _, _ in found["covered"]] == ["M", "L", "M", "L"]  # 88 days in between say nothing
    (_, first, bottom), (_, second, _), _, (_, last, top) = found["covered"]
    assert (second - first) / (last - first) == pytest.approx(30 / 125, abs=0.01)  # a month of the whole time
    assert found["nobody"][0][2] == top and found["nobody"][-1][2] == bottom  # 4 areas are the top, none the foot
    assert "from 1 November 2025 to 6 March 2026" in page and "Covered: 4" in words(page)
    assert page.index('class="course"') < page.index(">Day</th>") < page.index(">1 November 2025</th>")
    arabic = lines(client(past=MEASURED).get("/coverage", params={"theme": "health", "lang": "ar"}).text)
    assert [320 - x for _, x, _ in arabic["covered"]] == pytest.approx([x for _, x, _ in found["covered"]])


def test_the_table_of_the_past_has_twelve_days_with_the_first_and_the_last() -> None:
    many = [day(str(date(2026, 1, 1) + timedelta(days=number)), 1) for number in range(60)]
    page = client(past=many).get("/coverage", params={"theme": "health"}).text
    shown = re.findall(r'<th scope="row">(\d+ \w+ 2026)</th>', page)
    assert (len(shown), shown[0], shown[-1]) == (12, "1 March 2026", "1 January 2026")


def test_a_single_day_makes_a_row_and_no_line() -> None:
    page = client(past=MEASURED[:1]).get("/coverage", params={"theme": "health"}).text
    assert 'class="course"' not in page and ">1 November 2025</th>" in page
