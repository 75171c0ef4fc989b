"""Feeds beside the public one: each a ledger of its own that follows the hub's, with its own log, head and fence.

    audience public             made of the hub's public log: what a policy takes of it
    audience partners, hub      made of the nodes' own logs of that audience, as this hub admitted them

What enters or leaves goes into the view's log together with the cursor that says how far the source was read, in one
transaction; so whatever dies in between, the next round goes on there. Where the cursor says nothing (another policy,
another epoch of the source) the whole is compared: `_reconcile`. What was erased is never told by lines: every notice
that binds at the hub is taken into each view, so that its content goes from the view's own pages too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from jisr_protocol import entry as entries
from jisr_protocol import identifiers, keys
from jisr_protocol.entry import Entry
from jisr_protocol.envelope import Envelope
from jisr_protocol.policy import Facts, Policy

from .. import ingest, log
from ..benches import guarding
from ..hub import CONFLICT_TRIES
from ..ports import (
    Change,
    Clock,
    Conflict,
    Draft,
    Erasure,
    Held,
    Key,
    Ledger,
    Nullified,
    Peer,
    Position,
    Remembered,
)
from .policies import Derived, judged

VIEWS_AT_MOST = 8
BATCH = 500
_SOURCE = "source"
_SAID = ("key", "recovery", "statement")
_SKIPPED = ("erase", "hold", "unhold", "nodehead")
"""Erasures come by the notices that are held. A hub's word on how much it holds of a node is no word on a view's."""


@dataclass(frozen=True)
class NodeFeed:
    """How far a node's feed is held, and how many of its entries nothing but a policy may keep out."""

    node: str
    epoch: str
    size: int
    admitted: int

    @property
    def mark(self) -> str:
        """What the cursor of this feed stands under."""
        return f"{self.epoch}/{self.admitted}"


class NodeLogs(Protocol):
    """The nodes' own logs as the hub keeps them."""

    async def feeds(self, name: str) -> list[NodeFeed]: ...

    async def admitted(self, node: str, name: str, start: int, count: int) -> Sequence[tuple[int, bytes]]:
        """(position, line) of at most `count` such entries from `start` on, in order."""
        ...


@dataclass
class Rules:
    """What a view takes: all of these policies must let a record pass."""

    policies: Sequence[Policy | None]
    facts: Callable[[str], Facts]

    @property
    def mark(self) -> str:
        """By this a view knows under which rules it was made."""
        return "/".join(policy.sha256 if policy is not None else "" for policy in self.policies)

    def refuses(self, entry: Entry) -> bool:
        return judged(self.policies, entry, self.facts(entry.node or "")) is not None


