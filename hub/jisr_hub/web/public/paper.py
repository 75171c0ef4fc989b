"""A4 in the letters and the direction of a language: words, headings, tables, and a foot with the page's number.

Arabic is shaped and runs from right to left, the columns too. The letters are Noto's, from this package. A ground says
what its word says, so that a page printed in grey loses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from fpdf import FPDF
from fpdf.enums import TableBordersLayout, TextEmphasis
from fpdf.fonts import FontFace, TTFFont

from jisr_hub.directory.coverage import QUIET, State
from jisr_protocol.pages.language import Language

_FONTS = files("jisr_hub.web").joinpath("fonts")
_FAMILIES = {"ar": "NotoNaskhArabic", "zgh": "NotoSansTifinagh"}
_INK, _QUIET, _LINE = (29, 36, 41), (84, 92, 98), (217, 211, 199)
_GROUNDS: dict[State, tuple[int, int, int]] = {
    "covered": (214, 232, 214),
    "thin": (250, 233, 200),
    "none": (246, 216, 212),
    "nobody": (255, 255, 255),
    QUIET: (243, 238, 228),
}
_MARGIN, _FOOT, _POINT = 15, 8, 25.4 / 72
"""Millimetres: around a page, of its foot, of a point."""
Cell = tuple[str, State | None]
"""The words of a cell, and the state whose ground they stand on."""


def isolated(words: str) -> str:
    """Words whose direction changes nothing around them."""
    return f"\u2068{words}\u2069"


class Paper(FPDF):
    """Pages with a foot: `foot`, then the page's number out of `total`."""

    def __init__(self, language: Language, foot: str, total: int) -> None:
        super().__init__(format="A4")
        self._language, self._foot, self._total = language, foot, total
        self._mirrored = language.direction == "rtl"
        self._air = 1.65 if language.code == "ar" else 1.45
        names = [_FAMILIES.get(language.code, "NotoSans")]
        names += [name for name in ("NotoSans", *_FAMILIES.values()) if name not in names]
        for name in names:
            for style, end in (("", "Regular"), ("B", "Bold")):
                file = _FONTS.joinpath(f"{name}-{end}.ttf")
                self.add_font(name, style, str(file if file.is_file() else _FONTS.joinpath(f"{name}-Regular.ttf")))
        self.set_font(names[0], size=10)
        self.set_fallback_fonts(names[1:], exact_match=False)
        self.set_text_shaping(True, direction=language.direction)
        self.set_margin(_MARGIN)
        self.set_auto_page_break(True, _MARGIN + _FOOT)
        self.set_lang(language.code)
        self.set_draw_color(*_LINE)
        self.add_page()

    def set_font(self, family: str | None = None, style: str | TextEmphasis = "", size: float = 0) -> None:
        """Choose letters, and tell the page of them at once.

        fpdf2 2.8.9 tells it with the first words, and where these are in another script takes that back after them. The
        next line then stands in whatever letters came before, which may be others altogether.
        """
        super().set_font(family, style, size)
        if self.page:
            self.text(0, 0, "")

    def footer(self) -> None:
        """End a page."""
        number, pages = self._language.number(self.page_no()), self._language.number(self._total)
        words = self._language.gettext("Page %(number)s of %(pages)s") % {"number": number, "pages": pages}
        self.set_y(-_MARGIN - 2)
        self.say(f"{self._foot} · {words}", size=8.5, quiet=True)

    def close_fonts(self) -> None:
        """Let go of the files of letters, of a paper that will not be put out."""
        for font in self.fonts.values():
            if isinstance(font, TTFFont):
                font.close()

    def say(self, words: str, size: float = 10, bold: bool = False, quiet: bool = False) -> None:
        """Write a paragraph."""
        self._letters(size, bold, quiet)
        self.multi_cell(
            0, size * _POINT * self._air, words, align="R" if self._mirrored else "L", new_x="LMARGIN", new_y="NEXT"
        )

    def heading(self, words: str, room: float = 25) -> None:
        """Write a heading, on the next page where less than `room` millimetres are left."""
        if self.will_page_break(room):
            self.add_page()
        self.ln(5)
        self.say(words, size=14, bold=True)
        self.ln(1)

    def tabled(self, lines: Sequence[Sequence[Cell]], widths: Sequence[int] = (), headed: bool = True) -> None:
        """Write a table: `widths` of its columns to one another; with `headed`, its first line stands on every page."""
        size = 9.5 if self._mirrored else 8.5
        self._letters(size, False, False)
        order = -1 if self._mirrored else 1
        with self.table(
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            text_align="RIGHT" if self._mirrored else "LEFT",
            headings_style=FontFace(emphasis="BOLD"),
            first_row_as_headings=headed,
            col_widths=tuple(widths[::order]) or None,
            line_height=size * _POINT * self._air,
            padding=1,
        ) as table:
            for line in lines:
                row = table.row()
                for words, state in line[::order]:
                    row.cell(words, style=FontFace(fill_color=_GROUNDS[state]) if state is not None else None)
        self.ln(2)

    def _letters(self, size: float, bold: bool, quiet: bool) -> None:
        self.set_font(style="B" if bold else "", size=size)
        self.set_text_color(*(_QUIET if quiet else _INK))
