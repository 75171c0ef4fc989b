"""How much two names say that they are of one thing: word by word, across scripts, by letters and by consonants."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache

import msgspec
from rapidfuzz.distance import OSA, Levenshtein

from .wording import Name


class Level(IntEnum):
    """From what says nothing or no, to what says yes."""

    OTHER = 0
    """Words on both sides that have no like on the other one."""
    UNREADABLE = 1
    """In different scripts, and not the same by sound: it may be a translation."""
    PART = 2
    """All words of the one stand in the other, which says more."""
    ACRONYM = 3
    """The letters of the one are those of the other."""
    LIKE = 4
    """Every word has a like one, at most 30 % of the letters differ."""
    ACROSS = 5
    """The same by sound in two scripts."""
    SAME = 6


class Compared(msgspec.Struct, frozen=True, gc=False):
    """The best likeness of two names, and the two as they are shown."""

    level: Level
    one: str
    other: str
    letters: int = 0
    """How many letters were compared; few letters say little."""
    edits: int = 0
    """How many of them differ."""

    @property
    def weight(self) -> int:
        """Letters that count: consonants twice, because the vowels are not there; an edit takes five away."""
        return self.letters * (2 if self.level is Level.ACROSS else 1) - 5 * self.edits


MOST_EDITS = 0.30
"""Share of the letters of a name that may differ."""
_SOUND = 4
"""Consonants that must agree before a sound says anything."""


def compare(one: Sequence[Name], other: Sequence[Name], places: frozenset[str] = frozenset()) -> Compared:
    """Compare the names of two records; `places` are the consonants of the towns that both are in.

    The best pair counts. But where the names of both in one language differ, another language does not make them
    equal, only a part: one translation may stand for two things.
    """
    every = pairs = [(_pair(a, b, places), a, b) for a in one for b in other]
    spoken = [found for found, a, b in pairs if a.main and b.main and a.lang == b.lang]
    if spoken:  # there is nothing to guess from a name in another script
        pairs = [found for found in pairs if found[0].level is not Level.UNREADABLE] or pairs
    best = max((found for found, _, _ in pairs), key=_order)
    worst = min(spoken, key=_order, default=best)
    if spoken and best.level is Level.ACRONYM and max(map(_order, spoken)) < (Level.PART,):
        # letters that many share do not outweigh the names they stand for
        return best if any(a.lang or b.lang for found, a, b in every if found is best) else worst
    if (
        spoken
        and worst.level is Level.OTHER
        and best.level is not Level.ACRONYM
        and max(map(_order, spoken)) >= (Level.LIKE,)
    ):
        return Compared(Level.PART, best.one, best.other, best.letters, best.edits)
    return best


def _order(found: Compared) -> tuple[int | str, ...]:
    return found.level, found.letters, found.one, found.other


def _pair(a: Name, b: Name, places: frozenset[str]) -> Compared:
    level, letters, edits = _level(a, b, places)
    return Compared(level, a.shown, b.shown, letters, edits)


def _level(a: Name, b: Name, places: frozenset[str]) -> tuple[Level, int, int]:
    """The level, the letters that were compared, and the edits."""
    if not a.lang and not b.lang:
        return (Level.ACRONYM, shared, 0) if (shared := _acronym(a, b)) else (Level.OTHER, 0, 0)
    if a.words == b.words:
        return Level.SAME, a.length, 0
    apart = a.script != b.script
    rest_a, rest_b, edits, letters = _aligned(a, b, apart)
    if (
        rest_a
        and rest_b
        and not apart
        and _runs_together([a.words[at] for at in rest_a], [b.words[at] for at in rest_b])
    ):
        return Level.LIKE, min(a.length, b.length), 1
    if bool(rest_a) != bool(rest_b):  # a town that both are in adds nothing
        rest_a = [at for at in rest_a if a.bones[at] not in places]
        rest_b = [at for at in rest_b if b.bones[at] not in places]
    if letters and not rest_a and not rest_b:
        if apart:
            return (Level.ACROSS if letters >= _SOUND else Level.UNREADABLE), letters, edits
        if edits == 0:
            return Level.SAME, letters, 0
        return (Level.LIKE, letters, edits) if edits <= MOST_EDITS * letters else (Level.OTHER, 0, 0)
    if shared := _acronym(a, b):
        return Level.ACRONYM, shared, 0
    if letters and not (rest_a and rest_b):
        numbers = any(a.words[at].isdigit() for at in rest_a) or any(b.words[at].isdigit() for at in rest_b)
        if not numbers and letters >= _SOUND:
            return Level.PART, letters, edits
    return (Level.UNREADABLE if apart else Level.OTHER), 0, 0


def _aligned(a: Name, b: Name, apart: bool) -> tuple[list[int], list[int], int, int]:
    """Give each word its like one: the places of words left over on both sides, edits, and letters that were compared.

    Likest pairs first, and by words where pairs are equally like, so that both ways round give the same.
    """
    found: list[tuple[int, str, str, int, int, int]] = []
    for i, (word, sound) in enumerate(zip(a.words, a.bones, strict=True)):
        size = len(word)
        for j, (with_, with_sound) in enumerate(zip(b.words, b.bones, strict=True)):
            if word == with_:
                distance: int | None = 0
            elif not apart and sound != with_sound and not -4 < size - len(with_) < 4:
                continue
            else:
                distance = _distance(word, with_, sound, with_sound, apart)
            if distance is not None:
                found.append((distance, min(word, with_), max(word, with_), abs(i - j), i, j))
    if len(found) > 1:
        found.sort(key=lambda pair: pair[:4])
    left_a, left_b = set(range(len(a.words))), set(range(len(b.words)))
    edits = letters = 0
    for distance, _, _, _, i, j in found:
        if i in left_a and j in left_b:
            left_a.discard(i)
            left_b.discard(j)
            edits += distance
            letters += max(len(a.bones[i]), len(b.bones[j])) if apart else max(len(a.words[i]), len(b.words[j]))
    return sorted(left_a), sorted(left_b), edits, letters


def _edits_in(letters: int) -> int:
    """Edits that a word of so many letters may have."""
    return 0 if letters < 4 else 1 if letters < 7 else 2 if letters < 11 else 3


@lru_cache(maxsize=65536)
def _distance(a: str, b: str, sound_a: str, sound_b: str, apart: bool) -> int | None:
    """Edits between two words that may be one; None where they are two."""
    if a == b:
        return 0
    if a.isdigit() or b.isdigit():
        return None
    if apart:
        if sound_a == sound_b:
            return 0
        longest = max(len(sound_a), len(sound_b))
        near: int = OSA.distance(sound_a, sound_b, score_cutoff=1)
        return near if longest >= 5 and near <= 1 else None
    longest = max(len(a), len(b))
    edits: int = OSA.distance(a, b, score_cutoff=3)
    if edits <= _edits_in(longest):
        return edits
    if sound_a == sound_b and (len(sound_a) > 2 or (a[0] == b[0] and OSA.distance(a, b) <= 2)):
        return 1  # other vowels, other letters for one sound: Noor, Nour; Jamal, Djamal
    return None


def _runs_together(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether the words left over are the same without the spaces: Beni Mellal, Benimellal."""
    if len(one) == len(other) or any(word.isdigit() for word in (*one, *other)):
        return False
    a, b = "".join(one), "".join(other)
    if abs(len(a) - len(b)) * 10 > max(len(a), len(b)):
        return False
    return len(a) >= 6 and Levenshtein.normalized_similarity(a, b) >= 0.9


def _acronym(a: Name, b: Name) -> int:
    """How many letters of an acronym the two names share; 0 for none."""
    if not a.acronyms and not b.acronyms:
        return 0
    said = [letters for letters in a.acronyms if letters in b.acronyms]
    said += [letters for letters in a.acronyms if letters in b.initials]
    said += [letters for letters in b.acronyms if letters in a.initials]
    return max(map(len, said), default=0)
