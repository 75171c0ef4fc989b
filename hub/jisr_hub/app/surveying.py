"""The survey of a running hub: what the pages of coverage, matches and goals ask, and what is kept of it day by day."""

from __future__ import annotations

import asyncio

import structlog
from starlette.routing import BaseRoute

from ..directory.surveying import Surveys
from ..ports.directory import Directory
from ..storage.curation import SqlCuration
from ..storage.surveying import SqlSurvey
from ..web.public import coverage, matches, matrix
from .matching import profiles_of
from .opening import Running

MEASURE_SECONDS = 1800.0
"""How often it is looked whether a new day was measured."""
_log = structlog.get_logger()


def surveyed(running: Running, directory: Directory) -> tuple[Surveys, list[BaseRoute]]:
    """The survey over a directory, and the pages that show it."""
    curation = SqlCuration(running.reads, running.hub.identity.id)
    surveys = Surveys(directory, SqlSurvey(running.reads, running.ledger, curation), running.hub.clock)
    lang = running.settings.lang
    fitting = matches.Fitting(surveys, directory, profiles_of(running), lang)
    pages = (coverage.Pages(surveys, directory, running.hub.clock, lang), fitting, matrix.Pages(surveys, lang))
    return surveys, [route for each in pages for route in each.routes()]


async def measure_for_ever(surveys: Surveys) -> None:
    """Write down each day's numbers once. Every process does, and the last one counts: they are the same."""
    while True:
        await asyncio.sleep(MEASURE_SECONDS)
        try:
            await surveys.measure()
        # the database may be away: the day is not over, and the next look tries again
        except Exception:
            _log.exception("survey.failed")
