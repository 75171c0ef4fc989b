"""What a hub still holds of this node's public feed, and how the feed's own lines are made of it again. Pure.

A hub's entry is the node's, with the hub's own position and time; `src` says where it stood. The position comes back
from `src`, the time from what is signed: a record, tombstone or notice carries the moment at which it was appended.
Whether that was right, the root says that the hub tells: either every line is again what it was, or none is taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jisr_protocol import entry, head, notice
from jisr_protocol.entry import Entry
from jisr_protocol.head import Head
from jisr_protocol.keys import KeyRing
from jisr_protocol.merkle import Tree
from jisr_protocol.refusal import Refusal

from .feeds import PUBLIC
from .ports import Line


@dataclass(frozen=True)
class Word:
    """What one hub says: how far it holds the feed, under which head of ours, and the entries of ours that it shows."""

    hub: str
    epoch: str
    size: int
    log_root: str
    head: Head | None
    entries: tuple[Entry, ...]

    def base(self, epoch: str) -> tuple[int, str] | None:
        """(size, root) up to which the hub's log is that of `epoch`, as a head of ours says; None if none does."""
        bases = self.head.bases if self.head is not None else ()
        return next(((int(b["size"]), str(b["log_root"])) for b in bases if b["epoch"] == epoch), None)

    def agrees(self, tree: Tree) -> bool:
        """Whether what the hub holds is a beginning of this log."""
        return self.size <= tree.size and tree.root(self.size).hex() == self.log_root


def heard(
    hub: str, epoch: str, size: int, log_root: str, shown: bytes | None, lines: Iterable[bytes], ring: KeyRing
) -> Word:
    """A hub's word, with only what this node itself has signed: `shown` is the head it shows. Others are left out."""
    signed = None
    if shown is not None:
        try:
            signed = head.parse(shown)
            if signed.by != ring.id or signed.name != PUBLIC:
                signed = None
            else:
                ring.verify(signed.envelope)
        except Refusal:
            signed = None
    ours = [parsed for line in lines if (parsed := _own(line, ring)) is not None]
    return Word(hub, epoch, size, log_root, signed, tuple(ours))


def _own(line: bytes, ring: KeyRing) -> Entry | None:
    try:
        parsed = entry.parse(line)
        if parsed.node != ring.id or parsed.src is None or parsed.src[0] != PUBLIC or parsed.thing is None:
            return None
        if parsed.op in ("put", "del"):
            entry.accepted(parsed, ring.verifiers(parsed.thing.kind), ring.id)
        elif parsed.op in ("key", "recovery"):
            return parsed if any(s.digest == parsed.digest for s in ring.statements) else None
        elif parsed.op == "erase":
            if notice.target(parsed).by != ring.id:
                return None
            ring.verify(parsed.thing)
        else:
            return None
    except Refusal:
        return None
    return parsed


def continued(word: Word, epoch: str, leaves: list[bytes]) -> tuple[int, list[Line]] | None:
    """(start, lines) by which a log of `epoch` with these leaves becomes exactly what the hub holds.

    None when it cannot be shown: an entry is missing that the hub keeps back or has emptied, or the histories part
    where nobody can tell. `start` is below the number of leaves where the hub holds a later epoch of this node.
    """
    start = len(leaves)
    if word.epoch != epoch and leaves:
        base = word.base(epoch)
        if base is None or base[0] > len(leaves) or Tree(leaves[: base[0]]).root().hex() != base[1]:
            return None
        start = base[0]
    if word.size < start:
        return None
    lines = _rebuilt(word, start)
    if lines is None:
        return None
    tree = Tree([*leaves[:start], *(line.leaf for line in lines)])
    return (start, lines) if tree.root().hex() == word.log_root else None


def _rebuilt(word: Word, start: int) -> list[Line] | None:
    there = {e.src[1:]: e for e in word.entries if e.src is not None}
    lines: list[Line] = []
    at = None
    for seq in range(word.size - 1, start - 1, -1):
        found = there.get((_epoch_at(word, seq), seq))
        if found is None or found.thing is None:
            return None
        at = _moment(found) or at or str(found.thing.value.get("created"))
        is_notice = found.thing.kind == "notice"
        raw = entry.write(found.op, found.thing, seq=seq, at=at, target=found.id if is_notice else None)
        record_id = found.id if found.op in ("put", "del", "erase") and found.id != notice.ALL else None
        lines.append(Line(seq, found.op, record_id, raw, entry.parse(raw).leaf))
    return lines[::-1]


def _epoch_at(word: Word, seq: int) -> str:
    bases = sorted(word.head.bases, key=lambda b: int(b["size"])) if word.head is not None else []
    return next((str(b["epoch"]) for b in bases if seq < b["size"]), word.epoch)


def _moment(found: Entry) -> str | None:
    """When the node appended it, as its own signed content says; a key statement is older than its entry may be."""
    value = found.thing.value if found.thing else {}
    member = {"put": "modified", "del": "modified", "erase": "issued"}.get(found.op)
    return value.get(member) if member else None
