"""Tables that people keep: read alike in every encoding, refused above a limit, planned before they are taken."""

import csv
import io
import os
import signal
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jisr_node.app import Node
from jisr_node.cli import run
from jisr_node.errors import Declined
from jisr_node.importing import dates, hours, phones, planning, values
from jisr_node.importing.heading_words import fields_by_word, headings
from jisr_node.importing.opening import open_book
from jisr_node.importing.problems import MUST_FIX, Problem
from jisr_node.importing.tables import Unreadable
from jisr_node.importing.text import folded
from jisr_node.importing.understanding import Chosen
from jisr_node.importing.words import sentence

NOW = datetime(2026, 3, 3, tzinfo=UTC)
FEW = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])


def node(country: str = "MA", lang: str = "ar") -> Node:
    return Node.in_memory(now=NOW, name="Dar Chabab", country=country, lang=lang)


def table(rows: Sequence[Sequence[str]], encoding: str = "utf-8", separator: str = ",") -> io.BytesIO:
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows(rows)
    return io.BytesIO(text.getvalue().encode(encoding, "replace"))


def organizations(count: int, phone: str = "0539 12 34 56") -> list[list[str]]:
    return [["Name", "Town", "Telephone"], *([f"Association {n}", "Tanger", phone] for n in range(count))]


def take(ours: Node, rows: Sequence[Sequence[str]], name: str = "list.csv", ending: int | None = None) -> planning.Plan:
    with ours.importing(name, table(rows), now=NOW) as found:
        plan = found.plan
        found.carry_out(ending=ending)
        return plan


def test_no_heading_stands_for_two_fields_and_every_field_has_a_name_in_eight_languages() -> None:
    seen: dict[str, str] = {}
    for field, words in headings().items():
        assert set(words) == {"en", "ar", "da", "es", "fr", "nl", "tr", "zgh"}
        for listed in words.values():
            for word in listed:
                assert seen.setdefault(folded(word), field) == field, word
    assert len(fields_by_word()) > 1000


ARABIC = [
    ["الاسم", "الهاتف", "المدينة"],
    ["جمعية دار الشباب", "0539 12 34 56", "طنجة"],
    ["مركز الأمل للنساء", "06", "الرباط"],
]
FRENCH = [
    ["Nom", "Téléphone", "Ville"],
    ["Association d'aide à l'enfance", "+212 539", "Tétouan"],
    ["Hôpital", "0", "Fès; Est"],
]
TURKISH = [
    ["Ad", "Telefon", "Şehir"],
    ["İyilik Derneği", "+90 212", "İstanbul"],
    ["Güneş ışığı vakfı", "1", "Diyarbakır"],
]
DANISH = [["Navn", "Telefon", "By"], ["Ældre Sagen på Ærø", "+45", "Tønder"], ["Børns Vilkår", "1", "Århus"]]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    ("rows", "encoding"),
    [
        *((ARABIC, name) for name in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1256", "iso8859-6")),
        *((FRENCH, name) for name in ("utf-8", "cp1252", "iso8859-15", "utf-16")),
        *((TURKISH, name) for name in ("cp1254", "iso8859-9")),
        *((DANISH, name) for name in ("cp1252", "iso8859-1")),
    ],
)
def test_every_encoding_and_separator_gives_the_same_rows(rows: list[list[str]], encoding: str, separator: str) -> None:
    book = open_book("list.csv", table(rows, encoding, separator))
    assert [cells for _, cells in book.sheets[0].rows()] == rows
    book.close()


@FEW
@given(st.lists(st.lists(st.text(max_size=12), max_size=6), max_size=12), st.binary(max_size=200))
def test_no_table_and_no_bytes_raise_anything_but_unreadable(rows: list[list[str]], garbage: bytes) -> None:
    with node() as ours:
        head = ["Name", "Telephone", "E-mail", "Opening hours", "Start date", "Coordinates"]
        for content in (table([head, *rows]), table(rows), io.BytesIO(garbage), io.BytesIO(b"PK\x03\x04" + garbage)):
            try:
                found = ours.importing("any.csv", content, now=NOW)
            except Unreadable:
                continue
            with found:
                found.carry_out()
                out = io.BytesIO()
                found.corrected(out)
                assert out.getvalue()


