"""The columns of a table of entries, for CSV and workbooks. Names stay; new ones come at the end."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from .shown import Shown, objects

LONGEST_CELL = 32_000
"""Characters; a workbook takes 32,767."""
COLUMNS: Mapping[str, Callable[[Shown], str]] = {
    "entry": lambda one: one.entry,
    "page": lambda one: one.page,
    "type": lambda one: one.type,
    "name": lambda one: one.name,
    "name_language": lambda one: one.lang,
    "description": lambda one: one.description,
    "status": lambda one: _member(one, "status"),
    "organization": lambda one: one.organization.name if one.organization is not None else "",
    "organization_entry": lambda one: one.organization.entry if one.organization is not None else "",
    "for_whom": lambda one: one.words(one.record.get("for_whom")),
    "cost": lambda one: _cost(one),
    "languages": lambda one: " ".join(one.languages),
    "phones": lambda one: "; ".join(one.reached("phone")),
    "emails": lambda one: "; ".join(one.reached("email")),
    "websites": lambda one: " ".join(one.websites),
    "addresses": lambda one: "; ".join(one.addressed()),
    "longitude": lambda one: _degrees(one, 0),
    "latitude": lambda one: _degrees(one, 1),
    "areas": lambda one: "; ".join(_areas(one)),
    "terms": lambda one: " ".join(f"{scheme}:{code}" for scheme, code, _, _ in one.terms),
    "hours": lambda one: _json(one.record.get("opening_hours") or one.record.get("schedule")),
    "start": lambda one: _member(one, "start"),
    "end": lambda one: _member(one, "end"),
    "timezone": lambda one: _member(one, "timezone"),
    "deadline": lambda one: _member(one, "deadline"),
    "modified": lambda one: one.modified,
    "licence": lambda one: one.licence,
    "author": lambda one: one.author,
    "author_nodes": lambda one: " ".join(one.nodes),
    "through_hubs": lambda one: " ".join(one.listed.via),
    "record": lambda one: f"{one.listed.node}/{one.listed.id}",
    "digest": lambda one: one.listed.digest,
}


def cells(one: Shown) -> list[str]:
    """The row of an entry: no cell longer than a workbook takes, no characters that XML or a table cannot hold."""
    return [sound(make(one))[:LONGEST_CELL] for make in COLUMNS.values()]


def sound(text: str) -> str:
    """A text without control characters and halves of pairs; line ends and tabs become spaces."""
    if text.isprintable() and text.isascii():
        return text
    folded = text.replace("\r\n", " ").replace("\n", " ").replace("\r", " ").replace("\t", " ")
    return "".join(one for one in folded if _fits(ord(one)))


def _fits(code: int) -> bool:
    """What XML 1.0 may hold (section 2.2), without what stands for nothing."""
    if 0x7F <= code < 0xA0:
        return False
    return 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF


def _member(one: Shown, name: str) -> str:
    value = one.record.get(name)
    return value if isinstance(value, str) else ""


def _cost(one: Shown) -> str:
    cost = one.record.get("cost")
    if not isinstance(cost, Mapping):
        return ""
    price = cost.get("price")
    said = f"{price.get('amount')} {price.get('currency')}" if isinstance(price, Mapping) else ""
    free = "0" if cost.get("free") is True else ""
    return " ".join(filter(None, (said or free, one.words(cost.get("note")))))


def _degrees(one: Shown, axis: int) -> str:
    """Of the one place there is; of several, none: which one would be a guess."""
    points = one.points
    return repr(points[0][axis]) if len(points) == 1 else ""


def _areas(one: Shown) -> list[str]:
    found = []
    for each in objects(one.record.get("area")):
        coded = ":".join(str(each[name]) for name in ("scheme", "code") if name in each)
        found.append(coded or one.words(each.get("name")))
    return found


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) if value else ""
