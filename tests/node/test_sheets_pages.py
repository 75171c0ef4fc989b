"""A spreadsheet by the pages: chosen, understood, corrected, planned, published; what is wrong is taken home."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jisr_node.web.office.multipart import file_of

from .office_world import OfficeWorld, office_world

ROWS = [
    ["Nom", "Ville", "Téléphone", "Créée le"],
    *([f"Association {n}", "Tanger", f"0539 12 34 {n:02}", "2011"] for n in range(30)),
    ["Association faute", "Tanger", "12", "2011"],
]


def content(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows(rows)
    return text.getvalue().encode("cp1252")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OfficeWorld]:
    with office_world(tmp_path_factory.mktemp("sheets")) as made:
        yield made


@pytest.fixture
def browser(world: OfficeWorld) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=world.address, follow_redirects=True, timeout=60) as client:
        client.headers["Origin"] = world.address
        client.headers["Accept-Language"] = "fr"
        client.post(world.link("whole").removeprefix(world.address))
        yield client


def send(browser: httpx.Client, name: str, body: bytes) -> httpx.Response:
    return browser.post("/sheets", files={"file": (name, body, "text/csv")})


def test_a_table_is_understood_planned_published_and_its_faults_are_taken_home(browser: httpx.Client) -> None:
    understood = send(browser, "liste.csv", content(ROWS))
    assert understood.url.path == "/sheets/table" and understood.status_code == 200
    assert "Ce que nous avons compris" in understood.text and "Association 3" in understood.text
    assert re.search(r'value="phone" selected', understood.text)

    planned = browser.get("/sheets/plan")
    assert planned.status_code == 200, planned.text
    assert "30 lignes sur 31 sont bonnes" in planned.text and "Association 29" in planned.text
    assert "cellule C32" in planned.text and "+212 539 000000" in planned.text

    home = browser.get("/sheets/corrected")
    assert "liste-jisr.csv" in home.headers["content-disposition"]
    rows = list(csv.reader(io.StringIO(home.content.decode("utf-8-sig")), delimiter=";"))
    assert rows[0][4] == "à corriger (jisr)" and rows[31][4].startswith("C32: ") and rows[1][2] == "+212539123400"

    done = browser.post("/sheets/publish", data={"ending": ""})
    assert done.url.path == "/" and done.status_code == 200 and "Association 7" in done.text
    assert browser.get("/sheets/plan").status_code == 404

    send(browser, "liste.csv", content(ROWS))
    assert "Rien ne changera" in browser.get("/sheets/plan").text

    send(browser, "liste.csv", content(ROWS[:11]))
    asked = browser.get("/sheets/plan").text
    assert "20 fiches sur 30" in asked and 'name="ending" value="20" required' in asked
    assert browser.post("/sheets/publish", data={"ending": ""}).status_code == 409
    assert browser.post("/sheets/publish", data={"ending": "20"}).url.path == "/"


def test_what_is_chosen_in_the_lists_holds_and_is_remembered(browser: httpx.Client) -> None:
    rows = [["Wat", "Dag", "Nom"], ["Taallessen", "03/04/2026", "Taalcafé"]]
    shown = send(browser, "a.csv", content(rows))
    chosen = {"t0.kind": "event", "t0.c1": "description", "t0.c2": "start:dmy", "t0.c3": "name"}
    assert re.search(r'value="-">', shown.text)
    browser.post("/sheets/table", data=chosen)
    assert "1 lignes sur 1" in browser.get("/sheets/plan").text
    browser.post("/sheets/forget")
    again = send(browser, "b.csv", content(rows)).text
    assert re.search(r'value="start(:dmy)?" selected', again) and re.search(r'value="event" selected', again)


OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("a.pdf", b"%PDF-1.7", "Enregistrez-le en XLSX"),
        ("a.xls", OLD_EXCEL, ".xlsx"),
        ("a.csv", b"", "Choisissez un fichier"),
    ],
)
def test_what_is_no_table_is_told_in_a_sentence(browser: httpx.Client, name: str, body: bytes, words: str) -> None:
    answer = send(browser, name, body)
    assert answer.status_code == 422 and words in answer.text


def test_a_form_of_another_website_takes_nothing_in(world: OfficeWorld, browser: httpx.Client) -> None:
    answer = browser.post("/sheets", files={"file": ("a.csv", b"x")}, headers={"Origin": "https://other.example"})
    assert answer.status_code == 403


@given(st.text(max_size=40), st.binary(max_size=300))
def test_no_body_breaks_the_reading_of_a_form(kind: str, body: bytes) -> None:
    for content_type in (kind, "multipart/form-data; boundary=x"):
        found = file_of(content_type, body)
        assert found is None or found[1]


def test_a_file_keeps_its_bytes_and_no_folder_of_its_name(tmp_path: Path) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="C:\\\\a\\\\b.csv"'
    body = head + b"\r\n\r\n1\r\n--2\r\n\r\n--x--\r\n"
    assert file_of("multipart/form-data; boundary=x", body) == ("b.csv", b"1\r\n--2\r\n")


def test_a_package_is_understood_planned_and_published_like_a_table(browser: httpx.Client) -> None:
    rows = [{"id": "o1", "name": "Maison du Pont", "email": "x", "uri": "https://pont.example"}]
    services = [{"id": f"s{n}", "name": f"Atelier {n}", "organization_id": "o1"} for n in (1, 2)]
    body = json.dumps({"organizations.csv": rows, "services.csv": [*services, {"id": "s3", "name": ""}]}).encode()
    understood = send(browser, "paquet.json", body)
    assert understood.url.path == "/sheets/table" and "Maison du Pont" in understood.text
    assert "uri" not in re.findall(r'<label for="t0[^>]*><bdi>([^<]*)', understood.text), "only what is read is asked"
    mail = re.search(r'name="(t0\.c[0-9]+)"><option value="-">[^<]*</option><option value="email"', understood.text)
    assert mail is not None
    browser.post("/sheets/table", data={mail[1]: "-"})
    planned = browser.get("/sheets/plan")
    assert "3 lignes sur 4 sont bonnes" in planned.text and "services" in planned.text and "cellule" in planned.text
    assert "laissé" not in planned.text and "n'est donc pas repris" not in planned.text, "the mail is not looked at"
    home = browser.get("/sheets/corrected")
    assert home.headers["content-type"] == "application/zip"
    assert "Atelier 2" in browser.post("/sheets/publish", data={"ending": ""}).text
    send(browser, "paquet.json", json.dumps({"organizations.csv": rows, "services.csv": services[:1]}).encode())
    assert 'name="ending" value="1"' in browser.get("/sheets/plan").text
    browser.post("/sheets/forget")
