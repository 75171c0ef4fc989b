"""Naming the hub that carries our records: an invitation, or a hub's address."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ...app import Node
from ...app.first import Invited
from ...first_answers import Answers
from .begin import FAULTS
from .rim import once_of
from .room import Endpoint, Room, Visit, Way


class Hub(Room):
    """One form."""

    def ways(self) -> dict[Way, Endpoint]:
        return {Way("GET", "/hub"): self.ask, Way("POST", "/hub"): self.take}

    async def ask(self, request: Request, visit: Visit) -> Response:
        return await self._shown(request, visit, "", None)

    async def take(self, request: Request, visit: Visit) -> Response:
        said = Answers.of(await once_of(request))
        if not said.hub or "hub" in said.faults():
            return await self._shown(request, visit, said.hub, FAULTS["hub", "form"])
        await visit.office.invite(said.link())
        return self.rim.go("/?said=sent")

    async def _shown(self, request: Request, visit: Visit, link: str, fault: str | None) -> Response:
        def look(node: Node) -> tuple[str, str]:
            return node.settings.hub, Invited(node.store).link().partition("#")[0]

        hub, asked = await visit.office.ask(look)
        status = 422 if fault else 200
        return self.rim.show(request, "hub.html", visit, status, link=link, fault=fault, hub=hub, asked=asked)
