"""Saying how far this feed holds all of each node: `nodehead` entries (docs/spec/completeness.md).

    NodeHeads.state     of every node that is admitted here and was touched: its own head, and what is missing of it
    relayed_heads       the same of nodes that come by a peer, once everything below that peer's word was taken

One is written after what it counts is stored, never with it: a node that pushes much gets few of them. What cannot
be shown to add up is not said at all: the node's set is made here of what was admitted and what was put aside,
and has to meet the number and the state root that the node signs (NHD-8).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import orjson
import structlog
from msgspec import structs

from jisr_protocol import completeness, identifiers, live, state_tree
from jisr_protocol import entry as entries
from jisr_protocol import head as heads
from jisr_protocol.completeness import OLDER
from jisr_protocol.entry import Entry
from jisr_protocol.head import Head
from jisr_protocol.notice import ALL
from jisr_protocol.push import NodeLog
from jisr_protocol.refusal import Refusal
from jisr_protocol.state_tree import StateTree

from . import log, node_trees
from .hub import Hub
from .ports import Change, Conflict, Draft, Held, Kept, Ledger, Position, Said, Stated, View

PAUSE = timedelta(seconds=30)
"""How soon the next head of the same node may be said: a node that pushes without end costs two entries a minute."""
RENEWED = timedelta(days=1)
"""How much younger the same head of a node must be to be said again."""
BATCH = 100
Version = tuple[int, str]
"""(rev, digest) of a record."""
_Reach = tuple[str, int | None]
"""(target, up to which rev) of a notice; None for any."""
_CAUSE_OF_CODE = {"erased": "erased", "policy_refused": "policy", "key_revoked": "nullified", "nullified": "nullified"}
_log = structlog.get_logger()


@dataclass
class Account:
    """A node's own live set as far as it differs from what this feed holds of it."""

    own: dict[str, Version | None] = field(default_factory=dict)
    """What the node's set holds of a record that stands otherwise here; None for nothing."""
    causes: dict[str, str] = field(default_factory=dict)

    def misses(self, record_id: str, version: Version, cause: str) -> None:
        self.own[record_id], self.causes[record_id] = version, cause

    def holds(self, record_id: str) -> None:
        self.own.pop(record_id, None)
        self.causes.pop(record_id, None)

    def lacks(self, record_id: str) -> None:
        self.own[record_id] = None
        self.causes.pop(record_id, None)


async def missing_of(ledger: Ledger, node: str, head: Head) -> dict[str, int] | None:
    """What is missing of an admitted node's set under this head, by cause, and `older`; None when what is known here
    does not add up to what the node signs. Every position below the head's size must have been judged."""
    await node_trees.keep(ledger, node, head.live)
    said = await ledger.notices(node)
    async with ledger.reading() as view:
        account = await _account(ledger, view, node, said)
        counts, root, total = await compare(view, node, account, head.live)
    if (total, root.hex()) != (head.live, head.state_root):
        return None
    return counts


async def _account(ledger: Ledger, view: View, node: str, said: Sequence[Said]) -> Account:
    account = Account()
    by_node = [*_own_erasures(said, node), *_own_holds(said, node)]
    guards = [(target, one.notice.max_rev) for one in said if one.notice.by != node for target in one.guards]
    outs = [(line, entries.parse(line)) for line in await view.taken_out(node)]
    now = await ledger.held("public", {(node, out.id or "") for _, out in outs})
    for line, out in outs:
        newest = now[node, out.id or ""]
        if newest.rev > (out.rev or 0):  # it came while what is shown was held back, and never stood in this feed
            out = structs.replace(out, rev=newest.rev, digest=newest.digest)
        if not _reached(by_node, out):
            why = "held" if out.gone == "held" else str(orjson.loads(line).get("why", "left"))
            if why == "audience":  # the node's own tombstone is on its way; until then nothing adds up
                continue
            cause = "erased" if _reached(guards, out) else why
            account.misses(out.id or "", (out.rev or 0, out.digest or ""), cause)
    await _count_held(ledger, node, by_node, account)
    judged = [(kept, entries.parse(kept.line)) for kept in await ledger.judged(node, "public") if kept.line]
    aside = [(kept, e) for kept, e in judged if e.op in ("put", "del") and e.node == node]
    about = {(node, e.id or "") for _, e in aside}
    held, sources = await ledger.held("public", about), await ledger.sources(about)
    for kept, e in aside:
        here, source = held.get((node, e.id or "")), sources.get((node, e.id or ""))
        if _overtaken(kept, e, here, source):
            continue
        version = (e.rev or 0, e.digest or "")
        if e.op == "del" or _reached(by_node, e):
            account.lacks(e.id or "")
        elif here is not None and here.live and (here.rev, here.digest) == version:
            account.holds(e.id or "")
        else:
            account.misses(e.id or "", version, _CAUSE_OF_CODE.get(kept.code or "", "quarantined"))
    return account


