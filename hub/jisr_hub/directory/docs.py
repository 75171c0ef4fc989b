"""Sets of documents, which are small whole numbers: few as sorted numbers, many as bits.

A set of many is as large as all documents have bits, one of few has four bytes a document; the smaller of the two is
chosen, so all sets together take about four bytes for each word of each document at most. What is asked of sets is
answered by whole numbers with a bit a document: `&` of two with 100,000 bits takes a microsecond.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator

FEWEST = 64
_BITS = tuple(tuple(bit for bit in range(8) if byte >> bit & 1) for byte in range(256))


class Docs:
    """A set of documents that changes. With `often` its whole number is kept, which doubles what it takes."""

    __slots__ = ("_few", "_kept", "_many", "_often", "count")

    def __init__(self, *, often: bool = False) -> None:
        self.count, self._often = 0, often
        self._few: array[int] | None = array("I")
        self._many: bytearray | None = None
        self._kept: int | None = None

    def add(self, doc: int) -> None:
        if self._many is not None:
            place, bit = doc >> 3, 1 << (doc & 7)
            if place >= len(self._many):
                self._many.extend(bytes(place + 1 - len(self._many) + (place >> 3)))
            if not self._many[place] & bit:
                self._many[place] |= bit
                self.count += 1
                self._kept = None
            return
        few = self._few
        assert few is not None
        at = len(few) if not few or few[-1] < doc else bisect_left(few, doc)
        if at < len(few) and few[at] == doc:
            return
        few.insert(at, doc)
        self.count += 1
        if self.count > FEWEST and self.count * 32 > few[-1]:
            self._many, self._few = bytearray(_bytes_of(few)), None

    def drop(self, doc: int) -> None:
        if self._many is not None:
            place, bit = doc >> 3, 1 << (doc & 7)
            if place < len(self._many) and self._many[place] & bit:
                self._many[place] ^= bit
                self.count -= 1
                self._kept = None
        elif self._few is not None:
            at = bisect_left(self._few, doc)
            if at < len(self._few) and self._few[at] == doc:
                self._few.pop(at)
                self.count -= 1

    def bits(self) -> int:
        """All of them as a whole number."""
        if self._many is None:
            return int.from_bytes(_bytes_of(self._few), "little") if self._few else 0
        if self._kept is not None:
            return self._kept
        bits = int.from_bytes(self._many, "little")
        if self._often:
            self._kept = bits
        return bits

    def few(self) -> array[int] | None:
        """The documents in order, where they are few."""
        return self._few


def _bytes_of(few: array[int] | None) -> bytearray:
    if not few:
        return bytearray()
    found = bytearray((few[-1] >> 3) + 1)
    for doc in few:
        found[doc >> 3] |= 1 << (doc & 7)
    return found


def members(bits: int) -> Iterator[int]:
    """The documents of a whole number, in order."""
    for place, byte in enumerate(bits.to_bytes((bits.bit_length() + 7) >> 3, "little")):
        if byte:
            start = place << 3
            for bit in _BITS[byte]:
                yield start + bit
