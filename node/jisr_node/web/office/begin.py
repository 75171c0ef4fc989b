"""Five questions before there is a node. What was answered is kept at once; nothing is public by answering."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol.pages.language import N_, Language

from ...app.office import Stage
from ...first_answers import Answers
from .rim import once_of
from .room import Endpoint, Room, Visit, Way

FAULTS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("name", "missing"): N_("Write the name of your organization."),
        ("name", "long"): N_("This name is too long. At most 300 letters."),
        ("country", "missing"): N_("Choose a country."),
        ("purpose", "missing"): N_("Write in a sentence what your organization does, and where."),
        ("purpose", "long"): N_("This text is too long. At most 5000 letters."),
        ("contact", "missing"): N_("Write a mail address or a telephone number that belongs to a role."),
        ("contact", "form"): N_(
            "Expected a mail address such as info@house.example, or a number that begins with + and the country's code."
        ),
        ("hub", "form"): N_(
            "Expected the whole invitation, or the address of a hub such as hub.example. You can leave this empty."
        ),
    }
)
NEAR = ("MA", "NL", "BE", "FR", "ES", "DK", "BI", "TR")
"""Countries that come first in the list: where Jisr's partners are."""


class Begin(Room):
    """The five questions."""

    def ways(self) -> dict[Way, Endpoint]:
        return {
            Way("GET", "/begin", Stage.NOTHING, script=True): self.ask,
            Way("POST", "/begin", Stage.NOTHING, script=True): self.take,
            Way("POST", "/begin/keep", Stage.NOTHING): self.keep,
        }

    async def ask(self, request: Request, visit: Visit) -> Response:
        answers = await visit.office.answers()
        if not answers.country and (link := request.query_params.get("invitation")):
            answers = Answers(hub=link[:500])
        return self._shown(request, visit, answers, {}, 200)

    async def take(self, request: Request, visit: Visit) -> Response:
        answers = Answers.of(await once_of(request), visit.language.code)
        await visit.office.hold(answers)
        if faults := answers.faults():
            return self._shown(request, visit, answers, faults, 422)
        await visit.office.begin()
        return self.rim.go("/recovery")

    async def keep(self, request: Request, visit: Visit) -> Response:
        """What the small script sends while somebody writes."""
        await visit.office.hold(Answers.of(await once_of(request), visit.language.code))
        return Response(status_code=204)

    def _shown(
        self, request: Request, visit: Visit, answers: Answers, faults: Mapping[str, str], status: int
    ) -> Response:
        said = {name: FAULTS[name, code] for name, code in faults.items()}
        return self.rim.show(
            request, "begin.html", visit, status, answers=answers, faults=said, countries=countries(visit.language)
        )


def countries(language: Language) -> list[tuple[str, str]]:
    """Every country by its code and its name in this language, the near ones first, then in order of their names."""
    from jisr_protocol.pages.countries import names

    named = names(language.code)
    rest = sorted((code for code in named if code not in NEAR), key=lambda code: named[code])
    return [(code, named[code]) for code in (*NEAR, *rest)]
