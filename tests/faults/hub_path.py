"""The path of a hub, to be struck at any write: open, take pushes, store, sign, publish, close.

The prepared hub holds a little less than a page, so what is pushed completes one and begins the next. The work pushes
new, changed, deleted and narrowed records of one node, publishes after each push, and tells every receipt. A step that
fails is tried once more, as a node sends again and a publisher has a next round.

`after` is what must hold whatever happened: see its docstring.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from jisr_hub.app.opening import Running, open_hub
from jisr_hub.cli import checking, setting_up
from jisr_node.app import Node
from jisr_protocol import entry as entries
from jisr_protocol import head as heads
from jisr_protocol.merkle import Tree
from jisr_protocol.reader.follow import follow_once
from jisr_protocol.reader.store import open_copy
from jisr_protocol.session import Outcome
from tests.faults.tracing import Ended, Say

HELD_BEFORE = 245
ROOT = "hub"
SHOWN = "hub/public/head.json"
Plant = Callable[[Running], None]


def draft(number: int, **more: Any) -> dict[str, Any]:
    return {
        "type": "org.jisr.organization/1", "name": f"دار {number}", "source": {"local_id": str(number)}, **more
    }  # fmt: skip


async def admit(hub: Path, node: Path) -> None:
    """Admit the node of this folder, with a quota that is never in the way."""
    candidate = await setting_up.candidate(hub, str(node / "keys.json"))
    await setting_up.admit(hub, candidate, "Node")
    await setting_up.set_quota(hub, candidate.id, 10**6, 10**7)


async def create_hub(folder: Path, address: str = "http://127.0.0.1:9", database: str = "") -> str:
    """Make a hub, on SQLite unless a database is named; return its identifier."""
    import secrets

    made = await setting_up.create(
        folder, name="Hub", country="MA", lang="fr", address=address, allow_private=True,
        random_bytes=secrets.token_bytes, database=database,
    )  # fmt: skip
    return made.id


def prepare(folder: Path) -> None:
    """A hub with almost a page, published, a copy that has followed it, and the pushes that will come."""
    hub, node = folder / ROOT, Node.init(folder / "node", name="Node", country="MA", lang="ar")
    asyncio.run(create_hub(hub))
    asyncio.run(admit(hub, folder / "node"))
    pushes: list[tuple[str, str]] = []
    sizes = {"public": 0, "hub": 0}

    def push(feed: str) -> None:
        body = node.next_push(feed, sizes[feed])
        assert body is not None
        pushes.append((feed, body.decode()))
        sizes[feed] = next(held.size for held in node.store.feeds() if held.name == feed)

    with node:
        node.import_drafts([draft(number) for number in range(HELD_BEFORE)])
        node.publish()
        push("public")
        asyncio.run(_push_and_publish(hub, node.id, [pushes.pop()]))
        assert follow_once(hub / "public", folder / "copy.jisr").outcome is Outcome.VERIFIED
        node.import_drafts([draft(number) for number in range(HELD_BEFORE, HELD_BEFORE + 4)])
        node.publish()
        push("public")
        node.import_drafts([draft(number, description=f"بيت {number}") for number in (3, HELD_BEFORE, HELD_BEFORE + 9)])
        node.delete("local:organization/5")
        node.publish()
        push("public")
        node.import_drafts([draft(7, audience="hub")])
        node.publish()
        push("hub")
        push("public")
        (folder / "pushes.json").write_text(json.dumps({"node": node.id, "pushes": pushes}))


async def _push_and_publish(hub: Path, node: str, pushes: Iterable[tuple[str, str]]) -> None:
    running = await open_hub(hub)
    try:
        for feed, body in pushes:
            await running.hub.push(node, feed, body.encode())
        await running.publisher.publish()
    finally:
        await running.close()


def work(folder: Path, say: Say, plant: Plant | None = None) -> None:
    """Take all pushes; to be run under the tracer."""
    asyncio.run(_work(folder, say, plant))


async def _work(folder: Path, say: Say, plant: Plant | None) -> None:
    asked = json.loads((folder / "pushes.json").read_text())
    running = await _tried(say, "open", lambda: open_hub(folder / ROOT))
    if plant:
        plant(running)
    for number, (feed, body) in enumerate(asked["pushes"], 1):

        async def push(feed: str = feed, body: str = body) -> None:
            answer = await running.hub.push(asked["node"], feed, body.encode())
            say(receipt=answer.receipt.value)

        async def publish() -> None:
            head = await running.publisher.publish()
            say(head=head.raw.decode())

        await _tried(say, f"push {number}", push)
        await _tried(say, f"publish {number}", publish)
    await _tried(say, "close", running.close)


async def _tried(say: Say, step: str, act: Callable[[], Awaitable[Any]]) -> Any:
    """Do one step; after a failure, which is told, once more."""
    say(step=step)
    try:
        return await act()
    # the injected fault comes up as any error; which one it was is judged later
    except Exception as error:
        say(failed=step, why=f"{type(error).__name__}: {error}"[:300])
    try:
        done = await act()
    # told, and raised
    except Exception as error:
        say(failed_again=step, why=f"{type(error).__name__}: {error}"[:300])
        raise
    say(mended=step)
    return done


# What must hold afterwards


def after(folder: Path, ended: Ended, shown: list[bytes], expected: dict[str, Any]) -> list[str]:
    """Everything that is violated, as sentences; run when the struck process is dead.

    1. At this very moment a copy that followed before can follow: what the public head promises is there.
    2. The hub opens, and holds all that it gave receipts for, at those roots.
    3. No position twice, none missing, no entry of a node twice.
    4. It publishes, and every head that was ever shown is proven by the log: no fork, no rollback.
    5. The node sends everything again: nothing is doubled, and the hub stands where it would without any fault.
    6. `check` finds nothing, and the copy goes on.
    """
    found: list[str] = []
    copy = folder / "copy.jisr"
    if (at_once := follow_once(folder / ROOT / "public", copy)).outcome is not Outcome.VERIFIED:
        found.append(f"a reader at the moment of the fault: {at_once.sentence}")
    try:
        found += asyncio.run(_recovered(folder, ended, shown, expected))
    # whatever keeps it from coming back is the finding
    except Exception as error:
        return [*found, f"the hub does not come back: {type(error).__name__}: {error}"]
    found += asyncio.run(checking.check(folder / ROOT, lambda *_: None))["faults"]
    if (later := follow_once(folder / ROOT / "public", copy)).outcome is not Outcome.VERIFIED:
        return [*found, f"a reader afterwards: {later.sentence}"]
    with open_copy(copy) as held:
        live = sorted([record.node, record.id, record.rev] for record in held.records())
    if expected and live != expected["live"]:
        found.append(f"the copy holds {len(live)} records, or others than the {len(expected['live'])} expected")
    return found


async def _recovered(folder: Path, ended: Ended, shown: list[bytes], expected: dict[str, Any]) -> list[str]:
    asked = json.loads((folder / "pushes.json").read_text())
    running = await open_hub(folder / ROOT)
    try:
        found = await acknowledged_is_held(running, [said["receipt"] for said in ended.said if "receipt" in said])
        await running.publisher.publish()
        for feed, body in asked["pushes"]:
            await running.hub.push(asked["node"], feed, body.encode())
        last = await running.publisher.publish()
        told = [said["head"].encode() for said in ended.said if "head" in said]
        found += await log_is_sound(running, [*shown, *told, last.raw])
        if expected and last.size != expected["size"]:
            found.append(f"the log has {last.size} entries, expected {expected['size']}")
        return found
    finally:
        await running.close()


async def acknowledged_is_held(running: Running, receipts: Iterable[dict[str, Any]]) -> list[str]:
    """What a receipt promises and the ledger does not hold."""
    found = []
    for receipt in receipts:
        node, name, size = receipt["node"], receipt["name"], receipt["size"]
        log = await running.ledger.node_log(node, name)
        leaves = await running.ledger.node_leaves(node, name, 0, size)
        if log.frontier.size < size or len(leaves) != size:
            found.append(f"acknowledged and lost: {name} up to {size}, held {log.frontier.size}")
        elif Tree(leaves[seq] for seq in range(size)).root().hex() != receipt["log_root"]:
            found.append(f"acknowledged and changed: {name} up to {size}")
    return found


async def log_is_sound(running: Running, shown: Iterable[bytes]) -> list[str]:
    """Positions and entries that are there twice or missing, and shown heads that the log does not prove."""
    found, leaves, seen = [], [], set()
    async with running.ledger.reading() as view:
        async for rows in view.entries(0):
            for seq, line, leaf in rows:
                if seq != len(leaves):
                    found.append(f"position {seq} follows {len(leaves) - 1}")
                leaves.append(leaf)
                parsed = entries.parse(line)
                what = (parsed.op, parsed.node, parsed.id, parsed.rev, parsed.digest)
                if what in seen:
                    found.append(f"twice in the log: {what}")
                seen.add(what)
    tree, before = Tree(leaves), None
    for raw in dict.fromkeys(shown):
        head = heads.parse(raw)
        if head.size > tree.size or tree.root(head.size).hex() != head.log_root:
            found.append(f"a head of {head.size} entries was shown that the log does not prove")
        if before is not None and (head.size < before.size or head.time <= before.time):
            found.append(f"a head of {before.size} entries was shown, then an older one of {head.size}")
        before = head
    return found


def prepared_check(hub: Path) -> list[str]:
    """What `jisr-hub check` finds in a hub that was closed after publishing nothing new; its own head may be older."""
    faults: list[str] = asyncio.run(checking.check(hub, lambda *_: None))["faults"]
    return faults


def outcome(folder: Path) -> dict[str, Any]:
    """What a run without any fault comes to."""
    result = asyncio.run(checking.check(folder / ROOT, lambda *_: None))
    assert result["faults"] == []
    assert follow_once(folder / ROOT / "public", folder / "copy.jisr").outcome is Outcome.VERIFIED
    with open_copy(folder / "copy.jisr") as held:
        live = sorted([record.node, record.id, record.rev] for record in held.records())
    return {"size": result["entries"], "live": live}
