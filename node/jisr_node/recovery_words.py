"""The recovery key as words: seventeen of five Latin letters, which can be read aloud in many languages.

The words are numbers in disguise and no list is needed: sixteen bits are consonant, vowel, consonant, vowel, consonant,
of sixteen consonants and four vowels (D. S. Wilkerson, "A Proposal for Proquints", arXiv:0901.4016). The last word
checks the others. Pure.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from .errors import Mistaken
from .identity import SEED_BYTES

CONSONANTS = "bdfghjklmnprstvz"
VOWELS = "aiou"
COUNT = SEED_BYTES // 2 + 1
_SHIFTS = ((12, CONSONANTS), (10, VOWELS), (6, CONSONANTS), (4, VOWELS), (0, CONSONANTS))
WORD = re.compile(f"[{CONSONANTS}][{VOWELS}][{CONSONANTS}][{VOWELS}][{CONSONANTS}]")


def check_bytes(seed: bytes) -> bytes:
    """What checks a seed, on the sheet as letters and as a word."""
    return hashlib.sha256(b"jisr-recovery-sheet\x00" + seed).digest()


def words_of(seed: bytes) -> list[str]:
    """The words of a seed of 32 bytes, the check at the end."""
    whole = seed + check_bytes(seed)[:2]
    return [_word(int.from_bytes(whole[at : at + 2])) for at in range(0, len(whole), 2)]


def seed_of(words: Sequence[str]) -> bytes:
    """The seed of these words, in any case of letters. Raises Mistaken when a word is wrong or missing."""
    said = [word.lower() for word in words]
    strange = next((number for number, word in enumerate(said, 1) if not WORD.fullmatch(word)), None)
    if len(said) != COUNT or strange is not None:
        which = f"word {strange} is none of them" if strange is not None else f"{len(said)} words came"
        raise Mistaken(f"Expected the {COUNT} words of a recovery sheet; {which}. Nothing was changed.")
    whole = b"".join(_number(word).to_bytes(2) for word in said)
    seed, check = whole[:SEED_BYTES], whole[SEED_BYTES:]
    if check_bytes(seed)[:2] != check:
        raise Mistaken("A word of the recovery key is wrong: the last word does not fit. Compare with the print.")
    return seed


def asked(node: str) -> tuple[int, int]:
    """Which two words, counted from 1, a person of this node types to show that the sheet is on paper."""
    first, second = hashlib.sha256(node.encode()).digest()[:2]
    half = COUNT // 2
    return 1 + first % half, 1 + half + second % half


def _word(number: int) -> str:
    return "".join(letters[(number >> shift) % len(letters)] for shift, letters in _SHIFTS)


def _number(word: str) -> int:
    return sum(letters.index(letter) << shift for letter, (shift, letters) in zip(word, _SHIFTS, strict=True))
