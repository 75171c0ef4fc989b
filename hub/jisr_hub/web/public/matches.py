"""Who fits whom, with the reason for each point: for a need the offers and funds, for an offer or fund the needs.

For an opportunity it is how many volunteers there are near, and only in groups of at least five.

    fitting = Fitting(surveys, rim, volunteers)
    block = await fitting.block(listed, language, kept)     for an entry's page: templates/public/matches_block.html

Nothing about a person is read here: volunteers come as coarse facts with the node that knows them (MAT-2, MAT-3).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jisr_hub.curation.merging import address
from jisr_hub.directory.matching import Match, Reason
from jisr_hub.directory.sides import FUND, NEED, OFFER, OPPORTUNITY, is_open, kind_of
from jisr_hub.directory.surveying import Surveys
from jisr_hub.ports.directory import Listed
from jisr_protocol import core_terms
from jisr_protocol.core_terms import FOCUS
from jisr_protocol.matching import Facts, facts_of, groups
from jisr_protocol.pages.language import N_, Language
from jisr_protocol.pages.text import Text, choose

from ..page import page, query
from .rim import Rim, Shown

MOST, IN_BLOCK = 20, 3
Volunteers = Callable[[], Awaitable[Iterable[tuple[str, Facts]]]]
_ENTRY = re.compile(r"[a-z2-7]{16}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HEADINGS: Mapping[str, str] = {
    NEED: N_("Who can help"),
    OFFER: N_("Who asks for this"),
    FUND: N_("Who asks for this"),
    OPPORTUNITY: N_("Volunteers near"),
}
REASONS: Mapping[str, str] = {
    "kind": N_("It is the kind of thing that is asked for."),
    "theme": N_("Both work on: %(values)s."),
    "near": N_("Both are in the same area."),
    "country": N_("The country fits: %(values)s."),
    "amount": N_("The amounts are of the same size."),
    "language": N_("They share a language: %(values)s."),
}


@dataclass(frozen=True)
class Line:
    """One that fits, in words: who, where its page is, its points, and a sentence with points for each reason."""

    title: Text
    by: Text | None
    kind: str
    address: str
    score: int
    reasons: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Block:
    """What stands on an entry's page. `volunteers` is how many there are at least, 0 when it is not told."""

    heading: str
    lines: tuple[Line, ...]
    volunteers: int = 0
    places: int = 0
    more: str = ""


Fits = Callable[[Listed, Language, str], Awaitable[Block | None]]
"""What fits an entry, for its page: Fitting.block."""


@dataclass(frozen=True)
class Fitting:
    """Finds what fits an entry, and says it in words."""

    surveys: Surveys
    rim: Rim
    volunteers: Volunteers

    def routes(self) -> list[Route]:
        """The page of all matches of an entry, and the same for programs."""
        return [Route("/matches/{entry}", self.page), Route("/v1/matches/{entry}", self.plain)]

    async def block(self, listed: Listed, language: Language, kept: str, most: int = IN_BLOCK) -> Block | None:
        """What fits an entry; None for a type that nobody matches. `kept` is the query that links keep."""
        kind = kind_of(listed.record)
        if kind not in HEADINGS:
            return None
        heading = language.gettext(HEADINGS[kind])
        if kind == OPPORTUNITY:
            told = await self._groups(listed.record)
            return Block(heading, (), sum(told.values()), len(told))
        found = (await self.surveys.now()).board.matches(listed.record, most + 1)
        lines = [line for one in found[:most] if (line := await self._line(one, language, kept)) is not None]
        more = f"/matches/{listed.entry or address((listed.node, listed.id))}{kept}" if len(found) > most else ""
        return Block(heading, tuple(lines), more=more)

    async def page(self, request: Request) -> Response:
        """All that fits an entry, with every reason."""
        language = self.rim.language(request)
        listed = await self._asked(request)
        block = await self.block(listed, language, query(request), MOST) if listed is not None else None
        if listed is None or block is None:
            _ = language.gettext
            happened, then = (
                _("Nothing is matched with this entry."),
                _("It may be over, or of a kind that is not matched."),
            )
            return page(request, language, "mistake.html", 404, happened=happened, next_step=then)
        name = choose(listed.record.get("name"), language.code, listed.record.get("lang")) or Text(listed.id)
        title = f"{block.heading} – {name.value}"
        return self.rim.answer(
            request,
            "public/matches.html",
            Shown(f"/matches/{listed.entry}", title, indexed=False, scripted=False),
            summary=await self.rim.directory.summary(),
            block=block,
            name=name,
            back=f"/directory/{listed.entry}{query(request)}",
        )

    async def plain(self, request: Request) -> Response:
        """The same for programs: keys, points and reasons."""
        listed = await self._asked(request)
        kind = kind_of(listed.record) if listed is not None else ""
        if listed is None or kind not in HEADINGS:
            return Response(b'{"matches":[]}\n', 404, {"Cache-Control": "no-store"}, "application/json")
        if kind == OPPORTUNITY:
            told = await self._groups(listed.record)
            value: dict[str, Any] = {"groups": [{"at_least": many, "node": node} for node, many in told.items()]}
        else:
            found = (await self.surveys.now()).board.matches(listed.record, MOST)
            value = {"matches": [_plain(one) for one in found]}
        return Response(orjson.dumps(value) + b"\n", 200, {"Cache-Control": "max-age=60"}, "application/json")

    async def _asked(self, request: Request) -> Listed | None:
        asked = request.path_params["entry"]
        return await self.rim.directory.entry(asked) if _ENTRY.fullmatch(asked) else None

    async def _groups(self, record: Mapping[str, Any]) -> dict[str, int]:
        """Groups of at least five for an opportunity that says what it looks for and where."""
        asked = facts_of(record)
        today = self.surveys.today
        if not asked.areas or not (asked.skills or asked.languages) or not is_open(record, today):
            return {}
        return groups(asked, await self.volunteers())

    async def _line(self, one: Match, language: Language, kept: str) -> Line | None:
        found = await self.rim.directory.record(*one.key)
        if found is None:  # it went since the survey was made
            return None
        title = choose(found.record.get("name"), language.code, found.record.get("lang")) or Text(found.id)
        by = choose(found.author_name, language.code)
        reasons = tuple((reason_sentence(reason, language), reason.weight) for reason in one.reasons)
        kind = kind_of(found.record)
        return Line(title, by, kind, f"/directory/{found.node}/{found.id}{kept}", one.score, reasons)


def reason_sentence(reason: Reason, language: Language) -> str:
    """One reason as a sentence."""
    words = [_word(reason.code, value, language) for value in reason.values if value != "*"]
    if reason.code == "country" and not words:
        return language.gettext("It is open to every country.")
    return language.gettext(REASONS[reason.code]) % {"values": language.listing(words)}


def _word(code: str, value: str, language: Language) -> str:
    if code == "theme":
        return core_terms.label(FOCUS, value, language.code)
    if code == "country":
        return language.country_name(value) or value
    return language.language_name(value) or value if code == "language" else value


def _plain(one: Match) -> dict[str, Any]:
    reasons = [{"code": each.code, "weight": each.weight, "values": each.values} for each in one.reasons]
    return {"node": one.key[0], "id": one.key[1], "score": one.score, "reasons": reasons}
