"""The validator: complete, of one mind with the schema, never falling over; criteria, freshness, and the words."""

from __future__ import annotations

import json
import re
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jisr_protocol import schema
from jisr_protocol.quality import VERSION, criteria, words
from jisr_protocol.quality.findings import Cell, cell_of, grouped, shape
from jisr_protocol.quality.validating import BY_FORM, CODES, LIKE, MUST_FIX, validate

SCHEMAS = Path(__file__).parents[2] / "protocol" / "schemas"
TODAY = "2026-09-01"
EXAMPLES = [json.loads(path.read_text("utf-8")) for path in sorted(SCHEMAS.glob("*/examples/*/*.json"))]
RECORDS: list[dict[str, Any]] = [one for one in (e.get("record", e) for e in EXAMPLES) if schema.known(one["type"])]
VALID = [record for record in RECORDS if schema.accepts(record["type"], record)]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
ANY = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner))


def _of(kind: str) -> Any:
    return json.loads(json.dumps(next(record for record in VALID if record["type"] == f"org.jisr.{kind}/1")))


def _states(record: dict[str, Any]) -> dict[str, str]:
    return {one.code: one.state for one in criteria.judge(record, TODAY)}


def test_must_fix_says_what_the_schema_says_and_nothing_is_cut() -> None:
    for record in RECORDS:
        verdict, faults = validate(record, TODAY), schema.errors(record["type"], record)
        assert [finding.pointer for finding in verdict.must_fix] == [fault.pointer for fault in faults]
        assert (verdict.version, verdict.day) == (VERSION, TODAY)
        assert {finding.code for finding in verdict.findings} <= CODES


def test_a_record_with_many_faults_has_as_many_findings_in_few_groups() -> None:
    record = _of("organization")
    record["terms"] = [{"scheme": "x", "code": f"ü{n}", "role": "focus"} for n in range(50)]
    record["contact_points"] = [{"role": "general", "email": f"nobody{n}", "phone": "0612"} for n in range(20)]
    found = validate(record, TODAY).must_fix
    assert len(found) == 50 + 20 + 20
    assert [len(group) for group in grouped(("r", finding) for finding in found).values()] == [50, 20, 20]


@given(st.sampled_from(VALID), st.data())
def test_whatever_stands_in_a_record_the_validator_answers(record: dict[str, Any], data: st.DataObject) -> None:
    bent = dict(record)
    bent[data.draw(st.sampled_from([*sorted(record), "extra"]))] = data.draw(ANY)
    for finding in validate(bent, TODAY).findings:
        assert finding.level in (MUST_FIX, "could be better")
        assert all(words.sentence(finding, code) for code in words.LANGUAGES)


@given(ANY)
def test_what_is_no_record_is_a_finding(value: Any) -> None:
    assert validate(value, TODAY).must_fix


def test_each_form_of_the_schemas_has_a_code_of_its_own() -> None:
    titles = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("title"), str) and ("pattern" in value or "not" in value):
                titles.add(value["title"])
            for member in value.values():
                walk(member)
        elif isinstance(value, list):
            for member in value:
                walk(member)

    for path in SCHEMAS.glob("*/*.json"):
        walk(json.loads(path.read_text("utf-8")))
    # the first the node gives; the second stands in what hubs say of records, which nobody types
    assert titles - set(LIKE) - set(BY_FORM) == {
        "128 bits in 22 characters of base64url",
        "a JSON pointer of RFC 6901 to a member",
    }


def test_an_example_of_each_form_fits_the_form() -> None:
    shared = schema.common()["$defs"]
    forms = {one["title"]: one["pattern"] for one in shared.values() if "pattern" in one}
    told = {title: example for title, (_, example) in LIKE.items() if title in forms}
    assert len(told) > 12
    for title, example in told.items():
        assert re.search(forms[title], example.split(", ")[0].strip('"')), title


# Criteria


def test_every_criterion_is_judged_and_has_a_reason_in_every_language() -> None:
    for record in VALID:
        judged = criteria.judge(record, TODAY)
        assert [one.code for one in judged] == [one.code for one in criteria.CRITERIA]
        assert {one.side for one in judged} == {criteria.ACCURACY, criteria.USEFULNESS}
        for one in judged:
            assert one.state in (criteria.MET, criteria.NOT_MET, criteria.NOT_APPLICABLE)
            for code in words.LANGUAGES:
                assert words.name(one.code, code)
                assert one.state == criteria.MET or words.reason(one, code)


def test_what_is_not_met_is_a_finding_and_what_is_not_applicable_is_none() -> None:
    for record in VALID:
        codes = {finding.code for finding in validate(record, TODAY).could_be_better}
        for one in criteria.judge(record, TODAY):
            assert (one.code in codes) == one.advises, (record["type"], one.code)


def test_a_hidden_place_is_not_asked_where_it_is() -> None:
    place = _of("location") | {"privacy": "hidden"}
    place.pop("addresses", None)
    place.pop("coordinates", None)
    assert _states(place)["where"] == criteria.NOT_APPLICABLE


