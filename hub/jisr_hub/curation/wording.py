"""Names taken apart: what says who it is, without the words of legal form and the articles of eight languages."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable

import msgspec

from .folding import bones, fold, script

MOST_WORDS = 12
"""Words of one name that are compared."""

_LEGAL = {
    "ar": "جمعية الجمعية جمعيات مؤسسة المؤسسة منظمة المنظمة تعاونية التعاونية خيرية الخيرية هيئة الهيئة",
    "ar-Latn": "jamiya jamiyya jamiyat jamiyyat jamaiya jamaiyat jam3iya jam3iyat jamia moassasat mouassasat "
    "mouassassat muassasat muassasa monadamat munazzamat mounadhamat taawounia taawniya khayriya khayria khairiya",
    "fr": "association assoc asso fondation société organisation ong asbl aisbl coopérative caritative",
    "nl": "stichting vereniging vzw ivzw coöperatie organisatie ngo",
    "es": "asociación fundación sociedad organización ong ongd cooperativa",
    "da": "forening foreningen fond fonden organisationen selskab selskabet ngo",
    "tr": "dernek derneği vakıf vakfı kuruluş kuruluşu kooperatif kooperatifi örgüt örgütü stk",
    "en": "association foundation society organisation organization charity charitable cooperative trust ngo npo inc "
    "ltd llc cic cio registered",
    "zgh": "ⵜⴰⵎⵙⵎⵓⵏⵜ ⵜⴰⵎⴻⵙⵎⵓⵏⵜ ⵜⴰⵔⵎⵙⵎⵓⵏⵜ ⵜⴰⵎⵔⵙⵍⵜ tamsmunt tamesmunt tamsmount tamesmount",
}
_LITTLE = {
    "ar": "و في من على عن الى ل ب ال",
    "ar-Latn": "al el as ar at az ad an ash ach ech es er ed en ett wa li fi lil",
    "fr": "le la les l de des du d et pour à au aux en dans sur",
    "nl": "de het een van voor en in op te der den",
    "es": "el la los las de del y e para en por",
    "da": "den det de og for af til i på",
    "tr": "ve için ile",
    "en": "the of for and to in at a an on",
    "zgh": "ⵏ ⴷ ⵉ n d i",
}
LEGAL = frozenset(word for words in _LEGAL.values() for word in fold(words).split())
LITTLE = frozenset(word for words in _LITTLE.values() for word in fold(words).split())
_ARTICLES = frozenset(("al", "el", "la", "le", "les", "los", "las", "de", "het"))
"""Little words whose letter an acronym often keeps."""
_CAPITAL = re.compile(r"[A-Z](?:[A-Z]|[.\-](?=[A-Z])|\.$){1,15}")
_PARTS = re.compile(r"[/|,;()&+–—]|\s-\s")


class Name(msgspec.Struct, frozen=True, gc=False):
    """One name of a record: as it is shown, and what is compared of it."""

    shown: str
    lang: str
    """"" for an acronym, which is of no language."""
    words: tuple[str, ...]
    """Folded, without legal words and articles; all of them where nothing else is left."""
    bones: tuple[str, ...]
    """The consonants of each word."""
    acronyms: tuple[str, ...]
    """What it says as letters: `ifh` and `nhf` of IFH/NHF."""
    initials: tuple[str, ...]
    """The first letters of its words, without and with the legal ones, the articles, and the little words."""
    main: bool
    """Whether it is the record's name, and not another one it is known by."""
    script: str
    length: int
    """Letters that are compared."""


def name(shown: str, lang: str, main: bool = True, acronym: bool = False) -> Name | None:
    """Take a name apart; None where nothing of it can be compared."""
    every = tuple(sys.intern(word) for word in fold(shown).split()[:MOST_WORDS])
    if not every:
        return None
    words = tuple(word for word in every if word not in LEGAL and word not in LITTLE) or every
    named = [word for word in every if word not in LITTLE or word in _ARTICLES]
    without = [word for word in named if word not in LEGAL]
    kinds = (words, without, named, [word for word in named if word not in _ARTICLES], every)
    initials = dict.fromkeys(map(_initials, kinds))
    return Name(
        shown=shown[:300],
        lang=lang,
        words=words,
        bones=tuple(sys.intern(bones(word)) for word in words),
        acronyms=_acronyms(shown[:300], acronym, initials),
        initials=tuple(letters for letters in initials if len(letters) > 1),
        main=main,
        script=script("".join(words)),
        length=sum(map(len, words)),
    )


def _initials(words: Iterable[str]) -> str:
    letters = "".join(word[0] for word in words)
    return letters if letters.isascii() and letters.isalpha() else ""


def _acronyms(shown: str, declared: bool, initials: Collection[str]) -> tuple[str, ...]:
    """What a name says as letters: `ifh` and `nhf` of IFH/NHF, `wvi` of `WVI Irbid`, `wvi` of `World Vision
    International (WVI)`; and the parts of what is declared as acronym."""
    parts = [part.strip() for part in _PARTS.split(shown)[:6] if part.strip()]
    whole = declared or all(_CAPITAL.fullmatch(part) for part in parts)
    first = shown.split()[0].strip("()") if shown.split() else ""
    found = []
    for part in [*parts, first]:
        letters = "".join(fold(part).split())
        if not (2 <= len(letters) <= 8 and letters.isascii() and letters.isalpha()):
            continue
        if whole or (part == first and _CAPITAL.fullmatch(part)) or (part.isupper() and letters in initials):
            found.append(sys.intern(letters))
    return tuple(dict.fromkeys(found))
