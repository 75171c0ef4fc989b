"""Notices as the ledger carries them out: what they take, what was taken, what is held."""

from __future__ import annotations

from dataclasses import dataclass

from jisr_protocol.notice import Notice

from .entries import Draft


@dataclass(frozen=True)
class Erasure:
    """One target of a notice, and the entry that says so where the hub's feed held anything of it."""

    notice: Notice
    target: str
    draft: Draft
    feed: str = "public"
    """The feed it came in; what came in a restricted one must not name its targets in public."""
    binds: bool = True
    """Else it is kept for the operator to decide, and nothing is erased."""
    source: str = ""
    """The peer it came from; "" when from the node itself or from here."""
    again: bool = False
    """It was said before, and the database does not know it: stubs that are there already get their cause too."""


@dataclass(frozen=True)
class Erased:
    """How many entries of the hub's feed, and how many lines of nodes' logs, lost their content."""

    entries: int = 0
    lines: int = 0


@dataclass(frozen=True)
class Said:
    """A notice as it is held: the feed it came in, when, and the targets it keeps out here; none when it is advice."""

    notice: Notice
    feed: str
    at: str
    guards: tuple[str, ...]


class StillSeen(Exception):
    """Somebody reads the database as it was before an erasure, so bytes of it are still in its files; a second try
    finishes."""
