"""The hub: takes pushes and peers' changes through ingest into the ledger. No HTTP, no SQL, no clock of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from jisr_protocol import entry as entries
from jisr_protocol import evidence, identifiers, keys, push, validity
from jisr_protocol.anchor import Anchor
from jisr_protocol.constraints import Constraints
from jisr_protocol.entry import Entry
from jisr_protocol.envelope import Envelope
from jisr_protocol.evidence import Evidence
from jisr_protocol.head import Head
from jisr_protocol.keys import KeyRing
from jisr_protocol.merkle import Frontier
from jisr_protocol.push import Extension, NodeLog, Opened, Push
from jisr_protocol.refusal import Refusal, refuse

from . import ingest, log, nullification
from .answers import Gap, PushAnswer, answer
from .authority.attesting import WAITING, Attesting
from .benches import Benches, guarding
from .bulk import Bulk
from .following.history import Counted, Notes, counted
from .identity import Identity
from .ingest import Known, Outcome, Policy
from .nullification import Reckoning
from .ports import (
    Before,
    Change,
    Clock,
    Conflict,
    Draft,
    Erasure,
    Key,
    Ledger,
    Member,
    Place,
    Remembered,
    Unjudged,
)
from .proving import Beside
from .quota import Quota, QuotaExhausted
from .tally import PUSH, Tally
from .views.policies import OWN, Policies, of_peer

CONFLICT_TRIES = 5
Aftermath = Callable[[str, Sequence[Erasure]], Awaitable[None]]


class Fenced(Exception):
    """This hub may not sign, so it takes nothing in; the sentence says why and what its operator does."""


class Hub:
    """One hub over one ledger."""

    def __init__(
        self,
        identity: Identity,
        ledger: Ledger,
        clock: Clock,
        *,
        policy: Policy = ingest.pass_all,
        anchors: Sequence[Anchor] = (),
    ) -> None:
        self.identity, self.ledger, self.clock, self.policy = identity, ledger, clock, policy
        self.attesting = Attesting(identity, ledger, clock, anchors)
        self._attested_once: set[str] = set()
        """Nodes of which this hub has said that they are its own."""
        self.quota = Quota()
        self.tally = Tally()
        self.notes = Notes(clock)
        """How every round with a source ends, for the operator."""
        self.changed = asyncio.Event()
        self.erased: Aftermath = _nothing_more
        """Called after the commit of erasures and before they are acknowledged."""
        self.lifted: Callable[[str, Sequence[str]], Awaitable[None]] = _nothing_lifted
        """Called after the commit that lifted guards, with the digests of their notices."""
        self.keep: Callable[[Evidence], object] = lambda _: None
        """Keeps for ever what others signed against themselves."""
        self.fenced: Callable[[], str] = str
        """Why nothing may be stored now, "" while it may: what is stored gets a position that may be given already."""
        self.beside: Beside | None = None
        """Judges beside this process what of a line needs nothing the hub holds (proving.py)."""
        self.policies: Policies | None = None
        """What the operator has decided; without it, `policy` alone judges."""
        self.node_locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """Of each node one push at a time."""
        self.bulk = Bulk(self)

    @property
    def _benches(self) -> Benches:
        return Benches(self.identity.id, self.ledger, self.clock, self.attesting, self.judging)

    def check_open(self) -> None:
        """Raise Fenced unless something may be stored."""
        if reason := self.fenced():
            raise Fenced(reason)

    def judging(self, home: str, upstream: str = "") -> Policy:
        """What judges the puts of an author of this home hub, taken from that peer or from the author itself."""
        if self.policies is None:
            return self.policy
        return self.policies.judging(home, (OWN, of_peer(upstream)) if upstream else (OWN,))

    async def begin(self) -> None:
        """At every start: the hub's own key statements stand in its feed, and what it says of its nodes is in force."""
        await self.state_keys()
        await self.renew()

    async def state_keys(self) -> None:
        """Put the hub's own key statements into its feed, as far as they do not stand there; fenced or not."""
        with contextlib.suppress(Conflict):  # another process that starts at this moment puts the same ones there
            known = await self.ledger.statements_logged(self.identity.id)
            missing = [s for s in self.identity.ring.statements if s.digest not in known]
            if missing:
                now = identifiers.to_instant(self.clock())
                drafts = [log.key_draft(s, *keys.subject_of(s)) for s in missing]
                await self.ledger.store(Change(now, drafts, (), {self.identity.id: self.identity.ring}), log.number)

    # Push

    async def push(self, node: str, name: str, body: bytes, *, later: bool = False) -> PushAnswer:
        """Take a push of `node`'s feed `name`, inflated. Raises Refusal; then nothing was stored.

        Durable when it returns. Sending the same push again is answered the same and stores nothing. With `later` its
        entries may be judged after the answer (PUSH-11). Raises Fenced, Conflict.
        """
        self.check_open()
        if name not in identifiers.FEED_AUDIENCES:
            refuse("PUSH-7", "/head/name", expected="one of " + ", ".join(identifiers.FEED_AUDIENCES), came=name)
        if node not in self._attested_once:  # before anything a stranger sent is read
            await self._say_that_it_is_ours(ingest.admitted(await self.ledger.member(node), node))
        opened = push.opened(body)
        async with self.node_locks[node]:
            for _ in range(CONFLICT_TRIES):
                try:
                    answer = await self._push_once(node, name, opened, later=later)
                except Conflict:
                    continue
                except Refusal as refused:
                    await self._note_refused(node, opened, refused)
                    raise
                aside = len(answer.quarantined)
                self.tally.count(PUSH, admitted=answer.admitted, duplicate=answer.duplicates, quarantined=aside)
                return answer
        raise Conflict(f"the log of {node} kept moving")

    async def _push_once(self, node: str, name: str, opened: Opened, *, later: bool) -> PushAnswer:
        now = self.clock()
        before = await self.ledger.before(node, name, opened.start, opened.start + len(opened.lines))
        if later and (taken := await self.bulk.take(node, name, opened, before)) is not None:
            return taken
        if before.unjudged:
            await self.bulk.settle(node, before.unjudged)
            before = await self.ledger.before(node, name, opened.start, opened.start + len(opened.lines))
        member, held, known = ingest.admitted(before.member, node), before.log, before.line_hashes
        repeated = (opened.start, min(opened.start + len(opened.lines), held.frontier.size))
        found = await self._found_beside(opened, held, known)
        pushed = ingest.limits_and_canonical(opened, known, found)
        stays = push.kept(pushed.head, held)
        goes_on = held.epoch in (None, pushed.head.epoch)
        if stays < held.frontier.size:  # what is held beyond a new epoch's base is not known in that epoch
            repeated = (opened.start, min(repeated[1], stays))
            known = {seq: hashed for seq, hashed in known.items() if seq < stays}
            pushed = ingest.limits_and_canonical(opened, known, found)
        if _says_nothing_new(pushed, held):
            self.notes.pushed(node, Counted())
            return answer(self.identity, self.clock(), node, name, held, Outcome(), repeated, before.quarantined)
        asked = (repeated if pushed.entries else (0, 0)) if goes_on else (0, stays)
        leaves = await self.ledger.node_leaves(node, name, *asked)
        try:
            extension = ingest.proof(pushed, held, leaves, node=node, name=name, now=now)
        except Refusal as refusal:
            if refusal.rule == "PUSH-3":
                self._look_at(held, pushed.head)
            if refusal.rule != "PUSH-2":
                raise
            raise Gap(refusal, stays) from None
        if extension.entries:
            self.quota.take(member, len(extension.entries), now)
        again = await self._came_otherwise(node, name, pushed, known, stays)
        reckoned = await self._reckoned(held, extension, name, stays)
        outcome, guards, holds = Outcome(), {}, {}
        live: set[Key] = set()
        if batch := [*again, *extension.entries]:
            bench = await self._benches.of(member, name, pushed.head, extension.ring, batch)
            bench.known = found
            guards, holds = dict(bench.guards), dict(bench.holds)
            live = {key for key, before_it in bench.held.items() if before_it.live}
            if reckoned is not None:
                bench.take_reckoning(reckoned)
            bench.sources = await self._benches.sources(extension.entries, bench)
            outcome = ingest.judge(bench, batch).without(ingest.still_bent(again))
            outcome.finish(reckoned)
        grown = NodeLog(pushed.head.epoch, extension.frontier, extension.head, extension.ring)
        if outcome.kept or held.head is None or held.head.raw != extension.head.raw:
            change = Change(
                identifiers.to_instant(now),
                outcome.drafts,
                list(outcome.remembered.values()),
                {node: extension.ring},
                guards=guards,
                holds=holds,
                back=outcome.back,
                erasures=outcome.erasures,
                **await self._benches.said_of_homes(node, outcome),
                node=node,
                name=name,
                expected=before.places,
                kept=outcome.kept,
                log=grown,
                stays=None if goes_on else stays,
                nullified={node: frozenset(reckoned.nullified)} if reckoned is not None else {},
            )
            size = await self.ledger.store(change, log.number)
            aside = len(outcome.quarantined)
            self.notes.pushed(node, counted(outcome.drafts, live, refused=aside, size=size))
            if outcome.drafts or outcome.erasures:
                self.changed.set()
            if reckoned is not None and reckoned.lifted:
                await self.lifted(change.at, reckoned.lifted)
            await self.erased(change.at, outcome.erasures)
        standing = before.quarantined
        if standing or again or not goes_on:  # what is quarantined of the lines that are repeated may be so no longer
            standing = await self.ledger.judged(node, name, *repeated) if repeated[0] < repeated[1] else []
        return answer(self.identity, self.clock(), node, name, grown, outcome, repeated, standing)

    async def _note_refused(self, node: str, opened: Opened, refused: Refusal) -> None:
        """A push that was refused as a whole says something of the node only when the node has signed it; that it began
        too far on, or too much came, is no fault."""
        if isinstance(refused, QuotaExhausted):
            self.notes.pushed(node, Counted(), "waiting", str(refused))
        elif not isinstance(refused, Gap):
            ring = (await self.ledger.rings([node])).get(node)
            if ring is not None and opened.is_signed(ring):
                self.notes.pushed(node, Counted(), refused.code, str(refused))

    async def _found_beside(self, opened: Opened, held: NodeLog, known: Mapping[int, bytes]) -> Known:
        """What workers find of the lines that are new, where there are any workers."""
        ring = opened.offered_ring(held.ring) if self.beside is not None else None
        if self.beside is None or ring is None:
            return Known()
        return Known(signed=await self.beside(opened.lines[len(known) :], ring))

    async def _reckoned(self, held: NodeLog, extension: Extension, name: str, stays: int) -> Reckoning | None:
        """KEY-10: what the node's keys, as they now are, make of what is held; None when they change nothing of it."""
        ring = extension.ring
        if validity.standing(held.ring) == validity.standing(ring):
            return None
        prove: nullification.Prove = nullification.unprovable
        if name == "public":
            kept = await self.ledger.node_leaves(ring.id, name, 0, extension.kept)
            leaves = [kept[seq] for seq in range(extension.kept)] + [e.leaf for e in extension.entries]
            grown = NodeLog(extension.head.epoch, extension.frontier, extension.head, ring)
            prove = nullification.prover(grown, leaves)
        return await nullification.reckon(self.ledger, ring.id, ring, prove, nullification.may_show(self.policy))

    def _look_at(self, held: NodeLog, offered: Head) -> None:
        """Keep two heads of a node that contradict each other, if they are signed and do."""
        if held.head is None or held.ring is None:
            return
        case = Evidence("fork", (held.head.envelope, offered.envelope), held.ring.statements)
        with contextlib.suppress(Refusal):
            evidence.judge(case)
            self.keep(case)

    async def _came_otherwise(
        self, node: str, name: str, pushed: Push, known: Mapping[int, bytes], size: int
    ) -> list[Entry]:
        """Lines that were put aside for what no hash covers, and now come with other bytes: perhaps the true ones."""
        changed = [e for e in pushed.entries if e.seq < size and known.get(e.seq) != push.line_hash(e.raw)]
        if not changed:
            return []
        bent = {kept.seq for kept in await self.ledger.judged(node, name) if kept.code in ingest.UNHASHED}
        return [e for e in changed if e.seq in bent]

    async def check_admitted(self, node: str) -> None:
        """Raise Refusal (ING-1) unless the operator has let this node in."""
        ingest.admitted(await self.ledger.member(node), node)

    async def log_state(self, node: str, name: str) -> NodeLog:
        """How far this feed of an admitted node is held: up to the first line that may have been bent on the way."""
        await self.check_admitted(node)
        held = await self.ledger.node_log(node, name)
        bent = [kept.seq for kept in await self.ledger.judged(node, name) if kept.code in ingest.UNHASHED]
        if not bent:
            return held
        leaves = await self.ledger.node_leaves(node, name, 0, min(bent))
        frontier = Frontier()
        for seq in range(min(bent)):
            frontier.append(leaves[seq])
        return replace(held, frontier=frontier)

    async def receipt(self, node: str, name: str) -> PushAnswer:
        """What a node whose feed is fetched would have been answered: how far it is held, what of it is quarantined,
        how much of it waits for its judgement, and a receipt. Raises Refusal (ING-1)."""
        await self.check_admitted(node)
        before = await self.ledger.before(node, name, 0, 0)
        held = before.log
        standing = await self.ledger.judged(node, name)
        size = held.frontier.size
        judged = before.unjudged.get(name, size)
        return answer(
            self.identity, self.clock(), node, name, held, Outcome(), (0, judged), standing, waiting=size - judged
        )

    # Admission

    async def admit(
        self,
        name: str,
        statements: Sequence[Envelope],
        ring: KeyRing,
        *,
        per_hour: int,
        per_day: int,
        bounds: Constraints | None = None,
    ) -> Member:
        """Admit a node by its chain of key statements, and say so. Admitting it again changes name, quota and bounds;
        bounds that are not given stay as they are."""
        member = Member(ring.id, name, "", per_hour, per_day, identifiers.to_instant(self.clock()))
        home = (await self.attesting.authority([member])).fold().home(ring.id)
        member = replace(member, home=home)
        await self.ledger.admit(member, statements)
        await self.attest(member, bounds)
        return member

    async def attest(self, member: Member, bounds: Constraints | None = None) -> None:
        """Say that a node is ours, within these bounds, and judge again what waited for that."""
        if await self.attesting.attest(member.node, member.name or member.node, bounds) is not None:
            self.changed.set()
        await self.rejudge_waiting([member.node])

    async def _say_that_it_is_ours(self, member: Member) -> None:
        """A node that was admitted beside the running hub is attested when it first sends something."""
        if member.home_hub(self.identity.id) == self.identity.id and member.node not in self._attested_once:
            held = await self.attesting.authority([member])
            if self.attesting.never_said(held, member.node):
                with contextlib.suppress(Conflict):  # a push beside this one says it
                    await self.attesting.attest(member.node, member.name or member.node)
            self._attested_once.add(member.node)

    async def renew(self) -> list[str]:
        """Sign anew what ends soon of what this hub says, and judge again what waited; returns of which nodes."""
        self.check_open()
        renewed: list[str] = []
        with contextlib.suppress(Conflict):  # another process renews at this moment
            renewed = await self.attesting.renew()
        if renewed:
            self.changed.set()
        await self.rejudge_waiting()
        return renewed

    async def say_of(
        self, node: str, drafts: Sequence[Draft], remembered: Sequence[Remembered], expected: Mapping[str, Place]
    ) -> None:
        """Say something of the hub's own about records of a node. Raises Conflict when the node's feeds do not stand
        where they were `expected` any more."""
        held = await self.ledger.node_log(node, "public")
        pushed: dict[str, Any] = {}
        if held.head is not None:
            pushed = {"node": node, "name": "public", "expected": expected, "log": held}
        guards = await self.ledger.guards(guarding((r.node, r.id) for r in remembered))
        change = Change(identifiers.to_instant(self.clock()), drafts, remembered, guards=guards, **pushed)
        await self.ledger.store(change, log.number)
        self.changed.set()

    # Quarantine

    async def rejudge_waiting(self, nodes: Iterable[str] | None = None) -> None:
        """Judge again what was put aside because its node was not attested, or not for this."""
        wanted = None if nodes is None else set(nodes)
        for node, name in await self.ledger.waiting(WAITING):
            if wanted is None or node in wanted:
                await self.rejudge(node, name)

    async def rejudge(self, node: str, name: str) -> Outcome:
        """Judge what is quarantined of a feed again, after a change of schema or policy; what is sound now proceeds."""
        self.check_open()
        async with self.node_locks[node]:
            before = await self.ledger.before(node, name, 0, 0)
            judged = [kept for kept in await self.ledger.judged(node, name) if kept.code != "erased"]
            waiting = [entries.parse(kept.line) for kept in judged if kept.line]
            return await self.judge_held(node, name, before, waiting)

    async def judge_held(
        self,
        node: str,
        name: str,
        before: Before,
        batch: Sequence[Entry],
        *,
        judges: Unjudged | None = None,
        known: Known | None = None,
    ) -> Outcome:
        """Judge entries that are held: quarantined ones again, or for the first time those of `judges`, which wait.

        Raises Conflict. Whoever calls holds the node's lock.
        """
        held, member = before.log, before.member
        if not batch or held.ring is None or held.head is None or member is None:
            return Outcome()
        bench = await self._benches.of(member, name, held.head, held.ring, batch)
        bench.known = known or bench.known
        guards, holds = dict(bench.guards), dict(bench.holds)
        if judges is not None:
            bench.sources, bench.waited = await self._benches.sources(batch, bench), True
        live = {key for key, held_before in bench.held.items() if held_before.live}
        outcome = ingest.judge(bench, batch)
        change = Change(
            identifiers.to_instant(self.clock()),
            outcome.drafts,
            list(outcome.remembered.values()),
            guards=guards,
            holds=holds,
            back=outcome.back,
            erasures=outcome.erasures,
            **await self._benches.said_of_homes(node, outcome),
            node=node,
            name=name,
            expected=before.places if judges is None else before.settled(),
            kept=outcome.kept,
            log=replace(held),
            judges=judges,
        )
        size = await self.ledger.store(change, log.number)
        if judges is not None:
            aside = len(outcome.quarantined)
            self.notes.pushed(node, counted(outcome.drafts, live, refused=aside, size=size))
        await self.erased(change.at, outcome.erasures)
        self.changed.set()
        return outcome


async def _nothing_more(at: str, erasures: Sequence[Erasure]) -> None:
    """A hub in memory has neither files nor a ledger beside its database."""


async def _nothing_lifted(at: str, digests: Sequence[str]) -> None:
    """A hub in memory has nothing beside its database."""


def _says_nothing_new(pushed: Push, held: NodeLog) -> bool:
    """The lines and the head are, byte for byte, what is held: they were judged when they came first."""
    known = not pushed.entries and pushed.end <= held.frontier.size
    return known and held.head is not None and pushed.head.raw == held.head.raw
