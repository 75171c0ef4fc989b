"""The door: a link that opens once becomes a session; leaving ends it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ...app.office import Stage
from .rim import Denied, Why
from .room import Endpoint, Room, Visit, Way


class Doors(Room):
    """Coming in and going out."""

    def ways(self) -> dict[Way, Endpoint]:
        return {
            Way("GET", "/open/{link}", open_=True): self.look,
            Way("POST", "/open/{link}", open_=True): self.come_in,
            Way("POST", "/leave", open_=True): self.leave,
            Way("GET", "/left", Stage.NOTHING, open_=True): self.left,
        }

    async def look(self, request: Request, visit: Visit) -> Response:
        """At one's own computer the link opens at once. A link that was sent opens by a button, for programs that show
        people what a link leads to follow it before they do."""
        link = request.path_params["link"]
        if visit.session and not self.rim.lobby.waits(link):
            return self.rim.go("/")  # a reload, or the back button
        if not self.rim.lobby.several:
            return await self.come_in(request, visit)
        if not self.rim.lobby.waits(link):
            raise Denied(Why.LINK)
        return self.rim.show(request, "open.html", None)

    async def come_in(self, request: Request, visit: Visit) -> Response:
        session = self.rim.lobby.opened(request.path_params["link"])
        if session is None:
            if visit.session:
                return self.rim.go("/")
            raise Denied(Why.LINK)
        return self.rim.go("/", session)

    async def leave(self, request: Request, visit: Visit) -> Response:
        if visit.session:
            self.rim.lobby.leave(visit.session)
        return self.rim.go("/left", "")

    async def left(self, request: Request, visit: Visit) -> Response:
        return self.rim.show(request, "left.html", None)
