"""The HSDS 3.0 API of Open Referral over the merged directory, under `/hsds` (directory/hsds/).

A list is paged as the standard says, in the order of node and id; `format=ndjson` gives all of it as a stream. A page
of `service_at_locations` holds the places of so many services, and its `total_items` counts services.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .. import __version__
from ..directory.exports.shown import Shown, full, meant
from ..directory.hsds import ids, mapping
from ..directory.hsds.terms import Terms
from ..ports.catalogue import Key, Slice
from ..ports.directory import Listed
from ..ports.search import DEEPEST, Query
from .exports import CACHE, Exports, Sent
from .negotiation import has
from .problem_documents import document

BASE = "/hsds"
SERVICES, ORGANIZATIONS = (full("service"),), (full("organization"), full("alliance"))
PROJECTS, GRANTS = (full("project"),), (full("grant"),)
PER_PAGE, MOST_PER_PAGE, MOST_MINIMAL = 50, 100, 1000
SCANS_AT_ONCE = 2
"""Questions that look through lines, at once."""
MOST_OF_ONE = 1000
"""Services, projects and grants of one organization that are looked at, of each node."""
_WHOLE_NUMBER = re.compile(r"[1-9][0-9]{0,6}")
_SWITCH = {"true": True, "1": True, "false": False, "0": False}
_DESCRIPTION = "https://raw.githubusercontent.com/openreferral/specification/3.0/schema/openapi.json"


class Unclear(Exception):
    """A parameter cannot be meant so."""

    def __init__(self, expected: str, came: str) -> None:
        super().__init__(f"expected {expected}; came {came[:100]}")


class Asked(msgspec.Struct, frozen=True):
    """A page that is asked for, by the parameters of the standard."""

    page: int
    per_page: int
    search: str
    full: bool
    minimal: bool
    whole_services: bool
    since: datetime | None
    term: str
    taxonomy: str
    organization: str
    lines: bool

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.per_page

    @property
    def narrowed(self) -> bool:
        return bool(self.search or self.since or self.term or self.taxonomy or self.organization)


class Hsds:
    """The endpoints, over the same directory as the exports."""

    def __init__(self, exports: Exports) -> None:
        self._exports, self._catalogue = exports, exports.catalogue
        self._scans = asyncio.Semaphore(SCANS_AT_ONCE)
        self._terms: tuple[tuple[str, str], Terms] | None = None

    def routes(self) -> list[Route]:
        return [
            Route(f"{BASE}/", self.base),
            Route(f"{BASE}/services", self.services),
            Route(f"{BASE}/services/{{id}}", self.service),
            Route(f"{BASE}/organizations", self.organizations),
            Route(f"{BASE}/organizations/{{id}}", self.organization),
            Route(f"{BASE}/service_at_locations", self.services_at),
            Route(f"{BASE}/service_at_locations/{{id}}", self.service_at),
            Route(f"{BASE}/taxonomies", self.taxonomies),
            Route(f"{BASE}/taxonomies/{{id}}", self.taxonomy),
            Route(f"{BASE}/taxonomy_terms", self.taxonomy_terms),
            Route(f"{BASE}/taxonomy_terms/{{id}}", self.taxonomy_term),
        ]

    async def base(self, request: Request) -> Response:
        """What this is."""
        value = {"version": "3.0", "profile": f"{self._exports.address}/formats", "openapi_url": _DESCRIPTION}
        return Response(orjson.dumps(value), 200, {"Cache-Control": CACHE}, "application/json")

    # Lists

    async def services(self, request: Request) -> Response:
        async def make(asked: Asked, shown: Sequence[Shown]) -> list[dict[str, Any]]:
            if asked.minimal:
                return [mapping.minimal(one) for one in shown]
            return [mapping.service(one, nested=asked.full) for one in shown]

        return await self._list(request, SERVICES, make)

    async def organizations(self, request: Request) -> Response:
        async def make(asked: Asked, shown: Sequence[Shown]) -> list[dict[str, Any]]:
            if not (asked.full or asked.whole_services) or asked.lines:
                return [mapping.organization(one, nested=False) for one in shown]
            return [await self._whole_organization(one, asked.whole_services) for one in shown]

        return await self._list(request, ORGANIZATIONS, make)

    async def services_at(self, request: Request) -> Response:
        async def make(asked: Asked, shown: Sequence[Shown]) -> list[dict[str, Any]]:
            return [place for one in shown for place in mapping.services_at(one, nested=asked.full)]

        return await self._list(request, SERVICES, make)

    async def _list(
        self, request: Request, types: tuple[str, ...],
        make: Callable[[Asked, Sequence[Shown]], Awaitable[list[dict[str, Any]]]],
    ) -> Response:  # fmt: skip
        try:
            asked = _asked(request)
        except Unclear as unclear:
            return document("malformed", str(unclear))
        headers = await self._headers(request)
        if (known := _known(request, headers)) is not None:
            return known
        about = self._exports.about(request)
        if asked.lines:
            if asked.narrowed:
                return document("malformed", "format=ndjson gives everything; take pages where it is to be narrowed")

            async def lines() -> AsyncGenerator[bytes, None]:
                yield b""
                async for some in self._exports.some(types):
                    shown = await self._exports.shown(some, about)
                    yield b"".join(orjson.dumps(one) + b"\n" for one in await make(asked, shown))

            return await self._sent(request, headers, lines())
        try:
            total, entries = await self._entries(request, types, asked)
        except Unclear as unclear:
            return document("malformed", str(unclear))
        contents = await make(asked, await self._exports.shown(entries, about))
        return _page(contents, total, asked, headers)

    async def _entries(self, request: Request, types: tuple[str, ...], asked: Asked) -> tuple[int, list[Listed]]:
        """(how many there are in all, those of the page)."""
        if asked.search:
            search = self._exports.search
            if search is None:
                raise Unclear("no search: this hub cannot search now", asked.search)
            if asked.offset > DEEPEST:
                return 0, []
            short = tuple(one.removeprefix("org.jisr.").removesuffix("/1") for one in types)
            query = Query(asked.search, short, offset=asked.offset, limit=min(asked.per_page, MOST_PER_PAGE))
            found = await search.find(query)
            return found.total, await self._catalogue.listed(hit.key for hit in found.hits)
        if asked.organization:
            found_ = await self._of_organization(asked.organization, asked.since)
            return len(found_), found_[asked.offset : asked.offset + asked.per_page]
        sought: tuple[bytes, ...] = ()
        terms = await self._known_terms(request) if asked.term or asked.taxonomy else None
        if terms is not None and asked.term:
            term = terms.of(asked.term)
            if term is None:
                return 0, []
            sought = (_member("scheme", term[0]), _member("code", term[1]))
        elif terms is not None:
            sought = (_member("scheme", terms.scheme(asked.taxonomy)),)
        slice_ = Slice(types, asked.offset, asked.per_page, asked.since, (), sought)
        if not sought:
            return await self._catalogue.part(slice_)
        async with self._scans:
            return await self._catalogue.part(slice_)

    async def _of_organization(self, said: str, since: datetime | None = None) -> list[Listed]:
        """The services that the nodes of an organization say it gives."""
        host = await self._named(said, ORGANIZATIONS)
        return await self._naming(host, SERVICES, since) if host is not None else []

    async def _naming(self, host: Listed, types: tuple[str, ...], since: datetime | None = None) -> list[Listed]:
        """The entries of `types` that name an organization as theirs. Whose services and projects they are, its own
        nodes say; of grants, whoever gave them too."""
        keys = {(node, id_) for node, id_, _ in host.sources} or {(host.node, host.id)}
        found: dict[Key, Listed] = {}
        for node, id_ in sorted(keys):
            slice_ = Slice(types, 0, MOST_OF_ONE, since, () if types == GRANTS else (node,), (id_.encode(),))
            async with self._scans:
                _, entries = await self._catalogue.part(slice_)
            for one in entries:
                if any(keys & set(meant(one, said)) for said in _hosts(one)) and may_say(one, keys):
                    found[one.node, one.id] = one
        return list(found.values())

    # One object

    async def service(self, request: Request) -> Response:
        return await self._one(request, SERVICES, self._whole_service)

    async def organization(self, request: Request) -> Response:
        whole = _SWITCH.get(request.query_params.get("full_service", ""), False)

        async def make(one: Shown, parsed: ids.Parsed) -> dict[str, Any] | None:
            return await self._whole_organization(one, whole)

        return await self._one(request, ORGANIZATIONS, make)

    async def service_at(self, request: Request) -> Response:
        async def make(one: Shown, parsed: ids.Parsed) -> dict[str, Any] | None:
            places = mapping.services_at(one)
            return next((each for each in places if each["id"] == request.path_params["id"].lower()), None)

        return await self._one(request, SERVICES, make)

    async def _one(
        self, request: Request, types: tuple[str, ...],
        make: Callable[[Shown, ids.Parsed], Awaitable[dict[str, Any] | None]],
    ) -> Response:  # fmt: skip
        headers = await self._headers(request)
        parsed = ids.parsed(request.path_params["id"])
        listed = await self._named(request.path_params["id"], types)
        if parsed is None or listed is None:
            return document("not_found", "there is no such object here; its author may have withdrawn it")
        if (known := _known(request, headers)) is not None:
            return known
        (one,) = await self._exports.shown([listed], self._exports.about(request)) or (None,)
        value = await make(one, parsed) if one is not None else None
        if value is None:
            return document("not_found", "there is no such object here; its author may have withdrawn it")
        return Response(orjson.dumps(value), 200, headers, "application/json")

    async def _whole_service(self, one: Shown, parsed: ids.Parsed) -> dict[str, Any]:
        return mapping.service(one)

    async def _whole_organization(self, one: Shown, whole: bool) -> dict[str, Any]:
        of = [
            await self._exports.shown(await self._naming(one.listed, types), one.about)
            for types in (SERVICES, PROJECTS, GRANTS)
        ]
        value = mapping.organization(one, *of)
        if whole and of[0]:
            value["services"] = [mapping.service(each) for each in of[0]]
        return value

    async def _named(self, said: str, types: tuple[str, ...]) -> Listed | None:
        """The entry that an id names, also by a record that is in it and does not lead it."""
        parsed = ids.parsed(said)
        key = await self._catalogue.named(parsed.start, types, parsed.fits) if parsed is not None else None
        return (await self._catalogue.resolved([key])).get(key) if key is not None else None

    # Terms

    async def taxonomies(self, request: Request) -> Response:
        return await self._of_terms(request, lambda terms: list(terms.taxonomies.values()))

    async def taxonomy_terms(self, request: Request) -> Response:
        said = request.query_params
        taxonomy, parent = said.get("taxonomy_id", ""), said.get("parent_id", "")
        top = _SWITCH.get(said.get("top_only", ""), False)

        def chosen(terms: Terms) -> list[dict[str, Any]]:
            parents = {one["parent_id"] for one in terms.terms.values() if "parent_id" in one}
            return [
                one
                for one in terms.terms.values()
                if (not taxonomy or taxonomy in (one["taxonomy_id"], one["taxonomy"]))
                and (not parent or one.get("parent_id") == parent)
                and (not top or one["id"] not in parents)
            ]

        return await self._of_terms(request, chosen)

    async def _of_terms(self, request: Request, choose: Callable[[Terms], list[dict[str, Any]]]) -> Response:
        try:
            asked = _asked(request)
        except Unclear as unclear:
            return document("malformed", str(unclear))
        headers = await self._headers(request)
        if (known := _known(request, headers)) is not None:
            return known
        sought = asked.search.casefold()
        found = [one for one in choose(await self._known_terms(request)) if sought in str(one["name"]).casefold()]
        if asked.lines:
            body = b"".join(orjson.dumps(one) + b"\n" for one in found)
            return Response(body, 200, headers, "application/x-ndjson")
        return _page(found[asked.offset : asked.offset + asked.per_page], len(found), asked, headers)

    async def taxonomy(self, request: Request) -> Response:
        return await self._term_of(request, lambda terms: terms.taxonomies)

    async def taxonomy_term(self, request: Request) -> Response:
        return await self._term_of(request, lambda terms: terms.terms)

    async def _term_of(self, request: Request, among: Callable[[Terms], Mapping[str, dict[str, Any]]]) -> Response:
        headers = await self._headers(request)
        value = among(await self._known_terms(request)).get(request.path_params["id"].lower())
        if value is None:
            return document("not_found", "there is no such term here")
        known = _known(request, headers)
        return known if known is not None else Response(orjson.dumps(value), 200, headers, "application/json")

    async def _known_terms(self, request: Request) -> Terms:
        about = self._exports.about(request)
        here = ((await self._catalogue.state()).tag, about.lang)
        if self._terms is None or self._terms[0] != here:
            listed = [one async for one in self._catalogue.stream((full("taxonomy"),))]
            self._terms = here, Terms(await self._exports.shown(listed, about), about.lang)
        return self._terms[1]

    # Headers

    async def _headers(self, request: Request) -> dict[str, str]:
        """What every answer of this state carries."""
        state = await self._catalogue.state()
        about = self._exports.about(request)
        named = (state.tag, __version__, about.lang, request.url.path, request.url.query)
        etag = hashlib.sha256("|".join(named).encode()).hexdigest()[:32]
        headers = {"ETag": f'"{etag}"', "Cache-Control": CACHE}
        if state.modified is not None and not request.query_params.get("search"):
            headers["Last-Modified"] = format_datetime(state.modified, usegmt=True)
        return headers

    async def _sent(self, request: Request, headers: dict[str, str], body: AsyncGenerator[bytes, None]) -> Response:
        headers |= {"Content-Type": "application/x-ndjson", "Accept-Ranges": "none"}
        if request.method == "HEAD":
            return Response(None, 200, headers)
        if self._exports.full:
            return document("busy", "others take exports now; the same again in a moment", retry_after=30)
        return Sent(self._exports, request, headers, await anext(body), body, "", "")


def _hosts(one: Listed) -> list[object]:
    """The references to whose it is: who gives a service, leads a project, received a grant."""
    recipient = one.record.get("recipient")
    return [
        one.record.get("organization"),
        one.record.get("lead"),
        recipient.get("organization") if isinstance(recipient, Mapping) else None,
    ]


def may_say(one: Listed, keys: set[Key]) -> bool:
    """Whether its author is whose it is, or gave it: a stranger's word makes nobody a recipient."""
    funder = one.record.get("funder")
    given = meant(one, funder.get("organization")) if isinstance(funder, Mapping) else []
    return one.node in {node for node, _ in (*keys, *given)}