def test_the_same_file_again_changes_nothing_and_a_row_that_is_mended_is_added() -> None:
    with node() as ours:
        rows = organizations(40)
        rows[3][2] = "12"
        assert len(take(ours, rows).added) == 78  # each with its place
        assert take(ours, rows).empty
        rows[3][2] = "0539 12 34 56"
        assert [one.name for one in take(ours, rows).added] == ["Tanger", "Association 2"]


def test_what_a_table_says_nothing_of_stays() -> None:
    with node() as ours:
        take(ours, organizations(1))
        held = next(one for one in ours.overview() if one["type"] == "org.jisr.organization/1")
        waiting = ours.show(held["id"])["waiting"]
        link = {"rel": "member_of", "target": "local:organization/net"}
        ours.import_drafts([{"type": "org.jisr.organization/1", "source": {"local_id": "net"}, "name": "Net"}])
        ours.edit(held["id"], {**waiting, "acronym": "DC", "links": [*waiting["links"], link]})
        take(ours, organizations(1, phone="0539 65 43 21"))
        after = ours.show(held["id"])["waiting"]
        assert [one["rel"] for one in after["links"]] == ["member_of", "located_at"]
        assert after["acronym"] == "DC" and after["contact_points"][0]["phone"] == "+212539654321"


def test_rows_that_are_gone_end_and_the_brake_holds_when_they_are_many() -> None:
    with node() as ours:
        rows = organizations(40)
        take(ours, rows)
        assert [one.name for one in take(ours, rows[:-1]).ended] == ["Association 39"]
        before = ours.overview()
        with pytest.raises(Declined, match="--ending 10"):
            take(ours, rows[:30])
        with pytest.raises(Declined, match="--ending says 9"):
            take(ours, rows[:30], ending=9)
        assert ours.overview() == before
        assert len(take(ours, rows[:30], ending=10).ended) == 10
        ended = [one["name"] for one in ours.overview() if one["status"] == "ended"]
        assert len(ended) == 11


def test_a_row_that_comes_back_is_active_again_and_what_a_person_ended_stays_so() -> None:
    with node() as ours:
        rows = organizations(30)
        take(ours, rows)
        take(ours, rows[:-1])
        by_name = {one["name"]: one["id"] for one in ours.overview() if one["type"] == "org.jisr.organization/1"}
        ours.end(by_name["Association 1"])
        take(ours, rows)
        states = {one["name"]: one["status"] for one in ours.overview()}
        assert states["Association 29"] == "active" and states["Association 1"] == "ended"


def test_a_file_without_any_row_and_one_of_another_name_end_nothing() -> None:
    with node() as ours:
        take(ours, organizations(5), "north.csv")
        with pytest.raises(Declined):
            take(ours, organizations(0), "north-2026-04.csv")
        assert not take(ours, organizations(2), "south.csv").ended


def test_a_row_that_is_wrong_has_not_ended() -> None:
    with node() as ours:
        rows = organizations(3)
        take(ours, rows)
        rows[1][2] = "12"
        assert take(ours, rows).ended == []


def test_what_is_chosen_for_a_shape_is_remembered() -> None:
    rows = [["Wat", "Naam", "Datum"], ["x", "Taalcafé", "03/04/2026"]]
    with node("NL", "nl") as ours:
        with ours.importing("a.csv", table(rows), now=NOW) as found:
            found.choose(found.tables[0].shape, Chosen("event", "", {"Datum": "start"}))
            assert [(one.cell, one.code) for one in found.prepare().must_fix] == [("C2", "which_date")]
            found.choose(found.tables[0].shape, Chosen("event", "", {"Datum": "start:dmy", "Wat": "description"}))
            assert found.prepare().must_fix == []
        with ours.importing("b.csv", table([rows[0], ["y", "Spreekuur", "05/06/2026"]]), now=NOW) as later:
            assert later.tables[0].kind == "event" and later.prepare().must_fix == []
            later.carry_out()
        event = next(one for one in ours.overview() if one["type"] == "org.jisr.event/1")
        assert ours.show(event["id"])["waiting"]["start"] == "2026-06-05T00:00"


def test_the_address_of_a_place_where_people_hide_is_not_taken() -> None:
    rows = [["Name", "Description", "Street", "Town"], ["Huis Oost", "Vrouwenopvang", "Kerkstraat 7", "Enschede"]]
    with node("NL", "nl") as ours:
        take(ours, rows)
        content = " ".join(str(ours.show(one["id"])) for one in ours.overview())
        assert "Kerkstraat" not in content and "kerkstraat" not in content and "'privacy': 'hidden'" in content


