"""Names that may deceive the eye: letters of another script that look the same, and characters that turn the direction.

    flags("Саritas", ["Caritas"])     [MIXED, LIKE "Caritas"]: four letters are Cyrillic
    flags("Fund\\u202eyenom", [])      [TURNED]

For operators, beside the name: nothing is refused by it. A name is a likeness of another when the two differ but look
the same after each letter was taken for the Latin one that it resembles (after UTS 39 §4; the letters below are those
of Cyrillic and Greek that common fonts draw alike, digits that pass for letters, and Persian forms of Arabic letters).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

# Embeddings, overrides and isolates (UAX 9 §2), and characters that are not seen at all.
_TURNING = frozenset([*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C])
_UNSEEN = frozenset({0x00AD, 0x034F, 0x115F, 0x1160, 0x180E, 0x200B, 0x2060, 0x2800, 0x3164, 0xFEFF, 0xFFA0})
_ALIKE = str.maketrans(
    # Cyrillic
    "АВЕКМНОРСТУХЅІЈԚԜавекмнорстухѕіјԛԝһԁɡ"
    # Greek
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαβεικνορτυχ"
    # digits, bars
    "0|ıІ"
    # Persian and Urdu forms
    "یکہ",
    "ABEKMHOPCTYXSIJQWabekmhopctyxsijqwhdgABEZHIKMNOPTYXabeiknoptuxOliIيكه",
)
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")


class Sign(StrEnum):
    """What is odd about a name."""

    TURNED = "turned"
    UNSEEN = "unseen"
    MIXED = "mixed"
    LIKE = "like"


@dataclass(frozen=True)
class Flag:
    """One of them; `other` is the name that it looks like, or the characters that are odd."""

    sign: Sign
    other: str = ""


def flags(name: str, known: Iterable[str] = ()) -> list[Flag]:
    """What an operator should see about a name, beside the names that are `known`."""
    found = []
    if any(ord(letter) in _TURNING for letter in name):
        found.append(Flag(Sign.TURNED))
    if any(ord(letter) in _UNSEEN for letter in name):
        found.append(Flag(Sign.UNSEEN))
    if odd := _mixed(name):
        found.append(Flag(Sign.MIXED, odd))
    looks = skeleton(name)
    others = dict.fromkeys(other for other in known if other != name and looks and skeleton(other) == looks)
    return [*found, *(Flag(Sign.LIKE, other) for other in others)]


def skeleton(name: str) -> str:
    """How a name looks: two names with one skeleton are hard to tell apart. Not for showing."""
    plain = "".join(c for c in unicodedata.normalize("NFKC", name) if ord(c) not in _TURNING | _UNSEEN)
    alike = plain.translate(_ALIKE)
    return " ".join(alike.casefold().replace("rn", "m").replace("vv", "w").replace("l", "i").replace("1", "i").split())


def _mixed(name: str) -> str:
    """The letters of a word that has those of two scripts which share shapes; "" when none has."""
    for word in name.split():
        scripts = {script: "".join(c for c in word if _script(c) == script) for script in _SCRIPTS}
        used = [letters for letters in scripts.values() if letters]
        if len(used) > 1:
            return min(used, key=len)
    return ""


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]
