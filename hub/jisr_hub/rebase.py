"""Going on after a database was put back that is older than what this hub has published (`jisr-hub rebase`).

    found = await look(…)        what the database and the published pages have in common; changes nothing
    done = await rebase(…)       take back what the pages hold; else open a new epoch from what is sure

What the pages hold up to the very head that was published needs no new epoch: the log is then whole again. What stands
in no page comes back from those who have it: records from peers (peers.take_back), everything from the nodes
themselves, which go on pushing from where this hub says it stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from jisr_protocol import entry as entries
from jisr_protocol import identifiers, keys, live, notice, statement, validity
from jisr_protocol.entry import Entry
from jisr_protocol.keys import KeyRing
from jisr_protocol.limits import PAGE_ENTRIES
from jisr_protocol.merkle import Frontier
from jisr_protocol.refusal import Refusal
from jisr_protocol.statement import HOME

from . import log
from .hub import Hub
from .ports import Change, Draft, Erasure, Held, Mark, Member, Numbered, Pages, Published, Remembered, Told, View
from .publish import forms
from .publish.fence import Behind, Gate, further, own_head, root_at
from .publish.pages import Layout
from .publish.standing import generations_of

BATCH = 256
Base = dict[str, Any]


class NothingToDo(Exception):
    """The database holds all that was published."""


class Damaged(Exception):
    """The database contradicts the head that it says it published itself."""


@dataclass(frozen=True)
class Found:
    """What is known before anything is changed. Sizes are numbers of entries."""

    promised: Mark
    """The furthest that was published, as far as this hub or its operator knows."""
    epoch: str
    size: int
    """What the database holds."""
    proven: int
    """How much of that is what was published: the database's own last head says so."""
    shared: int
    """The same with what only the pages prove."""
    reaches: int
    """How far the pages continue a database that they share whole; else the same as `shared`."""
    whole: bool
    """Whether that is the very log that was published: then no new epoch is needed."""
    layout: Layout

    @property
    def lost(self) -> int:
        """How many published entries neither the database nor the pages hold."""
        return max(0, self.promised.size - self.reaches)


@dataclass
class Done:
    """What a rebase came to."""

    epoch: str
    from_pages: int = 0
    admitted_again: list[str] = field(default_factory=list)


# Looking


async def look(hub: Hub, pages: Pages, gate: Gate, *, at_least: Mark | None = None, base: int = 0) -> Found:
    """Compare the database with what was published. Raises NothingToDo, Damaged, fence.Behind for a useless fence.

    `at_least` is how far others have seen this feed though nothing here knows of it, `base` how much of the database
    they have in common with it; the numbers of such a restore are the operator's word.
    """
    marks = gate.marks()
    promised = max([*marks, *([at_least] if at_least else [])], key=further, default=None)
    if promised is None or (promised is not at_least and not await _is_behind(gate)):
        raise NothingToDo("The database holds all that this hub is known to have published: there is nothing to do.")
    published, epoch = await hub.ledger.published(), await hub.ledger.epoch()
    async with hub.ledger.reading() as view:
        proven = await _proven(published, view)
        if promised is at_least:
            layout = Layout(promised.epoch, await hub.ledger.bases(), 0, {})
            shared = min(base, view.size)
            return Found(promised, epoch, view.size, proven, shared, shared, False, layout)
        layout = await _layout(hub, pages, promised)
        rings = _Rings(await hub.ledger.rings([member.node for member in await hub.ledger.members()]))
        return await _compare(view, pages, layout, promised, proven, epoch, rings)


async def _is_behind(gate: Gate) -> bool:
    try:
        await gate.check()
    except Behind:
        return True
    return False


async def _proven(published: Published | None, view: View) -> int:
    if published is None:
        return 0
    size = published.head.size
    if size > view.size or await root_at(view, size) != published.head.log_root:
        raise Damaged(
            f"The database does not hold the {size} entries that its own last head states. It is damaged, not only old;"
            " nothing was changed. See what is wrong with: jisr-hub check"
        )
    return size


