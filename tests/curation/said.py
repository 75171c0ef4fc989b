"""Records and words for tests of curation: short names in, values out."""

from __future__ import annotations

import uuid
from typing import Any

from jisr_hub.curation.merging import Record, address
from jisr_hub.curation.words import TYPE, Voices, Word, word_of
from jisr_hub.ports import Key
from tests.reader.publisher import seeded

TODAY = "2026-09-01"


def node(label: str) -> str:
    return "jisr:" + (label * 52)[:52]


OWN, PEER, OTHER = node("hub"), node("peer"), node("other")
HEARD = Voices(OWN, frozenset({PEER}))


def key(label: str, by: str = "dar") -> Key:
    return node(by), str(uuid.UUID(bytes=seeded("curated", label)[:16], version=4))


def at(label: str) -> str:
    """The address of a record."""
    return address(key(label))


def record(label: str, *, rev: int = 1, type: str = "org.jisr.organization/1", **members: Any) -> Record:
    """An organization that fits its schema; the older its letter, the older it is."""
    where = key(label)
    value = {
        "audience": "public",
        "created": f"2026-01-{ord(label[0]) - ord('a') + 1:02d}T08:00:00Z",
        "id": where[1],
        "lang": "ar",
        "licence": "CC-BY-4.0",
        "modified": f"2026-02-{rev:02d}T08:00:00Z",
        "name": {"ar": {"origin": "author", "value": f"دار {label}"}},
        "node": where[0],
        "rev": rev,
        "salt": "AAAAAAAAAAAAAAAAAAAAAA",
        "status": "active",
        "type": type,
        **members,
    }
    return Record(where, rev, f"{label}{rev}", type, value)


def word(label: str, predicate: str, *about: str, by: str = OWN, day: int = 1, **members: Any) -> Word:
    """What a hub says about records; it fits its schema."""
    reasons = {"suppressed", "disputed"}
    value = {
        "audience": "public",
        "created": "2026-03-01T08:00:00Z",
        "id": key(label)[1],
        "lang": "ar",
        "licence": "CC0-1.0",
        "modified": f"2026-03-{day:02d}T08:00:00Z",
        "node": by,
        "predicate": predicate,
        "rev": 1,
        "salt": "AAAAAAAAAAAAAAAAAAAAAA",
        "status": "active",
        "type": TYPE,
        **({"subjects": ["/".join(key(one)) for one in about]} if about else {}),
        **({"reason": {"fr": {"origin": "author", "value": "vu sur place"}}} if predicate in reasons else {}),
        **members,
    }
    found = word_of(value, f"{label} {day}")
    assert found is not None, value
    return found
