"""Forms: what is not changed stays to the byte, what is typed is kept, and every example of a type opens and saves."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jisr_node.author import tidy
from jisr_node.editing import tasks
from jisr_node.editing.differing import differences
from jisr_node.editing.fields import Field, Many, Plain, Tick, Words, Writing, Yes, values_of
from jisr_node.editing.groups import Group, Rows
from jisr_node.editing.judging import beside, judged
from jisr_node.editing.opening import Times, closings, hours
from jisr_node.editing.tasks import CLOSED, TASKS, Step
from jisr_node.editing.terms import TERMS

WRITING = Writing("ar", "MA", "fr")
SCHEMAS = Path(__file__).resolve().parents[2] / "protocol" / "schemas"
NODE = "jisr:" + "a" * 52
STEPS = [(task, step) for task in TASKS.values() for step in task.steps]
NAUGHTY = (
    "", " ", "\u200f", "<script>alert(1)</script>", "'; DROP TABLE draft;--", "null", "0", "-0", "1e9", "ⵜⴰⵎⴰⵣⵉⵖⵜ",
    "٣٥", "x" * 400, "a\r\nb\rc", "\ufeffbom", "\u202etxt.exe", "e\u0301", "Ω", "\x00", "\x7f", "👩‍👩‍👧", "{{ 7*7 }}",
    "a.b", "0.gone", "on",
)  # fmt: skip


@cache
def examples(type_name: str) -> list[dict[str, Any]]:
    kind = type_name.removeprefix("org.jisr.").partition("/")[0]
    files = sorted((SCHEMAS / kind / "examples").rglob("*.json"))
    found = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    return [one for one in found if isinstance(one, dict)]


def steps_of(type_name: str) -> list[Step]:
    task = tasks.task_of(type_name)
    assert task is not None
    return [*task.steps, *([CLOSED[type_name]] if type_name in CLOSED else [])]


def sent_back(step: Step, record: dict[str, Any], writing: Writing) -> dict[str, Any]:
    """What a browser makes of a page that nobody touched: boxes that are not ticked do not come, lines end in CR LF."""
    values = {key: value.replace("\n", "\r\n") for key, value in step.values(record, writing).items()}
    sent = {key: value for key, value in values.items() if value or not _is_box(step.fields, key)}
    return step.apply(record, sent, [field.code for field in step.fields], writing)


def _is_box(fields: tuple[Field, ...], key: str) -> bool:
    return key.rpartition(".")[2] in ("closed", "MO", "on_site") or any(
        isinstance(field, Many) and key.startswith(f"{field.code}.") for field in fields
    )


@pytest.mark.parametrize("type_name", sorted({task.type for task in TASKS.values()}))
def test_every_example_opens_in_its_form_and_saves_back_to_the_same_record(type_name: str) -> None:
    held = examples(type_name)
    assert held
    for record in held:
        for writing in (WRITING, Writing(str(record.get("lang", "")), "NL")):
            for step in steps_of(type_name):
                assert sent_back(step, copy.deepcopy(record), writing) == record


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(NAUGHTY) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """A record of a type with a task, some of its places replaced by anything at all."""
    task = draw(st.sampled_from(sorted(TASKS.values(), key=lambda one: one.code)))
    record = copy.deepcopy(draw(st.sampled_from(examples(task.type))))
    record["type"] = task.type
    for _ in range(draw(st.integers(0, 5))):
        place: Any = record
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
                place = place[key]
                continue
            break
        if key != "type":
            place[key] = tidy(draw(anything))
    return record


@settings(max_examples=40, deadline=None)
@given(records())
def test_whatever_a_record_holds_a_page_nobody_touched_changes_nothing(record: dict[str, Any]) -> None:
    before = copy.deepcopy(record)
    for step in steps_of(record["type"]):
        assert sent_back(step, record, WRITING) == before
        assert record == before, "the record that was shown is not changed either"


typed = st.sampled_from(NAUGHTY) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@st.composite
def pages(draw: st.DrawFn) -> tuple[dict[str, Any], Step, dict[str, str]]:
    """A record, a page of it, and what somebody typed there: in places that are shown, and in new rows."""
    record = draw(records())
    step = draw(st.sampled_from(steps_of(record["type"])))
    values = step.values(record, WRITING)
    new = {key for field in step.fields for key in _new_keys(field, record)}
    for key in draw(st.lists(st.sampled_from(sorted({*values, *new, "x"})), max_size=6)):
        values[key] = draw(typed)
    return record, step, values


def _new_keys(field: Field, record: dict[str, Any]) -> list[str]:
    if isinstance(field, Group):
        held = record.get(field.code)
        inner = held if isinstance(held, dict) else {}
        return [
            f"{field.code}.{key}"
            for part in field.parts
            for key in [*part.read(inner, WRITING), *_new_keys(part, inner)]
        ]
    if isinstance(field, Rows):
        row = f"{field.code}.{field.next_row(record)}"
        return [f"{row}.{key}" for part in field.parts for key in [*part.read({}, WRITING), *_new_keys(part, {})]]
    return ["intervals.0.from", "intervals.0.to"] if isinstance(field, Times) else []


@settings(max_examples=80, deadline=None)
@given(pages())
def test_what_is_typed_stays_and_touches_nothing_else(page: tuple[dict[str, Any], Step, dict[str, str]]) -> None:
    record, step, values = page
    before = copy.deepcopy(record)
    after = step.apply(record, values, [field.code for field in step.fields], WRITING)
    assert record == before
    members = {field.member for field in step.fields}
    assert {k: v for k, v in after.items() if k not in members} == {k: v for k, v in before.items() if k not in members}
    assert sent_back(step, after, WRITING) == after, "shown again and sent back, it is the same"
    json.dumps(after)
    shown = step.values(after, WRITING)
    for field in step.fields:
        if isinstance(field, Words) and field.code in values:
            assert shown[field.code].strip() == tidy(values[field.code]).strip()


@settings(max_examples=25, deadline=None)
@given(pages())
def test_a_field_that_was_not_on_the_page_is_not_touched(page: tuple[dict[str, Any], Step, dict[str, str]]) -> None:
    record, step, values = page
    assert step.apply(record, values, [], WRITING) == record
    first = step.fields[0]
    after = step.apply(record, values, [first.code], WRITING)
    assert {k: v for k, v in after.items() if k != first.member} == {
        k: v for k, v in record.items() if k != first.member
    }


def test_a_page_has_three_to_seven_things_to_fill_in_at_most() -> None:
    for task, step in STEPS:
        assert 1 <= len(step.fields) <= 7, (task.code, step.code)


def write(field: Field, holder: dict[str, Any], **values: str) -> dict[str, Any]:
    named = {key.replace("__", "."): value for key, value in values.items()}
    step = Step("x", (field,))
    return step.apply(holder, {**step.values(holder, WRITING), **named}, [field.code], WRITING)


def test_numbers_phones_and_addresses_are_taken_as_people_write_them() -> None:
    assert write(Plain("n", "whole"), {}, n="٣٥") == {"n": 35}
    assert write(Plain("n", "whole"), {}, n="many") == {"n": "many"}
    assert write(Plain("n", "decimal"), {}, n="12,50") == {"n": "12.50"}
    assert write(Plain("n", "phone"), {}, n="0539 00-00.00") == {"n": "+212539000000"}
    assert write(Plain("n", "phone"), {}, n="0031 53 000 0000") == {"n": "+31530000000"}
    assert write(Plain("n", "url"), {}, n="example.org/a") == {"n": "https://example.org/a"}
    assert write(Plain("n", "instant"), {"n": "2026-03-03T14:05:00Z"}, n="2026-03-03") == {"n": "2026-03-03T14:05:00Z"}
    assert write(Plain("n", "instant"), {}, n="2026-03-03") == {"n": "2026-03-03T00:00:00Z"}
    assert write(Yes("n"), {"n": True}, n="") == {}
    assert write(Tick("n"), {"n": True}, n="") == {}


def test_what_goes_along_comes_with_what_stands_beside_it_and_goes_with_it() -> None:
    empty: dict[str, Any] = {}
    with_price = write(tasks.COST, empty, cost__price__amount="20", cost__price__currency="")
    assert with_price == {"cost": {"price": {"amount": "20", "currency": "MAD"}}}
    assert write(tasks.COST, with_price, cost__price__amount="") == {}
    assert write(tasks.COST, empty, cost__price__currency="EUR") == {}
    only = {"addresses": [{"country": "MA"}]}
    assert write(tasks.ADDRESSES, only, addresses__0__country="FR") == {"addresses": [{"country": "FR"}]}


def test_rows_are_added_changed_and_taken_out_and_keep_what_is_not_shown() -> None:
    held = {
        "contact_points": [
            {"role": "intake", "phone": "+212500000001", "languages": ["ar"]},
            {"role": "press", "url": "https://x.org"},
        ]
    }
    after = write(tasks.CONTACTS, held, contact_points__0__phone="+212500000002", contact_points__2__email="info@x.org")
    assert after["contact_points"] == [
        {"role": "intake", "phone": "+212500000002", "languages": ["ar"]},
        {"role": "press", "url": "https://x.org"},
        {"role": "general", "email": "info@x.org"},
    ]
    assert write(tasks.CONTACTS, after, contact_points__1__gone="on")["contact_points"] == [
        after["contact_points"][0],
        after["contact_points"][2],
    ]
    assert (
        write(
            tasks.CONTACTS, {"contact_points": [{"role": "press", "url": "https://x.org"}]}, contact_points__0__url=""
        )
        == {}
    )


def test_opening_hours_and_rows_are_the_same_thing_twice() -> None:
    field = hours("opening_hours")
    made = write(
        field, {}, opening_hours__operating_hours__0__label="normal", opening_hours__operating_hours__0__days__FR="on",
        opening_hours__operating_hours__0__days__MO="on",
        opening_hours__operating_hours__0__intervals__0__from="9",
        opening_hours__operating_hours__0__intervals__0__to="11h45",
        opening_hours__operating_hours__0__intervals__1__from="15.30",
    )  # fmt: skip
    assert made == {
        "opening_hours": {
            "operating_hours": [
                {"label": "normal", "days": ["MO", "FR"], "intervals": [["09:00", "11:45"], ["15:30"]]}
            ],
            "timezone": "Africa/Casablanca",
        }
    }
    more = write(
        field, made, opening_hours__operating_hours__1__label="ramadan",
        opening_hours__operating_hours__1__valid_from="2027-02-08",
        opening_hours__operating_hours__1__valid_to="2027-03-09",
        opening_hours__operating_hours__1__closed="on",
    )  # fmt: skip
    assert more["opening_hours"]["operating_hours"][1] == {
        "label": "ramadan", "valid_from": "2027-02-08", "valid_to": "2027-03-09", "closed": True,
    }  # fmt: skip
    gone = write(field, more, opening_hours__operating_hours__1__gone="on")
    assert gone == made
    assert write(field, gone, opening_hours__operating_hours__0__gone="on") == {}


def test_closed_in_august_adds_its_row_and_leaves_the_others() -> None:
    held = {
        "opening_hours": {
            "timezone": "Europe/Paris",
            "events": [],
            "operating_hours": [{"label": "normal", "note": {}}, {"label": "summer", "closed": True}],
        }
    }
    field = closings("opening_hours")
    after = write(
        field, held, opening_hours__operating_hours__2__valid_from="2027-08-01",
        opening_hours__operating_hours__2__valid_to="2027-08-21", opening_hours__operating_hours__2__note="عطلة",
    )  # fmt: skip
    assert after["opening_hours"]["timezone"] == "Europe/Paris"
    assert after["opening_hours"]["operating_hours"][:2] == held["opening_hours"]["operating_hours"]
    assert after["opening_hours"]["operating_hours"][2] == {
        "valid_from": "2027-08-01", "valid_to": "2027-08-21", "label": "holiday", "closed": True,
        "note": {"ar": {"value": "عطلة", "origin": "author"}},
    }  # fmt: skip
    assert write(field, after, opening_hours__operating_hours__2__gone="on") == held
    started = write(field, {}, opening_hours__operating_hours__0__valid_from="2027-08-01")
    assert started["opening_hours"]["timezone"] == "Africa/Casablanca"


def test_a_term_is_the_core_one_where_it_is_called_so_in_any_language_and_else_ones_own() -> None:
    assert write(TERMS, {}, terms__0__words="Santé") == {
        "terms": [{"scheme": "jisr-focus", "code": "health", "role": "focus"}]
    }
    assert write(TERMS, {}, terms__0__words="صحة")["terms"][0]["code"] == "health"
    own = write(TERMS, {}, terms__0__words="السيرك")["terms"][0]
    assert (own["scheme"], own["role"], own["label"]["ar"]["value"]) == ("own", "focus", "السيرك")
    held = {
        "terms": [
            {"scheme": "sdg", "code": "4", "role": "sdg"},
            {"scheme": "x", "code": "y", "role": "focus", "odd": 1},
        ]
    }
    assert write(TERMS, held, terms__1__words="")["terms"][:1] == held["terms"][:1]
    assert values_of((TERMS,), held, WRITING)["terms.1.words"] == "y"


def test_findings_stand_at_the_field_that_shows_the_place() -> None:
    task = TASKS["service"]
    record = task.begin(WRITING, "CC-BY-4.0", "2026-09-01", None)
    record["contact_points"] = [{"role": "intake", "phone": "12"}]
    verdict = judged(record, NODE, "0d2ae7c5-9c98-4202-98c5-c924183959c7", "2026-09-01")
    words, contact = task.steps[0], task.steps[3]
    told = {one.key: one.finding.code for one in beside(verdict.must_fix, words.fields, words.values(record, WRITING))}
    assert told == {"name": "missing", "organization": "missing", "": "phone"}
    told = {
        one.key: one.finding.code for one in beside(verdict.must_fix, contact.fields, contact.values(record, WRITING))
    }
    assert told["contact_points.0.phone"] == "phone"


def test_a_new_record_of_every_task_needs_nothing_but_what_its_pages_ask_for() -> None:
    for task in TASKS.values():
        record = task.begin(WRITING, "CC-BY-4.0", "2026-09-01", "0d2ae7c5-9c98-4202-98c5-c924183959c7")
        verdict = judged(record, NODE, "0d2ae7c5-9c98-4202-98c5-c924183959c7", "2026-09-01")
        fields = [field for step in task.steps for field in step.fields]
        shown = values_of(fields, record, WRITING)
        assert all(one.key for one in beside(verdict.must_fix, fields, shown)), task.code


def test_differences_say_place_language_and_both_sides() -> None:
    before = {
        "name": {"ar": {"value": "ا", "origin": "author"}, "fr": {"value": "b", "origin": "machine"}},
        "at": [{"x": 1}],
        "l": ["a"],
    }
    after = {
        "name": {"ar": {"value": "ب", "origin": "author"}, "fr": {"value": "b", "origin": "human"}},
        "at": [{"x": 2}, {"y": True}],
    }
    found = {(one.path, one.lang): (one.before, one.after, one.origin) for one in differences(before, after)}
    assert found == {
        (("name",), "ar"): ("ا", "ب", ""),
        (("name",), "fr"): ("b", "b", "human"),
        (("at", "0", "x"), ""): ("1", "2", ""),
        (("at", "1", "y"), ""): ("", "yes", ""),
        (("l",), ""): ("a", "", ""),
    }
    assert differences(before, before) == []
