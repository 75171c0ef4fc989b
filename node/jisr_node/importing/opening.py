"""Bytes to tables, by what they are and not by what their name says."""

from __future__ import annotations

from typing import IO

from . import limits, packages
from .tables import Book, Unreadable

_ZIP, _OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_NEVER = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"SQLite format 3\x00", b"\x1f\x8b", b"{\\rtf")


def open_book(name: str, file: IO[bytes]) -> Book:
    """The tables of a file; `name` is only shown. Raises Unreadable for what is none, or is above a limit."""
    file.seek(0, 2)
    size = file.tell()
    if size > limits.FILE_BYTES:
        raise Unreadable("too_large", most=limits.FILE_BYTES // 1024**2)
    if size == 0:
        raise Unreadable("empty")
    file.seek(0)
    start = file.read(64)
    file.seek(0)
    if start.startswith(_OLD_EXCEL):
        raise Unreadable("old_excel")
    if start.startswith(_NEVER):
        raise Unreadable("no_table")
    if start.startswith(_ZIP):
        return _workbook(name, file)
    if start.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] in (b"{", b"[") and (package := packages.read(name, file)) is not None:
        return package
    from . import csv_file

    return csv_file.read(name, file)


def _workbook(name: str, file: IO[bytes]) -> Book:
    from . import archive

    with archive.opened(file) as parts:
        names = parts.namelist()
    file.seek(0)
    if "xl/workbook.xml" in names or any(part.startswith("xl/") for part in names):
        from . import xlsx_file

        return xlsx_file.read(name, file)
    if "content.xml" in names:
        from . import ods_file

        return ods_file.read(name, file)
    if (package := packages.read(name, file)) is not None:
        return package
    raise Unreadable("no_table")
