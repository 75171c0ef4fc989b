"""Where help is, where it is thin, and where nobody would tell us.

    /coverage?theme=&in=&page=       themes × areas; with a theme, area by area with every number
    /coverage/entries?theme=&area=   the entries behind a cell
    /coverage.csv, /coverage.pdf     the same for a spreadsheet and for a funder
    /v1/coverage                     the same for programs

The numbers are those of directory/coverage.py, after the rule of small cells; nothing is counted here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jisr_hub.directory.coverage import QUIET, AreaTold, Coverage
from jisr_hub.directory.efforts import THEMES
from jisr_hub.directory.surveying import Survey, Surveys
from jisr_hub.ports.surveying import Measured
from jisr_protocol.pages.freshness import instant
from jisr_protocol.pages.language import Language
from jisr_protocol.pages.text import Text, choose

from ..page import SECURITY_HEADERS, page, query
from ..problem_documents import document
from . import coverage_course
from .coverage_map import HEIGHT, WIDTH, drawn
from .coverage_table import as_csv, rows
from .coverage_words import MEANINGS, area_word, read_area, sentences, spelled, state_word, theme_word
from .rim import Rim, Shown

COLUMNS, LINES, ENTRIES = 6, 30, 50
REPORTERS = 30
"""How many of who reports are named on a page."""


@dataclass(frozen=True)
class _Asked:
    """What a reader looks at: a theme ("" is all), the areas within one (None is the widest), a page of them."""

    theme: str
    inside: AreaTold | None
    areas: list[AreaTold]
    number: int

    @property
    def kept(self) -> dict[str, str]:
        """What leads here again, but for the page's number."""
        theme = {"theme": self.theme} if self.theme else {}
        return theme | ({"in": spelled(self.inside.area)} if self.inside is not None else {})


