"""Telephone numbers as people write them, to E.164. Without a country in the number it is that of the row or node."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from .text import ascii_digits

_PLANS: Mapping[str, tuple[str, str, int, int]] = MappingProxyType(
    {
        # calling code, what begins a number within the country, fewest and most digits after it
        "MA": ("212", "0", 9, 9), "DZ": ("213", "0", 8, 9), "TN": ("216", "", 8, 8), "EG": ("20", "0", 8, 10),
        "MR": ("222", "", 8, 8), "SN": ("221", "", 9, 9), "ML": ("223", "", 8, 8), "CI": ("225", "", 8, 10),
        "GN": ("224", "", 8, 9), "NG": ("234", "0", 7, 10), "KE": ("254", "0", 9, 9), "UG": ("256", "0", 9, 9),
        "TZ": ("255", "0", 9, 9), "RW": ("250", "0", 9, 9), "BI": ("257", "", 8, 8), "CD": ("243", "0", 7, 9),
        "ET": ("251", "0", 9, 9), "SD": ("249", "0", 9, 9), "LY": ("218", "0", 8, 9), "SO": ("252", "0", 7, 9),
        "NL": ("31", "0", 9, 9), "BE": ("32", "0", 8, 9), "FR": ("33", "0", 9, 9), "ES": ("34", "", 9, 9),
        "DK": ("45", "", 8, 8), "DE": ("49", "0", 6, 11), "GB": ("44", "0", 9, 10), "IT": ("39", "", 6, 11),
        "PT": ("351", "", 9, 9), "LU": ("352", "", 4, 11), "CH": ("41", "0", 9, 9), "AT": ("43", "0", 6, 12),
        "SE": ("46", "0", 7, 10), "NO": ("47", "", 8, 8), "IE": ("353", "0", 7, 10), "GR": ("30", "", 10, 10),
        "TR": ("90", "0", 10, 10), "JO": ("962", "0", 8, 9), "LB": ("961", "0", 7, 8), "SY": ("963", "0", 8, 9),
        "IQ": ("964", "0", 8, 10), "PS": ("970", "0", 8, 9), "SA": ("966", "0", 8, 9), "AE": ("971", "0", 8, 9),
        "US": ("1", "1", 10, 10), "CA": ("1", "1", 10, 10),
    }
)  # fmt: skip
_BETWEEN = re.compile(
    r"\s*(?:[/;,\n|،؛]|\s-\s|\bou\b|\bor\b|\bof\b|\bet\b|\band\b|\ben\b|\bog\b|\bve\b|\by\b|\bأو\b)\s*", re.IGNORECASE
)
_SIGNS = re.compile(r"[\s().\u00b7/-]+")
_LABEL = re.compile(r"^[^\W\d_][^\d+]{0,24}?[:.\s]\s*(?=[+\d(])")
_EXTENSION = re.compile(r"\s*(?:ext\.?|poste|toestel|x|#)\s*[0-9]{1,6}$", re.IGNORECASE)
_SHORTENED = re.compile(r"[0-9][.,][0-9]+E\+?[0-9]{1,2}", re.IGNORECASE)
MOST_DIGITS, FEWEST_DIGITS = 15, 7


def several(text: str) -> list[str]:
    """The numbers that stand in one cell, each as it is written."""
    return [part for part in (piece.strip(" -") for piece in _BETWEEN.split(text)) if part]


def shortened(text: str) -> bool:
    """Whether a spreadsheet has put 2.12539E+11 in the place of a number, which loses its last digits."""
    return bool(_SHORTENED.fullmatch(ascii_digits(text).strip()))


def read(text: str, country: str) -> str | None:
    """One number in E.164; None for what is none in this country, or in any."""
    plain = _EXTENSION.sub("", _LABEL.sub("", ascii_digits(text).strip().strip("'")))
    digits = _SIGNS.sub("", plain.replace("(0)", ""))
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    if not digits.removeprefix("+").isdigit():
        return None
    if digits.startswith("+"):
        return _abroad(digits[1:])
    return _within(digits, country)


def _abroad(digits: str) -> str | None:
    for code, trunk, fewest, most in _PLANS.values():
        if digits.startswith(code):
            # +212 0539 …: the 0 of the country is dropped after its code
            rest = digits[len(code) :]
            rest = rest[1:] if trunk == "0" and rest.startswith("0") else rest
            return f"+{code}{rest}" if fewest <= len(rest) <= most else None
    return f"+{digits}" if FEWEST_DIGITS <= len(digits) <= MOST_DIGITS and digits[0] != "0" else None


def _within(digits: str, country: str) -> str | None:
    if country not in _PLANS:
        return None
    code, trunk, fewest, most = _PLANS[country]
    if trunk and digits.startswith(trunk):
        rest = digits[len(trunk) :]
        return f"+{code}{rest}" if fewest <= len(rest) <= most else None
    if digits.startswith(code) and fewest <= len(digits) - len(code) <= most and len(digits) > most:
        return f"+{digits}"
    # a spreadsheet that takes it for a number drops the 0 at its beginning
    return f"+{code}{digits}" if fewest <= len(digits) <= most and digits[0] != "0" else None
