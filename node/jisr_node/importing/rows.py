"""One row of a table to drafts of records: the thing itself, and its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from . import hours, values
from .cells import Cells, Columns
from .columns import Column
from .fields import ORGANIZATION
from .making import Draft, Made, Setting, term
from .places import described, place_of
from .problems import COULD_BE_BETTER, MUST_FIX
from .tables import Row


class Rows:
    """Makes drafts of the rows of one sheet."""

    def __init__(self, setting: Setting, columns: Sequence[Column]) -> None:
        self.setting, self.columns = setting, Columns(columns)
        self._owned = _owned(setting.kind, self.columns.fields)

    def column_of(self, name: str) -> int:
        """The first column of a field, 0 for none."""
        return self.columns.first(name)

    def make(self, row: Row) -> Made | None:
        """The drafts of a row; None for one that is only a heading between rows."""
        number, texts = row
        taken = self.columns.taken
        told = {
            column.place: texts[column.place - 1]
            for column in taken
            if column.place <= len(texts) and not values.is_empty(texts[column.place - 1])
        }
        names = [told.get(column.place) for column in taken if column.field == "name"]
        if not told or (len(told) == 1 and not any(names) and len(taken) > 2):
            return None
        cells = Cells(self.setting, self.columns, number, told)
        title, missing = cells.title(), list(cells.missing())
        cells.problems += missing
        key = cells.key()
        drafts = self._drafts(cells, title, key) if not missing else []
        problems = [replace(problem, title=title) for problem in cells.problems]
        return Made(number, title, key, drafts, problems, cells.understood)

    def _drafts(self, cells: Cells, title: str, key: str) -> list[Draft]:
        kind = self.setting.kind
        whose = str(cells.one("organization") or "") if kind in ORGANIZATION else ""
        place = place_of(cells, title, key) if kind != "location" else None
        made = _Record(cells)
        made.fill(place)
        main = Draft(f"org.jisr.{kind}/1", key, made.record, title, made.cells, self._owned, whose)
        return [main, *([place] if place is not None else [])]


_MEMBERS: Mapping[str, str] = {
    "description": "description", "status": "status", "review_by": "review_by", "assured": "assured", "area": "area",
    "focus": "terms", "target_group": "terms", "phone": "contact_points", "email": "contact_points",
    "short_name": "short_name", "acronym": "acronym", "languages": "languages", "founded": "founded", "size": "size",
    "register": "identifiers", "for_whom": "for_whom", "cost": "cost", "how_to_apply": "how_to_apply",
    "apply_url": "apply_url", "minimum_age": "minimum_age", "deadline": "deadline", "places": "places",
    "need_kind": "kind", "waiting_days": "waiting", "referral_required": "referral",
}  # fmt: skip


def _owned(kind: str, fields: frozenset[str]) -> frozenset[str]:
    """The members of a record of this kind that the columns of a table speak of."""
    found = {"name", *(_MEMBERS[name] for name in fields if name in _MEMBERS)}
    if kind == "organization":
        found = {"purpose" if name == "description" else name for name in found}
    if fields & {"opening_hours", "days", "opens", "closes"}:
        found.add("opening_hours" if kind in ("organization", "location") else "schedule")
    if "website" in fields:
        found.add(
            {"organization": "websites", "project": "websites", "service": "url", "event": "url"}.get(
                kind, "contact_points"
            )
        )
    if fields & {"start", "end"}:
        found |= {"start", "end", "timezone"} if kind == "event" else {"period"}
    if kind == "service" and fields & {"minimum_age", "maximum_age"}:
        found = found - {"minimum_age"} | {"eligibility"}
    return frozenset(found)


class _Record:
    """The record of one row on its way, and from which column each member came."""

    def __init__(self, row: Cells) -> None:
        self.row, self.said, self.kind = row, row.said, row.setting.kind
        self.record: dict[str, Any] = {}
        self.cells: dict[str, int] = {}

    def fill(self, place: Draft | None) -> None:
        """Every member that the row says, and where it is."""
        self._common()
        self._details()
        self._of_kind()
        if place is not None:
            self._at(place)
        if self.kind == "location":
            record, cells = described(self.row)
            self.record |= record
            self.cells |= cells

    def put(self, pointer: str, value: Any, column: int) -> None:
        """Set a member of the record, by a pointer of names."""
        target: Any = self.record
        *before, last = pointer[1:].split("/")
        for step in before:
            target = target.setdefault(step, {})
        target[last] = value
        self.cells[pointer] = column

    def _text(self, name: str, member: str) -> None:
        for value, column in self.said.get(name, []):
            for lang, text in value.items():
                self.put(f"/{member}/{lang}", {"value": text, "origin": "author"}, column.place)
                self.cells.setdefault(f"/{member}", column.place)

    def _common(self) -> None:
        self._text("name", "name")
        if names := self.row.texts("name"):
            self.record["lang"] = next(iter(names))
        if "status" in self.said:
            self.put("/status", self.row.one("status"), self.row.columns.first("status"))
        if "review_by" in self.said:
            self.put("/review_by", self.row.one("review_by"), self.row.columns.first("review_by"))
        if "assured" in self.said:
            at = min(str(self.row.one("assured")), self.row.setting.today)
            said = {"by": self.row.setting.node, "at": at, "method": "self"}
            self.put("/assured", said, self.row.columns.first("assured"))
        self._terms()
        if areas := [(values.listed(text), column) for text, column in self.row.all("area")]:
            names_of = [name for listed, _ in areas for name in listed][:100]
            self.put("/area", [{"name": self.row.label(name)} for name in names_of], areas[0][1])
        self._contacts()
        self._hours()

    def _terms(self) -> None:
        found: list[dict[str, Any]] = []
        for name in ("focus", "target_group"):
            for text, column in self.row.all(name):
                for word in values.listed(text):
                    said = term(word, name, self.row.label(word))
                    if said not in found:
                        self.cells[f"/terms/{len(found)}"] = column
                        found.append(said)
        if found:
            self.record["terms"] = found[:60]
            self.cells["/terms"] = self.cells["/terms/0"]

    def _contacts(self) -> None:
        phones, mails = list(self.row.all("phone")), list(self.row.all("email"))
        webs = list(self.row.all("website"))
        if self.kind in ("organization", "project") and webs:
            self.put("/websites", list(dict.fromkeys(web for web, _ in webs))[:10], webs[0][1])
            webs = []
        elif self.kind in ("service", "event") and webs:
            self.put("/url", webs[0][0], webs[0][1])
            webs = webs[1:]
        points: list[dict[str, str]] = []
        for place in range(max(len(phones), len(mails), len(webs))):
            point = {"role": "general"}
            for member, listed in (("phone", phones), ("email", mails), ("url", webs)):
                if place < len(listed):
                    point[member] = listed[place][0]
                    self.cells[f"/contact_points/{len(points)}/{member}"] = listed[place][1]
            points.append(point)
        if points:
            first = (phones or mails or webs)[0][1]
            self.put("/contact_points", points[:20], first)

    def _hours(self) -> None:
        member = "opening_hours" if self.kind in ("organization", "location") else "schedule"
        if self.kind == "project":
            return
        zone = hours.ZONES.get(self.row.country, "UTC")
        if "opening_hours" in self.said:
            text, column = self.said["opening_hours"][0]
            self._schedule(member, zone, hours.read(text), text, column)
        elif {"days", "opens"} & self.said.keys():
            column = self.said["days" if "days" in self.said else "opens"][0][1]
            text = " ".join(str(self.row.one(name)) for name in ("days", "opens", "closes") if name in self.said)
            self._schedule(member, zone, self._apart(), text, column)

    def _schedule(self, member: str, zone: str, rows: hours.Hours | None, text: str, column: Column) -> None:
        if rows is None:
            # too much to understand stays as it was written, and is never lost
            self.row.problem(COULD_BE_BETTER, "hours_as_words", column, "ma-fr 09:00-12:30, 14:00-17:00", text)
            self.put(f"/{member}", {"timezone": zone, "note": self.row.label(text)}, column.place)
        else:
            self.put(f"/{member}", {"timezone": zone, "operating_hours": rows}, column.place)

    def _apart(self) -> hours.Hours | None:
        """Days, opening and closing time in columns of their own."""
        named = hours.days(str(self.row.one("days"))) if "days" in self.said else []
        opens = hours.time(str(self.row.one("opens"))) if "opens" in self.said else ""
        closes = hours.time(str(self.row.one("closes"))) if "closes" in self.said else ""
        if named is None or opens is None or closes is None:
            return None
        times = [[opens, closes] if closes else [opens]] if opens else []
        return [{"label": "normal", **({"days": named} if named else {}), **({"intervals": times} if times else {})}]

    def _details(self) -> None:
        self._text("description", "purpose" if self.kind == "organization" else "description")
        for name in ("short_name", "for_whom", "how_to_apply"):
            self._text(name, name)
        for name in ("acronym", "founded", "size", "apply_url", "deadline"):
            if name in self.said:
                self.put(
                    f"/{name}",
                    self.row.one(name)[0] if name == "apply_url" else self.row.one(name),
                    self.row.columns.first(name),
                )
        if "languages" in self.said:
            spoken = list(dict.fromkeys(lang for lang, _ in self.row.all("languages")))
            self.put("/languages", spoken[:40], self.row.columns.first("languages"))
        if "register" in self.said:
            self._register()
        if "cost" in self.said:
            text, column = self.said["cost"][0]
            free = values.is_free(text)
            self.put("/cost", {"free": True} if free else {"note": self.row.label(text)}, column.place)
        if "places" in self.said:
            self.put("/places", {"total": self.row.one("places")}, self.row.columns.first("places"))
        if "waiting_days" in self.said:
            self.put("/waiting", {"days": self.row.one("waiting_days")}, self.row.columns.first("waiting_days"))
        if "referral_required" in self.said:
            required = {"required": self.row.one("referral_required")}
            self.put("/referral", required, self.row.columns.first("referral_required"))

    def _of_kind(self) -> None:
        start, end = self.row.columns.first("start"), self.row.columns.first("end")
        if self.kind == "event":
            self.record.setdefault("event_status", "scheduled")
            if "start" in self.said:
                self.put("/start", self.row.one("start"), start)
                self.record["timezone"] = hours.ZONES.get(self.row.country, "UTC")
            if "end" in self.said and "start" in self.said:
                self.put("/end", self.row.one("end"), end)
        elif {"start", "end"} & self.said.keys():
            period = {"from": self.row.one("start"), "until": self.row.one("end")}
            self.put("/period", {name: day for name, day in period.items() if day}, start or end)
            if period["from"] and period["until"] and period["from"] > period["until"]:
                column = self.said["end"][0][1]
                self.row.problem(MUST_FIX, "ends_first", column, period["from"], period["until"])
        if self.kind in ("need", "offer"):
            self.put("/kind", self.row.one("need_kind"), self.row.columns.first("need_kind"))
        ages = {name: self.row.one(name) for name in ("minimum_age", "maximum_age") if name in self.said}
        if ages and self.kind == "service":
            self.put("/eligibility", ages, self.row.columns.first(next(iter(ages))))
        elif "minimum_age" in ages:
            self.put("/minimum_age", ages["minimum_age"], self.row.columns.first("minimum_age"))

    def _register(self) -> None:
        value, column = self.said["register"][0]
        if scheme := _REGISTERS.get(self.row.country):
            one = {"scheme": scheme, "value": value, "kind": "primary", "checked": "none"}
            self.put("/identifiers", [one], column.place)
        else:
            self.row.problem(COULD_BE_BETTER, "register_unknown", column, self.row.country, value)

    def _at(self, place: Draft) -> None:
        reference = f"local:location/{place.local_id}"
        column = next(iter(place.cells.values()), 0)
        if self.kind == "service":
            self.put("/at", [{"location": reference}], column)
        elif self.kind in ("opportunity", "event", "need", "offer"):
            self.put("/location", reference, column)
        else:
            self.put("/links", [{"rel": "located_at", "target": reference}], column)


_REGISTERS = {
    "NL": "NL-KVK", "BE": "BE-BCE_KBO", "FR": "JISR-FR-RNA", "ES": "ES-NIF", "DK": "DK-CVR", "BI": "BI-NIF",
    "MA": "JISR-MA-RECEPISSE", "GB": "GB-COH",
}  # fmt: skip