def _asked(request: Request) -> Asked:
    """The parameters of a list. Raises Unclear for one that cannot be meant so."""
    said = request.query_params
    for name in ("postcode", "proximity"):
        if name in said:
            raise Unclear("no postcode: this hub does not know where postal codes lie", name)
    switches = {name: _switch(name, said.get(name, "")) for name in ("full", "minimal", "full_service")}
    format_ = said.get("format", "json") or "json"
    if format_ not in ("json", "ndjson"):
        raise Unclear("format json or ndjson", format_)
    most = MOST_MINIMAL if switches["minimal"] else MOST_PER_PAGE
    per_page = min(most, _number("per_page", said.get("per_page", ""), most if switches["minimal"] else PER_PAGE))
    return Asked(
        _number("page", said.get("page", ""), 1), per_page, said.get("search", "").strip()[:200], switches["full"],
        switches["minimal"], switches["full_service"], _instant(said.get("modified_after", "")),
        said.get("taxonomy_term_id", ""), said.get("taxonomy_id", ""), said.get("organization_id", ""),
        format_ == "ndjson",
    )  # fmt: skip


def _switch(name: str, text: str) -> bool:
    if text and text.lower() not in _SWITCH:
        raise Unclear(f"{name} true or false", text)
    return _SWITCH.get(text.lower(), False)


