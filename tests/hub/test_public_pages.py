"""The public pages: front page, results that can be narrowed, entries of every type, and what machines read of them."""

import gzip
import json
import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from jisr_hub.web.public import not_found, routes
from jisr_hub.web.public.asked import Asked
from jisr_hub.web.public.rim import Rim
from jisr_hub.web.public.sitemap import Sitemaps
from jisr_hub.web.public.structured import TYPES
from jisr_protocol.pages.language import NAMES
from tests.hub.memory_directory import NODE, NOW, MemoryDirectory, identifier, record
from tests.hub.memory_search import MemorySearch
from tests.hub.test_directory_page import Elements, entry, words

HOME = "https://hub.example"
FRIDAY = {
    "timezone": "Africa/Casablanca",
    "operating_hours": [{"label": "normal", "days": ["FR"], "intervals": [["09:00", "18:00"]]}],
}


def text(value: str, lang: str = "en") -> dict[str, dict[str, str]]:
    return {lang: {"value": value, "origin": "author"}}


def reader(records: list[dict[str, Any]], now: datetime = NOW, beside: tuple[str, ...] = ()) -> TestClient:
    """A hub with these records; `beside` are rooms that are served too."""
    made = routes(MemoryDirectory(records), lambda: now, search=MemorySearch(records), address=HOME)
    rooms = [Route(path, PlainTextResponse(path)) for path in beside]
    app = Starlette(routes=[*rooms, *made], exception_handlers={404: not_found})
    return TestClient(app, headers={"accept-language": "en"})


def test_the_front_page_asks_one_question_and_opens_doors_that_lead_somewhere() -> None:
    browser = reader([record(1), record(2, "need"), record(3, "location")], beside=("/coverage", "/join"))
    page = browser.get("/").text
    doors = [str(link["href"]) for link in Elements(page).named("a") if "door" in str(link.get("class"))]
    assert len(doors) == 6 and doors[-1] == "/coverage"
    assert all(browser.get(door).status_code == 200 for door in doors if door.startswith("/directory"))
    assert Elements(page).named("form")[0] == {
        "class": "ask",
        "role": "search",
        "action": "/directory",
        "method": "get",
    }
    assert 'href="/join"' in page
    assert page.count('class="name"') == 2, "a place is no news"
    assert "/coverage" not in reader([record(1)]).get("/").text, "a door to a room that is not there is not shown"


def test_each_thing_that_is_applied_can_be_taken_off_again() -> None:
    free = {"cost": {"free": True}, "languages": ["ar"], "name": text("Lessons for all")}
    browser = reader([record(1, **free), record(2, name=text("Lessons"))])
    page = browser.get("/directory?q=lessons&cost=free&lang_spoken=ar").text
    chips = re.findall(r'<li><a href="([^"]*)"><span class="unseen">Remove', page)
    assert [chip.replace("&amp;", "&") for chip in chips] == [
        "/directory?lang_spoken=ar&cost=free",
        "/directory?q=lessons&cost=free",
        "/directory?q=lessons&lang_spoken=ar",
    ]
    assert "1 record" in words(page) and "2 records" in words(browser.get("/directory?q=lessons").text)


def test_what_finds_nothing_offers_what_would() -> None:
    page = reader([record(1, name=text("Lessons"))]).get("/directory?q=lessons&cost=free").text
    assert "Nothing here answers all of this." in page
    assert 'href="/directory?q=lessons"><span>without:' in page and 'href="/directory?cost=free"><span>without:' in page
    assert "Tell us it is missing" not in page, "nothing leads to a room that is not there"
    browser = reader([record(1, name=text("Lessons"))], beside=("/directory/missing",))
    page = browser.get("/directory?q=lessons&cost=free&view=map&lang=en").text
    assert 'href="/directory/missing?q=lessons&amp;cost=free&amp;lang=en"' in page
    assert "Tell us it is missing" not in browser.get("/directory?q=lessons").text


class Counted(MemorySearch):
    """A search that counts how often it is asked."""

    asked = 0

    async def find(self, query: Any) -> Any:
        self.asked += 1
        return await super().find(query)


def facets_of(page: str) -> str:
    return words("<body>" + page[page.index('class="facets"') :])


