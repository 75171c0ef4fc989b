"""The public pages of a hub: what its directory holds, for people. A module a room.

    app = Starlette(routes=routes(directory), exception_handlers={404: not_found})

`/` is the front page, `/directory` the list, `/directory/{entry}` an entry, `/directory/{node}/{id}` one record of it
as its author wrote it. The pages ask the hub through the ports Directory and Search and know nothing of their storage.
They show what is public and nothing else; keeping everything else out is the ports' promise.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jisr_hub.ports.directory import Directory
from jisr_hub.ports.search import Search
from jisr_hub.web.page import page, reader_language, static_routes
from jisr_protocol.opening import Declared
from jisr_protocol.pages.language import SOURCE
from jisr_protocol.pages.opening_now import Calendars

from .called import Called
from .entry import EntryPages
from .home import HomePage
from .matches import Fits
from .results import ResultPage
from .rim import Rim
from .sitemap import Sitemaps

__all__ = ["not_found", "routes"]


def routes(
    directory: Directory,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    default_language: str = SOURCE,
    declared: tuple[Declared, ...] = (),
    *,
    search: Search | None = None,
    address: str = "",
    zone: tzinfo = UTC,
    fitting: Fits | None = None,
) -> list[Route]:
    """Give the routes of the public pages and of their files.

    `clock` tells the time for everything that is open, over or fresh; `default_language` serves readers whose browser
    names none of ours; `declared` is what this hub knows of Ramadan and feasts beyond computing them; `address` is
    where it is found, `zone` the time zone of its country; `fitting` finds what fits an entry.
    """
    rim = Rim(directory, clock, default_language, Calendars(declared), address.rstrip("/"), zone)
    entries, sitemaps = EntryPages(rim, fitting), Sitemaps(rim)
    return [
        Route("/", HomePage(rim).home),
        Route("/directory", ResultPage(rim, search, Called(rim, search) if search is not None else None).results),
        Route("/directory/{entry}", entries.entry),
        Route("/directory/{node}/{id}", entries.record),
        Route("/robots.txt", sitemaps.robots),
        Route("/sitemap.xml", sitemaps.first),
        Route("/sitemap-{number:int}.xml", sitemaps.part),
        *static_routes(),
    ]


async def not_found(request: Request, problem: Exception) -> Response:
    """Answer an address nobody serves, in the reader's language; made for Starlette's exception handlers."""
    language = reader_language(request)
    _ = language.gettext
    happened = _("There is no page at this address.")
    next_step = _("The address may be mistyped, or the page has moved.")
    return page(request, language, "mistake.html", 404, happened=happened, next_step=next_step)
