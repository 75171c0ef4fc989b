"""Who may speak for whom at this hub (docs/spec/authority.md): statements it holds, signs, renews and withdraws.

    attesting = Attesting(hub, anchors)
    standing, moved = …                        of a node whose log is judged (`bench`)
    await attesting.attest(node, name, bounds) sign that a node is ours; `withdraw` takes it back
    await attesting.renew()                    sign again what ends soon; judge again what waited for it

A hub answers for the nodes that it admitted and whose home hub it is. Where it trusts an anchor, its own chain and that
of every node it takes from peers has to hold too.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from jisr_protocol import identifiers, statement
from jisr_protocol.anchor import Anchor
from jisr_protocol.authority import Authority, Standing
from jisr_protocol.constraints import Constraints
from jisr_protocol.keys import KeyRing
from jisr_protocol.limits import STATEMENT_DAYS
from jisr_protocol.statement import HOME, NODE, WITHDRAWAL, Statement, Verified

from .. import log
from ..identity import Identity
from ..ports import Change, Clock, Draft, Ledger, Member, Told
from .lost_words import LostWords

VALID = timedelta(days=STATEMENT_DAYS)
RENEWED = VALID / 3
"""A statement is signed again when no more than this is left of it."""
WAITING = ("attestation_lapsed", "not_attested", "constraint_violated")
"""Codes of what is judged again when its node is attested anew."""


class Attesting:
    """The statements of one hub over its ledger. No clock of its own."""

    def __init__(self, identity: Identity, ledger: Ledger, clock: Clock, anchors: Sequence[Anchor] = ()) -> None:
        self.identity, self.ledger, self.clock, self.anchors = identity, ledger, clock, anchors
        self._lost = LostWords(identity.id, ledger)
        self._folded: dict[str, _Folded] = {}
        """By node: what its last push was judged by, as long as the very same is told of it."""

    # What holds

    async def standing(self, member: Member, told: Sequence[Told], at: datetime) -> tuple[Standing | None, Held]:
        """How a node that is admitted here stands by what the ledger tells of it, and what that is. A standing that
        holds is found once; it ends by its time, or when something else is told. Only to be read."""
        known = self._folded.get(member.node)
        home = member.home_hub(self.identity.id)
        if known is not None and known.holds_at(told, home, at):
            return known.standing, known.held
        held = await self.authority([member], told=told)
        standing = self.at_home(held, member.node, at)
        if not self.anchors and all(one.statement.by == self.identity.id for one in told):
            self._folded[member.node] = _Folded(tuple(told), home, held, standing)
        return standing, held

    async def authority(
        self,
        members: Iterable[Member],
        *,
        also: Iterable[str] = (),
        offered: Mapping[str, KeyRing] | None = None,
        told: Sequence[Told] | None = None,
    ) -> Held:
        """What is told of these nodes, of others `also`, and of the hubs that attest them; `offered` are keys of
        signers that are about to be taken, and may say that one was lost; `told` is what the ledger tells of the
        nodes, where it was asked already."""
        known = {member.node: member for member in members}
        about = {*known, *also}
        told = list(told) if told is not None else await self.ledger.told(about)
        homes = {one.statement.by for one in told} | {str(one.statement.value.get("home", "")) for one in told}
        homes |= {member.home_hub(self.identity.id) for member in known.values()}
        told += await self.ledger.told(homes - about) if self.anchors else []
        counting, void = await self._lost.sorted_out(told, offered or {})
        return Held(counting, self.anchors, {n: m.home_hub(self.identity.id) for n, m in known.items()}, void)

    def at_home(self, held: Held, node: str, at: datetime) -> Standing | None:
        """How a node that is admitted here stands. Its home hub's word counts, and ours beside it: a node that moves
        hands us what it wrote before it said so. None where nobody has to be asked: its home is elsewhere, and no
        anchor is trusted here."""
        found = held.fold()
        standing = found.node(node, at)
        if standing.holds or found.home(node) == self.identity.id:
            return standing
        own = Held([one for one in held.told if one.statement.type != HOME], self.anchors, {node: self.identity.id})
        beside = own.fold().node(node, at)
        return beside if beside.holds else standing if self.anchors else None

    async def lapsed(self, nodes: Iterable[str]) -> set[str]:
        """Of these nodes those whose attestation has lapsed: what is there of them stays, and is labelled."""
        members = [member for node in set(nodes) if (member := await self.ledger.member(node)) is not None]
        held, now = await self.authority(members), self.clock()
        found = set()
        for member in members:
            standing = held.fold().node(member.node, now) if member.upstream else self.at_home(held, member.node, now)
            if standing is not None and standing.lapsed:
                found.add(member.node)
        return found

    def never_said(self, held: Held, node: str) -> bool:
        """Whether this hub has never said that a node is its own, nor that it is not any more."""
        said = (self.identity.id, node, NODE)
        return not any((one.statement.by, one.statement.subject, one.statement.about) == said for one in held.told)

    # What this hub says

    async def attest(self, node: str, name: str, bounds: Constraints | None = None) -> Statement | None:
        """Say that a node is ours, for 30 days, when it is not said yet or not so. `bounds`: None as they were.

        Returns the statement, None when nothing new had to be said. Durable when it returns. Raises Conflict.
        """
        told = await self.ledger.told([node])
        before, gone = self._said(told, node, NODE), self._withdrawn(told, node)
        stands = before is not None and (gone is None or gone.n < before.n)
        wanted = before.constraints if bounds is None and before is not None else bounds or Constraints()
        if stands and before is not None and before.constraints == wanted and before.value["name"] == name:
            return None
        said = self._write(NODE, node, told, name=name, **self._ends(), **_bounds(wanted))
        await self._store([said], told)
        return said

    async def withdraw(self, node: str, reason: str) -> Statement:
        """Take back that a node is ours. What is there stays; nothing new of it is taken. Raises Conflict."""
        told = await self.ledger.told([node])
        said = self._write(WITHDRAWAL, node, told, of=NODE, reason=reason)
        await self._store([said], told)
        return said

    async def say(self, type: str, subject: str, **members: object) -> Statement:
        """Sign another statement about a subject and put it into the feed. Raises Conflict."""
        told = await self.ledger.told([subject])
        said = self._write(type, subject, told, **members)
        await self._store([said], told)
        return said

    async def renew(self) -> list[str]:
        """Sign anew what this hub says of its nodes and what ends soon, or was never said; returns of which nodes.

        What was withdrawn stays so, and of nodes that have gone to another home nothing more is said.
        """
        ours = [member for member in await self.ledger.members() if not member.upstream]
        ours = [member for member in ours if member.home_hub(self.identity.id) == self.identity.id]
        told: dict[str, list[Told]] = {member.node: [] for member in ours}
        for one in await self.ledger.told(told):
            told[one.statement.subject].append(one)
        fresh: list[Statement] = []
        for member in ours:
            about = told[member.node]
            before, gone = self._said(about, member.node, NODE), self._withdrawn(about, member.node)
            if gone is not None and (before is None or gone.n >= before.n):
                continue
            if before is None or self._ends_soon(before):
                name = str(before.value["name"]) if before is not None else member.name or member.node
                bounds = _bounds(before.constraints if before is not None else Constraints())
                fresh.append(self._write(NODE, member.node, about, name=name, **self._ends(), **bounds))
        if fresh:
            await self._store(fresh, [one for about in told.values() for one in about])
        return [said.subject for said in fresh]

    def _ends_soon(self, said: Statement) -> bool:
        """Whether it expires soon, or was signed by a key of ours that was lost since: nobody new takes it then."""
        state = self.identity.ring.keys.get(said.claimed_kid)
        lost = state is None or state.key.revoked
        return lost or said.expires is None or said.expires - self.clock() <= RENEWED

    def _said(self, told: Iterable[Told], node: str, type: str) -> Statement | None:
        found = [t.statement for t in told if t.statement.key == (self.identity.id, node, type, type)]
        return max(found, key=lambda said: said.n, default=None)

    def _withdrawn(self, told: Iterable[Told], node: str) -> Statement | None:
        found = [t.statement for t in told if t.statement.key == (self.identity.id, node, WITHDRAWAL, NODE)]
        return max(found, key=lambda said: said.n, default=None)

    def _write(self, type: str, subject: str, told: Iterable[Told], **members: object) -> Statement:
        about = str(members.get("of", type))
        ours = [t.statement for t in told if t.statement.by == self.identity.id and t.statement.subject == subject]
        n = max((said.n for said in ours if said.about == about), default=0) + 1
        return statement.write(
            self.identity.key,
            type,
            # follows from what it says, so that a statement written twice is one
            id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.identity.id}/{subject}/{type}/{about}/{n}")),
            by=self.identity.id,
            subject=subject,
            n=n,
            issued=identifiers.to_instant(self.clock()),
            **members,
        )

    def _ends(self) -> dict[str, str]:
        return {"expires": identifiers.to_instant(self.clock() + VALID)}

    async def _store(self, said: Sequence[Statement], held: Sequence[Told]) -> None:
        now = identifiers.to_instant(self.clock())
        told = [Told(one, self.identity.key.kid, at=now) for one in said]
        change = Change(now, [draft(one) for one in said], (), told=told, outdated=outdated(told, held, self.anchors))
        await self.ledger.store(change, log.number)


@dataclass(frozen=True)
class _Folded:
    """What a hub's own words about a node come to: with no anchor, nothing else has a say in it."""

    told: tuple[Told, ...]
    home: str
    held: Held
    standing: Standing | None

    def holds_at(self, told: Sequence[Told], home: str, at: datetime) -> bool:
        found = self.standing
        if found is None or not found.holds or (found.until is not None and found.until <= at):
            return False
        return self.home == home and self.told == tuple(told)


