"""Evidence: what anybody can judge offline, with nothing but the file (docs/spec/evidence.md).

    {"evidence":{"keys":[…],"kind":"fork","said":[…]}}

`said` are whole signed things, byte for byte as they came, `keys` the key statements of their signers. The identifiers
are the hashes of first statements, so nobody has to be trusted for the keys either.

    rollback       of two heads (or receipts) of one log the later one covers less
    fork           two heads, receipts or checkpoints contradict each other, at once or in what they begin with
    equivocation   two contents of one record carry the same rev
    inclusion      a record stands in the log that a head signs: no contradiction, but as well proven
    keys           two key statements of one identifier carry the same number
    incomplete     a node's head, and what a feed showed of the node, which do not add up (unmet.py)

What no signature covers is no evidence: bytes that a line may have spoilt, a file that is not there, content that was
taken out (a leaf stays the same), a head that was never signed. `judge` then says that nothing is proven.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Annotated

import msgspec
import orjson

from . import checkpoint, entry, envelope, head, identifiers, keys, lineage, merkle, receipt, unmet
from .checkpoint import Note
from .envelope import Envelope
from .keys import KeyRing
from .limits import HEAD_BYTES
from .refusal import Refusal, refuse
from .unmet import Incomplete

EVIDENCE_BYTES = 4 * 1024 * 1024
Thing = Envelope | Note
Hash = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Proof = Annotated[list[Hash], msgspec.Meta(max_length=64)]


class Prefix(msgspec.Struct, frozen=True):
    """How two logs part: each begins with `size` entries, of these two roots, as a consistency proof shows for each.

    For the base that a head names, its own signature stands in the place of a proof.
    """

    proofs: Annotated[list[Proof], msgspec.Meta(min_length=2, max_length=2)]
    roots: Annotated[list[Hash], msgspec.Meta(min_length=2, max_length=2)]
    size: Annotated[int, msgspec.Meta(ge=0)]


class Inclusion(msgspec.Struct, frozen=True):
    """Where a record stands in a log: what its leaf is made of beside the record, and the audit path to the root."""

    at: str
    op: str
    proof: Proof
    seq: Annotated[int, msgspec.Meta(ge=0)]
    src: tuple[str, str, int] | None


class Evidence(msgspec.Struct, frozen=True):
    """One case: its kind, the signed things in order of what they say, the statements of their signers' keys."""

    kind: str
    said: tuple[Thing, ...]
    keys: tuple[Envelope, ...]
    prefix: Prefix | None = None
    inclusion: Inclusion | None = None
    incomplete: Incomplete | None = None

    @property
    def name(self) -> str:
        """A file name that the same case always gets."""
        return f"{self.kind}-{hashlib.sha256(write(self)).hexdigest()[:16]}.json"


class Finding(msgspec.Struct, frozen=True):
    """What a case proves: of whom, of what, in a sentence."""

    kind: str
    by: str
    about: str
    sentence: str


class Claim(msgspec.Struct, frozen=True):
    """What one signed thing says of a log: how long it is and what it comes to."""

    by: str
    log: str
    epoch: str
    size: int
    root: str
    state: tuple[str, int] | None
    time: datetime | None
    thing: Thing


class _Members(msgspec.Struct):
    kind: str
    keys: list[msgspec.Raw]
    said: list[msgspec.Raw]
    prefix: Prefix | None = None
    inclusion: Inclusion | None = None
    incomplete: Incomplete | None = None


class _File(msgspec.Struct):
    evidence: _Members


class _NoteItem(msgspec.Struct, forbid_unknown_fields=True):
    checkpoint: str


def write(case: Evidence) -> bytes:
    """The file: canonical bytes around the raw things, and a line feed."""
    parts = [] if case.inclusion is None else [b'"inclusion":' + _sorted(case.inclusion)]
    parts += [] if case.incomplete is None else [b'"incomplete":' + _sorted(case.incomplete)]
    parts += [
        b'"keys":[' + b",".join(statement.raw for statement in case.keys) + b"]",
        b'"kind":' + orjson.dumps(case.kind),
    ]
    if case.prefix is not None:
        parts.append(b'"prefix":' + _sorted(case.prefix))
    parts.append(b'"said":[' + b",".join(_raw(thing) for thing in case.said) + b"]")
    return b'{"evidence":{' + b",".join(parts) + b"}}\n"


def _sorted(member: msgspec.Struct) -> bytes:
    return orjson.dumps(msgspec.to_builtins(member), option=orjson.OPT_SORT_KEYS)


def _raw(thing: Thing) -> bytes:
    return thing.raw if isinstance(thing, Envelope) else orjson.dumps({"checkpoint": thing.raw.decode()})


