"""Packages of Open Referral HSDS 3: a zip of CSV files, or JSON of services or organizations.

Both become the same tables first, then drafts whose `source.local_id` is the id in the package, so that the same
package twice changes nothing. Names of contacts are left out; what cannot be read is named and left out alone.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from typing import IO, Any

from . import limits, values
from .archive import opened
from .hours import ZONES
from .values import Unread

Tables = dict[str, list[dict[str, Any]]]
STATUS = {"active": "active", "inactive": "paused", "temporarily closed": "paused", "defunct": "ended"}
_DAYS = frozenset(("MO", "TU", "WE", "TH", "FR", "SA", "SU"))
_NAMES = {"service_at_locations": "service_at_location", "organization": "organizations", "service": "services",
          "location": "locations", "address": "addresses", "phone": "phones", "schedule": "schedules"}  # fmt: skip


def read(file: IO[bytes]) -> Tables | None:
    """The tables of a package; None for a file that is none. Raises Unreadable for one above a limit."""
    start = file.read(4)
    file.seek(0)
    if start.startswith(b"PK"):
        return _zipped(file)
    content = file.read(limits.FILE_BYTES + 1)
    file.seek(0)
    if len(content) > limits.FILE_BYTES or content.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] not in (b"{", b"["):
        return None
    try:
        value = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return _nested(value)


def _zipped(file: IO[bytes]) -> Tables | None:
    """CSV files by their names, wherever in the archive they lie."""
    found: Tables = {}
    with opened(file) as archive:
        for part in archive.namelist():
            name = part.rpartition("/")[2].removesuffix(".csv")
            if part.endswith(".csv"):
                text = io.StringIO(archive.read(part).decode("utf-8-sig", "replace"))
                found[_NAMES.get(name, name)] = [dict(row) for row in csv.DictReader(text)]
    file.seek(0)
    return found if found.keys() & {"services", "organizations"} else None


def _nested(value: Any) -> Tables | None:
    """JSON as an HSDS interface gives it: one object, a list, a page with `contents`, or tables by name."""
    if isinstance(value, dict) and all(
        name.endswith(".csv") and isinstance(rows, list) for name, rows in value.items()
    ):
        return {_NAMES.get(name[:-4], name[:-4]): [row for row in rows if isinstance(row, dict)]
                for name, rows in value.items()} or None  # fmt: skip
    listed = value.get("contents", [value]) if isinstance(value, dict) else value
    if not isinstance(listed, list):
        return None
    things = [one for one in listed if isinstance(one, dict) and "id" in one and "name" in one]
    if not things or any("type" in one and str(one["type"]).startswith("org.jisr.") for one in things):
        return None
    found: Tables = {}
    for one in things:
        is_service = "organization" in one or "organization_id" in one or "service_at_locations" in one
        _flatten("services" if is_service else "organizations", one, {}, found)
    return found


def _flatten(table: str, one: Mapping[str, Any], above: Mapping[str, str], found: Tables, depth: int = 0) -> None:
    """One object as a row, what it holds as rows of their own that name it."""
    row = {name: member for name, member in one.items() if not isinstance(member, list | dict)} | dict(above)
    key = {"services": "service_id", "organizations": "organization_id", "locations": "location_id",
           "service_at_location": "service_at_location_id"}.get(table)  # fmt: skip
    below = {**above, key: str(one.get("id", ""))} if key and depth < 6 else None
    for name, member in one.items():
        inner = _NAMES.get(name, name)
        held = [each for each in (member if isinstance(member, list) else [member]) if isinstance(each, dict)]
        if below is None or not held:
            continue
        if isinstance(member, dict) and inner in ("organizations", "locations"):
            row[f"{name}_id"] = str(member.get("id", ""))
        for each in held:
            # an organization or a place stands by itself, whatever it was found in
            _flatten(inner, each, {} if inner in ("organizations", "locations") else below, found, depth + 1)
    rows = found.setdefault(table, [])
    if not row.get("id") or all(known.get("id") != row["id"] for known in rows):
        rows.append(row)


class Package:
    """Drafts of a package's tables; `left_out` are the values that cannot be read, each with where it stands."""

    def __init__(self, tables: Tables, country: str) -> None:
        self._tables, self._country = tables, country
        self.left_out: list[str] = []

    def drafts(self) -> list[dict[str, Any]]:
        """Organizations, places, services, in this order."""
        makers = (("organizations", self._organization), ("locations", self._location), ("services", self._service))
        return [make(row) for table, make in makers for row in self._tables.get(table, []) if row.get("id")]

    def _organization(self, row: Mapping[str, Any]) -> dict[str, Any]:
        made = _frame("organization", row)
        _put(made, "purpose", row.get("description"))
        if row.get("alternate_name"):
            made["alternate_names"] = [str(row["alternate_name"])]
        self._try(made, "websites", "organizations", row, "website", values.webs)
        self._try(made, "founded", "organizations", row, "year_incorporated", values.year)
        self._contacts(made, "organizations", "organization_id", row)
        return made

    def _location(self, row: Mapping[str, Any]) -> dict[str, Any]:
        made = _frame("location", row)
        _put(made, "description", row.get("description"))
        _put(made, "transport", row.get("transportation"))
        addresses = [self._address(one) for one in self._of("addresses", "location_id", row)]
        made["privacy"] = "exact" if any("street" in one for one in addresses) else "area"
        if addresses:
            made["addresses"] = addresses[:10]
        try:
            latitude, longitude = (str(row.get(name) or "") for name in ("latitude", "longitude"))
            if latitude and longitude:
                exact = "exact" if made["privacy"] == "exact" else "locality"
                point = {"latitude": values.degrees(latitude, 90), "longitude": values.degrees(longitude, 180)}
                made["coordinates"] = {**point, "precision": exact}
        except Unread as unread:
            self._leave("locations", row, "latitude", unread.came)
        return made

    def _address(self, row: Mapping[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {"country": self._country}
        for name, member in (("address_1", "street"), ("city", "locality"), ("state_province", "region")):
            _put(made, member, row.get(name))
        self._try(made, "country", "addresses", row, "country", values.country)
        self._try(made, "postal_code", "addresses", row, "postal_code", values.postal_code)
        return made

    def _service(self, row: Mapping[str, Any]) -> dict[str, Any]:
        made = _frame("service", row)
        made["organization"] = f"local:organization/{row.get('organization_id') or ''}"
        made["status"] = STATUS.get(str(row.get("status")), "active")
        for name, member in (
            ("description", "description"),
            ("application_process", "how_to_apply"),
            ("alert", "alert"),
        ):
            _put(made, member, row.get(name))
        self._try(made, "url", "services", row, "url", lambda text: values.webs(text)[0])
        if row.get("fees_description"):
            made["cost"] = {"note": str(row["fees_description"])}
        ages = {name: int(row[name]) for name in ("minimum_age", "maximum_age") if str(row.get(name) or "").isdigit()}
        note = {"note": str(row["eligibility_description"])} if row.get("eligibility_description") else {}
        if ages or note:
            made["eligibility"] = {**ages, **note}
        spoken = [str(one.get("code") or "") for one in self._of("languages", "service_id", row)]
        if spoken := [code for code in dict.fromkeys(spoken) if code.isalpha() and 2 <= len(code) <= 3]:
            made["languages"] = [code.lower() for code in spoken]
        at = [self._at(one) for one in self._of("service_at_location", "service_id", row) if one.get("location_id")]
        if at:
            made["at"] = at[:100]
        if hours := self._hours(
            one for one in self._of("schedules", "service_id", row) if not one.get("service_at_location_id")
        ):
            made["schedule"] = hours
        self._contacts(made, "services", "service_id", row)
        return made

    def _at(self, row: Mapping[str, Any]) -> dict[str, Any]:
        hours = self._hours(self._of("schedules", "service_at_location_id", row))
        return {"location": f"local:location/{row['location_id']}", **({"schedule": hours} if hours else {})}

    def _hours(self, rows: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
        found = []
        for row in rows:
            days = [day for day in str(row.get("byday") or "").upper().split(",") if day in _DAYS]
            times = [str(row.get(name) or "")[:5] for name in ("opens_at", "closes_at")]
            if days and all(len(time) == 5 and time[2] == ":" for time in times):
                found.append({"label": "normal", "days": list(dict.fromkeys(days)), "intervals": [times]})
        return {"timezone": ZONES.get(self._country, "UTC"), "operating_hours": found[:40]} if found else None

    def _contacts(self, made: dict[str, Any], table: str, key: str, row: Mapping[str, Any]) -> None:
        """Telephones and mail addresses of the thing itself; who answers there is nobody's business."""
        point: dict[str, Any] = {"role": "general"}
        self._try(point, "email", table, row, "email", lambda text: values.mails(text)[0])
        points = [point] if "email" in point else []
        for phone in self._of("phones", key, row):
            try:
                for number in values.phone_numbers(str(phone.get("number") or "").strip('"'), self._country):
                    points.append({"role": "general", "phone": number})
            except Unread as unread:
                self._leave("phones", phone, "number", unread.came)
        if points:
            made["contact_points"] = list({json.dumps(one): one for one in points}.values())[:20]

    def _of(self, table: str, key: str, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [one for one in self._tables.get(table, []) if one.get(key) == row.get("id")]

    def _try(
        self,
        made: dict[str, Any],
        member: str,
        table: str,
        row: Mapping[str, Any],
        name: str,
        how: Callable[[str], Any],
    ) -> None:
        text = str(row.get(name) or "").strip()
        if not text:
            return
        try:
            made[member] = how(text)
        except Unread as unread:
            self._leave(table, row, name, unread.came or text)

    def _leave(self, table: str, row: Mapping[str, Any], name: str, came: str) -> None:
        self.left_out.append(f"{table} {row.get('id')}, {name}: {came[:80]!r} cannot be read and is left out.")


def _frame(kind: str, row: Mapping[str, Any]) -> dict[str, Any]:
    name = str(row.get("name") or "").strip() or str(row["id"])
    return {"type": f"org.jisr.{kind}/1", "source": {"local_id": str(row["id"])}, "name": name[:300]}


def _put(made: dict[str, Any], member: str, value: Any) -> None:
    if isinstance(value, str) and value.strip():
        made[member] = value.strip()[:5000]
