"""This hub as a witness: it cosigns checkpoints of hubs it follows, each only if it goes on from the last one.

First it remembers, durably and by compare-and-swap, then it signs (WIT-10): of two that conflict one is remembered, and
whoever loses is answered with what is held. What it holds stands outside the database, where no backup puts it back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import structlog

from jisr_protocol import checkpoint, evidence, witness
from jisr_protocol.checkpoint import Note, WitnessKey
from jisr_protocol.evidence import Evidence
from jisr_protocol.keys import KeyRing, SigningKey
from jisr_protocol.refusal import Refusal, refuse
from jisr_protocol.witness import Held

from ..ports import Clock, Ledger

_log = structlog.get_logger()


class Memory(Protocol):
    """What a witness cosigned last, by the feed: its owner and name."""

    def read(self, by: str, name: str) -> Held | None:
        """None when nothing was ever cosigned. Raises OSError or ValueError when nobody can tell."""
        ...

    def swap(self, by: str, name: str, before: Held | None, after: Held) -> bool:
        """Put `after` in the place of `before`; durable when it returns True. False when another stands there."""
        ...


class Witness:
    """Cosigns with a key that signs nothing else (WIT-11). `keep` stores evidence for ever; twice is once."""

    def __init__(
        self,
        hub_id: str,
        key: SigningKey,
        ledger: Ledger,
        memory: Memory,
        clock: Clock,
        *,
        keep: Callable[[Evidence], object],
    ) -> None:
        self.name = f"{hub_id}/witness"
        self._key, self._ledger, self._memory, self._clock, self._keep = key, ledger, memory, clock, keep

    @property
    def key(self) -> WitnessKey:
        """What readers put into their policies."""
        return checkpoint.witness_key(self._key, self.name)

    async def add(self, raw: bytes) -> str:
        """Take an add-checkpoint request; return the cosignature line.

        Raises Refusal (WIT-1 to WIT-6; witness.Elsewhere says what is held), and then nothing was changed. The same
        again is cosigned again.
        """
        request = witness.parse_request(raw)
        said = request.note.checkpoint
        ring = await self._ring(said.by)
        checkpoint.verified(request.note, ring)
        held = self._memory.read(said.by, said.name)
        try:
            witness.judge(request, held)
        except Refusal:
            self._look_at(request.note, held, ring)
            raise
        after = Held(said.epoch, said.size, said.root.hex(), request.note.raw.decode())
        if not self._memory.swap(said.by, said.name, held, after):
            now = self._memory.read(said.by, said.name)
            refusal = Refusal("WIT-5", "", "the newest that was cosigned", "another request was faster")
            raise witness.Elsewhere(refusal, now.size if now is not None else 0)
        _log.info("witness.cosigned", log=said.origin, size=said.size)
        return checkpoint.cosigned(said, self._key, self.name, self._clock()).line

    async def _ring(self, by: str) -> KeyRing:
        """WIT-3: the keys of a hub that is followed, as its feed tells them."""
        followed = any(peer.hub == by for peer in await self._ledger.peers())
        ring = (await self._ledger.rings([by])).get(by)
        if not followed:
            refuse("WIT-3", "", expected="a feed of a hub that is followed here", came=by)
        if ring is None:  # followed, and nothing of it was ever read
            raise Refusal("WIT-3", "", "a feed of a hub that is followed here", by)
        return ring

    def _look_at(self, note: Note, held: Held | None, ring: KeyRing) -> None:
        """Two checkpoints that its publisher signed and that contradict each other are kept for ever."""
        if held is None:
            return
        case = Evidence("fork", (checkpoint.parse(held.note.encode()), note), ring.statements)
        try:
            found = evidence.judge(case)
        except Refusal:
            return  # it may have been asked from the wrong place; nothing is proven
        _log.error("witness.fork", log=note.checkpoint.origin, found=found.sentence)
        self._keep(case)
