"""What is kept out of sight: holds and blocks, blocking anew, and lists of blocks to hand on or take in."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol.notice import ALL
from jisr_protocol.pages.language import N_
from jisr_protocol.refusal import Refusal

from ...desk import blocklists
from ...desk.acts import Acts
from ...desk.bench import Bench, CannotAct
from ...desk.door import Visitor
from ...desk.roles import Right
from ...desk.works import holding
from .acts import actor_of, done_of, link_of
from .rim import Endpoint, Rim, Way, may, once_of

LIST_BYTES = 512 * 1024
DOES = {
    "new": N_("will be blocked"),
    "longer": N_("will be blocked for longer"),
    "same": N_("is blocked as long already"),
    "wrong": N_("cannot be taken; expected:"),
}


class Holds:
    """Each method is an endpoint behind the rim."""

    def __init__(self, rim: Rim, acts: Acts, bench: Bench) -> None:
        self.rim, self.acts, self.bench = rim, acts, bench

    def ways(self) -> dict[Way, Endpoint]:
        """Everybody who may hold looks; lists are taken in by who may block."""
        return {
            Way("GET", "/desk/holds", Right.LOOK): self.holds,
            Way("GET", "/desk/blocks.json", Right.HOLD): self.as_json,
            Way("GET", "/desk/blocks.csv", Right.HOLD): self.as_csv,
            Way("POST", "/desk/holds/import", Right.BLOCK): self.take_in,
        }

    async def holds(self, request: Request, visitor: Visitor | None) -> Response:
        """What is out of sight now, what ends first at the top."""
        return await self._holds(request, visitor)

    async def _holds(
        self,
        request: Request,
        visitor: Visitor | None,
        planned: list[blocklists.Planned] | None = None,
        text: str = "",
        taken: int | None = None,
    ) -> Response:
        blocks = sorted(await self.bench.blocks.all(), key=lambda one: (one.until, one.node, one.target))
        blocked = {(one.node, one.target) for one in blocks}
        names = {one.node: one.name for one in await self.bench.hub.ledger.members()}
        nodes = {said.notice.node for said in await self.bench.hub.ledger.notices()}
        holds = [
            (subject_of(node, target), one.expires, str(one.envelope.value["basis"]), names.get(node, ""))
            for node in sorted(nodes)
            for target, one in (await holding.holds(self.bench, node)).items()
            if (node, target) not in blocked
        ]
        return self.rim.show(
            request,
            "holds.html",
            visitor,
            blocks=[(one, subject_of(one.node, one.target), names.get(one.node, "")) for one in blocks],
            holds=sorted(holds, key=lambda one: str(one[1])),
            may_hold=may(visitor, Right.HOLD),
            may_block=may(visitor, Right.BLOCK),
            link_of=link_of,
            planned=[(one, DOES[one.does]) for one in planned] if planned is not None else None,
            to_do=sum(one.does in ("new", "longer") for one in planned or ()),
            text=text,
            taken=taken,
            about=request.query_params.get("about", "")[:120],
            **await done_of(request, self.acts),
        )

    async def as_json(self, request: Request, visitor: Visitor | None) -> Response:
        """The blocks, to be handed on."""
        headers = {"Content-Disposition": 'attachment; filename="blocks.json"'}
        content = blocklists.as_json(await self.bench.blocks.all())
        return Response(content, media_type="application/json", headers=headers)

    async def as_csv(self, request: Request, visitor: Visitor | None) -> Response:
        """The same as a table."""
        headers = {"Content-Disposition": 'attachment; filename="blocks.csv"'}
        content = blocklists.as_csv(await self.bench.blocks.all())
        return Response(content, media_type="text/csv; charset=utf-8", headers=headers)

    async def take_in(self, request: Request, visitor: Visitor | None) -> Response:
        """Show what a list would do; with `sure` do it, an act a line."""
        fields = await once_of(request, LIST_BYTES)
        text = fields.get("list", "")
        try:
            planned = await blocklists.planned_of(self.bench, text)
            if not fields.get("sure"):
                return await self._holds(request, visitor, planned, text)
            taken = await blocklists.take_in(self.acts, actor_of(visitor), planned)
        except (CannotAct, Refusal) as error:
            return self.rim.cannot(request, visitor, error, "/desk/holds")
        return await self._holds(request, visitor, taken=len(taken))


def subject_of(node: str, target: str) -> str:
    """A target as the subject of an act."""
    return node if target == ALL else f"{node}/{target}"
