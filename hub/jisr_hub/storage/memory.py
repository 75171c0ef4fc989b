"""A ledger and pages in memory: the reference of the contract suite, and what the in-memory world runs on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from jisr_protocol import keys, state_tree
from jisr_protocol.envelope import Envelope
from jisr_protocol.keys import KeyRing
from jisr_protocol.merkle import Frontier
from jisr_protocol.push import NodeLog

from ..ports import Change, Conflict, Held, Kept, Lead, Member, Number, Numbered, Peer, Place, Position, Published, View


@dataclass
class _State:
    epoch: str
    bases: tuple[dict[str, Any], ...] = ()
    entries: list[Numbered] = field(default_factory=list)
    members: dict[str, Member] = field(default_factory=dict)
    rings: dict[str, KeyRing] = field(default_factory=dict)
    logs: dict[tuple[str, str], NodeLog] = field(default_factory=dict)
    kept: dict[tuple[str, str], dict[int, Kept]] = field(default_factory=dict)
    aside: dict[tuple[str, str], list[tuple[str, Kept]]] = field(default_factory=dict)
    records: dict[tuple[str, str, str], Held] = field(default_factory=dict)
    peers: dict[str, Peer] = field(default_factory=dict)
    published: Published | None = None


class MemoryLedger:
    """The Ledger port on dictionaries. Durable as long as the object lives; a test's crash keeps it."""

    def __init__(self, epoch: str) -> None:
        self._s = _State(epoch)

    async def member(self, node: str) -> Member | None:
        return self._s.members.get(node)

    async def members(self) -> list[Member]:
        return sorted(self._s.members.values(), key=lambda m: m.node)

    async def admit(self, member: Member, statements: Sequence[Envelope]) -> None:
        self._s.members[member.node] = member
        self._s.rings.setdefault(member.node, keys.fold(statements, expected_id=member.node))

    async def node_log(self, node: str, name: str) -> NodeLog:
        log = self._s.logs.get((node, name), NodeLog(None, Frontier(), None, None))
        return replace(log, ring=self._s.rings.get(node))

    async def node_places(self, node: str) -> dict[str, Place]:
        return {name: (log.epoch or "", log.frontier.size) for (who, name), log in self._s.logs.items() if who == node}

    async def node_leaves(self, node: str, name: str, start: int, end: int) -> dict[int, bytes]:
        kept = self._s.kept.get((node, name), {})
        return {seq: kept[seq].leaf for seq in range(start, end) if seq in kept}

    async def node_line_hashes(self, node: str, name: str, start: int, end: int) -> dict[int, bytes]:
        kept = self._s.kept.get((node, name), {})
        return {seq: k.line_hash for seq in range(start, end) if (k := kept.get(seq)) and k.line_hash}

    async def judged(self, node: str, name: str, start: int = 0, end: int | None = None) -> list[Kept]:
        kept = sorted(self._s.kept.get((node, name), {}).items())
        return [k for seq, k in kept if k.code and start <= seq and (end is None or seq < end)]

    async def put_aside(self, node: str, name: str) -> list[tuple[str, Kept]]:
        return sorted(self._s.aside.get((node, name), []), key=lambda one: (one[0], one[1].seq))

    async def sources(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Position]:
        newest = {(d.node or "", d.id or ""): d.src for d in (n.draft for n in self._s.entries) if d.path is not None}
        return {key: src for key in keys if (src := newest.get(key)) is not None}

    async def held(self, audience: str, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Held]:
        found = ((key, self._s.records.get((*key, audience))) for key in keys)
        return {key: held for key, held in found if held is not None}

    async def rings(self, nodes: Iterable[str]) -> dict[str, KeyRing]:
        return {node: self._s.rings[node] for node in nodes if node in self._s.rings}

    async def statements_logged(self, node: str) -> set[str]:
        drafts = (n.draft for n in self._s.entries)
        return {d.digest for d in drafts if d.op in ("key", "recovery") and d.node == node and d.digest}

    async def store(self, change: Change, number: Number) -> int:
        state = self._s
        if change.log is not None and await self.node_places(change.node) != change.expected:
            raise Conflict(f"{change.node} moved on")
        base = len(state.entries)
        state.entries += [number(draft, base + i, change.at) for i, draft in enumerate(change.drafts)]
        for r in change.remembered:
            state.records[r.node, r.id, r.audience] = r.held
        state.rings.update(change.rings)
        for member in change.members:
            state.members.setdefault(member.node, member)
        if change.log is not None:
            self._begin_epoch(change)
            state.logs[change.node, change.name] = change.log
            state.kept.setdefault((change.node, change.name), {}).update({k.seq: k for k in change.kept})
        if peer := state.peers.get(change.peer):
            state.peers[change.peer] = replace(peer, cursor=change.cursor, epoch=change.peer_epoch)
        return len(state.entries)

    def _begin_epoch(self, change: Change) -> None:
        """What is not the node's log any more is put aside."""
        feed = (change.node, change.name)
        kept, log = self._s.kept.get(feed, {}), self._s.logs.get(feed)
        if change.stays is not None and log is not None:
            gone = [(log.epoch or "", kept.pop(seq)) for seq in sorted(kept) if seq >= change.stays]
            self._s.aside.setdefault(feed, []).extend(gone)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[View]:
        yield _View(self._s)

    async def published(self) -> Published | None:
        return self._s.published

    async def epoch(self) -> str:
        return self._s.epoch

    async def bases(self) -> tuple[dict[str, Any], ...]:
        return self._s.bases

    async def rebase(self, epoch: str, bases: Sequence[dict[str, Any]], before: str) -> None:
        if self._s.epoch != before:
            raise Conflict(f"this feed is in the epoch {self._s.epoch}, not {before}")
        self._s.epoch, self._s.bases = epoch, tuple(bases)

    async def publish(self, published: Published, before: Published | None) -> None:
        if _raw(self._s.published) != _raw(before):
            raise Conflict("another process has published meanwhile")
        self._s.published = published

    @asynccontextmanager
    async def leading(self, role: str) -> AsyncIterator[Lead | None]:
        yield _for_ever

    async def peers(self) -> list[Peer]:
        return sorted(self._s.peers.values(), key=lambda p: p.hub)

    async def keep_peer(self, peer: Peer) -> None:
        held = self._s.peers.get(peer.hub, peer)
        self._s.peers[peer.hub] = replace(peer, cursor=held.cursor, epoch=held.epoch)


