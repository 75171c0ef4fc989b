"""A push: a slice of a node's own signed log, with the proof that it is one (docs/spec/push.md).

    {"consistency":["…"],"from":0,"head":{"head":{…},"jws":"…"},"keys":[{"line":{…},"proof":["…"]}],"to":3}
    {"at":…,"op":"key",…,"seq":0}
    …                                    the entry lines [from, to) of the node's log, as the node wrote them

It needs no credentials: the head is signed by the node and covers every line, so replay is harmless and retry is free.
`check` is the whole judgement on the slice; it changes nothing and says what a hub may then store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from . import canonical, entry, envelope, head, identifiers, keys, merkle
from .entry import Entry
from .envelope import Envelope
from .head import Head
from .keys import KeyRing
from .limits import BATCH_BYTES, BATCH_ENTRIES, PUSH_BYTES, RECORD_BYTES
from .merkle import Frontier, Tree
from .refusal import Refusal, refuse
from .shapes import Shape, any_object, list_of

_HEADER = Shape(
    "PUSH-1",
    {
        "consistency": list_of(identifiers.digest, most=64),
        "from": identifiers.count,
        "head": any_object,
        "keys": list_of(any_object, most=64),
        "to": identifiers.count,
    },
)


@dataclass(frozen=True)
class KeyLine:
    """A key entry of the node's log with its audit path in the head's tree."""

    entry: Entry
    proof: list[bytes]


@dataclass(frozen=True)
class Push:
    """A well-formed push. Nothing is verified; see `check`."""

    head: Head
    start: int
    end: int
    consistency: list[bytes]
    keys: list[KeyLine]
    entries: list[Entry]
    """All of them, or those after the lines that were known by their bytes."""


def write(signed_head: Head, lines: list[bytes], start: int, tree: Tree, key_lines: dict[int, bytes]) -> bytes:
    """The body of a push of `lines`, the node's entries from `start` on.

    `tree` holds the leaves of the whole log, `key_lines` the lines of its key entries by seq.
    """
    end = start + len(lines)
    carried = b",".join(
        b'{"line":%b,"proof":%b}' % (line, _hashes(tree.inclusion(seq, signed_head.size)))
        for seq, line in sorted(key_lines.items())
        if start <= seq < signed_head.size
    )
    header = b'{"consistency":%b,"from":%d,"head":%b,"keys":[%b],"to":%d}' % (
        _hashes(tree.consistency(end, signed_head.size)),
        start,
        signed_head.envelope.raw,
        carried,
        end,
    )
    return header + b"\n" + b"".join(line + b"\n" for line in lines)


def _hashes(proof: list[bytes]) -> bytes:
    return b"[" + b",".join(b'"%b"' % h.hex().encode() for h in proof) + b"]"


def fits(lines: list[bytes]) -> int:
    """How many of these lines, from the first on, one push may carry (PUSH-8)."""
    total = 0
    for count, line in enumerate(lines[:BATCH_ENTRIES]):
        total += len(line) + 1
        if total > BATCH_BYTES:
            return count
    return min(len(lines), BATCH_ENTRIES)


def parse(body: bytes) -> Push:
    """Read a push, inflated. Checks canonical bytes, forms, limits (PUSH-1, PUSH-8) and numbering (ENT-3)."""
    return opened(body).read({})


@dataclass(frozen=True)
class Opened:
    """A push whose first line was read and whose entry lines were only cut apart."""

    header: dict[str, Any]
    parts: dict[str, bytes]
    lines: list[bytes]

    @property
    def start(self) -> int:
        return int(self.header["from"])

    def offered_ring(self, held: KeyRing | None) -> KeyRing | None:
        """The keys as they would be if every key line of this push were the node's: nothing of it is proven. None when
        they make no chain."""
        try:
            for line in _key_lines(self.parts["keys"]):
                if line.entry.thing is not None and line.entry.op in ("key", "recovery"):
                    held = _admitted(held, line.entry.thing)
        except Refusal:
            return None
        return held

    def is_signed(self, ring: KeyRing) -> bool:
        """Whether the head of this push bears a good signature of one of these keys, whatever else is wrong with it."""
        try:
            ring.verify(self._head(), active_only=True)
        except Refusal:
            return False
        return True

    def read(self, held_lines: Mapping[int, bytes], read: Callable[[bytes], Entry] = entry.parse) -> Push:
        """Read the rest. `held_lines` are SHA-256 of lines already held, by position: as far as the push begins with
        the very same bytes, they are not read again. `read` reads a line as `entry.parse` does."""
        known = 0
        while known < len(self.lines) and held_lines.get(self.start + known) == line_hash(self.lines[known]):
            known += 1
        fresh = [_entry(number, self.lines[number], read) for number in range(known, len(self.lines))]
        start, end = self.start, self.header["to"]
        if [line.seq for line in fresh] != list(range(start + known, end)):
            refuse("ENT-3", "/to", expected=f"the entries {start} to {end - 1}", came=f"{len(self.lines)} entries")
        return Push(
            head=head.of(self._head()),
            start=start,
            end=end,
            consistency=[bytes.fromhex(h) for h in self.header["consistency"]],
            keys=_key_lines(self.parts["keys"]),
            entries=fresh,
        )

    def _head(self) -> Envelope:
        """The head within the first line, whose bytes are canonical, so those of its members are."""
        raw, value = self.parts["head"], self.header["head"]
        plain = len(raw) <= RECORD_BYTES and isinstance(value.get("head"), dict) and isinstance(value.get("jws"), str)
        if not plain:
            return envelope.parse(raw, "head")
        return Envelope("head", value["jws"], envelope.slices(raw)["head"], value["head"])


def opened(body: bytes) -> Opened:
    """Read the first line of a push, and cut the others apart (PUSH-1, PUSH-8, PAGE-4)."""
    if len(body) > PUSH_BYTES:
        refuse("PUSH-8", "", expected=f"at most {PUSH_BYTES} bytes", came=f"{len(body)} bytes")
    first, _, rest = body.partition(b"\n")
    header = _HEADER.check(canonical.parse(first, limit_bytes=PUSH_BYTES))
    lines = entry.split_lines(rest)
    if len(lines) > BATCH_ENTRIES or len(rest) > BATCH_BYTES:
        came = f"{len(lines)} entries, {len(rest)} bytes"
        refuse("PUSH-8", "", expected=f"at most {BATCH_ENTRIES} entries, {BATCH_BYTES} bytes", came=came)
    if header["to"] < header["from"]:
        refuse("PUSH-1", "/to", expected=f"at least {header['from']}, where the push begins", came=header["to"])
    return Opened(header, envelope.slices(first), lines)


def line_hash(line: bytes) -> bytes:
    """SHA-256 of a line without its line feed, by which a hub knows it again."""
    return hashlib.sha256(line).digest()


def _entry(number: int, line: bytes, read: Callable[[bytes], Entry]) -> Entry:
    try:
        return read(line)
    except Refusal as refusal:
        raise refusal.below(f"/{number}") from None


def _key_lines(raw: bytes) -> list[KeyLine]:
    lines: list[KeyLine] = []
    if raw == b"[]":
        return lines
    for number, item in enumerate(msgspec.json.decode(raw, type=list[msgspec.Raw])):
        parts = envelope.slices(bytes(item))
        proof = canonical.parse(parts.get("proof", b"null"))
        if "line" not in parts or list_of(identifiers.digest, most=64)(proof):
            refuse("PUSH-1", f"/keys/{number}", expected="a line and its proof", came=sorted(parts))
            continue
        try:
            lines.append(KeyLine(entry.parse(parts["line"]), [bytes.fromhex(h) for h in proof]))
        except Refusal as refusal:
            raise refusal.below(f"/keys/{number}/line") from None
    return lines


@dataclass(frozen=True)
class NodeLog:
    """What a hub holds of one feed of a node: how far, the frontier there, the newest head, the node's keys."""

    epoch: str | None
    frontier: Frontier
    head: Head | None
    ring: KeyRing | None


