"""Kill -9 of hub and nodes at random moments under load: what was acknowledged stays, whatever dies when."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jisr_hub.cli import inspection, setting_up
from jisr_node.app import Node
from jisr_protocol.reader.follow import follow_once
from jisr_protocol.reader.store import open_copy
from jisr_protocol.session import Outcome
from tests.faults.processes import HubProcess

SCRIPT = Path(__file__).with_name("pushing_node.py")
NODES = 3
PATIENCE_SECONDS = 60.0


class Load:
    """A process with several nodes that push in a loop; it remembers what a hub has given receipts for."""

    def __init__(self, folders: list[Path]) -> None:
        self.folders = folders
        self.acknowledged: dict[str, dict[str, Any]] = {}
        self.receipts = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, str(SCRIPT), *map(str, self.folders)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._listener = threading.Thread(target=self._listen, args=(self.process,), daemon=True)
        self._listener.start()

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.endswith(b"\n"):  # a killed process may stop within a line
                said = json.loads(line)
                self.acknowledged[said["node"]] = said
                self.receipts += 1

    def works(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        assert self.process is not None and self.process.stderr is not None
        alive = self.works()
        self.process.send_signal(signal.SIGKILL)
        said = self.process.stderr.read().decode()
        self.process.wait()
        self._listener.join()
        self.process.stderr.close()
        assert self.process.stdout is not None
        self.process.stdout.close()
        assert alive and not said, f"a node failed by itself: {said[-3000:]}"


def check(hub: HubProcess) -> dict[str, Any]:
    """`jisr-hub check` beside the serving hub: every leaf, position, signature, root and page."""
    result = asyncio.run(inspection.check(hub.folder, lambda *_: None))
    assert result["faults"] == []
    return result


def lost(held: dict[tuple[str, str], int], acknowledged: dict[str, dict[str, Any]]) -> list[str]:
    """What was acknowledged and is not held at its rev, nor at a later one of a later put or deletion."""
    return [
        f"{id_} rev {rev} of {node}"
        for node, said in acknowledged.items()
        for id_, rev in said["revs"].items()
        if held.get((node, id_), 0) < rev
    ]


async def held_by(hub: HubProcess, acknowledged: dict[str, dict[str, Any]]) -> dict[tuple[str, str], int]:
    """The newest rev the hub's ledger holds of each acknowledged record."""
    asked = [(node, id_) for node, said in acknowledged.items() for id_ in said["revs"]]
    async with setting_up.opened(hub.folder) as ledger:
        return {key: held.rev for key, held in (await ledger.held("public", asked)).items()}


def verified(hub: HubProcess, copy: Path) -> dict[tuple[str, str], int]:
    """Follow the hub: always verified; the newest rev of every record in its history."""
    result = follow_once(hub.feed, copy, allow_private=True)
    assert result.outcome is Outcome.VERIFIED, result.sentence
    assert result.refused == []
    with open_copy(copy) as held:
        return {(c.node, c.id): c.rev or 0 for c in held.changes() if c.op in ("put", "del")}


def read_until_all_is_there(hub: HubProcess, copy: Path, acknowledged: dict[str, dict[str, Any]]) -> None:
    """Follow until the feed shows all that was acknowledged: heads are signed a little later."""
    end = time.monotonic() + PATIENCE_SECONDS
    while missing := lost(verified(hub, copy), acknowledged):
        assert time.monotonic() < end, f"acknowledged and lost: {missing[:5]}"
        time.sleep(0.2)


def test_a_few_kills_lose_nothing_that_was_acknowledged(tmp_path: Path, figure: Callable[..., None]) -> None:
    """20 and 200 of them are a line of tests/acceptance."""
    figure(endure(tmp_path, kills=3, seed=1))


def endure(tmp_path: Path, *, kills: int, seed: int) -> str:
    """Kill hub or nodes so many times, start them again, check everything each time; return the figure."""
    chance = random.Random(seed)
    hub = HubProcess(tmp_path / "hub")
    folders = [tmp_path / f"node{n}" for n in range(NODES)]
    for number, folder in enumerate(folders):
        Node.init(
            folder, name=f"Node {number}", country="MA", lang="ar", hub=hub.address, allow_private=True
        ).close()  # fmt: skip
        candidate = asyncio.run(setting_up.candidate(hub.folder, str(folder / "keys.json")))
        asyncio.run(setting_up.admit(hub.folder, candidate, f"Node {number}"))
        asyncio.run(setting_up.set_quota(hub.folder, candidate.id, 10**6, 10**7))
    load, copy = Load(folders), tmp_path / "copy.jisr"
    fast = {"JISR_HUB_PUBLISH_SECONDS": "0.05"}
    hub.start(**fast)
    load.start()
    killed = {"hub": 0, "node": 0}
    try:
        while sum(killed.values()) < kills:
            before = load.receipts
            time.sleep(chance.uniform(0.05, 0.6))
            end = time.monotonic() + PATIENCE_SECONDS
            while load.receipts == before:  # it is no test of anything while nobody works
                time.sleep(0.05)
                assert load.works() and time.monotonic() < end, "the nodes came to a stop by themselves"
            victim = chance.choice(["hub", "hub", "node"])
            killed[victim] += 1
            if victim == "node":
                load.kill()
                acknowledged = dict(load.acknowledged)
                load.start()
            else:
                hub.kill()
                acknowledged = dict(load.acknowledged)
                hub.start(**fast)
            check(hub)
            assert lost(asyncio.run(held_by(hub, acknowledged)), acknowledged) == []
            verified(hub, copy)
        load.kill()
        asyncio.run(_push_the_rest(folders))
        final = {node.id: _said(node) for node in map(Node.open, folders)}
        read_until_all_is_there(hub, copy, final)
        with open_copy(copy) as held:
            assert {(r.node, r.id): r.rev for r in held.records()} == {
                (node, id_): rev for node, said in final.items() for id_, rev in said["revs"].items()
            }
        result = check(hub)
    finally:
        if load.works():
            load.kill()
        hub.stop()
    return (
        f"{killed['hub']} times the hub and {killed['node']} times the nodes killed: {load.receipts} receipts, "
        f"{result['entries']} entries, {result['live']} live, nothing lost"
    )


async def _push_the_rest(folders: list[Path]) -> None:
    for folder in folders:
        with Node.open(folder) as node:
            node.publish()
            sent = await node.push()
            assert not sent.errors


def _said(node: Node) -> dict[str, Any]:
    stored = node.store.records()
    node.close()
    return {"revs": {record.id: record.rev for record in stored if record.content is not None}}
