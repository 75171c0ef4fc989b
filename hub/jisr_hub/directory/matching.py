"""Who fits whom, with the reason for each point: what is given, indexed; what is asked, scored; the best few.

    index = Index()
    index.add(key, {"theme": {"health"}, "country": {"MA"}}, newest="2026-03-01")
    index.best([Aspect("theme", 25, frozenset({"health"}))], most=20)      matches, the best first, reasons with weights

The score is the sum of the weights of the aspects that fit, of 100 at most, and each of them is a reason: nothing else
has an effect. Of two that score the same the one confirmed last stands first.

The index is inverted: for every value of every aspect the set of entries that have it, as one long number with a bit an
entry. A heap then walks from the best combination of aspects downwards and stops as soon as enough were found, so that
a question costs what its aspects cost, and not a look at every entry (docs/decisions/0111).
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import count

import msgspec

from ..ports import Key

_Place = tuple[int, int, int, int, tuple[int, ...], int]
Features = Mapping[str, Collection[str]]
"""Aspect → what an entry has of it."""
NOT_ALONE = frozenset({"country", "language", "remote"})
"""Aspects that say too little to stand alone."""


class Aspect(msgspec.Struct, frozen=True):
    """What is asked: any of `values` fits and gives `weight` points. With `must`, what lacks it fits not at all."""

    code: str
    weight: int
    values: frozenset[str]
    must: bool = False


class Reason(msgspec.Struct, frozen=True):
    """One aspect that fits, its points, and what both sides have of it."""

    code: str
    weight: int
    values: tuple[str, ...]


class Match(msgspec.Struct, frozen=True):
    """One that fits: its points, and the reasons that they are the sum of, the weightiest first."""

    key: Key
    score: int
    reasons: tuple[Reason, ...]


class Index:
    """Entries by what they give. Add all, then ask: the first question closes it, if nobody did."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, Key, Features]] = []
        self._keys: list[Key] = []
        self._bits: dict[tuple[str, str], int] = {}

    def __len__(self) -> int:
        return len(self._keys) or len(self._waiting)

    def add(self, key: Key, features: Features, newest: str = "") -> None:
        """Take an entry in. `newest` is the day it was confirmed."""
        self._waiting.append((newest, key, features))

    def best(self, asked: Sequence[Aspect], most: int, without: Features | None = None) -> list[Match]:
        """At most `most` entries that fit, the best first. What has any value of `without` is left out."""
        self.close()
        everyone = (1 << len(self._keys)) - 1
        for code, values in (without or {}).items():
            everyone &= ~self._any(code, values)
        asked = sorted((one for one in asked if one.values), key=lambda one: (-one.weight, one.code))
        masks = [self._any(one.code, one.values) for one in asked]
        for one, mask in zip(asked, masks, strict=True):
            if one.must:
                everyone &= mask
        found: list[Match] = []
        for fitting, score, entries in _walk(everyone, [one.weight for one in asked], masks):
            reasons = [asked[number] for number in fitting if asked[number].weight]
            if not score or all(one.code in NOT_ALONE or one.must for one in reasons):
                continue
            for position in _positions(entries, most - len(found)):
                found.append(Match(self._keys[position], score, self._said(position, reasons)))
            if len(found) == most:
                break
        return found

    def _said(self, position: int, reasons: Sequence[Aspect]) -> tuple[Reason, ...]:
        def shared(one: Aspect) -> tuple[str, ...]:
            values = (value for value in one.values if self._bits.get((one.code, value), 0) >> position & 1)
            return tuple(sorted(values))

        return tuple(Reason(one.code, one.weight, shared(one)) for one in reasons)

    def _any(self, code: str, values: Collection[str]) -> int:
        mask = 0
        for value in values:
            mask |= self._bits.get((code, value), 0)
        return mask

    def close(self) -> None:
        """Number the entries, the last confirmed first, and write the sets down."""
        if not self._waiting:
            return
        self._waiting.sort(key=lambda one: one[1])
        self._waiting.sort(key=lambda one: one[0], reverse=True)
        sets: dict[tuple[str, str], bytearray] = {}
        length = (len(self._waiting) + 7) // 8
        for position, (_, _, features) in enumerate(self._waiting):
            for code, values in features.items():
                for value in values:
                    held = sets.setdefault((code, value), bytearray(length))
                    held[position >> 3] |= 1 << (position & 7)
        self._keys = [key for _, key, _ in self._waiting]
        self._bits = {feature: int.from_bytes(held, "little") for feature, held in sets.items()}
        self._waiting = []


def _walk(everyone: int, weights: Sequence[int], masks: Sequence[int]) -> Iterator[tuple[tuple[int, ...], int, int]]:
    """Each combination of aspects that somebody fits: which aspects, their points, and who, from the most points on.

    A place on the heap is a combination decided up to one aspect, ordered by the points it can still reach.
    """
    order = count()
    heap: list[_Place] = [(-sum(weights), next(order), 0, 0, (), everyone)] if everyone else []
    while heap:
        bound, _, depth, score, fitting, entries = heapq.heappop(heap)
        if depth == len(weights):
            yield fitting, score, entries
            continue
        weight, mask = weights[depth], masks[depth]
        if with_it := entries & mask:
            heapq.heappush(heap, (bound, next(order), depth + 1, score + weight, (*fitting, depth), with_it))
        if without := entries & ~mask:
            heapq.heappush(heap, (bound + weight, next(order), depth + 1, score, fitting, without))


def _positions(entries: int, most: int) -> Iterator[int]:
    """The first numbers of a set."""
    while entries and most > 0:
        lowest = entries & -entries
        yield lowest.bit_length() - 1
        entries ^= lowest
        most -= 1


def merged(lists: Collection[Sequence[Match]], most: int) -> list[Match]:
    """The best of several lists, each the best first."""
    return list(heapq.merge(*lists, key=lambda one: -one.score))[:most]


def by_group(matches: Collection[Match]) -> dict[str, int]:
    """How many of these stand under each node."""
    found: dict[str, int] = defaultdict(int)
    for one in matches:
        found[one.key[0]] += 1
    return dict(found)
