"""Whether what a lost key has signed counts (docs/spec/keys.md, KEY-9 to KEY-15). Pure.

    counts(ring, kid, src)      something that is held: signed by this key, at this place of its writer's own feed
    verifiers(ring, entry)      something that comes: a revoked key's signature needs a proof that goes with it

What came before is held with its place, and a revocation says how far each feed was good. What comes afterwards proves
nothing by its date or its `src`: it needs an audit path to a head that a good key has signed:

    "proof":{"at":"2026-09-01T10:02:11Z","head":{…},"jws":"…","path":["…"]}     `at` of the entry in its writer's feed
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from . import canonical, entry, envelope, head, identifiers, lineage, merkle
from .entry import Entry
from .envelope import Envelope
from .head import Head
from .keys import KeyRing, Last, PublicKey
from .merkle import Tree
from .refusal import Refusal, is_switched_off, refuse
from .shapes import Shape, any_object, list_of

Source = tuple[str, str, int]
"""(feed name, epoch, seq): where an entry stands in its writer's own feed."""
_PROOF = Shape(
    "KEY-11",
    {
        "at": identifiers.instant,
        "head": any_object,
        "jws": identifiers.text,
        "path": list_of(identifiers.digest, most=64),
    },
)


def kid_of(jws: str) -> str:
    """The kid that a detached JWS names; "" when it names none."""
    header = jws.partition("..")[0]
    try:
        return str(orjson.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"])
    except (ValueError, KeyError, TypeError):
        return ""


def good(last: Last, src: Source) -> bool:
    """KEY-9: whether a place lies within what a revocation leaves good; of a feed it does not name, nothing is."""
    name, epoch, seq = src
    if name not in last:
        return False
    until, size = last[name]
    number, bound = identifiers.epoch_number(epoch), identifiers.epoch_number(until)
    return seq < size and (epoch == until or number < bound)


def counts(ring: KeyRing, kid: str | None, src: Source, *, notice: bool = False) -> bool:
    """KEY-10: whether something held, signed by `kid` and standing at `src`, still counts.

    `kid` is None where the content is gone and with it the signature: then each lost key may have been it. What was
    erased by a notice comes back only when a recovery statement says so: a thief revokes keys too.
    """
    if is_switched_off("KEY-10"):
        return True
    if notice and is_switched_off("KEY-12"):
        return True
    gone = {k: last for k, last in lost(ring).items() if ring.keys[k].recovered or not notice}
    if kid is None:
        return all(good(last, src) for last in gone.values())
    if kid in ring.keys:
        return kid not in gone or good(gone[kid], src)
    return not any(s.kind == "recovery" and "last" in s.value for s in ring.statements)


def lost(ring: KeyRing | None) -> dict[str, Last]:
    """The keys whose loss makes something not count: two rings that agree in this leave the same standing."""
    return {kid: state.last for kid, state in ring.keys.items() if state.last is not None} if ring else {}


def standing(ring: KeyRing | None) -> tuple[dict[str, Last], frozenset[str]]:
    """What decides whether something held counts, to be compared with that of another ring of the same identifier."""
    return lost(ring), frozenset(ring.keys) if ring and lost(ring) else frozenset()


@dataclass(frozen=True)
class Proof:
    """That an entry stands in the log of a head: `at` as its writer wrote it, the head, the audit path."""

    at: str
    head: Head
    path: tuple[bytes, ...]


def prove(at: str, signed: Head, tree: Tree, seq: int) -> bytes:
    """The canonical bytes of the member `proof` for the entry at `seq` of a log whose leaves are in `tree`."""
    path = b",".join(b'"%b"' % step.hex().encode() for step in tree.inclusion(seq, signed.size))
    thing = signed.envelope
    return b'{"at":"%b","head":%b,"jws":"%b","path":[%b]}' % (at.encode(), thing.body, thing.jws.encode(), path)


def parse_proof(raw: bytes) -> Proof:
    """Read a member `proof` (KEY-11). Its head's signature is not checked; see `check`."""
    value = _PROOF.check(canonical.parse(raw), "/proof")
    parts = envelope.slices(raw)
    signed = head.of(Envelope("head", str(value.get("jws")), parts["head"], value["head"]))
    return Proof(str(value["at"]), signed, tuple(bytes.fromhex(step) for step in value["path"]))


def check(proof: Proof, said: Entry, ring: KeyRing) -> None:
    """KEY-11: the entry stands where its `src` says, in a log that its writer has signed with a key good now."""
    signed = proof.head
    if said.src is None:
        refuse("KEY-11", "/src", expected="the entry's place in its writer's feed", came=None)
        return
    name, epoch, seq = said.src
    if (signed.by, signed.name) != (ring.id, name) or lineage.epoch_of_entry(signed, seq) != epoch:
        came = f"{signed.name} of {signed.by}, {signed.epoch}"
        refuse("KEY-11", "/proof/head", expected=f"a head of {name} of {ring.id} that holds {epoch}", came=came)
    ring.verify(signed.envelope, active_only=True)
    leaf = entry.leaf(seq, said.op, said.type, said.node, said.id, said.rev, said.digest, None, proof.at)
    try:
        merkle.verify_inclusion(leaf, seq, signed.size, proof.path, bytes.fromhex(signed.log_root))
    except Refusal as refusal:
        refuse("KEY-11", "/proof/path", expected=refusal.expected, came=refusal.came)


def verifiers(
    ring: KeyRing, said: Entry, usual: Mapping[str, PublicKey], proven: Source | None = None
) -> Mapping[str, PublicKey]:
    """The keys that may have signed this entry: `usual`, and a revoked one where the entry's place is proven.

    `proven` is that place where the caller has checked it himself: in a push, the whole slice is proven.
    """
    header = said.thing.jws.partition("..")[0] if said.thing is not None else ""
    key = usual.get(header)
    if key is None or not key.revoked:
        return usual
    state = ring.keys.get(key.kid)
    src = proven
    if src is None and "proof" in said.parts:
        check(parse_proof(said.parts["proof"]), said, ring)
        src = said.src
    if src is None or state is None or state.last is None or not good(state.last, src):
        return usual
    return {**usual, header: PublicKey(key.public)}


def accept(said: Entry, ring: KeyRing | None, signer: str) -> None:
    """entry.accepted under the keys at its place in a log, with the proof that it may carry. Raises Refusal."""
    usual = ring.verifiers(said.thing.kind if said.thing else "") if ring is not None else {}
    entry.accepted(said, usual if ring is None else verifiers(ring, said, usual), signer)


def ever(ring: KeyRing | None, kind: str) -> dict[str, PublicKey]:
    """Every key that ever was the writer's, for whoever proves again the bytes of what was judged when it came."""
    states = ring.keys.values() if ring is not None else ()
    return {state.key.headers[kind]: PublicKey(state.key.public) for state in states}


def written(last: Last) -> dict[str, list[Any]]:
    """`last` as a statement carries it."""
    return {name: [epoch, size] for name, (epoch, size) in sorted(last.items())}