class Follower:
    """Keeps one view's ledger as its source wants it. One at a time: `lock` is held by whoever changes the ledger."""

    def __init__(
        self,
        feed: Derived,
        source: Ledger,
        nodes: NodeLogs,
        target: Ledger,
        clock: Clock,
        own: Sequence[Envelope] = (),
    ) -> None:
        """`own` are the hub's key statements, which no node's log holds."""
        self.feed, self.source, self.nodes, self.target, self._clock = feed, source, nodes, target, clock
        self._own = own
        self.lock = asyncio.Lock()

    async def follow(self, rules: Rules) -> int:
        """Bring the view up to its source; how many entries it grew by."""
        async with self.lock:
            grown = await self._erase()
            if self.feed.audience == "public":
                return grown + await self._follow_public(rules)
            return grown + await self._follow_nodes(rules)

    async def erase(self) -> int:
        """Take out what was erased at the hub since; before anybody is told that it was."""
        async with self.lock:
            return await self._erase()

    async def _erase(self) -> int:
        done = {(said.notice.envelope.digest, target) for said in await self.target.notices() for target in said.guards}
        erasures = [
            Erasure(said.notice, target, log.notice_draft(said.notice, target), self._named(said.feed))
            for said in await self.source.notices()
            for target in said.guards
            if said.notice.action == "erase" and (said.notice.envelope.digest, target) not in done
        ]
        if erasures:
            await self.target.erase(identifiers.to_instant(self._clock()), erasures, log.number)
        return len(erasures) + (await self._hold() if self.feed.audience == "public" else 0)

    async def _hold(self) -> int:
        """NTC-11: what is held back at the hub is held back here, for as long."""
        at = identifiers.to_instant(self._clock())
        known = {said.notice.envelope.digest for said in await self.target.notices()}
        bound = {handled.notice for handled in await self.source.handled() if handled.outcome in ("done", "guarded")}
        fresh = [
            Erasure(said.notice, target, log.notice_draft(said.notice, target))
            for said in await self.source.notices()
            if said.notice.action != "erase" and said.feed == "public" and said.notice.envelope.digest in bound - known
            for target in said.notice.targets
        ]
        if fresh:
            await self.target.erase(at, fresh, log.number)
        return len(fresh) + await self.target.lift(at, log.number)

    def _named(self, feed: str) -> str:
        """A notice of a restricted feed is told where its records are, and in no other."""
        return "public" if feed in ("public", self.feed.audience) else feed

    # Of the public log

    async def _follow_public(self, rules: Rules) -> int:
        cursor = await self._cursor(_SOURCE)
        epoch = await self.source.epoch()
        if cursor is None or (cursor.name, cursor.epoch) != (rules.mark, epoch):
            return await self._reconcile(rules)
        grown = 0
        async with self.source.reading() as moment:
            for start in range(cursor.cursor, moment.size, BATCH):
                end = min(start + BATCH, moment.size)
                lines = [line async for rows in moment.entries(start, end) for _, line, _ in rows]
                grown += await self._take([entries.parse(line) for line in lines], rules, (_SOURCE, end, epoch))
        return grown

    async def _cursor(self, source: str) -> Peer | None:
        return next((peer for peer in await self.target.peers() if peer.hub == source), None)

    async def _reconcile(self, rules: Rules) -> int:
        """Compare the whole view with the whole source: keys first, then what is live there, then what is not."""
        grown = 0
        async with self.source.reading() as moment:
            epoch = await self.source.epoch()
            async for part in _parsed(moment.said(_SAID)):
                grown += await self._take(part, rules)
            async for part in _parsed(moment.puts()):
                grown += await self._take(part, rules)
            grown += await self._take_out_dead()
            size = moment.size
        await self.target.keep_peer(Peer(_SOURCE, rules.mark, "", 0, ""))
        await self._take([], rules, (_SOURCE, size, epoch))
        return grown

    async def _take_out_dead(self) -> int:
        """What is live here and not at the source leaves."""
        grown = 0
        async with self.target.reading() as view:
            async for rows in view.rows(None):
                there = await self.source.held("public", [(node, record_id) for _, node, record_id, _, _ in rows])
                gone = [
                    (node, record_id)
                    for _, node, record_id, _, _ in rows
                    if (held := there.get((node, record_id))) is None or not held.live
                ]
                grown += await self._leave(gone)
        return grown

    # Of nodes' logs

    async def _follow_nodes(self, rules: Rules) -> int:
        cursors = {peer.hub: peer for peer in await self.target.peers()}
        grown = 0 if cursors else await self._begin()
        for feed in await self.nodes.feeds(self.feed.audience):
            cursor = cursors.get(feed.node)
            if cursor is not None and (cursor.name, cursor.epoch, cursor.cursor) == (rules.mark, feed.mark, feed.size):
                continue
            grown += await self._follow_node(feed, cursor, rules)
        return grown + await self._take_out_narrowed()

    async def _begin(self) -> int:
        known = {d for s in self._own for d in await self.target.statements_logged(keys.subject_of(s)[0])}
        drafts = [log.key_draft(s, *keys.subject_of(s)) for s in self._own if s.digest not in known]
        return await self._store(_Batch({}, {}, set(), drafts))

    async def _follow_node(self, feed: NodeFeed, cursor: Peer | None, rules: Rules) -> int:
        """Read a node's log on, or all of it: what was put aside and is admitted since stands before the cursor."""
        grown = start = 0
        if cursor is not None and cursor.name == rules.mark and cursor.epoch.startswith(feed.epoch + "/"):
            fresh = feed.admitted - int(cursor.epoch.rpartition("/")[2])
            rows = await self.nodes.admitted(feed.node, self.feed.audience, cursor.cursor, fresh + 1)
            start = cursor.cursor if len(rows) == fresh else 0
        while rows := await self.nodes.admitted(feed.node, self.feed.audience, start, BATCH):
            part = [_from(entries.parse(line), (self.feed.audience, feed.epoch, seq)) for seq, line in rows]
            grown += await self._take(part, rules)
            start = rows[-1][0] + 1
        if cursor is None or cursor.name != rules.mark:
            await self.target.keep_peer(Peer(feed.node, rules.mark, "", 0, ""))
        await self._take([], rules, (feed.node, feed.size, feed.mark))
        return grown

    async def _take_out_narrowed(self) -> int:
        """A rev held in another audience takes any lower one out of this (pitfall: narrowed audience)."""
        grown = 0
        async with self.target.reading() as view:
            async for rows in view.rows(None):
                elsewhere = await self._elsewhere((node, record_id) for _, node, record_id, _, _ in rows)
                grown += await self._leave([(n, i) for _, n, i, rev, _ in rows if elsewhere.get((n, i), 0) > rev])
        return grown

    async def _elsewhere(self, records: Iterable[Key]) -> dict[Key, int]:
        """The highest rev held of these records in other audiences; of the public log, ingest has seen to it."""
        found: dict[Key, int] = {}
        asked = list(records)
        for name in identifiers.FEED_AUDIENCES if self.feed.audience != "public" else ():
            if name != self.feed.audience:
                for key, held in (await self.source.held(name, asked)).items():
                    found[key] = max(held.rev, found.get(key, 0))
        return found

    # Into the view's log

    async def _leave(self, keys: Sequence[Key]) -> int:
        held = await self.target.held("public", keys)
        batch = _Batch(held, {}, set())
        for key in keys:
            batch.leave(key)
        return await self._store(batch)

    async def _take(self, part: Sequence[Entry], rules: Rules, cursor: tuple[str, int, str] | None = None) -> int:
        """Take entries of the source, and move the cursor with them. Raises Conflict."""
        for _ in range(CONFLICT_TRIES):
            touched = ingest.touched(part) | {(e.node or "", e.id or "") for e in part if e.op == "out"}
            guards = await self.target.guards(guarding(touched))
            subjects = {e.node or "" for e in part if e.op not in ("put", "del", "out")}
            said = {mark for node in subjects for mark in await self.target.statements_logged(node)}
            batch = _Batch(await self.target.held("public", touched), guards, said)
            if any(e.op == "statement" for e in part):
                batch.said |= await self._statements()
            batch.there = await self.source.held(self.feed.audience, touched)
            for node in {e.node or "" for e in part if e.op in ("key", "recovery")}:
                lost = await self.source.nullified(node)
                if lost != await self.target.nullified(node):
                    batch.nullified[node] = lost
            batch.elsewhere = await self._elsewhere(touched)
            for entry in part:
                batch.take(entry, rules)
            try:
                return await self._store(batch, cursor)
            except Conflict:
                continue  # something was erased meanwhile, or another process was faster
        raise Conflict(f"the view {self.feed.name} kept changing while it followed")

    async def _statements(self) -> set[str]:
        async with self.target.reading() as view:
            return {_mark(entries.parse(line)) async for part in view.said(("statement",)) for line in part}

    async def _store(self, batch: _Batch, cursor: tuple[str, int, str] | None = None) -> int:
        if not batch.drafts and cursor is None:
            return 0
        source, position, epoch = cursor or ("", 0, "")
        change = Change(
            identifiers.to_instant(self._clock()),
            batch.drafts,
            list(batch.remembered.values()),
            guards=batch.guards,
            nullified=batch.nullified,
            peer=source,
            cursor=position,
            peer_epoch=epoch,
        )
        await self.target.store(change, log.number)
        return len(batch.drafts)


