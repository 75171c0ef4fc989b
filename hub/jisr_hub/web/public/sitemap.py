"""What search engines ask for: robots.txt, and every entry's address in sitemaps of at most 50,000 (sitemaps.org).

An address is written once, without a language: each page names its eight languages itself. Lists that are narrowed
are not in it, and robots are asked to leave them. The day of an entry is that on which this hub took in the version of
the record that leads it; what others say of it may be younger.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from html import escape

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from jisr_hub.curation.merging import address
from jisr_hub.web.encoded import encoded
from jisr_hub.web.page import ROOMS, serves

from .rim import Rim

MOST = 50_000
"""Addresses in one sitemap, at most."""
_SCHEMA = "http://www.sitemaps.org/schemas/sitemap/0.9"
_XML = "application/xml"
_CACHE = "public, max-age=3600"


@dataclass(frozen=True)
class Sitemaps:
    """The files for search engines; `most` is smaller in tests."""

    rim: Rim
    most: int = MOST

    async def robots(self, request: Request) -> Response:
        """Say what robots may ask for: everything for people but narrowed lists, which have no end."""
        lines = ["User-agent: *", "Disallow: /desk", "Disallow: /letters/", "Disallow: /v1/", "Disallow: /feeds/"]
        lines += [
            "Disallow: /directory?*q=",
            "Disallow: /directory?*near=",
            f"Sitemap: {self.rim.written('/sitemap.xml')}",
        ]
        return Response("\n".join(lines) + "\n", media_type="text/plain", headers={"Cache-Control": _CACHE})

    async def first(self, request: Request) -> Response:
        """Give all addresses, or the index of the sitemaps where they are too many for one."""
        summary = await self.rim.directory.summary()
        files = -(-summary.records // self.most)
        if files <= 1:
            return self._stream(request, 1)
        names = [self.rim.written(f"/sitemap-{number}.xml") for number in range(1, files + 1)]
        rows = "".join(f"<sitemap><loc>{escape(name)}</loc></sitemap>\n" for name in names)
        body = f'{_HEAD}<sitemapindex xmlns="{_SCHEMA}">\n{rows}</sitemapindex>\n'
        return encoded(request, Response(body, media_type=_XML, headers={"Cache-Control": _CACHE}))

    async def part(self, request: Request) -> Response:
        """Give one of several sitemaps; the first is 1."""
        number = int(request.path_params["number"])
        summary = await self.rim.directory.summary()
        if not 1 <= number <= -(-summary.records // self.most):
            raise HTTPException(404)
        return self._stream(request, number)

    def _stream(self, request: Request, number: int) -> Response:
        rooms = ["/", "/directory", *(path for path in ROOMS if path != "/directory" and serves(request, path))]
        rows = self._rows(rooms if number == 1 else [], (number - 1) * self.most)
        return StreamingResponse(rows, media_type=_XML, headers={"Cache-Control": _CACHE})

    async def _rows(self, rooms: Sequence[str], first: int) -> AsyncIterator[str]:
        yield f'{_HEAD}<urlset xmlns="{_SCHEMA}">\n'
        for path in rooms:
            yield f"<url><loc>{escape(self.rim.written(path))}</loc></url>\n"
        async for node, id_, at in self.rim.directory.dated_keys(first, self.most):
            place = escape(self.rim.written(f"/directory/{address((node, id_))}"))
            yield f"<url><loc>{place}</loc><lastmod>{at[:10]}</lastmod></url>\n"
        yield "</urlset>\n"


_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
