"""What a file is taken for, before anything is made of it: its tables, the kind of their rows, their columns.

A person sees this with five rows of each table, corrects it from lists, and is not asked again for a file of the same
shape.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from . import dates, headings
from .columns import Column, columns_of, corrected, shape
from .fields import KINDS, kind_of
from .headings import Head
from .tables import Book, Row, Sheet
from .text import folded

SHOWN_ROWS = 5
DATES = frozenset({"start", "end", "deadline", "review_by", "assured"})


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a person said of files of one shape: kind "" as recognised; heading or number of a column → field."""

    kind: str = ""
    lang: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    skip: bool = False

    def dumps(self) -> str:
        return json.dumps({"kind": self.kind, "lang": self.lang, "columns": dict(self.columns), "skip": self.skip})

    @classmethod
    def loads(cls, text: str) -> Chosen:
        value = json.loads(text)
        return cls(value["kind"], value["lang"], value["columns"], value["skip"])


NOTHING_CHOSEN = Chosen()
Remembered = Callable[[str], Chosen | None]


@dataclass(frozen=True, slots=True)
class Table:
    """One sheet as it is understood. `list_name` tells of what it is the whole list: a later file of this name and
    shape that lacks a row says that this row has ended."""

    sheet: Sheet
    head: Head
    columns: tuple[Column, ...]
    kind: str
    lang: str
    shape: str
    list_name: str
    skipped: bool = False

    def rows(self) -> Iterator[Row]:
        """The rows below the headings, the words of cells merged downwards in each row they cover."""
        below = [one for one in self.sheet.merged if one[2] > one[0] and one[2] > self.head.last]
        starts: dict[int, list[tuple[int, int, int, int]]] = {}
        for one in below:
            starts.setdefault(one[0], []).append(one)
        going: dict[int, tuple[int, str]] = {}
        for number, cells in self.sheet.rows():
            for _, left, bottom, _ in starts.get(number, ()):
                if left <= len(cells):
                    going[left] = (bottom, cells[left - 1])
            if number <= self.head.last:
                continue
            for column, (bottom, text) in list(going.items()):
                if number > bottom:
                    del going[column]
                elif column > len(cells) or not cells[column - 1]:
                    cells += [""] * (column - len(cells))
                    cells[column - 1] = text
            yield number, cells

    def sample(self) -> list[Row]:
        """The first rows below the headings."""
        return [row for row, _ in zip(self.rows(), range(SHOWN_ROWS), strict=False)]


def understand(book: Book, lang: str, country: str, remembered: Remembered) -> list[Table]:
    """Every sheet of a file; one that has no column of names is `skipped`, until a person chooses."""
    return [_table(book, sheet, lang, country, remembered) for sheet in book.sheets]


def _table(book: Book, sheet: Sheet, lang: str, country: str, remembered: Remembered) -> Table:
    head = headings.find(sheet)
    names = [head.names[place] if place < len(head.names) else ("",) for place in range(sheet.width)]
    columns, spoken = columns_of(names)
    columns = _named(columns)
    shaped = shape("table", names)
    chosen = remembered(shaped) or NOTHING_CHOSEN
    columns = corrected(columns, chosen.columns)
    fields = frozenset(column.field for column in columns if column.field)
    told = folded(f"{book.name} {sheet.name} {' '.join(head.name(column.place) for column in columns)}")
    kind = chosen.kind or kind_of(fields, told)
    columns = [_of_kind(column, kind) for column in columns]
    table = Table(
        sheet, head, tuple(columns), kind, chosen.lang or _language(lang, spoken, country), shaped, "", chosen.skip
    )
    if not any(column.field == "name" for column in columns):
        table = replace(table, skipped=True)
    return replace(
        table, columns=_ordered(table, columns), list_name=f"{shaped} {stem(book.name)} {folded(sheet.name)}"
    )


def _named(columns: Sequence[Column]) -> list[Column]:
    """A list of organizations may call its names "organization": without a column of names, that is what they are."""
    if any(column.field == "name" for column in columns):
        return list(columns)
    return [replace(column, field="name") if column.field == "organization" else column for column in columns]


def _of_kind(column: Column, kind: str) -> Column:
    """A column of a field that this kind does not have is left out."""
    return column if not column.field or column.field in KINDS[kind] else replace(column, field="", lang="", sure=False)


def _language(lang: str, spoken: str, country: str) -> str:
    """The language of texts in Latin letters; those in Arabic or Tifinagh tell themselves."""
    if lang.partition("-")[0] not in ("ar", "zgh"):
        return lang
    if spoken in ("fr", "es", "nl", "da", "tr"):
        return spoken
    return "fr" if country in ("MA", "DZ", "TN", "MR") else "en"


def _ordered(table: Table, columns: Sequence[Column]) -> tuple[Column, ...]:
    """The order of day and month in every column of dates, as its own cells show it."""
    asked = [column for column in columns if column.field in DATES and not column.order]
    if not asked:
        return tuple(columns)
    seen: dict[int, set[str]] = {column.place: set() for column in asked}
    for _, cells in table.rows():
        for place, orders in seen.items():
            if place <= len(cells) and cells[place - 1]:
                orders.add(dates.order_of([cells[place - 1]]))
    found = {place: next(iter(orders - {""})) for place, orders in seen.items() if len(orders - {""}) == 1}
    return tuple(replace(column, order=found.get(column.place, column.order)) for column in columns)


def stem(name: str) -> str:
    """The letters of a file's name, without the day, number or "copy" that tells one version from the next."""
    words = re.findall(r"[^\W\d_]+", folded(PurePath(name).stem))
    return " ".join(word for word in words if word not in ("copy", "copie", "kopie", "copia", "final", "v", "jisr"))
