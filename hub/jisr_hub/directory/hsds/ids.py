"""UUIDs of HSDS objects. An id of HSDS is one for a whole hub, a record's only for its node; it is made of both.

    60 bits    the beginning of the node, which is a hash that nobody chooses
    46 bits    a hash of the record's id
    16 bits    0 for the record itself; else a hash that tells one of its places from the others

as a UUIDv8 (RFC 9562 section 5.8). A node can copy another's record id, and never its HSDS id. It leads back: the node
by its beginning, the record by looking through that node's ids.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ...ports.catalogue import Key

_SPACE = uuid.UUID("6d9d1f0e-8f5b-5a52-9d1c-0a52c4b1f1b7")
"""What ids of parts, taxonomies and terms are hashed under (RFC 9562 section 6.6)."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_NODE_LETTERS = 12
_PREFIX = "jisr:"


class Parsed(NamedTuple):
    """An id of HSDS taken apart: the node's first letters, the hash of the record's id, the mark of a place."""

    start: str
    record: int
    place: int

    def fits(self, record_id: str) -> bool:
        return _hashed(record_id, 46) == self.record


def of(key: Key, place: int = 0) -> str:
    """The id of a record, or of one of its places."""
    node = 0
    for letter in key[0].removeprefix(_PREFIX)[:_NODE_LETTERS]:
        node = node << 5 | _LETTERS.index(letter)
    low = _hashed(key[1], 46) << 16 | place
    return str(uuid.UUID(int=node >> 12 << 80 | 8 << 76 | (node & 0xFFF) << 64 | 2 << 62 | low))


def parsed(said: str) -> Parsed | None:
    """The id taken apart; None when it is none of ours."""
    try:
        number = uuid.UUID(said)
    except ValueError:
        return None
    if number.version != 8 or number.variant != uuid.RFC_4122:
        return None
    node = number.int >> 80 << 12 | (number.int >> 64 & 0xFFF)
    start = "".join(_LETTERS[node >> shift & 31] for shift in range(55, -1, -5))
    return Parsed(start, number.int >> 16 & (1 << 46) - 1, number.int & 0xFFFF)


def places(references: Iterable[str]) -> Mapping[str, int]:
    """A mark for each place of a service, the same whatever order they come in."""
    taken: dict[str, int] = {}
    for reference in sorted(set(references)):
        mark = _hashed(reference, 16) or 1
        while mark in taken.values():
            mark = mark % 0xFFFF + 1
        taken[reference] = mark
    return taken


def part(owner: str, *names: object) -> str:
    """The id of something inside an object: the same as long as it says the same."""
    return str(uuid.uuid5(_SPACE, "/".join((owner, *map(str, names)))))


def taxonomy(scheme: str) -> str:
    return part("taxonomy", scheme)


def term(scheme: str, code: str) -> str:
    return part("term", scheme, code)


def _hashed(text: str, bits: int) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> (64 - bits)
