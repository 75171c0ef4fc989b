"""Snapshots of the hub's feed: when one is due, and writing it from one view in bounded memory (docs/spec/snapshot.md).

A snapshot is of the moment of the head that names it first, and stands before that head. At most one part is in memory,
uncompressed and compressed, whatever the feed holds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from jisr_protocol import entry as entries
from jisr_protocol import identifiers, paths, snapshot, validity
from jisr_protocol.limits import SNAPSHOT_PART_BYTES, SNAPSHOT_PART_ENTRIES
from jisr_protocol.merkle import Frontier
from jisr_protocol.snapshot import OPS, Part
from jisr_protocol.statement import HUB, WITHDRAWAL

from ..ports import Pages, Snapshot, View
from . import forms
from .inventory import Inventory
from .pages import Aside, Layout

HISTORY_STEP = timedelta(days=1)
HISTORY_STAYS = timedelta(days=32)


@dataclass(frozen=True)
class Cadence:
    """When the next snapshot is due: when the log grew so much since the last one, and it spares a new reader enough.

    A log in which nearly all is live, as after a first load, is as short a way to the same as its snapshot.
    """

    entries: int = 10_000
    live_share: float = 0.5
    """Of how many are live: so that writing snapshots costs no more than a share of writing the log."""
    spared_share: float = 0.1
    """Of `entries`: so many a new reader must be spared."""
    age: timedelta = timedelta(hours=24)
    aged_entries: int = 1_000
    """After `age` so many are enough."""

    def due(self, grown: int, live: int, age: timedelta | None, spared: int) -> bool:
        """`age` is that of the last one, None when there is none; `spared` how many entries fewer a new reader would
        read by a new one."""
        old = age is not None and age >= self.age and grown > self.aged_entries
        worth = spared >= int(self.entries * self.spared_share)
        return old or (worth and grown >= max(self.entries, int(live * self.live_share)))


async def write(
    pages: Pages, aside: Aside, view: View, inventory: Inventory, frontier: Frontier, layout: Layout, by: str, name: str
) -> dict[str, Any]:
    """Write the snapshot of this view; return what a head says of it."""
    epoch, seq = layout.epoch, frontier.size
    parts = _Parts(pages, aside, epoch, seq)
    manifest = snapshot.write(
        by=by,
        name=name,
        epoch=epoch,
        frontier=frontier,
        live=inventory.live,
        state_root=inventory.tree.root(),
        keys=await parts.of(view.said(OPS["keys"])),
        guards=await parts.of(_binding(view)),
        tombstones=await parts.of(view.gone(layout.floor)),
        parts=await parts.of(view.puts()),
        heads=await parts.of(_newest_heads(view)),
        statements=await parts.of(_statements(view)),
    )
    named = snapshot.named(manifest, epoch, seq)
    pages.write(named["path"], manifest)
    return named


class _Parts:
    """The parts of one snapshot, numbered over all its lists."""

    def __init__(self, pages: Pages, aside: Aside, epoch: str, seq: int) -> None:
        self._pages, self._aside, self._epoch, self._seq = pages, aside, epoch, seq
        self._number = 0

    async def of(self, batches: AsyncIterator[Sequence[bytes]]) -> list[Part]:
        """Write these lines as parts (snapshot.cut, for lines that are still coming)."""
        parts, held, size = list[Part](), list[bytes](), 0
        async for lines in batches:
            for line in lines:
                if held and (len(held) == SNAPSHOT_PART_ENTRIES or size + len(line) + 1 > SNAPSHOT_PART_BYTES):
                    parts.append(await self._write(held))
                    held, size = [], 0
                held.append(line)
                size += len(line) + 1
        return [*parts, await self._write(held)] if held else parts

    async def _write(self, lines: list[bytes]) -> Part:
        path = paths.snapshot_part(self._epoch, self._seq, self._number)
        self._number += 1
        made: list[Part] = []

        def work() -> None:
            body = b"\n".join(lines) + b"\n"
            forms.write(self._pages, path, body)
            made.append(snapshot.describe(path, len(lines), body))

        await self._aside(work)
        return made[0]


async def _binding(view: View) -> AsyncIterator[Sequence[bytes]]:
    """The lines of all erasures, and of the holds that nobody has lifted."""
    found: dict[tuple[str | None, ...], list[bytes]] = {}
    async for lines in view.said((*OPS["guards"], "unhold")):
        for said in map(entries.parse, lines):
            by = said.thing.value.get("by") if said.thing else None
            about = ("hold", by, said.node, said.id)
            if said.op == "unhold":
                found.pop(about, None)
            elif said.op == "hold":
                found[about] = [said.raw]
            else:
                found.setdefault(("erase",), []).append(said.raw)
    yield [line for lines in found.values() for line in lines]


async def _newest_heads(view: View) -> AsyncIterator[Sequence[bytes]]:
    """The lines of the newest head of each node, in the order of the log."""
    found: dict[tuple[str | None, str | None], bytes] = {}
    async for lines in view.said(OPS["heads"]):
        for said in map(entries.parse, lines):
            found.pop((said.node, said.id), None)
            found[said.node, said.id] = said.raw
    yield list(found.values())


async def _statements(view: View) -> AsyncIterator[Sequence[bytes]]:
    """The lines of statements that a later one of the same signer, subject and type has not replaced, in the order of
    the log. How many keys of an anchor make its word count is known to those who trust it: of that, all is kept. A
    statement of one key replaces none of another: one of them may be lost."""
    found: dict[tuple[Any, ...], list[tuple[int, bytes]]] = {}
    async for lines in view.said(OPS["statements"]):
        for said in map(entries.parse, lines):
            value = said.thing.value if said.thing else {}
            about = value.get("of") if said.type == WITHDRAWAL else said.type
            kid = validity.kid_of(said.thing.jws) if said.thing else ""
            key = (value.get("by"), said.node, said.type, about, kid, said.digest if about == HUB else None)
            held, n = found.get(key, []), said.rev or 0
            stands = [one for one in held if one[0] >= n or about == HUB]
            found[key] = [*stands, (n, said.raw)] if all(n >= one[0] for one in stands) else stands
    yield sorted((raw for lines in found.values() for _, raw in lines), key=lambda raw: entries.parse(raw).seq)


# What is remembered of snapshots


def standing(
    snapshots: Iterable[Snapshot], size: int, epoch: str, bases: Iterable[Mapping[str, Any]]
) -> tuple[Snapshot, ...]:
    """Those that a head of this epoch may still name: an older backup may have come between."""
    sizes = {**{str(base["epoch"]): int(base["size"]) for base in bases}, epoch: size}
    return tuple(s for s in snapshots if s.seq <= min(size, sizes.get(s.epoch, -1)))


def remembered(snapshots: Sequence[Snapshot], new: Snapshot) -> tuple[Snapshot, ...]:
    """The history with a new one: of the past month about one a day, which is what retention asks for."""
    now = identifiers.from_instant(new.at)
    kept: list[Snapshot] = []
    for one in snapshots:
        at = identifiers.from_instant(one.at)
        if kept and at - identifiers.from_instant(kept[-1].at) < HISTORY_STEP:
            continue
        kept.append(one)
    old = [one for one in kept if now - identifiers.from_instant(one.at) > HISTORY_STAYS]
    return (*old[-1:], *kept[len(old) :], new)


def age(snapshots: Sequence[Snapshot], now: datetime) -> timedelta | None:
    """How old the last one is."""
    return now - identifiers.from_instant(snapshots[-1].at) if snapshots else None