def test_every_code_of_a_facet_has_the_name_that_somebody_gave_it() -> None:
    at, country = {"scheme": "hcp", "code": "02.227."}, {"scheme": "iso3166-1", "code": "MA"}
    kind, other = ({"scheme": "x", "code": code, "role": "activity"} for code in ("t-17", "no-name"))
    placed, old = {**at, "name": text("Larache")}, "2025-01-01T00:00:00Z"
    house = record(41, "location", admin_codes=[placed])
    named = record(0, modified=old, languages=["ary", "rn"], area=[country], at=[{"location": identifier(41)}],
                   terms=[{**kind, "label": text("Bread for all")}], admin_codes=[at])  # fmt: skip
    nuts = {"scheme": "nuts", "code": "EL"}
    silent = [record(n, languages=["ary"], area=[at, nuts], terms=[kind, other]) for n in range(1, 31)]
    held, now = [*silent, named, house], [NOW]
    search = Counted(held)
    made = routes(MemoryDirectory(held), lambda: now[0], search=search, address=HOME)
    browser = TestClient(Starlette(routes=made), headers={"accept-language": "en"})
    page = facets_of(browser.get("/directory").text)
    assert "Larache 32" in page and "Morocco 1" in page and "Greece 30" in page and "02.227" not in page
    assert "Bread for all 31" in page and "t 17" not in page and "no name 30" in page
    assert "Moroccan Arabic 31" in page and "Rundi" in page
    first = search.asked
    assert "Larache 32" in facets_of(browser.get("/directory").text)
    assert search.asked == first + 1, "what was found, and that nothing was, is remembered"
    house["admin_codes"] = []
    now[0] += timedelta(minutes=16)
    assert "Larache" not in facets_of(browser.get("/directory").text), "a name that was taken back goes"


@pytest.mark.parametrize("code", NAMES)
def test_no_language_and_no_country_stands_by_its_code(code: str) -> None:
    tags = ("ar", "ary", "rif", "kmr", "prs", "rn", "ckb", "ti", "zgh")
    countries = [{"scheme": "iso3166-1", "code": name} for name in ("MA", "SY", "XK", "BI")]
    held = [record(number, languages=[tag], area=countries) for number, tag in enumerate(tags)]
    page = facets_of(reader(held).get(f"/directory?lang={code}").text).split()
    assert not {*tags, "MA", "SY", "XK", "BI"} & set(page)


def test_an_area_is_not_called_by_a_theme_of_the_same_code() -> None:
    page = facets_of(reader([record(1, area=[{"scheme": "hcp", "code": "1"}])]).get("/directory").text)
    assert "No poverty" not in page


def test_a_form_means_the_time_of_the_hubs_country() -> None:
    asked: list[Any] = []

    class Search(MemorySearch):
        async def find(self, query: Any) -> Any:
            asked.append(query.open_at)
            return await super().find(query)

    made = routes(MemoryDirectory([]), lambda: NOW, search=Search([]), zone=ZoneInfo("Asia/Amman"))
    page = TestClient(Starlette(routes=made)).get("/directory?open=2014-06-01T10:00&lang=en").text
    assert asked == [datetime(2014, 6, 1, 7, 0, tzinfo=UTC)]
    assert "Open on 1 June 2014, 10:00" in words(page)


@pytest.mark.parametrize(
    ("kind", "members", "said"),
    [
        ("service", {"period": {"until": "2026-03-05"}}, "Ended on 5 March 2026"),
        ("service", {"status": "ended"}, "Ended"),
        ("service", {"period": {"from": "2026-03-08"}}, "Planned"),
        ("opportunity", {"deadline": "2026-03-05"}, "Ended on 5 March 2026"),
        ("need", {"deadline": "2026-03-05"}, "Ended on 5 March 2026"),
        ("fund", {"window": {"closes": "2026-03-05"}}, "Ended on 5 March 2026"),
        ("event", {"event_status": "scheduled", "start": "2026-03-05T10:00"}, "Ended on 5 March 2026"),
        ("event", {"event_status": "cancelled", "start": "2026-03-09T10:00"}, "Cancelled"),
    ],
)
def test_what_is_over_says_so_and_is_never_open(kind: str, members: dict[str, Any], said: str) -> None:
    browser = reader(
        [record(1, kind, schedule=FRIDAY, **members)] if kind == "service" else [record(1, kind, **members)]
    )
    for path in ("/directory", entry(1)):
        page = browser.get(path).text
        assert f'<strong class="status">{said}</strong>' in page or f"<strong>{said}</strong>" in page
        assert "Open now" not in page.replace(">Open now</a>", "")