async def _count_held(ledger: Ledger, node: str, by_node: Sequence[_Reach], account: Account) -> None:
    """What a hold keeps back is missing in the version that comes back when it ends."""
    kept = await ledger.held_back(node)
    now = await ledger.held("public", {(node, back.id) for back in kept})
    for back in kept:
        here = now.get((node, back.id))
        newest = here is not None and (here.rev, here.digest, here.live) == (back.rev, back.digest, False)
        if newest and not _covers(by_node, back.id, back.rev):
            account.misses(back.id, (back.rev, back.digest), "held")


def _overtaken(kept: Kept, e: Entry, here: Held | None, source: Position | None) -> bool:
    """Whether what is admitted of a record stands later in the node's log than this entry that was put aside."""
    if source is not None and source[0] == "public":
        return source[2] > kept.seq
    return here is not None and here.rev >= (e.rev or 0)


def _own_erasures(said: Sequence[Said], node: str) -> list[_Reach]:
    own = [one for one in said if one.notice.by == node and one.notice.action == "erase" and one.feed == "public"]
    return [(target, one.notice.max_rev) for one in own for target in one.guards]


def _own_holds(said: Sequence[Said], node: str) -> list[_Reach]:
    """What a hold by the node itself took out of its own set, until its unhold."""
    own = [one.notice for one in said if one.notice.by == node and one.feed == "public"]
    ended = [(target, one.n) for one in own if one.action == "unhold" for target in one.targets]
    holds = [(target, one) for one in own if one.action == "hold" for target in one.targets]
    return [
        (target, one.max_rev)
        for target, one in holds
        if not any(end in (target, ALL) and n > one.n for end, n in ended)
    ]


def _reached(reaches: Sequence[_Reach], e: Entry) -> bool:
    return _covers(reaches, e.id or "", e.rev or 0)


def _covers(reaches: Sequence[_Reach], record_id: str, rev: int) -> bool:
    return any(target in (record_id, ALL) and live.reaches(max_rev, rev) for target, max_rev in reaches)


async def compare(view: View, node: str, account: Account, promised: int) -> tuple[dict[str, int], bytes, int]:
    """(counts, state root, number) of the node's set: what is live here, and how it differs. From the tree that is
    kept, and the buckets in which it differs or something was touched; without one, made of every record."""
    depth = state_tree.depth_for(promised)
    own = _Own(node, account, depth)
    buckets = await node_trees.differing(view, node, depth, own.buckets)
    if buckets is None:
        tree = StateTree(depth)
        async for number, rows in node_trees.in_buckets(view.of_node(node), depth):
            tree.set_bucket(number, own.bucket(number, rows).hashed)
        for number in own.left():
            tree.set_bucket(number, own.bucket(number, []).hashed)
        root, total = tree.root(), own.total
    else:
        found = await node_trees.rows_of(view, node, buckets, depth)
        changed = {number: own.bucket(number, rows) for number, rows in found.items()}
        (root, total), _ = await node_trees.grown(view, node, depth, changed)
    counts = Counter(account.causes.values()) + Counter({OLDER: own.shown})
    return dict(counts), root, total


class _Own:
    """The buckets of a node's own set, made of what stands here and an account of what differs."""

    def __init__(self, node: str, account: Account, depth: int) -> None:
        self._node, self._account = node, account
        self._more: dict[int, list[bytes]] = defaultdict(list)
        self.shown = self.total = 0
        for record_id, version in account.own.items():
            more = self._more[state_tree.bucket_of(state_tree.path(node, record_id), depth)]
            if version is not None:
                more.append(state_tree.line(node, record_id, *version))

    @property
    def buckets(self) -> set[int]:
        """Those in which anything differs."""
        return set(self._more)

    def left(self) -> list[int]:
        """Those that were not asked for yet."""
        return list(self._more)

    def bucket(self, number: int, rows: Sequence[node_trees.Row]) -> node_trees.Child:
        """A bucket, given the records that are live here; each is asked for once."""
        lines = self._more.pop(number, [])
        for _, record_id, rev, digest in rows:
            if record_id in self._account.own:
                self.shown += 1
            else:
                lines.append(state_tree.line(self._node, record_id, rev, digest))
        self.total += len(lines)
        return node_trees.bucket(lines)


