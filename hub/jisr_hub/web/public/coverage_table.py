"""Coverage as a table for a spreadsheet: a line a cell, codes beside words; what is not told is left empty."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from jisr_hub.directory.coverage import QUIET, AreaTold, Coverage
from jisr_protocol.pages.language import Language

from .coverage_words import area_word, state_word, theme_word

COLUMNS = (
    *("area_scheme", "area_code", "area", "theme_code", "theme", "state", "state_word", "organizations", "services"),
    *("free", "newest", "wider", "reporters", "population", "population_as_of", "as_of"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def rows(
    coverage: Coverage, areas: Iterable[AreaTold], themes: Sequence[str], language: Language
) -> Iterator[list[str]]:
    """The heading, then the cells."""
    yield list(COLUMNS)
    for told in areas:
        for theme in themes:
            cell, of = coverage.cell(told.area, theme), told.denominator(theme)
            hidden = cell.state == QUIET
            yield [
                *told.area,
                area_word(told, language).value,
                theme,
                theme_word(theme, language),
                cell.state,
                state_word(cell.state, language),
                "" if hidden else str(cell.organizations),
                "" if hidden else str(cell.services),
                "; ".join(f"{free} {unit}" for unit, free in cell.room),
                cell.newest,
                str(cell.wider),
                str(len(told.reporters)),
                str(of.value) if of is not None else "",
                of.as_of if of is not None else "",
                coverage.day,
            ]


def as_csv(lines: Iterable[Sequence[str]]) -> bytes:
    """CSV as spreadsheets read it: UTF-8 with its mark, and no cell that would be taken for a formula."""
    out = io.StringIO()
    table = csv.writer(out)
    for line in lines:
        table.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in line])
    return b"\xef\xbb\xbf" + out.getvalue().encode()
