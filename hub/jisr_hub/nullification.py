"""After a key was lost (docs/spec/keys.md, KEY-10, KEY-12, KEY-15): what a thief wrote leaves, what was good returns.

A revocation says how far each feed of the node was good. For every record this hub holds of it, the newest version that
counts is the one to show: what does not count gets an `out` entry, keeps no rev out and guards nothing. A good version
is put again, where its content is held; under a revoked key it carries the proof that it stands in a good log.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from jisr_protocol import entry as entries
from jisr_protocol import lineage, live, validity
from jisr_protocol.entry import Entry
from jisr_protocol.keys import KeyRing
from jisr_protocol.merkle import Tree
from jisr_protocol.notice import ALL
from jisr_protocol.push import NodeLog
from jisr_protocol.validity import Source

from . import log
from .ports import NOTICE, Draft, Held, Key, Ledger, Nullified, Remembered, Said

RESTRICTED = ("partners", "hub")
Prove = Callable[[Entry], bytes | None]
"""The member `proof` for an entry of the node's log; None where nobody here can prove it."""


@dataclass
class Reckoning:
    """What a change of a node's keys comes to."""

    node: str
    ring: KeyRing
    drafts: list[Draft] = field(default_factory=list)
    remembered: dict[tuple[str, str, str], Remembered] = field(default_factory=dict)
    nullified: set[Nullified] = field(default_factory=set)
    guards: dict[Key, int | None] = field(default_factory=dict)
    """What still keeps records of the node out."""
    last_notices: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Feed → (n, digest) of the node's newest notice there that counts."""
    lifted: list[str] = field(default_factory=list)
    """The digests of notices that guard nothing any more."""

    def held(self, audience: str) -> dict[Key, Held]:
        """What is held now, of what has changed."""
        return {(r.node, r.id): r.held for r in self.remembered.values() if r.audience == audience}


def prover(standing: NodeLog, leaves: Sequence[bytes], name: str = "public") -> Prove:
    """Proofs under the newest head of a node's log, as far as this hub holds all that it covers."""
    signed, tree = standing.head, Tree(leaves)

    def prove(said: Entry) -> bytes | None:
        if signed is None or said.src is None or said.thing is None or tree.size != signed.size:
            return None
        feed, epoch, seq = said.src
        if feed != name or seq >= tree.size or lineage.epoch_of_entry(signed, seq) != epoch:
            return None
        at = str(said.thing.value.get("modified"))
        leaf = entries.leaf(seq, said.op, said.type, said.node, said.id, said.rev, said.digest, None, at)
        return validity.prove(at, signed, tree, seq) if leaf == leaves[seq] else None

    return prove


def unprovable(_: Entry) -> bytes | None:
    """Of a peer's feed no leaves are held: what it can prove it puts again itself."""
    return None


async def reckon(
    ledger: Ledger, node: str, ring: KeyRing, prove: Prove, may_show: Callable[[Entry], bool]
) -> Reckoning:
    """Judge all that is held of a node under its new keys. Changes nothing."""
    done = Reckoning(node, ring)
    before = await ledger.nullified(node)
    restricted = await _restricted(ledger, done, before)
    await _notices(ledger, done, before)
    versions = _by_record([*map(entries.parse, await ledger.versions(node)), *await _unshown(ledger, node)])
    held = await ledger.held("public", [(node, record_id) for record_id in versions])
    for record_id, known in sorted(versions.items()):
        valid, void = _sorted_out(ring, known)
        was = {one.digest for one in before if (one.id, one.audience) == (record_id, "public")}
        if not void and not was:
            continue
        done.nullified |= {Nullified(node, record_id, "public", e.digest or "") for e in void}
        newest = max(valid, key=lambda e: e.rev or 0, default=None)
        now = held.get((node, record_id))
        if now is not None:
            gone = any(e.digest == now.digest for e in void)
            back = newest is not None and not now.live and (not now.rev or newest.digest in was)
            if not (gone or back):
                continue
            _stand_again(done, record_id, now, newest)
            if newest is not None and newest.op == "put" and (newest.rev or 0) > restricted.get(record_id, 0):
                _put_again(done, newest, prove, may_show)
    return done


async def _unshown(ledger: Ledger, node: str) -> list[Entry]:
    """What stands in the node's public log alone: stubs, and what its restricted feeds came before."""
    standing = await ledger.node_log(node, "public")
    said = _of_log(await ledger.kept(node, "public"), standing, "public")
    return [structs.replace(e, src=src) for e, src in said if e.op in ("put", "del")]


