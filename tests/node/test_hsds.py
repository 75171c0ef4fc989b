"""HSDS packages: read as tables from CSV files and from JSON, taken in as any table, no name of a person."""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jisr_node.app import Node
from jisr_node.app.imports import Import
from jisr_node.cli import run
from jisr_node.errors import Declined
from jisr_node.importing import packages
from jisr_node.importing.problems import MUST_FIX
from jisr_node.importing.tables import Unreadable
from jisr_node.importing.understanding import Chosen
from jisr_node.importing.words import told

NOW = datetime(2026, 3, 3, tzinfo=UTC)
EXAMPLES = "interop/hsds-3.0/examples"
_WITH_TERMS = ("service_full.json", "organization_full.json")
Tables = dict[str, list[dict[str, object]]]


def zipped(tables: Tables) -> io.BytesIO:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("datapackage.json", "{}")
        for name, rows in tables.items():
            text = io.StringIO()
            writer = csv.DictWriter(text, list(dict.fromkeys(key for row in rows for key in row)))
            writer.writeheader()
            writer.writerows(rows)
            archive.writestr(f"data/{name}", text.getvalue())
    out.seek(0)
    return out


def small(**more: list[dict[str, object]]) -> Tables:
    """An organization with two services, one at a place, with terms, a program and what cannot be read."""
    return {
        "organizations.csv": [{"id": "o1", "name": "Taalpunt", "email": "info@taalpunt.example"}],
        "programs.csv": [{"id": "g1", "organization_id": "o1", "name": "Samen lezen"}],
        "locations.csv": [{"id": "l1", "name": "De Brug", "latitude": "52.22", "longitude": "6.89"}],
        "addresses.csv": [{"id": "a1", "location_id": "l1", "address_1": "Markt 1", "city": "Enschede",
                           "country": "NL", "attention": "Ann Persona"}],
        "services.csv": [
            {"id": "s1", "organization_id": "o1", "program_id": "g1", "name": "Taalles", "status": "active",
             "url": "https://taalpunt.example/les"},
            {"id": "s2", "organization_id": "o1", "program_id": "", "name": "Café", "status": "active", "url": ""},
        ],
        "service_at_location.csv": [{"id": "x1", "service_id": "s1", "location_id": "l1"}],
        "schedules.csv": [{"id": "h1", "service_at_location_id": "x1", "byday": "MO,TU", "opens_at": "10:00",
                           "closes_at": "12:00", "valid_from": "2026-01-01", "freq": "WEEKLY"}],
        "phones.csv": [
            {"id": "p1", "service_id": "s1", "number": "053 4 83 83 83"},
            {"id": "p2", "service_id": "s1", "number": "x"},
        ],
        "contacts.csv": [{"id": "c1", "service_id": "s1", "name": "Ann Persona", "email": "ann@taalpunt.example"}],
        "taxonomies.csv": [{"id": "t1", "name": "Onze onderwerpen", "uri": "https://taalpunt.example/lijst"}],
        "taxonomy_terms.csv": [
            {"id": "tt1", "code": "lezen", "name": "Leren lezen", "taxonomy_id": "t1", "parent_id": ""},
            {"id": "tt2", "code": "lezen.1", "name": "Eerste boek", "taxonomy_id": "t1", "parent_id": "tt1"},
            {"id": "tt3", "code": "zorg", "name": "gezondheid", "taxonomy_id": "t1", "parent_id": ""},
        ],
        "attributes.csv": [
            {"id": "b1", "link_id": "s1", "taxonomy_term_id": "tt2"},
            {"id": "b2", "link_id": "s1", "taxonomy_term_id": "tt3"},
        ],
        **more,
    }  # fmt: skip


@pytest.fixture
def node() -> Iterator[Node]:
    with Node.in_memory(now=NOW, name="Huis", country="NL", lang="nl") as made:
        yield made


@contextmanager
def importing(node: Node, tables: Tables) -> Iterator[Import]:
    with node.importing("lijst.zip", zipped(tables), now=NOW) as found:
        yield found


def taken(node: Node, tables: Tables, ending: int | None = None) -> None:
    with importing(node, tables) as found:
        found.carry_out(ending=ending)
    node.publish(now=NOW)


def record(node: Node, name: str) -> dict[str, Any]:
    [found] = [one for one in node.records() if any(text["value"] == name for text in one["name"].values())]
    return found


