"""Several changes as one transaction: what a push, a batch of a peer or a word of the hub's own does to the tables.

Each is checked against what the others and everybody before have stored, under the writer's lock; who was overtaken is
told so, and stores nothing. The others get their positions in their order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jisr_protocol.keys import KeyRing

from .. import log
from ..ports import Change, Conflict, Draft, Key, Number, Numbered
from . import stating
from . import tables as t
from .asking import UNJUDGED, guards, holds, texts
from .database import Database
from .dialogue import Ask, Dialogue, Put, Rows, beside, several

_RECORD_OPS = ("put", "del", "out")
GROUP_ENTRIES = 1_000
"""How many entries one transaction stores of changes that came apart; one change may hold more."""
GROUP_CHANGES = 64
_SETTLED = "DELETE FROM unjudged WHERE node = ? AND name = ? AND start = ?"


@dataclass(frozen=True)
class Stored:
    """What became of a change: the size of the hub's feed after it, and its entries."""

    size: int
    numbered: Sequence[Numbered]


def plain(change: Change) -> bool:
    """Whether it only lets one node's log grow, so that it can be stored beside those of others."""
    more = (
        change.erasures or change.nullified or change.told or change.outdated or change.homes or change.upstreams
        or change.peer or change.members or change.stated or change.back
    )  # fmt: skip
    return bool(change.node) and change.log is not None and change.stays is None and not more


def joining(changes: Sequence[Change]) -> int:
    """How many of these, from the first on, one transaction takes: of each node one, for it is judged by the last."""
    nodes: set[str] = set()
    entries = 0
    for count, change in enumerate(changes[:GROUP_CHANGES]):
        waits = change.unjudged
        entries += len(change.kept) + len(change.drafts) + (waits.end - waits.start if waits is not None else 0)
        if count and (change.node in nodes or entries > GROUP_ENTRIES):
            return count
        nodes.add(change.node)
    return min(len(changes), GROUP_CHANGES)


def storing(
    database: Database, feed: str, changes: Sequence[tuple[Change, Number]]
) -> Dialogue[list[Stored | Conflict]]:
    """Store what can be stored. Of two changes of one node only the first may be given."""
    about = {key for change, _ in changes for key in _about(change)}
    rings = {ring.id for change, _ in changes for ring in change.rings.values()}
    wanted = several(
        Ask("SELECT size FROM feed WHERE name = ?", (feed,)),
        Ask(
            f"SELECT r.node, r.id, r.seq FROM {database.keys} CROSS JOIN record AS r"
            " WHERE r.node = asked.node AND r.id = asked.id AND r.audience = 'public' AND r.seq IS NOT NULL",
            database.asked_keys(about),
        ),
        _chains(database, rings),
    )
    found: dict[int, Conflict]
    found, (sizes, priors, chains) = yield from beside(_overtaken(database, changes), wanted)
    taken = [(change, number) for place, (change, number) in enumerate(changes) if place not in found]
    newest: dict[Key, int] = {(node, record_id): seq for node, record_id, seq in priors}
    size: int = sizes[0][0]
    stored = []
    for change, number in taken:
        numbered = [number(draft, size + n, change.at) for n, draft in enumerate(change.drafts)]
        size += len(numbered)
        stored.append(Stored(size, numbered))
    rows = _Rows(newest)
    for (change, _), done in zip(taken, stored, strict=True):
        rows.take(change, done.numbered)
    yield [
        Ask("UPDATE feed SET size = ? WHERE name = ?", (size, feed)),
        Put(t.entry, rows.entries),
        Put(t.record, rows.records, replace=True),
        Put(t.node_feed, rows.feeds, replace=True),
        Put(t.node_entry, rows.node_entries, replace=True),
        Put(t.logged_statement, rows.logged),
        Put(t.unjudged, rows.unjudged),
        *rows.settled,
        *stating.touching(database, _touched(change for change, _ in taken), size),
        *_grown(chains, [ring for change, _ in taken for ring in change.rings.values()]),
    ]
    each = iter(stored)
    return [found[place] if place in found else next(each) for place in range(len(changes))]


class _Rows:
    """The rows of changes; `newest` moves along, so each entry knows where its record stood before."""

    def __init__(self, newest: dict[Key, int]) -> None:
        self._newest = newest
        self.entries: list[tuple[Any, ...]] = []
        self.records: list[tuple[Any, ...]] = []
        self.feeds: list[tuple[Any, ...]] = []
        self.node_entries: list[tuple[Any, ...]] = []
        self.logged: list[tuple[Any, ...]] = []
        self.unjudged: list[tuple[Any, ...]] = []
        self.settled: list[Ask] = []

    def take(self, change: Change, numbered: Sequence[Numbered]) -> None:
        self._entries(numbered)
        self._records(change, numbered)
        self.logged += _logged(change.drafts)
        node_log, feed = change.log, (change.node, change.name)
        if node_log is None:
            return
        if node_log.head is None or node_log.epoch is None:
            raise ValueError("a node's log grows together with its head")
        frontier = node_log.frontier
        if change.judges is None:
            self.feeds.append((*feed, node_log.epoch, frontier.size, frontier.to_bytes(), node_log.head.raw))
        else:
            self.settled.append(Ask(_SETTLED, (*feed, change.judges.start)))
        if (waits := change.unjudged) is not None:
            self.unjudged.append((*feed, waits.start, waits.end, waits.lines))
        self.node_entries += [
            (*feed, k.seq, k.leaf, k.line_hash, k.line, k.code, k.pointer or None, k.detail or None)
            for k in change.kept
        ]

    def _entries(self, numbered: Sequence[Numbered]) -> None:
        for item in numbered:
            draft, prior = item.draft, None
            if draft.op in _RECORD_OPS:
                key = (draft.node or "", draft.id or "")
                prior, self._newest[key] = self._newest.get(key), item.seq
            self.entries.append((item.seq, draft.op, draft.path, item.leaf, item.line, prior))

    def _records(self, change: Change, numbered: Sequence[Numbered]) -> None:
        paths = {(n.draft.node, n.draft.id): n.draft.path for n in numbered if n.draft.op in _RECORD_OPS}
        for r in change.remembered:
            h, key = r.held, (r.node, r.id)
            seq = self._newest.get(key) if r.audience == "public" else None
            path = paths.get(key) if h.live and r.audience == "public" else None
            self.records.append((*key, r.audience, h.rev, h.digest, h.type, path, seq))


