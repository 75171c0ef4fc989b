"""Comma-separated values (RFC 4180) in UTF-8, safe to open in a spreadsheet.

A cell that a spreadsheet would take for a formula begins with an apostrophe, as OWASP advises; a number or a telephone
is none.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

from .columns import COLUMNS, cells
from .shown import About, Shown

BOM = b"\xef\xbb\xbf"
_FORMULA = re.compile("[ \u00a0\u2000-\u200f\u202f\u2060\u3000\ufeff]*[=+\\-@\uff1d\uff0b\uff0d\uff20|%]")
_NUMBERS = re.compile(r"[+-]?[0-9][0-9.]*(; \+?[0-9]+)*")


class Delimited:
    """A table of entries, a line each after the line of names."""

    def __init__(self, about: About, bom: bool = False) -> None:
        self._start = BOM if bom else b""

    def begin(self) -> bytes:
        return self._start + rows([list(COLUMNS)])

    def part(self, entries: Sequence[Shown]) -> bytes:
        return rows([guarded(cell) for cell in cells(one)] for one in entries)

    def end(self) -> bytes:
        return b""


def rows(lines: Iterable[Sequence[str]]) -> bytes:
    """Lines as RFC 4180 writes them, each ended by CR LF."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(lines)
    return text.getvalue().encode()


def guarded(cell: str) -> str:
    """A cell that no spreadsheet computes."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBERS.fullmatch(cell) else cell