@pytest.mark.parametrize("name", ["service_full.json", "organization_full.json", "tabular.json", "tabular.zip"])
def test_the_examples_of_the_specification_become_records(shared: Path, name: str, node: Node) -> None:
    content = (shared / EXAMPLES / name.replace(".zip", ".json")).read_bytes()
    file = zipped(json.loads(content)) if name.endswith("zip") else io.BytesIO(content)
    with node.importing(name, file, now=NOW) as found:
        assert [told(one) for one in found.prepare().must_fix] == []
        found.carry_out()
    node.publish(now=NOW)
    kinds = {one["type"].split(".")[2].partition("/")[0] for one in node.records()}
    assert {"organization", "project"} <= kinds and "Persona" not in json.dumps(node.records())
    assert ("taxonomy" in kinds) == (name in _WITH_TERMS), "elsewhere no list of terms holds a term"
    file.seek(0)
    with node.importing(name, file, now=NOW) as again:
        assert again.plan.empty and again.plan.unchanged == len(node.records())


def test_what_the_tables_say_of_one_another_stands_in_the_record(node: Node) -> None:
    taken(node, small())
    service, place = record(node, "Taalles"), record(node, "De Brug")
    assert service["organization"] == record(node, "Taalpunt")["id"]
    assert service["links"] == [{"rel": "part_of", "target": record(node, "Samen lezen")["id"]}]
    assert service["at"][0]["location"] == place["id"]
    assert service["at"][0]["schedule"]["operating_hours"] == [
        {"label": "normal", "days": ["MO", "TU"], "intervals": [["10:00", "12:00"]], "valid_from": "2026-01-01"}
    ]
    assert place["addresses"][0]["street"]["nl"]["value"] == "Markt 1" and place["privacy"] == "exact"
    assert service["contact_points"] == [{"role": "general", "phone": "+31534838383"}]
    assert "Persona" not in json.dumps(node.records()) and "ann@" not in json.dumps(node.records())


def test_a_taxonomy_is_a_list_of_terms_and_a_known_word_is_a_core_term(node: Node) -> None:
    taken(node, small())
    listed = record(node, "Onze onderwerpen")
    assert listed["scheme"] == "t1" and [one["code"] for one in listed["concepts"]] == ["lezen", "lezen.1", "zorg"]
    assert listed["concepts"][1]["parents"] == ["lezen"]
    terms = {(one["scheme"], one["code"], one["role"]) for one in record(node, "Taalles")["terms"]}
    assert terms == {("t1", "lezen.1", "focus"), ("jisr-focus", "health", "focus")}


def test_codes_that_may_not_be_passed_on_stay_out_and_their_words_are_taken(node: Node) -> None:
    tables = small()
    tables["taxonomies.csv"][0]["name"] = "AIRS Taxonomy of Human Services"
    with importing(node, tables) as found:
        said = [told(one) for one in found.prepare().must_fix]
        assert len(said) == 1 and "taxonomies, cell B2" in said[0] and "its words are taken" in said[0].lower()
        found.carry_out()
    node.publish(now=NOW)
    assert all(not one["type"].startswith("org.jisr.taxonomy") for one in node.records())
    assert "lezen.1" not in json.dumps(node.records()) and "Eerste boek" in json.dumps(node.records())


def _left(tables: Tables) -> None:
    tables["locations.csv"][0]["latitude"] = "north"


def _status(tables: Tables) -> None:
    tables["services.csv"][1]["status"] = "maybe"


def _country(tables: Tables) -> None:
    tables["addresses.csv"][0]["country"] = "Ruritanië"


def _name(tables: Tables) -> None:
    tables["services.csv"][1]["name"] = ""


def _whose(tables: Tables) -> None:
    tables["services.csv"][1]["organization_id"] = "o9"


def _place(tables: Tables) -> None:
    tables["service_at_location.csv"][0]["location_id"] = "l9"


def _mail(tables: Tables) -> None:
    tables["organizations.csv"][0]["email"] = "nobody"


def _shelter(tables: Tables) -> None:
    tables["locations.csv"][0]["name"] = "Women's shelter"


@pytest.mark.parametrize(
    ("bend", "where", "must"),
    [
        (_left, "locations, cell C2 “latitude”", False),
        (_status, "services, cell E3 “status”", False),
        (_country, "addresses, cell E2 “country”: We do not know the country “Ruritanië”", False),
        (_name, "services, cell D3 “name”", True),
        (_whose, "services, cell B3 “organization_id”: This names o9", True),
        (_place, "service_at_location, cell C2 “location_id”: This names l9", False),
        (_mail, "organizations, cell C2 “email”: This cannot be read, so it is left out: nobody", False),
        (_shelter, "locations, cell B2 “name”: This looks like a place where people hide", False),
    ],
    ids=["latitude", "status", "country", "name", "whose", "place", "mail", "shelter"],
)
def test_what_cannot_be_read_is_named_by_table_and_cell(
    node: Node, bend: Callable[[Tables], None], where: str, must: bool
) -> None:
    tables = small()
    bend(tables)
    with importing(node, tables) as found:
        said = [one for one in found.prepare().problems if told(one).startswith(f"sheet {where}")]
        assert [one.level == MUST_FIX for one in said] == [must], [told(one) for one in found.prepare().problems]
        assert found.prepare().good == 6 - must
        found.carry_out()
    node.publish(now=NOW)
    if bend is _shelter:
        place = record(node, "Women's shelter")
        assert place["privacy"] == "hidden" and not place.keys() & {"addresses", "coordinates", "transport"}


