"""Statements that come by way of a peer, and how they change from whom a node is taken (docs/spec/authority.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from jisr_protocol import statement
from jisr_protocol.authority import Standing
from jisr_protocol.entry import Entry
from jisr_protocol.keys import KeyRing
from jisr_protocol.live import Order
from jisr_protocol.refusal import refuse
from jisr_protocol.statement import HOME, NODE, Statement

from ..ports import Member, Peer, Told
from .attesting import Attesting, Held, outdated


class Relayed:
    """What one batch of a peer tells, over what is held; `stored` is what the batch's change stores of it."""

    def __init__(self, attesting: Attesting, peer: Peer, held: Held) -> None:
        self._attesting, self._peer, self._held = attesting, peer, held
        self._before = list(held.told)
        self._signed = {(told.statement.digest, told.kid) for told in (*held.told, *held.void)}
        self._fresh: list[Told] = []
        self._open: set[str] = set()
        """Nodes whose home is only guessed from where they came."""
        self._spoken_for: set[str] = set()

    @classmethod
    async def begin(
        cls,
        attesting: Attesting,
        peer: Peer,
        known: Mapping[str, Member],
        offered: Iterable[Entry],
        rings: Mapping[str, KeyRing],
    ) -> Relayed:
        """Read what is held of everybody the batch is about, judged under the keys that the peer's feed tells too."""
        subjects = {entry.node for entry in offered if entry.node} | {peer.hub}
        held = await attesting.authority(known.values(), also=subjects, offered=rings)
        relayed = cls(attesting, peer, held)
        relayed._open = {node for node, member in known.items() if member.upstream and not member.home}
        for told in held.told:
            if told.statement.type == NODE and told.statement.subject not in known:
                held.assume(told.statement.subject, held.assumed.get(told.statement.subject, told.statement.by))
        return relayed

    def assume(self, node: str, hub: str) -> None:
        """A node that nobody has spoken of has the hub it first came from as its home."""
        if node not in self._held.assumed:
            self._held.assume(node, hub)
            self._open.add(node)

    def standing(self, node: str, at: datetime, *, hub: bool = False) -> Standing | None:
        """How a node stands that a peer brings, or a hub that speaks itself: asked only where an anchor is trusted
        (AUTH-1)."""
        if not self._attesting.anchors:
            return None
        return self._held.fold().hub(node, at) if hub else self._held.fold().node(node, at)

    def judge(self, said: Statement, ring: KeyRing | None, *, now: datetime, at: str) -> Told | None:
        """A statement checked as far as its signer's keys are known here; None when it or a newer one is held already.

        Refuses a number said twice and a leap of numbers (STMT-4), of strangers more than there is room for (AUTH-5),
        and what nobody here can prove, but for the word of an anchor: who trusts it may be further on.
        """
        if said.by == self._attesting.identity.id:
            return None  # our own word comes from us
        told = self._checked(said, ring, now, at)
        if (said.digest, told.kid) in self._signed:
            return None
        if not told.by_anchor:
            newest = self._held.newest(said)
            if newest is not None and said.n < newest[0]:
                return None  # a newer one came by a shorter way
            if statement.judge(said, newest) is Order.SAME:
                return None
        self._held.fold().check_room(said)
        return told

    def _checked(self, said: Statement, ring: KeyRing | None, now: datetime, at: str) -> Told:
        for anchor in self._attesting.anchors:
            if anchor.id == said.by:
                return Told(said, anchor.verified(said, now=now).kid, at=at)
        if ring is not None:
            return Told(said, statement.verified(said, ring, now=now).kid, at=at)
        told = Told(said, said.claimed_kid, proven=False, at=at)
        if not told.by_anchor:
            refuse("PEER-1", "/jws", expected="the signer's own key statements", came=f"none of {said.by}")
        return told

    def take(self, told: Told) -> None:
        """It counts from here on, for the rest of the batch too."""
        said = told.statement
        if said.type == NODE and (said.subject in self._open or said.subject not in self._held.assumed):
            self._held.assume(said.subject, said.by)  # the first that speaks for it, until it says so itself
            self._open.discard(said.subject)
            self._spoken_for.add(said.subject)
        self._fresh.append(told)
        self._signed.add((told.statement.digest, told.kid))
        self._held.add(told)

    def stored(self) -> dict[str, Any]:
        """The members of a ports.Change that keep what was told."""
        anchors = self._attesting.anchors
        gone = set(outdated(self._fresh, [*self._before, *self._fresh], anchors, self._held.void))
        fresh = [told for told in self._fresh if (told.statement.digest, told.kid) not in gone]
        named = {told.statement.subject for told in fresh if told.statement.type == HOME} | self._spoken_for
        folded = self._held.fold()
        return {
            "told": fresh,
            "outdated": [key for key in gone if key not in {(t.statement.digest, t.kid) for t in self._fresh}],
            "homes": {node: folded.home(node) for node in sorted(named)},
        }
