"""Wires what the directory is handed on as: exports, the HSDS API, and the page that lists them."""

from __future__ import annotations

from starlette.routing import Route

from ..ports.search import Search
from ..storage.catalogue import SqlCatalogue
from ..storage.curation import SqlCuration
from ..storage.directory import SqlDirectory
from ..web.exports import Exports
from ..web.hsds import Hsds
from ..web.public.formats import Formats
from ..web.public.rim import Rim
from .opening import Running


def export_routes(running: Running, directory: SqlDirectory, rim: Rim, search: Search | None = None) -> list[Route]:
    """The routes, over the directory that the pages show; `rim` is what the pages stand on."""
    settings = running.settings
    curation = SqlCuration(running.reads, running.hub.identity.id)
    catalogue = SqlCatalogue(running.reads, directory, curation, running.hub.clock)
    exports = Exports(
        catalogue, directory, search, settings.name, settings.address.rstrip("/"), settings.lang, running.hub.clock
    )
    return [*exports.routes(), *Hsds(exports).routes(), *Formats(exports, rim).routes()]
