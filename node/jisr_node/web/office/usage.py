"""What came back: how often our records were looked at and used at each hub, by weeks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol.pages.freshness import instant
from jisr_protocol.pages.language import N_, Language
from jisr_protocol.usage import APPLICATIONS, KINDS, REFERRALS, VIEWS

from ... import usage as kept
from ...app import Node, usage
from ...errors import HubRefused, HubUnreachable, Mistaken
from ...status import name_of
from ...usage import Told
from .room import Endpoint, Nav, Room, Visit, Way

LABELS: Mapping[str, str] = MappingProxyType(
    {VIEWS: N_("Looked at"), REFERRALS: N_("Somebody referred"), APPLICATIONS: N_("Contact or application opened")}
)
SAID: Mapping[str, str] = MappingProxyType(
    {
        "told": N_("The hub told the newest numbers."),
        "missed": N_("The hub told nothing. Nothing is lost; what it told before stands below."),
    }
)
WIDTH, HEIGHT = 120, 28
"""Of a line, in units of its drawing."""


@dataclass(frozen=True)
class Line:
    """One kind: its label, the numbers by week, this week's, last week's and all, and the line that they draw."""

    label: str
    numbers: tuple[int, ...]
    path: str

    @property
    def now(self) -> int:
        return self.numbers[-1]

    @property
    def before(self) -> int:
        return self.numbers[-2]

    @property
    def all(self) -> int:
        return sum(self.numbers)


@dataclass(frozen=True)
class Place:
    """What one hub told. `records` are (name, lines, who corrects it)."""

    address: str
    until: str
    weeks: list[str]
    lines: list[Line]
    records: list[tuple[str, list[Line], tuple[str, ...]]]


class Usage(Room):
    """One page, and a button that asks."""

    nav = Nav("/usage", N_("What came back"), 35)

    def ways(self) -> dict[Way, Endpoint]:
        return {Way("GET", "/usage"): self.show, Way("POST", "/usage"): self.fetch}

    async def show(self, request: Request, visit: Visit) -> Response:
        def look(node: Node) -> tuple[list[Place], bool]:
            places = [_place(node, one, visit.language) for one in kept.told(node.store)]
            return places, bool(node.settings.hub)

        places, joined = await visit.office.ask(look)
        said = SAID.get(request.query_params.get("said", ""), "")
        return self.rim.show(request, "usage.html", visit, places=places, joined=joined, said=said)

    async def fetch(self, request: Request, visit: Visit) -> Response:
        try:
            await visit.office.travel(lambda node: usage.fetch(node, now=visit.office.now()))
        except (HubRefused, HubUnreachable, Mistaken):
            return self.rim.go("/usage?said=missed")
        return self.rim.go("/usage?said=told")


def _place(node: Node, one: Told, language: Language) -> Place:
    names = {record_id: _name(node, record_id) for record_id in one.records}
    records = [
        (names[record_id], _lines(counts, language), one.corrected.get(record_id, ()))
        for record_id, counts in one.records.items()
        if names[record_id]
    ]
    weeks = [_day(monday, language) for monday in one.weeks]
    return Place(one.address, _day(one.until, language), weeks, _lines(one.sum, language), records)


def _name(node: Node, record_id: str) -> str:
    stored = node.store.record(record_id)
    return (name_of(stored.content) if stored is not None and stored.content is not None else None) or ""


def _lines(counts: kept.Counts, language: Language) -> list[Line]:
    return [Line(language.gettext(LABELS[kind]), counts[kind], drawn(counts[kind])) for kind in KINDS]


def drawn(numbers: tuple[int, ...]) -> str:
    """The points of a line through these numbers, from left to right, none of them outside of the drawing."""
    most = max(*numbers, 1)
    step = WIDTH / (len(numbers) - 1)
    heights = (HEIGHT - 2 - (HEIGHT - 4) * number / most for number in numbers)
    return " ".join(f"{place * step:.0f},{height:.1f}" for place, height in enumerate(heights))


def _day(said: str, language: Language) -> str:
    read = instant(f"{date.fromisoformat(said).isoformat()}T00:00:00Z")
    return language.date(read) if read else said
