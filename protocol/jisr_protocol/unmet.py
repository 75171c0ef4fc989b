"""Evidence that a node's head and the records a feed shows of it do not add up (docs/spec/evidence.md, `incomplete`).

    {"incomplete":{"missing":{"policy":1},"records":[["<id>",1,"<digest>"],…]}}     said: the node's head, the feed's

Both heads are signed, and what the records come to anybody computes again. That these are all the records of the node
in that feed, and that the hub named these as missing, only the feed shows: no signature in the file covers it.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from . import completeness
from .completeness import NodeHead
from .head import Head
from .identifiers import to_instant
from .refusal import Refusal, refuse

Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, msgspec.Meta(ge=0)]


class Incomplete(msgspec.Struct, frozen=True):
    """What a feed showed of a node: the counts it named as missing, and (id, rev, digest) of each of its records."""

    missing: Annotated[dict[str, Count], msgspec.Meta(max_length=32)]
    records: list[tuple[str, Count, Digest]]


def check(said: Incomplete, of_node: Head, of_feed: Head) -> str:
    """EVD-7: the records do not come to what the node's head says; returns what is shown, and what is not. Raises
    Refusal."""
    audience = completeness.audience_of(of_feed.name)
    if of_node.name != audience:
        refuse("EVD-3", "/evidence/said", expected=f"the head of the node's feed {audience}", came=of_node.name)
    if len({record_id for record_id, _, _ in said.records}) != len(said.records):
        refuse("EVD-7", "/evidence/incomplete/records", expected="each record once", came="one of them twice")
    root = completeness.root_of(of_node.by, said.records)
    try:
        completeness.check_set(NodeHead(0, "", of_node, said.missing), len(said.records), root)
    except Refusal as refusal:
        return _sentence(said, of_node, of_feed, refusal)
    came = f"{len(said.records)} records that add up"
    refuse("EVD-7", "/evidence/incomplete", expected="records that are not those that the node signs", came=came)
    return ""


def _sentence(said: Incomplete, of_node: Head, of_feed: Head, refusal: Refusal) -> str:
    named = ", ".join(f"{count} {cause}" for cause, count in sorted(said.missing.items())) or "nothing"
    return (
        f"{of_node.by} signed at {to_instant(of_node.time)} that it has {of_node.live} records;"
        f" the {len(said.records)} listed here, with {named} said to be missing, are not those"
        f" (expected {refusal.expected}, came {refusal.came}). {of_feed.by} signed its feed {of_feed.name} of"
        f" {of_feed.size} entries at {to_instant(of_feed.time)}. NOT proven: that the list is all that this feed showed"
        " of the node, nor what the feed said is missing; follow the feed to see that for yourself"
    )