def _number(name: str, text: str, otherwise: int) -> int:
    if text and not _WHOLE_NUMBER.fullmatch(text):
        raise Unclear(f"{name} a whole number from 1 to 9999999", text)
    return int(text) if text else otherwise


def _instant(text: str) -> datetime | None:
    """A date or a time; without a zone it is UTC."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))  # a plus sign that was not escaped
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Unclear("modified_after as in RFC 3339", text) from error


def _page(contents: list[dict[str, Any]], total: int, asked: Asked, headers: Mapping[str, str]) -> Response:
    """A page with the members that the standard gives it."""
    pages = -(-total // asked.per_page)
    value = {
        "total_items": total,
        "total_pages": pages,
        "page_number": asked.page,
        "size": len(contents),
        "first_page": asked.page == 1,
        "last_page": asked.page >= pages,
        "empty": not contents,
        "contents": contents,
    }
    return Response(orjson.dumps(value), 200, dict(headers), "application/json")


def _known(request: Request, headers: Mapping[str, str]) -> Response | None:
    """304 where the reader has it."""
    tags, since = request.headers.get("if-none-match"), request.headers.get("if-modified-since")
    same = tags is None and since is not None and since == headers.get("Last-Modified")
    return Response(None, 304, dict(headers)) if same or has(tags, headers["ETag"]) else None


def _member(name: str, value: str) -> bytes:
    """A member as it stands in a line, which is canonical JSON."""
    return f'"{name}":'.encode() + orjson.dumps(value)
