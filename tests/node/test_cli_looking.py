"""What is here, and where it stands: list, show, status."""

from __future__ import annotations

import asyncio
from pathlib import Path

from jisr_node.app import Node
from jisr_node.cli.looking import status_lines
from jisr_node.ports import Delivery
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


def test_show_says_what_each_hub_did_with_the_record(jisr_node: Command) -> None:
    with Node.open(jisr_node.folder) as node:
        hub, late = FakeHub(), "https://late.example"
        hub.keep_back[2] = {"code": "policy_refused", "pointer": "/record/type", "detail": "only organizations"}
        node.import_drafts([organization(), service()])
        node.publish(now=NOW)
        asyncio.run(node.push(hub, now=NOW))
        node.store.put_delivery(Delivery(late, "public", 0, None, None, "2026-09-02T08:00:00Z", "It is shut."))
    taken = jisr_node.json("show", "local:organization/dar")["hubs"]
    kept = jisr_node.json("show", "local:service/lessons")["hubs"]
    assert [(row["hub"], row["feed"], row["state"], row["seq"], row["rev"]) for row in taken + kept] == [
        (hub.address, "public", "accepted", 1, 1),
        (late, "public", "waiting", 1, 1),
        (hub.address, "public", "refused", 2, 1),
        (late, "public", "waiting", 2, 1),
    ]
    assert taken[0]["receipt"] == {"at": "2026-09-01T12:00:00Z", "by": hub.ring.id, "entries": 3}
    assert (taken[0]["held"], taken[0]["refusal"]) == ({"seq": 1, "op": "put", "rev": 1}, None)
    assert (taken[1]["held"], taken[1]["receipt"], taken[1]["problem"]) == (None, None, "It is shut.")
    why = PROBLEMS["policy_refused"].title
    assert (kept[0]["held"], kept[0]["refusal"]["code"], kept[0]["refusal"]["why"]) == (None, "policy_refused", why)
    late_lines = [
        "https://late.example: waiting, it has not confirmed rev 1 at position {} of your feed public",
        "  Last tried 2 September 2026: It is shut.",
    ]
    assert jisr_node("show", "local:organization/dar")[2].splitlines() == [
        "https://hub.example: accepted, rev 1 at position 1 of your feed public, by its receipt of 1 September 2026",
        late_lines[0].format(1),
        late_lines[1],
    ]
    assert jisr_node("show", "local:service/lessons")[2].splitlines()[0] == (
        "https://hub.example: refused, rev 1 at position 2 of your feed public, by its receipt of 1 September 2026: "
        f"{why} at /record/type (only organizations)"
    )
