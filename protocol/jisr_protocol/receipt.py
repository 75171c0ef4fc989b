"""A receipt: a hub's signed word that it durably holds a slice of a node's log (docs/spec/push.md)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from . import envelope, identifiers
from .envelope import Envelope
from .keys import SigningKey
from .shapes import Shape

_RECEIPT = Shape(
    "PUSH-9",
    {
        "at": identifiers.instant,
        "by": identifiers.node,
        "epoch": identifiers.epoch,
        "log_root": identifiers.digest,
        "name": identifiers.feed_name,
        "node": identifiers.node,
        "size": identifiers.count,
    },
)


def write(
    key: SigningKey, *, by: str, node: str, name: str, epoch: str, size: int, log_root: bytes, at: datetime
) -> Envelope:
    """Sign that `by` holds the first `size` entries of this feed of `node`. Made after the commit, never before."""
    value: dict[str, Any] = {
        "at": identifiers.to_instant(at),
        "by": by,
        "epoch": epoch,
        "log_root": log_root.hex(),
        "name": name,
        "node": node,
        "size": size,
    }
    # every value is of a form that leaves one spelling, and they stand in their order: these are canonical bytes
    body = orjson.dumps(value)
    return Envelope("receipt", key.sign("receipt", body), body, value)


def parse(raw: bytes) -> Envelope:
    """Read a receipt (PUSH-9); its signature is checked with envelope.verified under the hub's ring."""
    thing = envelope.parse(raw, "receipt")
    _RECEIPT.check(thing.value, "/receipt")
    return thing
