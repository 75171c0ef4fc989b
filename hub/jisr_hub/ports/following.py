"""What this hub follows: other hubs, and feeds of nodes that it fetches."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Peer:
    """A hub that is followed."""

    hub: str
    name: str
    feed: str
    cursor: int
    epoch: str
    last_outcome: str = ""
    last_detail: str = ""
    last_at: str = ""


@dataclass(frozen=True)
class Pull:
    """A node's feed that this hub fetches: its address or folder, and how the last round ended (pulls.py)."""

    node: str
    address: str
    added_at: str
    outcome: str = ""
    detail: str = ""
    at: str = ""
    """Since when it ends so."""
