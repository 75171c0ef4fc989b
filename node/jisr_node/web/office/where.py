"""Where we are shown: of each record, what each hub received, refused and shows, and what is said of it there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol.pages.freshness import instant
from jisr_protocol.pages.language import N_, Language
from jisr_protocol.pages.vocabulary import kind_word

from ... import whereabouts
from ...app import Node
from ...errors import HubRefused, HubUnreachable, Mistaken
from ...receipts import notices
from ...settings import check_address
from ...standing import ACCEPTED, REFUSED, WAITING
from .rim import once_of
from .room import Endpoint, Nav, Room, Visit, Way

MOST = 100
MOST_ADDRESS = 1000
RECEIVED: Mapping[str, str] = MappingProxyType(
    {ACCEPTED: N_("Received and taken"), WAITING: N_("Not received yet"), REFUSED: N_("Received and kept back")}
)
SHOWN: Mapping[str, str] = MappingProxyType(
    {
        whereabouts.CURRENT: N_("Everybody can read it there, as it is"),
        whereabouts.OLDER: N_("An older version of it can be read there"),
        whereabouts.HELD: N_("It is held there, out of sight"),
        whereabouts.ABSENT: N_("It cannot be read there"),
    }
)
SAID: Mapping[str, str] = MappingProxyType(
    {
        "corrects": N_("A correction of it was published"),
        "suppressed": N_("It is left out of a directory"),
        "disputed": N_("Somebody doubts it"),
        "assured": N_("Somebody checked it"),
        "same_as": N_("It was joined with another record"),
        "not_same_as": N_("It was found to be another one than a like record"),
        "hold": N_("Somebody had it held"),
        "erase": N_("Somebody had it erased"),
    }
)
LEVEL: Mapping[str, str] = MappingProxyType(
    {ACCEPTED: "good", WAITING: "careful", REFUSED: "harm", whereabouts.CURRENT: "good", whereabouts.HELD: "harm"}
)


@dataclass(frozen=True)
class Fact:
    """One thing that is known of a record at one place. `detail` is in whatever language a hub speaks."""

    place: str
    words: str
    date: str
    level: str
    detail: str = ""


@dataclass(frozen=True)
class Line:
    """A record, and what is known of it elsewhere."""

    name: str
    facts: list[Fact]


class Where(Room):
    """One page, and a button that looks."""

    nav = Nav("/where", N_("Where we are shown"), 30)

    def ways(self) -> dict[Way, Endpoint]:
        return {
            Way("GET", "/where"): self.show,
            Way("POST", "/where"): self.look,
            Way("POST", "/where/places"): self.add,
            Way("POST", "/where/forget"): self.forget,
        }

    async def show(self, request: Request, visit: Visit) -> Response:
        lines, more, erased, known = await visit.office.ask(lambda node: _looked(node, visit.language))
        return self._shown(request, visit, lines, more, erased, known, await self._places(visit))

    def _shown(
        self, request: Request, visit: Visit, lines: list[Line], more: int, erased: int, known: bool, places: list[str],
        *, asked: str | None = None,
    ) -> Response:  # fmt: skip
        missed = request.query_params.get("said") == "missed"
        status = 200 if asked is None else 422
        return self.rim.show(
            request, "where.html", visit, status, lines=lines, more=more, erased=erased, known=known, missed=missed,
            places=places, asked=asked,
        )  # fmt: skip

    async def _places(self, visit: Visit) -> list[str]:
        """Where else than at our hub is looked."""
        return await visit.office.ask(
            lambda node: [one.address for one in whereabouts.sightings(node.store) if one.address != node.settings.hub]
        )

    async def add(self, request: Request, visit: Visit) -> Response:
        """Look at one more hub or portal; it is remembered once it has answered."""
        asked = (await once_of(request)).get("place", "").strip()
        address = f"https://{asked}" if asked and "://" not in asked else asked
        try:
            if len(address) > MOST_ADDRESS:
                raise Mistaken(address[:MOST_ADDRESS])
            place = check_address(address)
            await visit.office.travel(lambda node: node.look(place))
        except (Mistaken, HubUnreachable, HubRefused):
            lines, more, erased, known = await visit.office.ask(lambda node: _looked(node, visit.language))
            places = await self._places(visit)
            return self._shown(request, visit, lines, more, erased, known, places, asked=asked)
        return self.rim.go("/where")

    async def forget(self, request: Request, visit: Visit) -> Response:
        """Look there no more."""
        place = (await once_of(request)).get("place", "")
        await visit.office.ask(lambda node: whereabouts.forget(node.store, place))
        return self.rim.go("/where")

    async def look(self, request: Request, visit: Visit) -> Response:
        missed = await visit.office.travel(_look)
        return self.rim.go("/where?said=missed" if missed else "/where")


async def _look(node: Node) -> int:
    """Look at our hub and wherever was looked before; how many places did not answer."""
    known = [seen.address for seen in whereabouts.sightings(node.store)]
    missed = 0
    for address in dict.fromkeys([*([node.settings.hub] if node.settings.hub else []), *known]):
        try:
            await node.look(address)
        except (HubUnreachable, HubRefused):
            missed += 1
    return missed


def _looked(node: Node, language: Language) -> tuple[list[Line], int, int, bool]:
    rows = node.overview()
    lines = [
        Line(row["name"] or kind_word(row["type"], language), list(_facts(node, row["id"], language)))
        for row in rows[:MOST]
    ]
    erased = sum(said.action == "erase" for said in notices(node.store))
    return lines, max(0, len(rows) - MOST), erased, bool(node.settings.hub or whereabouts.sightings(node.store))


def _facts(node: Node, record_id: str, language: Language) -> Iterator[Fact]:
    _ = language.gettext
    for row in node.show(record_id)["hubs"]:
        refusal = row["refusal"]
        detail = " ".join(str(part) for part in (refusal["why"], refusal["pointer"]) if part) if refusal else ""
        at = row["receipt"]["at"] if row["receipt"] else ""
        state = row["state"]
        yield Fact(row["hub"], _(RECEIVED[state]), _day(at, language), LEVEL[state], detail)
    for row in whereabouts.rows(node.store, record_id):
        state = row["state"]
        yield Fact(row["address"], _(SHOWN[state]), _day(row["looked"], language), LEVEL.get(state, "careful"))
        for said in row["said"]:
            yield _said(said, row["address"], language)


def _said(said: Mapping[str, Any], address: str, language: Language) -> Fact:
    words = SAID.get(said["what"], N_("Something else is said of it"))
    detail = " ".join(part for part in (said["pointer"], said["reason"]) if part)
    return Fact(address, language.gettext(words), _day(said["since"], language), "careful", detail)


def _day(moment: str, language: Language) -> str:
    read: datetime | None = instant(moment)
    return language.date(read) if read else ""
