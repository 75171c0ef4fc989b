"""One row of an HSDS package, with the rows that name it, to one record. hsds.py says which tables there are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from . import values
from .hours import ZONES
from .hsds import Line, Package, line_of
from .making import Draft, Made, term
from .places import hides
from .preparing import Judge
from .problems import COULD_BE_BETTER, MUST_FIX, Problem
from .tables import Row
from .text import script_language
from .understanding import Table
from .values import Unread

STATUS = {"active": "active", "inactive": "paused", "temporarily closed": "paused", "defunct": "ended"}
_DAYS = frozenset(("MO", "TU", "WE", "TH", "FR", "SA", "SU"))
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+-]{0,79}")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,39}")
_REGISTER = re.compile(r"[A-Z]{2,4}(?:-[A-Z0-9_]+)+")
_RESTRICTED = re.compile(r"\bAIRS\b|211 ?HSIS|211 ?LA\b|211taxonomy|Inform ?USA", re.IGNORECASE)
"""Taxonomies whose licence forbids to pass their codes on."""
_SHORT, _LONG = 300, 5000
_DEGREES: Mapping[str, Callable[[str], Any]] = {
    "latitude": lambda text: values.degrees(text, 90),
    "longitude": lambda text: values.degrees(text, 180),
}


class PackageRows:
    """Makes the records of one table, as rows.Rows does for tables that people keep."""

    def __init__(self, package: Package, judge: Judge, table: Table) -> None:
        self._package, self._judge, self._table = package, judge, table

    def column_of(self, name: str) -> int:
        heading = {"organization": "organization_id"}.get(name, name)
        return next((column.place for column in self._table.columns if column.heading == heading), 0)

    def make(self, row: Row) -> Made | None:
        """The record of a row; None for a list of terms without terms."""
        line = line_of(self._table, row)
        if self._table.kind == "taxonomy" and not self._package.of("taxonomy_terms", "taxonomy_id", line.get("id")):
            return None
        return _Record(self._package, self._judge, self._table, line).made()


@dataclass
class _Record:
    package: Package
    judge: Judge
    table: Table
    line: Line
    record: dict[str, Any] = field(default_factory=dict)
    cells: dict[str, int] = field(default_factory=dict)
    beside: dict[str, tuple[str, int, int, str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def made(self) -> Made:
        """The record, and what is to be said of its cells."""
        kind, line = self.table.kind, self.line
        key, name = line.get("id"), line.get("name")
        title = name or key
        for heading in ("id", "name"):
            if not line.get(heading):
                self._say(MUST_FIX, "missing", line, heading, expected=heading)
        whose = line.get("organization_id") if kind in ("service", "project") else ""
        if whose and not self.judge.knows_organization(whose):
            self._say(MUST_FIX, "unknown_id", line, "organization_id", came=whose)
        restricted = kind == "taxonomy" and _is_restricted(line)
        if restricted:
            self._say(MUST_FIX, "restricted", line, "name", came=title)
        if name:
            self._text("name", line, "name", _SHORT)
            self.record["lang"] = next(iter(self.record["name"]))
            {"organization": self._organization, "project": self._project, "location": self._location,
             "service": self._service, "taxonomy": self._taxonomy}[kind]()  # fmt: skip
        draft = Draft(f"org.jisr.{kind}/1", key, self.record, title, self.cells, self._owned(), whose, self.beside)
        return Made(line.number, title, key, [draft], [replace(one, title=title) for one in self.problems], {})

    # each kind

    def _organization(self) -> None:
        line = self.line
        self._text("purpose", line, "description")
        if line.get("alternate_name"):
            self._put("/alternate_names", [self._label(line.get("alternate_name"))], line, "alternate_name")
        self._try("/websites", line, "website", values.webs)
        self._try("/founded", line, "year_incorporated", values.year)
        self._contacts("organization_id")
        found = [one for one in self.package.of("organization_identifiers", "organization_id", line.get("id"))
                 if _REGISTER.fullmatch(one.get("identifier_scheme"))]  # fmt: skip
        for place, one in enumerate(found[:20]):
            self._try(f"/identifiers/{place}/value", one, "identifier", values.register)
        held = self.record.pop("identifiers", {})
        if held:
            self.record["identifiers"] = [
                {"scheme": found[int(place)].get("identifier_scheme"), **told, "kind": "primary", "checked": "none"}
                for place, told in held.items()
            ]
        self._terms()

    def _project(self) -> None:
        self._text("description", self.line, "description")
        self._terms()

    def _location(self) -> None:
        line = self.line
        hidden = next((heading for heading in ("name", "description") if hides(line.get(heading))), "")
        self._text("description", line, "description")
        if hidden:
            self.record["privacy"] = "hidden"
            self._say(COULD_BE_BETTER, "hidden_place", line, hidden, came=line.get(hidden)[:100])
            return
        self._text("transport", line, "transportation")
        found = self.package.of("addresses", "location_id", line.get("id"))[:10]
        addresses = [self._address(place, one) for place, one in enumerate(found)]
        self.record["privacy"] = "exact" if any("street" in one for one in addresses) else "area"
        if any(len(one) > 1 for one in addresses):
            self.record["addresses"] = addresses
        north, east = (self._read(line, name, how) for name, how in _DEGREES.items())
        if north is not None and east is not None:
            exact = "exact" if self.record["privacy"] == "exact" else "locality"
            self.record["coordinates"] = {"latitude": north, "longitude": east, "precision": exact}
            self._at("/coordinates", line, "latitude")

    def _address(self, place: int, line: Line) -> dict[str, Any]:
        made: dict[str, Any] = {"country": self.package.country}
        for heading, member in (("address_1", "street"), ("city", "locality"), ("state_province", "region")):
            if line.get(heading):
                made[member] = self._label(line.get(heading))
                self._at(f"/addresses/{place}/{member}", line, heading)
        readers: Mapping[str, Callable[[str], Any]] = {"country": values.country, "postal_code": values.postal_code}
        for heading, how in readers.items():
            value = self._read(line, heading, how)
            if value is not None:
                made[heading] = value
        return made

    def _service(self) -> None:
        line, package = self.line, self.package
        status = line.get("status").lower()
        if status and status not in STATUS:
            self._say(COULD_BE_BETTER, "left_out", line, "status", ", ".join(STATUS), status)
        self.record["status"] = STATUS.get(status, "active")
        for heading, member in (("description", "description"), ("application_process", "how_to_apply"),
                                ("eligibility_description", "for_whom"), ("alert", "alert")):  # fmt: skip
            self._text(member, line, heading)
        self._try("/url", line, "url", lambda text: values.webs(text)[0])
        for heading in ("minimum_age", "maximum_age"):
            self._try(f"/eligibility/{heading}", line, heading, lambda text: values.number(text, 150))
        if assured := self._read(line, "assured_date", lambda text: values.day(text, "")):
            at = min(str(assured), package.today)
            self._put("/assured", {"by": package.node, "at": at, "method": "self"}, line, "assured_date")
        self._cost()
        self._spoken()
        for place, one in enumerate(package.of("required_documents", "service_id", line.get("id"))[:30]):
            if one.get("document"):
                self.record.setdefault("documents", []).append({"name": self._label(one.get("document"))})
                self._at(f"/documents/{place}", one, "document")
        areas = [one for one in package.of("service_areas", "service_id", line.get("id")) if one.get("name")]
        if areas:
            self.record["area"] = [{"name": self._label(one.get("name"))} for one in areas[:100]]
            self._at("/area", areas[0], "name")
        self._places()
        hours = self._hours([one for one in package.of("schedules", "service_id", line.get("id"))
                             if not one.get("service_at_location_id")])  # fmt: skip
        if hours:
            self.record["schedule"] = hours
        if program := self.judge.known("org.jisr.project/1", line.get("program_id")):
            self._put("/links", [{"rel": "part_of", "target": program}], line, "program_id")
        self._contacts("service_id")
        self._terms()

    def _taxonomy(self) -> None:
        line = self.line
        self.record["scheme"] = scheme_of(line)
        self._text("description", line, "description")
        self._try("/url", line, "uri", lambda text: values.webs(text)[0])
        if line.get("version"):
            self._put("/version", line.get("version")[:_SHORT], line, "version")
        terms = [one for one in self.package.of("taxonomy_terms", "taxonomy_id", line.get("id")) if one.get("name")]
        codes = {one.get("id"): code_of(one) for one in terms}
        concepts: dict[str, dict[str, Any]] = {}
        for one in terms[:1000]:
            said = concepts.setdefault(code_of(one), {"code": code_of(one), "label": self._label(one.get("name"))})
            if one.get("description"):
                said["definition"] = self._label(one.get("description"), _LONG)
            if (above := codes.get(one.get("parent_id"))) and above != code_of(one):
                said["parents"] = [above]
        if concepts:
            self.record["concepts"] = list(concepts.values())
            self._at("/concepts", terms[0], "name")

    # parts of several kinds

    def _cost(self) -> None:
        options = self.package.of("cost_options", "service_id", self.line.get("id"))
        notes = [self.line.get("fees_description"), *(one.get("option") for one in options)]
        said = " · ".join(dict.fromkeys(filter(None, notes)))
        if said:
            self._put("/cost", {"note": self._label(said, _LONG)}, self.line, "fees_description")
        priced = [one for one in options if one.get("amount") and re.fullmatch("[A-Za-z]{3}", one.get("currency"))]
        if len(priced) == 1 and re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,8})?", priced[0].get("amount")):
            price = {"amount": priced[0].get("amount"), "currency": priced[0].get("currency").upper()}
            self._put("/cost/price", price, priced[0], "amount")

    def _spoken(self) -> None:
        found: list[str] = []
        for one in self.package.of("languages", "service_id", self.line.get("id")):
            code = one.get("code").lower()
            if re.fullmatch("[a-z]{2,3}", code):
                found.append(code)
            elif one.get("name"):
                found += self._read(one, "name", values.languages) or []
        if found:
            self.record["languages"] = list(dict.fromkeys(found))[:40]

    def _places(self) -> None:
        at = []
        for one in self.package.of("service_at_location", "service_id", self.line.get("id")):
            place = self.judge.known("org.jisr.location/1", one.get("location_id"))
            if place is None:
                if one.get("location_id"):
                    self._say(COULD_BE_BETTER, "unknown_id", one, "location_id", came=one.get("location_id"))
                continue
            hours = self._hours(self.package.of("schedules", "service_at_location_id", one.get("id")))
            at.append({"location": place, **({"schedule": hours} if hours else {})})
        if at:
            self.record["at"] = at[:100]

    def _hours(self, lines: Sequence[Line]) -> dict[str, Any] | None:
        """Weekly rows as opening hours; what is none of them stays as words."""
        found, words = [], []
        for line in lines:
            days = [day for day in line.get("byday").upper().split(",") if day in _DAYS]
            times = [line.get(heading)[:5] for heading in ("opens_at", "closes_at")]
            if days and all(map(_TIME.fullmatch, times)):
                dates = {name: line.get(name) for name in ("valid_from", "valid_to") if _DATE.fullmatch(line.get(name))}
                found.append({"label": "normal", "days": list(dict.fromkeys(days)), "intervals": [times], **dates})
            elif line.get("description"):
                words.append(line.get("description"))
        if not found and not words:
            return None
        note = {"note": self._label(" · ".join(words), _LONG)} if words else {}
        rows = {"operating_hours": found[:40]} if found else {}
        return {"timezone": ZONES.get(self.package.country, "UTC"), **rows, **note}

    def _contacts(self, key: str) -> None:
        """Telephones and mail addresses of the thing itself; who answers there is nobody's business."""
        points: list[dict[str, str]] = []
        for mail in self._read(self.line, "email", values.mails) or []:
            self._at(f"/contact_points/{len(points)}/email", self.line, "email")
            points.append({"role": "general", "email": mail})
        for line in self.package.of("phones", key, self.line.get("id")):
            numbers = self._read(line, "number", lambda text: values.phone_numbers(text, self.package.country)) or []
            for number in numbers:
                if all(one.get("phone") != number for one in points):
                    self._at(f"/contact_points/{len(points)}/phone", line, "number")
                    points.append({"role": "general", "phone": number})
        if points:
            self.record["contact_points"] = points[:20]

    def _terms(self) -> None:
        """What attributes say a thing is about: core terms by their words, others by the scheme of their list."""
        found: list[dict[str, Any]] = []
        role = self.package.taken.get("attributes", {}).get("taxonomy_term_id", "")
        for one in self.package.of("attributes", "link_id", self.line.get("id")) if role else ():
            for said in self.package.of("taxonomy_terms", "id", one.get("taxonomy_term_id")):
                if not said.get("name"):
                    continue
                made = term(said.get("name")[:_SHORT], role, self._label(said.get("name")))
                listed = self.package.taxonomy(said.get("taxonomy_id"))
                if made["scheme"] == "own" and listed is not None and not _is_restricted(listed):
                    made |= {"scheme": scheme_of(listed), "code": code_of(said)}
                if made not in found:
                    self._at(f"/terms/{len(found)}", one, "taxonomy_term_id")
                    found.append(made)
        if found:
            self.record["terms"] = found[:60]

    # how values come in

    def _owned(self) -> frozenset[str]:
        """The members that the package speaks of, also where it says nothing of this record."""
        speaks, name = self.package.speaks_of, self.table.sheet.name
        return frozenset(
            member for member, tables in _OWNED.items()
            if any(speaks(name if table == "." else table, *headings) for table, *headings in tables)
        )  # fmt: skip

    def _label(self, text: str, most: int = _SHORT) -> dict[str, Any]:
        return {script_language(text) or self.table.lang: {"value": text[:most], "origin": "author"}}

    def _text(self, member: str, line: Line, heading: str, most: int = _LONG) -> None:
        if line.get(heading):
            self._put(f"/{member}", self._label(line.get(heading), most), line, heading)

    def _try(self, pointer: str, line: Line, heading: str, how: Callable[[str], Any]) -> None:
        value = self._read(line, heading, how)
        if value is not None:
            self._put(pointer, value, line, heading)

    def _read(self, line: Line, heading: str, how: Callable[[str], Any]) -> Any:
        """A value as it is understood; None where there is none, or where it is named and left out."""
        if not line.get(heading):
            return None
        try:
            return how(line.get(heading))
        except Unread as unread:
            code = unread.code if unread.code == "country" else "left_out"
            self._say(COULD_BE_BETTER, code, line, heading, unread.expected, unread.came or line.get(heading))
            return None

    def _put(self, pointer: str, value: Any, line: Line, heading: str) -> None:
        target: Any = self.record
        *before, last = pointer[1:].split("/")
        for step in before:
            target = target.setdefault(step, {})
        target[last] = value
        self._at(pointer, line, heading)

    def _at(self, pointer: str, line: Line, heading: str) -> None:
        if line is self.line:
            self.cells[pointer] = line.places.get(heading, 0)
        else:
            self.beside[pointer] = (line.table, line.number, line.places.get(heading, 0), heading)

    def _say(self, level: str, code: str, line: Line, heading: str, expected: str = "", came: str = "") -> None:
        place = line.places.get(heading, 0)
        self.problems.append(Problem(level, code, line.table, line.number, place, heading, expected, came[:200]))


