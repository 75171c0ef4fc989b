"""A hub that cheats, before a node: ten attacks, each told under its own code, no record lost, evidence where there is
any. See hostile_to_nodes.py for what each attack means to somebody who writes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jisr_node.app import Node
from jisr_node.errors import Contradiction, HubRefused, NodeError
from tests.federation.hostile import Attack
from tests.federation.hostile_to_nodes import TOLD, CheatingHub
from tests.node.conftest import NOW, SETTINGS, organization, seeded, service
from tests.node.hub_server import HubServer
from tests.reader.test_evidence import verified_elsewhere


def contents(node: Node) -> list[dict[str, Any]]:
    """Everything the node holds of its records, but for what a hub says of them."""
    shown = [node.show(row["id"]) | {"hubs": None} for row in node.records()]
    return sorted(shown, key=lambda record: str(record["id"]))


def node_under_attack(attack: Attack, folder: Path) -> str:
    """The story of one cell; returns the sentence that the node's person reads."""
    hub = CheatingHub()
    with HubServer(hub) as server:
        hub.server = server
        settings = {**SETTINGS, "hub": server.address, "allow_private": True}
        with Node.init(folder / "node", now=NOW, random_bytes=seeded("cell"), **settings) as node:
            node.import_drafts([organization(), service()])
            asyncio.run(node.sync(now=NOW))
            assert node.status(now=NOW)["todo"] == [] or _codes(node) == {"recovery"}
            before = contents(node)
            hub.turn(attack)
            sentence = asyncio.run(_recovery_of_stubs(node, folder)) if attack is Attack.STUB else _told(node, attack)
            assert [row for row in contents(node) if row in before] == before
            kept = list((folder / "node" / "evidence").glob("*"))
            told = TOLD[attack]
            assert [file.name.partition("-")[0] for file in kept] == ([told.evidence] if told.evidence else [])
            for file in kept:
                status, said = verified_elsewhere(file, folder / "elsewhere")
                assert (status, hub.ring.id in said) == (0, True), said
            hub.relent()
            later = NOW + timedelta(minutes=10)
            hub.now = later
            node.import_drafts([organization("after", name="بعد")])
            _, sent = asyncio.run(node.sync(now=later))
            assert sent.errors == ()
            assert {r["id"] for r in hub.records().values()} == {row["id"] for row in node.records()}
            assert _codes(node) <= {"recovery"}
    return sentence


def _codes(node: Node) -> set[str]:
    return {advice["code"] for advice in node.status(now=NOW)["todo"]}


def _told(node: Node, attack: Attack) -> str:
    """One more record, and a sync: what it raises, or what is to be done after it."""
    node.import_drafts([organization("more", name="مزيد")])
    errors: list[NodeError] = []
    with suppress(Contradiction):
        _, sent = asyncio.run(node.sync(now=NOW + timedelta(minutes=5)))
        errors = [error for _, error in sent.errors]
    codes = _codes(node) | {error.code for error in errors if isinstance(error, HubRefused)}
    assert TOLD[attack].code in codes, (codes, [str(error) for error in errors])
    advice = [a["sentence"] for a in node.status(now=NOW)["todo"] if a["code"] == TOLD[attack].code]
    sentence = str(errors[0]) if errors else advice[0]
    assert node.settings.hub in sentence
    return sentence


async def _recovery_of_stubs(node: Node, folder: Path) -> str:
    """The node's person wants back what the hub has: stubs give nothing, and take nothing away."""
    before = contents(node)
    with suppress(NodeError):
        done, _ = await node.rebase(now=NOW + timedelta(minutes=5))
        assert done.taken == 0
    assert contents(node) == before
    return "nothing taken"


@pytest.mark.parametrize("attack", Attack)
def test_a_node_is_told_and_loses_nothing(attack: Attack, tmp_path: Path) -> None:
    node_under_attack(attack, tmp_path)


def test_a_receipt_from_the_future_hides_nothing_and_harms_nothing(tmp_path: Path) -> None:
    """A node's own clock may be the one that is slow; so its date alone is no reason to refuse a receipt."""
    hub = CheatingHub()
    with HubServer(hub) as server:
        hub.server = server
        settings = {**SETTINGS, "hub": server.address, "allow_private": True}
        with Node.init(tmp_path / "node", now=NOW, random_bytes=seeded("future"), **settings) as node:
            node.import_drafts([organization()])
            hub._bend_receipt(at="2031-01-01T00:00:00Z")
            assert asyncio.run(node.sync(now=NOW))[1].errors == ()
            hub.turn(Attack.FORK)
            node.import_drafts([organization("more", name="مزيد")])
            [(_, error)] = asyncio.run(node.sync(now=NOW))[1].errors
            assert isinstance(error, HubRefused) and error.code == "receipt_invalid"
            assert [file.name.partition("-")[0] for file in (tmp_path / "node" / "evidence").iterdir()] == ["fork"]


@pytest.mark.parametrize("path", ["state", "keys", "push"])
def test_an_answer_without_an_end_is_left_early(path: str, tmp_path: Path) -> None:
    hub = CheatingHub()
    with HubServer(hub) as server:
        hub.server = server
        settings = {**SETTINGS, "hub": server.address, "allow_private": True}
        with Node.init(tmp_path / "node", now=NOW, random_bytes=seeded("endless"), **settings) as node:
            node.import_drafts([organization()])
            hub.turn(Attack.ENDLESS)
            server.endless_paths = {"state": "/log/state", "keys": "/keys.json", "push": "/log"}[path]
            _, sent = asyncio.run(node.sync(now=NOW))
            [(_, error)] = sent.errors
            assert isinstance(error, HubRefused) and error.code == "inflate_limit"
            assert server.sent_bytes < 32 << 20
