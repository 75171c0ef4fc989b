"""Taking what a peer's feed brings into our log, in batches: cursor and data in one transaction.

A record enters only under its author's signature (PEER-1), never when our own id stands in its way or more than three
hops do (PEER-2), and never twice: a known digest is not emitted again. Each node is taken from one upstream: the first
that brought it, and never from a peer when it is admitted here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson
import structlog

from jisr_protocol import entry as entries
from jisr_protocol import identifiers, keys, notice, statement, validity
from jisr_protocol.entry import Entry
from jisr_protocol.envelope import Envelope
from jisr_protocol.keys import KeyRing
from jisr_protocol.limits import HOPS
from jisr_protocol.notice import Force
from jisr_protocol.refusal import Refusal, refuse

from .. import ingest, log, nullification
from ..authority.passed_on import Relayed
from ..benches import guarding
from ..hub import CONFLICT_TRIES, Hub
from ..ingest import Bench, Outcome
from ..nullification import Reckoning
from ..ports import Change, Conflict, Draft, Erasure, Held, Key, Member, Peer, Remembered
from ..ports.history import LeftOut, Way
from ..takedown import holding
from ..tally import PEER
from .history import counted

_log = structlog.get_logger()


@dataclass(frozen=True)
class Offered:
    """One change of a peer's feed: where it stands there, the entry as it stands there, or a record that left."""

    seq: int
    entry: Entry


def way(hub_id: str, peer: Peer, entry: Entry, seq: int) -> bytes:
    """PEER-2: the `via` this entry gets here, or a Refusal when it came in a circle or too far."""
    hops = [*entry.via]
    if any(hop["by"] == hub_id for hop in hops):
        refuse("PEER-2", "/via", expected="a way that does not come from here", came=hub_id)
    if len(hops) + 1 > HOPS:
        refuse("PEER-2", "/via", expected=f"at most {HOPS} hops", came=len(hops) + 1)
    return log.hop(peer.hub, peer.epoch, seq, orjson.dumps(hops, option=orjson.OPT_SORT_KEYS) if hops else None)


def taken_from(hub_id: str, entry: Entry) -> bool:
    """Whether who shows this entry has read it from this hub: no fault of theirs, and not taken again."""
    return bool(entry.via) and entry.via[-1]["by"] == hub_id


async def take(
    hub: Hub, peer: Peer, offered: Sequence[Offered], rings: Mapping[str, KeyRing], cursor: int | None
) -> int:
    """Take one batch of a peer's changes into the log; returns how many entries it became.

    `rings` are the authors' keys as far as the peer's feed tells them, each self-certifying; `cursor` is the peer's
    position after the batch, stored with it; None leaves it where it is.
    """
    for _ in range(CONFLICT_TRIES):
        with contextlib.suppress(Conflict):
            return await take_once(hub, peer, offered, rings, cursor)
    raise Conflict(f"what was erased kept changing while {peer.hub} was followed")


async def _restricted(hub: Hub, offered: Sequence[Offered]) -> dict[Key, int]:
    """The highest rev that restricted feeds hold of what is offered."""
    revs: dict[Key, int] = {}
    for audience in ingest.RESTRICTED:
        for key, held in (await hub.ledger.held(audience, ingest.touched(o.entry for o in offered))).items():
            revs[key] = max(held.rev, revs.get(key, 0))
    return revs