@dataclass
class _Batch:
    """Entries of the source on their way into the view; `held` moves along."""

    held: dict[Key, Held]
    guards: Mapping[Key, int | None]
    said: set[str]
    """The marks of what stands in the view already and stands there once (log.once)."""
    drafts: list[Draft] = field(default_factory=list)
    remembered: dict[Key, Remembered] = field(default_factory=dict)
    elsewhere: Mapping[Key, int] = field(default_factory=dict)
    there: Mapping[Key, Held] = field(default_factory=dict)
    """What the source itself holds of these records by now."""
    nullified: dict[str, frozenset[Nullified]] = field(default_factory=dict)
    """What a lost key signed and does not count: it keeps nothing out here either."""

    def take(self, entry: Entry, rules: Rules) -> None:
        key = (entry.node or "", entry.id or "")
        if entry.op == "put":
            narrowed = self.elsewhere.get(key, 0) > (entry.rev or 0)
            if entry.gone is not None or narrowed or rules.refuses(entry):
                self.leave(key, entry.rev)
            elif not ingest.guarded(self.guards, *key, entry.rev or 0):
                self._set(key, entry, live=True)
        elif entry.op == "del":
            if key in self.held and entry.gone is None:
                self._set(key, entry, live=False)
            else:
                self.leave(key, entry.rev)
        elif entry.op == "out":
            self.leave(key)
        elif entry.op not in _SKIPPED:
            mark = _mark(entry)
            if mark not in self.said:
                self.said.add(mark)
                self._append(entry)

    def leave(self, key: Key, rev: int | None = None) -> None:
        """Out of this view, whichever rev stands there; nothing of a rev that this view is ahead of."""
        before = self.held.get(key)
        if before is None or not before.live or (rev is not None and before.rev > rev):
            return
        self.drafts.append(log.out_draft(*key, before.rev, before.digest, before.type))
        self._hold(key, Held(before.rev, before.digest, before.type, False))

    def _set(self, key: Key, entry: Entry, *, live: bool) -> None:
        before = self.held.get(key)
        now = Held(entry.rev or 0, entry.digest or "", entry.type or "", live)
        if before == now or (before is not None and before.rev > now.rev and not self._is_back(key, now, before)):
            return
        if before is not None and before.rev == now.rev and before.digest != now.digest:
            return  # the hub itself keeps the first of two contents with one rev
        self._append(entry)
        self._hold(key, now)

    def _is_back(self, key: Key, now: Held, before: Held) -> bool:
        """KEY-12: what came after this rev was a thief's, and the source holds this rev again."""
        there = self.there.get(key)
        return not before.live and there is not None and (there.rev, there.digest) == (now.rev, now.digest)

    def _append(self, entry: Entry) -> None:
        self.drafts.append(_draft(entry))

    def _hold(self, key: Key, held: Held) -> None:
        self.held[key] = held
        self.remembered[key] = Remembered(*key, "public", held)


def _mark(entry: Entry) -> str:
    """By this an entry is known as said; a statement of several keys is one entry a signature."""
    signed = (entry.digest or "") + (entry.thing.jws if entry.thing is not None else "")
    return log.once(_draft(entry)) or signed


def _draft(entry: Entry) -> Draft:
    return log.draft(entry, src=entry.src, via=entry.parts.get("via"))


def _from(entry: Entry, src: Position) -> Entry:
    """The entry of a node's own log as an entry of a hub's feed, which says where it stands there."""
    return msgspec.structs.replace(entry, src=src)


async def _parsed(parts: AsyncIterator[Sequence[bytes]]) -> AsyncIterator[list[Entry]]:
    async for part in parts:
        yield [entries.parse(line) for line in part]