_OWNED: Mapping[str, Sequence[tuple[str, ...]]] = {
    "name": [(".", "name")],
    "purpose": [("organizations", "description")],
    "description": [(".", "description")],
    "alternate_names": [("organizations", "alternate_name")],
    "websites": [("organizations", "website")],
    "founded": [("organizations", "year_incorporated")],
    "identifiers": [("organization_identifiers", "identifier")],
    "contact_points": [(".", "email"), ("phones", "number")],
    "terms": [("attributes", "taxonomy_term_id")],
    "transport": [("locations", "transportation")],
    "addresses": [("addresses", "address_1", "city", "state_province", "postal_code")],
    "coordinates": [("locations", "latitude")],
    "privacy": [("addresses", "address_1", "city")],
    "status": [("services", "status")],
    "how_to_apply": [("services", "application_process")],
    "for_whom": [("services", "eligibility_description")],
    "alert": [("services", "alert")],
    "url": [("services", "url"), ("taxonomies", "uri")],
    "eligibility": [("services", "minimum_age", "maximum_age")],
    "cost": [("services", "fees_description"), ("cost_options", "option", "amount")],
    "languages": [("languages", "code", "name")],
    "documents": [("required_documents", "document")],
    "area": [("service_areas", "name")],
    "at": [("service_at_location", "location_id")],
    "schedule": [("schedules", "byday", "description")],
    "concepts": [("taxonomy_terms", "name")],
    "version": [("taxonomies", "version")],
}
"""Member → the columns that say it; "." is the table of the record."""


def scheme_of(taxonomy: Line) -> str:
    """The short name of a package's taxonomy: its id as far as one can be written so."""
    key = re.sub(r"[^A-Za-z0-9._-]", "-", taxonomy.get("id"))[:38]
    return key if _SCHEME.fullmatch(key) else f"x-{key}"


def code_of(said: Line) -> str:
    """The code of a term: its own, else its id."""
    for text in (said.get("code"), said.get("id")):
        if _CODE.fullmatch(text):
            return text
    return str(term(said.get("name"), "focus", {})["code"])


def _is_restricted(taxonomy: Line) -> bool:
    return bool(_RESTRICTED.search(f"{taxonomy.get('name')} {taxonomy.get('uri')}"))
