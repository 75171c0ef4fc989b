"""What readers say they have seen of this feed beyond what is published here: a hint, proof of nothing.

A hub whose whole folder was put back from a backup cannot know by itself that it published more. Its readers do: they
send the head they hold with `Jisr-Seen: <epoch>:<size>:<log_root>`. Anybody can claim anything, so a claim is counted
and shown to the operator, and nothing else comes of it: no request, no refusal, and no more memory for more claims.
"""

from __future__ import annotations

import re

import msgspec

from jisr_protocol import identifiers
from jisr_protocol.head import Head

_CLAIM = re.compile(r"([1-9][0-9]{0,8}-[a-z2-7]{8}):([0-9]{1,16}):[0-9a-f]{64}")


class Seen(msgspec.Struct):
    """How often more was claimed to be seen than is published, and the furthest claim."""

    count: int = 0
    epoch: str = ""
    size: int = 0

    def note(self, claim: str, head: Head | None) -> None:
        """Count a claim when it goes beyond this head of ours."""
        found = _CLAIM.fullmatch(claim)
        if found is None or head is None or not _beyond(found[1], int(found[2]), head):
            return
        self.count += 1
        if not self.epoch or _place(found[1], int(found[2])) > _place(self.epoch, self.size):
            self.epoch, self.size = found[1], int(found[2])

    def warning(self, head: Head | None) -> str:
        """What the operator should look at; "" when nothing is ahead of this head (any more)."""
        if head is None or not self.epoch or not _beyond(self.epoch, self.size, head):
            return ""
        return (
            f"Readers say they have seen {self.size} entries of {self.epoch} ({self.count} times); this hub has "
            f"published {head.size} of {head.epoch}. If a backup was put back with all its files, go on with: "
            f"jisr-hub rebase --at-least {self.epoch}:{self.size}"
        )


def _place(epoch: str, size: int) -> tuple[int, int]:
    return identifiers.epoch_number(epoch), size


def _beyond(epoch: str, size: int, head: Head) -> bool:
    """In the same epoch a larger size; a claim of another epoch may be any stranger's invention."""
    return epoch == head.epoch and size > head.size
