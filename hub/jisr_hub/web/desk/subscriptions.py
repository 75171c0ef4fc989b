"""The desk's page of portals that are told when the feed has grown: how it goes with each, and what can be done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol.pages.language import N_

from ...desk.acts import Acts
from ...desk.door import Visitor
from ...desk.lists import by_need
from ...desk.roles import Right
from ...webhooks.telling import ASKED, OFF, Subscription, Subscriptions
from .acts import done_of
from .rim import Endpoint, Rim, Way, may

PATH = "/desk/subscriptions"
STATES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        OFF: ("harm", N_("Switched off")),
        ASKED: ("careful", N_("Asked whether it wants this; it has not answered yet")),
        "failed": ("careful", N_("Failed the last time")),
        "well": ("good", N_("Well")),
    }
)


class SubscriptionPages:
    """One page."""

    def __init__(self, rim: Rim, acts: Acts, kept: Subscriptions) -> None:
        self._rim, self._acts, self._kept = rim, acts, kept

    def ways(self) -> dict[Way, Endpoint]:
        """Everybody looks; the acts are for who looks after other hubs and portals."""
        return {Way("GET", PATH, Right.LOOK): self.show}

    async def show(self, request: Request, visitor: Visitor | None) -> Response:
        """Who is told, the one that needs somebody most first."""
        return self._rim.show(
            request,
            "subscriptions.html",
            visitor,
            portals=[(one, *STATES[_state(one)]) for one in by_need(await self._kept.all())],
            moment=lambda at: datetime.fromtimestamp(at, UTC) if at else None,
            off=OFF,
            may_peers=may(visitor, Right.PEERS),
            **await done_of(request, self._acts),
        )


def _state(one: Subscription) -> str:
    return one.state if one.state in (OFF, ASKED) else "failed" if one.failed else "well"
