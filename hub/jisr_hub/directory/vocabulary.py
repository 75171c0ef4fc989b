"""Every word that stands in the directory, and the documents it stands in.

    vocabulary.number(word)                 its number, a new one where it has none
    vocabulary.beginning("asso", 64)        words that begin so, the most frequent first
    vocabulary.like("asociation")           words that are spelled or sound like it, the nearest first

A word that no document has any more is forgotten.
"""

from __future__ import annotations

from bisect import bisect_left, insort

from rapidfuzz import process
from rapidfuzz.distance import OSA

from jisr_hub.curation.folding import bones
from jisr_hub.directory.docs import Docs

MOST_LIKE = 5
_SHORTEST_LIKE, _LONG = 4, 8
"""Words of so many letters may have one mistake; longer ones two."""
_FEWEST_BONES = 2
_MANY_NEW = 2000


class Vocabulary:
    """Words by number: `named` are the documents that have one in their name, `told` those that have it anywhere."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.named: list[Docs] = []
        self.told: list[Docs] = []
        self._numbers: dict[str, int] = {}
        self._free: list[int] = []
        self._bones: dict[str, list[int]] = {}
        self._sorted: list[str] = []
        self._new: list[str] = []
        self._begun: dict[tuple[str, int], tuple[int, ...]] = {}

    def find(self, word: str) -> int | None:
        return self._numbers.get(word)

    def number(self, word: str) -> int:
        number = self._numbers.get(word)
        if number is not None:
            return number
        if self._free:
            number = self._free.pop()
            self.words[number], self.named[number], self.told[number] = word, Docs(), Docs()
        else:
            number = len(self.words)
            self.words.append(word)
            self.named.append(Docs())
            self.told.append(Docs())
        self._numbers[word] = number
        self._new.append(word)
        self._begun.clear()
        if not word.isdigit():
            self._bones.setdefault(bones(word), []).append(number)
        return number

    def add(self, number: int, doc: int, *, named: bool) -> None:
        self._begun.clear()
        self.told[number].add(doc)
        if named:
            self.named[number].add(doc)

    def drop(self, number: int, doc: int) -> None:
        self._begun.clear()
        self.named[number].drop(doc)
        self.told[number].drop(doc)
        if not self.told[number].count:
            self._forget(number)

    def beginning(self, start: str, most: int) -> tuple[int, ...]:
        """The numbers of the words that begin so and are longer; the most frequent ones first, then in their order."""
        if (start, most) in self._begun:
            return self._begun[start, most]
        ordered = self._in_order()
        first, found = bisect_left(ordered, start), []
        while first < len(ordered) and ordered[first].startswith(start):
            if ordered[first] != start:
                found.append(self._numbers[ordered[first]])
            first += 1
        found.sort(key=lambda number: (-self.told[number].count, self.words[number]))
        if len(self._begun) > 512:
            self._begun.clear()
        self._begun[start, most] = tuple(found[:most])
        return self._begun[start, most]

    def like(self, word: str) -> tuple[int, ...]:
        """The numbers of words that sound like it in another script or spelling, or that have a mistake or two less."""
        near: dict[int, int] = {}
        if len(word) >= _SHORTEST_LIKE:
            most = 2 if len(word) >= _LONG else 1
            fitting = [one for one in self._in_order() if abs(len(one) - len(word)) <= most]
            for found, distance, _ in process.extract(
                word, fitting, scorer=OSA.distance, score_cutoff=most, limit=None, processor=None
            ):
                near[self._numbers[found]] = int(distance)
        sound = bones(word)
        if len(sound) >= _FEWEST_BONES and not word.isdigit():
            for number in self._bones.get(sound, ()):
                near.setdefault(number, 2)
        ordered = sorted(near, key=lambda one: (near[one], -self.told[one].count, self.words[one]))
        return tuple(ordered[:MOST_LIKE])

    def _in_order(self) -> list[str]:
        if len(self._new) > _MANY_NEW:
            self._sorted = sorted(self._numbers)
        else:
            for word in self._new:
                if word in self._numbers:
                    insort(self._sorted, word)
        self._new.clear()
        return self._sorted

    def _forget(self, number: int) -> None:
        ordered, word = self._in_order(), self.words[number]
        del ordered[bisect_left(ordered, word)]
        del self._numbers[word]
        sounding = self._bones.get(bones(word), [])
        if number in sounding:
            sounding.remove(number)
            if not sounding:
                del self._bones[bones(word)]
        self.words[number] = ""
        self._free.append(number)
        self._begun.clear()