def test_names_of_persons_are_not_taken() -> None:
    rows = [["Name", "Contact person", "Telephone"], ["Dar Chabab", "Fatima El Idrissi", "0539 12 34 56"]]
    with node() as ours:
        take(ours, rows)
        assert "Idrissi" not in " ".join(str(ours.show(one["id"])) for one in ours.overview())


def zipped(**parts: bytes) -> io.BytesIO:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    out.seek(0)
    return out


BOMB = b"<a>" + b"0" * 30_000_000
ENTITIES = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>'


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (io.BytesIO(b""), "empty"),
        (io.BytesIO(b"\n\n \n"), "empty"),
        (io.BytesIO(b"%PDF-1.7"), "no_table"),
        (io.BytesIO(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99)), "old_excel"),
        (io.BytesIO(b"PK\x03\x04 broken"), "broken"),
        (zipped(content_xml=ENTITIES), "broken"),
        (zipped(xl__workbook_xml=ENTITIES), "broken"),
        (zipped(content_xml=b"<a><b>"), "broken"),
        (zipped(readme=b"hello"), "no_table"),
        (io.BytesIO(b'Name\n"' + b"x" * 200_000), "long_cell"),
    ],
)
def test_what_is_no_table_is_refused_with_a_code(content: io.BytesIO, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        open_book("any", content)
    assert refused.value.code == code


def test_a_bomb_is_refused_before_it_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jisr_node.importing.limits.PART_BYTES", 10_000_000)
    with pytest.raises(Unreadable) as refused:
        open_book("any", zipped(content_xml=BOMB))
    assert refused.value.code == "too_large"


def test_a_sheet_of_a_million_empty_rows_ends_soon() -> None:
    rows = b"<table:table-row><table:table-cell><text:p>Name</text:p></table:table-cell></table:table-row>"
    empty = b'<table:table-row table:number-rows-repeated="1048574"><table:table-cell/></table:table-row>'
    names = b" ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'.encode()
        for name in ("office", "table", "text")
    )
    content = b"<office:d " + names + b'><table:table table:name="A">' + rows + empty + b"</table:table></office:d>"
    book = open_book("a.ods", zipped(content_xml=content))
    assert [cells for _, cells in book.sheets[0].rows()] == [["Name"]]
    book.close()


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-31", "2026-03-31"), ("31/3/2026", "2026-03-31"), ("31.03.26", "2026-03-31"),
        ("3/31/2026", "2026-03-31"),
        ("31 mars 2026", "2026-03-31"), ("March 31, 2026", "2026-03-31"), ("٣١ مارس ٢٠٢٦", "2026-03-31"),
        ("dinsdag 31 maart 2026", "2026-03-31"), ("46112", "2026-03-31"), ("31 Mart 2026", "2026-03-31"),
        ("31/02/2026", None), ("soon", None), ("2026", None), ("1/1/1", None),
    ],
)  # fmt: skip
def test_days_as_people_write_them(text: str, day: str | None) -> None:
    found = dates.read(text)
    assert (found.day.isoformat() if found and not found.other else None) == day


def test_three_numbers_that_can_be_two_days_are_asked_about() -> None:
    found = dates.read("03/04/2026")
    assert found is not None and found.other is not None and found.other.isoformat() == "2026-03-04"
    assert dates.order_of(["03/04/2026", "31/12/2026"]) == "dmy"
    assert dates.order_of(["12/31/2026", "31/12/2026"]) == "both"


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("0539 12 34 56", "MA", "+212539123456"), ("00212 (0)539-123456", "MA", "+212539123456"),
        ("٠٦١٢٣٤٥٦٧٨", "MA", "+212612345678"), ("612345678", "MA", "+212612345678"),
        ("212539123456", "MA", "+212539123456"), ("053 4 83 83 83", "NL", "+31534838383"),
        ("Tel: 33 12 34 56", "DK", "+4533123456"), ("+1 202 555 0100", "MA", "+12025550100"),
        ("22 24 35 46", "BI", "+25722243546"), ("12", "MA", None), ("n.v.t.", "NL", None), ("0539", "XX", None),
    ],
)  # fmt: skip
def test_telephone_numbers_as_people_write_them(text: str, country: str, number: str | None) -> None:
    assert phones.read(text, country) == number