async def _layout(hub: Hub, pages: Pages, promised: Mark) -> Layout:
    """Where the pages of the epoch that was published stand: as head.json says, else as far as it is known."""
    shown = own_head(pages, hub.identity)
    if shown is not None and shown.epoch == promised.epoch:
        return Layout.of(shown, generations_of(pages, shown))
    bases = await hub.ledger.bases() if await hub.ledger.epoch() == promised.epoch else ()
    return Layout(promised.epoch, bases, 0, {})


async def _compare(
    view: View, pages: Pages, layout: Layout, promised: Mark, proven: int, epoch: str, rings: _Rings
) -> Found:
    on_disk = published_entries(pages, layout, proven, promised.size)
    frontier, shared = Frontier(), min(proven, promised.size)
    async for rows in view.entries(0):
        for seq, _, leaf in rows:
            frontier.append(leaf)
            if seq == shared:
                line = next(on_disk, None)
                shared += line is not None and line.leaf == leaf
    reaches = shared
    if shared == view.size:
        for line in on_disk:
            if not rings.accept(line):
                break
            frontier.append(line.leaf)
            reaches += 1
            if reaches % BATCH == 0:
                await asyncio.sleep(0)
    whole = reaches == promised.size and frontier.root().hex() == promised.log_root
    return Found(promised, epoch, view.size, proven, shared, reaches, whole, layout)


