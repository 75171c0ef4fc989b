"""What is said of a node in a copy, judged under the keys that this copy holds (docs/spec/authority.md).

    verified   signed by whom it names, with a key that counts for it
    unknown    the copy holds no keys of its signer: nobody can check it here
    refused    the signature is not its signer's, its form is wrong, or a lost key has said it (AUTH-8)

And of what is verified: whether it stood at an instant, and what it came to together. A reader trusts no anchor here,
so every hub counts as one; whose word counts for a node is its home hub's alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from .. import authority, envelope, lineage, statement, validity
from .. import entry as entries
from ..authority import Authority, Standing
from ..entry import Entry
from ..identifiers import to_instant
from ..keys import KeyRing
from ..refusal import Refusal
from ..statement import HOME, WITHDRAWAL, Statement, Verified
from .store import Copy


class Said(msgspec.Struct, frozen=True):
    """One statement and what it is worth here. `stood` is None where that cannot be said; `why` is for a person."""

    value: dict[str, Any]
    verdict: str
    why: str
    kid: str = ""
    key_state: str = "unknown"
    stood: bool | None = None
    statement: Statement | None = None

    def as_dict(self) -> dict[str, Any]:
        """The statement as it came, and how it was judged."""
        told = {"verdict": self.verdict, "kid": self.kid, "key_state": self.key_state, "stood": self.stood}
        return self.value | {"judged": told | {"sentence": self.why}}

    @property
    def line(self) -> str:
        """It and its verdict for a person."""
        said = self.value
        ends = f", until {said['expires']}" if "expires" in said else ""
        what = f"{said.get('type')} by {said.get('by')}, number {said.get('n')}, of {said.get('issued')}{ends}"
        return f"{what}: {self.verdict}, {self.why}"


class Attested(msgspec.Struct, frozen=True):
    """All that a copy holds of what is said of a node, and what it came to at the instant `at`."""

    said: list[Said]
    standing: Standing
    at: datetime

    def as_dict(self) -> dict[str, Any]:
        """What it came to, for programs."""
        standing = self.standing
        until = to_instant(standing.until) if standing.until else None
        told = {"by": standing.by, "holds": standing.holds, "at": to_instant(self.at), "until": until}
        return told | {"sentence": self.sentence}

    @property
    def sentence(self) -> str:
        """What it came to, for a person."""
        when, standing = to_instant(self.at), self.standing
        if standing.holds:
            until = f" until {to_instant(standing.until)}" if standing.until else ""
            return f"attested at {when} by its home hub {standing.by}{until}; no anchor was asked about that hub"
        return f"not attested at {when}: {standing.why.value}"


def of_node(copy: Copy, node: str, at: datetime, first_hub: str) -> Attested:
    """Judge what the copy holds of what is said of a node; `first_hub` is its home as long as it named none itself."""
    judged = [_judged(copy, entry, value) for entry, value in _about(copy, node)]
    known = [one.statement for one in judged if one.statement is not None and one.statement.issued <= at]
    held = [Verified(one.statement, one.kid) for one in judged if one.statement in known and one.statement is not None]
    told = Authority(held, assumed={node: first_hub})
    return Attested([_at(one, at, known, told) for one in judged], told.node(node, at), at)


def _about(copy: Copy, node: str) -> Iterator[tuple[Entry, dict[str, Any]]]:
    for _, op, line in copy.carried():
        if op != "statement":
            continue
        entry = entries.parse(line)
        value = entry.thing.value if entry.thing is not None else {}
        if value.get("subject") == node:
            yield entry, value


def _judged(copy: Copy, entry: Entry, value: dict[str, Any]) -> Said:
    """Who has signed it, under the keys that are known now."""
    ring = _ring(copy, str(value.get("by")))
    if ring is None or entry.thing is None:
        return Said(value, "unknown", "this copy holds no keys of its signer, so nobody can check it here")
    try:
        said = statement.of(entry.thing)
        envelope.verify_bytes(entry.thing, validity.ever(ring, "statement"))
        kid = said.claimed_kid
        authority.check_good(Verified(said, kid), ring, _place(copy, entry, ring))
    except Refusal as refusal:
        return Said(value, "refused", str(refusal))
    state = ring.keys[kid].state
    lost = " at a place where it was good" if state == "revoked" else ""
    return Said(value, "verified", f"signed with its key {kid[:12]} ({state}){lost}", kid, state, statement=said)


def _ring(copy: Copy, by: str) -> KeyRing | None:
    publisher = copy.known().publisher
    return copy.rings().get(by) or (publisher if publisher is not None and publisher.id == by else None)


def _place(copy: Copy, entry: Entry, ring: KeyRing) -> validity.Source | None:
    """Where it stands in its signer's own feed: what the feed says, or here where this feed is the signer's own."""
    if entry.src is None and copy.head.by == ring.id:
        return copy.head.name, lineage.epoch_of_entry(copy.head, entry.seq), entry.seq
    return entry.src


def _at(one: Said, at: datetime, known: Sequence[Statement], told: Authority) -> Said:
    """Whether a statement stood at an instant, and what it was worth then."""
    said = one.statement
    if said is None:
        return one
    words = _ended(said, at, known)
    if not words and said.type != HOME and not told.believed(said):
        words = "carried, but not by its home hub, so nobody has to believe it"
    verdict = words or f"it stood at {to_instant(at)}"
    return msgspec.structs.replace(one, stood=not words, why=f"{one.why}; {verdict}")


def _ended(said: Statement, at: datetime, known: Sequence[Statement]) -> str:
    """Why it did not stand, in words; "" where it did."""
    if said.issued > at:
        return f"not yet said at {to_instant(at)}"
    if said.expires is not None and said.expires <= at:
        return f"expired by {to_instant(at)}"
    if any(one.key == said.key and one.n > said.n for one in known):
        return f"replaced by a later one by {to_instant(at)}"
    back = (said.by, said.subject, WITHDRAWAL, said.type)
    if said.type != WITHDRAWAL and any(one.key == back and one.n >= said.n for one in known):
        return f"withdrawn by {to_instant(at)}"
    return ""