class Held:
    """What is told of some nodes and hubs while a batch is judged; `add` takes what the batch tells."""

    def __init__(
        self, told: Sequence[Told], anchors: Sequence[Anchor], assumed: Mapping[str, str], void: Sequence[Told] = ()
    ) -> None:
        self.anchors, self.assumed = anchors, dict(assumed)
        self.void = void
        """What is held and does not count (AUTH-8): it goes as soon as its signer says something in its place."""
        self.told: list[Told] = []
        self._folded = Authority((), anchors=anchors, assumed=assumed)
        self._newest: dict[tuple[str, str, str, str], tuple[int, str]] = {}
        for one in told:
            self.add(one)

    def fold(self) -> Authority:
        """What it comes to."""
        return self._folded

    def add(self, told: Told) -> None:
        self.told.append(told)
        said = told.statement
        self._newest[said.key] = max((said.n, said.digest), self._newest.get(said.key, (0, "")))
        if told.proven:
            self._folded.add(Verified(said, told.kid))

    def assume(self, node: str, hub: str) -> None:
        """The home hub of a node as long as it has not said itself which it is."""
        self.assumed[node] = hub
        self._folded.assume(node, hub)

    def newest(self, said: Statement) -> tuple[int, str] | None:
        """(n, digest) of the newest statement held under the same key."""
        return self._newest.get(said.key)

    def home_said(self, node: str) -> tuple[int, str] | None:
        """(n, digest) of the newest word of a node about its home hub."""
        return self._newest.get((node, node, HOME, HOME))


