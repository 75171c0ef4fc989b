"""The survey of a running hub: what the pages of coverage, matches and goals ask, and what is kept of it day by day."""

from __future__ import annotations

import asyncio

import structlog
from starlette.routing import BaseRoute

from ..directory.surveying import Surveys
from ..ports.directory import Directory
from ..storage.curation import SqlCuration
from ..storage.surveying import SqlSurvey
from ..web import versions
from ..web.public import coverage, matches, matrix
from .matching import profiles_of
from .opening import Running

MEASURE_SECONDS = 1800.0
"""How often it is looked whether a new day was measured."""
_log = structlog.get_logger()


def surveys_of(running: Running, directory: Directory) -> Surveys:
    """The survey over a directory."""
    curation = SqlCuration(running.reads, running.hub.identity.id)
    return Surveys(directory, SqlSurvey(running.reads, running.ledger, curation), running.hub.clock)


def survey_routes(running: Running, directory: Directory, surveys: Surveys) -> list[BaseRoute]:
    """The pages that show it, and the same for programs."""
    lang = running.settings.lang
    fitting = matches.Fitting(surveys, directory, profiles_of(running), lang)
    rooms = (coverage.Pages(surveys, directory, lang), fitting, matrix.Pages(surveys, lang))
    served = [route for room in rooms for route in room.routes()]
    calls = [route for route in served if route.path.startswith("/v1/")]
    pages = [route for route in served if route not in calls]
    return [*versions.versioned(calls, running.settings.sunset), *pages]


async def measure_for_ever(running: Running, surveys: Surveys) -> None:
    """Write down each day's numbers once. Every process does, and the last one counts: they are the same."""
    while True:
        await asyncio.sleep(MEASURE_SECONDS)
        try:
            if not running.publisher.fenced:
                await surveys.measure()
        # the database may be away: the day is not over, and the next look tries again
        except Exception:
            _log.exception("survey.failed")