async def take_once(
    hub: Hub,
    peer: Peer,
    offered: Sequence[Offered],
    rings: Mapping[str, KeyRing],
    cursor: int | None,
    *,
    back: bool = False,
) -> int:
    """The same in one try: raises Conflict when something it rests on changed meanwhile. With `back` it is taken back,
    as by a hub that lost it."""
    now = identifiers.to_instant(hub.clock())
    nodes = {o.entry.node for o in offered if o.entry.node}
    known = {node: member for node in nodes if (member := await hub.ledger.member(node)) is not None}
    held = await hub.ledger.held("public", {(o.entry.node or "", o.entry.id or "") for o in offered})
    batch = _Batch(hub, peer, rings, await hub.ledger.rings(nodes | _signers(offered)), known, held, now)
    guards = await hub.ledger.guards(guarding(ingest.touched(o.entry for o in offered)))
    batch.guards = dict(guards)
    holds = await hub.ledger.holds(guarding(ingest.touched(o.entry for o in offered)))
    batch.holds = dict(holds)
    for said in (o.entry for o in offered if o.entry.op in ingest.NOTICES and o.entry.thing):
        await batch.prepare(said)
    batch.followed = {peer.hub for peer in await hub.ledger.peers()}
    if back:
        batch.elsewhere = await _restricted(hub, offered)
    batch.relayed = await Relayed.begin(hub.attesting, peer, known, (o.entry for o in offered), rings)
    for node in {*nodes, ""}:
        batch.logged[node] = await hub.ledger.statements_logged(node)
    live = {key for key, before in held.items() if before.live}
    left_out: list[LeftOut] = []
    refused = back_here = 0
    for one in offered:
        await batch.reckon(one)
        back_here += taken_from(hub.identity.id, one.entry)
        try:
            batch.take(one)
        except Refusal as refusal:
            if taken_from(hub.identity.id, one.entry):
                continue
            refused += 1
            left_out.append(LeftOut(one.entry.node or "", one.entry.id or "", one.entry.rev or 0, refusal.code,
                                    refusal.pointer))  # fmt: skip
            if refusal.rule == "ING-8":
                batch.leave(one.entry)
            _log.info("peer.refused", peer=peer.hub, node=one.entry.node, id=one.entry.id, refusal=refusal.code)
    change = Change(
        now,
        batch.outcome.drafts,
        list(batch.outcome.remembered.values()),
        batch.rings_used,
        guards=guards,
        holds=holds,
        back=batch.outcome.back,
        erasures=batch.erasures,
        peer=peer.hub if cursor is not None else "",
        cursor=cursor or 0,
        peer_epoch=peer.epoch,
        members=list(batch.new_members.values()),
        nullified={node: frozenset(reckoned.nullified) for node, reckoned in batch.reckoned.items()},
        **batch.relayed.stored(),
    )
    size = await hub.ledger.store(change, log.number)
    hub.tally.count(PEER, admitted=len(batch.outcome.drafts), refused=refused)
    hub.notes.took(peer.hub, Way.PEER, counted(batch.outcome.drafts, live, refused=refused, size=size))
    hub.notes.left_out(peer.hub, left_out)
    if back_here and cursor is not None:
        hub.notes.seen_back(peer.hub, back_here)
    if batch.outcome.drafts or batch.erasures:
        hub.changed.set()
    if lifted := [digest for reckoned in batch.reckoned.values() for digest in reckoned.lifted]:
        await hub.lifted(now, lifted)
    await hub.erased(now, batch.erasures)
    return len(batch.outcome.drafts)