def _by_record(said: Iterable[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = defaultdict(list)
    for one in said:
        found[one.id or ""].append(one)
    return found


def _sorted_out(ring: KeyRing, known: Iterable[Entry]) -> tuple[list[Entry], list[Entry]]:
    """What counts, and what does not. A version that was put again is the same."""
    valid: list[Entry] = []
    void: list[Entry] = []
    for one in known:
        kid = validity.kid_of(one.thing.jws) if one.thing is not None else None
        (valid if validity.counts(ring, kid, one.src or ("", "", one.seq)) else void).append(one)
    return valid, void


def _stand_again(done: Reckoning, record_id: str, now: Held, newest: Entry | None) -> None:
    """What does not count leaves, and the newest that counts is what is held of the record."""
    if now.live:
        done.drafts.append(log.out_draft(done.node, record_id, now.rev, now.digest, now.type, "nullified"))
    held = Held(0, "", now.type, False)
    if newest is not None:
        held = Held(newest.rev or 0, newest.digest or "", newest.type or "", False)
    done.remembered[done.node, record_id, "public"] = Remembered(done.node, record_id, "public", held)


def _put_again(done: Reckoning, newest: Entry, prove: Prove, may_show: Callable[[Entry], bool]) -> None:
    """The good version, if it may be shown and those who read it can see that it is good."""
    if newest.thing is None or _guarded(done.guards, newest) or not may_show(newest):
        return
    state = done.ring.keys.get(validity.kid_of(newest.thing.jws))
    proof = newest.parts.get("proof")
    if state is None or state.key.revoked:
        proof = prove(newest) or proof
        if proof is None:
            return
    done.drafts.append(log.put_again(newest, proof))
    key = (done.node, newest.id or "", "public")
    done.remembered[key] = Remembered(*key, structs.replace(done.remembered[key].held, live=True))


def _guarded(guards: Mapping[Key, int | None], said: Entry) -> bool:
    keys = ((said.node or "", said.id or ""), (said.node or "", ALL))
    return any(live.reaches(guards.get(key, 0), said.rev or 0) for key in keys)


async def _restricted(ledger: Ledger, done: Reckoning, before: frozenset[Nullified]) -> dict[str, int]:
    """The records of restricted feeds, which stand in the node's logs alone; the highest rev that counts of each."""
    highest: dict[str, int] = {}
    for name in RESTRICTED:
        standing = await ledger.node_log(done.node, name)
        if standing.head is None:
            continue
        said = _of_log(await ledger.kept(done.node, name), standing, name)
        for record_id, known in _by_record(e for e, _ in said if e.op in ("put", "del")).items():
            places = {e.digest: src for e, src in said}
            void = [e for e in known if not _counts(done.ring, e, places[e.digest])]
            was = any((one.id, one.audience) == (record_id, name) for one in before)
            valid = [e for e in known if e not in void]
            newest = max(valid, key=lambda e: e.rev or 0, default=None)
            highest[record_id] = max(highest.get(record_id, 0), newest.rev or 0 if newest else 0)
            if not void and not was:
                continue
            done.nullified |= {Nullified(done.node, record_id, name, e.digest or "") for e in void}
            held = Held(0, "", known[0].type or "", False)
            if newest is not None:
                held = Held(newest.rev or 0, newest.digest or "", newest.type or "", False)
            done.remembered[done.node, record_id, name] = Remembered(done.node, record_id, name, held)
    return highest


def _of_log(kept: Iterable[Any], standing: NodeLog, name: str) -> list[tuple[Entry, Source]]:
    """The admitted lines of a node's log, each with its place."""
    if standing.head is None:
        return []
    parsed = [entries.parse(one.line) for one in kept if one.line is not None and one.code is None]
    return [(e, (name, lineage.epoch_of_entry(standing.head, e.seq), e.seq)) for e in parsed]


def _counts(ring: KeyRing, said: Entry, src: Source, *, of_notice: bool = False) -> bool:
    kid = validity.kid_of(said.thing.jws) if said.thing is not None else None
    return validity.counts(ring, kid, src, notice=of_notice)


async def _notices(ledger: Ledger, done: Reckoning, before: frozenset[Nullified]) -> None:
    """KEY-12: the notices of a thief, and what they keep out."""
    own = [said for said in await ledger.notices() if said.notice.node == done.node]
    places = await _places_of_notices(ledger, done.node) if own else {}
    done.nullified |= {one for one in before if one.audience == NOTICE}
    for said in own:
        thing = said.notice.envelope
        src = places.get((thing.digest, said.feed))
        counted = said.notice.by != done.node or src is None
        if counted or validity.counts(done.ring, validity.kid_of(thing.jws), src or ("", "", 0), notice=True):
            _remember_notice(done, said)
            continue
        done.lifted.append(thing.digest)
        done.nullified |= {Nullified(done.node, target, NOTICE, thing.digest) for target in said.notice.targets}


def _remember_notice(done: Reckoning, said: Said) -> None:
    for target in said.guards:
        _raise(done.guards, (done.node, target), said.notice.max_rev)
    if said.notice.by == done.node:
        found = (said.notice.n, said.notice.envelope.digest)
        done.last_notices[said.feed] = max(found, done.last_notices.get(said.feed, found))


def _raise(guards: dict[Key, int | None], key: Key, max_rev: int | None) -> None:
    before = guards.get(key, 0)
    guards[key] = None if before is None or max_rev is None else max(before, max_rev)


async def _places_of_notices(ledger: Ledger, node: str) -> dict[tuple[str, str], Source]:
    """(digest, feed) → where a notice of the node stands in its own feed."""
    found: dict[tuple[str, str], Source] = {}
    async with ledger.reading() as view:
        async for lines in view.said(("erase", "hold")):
            for e in map(entries.parse, lines):
                if e.node == node and e.src is not None and e.digest is not None:
                    found[e.digest, e.src[0]] = e.src
    for name in ("public", *RESTRICTED):
        standing = await ledger.node_log(node, name)
        for e, src in _of_log(await ledger.kept(node, name), standing, name):
            if e.op in ("erase", "hold") and e.digest is not None:
                found.setdefault((e.digest, name), src)
    return found


def may_show(policy: Callable[[Entry], str | None]) -> Callable[[Entry], bool]:
    """Whether this hub's policy still takes a record."""
    return lambda said: policy(said) is None
