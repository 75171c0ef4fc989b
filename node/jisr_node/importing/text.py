"""Letters and digits as tables hold them: invisible signs taken out, digits made ASCII, a folded form."""

from __future__ import annotations

import re
import unicodedata

from jisr_protocol.quality.names import folded as latin_folded

_INVISIBLE = re.compile(
    "[\u200b\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff\u00ad\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
)
_SPACES = re.compile(r"[\s\u00a0\u202f\u2007]+")
_DIGITS = {
    ord(c): str(unicodedata.digit(c)) for start in (0x0660, 0x06F0, 0xFF10) for c in map(chr, range(start, start + 10))
}
_NUMBER_SIGNS = {0x066B: ".", 0x066C: "", 0xFF0B: "+", 0x2212: "-", 0x2010: "-", 0x2011: "-", 0x2013: "-", 0x2014: "-"}
_ARABIC = {
    **{ord(c): "ا" for c in "أإآٱ"},
    ord("ى"): "ي",
    ord("ة"): "ه",
    ord("ؤ"): "و",
    ord("ئ"): "ي",
    ord("ـ"): None,
    ord("ء"): None,
}
_SIGNS = re.compile(r"[^\w]+")


def tidied(text: str) -> str:
    """Without signs that nobody sees, in NFC, without space around it; line ends stay."""
    lines = (_SPACES.sub(" ", _INVISIBLE.sub("", line)).strip() for line in text.replace("\r", "\n").split("\n"))
    return unicodedata.normalize("NFC", "\n".join(lines).strip())


def ascii_digits(text: str) -> str:
    """Arabic-Indic, Persian and wide digits as ASCII ones; signs of numbers too."""
    return text.translate(_DIGITS).translate(_NUMBER_SIGNS)


def folded(text: str) -> str:
    """What two writings of the same words share: small letters without marks, signs as single spaces."""
    plain = latin_folded(ascii_digits(_INVISIBLE.sub("", text)).translate(_ARABIC))
    return _SIGNS.sub(" ", plain.replace("_", " ")).strip()


def script_language(text: str) -> str | None:
    """ar or zgh where most letters are of that alphabet; None for any other."""
    letters = [c for c in text if c.isalpha()]
    arabic = sum("\u0600" <= c <= "\u06ff" or "\u0750" <= c <= "\u077f" for c in letters)
    tifinagh = sum("\u2d30" <= c <= "\u2d7f" for c in letters)
    if letters and arabic * 2 > len(letters):
        return "ar"
    return "zgh" if letters and tifinagh * 2 > len(letters) else None