def parse(raw: bytes) -> Evidence:
    """Read a file of evidence (EVD-1). Raises Refusal; no signature is checked yet, see `judge`."""
    try:
        members = msgspec.json.decode(raw[: EVIDENCE_BYTES + 1], type=_File).evidence
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        refuse("EVD-1", "", expected=f"a file of evidence of at most {EVIDENCE_BYTES} bytes", came=str(error))
        raise Refusal("EVD-1", "", "a file of evidence", str(error)) from None
    said = tuple(_thing(bytes(item), f"/evidence/said/{n}") for n, item in enumerate(members.said))
    statements = tuple(_thing(bytes(item), f"/evidence/keys/{n}") for n, item in enumerate(members.keys))
    chains = tuple(s for s in statements if isinstance(s, Envelope))
    found = Evidence(members.kind, said, chains, members.prefix, members.inclusion, members.incomplete)
    if write(found) != raw:
        refuse("EVD-1", "", expected="canonical bytes and a line feed, no other members", came="other bytes")
    return found


def _thing(raw: bytes, pointer: str) -> Thing:
    try:
        if raw.startswith(b'{"checkpoint":'):
            return checkpoint.parse(msgspec.json.decode(raw, type=_NoteItem).checkpoint.encode())
        kinds = set(envelope.slices(raw)) & set(envelope.KINDS)
        if len(kinds) != 1:
            refuse("EVD-1", "", expected="one signed thing", came=raw[:60].decode("utf-8", "replace"))
        return envelope.parse(raw, min(kinds, default="head"), limit_bytes=HEAD_BYTES + 8192)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Refusal("EVD-1", pointer, "a signed thing", str(error)) from None
    except Refusal as refusal:
        raise refusal.below(pointer) from None


def judge(case: Evidence) -> Finding:
    """Say what the case proves. Raises Refusal when it proves nothing (EVD-2 to EVD-7, SIG, KEY).

    Always checks: the key chains (KEY-1 to KEY-5), every signature under its signer's chain (EVD-2), that all speak of
    one thing (EVD-3), that they contradict each other (EVD-4), proofs that lead to both (EVD-5). Does not check when
    anything was said, nor whether a key was revoked later than the chain in the file tells.
    """
    rings = rings_of(case.keys)
    if case.kind not in _KINDS or len(case.said) != 2:
        refuse("EVD-3", "/evidence/kind", expected="two things and a kind: " + ", ".join(_KINDS), came=case.kind)
    return _KINDS.get(case.kind, _fork)(case, rings)


def rings_of(statements: Iterable[Envelope]) -> dict[str, KeyRing]:
    """The key ring of every identifier that these statements speak of."""
    rings: dict[str, KeyRing] = {}
    for statement in statements:
        node = str(statement.value.get("node") or identifiers.identifier_of(statement.body))
        rings[node] = rings[node].admit(statement) if node in rings else keys.fold([statement], expected_id=node)
    return rings


def _signed(thing: Thing, by: str, rings: dict[str, KeyRing]) -> str:
    """EVD-2: the key that signed it, in words."""
    ring = rings.get(by)
    if ring is None:
        refuse("EVD-2", "/evidence/keys", expected=f"the key statements of {by}", came="none")
        return "nobody"
    if isinstance(thing, Note):
        checkpoint.verified(thing, ring)
        return "its signing key"
    return f"its key {ring.verify(thing)}"


# Logs


def claim(thing: Thing, *, pointer: str = "/evidence/said") -> Claim:
    """What a head, receipt or checkpoint says of a log. Raises Refusal for anything else (EVD-3)."""
    if isinstance(thing, Note):
        said = thing.checkpoint
        return Claim(said.by, f"its feed {said.name}", said.epoch, said.size, said.root.hex(), None, None, thing)
    if thing.kind == "head":
        found = head.of(thing)
        log, state = f"its feed {found.name}", (found.state_root, found.live)
        return Claim(found.by, log, found.epoch, found.size, found.log_root, state, found.time, thing)
    if thing.kind != "receipt":
        refuse("EVD-3", pointer, expected="a head, a receipt or a checkpoint", came=thing.kind)
    value = receipt.parse(thing.raw).value
    log = f"what it holds of the feed {value['name']} of {value['node']}"
    at = identifiers.from_instant(value["at"])
    return Claim(value["by"], log, value["epoch"], value["size"], value["log_root"], None, at, thing)


def _two_claims(case: Evidence, rings: dict[str, KeyRing]) -> tuple[Claim, Claim, str]:
    first, second = (claim(thing) for thing in case.said)
    if (first.by, first.log) != (second.by, second.log):
        came = f"{first.log} of {first.by}, {second.log} of {second.by}"
        refuse("EVD-3", "/evidence/said", expected="two words of one signer on one log", came=came)
    signers = {_signed(one.thing, one.by, rings) for one in (first, second)}
    return first, second, " and ".join(sorted(signers))


