"""What an import says, in English, the source of the other languages: of files, of cells, of rows.

    sentence(problem, lang, tr)     what is wrong and what to do; the validator's own findings come from quality.words
    told(problem, lang, tr)         with its sheet, cell and heading

`tr` puts an English sentence into the reader's language; the node's pages have one, made of their catalogues.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from jisr_protocol.quality import words as validator_words

from .heading_words import field_name
from .problems import Problem
from .tables import Unreadable

Translate = Callable[[str], str]


def N_(text: str) -> str:
    """Mark a sentence for the catalogues."""
    return text


FILES: Mapping[str, str] = MappingProxyType(
    {
        "empty": N_("There is no table in this file: it is empty."),
        "no_table": N_("This file is no table that can be read. Save it as XLSX, ODS or CSV, and choose it again."),
        "old_excel": N_("This is a workbook of an old Excel (.xls). Open it, save it as .xlsx, and choose that one."),
        "broken": N_("This file is damaged or not complete. Open it, save it anew, and choose it again."),
        "locked": N_("This file is locked by a password. Save it without one, and choose it again."),
        "too_large": N_("This file is too large: at most {most} MB are read. Cut it into several files."),
        "too_many_rows": N_("There are too many rows: at most {most} are read. Cut the file into several."),
        "too_many_columns": N_("The sheet {sheet} has too many columns: at most {most} are read."),
        "long_cell": N_(
            "Row {row} does not end: a quotation mark may be missing, or a cell has more than {most} characters."
        ),
        "no_openpyxl": N_(
            "This computer cannot read workbooks of Excel yet. Install jisr-node[sheets], or save the table as CSV."
        ),
    }
)
CELLS: Mapping[str, str] = MappingProxyType(
    {
        "which_date": N_(
            "This can be two days: {came}. Write the one you mean, {expected}, or choose for the whole column "
            "whether the day or the month comes first."
        ),
        "yes_no": N_("Write yes or no. It says: {came}."),
        "digits_lost": N_(
            "The spreadsheet has shortened this number, so its last digits are lost: {came}. Make the cell a text cell "
            "and write the number again."
        ),
        "ends_first": N_("This ends ({came}) before it begins ({expected}). Correct one of the two days."),
        "twice": N_("This row says again what row {expected} says. Take one of the two out, or give each a number."),
        "erased": N_(
            "This was erased on {expected}. Take the row out; only who wants it back on purpose imports it again."
        ),
        "belongs_out": N_("It belongs to “{came}”, and row {expected}, which says who that is, has to be fixed first."),
        "hours_as_words": N_(
            "These hours are kept as words, so nobody can search by them: {came}. Write them like {expected}."
        ),
        "register_unknown": N_("No register is known for the country {expected}, so this number is left out: {came}."),
        "country": N_("We do not know the country “{came}”. Write its two letters, such as {expected}."),
        "left_out": N_("This cannot be read, so it is left out: {came}. Write it like {expected}."),
        "unknown_id": N_("This names {came}, which stands in no table here. Put it in, or take this out."),
        "restricted": N_(
            "The licence of “{came}” does not let its codes be passed on, so this list stays out. Its words are taken."
        ),
        "hidden_place": N_(
            "This looks like a place where people hide ({came}), so its address is left out and it is marked as hidden."
        ),
    }
)


LIKE = frozenset(("date", "number", "phone", "mail", "web", "language", "degrees", "postal_code", "register"))
"""Codes of what cannot be read, said as the validator says it: write it like this."""
OF_VALIDATOR: Mapping[str, str] = MappingProxyType(
    {"missing": "missing", "choice": "choice", "misfit": "form", **dict.fromkeys(LIKE, "like")}
)
"""Code → the validator's sentence for it: no sentence stands twice."""


def plain(text: str) -> str:
    """No translation: English as it stands."""
    return text


def file_sentence(error: Unreadable, tr: Translate = plain) -> str:
    """Why a file is not read, and what to do."""
    return tr(FILES[error.code]).format(**error.facts)


def sentence(problem: Problem, lang: str = "en", tr: Translate = plain) -> str:
    """What is wrong in a cell or row, and what to do."""
    if problem.finding is not None:
        return validator_words.sentence(problem.finding, lang)
    expected = field_name(problem.expected, lang) if problem.code == "missing" else problem.expected
    if of_validator := OF_VALIDATOR.get(problem.code):
        return validator_words.findings(lang)[of_validator].format(expected=expected, came=problem.came or "—")
    return tr(CELLS[problem.code]).format(expected=expected, came=problem.came)


ROW = N_("row {row}")
ROW_OF = N_("sheet {sheet}, row {row}")


def where(problem: Problem, lang: str = "en", tr: Translate = plain) -> str:
    """Sheet and cell, or the row where it is about all of it."""
    if problem.row and not problem.column:
        return tr(ROW_OF if problem.sheet else ROW).format(sheet=problem.sheet, row=problem.row)
    return validator_words.place(problem.place, lang)


def told(problem: Problem, lang: str = "en", tr: Translate = plain) -> str:
    """A problem with its sheet, cell and heading."""
    place = where(problem, lang, tr)
    heading = f" “{problem.heading}”" if problem.heading else ""
    return f"{place}{heading}: {sentence(problem, lang, tr)}"
