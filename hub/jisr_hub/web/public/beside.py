"""Pages beside the page of an entry: which entry they are about, and what of it they show.

An entry stands at `/directory/{entry}` or, as one record, at `/directory/{node}/{id}`; these a step below.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jisr_hub.ports import Clock
from jisr_hub.ports.directory import Directory, Listed
from jisr_hub.web.facts import Fact, facts_of, references
from jisr_hub.web.page import page, query, reader_language
from jisr_protocol.pages.language import Language
from jisr_protocol.pages.text import Text, choose
from jisr_protocol.pages.vocabulary import kind_word

_ENTRY = re.compile(r"[a-z2-7]{16}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_KEY = re.compile(r"jisr:[a-z2-7]{52}/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PLACES_MOST = 5
_LOOKED_UP = 24
_OF_A_PLACE = ("addresses", "location", "schedule", "opening_hours", "contact_points")
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Beside:
    """Finds what a page is about, and shows it."""

    directory: Directory
    clock: Clock
    default: str

    def routes(self, name: str, endpoint: Endpoint, methods: Collection[str] = ("GET",)) -> list[Route]:
        """The two addresses of a page beside an entry."""
        places = ("/directory/{entry}", "/directory/{node}/{id}")
        return [Route(f"{place}/{name}", endpoint, methods=list(methods)) for place in places]

    def language(self, request: Request) -> Language:
        return reader_language(request, self.default)

    async def listed(self, request: Request) -> Listed | None:
        """What the page is about; None when it is not shown here."""
        asked = request.path_params
        if "entry" in asked:
            return await self.directory.entry(asked["entry"]) if _ENTRY.fullmatch(asked["entry"]) else None
        key = f"{asked['node']}/{asked['id']}"
        return await self.directory.record(asked["node"], asked["id"]) if _KEY.fullmatch(key) else None

    def gone(self, request: Request) -> Response:
        """Say that there is nothing of this address."""
        language = self.language(request)
        _ = language.gettext
        next_step = _("Its author may have withdrawn it, or the address is mistyped.")
        return page(request, language, "mistake.html", 404, happened=_("This record is not here."), next_step=next_step)

    async def show(
        self, request: Request, template: str, listed: Listed, status: int = 200, **values: object
    ) -> Response:
        """A page about this entry: its name, kind and author, and what the page itself adds."""
        language = self.language(request)
        summary = await self.directory.summary()
        return page(
            request,
            language,
            f"public/{template}",
            status,
            hub_name=summary.hub_name,
            name=name_of(listed, language),
            kind=kind_word(listed.type, language),
            author=choose(listed.author_name, language.code),
            back=f"{place_of(listed)}{query(request)}",
            here=place_of(listed),
            **values,
        )

    async def facts(self, listed: Listed, language: Language, members: Collection[str]) -> list[Fact]:
        """What an entry says under these members."""
        said = {name: listed.record[name] for name in members if name in listed.record}
        record = {"node": listed.node, "lang": listed.record.get("lang"), **said}
        names: dict[tuple[str, str], Text] = {}
        for node, id_ in references(record)[:_LOOKED_UP]:
            target = await self.directory.record(node, id_)
            if target is not None:
                names[node, id_] = name_of(target, language)
        return facts_of(record, language, names, "")

    async def places(self, listed: Listed, language: Language) -> list[tuple[Text, list[Fact]]]:
        """The places where it is given, each with its address, hours and contact, as far as they are shown here."""
        at = listed.record.get("at")
        wanted = [place.get("location") for place in at if isinstance(place, Mapping)] if isinstance(at, list) else []
        found = []
        for node, id_ in references({"node": listed.node, "places": wanted})[:PLACES_MOST]:
            place = await self.directory.record(node, id_)
            if place is not None:
                found.append((name_of(place, language), await self.facts(place, language, _OF_A_PLACE)))
        return found


def place_of(listed: Listed) -> str:
    """The address of an entry's page."""
    return f"/directory/{listed.entry or f'{listed.node}/{listed.id}'}"


def name_of(listed: Listed, language: Language) -> Text:
    """What an entry is called, for this reader."""
    record: Mapping[str, Any] = listed.record
    called = choose(record.get("name") or record.get("title"), language.code, record.get("lang"))
    return called or Text(language.gettext("Record without a name"), language.code)
