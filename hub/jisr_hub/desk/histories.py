"""What a hub knows of one record over time: its versions, what of it was put aside, and by which way it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..ports import Key


@dataclass(frozen=True)
class Version:
    """One entry of the hub's feed about a record. `value` is None where the content is gone (`gone` says why) or the
    entry is not a put; `via` are the hubs it came by way of, the author's side first."""

    seq: int
    at: str
    op: str
    rev: int
    value: Mapping[str, Any] | None
    via: Sequence[str] = ()
    gone: str = ""


@dataclass(frozen=True)
class Aside:
    """A version that was refused, with the problem code, and what was wrong."""

    at: str
    rev: int
    code: str
    detail: str


@dataclass(frozen=True)
class Change:
    """One member that two versions differ in, by its JSON pointer; "" for what was not there."""

    pointer: str
    before: str
    after: str


class Histories(Protocol):
    """Read the history of records."""

    async def versions(self, key: Key) -> Sequence[Version]:
        """Newest first, at most some hundred."""
        ...

    async def aside(self, key: Key) -> Sequence[Aside]:
        """Newest first: what was refused of it and stands in quarantine."""
        ...


UNTOLD = frozenset({"salt", "rev", "modified", "jws"})
"""Members that differ with every version and tell nobody anything."""


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[Change]:
    """What differs between two versions, by pointer."""
    old, new = _flat(before or {}), _flat(after or {})
    pointers = sorted(old.keys() | new.keys())
    return [Change(p, old.get(p, ""), new.get(p, "")) for p in pointers if old.get(p) != new.get(p)]


def _flat(value: Any, pointer: str = "") -> dict[str, str]:
    if isinstance(value, Mapping):
        members = value.items() if pointer else ((k, v) for k, v in value.items() if k not in UNTOLD)
        return {p: v for name, member in members for p, v in _flat(member, f"{pointer}/{name}").items()}
    if isinstance(value, list):
        return {p: v for n, member in enumerate(value) for p, v in _flat(member, f"{pointer}/{n}").items()}
    return {pointer: "" if value is None else str(value)}
