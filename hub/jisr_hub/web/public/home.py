"""The front page: one question, six doors by need, three fresh things, how to be listed."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from jisr_hub.web.page import query, serves
from jisr_protocol.pages.language import N_

from . import structured
from .lines import Reader
from .rim import Rim, Shown

FRESH = 3
_LOOKED_AT = 24
_NOT_FRESH = ("org.jisr.location/1", "org.jisr.membership/1", "org.jisr.taxonomy/1", "org.jisr.indicator/1")
"""Types that are no news by themselves."""
DOORS = (
    ("help", N_("I look for help"), N_("Services near you, open now"), "/directory?type=service"),
    ("volunteer", N_("I want to volunteer"), N_("Vacancies for volunteers"), "/directory?type=opportunity"),
    ("support", N_("I want to support an organization"), N_("What organizations need"), "/directory?type=need"),
    ("on", N_("What is on"), N_("Activities and meetings"), "/directory?type=event"),
    ("who", N_("Who works on what"), N_("Organizations, projects and alliances"), "/directory?type=organization"),
    ("gaps", N_("Where help is missing"), N_("Areas and subjects nobody covers"), "/coverage"),
)
"""The six doors: name, what it says, what is behind it, where it leads."""


@dataclass(frozen=True)
class HomePage:
    """The front page."""

    rim: Rim

    async def home(self, request: Request) -> Response:
        language = self.rim.language(request)
        summary = await self.rim.directory.summary()
        newest = await self.rim.directory.page(None, 0, _LOOKED_AT)
        fresh = [one for one in newest if one.type not in _NOT_FRESH][:FRESH]
        reader = Reader(language, self.rim.clock(), self.rim.calendars, query(request))
        head = Shown(
            "/",
            summary.hub_name,
            language.gettext("What organizations offer and look for, in their own words."),
            linked=structured.website(summary.hub_name, self.rim.written),
        )
        kept = query(request).replace("?", "&", 1)
        doors = [
            (name, says, behind, address + (kept if "?" in address else kept.replace("&", "?", 1)))
            for name, says, behind, address in DOORS
            if "?" in address or serves(request, address)
        ]
        return self.rim.answer(
            request,
            "public/home.html",
            head,
            summary=summary,
            doors=doors,
            fresh=[reader.line(one, {}) for one in fresh],
            join="/join" + query(request) if serves(request, "/join") else "",
        )
