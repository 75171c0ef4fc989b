"""The survey of a running hub: what the pages of coverage, matches and goals ask, and what is kept of it day by day."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import structlog
from starlette.routing import BaseRoute

from jisr_protocol.matching import Facts

from ..directory.surveying import Surveys
from ..ports.directory import Directory
from ..storage.curation import SqlCuration
from ..storage.surveying import SqlSurvey
from ..web import versions
from ..web.matches import Held
from ..web.public import coverage, matches, matrix
from ..web.public.rim import Rim
from .matching import profiles_of
from .opening import Running

MEASURE_SECONDS = 1800.0
"""How often it is looked whether a new day was measured."""
FIRST_SECONDS = 60.0
"""How soon after its start a hub makes the first survey, unless somebody asks before."""
PROFILES_SECONDS = 60.0
"""How old what is known of volunteers may be."""
_log = structlog.get_logger()


def surveys_of(running: Running, directory: Directory) -> Surveys:
    """The survey over a directory."""
    curation = SqlCuration(running.reads, running.hub.identity.id)
    return Surveys(directory, SqlSurvey(running.reads, running.ledger, curation), running.hub.clock)


def fitting_of(running: Running, rim: Rim, surveys: Surveys) -> matches.Fitting:
    """What finds who fits whom."""
    return matches.Fitting(surveys, rim, lately(profiles_of(running)))


def lately(held: Held) -> Held:
    """What is held, read once in PROFILES_SECONDS: a page costs the same however many profiles there are."""
    known: tuple[float, Sequence[tuple[str, Facts]]] = (-PROFILES_SECONDS, ())

    async def remembered() -> Sequence[tuple[str, Facts]]:
        nonlocal known
        if time.monotonic() - known[0] > PROFILES_SECONDS:
            known = time.monotonic(), list(await held())
        return known[1]

    return remembered


def survey_routes(running: Running, rim: Rim, surveys: Surveys, fitting: matches.Fitting) -> list[BaseRoute]:
    """The pages that show it, and the same for programs."""
    rooms = (coverage.Pages(surveys, rim), fitting, matrix.Pages(surveys, rim))
    served = [route for room in rooms for route in room.routes()]
    calls = [route for route in served if route.path.startswith("/v1/")]
    pages = [route for route in served if route not in calls]
    return [*versions.versioned(calls, running.settings.sunset), *pages]


async def measure_for_ever(running: Running, surveys: Surveys) -> None:
    """Write down each day's numbers once. Every process does, and the last one counts: they are the same."""
    pause = FIRST_SECONDS
    while True:
        await asyncio.sleep(pause)
        pause = MEASURE_SECONDS
        try:
            if not running.publisher.fenced:
                await surveys.measure()
        # the database may be away: the day is not over, and the next look tries again
        except Exception:
            _log.exception("survey.failed")
