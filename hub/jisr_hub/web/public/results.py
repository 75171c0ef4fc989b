"""The result page: what is applied, how much there is and how fresh, the list; the map comes second, behind a switch.

It works without a script. Ours (static/public.js) asks for the same page while somebody types, and puts its `#results`
in place; static/map.js draws the map, whose twin is the list below it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from jisr_hub.directory.query import read
from jisr_hub.ports.directory import Listed, Summary
from jisr_hub.ports.search import DEEPEST, Found, Hit, Search
from jisr_hub.web.page import SECURITY_HEADERS, query, serves
from jisr_protocol.pages.language import Language
from jisr_protocol.pages.vocabulary import kinds_word

from .asked import Asked
from .called import Called
from .facets import ORDERS, WITHIN, Words, names_in
from .glance import point_of
from .lines import Line, Reader, place_keys
from .pins import pins
from .rim import Key, Rim, Shown

PAGE_LENGTH = 20
MAP_LENGTH = 100
MAP_POLICY = (
    "default-src 'self'; script-src 'self'; worker-src 'self'; img-src 'self' data: blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
MISSING = "/directory/missing"
"""Where somebody says what they did not find, if this hub serves it."""
_TYPE = re.compile(r"[a-z][a-z0-9_]{0,63}|[a-z0-9-]{1,63}(\.[a-z0-9_-]{1,63}){1,8}/[0-9]{1,4}")
_OWN_TYPE = re.compile(r"org\.jisr\.([a-z][a-z0-9_]{0,63})/1")
_PAGE = re.compile(r"[1-9][0-9]{0,5}")


@dataclass(frozen=True)
class ResultPage:
    """The list of entries, found by `search`; without one, by type alone."""

    rim: Rim
    search: Search | None = None
    called: Called | None = None
    """What records that are not on the page call codes; None without a search."""

    async def results(self, request: Request) -> Response:
        """Show one page of what an address asks for."""
        if (onward := _onward(request)) is not None:
            return RedirectResponse(onward, 301, dict(SECURITY_HEADERS))
        language, asked = self.rim.language(request), Asked.of(request, self.rim.zone)
        _ = language.gettext
        wrong = _wrong(request, asked, language)
        if wrong is not None:
            return self._mistake(request, 400, *wrong)
        summary = await self.rim.directory.summary()
        number = int(request.query_params.get("page", "1"))
        length = MAP_LENGTH if asked.view == "map" else PAGE_LENGTH
        found, listed = await self._found(asked, summary, (number - 1) * length, length)
        pages = max(1, -(-min(found.total, DEEPEST) // length))
        if number > pages:
            happened = _("The list is not that long.")
            return self._mistake(request, 404, happened, _("Records may have left it since you had the link."))
        reader = Reader(language, self.rim.clock(), self.rim.calendars, query(request))
        related = await self.rim.related([key for one in listed for key in place_keys(one.record)])
        lines, places = _lines(listed, related, found.hits, reader)
        words = Words(language, names_in((one.record for one in (*listed, *related.values())), language.code))
        if self.called is not None and (unnamed := words.unnamed(found, asked)):
            words = Words(language, {**await self.called.names(unnamed, language.code), **words.named})
        response = self._shown(request, words, asked, summary, found, lines, places, number, pages)
        if asked.view == "map":
            response.headers["Content-Security-Policy"] = MAP_POLICY
        return response

    async def _found(self, asked: Asked, summary: Summary, offset: int, length: int) -> tuple[Found, list[Listed]]:
        """What is asked for. The plain list, or that of one type, is the directory's own: it is never behind."""
        types = [full(one) for one in asked.all("type")]
        plain = {name for name, _ in asked.pairs} <= {"type"} and len(types) <= 1
        counted = Found()
        if self.search is not None:
            pairs = [*asked.pairs, ("page", str(offset // length + 1))]
            counted = await self.search.find(read(pairs, self.rim.clock(), length).query)
            if not plain:
                return counted, await self.rim.directory.listed([hit.key for hit in counted.hits])
        listed = await self.rim.directory.page(types[0] if types else None, offset, length)
        total = summary.types.get(types[0], 0) if types else summary.records
        counts = sorted(((short(one), n) for one, n in summary.types.items() if n), key=lambda one: (-one[1], one[0]))
        hits = tuple(Hit(one.node, one.id) for one in listed)
        return Found(total, hits, {**counted.facets, "type": tuple(counts)}, counted.fresh), listed

    def _shown(
        self,
        request: Request,
        words: Words,
        asked: Asked,
        summary: Summary,
        found: Found,
        lines: Sequence[Line],
        places: str,
        number: int,
        pages: int,
    ) -> Response:
        language, types = words.language, asked.all("type")
        heading = kinds_word(full(types[0]), language) if len(types) == 1 else language.gettext("All records")
        title = asked.first("q") or heading
        head = Shown(
            path="/directory",
            title=title,
            description=language.gettext("What organizations offer and look for, in their own words."),
            asked=asked.members() | ({"page": str(number)} if number > 1 else {}),
            indexed={name for name, _ in asked.pairs} <= {"type"} and number == 1,
        )
        return self.rim.answer(
            request,
            "public/results.html",
            head,
            summary=summary,
            asked=asked,
            heading=heading,
            chips=words.chips(asked),
            facets=words.facets(found, asked),
            lines=lines,
            found=found,
            fresh=found.fresh.get("good", 0),
            number=number,
            pages=pages,
            turn=lambda to: asked.address(page=str(to)),
            places=places if asked.view == "map" else "",
            orders=ORDERS,
            within=WITHIN,
            searching=self.search is not None,
            gaps="/coverage" + query(request) if serves(request, "/coverage") else "",
            missing=asked.at(MISSING, view="") if serves(request, MISSING) else "",
        )

    def _mistake(self, request: Request, status: int, happened: str, then: str) -> Response:
        head = Shown("/directory", happened, indexed=False)
        return self.rim.answer(request, "mistake.html", head, status, happened=happened, next_step=then)


def _lines(
    listed: Sequence[Listed], related: Mapping[Key, Listed], hits: Sequence[Hit], reader: Reader
) -> tuple[list[Line], str]:
    """The lines of a page, and the places in them for the map."""
    far = {hit.key: hit.distance_km for hit in hits}
    lines = [reader.line(one, related, far.get((one.node, one.id))) for one in listed]
    points = [
        (line, point)
        for line in lines
        for place in (line.listed, *(related[key] for key in place_keys(line.listed.record) if key in related))
        if (point := point_of(place.record)) is not None
    ]
    return lines, pins(points)


def _wrong(request: Request, asked: Asked, language: Language) -> tuple[str, str] | None:
    """What an address names that cannot be, and what to do."""
    _ = language.gettext
    if any(not _TYPE.fullmatch(one) for one in asked.all("type")):
        return _("This address names a kind of record that cannot exist."), _(
            "Choose a kind from the list of all records."
        )
    if not _PAGE.fullmatch(request.query_params.get("page", "1")):
        return _("This address names a page that cannot exist."), _("Pages are numbered 1, 2, 3 and so on.")
    return None


def _onward(request: Request) -> str | None:
    """Where an address of before leads: types of ours were also written whole."""
    asked = Asked.of(request)
    if not any(_OWN_TYPE.fullmatch(one) for one in asked.all("type")):
        return None
    pairs = tuple(dict.fromkeys((name, short(value) if name == "type" else value) for name, value in asked.pairs))
    page = request.query_params.get("page", "")
    return Asked(pairs, 1, asked.view, asked.lang).address(**({"page": page} if _PAGE.fullmatch(page) else {}))


def full(type_: str) -> str:
    """A type as in records; short names are those of ours."""
    return type_ if "/" in type_ else f"org.jisr.{type_}/1"


def short(type_: str) -> str:
    """A type as in addresses."""
    own = _OWN_TYPE.fullmatch(type_)
    return own[1] if own else type_
