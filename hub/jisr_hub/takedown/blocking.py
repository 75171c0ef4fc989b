"""What an operator has blocked until a day: a hold that is said anew before it ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Block(msgspec.Struct, frozen=True):
    """A block of a record, or of all of a node (`*`), to the end of the day `until`. `note` is for the operators of
    this hub alone; `reason` stands in the notice."""

    node: str
    target: str
    until: str
    reason: str
    note: str
    at: str


class Blocks(Protocol):
    """Where blocks are kept. Each method is durable when it returns."""

    async def keep(self, block: Block) -> None:
        """Keep a block in the place of an earlier one of the same target."""
        ...

    async def drop(self, node: str, target: str) -> bool: ...

    async def of(self, node: str, target: str) -> Block | None: ...

    async def all(self) -> Sequence[Block]:
        """By node and target."""
        ...
