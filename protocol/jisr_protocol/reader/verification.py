"""Compute anew all that a copy or a feed in a folder claims. Nothing is changed, but that what a copy took in bulk is
checked for good."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import envelope, evidence, keys, paths
from ..envelope import Envelope
from ..refusal import Refusal
from ..session import Outcome
from .follow import Progress, alone, follow_once
from .store import Change, Copy


@dataclass(frozen=True)
class Verdict:
    """What came of it; `outcome` is the exit status."""

    outcome: Outcome
    sentence: str
    counts: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "outcome": self.outcome.name.lower(),
            "status": int(self.outcome),
            "sentence": self.sentence,
            **self.counts,
        }


def copy(path: Path, progress: Progress | None = None) -> Verdict:
    """Check a copy: its head and key chains, every record's digest and signature, its tree against the stored head."""
    _complete(path, progress)
    with Copy(path) as held:
        try:
            counts = _check_copy(held, progress)
        except Refusal as refusal:
            return Verdict(
                Outcome.BROKEN,
                f"{path} was damaged after it was verified: {refusal}. Nothing was changed. "
                f"Follow the feed into a new file: jisr follow {held.address} --into NEW",
            )
    return Verdict(Outcome.VERIFIED, f"all of {path} is as its authors signed it{_suspect(counts)}", counts)


def _complete(path: Path, progress: Progress | None) -> None:
    """READ-18: what was taken in bulk is checked, and what is not signed is refused."""
    with Copy(path) as held:
        waits = held.waiting
    if waits:
        with alone(path), Copy(path, create=True) as held:
            held.complete(progress)


def is_evidence(path: Path) -> bool:
    """Whether this file is one of evidence rather than a copy, by its first bytes."""
    with path.open("rb") as file:
        return file.read(12) == b'{"evidence":'


def case(path: Path) -> Verdict:
    """Judge a file of evidence: verified when it proves what it says; broken when it proves nothing, and why."""
    with path.open("rb") as file:
        raw = file.read(evidence.EVIDENCE_BYTES + 1)
    try:
        found = evidence.judge(evidence.parse(raw))
    except Refusal as refusal:
        return Verdict(Outcome.BROKEN, f"{path} proves nothing: {refusal}.")
    counts = {"kind": found.kind, "by": found.by, "about": found.about}
    return Verdict(Outcome.VERIFIED, f"{path} proves: {found.sentence}.", counts)


def _check_copy(held: Copy, progress: Progress | None) -> dict[str, Any]:
    known = held.known()
    head = held.head
    if known.publisher is not None:
        known.publisher.verify(head.envelope)
    rings = {node: _Ring(ring) for node, ring in held.rings().items()}
    fallback = known.publisher
    shown = tombstones = 0
    for change in held.changes():
        if change.op in ("put", "del"):
            ring = rings.get(change.node) or (_Ring(fallback) if fallback and fallback.id == change.node else None)
            _check_content(change, ring)
            shown, tombstones = shown + (change.op == "put"), tombstones + (change.op == "del")
            if progress and (shown + tombstones) % 256 == 0:
                progress(shown + tombstones, head.live)
    _check_tree(held)
    counts = {
        "feed": f"{head.name} of {head.by}",
        "live": held.live(),
        "verified": shown,
        "tombstones": tombstones,
        "refused": held.refused_live(),
        "state_root": head.state_root,
    }
    counts |= {"suspect": "reads the feed again"} if held.suspect else {}
    return counts | ({"history": f"unproven below entry {held.unproven}"} if held.unproven else {})


def _suspect(counts: dict[str, Any]) -> str:
    refused = "; but records came whose signature is not their author's: they are not shown"
    return f"{refused}, and the next follow reads the feed again, around caches" if "suspect" in counts else ""


class _Ring:
    """The keys of a writer, revoked ones too: what was held before a revocation stays good."""

    def __init__(self, ring: keys.KeyRing) -> None:
        self._keys = [keys.PublicKey(state.key.public) for state in ring.keys.values()]

    def verifiers(self, kind: str) -> dict[str, keys.PublicKey]:
        return {key.headers[kind]: key for key in self._keys}


def _check_content(change: Change, ring: _Ring | None) -> None:
    kind = "record" if change.op == "put" else "tombstone"
    where = f"{change.node}/{change.id}"
    digest = envelope.digest(kind, change.raw)
    if digest != change.digest:
        raise Refusal("ENT-5", where, change.digest, digest)
    if ring is None:
        raise Refusal("SIG-3", where, "the keys of its author", "none")
    try:
        envelope.verify_bytes(Envelope(kind, change.jws, change.raw, {}), ring.verifiers(kind))
    except Refusal as refusal:
        raise Refusal(refusal.rule, where, refusal.expected, refusal.came) from refusal


def _check_tree(held: Copy) -> None:
    """The lines of the state tree meet the signed root, and every verified line has its record."""
    root, live = held.recomputed_root()
    head = held.head
    if (root.hex(), live) != (head.state_root, head.live):
        raise Refusal("READ-6", "", f"{head.live} live, root {head.state_root}", f"{live} live, root {root.hex()}")
    if (missing := held.line_without_record()) is not None:
        raise Refusal("READ-6", "/".join(missing), "a record for every verified line of the tree", "none, or another")


def folder(path: Path, progress: Progress | None = None) -> Verdict:
    """Check a feed in a folder: all of `jisr follow` into a copy that is thrown away, then the inventory."""
    with tempfile.TemporaryDirectory(prefix="jisr-") as aside:
        into = Path(aside) / "copy"
        result = follow_once(path, into, progress=progress, whole=True)
        if result.outcome is not Outcome.VERIFIED or result.head is None:
            return Verdict(result.outcome, result.sentence)
        try:
            with Copy(into) as held:
                files = _check_inventory(path, held)
        except Refusal as refusal:
            return Verdict(Outcome.BROKEN, f"{path}: its log is sound, its inventory is not: {refusal}.")
    counts = {
        "feed": f"{result.head.name} of {result.head.by}",
        "entries": result.head.size,
        "live": result.live,
        "refused": result.refused_live,
        "inventory": files,
        "state_root": result.head.state_root,
    }
    return Verdict(Outcome.VERIFIED, f"all of {path} is as its publisher and authors signed it", counts)


def _check_inventory(path: Path, held: Copy) -> int:
    """STA-4: every file of the inventory is what its name says; returns how many. A feed may have none."""
    if not (path / "inv").is_dir():
        return 0
    count = 0
    for hashed, content in held.inventory():
        file = path / paths.inventory(hashed)
        came = file.read_bytes() if file.is_file() else None
        if came != content:
            what = "none" if came is None else f"{len(came)} other bytes"
            raise Refusal("STA-4", paths.inventory(hashed), f"{len(content)} bytes of that hash", what)
        count += 1
    return count