@dataclass(frozen=True)
class Pages:
    """The pages of coverage. Each method is an endpoint and answers every address with a page."""

    surveys: Surveys
    rim: Rim

    def routes(self) -> list[Route]:
        """Their routes."""
        return [
            Route("/coverage", self.coverage),
            Route("/coverage/entries", self.entries),
            Route("/coverage.csv", self.table),
            Route("/coverage.pdf", self.report),
            Route("/v1/coverage", self.plain),
        ]

    async def coverage(self, request: Request) -> Response:
        """The matrix of all themes, or one theme area by area."""
        language, survey = self.rim.language(request), await self.surveys.now()
        asked = _asked(request, survey.coverage)
        if asked is None:
            return _missing(request, language)
        length = LINES if asked.theme else COLUMNS
        pages = max(1, -(-len(asked.areas) // length))
        shown = asked.areas[(asked.number - 1) * length : asked.number * length]
        if asked.number > pages:
            return _missing(request, language)
        past = await self.surveys.past(asked.theme) if asked.theme else []
        said = sentences(survey.coverage, asked.areas, asked.theme, language)
        inside = area_word(asked.inside, language) if asked.inside is not None else None
        title = language.gettext("Coverage") + (f" – {inside.value}" if inside is not None else "")
        kept = asked.kept | ({"page": str(asked.number)} if asked.number > 1 else {})
        return self.rim.answer(
            request,
            "public/coverage.html",
            Shown("/coverage", title, " ".join(said), kept, indexed=asked.number == 1, scripted=False),
            summary=await self.rim.directory.summary(),
            sentences=said,
            meanings=[(state, state_word(state, language), language.gettext(said)) for state, said in MEANINGS.items()],
            theme=asked.theme,
            themes=[(theme, theme_word(theme, language)) for theme in THEMES],
            inside=inside,
            inside_code=spelled(asked.inside.area) if asked.inside is not None else "",
            columns=[_column(told, language, request, asked.theme) for told in shown],
            lines=_matrix(survey.coverage, shown, request, language) if not asked.theme else [],
            rows=[_row(survey.coverage, told, asked.theme, request, language) for told in shown] if asked.theme else [],
            map=drawn(survey.coverage, asked.areas, asked.theme, language),
            size=(WIDTH, HEIGHT),
            reporters=_reporters(survey, asked.areas, language)[:REPORTERS],
            past=[(instant(one.day), one) for one in _past(past)],
            course=coverage_course.course(past, language),
            course_size=(coverage_course.WIDTH, coverage_course.HEIGHT),
            moment=survey.at,
            number=asked.number,
            pages=pages,
            turn=lambda to: query(request, **asked.kept, page=str(to)),
            top=query(request, **({"theme": asked.theme} if asked.theme else {})) or "/coverage",
            down=lambda name: f"/coverage.{name}{query(request, **asked.kept)}",
        )

    async def entries(self, request: Request) -> Response:
        """The entries behind one cell; of a quiet one nothing."""
        language, survey = self.rim.language(request), await self.surveys.now()
        theme, area = request.query_params.get("theme", ""), read_area(request.query_params.get("area", ""))
        told = survey.coverage.areas.get(area)
        asked = request.query_params.get("page", "1")
        if told is None or theme not in THEMES or not asked.isdecimal() or len(asked) > 6 or int(asked) < 1:
            return _missing(request, language)
        cell = survey.coverage.cell(area, theme)
        part = cell.entries[(int(asked) - 1) * ENTRIES : int(asked) * ENTRIES]
        found = [await self.rim.directory.record(node, record_id) for node, record_id in part]
        where, what = area_word(told, language), theme_word(theme, language)
        kept = {"theme": theme, "area": spelled(area)} | ({"page": asked} if asked != "1" else {})
        return self.rim.answer(
            request,
            "public/coverage_entries.html",
            Shown("/coverage/entries", f"{what} – {where.value}", asked=kept, indexed=False, scripted=False),
            summary=await self.rim.directory.summary(),
            area=where,
            theme=what,
            state=cell.state,
            word=state_word(cell.state, language),
            meaning=language.gettext(MEANINGS[cell.state]),
            entries=[
                (
                    f"/directory/{one.node}/{one.id}{query(request)}",
                    _title(one.record, language),
                    _author(one, language),
                )
                for one in found
                if one is not None
            ],
            count=len(cell.entries),
            number=int(asked),
            pages=max(1, -(-len(cell.entries) // ENTRIES)),
            turn=lambda to: query(request, theme=theme, area=spelled(area), page=str(to)),
            back=f"/coverage{query(request, theme=theme)}",
        )

    async def table(self, request: Request) -> Response:
        """A table of what the page shows, all pages of it."""
        language, survey = self.rim.language(request), await self.surveys.now()
        asked = _asked(request, survey.coverage)
        if asked is None:
            return _missing(request, language)
        themes = [asked.theme] if asked.theme else list(THEMES)
        return _file(as_csv(rows(survey.coverage, asked.areas, themes, language)), "text/csv; charset=utf-8", "csv")

    async def report(self, request: Request) -> Response:
        """A report on paper of what the page shows."""
        from .coverage_report import Report  # fonts and shaping take memory: only where a report is asked for

        language, survey = self.rim.language(request), await self.surveys.now()
        asked = _asked(request, survey.coverage)
        if asked is None:
            return _missing(request, language)
        made = await Report(
            survey,
            asked.areas,
            asked.theme,
            area_word(asked.inside, language) if asked.inside is not None else None,
            _reporters(survey, asked.areas, language),
            (await self.rim.directory.summary()).hub_name,
            f"{self.rim.address}/coverage{query(request, **asked.kept)}",
            language,
        ).pdf()
        return _file(made, "application/pdf", "pdf")

    async def plain(self, request: Request) -> Response:
        """What the page shows, for programs."""
        survey = await self.surveys.now()
        asked = _asked(request, survey.coverage)
        if asked is None:
            return document("malformed", "expected a theme of the core list, and areas that are named here")
        themes = [asked.theme] if asked.theme else list(THEMES)
        cells = [_plain(survey.coverage, told, theme) for told in asked.areas for theme in themes]
        value = {"as_of": survey.coverage.day, "cells": cells}
        return Response(orjson.dumps(value) + b"\n", 200, {"Cache-Control": "max-age=60"}, "application/json")


def _asked(request: Request, coverage: Coverage) -> _Asked | None:
    """What an address asks for; None for a theme, an area or a page that is not there."""
    said = request.query_params
    theme, inside, number = said.get("theme", ""), said.get("in", ""), said.get("page", "1")
    held = coverage.areas.get(read_area(inside)) if inside else None
    if (theme and theme not in THEMES) or (inside and held is None):
        return None
    if not number.isdecimal() or len(number) > 6 or int(number) < 1:
        return None
    return _Asked(theme, held, coverage.inside(held.area if held is not None else None), int(number))


def _missing(request: Request, language: Language) -> Response:
    _ = language.gettext
    happened = _("There is no such theme, area or page of the coverage view.")
    return page(request, language, "mistake.html", 404, happened=happened, next_step=_("Choose again from all areas."))


def _file(content: bytes, kind: str, end: str) -> Response:
    headers = {**SECURITY_HEADERS, "Content-Disposition": f'attachment; filename="coverage.{end}"'}
    return Response(content, 200, {**headers, "Cache-Control": "private, max-age=60"}, kind)


def _column(told: AreaTold, language: Language, request: Request, theme: str) -> dict[str, Any]:
    chosen = {"theme": theme} if theme else {}
    deeper = "/coverage" + query(request, **chosen, **{"in": spelled(told.area)}) if told.parts else ""
    return {"name": area_word(told, language), "deeper": deeper, "reporters": len(told.reporters)}


def _link(coverage: Coverage, told: AreaTold, theme: str, request: Request) -> str:
    cell = coverage.cell(told.area, theme)
    return "/coverage/entries" + query(request, theme=theme, area=spelled(told.area)) if cell.entries else ""


def _matrix(
    coverage: Coverage, areas: list[AreaTold], request: Request, language: Language
) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """A line a theme: its word, the address of its own page, and a cell an area."""
    found = []
    for theme in THEMES:
        cells = []
        for told in areas:
            cell = coverage.cell(told.area, theme)
            cells.append(
                {
                    "state": cell.state,
                    "word": state_word(cell.state, language),
                    "organizations": cell.organizations,
                    "wider": cell.wider,
                    "link": _link(coverage, told, theme, request),
                }
            )
        found.append((theme_word(theme, language), "/coverage" + query(request, theme=theme), cells))
    return found


def _row(coverage: Coverage, told: AreaTold, theme: str, request: Request, language: Language) -> dict[str, Any]:
    """One area of one theme with every number."""
    cell, of = coverage.cell(told.area, theme), told.denominator(theme)
    share = of.value // cell.organizations if of is not None and cell.organizations else None
    return {
        **_column(told, language, request, theme),
        "state": cell.state,
        "word": state_word(cell.state, language),
        "organizations": cell.organizations,
        "services": cell.services,
        "room": cell.room,
        "share": share,
        "of": of,
        "source": choose(of.source, language.code) if of is not None else None,
        "newest": instant(cell.newest),
        "wider": cell.wider,
        "link": _link(coverage, told, theme, request),
        "quiet": cell.state == QUIET,
    }


def _reporters(survey: Survey, areas: list[AreaTold], language: Language) -> list[tuple[Text, int, datetime | None]]:
    """Who reports from these areas: name, entries, the day of the newest; the most entries first."""
    found: dict[str, tuple[int, str]] = {}
    for told in areas:
        for one in told.reporters:
            entries, newest = found.get(one.node, (0, ""))
            found[one.node] = (entries + one.entries, max(newest, one.newest))
    ordered = sorted(found.items(), key=lambda one: (-one[1][0], one[0]))
    return [
        (choose(survey.names.get(node), language.code) or Text(f"{node[:13]}…"), entries, instant(newest))
        for node, (entries, newest) in ordered
    ]


def _past(found: Sequence[Measured]) -> list[Measured]:
    """The days that were measured, the newest first: at most twelve of them, evenly, with the first and the last."""
    last = len(found) - 1
    return [found[at] for at in sorted({last * step // 11 for step in range(12)}, reverse=True)] if found else []


def _plain(coverage: Coverage, told: AreaTold, theme: str) -> dict[str, Any]:
    cell, of = coverage.cell(told.area, theme), told.denominator(theme)
    return {
        "area": {"scheme": told.area[0], "code": told.area[1], "name": told.name},
        "theme": theme,
        "state": cell.state,
        "organizations": None if cell.state == QUIET else cell.organizations,
        "services": None if cell.state == QUIET else cell.services,
        "free": dict(cell.room),
        "newest": cell.newest or None,
        "wider": cell.wider,
        "reporters": len(told.reporters),
        "population": {"value": of.value, "unit": of.unit, "as_of": of.as_of} if of is not None else None,
    }


def _title(record: Any, language: Language) -> Text:
    found = choose(record.get("name") or record.get("title"), language.code, record.get("lang"))
    return found or Text(language.gettext("Record without a name"), language.code)


def _author(one: Any, language: Language) -> Text | None:
    return choose(one.author_name, language.code)
