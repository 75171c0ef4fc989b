"""Coverage on paper, for whoever decides about money: the sentence, the table, the meanings, who reports, where it
comes from. A PDF, each page with its number, the hub and the day.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jisr_hub.directory.coverage import QUIET, AreaTold
from jisr_hub.directory.efforts import THEMES
from jisr_hub.directory.surveying import Survey
from jisr_protocol.pages.freshness import instant
from jisr_protocol.pages.language import Language
from jisr_protocol.pages.text import Text

from .coverage_words import MEANINGS, area_word, sentences, state_word, theme_word
from .paper import Cell, Paper, isolated

MOST_LINES, MOST_AREAS, MOST_REPORTERS = 400, 5, 40


@dataclass(frozen=True)
class Report:
    """What a report tells. `areas` in their order, `theme` "" for all, `inside` the area that holds them, `hub` its
    name, `address` where the same is read on a screen; who reports as (name, entries, day of the newest)."""

    survey: Survey
    areas: Sequence[AreaTold]
    theme: str
    inside: Text | None
    reporters: Sequence[tuple[Text, int, datetime | None]]
    hub: str
    address: str
    language: Language

    async def pdf(self) -> bytes:
        """Make the PDF; the work is done beside, since shaping takes its time."""
        return await asyncio.to_thread(self._made)

    def _made(self) -> bytes:
        # "page 2 of 3" is shaped as one text, so how many there are has to be known before
        counted = self._written(0)
        counted.close_fonts()
        return bytes(self._written(counted.page_no()).output())

    @property
    def _title(self) -> str:
        title = self.language.gettext("Coverage")
        return f"{title}{self.language.colon}{theme_word(self.theme, self.language)}" if self.theme else title

    def _written(self, total: int) -> Paper:
        _, language = self.language.gettext, self.language
        moment = _("As of %(moment)s") % {"moment": language.moment(self.survey.at)}
        paper = Paper(language, f"{isolated(self.hub)} · {moment}", total)
        paper.set_title(self._title)
        paper.set_creation_date(self.survey.at)
        paper.say(self._title, size=20, bold=True)
        if self.inside is not None:
            paper.say(self.inside.value, size=13, quiet=True)
        paper.say(f"{isolated(self.hub)} · {moment}", quiet=True)
        paper.ln(2)
        for sentence in sentences(self.survey.coverage, self.areas, self.theme, language):
            paper.say(sentence, size=12)
        paper.ln(2)
        paper.tabled(*((self._one_theme(), (5, 3, 3, 2, 3, 3)) if self.theme else (self._themes(),)))
        if not self.theme:
            paper.say(_("A number beside a word counts organizations."), quiet=True)
        if len(self.areas) > (MOST_LINES if self.theme else MOST_AREAS):
            paper.say(_("There is more than fits on paper: the table for a spreadsheet has all areas."), quiet=True)
        paper.heading(_("What these words mean"), room=60)
        meant: list[list[Cell]] = [
            [(state_word(state, language), state), (_(said), None)] for state, said in MEANINGS.items()
        ]
        paper.tabled(meant, widths=(1, 3), headed=False)
        if self.reporters:
            paper.heading(_("Who reports from here"))
            for name, entries, newest in self.reporters[:MOST_REPORTERS]:
                many = language.ngettext("%(count)s entry", "%(count)s entries", entries)
                many %= {"count": language.number(entries)}
                day = f"{language.comma}{language.date(newest)}" if newest is not None else ""
                paper.say(f"{isolated(name.value)} ({many}{day})")
        paper.heading(_("Source"))
        paper.say(_("Each record is signed by the organization that wrote it. This hub passes it on unchanged."))
        paper.say(f"{isolated(self.hub)}{language.colon}{isolated(self.address)}")
        return paper

    def _themes(self) -> list[list[Cell]]:
        language, shown = self.language, self.areas[:MOST_AREAS]
        heads: list[Cell] = [(language.gettext("Theme"), None)]
        found = [heads + [(area_word(told, language).value, None) for told in shown]]
        for theme in THEMES:
            cells = [self.survey.coverage.cell(told.area, theme) for told in shown]
            found.append(
                [
                    (theme_word(theme, language), None),
                    *(
                        (
                            state_word(cell.state, language)
                            + (f" · {language.number(cell.organizations)}" if cell.organizations else ""),
                            cell.state,
                        )
                        for cell in cells
                    ),
                ]
            )
        return found

    def _one_theme(self) -> list[list[Cell]]:
        language, _ = self.language, self.language.gettext
        heads = (_("Area"), _("State"), _("Organizations"), _("Active services"), _("For each organization"))
        found: list[list[Cell]] = [[(head, None) for head in (*heads, _("Last confirmed"))]]
        for told in self.areas[:MOST_LINES]:
            cell, of = self.survey.coverage.cell(told.area, self.theme), told.denominator(self.theme)
            newest = instant(cell.newest)
            share = of.value // cell.organizations if of is not None and cell.organizations else None
            quiet = cell.state == QUIET
            words = (
                "–" if quiet else language.number(cell.organizations),
                "–" if quiet else language.number(cell.services),
                f"{language.number(share)} {of.unit}" if share is not None and of is not None else "–",
                language.date(newest) if newest is not None else "–",
            )
            state: Cell = (state_word(cell.state, language), cell.state)
            found.append([(area_word(told, language).value, None), state, *((word, None) for word in words)])
        return found
