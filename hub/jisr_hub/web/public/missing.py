"""Say what is missing: a form for who searched and found nothing, which works without scripts.

    /directory/missing?q=…&near=…   what was asked for stands in the form, in words, to be changed

It goes to the hub's own people (`reports/taking.py`). Nobody is asked who they are or how to answer them.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from jisr_hub.mailbox.carrying import TooMany
from jisr_hub.reports.taking import KEPT_DAYS, WORDS_CHARACTERS, Full, Reports, clean
from jisr_hub.web.language import load_languages
from jisr_hub.web.page import SECURITY_HEADERS, page, query
from jisr_protocol.pages.language import N_, Language

from .asked import Asked
from .beside import Beside
from .facets import Words
from .report import NO_MORE, fields_of
from .results import MISSING


def routes(beside: Beside, reports: Reports) -> list[BaseRoute]:
    """The form, and where it goes. They stand before the pages of entries, whose addresses are wider."""
    pages = _Pages(beside, reports)
    return [Route(MISSING, pages.form), Route(MISSING, pages.take, methods=["POST"])]


@dataclass(frozen=True)
class _Pages:
    beside: Beside
    reports: Reports

    async def form(self, request: Request) -> Response:
        """Ask what is missing."""
        language = self.beside.language(request)
        said = request.query_params.get("said") == "taken"
        return await self._show(request, words=_asked_for(request, language), said=said)

    async def take(self, request: Request) -> Response:
        """Take what somebody says. A mistake in the form loses nothing of it."""
        words = clean((await fields_of(request)).get("words", ""), WORDS_CHARACTERS)
        if not words:
            return await self._show(request, 422, fault=N_("Say in a few words what is missing. Nothing was sent yet."))
        address = request.client.host if request.client is not None else ""
        try:
            await self.reports.miss(words, self.beside.language(request).code, address)
        except (TooMany, Full):
            return await self._show(request, 422, words=words, fault=NO_MORE)
        return RedirectResponse(MISSING + query(request, said="taken"), 303, dict(SECURITY_HEADERS))

    async def _show(
        self, request: Request, status: int = 200, *, words: str = "", fault: str = "", said: bool = False
    ) -> Response:
        asked = Asked.of(request)
        answer = page(
            request,
            self.beside.language(request),
            "public/missing.html",
            status,
            hub_name=(await self.beside.directory.summary()).hub_name,
            back=asked.address(),
            switch={code: asked.at(MISSING, lang=code) for code in load_languages()},
            words=words,
            fault=fault,
            said=said,
            most=WORDS_CHARACTERS,
            days=KEPT_DAYS,
        )
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["X-Robots-Tag"] = "noindex"
        return answer


def _asked_for(request: Request, language: Language) -> str:
    """What the search asked for, a line each."""
    chips = Words(language, {}).chips(Asked.of(request))
    lines = [f"{one.label}{language.colon}{one.words.value}" if one.label else one.words.value for one in chips]
    return clean("\n".join(lines), WORDS_CHARACTERS)
