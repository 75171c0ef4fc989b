"""Pages that links in letters lead to: to get no more letters, and to say whether a record is still correct.

A link's word is all it takes, so these pages know no cookies and no accounts. Looking changes nothing: mail programs
look at links by themselves. The button does it; for ending letters also the one click of a mail program (RFC 8058).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jisr_protocol import identifiers
from jisr_protocol.pages.language import N_, Language
from jisr_protocol.pages.text import choose
from jisr_protocol.pages.vocabulary import kind_word

from ..desk.quality import Live
from ..mail import links
from ..mail.campaigns import CHANGED, CORRECT, GONE, NOTE_CHARACTERS, Campaigns
from ..mail.letters import Link, Postbox
from ..ports import Clock, Key
from .api import body
from .facts import facts_of
from .page import page, reader_language

FORM_BYTES = 8 * 1024
ANSWERS: Mapping[str, str] = MappingProxyType(
    {CORRECT: N_("Still correct"), CHANGED: N_("Something changed"), GONE: N_("It does not exist any more")}
)
THANKS: Mapping[str, str] = MappingProxyType(
    {
        CORRECT: N_("Thank you. The hub now says that it was confirmed today."),
        CHANGED: N_("Thank you. Please change it at your node; people at the hub know of it too."),
        GONE: N_("Thank you. People at the hub look at it; at your node you can end it."),
    }
)


@dataclass(frozen=True)
class Answers:
    """What the pages work with. `record` gives a live record, None when it is not shown; `assure` has the hub say that
    a record was confirmed by mail."""

    box: Postbox
    campaigns: Campaigns
    record: Callable[[str, str], Awaitable[Live | None]]
    assure: Callable[[Key], Awaitable[None]]
    clock: Clock


def routes(answers: Answers, default_language: str) -> list[Route]:
    """Every page of letters."""
    pages = _Pages(answers, default_language)
    return [
        Route("/letters/stop/{word}", pages.stop_page, methods=["GET"]),
        Route("/letters/stop/{word}", pages.stop, methods=["POST"]),
        Route("/letters/still/{word}", pages.still_page, methods=["GET"]),
        Route("/letters/still/{word}", pages.still, methods=["POST"]),
    ]


class _Pages:
    def __init__(self, answers: Answers, default_language: str) -> None:
        self._a, self._default = answers, default_language

    async def stop_page(self, request: Request) -> Response:
        """Ask with a button."""
        link = await self._link(request, links.STOP)
        return self._show(request, "stop.html", 200 if link else 404, known=link is not None, ended=False)

    async def stop(self, request: Request) -> Response:
        """End all letters to this address; again is harmless."""
        link = await self._link(request, links.STOP)
        if link is None:
            return self._show(request, "stop.html", 404, known=False, ended=False)
        await self._a.box.end(link.address, identifiers.to_instant(self._a.clock()))
        return self._show(request, "stop.html", 200, known=True, ended=True)

    async def still_page(self, request: Request) -> Response:
        """What the record says, and three buttons."""
        return await self._still(request, "")

    async def still(self, request: Request) -> Response:
        """Take an answer."""
        answer, note = await _answer(request)
        link = await self._link(request, links.STILL)
        if link is None or answer not in ANSWERS:
            return await self._still(request, "")
        key = (str(link.about["node"]), str(link.about["id"]))
        record = await self._a.record(*key)
        at = identifiers.to_instant(self._a.clock())
        before = await self._a.campaigns.answer(str(link.about["campaign"]), key, answer, note, at)
        if before is not None and before != answer == CORRECT and record is not None:
            await self._a.assure(key)
        return await self._still(request, "again" if before is None else answer)

    async def _still(self, request: Request, said: str) -> Response:
        link = await self._link(request, links.STILL)
        record = None
        if link is not None:
            record = await self._a.record(str(link.about["node"]), str(link.about["id"]))
        language = reader_language(request, self._default)
        thanks = language.gettext(THANKS[said]) if said in THANKS else ""
        return self._show(
            request,
            "still.html",
            200 if link else 404,
            known=link is not None,
            said=said,
            thanks=thanks,
            answers=[(code, language.gettext(words)) for code, words in ANSWERS.items()],
            **_shown(record, language),
        )

    async def _link(self, request: Request, purpose: str) -> Link | None:
        now = int(self._a.clock().timestamp())
        return await links.find(self._a.box, purpose, request.path_params["word"], now)

    def _show(self, request: Request, template: str, status: int, **context: object) -> Response:
        language = reader_language(request, self._default)
        response = page(request, language, f"letters/{template}", status, **context)
        # the word in the address must not go on to anybody, nor stay in a cache
        response.headers.update({"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"})
        response.headers["X-Robots-Tag"] = "noindex"
        return response


def _shown(record: Live | None, language: Language) -> dict[str, object]:
    if record is None:
        return {"title": None, "kind": "", "facts": []}
    value = record.value
    title = choose(value.get("name") or value.get("title"), language.code, value.get("lang", ""))
    facts = facts_of(value, language, {}, "")
    return {"title": title, "kind": kind_word(str(value["type"]), language), "facts": facts}


async def _answer(request: Request) -> tuple[str, str]:
    """The answer and the note of a form; "" for what is none."""
    try:
        fields = dict(parse_qsl((await body(request, FORM_BYTES)).decode(), max_num_fields=8))
    except ValueError:
        return "", ""
    note = "".join(c for c in fields.get("note", "") if c.isprintable() or c == "\n")
    return fields.get("answer", ""), note.strip()[:NOTE_CHARACTERS]
