"""Volunteers without a node: an open form, a private link to change it or to be gone, and the list for those who help.

The link is the only key there is: no account, and its hash alone is kept. Pages by a link are sent with
`Referrer-Policy: same-origin` and `no-store`, and no request is logged.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol.core_terms import FOCUS_AREAS, LANGUAGES
from jisr_protocol.pages.freshness import instant
from jisr_protocol.pages.language import N_, Language

from ...app import Node, volunteers
from ...app.office import Office
from ...volunteers.pace import Pace
from ...volunteers.profiles import DAYS, PARTS, Offer
from .rim import Denied, Rim, Why, fields_of
from .room import Endpoint, Nav, Room, Visit, Way

LENGTHS = (30, 60, 90)
ALONE = "us"
"""The name in the address of a process with one node."""
_PARTS = {"morning": N_("in the morning"), "afternoon": N_("in the afternoon"), "evening": N_("in the evening")}


class Volunteers(Room):
    """The form, the link, the list."""

    nav = Nav("/volunteers", N_("Volunteers"), 45)

    def __init__(self, rim: Rim) -> None:
        super().__init__(rim)
        self._paces: dict[str, Pace] = {}

    def ways(self) -> dict[Way, Endpoint]:
        return {
            Way("GET", "/volunteers"): self.list,
            Way("GET", "/volunteer/new/{name}", open_=True): self.ask,
            Way("POST", "/volunteer/new/{name}", open_=True): self.enrol,
            Way("GET", "/volunteer/{link}", open_=True): self.look,
            Way("POST", "/volunteer/{link}", open_=True): self.change,
            Way("POST", "/volunteer/{link}/gone", open_=True): self.leave,
        }

    async def list(self, request: Request, visit: Visit) -> Response:
        """For whoever keeps the node: who enrolled, and how to reach them."""
        now = visit.office.now()
        found = await visit.office.ask(lambda node: [_listed(one, visit.language) for one in _kept(node, now)])
        name = visit.session.partition(".")[0] or ALONE
        return self.rim.show(request, "volunteers.html", visit, found=found, form=f"/volunteer/new/{name}")

    async def ask(self, request: Request, visit: Visit) -> Response:
        name = request.path_params["name"]
        office = self._office("" if name == ALONE and not self.rim.lobby.several else name)
        return await self._form(request, visit, office, Offer())

    async def enrol(self, request: Request, visit: Visit) -> Response:
        name = request.path_params["name"]
        place = "" if name == ALONE and not self.rim.lobby.several else name
        office, now = self._office(place), self.rim.lobby.now()
        offer = Offer.of(await fields_of(request), visit.language.code)
        if offer.faults():
            return await self._form(request, visit, office, offer, faults=offer.faults())
        client = request.client.host if request.client else ""
        if not self._paces.setdefault(place, Pace()).lets(client, now):
            return await self._form(request, visit, office, offer, busy=True)
        word = await office.ask(lambda node: volunteers.enrol(node, offer, now=now))
        return self.rim.go(f"/volunteer/{place}.{word}?said=kept")

    async def look(self, request: Request, visit: Visit) -> Response:
        link = request.path_params["link"]
        office, word, now = *self._behind(link), self.rim.lobby.now()
        offer = await office.ask(lambda node: volunteers.look(node, word, now=now))
        if offer is not None:
            return await self._form(request, visit, office, offer, link=link)
        found = await office.travel(lambda node: volunteers.receipts(node, word, now=now))
        if found is None:
            raise Denied(Why.LINK)
        at = instant(found.here)
        since = visit.language.date(at) if at else ""
        return self.rim.show(request, "volunteer_gone.html", None, found=found, since=since)

    async def change(self, request: Request, visit: Visit) -> Response:
        link = request.path_params["link"]
        office, word, now = *self._behind(link), self.rim.lobby.now()
        offer = Offer.of(await fields_of(request), visit.language.code)
        if await office.ask(lambda node: volunteers.look(node, word, now=now)) is None:
            raise Denied(Why.LINK)
        if offer.faults():
            return await self._form(request, visit, office, offer, link=link, faults=offer.faults())
        await office.ask(lambda node: volunteers.change(node, word, offer, now=now))
        return self.rim.go(f"/volunteer/{link}?said=kept")

    async def leave(self, request: Request, visit: Visit) -> Response:
        link = request.path_params["link"]
        office, word, now = *self._behind(link), self.rim.lobby.now()
        await office.ask(lambda node: volunteers.leave(node, word, now=now))
        office.send_soon()
        return self.rim.go(f"/volunteer/{link}")

    def _office(self, name: str) -> Office:
        lobby = self.rim.lobby
        if name not in (lobby.names() if lobby.several else [""]):
            raise Denied(Why.NOWHERE)
        return lobby.office_of(name)

    def _behind(self, link: str) -> tuple[Office, str]:
        name, sign, word = link.partition(".")
        if not sign or name not in (self.rim.lobby.names() if self.rim.lobby.several else [""]):
            raise Denied(Why.LINK)
        return self.rim.lobby.office_of(name), word

    async def _form(
        self,
        request: Request,
        visit: Visit,
        office: Office,
        offer: Offer,
        *,
        link: str = "",
        faults: dict[str, str] | None = None,
        busy: bool = False,
    ) -> Response:
        name = await office.ask(lambda node: node.settings.name)
        return self.rim.show(
            request,
            "volunteer.html",
            None,
            429 if busy else 422 if faults else 200,
            offer=offer,
            of=name,
            link=link,
            faults=faults or {},
            busy=busy,
            kept=request.query_params.get("said") == "kept",
            **_choices(visit.language),
        )


def _choices(language: Language) -> dict[str, Any]:
    """What there is to choose, in the reader's words."""
    place = LANGUAGES.index(language.code)
    wide = language.locale.days["stand-alone"]["wide"]
    return {
        "all_skills": [(code, labels[place]) for code, labels in FOCUS_AREAS.items()],
        "all_languages": [(code, language.language_name(code) or code) for code in LANGUAGES],
        "all_days": [(day, wide[number]) for number, day in enumerate(DAYS)],
        "all_parts": [(part, language.gettext(_PARTS[part])) for part in PARTS],
        "lengths": [(days, language.number(days)) for days in LENGTHS],
    }


def _kept(node: Node, now: datetime) -> list[Offer]:
    volunteers.expire(node, now=now)
    return volunteers.listed(node)


def _listed(offer: Offer, language: Language) -> dict[str, str]:
    place = LANGUAGES.index(language.code)
    return {
        "skills": language.listing([FOCUS_AREAS[code][place] for code in offer.skills]),
        "languages": language.listing([language.language_name(code) or code for code in offer.languages]),
        "wishes": offer.wishes,
        "contact": offer.contact,
    }
