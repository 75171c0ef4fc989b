"""How far back two epochs are one log: frontiers that a reader verified earlier and keeps (docs/spec/reading.md).

A publisher that restored a backup goes on in a new epoch from a base. A reader that holds more than the base need not
read everything again: it goes back to the largest place it verified that lies at or below the base (READ-15).
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from . import identifiers
from .head import Head
from .merkle import Frontier
from .refusal import refuse


class Mark(msgspec.Struct, frozen=True):
    """A place in a log that was verified: the first `size` entries of this epoch, and their frontier."""

    size: int
    epoch: str
    frontier: Frontier


def thinned(marks: Iterable[Mark], size: int) -> tuple[Mark, ...]:
    """Of all marks at each power-of-two distance before `size` the oldest and the newest, by size; few for any log.

    The oldest of each distance grow into the next one, so that no distance runs empty.
    """
    kept: dict[int, list[Mark]] = {}
    for mark in sorted(marks, key=lambda m: m.size):
        if mark.size <= size:
            near = kept.setdefault((size - mark.size).bit_length(), [])
            if near and near[-1].size == mark.size:
                near.pop()
            near[1:] = [mark]
    return tuple(sorted((mark for near in kept.values() for mark in near), key=lambda m: m.size))


def common(marks: Iterable[Mark], stored: Head, offered: Head) -> Mark | None:
    """The largest of these marks of `stored` that the bases of `offered`, of a later epoch, include; None without any.

    A base that was signed with another root than the one verified here is a fork (READ-4).
    """
    ours, theirs = reach(stored), reach(offered)
    found: Mark | None = None
    for mark in marks:
        for base in offered.bases:
            same_log = base["epoch"] == mark.epoch or mark.size <= ours.get(base["epoch"], -1)
            if not same_log or mark.size > theirs[base["epoch"]]:
                continue
            root = mark.frontier.root().hex()
            if mark.size == base["size"] and root != base["log_root"]:
                refuse("READ-4", "/head/bases", expected=f"{root} for {mark.size} entries", came=base["log_root"])
            if found is None or mark.size > found.size:
                found = mark
    return found


def reach(head: Head) -> dict[str, int]:
    """How many entries of each earlier epoch this head's log begins with: no more than any later base lets it."""
    found: dict[str, int] = {}
    size = head.size
    for base in sorted(head.bases, key=lambda b: -identifiers.epoch_number(b["epoch"])):
        size = found[base["epoch"]] = min(size, base["size"])
    return found


def epoch_of_entry(head: Head, seq: int) -> str:
    """Under which epoch the entry at `seq` was written: the earliest that this head's log holds it from."""
    holding = (epoch for epoch, size in reach(head).items() if seq < size)
    return min(holding, key=identifiers.epoch_number, default=head.epoch)
