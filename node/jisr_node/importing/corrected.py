"""The same table to take home: every row where it stood, what could be repaired repaired, what must be fixed marked in
its cell and said in a column of its own. A CSV comes back as CSV, a workbook as XLSX, a package as a zip of CSV files,
written row by row."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

from .heading_words import field_name
from .packages import FORM
from .problems import MUST_FIX, Problem
from .tables import Book, Sheet
from .understanding import Table
from .words import Translate, plain, sentence

_ENDINGS = {"csv": "csv", FORM: "zip"}
Repaired = Mapping[str, Mapping[int, Mapping[int, str]]]


def name_of(book: Book) -> str:
    """What the corrected file is called."""
    stem = book.name.rpartition("/")[2]
    stem = stem.rpartition(".")[0] or stem or "table"
    return f"{stem}-jisr.{_ENDINGS.get(book.form, 'xlsx')}"


def write(
    book: Book, tables: Sequence[Table], problems: Sequence[Problem], repaired: Repaired, out: IO[bytes],
    *, lang: str = "en", tr: Translate = plain,
) -> None:  # fmt: skip
    """Write the corrected file. Sheets that were left out come back as they were."""
    notes = _Notes(problems, lang, tr)
    by_sheet = {table.sheet.name: table for table in tables if not table.skipped}
    if book.form == "csv":
        _write_csv(book.sheets[0], book.separator, by_sheet, notes, repaired, out)
    elif book.form == FORM:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for sheet in book.sheets:
                with archive.open(f"{sheet.name}.csv", "w") as part:
                    _write_csv(sheet, ",", by_sheet, notes, repaired, part)
    else:
        _write_xlsx(book, by_sheet, notes, repaired, out)


class _Notes:
    """What must be fixed, by sheet and row."""

    def __init__(self, problems: Sequence[Problem], lang: str, tr: Translate) -> None:
        self.heading = field_name("wrong", lang)
        self._said: dict[tuple[str, int], list[str]] = {}
        self.marked: dict[tuple[str, int], set[int]] = {}
        for problem in problems:
            if problem.level == MUST_FIX:
                key = (problem.sheet, problem.row)
                where = f"{problem.cell}: " if problem.column else ""
                self._said.setdefault(key, []).append(where + sentence(problem, lang, tr))
                self.marked.setdefault(key, set()).add(problem.column)

    def of(self, sheet: str, row: int) -> str:
        return " · ".join(self._said.get((sheet, row), ()))


def _lines(sheet: Sheet, table: Table | None, notes: _Notes, repaired: Repaired) -> Iterator[tuple[int, list[str]]]:
    """Every row with its number; the last column says what is wrong. Rows that were empty are empty again."""
    if table is None:
        yield from sheet.rows()
        return
    changed = repaired.get(sheet.name, {})
    column = next((one.place for one in table.columns if one.field == "wrong"), sheet.width + 1)
    heads = {number: cells for number, cells in sheet.first(60) if number <= table.head.last}
    for number, cells in heads.items():
        line = cells + [""] * (column - len(cells))
        line[column - 1] = notes.heading if number == table.head.last else ""
        yield number, line
    for number, cells in table.rows():
        line = cells + [""] * (column - len(cells))
        bad = notes.marked.get((sheet.name, number), set())
        for place, text in changed.get(number, {}).items():
            if place not in bad:
                line[place - 1] = text
        line[column - 1] = notes.of(sheet.name, number)
        yield number, line


def _write_csv(
    sheet: Sheet, separator: str, tables: Mapping[str, Table], notes: _Notes, repaired: Repaired, out: IO[bytes]
) -> None:
    text = io.TextIOWrapper(out, "utf-8-sig", newline="")
    writer = csv.writer(text, delimiter=separator)
    written = 0
    for number, cells in _lines(sheet, tables.get(sheet.name), notes, repaired):
        for _ in range(number - written - 1):
            writer.writerow([])
        writer.writerow(cells)
        written = number
    text.flush()
    text.detach()


def _write_xlsx(book: Book, tables: Mapping[str, Table], notes: _Notes, repaired: Repaired, out: IO[bytes]) -> None:
    from openpyxl import Workbook

    made = Workbook(write_only=True)
    for sheet in book.sheets:
        table = tables.get(sheet.name)
        page = made.create_sheet(sheet.name[:31] or None)
        page.sheet_view.rightToLeft = table is not None and table.lang == "ar"
        if table is not None:
            page.freeze_panes = f"A{table.head.last + 1}"
        written = 0
        for number, cells in _lines(sheet, table, notes, repaired):
            for _ in range(number - written - 1):
                page.append([])
            bad = notes.marked.get((sheet.name, number), set())
            head = table is not None and number <= table.head.last
            page.append([_cell(page, text, place in bad or (bool(bad) and place == len(cells)), head)
                         for place, text in enumerate(cells, 1)])  # fmt: skip
            written = number
    made.save(out)


def _cell(page: Any, text: str, marked: bool, head: bool) -> Any:
    """A cell of text: never a formula, whatever it begins with; marked by a colour, and by words in the last column."""
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font, PatternFill

    if not text and not marked:
        return None
    cell = WriteOnlyCell(page, value=text)
    cell.data_type = "s"
    if marked:
        cell.fill = PatternFill("solid", start_color="FFE8A44C")
    if head:
        cell.font = Font(bold=True)
    return cell
