"""Acting at the desk: the one address that forms are sent to, undoing, second persons, and the audit log.

A form names the act (`kind`), what it is about, the reason, and what else the act takes; the act layer checks the right
of that act, so this address needs no more than being signed in. `back` is the page of the desk to go on at.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol import identifiers
from jisr_protocol.refusal import Refusal

from ...desk.acts import Actor, Acts, By, Done
from ...desk.bench import CannotAct, Result, nothing
from ...desk.chain import Line, Wanted
from ...desk.denied import Denied, Why
from ...desk.door import Visitor
from ...desk.roles import Right
from ...desk.table import ACTS
from ...hub import Fenced
from ...ports import Conflict
from ..page import query
from .rim import Endpoint, Rim, Way, once_of
from .wording import KINDS, OUTCOMES, WAYS

LOG_LINES, EXPORTED = 50, 10_000
_FILTERS = ("who", "kind", "subject", "outcome", "since", "until")
_COLUMNS = ("n", "at", "who", "by", "kind", "subject", "outcome", "second", "undoes", "undone_by", "reason", "sentence")


class ActPages:
    """Each method is an endpoint behind the rim."""

    def __init__(self, rim: Rim, acts: Acts) -> None:
        self.rim, self.acts = rim, acts

    def ways(self) -> dict[Way, Endpoint]:
        """Acting is checked act by act; the log is for who audits."""
        return {
            Way("POST", "/desk/act", Right.LOOK): self.act,
            Way("POST", "/desk/undo", Right.LOOK): self.undo,
            Way("POST", "/desk/approve", Right.LOOK): self.approve,
            Way("POST", "/desk/decline", Right.LOOK): self.decline,
            Way("GET", "/desk/log", Right.AUDIT): self.log,
            Way("GET", "/desk/log.csv", Right.AUDIT): self.as_csv,
            Way("GET", "/desk/log.json", Right.AUDIT): self.as_json,
        }

    async def act(self, request: Request, visitor: Visitor | None) -> Response:
        """Do one thing of those that a page may ask for."""
        fields = await once_of(request)
        kind, subject, reason = fields.pop("kind", ""), fields.pop("subject", ""), fields.pop("reason", "")
        back = fields.pop("back", "")
        if kind not in ACTS or ACTS[kind].work is nothing or kind == "invite":
            raise Denied(Why.FORM)
        members: dict[str, Any] = {name: value.strip() for name, value in fields.items() if value.strip()}
        if kind == "say" and "value" in members:
            members["value"] = _meant(members["value"])
        who = actor_of(visitor)
        return await self._go(
            request, visitor, back, lambda: self.acts.do(who, kind, subject.strip(), reason.strip(), **members)
        )

    async def undo(self, request: Request, visitor: Visitor | None) -> Response:
        """Undo an act by its number."""
        fields = await once_of(request)
        if not fields.get("n", "").isascii() or not fields.get("n", "").isdigit() or len(fields["n"]) > 15:
            raise Denied(Why.FORM)
        who, n = actor_of(visitor), int(fields["n"])
        return await self._go(
            request, visitor, fields.get("back", ""), lambda: self.acts.undo(who, n, fields.get("reason", "").strip())
        )

    async def approve(self, request: Request, visitor: Visitor | None) -> Response:
        """Do what somebody else asked for."""
        fields = await once_of(request)
        who = actor_of(visitor)
        return await self._go(request, visitor, "/desk", lambda: self.acts.approve(who, fields.get("ticket", "")))

    async def decline(self, request: Request, visitor: Visitor | None) -> Response:
        """Leave undone what somebody asked for."""
        fields = await once_of(request)
        who = actor_of(visitor)

        async def declined() -> Done:
            await self.acts.decline(who, fields.get("ticket", ""), fields.get("reason", "").strip())
            return Done(0, {})

        return await self._go(request, visitor, "/desk", declined)

    async def _go(
        self, request: Request, visitor: Visitor | None, back: str, work: Callable[[], Awaitable[Done]]
    ) -> Response:
        """Do it and go back to the page, which says so and offers to undo it; what cannot be is a sentence."""
        path = back if back.startswith("/desk") and "\\" not in back and not back.startswith("/desk/sign") else "/desk"
        try:
            done = await work()
        except (CannotAct, Refusal, Fenced, Conflict) as error:
            return self.rim.cannot(request, visitor, error, path)
        mark = "waits" if done.waits else f"done={done.n}" if done.n else "done"
        return self.rim.go(f"{path}{'&' if '?' in path else '?'}{mark}")

    async def log(self, request: Request, visitor: Visitor | None) -> Response:
        """Who did what, newest first."""
        wanted = _wanted(request, LOG_LINES)
        lines = await self.acts.journal.lines(wanted)
        asked = {name: request.query_params.get(name, "")[:200] for name in _FILTERS}
        given = {name: value for name, value in asked.items() if value}
        older = query(request, **given, before=str(lines[-1].n)) if len(lines) == LOG_LINES else ""
        return self.rim.show(
            request,
            "log.html",
            visitor,
            acts=[shown(line) for line in lines],
            asked=asked,
            kinds={kind: KINDS.get(kind, kind) for kind in ACTS},
            outcomes=OUTCOMES,
            older=older,
            exported=query(request, **given),
            size=await self.acts.journal.size(),
            lost=await self.acts.loss(),
            **await done_of(request, self.acts),
        )

    async def as_csv(self, request: Request, visitor: Visitor | None) -> Response:
        """The same as a table."""
        out = io.StringIO()
        table = csv.writer(out)
        table.writerow(_COLUMNS)
        for line in await self.acts.journal.lines(_wanted(request, EXPORTED)):
            value = facts(line)
            table.writerow([in_cell(value[name]) for name in _COLUMNS])
        return _file(out.getvalue().encode(), "text/csv; charset=utf-8", "acts.csv")

    async def as_json(self, request: Request, visitor: Visitor | None) -> Response:
        """The same for a program."""
        lines = await self.acts.journal.lines(_wanted(request, EXPORTED))
        return _file(orjson.dumps([facts(line) for line in lines]), "application/json", "acts.json")


def actor_of(visitor: Visitor | None) -> Actor:
    """Who acts on a page."""
    if visitor is None:
        raise Denied(Why.SIGNED_OUT)
    return Actor(visitor.account.name, visitor.account.role, visitor.fresh, By.PAGE)


async def noted(
    acts: Acts | None, visitor: Visitor | None, kind: str, work: Callable[[], Awaitable[str]], **members: Any
) -> None:
    """Do what people do to their own account, or to another's (`account`), with a line in the audit log: `work` gives
    its sentence. Raises as `Acts.do`."""
    who = actor_of(visitor)

    async def brought() -> Result:
        return Result({}, await work())

    account = members.pop("account", who.name)
    if acts is None:
        await brought()
    else:
        await acts.carry_out(who, kind, account, "", brought, **members)


async def done_of(request: Request, acts: Acts) -> dict[str, Any]:
    """What to say at the top of a page after an act: {"done": the act or None, "waits": whether it waits}."""
    n = request.query_params.get("done", "")
    line = await acts.journal.line(int(n)) if n.isascii() and n.isdigit() and len(n) < 16 else None
    return {"done": shown(line) if line is not None else None, "waits": "waits" in request.query_params}


def shown(line: Line) -> dict[str, Any]:
    """A line for a template: codes beside their words."""
    return {
        **facts(line),
        "label": KINDS.get(line.kind, line.kind),
        "ended": OUTCOMES.get(line.outcome, line.outcome),
        "way": WAYS.get(line.by, line.by),
        "moment": identifiers.from_instant(line.at),
        "undoable": line.outcome == "done" and not line.undone_by and line.words is not None and bool(line.words.undo),
        "link": link_of(line.subject.partition(" ")[0]),
    }


def link_of(subject: str) -> str:
    """The page of the desk about a node or a record; "" for anything else."""
    node, _, record = subject.partition("/")
    if identifiers.node(node):
        return ""
    return f"/desk/record?of={subject}" if record and identifiers.uuid(record) is None else f"/desk/node?of={node}"


def facts(line: Line) -> dict[str, Any]:
    """A line for a program."""
    words = line.words
    return {
        **{name: getattr(line, name) for name in _COLUMNS[:10]},
        "erased": words is None,
        "reason": words.reason if words else "",
        "sentence": words.sentence if words else "",
        "members": dict(words.members) if words else {},
    }


def in_cell(value: object) -> str:
    """As a cell that no program of tables takes for a formula."""
    text = str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _wanted(request: Request, most: int) -> Wanted:
    asked = {name: request.query_params.get(name, "").strip()[:200] for name in _FILTERS}
    before = request.query_params.get("before", "")
    return Wanted(
        who=asked["who"],
        kinds=(asked["kind"],) if asked["kind"] else (),
        subject=asked["subject"],
        outcome=asked["outcome"],
        since=asked["since"],
        until=asked["until"],
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 16 else 0,
        most=most,
    )


def _meant(text: str) -> Any:
    """What somebody typed for the value of a member: JSON, or else words."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _file(content: bytes, media_type: str, name: str) -> Response:
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
