"""The record schemas: well made, true to their examples, and judged alike by both engines."""

import copy
import json
import re
import runpy
import time
from calendar import monthrange
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from jisr_protocol import canonical, schema
from jisr_protocol.identifiers import AUDIENCES

ROOT = Path(__file__).resolve().parent.parent.parent
SCHEMAS = ROOT / "protocol" / "schemas"
NAMES = [path.parts[-2] for path in sorted(SCHEMAS.glob("*/1.json")) if path.parts[-2] != "common"]


def full(name: str) -> str:
    return f"org.jisr.{name}/1"


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def examples(kind: str) -> list[Any]:
    paths = sorted(SCHEMAS.glob(f"*/examples/{kind}/*.json"))
    return [pytest.param(full(p.parts[-4]), read(p), id=f"{p.parts[-4]}-{p.stem}") for p in paths]


VALID = examples("valid")
INVALID = examples("invalid")
DOCUMENTS = [pytest.param(schema.document(full(name)), id=name) for name in NAMES] + [
    pytest.param(schema.common(), id="common")
]


def walk(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every place in a JSON value, the whole first."""
    yield path, value
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, part in steps:
        yield from walk(part, (*path, step))


def subschemas(value: Any, named: bool = False) -> Iterator[dict[str, Any]]:
    """Every schema in a schema document; the names under `properties` and `$defs` are no keywords."""
    if isinstance(value, list):
        for item in value:
            yield from subschemas(item)
    elif isinstance(value, dict):
        if not named:
            yield value
        for keyword, part in value.items():
            if named or keyword not in ("enum", "const", "required", "dependentRequired"):
                yield from subschemas(part, not named and keyword in ("properties", "$defs"))


def patterns() -> list[str]:
    found = {s["pattern"] for p in DOCUMENTS for s in subschemas(p.values[0]) if "pattern" in s}
    return sorted(found)


# -- the documents


def test_there_is_a_schema_for_every_type_of_the_language():
    assert schema.types() == tuple(map(full, NAMES))
    assert set(NAMES) == {
        *("organization", "service", "location", "opportunity", "volunteer", "need", "offer", "fund", "grant"),
        *("project", "event", "alliance", "membership", "news", "standard", "taxonomy", "indicator", "assertion"),
    }


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_schema_is_valid_2020_12_and_says_what_it_is(document):
    Draft202012Validator.check_schema(document)
    assert jsonschema_rs.meta.is_valid(document)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["title"]
    assert document["description"]


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*/[1-9].json")), ids=lambda path: path.parts[-2])
def test_the_path_of_an_id_is_the_path_of_the_file(path):
    assert read(path)["$id"] == "https://jisr.example/" + path.relative_to(SCHEMAS.parent).as_posix()


@pytest.mark.parametrize("name", NAMES)
def test_every_type_has_a_default_audience_that_it_accepts(name):
    audience = schema.default_audience(full(name))
    assert audience in AUDIENCES
    record = next(p.values[1] for p in VALID if p.values[0] == full(name))
    places = [error.pointer for error in schema.errors(full(name), record | {"audience": audience})]
    assert "/audience" not in places


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_text_list_and_map_has_a_limit(document):
    for part in subschemas(document):
        if part.get("type") == "string":
            bounded = re.search(r"(?<!\\)(?<!\[)[*+]", part.get("pattern", "*")) is None
            assert bounded or {"enum", "const", "maxLength"} & part.keys(), part
        if part.get("type") == "array":
            assert "maxItems" in part, part
        if isinstance(part.get("additionalProperties"), dict) and part.get("type") == "object":
            assert "maxProperties" in part, part


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_type_keyword_choice_and_refusal_can_be_told_to_a_person(document):
    for part in subschemas(document):
        assert part.get("additionalProperties") is not False, "unknown members are kept"
        assert False not in part.get("properties", {}).values(), "say `not: {}` with a title instead"
        if "not" in part or part.get("type") in ("integer", "boolean", "string"):
            assert "title" in part, part
        for choice in part.get("anyOf", []):
            assert list(choice) == ["required"], "errors() tells an anyOf as a choice of members"


@pytest.mark.parametrize("pattern", patterns())
def test_no_pattern_needs_backtracking_and_both_engines_read_it_alike(pattern):
    jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=jsonschema_rs.RegexOptions())
    assert not re.search(r"\\[dDwWsSbB]", pattern), "these mean different letters in different engines"
    assert "$" not in re.sub(r"\[[^]]*\]", "", pattern[:-1]), "only the last $ is read as the end of the text"


def test_the_linear_engine_refuses_what_needs_backtracking():
    with pytest.raises(ValueError):
        jsonschema_rs.Draft202012Validator({"pattern": "^(?=a)b"}, pattern_options=jsonschema_rs.RegexOptions())


def test_the_folder_inside_an_installed_package_comes_before_the_one_beside_it(tmp_path, monkeypatch):
    package = tmp_path / "jisr_protocol"
    (package / "schemas").mkdir(parents=True)
    monkeypatch.setattr(schema, "__file__", str(package / "schema.py"))
    assert schema._folder.__wrapped__() == package / "schemas"
    (package / "schemas").rmdir()
    assert schema._folder.__wrapped__() == tmp_path / "schemas"


# -- the examples


@pytest.mark.parametrize("name", NAMES)
def test_every_type_has_at_least_two_valid_and_three_invalid_examples(name):
    assert len([p for p in VALID if p.values[0] == full(name)]) >= 2
    assert len([p for p in INVALID if p.values[0] == full(name)]) >= 3


@pytest.mark.parametrize(("type_name", "record"), VALID)
def test_a_valid_example_passes_both_judges(type_name, record):
    assert [error.message for error in schema.errors(type_name, record)] == []
    assert schema.accepts(type_name, record)


@pytest.mark.parametrize(("type_name", "example"), INVALID)
def test_an_invalid_example_fails_in_both_at_its_one_place(type_name, example):
    place = (example["expected"]["pointer"], example["expected"]["keyword"])
    faults = schema.errors(type_name, example["record"])
    assert [(fault.pointer, fault.keyword) for fault in faults] == [place]
    assert not schema.accepts(type_name, example["record"])
    assert place in [
        ("".join(f"/{step}" for step in error.instance_path), _keyword(error))
        for error in schema._fast(type_name).iter_errors(example["record"])
    ]


def _keyword(error: jsonschema_rs.ValidationError) -> str:
    """The keyword; the fast judge calls a `dependentRequired` by its effect."""
    return next((k for k in ("dependentRequired", "propertyNames") if k in error.schema_path), error.kind.name)


@pytest.mark.parametrize(("type_name", "record"), VALID)
def test_a_valid_example_is_a_canonical_record(type_name, record):
    raw = canonical.dumps(record)
    assert canonical.parse(raw) == record
    assert canonical.dumps(canonical.parse(raw)) == raw
    assert record["type"] == type_name


def localised(record: Any) -> list[dict[str, Any]]:
    """Every localised text in a record."""
    return [
        v
        for _, v in walk(record)
        if isinstance(v, dict)
        and v
        and all(isinstance(t, dict) and {"value", "origin"} <= t.keys() for t in v.values())
    ]


@pytest.mark.parametrize(("type_name", "record"), VALID)
def test_in_every_text_of_an_example_only_the_record_s_language_is_the_author_s(type_name, record):
    for text in localised(record):
        for lang, words in text.items():
            assert (words["origin"] == "author") == (lang == record["lang"]), text


def test_the_examples_speak_in_many_languages_and_three_scripts():
    texts = [text for p in VALID for text in localised(p.values[1])]
    languages = {lang for text in texts for lang in text}
    assert {"ar", "zgh-Tfng", "fr", "nl", "tr", "da", "es", "en", "ku", "rn"} <= languages
    letters = "".join(words["value"] for text in texts for words in text.values())
    assert re.search("[\u0620-\u064a]", letters)
    assert re.search("[\u2d30-\u2d67]", letters)
    assert {words["origin"] for text in texts for words in text.values()} == {"author", "human", "machine"}


def test_no_example_reaches_anybody_real():
    for p in [*VALID, *INVALID]:
        for mail in re.findall(r"[^\"@ ]+@([^\"@ ]+)", json.dumps(p.values[1], ensure_ascii=False)):
            assert mail.endswith(("example.org", "localhost")), mail
        for number in re.findall(r"\+[0-9]{6,}", json.dumps(p.values[1])):
            assert "0000000" in number, number


# -- what the types promise


@pytest.mark.parametrize(("type_name", "record"), VALID)
def test_unknown_members_are_accepted_wherever_an_object_stands(type_name, record):
    record = copy.deepcopy(record)
    texts = [id(text) for text in localised(record)]
    for path, value in list(walk(record)):
        if isinstance(value, dict) and id(value) not in texts and path[:1] != ("availability",):
            value["x_unknown"] = {"kept": [1, "ⴰⴱⴳ", None]}
    assert [error.message for error in schema.errors(type_name, record)] == []
    assert schema.accepts(type_name, record)


@pytest.mark.parametrize(("type_name", "record"), [p for p in VALID if p.values[0] == full("volunteer")])
def test_a_record_about_a_person_is_never_public_and_has_no_source(type_name, record):
    assert schema.about_persons(type_name)
    assert not schema.accepts(type_name, record | {"audience": "public"})
    assert not schema.accepts(type_name, record | {"source": {"local_id": "17"}})
    for name in ("name", "email", "phone", "person", "first_name", "birth_date", "address", "contact_points"):
        assert not schema.accepts(type_name, record | {name: "anything"}), name


def test_only_the_volunteer_is_about_a_person():
    assert [name for name in NAMES if schema.about_persons(full(name))] == ["volunteer"]


@pytest.mark.parametrize("member", ["person", "name", "first_name", "last_name", "family_name", "birth_date"])
def test_a_contact_point_that_names_a_person_is_refused(member):
    record = copy.deepcopy(next(p.values[1] for p in VALID if p.id == "organization-reading-tangier"))
    record["contact_points"][0][member] = "somebody"
    faults = schema.errors(full("organization"), record)
    assert [(fault.pointer, fault.keyword) for fault in faults] == [(f"/contact_points/0/{member}", "not")]


@given(st.integers(1000, 2999), st.integers(0, 13), st.integers(0, 32))
def test_a_date_is_accepted_if_it_is_in_the_calendar(year, month, day):
    pattern = schema.common()["$defs"]["date"]["pattern"]
    real = 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]
    assert bool(re.search(pattern, f"{year:04}-{month:02}-{day:02}")) == real


def test_the_reference_of_the_types_says_what_the_schemas_say():
    writer = runpy.run_path(str(ROOT / "docs" / "write_records.py"))
    page = (ROOT / "docs" / "records.md").read_text("utf-8")
    assert page == writer["page"](), "run: python docs/write_records.py"


# -- the judges


def test_a_type_without_a_schema_is_unknown_and_not_judged():
    for name in ("org.other.x/1", "org.jisr.service/2", "org.jisr.common/1", "service", "", "org.jisr.service/1\n"):
        assert not schema.known(name)
        for judge in (schema.accepts, schema.errors):
            with pytest.raises(KeyError):
                judge(name, {})
    assert schema.known("org.jisr.service/1")


def test_errors_are_complete_sorted_and_say_where_what_and_what_came():
    record = copy.deepcopy(next(p.values[1] for p in VALID if p.id == "service-legal-advice-gent"))
    del record["organization"], record["salt"]
    record |= {"rev": "3", "status": "open", "links": [{"rel": "knows"}], "languages": ["nl", "nl"]}
    record["name"]["nl"]["value"] = "x" * 301
    relations = ", ".join(schema.common()["$defs"]["link"]["properties"]["rel"]["enum"])
    assert [fault.message for fault in schema.errors(full("service"), record)] == [
        "the record: expected a member 'organization'; came nothing",
        "the record: expected a member 'salt'; came nothing",
        '/languages: expected no item twice; came ["nl", "nl"]',
        "/links/0: expected a member 'target'; came nothing",
        f'/links/0/rel: expected one of {relations}; came "knows"',
        "/name/nl/value: expected a text that is not blank, at most 300 characters; came 301 characters",
        '/rev: expected a whole number; came "3"',
        '/status: expected one of active, planned, paused, ended; came "open"',
    ]


@pytest.mark.parametrize(("type_name", "example"), INVALID)
def test_every_fault_has_a_sentence_of_a_readable_length(type_name, example):
    (fault,) = schema.errors(type_name, example["record"])
    assert fault.message.startswith((fault.pointer or "the record") + ": expected ")
    assert "; came " in fault.message
    assert "a value of " not in fault.message or fault.keyword == "type", "give the schema a title"
    assert len(fault.message) < 330


def test_a_pointer_is_escaped():
    record = copy.deepcopy(next(p.values[1] for p in VALID if p.id == "organization-reading-tangier"))
    record["name"] = {"a/b~c": 1}
    assert [f.pointer for f in schema.errors(full("organization"), record)] == ["/name", "/name/a~1b~0c"]


def test_a_hostile_text_is_judged_at_once():
    record = copy.deepcopy(next(p.values[1] for p in VALID if p.id == "organization-reading-tangier"))
    record["contact_points"][0]["email"] = "a@" + "a-." * 20_000 + "!"
    record["websites"] = ["http://" + "a-" * 30_000 + "!"]
    begun = time.process_time()
    assert not schema.accepts(full("organization"), record)
    assert [fault.keyword for fault in schema.errors(full("organization"), record)] == ["maxLength"] * 2
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    "members",
    [
        {"websites": [{"a": n} for n in range(6000)]},
        {"languages": [1] * 30_000},
        {"alternate_names": [{} for _ in range(20_000)]},
        {"name": {f"x{n}": 1 for n in range(8000)}},
    ],
    ids=["unlike items, each against each", "many items", "many objects", "many members"],
)
def test_a_record_full_of_faults_is_told_at_once(members: dict[str, Any]):
    """One record of 64 KiB must not hold a hub for minutes while its faults are listed."""
    record = {**next(p.values[1] for p in VALID if p.id == "organization-reading-tangier"), **members}
    begun = time.process_time()
    faults = schema.errors(full("organization"), record)
    assert time.process_time() - begun < 1
    assert any(fault.keyword in ("maxItems", "maxProperties") for fault in faults)
    assert not schema.accepts(full("organization"), record)


def test_the_fast_judge_is_fast(figure: Callable[..., None]):
    name = full("service")
    record = next(p.values[1] for p in VALID if p.id == "service-legal-advice-gent")
    rounds = []
    for _ in range(20):
        begun = time.process_time()
        for _ in range(200):
            schema.accepts(name, record)
        rounds.append((time.process_time() - begun) / 200 * 1e6)
    size = len(canonical.dumps(record))
    figure(f"schema.accepts, a service of {size} bytes: {min(rounds):.1f} µs")
    assert min(rounds) < 100


PLACES = [value for p in VALID for _, value in walk(p.values[1])]
STRINGS = sorted({value for value in PLACES if isinstance(value, str)})
ODD = st.sampled_from(
    ["", " ", "\n", "\u00a0", "٠١٢", "public", "2026-02-29", "2026-06-10T24:00:00Z", "é", "ß", "İ", "\x00", "a" * 6000]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | ODD,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12) | ODD, inner, max_size=4),
    max_leaves=8,
)


def change(draw: Callable[[Any], Any], record: Any) -> Any:
    """Bend one random place of a record."""
    path, old = draw(st.sampled_from(list(walk(record))))
    if not path:
        return record | draw(st.dictionaries(st.sampled_from(sorted(record)), json_values, max_size=2))
    place = record
    for step in path[:-1]:
        place = place[step]
    what = draw(st.sampled_from(["delete", "replace", "borrow", "double", "edit"]))
    if what == "delete":
        del place[path[-1]]
    elif what == "replace":
        place[path[-1]] = draw(json_values)
    elif what == "borrow":
        place[path[-1]] = copy.deepcopy(draw(st.sampled_from(PLACES)))
    elif what == "double" and isinstance(place, list):
        place.append(copy.deepcopy(old))
    elif what == "double":
        place[draw(st.sampled_from(STRINGS) | st.sampled_from(sorted(place)))] = copy.deepcopy(old)
    elif isinstance(old, str):
        cut = draw(st.integers(0, len(old)))
        place[path[-1]] = old[:cut] + draw(st.text(max_size=2) | ODD) + old[cut + draw(st.integers(0, 2)) :]
    return record


@st.composite
def bent_records(draw: Callable[[Any], Any]) -> tuple[str, Any]:
    type_name, record = draw(st.sampled_from([p.values for p in VALID]))
    record = copy.deepcopy(record)
    for _ in range(draw(st.integers(1, 3))):
        record = change(draw, record)
    return type_name, record


@given(bent_records())
def test_both_judges_give_the_same_verdict_on_bent_records(bent):
    type_name, record = bent
    assert schema.accepts(type_name, record) == (schema.errors(type_name, record) == [])


@given(st.sampled_from(NAMES), json_values)
def test_both_judges_give_the_same_verdict_on_any_json(name, value):
    assert schema.accepts(full(name), value) == (schema.errors(full(name), value) == [])


@given(bent_records())
def test_errors_are_sorted_unique_and_point_into_the_record(bent):
    type_name, record = bent
    faults = schema.errors(type_name, record)
    places = [(fault.pointer, fault.keyword, json.dumps(fault.expected, sort_keys=True)) for fault in faults]
    assert places == sorted(set(places))
    known = {"".join("/" + canonical.escape(str(step)) for step in path) for path, _ in walk(record)}
    assert {fault.pointer for fault in faults} <= known
    assert all(fault.message for fault in faults)