def published_entries(pages: Pages, layout: Layout, start: int, size: int) -> Iterator[Entry]:
    """The entries of a feed of this size from `start` on, from its pages, up to the first that is not there."""
    for first in range(start - start % PAGE_ENTRIES, size, PAGE_ENTRIES):
        width = min(PAGE_ENTRIES, size - first)
        page = _page(pages, layout, first // PAGE_ENTRIES, width)
        for seq, line in enumerate(page, first):
            try:
                parsed = entries.parse(line)
            except Refusal:
                return
            if parsed.seq != seq:
                return
            if seq >= start:
                yield parsed
        if len(page) < width:
            return


def _page(pages: Pages, layout: Layout, number: int, width: int) -> list[bytes]:
    """The lines of a page; of a narrower one where this one is not there."""
    for narrower in range(width, 0, -1):
        raw = forms.read(pages, layout.path(number, narrower))
        if raw is not None:
            lines = raw.split(b"\n")[:-1]
            return lines if len(lines) == narrower else []
    return []


class _Rings:
    """The keys of authors, as the log tells them; judges what comes back by them."""

    def __init__(self, rings: dict[str, KeyRing]) -> None:
        self.rings = rings

    def accept(self, line: Entry) -> bool:
        """Whether this entry may stand in our log as it is: a signature that was bent in the page does not."""
        try:
            self._check(line)
        except Refusal:
            return False
        return True

    def _check(self, line: Entry) -> None:
        node = line.node or ""
        if line.op in ("key", "recovery") and line.thing is not None:
            ring = self.rings.get(node)
            if ring is None:
                self.rings[node] = keys.fold([line.thing], expected_id=node)
            elif all(s.digest != line.digest for s in ring.statements):
                self.rings[node] = ring.admit(line.thing)
        elif line.op in ("put", "del") and line.gone is None:
            ring = self.rings.get(node)
            validity.accept(line, ring, node)


# Going on


async def rebase(hub: Hub, pages: Pages, found: Found, *, epoch: str, per_hour: int, per_day: int) -> Done:
    """Bring the database to where it can be published from; `epoch` is used when a new one is needed. Safe to repeat.

    Nodes that were admitted here and that the database does not know any more are admitted again, with this quota.
    """
    done = Done(found.promised.epoch if found.whole else epoch)
    if found.reaches > found.size:
        await _take_pages(hub, pages, found, done, per_hour, per_day)
    if found.whole:
        if found.epoch != found.promised.epoch:
            await hub.ledger.rebase(found.promised.epoch, [dict(base) for base in found.layout.bases], found.epoch)
        return done
    await hub.ledger.rebase(epoch, await _bases(hub, found), found.epoch)
    await hub.state_keys()  # what it says of its nodes is renewed at its next start
    return done


async def _bases(hub: Hub, found: Found) -> list[Base]:
    """Every epoch that the next one goes on from: cut to what is sure, without those of which nothing is."""
    named = {str(base["epoch"]): min(int(base["size"]), found.reaches) for base in found.layout.bases}
    named[found.promised.epoch] = found.reaches
    async with hub.ledger.reading() as view:
        return [
            {"epoch": epoch, "log_root": await root_at(view, size), "size": size}
            for epoch, size in sorted(named.items(), key=lambda item: identifiers.epoch_number(item[0]))
            if size > 0
        ]


async def _take_pages(hub: Hub, pages: Pages, found: Found, done: Done, per_hour: int, per_day: int) -> None:
    """Store the lines of the pages at the very positions they had."""
    rings = _Rings(await hub.ledger.rings([member.node for member in await hub.ledger.members()]))
    known = {member.node for member in await hub.ledger.members()}
    batch: list[Entry] = []
    erasures: list[Erasure] = []
    for line in published_entries(pages, found.layout, found.size, found.reaches):
        rings.accept(line)
        batch.append(line)
        if line.op == "erase" and line.thing is not None:
            erasures.append(Erasure(notice.target(line), line.id or "", log.as_read(line)))
        if len(batch) == BATCH or line.seq + 1 == found.reaches:
            change = _change_of(hub, batch, rings, known, per_hour, per_day)
            await hub.ledger.store(change, _at_its_place({line.seq: line for line in batch}))
            done.admitted_again += [member.node for member in change.members if not member.upstream]
            known |= {member.node for member in change.members}
            done.from_pages += len(batch)
            batch = []
    if erasures:  # what the database still held of it goes again
        await hub.ledger.erase(identifiers.to_instant(hub.clock()), erasures, log.number)


def _at_its_place(lines: dict[int, Entry]) -> Any:
    """Gives each draft the position, the time and the bytes that it was published with."""

    def number(draft: Draft, seq: int, _at: str) -> Numbered:
        return Numbered(seq, lines[seq].raw, lines[seq].leaf, draft)

    return number


def _change_of(hub: Hub, batch: list[Entry], rings: _Rings, known: set[str], per_hour: int, per_day: int) -> Change:
    now = identifiers.to_instant(hub.clock())
    remembered: dict[tuple[str, str], Remembered] = {}
    members: dict[str, Member] = {}
    for line in batch:
        node, effect = line.node or "", live.effect(line)
        if effect in (live.Effect.SET, live.Effect.REMOVE):
            held = Held(line.rev or 0, line.digest or "", line.type or "", effect is live.Effect.SET)
            remembered[node, line.id or ""] = Remembered(node, line.id or "", "public", held)
        ring = rings.rings.get(node)
        if ring is not None and ring.role == "node" and node not in known:
            upstream = str(line.via[-1]["by"]) if line.via else ""
            quota = (0, 0) if upstream else (per_hour, per_day)
            members.setdefault(node, Member(node, "", upstream, *quota, now))
    said = {line.node or "" for line in batch if line.op in ("key", "recovery")}
    told = [_told(line, rings, now) for line in batch if line.op == "statement" and line.thing is not None]
    homes = {one.statement.subject: one.statement.value["home"] for one in told if one.statement.type == HOME}
    return Change(
        now,
        [log.as_read(line) for line in batch],
        list(remembered.values()),
        {node: rings.rings[node] for node in said if node in rings.rings},
        members=list(members.values()),
        told=told,
        homes=homes,
    )


def _told(line: Entry, rings: _Rings, at: str) -> Told:
    said = statement.of(line.thing) if line.thing is not None else None
    if said is None:
        raise ValueError("a statement has its content")
    return Told(said, said.claimed_kid, said.by in rings.rings, at)
