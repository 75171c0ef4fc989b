"""Taking drafts in: twice is once, the good ones proceed, and each fault is named."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jisr_node.app import Node
from jisr_node.drafts import Taken
from jisr_protocol import canonical, schema

from .conftest import NOW, SETTINGS, need, organization, seeded, service


def lines(*drafts: dict[str, Any]) -> list[str]:
    return [json.dumps(draft, ensure_ascii=False) for draft in drafts]


def counts(taken: Taken) -> tuple[int, int, int, int]:
    return taken.added, taken.changed, taken.unchanged, len(taken.refused)


def waiting(node: Node, which: str) -> dict[str, Any]:
    found: dict[str, Any] = node.show(which)["waiting"]
    return found


def test_the_same_import_twice_changes_nothing(node: Node) -> None:
    drafts = lines(organization(), service(), need())
    assert counts(node.import_drafts(drafts)) == (3, 0, 0, 0)
    assert counts(node.import_drafts(drafts)) == (0, 0, 3, 0)
    assert node.publish(now=NOW).count == 5, "three records in two feeds, each with its key"
    assert counts(node.import_drafts(drafts)) == (0, 0, 3, 0)
    assert node.publish(now=NOW).count == 0


def test_a_draft_gets_what_it_does_not_say(node: Node) -> None:
    node.import_drafts(lines(organization()))
    record = waiting(node, "local:organization/dar")
    assert record["name"] == {"ar": {"value": "جمعية دار الشباب", "origin": "author"}}
    assert (record["status"], record["lang"], record["licence"], record["audience"]) == (
        "active", "ar", "CC-BY-4.0", "public",
    )  # fmt: skip


@pytest.mark.parametrize("type_name", schema.types())
def test_the_audience_is_the_default_of_the_type(node: Node, type_name: str) -> None:
    short = type_name.removeprefix("org.jisr.").removesuffix("/1")
    default = schema.default_audience(type_name)
    folder = Path(schema.__file__).parents[1] / "schemas" / short / "examples" / "valid"
    examples = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]
    plain = [example for example in examples if example["audience"] == default]
    assert plain
    for number, draft in enumerate(plain):
        draft["id"] = f"00000000-0000-4000-8000-{number:012}"
        del draft["audience"]
        taken = node.import_drafts([draft])
        assert taken.refused == []
        assert waiting(node, draft["id"])["audience"] == default


def test_a_plain_text_is_the_authors_in_the_drafts_language(node: Node) -> None:
    draft = service(lang="fr", name="Cours du soir", at=[{"location": "local:location/l", "note": "Au fond"}])
    place = {"type": "org.jisr.location/1", "source": {"local_id": "l"}, "name": "Ici", "privacy": "area"}
    assert node.import_drafts([organization(), place, draft]).refused == []
    record = waiting(node, "local:service/lessons")
    assert record["name"] == {"fr": {"value": "Cours du soir", "origin": "author"}}
    assert record["at"][0]["note"] == {"fr": {"value": "Au fond", "origin": "author"}}
    assert record["at"][0]["location"] == node.find("local:location/l")


def test_a_text_is_brought_to_nfc_with_line_feeds(node: Node) -> None:
    node.import_drafts([organization(name="e\u0301cole", purpose={"fr": {"value": "a\r\nb", "origin": "author"}})])
    record = waiting(node, "local:organization/dar")
    assert record["name"]["ar"]["value"] == "\u00e9cole"
    assert record["purpose"]["fr"]["value"] == "a\nb"


def test_a_local_reference_finds_a_record_of_this_file_or_of_the_node(node: Node) -> None:
    node.import_drafts([service(), organization()])
    dar = node.find("local:organization/dar")
    assert waiting(node, "local:service/lessons")["organization"] == dar
    node.import_drafts([service("more", links=[{"rel": "part_of", "target": "local:organization/dar"}])])
    assert waiting(node, "local:service/more")["links"] == [{"rel": "part_of", "target": dar}]


def test_a_local_reference_to_nothing_is_refused_with_its_place(node: Node) -> None:
    taken = node.import_drafts([service(of="nobody")])
    (refused,) = taken.refused
    (fault,) = refused.faults
    assert (refused.line, fault.pointer, fault.code) == (1, "/organization", "reference_unknown")
    assert fault.sentence == (
        "/organization: expected a record with the local id 'nobody' in this file or at this node; "
        'came "local:organization/nobody"'
    )


def test_an_id_follows_from_the_local_id_and_the_nodes_secret(node: Node) -> None:
    node.import_drafts([organization()])
    record_id = UUID(node.find("local:organization/dar"))
    assert (record_id.version, record_id.variant) == (8, "specified in RFC 4122")
    with Node.in_memory(now=NOW, random_bytes=seeded("another"), **SETTINGS) as other:
        other.import_drafts([organization()])
        assert other.find("local:organization/dar") != str(record_id), "the secret is the node's own"


def test_equal_local_ids_of_two_types_are_two_records(node: Node) -> None:
    taken = node.import_drafts([organization("1"), service("1", of="1")])
    assert len(set(taken.ids)) == 2


def test_a_record_without_local_id_gets_a_random_id(node: Node) -> None:
    draft = {"type": "org.jisr.organization/1", "name": "بلا رقم"}
    (first,) = node.import_drafts([draft]).ids
    (second,) = node.import_drafts([draft]).ids
    assert first != second
    assert UUID(first).version == 4


def test_what_show_prints_can_be_edited_and_put_back(node: Node) -> None:
    (record_id,) = node.import_drafts([organization()]).ids
    node.publish(now=NOW)
    shown = node.show(record_id)["published"]
    assert counts(node.edit(record_id, shown)) == (0, 0, 1, 0)
    shown["name"]["ar"]["value"] = "اسم جديد"
    assert counts(node.edit(record_id, shown)) == (0, 1, 0, 0)
    node.publish(now=NOW)
    (record,) = node.records()
    assert (record["rev"], record["name"]["ar"]["value"]) == (2, "اسم جديد")


def test_a_change_taken_back_before_publishing_leaves_nothing(node: Node) -> None:
    node.import_drafts([organization()])
    node.publish(now=NOW)
    node.import_drafts([organization(name="غيره")])
    assert counts(node.import_drafts([organization()])) == (0, 1, 0, 0)
    assert node.publish(now=NOW).count == 0


def test_an_import_never_deletes(node: Node) -> None:
    node.import_drafts([organization(), service()])
    node.publish(now=NOW)
    assert counts(node.import_drafts([])) == (0, 0, 0, 0)
    node.import_drafts([organization()])
    assert node.publish(now=NOW).count == 0
    assert len(node.records()) == 2


def test_a_source_about_a_person_is_not_kept_in_the_record(node: Node) -> None:
    draft = {
        "type": "org.jisr.volunteer/1", "source": {"local_id": "secret-7"}, "intermediary": "local:organization/dar",
        "expires": "2026-11-01T00:00:00Z",
    }  # fmt: skip
    assert counts(node.import_drafts([organization(), draft])) == (2, 0, 0, 0)
    record = waiting(node, "local:volunteer/secret-7")
    assert "source" not in record
    assert record["audience"] == "local"
    assert counts(node.import_drafts([organization(), draft])) == (0, 0, 2, 0)


def test_only_one_partners_lines_are_taken(node: Node) -> None:
    drafts = [
        {**organization("a"), "node": "A"},
        {**organization("b"), "node": "B"},
        {**organization("c"), "node": "A"},
    ]
    taken = node.import_drafts(drafts, "A")
    assert (taken.added, taken.skipped) == (2, 1)
    assert "node" not in waiting(node, "local:organization/a")


def test_the_good_lines_proceed_and_each_bad_one_is_named(node: Node) -> None:
    bad = {**organization("bad"), "name": {"ar": {"value": "", "origin": "author"}}, "founded": "last year"}
    taken = node.import_drafts([*lines(organization(), bad), "", "{", *lines(service())])
    assert counts(taken) == (2, 0, 0, 2)
    assert [refused.line for refused in taken.refused] == [2, 4]
    assert [fault.pointer for fault in taken.refused[0].faults] == ["/founded", "/name/ar/value"]
    assert taken.refused[1].faults[0].code == "not_json"


BAD_LINES = [
    (b"\xff\xfe", "", "not_json", "text in UTF-8"),
    (b"[1]", "", "malformed", "a JSON object"),
    (b'"text"', "", "malformed", "a JSON object"),
    (b"{}", "/type", "type_unknown", "one of org.jisr.alliance/1"),
    (b'{"type":"org.jisr.shop/1"}', "/type", "type_unknown", "one of org.jisr.alliance/1"),
    (b'{"type":7}', "/type", "type_unknown", "one of org.jisr.alliance/1"),
    (b'{"type":"org.jisr.organization/1","name":"a","name":"b"}', "", "not_json", "every member once"),
    (b'{"type":"org.jisr.organization/1","name":"a","x":NaN}', "", "not_json", "a JSON value"),
    (b'{"type":"org.jisr.organization/1","name":"a","x":1.5}', "/x", "not_canonical", "an integer, or a decimal"),
    (b'{"type":"org.jisr.organization/1","name":"a","x":9007199254740992}', "/x", "not_canonical", "within"),
    (b'{"type":"org.jisr.organization/1","name":"a","x":"\\ud800"}', "", "not_json", "JSON"),
    (b'{"type":"org.jisr.organization/1","name":"\\u202egnp"}', "/name/ar/value", "not_canonical", "bidirectional"),
    (b'{"type":"org.jisr.organization/1","name":"a","\xc3\xa9":1}', "", "not_canonical", "ASCII"),
    (b'{"type":"org.jisr.organization/1","name":"a","id":"7"}', "/id", "malformed", "a UUID in lowercase"),
    (
        b'{"type":"org.jisr.organization/1","name":"a","source":{"local_id":"\\ud800"}}',
        "/source/local_id",
        "not_json",
        "",
    ),
    (b'{"type":"org.jisr.organization/1","name":"a","parent":"local:x"}', "/parent", "malformed", "local:<type>"),
    (b'{"type":"org.jisr.organization/1","name":"a","lang":"Arabic"}', "/lang", "schema_invalid", "a language tag"),
    (b'{"type":"org.jisr.organization/1","name":"a","lang":["ar"]}', "/lang", "schema_invalid", "a language tag"),
    (b"[" * 100_000, "", "not_json", "at most 16 levels"),
    (
        b'{"type":"org.jisr.organization/1","name":"a","x":' + b"[" * 400 + b"]" * 400 + b"}",
        None,
        "not_canonical",
        "16",
    ),
    (b'{"type":"org.jisr.organization/1","name":"' + b"a" * 2_000_000 + b'"}', "", "too_large", "at most"),
    (b'{"type":"org.jisr.organization/1","name":"a","x":"' + b"a" * 70_000 + b'"}', "", "too_large", "at most"),
]


@pytest.mark.parametrize(("line", "pointer", "code", "words"), BAD_LINES, ids=range(len(BAD_LINES)))
def test_a_bad_line_is_refused_with_place_code_and_words(
    node: Node, line: bytes, pointer: str | None, code: str, words: str
) -> None:
    taken = node.import_drafts([line, *lines(organization())])
    assert counts(taken) == (1, 0, 0, 1), "the good line beside it proceeds"
    (fault,) = [f for f in taken.refused[0].faults if pointer is None or f.pointer == pointer]
    assert fault.code == code
    assert words in fault.expected
    assert fault.came
    assert len(fault.sentence) < 700


def test_the_same_record_twice_in_a_file_is_refused_the_second_time(node: Node) -> None:
    taken = node.import_drafts([organization(), organization(name="غيره")])
    assert counts(taken) == (1, 0, 0, 1)
    assert "line 1" in taken.refused[0].faults[0].expected


def test_a_local_id_stays_with_its_record(node: Node) -> None:
    (known,) = node.import_drafts([organization()]).ids
    taken = node.import_drafts([organization(id="00000000-0000-4000-8000-000000000001")])
    assert known in taken.refused[0].faults[0].expected


def test_a_record_keeps_its_type(node: Node) -> None:
    (record_id,) = node.import_drafts([organization()]).ids
    taken = node.import_drafts([{"id": record_id, "type": "org.jisr.standard/1", "name": "x", "kind": "form"}])
    assert [f.pointer for r in taken.refused for f in r.faults] == ["/type"]


def test_a_deleted_record_that_comes_again_gets_a_higher_rev(node: Node) -> None:
    node.import_drafts([organization()])
    node.publish(now=NOW)
    node.delete("local:organization/dar")
    node.publish(now=NOW)
    assert node.records() == []
    assert counts(node.import_drafts([organization()])) == (1, 0, 0, 0)
    node.publish(now=NOW)
    assert [record["rev"] for record in node.records()] == [3]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(json_values | st.binary(max_size=60), max_size=4))
def test_no_input_does_anything_but_be_taken_or_refused(values: list[Any]) -> None:
    drafts = [v if isinstance(v, bytes) else json.dumps(v) for v in values]
    with Node.in_memory(now=NOW, random_bytes=seeded("any"), **SETTINGS) as node:
        taken = node.import_drafts(drafts)
        assert len(taken.ids) + len(taken.refused) <= len(drafts)
        assert all(fault.sentence for refused in taken.refused for fault in refused.faults)


@given(st.dictionaries(st.sampled_from(["name", "purpose", "area", "links", "terms", "parent", "x"]), json_values))
def test_what_is_taken_is_valid_when_signed(members: dict[str, Any]) -> None:
    with Node.in_memory(now=NOW, random_bytes=seeded("valid"), **SETTINGS) as node:
        if node.import_drafts([json.dumps(organization(**members))]).refused:
            return
        node.publish(now=NOW)
        line = node.store.lines("public", 1, 2)[0].raw
        record = canonical.parse(line)["record"]
        assert schema.errors("org.jisr.organization/1", record) == []


def test_the_published_record_is_what_was_written_and_what_the_node_gives(node: Node) -> None:
    node.import_drafts([organization(rev=99, salt="x", created="never", modified="never", node="label")])
    node.publish(now=NOW)
    (record,) = node.records()
    assert (record["rev"], record["node"], record["created"]) == (1, node.id, "2026-09-01T12:00:00Z")
    signed = canonical.parse(node.store.lines("public", 1, 2)[0].raw)["record"]
    assert {**record, "salt": signed["salt"]} == signed
    assert re.fullmatch("[A-Za-z0-9_-]{22}", signed["salt"])
