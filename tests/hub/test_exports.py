"""What the directory is handed on as, in every form: whole, cacheable, harmless, and read back by other programs."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import icalendar
import openpyxl
import pytest
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from jisr_hub.directory.exports.columns import COLUMNS, sound
from jisr_hub.directory.exports.delimited import BOM, guarded
from jisr_hub.directory.exports.forms import KINDS
from jisr_hub.directory.exports.murmurations import profile
from jisr_hub.directory.exports.shown import About, Shown
from jisr_hub.ports.directory import Listed
from jisr_protocol import entry as entries
from jisr_protocol.pages.language import NAMES
from tests.hub.exported import ADDRESS, AREA, EXACT, FORMULAS, HIDDEN, NOT_YET, exported


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, new_databases: None) -> Iterator[TestClient]:
    with exported(tmp_path_factory.mktemp("exported")) as client:
        yield client


@pytest.fixture(scope="module")
def rows(client: TestClient) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(client.get("/export/all.csv").content.decode(), newline="")))


@pytest.mark.parametrize("ending", KINDS)
def test_every_form_is_answered_named_and_not_sent_twice(client: TestClient, ending: str) -> None:
    name = "organization" if ending == "murmurations.json" else "event" if ending in ("ics", "rss") else "all"
    answer = client.get(f"/export/{name}.{ending}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == KINDS[ending].media_type
    assert "max-age" in answer.headers["cache-control"]
    assert answer.headers["access-control-allow-origin"] == "*"
    tag = answer.headers["etag"]
    assert tag.startswith('"')
    again = client.get(f"/export/{name}.{ending}", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert client.head(f"/export/{name}.{ending}").status_code == 200
    plain = client.get(f"/export/{name}.{ending}", headers={"Accept-Encoding": "identity"})
    assert (plain.content == answer.content, plain.headers.get("content-encoding")) == (True, None)


def test_a_table_has_every_entry_once_with_licence_source_and_author(
    client: TestClient, rows: list[dict[str, str]]
) -> None:
    assert list(rows[0]) == list(COLUMNS)
    lines = [json.loads(line) for line in client.get("/export/all.jsonl").content.splitlines()]
    assert sorted(row["entry"] for row in rows) == sorted(line["entry"] for line in lines)
    assert all(row["licence"] and row["author_nodes"] and row["page"].startswith(ADDRESS) for row in rows)
    assert [row for row in rows if row["name"] == NOT_YET] == []


def test_no_cell_is_a_formula_whatever_a_thing_is_called(client: TestClient, rows: list[dict[str, str]]) -> None:
    names = {row["name"] for row in rows}
    assert all(guarded(name) in names for name in FORMULAS)
    cells = [cell for row in rows for cell in row.values()]
    assert [cell for cell in cells if re.match(r"\s*[=@]", cell)] == []
    signed = [cell for cell in cells if cell[:1] in "+-" and cell]
    assert all(re.fullmatch(r"[+-]?[0-9.]+(; \+[0-9]+)*", cell) for cell in signed)
    assert any(row["phones"] == "+212539000000" for row in rows)


def test_a_workbook_says_the_same_as_the_table_and_computes_nothing(
    client: TestClient, rows: list[dict[str, str]]
) -> None:
    book = openpyxl.load_workbook(io.BytesIO(client.get("/export/all.xlsx").content), read_only=True)
    found = list(book.active.iter_rows())
    assert [cell.value for cell in found[0]] == list(COLUMNS)
    assert len(found) == len(rows) + 1
    for line, row in zip(found[1:], rows, strict=True):
        assert [guarded(cell.value or "") for cell in line] == list(row.values())
        assert all(cell.data_type != "f" for cell in line)
    book.close()


def test_a_spreadsheet_that_asks_for_it_is_told_the_encoding(client: TestClient) -> None:
    assert client.get("/export/service.csv?bom=yes").content.startswith(BOM + b"entry,")
    assert client.get("/export/service.csv").content.startswith(b"entry,")


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "\ufffe", "a\x0bb", "\x85", "أ\u202eب"])
def test_a_text_holds_only_what_xml_takes(text: str) -> None:
    ElementTree.fromstring(f"<a>{sound(text)}</a>")


def test_a_map_has_the_point_of_what_may_be_shown_and_no_other(client: TestClient) -> None:
    found = client.get("/export/all.geojson").json()
    assert found["type"] == "FeatureCollection"
    places = {one["id"].partition(".")[2]: one for one in found["features"]}
    assert places[HIDDEN]["geometry"] is None
    assert places[EXACT]["geometry"] == places[AREA]["geometry"] == {"type": "Point", "coordinates": [-5.8, 35.77]}
    lessons = next(one for one in found["features"] if one["properties"].get("name") == "Lessons")
    assert lessons["geometry"] == {"type": "MultiPoint", "coordinates": [[-5.8, 35.77]] * 2}
    assert all(one["properties"]["licence"] and one["properties"]["page"] for one in found["features"])


def test_lines_are_the_signed_records_byte_for_byte(client: TestClient) -> None:
    lines = client.get("/export/service.jsonl").content.splitlines()
    assert lines
    for line in lines:
        raw = line.partition(b',"line":')[2][:-1]
        parsed = entries.parse(raw)
        assert parsed.thing is not None
        assert parsed.thing.value["type"] == "org.jisr.service/1"


def test_linked_data_names_types_sources_and_licences(client: TestClient) -> None:
    graph = client.get("/export/all.jsonld").json()["@graph"]
    assert {"NGO", "Service", "Place", "Event", "NewsArticle", "JobPosting"} <= {one["@type"] for one in graph}
    assert all(one["license"] and one["@id"].startswith(ADDRESS) for one in graph)
    hidden = next(one for one in graph if one["@id"].endswith(HIDDEN))
    assert "geo" not in hidden and "address" not in hidden


def test_a_calendar_is_read_by_another_program_with_every_zone_it_names(client: TestClient) -> None:
    content = client.get("/export/event.ics").content
    calendar: Any = icalendar.Calendar.from_ical(content)
    events = calendar.walk("VEVENT")
    zones = {str(zone["tzid"]) for zone in calendar.walk("VTIMEZONE")}
    assert events and len({str(one["uid"]) for one in events}) == len(events)
    assert {str(one["dtstart"].params["tzid"]) for one in events} <= zones
    assert max(len(line) for line in content.split(b"\r\n")) <= 75
    assert {str(one["summary"]) for one in events} >= {"=1+1", "@SUM(A1)"}
    assert any("rrule" in one for one in events)


@pytest.mark.parametrize("ending", ["rss", "atom"])
def test_a_feed_is_sound_newest_first_and_holds_nothing_before_its_day(client: TestClient, ending: str) -> None:
    root = ElementTree.fromstring(client.get(f"/export/all.{ending}").content)
    items = root.findall(".//item") or root.findall("{http://www.w3.org/2005/Atom}entry")
    assert 0 < len(items) <= 100
    text = client.get(f"/export/news.{ending}").text
    assert "<title>" in text and NOT_YET not in text
    feed = client.get("/export/all.atom").text
    dates = re.findall(r"<link href=[^>]+/><updated>([^<]+)</updated>", feed.partition("<entry")[2])
    found = [datetime.fromisoformat(one) for one in dates]
    assert len(found) > 1 and found == sorted(found, reverse=True)


def test_a_profile_of_an_organization_has_an_address_of_its_own(client: TestClient) -> None:
    profiles = client.get("/export/all.murmurations.json").json()
    assert all(one["linked_schemas"] == ["organizations_schema-v1.0.0"] and one["name"] for one in profiles)
    alone = client.get(f"/export/{profiles[0]['unique_id']}.murmurations.json")
    assert alone.json() == profiles[0]
    assert client.get(f"/export/{profiles[0]['unique_id']}.ics").status_code == 404


WEB = {"type": "string", "pattern": "^https?://", "maxLength": 2000}
MURMURATIONS: dict[str, Any] = {
    # what the network's library asks of the members we give, in our own words; others may stand beside them
    "type": "object",
    "required": ["linked_schemas", "name"],
    "properties": {
        **{name: {"type": "string"} for name in ("name", "nickname", "description", "full_address", "unique_id")},
        "linked_schemas": {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True},
        "primary_url": WEB,
        "image": WEB,
        "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        "urls": {"type": "array", "uniqueItems": True, "items": {
            "type": "object", "required": ["url"], "properties": {"name": {"type": "string"}, "url": WEB}}},
        "status": {"enum": ["active", "completed", "cancelled", "on_hold", "in_planning"]},
        "country_iso_3166": {"enum": ["BE", "BI", "ES", "MA", "NL", "TR"]},
        "geolocation": {"type": "object", "required": ["lat", "lon"], "properties": {
            "lat": {"type": "number", "minimum": -90, "maximum": 90},
            "lon": {"type": "number", "minimum": -180, "maximum": 180}}},
        "contact_details": {"type": "object", "properties": {"email": {"type": "string"}}},
        "telephone": {"type": "string", "minLength": 1, "maxLength": 100},
    },
}  # fmt: skip


def test_profiles_fit_what_murmurations_asks_of_its_fields(client: TestClient) -> None:
    validator = Draft202012Validator(MURMURATIONS)
    profiles = client.get("/export/all.murmurations.json").json()
    assert profiles and [fault.message for one in profiles for fault in validator.iter_errors(one)] == []
    given = {member for one in profiles for member in one}
    assert given - set(MURMURATIONS["properties"]) == {"licence", "source", "author_nodes"}


def test_a_profile_of_what_has_ended_says_so_and_a_country_of_nobodys_list_is_left_out() -> None:
    place = {"privacy": "exact", "addresses": [{"country": "XK"}, {"country": "MA"}]}
    web = ["https://a.example", "https://b.example"]
    value = {"name": {"en": {"value": "N"}}, "status": "ended", "websites": web, "location": "p"}
    at = datetime(2026, 3, 1, tzinfo=UTC)
    kosovo, one = (
        Listed("n", id_, f"org.jisr.{kind}/1", record, None, at)
        for id_, kind, record in (("p", "location", place), ("o", "organization", value))
    )
    found = profile(Shown(one, About("Hub", ADDRESS, "en", at), {("n", "p"): kosovo}))
    assert (found["status"], found["country_iso_3166"]) == ("completed", "MA")
    assert found["urls"] == [{"name": web[1], "url": web[1]}]


def test_texts_come_in_the_language_that_is_asked_for(client: TestClient) -> None:
    one, other = (client.get(f"/export/organization.csv?lang={lang}").text for lang in ("ar", "fr"))
    assert one != other
    assert re.search("[\u0600-\u06ff]", one)


def searched(client: TestClient, address: str) -> Any:
    """The answer, once the search has read what there is."""
    until = time.monotonic() + 60
    while not client.get("/v1/search?q=Lessons").json()["total"]:
        assert time.monotonic() < until, "the search does not come up to the log"
        time.sleep(0.1)
    answer = client.get(address)
    assert answer.status_code == 200
    return answer


def test_an_export_is_narrowed_by_the_query_string_of_the_search(client: TestClient) -> None:
    rows = list(csv.DictReader(io.StringIO(searched(client, "/export/all.csv?q=Lessons&type=service").text)))
    assert [row["name"] for row in rows] == ["Lessons"]
    lines = searched(client, "/export/service.jsonl?q=Lessons").content.splitlines()
    assert [json.loads(line)["entry"] for line in lines] == [row["entry"] for row in rows]
    assert searched(client, "/export/all.csv?q=zzzzqqqq").content.count(b"\r\n") == 1
    assert "<item>" not in searched(client, "/export/news.rss?q=zzzzqqqq").text
    page = searched(client, "/hsds/services?search=Lessons").json()
    assert ([one["name"] for one in page["contents"]], page["total_items"]) == (["Lessons"], 1)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/export/nothing", 404),
        ("/export/.csv", 200),
        ("/export/news.ics", 404),
        ("/export/aaaaaaaaaaaaaaaa.00000000-0000-4000-8000-000000000009.csv", 404),
        ("/export/all.csv?within=far", 400),
        ("/export/service.csv?type=event", 400),
        ("/export/all.ics?type=news", 400),
        ("/export/%00.csv", 200),
        ("/export/" + "a" * 3000 + ".csv", 200),
    ],
)
def test_what_cannot_be_given_is_said_and_nothing_is_left_out_in_silence(
    client: TestClient, address: str, status: int
) -> None:
    assert client.get(address).status_code == status


def test_the_page_of_forms_leads_to_every_file_in_eight_languages(client: TestClient) -> None:
    for lang in NAMES:
        page = client.get(f"/formats?lang={lang}")
        assert page.status_code == 200 and f'lang="{lang}"' in page.text
        assert f'hreflang="{lang}" href="{ADDRESS}/formats?lang={lang}"' in page.text
        assert f'<meta property="og:url" content="{ADDRESS}/formats">' in page.text
    links = set(re.findall(rf'href="{ADDRESS}(/export/[^"]+|/hsds/)"', page.text))
    assert {link.rpartition("/")[2].partition(".")[2] for link in links} >= set(KINDS)
    one_of_each = {link.partition(".")[2]: link for link in sorted(links)}
    assert {client.head(link).status_code for link in one_of_each.values()} == {200}
