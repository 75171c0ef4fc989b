"""The HSDS 3.0 API: every object fits the compiled schemas, every page the standard's own description."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from jisr_hub.directory.hsds import ids
from jisr_hub.ports.directory import Listed
from jisr_hub.web.hsds import may_say
from tests.hub.exported import OF_ONE, Standard, exported, pages

ENDPOINTS = ("services", "organizations", "service_at_locations", "taxonomies", "taxonomy_terms")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, new_databases: None) -> Iterator[TestClient]:
    with exported(tmp_path_factory.mktemp("hsds")) as client:
        yield client


@pytest.fixture(scope="module")
def standard(shared: Path) -> Standard:
    return Standard(shared)


def test_the_examples_of_the_standard_itself_fit_as_it_is_read_here(standard: Standard, shared: Path) -> None:
    example = json.loads((shared / "interop/hsds-3.0/examples/taxonomy.json").read_text())
    assert standard.faults("taxonomy", example) == []
    assert standard.faults("taxonomy", {**example, "id": "no uuid", "uri": "nowhere"}) != []


@pytest.mark.parametrize("endpoint", OF_ONE)
def test_a_stream_of_an_endpoint_holds_what_its_pages_hold(client: TestClient, endpoint: str) -> None:
    found = [one["id"] for page in pages(client, endpoint, per_page=7) for one in page["contents"]]
    assert found and len(set(found)) == len(found)
    lines = client.get(f"/hsds/{endpoint}", params={"format": "ndjson"})
    assert sorted(json.loads(line)["id"] for line in lines.content.splitlines()) == sorted(found)


def lessons(client: TestClient) -> dict[str, Any]:
    listed = [one for page in pages(client, "services") for one in page["contents"]]
    found = next(one for one in listed if one["name"] == "Lessons")
    value: dict[str, Any] = client.get(f"/hsds/services/{found['id']}").json()
    return value


def test_a_service_says_where_when_how_and_under_which_licence(client: TestClient) -> None:
    service = lessons(client)
    places = {one["location"]["jisr"]["privacy"]: one["location"] for one in service["service_at_locations"]}
    assert "latitude" not in places["hidden"] and "addresses" not in places["hidden"]
    assert (places["exact"]["latitude"], places["exact"]["addresses"][0]["city"]) == (35.77, "Tanger")
    hours = service["schedules"]
    assert [one["opens_at"][:5] for one in hours] == ["09:00", "15:00"]
    assert {(one["byday"], one["freq"], one["timezone_name"]) for one in hours} == {
        ("MO,FR", "WEEKLY", "Africa/Casablanca")
    }
    assert all(isinstance(one["timezone"], float) for one in hours)
    assert service["phones"][0]["number"] == "+212539000000"
    assert service["attributes"][0]["taxonomy_term"]["code"] == "language"
    assert service["jisr"]["licence"] == "CC-BY-4.0"
    assert service["organization"]["name"] == "Host"


def test_a_project_is_a_program_and_a_grant_a_source_of_funding(client: TestClient, standard: Standard) -> None:
    service = lessons(client)
    host = client.get(f"/hsds/organizations/{service['organization_id']}").json()
    assert standard.faults("organization", host) == standard.faults("service", service) == []
    (program,), (funding,) = host["programs"], host["funding"]
    assert (service["program_id"], service["program"]["name"]) == (program["id"], "Reading")
    assert program["organization_id"] == funding["organization_id"] == host["id"]
    assert funding["source"] == "A fund, First year, 3500.10 EUR"
    assert funding["jisr"]["amount"] == {"amount": "3500.10", "currency": "EUR"}


@pytest.mark.parametrize(
    ("author", "funder", "counts"),
    [("a", "a/f", True), ("b", "a/f", False), ("b", "f", True), ("h", "a/f", True), ("b", None, False)],
)
def test_who_neither_gave_nor_received_a_grant_makes_nobody_its_recipient(
    author: str, funder: str | None, counts: bool
) -> None:
    given = {"organization": funder} if funder else {"name": {}}
    value = {"funder": given, "recipient": {"organization": "h/host"}}
    one = Listed(author, "grant", "org.jisr.grant/1", value, None, datetime.now(UTC))
    assert may_say(one, {("h", "host")}) == counts


def test_lists_are_narrowed_by_organization_term_taxonomy_and_time(client: TestClient) -> None:
    service = lessons(client)
    term = service["attributes"][0]["taxonomy_term_id"]

    def names(**query: str) -> list[str]:
        return [one["name"] for page in pages(client, "services", **query) for one in page["contents"]]

    assert names(organization_id=service["organization_id"]) == ["Lessons"]
    whole = client.get(f"/hsds/organizations/{service['organization_id']}", params={"full_service": "true"}).json()
    assert [one["name"] for one in whole["services"]] == ["Lessons"]
    assert "Lessons" in names(taxonomy_term_id=term) and "Lessons" in names(taxonomy_term_id="jisr-focus:language")
    assert names(taxonomy_term_id="jisr-focus:nothing") == names(taxonomy_term_id="nothing") == []
    assert "Lessons" in names(taxonomy_id="jisr-focus")
    assert len(names(modified_after="2020-01-01")) == len(names())
    assert names(modified_after="2999-01-01T00:00:00Z") == []


@pytest.mark.parametrize(
    "query", ["page=0", "page=x", "per_page=-1", "full=perhaps", "modified_after=soon", "format=xml", "postcode=7511",
              "modified_after=0001-01-01T00:00:00%2B14:00"]
)  # fmt: skip
def test_what_is_not_understood_is_refused_with_a_sentence(client: TestClient, query: str) -> None:
    answer = client.get(f"/hsds/services?{query}")
    assert answer.status_code == 400 and "expected" in answer.json()["detail"]


@pytest.mark.parametrize("endpoint", OF_ONE)
@pytest.mark.parametrize(
    "name", ["x", "00000000-0000-4000-8000-000000000000", "%00", "aaaaaaaa-aaaa-8aaa-8aaa-aaaaaaaaaaaa"]
)
def test_an_object_that_is_not_there_is_said_to_be_not_there(client: TestClient, endpoint: str, name: str) -> None:
    assert client.get(f"/hsds/{endpoint}/{name}").status_code == 404


def test_what_a_reader_has_is_not_sent_again(client: TestClient) -> None:
    tag = client.get("/hsds/services").headers["etag"]
    assert client.get("/hsds/services", headers={"If-None-Match": tag}).status_code == 304
    assert client.get("/hsds/services?page=2", headers={"If-None-Match": tag}).status_code == 200


NODES = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=52, max_size=52).map(lambda text: f"jisr:{text}")
UUIDS = st.uuids().map(str)


@given(NODES, NODES, UUIDS, UUIDS)
def test_an_id_leads_back_and_is_of_one_record_of_one_node(node: str, other: str, one: str, two: str) -> None:
    id_ = ids.of((node, one))
    parsed = ids.parsed(id_)
    assert parsed is not None and node.startswith(f"jisr:{parsed.start}") and parsed.fits(one) and parsed.place == 0
    assert parsed.fits(two) == (one == two)
    assert (ids.of((other, one)) == id_) == (other[:17] == node[:17])


@settings(max_examples=20)
@given(st.lists(UUIDS, min_size=1, max_size=40))
def test_every_place_of_a_service_has_a_mark_of_its_own_in_any_order(references: list[str]) -> None:
    marks = ids.places(references)
    assert marks == ids.places(reversed(references))
    assert len(set(marks.values())) == len(set(references)) and 0 not in marks.values()
