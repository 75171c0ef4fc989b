"""The hub's public directory: what it holds, record by record, for people.

`/` leads to `/directory`, a list of 50 entries a page that can be narrowed to one type. `/directory/{entry}` shows an
entry, out of one record or of several that are one: its address stays through merges and splits, and one that lost
leads to the one that stands. `/directory/{node}/{id}` shows one record with its facts and where it came from. The pages
ask the hub through the port `Directory` and know nothing of its storage. They show what is public and nothing else;
keeping everything else out is the port's promise.

    app = Starlette(routes=routes(directory), exception_handlers={404: not_found})
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from jisr_hub.ports.directory import Directory, Listed, Summary
from jisr_hub.web.facts import facts_of, references
from jisr_hub.web.page import SECURITY_HEADERS, page, query, reader_language, static_routes
from jisr_hub.web.public.counted import VIEWS, keys_of, note
from jisr_protocol.opening import Declared
from jisr_protocol.pages.freshness import Freshness, freshness, instant
from jisr_protocol.pages.language import SOURCE, Language, primary
from jisr_protocol.pages.opening_now import Calendars, open_now
from jisr_protocol.pages.text import Text, choose
from jisr_protocol.pages.vocabulary import MEMBERS, kind_word, kinds_word, status_word

PAGE_LENGTH = 50
NAMES_LOOKED_UP = 24

_NODE = re.compile(r"jisr:[a-z2-7]{52}")
_ENTRY = re.compile(r"[a-z2-7]{16}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TYPE = re.compile(r"[a-z][a-z0-9_]{0,63}|[a-z0-9-]{1,63}(\.[a-z0-9_-]{1,63}){1,8}/[0-9]{1,4}")
_OWN_TYPE = re.compile(r"org\.jisr\.([a-z][a-z0-9_]{0,63})/1")
_TURNING = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")
_PAGE = re.compile(r"[1-9][0-9]{0,5}")


@dataclass(frozen=True)
class _Line:
    """One record as a line of the list: words of this reader only."""

    listed: Listed
    address: str
    name: Text
    kind: str
    author: Text | None
    status: str
    freshness: Freshness


@dataclass(frozen=True)
class _Kind:
    """One type as a way to narrow the list."""

    type: str
    word: str
    count: int
    address: str


def routes(
    directory: Directory,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    default_language: str = SOURCE,
    declared: tuple[Declared, ...] = (),
) -> list[Route]:
    """Give the routes of the public pages and of their style sheet.

    `clock` tells the time for freshness; `default_language` serves readers whose browser names none of ours;
    `declared` is what this hub knows of Ramadan and feasts beyond computing them.
    """
    pages = _Pages(directory, clock, default_language, Calendars(declared))
    return [
        Route("/", pages.home),
        Route("/directory", pages.list),
        Route("/directory/{entry}", pages.entry),
        Route("/directory/{node}/{id}", pages.record),
        *static_routes(),
    ]


async def not_found(request: Request, problem: Exception) -> Response:
    """Answer an address nobody serves, in the reader's language; made for Starlette's exception handlers."""
    language = reader_language(request)
    _ = language.gettext
    happened = _("There is no page at this address.")
    return _mistake(request, language, 404, happened, _("The address may be mistyped, or the page has moved."))


def _mistake(request: Request, language: Language, status: int, happened: str, next_step: str) -> Response:
    """Answer a request that names nothing we can show: what happened, what to do, and a way on."""
    return page(request, language, "mistake.html", status, happened=happened, next_step=next_step)


@dataclass(frozen=True)
class _Pages:
    """The pages on one directory. Each method is an endpoint and answers every address with a page."""

    directory: Directory
    clock: Callable[[], datetime]
    default: str
    calendars: Calendars

    async def home(self, request: Request) -> Response:
        """Lead to the list, keeping a language asked for."""
        return RedirectResponse("/directory" + query(request), 307, dict(SECURITY_HEADERS))

    async def list(self, request: Request) -> Response:
        """List one page of the records, of one type or all."""
        language = reader_language(request, self.default)
        _ = language.gettext
        asked_type = request.query_params.get("type", "")
        asked_page = request.query_params.get("page", "1")
        if asked_type and not _TYPE.fullmatch(asked_type):
            happened = _("This address names a kind of record that cannot exist.")
            return _mistake(request, language, 400, happened, _("Choose a kind from the list of all records."))
        if not _PAGE.fullmatch(asked_page):
            happened = _("This address names a page that cannot exist.")
            return _mistake(request, language, 400, happened, _("Pages are numbered 1, 2, 3 and so on."))
        summary = await self.directory.summary()
        type_ = _full(asked_type)
        count = summary.types.get(type_, 0) if type_ else summary.records
        number, pages = int(asked_page), max(1, -(-count // PAGE_LENGTH))
        if number > pages:
            happened = _("The list is not that long.")
            return _mistake(request, language, 404, happened, _("Records may have left it since you had the link."))
        records = await self.directory.page(type_ or None, (number - 1) * PAGE_LENGTH, PAGE_LENGTH)
        now = self.clock()
        return page(
            request,
            language,
            "public/results.html",
            summary=summary,
            lines=[_line(listed, language, now, query(request)) for listed in records],
            kinds=_kinds(summary, language, request),
            all_kinds=query(request) or "/directory",
            chosen=type_ or None,
            heading=kinds_word(type_, language) if type_ else _("All records"),
            count=count,
            number=number,
            pages=pages,
            turn=lambda to: query(request, **({"type": _short(type_)} if type_ else {}), page=str(to)),
        )

    async def record(self, request: Request) -> Response:
        """Show one record with its facts and where it came from."""
        node, id_ = request.path_params["node"], request.path_params["id"]
        sound = _NODE.fullmatch(node) and _UUID.fullmatch(id_)
        return await self._shown(request, await self.directory.record(node, id_) if sound else None)

    async def entry(self, request: Request) -> Response:
        """Show one entry; an address that lost leads to the one that stands, for as long as it does."""
        asked = request.path_params["entry"]
        listed = await self.directory.entry(asked) if _ENTRY.fullmatch(asked) else None
        if listed is not None and listed.entry != asked:
            return RedirectResponse(f"/directory/{listed.entry}{query(request)}", 307, dict(SECURITY_HEADERS))
        return await self._shown(request, listed)

    async def _shown(self, request: Request, listed: Listed | None) -> Response:
        language = reader_language(request, self.default)
        _ = language.gettext
        if listed is None:
            happened = _("This record is not here.")
            return _mistake(
                request, language, 404, happened, _("Its author may have withdrawn it, or the address is mistyped.")
            )
        note(request, VIEWS, keys_of(listed))
        record, lang = listed.record, listed.record.get("lang")
        description = choose(record.get("description"), language.code, lang)
        assured = record.get("assured")
        return page(
            request,
            language,
            "public/entry.html",
            summary=await self.directory.summary(),
            line=_line(listed, language, self.clock(), query(request)),
            open_now=None if listed.lapsed else open_now(record, self.clock(), self.calendars, language),
            own_name=choose(_name(record), str(lang), lang),
            description=description,
            elsewhere=_foreign(description, language),
            facts=facts_of(record, language, await self._names(listed, language), query(request)),
            assured_at=instant(assured.get("at")) if isinstance(assured, Mapping) else None,
            modified=instant(record.get("modified")),
            licence=record.get("licence"),
            raw=_raw(record),
            sources=[
                (f"/directory/{one}/{other}{query(request)}", f"{one[:13]}…", instant(at))
                for one, other, at in listed.sources
            ],
            others=[(_member(name, language), lang, _plain(value)) for name, lang, value in listed.others],
            entry=f"/directory/{listed.entry}{query(request)}" if listed.entry and not listed.sources else "",
        )

    async def _names(self, listed: Listed, language: Language) -> dict[tuple[str, str], Text]:
        """Look up what the records are called that this one points to, as far as they are public here."""
        names: dict[tuple[str, str], Text] = {}
        for node, id_ in references(listed.record)[:NAMES_LOOKED_UP]:
            target = await self.directory.record(node, id_)
            name = choose(_name(target.record), language.code, target.record.get("lang")) if target else None
            if name:
                names[node, id_] = name
        return names


def _kinds(summary: Summary, language: Language, request: Request) -> list[_Kind]:
    """Give the types that the directory holds, the most frequent first."""
    counted = sorted(summary.types.items(), key=lambda kind: (-kind[1], kind[0]))
    return [
        _Kind(type_, kinds_word(type_, language), count, query(request, type=_short(type_)))
        for type_, count in counted
        if count
    ]


def _line(listed: Listed, language: Language, now: datetime, kept: str) -> _Line:
    record = listed.record
    nameless = Text(language.gettext("Record without a name"), language.code)
    return _Line(
        listed=listed,
        address=f"/directory/{listed.entry or f'{listed.node}/{listed.id}'}{kept}",
        name=choose(_name(record), language.code, record.get("lang")) or _between(listed, language) or nameless,
        kind=kind_word(listed.type, language),
        author=choose(listed.author_name, language.code),
        status=status_word(record.get("status"), language),
        freshness=freshness(record, language, now),
    )


def _name(record: Mapping[str, Any]) -> object:
    return record.get("name") or record.get("title")


def _between(listed: Listed, language: Language) -> Text | None:
    """A membership is called after its two sides; None where neither has a name."""
    names = [choose(side, language.code) for side in listed.between]
    said = [name.value for name in names if name is not None]
    lang = {name.lang for name in names if name is not None}
    return Text(" – ".join(said), lang.pop() if len(lang) == 1 else "") if said else None


def _member(name: str, language: Language) -> str:
    return language.gettext(MEMBERS[name]) if name in MEMBERS else name


def _plain(value: object) -> str:
    """A value that is not shown among the facts, as it may be read."""
    if isinstance(value, Mapping) and isinstance(value.get("value"), str):
        return str(value["value"])
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)[:1000]


def _foreign(text: Text | None, language: Language) -> str | None:
    """Name the language of a text that is not in the reader's; None when it is, or is not known."""
    if text is None or primary(text.lang) in ("", language.code):
        return None
    return language.language_name(text.lang)


def _raw(record: Mapping[str, Any]) -> str:
    """Write the whole record for reading; characters that turn direction are written as escapes, to be seen."""
    text = json.dumps(record, ensure_ascii=False, indent=2, sort_keys=True)
    return _TURNING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _short(type_: str) -> str:
    """Shorten a type of Jisr's own for an address: "service" for "org.jisr.service/1"."""
    own = _OWN_TYPE.fullmatch(type_)
    return own[1] if own else type_


def _full(asked: str) -> str:
    return f"org.jisr.{asked}/1" if asked and "." not in asked else asked
