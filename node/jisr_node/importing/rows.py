"""One row of a table to drafts of records: the thing itself, its place, and its organization where it is not known yet.

Every member of a draft remembers the column it came from, so that what the validator says of it leads to a cell.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jisr_protocol import core_terms
from jisr_protocol.quality.names import SHELTERS

from . import hours, values
from .columns import Column
from .fields import ORGANIZATION, REQUIRED
from .problems import COULD_BE_BETTER, MUST_FIX, Problem
from .tables import Row
from .text import folded, script_language
from .values import Unread

OWN_TERMS = "own"
"""The scheme of subjects that are none of the core terms: the node's own words."""
WORDS = "name:"
"""Begins a local id that is made of a row's words, where the table has no numbers of its own."""
MOST_KEY = 190
ADDRESS = ("street", "locality", "region", "postal_code")


@dataclass
class Draft:
    """A record without what the node gives. `cells` says by JSON pointer from which column it came; `owned` are the
    members that the table speaks of, also where a cell is empty."""

    type: str
    local_id: str
    record: dict[str, Any]
    title: str
    cells: dict[str, int] = field(default_factory=dict)
    owned: frozenset[str] = frozenset()
    whose: str = ""
    """What the organization cell says, "" for the node's own."""


@dataclass
class Made:
    """What one row made: drafts, the thing itself first, and what is wrong. `key` tells rows of one thing apart."""

    row: int
    title: str
    key: str
    drafts: list[Draft]
    problems: list[Problem]
    values: dict[int, str]
    """Column → the cell as it was understood, for a corrected file."""

    @property
    def good(self) -> bool:
        return bool(self.drafts) and not any(problem.level == MUST_FIX for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Setting:
    """What a row does not say itself: the node, the country and language of most rows, and the day of today."""

    node: str
    country: str
    lang: str
    today: str
    kind: str
    sheet: str = ""


class Rows:
    """Makes drafts of the rows of one sheet."""

    def __init__(self, setting: Setting, columns: Sequence[Column]) -> None:
        self.setting = setting
        self.columns = [column for column in columns if column.taken]
        self._by_field: dict[str, int] = {}
        for column in self.columns:
            self._by_field.setdefault(column.field, column.place)
        self._owned = _owned(setting.kind, frozenset(self._by_field))

    def column_of(self, name: str) -> int:
        """The first column of a field, 0 for none."""
        return self._by_field.get(name, 0)

    def make(self, row: Row) -> Made | None:
        """The drafts of a row; None for one that is only a heading between rows."""
        number, cells = row
        told = {
            column.place: cells[column.place - 1]
            for column in self.columns
            if column.place <= len(cells) and not values.is_empty(cells[column.place - 1])
        }
        names = [told.get(column.place) for column in self.columns if column.field == "name"]
        if not told or (len(told) == 1 and not any(names) and len(self.columns) > 2):
            return None
        return _Maker(self, number, told).made()

    def owned(self) -> frozenset[str]:
        return self._owned


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


class _Maker:
    """One row on its way to its drafts."""

    def __init__(self, rows: Rows, number: int, told: Mapping[int, str]) -> None:
        self.rows, self.setting, self.number, self.told = rows, rows.setting, number, told
        self.problems: list[Problem] = []
        self.understood: dict[int, str] = {}
        self.said: dict[str, list[tuple[Any, Column]]] = {}
        self.country = rows.setting.country
        self.record: dict[str, Any] = {}
        self.cells: dict[str, int] = {}

    def made(self) -> Made:
        country = next((column for column in self.rows.columns if column.field == "country"), None)
        for column in [*([country] if country else []), *self.rows.columns]:
            if (column.place in self.told and column.field not in self.said) or column.field != "country":
                self._read(column)
        title = self._title()
        missing = list(self._missing())
        self.problems += missing
        key = self._key()
        drafts = self._drafts(title, key) if not missing else []
        problems = [replace(problem, title=title) for problem in self.problems]
        return Made(self.number, title, key, drafts, problems, self.understood)

    # reading cells

    def _read(self, column: Column) -> None:
        text = self.told.get(column.place)
        if text is None:
            return
        try:
            value = self._value(column, text)
        except Unread as unread:
            self._problem(MUST_FIX, unread.code, column, unread.expected, unread.came or text)
            return
        if column.field == "country":
            self.country = value
        self.said.setdefault(column.field, []).append((value, column))
        plain = _plain(value)
        if plain is not None and plain != text:
            self.understood[column.place] = plain

    def _value(self, column: Column, text: str) -> Any:
        name = column.field
        if name in _TEXTS:
            return {self._language(column, text): text}
        if name in _READERS:
            return _READERS[name](text)
        if name in ("start", "end") and self.setting.kind == "event":
            return values.moment(text, column.order)
        if name in ("start", "end", "deadline", "review_by", "assured"):
            return values.day(text, column.order)
        if name == "phone":
            return values.phone_numbers(text, self.country)
        if name == "status":
            return values.choice(text, "status")
        if name == "need_kind":
            return values.choice(text, "need_kind")
        return text

    def _language(self, column: Column, text: str) -> str:
        return column.lang or script_language(text) or self.setting.lang

    def _problem(self, level: str, code: str, column: Column | None, expected: str = "", came: str = "") -> None:
        place, heading = (column.place, column.heading) if column else (0, "")
        self.problems.append(
            Problem(level, code, self.setting.sheet, self.number, place, heading, expected, came[:200])
        )

    # what a row is

    def _texts(self, name: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for value, _ in self.said.get(name, []):
            for lang, text in value.items():
                found[lang] = text
        return found

    def _one(self, name: str) -> Any:
        return self.said[name][0][0] if name in self.said else None

    def _all(self, name: str) -> Iterator[tuple[Any, int]]:
        for value, column in self.said.get(name, []):
            for part in value if isinstance(value, list) else [value]:
                yield part, column.place

    def _title(self) -> str:
        names = self._texts("name")
        return next(iter(names.values()), "") or next((text for text in self.told.values()), "")

    def _missing(self) -> Iterator[Problem]:
        """Columns without which there is no record; said once, at the cell where it would stand."""
        refused = {problem.column for problem in self.problems}
        for name in REQUIRED[self.setting.kind]:
            if name not in self.said and not self._refused(name, refused):
                yield self._lacks(name)
        timed = {"start", "opening_hours", "days"} & self.said.keys()
        if self.setting.kind == "event" and not timed and not self._refused("start", refused):
            yield self._lacks("start")

    def _refused(self, name: str, refused: set[int]) -> bool:
        return any(column.field == name and column.place in refused for column in self.rows.columns)

    def _lacks(self, name: str) -> Problem:
        column = next((column for column in self.rows.columns if column.field == name), None)
        place, heading = (column.place, column.heading) if column else (0, "")
        return Problem(MUST_FIX, "missing", self.setting.sheet, self.number, place, heading, name)

    def _key(self) -> str:
        """What this row is called in the table: its own number, else its name, whose it is and where."""
        if "id" in self.said:
            return str(self._one("id"))[:MOST_KEY]
        place = next((self._texts(name) for name in ("place", "street", "locality") if name in self.said), {})
        parts = [next(iter(self._texts("name").values()), ""), str(self._one("organization") or "")]
        if self.setting.kind == "event":
            parts.append(str(self._one("start") or ""))
        if self.setting.kind != "organization":
            parts.append(next(iter(place.values()), ""))
        return named("|".join(map(folded, parts)).rstrip("|"))

    # the drafts

    def _drafts(self, title: str, key: str) -> list[Draft]:
        kind = self.setting.kind
        whose = str(self._one("organization") or "") if kind in ORGANIZATION else ""
        place = self._location(title, key) if kind != "location" else None
        self._common()
        self._details(kind)
        if place is not None:
            self._at(kind, place)
        if kind == "location":
            self._own_place()
        main = Draft(f"org.jisr.{kind}/1", key, self.record, title, self.cells, self.rows.owned(), whose)
        return [main, *([place] if place is not None else [])]

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
        if names := self._texts("name"):
            self.record["lang"] = next(iter(names))
        if "status" in self.said:
            self.put("/status", self._one("status"), self.rows.column_of("status"))
        if "review_by" in self.said:
            self.put("/review_by", self._one("review_by"), self.rows.column_of("review_by"))
        if "assured" in self.said:
            at = min(str(self._one("assured")), self.setting.today)
            self.put("/assured", {"by": self.setting.node, "at": at, "method": "self"}, self.rows.column_of("assured"))
        self._terms()
        if areas := [(values.listed(text), column) for text, column in self._all("area")]:
            names_of = [name for listed, _ in areas for name in listed][:100]
            self.put("/area", [{"name": self._label(name)} for name in names_of], areas[0][1])
        self._contacts()
        self._hours()

    def _label(self, text: str) -> dict[str, Any]:
        return {script_language(text) or self.setting.lang: {"value": text, "origin": "author"}}

    def _terms(self) -> None:
        found: list[dict[str, Any]] = []
        for name in ("focus", "target_group"):
            for text, column in self._all(name):
                for word in values.listed(text):
                    term = _term(word, name, self._label(word))
                    if term not in found:
                        self.cells[f"/terms/{len(found)}"] = column
                        found.append(term)
        if found:
            self.record["terms"] = found[:60]
            self.cells["/terms"] = self.cells["/terms/0"]

    def _contacts(self) -> None:
        phones, mails = list(self._all("phone")), list(self._all("email"))
        webs = list(self._all("website"))
        kind = self.setting.kind
        if kind in ("organization", "project") and webs:
            self.put("/websites", list(dict.fromkeys(web for web, _ in webs))[:10], webs[0][1])
            webs = []
        elif kind in ("service", "event") and webs:
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
        member = "opening_hours" if self.setting.kind in ("organization", "location") else "schedule"
        if self.setting.kind == "project":
            return
        zone = hours.ZONES.get(self.country, "UTC")
        if "opening_hours" in self.said:
            text, column = self.said["opening_hours"][0]
            self._schedule(member, zone, hours.read(text), text, column)
        elif {"days", "opens"} & self.said.keys():
            column = self.said["days" if "days" in self.said else "opens"][0][1]
            text = " ".join(str(self._one(name)) for name in ("days", "opens", "closes") if name in self.said)
            self._schedule(member, zone, self._apart(), text, column)

    def _schedule(self, member: str, zone: str, rows: hours.Hours | None, text: str, column: Column) -> None:
        if rows is None:
            # too much to understand stays as it was written, and is never lost
            self._problem(COULD_BE_BETTER, "hours_as_words", column, "ma-fr 09:00-12:30, 14:00-17:00", text)
            self.put(f"/{member}", {"timezone": zone, "note": self._label(text)}, column.place)
        else:
            self.put(f"/{member}", {"timezone": zone, "operating_hours": rows}, column.place)

    def _apart(self) -> hours.Hours | None:
        """Days, opening and closing time in columns of their own."""
        named = hours.days(str(self._one("days"))) if "days" in self.said else []
        opens = hours.time(str(self._one("opens"))) if "opens" in self.said else ""
        closes = hours.time(str(self._one("closes"))) if "closes" in self.said else ""
        if named is None or opens is None or closes is None:
            return None
        times = [[opens, closes] if closes else [opens]] if opens else []
        return [{"label": "normal", **({"days": named} if named else {}), **({"intervals": times} if times else {})}]

    def _details(self, kind: str) -> None:
        self._text("description", "purpose" if kind == "organization" else "description")
        for name in ("short_name", "for_whom", "how_to_apply"):
            self._text(name, name)
        for name in ("acronym", "founded", "size", "apply_url", "deadline"):
            if name in self.said:
                self.put(
                    f"/{name}",
                    self._one(name)[0] if name == "apply_url" else self._one(name),
                    self.rows.column_of(name),
                )
        if "languages" in self.said:
            spoken = list(dict.fromkeys(lang for lang, _ in self._all("languages")))
            self.put("/languages", spoken[:40], self.rows.column_of("languages"))
        if "register" in self.said:
            self._register()
        if "cost" in self.said:
            text, column = self.said["cost"][0]
            free = values.is_free(text)
            self.put("/cost", {"free": True} if free else {"note": self._label(text)}, column.place)
        if "places" in self.said:
            self.put("/places", {"total": self._one("places")}, self.rows.column_of("places"))
        if "waiting_days" in self.said:
            self.put("/waiting", {"days": self._one("waiting_days")}, self.rows.column_of("waiting_days"))
        if "referral_required" in self.said:
            required = {"required": self._one("referral_required")}
            self.put("/referral", required, self.rows.column_of("referral_required"))
        self._kinds(kind)

    def _kinds(self, kind: str) -> None:
        start, end = self.rows.column_of("start"), self.rows.column_of("end")
        if kind == "event":
            self.record.setdefault("event_status", "scheduled")
            if "start" in self.said:
                self.put("/start", self._one("start"), start)
                self.record["timezone"] = hours.ZONES.get(self.country, "UTC")
            if "end" in self.said and "start" in self.said:
                self.put("/end", self._one("end"), end)
        elif {"start", "end"} & self.said.keys():
            period = {"from": self._one("start"), "until": self._one("end")}
            self.put("/period", {name: day for name, day in period.items() if day}, start or end)
            if period["from"] and period["until"] and period["from"] > period["until"]:
                column = self.said["end"][0][1]
                self._problem(MUST_FIX, "ends_first", column, period["from"], period["until"])
        if kind in ("need", "offer"):
            self.put("/kind", self._one("need_kind"), self.rows.column_of("need_kind"))
        ages = {name: self._one(name) for name in ("minimum_age", "maximum_age") if name in self.said}
        if ages and kind == "service":
            self.put("/eligibility", ages, self.rows.column_of(next(iter(ages))))
        elif "minimum_age" in ages:
            self.put("/minimum_age", ages["minimum_age"], self.rows.column_of("minimum_age"))

    def _register(self) -> None:
        value, column = self.said["register"][0]
        if scheme := _REGISTERS.get(self.country):
            one = {"scheme": scheme, "value": value, "kind": "primary", "checked": "none"}
            self.put("/identifiers", [one], column.place)
        else:
            self._problem(COULD_BE_BETTER, "register_unknown", column, self.country, value)

    # places

    def _location(self, title: str, key: str) -> Draft | None:
        """The place that the address of a row describes."""
        outside = {"project"}
        given = [name for name in ("place", "latitude", "coordinates", *ADDRESS) if name in self.said]
        if not given or self.setting.kind in outside:
            return None
        maker = _Maker(self.rows, self.number, {})
        maker.said, maker.country = self.said, self.country
        maker._own_place()
        self.problems += maker.problems
        shown = () if maker.record["privacy"] == "hidden" else ("place", "street", "locality")
        own = next((self._texts(name) for name in shown if name in self.said), None)
        names = own or self._texts("name")
        for lang, text in names.items():
            column = self.rows.column_of(given[0])
            maker.put(f"/name/{lang}", {"value": text[:300], "origin": "author"}, column)
            maker.cells.setdefault("/name", column)
        maker.record["lang"] = next(iter(names), self.setting.lang)
        local_id = f"{key}/place" if self.setting.kind == "organization" else named(self._address_key())
        owned = frozenset({"name", "addresses", "coordinates", "privacy"})
        return Draft(
            "org.jisr.location/1", local_id, maker.record, next(iter(names.values()), title), maker.cells, owned
        )

    def _address_key(self) -> str:
        parts = [self.country]
        for name in ("place", "street", "locality", "region"):
            parts.append(
                folded(" ".join(self._texts(name).values())) if name in _TEXTS else folded(str(self._one(name) or ""))
            )
        parts.append(folded(str(self._one("postal_code") or "")))
        if not any(parts[1:]):
            parts.append(f"{self._one('latitude')} {self._one('longitude')} {self._one('coordinates')}")
        return "|".join(parts)

    def _own_place(self) -> None:
        address: dict[str, Any] = {"country": self.country}
        for name in ("street", "locality"):
            for value, column in self.said.get(name, []):
                for lang, text in value.items():
                    address.setdefault(name, {})[lang] = {"value": text, "origin": "author"}
                    self.cells[f"/addresses/0/{name}"] = column.place
        for name in ("region", "postal_code"):
            if name in self.said:
                value, column = self.said[name][0]
                address[name] = self._label(value) if name == "region" else value
                self.cells[f"/addresses/0/{name}"] = column.place
        point, exact = self._point()
        self.record["privacy"] = "exact" if "street" in address or exact else "area"
        if self._hides():
            self.record["privacy"] = "hidden"
            return
        if len(address) > 1:
            self.record["addresses"] = [address]
        if point:
            self.record["coordinates"] = point

    def _hides(self) -> bool:
        """Whether the words of a row are those of a place where people hide: then its address is not taken."""
        for value, column in [one for listed in self.said.values() for one in listed]:
            text = " ".join(value.values()) if isinstance(value, dict) else value if isinstance(value, str) else ""
            plain = text.casefold().replace("’", "'")
            if any(word.casefold() in plain for word in SHELTERS):
                self._problem(COULD_BE_BETTER, "hidden_place", column, came=text[:100])
                return True
        return False

    def _point(self) -> tuple[dict[str, str] | None, bool]:
        if "coordinates" in self.said:
            (latitude, longitude), column = self.said["coordinates"][0]
            places = (column.place, column.place)
        elif "latitude" in self.said and "longitude" in self.said:
            latitude, longitude = self._one("latitude"), self._one("longitude")
            places = (self.rows.column_of("latitude"), self.rows.column_of("longitude"))
        else:
            return None, False
        self.cells["/coordinates/latitude"], self.cells["/coordinates/longitude"] = places
        self.cells["/coordinates"] = places[0]
        fine = min(len(one.partition(".")[2]) for one in (latitude, longitude)) >= 4
        point = {"latitude": latitude, "longitude": longitude, "precision": "exact" if fine else "locality"}
        return point, fine

    def _at(self, kind: str, place: Draft) -> None:
        reference = f"local:location/{place.local_id}"
        column = next(iter(place.cells.values()), 0)
        if kind == "service":
            self.put("/at", [{"location": reference}], column)
        elif kind in ("opportunity", "event", "need", "offer"):
            self.put("/location", reference, column)
        else:
            self.put("/links", [{"rel": "located_at", "target": reference}], column)


def named(text: str) -> str:
    """A local id made of words: they themselves, or where they are long a part of them and a sum over all."""
    if len(text) <= 150:
        return WORDS + text
    return f"{WORDS}{text[:100]}#{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def _term(word: str, role: str, label: dict[str, Any]) -> dict[str, Any]:
    """A core term by its words in any language, else one of the node's own."""
    if role == "focus" and (core := core_terms.find(word)):
        return {
            "scheme": core[0],
            "code": core[1],
            "role": "focus" if core[0] == core_terms.FOCUS else "sdg",
            "label": label,
        }
    plain = re.sub(r"[^a-z0-9]+", "-", folded(word)).strip("-")
    ascii_only = folded(word).isascii() and 0 < len(plain) <= 60
    code = plain if ascii_only else f"x{hashlib.sha256(folded(word).encode()).hexdigest()[:16]}"
    return {"scheme": OWN_TERMS, "code": code, "role": role, "label": label}


_TEXTS = frozenset({"name", "short_name", "description", "for_whom", "how_to_apply", "place", "street", "locality"})
_READERS: Mapping[str, Callable[[str], Any]] = {
    "email": values.mails,
    "website": values.webs,
    "apply_url": values.webs,
    "country": values.country,
    "latitude": lambda text: values.degrees(text, 90),
    "longitude": lambda text: values.degrees(text, 180),
    "coordinates": values.point,
    "postal_code": values.postal_code,
    "languages": values.languages,
    "minimum_age": lambda text: values.number(text, 150),
    "maximum_age": lambda text: values.number(text, 150),
    "places": lambda text: values.number(text, 1_000_000),
    "waiting_days": lambda text: values.number(text, 3650),
    "founded": values.year,
    "size": values.size,
    "register": values.register,
    "referral_required": values.yes_no,
}
_REGISTERS = {
    "NL": "NL-KVK", "BE": "BE-BCE_KBO", "FR": "JISR-FR-RNA", "ES": "ES-NIF", "DK": "DK-CVR", "BI": "BI-NIF",
    "MA": "JISR-MA-RECEPISSE", "GB": "GB-COH",
}  # fmt: skip


def _plain(value: Any) -> str | None:
    """A value as a corrected file writes it; None where the cell says it as it is."""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "; ".join(value)
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None
