"""A ledger and pages in memory: the reference of the contract suite, and what the in-memory world runs on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec import structs

from jisr_protocol import entry as entries
from jisr_protocol import keys, paths, state_tree
from jisr_protocol.envelope import Envelope
from jisr_protocol.keys import KeyRing
from jisr_protocol.limits import PAGE_ENTRIES
from jisr_protocol.merkle import Frontier
from jisr_protocol.notice import ALL
from jisr_protocol.push import NodeLog

from .. import log
from ..ports import (
    NOTICE,
    Around,
    Before,
    BranchPlace,
    Change,
    Conflict,
    Erased,
    Erasure,
    Held,
    Kept,
    KeptTree,
    Key,
    Lead,
    Member,
    Nullified,
    Number,
    Numbered,
    Peer,
    Place,
    Position,
    Published,
    Pull,
    Said,
    Stated,
    Told,
    Touch,
    Unjudged,
    View,
)
from ..ports.notices import HeldBack
from ..takedown.erasure import covered, covers, erased_kept, erased_line, erased_slice, highest
from .memory_notices import Hold, MemoryNotices

_RECORD_OPS = ("put", "del", "out")
_NOTICES = ("erase", "hold")


@dataclass
class _State:
    epoch: str
    bases: tuple[dict[str, Any], ...] = ()
    entries: list[Numbered] = field(default_factory=list)
    members: dict[str, Member] = field(default_factory=dict)
    rings: dict[str, KeyRing] = field(default_factory=dict)
    logs: dict[tuple[str, str], NodeLog] = field(default_factory=dict)
    kept: dict[tuple[str, str], dict[int, Kept]] = field(default_factory=dict)
    unjudged: dict[tuple[str, str], list[Unjudged]] = field(default_factory=dict)
    aside: dict[tuple[str, str], list[tuple[str, Kept]]] = field(default_factory=dict)
    records: dict[tuple[str, str, str], Held] = field(default_factory=dict)
    peers: dict[str, Peer] = field(default_factory=dict)
    pulls: dict[str, Pull] = field(default_factory=dict)
    published: Published | None = None
    generations: dict[int, int] = field(default_factory=dict)
    stated: dict[str, Stated] = field(default_factory=dict)
    judged: dict[str, int] = field(default_factory=dict)
    notices: dict[tuple[str, str], Said] = field(default_factory=dict)
    guards: dict[Key, dict[str, int | None]] = field(default_factory=dict)
    told: dict[tuple[str, str], Told] = field(default_factory=dict)
    nullified: dict[str, frozenset[Nullified]] = field(default_factory=dict)
    holds: dict[tuple[str, str, str], Hold] = field(default_factory=dict)
    back: dict[Key, HeldBack] = field(default_factory=dict)


class MemoryLedger(MemoryNotices):
    """The Ledger port on dictionaries. Durable as long as the object lives; a test's crash keeps it."""

    def __init__(self, epoch: str) -> None:
        super().__init__()
        self._s: _State = _State(epoch)

    async def member(self, node: str) -> Member | None:
        return self._s.members.get(node)

    async def members(self, nodes: Collection[str] | None = None) -> list[Member]:
        found = (m for m in self._s.members.values() if nodes is None or m.node in nodes)
        return sorted(found, key=lambda m: m.node)

    async def admit(self, member: Member, statements: Sequence[Envelope]) -> None:
        self._s.members[member.node] = member
        self._s.rings.setdefault(member.node, keys.fold(statements, expected_id=member.node))

    async def node_log(self, node: str, name: str) -> NodeLog:
        log = self._s.logs.get((node, name), NodeLog(None, Frontier(), None, None))
        return replace(log, ring=self._s.rings.get(node))

    async def before(self, node: str, name: str, start: int, end: int) -> Before:
        return Before(
            await self.member(node),
            await self.node_places(node),
            await self.node_log(node, name),
            await self.node_line_hashes(node, name, start, end),
            await self.judged(node, name, start, end),
            {feed: waits[0].start for (who, feed), waits in self._s.unjudged.items() if who == node and waits},
        )

    async def around(self, node: str, keys: Collection[Key]) -> Around:
        reaching = {*keys, *((of, ALL) for of, _ in keys), (node, ALL)}
        held = {name: await self.held(name, keys) for name in ("public", "partners", "hub")}
        return Around(held, await self.guards(reaching), await self.holds(reaching), await self.told([node]))

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

    async def unjudged(self, node: str, name: str, start: int, end: int, most: int = 1_000_000) -> list[Unjudged]:
        return [w for w in self._s.unjudged.get((node, name), []) if w.end > start and w.start < end][:most]

    async def unjudged_feeds(self) -> list[tuple[str, str]]:
        return sorted(feed for feed, waits in self._s.unjudged.items() if waits)

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
        marks = (log.once(n.draft) for n in self._s.entries if (n.draft.node or "") == node)
        return {mark for mark in marks if mark is not None}

    async def versions(self, node: str) -> list[bytes]:
        return [n.line for n in self._s.entries if n.draft.op in ("put", "del") and n.draft.node == node]

    async def kept(self, node: str, name: str) -> list[Kept]:
        return [kept for _, kept in sorted(self._s.kept.get((node, name), {}).items())]

    async def nullified(self, node: str) -> frozenset[Nullified]:
        return self._s.nullified.get(node, frozenset())

    async def store(self, change: Change, number: Number) -> int:
        state = self._s
        before = await self.before(change.node, "", 0, 0)
        here = before.places if change.judges is None else before.settled()
        if change.log is not None and here != change.expected:
            raise Conflict(f"{change.node} moved on")
        if await self.guards(change.guards) != change.guards:
            raise Conflict("something was erased meanwhile")
        if await self.holds(change.holds) != change.holds:
            raise Conflict("something was held back meanwhile, or is not any more")
        for d in change.drafts:
            if log.once(d) in await self.statements_logged(d.node or ""):
                raise Conflict("what stands in the log once stands there already")
        for one in change.stated:
            if state.stated.setdefault(one.node, Stated(one.node, 0)).touched != one.touched:
                raise Conflict(f"{one.node} was touched since it was judged")
        self._check_told(change)
        base = len(state.entries)
        numbered = [number(draft, base + i, change.at) for i, draft in enumerate(change.drafts)]
        state.entries += numbered
        self._note_stated(change, numbered)
        self._nullify(change)
        for r in change.remembered:
            state.records[r.node, r.id, r.audience] = r.held
            if not r.held.rev and r.audience != "public":
                del state.records[r.node, r.id, r.audience]
        state.rings.update(change.rings)
        for member in change.members:
            state.members.setdefault(member.node, member)
        if change.log is not None:
            self._begin_epoch(change)
            waits = state.unjudged.setdefault((change.node, change.name), [])
            if change.judges is None:
                state.logs[change.node, change.name] = change.log
            else:
                del waits[0]
            waits += [change.unjudged] if change.unjudged is not None else []
            state.kept.setdefault((change.node, change.name), {}).update({k.seq: k for k in change.kept})
        self._keep_told(change)
        if peer := state.peers.get(change.peer):
            state.peers[change.peer] = replace(peer, cursor=change.cursor, epoch=change.peer_epoch)
        self._keep_back(change.back)
        await self.erase(change.at, change.erasures, number)
        return len(state.entries)

    def _note_stated(self, change: Change, numbered: Sequence[Numbered]) -> None:
        words = {d.node or "" for d in change.drafts if d.op in _RECORD_OPS}
        self._touch(words)
        grows = change.log is not None and change.name == "public" and change.unjudged is None
        own = {change.node} if grows else set()
        self._touch(({m.node for m in change.members} | own) - words, word=-1)
        said = {item.draft.node: item.seq for item in numbered if item.draft.op == "nodehead"}
        for one in change.stated:
            self._s.judged[one.node] = one.touched
            if one.node in said:
                word = self._s.stated[one.node].word
                self._s.stated[one.node] = replace(one, seq=said[one.node], at=change.at, word=word)

    def _touch(self, nodes: Iterable[str], word: int | None = None) -> None:
        word = len(self._s.entries) - 1 if word is None else word
        for node in nodes:
            held = self._s.stated.get(node, Stated(node, 0))
            self._s.stated[node] = replace(held, touched=held.touched + 1, word=max(held.word, word))

    async def stated(self, nodes: Iterable[str] | None = None) -> list[Stated]:
        state, wanted = self._s, None if nodes is None else set(nodes)
        rows = [state.stated[node] for node in sorted(state.stated)]
        return [r for r in rows if (r.node in wanted if wanted is not None else r.touched != state.judged.get(r.node))]

    def _nullify(self, change: Change) -> None:
        for node, nullified in change.nullified.items():
            self._s.nullified[node] = nullified
            gone = {one.digest for one in nullified if one.audience == NOTICE}
            self._s.notices = {place: said for place, said in self._s.notices.items() if place[0] not in gone}
            for held in self._s.guards.values():
                for digest in gone & held.keys():
                    del held[digest]
            held_back = self._s.holds.items()
            self._s.holds = {k: replace(h, until="") if h.notice in gone else h for k, h in held_back}

    def _begin_epoch(self, change: Change) -> None:
        """What is not the node's log any more is put aside."""
        feed = (change.node, change.name)
        kept, log = self._s.kept.get(feed, {}), self._s.logs.get(feed)
        if change.stays is not None and log is not None:
            gone = [(log.epoch or "", kept.pop(seq)) for seq in sorted(kept) if seq >= change.stays]
            self._s.aside.setdefault(feed, []).extend(gone)

    def _check_told(self, change: Change) -> None:
        for told in change.told:
            said = told.statement
            stay = [one for key, one in self._s.told.items() if key not in change.outdated]
            others = [one.statement for one in stay if one.statement.key == said.key]
            newer = any(one.n >= said.n and one.digest != said.digest for one in others)
            if (said.digest, told.kid) in self._s.told or (newer and not told.by_anchor):
                raise Conflict(f"a statement of {said.by} about {said.subject} stands here already")

    def _keep_told(self, change: Change) -> None:
        self._s.told.update({(told.statement.digest, told.kid): told for told in change.told})
        for key in change.outdated:
            self._s.told.pop(key, None)
        for node in (change.homes.keys() | change.upstreams.keys()) & self._s.members.keys():
            member = self._s.members[node]
            home, upstream = change.homes.get(node, member.home), change.upstreams.get(node, member.upstream)
            self._s.members[node] = replace(member, home=home, upstream=upstream)

    async def told(self, subjects: Iterable[str]) -> list[Told]:
        wanted = set(subjects)
        return [told for told in self._s.told.values() if told.statement.subject in wanted]

    async def waiting(self, codes: Iterable[str]) -> list[tuple[str, str]]:
        wanted = set(codes)
        return sorted(feed for feed, log in self._s.kept.items() if any(k.code in wanted for k in log.values()))

    # Nodes' trees: none is kept

    async def begin_tree(self, node: str) -> None: ...

    async def keep_tree(
        self, node: str, before: KeptTree, depth: int, made: Mapping[BranchPlace, bytes], *, whole: bool
    ) -> bool:
        return False

    async def drop_tree(self, node: str) -> None: ...

    # Erasure

    async def erase(self, at: str, erasures: Sequence[Erasure], number: Number) -> Erased:
        state, emptied, lines = self._s, 0, 0
        for erasure in erasures:
            said = erasure.notice
            place = (said.envelope.digest, erasure.feed)
            known = state.notices.setdefault(place, Said(said, erasure.feed, at, ()))
            if not erasure.binds:
                self._note(erasure, at, "advice")
                continue
            if said.action != "erase":
                hidden = self._hold(erasure, at, number) if erasure.feed == "public" else 0
                self._touch({said.node})
                self._note(erasure, at, "done" if hidden else "guarded")
                emptied += hidden
                continue
            before = (emptied, lines)
            state.guards.setdefault((said.node, erasure.target), {})[said.envelope.digest] = said.max_rev
            state.notices[place] = replace(known, guards=tuple(sorted({*known.guards, erasure.target})))
            lines += self._empty_kept(erasure) + self._drop_back(erasure)
            if erasure.feed == "public" or all(self._stood(said.node, target) for target in said.targets):
                places = self._empty_own(erasure)
                self._take_out(erasure)
                emptied += len(places)
                if places:
                    state.entries.append(number(erasure.draft, len(state.entries), at))
                for page in {seq // PAGE_ENTRIES for seq in places}:
                    state.generations[page] = state.generations.get(page, 1) + 1
            self._touch({said.node})
            self._note(erasure, at, "done" if (emptied, lines) != before else "guarded")
        return Erased(emptied, lines)

    def _stood(self, node: str, target: str) -> bool:
        drafts = (n.draft for n in self._s.entries)
        return any(d.op in ("put", "del") and d.node == node and target in (ALL, d.id) for d in drafts)

    def _empty_own(self, erasure: Erasure) -> list[int]:
        emptied = []
        for place, numbered in enumerate(self._s.entries):
            if (line := erased_line(erasure, numbered.line)) is not None:
                draft = structs.replace(numbered.draft, before=b"", after=b"")
                self._s.entries[place] = structs.replace(numbered, line=line, draft=draft)
            if line is not None or (erasure.again and covered(erasure, numbered.line)):
                emptied.append(numbered.seq)
        return emptied

    def _take_out(self, erasure: Erasure) -> None:
        for key, held in self._s.records.items():
            if key[2] == "public" and covers(erasure, key[0], key[1], held.rev):
                self._s.records[key] = structs.replace(held, live=False)

    def _empty_kept(self, erasure: Erasure) -> int:
        changed = 0
        for (_, name), held in self._s.kept.items():
            for seq, kept in held.items():
                if (now := erased_kept(erasure, kept)) is not None:
                    held[seq], changed = now, changed + 1
                    if now.code is None and kept.code is not None and now.line is not None:
                        self._remember_stub(name, entries.parse(now.line))
        for waits in self._s.unjudged.values():
            for place, one in enumerate(waits):
                lines, emptied = erased_slice(erasure, one.lines)
                waits[place], changed = Unjudged(one.start, one.end, lines), changed + emptied
        for aside in self._s.aside.values():
            aside[:] = [(epoch, erased_kept(erasure, kept) or kept) for epoch, kept in aside]
        return changed

    def _remember_stub(self, audience: str, stub: entries.Entry) -> None:
        key = (stub.node or "", stub.id or "", audience)
        before = self._s.records.get(key)
        if before is None or (stub.rev or 0) > before.rev:
            self._s.records[key] = Held(stub.rev or 0, stub.digest or "", stub.type or "", False)

    async def empty(self, erasures: Sequence[Erasure]) -> Erased:
        lines = sum(self._empty_kept(erasure) + self._drop_back(erasure) for erasure in erasures)
        return Erased(sum(len(self._empty_own(erasure)) for erasure in erasures), lines)

    async def forget(self) -> list[str]:
        return []

    async def guards(self, keys: Iterable[Key]) -> dict[Key, int | None]:
        return {key: highest(self._s.guards.get(key, {}).values()) for key in keys}

    async def notices(self, node: str | None = None) -> list[Said]:
        return [said for said in self._s.notices.values() if node in (None, said.notice.node)]

    async def last_notice(self, by: str, node: str, feed: str) -> tuple[int, str] | None:
        said = [s.notice for s in self._s.notices.values() if s.feed == feed]
        return max(((n.n, n.envelope.digest) for n in said if (n.by, n.node) == (by, node)), default=None)

    async def newest_rev(self, node: str, target: str) -> int:
        held = self._s.records.items()
        return max((h.rev for key, h in held if key[0] == node and target in (ALL, key[1])), default=0)

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

    async def pulls(self) -> list[Pull]:
        return sorted(self._s.pulls.values(), key=lambda p: p.node)

    async def keep_pull(self, pull: Pull, *, add: bool = False) -> None:
        held = self._s.pulls.get(pull.node)
        if add or (held is not None and held.address == pull.address):
            self._s.pulls[pull.node] = pull

    async def remove_pull(self, node: str) -> None:
        self._s.pulls.pop(node, None)


async def _for_ever() -> None:
    await asyncio.Event().wait()


def _raw(published: Published | None) -> bytes | None:
    return published.head.raw if published is not None else None


class _View:
    def __init__(self, state: _State) -> None:
        self.size = len(state.entries)
        self._entries = state.entries[: self.size]
        self._generations = dict(state.generations)
        self._live = {key[:2]: held for key, held in state.records.items() if key[2] == "public" and held.live}

    async def entries(self, start: int, end: int | None = None) -> AsyncIterator[Sequence[tuple[int, bytes, bytes]]]:
        rows = self._entries[start:end]
        if rows:
            yield [(n.seq, n.line, n.leaf) for n in rows]

    async def lines(self, seqs: Iterable[int]) -> dict[int, bytes]:
        return {seq: self._entries[seq].line for seq in seqs}

    async def priors(self, seqs: Iterable[int]) -> dict[int, int | None]:
        return {seq: self._newest(seq).get(_key(self._entries[seq])) for seq in seqs}

    async def said(self, ops: Iterable[str], start: int = 0, end: int | None = None) -> AsyncIterator[Sequence[bytes]]:
        wanted = set(ops)
        yield [n.line for n in self._entries[start:end] if n.draft.op in wanted]

    async def generations(self) -> dict[int, int]:
        return self._generations

    async def of_node(
        self, node: str, ranges: Sequence[tuple[int, int]] | None = None
    ) -> AsyncIterator[Sequence[tuple[int, str, int, str]]]:
        rows = [(state_tree.path(*k), k[1], h.rev, h.digest) for k, h in self._live.items() if k[0] == node]
        yield sorted(row for row in rows if ranges is None or any(low <= row[0] <= high for low, high in ranges))

    async def kept_tree(self, node: str) -> KeptTree | None:
        return None

    async def branches(self, node: str, places: Iterable[BranchPlace] | None) -> dict[BranchPlace, bytes]:
        return {}

    async def taken_out(self, node: str) -> list[bytes]:
        about = [self._entries[seq] for key, seq in self._newest().items() if key[0] == node and key not in self._live]
        return [numbered.line for numbered in about if numbered.draft.op != "del"]

    async def live(self) -> int:
        return len(self._live)

    async def rows(
        self, ranges: Sequence[tuple[int, int]] | None
    ) -> AsyncIterator[Sequence[tuple[int, str, str, int, str]]]:
        rows = [(state_tree.path(*key), *key, h.rev, h.digest) for key, h in self._live.items()]
        rows = [row for row in rows if ranges is None or any(low <= row[0] <= high for low, high in ranges)]
        yield sorted(rows) if ranges is None else rows

    async def puts(self) -> AsyncIterator[Sequence[bytes]]:
        newest = self._newest()
        yield [self._entries[newest[key]].line for key in sorted(self._live, key=lambda k: (state_tree.path(*k), *k))]

    async def gone(self, floor: int) -> AsyncIterator[Sequence[bytes]]:
        ends = (self._entries[seq] for seq in self._newest().values() if seq >= floor)
        yield [n.line for n in ends if n.draft.op in ("del", "out") and entries.parse(n.line).gone is None]

    async def newest(self, node: str, record_id: str) -> dict[str, int]:
        found = self._newest().items()
        return {i: seq for (n, i), seq in found if n == node and record_id in (i, "*")}

    async def touched(self, start: int, end: int | None = None) -> set[int]:
        return {state_tree.path(*_key(n)) for n in self._entries[start:end] if n.draft.op in _RECORD_OPS}

    async def touching(self, start: int, low: int, high: int) -> list[Touch]:
        found, newest = [], self._newest(start)
        for n in self._entries[start:]:
            if n.draft.op in _RECORD_OPS:
                if low <= state_tree.path(*_key(n)) <= high:
                    found.append(Touch(n.seq, n.draft.op, n.line, newest.get(_key(n))))
                newest[_key(n)] = n.seq
            elif n.draft.op in _NOTICES:
                found.append(Touch(n.seq, n.draft.op, n.line, None))
        return found

    def _newest(self, end: int | None = None) -> dict[tuple[str, str], int]:
        return {_key(n): n.seq for n in self._entries[:end] if n.draft.op in _RECORD_OPS}


def _key(item: Numbered) -> tuple[str, str]:
    return item.draft.node or "", item.draft.id or ""


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

    def stands(self, path: str) -> bool:
        return path in self.files

    def place(self, path: str) -> None:
        return None

    def remove(self, path: str, *, alone: bool = False) -> None:
        for form in (path, *(() if alone else paths.compressed(path))):
            self.files.pop(form, None)

    def list(self, prefix: str) -> Iterator[str]:
        yield from [path for path in self.files if path.startswith(prefix)]