class NodeHeads:
    """Writes the heads of nodes into a hub's feed. `pause` is the shortest time between two of one node."""

    def __init__(self, hub: Hub, *, pause: timedelta = PAUSE) -> None:
        self._hub, self._ledger, self._pause = hub, hub.ledger, pause
        self.waits: timedelta | None = None
        """After the last `state`: how long until the next head is due that waits for its pause."""

    async def state(self, most: int | None = None) -> int:
        """Say the heads of admitted nodes that were touched, of `most` of them at most: those that were not said for
        longest, and of the others with the next call; returns how many. Safe at any time, also needlessly."""
        self.waits = None
        touched = [] if self._hub.fenced() else await self._ledger.stated()
        if not touched:
            return 0
        members = await self._ledger.members([stated.node for stated in touched])
        admitted = {member.node for member in members if not member.upstream}
        due = [stated for stated in touched if stated.node in admitted and not self._must_wait(stated)]
        due.sort(key=lambda stated: stated.at)
        if most is not None and len(due) > most:
            due, self.waits = due[:most], timedelta(0)
        written = 0
        for start in range(0, len(due), BATCH):
            written += await self._store([await self._judge(one) for one in due[start : start + BATCH]])
        return written

    def _must_wait(self, stated: Stated) -> bool:
        if not stated.at:
            return False
        left = identifiers.from_instant(stated.at) + self._pause - self._hub.clock()
        if left <= timedelta(0) or left > self._pause:  # a clock that stepped back must not keep it waiting
            return False
        self.waits = left if self.waits is None else min(left, self.waits)
        return True

    async def _judge(self, stated: Stated) -> tuple[Stated, Draft | None]:
        before = await self._ledger.before(stated.node, "public", 0, 0)
        head = _whole(before.log) if "public" not in before.unjudged else None
        if head is None:
            return stated, None
        missing = await missing_of(self._ledger, stated.node, head)
        if missing is None:
            _log.info("nodehead.unmet", node=stated.node, epoch=head.epoch, size=head.size)
            return stated, None
        return _said(stated, head, missing, again=self._overtaken(stated))

    async def say(self, stated: Stated, head: Head, missing: Mapping[str, int]) -> int:
        """Say this head of a node that comes by a peer, unless it was said; returns how many entries that took."""
        if self._must_wait(stated):
            return 0
        return await self._store([_said(stated, head, missing, again=self._overtaken(stated))])

    def _overtaken(self, stated: Stated) -> bool:
        """Whether a word about a record of the node came after its head was said with something missing: readers then
        wait for the next head (NHD-9), also where it says the same."""
        return bool(stated.missing) and stated.word > stated.seq

    async def _store(self, judged: Sequence[tuple[Stated, Draft | None]]) -> int:
        drafts = [draft for _, draft in judged if draft is not None]
        at = identifiers.to_instant(self._hub.clock())
        try:
            await self._ledger.store(Change(at, drafts, (), stated=[one for one, _ in judged]), log.number)
        except Conflict:
            if len(judged) == 1:
                return 0  # it was touched meanwhile; the next round judges it again
            return sum([await self._store([one]) for one in judged])
        if drafts:
            self._hub.changed.set()
        return len(drafts)


def _whole(held: NodeLog) -> Head | None:
    """The node's newest head when every position below its size was judged, and its keys still vouch for it."""
    head = held.head
    if head is None or held.ring is None or held.frontier.size != head.size or held.epoch != head.epoch:
        return None
    try:
        held.ring.verify(head.envelope)
    except Refusal:
        return None
    return head


def _said(
    stated: Stated, head: Head, missing: Mapping[str, int], *, again: bool = False
) -> tuple[Stated, Draft | None]:
    """What is to be said now: nothing when it was said, or would fall back behind what was (NHD-4, NHD-5)."""
    if stated.head:
        before = heads.parse(stated.head)
        try:
            newer = completeness.in_order(before, head)
        except Refusal:
            return stated, None
        same = not newer and dict(missing) == dict(stated.missing) and head.time < before.time + RENEWED
        if same and not again:
            return stated, None
    said = Stated(stated.node, stated.touched, head.raw, dict(missing))
    return said, log.node_head_draft(head, missing)