def draft(said: Statement) -> Draft:
    """The entry of a statement of the hub's own."""
    return log.statement_draft(said.envelope, said.subject)


def outdated(
    fresh: Iterable[Told], held: Iterable[Told], anchors: Sequence[Anchor] = (), void: Iterable[Told] = ()
) -> list[tuple[str, str]]:
    """(digest, kid) of what newer statements replace. The word of an anchor is replaced only by one that counts; what
    is `void` by any, whatever its number."""
    fresh, held = list(fresh), list(held)
    by_id = {anchor.id: anchor for anchor in anchors}
    newest: dict[tuple[str, str, str, str], int] = {}
    for one in fresh:
        said = one.statement
        if one.by_anchor:
            kids = [t.kid for t in [*fresh, *held] if t.statement.digest == said.digest and t.proven]
            anchor = by_id.get(said.by)
            if anchor is None or not anchor.enough(kids):
                continue
        newest[said.key] = max(said.n, newest.get(said.key, 0))
    gone = [one for one in held if one.statement.n < newest.get(one.statement.key, 0)]
    gone += [one for one in void if one.statement.key in newest]
    return [(one.statement.digest, one.kid) for one in gone]


def _bounds(bounds: Constraints) -> dict[str, object]:
    value = bounds.to_value()
    return {"constraints": value} if value else {}
