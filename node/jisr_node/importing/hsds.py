"""What the tables of an HSDS package mean: a row of organizations, programs, locations, services or taxonomies, and the
rows of other tables that name it, become one record.

    tables_of(book, …)      the tables as they are understood; what a person left out is remembered by shape
    Package(tables, …)      their rows, found by what they name; hsds_records.py makes records of them

`source.local_id` is the id in the package, so that the same package twice changes nothing. Names of contacts are not
read. A value that cannot be read is named by its cell and left out alone; a record without an id or a name stays out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import values
from .columns import Column, corrected, shape
from .headings import Head
from .packages import FORM, MAIN
from .tables import Book, Row, Sheet
from .understanding import NOTHING_CHOSEN, Remembered, Table, stem

KINDS = {"organizations": "organization", "programs": "project", "locations": "location", "services": "service",
         "taxonomies": "taxonomy"}  # fmt: skip
"""Table → the kind of record that its rows are."""
TAKEN: Mapping[str, Mapping[str, str]] = {
    "organizations": {"name": "name", "alternate_name": "short_name", "description": "description", "email": "email",
                      "website": "website", "year_incorporated": "founded"},
    "programs": {"name": "name", "description": "description"},
    "locations": {"name": "name", "description": "description", "transportation": "transportation",
                  "latitude": "latitude", "longitude": "longitude"},
    "services": {"name": "name", "description": "description", "url": "website", "email": "email", "status": "status",
                 "application_process": "how_to_apply", "fees_description": "cost",
                 "eligibility_description": "for_whom", "minimum_age": "minimum_age", "maximum_age": "maximum_age",
                 "alert": "alert", "assured_date": "assured"},
    "taxonomies": {"name": "name", "description": "description", "uri": "website", "version": "version"},
    "taxonomy_terms": {"code": "code", "name": "name", "description": "description"},
    "attributes": {"taxonomy_term_id": "focus"},
    "addresses": {"address_1": "street", "city": "locality", "state_province": "region", "postal_code": "postal_code",
                  "country": "country"},
    "phones": {"number": "phone"},
    "schedules": {"byday": "days", "opens_at": "opens", "closes_at": "closes", "valid_from": "start",
                  "valid_to": "end", "description": "description"},
    "languages": {"code": "languages", "name": "languages"},
    "service_at_location": {"location_id": "place"},
    "service_areas": {"name": "area"},
    "required_documents": {"document": "document", "uri": "website"},
    "cost_options": {"option": "cost", "amount": "amount", "currency": "currency"},
    "organization_identifiers": {"identifier": "register"},
}  # fmt: skip
"""Table → heading → the field that it is taken for, whose words the pages show where there are some."""


def tables_of(book: Book, lang: str, remembered: Remembered) -> list[Table]:
    """The tables of a package that are read, those whose rows are records first."""
    order = {name: place for place, name in enumerate((*MAIN, *TAKEN))}
    known = sorted((sheet for sheet in book.sheets if sheet.name in TAKEN), key=lambda sheet: order[sheet.name])
    return [_table(book, sheet, lang, remembered) for sheet in known]


def _table(book: Book, sheet: Sheet, lang: str, remembered: Remembered) -> Table:
    [(number, headings)] = sheet.first(1)
    names = [(heading.strip().lower(),) for heading in headings]
    shaped = shape(f"{FORM} {sheet.name}", names)
    chosen = remembered(shaped) or NOTHING_CHOSEN
    taken = TAKEN[sheet.name]
    columns = [Column(place, name, taken.get(name, "")) for place, (name,) in enumerate(names, 1)]
    left = {place: said for place, said in chosen.columns.items() if said == "-" or said in ("focus", "target_group")}
    head, kind = Head((number,), tuple(names)), KINDS.get(sheet.name, "")
    listed = f"{shaped} {stem(book.name)} {sheet.name}"
    return Table(sheet, head, tuple(corrected(columns, left)), kind, lang, shaped, listed, chosen.skip)


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table: its number, its values by heading, and where each stands."""

    table: str
    number: int
    values: Mapping[str, str]
    places: Mapping[str, int]

    def get(self, heading: str) -> str:
        return self.values.get(heading, "")


class Package:
    """The rows of a package, those of the tables that name others in memory."""

    def __init__(self, tables: Sequence[Table], node: str, country: str, today: str) -> None:
        self.node, self.country, self.today = node, country, today
        self.taken = {table.sheet.name: {one.heading: one.field for one in table.columns if one.field}
                      for table in tables if not table.skipped}  # fmt: skip
        self.main = [table for table in tables if table.kind]
        self._lines = {table.sheet.name: [line_of(table, row) for row in table.rows()]
                       for table in tables if not table.kind and not table.skipped}  # fmt: skip
        self._taxonomies = [table for table in self.main if table.kind == "taxonomy" and not table.skipped]
        self._named: dict[tuple[str, str], dict[str, list[Line]]] = {}

    def of(self, table: str, key: str, named: str) -> list[Line]:
        """The rows of a table that name something in their column `key`."""
        if (table, key) not in self._named:
            by = self._named[table, key] = defaultdict(list)
            for line in self._lines.get(table, ()):
                by[line.get(key)].append(line)
        return self._named[table, key].get(named, []) if named else []

    def taxonomy(self, named: str) -> Line | None:
        """The taxonomy with this id."""
        for table in self._taxonomies:
            for row in table.rows():
                if (line := line_of(table, row)).get("id") == named:
                    return line
        return None

    def speaks_of(self, table: str, *headings: str) -> bool:
        """Whether the package has one of these columns, and nobody left it out."""
        return bool(self.taken.get(table, {}).keys() & set(headings))


def line_of(table: Table, row: Row) -> Line:
    number, cells = row
    taken = {column.heading for column in table.columns if column.field}
    told = {}
    for column, cell in zip(table.columns, cells, strict=False):
        keyed = column.heading == "id" or (column.heading.endswith("_id") and column.heading not in TAKEN[
            table.sheet.name]) or column.heading == "identifier_scheme"  # fmt: skip
        if (keyed or column.heading in taken) and not values.is_empty(cell):
            told[column.heading] = cell.strip('" ')
    return Line(table.sheet.name, number, told, {column.heading: column.place for column in table.columns})
