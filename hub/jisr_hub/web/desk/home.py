"""The desk's home: what is open, and for whom."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol import identifiers

from ...desk import home
from ...desk.door import Visitor
from ...desk.home import Open
from ...desk.roles import Right
from .people import ROLES
from .rim import Endpoint, Rim, Way, may


class Home:
    """What needs somebody."""

    def __init__(self, rim: Rim, open_: Open) -> None:
        self.rim, self._open = rim, open_

    def ways(self) -> dict[Way, Endpoint]:
        """For everybody who is signed in."""
        return {Way("GET", "/desk", Right.LOOK): self.home}

    async def home(self, request: Request, visitor: Visitor | None) -> Response:
        """What waits for somebody here."""
        return self.rim.show(
            request,
            "home.html",
            visitor,
            role=ROLES[visitor.account.role] if visitor else "",
            may_audit=may(visitor, Right.AUDIT),
            waiting=[(one, _instant(one.at)) for one in await self._open.waiting()],
            failing=[(one, _instant(one.since)) for one in await home.failing(self._open)],
            put_aside=await self._open.put_aside(),
        )


def _instant(text: str) -> object:
    return identifiers.from_instant(text) if text else None
