"""The desk's pages of sources: all of them as small lines of health, and one by one with what it brought, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol import identifiers
from jisr_protocol.pages.language import Language
from jisr_protocol.pages.text import Text, choose
from jisr_protocol.problems import PROBLEMS

from ...desk.acts import Actor, Acts, By
from ...desk.bench import CannotAct
from ...desk.door import Visitor
from ...desk.roles import Right
from ...desk.sources import Cause, Direction, Problem, Source, Sources, listed
from ...desk.works.sources import overdue
from ...ports import Clock
from ...ports.history import Round
from ...ports.history import Way as Direct
from ..page import reader_language
from .rim import Endpoint, Rim, Way, form_of, may
from .source_words import CAUSES, OUTCOMES, STAGES

NAMES_SHOWN = 200
"""Records on one page of names; the next page goes on."""
LIST, ACT = "/desk/sources", "/desk/sources/act"
DID = ("added", "changed", "gone")
ACTS = frozenset(
    {"source_stop", "source_resume", "source_retry", "source_look", "brake_release", "brake_keep", "brake_ask", "hear"}
)


@dataclass(frozen=True)
class Listed:
    """A record by name on a page: what it is called now, and what it was called before where that is another name."""

    words: Text | None
    before: Text | None
    id: str


@dataclass(frozen=True)
class Watching:
    """What the pages of sources work with."""

    sources: Sources
    acts: Acts
    clock: Clock


class SourcePages:
    """Each method is an endpoint behind the rim."""

    def __init__(self, rim: Rim, watching: Watching, default_language: str) -> None:
        self._rim, self._default = rim, default_language
        self._sources, self._acts, self._clock = watching.sources, watching.acts, watching.clock

    def ways(self) -> dict[Way, Endpoint]:
        """Looking is for everybody who is signed in; deciding for who looks after other hubs."""
        return {
            Way("GET", LIST, Right.LOOK): self.sources,
            Way("GET", "/desk/peers", Right.LOOK): self.peers,
            Way("GET", "/desk/sources/{source}", Right.LOOK): self.source,
            Way("GET", "/desk/sources/{source}/names", Right.LOOK): self.names,
            Way("GET", "/desk/sources/{source}/gone.jsonl", Right.LOOK): self.gone,
            Way("POST", ACT, Right.PEERS): self.act,
        }

    async def sources(self, request: Request, visitor: Visitor | None) -> Response:
        """Every source as a small line of health, the one that needs somebody most first."""
        found = await listed(self._sources, self._clock())
        return self._show(request, "sources.html", visitor, sources=found, peers_only=False)

    async def peers(self, request: Request, visitor: Visitor | None) -> Response:
        """The same of other hubs alone."""
        found = [one for one in await listed(self._sources, self._clock()) if one.is_hub]
        return self._show(request, "sources.html", visitor, sources=found, peers_only=True)

    async def source(
        self, request: Request, visitor: Visitor | None, refused: CannotAct | None = None, status: int = 200
    ) -> Response:
        """One source: how it is in each direction, its last round, what was not taken, what waits for a decision."""
        found = await self._find(request.path_params.get("source", ""))
        if found is None:
            return self._show(request, "source_none.html", visitor, 404)
        language = reader_language(request, self._default)
        rounds = await self._sources.rounds(found.id, limit=50)
        last = next((one for one in rounds if one.way != Direct.BACK), None)
        record = None if found.is_hub else await self._sources.contact(found.id)
        causes = await self._sources.causes(found.id)
        braked = [listed_record(one, language) for one in await self._sources.braked(found.id)] if found.brake else []
        sentence = language.gettext(refused.sentence) % refused.values if refused is not None else ""
        late = (await overdue(self._acts.bench)).get(found.id, []) if found.is_hub else []
        return self._show(
            request, "source.html", visitor, status,
            overdue=[(one.said.notice, identifiers.from_instant(one.handled.at)) for one in late],
            source=found, rounds=rounds, last=last, sentence=sentence, braked=braked,
            contact=contact_of(record), causes=[(one, cause_said(one, language)) for one in causes],
            problem_words=lambda problem: problem_words(problem, language),
            alarm_names=[(one, await self._some(one, language)) for one in found.alarms],
        )  # fmt: skip

    async def names(self, request: Request, visitor: Visitor | None) -> Response:
        """What a round added, changed or ended, by name."""
        found, one = await self._find(request.path_params["source"]), await self._round(request)
        did = request.query_params.get("did", "")
        if found is None or one is None or did not in DID:
            return self._show(request, "source_none.html", visitor, 404)
        language = reader_language(request, self._default)
        first = max(one.first, _number(request.query_params.get("from", "")))
        rows: list[Listed] = []
        following = -1
        async for moved in self._sources.moved(one.source, one.way, first, one.next, did):
            if len(rows) == NAMES_SHOWN:
                following = moved.seq
                break
            rows.append(named(moved.before, moved.after, moved.id, language))
        return self._show(request, "source_names.html", visitor, source=found, round=one, did=did, rows=rows,
                          following=following)  # fmt: skip

    async def gone(self, request: Request, visitor: Visitor | None) -> Response:
        """The last versions of what a round ended, as drafts a line: its publisher can take them in again."""
        one = await self._round(request)
        if one is None:
            return self._show(request, "source_none.html", visitor, 404)
        lines = [
            orjson.dumps(moved.before)
            async for moved in self._sources.moved(one.source, one.way, one.first, one.next, "gone")
            if moved.before
        ]
        headers = {"Content-Disposition": 'attachment; filename="gone.jsonl"'}
        return Response(b"".join(line + b"\n" for line in lines), media_type="application/x-ndjson", headers=headers)

    async def act(self, request: Request, visitor: Visitor | None) -> Response:
        """Do what a form asks; the one layer of acts checks and signs it."""
        kind, subject, more = await form_of(request, "act", "source", "more")
        if visitor is None or kind not in ACTS or identifiers.node(subject):
            return self._show(request, "source_none.html", visitor, 404)
        actor = Actor(visitor.account.name, visitor.account.role, visitor.fresh, By.PAGE)
        members = dict(zip(("way", "began", "by"), more.split(" "), strict=False)) if kind == "source_look" else {}
        members |= {"decision": more} if kind == "hear" else {}
        try:
            await self._acts.do(actor, kind, subject, **members)
        except CannotAct as refused:
            request.scope["path_params"] = {"source": subject}
            return await self.source(request, visitor, refused, 409)
        return self._rim.go(f"{LIST}/{subject}")

    async def _find(self, source: str) -> Source | None:
        return next((one for one in await listed(self._sources, self._clock()) if one.id == source), None)

    async def _round(self, request: Request) -> Round | None:
        asked = [request.query_params.get(name, "") for name in ("way", "began", "by")]
        return await self._sources.round((request.path_params["source"], asked[0], asked[1], asked[2]))

    async def _some(self, one: Round, language: Language) -> list[Listed]:
        """The first names of what an alarm is about."""
        did = "changed" if one.alarm == "renamed" else "gone"
        rows = []
        async for moved in self._sources.moved(one.source, one.way, one.first, one.next, did):
            if did == "changed" and not moved.has_another_name:
                continue
            rows.append(named(moved.before, moved.after, moved.id, language))
            if len(rows) == 10:
                break
        return rows

    def _show(
        self, request: Request, template: str, visitor: Visitor | None, status: int = 200, **context: Any
    ) -> Response:
        words = {"outcomes": OUTCOMES, "stages": STAGES, "instant": _instant, "ratio": ratio}
        return self._rim.show(request, template, visitor, status, may_act=may(visitor, Right.PEERS), **words, **context)


def ratio(direction: Direction) -> int:
    """How many of a hundred rounds of 30 days ended well; 100 where none has been."""
    well, failed = sum(day.well for day in direction.days), sum(day.failed for day in direction.days)
    return round(100 * well / (well + failed)) if well + failed else 100


def listed_record(record: Mapping[str, Any], language: Language) -> Listed:
    return Listed(_name(record, language), None, str(record.get("id", "")))


def named(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, id: str, language: Language) -> Listed:
    """A record by its name after a round, and by the one before where that was another."""
    old, new = _name(before, language), _name(after, language)
    if after is None:
        return Listed(old, None, id)
    return Listed(new, old if old != new and before is not None else None, id)


def _name(record: Mapping[str, Any] | None, language: Language) -> Text | None:
    if not record:
        return None
    return choose(record.get("name") or record.get("title"), language.code, record.get("lang"))


def contact_of(record: Mapping[str, Any] | None) -> Sequence[str]:
    """The ways to reach an organization that its own record tells in public."""
    found: list[str] = []
    for one in islice((record or {}).get("contacts") or (), 5):
        if isinstance(one, Mapping):
            found += [str(one[way]) for way in ("email", "phone", "website") if isinstance(one.get(way), str)]
    return found


def cause_said(cause: Cause, language: Language) -> str:
    """Why entries were not taken, as a sentence in the reader's language."""
    return language.gettext(CAUSES.get(cause.code) or PROBLEMS[cause.code].title)


def problem_words(problem: Problem, language: Language) -> tuple[Text | None, Text | None]:
    """What the newer version is called, and the one that is shown meanwhile."""
    return _name(problem.record, language), _name(problem.shown, language)


def _instant(text: str) -> datetime | None:
    return identifiers.from_instant(text) if text else None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1
