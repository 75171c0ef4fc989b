"""What comes back at the desk: mistakes that readers report, what they did not find, and how often the records of each
node were used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol import identifiers
from jisr_protocol.usage import at_least

from ...desk.door import Visitor
from ...desk.roles import Right
from ...reports.taking import MISSING, Reports
from ...usage.counting import Counting, Uses
from ..public.report import WHAT
from .rim import Endpoint, Rim, Way, may

NODES_SHOWN = 200
DAYS = 28


@dataclass(frozen=True)
class Back:
    """What the page works with."""

    reports: Reports
    uses: Uses
    counting: Counting


class Returned:
    """One page."""

    def __init__(self, rim: Rim, back: Back) -> None:
        self.rim, self._back = rim, back

    def ways(self) -> dict[Way, Endpoint]:
        """Everybody looks."""
        return {Way("GET", "/desk/returned", Right.LOOK): self.show}

    async def show(self, request: Request, visitor: Visitor | None) -> Response:
        """What waits, and the sums of the last four weeks, rounded as nodes get them."""
        today = self._back.counting.today()
        sums = await self._back.uses.sums(today - timedelta(days=DAYS), today, NODES_SHOWN)
        reports = await self._back.reports.open()
        return self.rim.show(
            request,
            "returned.html",
            visitor,
            reports=[
                (one, WHAT.get(one.what, WHAT["other"]), identifiers.from_instant(one.at))
                for one in reports
                if one.what != MISSING
            ],
            missing=[(one, identifiers.from_instant(one.at)) for one in reports if one.what == MISSING],
            sums=[(name or node, tuple(map(at_least, counts))) for node, name, counts in sums],
            everything=tuple(at_least(sum(counts[kind] for _, _, counts in sums)) for kind in range(3)),
            may_curate=may(visitor, Right.CURATE),
        )
