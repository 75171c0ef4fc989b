"""A finding, the verdict that holds all of them, and where in somebody's spreadsheet each one stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from . import VERSION

MUST_FIX, COULD_BE_BETTER = "must fix", "could be better"
CAME_CHARACTERS = 120
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}")


class Cell(NamedTuple):
    """Where the publisher wrote it: a cell such as B7, of a sheet, of a file; "" for what there is not."""

    file: str
    sheet: str
    cell: str


SourceMap = Mapping[str, Cell]
"""JSON pointer → the cell it was read from."""


class Finding(msgspec.Struct, frozen=True):
    """One thing: a stable code, how much it matters, where (RFC 6901, "" for the whole record), what was expected and
    what came as facts without a language, and the key under which findings of one cause stand together."""

    code: str
    level: str
    pointer: str
    expected: str = ""
    came: str = ""
    group: str = ""

    @property
    def harms(self) -> bool:
        """Whether somebody may come to harm by it: a person's data, a place that must stay hidden."""
        return self.code.startswith(("person.", "place."))


class Verdict(msgspec.Struct, frozen=True):
    """All findings on a record on a day, by the validator of a version."""

    findings: tuple[Finding, ...]
    day: str
    version: str = VERSION

    @property
    def must_fix(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.level == MUST_FIX)

    @property
    def could_be_better(self) -> tuple[Finding, ...]:
        """What harms first."""
        rest = [finding for finding in self.findings if finding.level == COULD_BE_BETTER]
        return tuple(sorted(rest, key=lambda finding: not finding.harms))


def found(code: str, level: str, pointer: str, type_name: str, *, expected: str = "", came: object = "") -> Finding:
    """A finding with its group: the code, and the place without numbers and languages, in one type of record."""
    text = came if isinstance(came, str) else str(came)
    short = text if len(text) <= CAME_CHARACTERS else text[: CAME_CHARACTERS - 1] + "…"
    kind = type_name.removeprefix("org.jisr.").partition("/")[0]
    return Finding(code, level, pointer, expected, short, f"{code} {kind}{shape(pointer)}")


def shape(pointer: str) -> str:
    """A pointer without numbers and languages: the same for the same member of every record."""
    steps = pointer.split("/")
    last = len(steps) - 1
    return "/".join(
        "*"
        if step.isdigit() or (place < last and steps[place + 1] in ("value", "origin") and _LANGUAGE.fullmatch(step))
        else step
        for place, step in enumerate(steps)
    )


def grouped(findings: Iterable[tuple[str, Finding]]) -> dict[str, list[tuple[str, Finding]]]:
    """(record, finding) by cause: what must be fixed first, what harms before it, then the most frequent. Nothing is
    left out."""
    groups: dict[str, list[tuple[str, Finding]]] = {}
    for record, finding in findings:
        groups.setdefault(f"{finding.level} {finding.group}", []).append((record, finding))

    def weight(key: str) -> tuple[bool, bool, int, str]:
        first = groups[key][0][1]
        return not first.harms, first.level != MUST_FIX, -len(groups[key]), key

    return {key: groups[key] for key in sorted(groups, key=weight)}


def cell_of(pointer: str, cells: SourceMap) -> Cell | None:
    """The cell of a place, or of the nearest thing around it that has one."""
    while pointer not in cells and pointer:
        pointer = pointer.rpartition("/")[0]
    return cells.get(pointer)