def test_a_service_says_in_one_block_when_where_how_and_for_whom() -> None:
    point = {"latitude": "35.7", "longitude": "-5.8", "precision": "locality"}
    browser = reader(
        [
            record(
                1,
                at=[{"location": identifier(2), "schedule": FRIDAY}],
                for_whom=text("Everybody"),
                contact_points=[{"role": "intake", "phone": "+212539000000"}],
            ),
            record(2, "location", name=text("The house"), coordinates=point, privacy="exact"),
        ]
    )
    page = browser.get(entry(1)).text
    block = words("<body>" + page[page.index('<dl class="glance">') : page.index("</dl>", page.index("glance"))])
    assert re.match(r"When Open now, until 18:00 Friday: 09:00\S+ Where The house 35\.7, -5\.8 ", block), block
    assert block.endswith("Contact +212539000000 For whom Everybody")
    assert 'href="tel:+212539000000"' in page and 'href="geo:35.7,-5.8"' in page


def test_each_of_several_places_has_its_hours_under_its_name_and_with_the_hours() -> None:
    plans = [{"location": identifier(number), "schedule": FRIDAY} for number in range(2, 8)]
    places = [record(number, "location", name=text(f"House {number}")) for number in range(2, 9)]
    page = reader([record(1, at=[*plans, {"location": identifier(8)}]), *places]).get(entry(1)).text
    when, _, where = page[page.index('<dl class="glance">') :].partition("Where")
    assert [words(f"<body>{when}").count(f"House {number} Friday: 09:00") for number in range(2, 9)] == [1] * 6 + [0]
    assert "Friday" not in where[: where.index("</dl>")] and "House 8" in where
    assert "and 2 more places" in when and "and 3 more places" in where


def test_a_closing_time_that_nobody_said_is_never_open() -> None:
    hours = {**FRIDAY, "operating_hours": [{"label": "normal", "days": ["FR"], "intervals": [["09:00"]]}]}
    page = reader([record(1, schedule=hours)]).get(entry(1)).text
    assert "Opened at 09:00; until when is not known" in page and "Open now" not in page


def test_an_address_that_no_schema_judged_leads_nowhere() -> None:
    bad = {"role": "x", "phone": "+1;javascript:alert(1)", "email": "a@b?cc=c@d", "url": "javascript:alert(1)"}
    page = reader([record(1, contact_points=[bad], websites=["data:text/html,x"], apply_url="vbscript:x")]).get(
        entry(1)
    )
    assert [a for a in Elements(page.text).named("a") if re.match("javascript|data|vbscript|tel", str(a["href"]))] == []
    assert "a@b" not in "".join(str(a["href"]) for a in Elements(page.text).named("a"))


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_has_its_page_for_people_and_for_machines(kind: str) -> None:
    browser = reader([record(1, kind, name=text("A name </script>"), title=text("A name </script>"))])
    page = browser.get(entry(1) + "?lang=ar").text
    (linked,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page)
    said = json.loads(linked)
    assert (said["@type"], said["name"], said["inLanguage"]) == (TYPES[kind], "A name </script>", "ar")
    links = {(link["rel"], link.get("hreflang")): link["href"] for link in Elements(page).named("link")}
    assert links["canonical", None] == HOME + entry(1) == said["url"]
    assert {code: links["alternate", code] for code in NAMES} == {
        code: f"{HOME}{entry(1)}?lang={code}" for code in NAMES
    }
    properties = {meta.get("property"): meta.get("content") for meta in Elements(page).named("meta")}
    assert properties["og:title"] == "A name </script>" and properties["og:url"] == HOME + entry(1)


def test_a_page_leads_to_the_rooms_beside_it_that_are_there() -> None:
    rooms = tuple(f"/directory/{{entry}}/{name}" for name in ("refer", "report", "contact"))
    browser = reader([record(1), record(2, "need")], beside=rooms)
    for number, names in ((1, ["contact", "refer", "report"]), (2, ["contact", "refer", "report"])):
        links = [str(a["href"]) for a in Elements(browser.get(entry(number)).text).named("a")]
        assert [link for link in links if link.startswith(f"{entry(number)}/")] == [
            f"{entry(number)}/{n}" for n in names
        ]
    assert "Report a mistake" not in reader([record(1)]).get(entry(1)).text


