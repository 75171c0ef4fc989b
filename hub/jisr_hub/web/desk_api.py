"""The desk for programs: /v1/desk/…, JSON, with an API token; every act goes through the one act layer.

    POST /v1/desk/acts          {"kind": "hold", "subject": "jisr:…/<id>", "reason": "wrong", "members": {"days": 3}}
    POST /v1/desk/acts/17/undo  {"reason": "it was right"}

No cookie counts here, so no other website can use somebody's session; and no call here makes tokens or accounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..authority.admissions import network_of
from ..desk import home, lists
from ..desk.accounts import Accounts
from ..desk.acts import Acts
from ..desk.bench import Bench, CannotAct
from ..desk.chain import Line, Wanted
from ..desk.denied import Denied, Why
from ..desk.home import Open
from ..desk.roles import Right
from ..desk.table import ACTS
from ..desk.tokens import Bearer, Tokens
from ..desk.works.sources import alarms_of
from .desk_calls import Call, actor_of, as_json, is_plain, number, read
from .desk_lists import Lists
from .problem_documents import document

MOST = 200
RESERVED = frozenset({"self", "actor", "kind", "subject", "reason"})


class Asking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked for in the body of a call that acts."""

    kind: str
    subject: str = ""
    reason: str = ""
    members: Mapping[str, Any] = {}


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a call that says no more than why."""

    reason: str = ""


class DeskApi:
    """The calls over a hub's acts."""

    def __init__(self, tokens: Tokens, acts: Acts, open_: Open, accounts: Accounts, bench: Bench | None = None) -> None:
        self._tokens, self._acts, self._open, self._accounts = tokens, acts, open_, accounts
        self._bench = bench
        self._lists = Lists(acts, bench) if bench is not None else None

    def calls(self) -> list[Call]:
        """Every call, and what it needs."""
        return [
            Call("GET", "/v1/desk/me", Right.LOOK, self.me),
            Call("GET", "/v1/desk/open", Right.LOOK, self.open),
            Call("GET", "/v1/desk/accounts", Right.AUDIT, self.accounts),
            Call("GET", "/v1/desk/kinds", Right.LOOK, self.kinds),
            Call("GET", "/v1/desk/acts", Right.AUDIT, self.acts),
            Call("POST", "/v1/desk/acts", Right.LOOK, self.act),
            Call("GET", "/v1/desk/acts/{n}", Right.AUDIT, self.line),
            Call("POST", "/v1/desk/acts/{n}/undo", Right.LOOK, self.undo),
            Call("GET", "/v1/desk/waiting", Right.LOOK, self.waiting),
            Call("POST", "/v1/desk/waiting/{ticket}/approve", Right.LOOK, self.approve),
            Call("POST", "/v1/desk/waiting/{ticket}/decline", Right.LOOK, self.decline),
            *(self._lists.calls() if self._lists is not None else ()),
        ]

    def routes(self) -> list[Route]:
        """The routes of the calls, each behind its right."""
        return [self._route(call) for call in self.calls()]

    def _route(self, call: Call) -> Route:
        async def guarded(request: Request) -> Response:
            try:
                bearer = await self._bearer(request)
                bearer.check(call.right)
                return await call.answering(request, bearer)
            except Denied as denied:
                return _denied(denied)
            except CannotAct as cannot:
                return document("cannot_act", str(cannot))

        return Route(call.path, guarded, methods=[call.method], name=f"{call.method} {call.path}")

    async def _bearer(self, request: Request) -> Bearer:
        scheme, _, written = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Denied(Why.TOKEN)
        return await self._tokens.bearer(written.strip(), network_of(request.client.host if request.client else ""))

    async def me(self, request: Request, bearer: Bearer) -> Response:
        """Whose token this is, and what it may do."""
        account, token = bearer.account, bearer.token
        value = {"account": account.name, "role": account.role, "scopes": sorted(bearer.rights), "token": token.id}
        return as_json({**value, "expires": token.expires})

    async def open(self, request: Request, bearer: Bearer) -> Response:
        """What waits for somebody."""
        lost = await self._acts.loss()
        value = {
            "alarms": [
                {
                    "kind": one.kind,
                    "source": one.source,
                    "name": one.name,
                    "since": one.since,
                    "count": one.count,
                    "outcome": one.outcome,
                    "act": one.act,
                    "weight": one.weight,
                }
                for one in (await alarms_of(self._bench) if self._bench is not None and self._bench.sources else ())
            ],
            "acts_lost": {"mark": lost.mark, "held": lost.size} if lost is not None else None,
            "waiting": [{"node": one.node, "name": one.name, "at": one.at} for one in await self._open.waiting()],
            "failing": [
                {"name": one.name, "outcome": one.outcome, "detail": one.detail, "since": one.since}
                for one in await home.failing(self._open)
            ],
            "put_aside": [
                {"node": one.node, "name": one.name, "code": one.code, "entries": one.entries}
                for one in await self._open.put_aside()
            ],
        }
        return as_json(value)

    async def accounts(self, request: Request, bearer: Bearer) -> Response:
        """Who may sign in."""
        found = await self._accounts.all()
        return as_json({"accounts": [{"name": one.name, "role": one.role, "made": one.made} for one in found]})

    async def kinds(self, request: Request, bearer: Bearer) -> Response:
        """Every kind of act, what it needs, and whether this token may do it."""
        kinds = [
            {
                "kind": act.kind,
                "scope": act.right,
                "reason": act.reason,
                "final": act.final,
                "may": act.right in bearer.rights,
            }
            for act in ACTS.values()
        ]
        return as_json({"kinds": kinds})

    async def acts(self, request: Request, bearer: Bearer) -> Response:
        """The audit log, newest first."""
        asked = request.query_params
        words = {name: asked.get(name, "")[:200] for name in ("who", "subject", "outcome", "since", "until")}
        kinds = tuple(kind[:40] for kind in asked.getlist("kind")[:20])
        before, most = number(asked.get("before"), 0), number(asked.get("most"), 50)
        if before is None or most is None or not 1 <= most <= MOST or not all(map(is_plain, (*words.values(), *kinds))):
            return document("malformed", f"expected before and most as whole numbers, most from 1 to {MOST}, and text")
        lines = await self._acts.journal.lines(Wanted(**words, kinds=kinds, before=before, most=most))
        return as_json({"acts": [_line(one) for one in lines]})

    async def line(self, request: Request, bearer: Bearer) -> Response:
        """One act as the audit log has it."""
        n = number(request.path_params["n"], 0)
        found = await self._acts.journal.line(n) if n else None
        return as_json(_line(found)) if found is not None else document("not_found", "there is no act of this number")

    async def act(self, request: Request, bearer: Bearer) -> Response:
        """Do one thing; 202 when it waits for a second person."""
        asked = await read(request, Asking)
        if isinstance(asked, Response):
            return asked
        done = await self._acts.do(actor_of(bearer), asked.kind, asked.subject, asked.reason, **_members(asked))
        return as_json({"n": done.n, "facts": done.facts, "waits": done.waits}, 202 if done.waits else 200)

    async def undo(self, request: Request, bearer: Bearer) -> Response:
        """Undo an act by its number."""
        n, said = number(request.path_params["n"], 0), await read(request, Reason)
        if isinstance(said, Response):
            return said
        if not n or await self._acts.journal.line(n) is None:
            return document("not_found", "there is no act of this number")
        done = await self._acts.undo(actor_of(bearer), n, said.reason)
        return as_json({"n": done.n, "facts": done.facts, "waits": done.waits}, 202 if done.waits else 200)

    async def waiting(self, request: Request, bearer: Bearer) -> Response:
        """What waits for a second person."""
        return as_json(await lists.waiting(self._acts))

    async def approve(self, request: Request, bearer: Bearer) -> Response:
        """Do what somebody else asked for."""
        done = await self._acts.approve(actor_of(bearer), request.path_params["ticket"])
        return as_json({"n": done.n, "facts": done.facts, "waits": done.waits})

    async def decline(self, request: Request, bearer: Bearer) -> Response:
        """Leave undone what somebody asked for."""
        said = await read(request, Reason)
        if isinstance(said, Response):
            return said
        await self._acts.decline(actor_of(bearer), request.path_params["ticket"], said.reason)
        return Response(None, 204)


def _members(asked: Asking) -> dict[str, Any]:
    """What stands beside kind, subject and reason; what these are called is no member."""
    return {name: value for name, value in asked.members.items() if name not in RESERVED}


def _line(line: Line) -> dict[str, Any]:
    words = line.words
    value = {name: getattr(line, name) for name in ("n", "at", "who", "by", "kind", "subject", "outcome", "second")}
    said = {"reason": words.reason, "members": words.members, "sentence": words.sentence} if words is not None else None
    can = bool(words and words.undo) and not line.undone_by
    return {**value, "undoes": line.undoes, "undone_by": line.undone_by, "can_undo": can, "words": said}


_CODES = {Why.TOKEN: "token_needed", Why.SIGNED_OUT: "token_needed", Why.TOO_MANY: "rate_limited"}


def _denied(denied: Denied) -> Response:
    after = 900 if denied.why is Why.TOO_MANY else None
    return document(_CODES.get(denied.why, "not_allowed"), denied.why.value, retry_after=after)