def test_a_machines_words_are_no_second_language() -> None:
    record = _of("organization")
    record["name"] = {"ar": {"value": "دار", "origin": "author"}, "fr": {"value": "Maison", "origin": "machine"}}
    assert _states(record)["languages"] == criteria.NOT_MET
    record["name"]["fr"]["origin"] = "human"
    assert _states(record)["languages"] == criteria.MET


@pytest.mark.parametrize(
    ("name", "code"), [("Сaritas", "letters"), ("good\u202edoog", "unsignable"), ("\u2066دار", "unsignable")]
)
def test_mixed_alphabets_and_turned_directions_are_told(name: str, code: str) -> None:
    record = _of("organization") | {"name": {"en": {"value": name, "origin": "author"}}}
    assert code in {finding.code for finding in validate(record, TODAY).findings}


@pytest.mark.parametrize("name", ["Caritas", "دار الجسر NGO", "Λέσχη", "Каритас", "Ærø", "ⵜⴰⵎⵓⵏⵜ 2000"])
def test_names_in_one_alphabet_a_word_are_what_they_look_like(name: str) -> None:
    record = _of("organization") | {"name": {"en": {"value": name, "origin": "author"}}}
    assert "letters" not in {finding.code for finding in validate(record, TODAY).could_be_better}


def test_what_is_over_and_called_active_is_told_and_what_has_ended_is_not() -> None:
    record = _of("opportunity") | {"expires": "2026-08-31T00:00:00Z", "status": "active"}
    assert _states(record)["over"] == criteria.NOT_MET
    assert _states(record | {"status": "ended"})["over"] == criteria.MET
    assert _states(record | {"review_by": "2026-08-31"})["review"] == criteria.NOT_MET
    assert _states(record | {"review_by": TODAY})["review"] == criteria.MET


@given(st.dates(), st.dates())
def test_freshness_is_whole_for_six_months_and_nothing_after_two_years(confirmed: Any, today: Any) -> None:
    days = (today - confirmed).days
    value = criteria.freshness(confirmed.isoformat(), today.isoformat())
    assert 0.0 <= value <= 1.0
    assert (value == 1.0) == (days <= 182)
    assert (value == 0.0) == (days >= 731)


def test_freshness_falls_in_a_line() -> None:
    assert criteria.freshness("2024-01-01", "2025-04-01") == pytest.approx(0.5, abs=0.01)
    assert criteria.freshness("no day", "2025-04-01") == 0.0


# Words


def test_every_language_words_every_code_with_the_same_places() -> None:
    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    english = words.LANGUAGES["en"]
    for code, language in words.LANGUAGES.items():
        for table in ("FINDINGS", "SHARED"):
            mine, theirs = getattr(language, table), getattr(english, table)
            assert mine.keys() == theirs.keys(), code
            assert {key: places(mine[key]) for key in mine} == {key: places(theirs[key]) for key in theirs}, code
        assert list(language.CRITERIA) == [one.code for one in criteria.CRITERIA], code
        same = [key for key in english.FINDINGS if language.FINDINGS[key] == english.FINDINGS[key]]
        assert code == "en" or same == [], code
    told = set(english.FINDINGS) | set(english.CRITERIA)
    assert CODES - {code for code, _ in LIKE.values()} <= told


def test_a_finding_names_title_file_sheet_and_cell() -> None:
    record = _of("organization")
    record["contact_points"] = [{"role": "general", "phone": "0539 00"}]
    (finding,) = validate(record, TODAY).must_fix
    cells = {"/contact_points/0": Cell("partners.xlsx", "Contacts", "D7"), "": Cell("partners.xlsx", "Contacts", "")}
    said = words.told(finding, "nl", "دار الجسر", cell_of(finding.pointer, cells))
    assert said == (
        "دار الجسر: Schrijf het zo: +212539000000. Er staat: 0539 00. (partners.xlsx, blad Contacts, cel D7)"
    )
    assert cell_of("/name", cells) == Cell("partners.xlsx", "Contacts", "")
    assert cell_of("/name", {}) is None


def test_a_place_has_the_same_shape_in_every_record_and_language() -> None:
    assert shape("/contact_points/3/label/ar/value") == shape("/contact_points/12/label/nl-BE/value")
    assert shape("/at/0/location") == "/at/*/location"


def test_groups_put_harm_first_and_lose_nothing() -> None:
    found = []
    for name in ("a", "b", "c"):
        record = _of("organization") | {"audience": "public"}
        record["contact_points"] = [{"role": "general", "email": "fatima.alaoui@example.org"}]
        record["websites"] = ["nowhere"]
        found += [(name, finding) for finding in validate(record, TODAY).findings]
    groups = grouped(found)
    assert next(iter(groups.values()))[0][1].code == "person.mail"
    assert sorted(len(group) for group in groups.values()) == [3, 3]
    assert sum(map(len, groups.values())) == len(found)
