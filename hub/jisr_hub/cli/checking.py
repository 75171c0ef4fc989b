"""`jisr-hub check`: everything a hub holds is read again and proven; what is not whole is named by its index.

Read in this order: what the database says of its own file, key statements, the signed head, the hub's log, the nodes'
logs, the records, notices, the published files, the merged directory and what is searched of it, the keys in the hub's
folder. The serving hub may go on meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jisr_protocol import head as heads
from jisr_protocol import keys
from jisr_protocol.head import Head
from jisr_protocol.keys import KeyRing
from jisr_protocol.merkle import Frontier
from jisr_protocol.refusal import Refusal

from .. import identity
from ..app.folder import KEYS, PUBLIC
from ..ports import Published
from ..storage.curation import SqlCuration
from ..storage.folder import FolderPages
from ..storage.proving import Folded, Row, Stored, folded, stored
from ..storage.search import SqlDocuments
from ..storage.sql import SqlLedger
from . import act_proof, file_proof, node_proof, told_proof
from .faults import Faults
from .log_proof import LogProof
from .setting_up import check_there, opened, why_fenced

Progress = Callable[[int, int], None]


async def check(folder: Path, progress: Progress) -> dict[str, Any]:
    """Prove the hub in `folder`: {"entries", "live", "acts", "faults"}. Faults are sentences that name the index."""
    check_there(folder)
    faults = Faults()
    files = FolderPages(folder / PUBLIC)
    async with opened(folder) as ledger:
        await _log_ends(folder, ledger, faults)
        async with stored(ledger) as rows:
            told = await prove(rows, (folder / KEYS).read_bytes(), faults, progress)
            if told.published is not None:
                await file_proof.files(await rows.view(), files, told.published, told.broken, faults)
        if told.ring is not None:
            curation = SqlCuration(ledger, told.ring.id)
            for fault in await curation.differences():
                faults.add(f"{fault}. It is made anew by: jisr-hub rebuild")
            async for fault in SqlDocuments(ledger, curation).differences():
                faults.add(f"{fault}. It is made anew by: jisr-hub rebuild")
            _signing_key(folder, told.ring, faults)
            if fenced := await why_fenced(folder, ledger):
                faults.add(fenced)
        if told.published is not None and told.ring is not None:
            newest = await _newest(ledger.published, told.published)
            file_proof.head_and_keys(files, told.ring, (told.published, newest), faults)
    return {"entries": told.entries, "live": told.live, "acts": told.acts, "faults": faults.sentences()}


async def _log_ends(folder: Path, ledger: SqlLedger, faults: Faults) -> None:
    try:
        if (lost := await act_proof.loss_of(folder, ledger)) is not None:
            faults.add(lost.sentence)
    except (OSError, ValueError) as error:
        faults.add(f"the mark of the audit log cannot be read, so nobody can tell whether it lost its end: {error}")


def _signing_key(folder: Path, ring: KeyRing, faults: Faults) -> None:
    try:
        kid = identity.read_key(folder).public.kid
    except (ValueError, TypeError) as error:
        faults.add(f"{identity.KEY_FILE} cannot be read: {error}. Put it back from a backup")
        return
    if kid not in ring.keys or ring.keys[kid].state != "active":
        faults.add(f"{identity.KEY_FILE} is not a key that {KEYS} lets sign now. Put the newest one back from a backup")


async def _newest(published: Callable[[], Any], before: Published) -> Published:
    try:
        return await published() or before
    except Refusal:
        return before  # its fault was named


@dataclass(frozen=True)
class Told:
    """What the proof of a ledger comes to, beside its faults."""

    entries: int
    live: int
    ring: KeyRing | None
    published: Published | None
    broken: set[int]
    acts: int


async def prove(rows: Stored, keys_file: bytes, faults: Faults, progress: Progress) -> Told:
    """Prove a ledger by itself, without its published files; `keys_file` is the hub's own chain."""
    for damage in await rows.damage():
        faults.add(f"the database says of its own file: {damage}")
    rings = await node_proof.chains(rows, faults)
    ring = _own_ring(keys_file, rings, faults)
    feed = await rows.feed()
    published = _published(feed, ring, faults)
    async with folded() as records:
        records.void = await rows.nullified()
        log = LogProof(rings if ring is None else {**rings, ring.id: ring}, published, records, faults)
        async for part in rows.entries():
            await log.take(part)
            progress(log.size, feed.size)
        log.finish(feed.size)
        lost = await _nodes(rows, rings, records, faults)
        await node_proof.records(rows, records, log.doubtful, lost, faults)
    await node_proof.trees(rows, faults)
    await node_proof.notices(rows, rings if ring is None else {**rings, ring.id: ring}, faults)
    await told_proof.statements(rows, rings, log.told, faults)
    await node_proof.logged_statements(rows, log.statements, log.doubtful, faults)
    acts = await act_proof.acts(rows, ring, faults) if ring is not None else 0
    return Told(log.size, await rows.live(), ring, published, log.broken, acts)


async def _nodes(rows: Stored, rings: Mapping[str, KeyRing], records: Folded, faults: Faults) -> set[tuple[str, str]]:
    """Prove every node's logs; return (node, feed) of those in which a line is lost."""
    feeds, lost = await rows.node_feeds(), set()
    for feed in feeds:
        proof = node_proof.NodeLogProof(feed, rings.get(feed.node), faults)
        await proof.run(rows, records)
        if proof.lost:
            lost.add((feed.node, feed.name))
    for feed in feeds:
        if feed.name == "public":
            await node_proof.unshown(rows, records, feed.node)
    await node_proof.held_back(rows, rings, records, faults)
    return lost


def _own_ring(raw: bytes, rings: Mapping[str, KeyRing], faults: Faults) -> KeyRing | None:
    """The hub's own chain, from its keys.json, or, when that is damaged, as it is kept in the ledger."""
    try:
        return keys.fold(keys.parse_file(raw))
    except Refusal as refusal:
        faults.add(f"{KEYS} in the hub's folder: {refusal}. Put it back from a backup")
        return next((ring for ring in rings.values() if ring.role == "hub"), None)


def _published(feed: Row, ring: KeyRing | None, faults: Faults) -> Published | None:
    """The head that was signed last and the frontier it stands for; a fault of one is not one of the other."""
    if feed.published_head is None:
        return None
    head: Head | None = None
    try:
        head = heads.parse(feed.published_head)
        if ring is not None:
            ring.verify(head.envelope)
    except Refusal as refusal:
        faults.add(f"the signed head in the database: {refusal}")
        return None
    try:
        frontier = Frontier.from_bytes(feed.published_size, feed.published_frontier or b"")
        if (feed.published_size, frontier.root().hex()) != (head.size, head.log_root):
            faults.add("the frontier of the signed head in the database does not add up to its log root")
    except Refusal as refusal:
        faults.add(f"the frontier of the signed head in the database: {refusal}")
        frontier = Frontier()
    if feed.epoch != head.epoch:
        faults.add(f"the feed is of epoch {feed.epoch}, its signed head of {head.epoch}")
    return Published(head, frontier)