def test_what_the_package_has_no_more_ends_only_when_a_person_says_so(node: Node) -> None:
    taken(node, small())
    tables = small()
    gone = tables["services.csv"].pop()
    with importing(node, tables) as found:
        assert [one.name for one in found.plan.ended] == [gone["name"]]
        with pytest.raises(Declined):
            found.carry_out()
        found.carry_out(ending=1)
    node.publish(now=NOW)
    assert record(node, "Café")["status"] == "ended"


def test_a_column_that_a_person_left_out_stays_out_the_next_time_too(node: Node) -> None:
    with importing(node, small()) as found:
        [services] = [table for table in found.tables if table.sheet.name == "services"]
        url = next(column.place for column in services.columns if column.heading == "url")
        found.choose(services.shape, Chosen(columns={str(url): "-"}))
        [attributes] = [table for table in found.tables if table.sheet.name == "attributes"]
        found.choose(attributes.shape, Chosen(columns={"3": "target_group"}))
    taken(node, small())
    service = record(node, "Taalles")
    assert "url" not in service and {one["role"] for one in service["terms"]} == {"target_group"}


def test_words_of_the_node_that_the_package_does_not_speak_of_stay(node: Node) -> None:
    taken(node, small())
    service = record(node, "Taalles")
    french = {**service["name"], "fr": {"value": "Cours", "origin": "human"}}
    node.edit(service["id"], {**service, "name": french, "alert": "vol"})
    node.publish(now=NOW)
    tables = small()
    tables["services.csv"][0]["url"] = "https://taalpunt.example/anders"
    taken(node, tables)
    after = record(node, "Taalles")
    assert after["url"].endswith("anders") and after["name"]["fr"]["value"] == "Cours"
    assert after["alert"]["nl"]["value"] == "vol"


def test_the_corrected_package_is_a_package_with_its_faults_said(node: Node) -> None:
    tables = small()
    _name(tables)
    out = io.BytesIO()
    with importing(node, tables) as found:
        assert found.corrected(out) == "lijst-jisr.zip"
    rows = zipfile.ZipFile(out).read("services.csv").decode("utf-8-sig").splitlines()
    assert rows[2].startswith("s2,o1,,,") and "D3: " in rows[2]
    out.seek(0)
    with node.importing("lijst-jisr.zip", out, now=NOW) as again:
        assert again.prepare().good == 5


@pytest.mark.parametrize(
    "content", [b"{}", b"[]", b"[1]", b'{"contents": 3}', b"{", b'{"type": "org.jisr.service/1"}', b"a,b"]
)
def test_what_is_no_package_is_none(content: bytes) -> None:
    assert packages.read("x.json", io.BytesIO(content)) is None


def test_a_package_that_is_cut_off_is_said_to_be_damaged() -> None:
    whole = zipped({"services.csv": [{"id": n, "name": f"n{n}" * 50} for n in range(50)]}).getvalue()
    bent = whole.replace(b"n7n7", b"n7nX", 1)
    with pytest.raises(Unreadable) as broken:
        packages.read("x.zip", io.BytesIO(bent))
    assert broken.value.code == "broken"


def test_the_command_takes_a_package(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Node.init(tmp_path / "n", name="A", country="NL", lang="nl", recovery=tmp_path / "r").close()
    (tmp_path / "package.zip").write_bytes(zipped(small()).read())
    (tmp_path / "package.json").write_text(json.dumps(small()), encoding="utf-8")
    assert run(["import", str(tmp_path / "package.zip"), "--dir", str(tmp_path / "n")]) == 0
    out, err = capsys.readouterr()
    assert "6 added" in out and "phones, cell C3 De Brug" not in err and "phones, cell C3" in err
    assert run(["import", str(tmp_path / "package.zip"), "--dir", str(tmp_path / "n")]) == 0
    assert "6 unchanged" in capsys.readouterr().out
    assert run(["import", str(tmp_path / "package.json"), "--dir", str(tmp_path / "n")]) == 0
    assert "6 unchanged" in capsys.readouterr().out
