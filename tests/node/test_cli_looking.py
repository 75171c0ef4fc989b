"""What is here, and where it stands: list, show, status."""

from __future__ import annotations

import asyncio
from pathlib import Path

from jisr_node.app import Node
from jisr_node.cli.looking import status_lines
from jisr_protocol.problems import PROBLEMS

from .conftest import NOW, Command, file_of, organization, service
from .fake_hub import FakeHub


def test_status_in_words_begins_with_what_to_do(jisr_node: Command, tmp_path: Path) -> None:
    with Node.open(jisr_node.folder) as node:
        hub = FakeHub()
        hub.keep_back[2] = {"code": "policy_refused", "pointer": "/record/type", "detail": "only organizations"}
        node.import_drafts([organization(), service(), organization("local", audience="local")])
        node.publish(now=NOW)
        asyncio.run(node.push(hub, now=NOW))
        node.import_drafts([organization(name="اسم آخر")])
        found = node.status(now=NOW)
    for sheet in jisr_node.folder.glob("recovery-*.txt"):
        sheet.unlink()
    jisr_node("recovery-kept")
    service_id = found["refused"][0]["id"]
    found["todo"] = [advice for advice in found["todo"] if advice["code"] != "recovery"]
    assert status_lines(found) == [
        "→ The hub keeps back 1 record. Correct each with jisr-node edit, then sync.",
        "→ 1 change not published yet. Next: jisr-node publish",
        "",
        f"جمعية دار الشباب  {found['node']}",
        "Records: 2 public, 1 local",
        "Waiting: 1 to publish, 0 to delete",
        "Last backup: none yet",
        "Feed public: 3 entries, signed 1 September 2026, good until 16 October 2026",
        "Hub https://hub.example, public: received 3, waiting 0, receipt of 1 September 2026",
        f"Kept back: دروس مسائية {service_id}: {PROBLEMS['policy_refused'].title} at /record/type (only organizations)",
    ]


def test_list_shows_names_as_they_are_written(jisr_node: Command, tmp_path: Path) -> None:
    jisr_node("import", file_of(tmp_path, organization(), service()))
    out = jisr_node("list")[1]
    assert "جمعية دار الشباب" in out
    assert "دروس مسائية" in out
