"""Answering notices: what comes to a hub beside its feeds, what it says it did, who else has said so.

    from a stranger     a notice or an ack, with its signer's keys (NTC-9); what does not bind is advice, and no
                        request goes out for it
    to upstream         the follower brings its acks, and those it heard, to the hub a notice came from: with each
                        round, until they are taken, so that it works from behind any router
    receipts            who has confirmed a notice, who is overdue, what waits for the operator

ACK-5: the ack of an erasure is signed after nothing of it is left in what this hub keeps and publishes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from jisr_protocol import ack as acks
from jisr_protocol import identifiers, keys, notice
from jisr_protocol.ack import Ack
from jisr_protocol.envelope import Envelope
from jisr_protocol.keys import KeyRing
from jisr_protocol.limits import ACK_AWAITS, ACK_HOURS, ADVICE_KEPT, NOTICES_AT_ONCE
from jisr_protocol.live import Order
from jisr_protocol.notice import Force, Notice
from jisr_protocol.refusal import Refusal, refuse

from .. import log
from ..hub import Hub
from ..ports import Erasure, Said
from ..ports.notices import OPEN, Follower, Handled, Heard


@dataclass(frozen=True)
class Receipt:
    """What is known of one notice: what it did here, and what every hub that was asked says."""

    said: Said
    handled: Handled
    heard: Sequence[Heard]
    confirmed: Mapping[str, str]
    """Hub → its outcome, of all that have signed one; this hub too."""
    overdue: tuple[str, ...]
    waited_for: tuple[str, ...]
    """Hubs that have more time."""


class Acknowledgements:
    """What a hub answers to notices, over its ledger."""

    def __init__(self, hub: Hub) -> None:
        self._hub, self._ledger = hub, hub.ledger

    # What comes

    async def take(self, things: Sequence[bytes], chains: Sequence[Sequence[Envelope]]) -> list[dict[str, Any]]:
        """Take notices and acks from anybody, each judged by itself; returns an answer each, in order.

        `chains` are signers' key statements. Nothing is asked of anybody else. Raises Refusal for too many (NTC-9).
        """
        if len(things) > NOTICES_AT_ONCE or len(chains) > NOTICES_AT_ONCE:
            refuse("LIM-1", "/said", expected=f"at most {NOTICES_AT_ONCE}", came=max(len(things), len(chains)))
        offered = {ring.id: ring for chain in chains if (ring := _folded(chain)) is not None}
        answers: list[dict[str, Any]] = []
        for raw in things:
            try:
                if raw.startswith(b'{"ack":'):
                    answers.append(await self._take_ack(acks.parse(raw), offered))
                else:
                    answers.append(await self._take_notice(notice.parse(raw), offered))
            except Refusal as refusal:
                answers.append({"code": refusal.code, "pointer": refusal.pointer, "detail": str(refusal)})
        return answers

    async def _take_notice(self, said: Notice, offered: Mapping[str, KeyRing]) -> dict[str, Any]:
        """A notice beside any feed binds only when it is the home hub's: a node's own counts in its feed alone."""
        ledger, here, digest = self._ledger, self._hub.identity.id, said.envelope.digest
        self._hub.check_open()
        if said.by != here:
            notice.verified(said, await self._ring(said.by, offered), now=self._hub.clock())
            last = await ledger.last_notice(said.by, said.node, "public")
            if notice.judge(said, last, await self._newest(said)) is Order.RISES:
                await self._keep(said)
        own = next((heard.ack for heard in await self._ledger.acks(digest) if heard.ack.by == here), None)
        handled = await self._of(digest)
        outcome = handled.outcome if handled is not None else ""
        return {"notice": digest, "outcome": outcome, "ack": own.envelope if own is not None else None}

    async def _newest(self, said: Notice) -> int:
        return max([await self._ledger.newest_rev(said.node, target) for target in said.targets])

    async def _keep(self, said: Notice) -> None:
        ledger, here = self._ledger, self._hub.identity.id
        member = await ledger.member(said.node)
        home = member.home_hub(here) if member is not None else None
        binds = notice.force(said, own_feed=False, home=home) is Force.BINDS
        if not binds:
            waiting = sum(one.task == OPEN for one in await ledger.handled())
            if waiting >= ADVICE_KEPT:
                refuse("NTC-9", "", expected=f"at most {ADVICE_KEPT} that wait for a decision", came=waiting + 1)
        at = identifiers.to_instant(self._hub.clock())
        drafts = [(target, log.notice_draft(said, target)) for target in said.targets]
        erasures = [Erasure(said, target, draft, binds=binds) for target, draft in drafts]
        await ledger.erase(at, erasures, log.number)
        await self._hub.erased(at, erasures)
        if binds:
            self._hub.changed.set()

    async def _take_ack(self, ack: Ack, offered: Mapping[str, KeyRing]) -> dict[str, Any]:
        """ACK-4: of a notice that is held here; of a hub that is awaited, or of a few others."""
        if await self._of(ack.notice) is None:
            refuse("ACK-4", "/ack/notice", expected="a notice that is held here", came=ack.notice)
        heard = await self._ledger.acks(ack.notice)
        known = {one.ack.by for one in heard} | {f.hub for f in await self._ledger.followers()}
        known |= {hub for one in heard for hub in one.ack.awaits}
        if ack.by not in known and len(heard) >= ACK_AWAITS:
            refuse("NTC-9", "/ack/by", expected="a hub whose ack is awaited", came=ack.by)
        ring = await self._ring(ack.by, offered)
        acks.verified(ack, ring, now=self._hub.clock())
        if ack.by != self._hub.identity.id:
            await self._ledger.keep_ack(ack, ring)
        return {"notice": ack.notice, "outcome": ack.outcome}

    async def _ring(self, by: str, offered: Mapping[str, KeyRing]) -> KeyRing:
        """What is held of a signer's keys, grown by what came with the call."""
        held = (await self._ledger.rings([by])).get(by)
        came = offered.get(by)
        if held is None and came is None:
            refuse("SIG-3", "/keys", expected=f"the key statements of {by}", came="none")
        if held is None or came is None:
            return held or came or KeyRing(by, "hub", 0, {}, (), ())
        for statement in came.statements:
            if all(statement.digest != known.digest for known in held.statements):
                held = held.admit(statement)
        return held

    # What is said

    async def sign(self) -> int:
        """ACK-5: sign what this hub did about each notice, where that was not said or has changed. To be called when
        nothing of what was erased is left here. Returns how many were signed."""
        signed = 0
        awaits = tuple(sorted(follower.hub for follower in await self._ledger.followers()))[:ACK_AWAITS]
        for handled in await self._ledger.handled():
            own = next((h.ack for h in await self._ledger.acks(handled.notice) if h.ack.by == self._id), None)
            said = (handled.outcome, handled.reason, awaits)
            if own is None or (own.outcome, own.reason, own.awaits) != said:
                at = self._hub.clock()
                at = at if own is None else max(at, own.at + timedelta(seconds=1))
                ack = acks.write(
                    self._hub.identity.key, by=self._id, notice=handled.notice, outcome=handled.outcome, at=at,
                    awaits=awaits, reason=handled.reason,
                )  # fmt: skip
                await self._ledger.keep_ack(ack, self._hub.identity.ring)
                signed += 1
        return signed

    @property
    def _id(self) -> str:
        return self._hub.identity.id

    async def _of(self, digest: str) -> Handled | None:
        return next(iter(await self._ledger.handled(digest)), None)

    async def told(self, digest: str) -> tuple[list[Ack], list[KeyRing]] | None:
        """Every ack that is held of a notice, with its signers' keys; None for a notice that is not held."""
        if await self._of(digest) is None:
            return None
        heard = [one.ack for one in await self._ledger.acks(digest)]
        rings = await self._ledger.rings({ack.by for ack in heard} | {self._id})
        return heard, [rings[hub] for hub in sorted(rings)]

    async def waiting(self, source: str) -> tuple[list[Ack], list[KeyRing]]:
        """What is to be brought to the hub that notices came from, at most what one call may bring."""
        waiting = (await self._ledger.unpassed(source))[:NOTICES_AT_ONCE]
        rings = await self._ledger.rings({ack.by for ack in waiting})
        return waiting, [rings[hub] for hub in sorted(rings)]

    async def brought(self, acks: Sequence[Ack]) -> None:
        """The hub upstream has these."""
        await self._ledger.passed(acks)

    # What the operator sees and decides

    async def receipts(self) -> list[Receipt]:
        """Every notice that is held, in the order in which they came."""
        handled = {one.notice: one for one in await self._ledger.handled()}
        followers = await self._ledger.followers()
        told: dict[str, Said] = {}
        for said in await self._ledger.notices():
            told.setdefault(said.notice.envelope.digest, said)
        found = [await self._receipt(told[d], one, followers) for d, one in handled.items() if d in told]
        return sorted(found, key=lambda receipt: receipt.handled.at)

    async def _receipt(self, said: Said, handled: Handled, followers: Sequence[Follower]) -> Receipt:
        heard = await self._ledger.acks(handled.notice)
        confirmed = {one.ack.by: one.ack.outcome for one in heard}
        asked = {follower.hub for follower in followers} | {hub for one in heard for hub in one.ack.awaits}
        open_ = tuple(sorted(asked - confirmed.keys() - {self._id}))
        late = overdue(identifiers.from_instant(handled.at), self._hub.clock())
        return Receipt(said, handled, heard, confirmed, open_ if late else (), () if late else open_)

    async def decline(self, digest: str, reason: str) -> None:
        """Leave a notice that does not bind here undone, for a reason that its signer may read."""
        await self._ledger.decide(digest, "declined", "refused", reason)

    async def accept(self, digest: str, reason: str) -> None:
        """Write down that what a notice asks was done here by a notice of this hub's own."""
        await self._ledger.decide(digest, "accepted", "done", reason)


def overdue(since: datetime, now: datetime) -> bool:
    """Whether a hub that was to answer since then has let its time go by."""
    return now > since + timedelta(hours=ACK_HOURS)


def _folded(chain: Sequence[Envelope]) -> KeyRing | None:
    try:
        return keys.fold(chain)
    except Refusal:
        return None  # what it was to sign for is refused for want of keys