def test_a_record_alone_names_its_entry_as_canonical() -> None:
    page = reader([record(1)]).get(f"/directory/{NODE}/{identifier(1)}").text
    assert f'<link rel="canonical" href="{HOME}{entry(1)}">' in page


def test_search_engines_leave_what_is_narrowed_and_find_every_entry() -> None:
    browser = reader([record(number) for number in range(7)])
    assert browser.get("/directory?q=x").headers["x-robots-tag"] == "noindex, follow"
    assert "x-robots-tag" not in browser.get("/directory?type=service").headers
    assert f"Sitemap: {HOME}/sitemap.xml" in browser.get("/robots.txt").text
    found = [one.text for one in ET.fromstring(browser.get("/sitemap.xml").text).iter() if one.tag.endswith("loc")]
    assert found == [f"{HOME}/", f"{HOME}/directory", *(HOME + entry(number) for number in range(7))]
    file = reader([record(1)], beside=("/coverage", "/formats")).get("/sitemap.xml").text
    assert f"<loc>{HOME}/coverage</loc>" in file and f"<loc>{HOME}/formats</loc>" in file and "/matrix" not in file
    assert f"<loc>{HOME}{entry(1)}</loc><lastmod>{NOW:%Y-%m-%d}</lastmod>" in file


@pytest.mark.anyio
async def test_many_entries_stand_in_several_sitemaps_each_once() -> None:
    directory = MemoryDirectory([record(number) for number in range(7)])
    sitemaps = Sitemaps(Rim(directory, address=HOME), most=3)
    made = routes(directory)
    app = Starlette(
        routes=[one for one in made if getattr(one, "path", "") == "/"],
    )
    app.add_route("/sitemap.xml", sitemaps.first)
    app.add_route("/sitemap-{number:int}.xml", sitemaps.part)
    browser = TestClient(app)
    index = re.findall("<loc>(.*?)</loc>", browser.get("/sitemap.xml").text)
    assert index == [f"{HOME}/sitemap-{number}.xml" for number in (1, 2, 3)]
    found = [re.findall("<loc>(.*?)</loc>", browser.get(one.removeprefix(HOME)).text) for one in index]
    assert [one for part in found for one in part if "." in one.removeprefix(HOME)] == [
        HOME + entry(number) for number in range(7)
    ]
    assert browser.get("/sitemap-4.xml").status_code == browser.get("/sitemap-0.xml").status_code == 404


def test_a_page_comes_in_the_form_that_its_reader_takes() -> None:
    browser = reader([record(1)])
    small = browser.get("/directory", headers={"accept-encoding": "gzip"})
    whole = browser.get("/directory", headers={"accept-encoding": "identity"})
    assert small.headers["content-encoding"] == "gzip" and "content-encoding" not in whole.headers
    assert small.text == whole.text
    assert len(gzip.compress(whole.content)) < len(whole.content) / 2


def test_the_map_is_a_page_of_its_own_and_tells_no_hidden_place() -> None:
    point = {"latitude": "35.7", "longitude": "-5.8", "precision": "exact"}
    places = [
        record(1, "location", coordinates=point, privacy="exact"),
        record(2, "location", coordinates=point, privacy="hidden"),
    ]
    browser = reader(places)
    page = browser.get("/directory?view=map")
    (said,) = re.findall(r'<script type="application/geo\+json" id="places">(.*?)</script>', page.text)
    assert [one["geometry"]["coordinates"] for one in json.loads(said)["features"]] == [[-5.8, 35.7]]
    assert "worker-src 'self'" in page.headers["content-security-policy"]
    assert "maplibre" not in browser.get("/directory").text, "nothing of the map is loaded before it is asked for"


def test_addresses_are_written_in_one_order_and_know_nothing_strange() -> None:
    from starlette.requests import Request

    def asked(query: str) -> Asked:
        return Asked.of(Request({"type": "http", "query_string": query.encode(), "headers": []}))

    assert asked("cost=free&q=a&x=1&type=need&lang=xx&view=none").address() == "/directory?q=a&type=need&cost=free"
    assert asked("q=a&near=Fes&within=10").without("near", "Fes") == "/directory?q=a"
    assert asked("q=a&type=need&lang=ar").in_place("type", "offer") == "/directory?q=a&type=offer&lang=ar"
    assert asked("open=x&q=" + "a" * 400).first("q") == "a" * 200
