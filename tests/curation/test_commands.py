"""jisr-hub say, undo, curation and merged: each outcome is a sentence, and each act is taken back by another."""

from __future__ import annotations

from pathlib import Path

import pytest

from jisr_hub.cli import checking
from tests.curation.curated import key_of
from tests.hub.author import Author
from tests.hub.hub_in_memory import run
from tests.hub.kept_hub import KeptHub, some_author
from tests.hub.test_cli import Command, jisr_hub

__all__ = ["jisr_hub"]


@pytest.fixture
def author() -> Author:
    return some_author(records=6)


@pytest.fixture
def hub(tmp_path: Path, author: Author) -> KeptHub:
    return KeptHub(tmp_path / "hub").fill(author)


def test_a_curators_day(jisr_hub: Command, hub: KeptHub, author: Author) -> None:
    """Merge, look, hide, correct, list, take back: what is shown in the end is what was shown in the beginning."""
    at = ("--dir", hub.folder, "--json")
    one, two, three = ("/".join(key_of(author, label)) for label in ("r0", "r1", "r2"))
    before = jisr_hub("merged", *at).json
    assert len(before["entries"]) == 5
    said = [jisr_hub("say", "same", one, two, "--reason", "même adresse", *at).json]
    said.append(jisr_hub("say", "suppress", three, "--reason", "fermée", *at).json)
    said.append(jisr_hub("say", "correct", one, "/status", "paused", *at).json)
    assert said[1]["entries"] and set(said[1]["entries"].values()) == {""}
    after = jisr_hub("merged", *at).json["entries"]
    assert len(after) == 3
    (address,) = set(said[0]["entries"].values())
    entry = jisr_hub("merged", address, *at).json["entry"]
    assert len(entry["records"]) == 2
    assert entry["fields"]["status"]["shown"]["corrections"][0]["by"] == hub.id
    for name in said[0]["entries"]:
        assert jisr_hub("merged", name, *at).json["entry"] == entry
    assert "corrected by" in jisr_hub("merged", address, "--dir", hub.folder).out
    listed = jisr_hub("curation", "list", *at).json
    assert [(word["own"], word["heard"]) for word in listed["words"]] == [(True, True)] * 3
    for one_said in said:
        assert jisr_hub("undo", one_said["assertion"], *at).json["done"] == "taken back"
    assert jisr_hub("merged", *at).json == before
    assert run(checking.check(hub.folder, lambda *_: None))["faults"] == []


def test_a_term_stands_for_what_this_hub_says_until_it_is_taken_back(jisr_hub: Command, hub: KeptHub) -> None:
    at = ("--dir", hub.folder, "--json")
    said = jisr_hub("say", "term", "dar/accueil", "org.jisr.focus/reception", *at).json
    assert jisr_hub("curation", "list", *at).json["terms"]["dar/accueil"]["to"] == "org.jisr.focus/reception"
    jisr_hub("undo", said["assertion"][:8], *at)
    assert jisr_hub("curation", "list", *at).json["terms"] == {}
    assert jisr_hub("say", "term", "accueil", "core/x", *at).status == 1
    assert "one of exact, close" in jisr_hub("say", "term", "dar/a", "core/x", "--match", "nearly", *at).err


def test_a_rebuild_leaves_the_directory_as_it_was(jisr_hub: Command, hub: KeptHub, author: Author) -> None:
    at = ("--dir", hub.folder, "--json")
    one, two = ("/".join(key_of(author, label)) for label in ("r0", "r1"))
    jisr_hub("say", "same", one, two, *at)
    before = jisr_hub("merged", *at).json
    assert jisr_hub("rebuild", *at).status == 0
    assert jisr_hub("merged", *at).json == before


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("say", "same", "{one}"), "Nothing was said"),
        (("say", "same", "{one}", "nobody.nothing"), "there is no record nobody.nothing here"),
        (("say", "suppress", "{one}"), "--reason"),
        (("say", "correct", "{one}", "status", "paused"), "/pointer"),
        (("undo", "00000000"), "no word that stands is named 00000000"),
        (("merged", "nobody.nothing"), "Nothing is shown under nobody.nothing"),
        (("curation", "accept", "somebody"), "Expected a hub's or node's identifier"),
        (("curation", "ignore", "{hub}"), "what this hub says itself always counts"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_changes_nothing(
    jisr_hub: Command, hub: KeptHub, author: Author, asked: tuple[str, ...], told: str
) -> None:
    size = hub.execute("SELECT count(*) FROM entry")
    words = [word.format(one="/".join(key_of(author, "r0")), hub=hub.id) for word in asked]
    done = jisr_hub(*words, "--dir", hub.folder)
    assert done.status != 0
    assert told in done.err
    assert hub.execute("SELECT count(*) FROM entry") == size