WEEK = ["MO", "TU", "WE", "TH", "FR"]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("Mo-Fr 09:00-17:00", [(WEEK, [["09:00", "17:00"]])]),
        ("lun-ven 9h-12h30, 14h-18h", [(WEEK, [["09:00", "12:30"], ["14:00", "18:00"]])]),
        ("ma t/m vr 9.00-17.00 uur", [(WEEK, [["09:00", "17:00"]])]),
        ("الاثنين - الجمعة 9:00-17:00", [(WEEK, [["09:00", "17:00"]])]),
        ("maandag en woensdag 10:00 tot 12:00", [(["MO", "WE"], [["10:00", "12:00"]])]),
        ("ask at the door", None),
        ("Mo-Fr 25:00-26:00", None),
    ],
)
def test_hours_as_people_write_them(text: str, rows: list[tuple[list[str], list[list[str]]]] | None) -> None:
    found = hours.read(text)
    assert (found and [(one["days"], one["intervals"]) for one in found]) == rows


@pytest.mark.parametrize("place", [1, 60])
def test_a_killed_import_leaves_the_state_before(tmp_path: Path, place: int) -> None:
    with Node.init(tmp_path / "n", name="Dar Chabab", country="MA", lang="fr", recovery=tmp_path / "r"):
        pass

    def dies(done: int, total: int) -> None:
        if done >= place:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if not child:
        with Node.open(tmp_path / "n") as ours, ours.importing("a.csv", table(organizations(80)), now=NOW) as found:
            found.prepare()
            found.carry_out(progress=dies)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    with Node.open(tmp_path / "n") as ours:
        # the last call of progress comes behind the commit; any before it, in the middle
        assert ours.overview() == []
        assert len(take(ours, organizations(80)).added) == 160


def test_the_command_says_what_will_happen_and_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = organizations(25)
    rows += [["Association 3", "Tanger", "0539 12 34 56"], ["Association x", "Tanger", "12"]]
    (tmp_path / "list.csv").write_bytes(table(rows).getvalue())
    with Node.init(tmp_path / "n", name="Dar Chabab", country="MA", lang="fr", recovery=tmp_path / "r"):
        pass
    told = [
        "import",
        str(tmp_path / "list.csv"),
        "--dir",
        str(tmp_path / "n"),
        "--corrected",
        str(tmp_path / "home.csv"),
    ]
    assert run([*told, "--dry-run"]) == 1
    out, err = capsys.readouterr()
    assert "27 rows: 50 would be added" in out and "Nothing was changed" in out
    assert "cell C28 Association x: Write it like this: +212" in err and "row 27 Association 3: This row says" in err
    assert "Association 24" in err and "C28: Write it like this" in (tmp_path / "home.csv").read_text("utf-8-sig")
    assert run(told) == 1
    assert "2 rows left out. Next: jisr-node publish" in capsys.readouterr().out
    (tmp_path / "list.csv").write_bytes(table(rows[:20]).getvalue())
    assert run([*told, "--dry-run"]) == 0
    assert "! 6 of 25 records of this list would end" in capsys.readouterr().err
    assert run(told) == 1 and "--ending 6" in capsys.readouterr().err
    assert run([*told, "--ending", "6"]) == 0 and "6 ended" in capsys.readouterr().out
    assert run(["import", str(tmp_path / "gone.xlsx"), "--dir", str(tmp_path / "n")]) == 64
    assert run([*told, "--map", "Name=-"]) == 64
    assert "--map 'HEADING=name'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "code"),
    [("Nieuw-Zeeland", "NZ"), ("جزر القمر", "KM"), ("Îles Cook", "CK"), ("Danimarka", "DK"), ("bf", "BF"),
     ("Kuzey", None), ("EU", None), ("Ruritanië", None)],
)  # fmt: skip
def test_a_country_is_known_by_its_name_in_any_of_the_languages(text: str, code: str | None) -> None:
    if code is not None:
        assert values.country(text) == code
        return
    with pytest.raises(values.Unread) as unread:
        values.country(text)
    problem = Problem(MUST_FIX, unread.value.code, "", 2, 3, "Land", unread.value.expected, text)
    assert sentence(problem) == f"We do not know the country “{text}”. Write its two letters, such as MA, NL, BE."
