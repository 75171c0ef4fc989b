"""What an object of the protocol looks like: members, each with its check, and one Refusal for what does not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .canonical import escape
from .refusal import refuse

Check = Callable[[object], str | None]


@dataclass(frozen=True, slots=True)
class Shape:
    """Required and optional members of an object under one rule. Members it does not name are carried, not judged."""

    rule: str
    required: Mapping[str, Check]
    optional: Mapping[str, Check] = field(default_factory=dict)

    def check(self, value: Any, pointer: str = "") -> dict[str, Any]:
        """Return `value` as a dict that fits; raise Refusal at the first member that does not."""
        if not isinstance(value, dict):
            refuse(self.rule, pointer, expected="an object", came=value)
            return {}
        for name, check in self.required.items():
            if name not in value:
                refuse(self.rule, pointer, expected=f"a member {name!r}", came="an object without it")
            elif expected := check(value[name]):
                refuse(self.rule, f"{pointer}/{escape(name)}", expected=expected, came=value[name])
        for name, check in self.optional.items():
            if name in value and (expected := check(value[name])):
                refuse(self.rule, f"{pointer}/{escape(name)}", expected=expected, came=value[name])
        return value


def one_of(*allowed: str) -> Check:
    """A check for one of a closed list."""
    return lambda value: None if value in allowed else "one of " + ", ".join(allowed)


def list_of(check: Check, *, most: int) -> Check:
    """A check for a list whose items all fit."""

    def checked(value: object) -> str | None:
        if not isinstance(value, list) or len(value) > most:
            return f"a list of at most {most} items"
        return next((f"a list, each item {e}" for item in value if (e := check(item))), None)

    return checked


def any_object(value: object) -> str | None:
    return None if isinstance(value, dict) else "an object"


def object_of(required: Mapping[str, Check]) -> Check:
    """A check for an object with at least these members."""

    def checked(value: object) -> str | None:
        if not isinstance(value, dict):
            return "an object"
        for name, check in required.items():
            if name not in value or check(value[name]):
                return f"an object with {name!r}: {check(value.get(name)) or 'present'}"
        return None

    return checked


def position(check_first: Check, *rest: Check) -> Check:
    """A check for a fixed-length list, such as ["public", epoch, seq]."""
    checks = (check_first, *rest)

    def checked(value: object) -> str | None:
        if not isinstance(value, list) or len(value) != len(checks):
            return f"a list of {len(checks)} items"
        return next((f"a list with {e}" for item, check in zip(value, checks, strict=True) if (e := check(item))), None)

    return checked
