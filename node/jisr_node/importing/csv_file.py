"""Text tables: decoded and split as they are read."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator
from typing import IO

from . import limits
from .encodings import SAMPLE_BYTES, encoding_of, separator_of
from .tables import Book, Unreadable, sheet_of

_FIELD_LIMIT = threading.Lock()


def read(name: str, file: IO[bytes]) -> Book:
    """The one table of a text file. Raises Unreadable."""
    start = file.read(SAMPLE_BYTES)
    whole = len(start) < SAMPLE_BYTES
    encoding = encoding_of(start, whole=whole)
    sample = start.decode(encoding, "replace").removeprefix("\ufeff")
    separator, first = _said(sample) or (separator_of(sample, cut=not whole), 0)
    file.seek(0)
    text = io.TextIOWrapper(file, encoding, "replace", newline="")
    try:
        sheet = sheet_of("", _rows(text, separator, first))
    finally:
        text.detach()
    if not sheet.count:
        sheet.spool.close()
        raise Unreadable("empty")
    return Book(name, "csv", [sheet], encoding, separator)


def _said(sample: str) -> tuple[str, int] | None:
    """`sep=;` in the first line, as a spreadsheet program writes it, and that this line is no row."""
    line = sample.partition("\n")[0].strip().lower()
    return (line[4], 1) if len(line) == 5 and line.startswith("sep=") else None


def _rows(text: io.TextIOWrapper, separator: str, skip: int) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number a spreadsheet program gives them: one each, however many lines a quoted cell has."""
    with _FIELD_LIMIT:
        csv.field_size_limit(limits.CELL_CHARACTERS * 4)
    reader = csv.reader((line.replace("\x00", "") for line in text), delimiter=separator)
    number = 0
    try:
        for cells in reader:
            number += 1
            if number <= skip:
                continue
            if cells and number == 1:
                cells[0] = cells[0].removeprefix("\ufeff")
            yield number, cells
    except csv.Error:
        raise Unreadable("long_cell", row=number + 1, most=limits.CELL_CHARACTERS) from None
