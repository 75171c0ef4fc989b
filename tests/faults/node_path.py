"""The path of a node, to be struck at any write: open, import, publish, export, push, delete, close.

It pushes to a hub in the same process, whose folder is not struck. See hub_path for the way such a path is used.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from jisr_hub.app.opening import Running, open_hub
from jisr_hub.web.api import answered
from jisr_node.app import Node
from jisr_node.errors import HubRefused
from jisr_protocol import head as heads
from jisr_protocol import keys
from jisr_protocol.merkle import Tree
from jisr_protocol.reader.follow import follow_once
from jisr_protocol.reader.store import open_copy
from jisr_protocol.refusal import Refusal
from jisr_protocol.session import Outcome
from tests.faults import hub_path
from tests.faults.hub_path import draft
from tests.faults.tracing import Ended, Say

ROOT = "node"
SHOWN = "node/public/head.json"


class HubBeside:
    """A ports.Hub: an open hub without a network between."""

    address = "http://127.0.0.1:9"

    def __init__(self, running: Running) -> None:
        self.running = running

    async def keys(self) -> bytes:
        return keys.write_file(self.running.hub.identity.ring)

    async def log_state(self, node: str, feed: str) -> bytes:
        log = await self.running.hub.log_state(node, feed)
        epoch = f'"{log.epoch}"' if log.epoch else "null"
        root, size = log.frontier.root().hex(), log.frontier.size
        return f'{{"epoch":{epoch},"log_root":"{root}","next":{size}}}'.encode()

    async def shown_head(self) -> bytes:
        raise HubRefused("busy", "not asked for here")

    async def push(self, node: str, feed: str, body: bytes, *, later: bool = False) -> bytes:
        try:
            return answered(await self.running.hub.push(node, feed, body))
        except Refusal as refusal:
            log = await self.running.ledger.node_log(node, feed)
            raise HubRefused(refusal.code, str(refusal), next=log.frontier.size) from refusal


def prepare(folder: Path) -> None:
    """A node with some records, published, exported, pushed and followed."""
    asyncio.run(hub_path.create_hub(folder / "hub"))
    with Node.init(folder / ROOT, name="Node", country="MA", lang="ar", hub=HubBeside.address) as node:
        asyncio.run(hub_path.admit(folder / "hub", folder / ROOT))
        node.import_drafts([draft(number) for number in range(12)])
        node.publish()
        node.export(folder / ROOT / "public")
        asyncio.run(push(folder, node))
    assert follow_once(folder / ROOT / "public", folder / "copy.jisr").outcome is Outcome.VERIFIED


async def push(folder: Path, node: Node) -> None:
    running = await open_hub(folder / "hub")
    try:
        await node.push(HubBeside(running))
    finally:
        await running.close()


def work(folder: Path, say: Say, _: object = None) -> None:
    """Write, publish, export and push, twice; to be run under the tracer."""

    def tried(step: str, act: Callable[[], Any]) -> Any:
        say(step=step)
        try:
            return act()
        # the injected fault comes up as any error; which one it was is judged later
        except Exception as error:
            say(failed=step, why=f"{type(error).__name__}: {error}"[:400], sentence=type(error).__module__)
        done = act()
        say(mended=step)
        return done

    node = tried("open", lambda: Node.open(folder / ROOT))
    with node:
        for round_, numbers in enumerate(((3, 20, 21, 22), (4, 20, 30)), 1):
            drafts = [draft(number, description=f"بيت {round_}") for number in numbers]
            tried(f"import {round_}", partial(node.import_drafts, drafts))
            say(imported=list(numbers), round=round_)
            tried(f"delete {round_}", partial(node.delete, f"local:organization/{round_}"))
            say(deleted=round_)
            tried(f"publish {round_}", node.publish)
            say(published=True)
            tried(f"export {round_}", lambda: node.export(folder / ROOT / "public"))
            tried(f"push {round_}", lambda: asyncio.run(push(folder, node)))
            held = node.store.feed("public")
            say(receipt={"size": held.size, "node": node.id}, head=held.head.decode())
        say(step="close")


def after(folder: Path, ended: Ended, shown: list[bytes], expected: dict[str, Any]) -> list[str]:
    """The node opens, nothing holds its signing up, and it can publish, push and export; what was told stands; the hub
    holds the same history; every head ever shown is proven by the log; a copy that followed goes on."""
    found: list[str] = []
    try:
        with Node.open(folder / ROOT) as node:
            found += node._outbox.obstacles()
            if found:
                return found
            missing = _missing(node, ended)
            if missing:
                found.append(f"told as imported and lost: {missing}")
            _rest(node, ended)
            node.publish()
            asyncio.run(push(folder, node))
            node.export(folder / ROOT / "public")
            held = node.store.feed("public")
            assert held is not None
            leaves = node.store.leaves("public", 0, held.size)
            told = [said["head"].encode() for said in ended.said if "head" in said]
            found += _unproven(leaves, [*shown, *told, held.head])
            live = sorted([record["source"]["local_id"], record.get("description") is not None]
                          for record in node.records())  # fmt: skip
            if expected and live != expected["live"]:
                found.append(f"the node holds {live}, expected {expected['live']}")
    # whatever keeps it from coming back is the finding
    except Exception as error:
        return [*found, f"the node does not come back: {type(error).__name__}: {error}"]
    if (later := follow_once(folder / ROOT / "public", folder / "copy.jisr")).outcome is not Outcome.VERIFIED:
        return [*found, f"a reader afterwards: {later.sentence}"]
    with open_copy(folder / "copy.jisr") as copy:
        if len(list(copy.records())) != len(live):
            found.append("the copy differs from the node")
    hub = hub_path.prepared_check(folder / "hub")
    return found + hub


def _missing(node: Node, ended: Ended) -> list[int]:
    """Local ids that were told as imported and are neither waiting nor published."""
    told = {number for said in ended.said for number in said.get("imported", ())}
    waiting = {change.id for change in node.store.changes()} | {record.id for record in node.store.records()}
    return [n for n in told if node.store.local_id("org.jisr.organization", str(n)) not in waiting]


def _rest(node: Node, ended: Ended) -> None:
    """What the struck process did not come to: the person gives the same commands again."""
    rounds = {said["round"] for said in ended.said if "round" in said}
    deleted = {said["deleted"] for said in ended.said if "deleted" in said}
    for round_, numbers in enumerate(((3, 20, 21, 22), (4, 20, 30)), 1):
        if round_ not in rounds:
            node.import_drafts([draft(number, description=f"بيت {round_}") for number in numbers])
        if round_ not in deleted:
            node.delete(f"local:organization/{round_}")


def _unproven(leaves: list[bytes], shown: list[bytes]) -> list[str]:
    tree, found, before = Tree(leaves), [], None
    for raw in dict.fromkeys(shown):
        head = heads.parse(raw)
        if head.size > tree.size or tree.root(head.size).hex() != head.log_root:
            found.append(f"a head of {head.size} entries was shown that the log does not prove")
        if before is not None and head.size < before.size:
            found.append(f"a head of {before.size} entries was shown, then an older one of {head.size}")
        before = head
    return found


def outcome(folder: Path) -> dict[str, Any]:
    """What a run without any fault comes to."""
    shutil.rmtree(folder / "spare", ignore_errors=True)
    with Node.open(folder / ROOT) as node:
        live = sorted([record["source"]["local_id"], record.get("description") is not None]
                      for record in node.records())  # fmt: skip
    return {"live": live}
