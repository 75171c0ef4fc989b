"""Still correct? What ages, what each record says, one button each and one for all; also by a link without a session.

A form names each record in the version that was shown, so nobody confirms what they have not seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol.pages.facts import Fact, facts_of
from jisr_protocol.pages.freshness import instant
from jisr_protocol.pages.language import N_, Language
from jisr_protocol.pages.vocabulary import kind_word

from ...app import Node
from ...app.office import Office
from ...confirming.ageing import Ageing
from ...errors import HubRefused, HubUnreachable, Mistaken
from ...outbox import show
from ...status import named
from .rim import Denied, Why, once_of
from .room import Call, Endpoint, Nav, Room, Visit, Way

SHOWN = 200
SAID: Mapping[str, str] = {
    "confirmed": N_("It is confirmed and signed, and on its way to your hub."),
    "seen": N_("Your hub was asked. What was confirmed there is not asked here again."),
    "missed": N_("Your hub did not answer now. Nothing is lost."),
}
_SEEN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[1-9][0-9]{0,15}")


@dataclass(frozen=True)
class Line:
    """A record that ages, in words; `seen` is what a form sends of it."""

    seen: str
    id: str
    name: str
    kind: str
    by: str
    over: bool
    confirmed: str
    facts: list[Fact]


class Still(Room):
    """The page of what ages, inside and by a link."""

    nav = Nav("/still", N_("Still correct?"), 20)

    def ways(self) -> dict[Way, Endpoint]:
        return {
            Way("GET", "/still"): self.look,
            Way("POST", "/still"): self.confirm,
            Way("POST", "/still/hub"): self.ask_hub,
            Way("GET", "/still/{link}", open_=True): self.look_by_link,
            Way("POST", "/still/{link}", open_=True): self.confirm_by_link,
        }

    async def look(self, request: Request, visit: Visit) -> Response:
        now = visit.office.now()
        lines, hub = await visit.office.ask(lambda node: (_ageing(node, visit.language, now), node.settings.hub))
        return self.rim.show(request, "still.html", visit, lines=lines, said=_said(request), link="", of="", hub=hub)

    async def confirm(self, request: Request, visit: Visit) -> Response:
        await self._confirm(visit.office, _seen(await once_of(request)), public=False)
        return self.rim.go("/still?said=confirmed")

    async def ask_hub(self, request: Request, visit: Visit) -> Response:
        """See whether somebody has answered a letter of our hub."""

        async def seen(node: Node) -> bool:
            try:
                await node.look(node.settings.hub)
            except (HubUnreachable, HubRefused, Mistaken):
                return False
            return True

        return self.rim.go("/still?said=" + ("seen" if await visit.office.travel(seen) else "missed"))

    async def look_by_link(self, request: Request, visit: Visit) -> Response:
        link = request.path_params["link"]
        office = await self._behind(link)
        now = office.now()

        def looked(node: Node) -> tuple[str, list[Line]]:
            return node.settings.name, _public(node, visit.language, now)

        name, lines = await office.ask(looked)
        return self.rim.show(request, "still.html", None, lines=lines, said=_said(request), link=link, of=name, hub="")

    async def confirm_by_link(self, request: Request, visit: Visit) -> Response:
        link = request.path_params["link"]
        office = await self._behind(link)
        await self._confirm(office, _seen(await once_of(request)), public=True)
        return self.rim.go(f"/still/{link}?said=confirmed")

    async def _behind(self, link: str) -> Office:
        """The node that a link confirms at. Raises Denied when it does not count, or not any more."""
        name, _, word = link.rpartition(".")
        lobby = self.rim.lobby
        if name not in (lobby.names() if lobby.several else [""]):
            raise Denied(Why.LINK)
        office = lobby.office_of(name)
        if not await office.ask(lambda node: node.assuring().may(word, office.now())):
            raise Denied(Why.LINK)
        return office

    async def _confirm(self, office: Office, revs: Mapping[str, int], *, public: bool) -> None:
        def say(node: Node) -> None:
            assuring = node.assuring()
            if public and not revs.keys() <= {one.id for one, _ in assuring.public(office.now())}:
                raise Denied(Why.FORM)
            assuring.say(revs, office.now())

        await office.ask(say)
        office.send_soon()

    def calls(self, node: Node, language: Language, now: datetime) -> list[Call]:
        aged = node.assuring().ageing(now)
        if not aged:
            return []
        said = language.ngettext(
            "%(count)s record should be confirmed.", "%(count)s records should be confirmed.", len(aged)
        )
        weight = 40 if any(one.over for one in aged) else 30
        return [Call(weight, said % {"count": language.number(len(aged))}, "/still", language.gettext("Look at it"))]


def _seen(form: Mapping[str, str]) -> dict[str, int]:
    """The records of a form, each with the rev that was shown. Raises Denied (FORM)."""
    words = form.get("seen", "").split()
    if not words or len(words) > SHOWN or not all(_SEEN.fullmatch(word) for word in words):
        raise Denied(Why.FORM)
    return {record_id: int(rev) for record_id, _, rev in (word.partition(".") for word in words)}


def _said(request: Request) -> str:
    return SAID.get(request.query_params.get("said", ""), "")


def _ageing(node: Node, language: Language, now: datetime) -> list[Line]:
    stored = ((one, node.store.record(one.id)) for one in node.assuring().ageing(now)[:SHOWN])
    return _lines(((one, show(node.id, held)) for one, held in stored if held is not None), language)


def _public(node: Node, language: Language, now: datetime) -> list[Line]:
    return _lines(node.assuring().public(now)[:SHOWN], language)


def _lines(aged: Iterable[tuple[Ageing, Mapping[str, Any]]], language: Language) -> list[Line]:
    return [_line(one, record, language) for one, record in aged]


def _line(one: Ageing, record: Mapping[str, Any], language: Language) -> Line:
    return Line(
        seen=f"{one.id}.{one.rev}",
        id=one.id,
        name=named(record) or "",
        kind=kind_word(str(record["type"]), language),
        by=_day(one.by, language),
        over=one.over,
        confirmed=_day(one.confirmed, language),
        facts=facts_of(record, language, {}, lambda node, id_: "", language.gettext("Another record")),
    )


def _day(day: str, language: Language) -> str:
    read = instant(day)
    return language.date(read) if read else ""
