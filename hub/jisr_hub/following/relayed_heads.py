"""Passing on the heads of nodes that come by a peer, with what is missing here of what the peer itself holds.

Only of nodes that this hub takes from that peer, only once everything below the peer's word was taken, and only where
the peer's own statement adds up in its feed. What the peer says is missing stays missing here; what this hub does not
show of what the peer holds comes on top.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence

from jisr_protocol import completeness
from jisr_protocol import entry as entries
from jisr_protocol.completeness import OLDER, NodeHead
from jisr_protocol.entry import Entry
from jisr_protocol.head import Head
from jisr_protocol.reader.store import Copy
from jisr_protocol.refusal import Refusal

from .. import ingest, node_trees
from ..benches import guarding
from ..hub import Hub
from ..ingest import Policy
from ..node_heads import Account, NodeHeads, compare
from ..ports import Peer, Stated, View
from ..takedown import holding

_AT_ONCE = 500
Row = tuple[int, str, int, str]
"""(path, id, rev, digest) of a live record."""


async def relay(heads: NodeHeads, hub: Hub, peer: Peer, copy: Copy, since: int) -> bool:
    """Say the heads that the copy of a peer's feed holds from position `since` on, and those of nodes that were touched
    here; returns whether none is left that has to wait. The whole copy must have been taken."""
    if hub.fenced():
        return False
    touched = {stated.node for stated in await hub.ledger.stated()}
    told = [f for f in copy.nodes() if f.verdict in ("complete", "short") and (f.seq >= since or f.node in touched)]
    heads.waits = None
    for found in told:
        member = await hub.ledger.member(found.node)
        said = copy.node_head(found.node)
        if said is None or member is None or member.upstream != peer.hub:
            continue
        stated = next(iter(await hub.ledger.stated([found.node])), Stated(found.node, 0))
        if found.node not in touched and stated.head == said.head.raw:
            continue  # said in an earlier round
        await node_trees.keep(hub.ledger, found.node, said.head.live)
        rules = hub.judging(member.home_hub(hub.identity.id), member.upstream)
        missing = await _missing(hub, rules, copy, said)
        if missing is not None:
            await heads.say(stated, said.head, missing)
    return heads.waits is None


async def _missing(hub: Hub, rules: Policy, copy: Copy, said: NodeHead) -> dict[str, int] | None:
    """What is missing here of a node under its head; None when it does not add up (NHD-8)."""
    counts = Counter(said.missing)
    async with hub.ledger.reading() as view:
        if await _is_whole(view, said.head):  # also where the peer itself shows something wrongly
            return {}
        differing = _Difference(view, copy, said.node)
        async for rows in differing.absent():
            counts.update(await _causes(hub, rules, copy, said.node, rows))
        counts[OLDER] += differing.older
        missing = {cause: count for cause, count in counts.items() if count}
    try:
        here = NodeHead(said.seq, said.at, said.head, missing)
        completeness.check_set(here, differing.live, None)
    except Refusal:
        return None
    return missing


async def _is_whole(view: View, head: Head) -> bool:
    """Whether the node's records here are the very ones that its head signs."""
    _, root, live = await compare(view, head.by, Account(), head.live)
    return (root.hex(), live) == (head.state_root, head.live)


class _Difference:
    """The live records of one node here, against those in a peer's copy; both pass through in one order."""

    def __init__(self, view: View, copy: Copy, node: str) -> None:
        self._view, self._theirs, self._node = view, copy.node_rows(node), node
        self.live = self.older = 0

    async def absent(self) -> AsyncIterator[Sequence[Row]]:
        """The rows of the peer that are not here as they are there, in batches."""
        mine, held = self._mine(), list[Row]()
        ours, their = await anext(mine, None), next(self._theirs, None)
        while ours is not None or their is not None:
            first = min(row[:2] for row in (ours, their) if row is not None)
            here = ours if ours is not None and ours[:2] == first else None
            there = their if their is not None and their[:2] == first else None
            self.live += here is not None
            self.older += here is not None and here != there
            if there is not None and here != there:
                held.append(there)
            if len(held) == _AT_ONCE:
                yield held
                held = []
            ours = await anext(mine, None) if here is not None else ours
            their = next(self._theirs, None) if there is not None else their
        if held:
            yield held

    async def _mine(self) -> AsyncIterator[Row]:
        async for part in self._view.of_node(self._node):
            for row in part:
                yield row


async def _causes(hub: Hub, rules: Policy, copy: Copy, node: str, rows: Sequence[Row]) -> Iterator[str]:
    """Why each is not here: it was erased, is held back, this hub's policy does not take it, or it was refused."""
    keys = guarding((node, row[1]) for row in rows)
    guards, holds = await hub.ledger.guards(keys), await hub.ledger.holds(keys)
    causes = []
    for _, record_id, rev, _ in rows:
        entry = _entry(copy, node, record_id)
        if ingest.guarded(guards, node, record_id, rev):
            causes.append("erased")
        elif holding.held(holds, node, record_id, rev):
            causes.append("held")
        else:
            causes.append("policy" if entry is not None and rules(entry) else "quarantined")
    return iter(causes)


def _entry(copy: Copy, node: str, record_id: str) -> Entry | None:
    record = copy.record(node, record_id)
    if record is None:
        return None
    return entries.parse(entries.write("put", record.envelope, seq=record.seq, at=record.at, src=record.src))
