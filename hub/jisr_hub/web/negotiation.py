"""What headers ask of a file: a coding, a part of it, nothing when the reader has it (RFC 9110 sections 12 to 14)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

CODINGS = ("zstd", "gzip", "identity")
"""What files can be served as, the smallest first."""
_WEIGHT = re.compile(r"q\s*=\s*(1(?:\.0{0,3})?|0(?:\.[0-9]{0,3})?)")
_RANGE = re.compile(r"bytes=([0-9]{0,16})-([0-9]{0,16})")
_LONGEST_HEADER = 4096


class Span(NamedTuple):
    """The bytes [start, end) of a representation."""

    start: int
    end: int


class Unsatisfiable(Exception):
    """The part that was asked for begins beyond the end."""


@lru_cache(256)
def codings(header: str | None) -> tuple[str, ...]:
    """The codings this Accept-Encoding takes, best first: by weight, then the smallest form.

    Without the header only `identity` is sure to be understood. A coding that is not named is taken if `*` is; identity
    also if nothing excludes it, after all that are named. May be empty: then a server may send what it has.
    """
    if header is None:
        return ("identity",)
    weights = _weights(header[:_LONGEST_HEADER])
    anything = weights.get("*")
    found = {coding: weights.get(coding, anything) for coding in CODINGS}
    if found["identity"] is None:
        found["identity"] = 0.0001
    taken = [(weight, coding) for coding, weight in found.items() if weight]
    return tuple(coding for _, coding in sorted(taken, key=lambda one: (-one[0], CODINGS.index(one[1]))))


def _weights(header: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in header.lower().split(","):
        name, _, parameter = (piece.strip() for piece in part.partition(";"))
        weight = _WEIGHT.fullmatch(parameter)
        if name and (weight or not parameter):
            found["gzip" if name == "x-gzip" else name] = float(weight[1]) if weight else 1.0
    return found


def has(header: str | None, etag: str) -> bool:
    """Whether this If-None-Match names the entity tag, or any."""
    if not header:
        return False
    known = {tag.strip().removeprefix("W/") for tag in header[:_LONGEST_HEADER].split(",")}
    return etag in known or "*" in known


def part(asked: str | None, only_if: str | None, etag: str, size: int) -> Span | None:
    """The part that Range asks for, None for the whole: also when If-Range names other bytes, or the form is another
    than one part. Raises Unsatisfiable."""
    found = _RANGE.fullmatch(asked) if asked else None
    if found is None or found[1] == found[2] == "" or (only_if is not None and only_if != etag):
        return None
    if not found[1]:
        start, end = max(0, size - int(found[2])), size
    else:
        start, end = int(found[1]), min(size, int(found[2]) + 1 if found[2] else size)
        if found[2] and int(found[2]) < start:
            return None
    if start >= size:
        raise Unsatisfiable
    return Span(start, end)
