"""The world of the demo is valid, whole within itself, invented, and keeps to itself what is not public."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jisr_protocol import canonical, schema
from tests.examples.drafts import Draft, complete, kind, name, read, references

WORLD = Path(__file__).resolve().parents[2] / "examples" / "tangier"
DRAFTS = read(WORLD / "drafts.jsonl")
NODES = {node["label"]: node for node in json.loads((WORLD / "nodes.json").read_text(encoding="utf-8"))}


def texts(value: Any) -> Iterator[tuple[str, dict[str, str]]]:
    """Every (language, {value, origin}) in a draft."""
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if isinstance(part, dict) and "origin" in part:
            yield str(key), part
        else:
            yield from texts(part)


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings(part)


@pytest.mark.parametrize("draft", DRAFTS, ids=lambda draft: "/".join((draft["node"], *name(draft))))
def test_a_draft_is_valid_once_its_node_completes_it(draft: Draft) -> None:
    record = complete(draft, NODES[draft["node"]]["lang"])
    assert schema.errors(draft["type"], record) == []
    assert schema.accepts(draft["type"], record)
    canonical.dumps(record)


def test_the_world_has_five_nodes_two_hubs_and_every_kind_of_record_a_demo_needs() -> None:
    assert {draft["node"] for draft in DRAFTS} == set(NODES)
    assert len(NODES) == 5
    assert {node["hub"] for node in NODES.values()} == {"MA", "NL"}
    assert all(set(node) == {"label", "name", "country", "lang", "hub"} for node in NODES.values())
    wanted = "organization service location opportunity need offer fund project event alliance membership news standard"
    assert {*wanted.split(), "indicator", "grant", "taxonomy", "volunteer"} == {kind(draft) for draft in DRAFTS}
    organizations = [draft for draft in DRAFTS if kind(draft) == "organization"]
    for draft in organizations:
        node = NODES[draft["node"]]
        assert draft["name"][node["lang"]]["value"] == node["name"]
    assert len(organizations) == len(NODES)


def test_what_the_readme_counts_is_so() -> None:
    readme = (WORLD / "README.md").read_text(encoding="utf-8")
    audiences = Counter(draft["audience"] for draft in DRAFTS)
    assert f"{len(DRAFTS)} drafts" in readme
    assert f"{audiences['partners']} drafts are for `partners`, {audiences['hub']} for the `hub`" in readme
    assert f"{audiences['local']} volunteers are `local`" in readme
    for node in NODES.values():
        assert re.search(rf"\| `{node['label']}` \|.*\| {node['hub']} \|", readme)


def test_three_scripts_and_four_languages_are_written() -> None:
    found = Counter(lang for draft in DRAFTS for lang, _ in texts(draft))
    assert all(found[lang] >= 10 for lang in ("ar", "fr", "nl", "es"))
    everything = "".join(text["value"] for draft in DRAFTS for _, text in texts(draft))
    for script in ("[\u0600-\u06ff]", "[A-Za-z]", "[\u2d30-\u2d7f]"):
        assert re.search(script, everything)
    for draft in DRAFTS:
        for lang, text in texts(draft):
            assert bool(re.search("[\u0600-\u06ff]", text["value"])) == (lang == "ar"), text


def test_only_the_language_of_the_node_is_the_authors() -> None:
    for draft in DRAFTS:
        assert draft["lang"] == NODES[draft["node"]]["lang"]
        for lang, text in texts({key: part for key, part in draft.items() if key not in ("area", "municipality")}):
            if text["origin"] == "author":
                assert lang == draft["lang"], (name(draft), text)
        own = draft.get("name", draft.get("title"))
        if own:
            assert own[draft["lang"]]["origin"] == "author", name(draft)
    assert "machine" in {text["origin"] for draft in DRAFTS for _, text in texts(draft)}


def test_every_reference_resolves_within_its_node_and_no_name_is_twice() -> None:
    names = [(draft["node"], name(draft)) for draft in DRAFTS]
    assert len(names) == len(set(names))
    found = [(draft["node"], reference) for draft in DRAFTS for reference in references(draft)]
    assert len(found) > 60
    assert [reference for reference in found if reference not in names] == []


def test_nothing_public_points_at_something_that_is_not() -> None:
    audience = {(draft["node"], name(draft)): draft["audience"] for draft in DRAFTS}
    assert set(audience.values()) == {"public", "partners", "hub", "local"}
    for draft in DRAFTS:
        if draft["audience"] == "public":
            pointed = {audience[draft["node"], reference] for reference in references(draft)}
            assert pointed <= {"public"}, name(draft)


def test_persons_stay_on_their_node_under_no_name() -> None:
    volunteers = [draft for draft in DRAFTS if kind(draft) == "volunteer"]
    assert len(volunteers) == 3
    for draft in volunteers:
        assert draft["audience"] == "local"
        assert not {"name", "source", "contact_points"} & set(draft)


def test_no_phone_and_no_address_of_the_web_but_examples() -> None:
    for draft in DRAFTS:
        for text in strings({key: part for key, part in draft.items() if key not in ("source", "id")}):
            assert not re.search(r"\+[0-9]|[0-9][0-9 ./-]{8,}[0-9](?!T)", re.sub(r"\d{4}-\d\d-\d\d\S*", "", text)), text
            for host in re.findall(r"(?:https?://|@)([^/\s]+)", text):
                assert host == "example.org" or host.endswith(".example.org"), text


def schedules(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "operating_hours" in value:
            yield value
        for part in value.values():
            yield from schedules(part)
    elif isinstance(value, list):
        for part in value:
            yield from schedules(part)


def test_fridays_are_split_and_ramadan_has_its_own_hours_in_casablanca() -> None:
    moroccan = [it for draft in DRAFTS for it in schedules(draft) if it["timezone"] == "Africa/Casablanca"]
    hours = [hour for schedule in moroccan for hour in schedule["operating_hours"]]
    assert any(hour.get("days") == ["FR"] and len(hour["intervals"]) == 2 for hour in hours)
    ramadan = [hour for hour in hours if hour["label"] == "ramadan"]
    assert len(ramadan) >= 4
    assert all({"valid_from", "valid_to"} <= set(hour) for hour in ramadan)
    # one of them ends after midnight
    assert any(end < start for hour in ramadan for start, end in hour["intervals"])
    assert {draft["node"] for draft in DRAFTS for it in schedules(draft) if it in moroccan} == {
        "nour-boughaz",
        "tarik-jeunesse",
    }


def test_the_hidden_place_says_nothing_of_where_it_is() -> None:
    hidden = [draft for draft in DRAFTS if draft.get("privacy") == "hidden"]
    assert [name(draft) for draft in hidden] == [("location", "refuge")]
    assert not {"addresses", "coordinates", "admin_codes", "area", "transport"} & set(hidden[0])


def test_the_terms_of_the_world_are_explained_in_its_taxonomy() -> None:
    (taxonomy,) = [draft for draft in DRAFTS if kind(draft) == "taxonomy"]
    codes = {concept["code"] for concept in taxonomy["concepts"]}
    used = {term["code"] for draft in DRAFTS for term in draft.get("terms", []) if term["scheme"] == taxonomy["scheme"]}
    assert used <= codes
    assert len(used) >= 8
