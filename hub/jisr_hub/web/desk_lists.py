"""The desk for programs: its lists, and taking in a list of blocks. What pages show, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response

from ..desk import blocklists, lists
from ..desk.acts import Acts
from ..desk.bench import Bench
from ..desk.roles import Right
from ..desk.tokens import Bearer
from .desk_calls import LIST_BYTES, Call, actor_of, as_json, number, read
from .problem_documents import document

MOST = 200


class List(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a call that takes in a list of blocks: without `sure` it is shown what it would do."""

    list: str
    sure: bool = False


class Lists:
    """The calls that give lists."""

    def __init__(self, acts: Acts, bench: Bench) -> None:
        self._acts, self._bench = acts, bench

    def calls(self) -> list[Call]:
        """Every call, and what it needs: the right that its page needs."""
        return [
            Call("GET", "/v1/desk/blocks", Right.HOLD, self.blocks),
            Call("POST", "/v1/desk/blocks", Right.BLOCK, self.take_in),
            Call("GET", "/v1/desk/answers", Right.LOOK, self.answers),
            Call("GET", "/v1/desk/reports", Right.LOOK, self.reports),
            Call("GET", "/v1/desk/sources", Right.LOOK, self.sources),
            Call("GET", "/v1/desk/subscriptions", Right.LOOK, self.subscriptions),
            Call("GET", "/v1/desk/letters", Right.CURATE, self.letters),
            Call("GET", "/v1/desk/campaigns", Right.LOOK, self.campaigns),
        ]

    async def blocks(self, request: Request, bearer: Bearer) -> Response:
        """The list of blocks, to be handed on; as a table with `as=csv`."""
        held = await self._bench.blocks.all()
        if request.query_params.get("as") == "csv":
            return Response(blocklists.as_csv(held), 200, {"Cache-Control": "no-store"}, "text/csv; charset=utf-8")
        return as_json(orjson.loads(blocklists.as_json(held)))

    async def take_in(self, request: Request, bearer: Bearer) -> Response:
        """Say what a list of blocks would do; with `sure` do it, an act a line."""
        asked = await read(request, List, LIST_BYTES)
        if isinstance(asked, Response):
            return asked
        planned = await blocklists.planned_of(self._bench, asked.list)
        taken = await blocklists.take_in(self._acts, actor_of(bearer), planned) if asked.sure else []
        return as_json({"lines": blocklists.facts(planned), "blocked": taken})

    async def answers(self, request: Request, bearer: Bearer) -> Response:
        """Pairs that were answered with unsure or later."""
        doubles = self._bench.doubles
        return as_json(await lists.answers(doubles) if doubles is not None else {"answers": []})

    async def reports(self, request: Request, bearer: Bearer) -> Response:
        """What readers report as wrong or did not find."""
        kept = self._bench.reports
        found: Mapping[str, Any] = {"reports": []}
        return as_json(await lists.reports(kept, self._bench.hub.clock()) if kept is not None else found)

    async def sources(self, request: Request, bearer: Bearer) -> Response:
        """Nodes and hubs that records come from, the one that needs somebody most first."""
        kept = self._bench.sources
        found: Mapping[str, Any] = {"sources": []}
        return as_json(await lists.sources(kept, self._bench.hub.clock()) if kept is not None else found)

    async def subscriptions(self, request: Request, bearer: Bearer) -> Response:
        """Portals that are told when the feed has grown, and how it goes with each."""
        kept = self._bench.subscriptions
        return as_json(await lists.subscriptions(kept) if kept is not None else {"subscriptions": []})

    async def letters(self, request: Request, bearer: Bearer) -> Response:
        """Who agreed to get letters, and what became of the newest ones."""
        most = number(request.query_params.get("most"), 50)
        if most is None or not 1 <= most <= MOST:
            return document("malformed", f"expected most as a whole number from 1 to {MOST}")
        asking = self._bench.asking
        return as_json(await lists.letters(asking.box, most) if asking is not None else {"people": [], "letters": []})

    async def campaigns(self, request: Request, bearer: Bearer) -> Response:
        """What was asked and answered, and the answers that somebody has to look at."""
        asking = self._bench.asking
        return as_json(await lists.campaigns(asking.campaigns) if asking is not None else {"campaigns": [], "open": []})
