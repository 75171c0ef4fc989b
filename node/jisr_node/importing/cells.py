"""The cells of one row, read: each the value of its field, what cannot be read named, and what row it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from . import values
from .columns import Column
from .fields import REQUIRED
from .making import Setting, named
from .problems import MUST_FIX, Problem
from .text import folded, script_language
from .values import Unread

MOST_KEY = 190


class Columns:
    """The columns of a table that are taken, and the first of each field."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.taken = [column for column in columns if column.taken]
        self._by_field: dict[str, int] = {}
        for column in self.taken:
            self._by_field.setdefault(column.field, column.place)

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(self._by_field)

    def first(self, name: str) -> int:
        """The first column of a field, 0 for none."""
        return self._by_field.get(name, 0)


class Cells:
    """One row: `said` is what each field says, `understood` the cells that were repaired, by column."""

    def __init__(self, setting: Setting, columns: Columns, number: int, told: Mapping[int, str]) -> None:
        self.setting, self.columns, self.number, self.told = setting, columns, number, told
        self.problems: list[Problem] = []
        self.understood: dict[int, str] = {}
        self.said: dict[str, list[tuple[Any, Column]]] = {}
        self.country = setting.country
        country = next((column for column in columns.taken if column.field == "country"), None)
        for column in [*([country] if country else []), *columns.taken]:
            if (column.place in told and column.field not in self.said) or column.field != "country":
                self._read(column)

    def _read(self, column: Column) -> None:
        text = self.told.get(column.place)
        if text is None:
            return
        try:
            value = self._value(column, text)
        except Unread as unread:
            self.problem(MUST_FIX, unread.code, column, unread.expected, unread.came or text)
            return
        if column.field == "country":
            self.country = value
        self.said.setdefault(column.field, []).append((value, column))
        plain = _plain(value)
        if plain is not None and plain != text:
            self.understood[column.place] = plain

    def _value(self, column: Column, text: str) -> Any:
        name = column.field
        if name in TEXTS:
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

    def problem(self, level: str, code: str, column: Column | None, expected: str = "", came: str = "") -> None:
        """Say something of a cell, or of the whole row."""
        place, heading = (column.place, column.heading) if column else (0, "")
        self.problems.append(
            Problem(level, code, self.setting.sheet, self.number, place, heading, expected, came[:200])
        )

    def texts(self, name: str) -> dict[str, str]:
        """What the columns of a text say, by language."""
        found: dict[str, str] = {}
        for value, _ in self.said.get(name, []):
            for lang, text in value.items():
                found[lang] = text
        return found

    def one(self, name: str) -> Any:
        """The first value of a field; None where there is none."""
        return self.said[name][0][0] if name in self.said else None

    def all(self, name: str) -> Iterator[tuple[Any, int]]:
        """Every value of a field with its column, lists opened."""
        for value, column in self.said.get(name, []):
            for part in value if isinstance(value, list) else [value]:
                yield part, column.place

    def title(self) -> str:
        """What the row is called for a person."""
        names = self.texts("name")
        return next(iter(names.values()), "") or next((text for text in self.told.values()), "")

    def missing(self) -> Iterator[Problem]:
        """Columns without which there is no record; said once, at the cell where it would stand."""
        refused = {problem.column for problem in self.problems}
        for name in REQUIRED[self.setting.kind]:
            if name not in self.said and not self._refused(name, refused):
                yield self._lacks(name)
        timed = {"start", "opening_hours", "days"} & self.said.keys()
        if self.setting.kind == "event" and not timed and not self._refused("start", refused):
            yield self._lacks("start")

    def _refused(self, name: str, refused: set[int]) -> bool:
        return any(column.field == name and column.place in refused for column in self.columns.taken)

    def _lacks(self, name: str) -> Problem:
        column = next((column for column in self.columns.taken if column.field == name), None)
        place, heading = (column.place, column.heading) if column else (0, "")
        return Problem(MUST_FIX, "missing", self.setting.sheet, self.number, place, heading, name)

    def key(self) -> str:
        """What this row is called in the table: its own number, else its name, whose it is and where."""
        if "id" in self.said:
            return str(self.one("id"))[:MOST_KEY]
        place = next((self.texts(name) for name in ("place", "street", "locality") if name in self.said), {})
        parts = [next(iter(self.texts("name").values()), ""), str(self.one("organization") or "")]
        if self.setting.kind == "event":
            parts.append(str(self.one("start") or ""))
        if self.setting.kind != "organization":
            parts.append(next(iter(place.values()), ""))
        return named("|".join(map(folded, parts)).rstrip("|"))

    def label(self, text: str) -> dict[str, Any]:
        """A text as the record has it, in the language of its letters."""
        return {script_language(text) or self.setting.lang: {"value": text, "origin": "author"}}


TEXTS = frozenset({"name", "short_name", "description", "for_whom", "how_to_apply", "place", "street", "locality"})
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


def _plain(value: Any) -> str | None:
    """A value as a corrected file writes it; None where the cell says it as it is."""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "; ".join(value)
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None
