"""The one error of every parse and check: which rule, where, what was expected, what came.

    Refusal                 what came is refused; the sender is wrong, never we
      .rule                 id of the rule in docs/spec, for example "CAN-3"
      .code                 stable problem code, what programs switch on (problems.py)
      .pointer              JSON pointer (RFC 6901) into what was read, "" for the whole of it
      .expected, .came      for a person; `came` is cut to 120 characters

A conformance test may switch a rule off with `switched_off`: the check is then made and its result ignored, so that
the test which proves the rule can be seen to fail. Nothing outside tests may use it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .problems import code_of_rule

CAME_CHARACTERS = 120

_switched_off: set[str] = set()


class Refusal(Exception):
    """What came breaks `rule` at `pointer`."""

    def __init__(self, rule: str, pointer: str, expected: str, came: object) -> None:
        text = came if isinstance(came, str) else repr(came)
        self.rule = rule
        self.code = code_of_rule(rule)
        self.pointer = pointer
        self.expected = expected
        self.came = text if len(text) <= CAME_CHARACTERS else text[: CAME_CHARACTERS - 1] + "…"
        super().__init__(rule, pointer, expected, self.came)

    def below(self, pointer: str) -> Refusal:
        """The same refusal, seen from an object that holds what was read at `pointer`."""
        return Refusal(self.rule, pointer + self.pointer, self.expected, self.came)

    def __str__(self) -> str:
        place = f" at {self.pointer}" if self.pointer else ""
        return f"{self.code} ({self.rule}){place}: expected {self.expected}; came {self.came}"


def refuse(rule: str, pointer: str, *, expected: str, came: object) -> None:
    """Raise the Refusal for a broken rule; returns only while a test has switched that rule off."""
    if rule not in _switched_off:
        raise Refusal(rule, pointer, expected, came)


def is_switched_off(rule: str) -> bool:
    """Whether a test has switched this rule off. For checks that answer instead of raising (identifiers.py)."""
    return rule in _switched_off


@contextmanager
def switched_off(*rules: str) -> Iterator[None]:
    """Ignore these rules inside the block. For conformance tests: a rule whose proof still passes is not proven."""
    fresh = set(rules) - _switched_off
    _switched_off.update(fresh)
    try:
        yield
    finally:
        _switched_off.difference_update(fresh)
