"""A disk of 4 MB that fills up under a hub, a node and a reader: a program, as the disk is mounted for it alone.

    unshare --user --map-root-user --mount python -m tests.faults.full_disk FOLDER        (root needs no --user)

Each of the three writes until there is no room. Then it must say so in a sentence (a hub over HTTP by a problem
document that is no 500), nothing that was acknowledged may be damaged, and when some room is made it must go on where
it was.
The last line printed says, as JSON, what was said and how far each had come.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jisr_hub.cli import checking, setting_up
from jisr_node.app import Node
from jisr_node.errors import Unwritable
from jisr_protocol import head as heads
from jisr_protocol.reader import verification
from jisr_protocol.reader.follow import Unwritable as CopyUnwritable
from jisr_protocol.reader.follow import follow_once
from jisr_protocol.reader.store import open_copy
from jisr_protocol.session import Outcome
from tests.faults import hub_path
from tests.faults.hub_path import draft
from tests.faults.processes import HubProcess

MEBIBYTES = 4
ROOM_BYTES = 1024 * 1024
"""Kept back by a file that is deleted to make room."""
PATIENCE_SECONDS = 90.0
BATCH = 24


class Disk:
    """A small disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MEBIBYTES}m", "tmpfs", str(folder)], check=True)
        self._kept_back = folder / "kept-back"
        self._kept_back.write_bytes(b"\0" * ROOM_BYTES)

    def make_room(self) -> None:
        self._kept_back.unlink()


def drafts(start: int, count: int = BATCH) -> list[dict[str, Any]]:
    return [draft(number, description=secrets.token_hex(600)) for number in range(start, start + count)]


def until_it_says_no(act: Callable[[int], str | None]) -> tuple[int, str]:
    """Go on until a sentence comes back; (how many steps went well, the sentence)."""
    for step in range(1000):
        if said := act(step):
            return step, said
    raise AssertionError("a disk of 4 MB took all of it")


