"""Text folded for comparison across scripts. What is folded is compared, and never shown.

    fold("الجَمعيّة")         "الجمعيه"      one spelling of a text in its own script
    bones("النور")            "nr"           the consonants of a word, equal in Arabic, Tifinagh and Latin script
    bones("Ennour")           "nr"

The tables are our own: transliteration libraries write vowels that Arabic does not, and the comparison needs none.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

LONGEST = 400
"""Letters of a text that are looked at. A name has at most 300 by its schema."""


def _table(spelled: str) -> dict[str, str]:
    """`bp` stands for: b becomes p; a letter alone goes away."""
    return {letter[0]: letter[1:] for letter in spelled.split()}


_LETTERS = str.maketrans(
    # Arabic: one letter for the forms that people write for one another
    _table("ٱا أا إا آا ىي یي ېي ةه ۀه ہه کك گك ڭك ݣك پب چج ژز ڤف ڥف ؤو ئي ء ـ")
    # Latin letters that are no letter with a mark; half rings and apostrophes of transliterations stand inside a word
    | _table("ıi æae œoe øo åa đd ðd łl þth ʾ ʿ ʼ ʻ ` ´")
)
_ELIDED = re.compile(r"\b(l|d|j|s|n|m|t|c|qu)['’](?=\w)")
_DOTTED = re.compile(r"\b(\w)\.(?=\w\b)")
_APOSTROPHE = re.compile(r"(?<=\w)['’‘](?=\w)")
_NO_WORD = re.compile(r"[\W_]+")
_ARABIC = re.compile("[\u0600-\u06ff]")
_TIFINAGH = re.compile("[\u2d30-\u2d7f]")


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """Give the words of `text` in one spelling, with one space between: small letters without marks, ASCII digits.

    Folding what is folded changes nothing. Only the first LONGEST letters count, so that no text costs much.
    """
    return folded(text, LONGEST)


def folded(text: str, longest: int) -> str:
    """The same of a text of at most so many letters; nothing is remembered of it."""
    now = text[:longest]
    for _ in range(8):  # a ligature may come apart into what folds again; two rounds are usual
        before, now = now, _once(now)[:longest].strip()
        if now == before:
            break
    return now


def stripped(word: str) -> str:
    """A folded Arabic word without the article and what is written in one with it (ال وال بال كال فال لل)."""
    return _PREFIX.sub("", word)


def _once(text: str) -> str:
    if text.isascii():
        text = text.lower()
    else:
        text = unicodedata.normalize("NFKC", text).casefold().translate(_LETTERS)
        text = unicodedata.normalize("NFKD", text).translate(_KEPT).translate(_LETTERS)
    text = _ELIDED.sub(r"\1 ", text)
    text = _DOTTED.sub(r"\1", text)
    return _NO_WORD.sub(" ", _APOSTROPHE.sub("", text))


def _kept(sign: str) -> str:
    kind = unicodedata.category(sign)
    if kind == "Nd":
        return str(unicodedata.digit(sign))
    return "" if kind in ("Mn", "Me", "Cf", "Cs", "Cc") and not sign.isspace() else sign


class _Signs(dict[int, str]):
    """What is kept of each sign, looked up once."""

    def __missing__(self, code: int) -> str:
        if len(self) > 20_000:  # more signs than people write with
            self.clear()
        return self.setdefault(code, _kept(chr(code)))


_KEPT = _Signs()


def script(text: str) -> str:
    """Name the script of folded text: arabic, tifinagh or latin (which stands for all others too)."""
    if text.isascii():
        return "latin"
    if _ARABIC.search(text):
        return "arabic"
    return "tifinagh" if _TIFINAGH.search(text) else "latin"


_SOUNDS = str.maketrans(
    _table("بb تt ثt جj حh خx دd ذd رr زz سs شc صs ضd طt ظz غg فf قk كk لl مm نn هh وw يy اa عa")
    | _table("ⴰa ⴱb ⴲb ⴳg ⴷd ⴹd ⴻa ⴼf ⴽk ⵀh ⵃh ⵄa ⵅx ⵇk ⵉa ⵊj ⵍl ⵎm ⵏn ⵓa ⵔr ⵕr ⵖg ⵙs ⵚs ⵛc ⵜt ⵟt ⵡw ⵢy ⵣz ⵥz ⵯ")
)
_LATIN_SOUNDS = str.maketrans(_table("ck qk pb vf xks ea oa ua ia"))
_TOGETHER = {
    **dict.fromkeys(("tch", "sh", "ch"), "c"),
    "kh": "x",
    "gh": "g",
    "th": "t",
    "dh": "d",
    "dj": "j",
    "ph": "f",
    "ou": "w",
    "ck": "k",
    "qu": "k",
    **dict.fromkeys(("ce", "ci", "cy"), "sa"),
}
_GROUPS = re.compile("|".join(_TOGETHER))
_PREFIX = re.compile("^(?:[وبفك]?ال|لل)(?=...)")
_JOINED = re.compile("^[ae]l(?=[^l]{1}.{3})")
_TWICE = re.compile(r"(.)\1+")


@lru_cache(maxsize=65536)
def bones(word: str) -> str:
    """Give the consonants of one folded word in one alphabet for three scripts; its letters where it has too few.

    The article that stands before an Arabic word, alone or assimilated (al-, el-, en-, as-), is not counted.
    """
    if word.isdigit():
        return word
    how = script(word)
    if how == "latin":
        marked = _GROUPS.sub(lambda found: _TOGETHER[found[0]].upper(), _JOINED.sub("", word))
        sounds = marked.translate(_LATIN_SOUNDS).lower()
    else:
        sounds = stripped(word).translate(_SOUNDS)
    sounds = _TWICE.sub(r"\1", sounds)
    first, rest = sounds[:1], sounds[1:]
    if first == "a":
        first = ""
    rest = re.sub("[awy]", "", rest)
    if len(rest) > 1 and rest.endswith("h"):
        rest = rest[:-1]  # the feminine ending, which Latin script writes with and without
    return _TWICE.sub(r"\1", first + rest) or sounds
