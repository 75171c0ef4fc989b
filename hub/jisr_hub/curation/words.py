"""What hubs and partners say of records (assertions), as values, and which of it counts at this hub.

    word = word_of(record, digest)      an assertion, read; None for what this version cannot read
    voices.rank(word.by)                0 this hub itself, 1 a signer its operator accepted, None nobody here
    counting(words, voices, today)      what counts on a day

A word counts when its signer is heard here, the day lies within its `from` and `until`, and this hub itself has not
disputed the word. What this hub said itself is taken back by its tombstone, never disputed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from jisr_protocol import schema

from ..ports import Key

TYPE = "org.jisr.assertion/1"
SAME, NOT_SAME = "same_as", "not_same_as"
SUPPRESSED, ASSURED, DISPUTED = "suppressed", "assured", "disputed"
CORRECTS, MAPS = "corrects", "maps_term"
OWN, ACCEPTED = 0, 1


class Word(msgspec.Struct, frozen=True):
    """One assertion. `key` is its signer and its id; dates are as the signer wrote them."""

    key: Key
    rev: int
    digest: str
    modified: str
    predicate: str
    subjects: tuple[Key, ...] = ()
    since: str = ""
    until: str = ""
    reason: Mapping[str, Any] = {}
    pointer: str = ""
    value: Any = None
    method: str = ""
    mapping: Mapping[str, Any] = {}

    @property
    def by(self) -> str:
        """Who says it."""
        return self.key[0]

    @property
    def age(self) -> tuple[str, bool, str]:
        """The later of two words of one signer has the higher one. In the same second "not the same" is the later: a
        missed duplicate beats a false merge."""
        return self.modified, self.predicate == NOT_SAME, self.digest

    def holds(self, today: str) -> bool:
        """Whether it holds on a day, YYYY-MM-DD."""
        return (not self.since or self.since <= today) and (not self.until or today <= self.until)


@dataclass(frozen=True)
class Voices:
    """Who is heard: this hub itself and the signers whose words its operator accepted."""

    own: str
    accepted: frozenset[str] = frozenset()

    def rank(self, by: str) -> int | None:
        """How much a signer's word weighs, less is more; None when it is not heard."""
        if by == self.own:
            return OWN
        return ACCEPTED if by in self.accepted else None


def reference(said: str, by: str) -> Key:
    """The record that a reference names: `<node>/<id>`, or the id alone for one of the signer."""
    node, cut, record_id = said.rpartition("/")
    return (node, record_id) if cut else (by, said)


def word_of(value: Mapping[str, Any], digest: str) -> Word | None:
    """An assertion record as a word; None when it does not fit its schema (REC-2: it is held and passed on)."""
    if value.get("type") != TYPE or not schema.accepts(TYPE, dict(value)):
        return None
    by = str(value["node"])
    return Word(
        (by, str(value["id"])),
        int(value["rev"]),
        digest,
        str(value["modified"]),
        str(value["predicate"]),
        tuple(sorted({reference(said, by) for said in value.get("subjects", ())})),
        str(value.get("from", "")),
        str(value.get("until", "")),
        value.get("reason", {}),
        str(value.get("pointer", "")),
        value.get("value"),
        str(value.get("method", "")),
        value.get("mapping", {}),
    )


def counting(words: Iterable[Word], voices: Voices, today: str) -> list[Word]:
    """Those of these words that count on a day; whoever asks gives the disputes about them too."""
    heard = [word for word in words if voices.rank(word.by) is not None and word.holds(today)]
    disputed = {key for word in heard if word.by == voices.own and word.predicate == DISPUTED for key in word.subjects}
    return [word for word in heard if word.by == voices.own or word.key not in disputed]
