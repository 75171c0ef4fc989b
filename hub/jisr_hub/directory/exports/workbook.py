"""A workbook (Office Open XML, ECMA-376) written as it streams: one sheet, every cell a text, nothing computed.

A zip can be written front to back, and so can a sheet whose texts stand in its cells. So no row is ever held, and no
file is needed beside.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from xml.sax.saxutils import escape

from .columns import COLUMNS, cells
from .shown import About, Shown

MOST_ROWS = 1_048_576
"""What a sheet takes; what comes after stays out, and the last row says so."""
_WRITTEN = (1980, 1, 1, 0, 0, 0)
"""Always the same, so that one state of the directory gives the same bytes."""
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PARTS = {
    "[Content_Types].xml": (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_KIND}.worksheet+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        '<sheet name="directory" sheetId="1" r:id="rId1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
    ),
}


class _Going:
    """A file that only goes on: what was written is taken away at once."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def write(self, content: bytes, /) -> int:
        self._held.append(bytes(content))
        return len(content)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """There is nothing to close."""

    def take(self) -> bytes:
        held, self._held = b"".join(self._held), []
        return held


class Workbook:
    """A table of entries as a workbook."""

    def __init__(self, about: About) -> None:
        self._out, self._rows = _Going(), 0
        self._zip = zipfile.ZipFile(self._out, "w", zipfile.ZIP_DEFLATED, compresslevel=4)

    def begin(self) -> bytes:
        for name, content in _PARTS.items():
            self._zip.writestr(_named(name), _XML + content)
        self._sheet = self._zip.open(_named("xl/worksheets/sheet1.xml"), "w", force_zip64=True)
        self._sheet.write(f'{_XML}<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
        self._write([list(COLUMNS)])
        return self._out.take()

    def part(self, entries: Sequence[Shown]) -> bytes:
        room = MOST_ROWS - 1 - self._rows
        self._write([cells(one) for one in entries[: max(0, room)]])
        if 0 <= room < len(entries):
            self._write([["More rows than a workbook takes. Take the CSV file instead."]])
        return self._out.take()

    def end(self) -> bytes:
        self._sheet.write(b"</sheetData></worksheet>")
        self._sheet.close()
        self._zip.close()
        return self._out.take()

    def _write(self, lines: Sequence[Sequence[str]]) -> None:
        self._rows += len(lines)
        self._sheet.write("".join(map(_row, lines)).encode())


def _named(name: str) -> zipfile.ZipInfo:
    named = zipfile.ZipInfo(name, _WRITTEN)
    named.compress_type = zipfile.ZIP_DEFLATED
    return named


def _row(line: Sequence[str]) -> str:
    return f"<row>{''.join(map(_cell, line))}</row>"


def _cell(text: str) -> str:
    if not text:
        return "<c/>"
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'