@dataclass(frozen=True)
class Extension:
    """A push that was checked: the entries that are new, and what the hub holds of the node after storing them.

    `kept` is how many of the entries held before go on being the node's log: all of them, but for a new epoch, where
    those from its base on (of the epoch held before) are put aside, for evidence, and `entries` take their places.
    """

    entries: list[Entry]
    repeated: int
    frontier: Frontier
    head: Head
    ring: KeyRing
    kept: int


def kept(signed: Head, log: NodeLog) -> int:
    """How many of the entries held are also those of the head's epoch: all, or up to its base in the epoch held.

    Refuses an epoch that does not go on from the one held: another, that has no higher number or names no base in the
    one held (PUSH-7). Whether the entries agree is for `check`.
    """
    size = log.frontier.size
    if log.epoch is None or signed.epoch == log.epoch:
        return size
    base = _base(signed, log.epoch)
    if base is None or identifiers.epoch_number(signed.epoch) <= identifiers.epoch_number(log.epoch):
        refuse("PUSH-7", "/head/epoch", expected=f"{log.epoch}, or a later one based on it", came=signed.epoch)
        return size
    return min(size, int(base["size"]))


def _base(signed: Head, held_epoch: str) -> dict[str, Any] | None:
    return next((base for base in signed.bases if base["epoch"] == held_epoch), None)


def _as_kept(signed: Head, log: NodeLog, held_leaves: dict[int, bytes]) -> NodeLog:
    """PUSH-10: what is held, seen from a new epoch: cut to its base, which has to be held with the very same root."""
    size = kept(signed, log)
    base = _base(signed, log.epoch or "")
    if log.epoch in (None, signed.epoch) or base is None:
        return log
    frontier = Frontier()
    for seq in range(size):
        frontier.append(held_leaves[seq])
    if size == base["size"] and frontier.root().hex() != base["log_root"]:
        came = f"{base['log_root']} at {size}"
        refuse("PUSH-10", "/head/head/bases", expected=f"the root held, {frontier.root().hex()}", came=came)
    return NodeLog(signed.epoch, frontier, None, log.ring)


