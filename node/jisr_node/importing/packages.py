"""Packages of Open Referral HSDS 3 as tables: a zip of CSV files, or JSON of services, organizations or whole tables.

Each table becomes a sheet under its own name, with the headings of the standard in its first row, so that what is said
of a value leads to a sheet and a cell. What JSON holds within one another is laid out as rows that name each other, as
the standard's own tabular form does. What the tables mean stands in hsds.py.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Any

from . import limits
from .archive import opened
from .encodings import SAMPLE_BYTES, encoding_of
from .tables import Book, Sheet, Unreadable, sheet_of

FORM = "hsds"
MAIN = ("organizations", "programs", "locations", "services", "taxonomies")
"""The tables whose rows are records, in the order in which they are judged: later ones refer to earlier ones."""
_NAMES = {
    "service_at_locations": "service_at_location", "organization": "organizations", "service": "services",
    "location": "locations", "address": "addresses", "phone": "phones", "schedule": "schedules",
    "program": "programs", "taxonomy_term": "taxonomy_terms", "taxonomy_detail": "taxonomies",
    "language": "languages", "attribute": "attributes", "taxonomy": "taxonomies",
}  # fmt: skip
_KEYS = {
    "services": "service_id", "organizations": "organization_id", "locations": "location_id",
    "service_at_location": "service_at_location_id", "phones": "phone_id", "contacts": "contact_id",
}  # fmt: skip
_ALONE = ("organizations", "locations", "programs", "taxonomy_terms", "taxonomies")
"""What stands by itself, whatever it was found in."""
_DEPTH = 6
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError)

Rows = list[dict[str, Any]]


def read(name: str, file: IO[bytes]) -> Book | None:
    """The tables of a package; None for a file that is none. Raises Unreadable for one above a limit."""
    start = file.read(4)
    file.seek(0)
    found = _zipped(file) if start.startswith(b"PK") else _json(file)
    file.seek(0)
    if found is None:
        return None
    left, sheets = limits.ROWS, []
    try:
        for table, rows in found:
            sheets.append(sheet_of(table, rows, left=left))
            left -= sheets[-1].count
    # what is given up leaves no file behind
    except BaseException:
        _close(sheets)
        raise
    kept = [sheet for sheet in sheets if sheet.count]
    _close(sheet for sheet in sheets if not sheet.count)
    if not {sheet.name for sheet in kept} & set(MAIN):
        _close(kept)
        return None
    return Book(name, FORM, kept)


def _close(sheets: Iterable[Sheet]) -> None:
    for sheet in sheets:
        sheet.spool.close()


Table = tuple[str, Iterator[tuple[int, Sequence[str]]]]


def _zipped(file: IO[bytes]) -> Iterator[Table] | None:
    """CSV files by their names, wherever in the archive they lie; None without a table of the standard."""
    with opened(file) as archive:
        parts = [part for part in archive.namelist() if part.lower().endswith(".csv")]
    names = {part: _table_name(part) for part in parts}
    if not {"services", "organizations"} & set(names.values()):
        return None

    def tables() -> Iterator[Table]:
        with opened(file) as archive:
            for part in parts:
                with archive.open(part) as packed:
                    yield names[part], _lines(packed)

    return tables()


def _table_name(part: str) -> str:
    name = part.rpartition("/")[2].lower().removesuffix(".csv")
    return _NAMES.get(name, name)


def _lines(packed: IO[bytes]) -> Iterator[tuple[int, Sequence[str]]]:
    try:
        start = packed.read(SAMPLE_BYTES)
        packed.seek(0)
        text = io.TextIOWrapper(packed, encoding_of(start, whole=len(start) < SAMPLE_BYTES), "replace", newline="")
        yield from enumerate(csv.reader(text), 1)
    except (csv.Error, *_DAMAGED):
        raise Unreadable("broken") from None


def _json(file: IO[bytes]) -> Iterator[Table] | None:
    content = file.read(limits.FILE_BYTES + 1)
    if len(content) > limits.FILE_BYTES or content.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] not in (b"{", b"["):
        return None
    try:
        value = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    found = _nested(value)
    return ((table, _rows(rows)) for table, rows in found.items()) if found else None


def _rows(rows: Rows) -> Iterator[tuple[int, Sequence[str]]]:
    """Rows of names and values as lines below one line of headings."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    yield 1, names
    for number, row in enumerate(rows, 2):
        yield number, [_text(row.get(name)) for name in names]


def _text(value: object) -> str:
    if value is None or isinstance(value, list | dict):
        return ""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _nested(value: Any) -> dict[str, Rows] | None:
    """JSON as an HSDS interface gives it: one object, a list, a page with `contents`, or tables by name."""
    if isinstance(value, dict) and all(
        name.endswith(".csv") and isinstance(rows, list) for name, rows in value.items()
    ):
        return {_table_name(name): [row for row in rows if isinstance(row, dict)] for name, rows in value.items()}
    listed = value.get("contents", [value]) if isinstance(value, dict) else value
    if not isinstance(listed, list):
        return None
    things = [one for one in listed if isinstance(one, dict) and "id" in one and "name" in one]
    if not things or any("type" in one and str(one["type"]).startswith("org.jisr.") for one in things):
        return None
    found: dict[str, Rows] = {}
    seen: set[tuple[str, str]] = set()
    for one in things:
        _flatten(_kind(one), one, {}, found, seen)
    return found


def _kind(one: Mapping[str, Any]) -> str:
    if one.keys() & {"organization", "organization_id", "service_at_locations", "program"}:
        return "services"
    if "taxonomy_detail" in one or "taxonomy_id" in one:
        return "taxonomy_terms"
    if one.keys() <= {"id", "name", "description", "uri", "version", "metadata"} and one.keys() & {"uri", "version"}:
        return "taxonomies"
    return "organizations"


def _flatten(
    table: str,
    one: Mapping[str, Any],
    above: Mapping[str, str],
    found: dict[str, Rows],
    seen: set[tuple[str, str]],
    depth: int = 0,
) -> None:
    """One object as a row, what it holds as rows of their own that name it."""
    row = {name: member for name, member in one.items() if not isinstance(member, list | dict)} | dict(above)
    key, mine = _KEYS.get(table), str(one.get("id", ""))
    for name, member in one.items():
        inner = _NAMES.get(name, name)
        held = [each for each in (member if isinstance(member, list) else [member]) if isinstance(each, dict)]
        if depth >= _DEPTH or not held:
            continue
        if isinstance(member, dict):
            row[_PARENT.get(inner, f"{name}_id")] = str(member.get("id", ""))
        below: dict[str, str] = {}
        if inner not in _ALONE:
            below = {"link_id": mine} if inner == "attributes" else {**above, **({key: mine} if key else {})}
        elif inner == "programs" and table == "organizations":
            below = {"organization_id": mine}
        for each in held:
            _flatten(inner, each, below, found, seen, depth + 1)
    if not mine or (table, mine) not in seen:
        found.setdefault(table, []).append(row)
        seen.add((table, mine))


_PARENT = {"organizations": "organization_id", "locations": "location_id", "programs": "program_id",
           "taxonomies": "taxonomy_id", "taxonomy_terms": "taxonomy_term_id"}  # fmt: skip
