"""What a witness checks before it cosigns, and what a reader asks of the witnesses it trusts (docs/spec/witnesses.md).

request = witness.parse_request(raw)       old size, consistency proof, checkpoint
witness.judge(request, held)               whether it goes on from what was cosigned last

policy = witness.parse_policy(text)        C2SP tlog-policy: witnesses, groups k of n, a quorum
count = policy.count(note, now=now)        who cosigned this note, and whether they are enough
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from . import checkpoint, identifiers, merkle
from .checkpoint import Note, WitnessKey
from .limits import EPOCH_JUMP, INTEGER_MAX
from .refusal import Refusal, refuse

REQUEST_BYTES = 2 * checkpoint.NOTE_BYTES
PROOF_LINES = 63
POLICY_BYTES = 64 * 1024


@dataclass(frozen=True)
class Held:
    """What a witness cosigned last of a feed, in whichever epoch."""

    epoch: str
    size: int
    root: str
    note: str
    """The whole note, as evidence against another one."""


@dataclass(frozen=True)
class Request:
    """A checkpoint that is to be cosigned, from `old` entries on, which the proof shows to be a prefix."""

    old: int
    proof: tuple[bytes, ...]
    note: Note


class Elsewhere(Refusal):
    """WIT-5: the witness holds another size, or another log of that size; `size` is what it holds."""

    def __init__(self, refusal: Refusal, size: int) -> None:
        super().__init__(refusal.rule, refusal.pointer, refusal.expected, refusal.came)
        self.size = size


def write_request(old: int, proof: Iterable[bytes], note: Note) -> bytes:
    """The body of C2SP add-checkpoint."""
    lines = [f"old {old}", *(base64.b64encode(node).decode() for node in proof), ""]
    return "".join(f"{line}\n" for line in lines).encode() + note.raw


def parse_request(raw: bytes) -> Request:
    """Read the body of an add-checkpoint request (WIT-4, WIT-1). Raises Refusal; no signature is checked."""
    above, blank, below = raw.partition(b"\n\n")
    first, *lines = above.decode("utf-8", "replace").split("\n")
    word, _, number = first.partition(" ")
    whole = number.isascii() and number.isdigit() and str(int(number[:17])) == number
    proof = tuple(_node(line) for line in lines)
    sound = word == "old" and whole and len(raw) <= REQUEST_BYTES and blank and len(proof) <= PROOF_LINES
    if not sound or b"" in proof:
        refuse("WIT-4", "", expected="old, a size, at most 63 hashes in base64, an empty line, a note", came=first)
    old = int(number) if whole else 0
    request = Request(old, proof, checkpoint.parse(below))
    if old > min(request.note.checkpoint.size, INTEGER_MAX) or (old == 0 and proof):
        came = f"{old}, {len(proof)} hashes, a checkpoint of {request.note.checkpoint.size}"
        refuse("WIT-4", "", expected="an old size up to the checkpoint's, with 0 no proof", came=came)
    return request


def _node(line: str) -> bytes:
    try:
        node = base64.b64decode(line, validate=True)
    except ValueError:
        return b""
    return node if len(node) == 32 and len(line) == 44 else b""


def judge(request: Request, held: Held | None) -> None:
    """Whether the checkpoint goes on from what this witness cosigned last of the feed. Raises Elsewhere, Refusal.

    Always checks: an epoch that is the one held or a later one (WIT-5), the old size (WIT-5), the same root at the same
    size (WIT-5), the proof from the root held (WIT-6). Does not check signatures: checkpoint.verified.
    """
    said = request.note.checkpoint
    if held is not None and said.epoch != held.epoch:
        rise = identifiers.epoch_number(said.epoch) - identifiers.epoch_number(held.epoch)
        if not 0 < rise <= EPOCH_JUMP:
            _elsewhere(held.size, f"{held.epoch} or a later epoch", said.epoch)
        held = None
    size, root = (held.size, bytes.fromhex(held.root)) if held is not None else (0, merkle.EMPTY_ROOT)
    if request.old != size:
        _elsewhere(size, f"an old size of {size}", str(request.old))
    if said.size == size and size and said.root != root:
        _elsewhere(size, f"the root {root.hex()} for {size} entries", said.root.hex())
    try:
        merkle.verify_consistency(size, said.size, request.proof, root, said.root)
    except Refusal as refusal:
        refuse("WIT-6", "", expected=refusal.expected, came=refusal.came)


def _elsewhere(size: int, expected: str, came: str) -> None:
    try:
        refuse("WIT-5", "", expected=expected, came=came)
    except Refusal as refusal:
        raise Elsewhere(refusal, size) from None


# What a reader asks for


@dataclass(frozen=True)
class Count:
    """Who of the witnesses of a policy cosigned a note, and whether they are enough."""

    cosigned: tuple[str, ...]
    known: int
    enough: bool


@dataclass(frozen=True)
class Policy:
    """The witnesses a reader knows, by name, and how many of which have to cosign."""

    witnesses: dict[str, WitnessKey] = field(default_factory=dict)
    groups: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    """Name → (how many are needed, of these witnesses or groups)."""
    quorum: str = "none"

    def count(self, note: Note | None, *, now: datetime) -> Count:
        """Raises Refusal for a cosignature of a known witness that does not fit (WIT-8)."""
        signed = set[str]()
        for name, key in self.witnesses.items() if note is not None else ():
            if note is not None and checkpoint.cosignature(note, key, now=now) is not None:
                signed.add(name)
        enough = self.quorum == "none" or self._met(self.quorum, signed)
        return Count(tuple(sorted(signed)), len(self.witnesses), enough)

    def _met(self, name: str, signed: set[str]) -> bool:
        if name in self.witnesses:
            return name in signed
        needed, members = self.groups[name]
        return sum(self._met(member, signed) for member in members) >= needed


def check_enough(count: Count, policy: Policy, why: str = "") -> None:
    """WIT-9: refuse what too few have cosigned."""
    if not count.enough:
        came = why or f"{len(count.cosigned)} of {count.known}"
        refuse("WIT-9", "", expected=f"cosignatures that meet the quorum {policy.quorum}", came=came)


def parse_policy(text: str) -> Policy:
    """Read a policy in the form of C2SP tlog-policy (WIT-7). Raises Refusal.

    witness NAME KEY [ADDRESS] · group NAME any|all|NUMBER MEMBER… · quorum NAME|none · lines of `log` are passed over
    """
    policy, said = Policy(), False
    quorum = "none"
    for line in text.splitlines():
        match line.split():
            case [] | ["log", *_]:
                continue
            case [word, *_] if word.startswith("#"):
                continue
            case ["witness", name, key] | ["witness", name, key, _] if _is_free(policy, name):
                policy.witnesses[name] = checkpoint.parse_witness_key(key)
            case ["group", name, needed, *members] if _is_free(policy, name) and _is_group(policy, needed, members):
                number = {"any": 1, "all": len(members)}.get(needed)
                policy.groups[name] = (number or int(needed), tuple(members))
            case ["quorum", name] if not said and (name == "none" or not _is_free(policy, name)):
                quorum, said = name, True
            case _:
                refuse("WIT-7", "", expected="a line of witness, group or quorum that fits those above", came=line)
    if not said:
        refuse("WIT-7", "", expected="a line quorum", came="none")
    keys = {key.public for key in policy.witnesses.values()}
    if len(keys) < len(policy.witnesses):
        refuse("WIT-7", "", expected="another key for each witness", came="one key twice")
    return Policy(policy.witnesses, policy.groups, quorum)


def _is_free(policy: Policy, name: str) -> bool:
    return name != "none" and name not in policy.witnesses and name not in policy.groups


def _is_group(policy: Policy, needed: str, members: list[str]) -> bool:
    known = all(not _is_free(policy, member) and member != "none" for member in members)
    counted = needed in ("any", "all") or (needed.isascii() and needed.isdigit() and 0 < int(needed) <= len(members))
    return bool(members) and known and counted and len(set(members)) == len(members)
