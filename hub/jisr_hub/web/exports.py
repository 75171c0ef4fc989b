"""What the directory is handed on as: `/export/<name>.<ending>`, a stream of constant memory with a stable address.

The name is `all`, a type ("service") or the address of one entry; directory/exports/forms.py has the endings. Narrowed
by the query string of a search, at most NARROWED entries. The entity tag names the state an answer was begun in: a copy
that was written while the hub took something in carries the tag of the older state, which is never confirmed again.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from jisr_protocol.pages.language import NAMES
from jisr_protocol.pages.vocabulary import kinds_word

from .. import __version__
from ..directory.exports import lines, news
from ..directory.exports.delimited import Delimited
from ..directory.exports.forms import EVERYTHING, Form, Kind, parted
from ..directory.exports.shown import About, Shown, full, pointed, shown_of
from ..directory.query import read, written
from ..ports.catalogue import Catalogue, Key
from ..ports.directory import Directory, Listed
from ..ports.search import LONGEST_PAGE, NEW, Query, Search
from .files import made
from .language import load_languages
from .negotiation import codings, has
from .problem_documents import document

AT_ONCE = 100
NARROWED = 2000
"""Entries of a narrowed export; a search is asked a page after the other."""
STREAMS_AT_ONCE = 8
LONGEST_SECONDS = 1800
CACHE = "public, max-age=300, stale-if-error=86400"
_ENTRY = re.compile(r"[a-z2-7]{16}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_OURS = frozenset({"lang", "bom"})
_SETTLED = timedelta(seconds=2)
"""A time in a header has no parts of a second: until it is over it names no state."""


@dataclass
class Exports:
    """The exports of one hub. `default` is the language of who names none."""

    catalogue: Catalogue
    directory: Directory
    search: Search | None
    hub: str
    address: str
    default: str
    clock: Callable[[], datetime]
    sizes: dict[str, int] = field(default_factory=dict)
    """Bytes of whole exports as they were sent last, by file name; for people who want to know before they take one."""
    running: int = 0

    @property
    def full(self) -> bool:
        """Whether as many are sent as may be at once."""
        return self.running >= STREAMS_AT_ONCE

    def routes(self) -> list[Route]:
        return [Route("/export/{file}", self.export)]

    async def export(self, request: Request) -> Response:
        """Answer one file."""
        file = request.path_params["file"]
        found = parted(file)
        if found is None or not (_ENTRY.fullmatch(found[0]) or found[1].takes(found[0])):
            return document("not_found", "there is no export of this name; /formats lists them all")
        name, kind = found
        about = self.about(request)
        asked = read([pair for pair in request.query_params.multi_items() if pair[0] not in _OURS], about.now)
        if asked.left_out:
            return document("malformed", f"not understood, so nothing is left out: {', '.join(asked.left_out)}")
        query = asked.query
        if len(query.types) > 0 and name != EVERYTHING:
            return document("malformed", "expected either a type in the name of the file or `type`; came both")
        if wrong := [one for one in query.types if not kind.takes(one)]:
            return document("malformed", f"{kind.title} takes no records of the type {', '.join(wrong)}")
        if _ENTRY.fullmatch(name):
            return await self._entry(request, name, kind, about)
        if kind.ending in ("rss", "atom"):
            return await self._news(request, name, kind, query, about)
        return await self._stream(request, name, kind, query, about)

    def about(self, request: Request) -> About:
        lang = request.query_params.get("lang", "")
        return About(self.hub, self.address, lang if lang in NAMES else self.default, self.clock())

    # One entry, and what is new: small, and made whole

    async def _entry(self, request: Request, name: str, kind: Kind, about: About) -> Response:
        listed = await self.directory.entry(name)
        if listed is None or (kind.types and Shown(listed, about, {}).type not in kind.types):
            return document("not_found", "there is no such entry in this form")
        if kind.ending == "jsonl":
            found = await self.catalogue.lines_of(_keys([listed]))
            body = b"".join(lines.written(one, about) for one in found)
        elif kind.make is None:
            return document("not_found", "there is no such entry in this form")
        else:
            form = _made(kind, about, request, single=True)
            body = form.begin() + form.part(await self.shown([listed], about)) + form.end()
        return made(request.headers, body, cache=CACHE, media_type=kind.media_type)

    async def _news(self, request: Request, name: str, kind: Kind, query: Query, about: About) -> Response:
        types = query.types or (kind.types if name == EVERYTHING else (name,))
        if _narrows(query):
            if self.search is None:
                return document("busy", "this hub cannot search now; nothing was left out, since nothing was sent")
            found = await self.search.find(_replaced(query, types, 0, NEW))
            entries = await self.catalogue.listed(hit.key for hit in found.hits)
        else:
            entries = [one for each in types for one in await self.directory.page(full(each), 0, news.MOST)]
        shown = sorted(await self.shown(entries, about), key=news.dated, reverse=True)[: news.MOST]
        language = load_languages()[about.lang]
        title = f"{self.hub} – {', '.join(kinds_word(full(each), language) for each in types)}"
        query_string = f"?{request.url.query}" if request.url.query else ""
        here = f"{self.address}/export/{request.path_params['file']}{query_string}"
        write = news.rss if kind.ending == "rss" else news.atom
        return made(request.headers, write(shown, about, here, title), cache=CACHE, media_type=kind.media_type)

    # Whole exports

    async def _stream(self, request: Request, name: str, kind: Kind, query: Query, about: About) -> Response:
        narrowed = _narrows(query)
        state = await self.catalogue.state()
        coding = "gzip" if kind.ending != "xlsx" and "gzip" in codings(request.headers.get("accept-encoding")) else ""
        said = (__version__, self.hub, self.address, name, kind.ending, about.lang, request.query_params.get("bom", ""))
        open_at = query.open_at.strftime("%Y%m%d%H%M") if query.open_at is not None else ""
        named = "|".join((state.tag, *said, repr(written(query, about.now)), open_at, coding))
        etag = f'"{hashlib.sha256(named.encode()).hexdigest()[:32]}"'
        headers = {"ETag": etag, "Cache-Control": CACHE, "Vary": "Accept-Encoding", "Accept-Ranges": "none"}
        if state.modified is not None and about.now - state.modified > _SETTLED and not narrowed:
            headers["Last-Modified"] = format_datetime(state.modified, usegmt=True)
        tags, since = request.headers.get("if-none-match"), request.headers.get("if-modified-since")
        if has(tags, etag) or (tags is None and since is not None and since == headers.get("Last-Modified")):
            return Response(None, 304, headers)
        headers |= {"Content-Type": kind.media_type, "X-Content-Type-Options": "nosniff"}
        headers["Content-Disposition"] = f'inline; filename="{request.path_params["file"]}"'
        if request.method == "HEAD":
            return Response(None, 200, headers | ({"Content-Encoding": coding} if coding else {}))
        if self.full:
            return document("busy", "others take exports now; the same again in a moment", retry_after=30)
        types = tuple(full(one) for one in query.types) or kind.full_types(name)
        keys: list[Key] | None = None
        if narrowed:
            if self.search is None:
                return document("busy", "this hub cannot search now; nothing was left out, since nothing was sent")
            found = await _found(self.search, _replaced(query, _short_types(types), 0, query.order))
            if isinstance(found, int):
                return document(
                    "malformed", f"{found} entries; a narrowed export holds at most {NARROWED}. Narrow it further, or "
                    "take the whole without a search"
                )  # fmt: skip
            keys = found
        if coding:
            headers["Content-Encoding"] = coding
        whole = request.path_params["file"] if not request.url.query else ""
        body = self._lines(types, keys, about) if kind.make is None else self._parts(kind, types, keys, about, request)
        first = await anext(body)  # what fails at once is answered as a failure, and not in the middle of a file
        return Sent(self, request, headers, first, body, coding, whole)

    async def _parts(
        self, kind: Kind, types: Sequence[str], keys: list[Key] | None, about: About, request: Request
    ) -> AsyncGenerator[bytes, None]:
        """The pieces of an export, a step at a time; what takes the processor goes aside."""
        form = _made(kind, about, request, single=False)
        entries = self.catalogue.stream(types) if keys is None else self._listed(keys)
        yield await asyncio.to_thread(form.begin)
        async for some in batched(entries):
            shown = await self.shown(some, about)
            yield await asyncio.to_thread(form.part, shown)
        yield await asyncio.to_thread(form.end)

    async def _lines(self, types: Sequence[str], keys: list[Key] | None, about: About) -> AsyncGenerator[bytes, None]:
        yield b""
        if keys is not None:
            listed = await self.catalogue.listed(keys)
            found = await self.catalogue.lines_of(key for one in listed for key in _keys([one]))
            yield b"".join(lines.written(one, about) for one in found if not lines.waits(one, about))
            return
        held: list[bytes] = []
        async for line in self.catalogue.lines(types):
            if not lines.waits(line, about):
                held.append(lines.written(line, about))
            if len(held) == AT_ONCE:
                yield b"".join(held)
                held = []
        yield b"".join(held)

    async def _listed(self, keys: Sequence[Key]) -> AsyncIterator[Listed]:
        for start in range(0, len(keys), AT_ONCE):
            for one in await self.catalogue.listed(keys[start : start + AT_ONCE]):
                yield one

    def some(self, types: Sequence[str]) -> AsyncIterator[list[Listed]]:
        """Every entry of these types, a few at a time."""
        return batched(self.catalogue.stream(types))

    async def shown(self, entries: Sequence[Listed], about: About) -> list[Shown]:
        found = await self.catalogue.resolved({key for one in entries for key in pointed(one)})
        return shown_of(entries, about, found)


class Sent(Response):
    """A body that is sent as it is made. It ends when nobody reads, and after LONGEST_SECONDS; cut off in the middle, a
    reader sees that it is not whole."""

    def __init__(
        self, exports: Exports, request: Request, headers: dict[str, str], first: bytes,
        rest: AsyncGenerator[bytes, None], coding: str, whole: str,
    ) -> None:  # fmt: skip
        super().__init__(None, 200, headers)
        del self.headers["content-length"]
        self._exports, self._request, self._first, self._rest = exports, request, first, rest
        self._whole = whole
        self._packer = zlib.compressobj(4, wbits=31) if coding else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._exports.running += 1
        try:
            async with asyncio.timeout(LONGEST_SECONDS), contextlib.aclosing(self._rest) as rest:
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                size = await self._piece(send, self._first)
                async for piece in rest:
                    if await self._request.is_disconnected():
                        return
                    size += await self._piece(send, piece)
                if self._packer is not None:
                    await send({"type": "http.response.body", "body": self._packer.flush(), "more_body": True})
                await send({"type": "http.response.body", "body": b""})
                if self._whole:
                    self._exports.sizes[self._whole] = size
        finally:
            self._exports.running -= 1

    async def _piece(self, send: Send, piece: bytes) -> int:
        body = piece if self._packer is None else await asyncio.to_thread(self._packer.compress, piece)
        if body:
            await send({"type": "http.response.body", "body": body, "more_body": True})
        return len(piece)


def _made(kind: Kind, about: About, request: Request, *, single: bool) -> Form:
    if kind.ending == "csv":
        return Delimited(about, bom=request.query_params.get("bom") == "yes")
    assert kind.make is not None
    return kind.make(about, single)


def _narrows(query: Query) -> bool:
    """Whether anything but the type is asked for."""
    return query != Query(types=query.types, offset=query.offset, limit=query.limit)


def _replaced(query: Query, types: Sequence[str], offset: int, order: str) -> Query:
    return Query(
        query.words, tuple(types), query.facets, query.near, query.within_km, query.place, query.open_at, query.remote,
        order, offset, LONGEST_PAGE,
    )  # fmt: skip


async def _found(search: Search, query: Query) -> list[Key] | int:
    """The keys of all that is found; how many there are, where that is too many."""
    keys: list[Key] = []
    while True:
        page = await search.find(_replaced(query, query.types, len(keys), query.order))
        if page.total > NARROWED:
            return page.total
        keys += [hit.key for hit in page.hits]
        if not page.hits or len(keys) >= page.total:
            return list(dict.fromkeys(keys))


def _short_types(types: Sequence[str]) -> list[str]:
    return [one.removeprefix("org.jisr.").removesuffix("/1") for one in types]


def _keys(entries: Sequence[Listed]) -> list[Key]:
    """The records of these entries."""
    return [key for one in entries for key in ([(node, id_) for node, id_, _ in one.sources] or [(one.node, one.id)])]


async def batched(entries: AsyncIterator[Listed]) -> AsyncIterator[list[Listed]]:
    some: list[Listed] = []
    async for one in entries:
        some.append(one)
        if len(some) == AT_ONCE:
            yield some
            some = []
    if some:
        yield some
