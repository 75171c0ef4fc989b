"""The worlds of the demo: valid, whole within themselves, marked honestly; what is not public stays where it is."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.federation import worlds
from jisr_hub.directory.efforts import COUNTED, UNMAPPED, themes_of
from jisr_protocol import canonical, core_terms, schema
from tests.examples.drafts import NODE, Draft, complete, kind, name, read, references
from tests.federation.shown_world import described, name_of, sentences
from tests.federation.world_checks import CHECKS

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DECLARED = {each: json.loads((EXAMPLES / each / "world.json").read_text(encoding="utf-8")) for each in worlds.WORLDS}
NODES = {node["label"]: node for declared in DECLARED.values() for node in declared["nodes"]}
FIRST = {each: read(EXAMPLES / each / "drafts.jsonl") for each in worlds.WORLDS}
LATER = {
    each: [draft for draft in read(EXAMPLES / each / "later.jsonl") if "delete" not in draft] for each in worlds.WORLDS
}
WRITTEN = {each: [*FIRST[each], *LATER[each]] for each in worlds.WORLDS}
EVERY = [draft for written in WRITTEN.values() for draft in written]
TANGIER = WRITTEN["tangier"]
LANGUAGES = {
    "tangier": {"ar": 60, "fr": 60, "nl": 10, "es": 10, "da": 5, "zgh": 5, "tr": 2, "en": 1},
    "enschede": {"nl": 40, "ar": 20, "en": 40, "tr": 20},
    "burundi": {"fr": 40, "nl": 40},
    "alliance": {"nl": 50, "tr": 50},
}
"""At least how many texts a world has in each language; it has no other."""


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


def world_of(draft: Draft) -> str:
    return next(each for each in worlds.WORLDS if draft in WRITTEN[each])


def with_others(draft: Any) -> Any:
    """The draft with each reference to another node made one that has its form."""
    found = sorted({text for text in strings(draft) if text.startswith("node:")})
    ids = {
        text.removeprefix("node:"): (NODE, f"00000000-0000-4000-8000-{number:012}") for number, text in enumerate(found)
    }
    return worlds.resolved(draft, ids)


@pytest.mark.parametrize("draft", EVERY, ids=lambda draft: name_of(draft["node"], draft))
def test_a_draft_is_valid_once_its_node_completes_it(draft: Draft) -> None:
    record = complete(with_others(draft), NODES[draft["node"]]["lang"])
    assert schema.errors(draft["type"], record) == []
    assert schema.accepts(draft["type"], record)
    canonical.dumps(record)


@pytest.mark.parametrize("world", worlds.WORLDS)
def test_a_world_declares_its_hubs_who_follows_whom_and_where_each_node_is_at_home(world: str) -> None:
    declared = DECLARED[world]
    assert set(declared) <= {"title", "hubs", "links", "reader", "portal", "meanings", "nodes"}
    assert {draft["node"] for draft in WRITTEN[world]} == {node["label"] for node in declared["nodes"]}
    for node in declared["nodes"]:
        assert set(node) == {"label", "name", "country", "lang", "hub"}
        assert node["hub"] in declared["hubs"]
        assert node["country"] not in declared["hubs"] or node["hub"] == node["country"]
        own = [draft for draft in FIRST[world] if draft["node"] == node["label"] and kind(draft) == "organization"]
        assert len(own) == 1
        assert own[0]["lang"] == node["lang"]
    all_linked(declared)


def all_linked(declared: dict[str, Any]) -> None:
    """What one hub has reaches every other."""
    reached, edge = {declared["reader"]}, {declared["reader"]}
    while edge:
        edge = {label for link in declared["links"] if edge & set(link) for label in link} - reached
        reached |= edge
    assert reached == set(declared["hubs"])
    assert len(declared["hubs"]) == len(set(declared["hubs"]))


def test_the_joint_federation_has_five_hubs_and_everybody_at_home_in_their_own_country() -> None:
    joint = worlds.world(worlds.ALL)
    assert set(joint.hubs) == set(worlds.HUBS) == {"MA", "NL", "BE", "FR", "ES"}
    all_linked(json.loads((EXAMPLES / "all" / "world.json").read_text(encoding="utf-8")))
    assert {partner.label for partner in joint.partners} == set(NODES)
    assert len(joint.partners) == len(NODES)
    for partner in joint.partners:
        assert partner.hub == (partner.country if partner.country in joint.hubs else NODES[partner.label]["hub"])
    assert {partner.hub for partner in joint.partners} == set(joint.hubs)
    assert sum(len(turn.drafts) for turn in joint.later) == sum(
        len(read(EXAMPLES / each / "later.jsonl")) for each in worlds.WORLDS
    )


def test_every_kind_of_record_but_one_is_in_the_worlds() -> None:
    """Assertions are what hubs say."""
    types = {path.name for path in Path(schema.__file__).parents[1].glob("schemas/*") if path.is_dir()} - {"common"}
    assert {kind(draft) for draft in EVERY} == types - {"assertion"}


@pytest.mark.parametrize("world", worlds.WORLDS)
def test_what_the_readme_counts_is_so(world: str) -> None:
    readme = (EXAMPLES / world / "README.md").read_text(encoding="utf-8")
    audiences = Counter(draft["audience"] for draft in FIRST[world])
    assert f"{len(FIRST[world])} drafts" in readme
    assert f"{audiences['partners']} for `partners`, {audiences['hub']} for the `hub`" in readme
    assert f"{audiences['local']} `local`" in readme
    for node in DECLARED[world]["nodes"]:
        assert re.search(rf"\| `{node['label']}` \|.*\| {node['hub']} \|", readme)


@pytest.mark.parametrize("world", worlds.WORLDS)
def test_a_world_is_written_in_its_languages(world: str) -> None:
    found = Counter(lang for draft in WRITTEN[world] for lang, _ in texts(draft))
    assert {lang: count for lang, count in found.items() if count < LANGUAGES[world].get(lang, 1000)} == {}
    assert set(found) == set(LANGUAGES[world])
    for draft in WRITTEN[world]:
        for lang, text in texts(draft):
            assert bool(re.search("[\u0600-\u06ff]", text["value"])) == (lang == "ar"), text
            assert bool(re.search("[\u2d30-\u2d7f]", text["value"])) == (lang == "zgh"), text


def test_only_the_language_of_the_node_is_the_authors_and_every_translation_is_a_machines() -> None:
    for draft in EVERY:
        assert draft["lang"] == NODES[draft["node"]]["lang"]
        for lang, text in texts(draft):
            assert text["origin"] in (("author", "machine") if lang == draft["lang"] else ("machine",)), (draft, text)
        own = draft.get("name", draft.get("title"))
        if own:
            assert own[draft["lang"]]["origin"] == "author", name(draft)


def test_every_reference_resolves_and_one_to_another_node_only_to_what_was_written_before() -> None:
    for world in worlds.WORLDS:
        names = [(draft["node"], name(draft)) for draft in FIRST[world]]
        assert len(names) == len(set(names))
        assert not [text for draft in FIRST[world] for text in strings(draft) if text.startswith("node:")]
        written = {name_of(draft["node"], draft) for draft in FIRST[world]}
        for draft in LATER[world]:
            asked = {text.removeprefix("node:") for text in strings(draft) if text.startswith("node:")}
            assert asked <= written, asked - written
            written.add(name_of(draft["node"], draft))
        for draft in WRITTEN[world]:
            for reference in references(draft):
                assert "/".join((draft["node"], *reference)) in written


def test_nothing_public_points_at_something_that_is_not() -> None:
    audience = {name_of(draft["node"], draft): draft["audience"] for draft in EVERY}
    assert set(audience.values()) == {"public", "partners", "hub", "local"}
    for draft in EVERY:
        if draft["audience"] == "public":
            pointed = ["/".join((draft["node"], *reference)) for reference in references(draft)]
            pointed += [text.removeprefix("node:") for text in strings(draft) if text.startswith("node:")]
            assert {audience[each] for each in pointed} <= {"public"}, name(draft)


def test_persons_are_never_public_and_have_no_name() -> None:
    volunteers = [draft for draft in EVERY if kind(draft) == "volunteer"]
    assert len(volunteers) == 7
    assert {draft["audience"] for draft in volunteers} == {"local", "partners"}
    for draft in volunteers:
        assert not {"name", "source", "contact_points"} & set(draft)


def test_no_phone_and_no_address_of_the_web_but_examples() -> None:
    for draft in EVERY:
        for text in strings({key: part for key, part in draft.items() if key not in ("source", "id")}):
            without_ids = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "", text)
            plain = re.sub(r"\d{4}-\d\d-\d\d\S*", "", without_ids)
            assert not re.search(r"\+[0-9]|[0-9][0-9 ./-]{8,}[0-9](?!T)", plain), text
            for host in re.findall(r"(?:https?://|@)([^/\s]+)", text):
                assert host == "example.org" or host.endswith(".example.org"), text


# The tables of sentences


@pytest.mark.parametrize("world", worlds.WORLDS)
def test_a_table_names_what_there_is(world: str) -> None:
    written = {name_of(draft["node"], draft) for draft in WRITTEN[world]}
    for sentence in sentences(world):
        assert sentence.records, sentence.says
        assert set(sentence.records) <= written, sentence.says
        assert set(sentence.checks) <= set(CHECKS), sentence.says


def test_no_check_stands_idle() -> None:
    assert {check for sentence in sentences(worlds.ALL) for check in sentence.checks} == set(CHECKS)


def test_each_sentence_of_the_description_is_in_its_table(shared: Path) -> None:
    product = shared / "design" / "product.md"
    if not product.is_file():
        pytest.skip(f"the description of the four worlds is missing: expected it at {product}")
    found = described(product.read_text(encoding="utf-8"))
    assert {world: [each.says for each in sentences(world)] for world in worlds.WORLDS} == found
    assert sum(map(len, found.values())) == 21


# Tangier


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
    moroccan = [it for draft in TANGIER for it in schedules(draft) if it["timezone"] == "Africa/Casablanca"]
    hours = [hour for schedule in moroccan for hour in schedule["operating_hours"]]
    assert any(hour.get("days") == ["FR"] and len(hour["intervals"]) == 2 for hour in hours)
    ramadan = [hour for hour in hours if hour["label"] == "ramadan"]
    assert len(ramadan) >= 4
    assert all({"valid_from", "valid_to"} <= set(hour) for hour in ramadan)
    # one of them ends after midnight
    assert any(end < start for hour in ramadan for start, end in hour["intervals"])
    assert {draft["node"] for draft in TANGIER for it in schedules(draft) if it in moroccan} == {
        "nour-boughaz",
        "tarik-jeunesse",
    }


def test_the_hidden_place_says_nothing_of_where_it_is() -> None:
    hidden = [draft for draft in TANGIER if draft.get("privacy") == "hidden"]
    assert [name(draft) for draft in hidden] == [("location", "refuge")]
    assert not {"addresses", "coordinates", "admin_codes", "area", "transport"} & set(hidden[0])


def test_the_terms_of_the_world_are_explained_in_its_taxonomy() -> None:
    (taxonomy,) = [draft for draft in TANGIER if kind(draft) == "taxonomy"]
    codes = {concept["code"] for concept in taxonomy["concepts"]}
    used = {
        term["code"] for draft in TANGIER for term in draft.get("terms", []) if term["scheme"] == taxonomy["scheme"]
    }
    assert used <= codes
    assert len(used) >= 8


@pytest.mark.parametrize("world", worlds.WORLDS)
def test_what_an_operator_says_of_own_terms_is_of_their_world_and_lets_coverage_count_most_of_it(world: str) -> None:
    said = {tuple(own.split("/")): tuple(core.split("/")) for own, core, _ in DECLARED[world]["meanings"]}
    written = {(term["scheme"], term["code"]) for draft in WRITTEN[world] for term in draft.get("terms", [])}
    assert set(said) <= written and set(said.values()) <= set(core_terms.labels())
    assert {match for *_, match in DECLARED[world]["meanings"]} <= {"exact", "close"}
    counted = [draft for draft in WRITTEN[world] if kind(draft) in COUNTED and draft.get("terms")]
    themed = [draft for draft in counted if set(themes_of(draft, said)) - {UNMAPPED}]
    assert len(themed) >= len(counted) / 2
    assert all(worlds.world(worlds.ALL).meanings.count(one) == 1 for one in worlds.world(world).meanings)
