"""Terms that wait: those of nodes' own that nobody has mapped, how many records bear them, and what they may mean."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol import core_terms, identifiers

from ...curation.terms import Concept, Mapped
from ...curation.unmapped import Tally, Unmapped, suggested
from ...desk.door import Visitor
from ...desk.roles import Right
from ...ports import Clock
from ..page import reader_language
from .rim import Endpoint, Rim, Way, may

SHOWN = 200


class Values(Protocol):
    """Every live public record, and what changes when they do."""

    def values(self) -> AsyncIterator[Mapping[str, Any]]: ...

    async def stand(self) -> tuple[str, int]: ...


class Terms:
    """The endpoint behind the rim. Counting reads every record, so it is done once for each state of the log."""

    def __init__(
        self,
        rim: Rim,
        records: Values,
        mappings: Callable[[str], Awaitable[Mapping[Concept, Mapped]]],
        clock: Clock,
        default_language: str,
    ) -> None:
        self.rim, self._records, self._mappings, self._clock = rim, records, mappings, clock
        self._default = default_language
        self._counted: tuple[object, list[Unmapped]] = (None, [])

    def ways(self) -> dict[Way, Endpoint]:
        """Everybody looks; mapping is an act."""
        return {Way("GET", "/desk/terms", Right.LOOK): self.terms}

    async def terms(self, request: Request, visitor: Visitor | None) -> Response:
        """What waits, the most used first, and what was mapped."""
        language = reader_language(request, self._default)
        mapped = await self._mappings(identifiers.to_instant(self._clock())[:10])
        waiting = await self._waiting(mapped)
        rows = [
            {
                "term": "/".join(one.concept),
                "labels": sorted(one.labels.items()),
                "records": one.records,
                "nodes": len(one.nodes),
                "suggested": ["/".join(concept) for concept in suggested(one)],
            }
            for one in waiting[:SHOWN]
        ]
        return self.rim.show(
            request,
            "terms.html",
            visitor,
            rows=rows,
            more=len(waiting) - len(rows),
            mapped=[("/".join(own), "/".join(one.to), one.match) for own, one in mapped.items()],
            core=[("/".join(one), core_terms.label(*one, language.code)) for one in core_terms.labels()],
            may_map=may(visitor, Right.CURATE),
        )

    async def _waiting(self, mapped: Mapping[Concept, Mapped]) -> list[Unmapped]:
        stand = (await self._records.stand(), frozenset(mapped))
        if self._counted[0] != stand:
            tally = Tally(mapped)
            async for value in self._records.values():
                tally.take(value)
            self._counted = (stand, tally.result())
        return self._counted[1]
