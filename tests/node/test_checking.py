"""The node looks at its own records with the hub's validator: before anything is signed, whole, in the reader's
language."""

from __future__ import annotations

from pathlib import Path

from jisr_node.app import Node
from jisr_protocol.quality import VERSION
from jisr_protocol.quality.validating import validate

from .conftest import NOW, SETTINGS, Command, file_of, organization, seeded, service

PERSON = [{"role": "general", "email": "fatima.alaoui@example.org"}]


def test_what_waits_and_what_is_published_is_judged_as_the_hub_judges_it() -> None:
    node = Node.in_memory(now=NOW, random_bytes=seeded("check"), **SETTINGS)
    node.import_drafts([organization(contact_points=PERSON, audience="public"), service()])
    waiting = node.check(now=NOW)
    assert [one.waits for one in waiting] == [True, True]
    assert sum(finding.code == "person.mail" for one in waiting for finding in one.verdict.findings) == 1
    node.publish(now=NOW)
    published = node.check(now=NOW)
    assert [one.waits for one in published] == [False, False]
    assert [one.verdict for one in published] == [one.verdict for one in waiting]
    for one in published:
        whole = node.show(one.id)["published"] | {"salt": "A" * 22}
        assert one.verdict == validate(whole, "2026-09-01")


def test_what_goes_is_not_judged() -> None:
    node = Node.in_memory(now=NOW, random_bytes=seeded("gone"), **SETTINGS)
    taken = node.import_drafts([organization(), service()])
    node.publish(now=NOW)
    node.delete(taken.ids[1])
    assert [one.id for one in node.check(now=NOW)] == [taken.ids[0]]
    node.publish(now=NOW)
    assert [one.id for one in node.check(now=NOW)] == [taken.ids[0]]


def test_an_import_warns_of_a_person_before_anything_is_signed(jisr_node: Command, tmp_path: Path) -> None:
    drafts = file_of(tmp_path, organization(contact_points=PERSON, audience="public"))
    status, _, said = jisr_node("import", drafts)
    assert status == 0, "a hint stops nothing"
    assert "fatima.alaoui@example.org" in said
    assert "جمعية دار الشباب" in said
    assert "Nothing is signed yet" in said
    assert jisr_node.json("import", drafts)["hints"]
    harmless = file_of(tmp_path, organization(contact_points=[{"role": "general", "email": "info@example.org"}]))
    assert jisr_node.json("import", harmless)["hints"] == []


def test_check_says_everything_by_cause_with_the_validators_version(jisr_node: Command, tmp_path: Path) -> None:
    lines = [organization(f"o{n}", audience="public", contact_points=PERSON) for n in range(25)]
    jisr_node("import", file_of(tmp_path, *lines))
    status, out, _ = jisr_node("check", "--lang", "nl")
    assert status == 0
    assert f"validator {VERSION}" in out
    assert "lijkt het mailadres van een persoon" in out.splitlines()[0], "what may harm comes first"
    assert out.count("/contact_points/0/email") == 25, "none is cut"
    found = jisr_node.json("check")
    assert len(found) == 25
    assert {one["validator"] for one in found} == {VERSION}
    assert "يشبه بريد شخص" in jisr_node("check")[1], "without --lang in the node's language"


def test_a_language_that_is_not_spoken_is_told(jisr_node: Command) -> None:
    status, _, said = jisr_node("check", "--lang", "xx")
    assert status == 64
    assert "expected one of ar, da, en" in said
