"""The desk by command: lists of blocks, consent and letters, sources, and questions of duplicates."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.curation.curated import key_of
from tests.hub.kept_hub import KeptHub, some_author
from tests.hub.test_cli import Command, jisr_hub

__all__ = ["jisr_hub"]
TO = "secretariat@dar.example"


@pytest.fixture
def hub(tmp_path: Path) -> KeptHub:
    return KeptHub(tmp_path / "hub").fill(some_author(records=3))


def test_a_list_of_blocks_is_written_shown_and_taken_in(jisr_hub: Command, hub: KeptHub, tmp_path: Path) -> None:
    node, record = key_of(some_author(records=3), "r0")
    at = ("--dir", hub.folder, "--json")
    jisr_hub("block", f"{node}/{record}", "--until", "2036-01-01", "--reason", "a complaint", "--note", "secret", *at)
    (listed,) = jisr_hub("blocks", "list", *at).json["blocks"]
    assert (listed["record"], listed["reason"], "note" in listed) == (record, "a complaint", False)
    for name in ("blocks.json", "blocks.csv"):
        assert jisr_hub("blocks", "export", tmp_path / name, *at).status == 0
    jisr_hub("acts", "undo", "1", *at)
    shown = jisr_hub("blocks", "import", tmp_path / "blocks.csv", "--dir", hub.folder)
    assert "Nothing was changed" in shown.out and jisr_hub("blocks", "list", *at).json["blocks"] == []
    taken = jisr_hub("blocks", "import", tmp_path / "blocks.json", "--yes", *at).json
    assert taken["blocked"] == [f"{node}/{record}"]
    assert jisr_hub("blocks", "list", *at).json["blocks"] == [listed]
    (tmp_path / "none.csv").write_bytes(b"\xff\xfe")
    assert jisr_hub("blocks", "import", tmp_path / "none.csv", *at).status == 1


def test_consent_letters_and_what_waits_by_command(jisr_hub: Command, hub: KeptHub) -> None:
    at = ("--dir", hub.folder, "--json")
    node, record = key_of(some_author(records=3), "r0")
    assert jisr_hub("letters", "agree", TO, "--how", "by telephone", "--node", node, "--lang", "ar", *at).status == 0
    (who,) = jisr_hub("letters", "people", *at).json["people"]
    assert (who["address"], who["lang"], who["node"]) == (TO, "ar", node)
    assert TO not in str(jisr_hub("acts", "list", *at).json)
    assert jisr_hub("letters", "end", who["name"], "--forget", *at).status == 0
    assert jisr_hub("letters", "people", *at).json["people"] == []
    assert jisr_hub("letters", "list", *at).json["letters"] == []
    assert jisr_hub("letters", "retry", "none", *at).status == 1
    assert jisr_hub("campaign", "list", *at).json == {"campaigns": [], "open": []}
    refused = jisr_hub("campaign", "begin", "Autumn", "--yes", "--dir", hub.folder)
    assert (refused.status, "nobody to ask" in refused.err) == (1, True)
    assert node in {one["id"] for one in jisr_hub("source", "list", *at).json["sources"]}
    assert jisr_hub("source", "stop", node, "--dir", hub.folder).status == 1, "a node that pushes is not fetched"
    assert jisr_hub("acts", "waiting", *at).json == {"waiting": []}
    assert jisr_hub("acts", "approve", "none", "--yes", *at).status == 1
    other = key_of(some_author(records=3), "r1")
    both = (f"{node}/{record}", "/".join(other))
    assert jisr_hub("pair", "answer", *both, "unsure", *at).json["answer"] == "unsure"
    assert jisr_hub("pair", "ask", *both, *at).status == 0
