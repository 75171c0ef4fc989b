"""Tables as everything after them sees them: names, and rows of text. Rows wait in a file without a name, so that a
long table takes little memory and can be gone through again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import IO, cast

import orjson

from . import limits
from .text import tidied

IN_MEMORY_BYTES = 1024 * 1024


class Unreadable(Exception):
    """A file that cannot be read as a table, with a code of words.FILES and the facts of its sentence."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.code, self.facts = code, facts


def spooled() -> IO[bytes]:
    """A file without a name, in memory while it is small; whoever asked for it closes it."""
    return cast(IO[bytes], SpooledTemporaryFile(max_size=IN_MEMORY_BYTES))


Row = tuple[int, list[str]]
"""Number of the row as the program shows it, from 1; its cells, without the empty ones at its end."""


@dataclass
class Sheet:
    """One table. `merged` are (top row, left column, bottom row, right column), from 1, both ends included."""

    name: str
    spool: IO[bytes]
    count: int = 0
    width: int = 0
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)

    def rows(self) -> Iterator[Row]:
        """The rows that are not empty, again from the first."""
        self.spool.seek(0)
        for line in self.spool:
            number, cells = orjson.loads(line)
            yield number, cells

    def first(self, most: int) -> list[Row]:
        """The first rows."""
        return [row for row, _ in zip(self.rows(), range(most), strict=False)]


@dataclass
class Book:
    """All tables of a file. `form` is xlsx, ods or csv; a CSV has an encoding and a separator too."""

    name: str
    form: str
    sheets: list[Sheet]
    encoding: str = ""
    separator: str = ""

    def close(self) -> None:
        """Let go of the rows. Safe to call twice."""
        for sheet in self.sheets:
            sheet.spool.close()


def sheet_of(
    name: str,
    rows: Iterable[tuple[int, Sequence[str]]],
    *,
    merged: Sequence[tuple[int, int, int, int]] = (),
    left: int = limits.ROWS,
) -> Sheet:
    """Spool the rows of one sheet; `left` is how many are still allowed. Raises Unreadable above a limit."""
    sheet = Sheet(name, spooled(), merged=list(merged))
    try:
        _fill(sheet, rows, left)
    # what is given up leaves no file behind
    except BaseException:
        sheet.spool.close()
        raise
    return sheet


def _fill(sheet: Sheet, rows: Iterable[tuple[int, Sequence[str]]], left: int) -> None:
    empty = 0
    for number, raw in rows:
        cells = [tidied(cell[: limits.CELL_CHARACTERS + 1]) if cell else "" for cell in raw[: limits.COLUMNS + 1]]
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            empty += 1
            if empty > limits.EMPTY_ROWS:
                return
            continue
        empty = 0
        if len(cells) > limits.COLUMNS:
            raise Unreadable("too_many_columns", sheet=sheet.name, most=limits.COLUMNS)
        if sheet.count >= left:
            raise Unreadable("too_many_rows", most=limits.ROWS)
        sheet.count += 1
        sheet.width = max(sheet.width, len(cells))
        sheet.spool.write(orjson.dumps([number, cells]) + b"\n")


def cell_name(row: int, column: int) -> str:
    """B7 for row 7 and column 2."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row}"
