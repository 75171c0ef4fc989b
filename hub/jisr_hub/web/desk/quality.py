"""Quality at the desk: what is wrong and what could be better, by node and by cause, and which older versions are kept.

The sentences of findings are those of the validator (jisr_protocol.quality.words), so that people at a node and at the
hub read the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol import identifiers
from jisr_protocol.pages.language import Language
from jisr_protocol.pages.text import choose
from jisr_protocol.problems import PROBLEMS
from jisr_protocol.quality import words
from jisr_protocol.quality.criteria import ACCURACY, MET, NOT_APPLICABLE, NOT_MET, USEFULNESS
from jisr_protocol.quality.findings import Finding

from ...desk import quality
from ...desk.door import Visitor
from ...desk.quality import Judgement, LastGood, Records
from ...desk.roles import Right
from ...ports import Clock
from ..page import reader_language
from .rim import Endpoint, Rim, Way


class Quality:
    """Each method is an endpoint behind the rim."""

    def __init__(self, rim: Rim, records: Records, clock: Clock, default_language: str) -> None:
        self.rim, self._records, self._clock, self._default = rim, records, clock, default_language

    def ways(self) -> dict[Way, Endpoint]:
        """For everybody who is signed in."""
        return {Way("GET", "/desk/quality", Right.LOOK): self.quality}

    async def quality(self, request: Request, visitor: Visitor | None) -> Response:
        """All nodes; with `node` one of them, whole."""
        nodes = await self._records.nodes()
        node = request.query_params.get("node", "")
        if node not in nodes:
            counted = await self._together(request, nodes) if "all" in request.query_params else None
            return self.rim.show(request, "quality.html", visitor, nodes=nodes, counted=counted)
        language = reader_language(request, self._default)
        live, refused = await self._records.live(node), await self._records.refused(node)
        today = identifiers.to_instant(self._clock())[:10]
        judgement = await asyncio.to_thread(quality.judged, live, today)
        titles = {one.id: _title(one.value, language) for one in live}
        return self.rim.show(
            request,
            "quality_node.html",
            visitor,
            node=node,
            name=nodes[node][0],
            judgement=judgement,
            day=identifiers.from_instant(f"{today}T00:00:00Z"),
            groups=groups_of(judgement, titles, language),
            states=[words.shared(state, language.code) for state in (MET, NOT_MET, NOT_APPLICABLE)],
            sides=sides_of(judgement, language),
            kept=[kept_of(one, titles) for one in quality.kept_back(live, refused)],
        )

    async def _together(self, request: Request, nodes: Collection[str]) -> dict[str, Any]:
        """All nodes counted together, one node after the other: only when asked for, since each record is judged."""
        language = reader_language(request, self._default)
        today = identifiers.to_instant(self._clock())[:10]
        judged = [await asyncio.to_thread(quality.judged, await self._records.live(node), today) for node in nodes]
        records, must, counts = quality.together(judged)
        return {
            "records": records,
            "must": must,
            "states": [words.shared(state, language.code) for state in (MET, NOT_MET, NOT_APPLICABLE)],
            "sides": sides_of(Judgement(today, records, {}, counts), language),
        }


def groups_of(judgement: Judgement, titles: Mapping[str, Any], language: Language) -> list[dict[str, Any]]:
    """Causes in the reader's language; each with all its records."""
    found = []
    for group in judgement.groups.values():
        first = group[0][1]
        found.append(
            {
                "level": words.shared(first.level, language.code),
                "harm": first.harms,
                "must": first.level == "must fix",
                "sentence": words.sentence(first, language.code),
                "count": len(group),
                "rows": [_row(record_id, finding, first, titles, language) for record_id, finding in group],
            }
        )
    return found


def _row(
    record_id: str, finding: Finding, first: Finding, titles: Mapping[str, Any], language: Language
) -> dict[str, Any]:
    same = (finding.expected, finding.came) == (first.expected, first.came)
    sentence = "" if same else words.sentence(finding, language.code)
    return {"id": record_id, "title": titles[record_id], "pointer": finding.pointer, "sentence": sentence}


def sides_of(judgement: Judgement, language: Language) -> list[tuple[str, Sequence[dict[str, Any]]]]:
    """Accuracy and usefulness, apart, each with its criteria counted."""
    found: list[tuple[str, Sequence[dict[str, Any]]]] = []
    for side in (ACCURACY, USEFULNESS):
        rows = [
            {
                "name": words.name(one.code, language.code),
                "met": one.met,
                "not_met": one.not_met,
                "not_applicable": one.not_applicable,
            }
            for one in judgement.criteria
            if one.side == side
        ]
        found.append((words.shared(side, language.code), rows))
    return found


def kept_of(one: LastGood, titles: Mapping[str, Any]) -> dict[str, Any]:
    """An older version that is kept: since when, and why the newer was refused."""
    return {
        "id": one.id,
        "title": titles.get(one.id),
        "rev": one.live.rev if one.live is not None else 0,
        "since": identifiers.from_instant(one.live.since) if one.live is not None else None,
        "refused": one.rev,
        "said": identifiers.from_instant(one.said) if one.said else None,
        "why": PROBLEMS[one.code].title if one.code in PROBLEMS else one.code,
        "code": one.code,
        "pointer": one.pointer,
        "detail": one.detail,
    }


def _title(value: Mapping[str, Any], language: Language) -> Any:
    return choose(value.get("name") or value.get("title"), language.code, value.get("lang", ""))
