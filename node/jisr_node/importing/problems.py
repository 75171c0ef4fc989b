"""What is to be said about a cell, a row or a column of somebody's table, and how it stands together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jisr_protocol.quality.findings import COULD_BE_BETTER, MUST_FIX, Cell, Finding

from .tables import cell_name

__all__ = ["COULD_BE_BETTER", "MUST_FIX", "Problem", "grouped"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing: where it stands (`column` 0 for the whole row, `row` 0 for a column or the file), the heading above
    it, a code of words.CELLS or the validator's finding, and the title of the record that the row makes."""

    level: str
    code: str
    sheet: str
    row: int
    column: int
    heading: str = ""
    expected: str = ""
    came: str = ""
    title: str = ""
    finding: Finding | None = None

    @property
    def cell(self) -> str:
        """B7; for a whole row 7, "" for the file."""
        if self.row and self.column:
            return cell_name(self.row, self.column)
        return str(self.row) if self.row else ""

    @property
    def place(self) -> Cell:
        return Cell("", self.sheet, self.cell)

    @property
    def harms(self) -> bool:
        """Whether somebody may come to harm by it."""
        return self.finding is not None and self.finding.harms


def grouped(problems: Iterable[Problem]) -> list[list[Problem]]:
    """Problems of one cause together, none left out: what must be fixed first, what harms before it, then the most
    frequent."""
    groups: dict[tuple[str, str, str, str], list[Problem]] = {}
    for problem in problems:
        group = problem.finding.group if problem.finding else ""
        groups.setdefault((problem.level, problem.code, group, problem.heading), []).append(problem)

    def weight(key: tuple[str, str, str, str]) -> tuple[bool, bool, int, tuple[str, str, str, str]]:
        return not groups[key][0].harms, key[0] != MUST_FIX, -len(groups[key]), key

    return [groups[key] for key in sorted(groups, key=weight)]
