"""Workbooks of LibreOffice and other OpenDocument programs: one XML file, read as a stream.

Cells and rows that say the same many times are written once, with a number; an empty sheet has a million such rows.
They are counted, and written out only where there is something in them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO
from xml.etree import ElementTree

from . import limits
from .archive import harmless, opened
from .tables import Book, Sheet, Unreadable, sheet_of

_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_CELLS = (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell")
_REPEATED = f"{_TABLE}number-columns-repeated"

Merged = list[tuple[int, int, int, int]]


def read(name: str, file: IO[bytes]) -> Book:
    """Every sheet of a workbook. Raises Unreadable."""
    with opened(file) as archive:
        if "content.xml" not in archive.namelist():
            raise Unreadable("broken")
        harmless(archive, "content.xml")
        with archive.open("content.xml") as content:
            try:
                sheets = _sheets(content)
            except ElementTree.ParseError:
                raise Unreadable("broken") from None
    if not sheets:
        raise Unreadable("empty")
    return Book(name, "ods", sheets)


def _sheets(content: IO[bytes]) -> list[Sheet]:
    found: list[Sheet] = []
    events = ElementTree.iterparse(content, ("start", "end"))
    left = limits.ROWS
    try:
        for event, element in events:
            if event == "start" and element.tag == f"{_TABLE}table" and len(found) < limits.SHEETS:
                merged: Merged = []
                sheet = sheet_of(element.get(f"{_TABLE}name", ""), _rows(events, element, merged), left=left)
                sheet.merged = merged
                left -= sheet.count
                found.append(sheet)
    # what is given up leaves no file behind
    except BaseException:
        for sheet in found:
            sheet.spool.close()
        raise
    for empty in (sheet for sheet in found if not sheet.count):
        empty.spool.close()
    return [sheet for sheet in found if sheet.count]


def _rows(
    events: Iterator[tuple[str, ElementTree.Element]], table: ElementTree.Element, merged: Merged
) -> Iterator[tuple[int, list[str]]]:
    number = 0
    for event, element in events:
        if event == "end" and element is table:
            break
        if event == "end" and element.tag == f"{_TABLE}table-row":
            times = _number(element.get(f"{_TABLE}number-rows-repeated"), 1)
            cells = _cells(element, number + 1, merged)
            if not any(cells):
                number += times
                yield number, []
            elif times > limits.ROWS:
                raise Unreadable("too_many_rows", most=limits.ROWS)
            else:
                for _ in range(times):
                    number += 1
                    yield number, cells
            table.clear()


def _cells(row: ElementTree.Element, number: int, merged: Merged) -> list[str]:
    found: list[str] = []
    for cell in row:
        if cell.tag not in _CELLS:
            continue
        times, text = _number(cell.get(_REPEATED), 1), _shown(cell)
        wide = _number(cell.get(f"{_TABLE}number-columns-spanned"), 1)
        high = _number(cell.get(f"{_TABLE}number-rows-spanned"), 1)
        if (wide > 1 or high > 1) and len(merged) < limits.ROWS:
            merged.append((number, len(found) + 1, number + high - 1, len(found) + wide))
        found += [text] * min(times, limits.COLUMNS + 1 - len(found))
    return found


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 9 else default


def _shown(cell: ElementTree.Element) -> str:
    """A cell as xlsx_file.shown has it."""
    kind = cell.get(f"{_OFFICE}value-type")
    if kind == "date":
        moment = cell.get(f"{_OFFICE}date-value", "")
        return moment[:10] if moment[11:16] in ("", "00:00") else moment[:16]
    if kind == "time":
        return _time(cell.get(f"{_OFFICE}time-value", ""))
    if kind == "boolean":
        return cell.get(f"{_OFFICE}boolean-value", "")
    if kind in ("float", "currency", "percentage"):
        text = cell.get(f"{_OFFICE}value", "")
        return text.removesuffix(".0")
    return "\n".join("".join(_words(line)) for line in cell if line.tag == f"{_TEXT}p")


def _words(line: ElementTree.Element) -> Iterator[str]:
    yield line.text or ""
    for part in line:
        if part.tag == f"{_TEXT}s":
            yield " " * min(_number(part.get(f"{_TEXT}c"), 1), 100)
        elif part.tag == f"{_TEXT}line-break":
            yield "\n"
        elif part.tag.startswith(_TEXT):
            yield from _words(part)
        yield part.tail or ""


def _time(text: str) -> str:
    """PT09H30M00S as 09:30."""
    hours, _, rest = text.removeprefix("PT").partition("H")
    minutes = rest.partition("M")[0]
    return f"{_number(hours, 0):02}:{_number(minutes, 0):02}"
