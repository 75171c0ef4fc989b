"""The recovery sheet: on paper before anything else, and two of its words typed from there. Then the form of the first
service is open."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ... import recovery_words
from ...app import Node
from ...app.office import Stage
from .rim import once_of
from .room import Endpoint, Room, Visit, Way
from .writing import begun


class Keep(Room):
    """Showing the sheet, and asking for two words of it."""

    def ways(self) -> dict[Way, Endpoint]:
        return {
            Way("GET", "/recovery", Stage.SHEET, script=True): self.sheet,
            Way("GET", "/recovery/words", Stage.SHEET): self.ask,
            Way("POST", "/recovery/words", Stage.SHEET): self.check,
        }

    async def sheet(self, request: Request, visit: Visit) -> Response:
        text = await visit.office.sheet()
        if text is None:
            return await self._kept(visit)
        seed = Node.recovery_seed(text)
        name, node = await visit.office.ask(lambda node: (node.settings.name, node.id))
        letters = text.split("Recovery key:\n\n", 1)[1].split("\n\n", 1)[0].split("\n")
        return self.rim.show(
            request,
            "recovery.html",
            visit,
            name=name,
            node=node,
            words=recovery_words.words_of(seed),
            letters=[line.strip() for line in letters],
            today=visit.language.date(visit.office.now()),
        )

    async def ask(self, request: Request, visit: Visit) -> Response:
        return await self._asked(request, visit)

    async def check(self, request: Request, visit: Visit) -> Response:
        fields = await once_of(request)
        text = await visit.office.sheet()
        if text is None:
            return await self._kept(visit)
        words = recovery_words.words_of(Node.recovery_seed(text))
        wanted = await self._wanted(visit)
        said = [fields.get(f"word{place}", "").strip().lower() for place in ("1", "2")]
        if said != [words[number - 1] for number in wanted]:
            return await self._asked(request, visit, wrong=True)
        return await self._kept(visit)

    async def _kept(self, visit: Visit) -> Response:
        await visit.office.keep_sheet()
        return self.rim.go(await begun(visit, "service", visit.language.code))

    async def _asked(self, request: Request, visit: Visit, *, wrong: bool = False) -> Response:
        first, second = await self._wanted(visit)
        status = 422 if wrong else 200
        return self.rim.show(request, "recovery_words.html", visit, status, first=first, second=second, wrong=wrong)

    async def _wanted(self, visit: Visit) -> tuple[int, int]:
        return recovery_words.asked(await visit.office.ask(lambda node: node.id))
