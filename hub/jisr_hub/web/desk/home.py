"""The desk's home: what is open, and for whom."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol import identifiers

from ...desk import home
from ...desk.acts import Acts
from ...desk.alarms import Alarm
from ...desk.bench import Bench
from ...desk.chain import Wanted
from ...desk.door import Visitor
from ...desk.home import Open
from ...desk.roles import Right
from ...desk.works import noticing
from ...desk.works.sources import alarms_of
from .acts import done_of, shown
from .people import ROLES
from .rim import Endpoint, Rim, Way, may
from .source_words import ALARMS, OUTCOMES
from .wording import KINDS


class Home:
    """What needs somebody."""

    def __init__(self, rim: Rim, open_: Open, acts: Acts | None = None, bench: Bench | None = None) -> None:
        self.rim, self._open, self._acts, self._bench = rim, open_, acts, bench

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
            alarms=await self._alarms(),
            may_peers=may(visitor, Right.PEERS),
            outcomes=OUTCOMES,
            put_aside=await self._open.put_aside(),
            returned=await self._returned(),
            **await self._acted(request, visitor),
        )

    async def _alarms(self) -> list[tuple[Alarm, str, object]] | None:
        """What of sources and peers needs somebody, with its sentence and since when; None where nobody watches."""
        if self._bench is None or self._bench.sources is None:
            return None
        found = await alarms_of(self._bench)
        return [(one, ALARMS[one.kind], _instant(one.since)) for one in found]

    async def _returned(self) -> int:
        """How many reports of readers wait."""
        if self._bench is None or self._bench.reports is None:
            return 0
        return len(await self._bench.reports.open(int(self._bench.hub.clock().timestamp())))

    async def _acted(self, request: Request, visitor: Visitor | None) -> dict[str, Any]:
        """What waits for a second person, and what somebody did here lately."""
        if self._acts is None or visitor is None:
            return {
                "acting": False,
                "lost": None,
                "asked": [],
                "notices": [],
                "lately": [],
                "done": None,
                "waits": False,
            }
        asked = [
            (one.ticket, KINDS.get(what.kind, what.kind), what, who, who != visitor.account.name)
            for one, what, who in await self._acts.waiting()
        ]
        lines = await self._acts.journal.lines(Wanted(who=visitor.account.name, outcome="done", most=5))
        return {
            "acting": True,
            "lost": await self._acts.loss(),
            "asked": asked,
            "notices": [
                (one.said.notice, str(one.said.notice.envelope.value["basis"]), _instant(one.handled.at))
                for one in (await noticing.open_notices(self._bench) if self._bench is not None else ())
            ],
            "may_hold": may(visitor, Right.HOLD),
            "may_erase": may(visitor, Right.ERASE),
            "lately": [shown(line) for line in lines],
            **await done_of(request, self._acts),
        }


def _instant(text: str) -> object:
    return identifiers.from_instant(text) if text else None