async def _for_ever() -> None:
    await asyncio.Event().wait()


def _raw(published: Published | None) -> bytes | None:
    return published.head.raw if published is not None else None


class _View:
    def __init__(self, state: _State) -> None:
        self.size = len(state.entries)
        self._entries = state.entries[: self.size]
        self._live = {key[:2]: held for key, held in state.records.items() if key[2] == "public" and held.live}

    async def entries(self, start: int) -> AsyncIterator[Sequence[tuple[int, bytes, bytes]]]:
        rows = self._entries[start:]
        if rows:
            yield [(n.seq, n.line, n.leaf) for n in rows]

    async def touched(self, start: int) -> set[int]:
        drafts = (n.draft for n in self._entries[start:] if n.draft.op in ("put", "del", "out"))
        return {state_tree.path(d.node or "", d.id or "") for d in drafts}

    async def live(self) -> int:
        return len(self._live)

    async def rows(
        self, ranges: Sequence[tuple[int, int]] | None
    ) -> AsyncIterator[Sequence[tuple[int, str, str, int, str]]]:
        rows = [(state_tree.path(*key), *key, h.rev, h.digest) for key, h in self._live.items()]
        yield [row for row in rows if ranges is None or any(low <= row[0] <= high for low, high in ranges)]


class MemoryPages:
    """The Pages port on a dictionary."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def write(self, path: str, content: bytes) -> None:
        self.files[path] = content

    def flush(self) -> None:
        """Nothing to do: memory is as durable as it gets."""

    def read(self, path: str) -> bytes | None:
        return self.files.get(path)

    def remove(self, path: str) -> None:
        self.files.pop(path, None)
