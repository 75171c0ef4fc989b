"""Which rows of a sheet name its columns: the first with the most known headings; a row of groups above it, or the same
in a second language below it, belongs to it. What stands higher is a title."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .columns import recognised
from .tables import Row, Sheet

LOOK_ROWS = 30


@dataclass(frozen=True, slots=True)
class Head:
    """Rows that name columns: their numbers, and for each column its words from top to bottom, "" for none."""

    rows: tuple[int, ...]
    names: tuple[tuple[str, ...], ...]

    @property
    def last(self) -> int:
        """The number of the row after which the table begins."""
        return self.rows[-1] if self.rows else 0

    def name(self, column: int) -> str:
        """The heading of a column (from 1) for a person: the row nearest to the table, else the group."""
        words = self.names[column - 1] if column <= len(self.names) else ()
        return next((word for word in reversed(words) if word), "")


def find(sheet: Sheet) -> Head:
    """The rows that name columns; without any known heading the first row that has as many cells as most."""
    first = sheet.first(LOOK_ROWS)
    known = [sum(recognised((cell,)) is not None for cell in cells) for _, cells in first]
    if not first:
        return Head((), ())
    best = max(range(len(first)), key=lambda place: (known[place], -place))
    if known[best] < min(2, sheet.width):
        best = _widest(first, sheet.width)
        return _head(first, [best], sheet)
    places = [best]
    if best and _is_group(first[best - 1], first[best], sheet):
        places.insert(0, best - 1)
    while places[-1] + 1 < len(first) and _repeats(first[places[-1] + 1], known[places[-1] + 1]):
        places.append(places[-1] + 1)
    return _head(first, places, sheet)


def _widest(first: Sequence[Row], width: int) -> int:
    filled = [sum(map(bool, cells)) for _, cells in first]
    return next((place for place, count in enumerate(filled) if count * 2 > width), 0)


def _is_group(above: Row, head: Row, sheet: Sheet) -> bool:
    """Whether a row stands right above the headings and groups them: a cell over several of them, beside others."""
    (number, cells), (below, names) = above, head
    filled = [column for column, cell in enumerate(cells) if cell]
    merged = any(top <= number <= bottom and right > left for top, left, bottom, right in sheet.merged)
    if below != number + 1 or len(filled) < 2 or sum(map(bool, names)) < 2:
        return False
    fewer = len(filled) < sum(map(bool, names))
    return (merged or fewer) and all(len(cells[column]) <= 60 for column in filled)


def _repeats(row: Row, known: int) -> bool:
    """Whether a row below the headings says them again, in another language or as HXL tags."""
    filled = [cell for cell in row[1] if cell]
    if filled and all(cell.startswith("#") for cell in filled):
        return True
    return known >= 2 and known * 2 > len(filled)


def _head(first: Sequence[Row], places: Sequence[int], sheet: Sheet) -> Head:
    rows = [_over(first[place], sheet, group=place != places[-1], below=first[places[-1]][1]) for place in places]
    width = max((len(cells) for cells in rows), default=0)
    names = tuple(
        tuple("" if column >= len(cells) or cells[column].startswith("#") else cells[column] for cells in rows)
        for column in range(width)
    )
    return Head(tuple(first[place][0] for place in places), names)


def _over(row: Row, sheet: Sheet, *, group: bool, below: Sequence[str]) -> list[str]:
    """A row of headings with the words of a merged cell, or of a group, over every column it covers."""
    number, cells = row
    cells = cells + [""] * (len(below) - len(cells))
    for top, left, bottom, right in sheet.merged:
        if top <= number <= bottom and left <= len(cells):
            for column in range(left, min(right, len(cells)) + 1):
                cells[column - 1] = cells[column - 1] or cells[left - 1]
    if group and not any(top <= number <= bottom for top, _, bottom, _ in sheet.merged):
        for column in range(1, len(cells)):
            # in a text table nothing is merged: a group reaches until the next one begins
            cells[column] = cells[column] or (cells[column - 1] if column < len(below) and below[column] else "")
    return cells