def _fork(case: Evidence, rings: dict[str, KeyRing]) -> Finding:
    first, second, signer = _two_claims(case, rings)
    if case.prefix is not None:
        _check_prefix(case.prefix, first, second)
        what = f"two logs that differ within their first {case.prefix.size} entries"
    elif first.epoch == second.epoch:
        both = first.state is not None and second.state is not None
        same = first.root == second.root and (not both or first.state == second.state)
        if first.size != second.size or same:
            came = f"{_said(first)}; {_said(second)}"
            refuse("EVD-4", "/evidence/said", expected="two roots for one size", came=came)
        what = f"two contents for the same {first.size} entries of {first.epoch}"
    else:
        numbers = {identifiers.epoch_number(one.epoch) for one in (first, second)}
        if len(numbers) != 1:
            refuse(
                "EVD-4", "/evidence/said", expected="two epochs of one number", came=f"{first.epoch}, {second.epoch}"
            )
        what = f"two epochs of one number, {first.epoch} and {second.epoch}"
    sentence = f"{first.by} signed of {first.log} {what}: {_said(first)}; {_said(second)}. Signed with {signer}"
    return Finding("fork", first.by, first.log, sentence)


def _check_prefix(prefix: Prefix, first: Claim, second: Claim) -> None:
    """EVD-5: both logs begin with so many entries, and these are not the same."""
    if prefix.roots[0] == prefix.roots[1] or not prefix.size:
        refuse("EVD-4", "/evidence/prefix/roots", expected="two roots", came=prefix.roots[0])
    if prefix.size > _in_common(first, second):
        came = f"{prefix.size} of {first.epoch} and {second.epoch}"
        refuse("EVD-5", "/evidence/prefix/size", expected="entries that both logs say they share", came=came)
    for number, (one, other) in enumerate(((first, second), (second, first))):
        root, proof = prefix.roots[number], [bytes.fromhex(h) for h in prefix.proofs[number]]
        if {"epoch": other.epoch, "log_root": root, "size": prefix.size} in _bases(one):
            continue
        try:
            ends = bytes.fromhex(root), bytes.fromhex(one.root)
            merkle.verify_consistency(prefix.size, one.size, proof, *ends)
        except Refusal as refusal:
            refuse("EVD-5", f"/evidence/prefix/proofs/{number}", expected=refusal.expected, came=refusal.came)


def _in_common(first: Claim, second: Claim) -> int:
    """How many entries the two say they share: of one epoch all, of two as far as the later one's bases reach."""
    if first.epoch == second.epoch:
        return min(first.size, second.size)
    older, newer = sorted((first, second), key=lambda one: identifiers.epoch_number(one.epoch))
    if isinstance(newer.thing, Note) or newer.thing.kind != "head":
        return 0
    return lineage.reach(head.of(newer.thing)).get(older.epoch, 0)


def _bases(one: Claim) -> list[dict[str, object]]:
    if isinstance(one.thing, Note) or one.thing.kind != "head":
        return []
    return [{name: base[name] for name in ("epoch", "log_root", "size")} for base in head.of(one.thing).bases]


def _rollback(case: Evidence, rings: dict[str, KeyRing]) -> Finding:
    first, second, signer = _two_claims(case, rings)
    back = first.epoch == second.epoch and second.size < first.size
    if first.time is None or second.time is None or not back or second.time < first.time:
        came = f"{_said(first)}; {_said(second)}"
        refuse("EVD-4", "/evidence/said", expected="a later word that covers less, of one epoch", came=came)
    sentence = f"{first.by} took back of {first.log} what it had signed: {_said(first)}, then {_said(second)}"
    return Finding("rollback", first.by, first.log, f"{sentence}. Signed with {signer}")


def _said(one: Claim) -> str:
    when = f", dated {one.time:%Y-%m-%dT%H:%M:%SZ}" if one.time else ""
    return f"{one.size} entries in {one.epoch} with the root {one.root[:16]}…{when}"


# Records and keys


def _equivocation(case: Evidence, rings: dict[str, KeyRing]) -> Finding:
    values = []
    for number, thing in enumerate(case.said):
        if isinstance(thing, Note) or thing.kind not in ("record", "tombstone"):
            refuse("EVD-3", f"/evidence/said/{number}", expected="a record or tombstone", came="another thing")
            continue
        values.append((str(thing.value.get("node")), str(thing.value.get("id")), thing.value.get("rev"), thing.digest))
    places = {value[:3] for value in values}
    if len(places) != 1:
        refuse("EVD-3", "/evidence/said", expected="one rev of one record", came=str(sorted(map(str, places))))
    node, record_id, rev, _ = values[0]
    signers = {_signed(thing, node, rings) for thing in case.said}
    if len({value[3] for value in values}) != 2:
        refuse("EVD-4", "/evidence/said", expected="two contents", came=values[0][3])
    sentence = f"{node} signed two contents of its record {record_id} as rev {rev}"
    return Finding("equivocation", node, record_id, f"{sentence}. Signed with {' and '.join(sorted(signers))}")


