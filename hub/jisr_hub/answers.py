"""What a hub answers to a push: counts, and a receipt that is signed after the commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jisr_protocol import receipt
from jisr_protocol.envelope import Envelope
from jisr_protocol.push import NodeLog
from jisr_protocol.refusal import Refusal

from .identity import Identity
from .ingest import Outcome
from .ports import Kept


class Gap(Refusal):
    """PUSH-2: the push starts too far on; `next` is where it has to start."""

    def __init__(self, refusal: Refusal, next: int) -> None:
        super().__init__(refusal.rule, refusal.pointer, refusal.expected, refusal.came)
        self.next = next


@dataclass(frozen=True)
class PushAnswer:
    """What a push came to. `next` is the position the node sends from next; the receipt is signed after the commit."""

    next: int
    admitted: int
    duplicates: int
    quarantined: Sequence[Kept]
    receipt: Envelope
    waiting: int = 0
    """How many entries of the feed are held and not judged yet; the receipt's address tells what becomes of them."""


def answer(
    identity: Identity,
    at: datetime,
    node: str,
    name: str,
    held: NodeLog,
    outcome: Outcome,
    repeated: tuple[int, int],
    standing: Sequence[Kept],
    *,
    waiting: int = 0,
) -> PushAnswer:
    """Count each line of the push once: admitted now, a duplicate, or quarantined, now or before."""
    signed = receipt.write(
        identity.key,
        by=identity.id,
        node=node,
        name=name,
        epoch=held.epoch or "",
        size=held.frontier.size,
        log_root=held.frontier.root(),
        at=at,
    )
    quarantined = sorted({k.seq: k for k in [*outcome.quarantined, *standing]}.values(), key=lambda k: k.seq)
    judged = {kept.seq for kept in outcome.kept}
    admitted = len(outcome.kept) - len(outcome.quarantined) - outcome.duplicates
    known = max(0, repeated[1] - repeated[0]) - sum(repeated[0] <= seq < repeated[1] for seq in judged)
    known -= sum(kept.seq not in judged for kept in standing)
    return PushAnswer(held.frontier.size, admitted, known + outcome.duplicates, quarantined, signed, waiting)
