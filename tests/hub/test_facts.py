"""Records in words: hours, places, money, groups and references, and the choice among localised texts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jisr_hub.curation.merging import address
from jisr_hub.web.facts import DEPTH, Fact, Value, facts_of, references
from jisr_hub.web.language import load_languages
from jisr_protocol.pages.hours import hours
from jisr_protocol.pages.text import Text, choose
from jisr_protocol.pages.vocabulary import MEMBERS, RELATIONS, STATUSES, TYPES, VALUES, kind_word, kinds_word
from tests.hub.memory_directory import NODE, OTHER_NODE, identifier, record

ENGLISH = load_languages()["en"]
SCHEMAS = Path(__file__).resolve().parents[2] / "protocol" / "schemas"


def said(facts: list[Fact] | tuple[Fact, ...]) -> dict[str, list[Any]]:
    """Fold facts into labels and words; a group becomes [title, facts]."""

    def value(one: Value) -> Any:
        return [one.words.value, said(one.facts)] if one.facts else one.words.value

    return {fact.label: [value(one) for one in fact.values] for fact in facts}


def facts(code: str = "en", names: dict[tuple[str, str], Text] | None = None, **members: Any) -> dict[str, list[Any]]:
    return said(facts_of(record(1, **members), load_languages()[code], names or {}, ""))


def words(value: str, lang: str = "en") -> dict[str, dict[str, str]]:
    return {lang: {"value": value, "origin": "author"}}


@pytest.mark.parametrize(
    ("members", "shown"),
    [
        ({"languages": ["nl", "tr", "xx"]}, {"Languages": ["Dutch, Turkish and xx"]}),
        ({"languages": [{"lang": "nl", "level": "B1"}]}, {"Languages": ["Dutch"]}),
        ({"countries": ["MA", "BI"]}, {"Countries": ["Morocco and Burundi"]}),
        ({"cost": {"free": True}}, {"Cost": ["Free of charge"]}),
        (
            {"cost": {"free": True, "note": words("Tea is not")}},
            {"Cost": [["Free of charge", {"Note": ["Tea is not"]}]]},
        ),
        (
            {"cost": {"free": False, "price": {"amount": "12.50", "currency": "EUR"}}},
            {"Cost": [["", {"Price": ["12.50 EUR"]}]]},
        ),
        ({"amount": {"minimum": "10", "maximum": "20", "currency": "MAD"}}, {"Amount": ["10 – 20 MAD"]}),
        ({"amount": {"minimum": "10", "currency": "MAD"}}, {"Amount": ["at least 10 MAD"]}),
        ({"amount": {"maximum": "20", "currency": "MAD"}}, {"Amount": ["at most 20 MAD"]}),
        ({"quantity": {"amount": "40", "unit": "blankets"}}, {"Amount": ["40 blankets"]}),
        ({"coordinates": {"latitude": "35.7", "longitude": "-5.8"}}, {"Coordinates": ["35.7, -5.8"]}),
        ({"identifiers": [{"scheme": "NL-KVK", "value": "1"}]}, {"Registered as": ["NL-KVK 1"]}),
        ({"period": {"from": "2026-01-01"}}, {"Period": ["from 1 January 2026"]}),
        ({"period": {"until": "2026-01-31"}}, {"Period": ["until 31 January 2026"]}),
        (
            {"window": {"opens": "2026-01-01", "closes": "2026-02-01"}},
            {"Applications": [["", {"From": ["1 January 2026"], "Until": ["1 February 2026"]}]]},
        ),
        ({"deadline": "2026-05-01"}, {"Deadline": ["1 May 2026"]}),
        ({"start": "2026-05-01T19:30"}, {"Begins": ["1 May 2026, 19:30"]}),
        ({"minimum_age": 0}, {"Age at least": ["0"]}),
        ({"pilot": False}, {"Pilot": ["No"]}),
        ({"training": {"provided": True}}, {"Training": ["Yes"]}),
        ({"insurance": {"provided": False, "note": words("Ask")}}, {"Insurance": [["No", {"Note": ["Ask"]}]]}),
        ({"delivery": ["on_site", "by_balloon"]}, {"How it is given": ["On site", "by_balloon"]}),
        ({"addresses": [{"country": "JO"}]}, {"Address": ["Jordan"]}),
        (
            {
                "addresses": [
                    {"street": words("Kade 1"), "locality": words("Enschede"), "postal_code": "7511", "country": "NL"}
                ]
            },
            {"Address": ["Kade 1, Enschede, 7511, Netherlands"]},
        ),
        ({"area": [{"scheme": "iso3166-1", "code": "MA"}]}, {"Works in": ["Morocco"]}),
        ({"area": [{"scheme": "cbs", "code": "GM0153", "name": words("Enschede")}]}, {"Works in": ["Enschede"]}),
        ({"terms": [{"scheme": "sdg", "code": "10", "role": "focus"}]}, {"Subjects": ["SDG 10"]}),
        (
            {"capacity": [{"what": words("Beds"), "available": 4, "maximum": 12, "as_of": "2026-03-01"}]},
            {"Capacity": [["Beds", {"Available": ["4"], "In all": ["12"], "As of": ["1 March 2026"]}]]},
        ),
        (
            {"contact_points": [{"role": "desk", "label": words("Desk"), "phone": "+212539000000"}]},
            {"Contact": [["Desk", {"Phone": ["+212539000000"]}]]},
        ),
        (
            {"contact_points": [{"role": "desk", "email": "a@b.example"}]},
            {"Contact": [["", {"Role": ["desk"], "Mail": ["a@b.example"]}]]},
        ),
        (
            {"accessibility": [{"feature": "lift", "available": "no"}]},
            {"Accessibility": [["lift", {"Available": ["No"]}]]},
        ),
        ({"documents": [{"name": words("Report"), "url": "https://a.example/r"}]}, {"Documents": ["Report"]}),
        ({"purpose": words("   ")}, {}),
        ({"never_heard_of": "this"}, {}),
    ],
)
def test_a_member_is_said_in_words(members: dict[str, Any], shown: dict[str, Any]) -> None:
    assert facts(**members) == shown


def test_addresses_lead_somewhere_and_nothing_else_does() -> None:
    members = {
        "websites": ["https://a.example/x?y=1", "javascript:alert(1)", "//a.example", "http://a b"],
        "contact_points": [
            {"phone": "+212539000000", "email": "a@b.example"},
            {"phone": "call me", "email": "a@b?cc=c@d"},
        ],
    }
    found = facts_of(record(1, **members), ENGLISH, {}, "")

    def links(values: tuple[Value, ...]) -> Iterator[str]:
        for value in values:
            yield from [value.href] if value.href else []
            for fact in value.facts:
                yield from links(fact.values)

    assert [link for fact in found for link in links(fact.values)] == [
        "tel:+212539000000",
        "mailto:a@b.example",
        "https://a.example/x?y=1",
    ]


def test_a_reference_has_the_name_of_its_record_and_leads_there() -> None:
    names = {(OTHER_NODE, identifier(2)): Text("House", "en")}
    bound = record(1, organization=f"{OTHER_NODE}/{identifier(2)}", project=identifier(3))
    organization, project = facts_of(bound, ENGLISH, names, "?lang=en")
    assert organization.values[0].href == f"/directory/{address((OTHER_NODE, identifier(2)))}?lang=en"
    assert organization.values[0].words.value == "House"
    assert project.values[0] == Value(Text("A record that this hub does not show", "en"))


def test_links_are_grouped_by_their_relation() -> None:
    links = [{"rel": rel, "target": identifier(n)} for n, rel in enumerate(["runs", "part_of", "runs", "adores"])]
    assert {label: len(values) for label, values in facts(links=links).items()} == {"Runs": 2, "Part of": 1}


def test_all_references_are_found_once_and_the_records_own_identity_is_none() -> None:
    bound = record(
        1,
        organization=identifier(2),
        at=[{"location": f"{OTHER_NODE}/{identifier(3)}"}],
        links=[{"rel": "part_of", "target": identifier(2)}],
        source={"local_id": identifier(4)},
    )
    assert references(bound) == [(NODE, identifier(2)), (OTHER_NODE, identifier(3))]


def test_a_deep_record_ends_somewhere() -> None:
    deep: Any = words("bottom")
    for _ in range(DEPTH + 4):
        deep = {"contact": deep}
    assert "bottom" not in json.dumps(facts(contact=deep))
    assert "bottom" in json.dumps(facts(contact={"contact": {"note": words("bottom")}}))


SCHEDULE = {
    "timezone": "Africa/Casablanca",
    "operating_hours": [
        {"label": "normal", "days": ["TH", "MO", "TU", "WE", "SA"], "intervals": [["09:00", "12:30"], ["15:00"]]},
        {"label": "ramadan", "valid_from": "2026-02-18", "valid_to": "2026-03-19", "days": ["FR"], "closed": True},
        {"label": "holiday", "note": words("Ring first")},
    ],
    "events": [{"start": "2026-05-01T19:30", "end": "2026-05-01T21:00"}],
    "note": words("The gate is green"),
}


def test_hours_are_lines_that_keep_what_the_author_left_open() -> None:
    lines = [line.value.replace("\u2060", "") for line in hours(SCHEDULE, ENGLISH, "en")]
    assert lines == [
        "Monday – Thursday, Saturday: 09:00–12:30, from 15:00",
        "Ramadan (18 February 2026 – 19 March 2026), Friday: closed",
        "Holidays",
        "Ring first",
        "1 May 2026, 19:30 – 1 May 2026, 21:00",
        "The gate is green",
    ]


def test_hours_are_written_in_the_readers_language() -> None:
    french = hours(SCHEDULE, load_languages()["fr"], "en")[0].value.replace("\u2060", "")
    arabic = hours(SCHEDULE, load_languages()["ar"], "en")[0].value.replace("\u2060", "")
    assert french == "lundi – jeudi, samedi\u00a0: 09:00–12:30, à partir de 15:00"
    assert arabic == "الاثنين – الخميس، السبت: 09:00–12:30، ابتداءً من الساعة 15:00"


@pytest.mark.parametrize(
    ("value", "reader", "author", "chosen"),
    [
        (words("A", "ar") | words("F", "fr"), "fr", "ar", ("F", "fr")),
        (words("A", "ar") | words("F", "fr"), "nl", "ar", ("A", "ar")),
        (words("A", "ar") | words("F", "fr"), "nl", "da", ("A", "ar")),
        (words("F", "fr-MA"), "fr", "ar", ("F", "fr-MA")),
        (words("B", "nl-BE") | words("N", "nl"), "nl", "fr", ("N", "nl")),
        (words(" ", "nl") | words("F", "fr"), "nl", "fr", ("F", "fr")),
        ("plain", "nl", "fr", ("plain", "fr")),
        ("plain", "nl", "<b>", ("plain", "")),
        (" ", "nl", "fr", None),
        ({}, "nl", "fr", None),
        ({"nl": "no entry"}, "nl", "fr", None),
        ({"nl onclick=x": {"value": "A"}}, "nl", "fr", None),
        (None, "nl", "fr", None),
    ],
)
def test_a_text_is_the_readers_else_the_authors_else_the_first(
    value: object, reader: str, author: str, chosen: tuple[str, str] | None
) -> None:
    text = choose(value, reader, author)
    assert (None if text is None else (text.value, text.lang)) == chosen


@pytest.mark.parametrize(
    ("origins", "first"), [("mah", "fr"), ("mma", "nl"), ("mhm", "fr"), ("mmm", "ar"), ("hah", "fr")]
)
def test_where_nobody_knows_the_authors_language_their_own_words_come_before_translations(
    origins: str, first: str
) -> None:
    names = {"a": "author", "h": "human", "m": "machine"}
    value = {tag: {"value": "x", "origin": names[o]} for tag, o in zip(("ar", "fr", "nl"), origins, strict=True)}
    text = choose(value, "en")
    assert text is not None
    assert text.lang == first


@pytest.mark.parametrize(
    ("origin", "marked"), [("author", False), ("human", False), ("machine", True), ("robot", True)]
)
def test_only_a_person_s_words_go_unmarked(origin: str, marked: bool) -> None:
    text = choose({"en": {"value": "x", "origin": origin}}, "en")
    assert text is not None
    assert text.by_machine is marked


def schemas() -> Iterator[dict[str, Any]]:
    for path in sorted(SCHEMAS.rglob("*.json")):
        if path.parent.parent == SCHEMAS:
            yield json.loads(path.read_text(encoding="utf-8"))


def properties(schema: object) -> Iterator[tuple[str, Any]]:
    """Every property of a schema at any depth, with what it allows."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield from schema["properties"].items()
        for part in schema.values():
            yield from properties(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from properties(part)


def test_the_words_follow_the_schemas() -> None:
    known: dict[str, set[str]] = {}
    for schema in schemas():
        for name, allowed in properties(schema):
            listed = allowed.get("items", allowed) if isinstance(allowed, dict) else {}
            known.setdefault(name, set()).update(listed.get("enum", ()) if isinstance(listed, dict) else ())
    assert set(MEMBERS) - set(known) == set(), "labels of members that no schema has"
    assert known["rel"] == set(RELATIONS)
    assert known["status"] - {"active"} == set(STATUSES)
    free = {"channel", "legal_form", "group"}
    for member in set(VALUES) - free - {"kind"}:
        assert set(VALUES[member]) - known[member] == set(), member
    for member in (
        "who_may_refer",
        "delivery",
        "mode",
        "event_status",
        "urgency",
        "met",
        "recurrence",
        "per",
        "privacy",
    ):
        assert known[member] - set(VALUES[member]) == set(), f"values of {member} without a word"


def test_every_type_has_one_and_many() -> None:
    types = {
        f"org.jisr.{path.parent.name}/{path.stem}" for path in SCHEMAS.glob("*/*.json") if path.parent.name != "common"
    }
    assert set(TYPES) == types
    assert (kind_word("org.jisr.need/1", ENGLISH), kinds_word("org.jisr.need/1", ENGLISH)) == ("Need", "Needs")
    assert kind_word("org.example.x/1", ENGLISH) == "org.example.x/1"
