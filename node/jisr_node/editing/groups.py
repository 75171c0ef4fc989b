"""Fields that hold fields: one object of a record, and a list of objects as rows.

What goes along with others (a currency, a role, a time zone: fields with a `default`) is filled in where something
stands beside it, and does not keep an object alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .fields import ON, Field, Holder, Values, Writing, apply, values_of

MOST_ROWS = 100


@dataclass(frozen=True)
class Group:
    """The object that is one member."""

    code: str
    parts: tuple[Field, ...]
    default: str = ""
    required: bool = False

    @property
    def member(self) -> str:
        return self.code

    def read(self, holder: Mapping[str, Any], writing: Writing) -> dict[str, str]:
        held = holder.get(self.code)
        return _within(self.code, values_of(self.parts, held if isinstance(held, Mapping) else {}, writing))

    def write(self, holder: Holder, values: Values, writing: Writing) -> None:
        held = holder.get(self.code)
        before = dict(held) if isinstance(held, Mapping) else {}
        after = written(self.parts, before, _below(self.code, values), writing)
        if after:
            holder[self.code] = after
        else:
            holder.pop(self.code, None)


@dataclass(frozen=True)
class Rows:
    """A list, a row for each of its objects; `only` tells which of them this field is about. Rows have the place in the
    list as their number, and new ones higher numbers. With `wrap` an item is not an object but the one part."""

    code: str
    parts: tuple[Field, ...]
    name: str = ""
    only: Callable[[Mapping[str, Any]], bool] | None = None
    wrap: bool = False
    default: str = ""
    required: bool = False

    @property
    def member(self) -> str:
        return self.name or self.code

    def rows(self, holder: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
        """The objects that are shown, by their place."""
        held = holder.get(self.member)
        found = {place: self._opened(item) for place, item in enumerate(held)} if isinstance(held, list) else {}
        return {place: item for place, item in found.items() if item is not None and (not self.only or self.only(item))}

    def next_row(self, holder: Mapping[str, Any]) -> int:
        """The number of the first new row."""
        held = holder.get(self.member)
        return len(held) if isinstance(held, list) else 0

    def read(self, holder: Mapping[str, Any], writing: Writing) -> dict[str, str]:
        found: dict[str, str] = {}
        for place, item in self.rows(holder).items():
            found |= _within(f"{self.code}.{place}", values_of(self.parts, item, writing))
        return found

    def write(self, holder: Holder, values: Values, writing: Writing) -> None:
        held = holder.get(self.member)
        items: list[Any] = list(held) if isinstance(held, list) else []
        shown, first_new = self.rows(holder), len(items)
        gone: set[int] = set()
        for place in self._numbers(values):
            typed = _below(f"{self.code}.{place}", values)
            before = shown.get(place, {})
            if place < first_new and place not in shown:
                continue  # not one of ours
            after = {} if typed.get("gone") == ON else written(self.parts, before, typed, writing)
            if place >= first_new:
                items += [self._closed(after)] if after else []
            elif not after:
                gone.add(place)
            elif after != before:
                items[place] = self._closed(after)
        left = [item for place, item in enumerate(items) if place not in gone]
        if left:
            holder[self.member] = left
        elif gone:
            holder.pop(self.member, None)

    def _numbers(self, values: Values) -> list[int]:
        found = (re.match(rf"{re.escape(self.code)}\.([0-9]{{1,4}})(\.|$)", key) for key in values)
        return sorted({int(match[1]) for match in found if match})[:MOST_ROWS]

    def _opened(self, item: Any) -> dict[str, Any] | None:
        if self.wrap:
            return {self.parts[0].code: item}
        return dict(item) if isinstance(item, Mapping) else None

    def _closed(self, item: dict[str, Any]) -> Any:
        return item[self.parts[0].code] if self.wrap else item


def written(parts: tuple[Field, ...], before: Mapping[str, Any], values: Values, writing: Writing) -> dict[str, Any]:
    """An object with what was typed into it; {} when nothing stands in it that means something by itself."""
    after = dict(before)
    apply(parts, after, values, writing)
    if after == before:
        return after
    along = {part.member for part in parts if part.default}
    if after.keys() <= along and not (before and before.keys() <= along):
        return {}
    for part in parts:
        if part.default and part.member not in after:
            after[part.member] = writing.default(part.default)
    return after


def _within(code: str, values: Values) -> dict[str, str]:
    return {f"{code}.{key}": value for key, value in values.items()}


def _below(code: str, values: Values) -> dict[str, str]:
    return {key[len(code) + 1 :]: value for key, value in values.items() if key.startswith(f"{code}.")}
