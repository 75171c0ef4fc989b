"""The mark of the audit log: the newest act, kept outside the database, so that a log that lost its end is noticed.

    line of act 17 durable in the database      whoever dies here leaves the mark at act 16, which the log holds
    mark at act 17

A log without the act of the mark was cut, or is that of an older database put back. Nothing moves the mark then until
the operator has said so by an act of its own (`Acts.accept_loss`), which names for ever what is gone. Whoever can
change the database and the mark both can still cut both: keep the mark, with the fence, on another disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import msgspec

from jisr_protocol.pages.language import N_

from .chain import Journal

LOST = N_(
    "The audit log does not hold act %(mark)s as it was written down; it ends at act %(size)s. After an older backup "
    "was put back, what was done since it was made is not in the log: say so with jisr-hub acts accept-loss. Without a "
    "backup put back, somebody took lines out: keep this database as evidence, and put the newest backup back."
)
SWAP_TRIES = 5


class ActMark(msgspec.Struct, frozen=True):
    """The newest act of the hub `by`: its number, and the hash by which the next line names its line."""

    by: str
    n: int
    line: str


class MarkFile(Protocol):
    """Where the mark stands."""

    def read(self) -> ActMark | None:
        """None where none was written. Raises OSError or ValueError when nobody can tell."""
        ...

    def swap(self, before: ActMark | None, after: ActMark) -> bool:
        """Put `after` in the place of `before`; durable when it returns True. False when another stands there."""
        ...


@dataclass(frozen=True)
class Loss:
    """The log ends before its mark, or has another act there."""

    mark: int
    size: int

    words = LOST
    """What pages say, with `mark` and `size`."""

    @property
    def sentence(self) -> str:
        """What is so, in English."""
        return LOST % {"mark": self.mark, "size": self.size}


async def loss(journal: Journal, file: MarkFile) -> Loss | None:
    """What the log lacks; None when it holds its mark. Raises as `MarkFile.read`. The mark is read first: acts that are
    done meanwhile are no loss."""
    mark = file.read()
    if mark is None or await journal.hash_at(mark.n) == mark.line:
        return None
    return Loss(mark.n, await journal.size())


async def advance(journal: Journal, file: MarkFile, after: ActMark) -> bool:
    """Move the mark up to an act that is durable. False, and it stays, where the log does not hold the mark: then it is
    told until somebody has looked. Raises as `MarkFile`."""
    for _ in range(SWAP_TRIES):
        before = file.read()
        if before is not None:
            if await journal.hash_at(before.n) != before.line:
                return False
            if before.n >= after.n:
                return True  # another process was faster
        if file.swap(before, after):
            return True
    return False
