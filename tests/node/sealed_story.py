"""Two stories through a real hub over real HTTP, told as what was found where: a message, and a volunteer."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2 as httpx

from jisr_hub import events
from jisr_hub.app.opening import open_hub
from jisr_hub.cli import keeping
from jisr_hub.mailbox.carrying import Mailboxes
from jisr_hub.storage.mailbox import SqlPost
from jisr_hub.storage.sql import SqlLedger
from jisr_node.app import Node, messages, volunteers
from jisr_node.app.node import clock
from jisr_node.volunteers.profiles import Offer
from jisr_protocol import sealed
from jisr_protocol.limits import MESSAGE_DAYS
from jisr_protocol.problems import PROBLEMS
from jisr_protocol.reader import sealing
from jisr_protocol.refusal import Refusal
from tests.hub.mailbox_world import CANARY, ELSEWHERE, World, forms, letter, refusal_in, world_over
from tests.node.conftest import organization
from tests.node.sealed_world import made, served

PAGES = ("/", "/directory", "/.well-known/jisr.json", "/keys.json", "/feeds/public/head.json", "/readyz", "/metrics")


@dataclass
class Message:
    """What became of a message."""

    written: str = CANARY
    read: str = ""
    found: dict[str, int] = field(default_factory=dict)
    refused: dict[str, Any] = field(default_factory=dict)
    full_says: str = ""
    full_title: str = ""
    searched: int = 0


def _files(folder: Path) -> bytes:
    return b"\n".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def _times(wanted: Iterable[bytes], content: bytes) -> int:
    return sum(content.count(each) for each in wanted)


def _pages(hub: str) -> bytes:
    """What anybody gets of a hub: its pages, and every page of its public log and snapshot."""
    found = []
    with httpx.Client(base_url=hub, follow_redirects=True) as client:
        for path in PAGES:
            found.append(client.get(path).content)
        head = client.get("/feeds/public/head.json").json().get("head", {})
        size, epoch = head.get("size", 0), head.get("epoch", "")
        found.append(client.get(f"/feeds/public/log/{epoch}/000.p/{size}.ndjson").content)
    return b"\n".join(found)


@contextlib.contextmanager
def _log() -> Any:
    """Everything that the hub and its server write."""
    stream, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(stream)
    root.addHandler(handler)
    events.set_up(stream)
    try:
        yield stream
    finally:
        import structlog

        structlog.reset_defaults()
        root.removeHandler(handler)


def a_message(folder: Path) -> Message:
    """From one node to another; and every way in which one is not taken."""
    story = Message()
    with made(folder / "ours") as ours, made(folder / "theirs") as theirs, _log() as log:
        with served(folder / "hub", ours, theirs) as hub:
            asyncio.run(messages.send(theirs, ours.id, text=CANARY, reply=f"{CANARY} 2", hub=hub))
            raw = _left(ours, hub)
            story.found["pages"] = _times(forms(CANARY), _pages(hub))
            story.found["database"] = _times(forms(CANARY), _files(folder / "hub"))
            asyncio.run(messages.fetch(ours, hub))
            [kept] = messages.box_of(ours).listed(clock())
            story.read = kept.value["text"]
            answer = httpx.post(f"{hub}/v1/nodes/{ours.id}/messages", content=raw)
            story.refused["replay"] = answer.json()["code"]
        story.refused["wrong key"] = _opened_by(theirs, raw)
        story.found["log"] = _times([*forms(CANARY), raw[-80:-40]], log.getvalue().encode())
    backup = folder / "backup.tar"
    asyncio.run(keeping.backup(folder / "hub", backup, with_key=False))
    story.found["backup"] = _times([*forms(CANARY), raw[-80:-40]], backup.read_bytes())
    asyncio.run(_scrubbed(folder / "hub"))
    story.found["bytes after it was taken"] = _times([raw[-80:-40], raw[600:640]], _files(folder / "hub"))
    asyncio.run(_not_taken(folder / "boxes", story))
    story.searched = len(list((folder / "hub").rglob("*"))) + len(PAGES) + 3
    return story


def _left(ours: Node, hub: str) -> bytes:
    """The sealed bytes as they wait."""

    async def look() -> bytes:
        async with messages.mailbox_of(ours, hub) as mailbox:
            known = ours.meet(mailbox.address, await mailbox.keys())
            [(_, raw)], _ = await mailbox.waiting(ours.identity, known, clock())
            return raw

    return asyncio.run(look())


def _opened_by(node: Node, raw: bytes) -> str:
    try:
        sealing.unseal(sealed.parse(raw), messages.box_of(node).keys())
    except Refusal as refusal:
        return refusal.code
    return "opened"


async def _scrubbed(folder: Path) -> None:
    running = await open_hub(folder)
    try:
        await SqlPost(running.ledger.database).scrub()
    finally:
        await running.close()


async def _not_taken(folder: Path, story: Message) -> None:
    folder.mkdir()
    async with world_over(folder / "hub.sqlite") as (world, ledger):
        ours, moved = world.nodes.add("ours"), world.nodes.add("moved", ELSEWHERE)
        there = await refusal_in(world.boxes.leave(moved.identity.id, letter(moved), "192.0.2.1"), whole=True)
        story.refused["another hub's"] = there.partition(" ")[0]
        late = letter(ours, number=2)
        await world.boxes.leave(ours.identity.id, letter(ours), "192.0.2.1")
        full = await refusal_in(_small(world).leave(ours.identity.id, late, "192.0.2.1"), whole=True)
        story.refused["full"] = full.partition(" ")[0]
        story.full_says, story.full_title = PROBLEMS["mailbox_full"].retry, PROBLEMS["mailbox_full"].title
        world.now += timedelta(days=MESSAGE_DAYS)
        await world.boxes.expire()
        await world.boxes.scrub()
        await world.boxes.expire()
        story.refused["expired"] = await _rows(ledger)


def _small(world: World) -> Mailboxes:
    """The same mailboxes, where one message fills one."""
    kept = world.post

    class Small:
        async def leave(self, node: str, message: Any, now: int, until: int, most: int) -> Any:
            return await kept.leave(node, message, now, until, 1)

    return World.opened(_over(world, Small()))


def _over(world: World, post: Any) -> World:
    other = World(post)
    other.nodes, other.now = world.nodes, world.now
    return other


async def _rows(ledger: SqlLedger) -> int:
    import sqlalchemy as sa

    from jisr_hub.storage import tables as t

    [row] = await ledger.rows(sa.select(sa.func.count().label("n")).select_from(t.sealed_message))
    return int(row.n)


# A volunteer

LOCAL, SHARED, REACHED = "canary-local-tamazight", "canary-shared-sewing", "canary-phone-0612"


@dataclass
class Volunteer:
    """What was found of two volunteers, one local, one who agreed that partners see the profile."""

    found: dict[str, int] = field(default_factory=dict)
    held_before: bool = False
    local_receipt: tuple[dict[str, str], str] = ({}, "not asked")
    shared_receipt: list[str] = field(default_factory=list)
    searched: int = 0


def a_volunteer(folder: Path) -> Volunteer:
    """Two enrol at an intermediary, its records go to a hub, and both want to be gone."""
    story = Volunteer()
    never = [form for text in (LOCAL, REACHED) for form in forms(text)]
    offer = Offer(skills=("language",), wishes=LOCAL, contact=REACHED, agreed=True, lang="nl")
    with made(folder / "house") as house, served(folder / "hub", house) as hub:
        house.import_drafts([organization()])
        house.settings = replace(house.settings, hub=hub)
        local = volunteers.enrol(house, offer)
        shared = volunteers.enrol(house, replace(offer, wishes=SHARED, share="partners"))
        asyncio.run(house.sync())
        held = _files(folder / "hub")
        story.held_before = SHARED.encode() in held
        story.found["hub's files, what was local"] = _times(never, held)
        shown = _pages(hub)
        story.found["public outputs"] = _times([*never, *forms(SHARED)], shown)
        for word in (local, shared):
            volunteers.leave(house, word)
        asyncio.run(house.push())
        first = asyncio.run(volunteers.receipts(house, local))
        assert first is not None
        story.local_receipt = (first.hubs, first.unheard)
        until = time.monotonic() + 60
        while not story.shared_receipt and time.monotonic() < until:
            told = asyncio.run(volunteers.receipts(house, shared))
            story.shared_receipt = list(told.hubs.values()) if told is not None else []
            time.sleep(0.5)
        gone = [*never, *forms(SHARED)]
        story.found["after delete-me"] = _times(gone, _files(folder / "hub") + _pages(hub))
        story.found["at home"] = _times(gone, _files(folder / "house"))
    story.searched = 2 * len(PAGES) + len(list((folder / "hub").rglob("*"))) + len(list((folder / "house").rglob("*")))
    return story
