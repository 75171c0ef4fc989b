"""Nodes: who waits to be let in, who is invited, who is in, and one node with what may be done about it."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol import identifiers
from jisr_protocol.constraints import Constraints
from jisr_protocol.pages.language import N_

from ...desk.acts import Acts
from ...desk.bench import Bench, CannotAct
from ...desk.chain import Wanted
from ...desk.door import Visitor
from ...desk.lookalikes import Flag, Sign, flags
from ...desk.roles import Right
from ...desk.works import holding
from ...ports import Member
from .acts import actor_of, done_of, shown
from .rim import Endpoint, Rim, Way, may, once_of

NODES_SHOWN = 500
SIGNS = {
    Sign.TURNED: N_("This name has characters that turn the direction of writing."),
    Sign.UNSEEN: N_("This name has characters that cannot be seen."),
    Sign.MIXED: N_("A word of this name mixes letters of two scripts:"),
    Sign.LIKE: N_("This name looks like another one:"),
}


class Nodes:
    """Each method is an endpoint behind the rim."""

    def __init__(self, rim: Rim, acts: Acts, bench: Bench) -> None:
        self.rim, self.acts, self.bench = rim, acts, bench

    def ways(self) -> dict[Way, Endpoint]:
        """Everybody looks; inviting answers with what is shown once, so it has an address of its own."""
        return {
            Way("GET", "/desk/nodes", Right.LOOK): self.nodes,
            Way("GET", "/desk/node", Right.LOOK): self.node,
            Way("POST", "/desk/nodes/invite", Right.ADMIT): self.invite,
        }

    async def nodes(self, request: Request, visitor: Visitor | None) -> Response:
        """Who waits, who is invited, who is in."""
        return await self._nodes(request, visitor)

    async def _nodes(self, request: Request, visitor: Visitor | None, link: str = "", name: str = "") -> Response:
        members = [one for one in await self.bench.hub.ledger.members() if not one.upstream]
        known = {one.node: one.name for one in members}
        waiting = [
            (one, identifiers.from_instant(one.at), signs(one.name, known, one.node))
            for one in await self.bench.store.requests()
        ]
        now = identifiers.to_instant(self.bench.hub.clock())
        invited = [
            (one, identifiers.from_instant(one.expires))
            for one in await self.bench.store.invitations()
            if not one.node and one.expires > now
        ]
        lapsed = await self.bench.hub.attesting.lapsed(known)
        return self.rim.show(
            request,
            "nodes.html",
            visitor,
            waiting=waiting,
            invited=invited,
            members=[(one, one.node in lapsed, signs(one.name, known, one.node)) for one in members[:NODES_SHOWN]],
            count=len(members),
            may_admit=may(visitor, Right.ADMIT),
            link=link,
            invited_name=name,
            **await done_of(request, self.acts),
        )

    async def invite(self, request: Request, visitor: Visitor | None) -> Response:
        """Make an invitation and show its link, this once."""
        fields = await once_of(request)
        members = {name: fields.get(name, "").strip() for name in ("name", "days", "countries")}
        try:
            done = await self.acts.do(
                actor_of(visitor), "invite", "", "", **{name: value for name, value in members.items() if value}
            )
        except CannotAct as error:
            return self.rim.cannot(request, visitor, error, "/desk/nodes")
        return await self._nodes(request, visitor, str(done.facts["link"]), str(done.facts["name"]))

    async def node(self, request: Request, visitor: Visitor | None) -> Response:
        """One node."""
        node = request.query_params.get("of", "")
        member = await self.bench.hub.ledger.member(node) if identifiers.node(node) is None else None
        if member is None:
            return self.rim.cannot(request, visitor, CannotAct(N_("This hub knows no such node.")), "/desk/nodes", 404)
        known = {one.node: one.name for one in await self.bench.hub.ledger.members()}
        held = await holding.holds(self.bench, node)
        return self.rim.show(
            request,
            "node.html",
            visitor,
            member=member,
            since=identifiers.from_instant(member.admitted_at) if member.admitted_at else None,
            flags=signs(member.name, known, node),
            **await self._standing(member),
            held=[
                (target, identifiers.from_instant(identifiers.to_instant(one.expires)) if one.expires else None)
                for target, one in held.items()
            ],
            blocks=[one for one in await self.bench.blocks.all() if one.node == node],
            may_admit=may(visitor, Right.ADMIT),
            may_hold=may(visitor, Right.HOLD),
            may_block=may(visitor, Right.BLOCK),
            acts=[shown(line) for line in await self.acts.journal.lines(Wanted(subject=node, most=20))],
            back=f"/desk/node?of={node}",
            **await done_of(request, self.acts),
        )

    async def _standing(self, member: Member) -> dict[str, Any]:
        told = await self.bench.hub.ledger.told([member.node])
        standing, _ = await self.bench.hub.attesting.standing(member, told, self.bench.hub.clock())
        holds = standing is not None and standing.holds
        bounds = standing.constraints if standing is not None and holds else Constraints()
        return {"answers": holds, "bounds": bounds.to_value()}


def signs(name: str, known: dict[str, str], node: str) -> list[tuple[str, Flag]]:
    """What is odd about a name, in words, beside the names of the other nodes."""
    others = [other for other_node, other in known.items() if other_node != node]
    return [(SIGNS[flag.sign], flag) for flag in flags(name, others)]