def _keys(case: Evidence, rings: dict[str, KeyRing]) -> Finding:
    statements = [thing for thing in case.said if isinstance(thing, Envelope) and thing.kind == "key"]
    subjects = {str(statement.value.get("node")) for statement in statements}
    if len(statements) != 2 or len(subjects) != 1:
        refuse("EVD-3", "/evidence/said", expected="two key statements of one identifier", came=str(sorted(subjects)))
    node = min(subjects, default="")
    if node not in rings:
        refuse("EVD-2", "/evidence/keys", expected=f"the key statements of {node}", came="none")
        raise Refusal("EVD-2", "/evidence/keys", f"the key statements of {node}", "none")
    for statement in statements:
        rings[node].admit(statement)
    if len({statement.digest for statement in statements}) != 2:
        refuse("EVD-4", "/evidence/said", expected="two statements", came="one, twice")
    n = statements[0].value.get("n")
    return Finding("keys", node, f"statement {n}", f"{node} signed two key statements as its number {n}")


def _inclusion(case: Evidence, rings: dict[str, KeyRing]) -> Finding:
    """EVD-6: a record, signed by its author, stands in the log that a head signs."""
    record, signed = case.said
    place = case.inclusion
    if isinstance(record, Note) or isinstance(signed, Note) or place is None or signed.kind != "head":
        refuse("EVD-3", "/evidence/said", expected="a record or tombstone, and the head of a log", came=case.kind)
        raise Refusal("EVD-3", "/evidence/said", "a record and a head", case.kind)
    if (record.kind, place.op) not in (("record", "put"), ("tombstone", "del")):
        refuse("EVD-3", "/evidence/inclusion/op", expected="put of a record, or del of a tombstone", came=place.op)
    value, found = record.value, head.of(signed)
    node, record_id = str(value.get("node")), str(value.get("id"))
    author, publisher = _signed(record, node, rings), _signed(signed, found.by, rings)
    type_ = value.get("type" if record.kind == "record" else "of")
    columns = (place.op, type_, node, record_id, value.get("rev"), record.digest, place.src, place.at)
    try:
        leaf = entry.leaf(place.seq, *columns)
        proof = [bytes.fromhex(h) for h in place.proof]
        merkle.verify_inclusion(leaf, place.seq, found.size, proof, bytes.fromhex(found.log_root))
    except Refusal as refusal:
        refuse("EVD-6", "/evidence/inclusion/proof", expected=refusal.expected, came=refusal.came)
    sentence = (
        f"{node} signed this {record.kind} {record_id} with {author}; it is entry {place.seq} of the feed {found.name}"
        f" of {found.by}, as its head of {found.size} entries in {found.epoch}, dated {found.time:%Y-%m-%dT%H:%M:%SZ},"
        f" promises. Signed with {publisher}"
    )
    return Finding("inclusion", found.by, record_id, sentence)


def _incomplete(case: Evidence, rings: dict[str, KeyRing]) -> Finding:
    """EVD-7: a node's signed head, and records of that node in a feed that do not come to it."""
    first, second = case.said
    told = case.incomplete
    if isinstance(first, Note) or isinstance(second, Note) or told is None or {first.kind, second.kind} != {"head"}:
        refuse("EVD-3", "/evidence/said", expected="the head of a node and that of a feed", came=case.kind)
        raise Refusal("EVD-3", "/evidence/said", "two heads and records", case.kind)
    of_node, of_feed = head.of(first), head.of(second)
    signers = f"{_signed(first, of_node.by, rings)} and {_signed(second, of_feed.by, rings)}"
    roles = [rings[by].role if by in rings else "" for by in (of_node.by, of_feed.by)]
    if roles != ["node", "hub"]:
        refuse("EVD-3", "/evidence/said", expected="the head of a node and that of a hub's feed", came=roles)
    sentence = unmet.check(told, of_node, of_feed)
    return Finding("incomplete", of_feed.by, of_node.by, f"{sentence}. Signed with {signers}")


_KINDS: dict[str, Callable[[Evidence, dict[str, KeyRing]], Finding]] = {
    "equivocation": _equivocation,
    "fork": _fork,
    "inclusion": _inclusion,
    "incomplete": _incomplete,
    "keys": _keys,
    "rollback": _rollback,
}
