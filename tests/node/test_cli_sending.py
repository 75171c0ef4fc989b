"""What is published leaves: to a folder, to a hub, or not yet."""

from __future__ import annotations

from pathlib import Path

from jisr_node import cli

from .conftest import INIT, Command, file_of, organization, service


def test_a_draft_goes_all_the_way_to_an_exported_feed(jisr_node: Command, tmp_path: Path) -> None:
    drafts = file_of(tmp_path, organization(), service())
    assert jisr_node("import", drafts)[:2] == (
        0,
        "2 added, 0 changed, 0 unchanged, 0 left out. Next: jisr-node publish\n",
    )
    assert jisr_node("import", drafts)[:2] == (0, "0 added, 0 changed, 2 unchanged, 0 left out.\n")
    assert jisr_node("publish")[:2] == (0, "Signed: 3 entries in public.\n")
    assert jisr_node("publish")[:2] == (0, "Nothing new to publish.\n")
    code, out, _ = jisr_node("export", tmp_path / "out")
    assert code == 0
    assert "Only public records are in it." in out
    assert (tmp_path / "out" / "head.json").is_file()


def test_a_folder_that_cannot_be_written_is_named(jisr_node: Command, tmp_path: Path) -> None:
    jisr_node("publish")
    (tmp_path / "file").write_text("not a folder")
    code, _, err = jisr_node("export", tmp_path / "file" / "feed")
    assert code == 1
    assert str(tmp_path / "file") in err
    assert "Traceback" not in err


def test_a_hub_that_cannot_be_reached_ends_with_30_and_nothing_lost(jisr_node: Command, tmp_path: Path) -> None:
    jisr_node("import", file_of(tmp_path, organization()))
    code, out, err = jisr_node("sync", "--hub", "https://hub.invalid")
    assert code == 30
    assert "Signed: 2 entries in public." in out, "it is published, and goes with the next push"
    assert "Nothing is lost" in err
    (delivery,) = jisr_node.json("status")["deliveries"]
    assert (delivery["waiting"], delivery["receipt"]) == (2, None)
    assert "hub.invalid" in delivery["problem"]


def test_a_private_address_is_refused_unless_it_was_allowed(jisr_node: Command, tmp_path: Path) -> None:
    jisr_node("publish")
    code, _, err = jisr_node("push", "--hub", "http://127.0.0.1:9999")
    assert (code, "only the public internet is allowed" in err) == (1, True)
    folder = tmp_path / "private"
    assert cli.run(["init", str(folder), *INIT, "--allow-private"]) == 0
    assert cli.run(["publish", "--dir", str(folder)]) == 0
    assert cli.run(["push", "--hub", "http://127.0.0.1:9", "--dir", str(folder)]) == 1, "port 9 stays shut"
