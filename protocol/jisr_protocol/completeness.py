"""Node heads: how a far reader knows that it holds all of a node, or how much is missing (docs/spec/completeness.md).

    {"at":"…","head":{…},"jws":"…","missing":{"policy":12},"op":"nodehead","seq":8121}      an entry of a hub's feed

    of          an entry → NodeHead: well-formed, nothing verified
    verified    under the node's own keys, and in a feed of its audience
    in_order    what it is to the one held before of the same node
    check_set   against the records of that node that this feed holds: how many, and which

A node's head says how many live records the node has and which, under its own signature. So whoever leaves one out
has to say so in `missing`, or is found out. It holds as of the head's time; the causes are the hub's word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import orjson

from . import canonical, identifiers, state_tree
from . import head as heads
from .entry import Entry
from .envelope import Envelope
from .head import Head, Relation
from .keys import KeyRing
from .refusal import Refusal, refuse

CAUSES = ("policy", "expired", "nullified", "quarantined", "erased", "held", "left")
"""Why a live record of the node is not in this feed; each record has one cause."""
OLDER = "older"
"""Counted beside the causes: records that this feed holds as they were before, because what came after is missing."""
_MOST_CAUSES = 32
Row = tuple[str, int, str]
"""(id, rev, digest) of one live record of the node."""


class NodeHead(msgspec.Struct, frozen=True):
    """A node's signed head as an entry of a hub's feed gives it. Nothing is verified yet."""

    seq: int
    at: str
    head: Head
    missing: Mapping[str, int]
    """Cause → how many, none of them 0; `older` among them."""

    @property
    def node(self) -> str:
        return self.head.by

    @property
    def absent(self) -> int:
        """How many live records of the node this feed does not hold as they are."""
        return sum(count for cause, count in self.missing.items() if cause != OLDER)

    @property
    def older(self) -> int:
        """How many records this feed holds that are not, or not so, in the node's own set."""
        return self.missing.get(OLDER, 0)

    @property
    def whole(self) -> bool:
        """Whether the hub says that nothing is missing."""
        return not self.missing


def of(entry: Entry) -> NodeHead:
    """The node head that an entry carries: HEAD-1 to HEAD-3, and counts of what is missing (NHD-1). Raises Refusal."""
    if entry.op != "nodehead":
        raise ValueError(f"an entry of op {entry.op} carries no node head")
    try:
        head = heads.of(_signed(entry))
    except Refusal as refusal:
        if refusal.rule == "HEAD-2":
            raise
        refuse("NHD-1", refusal.pointer, expected=refusal.expected, came=refusal.came)
        raise
    return NodeHead(entry.seq, entry.at, head, _counts(orjson.loads(entry.parts["missing"])))


def _signed(entry: Entry) -> Envelope:
    jws, body = entry.parts["jws"], entry.parts["head"]
    return Envelope("head", str(orjson.loads(jws)), body, orjson.loads(body))


def _counts(missing: Any) -> dict[str, int]:
    """Names this version does not know are causes too: a later hub knows more of them."""
    if not isinstance(missing, dict) or len(missing) > _MOST_CAUSES:
        refuse("NHD-1", "/missing", expected=f"an object of at most {_MOST_CAUSES} counts", came=missing)
        return {}
    for cause, count in missing.items():
        if expected := identifiers.count(count):
            refuse("NHD-1", f"/missing/{canonical.escape(cause)}", expected=expected, came=count)
    return {cause: count for cause, count in missing.items() if type(count) is int and count > 0}


def audience_of(feed: str) -> str:
    """The audience of a feed by its name: a view of `partners` is called so, or `partners-…`; any other is public."""
    first = feed.partition("-")[0]
    return first if first in identifiers.FEED_AUDIENCES else "public"


def verified(said: NodeHead, ring: KeyRing | None, feed: str) -> NodeHead:
    """Check that the node signed it (NHD-2) and that it is for readers of this feed (NHD-3).

    A key that was retired since is good: the head is a statement of its own time. Raises Refusal.
    """
    if ring is None:
        refuse("NHD-2", "/jws", expected="the node's own key statements", came=f"none of {said.node}")
    else:
        try:
            if ring.id != said.node:
                refuse("NHD-2", "/head/by", expected=ring.id, came=said.node)
            ring.verify(said.head.envelope)
        except Refusal as refusal:
            refuse("NHD-2", refusal.pointer, expected=refusal.expected, came=refusal.came)
    if said.head.name != audience_of(feed):
        refuse("NHD-3", "/head/name", expected=audience_of(feed), came=said.head.name)
    return said


def in_order(held: Head, offered: Head) -> bool:
    """NHD-4: a node's head never falls back; NHD-5: nor do two of them contradict each other.

    `held` and `offered` are of one node and audience, both verified. True when the offered one says something newer of
    the node, False when it is the same again, perhaps with other counts. Raises Refusal.
    """
    relation = heads.compare(held, offered)
    if relation is Relation.FORK:
        refuse("NHD-5", "/head", expected=f"what the node signed before for {_place(held)}", came=_place(offered))
    if relation in (Relation.OLDER, Relation.ROLLBACK):
        refuse("NHD-4", "/head/size", expected=f"at least {_place(held)}", came=_place(offered))
    return relation is not Relation.SAME


def check_set(said: NodeHead, live: int, state_root: bytes | None) -> None:
    """Check a node head against what the feed holds of that node at its position, or since if nothing changed.

    NHD-6: `live` records held and those said to be missing come to the number that the node signs. NHD-7: when none is
    missing, they are the very ones: `state_root` is that of these records alone (`root_of`); None for not computed.
    Raises Refusal.
    """
    promised = said.head.live
    if live - said.older + said.absent != promised:
        told = " and ".join([f"{live} here", *(f"{count} {cause}" for cause, count in sorted(said.missing.items()))])
        refuse("NHD-6", "/head/live", expected=f"{promised} records, as the node signs", came=told)
    if said.whole and state_root is not None and state_root.hex() != said.head.state_root:
        refuse("NHD-7", "/head/state_root", expected=said.head.state_root, came=state_root.hex())


def root_of(node: str, rows: Iterable[Row]) -> bytes:
    """The state root over these records of one node alone, as the node's own head has it (STA-1 to STA-3)."""
    tree, _ = state_tree.build((node, record_id, rev, digest) for record_id, rev, digest in rows)
    return tree.root()


def members(head: Head, missing: Mapping[str, int]) -> dict[str, bytes]:
    """The members of the entry for a node's head, in raw bytes: the head as the node signed it, the counts above 0."""
    counts = {cause: count for cause, count in missing.items() if count}
    return {
        "head": head.envelope.body,
        "jws": b'"%b"' % head.envelope.jws.encode(),
        "missing": canonical.dumps(counts),
        "op": b'"nodehead"',
    }


def _place(head: Head) -> str:
    return f"{head.size} entries in {head.epoch}, {head.live} live, state {head.state_root[:12]}"
