"""Judging entries: under whose keys, and as of which place in the log (docs/spec/reading.md).

An author's keys are those that the log gave up to the entry. Pages are judged in order, so that is all that was read
so far; a snapshot and a repair bring entries in another order, so the keys are kept with their places.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping

from . import completeness, keys, lineage, live, validity
from . import entry as entries
from .entry import Entry
from .envelope import Envelope, verify_bytes
from .head import Head
from .keys import KeyRing, PublicKey
from .live import Judged, Void
from .refusal import Refusal, refuse

RingBefore = Callable[[str, int], KeyRing | None]
"""(node, seq) → the keys that entries below seq gave this node."""


class Judge:
    """Judges the entries of one sync. `rings` are the keys held when it began, `bound` those ever held before."""

    def __init__(
        self, rings: Mapping[str, KeyRing], bound: Mapping[str, KeyRing], ring_before: RingBefore | None = None
    ) -> None:
        self.publisher: KeyRing | None = None
        self.feed = "public"
        """The name of the feed, which says whom it is for."""
        self.head: Head | None = None
        """The head of the feed that is read."""
        self.refused_count = 0
        self.suspect: Refusal | None = None
        """The first for which a cache may be to blame: no hash covers a signature."""
        self.stubs: dict[tuple[str, str], int] = {}
        """Records whose content is gone and no later entry has said why: (node, id) → rev (ENT-7)."""
        self.fresh: dict[str, list[tuple[int, KeyRing]]] = {}
        """The rings that entries of this sync made, each with the position of the statement that made it."""
        self.bulk = False
        """READ-18: whether the signatures of puts may wait."""
        self._rings, self._bound, self._ring_before = rings, bound, ring_before
        self._verifiers: dict[tuple[str, str, int], dict[str, PublicKey]] = {}

    def ring(self, node: str) -> KeyRing | None:
        """The keys of this node after all that was read."""
        fresh = self.fresh.get(node)
        return fresh[-1][1] if fresh else self._rings.get(node)

    def judge(self, entry: Entry, *, past: bool = False) -> Judged:
        """READ-9, READ-10: verify what an entry carries under its author's keys; a refusal stays with the entry.

        `past`: the entry lies among those held already, and the keys of its place count.
        """
        try:
            if entry.op in ("key", "recovery") and entry.thing is not None and entry.node is not None:
                return Judged(entry, None, None, self._take_key(entry.seq, entry.node, entry.thing))
            elif entry.op in ("put", "del"):
                if entry.gone is not None:
                    return Judged(entry, None, None)
                signer, kind = self._signer(entry), entry.thing.kind if entry.thing else ""
                verifiers: Mapping[str, PublicKey] = self._keys_at(signer, kind, entry.seq, past=past)
                if "proof" in entry.parts and (ring := self._newest(signer)) is not None:
                    verifiers = validity.verifiers(ring, entry, verifiers)
                if self.bulk and (key := _may_wait(entry, verifiers, signer)) is not None:
                    self._check_counts(entry, signer)
                    return Judged(entry, None, None, waiting=key)
                accepted = entries.accepted(entry, verifiers, signer)
                self._check_counts(entry, signer)
                return Judged(entry, accepted, None)
            elif entry.op in ("erase", "hold", "unhold", "statement") and entry.thing is not None:
                self._check_said(entry.thing, entry.seq, past=past)
            elif entry.op == "nodehead":
                said = completeness.of(entry)
                completeness.verified(said, self.ring(said.node) or self._publisher_as(said.node), self.feed)
        except Refusal as refusal:
            self.refused_count += 1
            if self.suspect is None and refusal.rule.startswith("SIG-"):
                self.suspect = refusal
            return Judged(entry, None, refusal)
        return Judged(entry, None, None)

    def note_stub(self, entry: Entry) -> None:
        """ENT-7: a stub waits for a later entry that takes its record out or supersedes it."""
        key = (entry.node or "", entry.id or "")
        done = live.effect(entry)
        if done is live.Effect.REMOVE_MATCHING:
            self.stubs = {k: r for k, r in self.stubs.items() if not live.matches(entry, *k, r)}
        elif done is not live.Effect.NONE:
            self.stubs.pop(key, None)
            if entry.gone is not None and entry.op == "put":
                self.stubs[key] = entry.rev or 0

    def _signer(self, entry: Entry) -> str:
        """READ-9: whose keys must have signed this: the record's own node, and in a node's feed only that node."""
        publisher = self.publisher
        return publisher.id if publisher and publisher.role == "node" else entry.node or ""

    def _keys_at(self, node: str, kind: str, seq: int, *, past: bool) -> dict[str, PublicKey]:
        fresh = self.fresh.get(node, [])
        number = bisect_left(fresh, seq, key=lambda made: made[0])
        if past and not number and self._ring_before is not None:
            ring = self._ring_before(node, seq)
            return ring.verifiers(kind) if ring else {}
        if (node, kind, number) not in self._verifiers:
            ring = fresh[number - 1][1] if number else self._rings.get(node) or self._publisher_as(node)
            # a revocation once read binds, also in a log that begins anew without it
            before = self._bound.get(node)
            bound = {h: key for h, key in before.verifiers(kind).items() if key.revoked} if before else {}
            verifiers = ring.verifiers(kind) if ring else {}
            if ring is not None and before is not None and _goes_on(before, ring):
                bound = {}
            found = {header: bound.get(header, key) for header, key in verifiers.items()}
            self._verifiers[node, kind, number] = found
        return self._verifiers[node, kind, number]

    def _check_said(self, thing: Envelope, seq: int, *, past: bool) -> None:
        """READ-13, STMT-2: a notice or statement is its signer's where his keys are known; of others, and of a form of
        tomorrow that names no signer, the publisher's word has to do."""
        by = thing.value.get("by")
        if isinstance(by, str) and (verifiers := self._keys_at(by, thing.kind, seq, past=past)):
            verify_bytes(thing, verifiers)

    def _publisher_as(self, node: str) -> KeyRing | None:
        return self.publisher if self.publisher and self.publisher.id == node else None

    def _newest(self, node: str) -> KeyRing | None:
        """The newest keys known of a node, also where the log that is read does not say them yet."""
        return self._publisher_as(node) or self.ring(node)

    def place(self, entry: Entry) -> validity.Source:
        """Where an entry stands in its writer's own feed, as far as this feed says."""
        if entry.src is not None or self.head is None or self.head.by != entry.node:
            return entry.src or ("", "", entry.seq)
        return self.head.name, lineage.epoch_of_entry(self.head, entry.seq), entry.seq

    def _check_counts(self, entry: Entry, signer: str) -> None:
        """KEY-10: what a lost key has signed beyond the last good place is not shown, wherever it stands."""
        ring = self._newest(signer)
        if ring is None or entry.thing is None or not validity.lost(ring):
            return
        kid, place = validity.kid_of(entry.thing.jws), self.place(entry)
        if not validity.counts(ring, kid, place):
            refuse("KEY-10", "/jws", expected="a place at which this key was good", came=f"{place} by {kid}")

    def _take_key(self, seq: int, node: str, statement: Envelope) -> Void | None:
        before = self.ring(node)
        if before is not None and any(s.digest == statement.digest for s in before.statements):
            return None
        ring = keys.fold([statement], expected_id=node) if before is None else before.admit(statement)
        self.fresh.setdefault(node, []).append((seq, ring))
        changed = validity.standing(before) != validity.standing(ring)
        return Void(ring, self.head.name if self.head else "") if changed else None


def checked(judged: Judged) -> Judged:
    """READ-18: the same entry with its signature checked, if that was still to be done."""
    entry, key = judged.entry, judged.waiting
    if key is None:
        return judged
    try:
        return Judged(entry, entries.accepted(entry, {key.headers["record"]: key}, entry.node or ""), None)
    except Refusal as refusal:
        return Judged(entry, None, refusal)


def _may_wait(entry: Entry, verifiers: Mapping[str, PublicKey], signer: str) -> PublicKey | None:
    """The key by which a put must be signed, when nothing but that is left to check; else None, and all is checked."""
    if entry.op != "put" or entry.thing is None or entry.node != signer or entry.crit:
        return None
    key = verifiers.get(entry.thing.jws.partition("..")[0])
    return None if key is None or key.revoked else key


def _goes_on(before: KeyRing, ring: KeyRing) -> bool:
    """Whether a chain holds all that another does, or a recovery statement that takes the place of some of it."""
    held, known = {s.digest for s in ring.statements}, {s.digest for s in before.statements}
    return known <= held or any(s.kind == "recovery" and s.digest not in known for s in ring.statements)
