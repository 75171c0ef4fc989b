"""Heads of nodes for a hub's feed in the making (publisher.py): what a node signs of itself, right or bent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson

from jisr_protocol import head as heads
from jisr_protocol import state_tree
from tests.reader.publisher import EPOCH, NOW, FeedFolder, Writer

Live = dict[str, tuple[int, str]]
"""id → (rev, digest)."""


def live_of(hub: FeedFolder, node: Writer) -> Live:
    """What the hub's feed holds of a node."""
    return {record_id: version for (by, record_id), version in hub.live().items() if by == node.id}


def signed(node: Writer, held: Live, *, size: int, minutes: int = 0, **changes: Any) -> heads.Head:
    """The node's own head over these records; `changes` replace arguments of heads.write."""
    tree, _ = state_tree.build((node.id, record_id, *version) for record_id, version in held.items())
    arguments: dict[str, Any] = {
        "by": node.id, "name": "public", "epoch": EPOCH, "size": size, "live": len(held),
        "log_root": b"%032d" % size, "state_root": tree.root(), "time": NOW + timedelta(minutes=minutes),
        "valid_for": timedelta(days=45), "next_in": timedelta(days=1), **changes,
    }  # fmt: skip
    return heads.write(arguments.pop("key", node.key), **arguments)


def say(
    hub: FeedFolder, node: Writer, missing: dict[str, int], *, size: int, held: Live | None = None, **changes: Any
) -> int:
    """Put a head of the node into the hub's feed, by default over what the feed holds of it; returns its position."""
    head = signed(node, live_of(hub, node) if held is None else held, size=size, **{"minutes": size, **changes})
    return hub.raw(op="nodehead", missing=missing, **orjson.loads(head.raw))
