"""What changed between two versions of a record, member by member, as facts for words: what was, and what is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Difference:
    """One place: the members that lead there, the language where it is a text, and both sides as text, "" for none.

    `origin` is said where only that changed."""

    path: tuple[str, ...]
    lang: str
    before: str
    after: str
    origin: str = ""


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Every place where two versions differ, in the order of the members."""
    return list(_between((), before, after))


def _between(path: tuple[str, ...], before: Any, after: Any) -> Iterator[Difference]:
    if before == after:
        return
    if _is_text(before) or _is_text(after):
        yield from _texts(path, before, after)
    elif isinstance(before, Mapping | None) and isinstance(after, Mapping | None):
        old, new = before or {}, after or {}
        for name in dict.fromkeys([*new, *old]):
            yield from _between((*path, name), old.get(name), new.get(name))
    elif isinstance(before, list | None) and isinstance(after, list | None) and _holds_objects(before, after):
        old_items, new_items = before or [], after or []
        for place in range(max(len(old_items), len(new_items))):
            old_item = old_items[place] if place < len(old_items) else None
            new_item = new_items[place] if place < len(new_items) else None
            yield from _between((*path, str(place)), old_item, new_item)
    else:
        yield Difference(path, "", said(before), said(after))


def _texts(path: tuple[str, ...], before: Any, after: Any) -> Iterator[Difference]:
    old, new = _object(before), _object(after)
    for lang in dict.fromkeys([*new, *old]):
        was, now = _object(old.get(lang)), _object(new.get(lang))
        if was != now:
            origin = str(now.get("origin", "")) if was.get("value") == now.get("value") else ""
            yield Difference(path, lang, said(was.get("value")), said(now.get("value")), origin)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def said(value: object) -> str:
    """A plain value as text: lists with commas, times with a dash; "" for nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        if value and all(isinstance(one, list) for one in value):
            return ", ".join("–".join(map(str, pair)) for pair in value)
        return ", ".join(said(one) for one in value)
    if isinstance(value, Mapping):
        return ", ".join(filter(None, (said(member) for member in value.values())))
    return str(value)


def _is_text(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(one, Mapping) and "value" in one and "origin" in one for one in value.values())
    )


def _holds_objects(*lists: object) -> bool:
    return any(isinstance(item, Mapping) for held in lists if isinstance(held, list) for item in held)