def post(url: str, body: bytes) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(url, body, {"Content-Type": "application/vnd.jisr.push+ndjson"}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


# A hub


def hub_on(disk: Disk, elsewhere: Path) -> dict[str, Any]:
    """A serving hub whose disk fills up while a node pushes."""
    hub = HubProcess(disk.folder / "hub")
    hub.log = elsewhere / "hub.log"
    node = Node.init(elsewhere / "node", name="Node", country="MA", lang="ar", hub=hub.address, allow_private=True)
    asyncio.run(hub_path.admit(hub.folder, elsewhere / "node"))
    url = f"{hub.address}/v1/nodes/{node.id}/feeds/public/log"
    sizes = [0]
    refused: dict[str, Any] = {}

    def push(step: int) -> str | None:
        node.import_drafts(drafts(step * BATCH))
        node.publish()
        body = node.next_push("public", sizes[-1])
        assert body is not None
        status, came = post(url, body)
        while status == 429:
            time.sleep(1.0)
            status, came = post(url, body)
        if status == 200:
            sizes.append(came["next"])
            return None
        refused.update(came, status=status)
        return str(came["detail"])

    with node, hub:
        steps, sentence = until_it_says_no(push)
        status, came = refused["status"], refused
        assert status in (503, 507), f"a full disk was answered with {status}: {came}"
        assert came["code"] != "internal" and came["retry"].startswith("after:"), came
        assert len(sentence) > 40
        asyncio.run(_holds(hub.folder, node.id, sizes[-1]))
        body = node.next_push("public", sizes[-1])
        assert body is not None
        disk.make_room()
        status, came = post(url, body)
        assert status == 200, f"with room it does not go on: {came}"
        copy = elsewhere / "copy.jisr"
        end = time.monotonic() + PATIENCE_SECONDS
        while _published(hub) < came["next"]:  # its own key statement, and all of the node's entries
            assert time.monotonic() < end, hub.log.read_text(errors="replace")[-2000:]
            time.sleep(0.2)
        result = follow_once(hub.feed, copy, allow_private=True)
        assert result.outcome is Outcome.VERIFIED, result.sentence
        with open_copy(copy) as held:
            assert len(list(held.records())) == (steps + 1) * BATCH
    faults = asyncio.run(checking.check(hub.folder, lambda *_: None))["faults"]
    assert faults == [], faults
    return {"pushes": steps, "status": refused["status"], "retry": refused["retry"], "sentence": sentence}


async def _holds(folder: Path, node: str, size: int) -> None:
    async with setting_up.opened(folder) as ledger:
        assert (await ledger.node_log(node, "public")).frontier.size == size, "acknowledged and lost"


def _published(hub: HubProcess) -> int:
    try:
        return heads.parse((hub.folder / "public" / "head.json").read_bytes()).size
    except FileNotFoundError:
        return 0


# A node


def node_on(disk: Disk, elsewhere: Path) -> dict[str, Any]:
    """A node whose disk fills up while somebody writes and publishes."""
    folder = disk.folder / "node"
    taken = [0]
    with Node.init(folder, name="Node", country="MA", lang="ar") as node:

        def write(step: int) -> str | None:
            try:
                node.import_drafts(drafts(step * BATCH))
                node.publish()
            except Unwritable as error:
                return str(error)
            taken.append(BATCH * (step + 1))
            return None

        steps, sentence = until_it_says_no(write)
    said = _node_command(folder, "publish")
    held = node_records(folder)
    assert held >= taken[-1], f"{taken[-1]} were published, {held} are there"
    disk.make_room()
    with Node.open(folder) as node:
        node.import_drafts(drafts(steps * BATCH))
        node.publish()
        assert not node._outbox.obstacles()
        node.export(elsewhere / "export")
        assert len(node.records()) == (steps + 1) * BATCH
    assert follow_once(elsewhere / "export", elsewhere / "of-node.jisr").outcome is Outcome.VERIFIED
    return {"publishes": steps, "sentence": sentence, "command": said}


def node_records(folder: Path) -> int:
    with Node.open(folder) as node:
        return len(node.records())


def _node_command(folder: Path, *words: str) -> str:
    """What the command says on the full disk: a sentence, whatever comes of it."""
    program = "from jisr_node.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, *words, "--dir", str(folder)], capture_output=True, text=True, timeout=60
    )
    assert "Traceback" not in done.stderr, done.stderr
    return (done.stderr or done.stdout).strip()


# A reader


def reader_on(disk: Disk, elsewhere: Path) -> dict[str, Any]:
    """A copy on a disk that fills up while its feed grows."""
    copy = disk.folder / "copy.jisr"
    with Node.init(elsewhere / "long", name="Node", country="MA", lang="ar") as node:

        def grow(step: int) -> str | None:
            node.import_drafts(drafts(step * BATCH))
            node.publish()
            node.export(elsewhere / "feed")
            try:
                result = follow_once(elsewhere / "feed", copy)
            except CopyUnwritable as error:
                return str(error)
            assert result.outcome is Outcome.VERIFIED, result.sentence
            return None

        steps, sentence = until_it_says_no(grow)
    verdict = verification.copy(copy)
    assert verdict.outcome is Outcome.VERIFIED, verdict.sentence
    with open_copy(copy) as held:
        assert len(list(held.records())) == steps * BATCH
    disk.make_room()
    result = follow_once(elsewhere / "feed", copy)
    assert result.outcome is Outcome.VERIFIED, result.sentence
    with open_copy(copy) as held:
        assert len(list(held.records())) == (steps + 1) * BATCH
    return {"follows": steps, "sentence": sentence}


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    said = {}
    for name, fill in (("hub", hub_on), ("node", node_on), ("reader", reader_on)):
        elsewhere = folder / f"beside-{name}"
        elsewhere.mkdir()
        said[name] = fill(Disk(folder / f"disk-{name}"), elsewhere)
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