@dataclass
class _Batch:
    hub: Hub
    peer: Peer
    offered_rings: Mapping[str, KeyRing]
    held_rings: dict[str, KeyRing]
    known: dict[str, Member]
    held: dict[tuple[str, str], Held]
    now: str
    outcome: Outcome = field(default_factory=Outcome)
    rings_used: dict[str, KeyRing] = field(default_factory=dict)
    new_members: dict[str, Member] = field(default_factory=dict)
    logged: dict[str, set[str]] = field(default_factory=dict)
    guards: dict[Key, int | None] = field(default_factory=dict)
    holds: dict[Key, int | None] = field(default_factory=dict)
    erasures: list[Erasure] = field(default_factory=list)
    _last: dict[Key, tuple[int, str] | None] = field(default_factory=dict)
    _newest: dict[Key, int] = field(default_factory=dict)
    _benches: dict[str, Bench] = field(default_factory=dict)
    relayed: Relayed = field(init=False)
    reckoned: dict[str, Reckoning] = field(default_factory=dict)
    """What changes of keys came to, by node."""
    followed: set[str] = field(default_factory=set)
    """The peers: what one of them says itself is taken from it alone."""
    elsewhere: dict[Key, int] | None = None
    """When taking back: the highest rev held of these records in restricted feeds."""

    async def prepare(self, said: Entry) -> None:
        """Read what a notice is judged against."""
        by, node, target = _signer(said), said.node or "", said.id or ""
        self._last[by, node] = await self.hub.ledger.last_notice(by, node, "public")
        self._newest[node, target] = await self.hub.ledger.newest_rev(node, target)

    async def reckon(self, offered: Offered) -> None:
        """KEY-10: work out what a key statement that comes next makes of all that is held of its node."""
        entry, node = offered.entry, offered.entry.node or ""
        held = self.held_rings.get(node)
        if entry.op not in ("key", "recovery") or entry.thing is None or held is None or not self._ours_to_take(node):
            return
        try:
            grown = held if _knows(held, entry.thing) else held.admit(entry.thing)
        except Refusal:
            return
        if validity.standing(grown) == validity.standing(held):
            return
        may_show = nullification.may_show(self.hub.policy)
        found = await nullification.reckon(self.hub.ledger, node, grown, nullification.unprovable, may_show)
        self.reckoned[node] = found

    def take(self, offered: Offered) -> None:
        entry, node = offered.entry, offered.entry.node or ""
        if entry.op in ingest.NOTICES and entry.thing is not None:
            self._take_notice(offered)
        if entry.op == "statement":
            self._take_told(offered)
            return
        if not self._ours_to_take(node) and not self._own_word_back(entry):
            return
        if entry.op in ("key", "recovery"):
            self._take_statement(offered)
        elif node in self.followed - {self.peer.hub}:
            return
        elif entry.op in ("put", "del"):
            self._take_record(offered)
        elif entry.op == "out" and self.elsewhere is None:
            self._take_out(entry)
        elif entry.op not in entries.KNOWN_OPS:
            ingest.carry(self.logged.setdefault(node, set()), self.outcome, self._draft(offered))

    def _take_told(self, offered: Offered) -> None:
        """A statement is passed on once, whoever brings it; what it is worth is the fold's to say."""
        entry = offered.entry
        if entry.thing is None or self.elsewhere is not None:
            return
        said = statement.of(entry.thing)
        told = self.relayed.judge(said, self._ring(said.by), now=self.hub.clock(), at=self.now)
        if told is not None:
            via = way(self.hub.identity.id, self.peer, entry, offered.seq)
            self.relayed.take(told)
            self.outcome.drafts.append(log.draft(entry, src=entry.src or _place(self.peer, offered), via=via))

    def _ours_to_take(self, node: str) -> bool:
        """One upstream a node: not what is admitted here or comes from another peer, nor what we say of ourselves."""
        member = self.known.get(node) or self.new_members.get(node)
        if self.elsewhere is not None:
            return member is not None and not member.upstream
        return node != self.hub.identity.id and (member is None or member.upstream == self.peer.hub)

    def _own_word_back(self, entry: Entry) -> bool:
        """What this hub said itself of records and does not know any more (docs/decisions/0050)."""
        return self.elsewhere is not None and entry.node == self.hub.identity.id and entry.op in ("put", "del")

    def _take_statement(self, offered: Offered) -> None:
        entry, node = offered.entry, offered.entry.node or ""
        ring = self._grown(node, entry)
        if ring is None or entry.digest in self.logged.setdefault(node, set()):
            return
        self.outcome.drafts.append(self._draft(offered))
        self.logged[node].add(entry.digest or "")
        self.rings_used[node] = ring
        self._benches.pop(node, None)
        if (reckoned := self.reckoned.get(node)) is not None:
            self._take_reckoning(reckoned)
        if ring.role == "node" and node not in self.known and node not in self.new_members:
            self.new_members[node] = Member(node, "", self.peer.hub, 0, 0, self.now)
            self.relayed.assume(node, self.peer.hub)

    def _take_reckoning(self, reckoned: Reckoning) -> None:
        """What does not count leaves right after the statement that says so."""
        self.outcome.drafts += reckoned.drafts
        self.outcome.remembered |= reckoned.remembered
        self.held |= reckoned.held("public")
        for key in self.guards:
            if key[0] == reckoned.node:
                self.guards[key] = reckoned.guards.get(key, 0)
        reckoned.drafts = []

    def _grown(self, node: str, said: Entry) -> KeyRing | None:
        """The node's keys after this statement: the chain grows as the peer's feed tells it."""
        held = self.held_rings.get(node)
        if said.thing is None or (held is not None and _knows(held, said.thing)):
            return self._ring(node) if held is None else held
        try:
            self.held_rings[node] = keys.begin(said.thing) if held is None else held.admit(said.thing)
        except Refusal:
            return self._ring(node)
        return self.held_rings[node]

    def _take_record(self, offered: Offered) -> None:
        entry, node = offered.entry, offered.entry.node or ""
        bench = self._bench(node, entry)
        before = self.held.get((node, entry.id or ""))
        if before is not None and before.digest == entry.digest and before.live == (entry.op == "put"):
            return
        if self.elsewhere is not None and self._is_known(entry, before):
            return
        draft = self._draft(offered)
        if self.elsewhere is None:
            bench.standing = self.relayed.standing(node, self.hub.clock(), hub=bench.ring.role == "hub")
        for _name, step in ingest.STEPS:
            step(bench, entry)
        kept_back = entry.op == "put" and holding.held(self.holds, node, entry.id or "", entry.rev or 0)
        self._remember(entry, live=entry.op == "put" and not kept_back)
        if kept_back:
            self.outcome.back.append(holding.kept_back(entry, draft))
        else:
            self.outcome.drafts.append(draft)

    def _take_notice(self, offered: Offered) -> None:
        """A notice of the node, by its one upstream, or of its home hub binds here and is passed on. Anybody else's is
        kept for the operator (NTC-7); what this hub or a node of its own said is known here already."""
        entry, node = offered.entry, offered.entry.node or ""
        said = notice.target(entry)
        member = self.known.get(node) or self.new_members.get(node)
        upstream = member.upstream if member is not None else self.peer.hub
        if said.by == self.hub.identity.id or (said.by == node and upstream != self.peer.hub):
            return
        home = member.home_hub(self.hub.identity.id) if member is not None else self.peer.hub
        binds = notice.force(said, own_feed=said.by == node, home=home) is Force.BINDS
        via = way(self.hub.identity.id, self.peer, entry, offered.seq)
        ring = self._ring_of(said.by, entry)
        if ring is None:
            refuse("PEER-1", "/jws", expected="the signer's own key statements", came=f"none of {said.by}")
            return
        notice.verified(said, ring, now=self.hub.clock())
        notice.judge(said, self._last.get((said.by, node)), self._newest.get((node, entry.id or ""), 0))
        self._last[said.by, node] = (said.n, said.envelope.digest)
        draft = log.draft(entry, src=entry.src, via=via)
        self.erasures.append(Erasure(said, entry.id or "", draft, binds=binds, source=self.peer.hub))
        if binds and said.action == "erase":
            ingest.guard(self.guards, said, entry.id or "")
        elif binds:
            holding.move(self.holds, said, entry.id or "", self.hub.clock())

    def _is_known(self, entry: Entry, before: Held | None) -> bool:
        """Whether this hub holds this rev or a later one, in any audience."""
        held = max(before.rev if before else 0, (self.elsewhere or {}).get((entry.node or "", entry.id or ""), 0))
        return held >= (entry.rev or 0)

    def _take_out(self, entry: Entry) -> None:
        """What left the feed it came by leaves ours, whichever rev of it is here: of several changes only the last is
        offered, so the rev that left may be one that never came. Its author did not sign it, so nothing is believed of
        it: what is remembered is the rev that was here.
        """
        key = (entry.node or "", entry.id or "")
        before = self.held.get(key)
        kept_out = before is not None and ingest.guarded(self.guards, *key, before.rev)
        kept_out = kept_out or (before is not None and holding.held(self.holds, *key, before.rev))
        if before is not None and before.live and not kept_out:
            self.outcome.drafts.append(log.out_draft(*key, before.rev, before.digest, before.type))
            self._hold(key, Held(before.rev, before.digest, before.type, False))

    def leave(self, entry: Entry) -> None:
        """What was shown of a record whose newest rev the policy keeps out is shown no longer."""
        key = (entry.node or "", entry.id or "")
        before = self.held.get(key)
        if before is not None and before.live:
            self.outcome.drafts.append(log.out_draft(*key, before.rev, before.digest, before.type, ingest.POLICY))
            self._hold(key, Held(before.rev, before.digest, before.type, False))

    def _remember(self, entry: Entry, *, live: bool) -> None:
        self._hold((entry.node or "", entry.id or ""), Held(entry.rev or 0, entry.digest or "", entry.type or "", live))

    def _hold(self, key: tuple[str, str], held: Held) -> None:
        self.held[key] = held
        self.outcome.remembered[(*key, "public")] = Remembered(*key, "public", held)

    def _draft(self, offered: Offered) -> Draft:
        entry = offered.entry
        if entry.node == self.hub.identity.id:
            return log.draft(entry, src=None)  # this log is its author's own
        if self.elsewhere is not None and any(hop["by"] == self.hub.identity.id for hop in entry.via):
            return log.draft(entry, src=entry.src or _place(self.peer, offered))  # it set out from here
        via = way(self.hub.identity.id, self.peer, entry, offered.seq)
        return log.draft(entry, src=entry.src or _place(self.peer, offered), via=via)

    def _ring(self, node: str) -> KeyRing | None:
        """What is held of the node's keys, grown by what the peer tells: an older chain takes nothing back (KEY-8)."""
        offered, held = self.offered_rings.get(node), self.held_rings.get(node)
        if offered is None or held is None:
            return offered
        for one in offered.statements:
            if not _knows(held, one):
                held = held.admit(one)
        self.held_rings[node] = held
        return held

    def _ring_of(self, node: str, said: Entry) -> KeyRing | None:
        """The node's keys at this place of the peer's feed; all that the feed tells where they are not enough."""
        held = self.held_rings.get(node)
        if held is None or (said.thing is not None and validity.kid_of(said.thing.jws) not in held.keys):
            return self._ring(node)
        return held

    def _bench(self, node: str, said: Entry) -> Bench:
        ring = self._ring_of(node, said)
        if node not in self._benches or self._benches[node].ring is not ring:
            if ring is None:
                refuse("PEER-1", "/jws", expected="the author's own key statements", came=f"none of {node}")
                ring = keys.KeyRing(node, "node", 0, {}, (), ())
            member = self.known.get(node) or self.new_members.get(node)
            home = member.home_hub(self.hub.identity.id) if member is not None else self.peer.hub
            judging = self.hub.judging(home, self.peer.hub)
            bench = Bench(node, "public", "", ring, self.held, {}, judging, home=False, guards=self.guards)
            self._benches[node] = bench
        return self._benches[node]


def _place(peer: Peer, offered: Offered) -> tuple[str, str, int]:
    return "public", peer.epoch, offered.seq


def _knows(ring: KeyRing, said: Envelope) -> bool:
    return any(held.digest == said.digest for held in ring.statements)


def _signer(said: Entry) -> str:
    return str(said.thing.value.get("by")) if said.thing is not None else ""


def _signers(offered: Sequence[Offered]) -> set[str]:
    ops = (*ingest.NOTICES, "statement")
    return {_signer(o.entry) for o in offered if o.entry.op in ops and o.entry.thing is not None}
