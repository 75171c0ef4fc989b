"""Looking at a hub from outside its serving: status, check, rebuild, judging again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jisr_protocol import entry as entries
from jisr_protocol import identifiers, keys, live, paths, state_tree
from jisr_protocol.entry import Entry
from jisr_protocol.inflate import inflate
from jisr_protocol.keys import KeyRing
from jisr_protocol.limits import PAGE_BYTES, PAGE_ENTRIES
from jisr_protocol.merkle import Frontier
from jisr_protocol.refusal import Refusal

from .. import config
from ..app import PUBLIC, now, open_hub, read_identity
from ..ports import Published, View
from ..publish.feed import Publisher, check_fence
from ..storage.folder import FolderPages
from ..storage.kept_lines import kept_lines
from ..storage.rebuild import rebuild_records
from ..storage.sql import SqlLedger
from .setting_up import alone, check_there, opened

Progress = Callable[[int, int], None]


async def status(folder: Path) -> dict[str, Any]:
    """The hub's facts as one JSON object."""
    check_there(folder)
    settings = config.read(folder)
    who = read_identity(folder, settings)
    async with opened(folder) as ledger:
        published = await ledger.published()
        members = await ledger.members()
        async with ledger.reading() as view:
            size, live_count = view.size, await view.live()
        nodes = [await _node(ledger, member.node) | {"name": member.name, "home": member.home} for member in members]
        peers = await ledger.peers()
    return {
        "id": who.id,
        "name": settings.name,
        "size": size,
        "live": live_count,
        "published": published.head.size if published else 0,
        "state_root": published.head.state_root if published else None,
        "head_time": identifiers.to_instant(published.head.time) if published else None,
        "nodes": nodes,
        "peers": [{name: getattr(p, name) for name in p.__dataclass_fields__} for p in peers],
    }


async def _node(ledger: SqlLedger, node: str) -> dict[str, Any]:
    feeds = {}
    for name in identifiers.FEED_AUDIENCES:
        log = await ledger.node_log(node, name)
        if log.epoch is not None:
            waiting = await ledger.judged(node, name)
            feeds[name] = {
                "size": log.frontier.size,
                "quarantined": [
                    {"seq": k.seq, "code": k.code, "pointer": k.pointer, "detail": k.detail} for k in waiting
                ],
            }
    return {"node": node, "feeds": feeds}


def status_words(value: dict[str, Any]) -> str:
    """The facts for a person."""
    lines = [
        f"{value['name']}  {value['id']}",
        f"{value['live']} live records in {value['size']} entries; published up to {value['published']}",
        "",
    ]
    for node in value["nodes"]:
        waiting = sum(len(feed["quarantined"]) for feed in node["feeds"].values())
        where = f"by way of {node['home']}" if node["home"] else "admitted here"
        lines.append(f"node  {node['name'] or node['node']}  {where}" + (f"  {waiting} quarantined" if waiting else ""))
    for peer in value["peers"]:
        seen = f"{peer['last_outcome'] or 'not asked yet'} {peer['last_at']}"
        lines.append(f"peer  {peer['name']}  {seen}  {peer['last_detail']}".rstrip())
    return "\n".join(lines)


async def check(folder: Path, progress: Progress) -> dict[str, Any]:
    """Prove the ledger and the published files: every line's leaf, the roots, every signature, every page.

    Faults are sentences that name the index. The serving hub may go on meanwhile.
    """
    check_there(folder)
    settings = config.read(folder)
    who = read_identity(folder, settings)
    pages = FolderPages(folder / PUBLIC)
    faults: list[str] = []
    async with opened(folder) as ledger:
        published = await ledger.published()
        async with ledger.reading() as view:
            reading = _Reading(who.ring, published, faults)
            async for rows in view.entries(0):
                for seq, line, leaf in rows:
                    reading.take(seq, line, leaf)
                progress(rows[-1][0] + 1, view.size)
            reading.finish(view.size)
            await _check_records(view, reading, faults)
            live_count = await view.live()
            if published is not None:
                await _check_pages(view, pages, published, await ledger.epoch(), faults)
                newest = await ledger.published() or published
                _check_head_and_keys(pages, who.ring, (published, newest), faults)
        await _check_node_logs(ledger, faults)
    return {"entries": reading.size, "live": live_count, "faults": faults}