def check(push: Push, log: NodeLog, held_leaves: dict[int, bytes], *, node: str, name: str, now: datetime) -> Extension:
    """Judge whether a push is a slice of `node`'s own log that continues what is held. Pure; stores nothing.

    `held_leaves` are the leaf hashes held at the positions the push repeats; where the head's epoch is not the one
    held, all those of [0, kept). Always checks: feed and epoch (PUSH-7, HEAD-7), the base of a new epoch (PUSH-10), no
    gap (PUSH-2), repeated lines equal (PUSH-3), key lines in the head's tree (PUSH-5), the head's signature under the
    node's keys (SIG, HEAD-4, HEAD-5), the proof from the last line to the head (PUSH-4), a head that is not older
    (PUSH-6). Does not check the signatures of records, authority or schema: those are judged entry by entry.
    """
    signed = push.head
    if (signed.by, signed.name) != (node, name):
        refuse("PUSH-7", "/head", expected=f"the head of {name} of {node}", came=f"{signed.name} of {signed.by}")
    if log.head is not None:
        head.check_epoch(log.head, signed, now=now)
    log = _as_kept(signed, log, held_leaves)
    size = log.frontier.size
    if push.start > size:
        refuse("PUSH-2", "/from", expected=f"at most {size}, where the hub stands", came=push.start)
    fresh = _fresh(push, log, held_leaves)
    ring = _ring(push, log, node)
    head.verified(signed, ring, now=now)
    frontier = log.frontier.copy()
    for line in fresh:
        frontier.append(line.leaf)
    _reaches_head(push, frontier)
    newest = _newest(push, log, bool(fresh))
    return Extension(fresh, push.end - push.start - len(fresh), frontier, newest, ring, size)


def _newest(push: Push, log: NodeLog, fresh: bool) -> Head:
    """PUSH-6: the head to hold from now on. A replay of what is held keeps the newer one and is no fault."""
    held, signed = log.head, push.head
    if held is None:
        return signed
    if signed.size == held.size and signed.log_root != held.log_root:
        refuse("PUSH-3", "/head/head/log_root", expected=f"{held.log_root}, as signed before", came=signed.log_root)
    older = signed.size < held.size or signed.time < held.time
    if older and fresh:
        refuse("PUSH-6", "/head/head/time", expected="a head not older than the one held", came=str(signed.time))
    return held if older or push.end < log.frontier.size else signed


def _fresh(push: Push, log: NodeLog, held_leaves: dict[int, bytes]) -> list[Entry]:
    for line in push.entries:
        if line.seq < log.frontier.size and line.leaf != held_leaves.get(line.seq):
            refuse("PUSH-3", f"/{line.seq}", expected="the entry the hub holds at this position", came="another one")
    return [line for line in push.entries if line.seq >= log.frontier.size]


def _ring(push: Push, log: NodeLog, node: str) -> KeyRing:
    """PUSH-5: the node's keys after every key line of the slice, each proven to stand in the head's tree."""
    ring = log.ring
    root = bytes.fromhex(push.head.log_root)
    for number, line in enumerate(push.keys):
        try:
            merkle.verify_inclusion(line.entry.leaf, line.entry.seq, push.head.size, line.proof, root)
        except Refusal as refusal:
            refuse("PUSH-5", f"/keys/{number}/proof", expected=refusal.expected, came=refusal.came)
        statement = line.entry.thing
        if statement is None or line.entry.op not in ("key", "recovery"):
            refuse("PUSH-1", f"/keys/{number}/line", expected="a key entry", came=line.entry.op)
            continue
        ring = _admitted(ring, statement, expected_id=node)
    if ring is None:
        refuse("PUSH-5", "/keys", expected="the node's first key statement", came="none")
        raise Refusal("PUSH-5", "/keys", "the node's first key statement", "none")
    return ring


def _admitted(ring: KeyRing | None, statement: Envelope, *, expected_id: str | None = None) -> KeyRing:
    if ring is None:
        return keys.fold([statement], expected_id=expected_id)
    known = any(s.digest == statement.digest for s in ring.statements)
    return ring if known else ring.admit(statement)


def _reaches_head(push: Push, frontier: Frontier) -> None:
    """PUSH-4: the hub's own frontier, extended by the lines, is a prefix of the signed log."""
    if push.end < frontier.size:
        return  # nothing but repetition, held under an earlier proof
    try:
        root = bytes.fromhex(push.head.log_root)
        merkle.verify_consistency(frontier.size, push.head.size, push.consistency, frontier.root(), root)
    except Refusal as refusal:
        refuse("PUSH-4", "/consistency", expected=refusal.expected, came=refusal.came)
