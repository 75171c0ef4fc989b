"""What a hub keeps of notices beside the notices themselves: holds, the bytes they hold back, acks, who follows.

hold        what is held back, up to which rev, until when                  lifted by `unhold` or by the clock
held back   the newest content of what is held, as it will come back        only at this hub, in no output
handled     what became of a notice here, and whether it waits for a person
ack         the signed word of this hub, and of those that follow it
follower    a hub whose acks are awaited
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from jisr_protocol.ack import Ack
from jisr_protocol.keys import KeyRing

from .entries import Key, Number

OPEN, ACCEPTED, DECLINED = "open", "accepted", "declined"


class HeldBack(msgspec.Struct, frozen=True, gc=False):
    """The newest content of a record that is held: its line, as it stood in a log, to be put again."""

    node: str
    id: str
    rev: int
    digest: str
    type: str
    line: bytes


@dataclass(frozen=True)
class Handled:
    """What became of a notice here. `source` is the peer it came from, "" when from its node or from here."""

    notice: str
    source: str
    outcome: str
    task: str
    """open, accepted or declined where it did not bind and somebody has to decide, else ""."""
    reason: str
    at: str


@dataclass(frozen=True)
class Follower:
    """A hub that follows this one, as its operator has listed it."""

    hub: str
    name: str
    added_at: str


@dataclass(frozen=True)
class Heard:
    """An ack as it is kept, and whether the hub that the notice came from has it."""

    ack: Ack
    passed: bool


class NoticeLedger(Protocol):
    """The part of the ledger that is about notices."""

    async def holds(self, keys: Iterable[Key]) -> dict[Key, int | None]:
        """Up to which rev each of these targets is held back now: None for any rev, 0 for none."""
        ...

    async def lift(self, at: str, number: Number) -> int:
        """End the holds whose time is over at `at`; what nothing else holds is put again. Returns how many ended."""
        ...

    async def held_back(self, node: str = "") -> list[HeldBack]:
        """What is kept aside of all nodes, or of this one, by node and id."""
        ...

    async def handled(self, notice: str = "") -> list[Handled]:
        """What became of each notice, or of this one, in the order in which they came."""
        ...

    async def decide(self, notice: str, task: str, outcome: str, reason: str) -> None:
        """Write down what the operator decided."""
        ...

    async def acks(self, notice: str) -> list[Heard]: ...

    async def unpassed(self, source: str) -> list[Ack]:
        """Acks of notices that came from this peer, which it has not taken yet."""
        ...

    async def keep_ack(self, ack: Ack, ring: KeyRing) -> None:
        """Keep an ack and its signer's keys, in the place of an older one of that signer."""
        ...

    async def passed(self, acks: Sequence[Ack]) -> None:
        """The hub upstream has these."""
        ...

    async def followers(self) -> list[Follower]: ...

    async def keep_follower(self, follower: Follower) -> None: ...

    async def drop_follower(self, hub: str) -> None: ...
