"""A node and a hub that never meet: bundles go there on a stick, and the receipt comes back on one."""

from __future__ import annotations

import asyncio
import zipfile
from pathlib import Path
from typing import Any

import pytest

from jisr_hub.app.folder import sole
from jisr_hub.cli import carrying as at_hub
from jisr_hub.cli import inspection, pulling, setting_up
from jisr_hub.cli.setting_up import SettingUpError
from jisr_hub.hub import Fenced
from jisr_node import carrying as at_node
from jisr_node.app import Node
from jisr_node.errors import Declined
from jisr_protocol.reader.bundle_cli import import_parts
from tests.hub.kept_hub import KeptHub
from tests.node.conftest import organization

HUB = "https://hub.example"


@pytest.fixture
def hub(tmp_path: Path) -> KeptHub:
    return KeptHub(tmp_path / "hub")


def node_of(tmp_path: Path, records: int) -> Node:
    node = Node.init(tmp_path / "node", name="Dar", country="MA", lang="fr", hub=HUB)
    node.import_drafts([organization(str(number)) for number in range(records)])
    node.publish()
    return node


def admit(hub: KeptHub, node: Node) -> None:
    found = asyncio.run(setting_up.candidate(hub.folder, str(node.folder / "keys.json" if node.folder else "")))
    asyncio.run(setting_up.admit(hub.folder, found, "Dar"))


def brought(hub: KeptHub, *files: Path) -> dict[str, Any]:
    return asyncio.run(at_hub.bring(hub.folder, list(files)))[-1]


def status(hub: KeptHub) -> dict[str, Any]:
    return asyncio.run(inspection.status(hub.folder))


def test_a_feed_goes_to_the_hub_by_hand_and_the_receipt_comes_back(hub: KeptHub, tmp_path: Path) -> None:
    with node_of(tmp_path, 1100) as node:
        admit(hub, node)
        made = at_node.export(node, tmp_path / "dar.zip", split="70kB")
        assert len(made.files) >= 3
        lacking = brought(hub, made.files[0], made.files[-1])
        assert lacking["outcome"] == "incomplete" and 2 in lacking["missing_parts"] and lacking["code"]
        assert status(hub)["live"] == 0
        rest = at_node.export(node, tmp_path / "rest.zip", since=lacking["code"])
        whole = brought(hub, *rest.files)
        assert (whole["outcome"], whole["entries"], whole["quarantined"]) == ("verified", 1101, 0)
        assert (status(hub)["live"], status(hub)["published"]) == (1100, status(hub)["size"])
        assert brought(hub, *made.files)["outcome"] == "verified", "twice is once"

        back = asyncio.run(at_hub.export(hub.folder, tmp_path / "hub.zip", "", "", node.id))
        done = at_node.take_receipt(node, back.files[0])
        assert (done.next, done.size) == (1101, 1101)
        [delivery] = node.status()["deliveries"]
        assert (delivery["received"], delivery["problem"]) == (1101, None)
        assert import_parts(back.files, tmp_path / "copy.jisr", hub.id).status == 0, "and it is the hub's feed too"


def test_beside_a_server_nothing_enters_a_database_that_is_older_than_what_was_published(
    hub: KeptHub, tmp_path: Path
) -> None:
    with node_of(tmp_path, 3) as node:
        admit(hub, node)
        file, made = hub.folder / "hub.sqlite", at_node.export(node, tmp_path / "dar.zip")
        older = file.read_bytes()
        assert brought(hub, *made.files)["outcome"] == "verified"
        file.write_bytes(older)
        size = status(hub)["size"]
        with sole(hub.folder), pytest.raises(Fenced, match="older than what this hub has published"):
            brought(hub, *made.files)
        assert status(hub)["size"] == size


def test_what_is_refused_leaves_all_as_it_was(hub: KeptHub, tmp_path: Path) -> None:
    with node_of(tmp_path, 3) as node:
        made = at_node.export(node, tmp_path / "dar.zip")
        stranger = brought(hub, *made.files)
        assert stranger["outcome"] == "refused" and "not_admitted" in stranger["sentence"]
        admit(hub, node)
        cut = tmp_path / "cut.zip"
        cut.write_bytes(made.files[0].read_bytes()[:-40])
        assert "bundle_unreadable" in brought(hub, cut)["sentence"]
        assert brought(hub, tmp_path / "none.zip")["sentence"] == "there is no such file"
        assert status(hub)["live"] == 0
        with pytest.raises(Declined, match="no receipt"):
            at_node.take_receipt(node, made.files[0])


def test_only_what_is_public_is_in_a_bundle(hub: KeptHub, tmp_path: Path) -> None:
    with node_of(tmp_path, 2) as node:
        node.import_drafts([organization("secret", audience="hub"), organization("own", audience="local")])
        node.publish()
        made = at_node.export(node, tmp_path / "dar.zip")
    with zipfile.ZipFile(made.files[0]) as archive:
        content = b"".join(archive.read(name) for name in archive.namelist())
    assert b'"audience":"public"' in content
    assert b'"audience":"hub"' not in content and b'"audience":"local"' not in content


def test_a_registered_feed_is_fetched_by_the_command_and_told(hub: KeptHub, tmp_path: Path) -> None:
    with node_of(tmp_path, 5) as node:
        node.export(tmp_path / "web")
        with pytest.raises(SettingUpError, match="not admitted"):
            asyncio.run(pulling.add(hub.folder, node.id, str(tmp_path / "web")))
        admit(hub, node)
        asyncio.run(pulling.add(hub.folder, node.id, str(tmp_path / "web")))
        [done] = asyncio.run(pulling.fetch_now(hub.folder))
        assert (done["outcome"], done["admitted"]) == ("verified", 6)
        [told] = status(hub)["pulls"]
        assert (told["node"], told["outcome"]) == (node.id, "verified")
        assert f"fetch {node.id}" in inspection.status_words(status(hub))
        asyncio.run(pulling.remove(hub.folder, node.id))
        assert status(hub)["pulls"] == [] and status(hub)["live"] == 5
