"""What the pages of writing do, by command: drafts, history, undo, publish --only, trash, bring-back."""

from __future__ import annotations

from pathlib import Path

from jisr_node.app import Node
from jisr_node.editing.fields import Writing
from jisr_node.editing.tasks import TASKS

from .conftest import NOW, Command, file_of, organization

BY = Writing("ar", "MA")


def edited(folder: Path, *names: str) -> str:
    """The one record of a node, with these names written into its draft one after the other."""
    step = TASKS["organization"].steps[0]
    with Node.open(folder) as node:
        record_id: str = node.overview()[0]["id"]
        for name in names:
            opened = node.drafting.open(record_id)
            values = step.values(opened.record, BY) | {"name": name}
            node.drafting.save(record_id, step, values, ["name"], opened.seen, BY, NOW)
    return record_id


def test_a_draft_is_listed_undone_and_published_alone(jisr_node: Command, tmp_path: Path) -> None:
    assert "No draft waits" in jisr_node("drafts")[1]
    jisr_node("import", file_of(tmp_path, organization("ours", name="zero")))
    jisr_node("publish")
    record_id = edited(jisr_node.folder, "one", "two")
    assert [row["id"] for row in jisr_node.json("drafts")] == [record_id]
    assert [row["stands"] for row in jisr_node.json("history", record_id)] == [True, False, False]
    assert "name (ar): one → two" in jisr_node("history", record_id)[1]
    assert jisr_node.json("undo", record_id)["n"] == 4
    jisr_node("import", file_of(tmp_path, organization("other")))
    assert jisr_node.json("publish", "--only", record_id)["entries"] == {"public": 1}
    shown = jisr_node.json("show", record_id)
    assert shown["published"]["name"]["ar"]["value"] == "one"
    assert [row["state"] for row in jisr_node.json("list")] == ["published", "new"]
    code, _, error = jisr_node("publish", "--only", "0d2ae7c5-9c98-4202-98c5-c924183959c7")
    assert code == 64 and "Nothing was changed" in error


def test_what_was_deleted_is_in_the_trash_and_comes_back(jisr_node: Command, tmp_path: Path) -> None:
    assert "The trash is empty" in jisr_node("trash")[1]
    jisr_node("import", file_of(tmp_path, organization("ours")))
    jisr_node("publish")
    record_id = jisr_node.json("list")[0]["id"]
    jisr_node("delete", record_id)
    jisr_node("publish")
    assert jisr_node.json("trash")[0]["back"] is True
    assert "is a draft again" in jisr_node("bring-back", record_id)[1]
    jisr_node("publish", "--only", record_id)
    assert jisr_node.json("show", record_id)["published"]["rev"] == 3
