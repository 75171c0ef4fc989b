"""Goals × activities: what is offered, what is asked, and what nobody said. `/matrix`, and `/matrix.csv` as a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jisr_hub.curation.terms import Concept
from jisr_hub.directory.matrix import SUPPLY, UNKNOWN, Matrix
from jisr_hub.directory.surveying import Surveys
from jisr_protocol import core_terms
from jisr_protocol.pages.language import Language
from jisr_protocol.pages.text import Text, choose

from ..page import SECURITY_HEADERS, query
from .coverage_table import as_csv
from .rim import Rim, Shown

ACTIVITIES = 12
"""Columns of a page; the table has all."""


@dataclass(frozen=True)
class Pages:
    """The matrix as a page and as a table."""

    surveys: Surveys
    rim: Rim

    def routes(self) -> list[Route]:
        """Their routes."""
        return [Route("/matrix", self.matrix), Route("/matrix.csv", self.table)]

    async def matrix(self, request: Request) -> Response:
        """Goals down, activities across, the most frequent activities first."""
        language = self.rim.language(request)
        survey = await self.surveys.now()
        found = survey.matrix
        activities = sorted(found.activities, key=lambda one: (one == UNKNOWN, -_weight(found, one), one))
        shown = [
            *[one for one in activities if one != UNKNOWN][:ACTIVITIES],
            *(one for one in activities if one == UNKNOWN),
        ]
        return self.rim.answer(
            request,
            "public/matrix.html",
            Shown("/matrix", language.gettext("Goals and activities"), scripted=False),
            summary=await self.rim.directory.summary(),
            activities=[_word(found, one, language) for one in shown],
            lines=[(_word(found, goal, language), [found.cell(goal, one) for one in shown]) for goal in found.goals],
            hidden=len(activities) - len(shown),
            silent=found.silent,
            moment=survey.at,
            down="/matrix.csv" + query(request),
        )

    async def table(self, request: Request) -> Response:
        """A line a crossing that holds something."""
        language = self.rim.language(request)
        found = (await self.surveys.now()).matrix
        headers = {**SECURITY_HEADERS, "Content-Disposition": 'attachment; filename="matrix.csv"'}
        return Response(as_csv(_rows(found, language)), 200, headers, "text/csv; charset=utf-8")


def _rows(found: Matrix, language: Language) -> Iterator[list[str]]:
    yield ["goal_scheme", "goal_code", "goal", "activity_scheme", "activity_code", "activity", *SUPPLY, "need"]
    for (goal, activity), cell in sorted(found.cells.items()):
        words = (_word(found, one, language) for one in (goal, activity))
        goal_word, activity_word = (word.value if word is not None else "" for word in words)
        yield [*goal, goal_word, *activity, activity_word, *(str(count) for count in cell.supply), str(cell.demand)]


def _weight(found: Matrix, activity: Concept) -> int:
    return sum(cell.offered + cell.demand for (_, one), cell in found.cells.items() if one == activity)


def _word(found: Matrix, term: Concept, language: Language) -> Text | None:
    """What a term is called; None where nobody said one."""
    if term == UNKNOWN:
        return None
    if core_terms.known(*term):
        return Text(core_terms.label(*term, language.code), language.code)
    return choose(found.words.get(term), language.code) or Text(term[1])