class _Reading:
    """One pass over the hub's log."""

    def __init__(self, ring: KeyRing, published: Published | None, faults: list[str]) -> None:
        self.rings: dict[str, KeyRing] = {ring.id: ring}
        self.published, self.faults = published, faults
        self.frontier, self.size = Frontier(), 0
        self.live: dict[tuple[str, str], tuple[int, str]] = {}
        self.published_live: dict[tuple[str, str], tuple[int, str]] | None = None

    def take(self, seq: int, line: bytes, leaf: bytes) -> None:
        if seq != self.size:
            self.faults.append(f"entry {self.size} is missing: the next one is {seq}")
        self.size = seq + 1
        try:
            entry = entries.parse(line)
            if entry.leaf != leaf or entry.seq != seq:
                self.faults.append(f"entry {seq} is not what its leaf hash says: its bytes have changed")
            self._verify(entry)
        except Refusal as refusal:
            self.faults.append(f"entry {seq}: {refusal}")
        else:
            self._fold(entry)
        self.frontier.append(leaf)
        if self.published is not None and self.size == self.published.head.size:
            self._compare_head(self.published)

    def _verify(self, entry: Entry) -> None:
        node = entry.node or ""
        if entry.op in ("key", "recovery") and entry.thing is not None:
            ring = self.rings.get(node)
            if ring is None:
                self.rings[node] = keys.fold([entry.thing], expected_id=node)
            elif all(s.digest != entry.digest for s in ring.statements):
                self.rings[node] = ring.admit(entry.thing)
        elif entry.op in ("put", "del") and entry.gone is None:
            ring = self.rings.get(node)
            kind = entry.thing.kind if entry.thing else ""
            entries.accepted(entry, ring.verifiers(kind) if ring else {}, node)

    def _fold(self, entry: Entry) -> None:
        done = live.effect(entry)
        key = (entry.node or "", entry.id or "")
        if done is live.Effect.SET:
            self.live[key] = (entry.rev or 0, entry.digest or "")
        elif done is live.Effect.REMOVE:
            self.live.pop(key, None)

    def _compare_head(self, published: Published) -> None:
        head = published.head
        if self.frontier.root().hex() != head.log_root:
            self.faults.append(f"the entries up to {head.size} do not add up to the log root of the signed head")
        tree, _ = state_tree.build((n, i, r, d) for (n, i), (r, d) in self.live.items())
        if (tree.root().hex(), len(self.live)) != (head.state_root, head.live):
            self.faults.append(f"the live set after {head.size} entries is not the one the signed head states")

    def finish(self, size: int) -> None:
        if self.size != size:
            self.faults.append(f"the log says it holds {size} entries, {self.size} are here")
        if self.published is not None and self.published.head.size > self.size:
            self.faults.append(f"the signed head covers {self.published.head.size} entries, {self.size} are here")


async def _check_records(view: View, reading: _Reading, faults: list[str]) -> None:
    rows = [row async for part in view.rows(None) for row in part]
    held = {(node, record_id): (rev, digest) for _, node, record_id, rev, digest in rows}
    if held != reading.live:
        wrong = sorted(set(held.items()) ^ set(reading.live.items()))[:3]
        faults.append(f"the table of records differs from the log, first at {wrong}; mend it with: jisr-hub rebuild")


async def _check_pages(view: View, pages: FolderPages, published: Published, epoch: str, faults: list[str]) -> None:
    size = published.head.size
    lines: list[bytes] = []
    async for rows in view.entries(0):
        for seq, line, _ in rows:
            if seq >= size:
                break
            lines.append(line)
            if len(lines) == PAGE_ENTRIES or seq == size - 1:
                path = paths.page(epoch, seq // PAGE_ENTRIES, len(lines))
                content = b"".join(entry + b"\n" for entry in lines)
                for form, came in ((path, pages.read(path)), (path + ".zst", _inflated(pages.read(path + ".zst")))):
                    if came != content:
                        faults.append(f"the page {form} is not what the log holds; mend it with: jisr-hub rebuild")
                lines = []


def _inflated(body: bytes | None) -> bytes | None:
    try:
        return inflate(body, "zstd", PAGE_BYTES) if body is not None else None
    except Refusal:
        return None


def _check_head_and_keys(pages: FolderPages, ring: KeyRing, published: Sequence[Published], faults: list[str]) -> None:
    """`published` are what was published before and after the pages were read: a serving hub goes on meanwhile."""
    if pages.read(paths.HEAD) not in [each.head.raw for each in published]:
        faults.append("head.json is not the head that was signed last; it is written again when the hub serves")
    if pages.read(paths.KEYS) != keys.write_file(ring):
        faults.append("keys.json beside the head is not the hub's own; it is written again when the hub serves")


async def _check_node_logs(ledger: SqlLedger, faults: list[str]) -> None:
    for member in await ledger.members():
        for name in identifiers.FEED_AUDIENCES:
            log = await ledger.node_log(member.node, name)
            if log.epoch is None:
                continue
            leaves = await ledger.node_leaves(member.node, name, 0, log.frontier.size)
            frontier = Frontier()
            for seq in range(log.frontier.size):
                frontier.append(leaves.get(seq, b"\x00" * 32))
            if frontier.root() != log.frontier.root():
                faults.append(f"the log of {member.node} ({name}) does not add up to its frontier")
            async for rows in kept_lines(ledger, member.node, name):
                for seq, leaf, line in rows:
                    if not _is_of(line, leaf):
                        faults.append(f"entry {seq} of the log of {member.node} ({name}) has changed since it came")


def _is_of(line: bytes, leaf: bytes) -> bool:
    try:
        return entries.parse(line).leaf == leaf
    except Refusal:
        return False


async def rebuild(folder: Path) -> dict[str, Any]:
    """Delete records, pages and head and compute them from the log. The hub must not be serving."""
    check_there(folder)
    who = read_identity(folder, config.read(folder))
    async with alone(folder) as ledger:
        check_fence(FolderPages(folder / PUBLIC), await ledger.published(), who)
        await rebuild_records(ledger)
        shutil.rmtree(folder / PUBLIC, ignore_errors=True)
        publisher = Publisher(who, ledger, FolderPages(folder / PUBLIC), now)
        await publisher.begin()
        head = await publisher.publish_again()
    return {"entries": head.size, "live": head.live, "state_root": head.state_root}


async def rejudge(folder: Path) -> dict[str, Any]:
    """Judge every quarantined entry of every admitted node again. The hub must not be serving."""
    check_there(folder)
    judged = admitted = 0
    async with alone(folder):
        running = await open_hub(folder)
        try:
            for member in await running.ledger.members():
                for name in identifiers.FEED_AUDIENCES:
                    outcome = await running.hub.rejudge(member.node, name)
                    judged += len(outcome.kept)
                    admitted += len(outcome.kept) - len(outcome.quarantined)
            await running.publisher.publish()
        finally:
            await running.close()
    return {"judged": judged, "admitted": admitted}
