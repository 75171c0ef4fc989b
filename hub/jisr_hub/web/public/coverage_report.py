"""Coverage on paper, for whoever decides about money: the sentence, the table, the meanings, who reports. A PDF.

Arabic is shaped and runs from right to left, the columns too. The letters are Noto's, from this package.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files

from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace

from jisr_hub.directory.coverage import QUIET, AreaTold, Coverage
from jisr_hub.directory.efforts import THEMES
from jisr_hub.directory.surveying import Survey
from jisr_hub.ports.directory import Summary
from jisr_protocol.pages.freshness import instant
from jisr_protocol.pages.language import Language
from jisr_protocol.pages.text import Text

from .coverage_words import MEANINGS, area_word, sentences, state_word, theme_word

MOST_LINES, MOST_AREAS, MOST_REPORTERS = 400, 5, 40
_FONTS = files("jisr_hub.web").joinpath("fonts")
_FAMILIES = {"ar": "NotoNaskhArabic", "zgh": "NotoSansTifinagh"}
_INK, _QUIET, _LINE = (29, 36, 41), (84, 92, 98), (217, 211, 199)


async def report(
    survey: Survey,
    areas: Sequence[AreaTold],
    theme: str,
    reporters: Sequence[tuple[Text, int, datetime | None]],
    summary: Summary,
    language: Language,
) -> bytes:
    """Make the PDF; the work is done beside, since shaping takes its time."""
    return await asyncio.to_thread(_made, survey, areas, theme, reporters, summary, language)


def _made(
    survey: Survey,
    areas: Sequence[AreaTold],
    theme: str,
    reporters: Sequence[tuple[Text, int, datetime | None]],
    summary: Summary,
    language: Language,
) -> bytes:
    _ = language.gettext
    paper = _paper(language)
    paper.set_title(_("Coverage"))
    paper.set_creation_date(survey.at)
    _line(paper, language, _("Coverage"), size=20, bold=True)
    _line(
        paper,
        language,
        f"{summary.hub_name} · {_('As of %(moment)s') % {'moment': language.moment(survey.at)}}",
        quiet=True,
    )
    for sentence in sentences(survey.coverage, areas, theme, language):
        _line(paper, language, sentence, size=12)
    lines = _one_theme(survey.coverage, areas, theme, language) if theme else _themes(survey.coverage, areas, language)
    _table(paper, language, lines)
    if len(areas) > (MOST_LINES if theme else MOST_AREAS):
        _line(
            paper,
            language,
            _("There is more than fits on paper: the table for a spreadsheet has all areas."),
            quiet=True,
        )
    _line(paper, language, _("What these words mean"), size=14, bold=True)
    for state, meaning in MEANINGS.items():
        _line(paper, language, f"{state_word(state, language)}{language.colon}{_(meaning)}")
    if reporters:
        _line(paper, language, _("Who reports from here"), size=14, bold=True)
        for name, entries, newest in reporters[:MOST_REPORTERS]:
            many = language.ngettext("%(count)s entry", "%(count)s entries", entries) % {
                "count": language.number(entries)
            }
            day = f"{language.comma}{language.date(newest)}" if newest is not None else ""
            _line(paper, language, f"{name.value} ({many}{day})")
    return bytes(paper.output())


def _paper(language: Language) -> FPDF:
    paper = FPDF(format="A4")
    names = [_FAMILIES.get(language.code, "NotoSans")]
    names += [name for name in ("NotoSans", *_FAMILIES.values()) if name not in names]
    for name in names:
        for style, end in (("", "Regular"), ("B", "Bold")):
            file = _FONTS.joinpath(f"{name}-{end}.ttf")
            paper.add_font(name, style, str(file if file.is_file() else _FONTS.joinpath(f"{name}-Regular.ttf")))
    paper.set_font(names[0], size=10)
    paper.set_fallback_fonts(names[1:], exact_match=False)
    paper.set_text_shaping(True, direction=language.direction)
    paper.set_margin(15)
    paper.set_lang(language.code)
    paper.add_page()
    return paper


def _align(language: Language) -> str:
    return "R" if language.direction == "rtl" else "L"


def _line(
    paper: FPDF, language: Language, words: str, size: float = 10, bold: bool = False, quiet: bool = False
) -> None:
    paper.set_font(style="B" if bold else "", size=size)
    paper.set_text_color(*(_QUIET if quiet else _INK))
    if bold and size < 20:
        paper.ln(3)
    paper.multi_cell(0, None, words, align=_align(language), new_x="LMARGIN", new_y="NEXT")
    paper.ln(1)


def _table(paper: FPDF, language: Language, lines: Sequence[Sequence[str]]) -> None:
    paper.set_font(size=8.5)
    paper.set_text_color(*_INK)
    paper.set_draw_color(*_LINE)
    ordered = [list(reversed(line)) if language.direction == "rtl" else list(line) for line in lines]
    with paper.table(
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        text_align="RIGHT" if language.direction == "rtl" else "LEFT",
        headings_style=FontFace(emphasis="BOLD"),
        padding=1,
    ) as table:
        for line in ordered:
            table.row(line)
    paper.ln(3)


def _themes(coverage: Coverage, areas: Sequence[AreaTold], language: Language) -> list[list[str]]:
    shown = areas[:MOST_AREAS]
    found = [[language.gettext("Theme"), *(area_word(told, language).value for told in shown)]]
    for theme in THEMES:
        line = [theme_word(theme, language)]
        for told in shown:
            cell = coverage.cell(told.area, theme)
            many = f" {language.number(cell.organizations)}" if cell.organizations else ""
            line.append(state_word(cell.state, language) + many)
        found.append(line)
    return found


def _one_theme(coverage: Coverage, areas: Sequence[AreaTold], theme: str, language: Language) -> list[list[str]]:
    _ = language.gettext
    heads = [
        _("Area"),
        _("State"),
        _("Organizations"),
        _("Active services"),
        _("For each organization"),
        _("Last confirmed"),
    ]
    found = [heads]
    for told in areas[:MOST_LINES]:
        cell, of, newest = coverage.cell(told.area, theme), told.denominator(theme), None
        newest = instant(cell.newest)
        share = of.value // cell.organizations if of is not None and cell.organizations else None
        numbers = (
            ["–", "–"] if cell.state == QUIET else [language.number(cell.organizations), language.number(cell.services)]
        )
        found.append(
            [
                area_word(told, language).value,
                state_word(cell.state, language),
                *numbers,
                f"{language.number(share)} {of.unit}" if share is not None and of is not None else "–",
                language.date(newest) if newest is not None else "–",
            ]
        )
    return found
