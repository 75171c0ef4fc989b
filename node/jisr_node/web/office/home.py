"""The home page: all is well, or the one thing to do; our records with state, languages and age; what rooms add."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol.pages.freshness import Freshness, freshness
from jisr_protocol.pages.language import N_, Language
from jisr_protocol.pages.vocabulary import kind_word

from ...app import Node
from ...app.first import Invited
from .room import Call, Endpoint, Nav, Room, Section, Visit, Way

STATES: Mapping[str, str] = MappingProxyType(
    {
        "published": N_("Published"),
        "changed": N_("Changed, not published yet"),
        "new": N_("Not published yet"),
        "to delete": N_("Will be taken away"),
    }
)
SAID: Mapping[str, str] = MappingProxyType(
    {"published": N_("It is signed and published, and on its way to your hub."), "sent": N_("It is on its way.")}
)
"""What was just done, by a word in the address."""
MOST = 200
"""How many records the page lists."""


@dataclass(frozen=True)
class Line:
    """A record at home."""

    id: str
    name: str
    kind: str
    state: str
    audience: str
    languages: str
    fresh: Freshness | None


class Home(Room):
    """The first page."""

    nav = Nav("/", N_("Home"), 0)

    def ways(self) -> dict[Way, Endpoint]:
        return {
            Way("GET", "/"): self.home,
            Way("POST", "/send"): self.send,
            Way("POST", "/publish"): self.publish,
        }

    async def home(self, request: Request, visit: Visit) -> Response:
        now = visit.office.now()
        name, lines, calls, sections = await visit.office.ask(lambda node: self._looked(node, visit.language, now))
        return self.rim.show(
            request,
            "home.html",
            visit,
            name=name,
            lines=lines[:MOST],
            more=max(0, len(lines) - MOST),
            calls=calls,
            sections=sections,
            said=SAID.get(request.query_params.get("said", "")),
        )

    async def send(self, request: Request, visit: Visit) -> Response:
        visit.office.send_soon()
        return self.rim.go("/?said=sent")

    async def publish(self, request: Request, visit: Visit) -> Response:
        await visit.office.ask(lambda node: node.publish())
        visit.office.send_soon()
        return self.rim.go("/?said=published")

    def calls(self, node: Node, language: Language, now: datetime) -> list[Call]:
        _ = language.gettext
        todo = {one["code"] for one in node.status(now=now)["todo"]}
        found: list[Call] = []
        if "contradiction" in todo:
            sentence = _("A hub holds another history than this node. Nothing was signed. Ask who helps you.")
            found.append(Call(95, sentence, "/", _("Look again")))
        if changes := len(node.store.changes()):
            sentence = language.ngettext(
                "%(count)s change is not published yet.", "%(count)s changes are not published yet.", changes
            )
            sentence %= {"count": language.number(changes)}
            found.append(Call(60, sentence, "/publish", _("Publish"), post=True))
        if Invited(node.store).link():
            found.append(Call(55, _("Your hub has not let you in yet."), "/send", _("Ask again"), post=True))
        elif not node.settings.hub:
            found.append(Call(52, _("No hub carries your records yet."), "/hub", _("Name a hub")))
        elif "undelivered" in todo:
            sentence = _("Not everything has reached the hub. Nothing is lost.")
            found.append(Call(50, sentence, "/send", _("Send now"), post=True))
        return found

    def _looked(
        self, node: Node, language: Language, now: datetime
    ) -> tuple[str, list[Line], list[Call], list[Section]]:
        calls = [call for room in self.rim.rooms for call in room.calls(node, language, now)]
        sections = [one for room in self.rim.rooms for one in room.at_home(node, language, now)]
        lines = [_line(row, language, now) for row in node.overview()]
        return (
            node.settings.name,
            lines,
            sorted(calls, key=lambda call: -call.weight),
            sorted(sections, key=lambda section: section.order),
        )


def _line(row: Mapping[str, object], language: Language, now: datetime) -> Line:
    tags = row["languages"]
    names = [language.language_name(tag) or tag for tag in tags] if isinstance(tags, list) else []
    return Line(
        id=str(row["id"]),
        name=str(row["name"] or kind_word(str(row["type"]), language)),
        kind=kind_word(str(row["type"]), language),
        state=STATES[str(row["state"])],
        audience=str(row["audience"]),
        languages=language.listing(names),
        fresh=freshness(row, language, now) if row["modified"] else None,
    )
