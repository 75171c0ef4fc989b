"""Which encoding and separator a text table has. Nothing says so in the file; a table of words and commas tells.

A mark at the beginning decides; else what is valid UTF-8 is that, which other encodings are only by accident. UTF-16
without a mark shows by its zero bytes. Among the one-byte encodings that are left, the letters decide: Arabic in
Windows-1256 read as Windows-1252 makes words like "ÌãÚíÉ" of nothing but accents.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Sequence

from .tables import Unreadable

SEPARATORS = (",", ";", "\t", "|")
SAMPLE_BYTES = 256 * 1024
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_ONE_BYTE = ("cp1252", "cp1256", "iso8859-6", "cp1254", "iso8859-9", "iso8859-15")
"""In the order in which they win when they read a file alike."""
_RUN = re.compile(r"[^\W\d_]+")
_TURKISH = frozenset("ığşİĞŞ")
_WESTERN = frozenset("éèêëàâäáåæçîïíñôöóøœùûüúßÉÈÊÀÂÄÁÅÆÇÎÏÍÑÔÖÓØŒÙÛÜÚ¡¿«»°€’‘“”–—…·²´`ºª")


def encoding_of(start: bytes, *, whole: bool) -> str:
    """The codec of a text by its first bytes. `whole`: nothing follows. Raises Unreadable for what is no text."""
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name
    if wide := _without_mark(start):
        return wide
    if _is_utf8(start, whole=whole):
        return "utf-8"
    if b"\x00" in start:
        raise Unreadable("no_table")
    return max(_ONE_BYTE, key=lambda name: (_score(start, name), -_ONE_BYTE.index(name)))


def _without_mark(start: bytes) -> str | None:
    """UTF-16 without its mark: separators and line ends have a zero byte on the same side each."""
    sample = start[:4096]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if len(sample) < 4 or max(even, odd) * 20 < len(sample) or min(even, odd) * 10 > max(even, odd):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _is_utf8(start: bytes, *, whole: bool) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start, whole)
    except UnicodeDecodeError:
        return False
    return b"\x00" not in start


def _score(start: bytes, name: str) -> float:
    """How much a reading looks like words: good letters for, strange ones and mixed alphabets against."""
    text = start.decode(name, "replace")
    score = 0.0
    for word in _RUN.findall(text):
        score += _word_score(word)
    strange = sum(not (c.isprintable() or c in "\r\n\t") or c == "\ufffd" for c in text)
    return score - 4 * strange - sum(c in "¤¦¬¯¸×÷¹¾½¼¨±¶þðÞÐýÝ" for c in text)


def _word_score(word: str) -> float:
    high = [c for c in word if c > "\x7f"]
    if not high:
        return 0.0
    arabic = sum("\u0621" <= c <= "\u0652" for c in high)
    latin = len(word) - len(high)
    if arabic:
        # a word is of one alphabet: what stands among Latin letters was read wrongly
        return float(arabic - 3 * latin - 2 * (len(high) - arabic)) if len(word) > 1 else -0.5
    good = sum(c in _WESTERN or c in _TURKISH for c in high)
    # accents stand among plain letters; a word of nothing else was Arabic
    return good * 0.9 - 2 * (len(high) - good) - (1.5 * len(high) if len(high) > 2 and latin < len(high) else 0)


def separator_of(text: str, *, cut: bool) -> str:
    """The sign that gives most rows the same number of cells, more than one; a comma where none does. `cut`: the text
    breaks off in a row."""
    best, most = ",", (0.0, 0)
    for sign in SEPARATORS:
        rows = _rows(text, sign)[: -1 if cut else None]
        counts = [len(row) for row in rows if any(row)]
        if not counts:
            continue
        usual = max(set(counts), key=lambda width: (counts.count(width), width))
        if usual > 1 and (value := (counts.count(usual) / len(counts) * min(usual, 8), usual)) > most:
            best, most = sign, value
    return best


def _rows(text: str, sign: str) -> Sequence[Sequence[str]]:
    try:
        return list(csv.reader(text.splitlines(keepends=True)[:200], delimiter=sign))
    except csv.Error:
        return []