def _overtaken(database: Database, changes: Sequence[tuple[Change, Number]]) -> Dialogue[dict[int, Conflict]]:
    """Which of the changes were judged against what is not so any more."""
    guarded = {key for change, _ in changes for key in change.guards}
    held = {key for change, _ in changes for key in change.holds}
    once = {row for change, _ in changes for row in _logged(change.drafts)}
    wanted = several(
        Ask(
            f"SELECT f.node, f.name, f.epoch, f.size, {UNJUDGED} FROM {database.named} CROSS JOIN node_feed AS f"
            " WHERE f.node = asked.value",
            texts(database, (change.node for change, _ in changes if change.log is not None)),
        ),
        Ask(
            f"SELECT l.node, l.digest FROM {database.keys} CROSS JOIN logged_statement AS l"
            " WHERE l.node = asked.node AND l.digest = asked.id",
            database.asked_keys(once),
        ),
    )
    asked = beside(guards(database, guarded), holds(held), wanted)
    now_guarded, now_held, (places, logged) = yield from asked
    stands = {(node, digest) for node, digest in logged}
    found: dict[int, Conflict] = {}
    for place, (change, _) in enumerate(changes):
        here = {
            name: (epoch, size if first is None or change.judges is None else first)
            for node, name, epoch, size, first in places
            if node == change.node
        }
        mine = _logged(change.drafts)
        if change.guards and any(now_guarded[key] != reach for key, reach in change.guards.items()):
            found[place] = Conflict("something was erased meanwhile")
        elif change.holds and any(now_held[key] != reach for key, reach in change.holds.items()):
            found[place] = Conflict("something was held back meanwhile, or is not any more")
        elif change.log is not None and here != change.expected:
            found[place] = Conflict(f"{change.node} moved on")
        elif len({*mine}) < len(mine) or not stands.isdisjoint(mine):
            found[place] = Conflict("what stands in the log once stands there already")
        else:
            stands.update(mine)
    return found


def keeping_rings(database: Database, rings: Sequence[KeyRing]) -> Dialogue[None]:
    """Keep these chains; a recovery statement may replace the end of one."""
    (chains,) = yield [_chains(database, {ring.id for ring in rings})]
    if asked := _grown(chains, rings):
        yield asked


def _chains(database: Database, nodes: Iterable[str]) -> Ask:
    """What is kept of the chains of these."""
    return Ask(
        f"SELECT k.node, k.digest FROM {database.named} CROSS JOIN key_statement AS k"
        " WHERE k.node = asked.value ORDER BY k.node, k.n",
        texts(database, nodes),
    )


def _grown(kept: Rows, rings: Iterable[KeyRing]) -> list[Ask | Put]:
    """What makes these chains of those that are kept."""
    asked: list[Ask | Put] = []
    for ring in rings:
        held, chain = [digest for node, digest in kept if node == ring.id], [s.digest for s in ring.statements]
        if held == chain:
            continue
        pairs = enumerate(zip(held, chain, strict=False))
        same = next((n for n, (a, b) in pairs if a != b), min(len(held), len(chain)))
        asked.append(Ask("DELETE FROM key_statement WHERE node = ? AND n >= ?", (ring.id, same)))
        fresh = [(ring.id, n, s.kind, s.jws, s.body, chain[n]) for n, s in enumerate(ring.statements) if n >= same]
        asked.append(Put(t.statement, fresh))
    return asked


def _about(change: Change) -> Iterator[Key]:
    """The public records a change is about."""
    for draft in change.drafts:
        if draft.op in _RECORD_OPS:
            yield draft.node or "", draft.id or ""
    for one in change.remembered:
        if one.audience == "public":
            yield one.node, one.id


def _touched(changes: Iterable[Change]) -> dict[str, set[int]]:
    """The nodes that changes touch, and the paths of the records."""
    found: dict[str, set[int]] = defaultdict(set)
    for change in changes:
        for node, paths in stating.touched(change).items():
            found[node] |= paths
    return found


def _logged(drafts: Iterable[Draft]) -> list[tuple[str, str]]:
    """Of what stands in the log once: (node, by what it is known)."""
    return [(d.node or "", mark) for d in drafts if (mark := log.once(d)) is not None]
