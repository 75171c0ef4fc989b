"""Report a mistake in an entry: a form for everybody, which works without scripts.

What comes goes to the node that wrote the record, sealed, and to the hub's own people; `reports/taking.py`. How to
answer is kept only of who ticks that they want it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from jisr_hub.mailbox.carrying import TooMany
from jisr_hub.ports.directory import Listed
from jisr_hub.reports.taking import KEPT_DAYS, REPLY_CHARACTERS, WORDS_CHARACTERS, Full, Reports, Said, clean
from jisr_hub.web.api import body
from jisr_hub.web.page import SECURITY_HEADERS, query
from jisr_protocol.pages.language import N_, Language

from .beside import Beside, name_of, place_of

FORM_BYTES = 32 * 1024
NO_MORE = N_("No more reports are taken for now. Nothing was kept. Try again in an hour.")
WHAT: Mapping[str, str] = MappingProxyType(
    {
        "closed": N_("It does not exist any more"),
        "contact": N_("The contact is wrong"),
        "place": N_("The place is wrong"),
        "hours": N_("The hours are wrong"),
        "cost": N_("The cost or the conditions are wrong"),
        "language": N_("A language or a translation is wrong"),
        "twice": N_("It stands here twice"),
        "harm": N_("It could harm somebody"),
        "other": N_("Something else"),
    }
)


def routes(beside: Beside, reports: Reports) -> list[BaseRoute]:
    """The form, and where it goes."""
    pages = _Pages(beside, reports)
    return [*beside.routes("report", pages.form), *beside.routes("report", pages.take, ("POST",))]


@dataclass(frozen=True)
class _Pages:
    beside: Beside
    reports: Reports

    async def form(self, request: Request) -> Response:
        """Ask what is wrong."""
        listed = await self.beside.listed(request)
        if listed is None:
            return self.beside.gone(request)
        return await self._show(request, listed, said=request.query_params.get("said") == "taken")

    async def take(self, request: Request) -> Response:
        """Take what somebody says. A mistake in the form loses nothing of it."""
        listed = await self.beside.listed(request)
        if listed is None:
            return self.beside.gone(request)
        fields = await fields_of(request)
        words, reply = (
            clean(fields.get("words", ""), WORDS_CHARACTERS),
            clean(fields.get("reply", ""), REPLY_CHARACTERS),
        )
        fault = _fault(fields, words, reply)
        if not fault:
            fault = await self._taken(request, listed, fields["what"], words, reply)
        if fault:
            fields |= {"words": words, "reply": reply}
            return await self._show(request, listed, 422, fault=fault, fields=fields)
        return RedirectResponse(f"{place_of(listed)}/report{query(request, said='taken')}", 303, dict(SECURITY_HEADERS))

    async def _taken(self, request: Request, listed: Listed, what: str, words: str, reply: str) -> str:
        """Keep it; a sentence when that cannot be."""
        language = self.beside.language(request)
        said = Said((listed.node, listed.id), what, words, reply.replace("\n", " "), language.code)
        address = request.client.host if request.client is not None else ""
        no_reply = language.gettext("Nobody left a way to answer.")
        try:
            await self.reports.take(said, _letter(listed, said, language), no_reply, address)
        except (TooMany, Full):
            return NO_MORE
        return ""

    async def _show(
        self,
        request: Request,
        listed: Listed,
        status: int = 200,
        *,
        fault: str = "",
        said: bool = False,
        fields: Mapping[str, str] | None = None,
    ) -> Response:
        language = self.beside.language(request)
        answer = await self.beside.show(
            request,
            "report.html",
            listed,
            status,
            whats=[(code, language.gettext(words)) for code, words in WHAT.items()],
            fault=fault,
            said=said,
            fields=dict.fromkeys(("what", "words", "reply", "agreed"), "") | dict(fields or {}),
            most=WORDS_CHARACTERS,
            days=KEPT_DAYS,
        )
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["X-Robots-Tag"] = "noindex"
        return answer


def _fault(fields: Mapping[str, str], words: str, reply: str) -> str:
    if fields.get("what") not in WHAT:
        return N_("Choose what is wrong. Nothing was sent yet.")
    if fields["what"] in ("other", "harm") and not words:
        return N_("Say in a few words what is wrong. Nothing was sent yet.")
    if reply and not fields.get("agreed"):
        return N_("Tick that you agree, or leave the way to answer empty. Nothing was sent yet.")
    return ""


def _letter(listed: Listed, said: Said, language: Language) -> str:
    """What the author reads: what is wrong in which record, and the words."""
    _ = language.gettext
    reported = _("Somebody reports a mistake")
    head = f"{reported}{language.colon}{name_of(listed, language).value}"
    return clean("\n".join(filter(None, (head, _(WHAT[said.what]), said.words))), WORDS_CHARACTERS + 1000)


async def fields_of(request: Request) -> dict[str, str]:
    """The fields of a form; none for what is no form."""
    try:
        return dict(parse_qsl((await body(request, FORM_BYTES)).decode(), max_num_fields=16))
    except ValueError:
        return {}
