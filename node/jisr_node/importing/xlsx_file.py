"""Workbooks of Excel and its kin: openpyxl reads them row by row."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import IO, Any

from . import limits
from .archive import harmless, opened
from .tables import Book, Sheet, Unreadable, sheet_of

_MERGE = re.compile(rb"<(?:\w+:)?mergeCell\b[^>]*?\bref=[\"']([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})[\"']")


def read(name: str, file: IO[bytes]) -> Book:
    """Every visible sheet of a workbook. Raises Unreadable."""
    with opened(file) as archive:
        for part in archive.namelist():
            if part.endswith((".xml", ".rels")):
                harmless(archive, part)
        sheets = _sheets(file, archive)
    if not sheets:
        raise Unreadable("empty")
    return Book(name, "xlsx", sheets)


def _sheets(file: IO[bytes], archive: zipfile.ZipFile) -> list[Sheet]:
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise Unreadable("no_openpyxl") from None

    found: list[Sheet] = []
    file.seek(0)
    try:
        with warnings.catch_warnings():
            # of parts that it does not keep, such as drop-down lists; we only read
            warnings.simplefilter("ignore")
            book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
            left = limits.ROWS
            for each in book.worksheets[: limits.SHEETS]:
                if each.sheet_state != "visible":
                    continue
                each.reset_dimensions()
                sheet = sheet_of(each.title, _rows(each), merged=_merged(archive, each), left=left)
                left -= sheet.count
                found.append(sheet)
            book.close()
    except Unreadable:
        _close(found)
        raise
    # a workbook of anybody: whatever it makes a parser raise, it is a file that cannot be read
    except Exception as error:
        _close(found)
        raise Unreadable("broken") from error
    for empty in (sheet for sheet in found if not sheet.count):
        empty.spool.close()
    return [sheet for sheet in found if sheet.count]


def _close(sheets: list[Sheet]) -> None:
    for sheet in sheets:
        sheet.spool.close()


def _rows(sheet: Any) -> Iterator[tuple[int, list[str]]]:
    for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        yield number, [shown(value) for value in cells]


def _merged(archive: zipfile.ZipFile, sheet: Any) -> list[tuple[int, int, int, int]]:
    """The merged ranges, which stand behind all rows, and which openpyxl does not read row by row."""
    found = []
    with archive.open(sheet._worksheet_path) as part:
        before = b""
        while block := part.read(1 << 20):
            text = before + block
            for left, top, right, bottom in _MERGE.findall(text):
                found.append((int(top), _column(left), int(bottom), _column(right)))
            cut = text.rfind(b"<")
            before = text[cut:] if cut >= 0 else b""
            if len(found) > limits.ROWS:
                raise Unreadable("too_many_rows", most=limits.ROWS)
    return found


def _column(letters: bytes) -> int:
    column = 0
    for letter in letters:
        column = column * 26 + letter - 64
    return column


def shown(value: object) -> str:
    """A cell as text that says the same everywhere: 2026-03-31, 09:30, 12, 0.5, true."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d") if value.time() == time() else value.strftime("%Y-%m-%dT%H:%M")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return value.strftime("%H:%M")
    if isinstance(value, timedelta):
        minutes = int(value.total_seconds() // 60)
        return f"{minutes // 60:02}:{minutes % 60:02}"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)
